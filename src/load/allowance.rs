//! What a load may send at most, held while it is sent: by all its threads together, each attempt counted.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::clock::{Nanos, nanos};

/// By how long the last requests may be late.
const LATE: Duration = Duration::from_secs(1);
/// So much of the rate may leave at once.
const BURST: Duration = Duration::from_secs(1);

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The number of requests.
    Requests,
    /// The rate.
    Rate,
    /// The time.
    Duration,
}

/// How many attempts may be sent, and how fast.
#[derive(Debug)]
pub struct Allowance {
    requests: u64,
    /// Between two attempts, in the long run.
    gap: Nanos,
    until: Nanos,
    sent: AtomicU64,
    /// When the rate has caught up with what was sent (GCRA, ITU-T I.371).
    caught_up: AtomicU64,
    over: OnceLock<Over>,
}

impl Allowance {
    /// At most `requests`, at `rate` a second and a second's worth at once, for `duration`.
    #[must_use]
    pub fn new(requests: u64, rate: f64, duration: Duration) -> Self {
        Self {
            requests,
            gap: nanos(Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX)),
            until: nanos(duration.saturating_add(LATE)),
            sent: AtomicU64::new(0),
            caught_up: AtomicU64::new(0),
            over: OnceLock::new(),
        }
    }

    /// Whether one more attempt may be sent, so long after the schedules' start; if so, it is counted.
    pub(super) fn take(&self, now: Nanos) -> bool {
        let refused = if now > self.until {
            Some(Over::Duration)
        } else if self.count().is_err() {
            Some(Over::Requests)
        } else if self.pace(now).is_err() {
            Some(Over::Rate)
        } else {
            None
        };
        if let Some(over) = refused {
            // The first reason stands.
            let _ = self.over.set(over);
        }
        refused.is_none()
    }

    fn count(&self) -> Result<u64, u64> {
        let more = |sent: u64| (sent < self.requests).then_some(sent + 1);
        self.sent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
    }

    fn pace(&self, now: Nanos) -> Result<u64, u64> {
        let most = now.saturating_add(nanos(BURST).max(self.gap));
        let later = |at: Nanos| Some(at.max(now).saturating_add(self.gap)).filter(|at| *at <= most);
        self.caught_up.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later)
    }

    /// What was used up when more was to be sent.
    #[must_use]
    pub fn over(&self) -> Option<Over> {
        self.over.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn requests_are_counted() {
        let allowance = Allowance::new(3, 1000.0, Duration::from_mins(1));
        assert_eq!([0, 1, 2, 3].map(|ms| allowance.take(ms * 1_000_000)), [true, true, true, false]);
        assert_eq!(allowance.over(), Some(Over::Requests));
    }

    #[test]
    fn no_more_leave_in_n_seconds_than_in_one_more_of_the_rate() {
        let allowance = Allowance::new(u64::MAX, 10.0, Duration::from_mins(1));
        // As fast as can be for three seconds.
        let sent = (0..3000).filter(|ms| allowance.take(ms * 1_000_000)).count();
        assert!((39..=40).contains(&sent), "{sent}");
        assert_eq!(allowance.over(), Some(Over::Rate));
        // At the rate it goes on for ever, and so do short delays.
        let allowance = Allowance::new(u64::MAX, 10.0, Duration::from_hours(1));
        assert!((0..1000).all(|number| allowance.take(number * SECOND / 10 + (number % 7) * 90_000_000)));
        // Less than one a second.
        let allowance = Allowance::new(u64::MAX, 0.5, Duration::from_hours(1));
        assert_eq!([0, 1, 2, 3, 4].map(|s| allowance.take(s * SECOND)), [true, false, true, false, true]);
    }

    #[test]
    fn the_time_ends() {
        let allowance = Allowance::new(u64::MAX, 10.0, Duration::from_secs(5));
        assert!(allowance.take(6 * SECOND));
        assert!(!allowance.take(6 * SECOND + 1));
        assert_eq!(allowance.over(), Some(Over::Duration));
    }
}
