//! Restarts: while one lasts no connection is served, and all that the broker holds is kept.

use std::sync::Arc;

use tokio::sync::watch;

use crate::doubles::fault::Injector;

/// The restarts that are under way, as their tasks say it; connections end where there is one.
pub(super) type Restarts = watch::Sender<Vec<Arc<Injector>>>;

/// Carries out one restart, which begins and ends with the fault's window.
pub(super) async fn carry_out(fault: Arc<Injector>, restarts: Restarts) {
    let (from, to) = fault.window().await;
    tokio::time::sleep_until(from.into()).await;
    restarts.send_modify(|under_way| under_way.push(fault.clone()));
    tokio::time::sleep_until(to.into()).await;
    restarts.send_modify(|under_way| under_way.retain(|other| !Arc::ptr_eq(other, &fault)));
}

/// What a listener or a connection sees of restarts.
#[derive(Debug, Clone)]
pub(super) struct Watched(watch::Receiver<Vec<Arc<Injector>>>);

impl Watched {
    pub(super) fn of(restarts: &Restarts) -> Self {
        Self(restarts.subscribe())
    }

    /// Whether one is under way.
    pub(super) fn under_way(&self) -> bool {
        !self.0.borrow().is_empty()
    }

    /// A connection ends, or is turned away, because of those that are under way. Each counts once, however many feel it,
    /// and not at all where nobody does.
    pub(super) fn felt(&self) {
        for fault in self.0.borrow().iter().filter(|fault| fault.claim()) {
            fault.took_effect(1);
        }
    }

    /// Waits until one is under way.
    pub(super) async fn begins(&mut self) {
        // Without a sender there will be none.
        if self.0.wait_for(|under_way| !under_way.is_empty()).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
