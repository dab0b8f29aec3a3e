//! Throttling by token bucket (Amazon API Gateway Developer Guide, "Throttle requests to your REST APIs").

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many requests may pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Requests a second, in the long run.
    pub rate: f64,
    /// Requests that may come at once.
    pub burst: u32,
}

/// A bucket that fills at the limit's rate, and holds its burst.
#[derive(Debug)]
pub(in crate::doubles) struct TokenBucket {
    limit: RateLimit,
    level: Mutex<Level>,
}

#[derive(Debug)]
struct Level {
    tokens: f64,
    at: Option<Instant>,
}

impl TokenBucket {
    pub(in crate::doubles) fn new(limit: RateLimit) -> Self {
        Self { limit, level: Mutex::new(Level { tokens: f64::from(limit.burst), at: None }) }
    }

    /// How long it takes until one more may pass, as far as that is known now.
    pub(in crate::doubles) fn wait(&self) -> Duration {
        let level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::try_from_secs_f64((1.0 - level.tokens).max(0.0) / self.limit.rate).unwrap_or(Duration::MAX)
    }

    /// Whether one more request may pass.
    pub(in crate::doubles) fn admits(&self, now: Instant) -> bool {
        // Whole after each statement.
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let since = level.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        level.tokens = (level.tokens + since * self.limit.rate).min(f64::from(self.limit.burst));
        level.at = Some(level.at.map_or(now, |at| at.max(now)));
        let admits = level.tokens >= 1.0;
        if admits {
            level.tokens -= 1.0;
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let bucket = TokenBucket::new(RateLimit { rate: 10.0, burst: 3 });
        let start = Instant::now();
        let at = |millis| bucket.admits(start + Duration::from_millis(millis));
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(50), at(100), at(150), at(200)], [false, true, false, true]);
        // An hour fills no more than the burst.
        let later = [at(3_600_000), at(3_600_000), at(3_600_000), at(3_600_000)];
        assert_eq!(later, [true, true, true, false]);
    }

    proptest! {
        #[test]
        fn no_more_pass_than_burst_and_rate_allow(
            gaps in prop::collection::vec(0..500_u64, 1..200), rate in 1..200_u32, burst in 1..50_u32,
        ) {
            let bucket = TokenBucket::new(RateLimit { rate: f64::from(rate), burst });
            let start = Instant::now();
            let (mut at, mut passed) = (Duration::ZERO, 0_u32);
            for gap in gaps {
                at += Duration::from_millis(gap);
                passed += u32::from(bucket.admits(start + at));
                prop_assert!(f64::from(passed) <= f64::from(burst) + at.as_secs_f64() * f64::from(rate) + 1e-6);
            }
        }
    }
}
