//! How long nothing has passed: told by a clock that ticks, so that a byte's passing costs a load and a store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Times in whole milliseconds since the balancer's start. They are exact to a tick.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    now: AtomicU64,
    limit: Duration,
    /// The limit, in the clock's own unit.
    limit_millis: u64,
}

impl Clock {
    /// A clock that tells what has been idle for `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        let limit_millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        Self { started: Instant::now(), now: AtomicU64::new(0), limit, limit_millis }
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Whether what passed `last` is forgotten by now.
    pub(super) fn has_forgotten(&self, last: u64) -> bool {
        self.now().saturating_sub(last) >= self.limit_millis
    }

    /// Lets it tick, for ever.
    pub(super) async fn run(&self) {
        let tick = (self.limit / 64).clamp(Duration::from_millis(1), Duration::from_millis(100));
        loop {
            tokio::time::sleep(tick).await;
            let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.now.store(now, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_forgets_after_the_limit_and_not_before() {
        let clock = Clock::new(Duration::from_secs(40));
        let asking = async {
            tokio::time::sleep(Duration::from_secs(39)).await;
            assert!(!clock.has_forgotten(0));
            let last = clock.now();
            assert!((38_800..=39_000).contains(&last), "{last}");
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert!(clock.has_forgotten(0) && !clock.has_forgotten(last));
        };
        tokio::select! {
            () = clock.run() => unreachable!("it ticks for ever"),
            () = asking => {}
        }
    }
}
