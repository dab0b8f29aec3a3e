//! Rules over metrics: `latency.p99 < 250ms`, `records.lost == 0`, `rate.achieved >= 99%`.

use super::error::{nearest, quoted};
use super::model::{Check, Comparison, Limit};
use super::quantity::{parse_duration, parse_growth, parse_percent, parse_rate, parse_size};

/// The metrics that a check may name.
pub const METRICS: &[&str] = &[
    "latency.p50",
    "latency.p90",
    "latency.p99",
    "latency.p999",
    "latency.max",
    "service.p50",
    "service.p90",
    "service.p99",
    "service.p999",
    "service.max",
    "blocked.p50",
    "blocked.p90",
    "blocked.p99",
    "blocked.p999",
    "blocked.max",
    "generator_lag.p50",
    "generator_lag.p90",
    "generator_lag.p99",
    "generator_lag.p999",
    "generator_lag.max",
    "readable.p50",
    "readable.p90",
    "readable.p99",
    "readable.p999",
    "readable.max",
    "tokens.fetch.p50",
    "tokens.fetch.p90",
    "tokens.fetch.p99",
    "tokens.fetch.p999",
    "tokens.fetch.max",
    "tokens.fetched",
    "tokens.replaced",
    "tokens.failed",
    "tokens.gap",
    "tokens.key_fetches",
    "requests.sent",
    "requests.accepted",
    "requests.refused",
    "requests.failed",
    "requests.reset",
    "requests.timed_out",
    "requests.malformed",
    "requests.wrongly_refused",
    "requests.wrongly_admitted",
    "records.sent",
    "records.acked",
    "records.refused",
    "records.unknown",
    "records.landed",
    "records.lost",
    "records.unverifiable",
    "records.leaked",
    "records.absent",
    "records.unknown_landed",
    "records.unpositioned",
    "records.unknown_absent",
    "records.duplicated",
    "records.duplicated_beyond_attempts",
    "records.corrupted",
    "records.misplaced",
    "records.reordered",
    "records.rewritten",
    "records.foreign",
    "latency.censored",
    "rate.achieved",
    "memory.growth",
    "memory.peak",
    "proxy.rss.max",
    "proxy.rss.slope",
    "proxy.cpu.max",
    "proxy.cpu.throttled",
    "proxy.threads.max",
    "proxy.fds.max",
    "proxy.restarts",
    "kafka.rss.max",
    "kafka.rss.slope",
    "kafka.cpu.max",
    "kafka.cpu.throttled",
    "kafka.threads.max",
    "kafka.fds.max",
    "kafka.restarts",
];

/// What a metric counts in, and so what its limit must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MetricKind {
    /// A time; its limit is a duration.
    Time,
    /// A number of requests or records; its limit is a whole number.
    Count,
    /// A number of bytes; its limit is a size.
    Bytes,
    /// A rate; its limit is a percentage of the target or requests a second.
    Rate,
    /// A share; its limit is a percentage.
    Share,
    /// Growth; its limit is a size a time.
    Growth,
}

/// The boxes whose containers metrics tell of, by what the metrics' names begin with.
pub(super) const BOX_FAMILIES: [&str; 2] = ["proxy", "kafka"];

/// What the metric `name` counts in.
fn metric_kind(name: &str) -> MetricKind {
    match name {
        "rate.achieved" => MetricKind::Rate,
        "memory.growth" | "memory.peak" => MetricKind::Bytes,
        _ if BOX_FAMILIES.iter().any(|family| name.split('.').next() == Some(family)) => {
            match name.split_once('.').map_or("", |(_, member)| member) {
                "rss.max" => MetricKind::Bytes,
                "rss.slope" => MetricKind::Growth,
                "cpu.max" | "cpu.throttled" => MetricKind::Share,
                _ => MetricKind::Count,
            }
        }
        "latency.censored" | "tokens.fetched" | "tokens.replaced" | "tokens.failed"
        | "tokens.key_fetches" => MetricKind::Count,
        _ if ["requests.", "records.", "connections."].iter().any(|family| name.starts_with(family)) => {
            MetricKind::Count
        }
        _ => MetricKind::Time,
    }
}

/// What rules in one place of a scenario may say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vocabulary {
    /// The metrics that they may name.
    pub(super) metrics: &'static [&'static str],
    /// A rule as it should be.
    pub(super) example: &'static str,
}

