//! From figures to a verdict: the scenario's checks, those that always apply, and their precedence.
//!
//! Pure. A proven landing finding fails a run whatever else holds; a generator that was too slow voids timing
//! checks only; too few samples, or a topic that could not be read, leave a check inconclusive.

mod metric;

use std::time::Duration;

use crate::result::{CheckResult, RunResult, Verdict};
use crate::scenario::{Check, Comparison, Limit};
use crate::stats::time_text;

use metric::{Metric, Sample};

/// Landing findings and broken expectations: each must be zero in every run.
const ALWAYS_ZERO: [&str; 8] = [
    "records.lost",
    "records.leaked",
    "records.duplicated",
    "records.corrupted",
    "records.misplaced",
    "records.reordered",
    "requests.wrongly_refused",
    "requests.wrongly_admitted",
];

/// Generator lag, in microseconds at the 99th percentile, beyond which no time means anything.
const LAG_LIMIT_US: u64 = 25_000;
/// The part of a latency limit, one in so many, beyond which the lag spoils a check that does not hold.
const LAG_SHARE: u64 = 10;
/// CPU share of a load thread beyond which its times mean nothing.
const CPU_LIMIT: f64 = 0.9;

/// Why metrics of what landed decide nothing.
const UNREAD: &str = "the topics could not be read to their end";

/// What the judge decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Over everything.
    pub verdict: Verdict,
    /// Each check.
    pub checks: Vec<CheckResult>,
    /// The sentences behind a verdict other than pass, the gravest first.
    pub reasons: Vec<String>,
}

/// Judges a result whose figures are complete. Its own `verdict`, `checks` and `reasons` are not looked at.
#[must_use]
pub fn judge(result: &RunResult, checks: &[Check]) -> Judgement {
    let zero = |metric: &&str| Check {
        text: format!("{metric} == 0"),
        metric: (*metric).to_owned(),
        comparison: Comparison::Equal,
        limit: Limit::Count(0),
    };
    let some_acked = Check {
        text: "records.acked > 0".into(),
        metric: "records.acked".into(),
        comparison: Comparison::Greater,
        limit: Limit::Count(0),
    };
    let always = std::iter::once(some_acked).chain(ALWAYS_ZERO.iter().map(zero));
    let written: Vec<Check> = checks.to_vec();
    let implicit = always.filter(|check| !written.iter().any(|other| other.text == check.text));
    let all: Vec<Check> = written.iter().cloned().chain(implicit).collect();
    let slow = generator_too_slow(result);
    let results: Vec<CheckResult> =
        all.iter().map(|check| evaluate(result, check, slow.as_deref())).collect();

    let mut reasons: Vec<(Verdict, String)> = results
        .iter()
        // That the topics could not be read is said once, below, not for each metric.
        .filter(|check| check.verdict != Verdict::Pass && check.because.as_deref() != Some(UNREAD))
        .map(|check| (check.verdict, sentence(check)))
        .collect();
    if let Some(incomplete) = &result.incomplete {
        reasons.push((Verdict::Inconclusive, format!("the run is incomplete: {incomplete}")));
    }
    if result.records.unverifiable > 0 {
        let count = result.records.unverifiable;
        reasons.push((
            Verdict::Inconclusive,
            format!("{count} acknowledged records could not be looked up in the topic"),
        ));
    }
    if result.horizon.unattributed > 0 {
        let count = result.horizon.unattributed;
        let reason = format!(
            "{count} records belong to no acknowledgement; without identities, copies and leaks cannot be told from \
             other producers' records"
        );
        reasons.push((Verdict::Inconclusive, reason));
    }
    if result.tokens.unarmed > 0 {
        let (partners, time) = (result.tokens.unarmed, time_text(result.tokens.unarmed_us));
        let reason = format!(
            "{partners} partners had no valid token for up to {time}, since renewals failed or took too long; \
             what they sent then says nothing about the path"
        );
        reasons.push((Verdict::Inconclusive, reason));
    }
    if !result.horizon.complete {
        reasons.push((Verdict::Inconclusive, UNREAD.into()));
    }
    reasons.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    let verdict = reasons.first().map_or(Verdict::Pass, |(verdict, _)| *verdict);
    Judgement { verdict, checks: results, reasons: reasons.into_iter().map(|(_, reason)| reason).collect() }
}

