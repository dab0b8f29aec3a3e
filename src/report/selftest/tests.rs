//! What a matrix that is not whole, or decides nothing, says of itself.

use super::*;
use crate::result::SELFTEST_SCHEMA;

fn matrix(verdict: Verdict, whole: bool, outcome: RowOutcome) -> Selftest {
    let row = Row {
        name: "delay".into(),
        box_name: Some("proxy".into()),
        run: "0123456789ab".into(),
        sets: vec![],
        injected: 3,
        seen: vec![],
        outcome,
        reasons: if outcome.is_good() { vec![] } else { vec!["latency is 0 | of 1".into()] },
        elapsed_us: 1,
    };
    Selftest {
        schema: SELFTEST_SCHEMA,
        passed: verdict == Verdict::Pass,
        verdict,
        whole,
        landfall: "0".into(),
        started: "2026-01-01T00:00:00Z".into(),
        elapsed_us: 1_000_000,
        seed: 1,
        detectors: vec![],
        rows: vec![row],
    }
}

#[test]
fn a_part_is_not_said_to_have_passed_without_saying_so() {
    const PART: &str = "This is a part of the test: not all faults were shown.";
    let part = matrix(Verdict::Pass, false, RowOutcome::Found);
    for text in [summary(&part), markdown(&part), html(&part)] {
        assert!(text.contains(PART), "{text}");
    }
    assert!(markdown(&part).starts_with("# Self-test of landfall 0: passed in part\n"));
    assert!(html(&part).contains("passed in part") && summary(&part).contains("PASS (of a part)"));
    let whole = matrix(Verdict::Pass, true, RowOutcome::Found);
    for text in [summary(&whole), markdown(&whole), html(&whole)] {
        for limit in [PART, "passed in part", "(of a part)"] {
            assert!(!text.contains(limit), "{text}");
        }
    }
}

#[test]
fn what_is_undecided_or_wrong_is_said_with_its_reasons() {
    let undecided = matrix(Verdict::Inconclusive, true, RowOutcome::Undecided);
    for text in [summary(&undecided), markdown(&undecided), html(&undecided)] {
        assert!(text.contains("In 1 runs landfall was itself too slow to tell"), "{text}");
    }
    assert!(summary(&undecided).contains("INCONCLUSIVE"));
    let missed = markdown(&matrix(Verdict::Fail, true, RowOutcome::Missed));
    let told = "- delay: missed, run `0123456789ab`\n  - latency is 0 | of 1\n";
    assert!(missed.contains(told) && missed.contains(": failed\n"), "{missed}");
    assert!(!markdown(&matrix(Verdict::Pass, true, RowOutcome::Found)).contains("What is wrong"));
}
