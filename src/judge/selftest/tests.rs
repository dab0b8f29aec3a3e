//! A matrix that believes a broken tester would be worth nothing: each way in which one can be wrong is told.

use super::*;
use crate::judge::ALWAYS_ZERO;
use crate::judge::tests::good;
use crate::result::{CheckResult, FaultReport};

/// A run whose fault must be found so.
fn to_come_to(verdict: Verdict, wanted: &[(Detector, Wanted)]) -> Trial {
    let (name, box_name) = ("x".into(), Some("proxy".into()));
    Trial { name, box_name, sets: vec![], wanted: wanted.to_vec(), verdict }
}

fn trial(wanted: &[(Detector, Wanted)]) -> Trial {
    to_come_to(if wanted.is_empty() { Verdict::Pass } else { Verdict::Fail }, wanted)
}

fn healthy() -> Trial {
    Trial { box_name: None, ..trial(&[]) }
}

/// A result whose generator sent too late.
fn slow(mut result: RunResult) -> RunResult {
    result.generator_lag_us.p99 = 30_000;
    result
}

fn with_verdict(result: RunResult, verdict: Verdict) -> RunResult {
    RunResult { verdict, ..result }
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
fn the_verdict_is_the_one_that_the_run_must_have() {
    const DENIED: &[(Detector, Wanted)] = &[(Detector::Unread, Wanted::Some)];
    let mut denied = result(7, 0);
    denied.horizon.complete = false;
    let outcome = |verdict| {
        to_come_to(Verdict::Inconclusive, DENIED).judge(&with_verdict(denied.clone(), verdict)).outcome
    };
    assert_eq!(outcome(Verdict::Inconclusive), RowOutcome::Found);
    // What could not be verified is not to pass.
    assert_eq!(outcome(Verdict::Pass), RowOutcome::Missed);
    assert_eq!(outcome(Verdict::Fail), RowOutcome::FalseAlarm);
    assert_eq!(outcome(Verdict::Invalid), RowOutcome::FalseAlarm);
    let lost = |verdict| trial(LOST).judge(&with_verdict(slow(result(7, 7)), verdict)).outcome;
    assert_eq!(lost(Verdict::Inconclusive), RowOutcome::Missed);
    assert_eq!(lost(Verdict::Invalid), RowOutcome::Missed);
    let quiet = |result, verdict| healthy().judge(&with_verdict(result, verdict)).outcome;
    assert_eq!(quiet(good(), Verdict::Inconclusive), RowOutcome::FalseAlarm);
    assert_eq!(quiet(slow(good()), Verdict::Inconclusive), RowOutcome::FalseAlarm);
    // Only a landfall that was too slow by its own figures may say so.
    assert_eq!(quiet(slow(good()), Verdict::Invalid), RowOutcome::Quiet);
    assert_eq!(quiet(good(), Verdict::Invalid), RowOutcome::FalseAlarm);
}

#[test]
fn a_healthy_run_finds_nothing() {
    assert_eq!(healthy().judge(&good()).outcome, RowOutcome::Quiet);
    let mut alarmed = good();
    alarmed.records.misplaced = 1;
    alarmed.verdict = Verdict::Fail;
    assert_eq!(healthy().judge(&alarmed).outcome, RowOutcome::FalseAlarm);
}

#[test]
fn the_requests_of_a_healthy_run_add_up() {
    let mut odd = good();
    (odd.requests.accepted, odd.requests.malformed) = (odd.requests.accepted - 1, 1);
    let row = healthy().judge(&odd);
    assert_eq!(row.outcome, RowOutcome::FalseAlarm);
    assert_eq!(row.reasons, ["of 4000 requests, 3999 were accepted or refused"]);
}

#[test]
fn a_fault_of_a_healthy_run_must_strike() {
    let restarted = Trial { sets: vec!["faults=[{box: proxy}]".into()], ..healthy() };
    assert_eq!(restarted.judge(&result(1, 0)).outcome, RowOutcome::Quiet);
    assert_eq!(restarted.judge(&result(0, 0)).outcome, RowOutcome::NeverStruck);
    assert_eq!(restarted.judge(&good()).outcome, RowOutcome::NeverStruck);
    let mut two = result(1, 0);
    two.faults.push(FaultReport { injected: 0, ..two.faults[0].clone() });
    assert_eq!(restarted.judge(&two).outcome, RowOutcome::NeverStruck);
}

#[test]
fn detectors_that_fail_are_what_the_judge_demands_to_be_zero() {
    let mut failing: Vec<&str> =
        Detector::ALL.into_iter().filter(|detector| detector.fails()).map(Detector::name).collect();
    let mut demanded = ALWAYS_ZERO.to_vec();
    failing.sort_unstable();
    demanded.sort_unstable();
    assert_eq!(failing, demanded);
}

#[test]
fn a_detector_is_justified_by_what_it_had_to_find() {
    let rows = [trial(LOST).judge(&result(7, 7))];
    let detectors = justify(&rows);
    let justified = |detector: Detector| {
        !detectors.iter().find(|report| report.name == detector.name()).unwrap().justified_by.is_empty()
    };
    assert!(justified(Detector::Lost) && !justified(Detector::Leaked));
    assert_eq!(belief(&rows, &detectors, false), Verdict::Pass);
    // Where all faults were shown, every detector must have found something.
    assert_eq!(belief(&rows, &detectors, true), Verdict::Fail);
    assert_eq!(belief(&[], &[], false), Verdict::Inconclusive);
    let missed = [trial(LOST).judge(&result(7, 6))];
    assert_eq!(belief(&missed, &justify(&missed), false), Verdict::Fail);
    assert!(justify(&missed).iter().all(|report| report.justified_by.is_empty()));
}

const LATE: &[(Detector, Wanted)] = &[(Detector::Latency, Wanted::Some)];

fn latency(verdict: Verdict) -> RunResult {
    let mut result = result(7, 0);
    result.checks = vec![CheckResult {
        name: "latency.p90".into(),
        verdict,
        seen: "200ms".into(),
        limit: "< 150ms".into(),
        because: None,
    }];
    with_verdict(result, verdict)
}

#[test]
fn a_landfall_that_was_too_slow_decides_nothing() {
    let outcome = |result: RunResult| trial(LATE).judge(&result).outcome;
    assert_eq!(outcome(latency(Verdict::Fail)), RowOutcome::Found);
    assert_eq!(outcome(slow(latency(Verdict::Invalid))), RowOutcome::Undecided);
    assert_eq!(outcome(latency(Verdict::Pass)), RowOutcome::Missed);
    // It must have been too slow by its own figures.
    assert_eq!(outcome(latency(Verdict::Invalid)), RowOutcome::Missed);
    // A lag that takes a good part of the limit is enough.
    let mut late = latency(Verdict::Invalid);
    late.generator_lag_us.p99 = 16_000;
    assert_eq!(outcome(late), RowOutcome::Undecided);
    // And it excuses nothing else.
    let mut lost = slow(latency(Verdict::Invalid));
    lost.records.lost = 1;
    assert_eq!(outcome(lost), RowOutcome::FalseAlarm);
}

#[test]
fn what_is_only_undecided_is_inconclusive() {
    let undecided = trial(LATE).judge(&slow(latency(Verdict::Invalid)));
    let lost = trial(LOST).judge(&result(7, 7));
    let believed = |rows: &[Row], whole| {
        let shown = |report: &DetectorReport| ["latency", "records.lost"].contains(&report.name.as_str());
        let detectors: Vec<_> = justify(rows).into_iter().filter(shown).collect();
        belief(rows, &detectors, whole)
    };
    // That nothing shows the detector to work is what was not decided.
    assert_eq!(believed(&[undecided.clone(), lost.clone()], true), Verdict::Inconclusive);
    assert_eq!(believed(std::slice::from_ref(&undecided), true), Verdict::Fail);
    assert_eq!(believed(std::slice::from_ref(&lost), true), Verdict::Fail);
    assert_eq!(believed(&[undecided, trial(LOST).judge(&result(7, 6))], false), Verdict::Fail);
}
