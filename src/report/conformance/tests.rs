use super::*;
use crate::result::{BoxReport, CONFORMANCE_SCHEMA, ContainerReport, Exchange, Missing, Totals};

/// A suite with a case of each outcome, in which hostile text stands wherever it can.
fn result() -> Conformance {
    let hostile = "<b>&\u{1b}[31m]]>\u{202e}";
    let exchange = Exchange {
        what: "it".into(),
        expected: "401".into(),
        request: vec!["POST /topics/t HTTP/1.1".into(), format!("Authorization: Bearer {hostile}")],
        answer: "200, and its record acknowledged".into(),
        status: Some(200),
        excerpt: hostile.into(),
        landed: Some(1),
        took_us: 1_234,
    };
    let case = |id: &str, outcome, level: &str| CaseReport {
        id: format!("auth/{id}"),
        title: "tokens that say they need no signature".into(),
        what: "alg `none` and no signature".into(),
        level: level.into(),
        sources: vec!["RFC 8725 section 3.2".into()],
        outcome,
        missing: if outcome == CaseOutcome::NotRun { vec!["signer".into()] } else { Vec::new() },
        reasons: match outcome {
            CaseOutcome::Failed | CaseOutcome::Warned => vec![format!("it: had to be refused {hostile}")],
            CaseOutcome::Passed | CaseOutcome::NotRun => Vec::new(),
        },
        notes: if level == "MAY" { vec!["it: 401".into()] } else { Vec::new() },
        shows: vec!["accepts-none".into()],
        exchanges: if outcome == CaseOutcome::NotRun { Vec::new() } else { vec![exchange.clone()] },
        elapsed_us: 1_500,
    };
    Conformance {
        schema: CONFORMANCE_SCHEMA,
        suite: "auth".into(),
        verdict: Verdict::Fail,
        reasons: vec!["1 case failed: auth/01-alg-none/lower".into()],
        banner: "Tokens that are not as they should be were sent to http://127.0.0.1:1 on purpose.".into(),
        landfall: "0.1.0".into(),
        run: "0123456789ab".into(),
        started: "2026-01-01T00:00:00Z".into(),
        elapsed_us: 2_000_000,
        target: "http://127.0.0.1:1".into(),
        scenario: "authentication".into(),
        profile: "landfall".into(),
        flaw: None,
        strict: false,
        require_all: false,
        totals: Totals { cases: 5, passed: 2, warned: 1, failed: 1, not_run: 1, requests: 4 },
        missing: vec![Missing { need: "signer".into(), cases: 1, remedy: "give the key".into() }],
        notes: vec!["the container of proxy-1 has ended by itself (exit code 137)".into()],
        boxes: Vec::new(),
        cases: vec![
            case("01-alg-none/lower", CaseOutcome::Failed, "MUST"),
            case("02-alg-odd/empty", CaseOutcome::Warned, "SHOULD"),
            case("03-no-signature/made", CaseOutcome::Passed, "MUST"),
            case("18-kid-absent/good", CaseOutcome::Passed, "MAY"),
            case("19-kid-of-other/second-as-first", CaseOutcome::NotRun, "MUST"),
        ],
    }
}

#[test]
fn a_terminal_is_told_what_is_wrong_and_what_was_not_tried() {
    let result = result();
    let cases: String = conspicuous(&result).into_iter().map(case).collect();
    insta::assert_snapshot!(format!("{cases}{}", summary(&result)));
}

#[test]
fn a_terminal_is_told_which_images_were_tried() {
    let container = ContainerReport { image: "a/proxy:1".into(), ..ContainerReport::default() };
    let part = BoxReport {
        name: "proxy-1".into(),
        kind: "container".into(),
        endpoint: None,
        start_us: 0,
        since_ms: None,
        container: Some(container),
    };
    let result = Conformance { boxes: vec![part], ..result() };
    assert!(summary(&result).contains("        proxy-1: a/proxy:1\n"), "{}", summary(&result));
}

#[test]
fn ci_systems_see_failures_and_skipped_cases() {
    insta::assert_snapshot!(junit(&result()));
}

#[test]
fn what_warns_fails_where_that_is_asked_for() {
    let strict = junit(&Conformance { strict: true, ..result() });
    assert!(strict.contains("failures=\"2\""), "{strict}");
    let inconclusive = junit(&Conformance { verdict: Verdict::Inconclusive, ..result() });
    assert!(inconclusive.contains("errors=\"1\"") && inconclusive.contains("<error "), "{inconclusive}");
}

#[test]
fn nothing_from_outside_is_markup() {
    let result = result();
    for text in [html(&result), junit(&result)] {
        assert!(!text.contains("<b>") && !text.contains('\u{1b}') && !text.contains('\u{202e}'));
    }
    assert!(html(&result).contains("auth/19-kid-of-other/second-as-first"));
    // What repeats a failure stands beside it, wherever it is read.
    let mut result = result;
    result.cases[0].notes = vec!["curl -i 'http://127.0.0.1:1/topics/t' <b>".into()];
    for text in [html(&result), junit(&result), case(&result.cases[0])] {
        assert!(text.contains("/topics/t"), "{text}");
    }
    assert!(!html(&result).contains("<b>") && !junit(&result).contains("<b>"));
    let hostile =
        [NamedSuite { name: "<b>\u{1b}", result: &result }, NamedSuite { name: "b", result: &result }];
    for text in [matrix_html(&hostile), matrix_text(&hostile)] {
        assert!(!text.contains("<b>\u{fffd}</b>") && !text.contains('\u{1b}') && !text.contains('\u{202e}'));
    }
}

/// What is shown first is what is worth a look: cases whose outcome or answer is another, and cases that one of them lacks.
#[test]
fn results_stand_beside_each_other_case_by_case() {
    let old = result();
    let mut new = result();
    new.verdict = Verdict::Pass;
    new.cases[0].outcome = CaseOutcome::Passed;
    new.cases[3].exchanges[0].status = Some(401);
    new.cases.remove(4);
    let both = [NamedSuite { name: "6.2.15", result: &old }, NamedSuite { name: "7.9.9", result: &new }];
    insta::assert_snapshot!(matrix_text(&both));
    let page = matrix_html(&both);
    let (differing, alike) = page.split_once("id=\"alike\"").unwrap();
    for (case, differs) in
        [("01-alg-none/lower", true), ("02-alg-odd/empty", false), ("18-kid-absent/good", true)]
    {
        assert_eq!(differing.contains(case), differs, "{case}");
        assert_eq!(alike.contains(case), !differs, "{case}");
    }
    assert!(matrix_text(&both[..1]).contains("0 of 5 cases"));
}