/// What `checks` may say.
pub(super) const CHECKS: Vocabulary = Vocabulary { metrics: METRICS, example: "latency.p99 < 250ms" };

/// The comparisons; those of two characters first, since they start like those of one.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    ("!=", Comparison::Different),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// What is wrong with a check, and what would be right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CheckProblem {
    pub(super) message: String,
    pub(super) suggestion: String,
}

fn problem<T>(message: impl Into<String>, suggestion: impl Into<String>) -> Result<T, CheckProblem> {
    Err(CheckProblem { message: message.into(), suggestion: suggestion.into() })
}

/// Reads one rule.
pub(super) fn parse_check(text: &str, vocabulary: Vocabulary) -> Result<Check, CheckProblem> {
    let example = || format!("write for instance `{}`", vocabulary.example);
    let is_operator = |c: char| matches!(c, '<' | '>' | '=' | '!');
    let Some(start) = text.find(is_operator) else {
        return problem(format!("{} has no comparison", quoted(text)), example());
    };
    let (name, rest) = text.split_at(start);
    let (operator, limit) = rest.split_at(rest.find(|c| !is_operator(c)).unwrap_or(rest.len()));
    let (name, limit) = (name.trim(), limit.trim());
    let Some((_, comparison)) = COMPARISONS.iter().find(|(symbol, _)| *symbol == operator) else {
        let possible = "possible are `<`, `<=`, `==`, `!=`, `>=`, `>`";
        return problem(format!("{} is no comparison", quoted(operator)), possible);
    };
    // Percentiles are commonly written p99.9; the names in results have no second dot.
    let metric = match name.strip_suffix(".p99.9") {
        Some(family) => format!("{family}.p999"),
        None => name.to_owned(),
    };
    if name.is_empty() {
        return problem("names no metric", example());
    }
    if !vocabulary.metrics.contains(&metric.as_str()) {
        return problem(
            format!("{} is no metric", quoted(name)),
            nearest_metric(&metric, vocabulary.metrics),
        );
    }
    let limit = parse_limit(&metric, metric_kind(&metric), limit)?;
    Ok(Check { text: text.trim().to_owned(), metric, comparison: *comparison, limit })
}

fn parse_limit(metric: &str, kind: MetricKind, text: &str) -> Result<Limit, CheckProblem> {
    let (parsed, wanted, example) = match kind {
        MetricKind::Time => {
            let parsed = parse_duration(text).map(Limit::Duration).map_err(|error| error.to_string());
            (parsed, "a time", "250ms")
        }
        MetricKind::Bytes => {
            let parsed = parse_size(text).map(Limit::Bytes).map_err(|error| error.to_string());
            (parsed, "a size", "200MiB")
        }
        MetricKind::Growth => {
            let parsed = parse_growth(text).map(Limit::BytesPerMinute).map_err(|error| error.to_string());
            (parsed, "a growth", "1MiB/min")
        }
        MetricKind::Share => {
            let parsed = parse_percent(text).map(Limit::Percent).map_err(|error| error.to_string());
            (parsed, "a share", "80%")
        }
        MetricKind::Count => {
            let only_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let parsed = match text.parse() {
                Ok(count) if only_digits => Ok(Limit::Count(count)),
                _ if only_digits => Err("is too large".to_owned()),
                _ => Err("is no whole number".to_owned()),
            };
            (parsed, "a count", "0")
        }
        MetricKind::Rate => {
            let parsed = if text.ends_with('%') {
                parse_percent(text).map(Limit::Percent)
            } else {
                parse_rate(text).map(Limit::PerSecond)
            };
            (parsed.map_err(|error| error.to_string()), "a rate", "99%` or `400/s")
        }
    };
    parsed.or_else(|reason| {
        let limit = if text.is_empty() { "nothing".to_owned() } else { quoted(text) };
        problem(
            format!("{} is {wanted}, and its limit {limit} {reason}", quoted(metric)),
            format!("write for instance `{example}`"),
        )
    })
}

