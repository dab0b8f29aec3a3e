use super::*;
use crate::report::terminal::tests::result;
use crate::result::{ExceededLimit, FileDigest, Latency, Quantiles, Recovery, Timeline};

/// The same scenario once more, somewhat slower, and nothing lost.
fn better() -> RunResult {
    let mut result = result();
    (result.run, result.verdict) = ("d4e5f6".into(), Verdict::Pass);
    result.checks[0] = CheckResult { verdict: Verdict::Pass, seen: "0".into(), ..result.checks[0].clone() };
    (result.reasons, result.findings) = Default::default();
    (result.records.lost, result.records.landed) = (0, 40_000);
    result.latency_us.p99 = 6_400;
    result
}

fn compared(one: &RunResult, two: &RunResult) -> Comparison {
    Comparison::of(&[Named { name: "before", result: one }, Named { name: "after", result: two }])
}

fn figure<'a>(comparison: &'a Comparison, label: &str) -> &'a FigureRow {
    comparison.figures.iter().find(|row| row.label() == label).unwrap_or_else(|| panic!("no {label}"))
}

#[test]
fn two_runs_stand_beside_each_other() {
    let (one, mut two) = (result(), better());
    two.scenario.hash = "fedcba".into();
    two.scenario.sets = vec!["workload[0].for=1s\u{1b}".into()];
    two.machine.cpus = 4;
    let text =
        comparison(&[Named { name: "before", result: &one }, Named { name: "after\u{202e}", result: &two }]);
    insta::assert_snapshot!(text);
}

#[test]
fn differences_are_per_cent_of_the_first() {
    let comparison = compared(&result(), &better());
    let latency = figure(&comparison, "latency p99");
    assert_eq!(
        (latency.values.as_slice(), latency.unit),
        (&[Some(5_120.0), Some(6_400.0)][..], Unit::Micros)
    );
    assert_eq!(latency.differences, [None, Some(25.0)]);
    let lost = figure(&comparison, "records lost");
    assert_eq!(lost.differences, [None, Some(-100.0)]);
    let from_zero = compared(&better(), &result());
    assert_eq!(figure(&from_zero, "records lost").differences, [None, None]);
    assert_eq!(figure(&from_zero, "latency p99.9").differences, [None, Some(0.0)]);
}

#[test]
fn what_is_known_of_one_result_only_is_a_row_all_the_same() {
    let (one, mut two) = (result(), better());
    two.recovery = Some(Recovery::default());
    two.latency_us = Latency::default();
    let comparison = compared(&one, &two);
    assert_eq!(figure(&comparison, "latency p99").values, [Some(5_120.0), None]);
    assert_eq!(figure(&comparison, "rate achieved").values[1], None);
    let mut three = two.clone();
    three.readable_us = Quantiles::default();
    let killed = compared(&three, &three);
    assert!(!killed.figures.iter().any(|row| row.group == "latency" || row.group == "rate"));
}

#[test]
fn checks_and_findings_are_by_result() {
    let (one, mut two) = (result(), better());
    two.checks[0].limit = "<= 5".into();
    let comparison = compared(&one, &two);
    let limits: Vec<(&str, Vec<bool>)> = comparison
        .checks
        .iter()
        .map(|row| (row.limit.as_str(), row.results.iter().map(Option::is_some).collect()))
        .collect();
    assert_eq!(limits, [("== 0", vec![true, false]), ("<= 5", vec![false, true])]);
    assert_eq!(comparison.findings[0].counts, [3, 0]);
}

#[test]
fn what_does_not_differ_is_not_named() {
    assert!(compared(&result(), &better()).differences.is_empty());
    let (one, mut two) = (result(), better());
    two.scenario.seed = 43;
    two.scenario.payloads = vec![FileDigest { path: "q.ndjson".into(), sha256: "ab".into() }];
    two.versions = [("landfall".to_owned(), "9.9.9".to_owned())].into();
    two.boxes.pop();
    let differences = compared(&one, &two).differences;
    let whats: Vec<&str> = differences.iter().map(|difference| difference.what.as_str()).collect();
    assert_eq!(whats, ["seed", "SHA-256 of q.ndjson", "path", "landfall"]);
    assert_eq!(differences[1].values, [None, Some("ab".into())]);
}

#[test]
fn runs_that_are_not_whole_are_not_compared_without_a_word() {
    assert_eq!(compared(&result(), &better()).warnings, Vec::<String>::new());
    let warned = |change: fn(&mut RunResult), sentence: &str| {
        let (one, mut two) = (result(), better());
        change(&mut two);
        let warnings = compared(&one, &two).warnings;
        assert!(warnings.iter().any(|warning| warning.contains(sentence)), "{sentence}: {warnings:?}");
    };
    warned(|two| two.incomplete = Some("stopped by SIGINT".into()), "`after` did not go to its end");
    warned(|two| two.recovery = Some(Recovery::default()), "`after` was killed");
    warned(|two| two.generator.closed = true, "the load of `after` was closed");
    warned(
        |two| {
            two.generator.exceeded = vec![ExceededLimit { sentence: "it was busy".into(), only_lifts: false }];
        },
        "times of `after` are not to be relied on: it was",
    );
    let long = |stretch_s| Some(Timeline { stretch_s, stretches: Vec::new() });
    let (mut one, mut two) = (result(), better());
    (one.timeline, two.timeline) = (long(1), long(60));
    assert!(compared(&one, &two).warnings.concat().contains("longer stretches"));
    warned(|two| two.run = result().run, "are the same run");
    warned(|two| two.scenario.hash = "x".into(), "not the same scenario");
    warned(|two| two.machine.cpus = 64, "not on the same machine");
}
