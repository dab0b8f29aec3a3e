//! Rules over the metrics of a run: what must hold in the end, and what ends it early.

use std::cmp::Ordering;
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

impl Comparison {
    /// Whether it holds for a value that stands so to the limit.
    #[must_use]
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::Different => ordering.is_ne(),
            Self::AtLeast => ordering.is_ge(),
            Self::Greater => ordering.is_gt(),
        }
    }
}

/// What a metric is held against, in the metric's own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// A duration, for times.
    Duration(Duration),
    /// A plain number, for counts.
    Count(u64),
    /// A number of bytes, for memory.
    Bytes(u64),
    /// A number of bytes a minute, for growth.
    BytesPerMinute(f64),
    /// A share in percent: of the target, for rates.
    Percent(f64),
    /// Requests a second, for rates.
    PerSecond(f64),
}

/// A rule that ends a run early.
#[derive(Debug, Clone, PartialEq)]
pub struct AbortRule {
    /// As written, but for blanks: `latency.p99 > 5s for 3s`.
    pub text: String,
    /// What must not be; its metric is one of [`crate::scenario::ABORT_METRICS`].
    pub condition: Check,
    /// In how many seconds in a row it must hold, at least 1.
    pub seconds: u32,
}
