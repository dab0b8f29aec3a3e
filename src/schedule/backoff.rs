//! How long a request that failed waits for its next attempt.

use std::time::Duration;

use rand_distr::{Distribution as _, StandardUniform};

use super::draws::{Draws, Purpose};
use crate::scenario::{Backoff, Jitter, RetrySpec};

/// How long to wait after `attempt`, counted from 1, of request `index`; `seed` is [`super::workload_seed`]'s.
fn wait(backoff: Backoff, seed: u64, index: u64, attempt: u32) -> Duration {
    let (base, max, jitter) = match backoff {
        Backoff::Fixed(wait) => return wait,
        Backoff::Exponential { base, max, jitter } => (base, max, jitter),
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

/// How long to wait after `attempt`, counted from 1, of request `index` has failed, before the next one; `None` where
/// there is none. `asked` is what the answer asked for; `seed` is [`super::workload_seed`]'s.
#[must_use]
pub fn retry_wait(
    retry: &RetrySpec,
    seed: u64,
    index: u64,
    attempt: u32,
    asked: Option<Duration>,
) -> Option<Duration> {
    if attempt > retry.times {
        return None;
    }
    let asked = asked.filter(|_| retry.retry_after).unwrap_or_default();
    Some(wait(retry.backoff, seed, index, attempt).max(asked).min(retry.max_wait))
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
            |backoff: Backoff| [1, 2, 3, 6, 7, 33, u32::MAX].map(|attempt| wait(backoff, 0, 0, attempt));
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
                let wait = wait(exponential(jitter), 9, index, 2).as_secs_f64();
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
        let wait = |seed, index, attempt| super::wait(exponential(Jitter::Equal), seed, index, attempt);
        assert_eq!(wait(1, 2, 3), wait(1, 2, 3));
        assert!(wait(1, 2, 3) != wait(1, 3, 3) && wait(1, 2, 3) != wait(2, 2, 3));
        assert!(wait(1, 2, 8) != wait(1, 2, 9));
    }

    #[test]
    fn an_answer_may_ask_for_more_time_but_not_for_any() {
        let retry = |retry_after| RetrySpec {
            times: 2,
            backoff: Backoff::Fixed(100 * MS),
            retry_after,
            max_wait: 1000 * MS,
            on: Vec::new(),
        };
        let second = Some(Duration::from_secs(1));
        let hour = Some(Duration::from_hours(1));
        assert_eq!(retry_wait(&retry(true), 0, 0, 1, None), Some(100 * MS));
        assert_eq!(retry_wait(&retry(true), 0, 0, 1, second), second);
        assert_eq!(retry_wait(&retry(true), 0, 0, 2, hour), second);
        assert_eq!(retry_wait(&retry(true), 0, 0, 2, Some(MS)), Some(100 * MS));
        assert_eq!(retry_wait(&retry(true), 0, 0, 3, second), None);
        assert_eq!(retry_wait(&retry(false), 0, 0, 1, second), Some(100 * MS));
        let long = RetrySpec { backoff: Backoff::Fixed(Duration::from_mins(1)), ..retry(false) };
        assert_eq!(retry_wait(&long, 0, 0, 1, None), second);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest(
            base: u64, max: u64, seed: u64, index: u64, attempt: u32,
            jitter in prop::sample::select(vec![Jitter::None, Jitter::Full, Jitter::Equal]),
        ) {
            let (base, max) = (Duration::from_nanos(base), Duration::from_nanos(max));
            let wait = super::wait(Backoff::Exponential { base, max, jitter }, seed, index, attempt);
            // Shares are doubles, and round up by less than one in 2⁵².
            prop_assert!(wait.as_secs_f64() <= max.as_secs_f64() * (1.0 + 1e-15));
        }
    }
}
