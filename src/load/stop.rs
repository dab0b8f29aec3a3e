//! Telling load threads to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

use super::allowance::{Allowance, Over};
use super::clock::Nanos;

/// Stops a load from another thread. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    asked: AtomicBool,
    wakers: Mutex<Vec<Arc<Waker>>>,
    allowance: Option<Allowance>,
}

impl Stop {
    /// One that stops the load by itself where more than `allowance` is to be sent.
    #[must_use]
    pub fn within(allowance: Option<Allowance>) -> Self {
        Self(Arc::new(Inner { allowance, ..Inner::default() }))
    }

    /// Whether one more attempt may be sent, so long after the schedules' start; if so, it is counted, and else the load is
    /// stopped.
    pub(super) fn may_send(&self, now: Nanos) -> bool {
        let may = self.0.allowance.as_ref().is_none_or(|allowance| allowance.take(now));
        if !may {
            self.stop();
        }
        may
    }

    /// What of the allowance was used up, where that has stopped the load.
    #[must_use]
    pub fn over(&self) -> Option<Over> {
        self.0.allowance.as_ref().and_then(Allowance::over)
    }

    /// Nothing further is begun; what is in flight has two seconds.
    pub fn stop(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        for waker in self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // A thread that cannot be woken looks by itself once a second.
            let _ = waker.wake();
        }
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// Has this waker used when a stop is asked for.
    pub(super) fn register(&self, waker: Arc<Waker>) {
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).push(waker);
    }
}
