//! From figures to a verdict: the scenario's checks, those that always apply, and their precedence.
//!
//! Pure. A proven landing finding fails a run whatever else holds; a generator that was too slow voids timing
//! checks only; too few samples, or a topic that could not be read, leave a check inconclusive.

mod abort;
mod answers;
mod audit;
mod containers;
mod metric;
pub mod selftest;

use std::time::Duration;

use crate::result::{CheckResult, RunResult, Verdict};
use crate::scenario::{Check, Comparison, Limit};
use crate::stats::{bytes_text, growth_text, time_text};

pub use abort::{AbortWatch, Figures};
pub use answers::AnswerWatch;
pub use audit::CPU_LIMIT;
use audit::{Audit, lag_spoils};
use metric::{Metric, Sample};

/// Landing findings and broken expectations: each must be zero in every run. Copies that landfall's own retries explain
/// are found and reported, and are nobody's fault.
const ALWAYS_ZERO: [&str; 8] = [
    "records.lost",
    "records.leaked",
    "records.duplicated_beyond_attempts",
    "records.corrupted",
    "records.misplaced",
    "records.reordered",
    "requests.wrongly_refused",
    "requests.wrongly_admitted",
];

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

/// The result with its judgement.
#[must_use]
pub fn judged(mut result: RunResult, checks: &[Check]) -> RunResult {
    result.generator.exceeded = Audit::of(&result).exceeded();
    let Judgement { verdict, checks, reasons } = judge(&result, checks);
    (result.verdict, result.checks, result.reasons) = (verdict, checks, reasons);
    result
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
    let audit = Audit::of(result);
    let results: Vec<CheckResult> = all.iter().map(|check| evaluate(result, check, &audit)).collect();

    let mut reasons: Vec<(Verdict, String)> = results
        .iter()
        // That the topics could not be read is said once, below, not for each metric.
        .filter(|check| check.verdict != Verdict::Pass && check.because.as_deref() != Some(UNREAD))
        .map(|check| (check.verdict, check.sentence()))
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

fn evaluate(result: &RunResult, check: &Check, audit: &Audit) -> CheckResult {
    let limit = format!("{} {}", symbol(check.comparison), limit_text(check.limit));
    let metric = Metric::of(result, &check.metric);
    let (verdict, because) = match metric {
        None => (Verdict::Inconclusive, Some(containers::missing(result, &check.metric))),
        Some(metric) => decide(result, check, metric, audit),
    };
    let seen = metric.map_or_else(|| "nothing".into(), |metric| metric.text(check.limit, result));
    CheckResult { name: check.metric.clone(), verdict, seen, limit, because }
}

/// A verdict, and why it is not simply pass or fail.
type Decision = (Verdict, Option<String>);

fn decide(result: &RunResult, check: &Check, metric: Metric, audit: &Audit) -> Decision {
    let Some(holds) = metric.compare(check.comparison, check.limit, result) else {
        return (Verdict::Inconclusive, Some("metric and limit are of different kinds".into()));
    };
    if let Some(because) = audit.voids(check, metric, holds) {
        return (Verdict::Invalid, Some(because));
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
    if exceeds && (ALWAYS_ZERO.contains(&check.metric.as_str()) || check.metric == "records.duplicated") {
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
    let unchecked = result.horizon.order_unchecked;
    if check.metric == "records.reordered" && unchecked > 0 {
        return (Verdict::Inconclusive, Some(format!("the order of {unchecked} records was not checked")));
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
        Limit::Duration(limit) => exact_text(limit),
        Limit::Count(count) => count.to_string(),
        Limit::Bytes(bytes) => bytes_text(bytes),
        Limit::BytesPerMinute(growth) => growth_text(growth),
        Limit::Percent(percent) => format!("{percent} %"),
        Limit::PerSecond(rate) => format!("{rate}/s"),
    }
}

/// A duration in the largest unit that leaves nothing out: two limits that differ must not read the same.
fn exact_text(duration: Duration) -> String {
    let micros = duration.as_micros();
    match (micros.is_multiple_of(1_000_000), micros.is_multiple_of(1_000)) {
        (true, _) => format!("{}s", micros / 1_000_000),
        (false, true) => format!("{}ms", micros / 1_000),
        (false, false) => format!("{micros}µs"),
    }
}

#[cfg(test)]
mod tests;
