//! Results, each with the judgement that it must come to.

use super::*;
use crate::result::{
    Attempts, Generator, Horizon, Latency, Machine, Quantiles, Rate, Records, Requests, SCHEMA, ScenarioRef,
    Tokens,
};

pub(super) fn good() -> RunResult {
    let quantiles = |p99| Quantiles { p50: 900, p90: 2_000, p99, p999: 9_000, max: 12_000, count: 4_000 };
    RunResult {
        schema: SCHEMA,
        run: "r".into(),
        verdict: Verdict::Pass,
        incomplete: None,
        reasons: vec![],
        scenario: ScenarioRef { name: "s".into(), hash: "h".into(), seed: 1, ..ScenarioRef::default() },
        started: "2026-01-01T00:00:00Z".into(),
        elapsed_us: 10_000_000,
        requests: Requests { sent: 4_000, accepted: 4_000, ..Requests::default() },
        records: Records { sent: 40_000, acked: 40_000, landed: 40_000, ..Records::default() },
        answers: Vec::new(),
        spectra: None,
        timeline: None,
        recovery: None,
        latency_us: Latency::new(quantiles(5_000), 0),
        service_us: quantiles(4_000),
        blocked_us: quantiles(10),
        generator_lag_us: quantiles(100),
        readable_us: quantiles(8_000),
        attempts: Attempts { total: 4_000, accepted: 4_000, ..Attempts::default() },
        hops: Vec::new(),
        rate: Rate { target_per_s: 400.0, achieved_per_s: 399.0 },
        phases: vec![],
        partners: vec![],
        tokens: Tokens::default(),
        generator: Generator { threads: 1, cpu_share: 0.1, ..Generator::default() },
        memory: None,
        horizon: Horizon {
            statement: "s".into(),
            waited_us: 0,
            complete: true,
            compacted: 0,
            unattributed: 0,
            order_unchecked: 0,
        },
        checks: vec![],
        faults: vec![],
        findings: vec![],
        boxes: vec![],
        machine: Machine { system: "x".into(), architecture: "x".into(), cpus: 2, ..Machine::default() },
        versions: std::collections::BTreeMap::new(),
        notes: vec![],
    }
}

pub(super) fn check(metric: &str, comparison: Comparison, limit: Limit) -> Check {
    Check { text: format!("{metric} …"), metric: metric.into(), comparison, limit }
}

fn p99_below(millis: u64) -> Check {
    check("latency.p99", Comparison::Less, Limit::Duration(Duration::from_millis(millis)))
}

fn verdict_of(judgement: &Judgement, name: &str) -> Verdict {
    judgement.checks.iter().find(|check| check.name == name).unwrap().verdict
}

#[test]
fn a_good_run_passes_with_what_always_applies() {
    let checks = [p99_below(250), check("rate.achieved", Comparison::AtLeast, Limit::Percent(99.0))];
    let judgement = judge(&good(), &checks);
    assert_eq!((judgement.verdict, judgement.checks.len(), judgement.reasons.len()), (Verdict::Pass, 11, 0));
    let rate = judgement.checks.iter().find(|check| check.name == "rate.achieved").unwrap();
    assert_eq!((rate.seen.as_str(), rate.limit.as_str()), ("99.75 %", ">= 99 %"));
}

#[test]
fn nothing_acked_never_passes() {
    let mut result = good();
    result.records = Records::default();
    assert_eq!(judge(&result, &[]).verdict, Verdict::Fail);
}

#[test]
fn a_finding_fails_even_a_slow_or_broken_off_run() {
    let mut result = good();
    result.records.lost = 1;
    result.generator_lag_us.p99 = 2_000_000;
    result.incomplete = Some("interrupted".into());
    let judgement = judge(&result, &[p99_below(250)]);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(verdict_of(&judgement, "latency.p99"), Verdict::Invalid);
    assert_eq!(judgement.reasons[0], "records.lost is 1, limit == 0");
}

fn rate_of(percent: f64) -> Check {
    check("rate.achieved", Comparison::AtLeast, Limit::Percent(percent))
}

