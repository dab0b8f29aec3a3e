//! A matrix that believes a broken tester would be worth nothing: each way in which one can be wrong is told.

use super::*;
use crate::judge::tests::good;
use crate::result::FaultReport;

fn trial(wanted: &[(Detector, Wanted)]) -> Trial {
    Trial { name: "x".into(), box_name: Some("proxy".into()), sets: vec![], wanted: wanted.to_vec() }
}

fn result(injected: u64, lost: u64) -> RunResult {
    let mut result = good();
    result.faults = vec![FaultReport {
        box_name: "proxy".into(),
        kind: "drop-after-ack".into(),
        injected,
        expected_finding: Some("records.lost".into()),
    }];
    result.records.lost = lost;
    result.verdict = if lost > 0 { Verdict::Fail } else { Verdict::Pass };
    result
}

const LOST: &[(Detector, Wanted)] = &[(Detector::Lost, Wanted::Injected)];

#[test]
fn a_fault_is_found_if_as_many_are_found() {
    let outcome = |injected, lost| trial(LOST).judge(&result(injected, lost)).outcome;
    assert_eq!(outcome(7, 7), RowOutcome::Found);
    assert_eq!(outcome(7, 6), RowOutcome::Missed);
    assert_eq!(outcome(7, 0), RowOutcome::Missed);
    assert_eq!(outcome(7, 8), RowOutcome::FalseAlarm);
    assert_eq!(outcome(0, 0), RowOutcome::NeverStruck);
}

#[test]
fn what_else_is_found_is_a_false_alarm() {
    let mut also = result(7, 7);
    also.records.reordered = 1;
    let row = trial(LOST).judge(&also);
    assert_eq!((row.outcome, row.reasons.len()), (RowOutcome::FalseAlarm, 1), "{row:?}");
    let allowed = trial(&[LOST[0], (Detector::Reordered, Wanted::Perhaps)]).judge(&also);
    assert_eq!(allowed.outcome, RowOutcome::Found);
}

#[test]
fn the_verdict_must_follow() {
    let mut passed = result(7, 7);
    passed.verdict = Verdict::Pass;
    assert_eq!(trial(LOST).judge(&passed).outcome, RowOutcome::Missed);
    let mut failed = result(7, 0);
    failed.verdict = Verdict::Fail;
    assert_eq!(trial(&[]).judge(&failed).outcome, RowOutcome::FalseAlarm);
    assert_eq!(trial(&[]).judge(&result(7, 0)).outcome, RowOutcome::Quiet);
    let mut incomplete = result(7, 7);
    incomplete.incomplete = Some("stopped".into());
    assert_eq!(trial(LOST).judge(&incomplete).outcome, RowOutcome::Missed);
}

#[test]
fn a_healthy_run_finds_nothing() {
    let healthy = Trial { box_name: None, ..trial(&[]) };
    assert_eq!(healthy.judge(&good()).outcome, RowOutcome::Quiet);
    let mut alarmed = good();
    alarmed.records.misplaced = 1;
    alarmed.verdict = Verdict::Fail;
    assert_eq!(healthy.judge(&alarmed).outcome, RowOutcome::FalseAlarm);
}

#[test]
fn a_detector_is_justified_by_what_it_had_to_find() {
    let rows = [trial(LOST).judge(&result(7, 7))];
    let detectors = justify(&rows);
    let justified = |detector: Detector| {
        !detectors.iter().find(|report| report.name == detector.name()).unwrap().justified_by.is_empty()
    };
    assert!(justified(Detector::Lost) && !justified(Detector::Leaked));
    assert!(is_believed(&rows, &detectors, false));
    // Where all faults were shown, every detector must have found something.
    assert!(!is_believed(&rows, &detectors, true));
    assert!(!is_believed(&[], &detectors, false));
    let missed = [trial(LOST).judge(&result(7, 6))];
    assert!(!is_believed(&missed, &justify(&missed), false));
    assert!(justify(&missed).iter().all(|report| report.justified_by.is_empty()));
}

#[test]
fn a_landfall_that_was_too_slow_decides_nothing() {
    let latency = |verdict| {
        let mut result = result(7, 0);
        result.checks = vec![CheckResult {
            name: "latency.p90".into(),
            verdict,
            seen: "200ms".into(),
            limit: "< 150ms".into(),
            because: None,
        }];
        result.verdict = verdict;
        trial(&[(Detector::Latency, Wanted::Some)]).judge(&result).outcome
    };
    assert_eq!(latency(Verdict::Fail), RowOutcome::Found);
    assert_eq!(latency(Verdict::Invalid), RowOutcome::Undecided);
    assert_eq!(latency(Verdict::Pass), RowOutcome::Missed);
}