/// The nearest metric, or those of the family that `name` belongs to, or the families.
fn nearest_metric(name: &str, metrics: &[&'static str]) -> String {
    let family_of = |metric: &'static str| metric.split('.').next().unwrap_or(metric);
    let family = name.split('.').next().unwrap_or(name);
    let members: Vec<&str> = metrics.iter().copied().filter(|metric| family_of(metric) == family).collect();
    if !members.is_empty() {
        return nearest(name, &members);
    }
    let suggestion = nearest(name, metrics);
    if suggestion.starts_with("did you mean") {
        return suggestion;
    }
    let mut families: Vec<String> = Vec::new();
    for metric in metrics {
        let family = format!("`{}.`", family_of(metric));
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let last = families.pop().unwrap_or_default();
    format!("metrics start with {} or {last}", families.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn check(text: &str) -> (String, Comparison, Limit) {
        let check = parse_check(text, CHECKS).unwrap();
        (check.metric, check.comparison, check.limit)
    }

    fn error(text: &str) -> String {
        let problem = parse_check(text, CHECKS).expect_err(text);
        format!("{}; {}", problem.message, problem.suggestion)
    }

    #[test]
    fn every_metric_has_a_kind_and_takes_its_own_limit() {
        assert_eq!(METRICS.iter().collect::<BTreeSet<_>>().len(), METRICS.len());
        for metric in METRICS {
            let fitting = match metric_kind(metric) {
                MetricKind::Time => "250ms",
                MetricKind::Count => "3",
                MetricKind::Rate | MetricKind::Share => "99%",
                MetricKind::Bytes => "64MiB",
                MetricKind::Growth => "1MiB/min",
            };
            for limit in ["250ms", "3", "99%", "64MiB", "1MiB/min"] {
                let read = parse_check(&format!("{metric} < {limit}"), CHECKS);
                assert_eq!(read.is_ok(), limit == fitting, "{metric} {limit}");
            }
        }
    }

    #[test]
    fn comparisons_and_limits_are_read() {
        let p99 = "latency.p99".to_owned();
        let limit = Limit::Duration(Duration::from_millis(250));
        assert_eq!(check("latency.p99 < 250ms"), (p99.clone(), Comparison::Less, limit));
        assert_eq!(check(" latency.p99<=250ms "), (p99.clone(), Comparison::AtMost, limit));
        assert_eq!(check("latency.p99 > 250ms"), (p99.clone(), Comparison::Greater, limit));
        assert_eq!(check("latency.p99.9 != 250ms"), ("latency.p999".into(), Comparison::Different, limit));
        assert_eq!(check("records.lost == 0"), ("records.lost".into(), Comparison::Equal, Limit::Count(0)));
        let rate = "rate.achieved".to_owned();
        assert_eq!(check("rate.achieved >= 99%"), (rate.clone(), Comparison::AtLeast, Limit::Percent(99.0)));
        assert_eq!(check("rate.achieved >= 400/s"), (rate, Comparison::AtLeast, Limit::PerSecond(400.0)));
        assert_eq!(parse_check(" records.lost  == 0 ", CHECKS).unwrap().text, "records.lost  == 0");
    }

    #[test]
    fn what_is_no_check_says_why() {
        for (text, expected) in [
            ("", "has no comparison"),
            ("latency.p99", "has no comparison; write for instance"),
            ("latency.p99 = 250ms", "`=` is no comparison; possible are"),
            ("latency.p99 =< 250ms", "`=<` is no comparison"),
            ("< 250ms", "names no metric"),
            (
                "latency.p98 < 250ms",
                "`latency.p98` is no metric; did you mean `latency.p90` or `latency.p99`?",
            ),
            ("latency.average < 250ms", "possible are `latency.p50`"),
            ("latncy.p99 < 250ms", "did you mean `latency.p99`?"),
            ("cpu < 3", "metrics start with `latency.`"),
            ("latency.p99 < 250", "`latency.p99` is a time, and its limit `250` has no unit"),
            ("latency.p99 <", "its limit nothing must be a duration"),
            ("records.lost == 0.5", "is a count, and its limit `0.5` is no whole number"),
            ("records.lost == +0", "is no whole number"),
            ("records.lost == 99999999999999999999", "is too large"),
            ("rate.achieved >= 99", "has no unit"),
            ("a < 1 < 2", "`a` is no metric"),
            ("records.lost < 1 < 2", "`1 < 2` is no whole number"),
        ] {
            assert!(error(text).contains(expected), "{text:?}: {}", error(text));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), near in "[a-z0-9._]{0,12} ?[<>=!]{0,3} ?[0-9.a-z%/]{0,9}") {
            let _ = (parse_check(&text, CHECKS), parse_check(&near, CHECKS));
        }
    }
}