#[test]
fn a_generator_beyond_its_limits_voids_times_and_missed_rates_and_says_what_to_change() {
    type Break = fn(&mut RunResult);
    let cases: [(Break, &str); 5] = [
        (|r| r.generator_lag_us.p99 = 30_000, "use a lower rate or a quieter machine"),
        (|r| r.generator.cpu_share = 0.95, "95 % busy (tolerated 90 %); use a lower rate"),
        (
            |r| {
                r.generator.local_errors = 1;
                r.generator.local_error = Some("Too many open files (os error 24)".into());
            },
            "(Too many open files (os error 24)); raise the limit of open files (`ulimit -n`)",
        ),
        (
            |r| {
                r.generator.local_errors = 7;
                r.generator.local_error = Some("Cannot assign requested address (os error 99)".into());
            },
            "7 connections failed for want of something on landfall's own machine (Cannot assign requested address \
             (os error 99)); widen the range of local ports",
        ),
        (|r| r.generator.local_errors = 1, "(no reason was given); raise the limit"),
    ];
    for (broken, sentence) in cases {
        let mut result = good();
        broken(&mut result);
        let judgement = judge(&result, &[p99_below(250), rate_of(99.0)]);
        assert_eq!(verdict_of(&judgement, "latency.p99"), Verdict::Invalid, "{sentence}");
        // What was reached was reached.
        assert_eq!(verdict_of(&judgement, "rate.achieved"), Verdict::Pass, "{sentence}");
        assert!(judgement.reasons[0].contains(sentence), "{:?}", judgement.reasons);
        result.rate.achieved_per_s = 300.0;
        let missed = judge(&result, &[rate_of(99.0)]);
        assert_eq!(verdict_of(&missed, "rate.achieved"), Verdict::Invalid, "{sentence}");
        // And nothing else is void.
        assert_eq!(judge(&result, &[]).verdict, Verdict::Pass, "{sentence}");
        result.records.lost = 1;
        assert_eq!(judge(&result, &[rate_of(99.0)]).verdict, Verdict::Fail, "{sentence}");
    }
    let mut kept = good();
    (kept.generator.cpu_share, kept.generator.run_queue_share) = (0.9, Some(0.1));
    kept.generator_lag_us.p99 = 25_000;
    assert_eq!(judge(&kept, &[p99_below(500)]).verdict, Verdict::Pass);
}

#[test]
fn waiting_for_a_cpu_voids_what_does_not_hold_and_lifts_what_does() {
    let mut result = good();
    result.generator.run_queue_share = Some(0.2);
    result.rate.achieved_per_s = 300.0;
    let judgement = judge(&result, &[p99_below(4), rate_of(99.0)]);
    assert_eq!(verdict_of(&judgement, "latency.p99"), Verdict::Invalid);
    assert_eq!(verdict_of(&judgement, "rate.achieved"), Verdict::Invalid);
    assert!(
        judgement.reasons[0]
            .contains("for 20 % of the time (tolerated 10 %); free CPUs, or use fewer threads")
    );
    // 5 ms were seen, and it can only have been less; at least 4 ms may be landfall's own.
    assert_eq!(judge(&result, &[p99_below(6)]).verdict, Verdict::Pass);
    let at_least = check("latency.p99", Comparison::AtLeast, Limit::Duration(Duration::from_millis(4)));
    assert_eq!(judge(&result, &[at_least]).verdict, Verdict::Invalid);
    assert_eq!(judge(&result, &[]).verdict, Verdict::Pass);
}

#[test]
fn a_stalled_system_is_not_taken_for_a_slow_generator() {
    let mut stalled = good();
    stalled.blocked_us.p99 = 9_000_000;
    stalled.latency_us.p99 = 9_100_000;
    stalled.rate.achieved_per_s = 200.0;
    let judgement = judge(&stalled, &[p99_below(250), rate_of(99.0)]);
    assert_eq!(verdict_of(&judgement, "latency.p99"), Verdict::Fail);
    assert_eq!(verdict_of(&judgement, "rate.achieved"), Verdict::Fail);
    // Some lag beside it voids the times, but it was not what the rate was missed for.
    stalled.generator_lag_us.p99 = 30_000;
    let judgement = judge(&stalled, &[p99_below(250), rate_of(99.0)]);
    assert_eq!(verdict_of(&judgement, "latency.p99"), Verdict::Invalid);
    assert_eq!(verdict_of(&judgement, "rate.achieved"), Verdict::Fail);
    // A thread without a CPU frees its connections late: the wait may be its own doing.
    stalled.generator.run_queue_share = Some(0.5);
    assert_eq!(verdict_of(&judge(&stalled, &[rate_of(99.0)]), "rate.achieved"), Verdict::Invalid);
}

#[test]
fn a_closed_load_is_judged_by_its_latencies_and_its_rate() {
    let mut closed = good();
    closed.generator.closed = true;
    closed.rate.target_per_s = 0.0;
    assert_eq!(judge(&closed, &[p99_below(250)]).verdict, Verdict::Pass);
    assert_eq!(judge(&closed, &[p99_below(1)]).verdict, Verdict::Fail);
    let rate = check("rate.achieved", Comparison::AtLeast, Limit::PerSecond(390.0));
    assert_eq!(judge(&closed, &[rate]).verdict, Verdict::Pass);
}

#[test]
fn a_limit_is_not_broken_by_lag_and_can_be_held_in_spite_of_it() {
    let mut result = good();
    result.generator_lag_us.p99 = 3_000;
    // 5 ms are seen: of a limit of 4 ms the lag takes more than a tenth, of none that holds does it matter.
    assert_eq!(judge(&result, &[p99_below(4)]).verdict, Verdict::Invalid);
    assert_eq!(judge(&result, &[p99_below(6)]).verdict, Verdict::Pass);
    result.generator_lag_us.p99 = 300;
    assert_eq!(judge(&result, &[p99_below(4)]).verdict, Verdict::Fail);
    // Service time counts from the first byte written; lag is no part of it.
    result.generator_lag_us.p99 = 3_000;
    let service = check("service.p99", Comparison::Less, Limit::Duration(Duration::from_millis(3)));
    assert_eq!(judge(&result, &[service]).verdict, Verdict::Fail);
}

