//! The metrics that checks name, taken from a result and held against limits.

use super::containers;
use crate::result::{Memory, Quantiles, RunResult};
use crate::scenario::{Comparison, Limit};
use crate::stats::{bytes_text, growth_text, time_text};

/// A metric's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Metric {
    /// A quantile of a histogram of `count` values, in microseconds; `permille` is the quantile.
    Time { micros: u64, permille: u64, count: u64, censored: u64, taken: Taken },
    /// A number of requests or records; `landing` where it rests on what was read from the topics.
    Count { count: u64, landing: bool },
    /// A number of bytes.
    Bytes(u64),
    /// The achieved rate.
    Rate,
    /// A share, 0 to 1.
    Share(f64),
    /// Growth, in bytes a minute.
    Growth(f64),
}

/// By whom a time is taken, and from when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// By a load thread, from when the request was due.
    FromDue,
    /// By a load thread, from something that it did.
    FromDoing,
    /// Beside the load: how punctual its threads are does not matter.
    Beside,
}

/// Whether there are enough values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    Enough,
    TooFew { needed: u64 },
}

impl Metric {
    /// The metric of this name; `None` for an unknown one.
    pub(super) fn of(result: &RunResult, name: &str) -> Option<Self> {
        let (family, member) = name.split_once('.')?;
        // What was never answered stands in these three with what it had come to by then.
        let censored = result.latency_us.censored;
        match family {
            "latency" if member == "censored" => Some(Self::Count { count: censored, landing: false }),
            "latency" => {
                let latency = quantile(result.latency_us.quantiles(), member, censored);
                latency.map(|metric| metric.taken(Taken::FromDue))
            }
            "service" => quantile(result.service_us, member, censored),
            "blocked" => quantile(result.blocked_us, member, censored),
            "generator_lag" => quantile(result.generator_lag_us, member, 0),
            "readable" => quantile(result.readable_us, member, 0),
            "tokens" => token_metric(result, member),
            "requests" => request_count(result, member),
            "records" => record_count(result, member),
            "rate" if member == "achieved" => Some(Self::Rate),
            "memory" => memory_metric(result.memory?, member),
            "proxy" | "kafka" => containers::metric(result, family, member),
            _ => None,
        }
    }

    /// The same time, taken otherwise.
    fn taken(self, taken: Taken) -> Self {
        match self {
            Self::Time { micros, permille, count, censored, .. } => {
                Self::Time { micros, permille, count, censored, taken }
            }
            other => other,
        }
    }

    /// Whether the comparison holds; `None` where metric and limit are of different kinds.
    pub(super) fn compare(self, comparison: Comparison, limit: Limit, result: &RunResult) -> Option<bool> {
        let ordering = match (self, limit) {
            (Self::Time { micros, .. }, Limit::Duration(limit)) => u128::from(micros).cmp(&limit.as_micros()),
            (Self::Count { count, .. }, Limit::Count(limit)) => count.cmp(&limit),
            (Self::Bytes(bytes), Limit::Bytes(limit)) => bytes.cmp(&limit),
            (Self::Share(share), Limit::Percent(limit)) => (share * 100.0).total_cmp(&limit),
            (Self::Growth(growth), Limit::BytesPerMinute(limit)) => growth.total_cmp(&limit),
            (Self::Rate, Limit::Percent(limit)) => percent(result).total_cmp(&limit),
            (Self::Rate, Limit::PerSecond(limit)) => result.rate.achieved_per_s.total_cmp(&limit),
            _ => return None,
        };
        Some(comparison.holds(ordering))
    }

    /// The value as people read it, in the limit's unit.
    pub(super) fn text(self, limit: Limit, result: &RunResult) -> String {
        match (self, limit) {
            (Self::Time { micros, .. }, _) => time_text(micros),
            (Self::Count { count, .. }, _) => count.to_string(),
            (Self::Bytes(bytes), _) => bytes_text(bytes),
            (Self::Share(share), _) => format!("{:.1} %", share * 100.0),
            (Self::Growth(growth), _) => growth_text(growth),
            (Self::Rate, Limit::Percent(_)) => format!("{:.2} %", percent(result)),
            (Self::Rate, _) => format!("{:.1}/s", result.rate.achieved_per_s),
        }
    }

    /// Whether it is a count that breaks the limit from above: more reading can only raise it further.
    pub(super) fn exceeds(self, comparison: Comparison, limit: Limit) -> bool {
        match (self, limit, comparison) {
            (Self::Count { count, .. }, Limit::Count(limit), Comparison::Less | Comparison::AtMost) => {
                count >= limit
            }
            (Self::Count { count, .. }, Limit::Count(limit), Comparison::Equal) => count > limit,
            _ => false,
        }
    }

    /// Whether it is a time that counts from when requests were due, so that the generator's lag is part of it.
    pub(super) fn counts_from_due(self) -> bool {
        matches!(self, Self::Time { taken: Taken::FromDue, .. })
    }

