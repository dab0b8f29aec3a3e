//! Checks: rules over the metrics of a run.

use std::time::Duration;

/// A rule over a metric of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// As written, for instance `latency.p99 < 250ms`.
    pub text: String,
    /// One of [`crate::scenario::METRICS`].
    pub metric: String,
    /// How the metric's value must stand to the limit.
    pub comparison: Comparison,
    /// What it is held against.
    pub limit: Limit,
}

/// A comparison of a metric with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    Different,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// What a metric is held against, in the metric's own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// A duration, for times.
    Duration(Duration),
    /// A plain number, for counts.
    Count(u64),
    /// A share of the target, in percent, for rates.
    Percent(f64),
    /// Requests a second, for rates.
    PerSecond(f64),
}
