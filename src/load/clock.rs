//! The time of a run, in nanoseconds since its origin.

use std::time::{Duration, Instant};

/// Nanoseconds since the run's origin.
pub(super) type Nanos = u64;

/// Reads the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin }
    }

    pub(super) fn now(&self) -> Nanos {
        nanos(self.origin.elapsed())
    }

    /// When an instant is; 0 for one before the origin.
    pub(super) fn at(&self, instant: Instant) -> Nanos {
        nanos(instant.saturating_duration_since(self.origin))
    }
}

/// A duration in nanoseconds; 584 years at most.
pub(super) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole microseconds.
pub(super) fn micros(nanos: Nanos) -> u64 {
    nanos / 1_000
}
