//! Ending a run early: the scenario's rules, held against each second of the load.

use std::cmp::Ordering;

use crate::record::Class;
use crate::scenario::{AbortRule, Check, Comparison, Limit};
use crate::stats::{Times, time_text};

/// What the load had come to when a second ended.
#[derive(Debug, Clone, Copy)]
pub struct Figures<'a> {
    /// Times of the requests that ended in this second.
    pub times: &'a Times,
    /// How long the measured request has been due, in microseconds, that is under way for longest; 0 where none is.
    pub oldest_us: u64,
    /// Attempts so far, in the order of [`Class::ALL`].
    pub outcomes: [u64; Class::ALL.len()],
    /// Connections so far that could not be opened or broke.
    pub socket_errors: u64,
}

/// The rules, and for how many seconds each has held.
#[derive(Debug, Clone)]
pub struct AbortWatch {
    rules: Vec<(AbortRule, u32)>,
}

/// What a metric was in a second.
enum Seen {
    Micros(u64),
    Count(u64),
}

impl AbortWatch {
    /// Watches for all of `rules`.
    #[must_use]
    pub fn new(rules: &[AbortRule]) -> Self {
        Self { rules: rules.iter().map(|rule| (rule.clone(), 0)).collect() }
    }

    /// Takes the next second. Gives the first rule that strikes with what was seen, for instance
    /// `latency.p99 > 5s for 3s (seen 7.20s)`.
    ///
    /// In a second in which no measured request ended, the latency is the age of the oldest that is under way, where that
    /// is above a limit. Else there are no times then: such a second neither counts as one in which a rule over them
    /// holds, nor breaks a row of them.
    pub fn second(&mut self, figures: &Figures<'_>) -> Option<String> {
        let mut strike = None;
        for (rule, held) in &mut self.rules {
            let condition = &rule.condition;
            let holds = |seen: &Seen| {
                seen.stands_to(condition.limit).is_some_and(|ordering| condition.comparison.holds(ordering))
            };
            let seen = Seen::of(&condition.metric, figures);
            // An age is the least that a latency can come to: below a limit, it says nothing.
            let old = || Seen::under_way(condition, figures).filter(holds);
            let Some(seen) = seen.or_else(old) else { continue };
            *held = if holds(&seen) { *held + 1 } else { 0 };
            if *held >= rule.seconds && strike.is_none() {
                strike = Some(format!("{} (seen {})", rule.text, seen.text()));
            }
        }
        strike
    }
}

impl Seen {
    fn of(metric: &str, figures: &Figures<'_>) -> Option<Self> {
        let (family, member) = metric.split_once('.')?;
        match family {
            "requests" => {
                let place = Class::ALL.iter().position(|class| class.name() == member)?;
                Some(Self::Count(figures.outcomes[place]))
            }
            "connections" => Some(Self::Count(figures.socket_errors)),
            _ => {
                let (_, histogram) = figures.times.named().into_iter().find(|(name, _)| *name == family)?;
                if histogram.count() == 0 {
                    return None;
                }
                let quantiles = histogram.quantiles();
                Some(Self::Micros(match member {
                    "p50" => quantiles.p50,
                    "p90" => quantiles.p90,
                    "p99" => quantiles.p99,
                    "p999" => quantiles.p999,
                    "max" => quantiles.max,
                    _ => return None,
                }))
            }
        }
    }

    /// The least that a latency can come to where nothing ends any more, for rules of what is too slow.
    fn under_way(condition: &Check, figures: &Figures<'_>) -> Option<Self> {
        let latency = condition.metric.starts_with("latency.");
        let above = matches!(condition.comparison, Comparison::Greater | Comparison::AtLeast);
        (latency && above && figures.oldest_us > 0).then_some(Self::Micros(figures.oldest_us))
    }

