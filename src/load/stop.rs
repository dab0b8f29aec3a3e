//! Telling load threads to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

/// Stops a load from another thread. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    asked: AtomicBool,
    wakers: Mutex<Vec<Arc<Waker>>>,
}

impl Stop {
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
