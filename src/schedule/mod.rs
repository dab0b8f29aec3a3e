//! When requests are due: pure functions of the request's index. An open schedule never drops a request
//! and never shifts one; whether the system keeps up does not enter here.

use std::time::Duration;

/// Evenly spaced arrivals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    rate_per_s: f64,
}

impl Constant {
    /// Arrivals at `rate_per_s`, which must be above zero.
    #[must_use]
    pub fn new(rate_per_s: f64) -> Self {
        Self { rate_per_s }
    }

    /// When request `index` (from 0) is due, counted from the schedule's start.
    #[must_use]
    pub fn due(self, index: u64) -> Duration {
        // Doubles hold indices exactly up to 2^53, and the quotient to some picoseconds in a day.
        #[expect(clippy::cast_precision_loss, reason = "no schedule has 2^53 requests")]
        let seconds = index as f64 / self.rate_per_s;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// How many requests are due before `duration` has passed.
    #[must_use]
    pub fn count(self, duration: Duration) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float-to-int cast saturates, and rate and duration are not negative"
        )]
        let mut count = (duration.as_secs_f64() * self.rate_per_s).ceil() as u64;
        // The product is rounded; the due times decide.
        while count > 0 && self.due(count - 1) >= duration {
            count -= 1;
        }
        while self.due(count) < duration {
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn four_hundred_a_second_for_ten_seconds() {
        let schedule = Constant::new(400.0);
        assert_eq!(schedule.count(Duration::from_secs(10)), 4000);
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(3999), Duration::from_micros(9_997_500));
        assert_eq!(Constant::new(0.5).count(Duration::from_secs(3)), 2);
    }

    proptest! {
        #[test]
        fn the_count_is_of_those_due_before_the_end(rate in 0.01..100_000.0_f64, millis in 1..600_000_u64) {
            let schedule = Constant::new(rate);
            let duration = Duration::from_millis(millis);
            let count = schedule.count(duration);
            prop_assert!(count > 0 && schedule.due(count - 1) < duration && schedule.due(count) >= duration);
        }

        #[test]
        fn due_times_never_go_back(rate in 0.01..1_000_000.0_f64, index in 0..1_000_000_000_u64) {
            let schedule = Constant::new(rate);
            prop_assert!(schedule.due(index) <= schedule.due(index + 1));
        }
    }
}
