//! Results as workflow commands of GitHub Actions, which it shows beside a run and a change.
//!
//! A command is a line `::error title=TITLE::MESSAGE`; what must be escaped, and how, is what `@actions/core` of
//! actions/toolkit does (`packages/core/src/command.ts`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Named;
use super::problems::{Problems, evidence};
use super::text::{example, grouped, short};
use crate::result::{Finding, RunResult, Verdict};

/// Commands of a level that GitHub shows of a step; it leaves out the others without a word.
const SHOWN: usize = 10;

/// Characters of a message.
const LONGEST: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fail => Self::Error,
            Verdict::Invalid | Verdict::Inconclusive => Self::Warning,
            Verdict::Pass => Self::Notice,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// What one command says.
struct Annotation<'a> {
    title: String,
    message: String,
    /// The scenario's file, from the folder that landfall was started in: in a workflow, that of the repository.
    file: Option<&'a str>,
}

/// A command for each check that does not pass and each other reason of a verdict, one for each finding that fails
/// nothing, and one for a pass. At most ten a level, of which the last then says how many more there are.
#[must_use]
pub fn annotations(results: &[Named<'_>]) -> String {
    let mut levels: BTreeMap<Level, Vec<Annotation<'_>>> = BTreeMap::new();
    for Named { name, result } in results {
        for (level, title, message) in messages(result) {
            let title = format!("{}: {title}", short(name, LONGEST));
            let file = result.scenario.path.as_deref();
            levels.entry(level).or_default().push(Annotation { title, message, file });
        }
    }
    let mut out = String::new();
    for (level, messages) in levels {
        let shown = if messages.len() > SHOWN { SHOWN - 1 } else { messages.len() };
        for annotation in &messages[..shown] {
            command(&mut out, level, annotation);
        }
        if shown < messages.len() {
            let more = grouped((messages.len() - shown) as u64);
            let message = format!("and {more} more; the summary and result.json have all");
            command(&mut out, level, &Annotation { title: "landfall".into(), message, file: None });
        }
    }
    out
}

/// What is to be said of a result: level, title, message.
fn messages(result: &RunResult) -> Vec<(Level, String, String)> {
    let mut messages = Vec::new();
    let Problems { checks, others, verdict_of_others, besides } = Problems::of(result);
    for (check, sentence) in checks {
        let first = evidence(check, &result.findings).next();
        messages.push((Level::of(check.verdict), check.name.clone(), with_example(&sentence, first)));
    }
    for reason in others {
        let (level, title) = (Level::of(verdict_of_others), result.verdict.as_str());
        messages.push((level, title.to_owned(), short(reason, LONGEST)));
    }
    for finding in besides {
        let sentence = format!("{} {}: {}", grouped(finding.count), finding.kind, finding.meaning);
        messages.push((Level::Notice, finding.kind.clone(), with_example(&sentence, Some(finding))));
    }
    if result.verdict == Verdict::Pass {
        let records = format!(
            "{} records sent, {} acked, {} landed",
            grouped(result.records.sent),
            grouped(result.records.acked),
            grouped(result.records.landed)
        );
        messages.push((Level::Notice, "pass".into(), records));
    }
    messages
}

/// A sentence, and the first example of what was found in a line of its own.
fn with_example(sentence: &str, finding: Option<&Finding>) -> String {
    let mut message = short(sentence, LONGEST);
    if let Some(first) = finding.and_then(|finding| finding.examples.first()) {
        let _ = write!(message, "\n{}\n{}", short(&example(first), LONGEST), short(&first.detail, LONGEST));
    }
    message
}

fn command(out: &mut String, level: Level, annotation: &Annotation<'_>) {
    let Annotation { title, message, file } = annotation;
    let mut properties = format!("title={}", property(&short(title, LONGEST)));
    // Writing to a string cannot fail.
    if let Some(file) = file {
        let _ = write!(properties, ",file={}", property(&short(file, LONGEST)));
    }
    let _ = writeln!(out, "::{} {properties}::{}", level.name(), data(message));
}

/// Text of a message; a line break is one in what GitHub shows, and none in what it reads.
fn data(text: &str) -> String {
    // The older form of a command may stand anywhere in a line.
    text.replace("##[", "## [").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text for the log of a workflow, in no line of which GitHub finds a command: neither one that begins with `::`, nor
/// the older `##[…]` anywhere.
#[must_use]
pub fn inert(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let apart = line.replace("##[", "## [");
        let start = apart.len() - apart.trim_start().len();
        let (indent, rest) = apart.split_at(start);
        if rest.starts_with("::") { format!("{indent}: {}", &rest[1..]) } else { apart }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;
    use crate::result::CheckResult;

    fn of(result: &RunResult) -> String {
        annotations(&[Named { name: "quickstart", result }])
    }

    #[test]
    fn the_scenarios_file_is_named_where_it_is_known() {
        let mut result = result();
        result.scenario.path = Some("scenarios/a,b::c.yaml".into());
        let told = of(&result);
        assert!(
            told.starts_with("::error title=quickstart%3A records.lost,file=scenarios/a%2Cb%3A%3Ac.yaml::"),
            "{told}"
        );
    }

    #[test]
    fn what_does_not_pass_is_told_and_so_is_what_else_was_found() {
        let mut result = result();
        let check = |name: &str, verdict| CheckResult {
            name: name.into(),
            verdict,
            seen: "100 %".into(),
            limit: "< 5 %".into(),
            because: Some("so".into()),
        };
        result.checks.extend([check("a", Verdict::Invalid), check("b", Verdict::Pass)]);
        result.reasons = vec!["records.lost is 1, limit == 0".into(), "the run is incomplete: SIGINT".into()];
        let other = Finding {
            kind: "records.duplicated".into(),
            count: 2,
            meaning: "twice".into(),
            examples: vec![],
        };
        result.findings.push(other);
        insta::assert_snapshot!(of(&result));
        result.verdict = Verdict::Pass;
        (result.checks, result.reasons, result.findings) = Default::default();
        insta::assert_snapshot!(of(&result), @"::notice title=quickstart%3A pass::40,050 records sent, 40,000 acked, 39,999 landed");
    }

    #[test]
    fn a_verdict_without_checks_and_reasons_is_told_all_the_same() {
        for (verdict, begins) in [
            (Verdict::Fail, "::error title=quickstart%3A fail::"),
            (Verdict::Invalid, "::warning title=quickstart%3A invalid::"),
            (Verdict::Inconclusive, "::warning title=quickstart%3A inconclusive::"),
        ] {
            let mut result = result();
            result.verdict = verdict;
            (result.checks, result.reasons, result.findings) = Default::default();
            assert!(of(&result).starts_with(begins), "{}", of(&result));
        }
    }

    #[test]
    fn no_text_begins_a_command() {
        let mut result = result();
        let hostile = "x\n::error::%0A\r::stop-commands::t,title=y\u{85}\u{2028}::debug::z";
        result.checks[0].seen = hostile.into();
        result.checks[0].name = hostile.into();
        result.findings[0].kind = hostile.into();
        result.findings[0].examples[0].detail = hostile.into();
        result.reasons = vec![hostile.into()];
        let text = annotations(&[Named { name: hostile, result: &result }]);
        let lines: Vec<&str> =
            text.split(['\n', '\r', '\u{85}', '\u{2028}']).filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        for line in lines {
            let (head, _) = line[2..].split_once("::").unwrap();
            assert!(head.starts_with("error title=") || head.starts_with("warning title="), "{line}");
            assert_eq!(head.matches([',', ':']).count(), 0, "{line}");
        }
        assert!(text.contains("%250A"), "{text}");
    }

    #[test]
    fn the_last_of_ten_says_how_many_more() {
        let mut result = result();
        result.checks = vec![result.checks[0].clone(); 1_012];
        let text = of(&result);
        assert_eq!(text.matches("::error ").count(), SHOWN);
        assert!(text.contains("::and 1,003 more;"), "{text}");
    }

    #[test]
    fn a_log_holds_no_command() {
        let text = "ok\n  ::error::x\n::debug::\n a ##[add-mask]b\n";
        assert_eq!(inert(text), "ok\n  : :error::x\n: :debug::\n a ## [add-mask]b\n");
        assert_eq!(inert(":\n: :\na::b"), ":\n: :\na::b");
    }
}