fn sentence(check: &CheckResult) -> String {
    let CheckResult { name, seen, limit, because, .. } = check;
    match because {
        Some(because) => format!("{name} is {seen}, limit {limit}: {because}"),
        None => format!("{name} is {seen}, limit {limit}"),
    }
}

/// Why landfall's own sending was too slow for times to mean anything, if it was.
fn generator_too_slow(result: &RunResult) -> Option<String> {
    let share = result.generator.cpu_share;
    if share > CPU_LIMIT {
        let busy = share * 100.0;
        return Some(format!(
            "landfall's load thread was {busy:.0} % busy; use a lower rate or a larger machine"
        ));
    }
    (result.generator_lag_us.p99 > LAG_LIMIT_US).then(|| sent_late(result, LAG_LIMIT_US))
}

/// Lag lifts latencies: a limit that is not held means nothing where the lag alone takes a good part of it.
fn lag_spoils(result: &RunResult, check: &Check, metric: Metric) -> Option<String> {
    let (true, Limit::Duration(limit)) = (metric.counts_from_due(), check.limit) else { return None };
    let tolerated = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX) / LAG_SHARE;
    (result.generator_lag_us.p99 > tolerated).then(|| sent_late(result, tolerated))
}

fn sent_late(result: &RunResult, tolerated: u64) -> String {
    let (lag, tolerated) = (time_text(result.generator_lag_us.p99), time_text(tolerated));
    format!(
        "landfall itself sent late (generator lag p99 {lag}, tolerated {tolerated}); \
         use a lower rate or a quieter machine"
    )
}

fn evaluate(result: &RunResult, check: &Check, slow: Option<&str>) -> CheckResult {
    let limit = format!("{} {}", symbol(check.comparison), limit_text(check.limit));
    let metric = Metric::of(result, &check.metric);
    let (verdict, because) = match metric {
        None => (Verdict::Inconclusive, Some("this result has no such metric".into())),
        Some(metric) => decide(result, check, metric, slow),
    };
    let seen = metric.map_or_else(|| "nothing".into(), |metric| metric.text(check.limit, result));
    CheckResult { name: check.metric.clone(), verdict, seen, limit, because }
}

/// A verdict, and why it is not simply pass or fail.
type Decision = (Verdict, Option<String>);

fn decide(result: &RunResult, check: &Check, metric: Metric, slow: Option<&str>) -> Decision {
    let Some(holds) = metric.compare(check.comparison, check.limit, result) else {
        return (Verdict::Inconclusive, Some("metric and limit are of different kinds".into()));
    };
    if let Some(slow) = slow.filter(|_| metric.is_timing()) {
        return (Verdict::Invalid, Some(slow.to_owned()));
    }
    if let Sample::TooFew { needed } = metric.sample() {
        return (Verdict::Inconclusive, Some(format!("this quantile needs {needed} values or more")));
    }
    if holds { held(result, check, metric) } else { broken(result, check, metric) }
}

/// A check that does not hold: a failure, unless the figure might come out otherwise with what is missing.
fn broken(result: &RunResult, check: &Check, metric: Metric) -> Decision {
    if let Some(late) = lag_spoils(result, check, metric) {
        return (Verdict::Invalid, Some(late));
    }
    let exceeds = metric.exceeds(check.comparison, check.limit);
    // Findings are proven; what was found stays found, however the run goes on.
    if exceeds && ALWAYS_ZERO.contains(&check.metric.as_str()) {
        return (Verdict::Fail, None);
    }
    if result.incomplete.is_some() {
        return (Verdict::Inconclusive, Some("the run is incomplete".into()));
    }
    if metric.needs_reading() && !result.horizon.complete && !exceeds {
        return (Verdict::Inconclusive, Some(UNREAD.into()));
    }
    (Verdict::Fail, None)
}

/// A check that holds: a pass, unless what is missing might break it.
fn held(result: &RunResult, check: &Check, metric: Metric) -> Decision {
    if metric.could_be_higher() && matches!(check.comparison, Comparison::Less | Comparison::AtMost) {
        let censored = result.latency_us.censored;
        let because = format!("{censored} requests were never answered, so the true value may be higher");
        return (Verdict::Inconclusive, Some(because));
    }
    if metric.needs_reading() && !result.horizon.complete {
        return (Verdict::Inconclusive, Some(UNREAD.into()));
    }
    (Verdict::Pass, None)
}