#[test]
fn too_few_samples_are_inconclusive() {
    let p999 = check("latency.p999", Comparison::Less, Limit::Duration(Duration::from_secs(1)));
    assert_eq!(judge(&good(), &[p999]).verdict, Verdict::Inconclusive);
    let mut result = good();
    result.latency_us.count = 999;
    assert_eq!(judge(&result, &[p99_below(250)]).verdict, Verdict::Inconclusive);
}

#[test]
fn unanswered_requests_can_fail_a_quantile_but_not_pass_it() {
    let mut result = good();
    result.latency_us.censored = 41;
    assert_eq!(judge(&result, &[p99_below(250)]).verdict, Verdict::Inconclusive);
    assert_eq!(judge(&result, &[p99_below(1)]).verdict, Verdict::Fail);
    // Within the one percent that the quantile leaves out, they cannot move it.
    result.latency_us.censored = 39;
    assert_eq!(judge(&result, &[p99_below(250)]).verdict, Verdict::Pass);
}

#[test]
fn an_unread_topic_is_inconclusive_and_never_a_pass() {
    let mut result = good();
    result.horizon.complete = false;
    result.records.landed = 0;
    result.records.unverifiable = 40_000;
    let judgement = judge(&result, &[]);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(verdict_of(&judgement, "records.leaked"), Verdict::Inconclusive);
}

#[test]
fn an_order_that_was_not_checked_leaves_that_open() {
    let mut result = good();
    result.horizon.order_unchecked = 7;
    let judgement = judge(&result, &[]);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let reason = "records.reordered is 0, limit == 0: the order of 7 records was not checked";
    assert_eq!(judgement.reasons, [reason]);
}

#[test]
fn what_belongs_to_nobody_leaves_a_run_without_identities_open() {
    let mut result = good();
    result.horizon.unattributed = 1;
    assert_eq!(judge(&result, &[]).verdict, Verdict::Inconclusive);
}

#[test]
fn what_was_not_read_fails_no_count_that_reading_could_mend() {
    let mut result = good();
    result.horizon.complete = false;
    result.records.landed = 400;
    let count = |comparison, limit| check("records.landed", comparison, Limit::Count(limit));
    for open in [count(Comparison::Equal, 500), count(Comparison::AtLeast, 500)] {
        assert_eq!(judge(&result, &[open]).verdict, Verdict::Inconclusive);
    }
    for broken in [count(Comparison::Equal, 300), count(Comparison::Less, 300)] {
        assert_eq!(judge(&result, &[broken]).verdict, Verdict::Fail);
    }
}

#[test]
fn a_broken_off_run_neither_passes_nor_fails_for_what_it_did_not_do() {
    let mut result = good();
    result.incomplete = Some("interrupted by SIGINT".into());
    result.rate.achieved_per_s = 100.0;
    let rate = check("rate.achieved", Comparison::AtLeast, Limit::Percent(99.0));
    assert_eq!(judge(&result, &[rate]).verdict, Verdict::Inconclusive);
    result.records.acked = 0;
    assert_eq!(judge(&result, &[]).verdict, Verdict::Inconclusive);
    result.records.leaked = 1;
    assert_eq!(judge(&result, &[]).verdict, Verdict::Fail);
}

#[test]
fn partners_without_a_valid_token_leave_a_run_open() {
    let mut result = good();
    result.tokens = Tokens { failed: 2, unarmed_us: 4_000_000, ..Tokens::default() };
    assert_eq!(judge(&result, &[]).verdict, Verdict::Pass);
    result.tokens.unarmed = 1;
    assert_eq!(judge(&result, &[]).verdict, Verdict::Inconclusive);
}

#[test]
fn tokens_have_metrics() {
    let mut result = good();
    result.tokens = Tokens { fetched: 50, replaced: 3, failed: 2, ..Tokens::default() };
    result.tokens.fetch_us = Quantiles { p50: 900, max: 12_000, count: 52, ..Quantiles::default() };
    let millis = |millis| Limit::Duration(Duration::from_millis(millis));
    for (metric, limit, verdict) in [
        ("tokens.failed", Limit::Count(2), Verdict::Pass),
        ("tokens.failed", Limit::Count(1), Verdict::Fail),
        ("tokens.fetched", Limit::Count(50), Verdict::Pass),
        ("tokens.replaced", Limit::Count(3), Verdict::Pass),
        ("tokens.replaced", Limit::Count(2), Verdict::Fail),
        ("tokens.fetch.p50", millis(1), Verdict::Pass),
        ("tokens.fetch.max", millis(11), Verdict::Fail),
        ("tokens.fetch.p99", millis(11), Verdict::Inconclusive),
    ] {
        let judgement = judge(&result, &[check(metric, Comparison::AtMost, limit)]);
        assert_eq!(verdict_of(&judgement, metric), verdict, "{metric}");
    }
}