    /// Whether it rests on what was read from the topics.
    pub(super) fn needs_reading(self) -> bool {
        matches!(self, Self::Count { landing: true, .. })
    }

    /// A quantile needs ten values beyond it: p99 a thousand in all, p99.9 ten thousand.
    pub(super) fn sample(self) -> Sample {
        match self {
            Self::Time { permille, count, .. } => {
                let needed = if permille == 1000 { 1 } else { 10_000 / (1000 - permille) };
                if count >= needed { Sample::Enough } else { Sample::TooFew { needed } }
            }
            _ => Sample::Enough,
        }
    }

    /// Whether values that are only lower bounds might lift it: not while they are so few that all of them fit
    /// beyond the quantile.
    pub(super) fn could_be_higher(self) -> bool {
        match self {
            Self::Time { permille, count, censored, .. } => censored * 1000 > count * (1000 - permille),
            _ => false,
        }
    }
}

/// `censored` is how many of the values may be lower bounds only.
fn quantile(quantiles: Quantiles, member: &str, censored: u64) -> Option<Metric> {
    let (micros, permille) = match member {
        "p50" => (quantiles.p50, 500),
        "p90" => (quantiles.p90, 900),
        "p99" => (quantiles.p99, 990),
        "p999" => (quantiles.p999, 999),
        "max" => (quantiles.max, 1000),
        _ => return None,
    };
    Some(Metric::Time { micros, permille, count: quantiles.count, censored, taken: Taken::FromDoing })
}

fn token_metric(result: &RunResult, member: &str) -> Option<Metric> {
    let tokens = &result.tokens;
    let count = match member {
        "fetched" => tokens.fetched,
        "replaced" => tokens.replaced,
        "failed" => tokens.failed,
        "key_fetches" => tokens.key_fetches?,
        "gap" => {
            let micros = tokens.unarmed_us;
            let taken = Taken::Beside;
            return Some(Metric::Time { micros, permille: 1000, count: 1, censored: 0, taken });
        }
        _ => {
            let fetch = quantile(tokens.fetch_us, member.strip_prefix("fetch.")?, 0);
            return fetch.map(|metric| metric.taken(Taken::Beside));
        }
    };
    Some(Metric::Count { count, landing: false })
}

fn request_count(result: &RunResult, member: &str) -> Option<Metric> {
    let requests = &result.requests;
    let count = match member {
        "sent" => requests.sent,
        "accepted" => requests.accepted,
        "refused" => requests.refused,
        "failed" => requests.failed,
        "reset" => requests.reset,
        "timed_out" => requests.timed_out,
        "malformed" => requests.malformed,
        "wrongly_refused" => requests.wrongly_refused,
        "wrongly_admitted" => requests.wrongly_admitted,
        _ => return None,
    };
    Some(Metric::Count { count, landing: false })
}

fn memory_metric(memory: Memory, member: &str) -> Option<Metric> {
    match member {
        "growth" => Some(Metric::Bytes(memory.peak_bytes.saturating_sub(memory.start_bytes))),
        "peak" => Some(Metric::Bytes(memory.peak_bytes)),
        _ => None,
    }
}

fn record_count(result: &RunResult, member: &str) -> Option<Metric> {
    let records = &result.records;
    let (count, landing) = match member {
        "sent" => (records.sent, false),
        "acked" => (records.acked, false),
        "refused" => (records.refused, false),
        "unknown" => (records.unknown, false),
        "landed" => (records.landed, true),
        "lost" => (records.lost, true),
        "unverifiable" => (records.unverifiable, false),
        "leaked" => (records.leaked, true),
        "absent" => (records.absent, true),
        "unknown_landed" => (records.unknown_landed, true),
        "unpositioned" => (records.unpositioned, false),
        "unknown_absent" => (records.unknown_absent, true),
        "duplicated" => (records.duplicated, true),
        "duplicated_beyond_attempts" => (records.duplicated_beyond_attempts, true),
        "corrupted" => (records.corrupted, true),
        "misplaced" => (records.misplaced, true),
        "reordered" => (records.reordered, true),
        "rewritten" => (records.rewritten, true),
        "foreign" => (records.foreign, true),
        _ => return None,
    };
    Some(Metric::Count { count, landing })
}

/// The achieved rate in percent of the target.
fn percent(result: &RunResult) -> f64 {
    if result.rate.target_per_s > 0.0 {
        100.0 * result.rate.achieved_per_s / result.rate.target_per_s
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_need_ten_values_beyond() {
        let sample = |permille, count| {
            Metric::Time { micros: 1, permille, count, censored: 0, taken: Taken::FromDue }.sample()
        };
        assert_eq!(sample(990, 1_000), Sample::Enough);
        assert_eq!(sample(999, 9_999), Sample::TooFew { needed: 10_000 });
        assert_eq!(sample(500, 20), Sample::Enough);
        assert_eq!(sample(1000, 0), Sample::TooFew { needed: 1 });
    }
}