    fn stands_to(&self, limit: Limit) -> Option<Ordering> {
        match (self, limit) {
            (Self::Micros(micros), Limit::Duration(limit)) => {
                Some(u128::from(*micros).cmp(&limit.as_micros()))
            }
            (Self::Count(count), Limit::Count(limit)) => Some(count.cmp(&limit)),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Micros(micros) => time_text(*micros),
            Self::Count(count) => count.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ABORT_METRICS;
    use std::time::Duration;

    fn rule(metric: &str, limit: Limit, seconds: u32) -> AbortRule {
        let check = Check {
            text: format!("{metric} …"),
            metric: metric.into(),
            comparison: Comparison::Greater,
            limit,
        };
        AbortRule { text: format!("{metric} too high"), condition: check, seconds }
    }

    fn slow(micros: &[u64]) -> Times {
        let mut times = Times::default();
        for micros in micros {
            times.latency.record(*micros);
        }
        times
    }

    fn figures(times: &Times, failed: u64, socket_errors: u64) -> Figures<'_> {
        let mut outcomes = [0; Class::ALL.len()];
        outcomes[Class::Failed as usize] = failed;
        Figures { times, oldest_us: 0, outcomes, socket_errors }
    }

    #[test]
    fn a_rule_strikes_when_it_has_held_for_so_many_seconds_in_a_row() {
        let over = rule("latency.p99", Limit::Duration(Duration::from_secs(5)), 3);
        let mut watch = AbortWatch::new(&[over]);
        let (slow, fast, none) = (slow(&[7_200_000]), slow(&[4_000]), slow(&[]));
        // Two seconds, then a fast one: the row begins anew. A second without answers says nothing.
        for times in [&slow, &slow, &fast, &slow, &none, &slow] {
            assert_eq!(watch.second(&figures(times, 0, 0)), None);
        }
        let strike = watch.second(&figures(&slow, 0, 0)).unwrap();
        assert_eq!(strike, "latency.p99 too high (seen 7.20s)");
    }

    #[test]
    fn counts_are_those_so_far_and_the_first_rule_is_named() {
        let failed = rule("requests.failed", Limit::Count(100), 1);
        let errors = rule("connections.errors", Limit::Count(0), 1);
        let mut watch = AbortWatch::new(&[failed, errors]);
        let times = Times::default();
        assert_eq!(watch.second(&figures(&times, 100, 0)), None);
        assert_eq!(watch.second(&figures(&times, 101, 2)).unwrap(), "requests.failed too high (seen 101)");
        let mut watch = AbortWatch::new(&[rule("connections.errors", Limit::Count(0), 1)]);
        assert_eq!(watch.second(&figures(&times, 0, 2)).unwrap(), "connections.errors too high (seen 2)");
    }

    #[test]
    fn what_never_ends_grows_old() {
        let none = slow(&[]);
        let second = |rule: &AbortRule, oldest_us| {
            AbortWatch::new(std::slice::from_ref(rule)).second(&Figures { oldest_us, ..figures(&none, 0, 0) })
        };
        let limit = Limit::Duration(Duration::from_secs(5));
        let over = rule("latency.p50", limit, 1);
        assert_eq!(second(&over, 4_900_000), None);
        assert_eq!(second(&over, 5_100_000).unwrap(), "latency.p50 too high (seen 5.10s)");
        // Young ones break no row.
        let mut row = AbortWatch::new(&[rule("latency.p50", limit, 2)]);
        let ended = slow(&[7_000_000]);
        assert_eq!(row.second(&figures(&ended, 0, 0)), None);
        assert_eq!(row.second(&Figures { oldest_us: 1_000_000, ..figures(&none, 0, 0) }), None);
        assert!(row.second(&Figures { oldest_us: 6_000_000, ..figures(&none, 0, 0) }).is_some());
        // It says nothing of what is not above a limit, nor of other times.
        let mut below = over.clone();
        below.condition.comparison = Comparison::Less;
        assert_eq!(second(&below, 1), None);
        assert_eq!(second(&rule("service.p50", limit, 1), 9_000_000), None);
    }

    #[test]
    fn every_metric_that_a_scenario_may_name_is_known() {
        let mut times = Times::default();
        for histogram in
            [&mut times.latency, &mut times.service, &mut times.blocked, &mut times.generator_lag]
        {
            histogram.record(9);
        }
        for metric in ABORT_METRICS {
            assert!(Seen::of(metric, &figures(&times, 1, 1)).is_some(), "{metric}");
        }
    }
}
