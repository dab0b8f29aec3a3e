use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};
use proptest::prelude::*;

use super::*;
use crate::report::terminal::tests::result;
use crate::result::{Evidence, ExceededLimit};

const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script><img src=x onerror=y>",
    "[text](https://example.org) ![image](https://example.org/x.png)",
    "https://example.org www.example.org me@example.org",
    "@team #1 GH-1 0123456789012345678901234567890123456789 :tada:",
    "a | b | c",
    "a \\| b \\\\| c",
    "` | ` `` ``` @team ```",
    "`",
    " `x` ",
    "\n\n# heading\n\n| a |\n|---|\n",
    "\u{1b}[31m\0\u{202e}]]>",
    "**bold** _x_ ~~y~~ $`x`$ <!-- ",
    "\\",
    "&lt;b&gt; &#64;team",
];

/// What GitHub's Markdown makes of it: the kinds of nodes, and the texts of the code spans.
fn nodes(text: &str) -> (Vec<String>, Vec<String>) {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    let arena = Arena::new();
    let (mut kinds, mut codes) = (Vec::new(), Vec::new());
    for node in parse_document(&arena, text, &options).descendants() {
        let value = &node.data.borrow().value;
        if let NodeValue::Code(code) = value {
            codes.push(code.literal.clone());
        }
        let kind = format!("{value:?}");
        kinds.push(kind.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned());
    }
    (kinds, codes)
}

fn hostile(text: &str) -> RunResult {
    let mut result = result();
    result.scenario.name = text.into();
    result.reasons = vec![text.into()];
    result.incomplete = Some(text.into());
    (result.run, result.started) = (text.into(), text.into());
    result.checks[0].name = text.into();
    result.checks[0].seen = text.into();
    result.checks[0].limit = text.into();
    result.checks[0].because = Some(text.into());
    result.findings[0].kind = text.into();
    result.findings[0].meaning = text.into();
    result.findings[0].examples[0].answer = text.into();
    result.findings[0].examples[0].detail = text.into();
    result.notes = vec![text.into()];
    result.versions = [("landfall".to_owned(), text.to_owned())].into();
    result
}

#[test]
fn one_result_is_a_verdict_a_table_and_what_did_not_pass() {
    insta::assert_snapshot!(markdown(&[Named { name: "quickstart", result: &result() }]));
}

#[test]
fn several_results_have_a_column_each() {
    let (one, mut two) = (result(), result());
    (two.run, two.verdict) = ("d4e5f6".into(), Verdict::Pass);
    (two.checks, two.reasons, two.findings) = Default::default();
    two.latency_us.p99 = 6_000;
    insta::assert_snapshot!(markdown(&[
        Named { name: "before", result: &one },
        Named { name: "after", result: &two }
    ]));
}

#[test]
fn text_from_outside_is_code_and_nothing_else() {
    let tame = {
        let (one, two) = (hostile("a"), hostile("b"));
        nodes(&markdown(&[Named { name: "a", result: &one }, Named { name: "b", result: &two }])).0
    };
    assert!(tame.iter().any(|kind| kind == "TableCell") && tame.iter().any(|kind| kind == "Code"));
    for text in HOSTILE {
        let (one, two) = (hostile(text), hostile("b"));
        let page = markdown(&[Named { name: text, result: &one }, Named { name: "b", result: &two }]);
        let (kinds, codes) = nodes(&page);
        // What is said of a text does not depend on what the text says.
        assert_eq!(kinds, tame, "{text:?}\n{page}");
        let shown = plain(text);
        let whole = codes.iter().filter(|code| code.trim() == shown.trim()).count();
        assert!(whole >= 10, "{text:?} stands {whole} times in {codes:?}\n{page}");
        assert!(!page.contains(['\0', '\u{1b}', '\u{202e}']));
    }
}

#[test]
fn a_thousand_of_everything_stay_within_the_limit() {
    let mut result = result();
    let long = "x".repeat(5_000);
    let example = Evidence { detail: long.clone(), ..Evidence::default() };
    result.findings[0].examples = vec![example; 1_000];
    result.findings[0].meaning = long.clone();
    let other = Finding { examples: Vec::new(), ..result.findings[0].clone() };
    result.findings.extend(vec![other; 999]);
    result.checks[0].seen = long.clone();
    result.checks = vec![result.checks[0].clone(); 1_000];
    result.notes = vec![long.clone(); 1_000];
    result.reasons = vec![long; 1_000];
    let one = markdown(&[Named { name: "one", result: &result }]);
    assert!(one.contains("- and 980 more") && !one.contains(LEFT_OUT) && one.len() < LIMIT, "{}", one.len());
    let many = vec![Named { name: "one", result: &result }; 40];
    let page = markdown(&many);
    assert!(page.ends_with(LEFT_OUT) && page.len() <= LIMIT, "{}", page.len());
}

/// Texts of what has a meaning in Markdown.
const TRICKY: &str = "[`|\\\\ a<>@*_\\[\\]()!~$&;#.:/\\n-]{1,14}";

proptest! {
    #[test]
    fn any_text_is_one_code_span_in_a_line_and_in_a_cell(text in TRICKY) {
        let shown = plain(&text);
        prop_assume!(!shown.trim().is_empty());
        let (kinds, codes) = nodes(&format!("- {}", code(&text)));
        prop_assert_eq!(kinds, ["Document", "List", "Item", "Paragraph", "Code"]);
        prop_assert_eq!(codes.as_slice(), std::slice::from_ref(&shown));
        let (kinds, codes) = nodes(&format!("| a | b |\n|---|---|\n| {} | c |\n", cell(&text)));
        let cells = kinds.iter().filter(|kind| *kind == "TableCell").count();
        prop_assert_eq!((cells, kinds.iter().filter(|kind| *kind == "Code").count()), (4, 1));
        // Parsers disagree whether a backslash in front of an escaped bar is shown once or twice.
        let without = |text: &str| text.replace('\\', "");
        prop_assert_eq!(without(&codes[0]), without(&shown));
    }
}

#[test]
fn times_that_are_not_to_be_relied_on_say_so_even_of_a_pass() {
    let mut result = result();
    result.verdict = Verdict::Pass;
    let limit = |only_lifts| ExceededLimit { sentence: "it waited".into(), only_lifts };
    result.generator.exceeded = vec![limit(true), limit(false)];
    let text = markdown(&[Named { name: "quickstart", result: &result }]);
    assert!(text.contains("**Times may have been shorter:** `it waited`\n"), "{text}");
    assert!(text.contains("**Times are not to be relied on:** `it waited`\n"), "{text}");
    let other = crate::report::terminal::tests::result();
    let both = [Named { name: "a", result: &result }, Named { name: "b", result: &other }];
    assert!(markdown(&both).contains("times of `a` are not to be relied on"), "{}", markdown(&both));
}
