//! Rules that end a run early: `latency.p99 > 5s for 3s`, `requests.failed > 100`.

use std::time::Duration;

use super::check::{CheckProblem, METRICS, Vocabulary, parse_check};
use super::decode::Item;
use super::error::{Problems, quoted};
use super::model::AbortRule;
use super::quantity::{format_duration, parse_duration};

/// The metrics that `abort_when` may name: those that are known while the load runs.
pub const ABORT_METRICS: &[&str] = &[
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
    "requests.accepted",
    "requests.refused",
    "requests.failed",
    "requests.reset",
    "requests.timed_out",
    "requests.malformed",
    "connections.errors",
];

const ABORTS: Vocabulary = Vocabulary { metrics: ABORT_METRICS, example: "latency.p99 > 5s for 3s" };

/// The longest that a condition may have to hold.
const LONGEST: Duration = Duration::from_hours(1);

/// Reads the list of rules.
pub(super) fn read_aborts(item: &Item<'_>, problems: &mut Problems) -> Vec<AbortRule> {
    let mut rules = Vec::new();
    for item in item.list(problems).unwrap_or_default() {
        // A lone number is no rule either, and the sentence about that is more use than one about types.
        let Some(text) = item.written().or_else(|| item.text(problems)) else { continue };
        match parse_abort(text) {
            Ok(rule) => rules.push(rule),
            Err(problem) => item.suggest(problems, problem.message, problem.suggestion),
        }
    }
    rules
}

/// Reads one rule.
fn parse_abort(text: &str) -> Result<AbortRule, CheckProblem> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (condition, held) = match text.split_once(" for") {
        Some((condition, held)) if held.is_empty() || held.starts_with(' ') => (condition, Some(held.trim())),
        _ => (text.as_str(), None),
    };
    let condition = parse_check(condition, ABORTS).map_err(|problem| match only_in_checks(condition) {
        Some(metric) => CheckProblem {
            message: format!("{} is not known while the load runs", quoted(metric)),
            suggestion: "put the rule into `checks`, which are judged at the run's end".to_owned(),
        },
        None => problem,
    })?;
    let seconds = held.map_or(Ok(1), whole_seconds)?;
    Ok(AbortRule { text, condition, seconds })
}

/// The metric that a rule names, where only checks may.
fn only_in_checks(condition: &str) -> Option<&str> {
    let metric = condition.split(['<', '>', '=', '!']).next()?.trim();
    (METRICS.contains(&metric) && !ABORT_METRICS.contains(&metric)).then_some(metric)
}

/// How long a condition must hold. It is looked at once a second, so that is the unit.
fn whole_seconds(text: &str) -> Result<u32, CheckProblem> {
    let wrong = |reason: String| CheckProblem {
        message: format!("the time after `for` {reason}"),
        suggestion: "write for instance `for 3s`".to_owned(),
    };
    let held = parse_duration(text).map_err(|error| wrong(error.to_string()))?;
    let whole = held.subsec_nanos() == 0 && (Duration::from_secs(1)..=LONGEST).contains(&held);
    match u32::try_from(held.as_secs()) {
        Ok(seconds) if whole => Ok(seconds),
        _ => Err(wrong(format!("must be whole seconds, at most 1h, and is {}", format_duration(held)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Comparison, Limit};
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        let problem = parse_abort(text).expect_err(text);
        format!("{}; {}", problem.message, problem.suggestion)
    }

    #[test]
    fn a_rule_is_a_check_that_may_have_to_hold_for_some_time() {
        let rule = parse_abort(" latency.p99 >  5s\n for 3s ").unwrap();
        assert_eq!((rule.text.as_str(), rule.seconds), ("latency.p99 > 5s for 3s", 3));
        assert_eq!(rule.condition.metric, "latency.p99");
        assert_eq!(rule.condition.comparison, Comparison::Greater);
        assert_eq!(rule.condition.limit, Limit::Duration(Duration::from_secs(5)));
        let plain = parse_abort("requests.failed >= 100").unwrap();
        assert_eq!((plain.condition.limit, plain.seconds), (Limit::Count(100), 1));
        assert_eq!(parse_abort("connections.errors > 0 for 1m").unwrap().seconds, 60);
        assert_eq!(parse_abort("blocked.p99.9>1s for 1h").unwrap().condition.metric, "blocked.p999");
    }

    #[test]
    fn what_is_no_rule_says_why() {
        for (text, expected) in [
            ("", "has no comparison; write for instance `latency.p99 > 5s for 3s`"),
            ("latency.p99 > 5s for", "the time after `for` must be a duration"),
            ("latency.p99 > 5s for 3", "the time after `for` has no unit"),
            ("latency.p99 > 5s for 1500ms", "must be whole seconds, at most 1h, and is 1s500ms"),
            ("latency.p99 > 5s for 0s", "must be whole seconds"),
            ("latency.p99 > 5s for 61m", "at most 1h"),
            ("latency.p99 > 5s forever", "its limit `5s forever` has"),
            (
                "records.lost > 0",
                "`records.lost` is not known while the load runs; put the rule into `checks`",
            ),
            ("rate.achieved < 99%", "`rate.achieved` is not known while the load runs"),
            ("latency.p98 > 1s", "`latency.p98` is no metric; did you mean `latency.p90` or `latency.p99`?"),
            ("connection.errors > 1", "did you mean `connections.errors`?"),
            ("cpu > 1", "metrics start with `latency.`, `service.`"),
            ("requests.failed > 1%", "is a count"),
        ] {
            assert!(error(text).contains(expected), "{text:?}: {}", error(text));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), near in "[a-z0-9._]{0,12} ?[<>=!]{0,3} ?[0-9.a-z%/]{0,9} for ?[0-9.a-z]{0,5}") {
            let _ = (parse_abort(&text), parse_abort(&near));
        }
    }
}
