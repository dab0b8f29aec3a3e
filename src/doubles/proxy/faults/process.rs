//! Faults of the process rather than of a request: it pauses, it starts cold, it keeps memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::doubles::fault::Injector;

/// How late the first answers after a cold start are.
const COLD: Duration = Duration::from_secs(1);
/// What a request leaves behind that is never given back, in bytes.
const LEFT_BEHIND: usize = 1 << 20;

/// Waits until no stall is under way, and counts each that was waited for.
pub(in crate::doubles::proxy) async fn stalled(stalls: &[Arc<Injector>]) {
    let under_way = || stalls.iter().find_map(|stall| Some((stall, stall.window_left(Instant::now())?)));
    while let Some((stall, left)) = under_way() {
        stall.took_effect(1);
        tokio::time::sleep(left).await;
    }
}

/// Waits as a proxy does that has just started: at first for as long as [`COLD`], and less and less until its window ends.
pub(in crate::doubles::proxy) async fn warming_up(starts: &[Arc<Injector>]) {
    let share = |start: &Arc<Injector>| start.window_share_left(Instant::now());
    if let Some((start, share)) = starts.iter().find_map(|start| Some((start, share(start)?))) {
        start.took_effect(1);
        tokio::time::sleep(COLD.mul_f64(share)).await;
    }
}

/// What requests have left behind.
#[derive(Debug, Default)]
pub(in crate::doubles::proxy) struct Leak(Mutex<Vec<Vec<u8>>>);

impl Leak {
    /// Leaves something behind for a request that is struck.
    pub(in crate::doubles::proxy) fn leak(&self, growths: &[Arc<Injector>]) {
        let Some(growth) = growths.iter().find(|growth| growth.strikes_any(Instant::now())) else { return };
        growth.took_effect(1);
        // Memory that was never written to would cost nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(vec![1; LEFT_BEHIND]);
    }
}
