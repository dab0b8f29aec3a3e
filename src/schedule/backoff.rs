//! How long a request that failed waits for its next attempt.

use std::time::Duration;

use rand_distr::{Distribution as _, StandardUniform};

use super::draws::{Draws, Purpose};

/// When attempts follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// After the same time each.
    Fixed(Duration),
    /// After a time that doubles with every attempt.
    Exponential {
        /// Wait after the first attempt.
        base: Duration,
        /// The longest wait.
        max: Duration,
        /// How much of it is random.
        jitter: Jitter,
    },
}

/// How much of a wait is random, so that clients that failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// Nothing.
    None,
    /// All: anything from no wait to the whole one.
    Full,
    /// Half: anything from half the wait to the whole one.
    Equal,
}

impl Backoff {
    /// How long to wait after `attempt`, counted from 1, of request `index`; `seed` is [`super::workload_seed`]'s.
    #[must_use]
    pub fn wait(self, seed: u64, index: u64, attempt: u32) -> Duration {
        let (base, max, jitter) = match self {
            Self::Fixed(wait) => return wait,
            Self::Exponential { base, max, jitter } => (base, max, jitter),
        };
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let wait = base.saturating_mul(factor).min(max);
        let share = || -> f64 {
            StandardUniform.sample(&mut Draws::new(seed, Purpose::Waits).part(attempt.into()).at(index))
        };
        match jitter {
            Jitter::None => wait,
            Jitter::Full => wait.mul_f64(share()),
            Jitter::Equal => wait / 2 + (wait / 2).mul_f64(share()),
        }
    }
}

/// Whether and when a request is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many further attempts a request has at most.
    pub times: u32,
    /// When they follow.
    pub backoff: Backoff,
    /// Whether an answer's `Retry-After` (RFC 9110, section 10.2.3) lengthens the wait.
    pub honour_retry_after: bool,
    /// The longest wait, whoever asks for it.
    pub max_wait: Duration,
}

impl Retry {
    /// How long to wait after `attempt`, counted from 1, of request `index` has failed, before the next one; `None`
    /// where there is none. `retry_after` is what the answer asked for; `seed` is [`super::workload_seed`]'s.
    #[must_use]
    pub fn wait(
        &self,
        seed: u64,
        index: u64,
        attempt: u32,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        if attempt > self.times {
            return None;
        }
        let asked = retry_after.filter(|_| self.honour_retry_after).unwrap_or_default();
        Some(self.backoff.wait(seed, index, attempt).max(asked).min(self.max_wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn exponential(jitter: Jitter) -> Backoff {
        Backoff::Exponential { base: 100 * MS, max: 5000 * MS, jitter }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits =
            |backoff: Backoff| [1, 2, 3, 6, 7, 33, u32::MAX].map(|attempt| backoff.wait(0, 0, attempt));
        assert_eq!(waits(Backoff::Fixed(7 * MS)), [7 * MS; 7]);
        assert_eq!(
            waits(exponential(Jitter::None)),
            [100 * MS, 200 * MS, 400 * MS, 3200 * MS, 5000 * MS, 5000 * MS, 5000 * MS]
        );
    }

    #[test]
    fn jitter_is_spread_evenly_over_its_range() {
        for (jitter, from) in [(Jitter::Full, 0.0), (Jitter::Equal, 0.1)] {
            let mut tenths = [0_u32; 10];
            for index in 0..10_000 {
                let wait = exponential(jitter).wait(9, index, 2).as_secs_f64();
                assert!((from..0.2).contains(&wait), "{jitter:?}: {wait}");
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
                let tenth = ((wait - from) / (0.2 - from) * 10.0) as usize;
                tenths[tenth] += 1;
            }
            // 1000 expected, give or take 30; five times that.
            assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{jitter:?}: {tenths:?}");
        }
    }

    #[test]
    fn attempts_and_requests_wait_differently() {
        let wait = |seed, index, attempt| exponential(Jitter::Equal).wait(seed, index, attempt);
        assert_eq!(wait(1, 2, 3), wait(1, 2, 3));
        assert!(wait(1, 2, 3) != wait(1, 3, 3) && wait(1, 2, 3) != wait(2, 2, 3));
        assert!(wait(1, 2, 8) != wait(1, 2, 9));
    }

    #[test]
    fn an_answer_may_ask_for_more_time_but_not_for_any() {
        let retry = |honour_retry_after| Retry {
            times: 2,
            backoff: Backoff::Fixed(100 * MS),
            honour_retry_after,
            max_wait: 1000 * MS,
        };
        let second = Some(Duration::from_secs(1));
        let hour = Some(Duration::from_hours(1));
        assert_eq!(retry(true).wait(0, 0, 1, None), Some(100 * MS));
        assert_eq!(retry(true).wait(0, 0, 1, second), second);
        assert_eq!(retry(true).wait(0, 0, 2, hour), second);
        assert_eq!(retry(true).wait(0, 0, 2, Some(MS)), Some(100 * MS));
        assert_eq!(retry(true).wait(0, 0, 3, second), None);
        assert_eq!(retry(false).wait(0, 0, 1, second), Some(100 * MS));
        let long = Retry { backoff: Backoff::Fixed(Duration::from_mins(1)), ..retry(false) };
        assert_eq!(long.wait(0, 0, 1, None), second);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest(
            base: u64, max: u64, seed: u64, index: u64, attempt: u32,
            jitter in prop::sample::select(vec![Jitter::None, Jitter::Full, Jitter::Equal]),
        ) {
            let (base, max) = (Duration::from_nanos(base), Duration::from_nanos(max));
            let wait = Backoff::Exponential { base, max, jitter }.wait(seed, index, attempt);
            // Shares are doubles, and round up by less than one in 2⁵².
            prop_assert!(wait.as_secs_f64() <= max.as_secs_f64() * (1.0 + 1e-15));
        }
    }
}