fn symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Equal => "==",
        Comparison::Different => "!=",
        Comparison::AtLeast => ">=",
        Comparison::Greater => ">",
    }
}

fn limit_text(limit: Limit) -> String {
    match limit {
        Limit::Duration(limit) => duration_text(limit),
        Limit::Count(count) => count.to_string(),
        Limit::Percent(percent) => format!("{percent} %"),
        Limit::PerSecond(rate) => format!("{rate}/s"),
    }
}

fn duration_text(duration: Duration) -> String {
    time_text(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{
        Generator, Horizon, Latency, Machine, Quantiles, Rate, Records, Requests, SCHEMA, ScenarioRef, Tokens,
    };

    fn good() -> RunResult {
        let quantiles = |p99| Quantiles { p50: 900, p90: 2_000, p99, p999: 9_000, max: 12_000, count: 4_000 };
        RunResult {
            schema: SCHEMA,
            run: "r".into(),
            verdict: Verdict::Pass,
            incomplete: None,
            reasons: vec![],
            scenario: ScenarioRef { name: "s".into(), hash: "h".into(), seed: 1 },
            started: "2026-01-01T00:00:00Z".into(),
            elapsed_us: 10_000_000,
            requests: Requests { sent: 4_000, accepted: 4_000, ..Requests::default() },
            records: Records { sent: 40_000, acked: 40_000, landed: 40_000, ..Records::default() },
            latency_us: Latency::new(quantiles(5_000), 0),
            service_us: quantiles(4_000),
            blocked_us: quantiles(10),
            generator_lag_us: quantiles(100),
            readable_us: quantiles(8_000),
            rate: Rate { target_per_s: 400.0, achieved_per_s: 399.0 },
            tokens: Tokens::default(),
            generator: Generator { threads: 1, cpu_share: 0.1, socket_errors: 0, unsent: 0 },
            horizon: Horizon { statement: "s".into(), waited_us: 0, complete: true, unattributed: 0 },
            checks: vec![],
            faults: vec![],
            findings: vec![],
            boxes: vec![],
            machine: Machine { system: "x".into(), architecture: "x".into(), cpus: 2, memory_bytes: None },
            versions: std::collections::BTreeMap::new(),
            notes: vec![],
        }
    }

    fn check(metric: &str, comparison: Comparison, limit: Limit) -> Check {
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
        assert_eq!(
            (judgement.verdict, judgement.checks.len(), judgement.reasons.len()),
            (Verdict::Pass, 11, 0)
        );
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

    #[test]
    fn a_slow_generator_voids_timing_checks_only() {
        let mut result = good();
        result.generator_lag_us.p99 = 30_000;
        assert_eq!(judge(&result, &[p99_below(250)]).verdict, Verdict::Invalid);
        assert_eq!(judge(&result, &[]).verdict, Verdict::Pass);
        let mut busy = good();
        busy.generator.cpu_share = 0.95;
        assert_eq!(judge(&busy, &[p99_below(250)]).verdict, Verdict::Invalid);
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
    fn what_belongs_to_nobody_leaves_a_run_without_identities_open() {
        let mut result = good();
        result.horizon.unattributed = 1;
        assert_eq!(judge(&result, &[]).verdict, Verdict::Inconclusive);
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
        result.tokens = Tokens { fetched: 50, failed: 2, ..Tokens::default() };
        result.tokens.fetch_us = Quantiles { p50: 900, max: 12_000, count: 52, ..Quantiles::default() };
        let millis = |millis| Limit::Duration(Duration::from_millis(millis));
        for (metric, limit, verdict) in [
            ("tokens.failed", Limit::Count(2), Verdict::Pass),
            ("tokens.failed", Limit::Count(1), Verdict::Fail),
            ("tokens.fetched", Limit::Count(50), Verdict::Pass),
            ("tokens.fetch.p50", millis(1), Verdict::Pass),
            ("tokens.fetch.max", millis(11), Verdict::Fail),
            ("tokens.fetch.p99", millis(11), Verdict::Inconclusive),
        ] {
            let judgement = judge(&result, &[check(metric, Comparison::AtMost, limit)]);
            assert_eq!(verdict_of(&judgement, metric), verdict, "{metric}");
        }
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
}
