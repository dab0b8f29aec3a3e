//! Times and rates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Quantiles of a histogram (HDR, 3 significant digits, 1 µs to 1 h).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest.
    pub max: u64,
    /// Number of values.
    pub count: u64,
}

/// Latency: quantiles, and how many of the values are lower bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest.
    pub max: u64,
    /// Number of values.
    pub count: u64,
    /// Requests unsent or unanswered when draining ended; they stand in the quantiles at their age.
    pub censored: u64,
}

impl Latency {
    /// Joins quantiles with the number of censored values among them.
    #[must_use]
    pub fn new(quantiles: Quantiles, censored: u64) -> Self {
        let Quantiles { p50, p90, p99, p999, max, count } = quantiles;
        Self { p50, p90, p99, p999, max, count, censored }
    }

    /// The quantiles alone.
    #[must_use]
    pub fn quantiles(self) -> Quantiles {
        let Self { p50, p90, p99, p999, max, count, censored: _ } = self;
        Quantiles { p50, p90, p99, p999, max, count }
    }
}

/// How long requests were at a hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HopTimes {
    /// `gateway` (its own work, and reading the request), `authorizer` (where it was asked), `validation`, `balancer` (opening a connection to a
    /// target) or `proxy`, with all that lies behind it.
    pub name: String,
    /// Of the requests that came there, in microseconds.
    pub us: Quantiles,
    /// All of them together, in microseconds.
    pub total_us: u64,
}

/// Rates, in requests a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// What the schedule asked for.
    pub target_per_s: f64,
    /// Accepted requests over the schedule's time, or over the time to the last sending where that is later.
    pub achieved_per_s: f64,
}

/// A part of the load: a phase, or a partner. Figures are of requests expected to be accepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its name in the scenario.
    pub name: String,
    /// Whether its times count: not those of warming up, which are not kept.
    pub measured: bool,
    /// Requests a second that the schedule asked for.
    pub target_per_s: f64,
    /// Accepted requests a second, as in `rate`.
    pub achieved_per_s: f64,
    /// Answered − due.
    pub latency_us: Latency,
    /// Answered − written.
    pub service_us: Quantiles,
    /// Wait for a free connection.
    pub blocked_us: Quantiles,
    /// Written − the later of due and connection free.
    pub generator_lag_us: Quantiles,
}
