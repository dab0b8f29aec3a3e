//! Deciding when a fault strikes, and counting exactly how often it took effect.
//!
//! Every double asks its injectors in the scenario's order. The first that strikes takes the record (or the
//! request); those after it are not asked about it, so it is no opportunity of theirs, and no record meets two
//! faults of one box. Neither does it meet those of two boxes: see [`FAULT_HEADER`].
//!
//! [`FAULT_HEADER`]: crate::wire::gateway::FAULT_HEADER

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::scenario::{Fault, FaultKind, Pace};

/// A fault that a double has been told to show, with its counters. Shared by the replicas of a box, so
/// that `every: 100` means every hundredth record of the whole box.
#[derive(Debug)]
pub struct Injector {
    fault: Fault,
    seed: u64,
    opportunities: AtomicU64,
    injected: AtomicU64,
    started: OnceLock<Instant>,
    claimed: AtomicBool,
    starting: Notify,
}

impl Injector {
    /// An injector for `fault`; `seed` feeds the choice where the pace is a rate.
    #[must_use]
    pub fn new(fault: Fault, seed: u64) -> Self {
        Self {
            fault,
            seed,
            opportunities: AtomicU64::new(0),
            injected: AtomicU64::new(0),
            started: OnceLock::new(),
            claimed: AtomicBool::new(false),
            starting: Notify::new(),
        }
    }

    /// The fault's kind.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.fault.kind
    }

    /// What it was told to show.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Marks the start of the load, from which a fault's window is counted. Later calls change nothing.
    pub fn start(&self, now: Instant) {
        let _ = self.started.set(now);
        self.starting.notify_waiters();
    }

    /// Waits for the fault's window, and tells when it begins and ends; never ends for a fault without one.
    pub async fn window(&self) -> (Instant, Instant) {
        let Some((from, to)) = self.fault.window else { return std::future::pending().await };
        loop {
            // Before looking, so that a start between looking and waiting is not missed.
            let starting = self.starting.notified();
            if let Some(start) = self.started.get() {
                return (*start + from, *start + to);
            }
            starting.await;
        }
    }

    /// How long the load has run at this moment; `None`: it has not started.
    #[must_use]
    pub fn since_start(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(*self.started.get()?))
    }

    /// Whether the load has started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.started.get().is_some()
    }

    /// Whether the fault strikes at this opportunity: one record (or denied request) of `topic` that it
    /// could befall. Each call counts as one opportunity if topic and window fit.
    #[must_use]
    pub fn strikes(&self, topic: &str, now: Instant) -> bool {
        if self.fault.target.as_deref().is_some_and(|target| target != topic) {
            return false;
        }
        self.strikes_any(now)
    }

    /// The same of a fault that has no target.
    #[must_use]
    pub fn strikes_any(&self, now: Instant) -> bool {
        if self.fault.window.is_some() && self.window_left(now).is_none() {
            return false;
        }
        let index = self.opportunities.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fault.pace {
            Pace::Every(n) => index.is_multiple_of(n.max(1)),
            Pace::Rate(rate) => unit_interval(self.seed, index) < rate,
        }
    }

    /// What is left of the fault's window, within it.
    #[must_use]
    pub fn window_left(&self, now: Instant) -> Option<Duration> {
        let (from, to) = self.fault.window?;
        let at = now.saturating_duration_since(*self.started.get()?);
        (from..to).contains(&at).then(|| to.saturating_sub(at))
    }

    /// What is left of the fault's window, within it, as a share of it: 1 at its beginning, 0 at its end.
    #[must_use]
    pub fn window_share_left(&self, now: Instant) -> Option<f64> {
        let (from, to) = self.fault.window?;
        Some(self.window_left(now)?.as_secs_f64() / to.saturating_sub(from).as_secs_f64())
    }

    /// True for the first who asks: a fault that only one replica shows is that one's.
    #[must_use]
    pub fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::Relaxed)
    }

    /// Counts `records` that the fault has really befallen.
    pub fn took_effect(&self, records: u64) {
        self.injected.fetch_add(records, Ordering::Relaxed);
    }

    /// How many records (or requests, where the finding is a request's) the fault has befallen.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }
}

/// The injectors of these kinds among `all`, in their order.
#[must_use]
pub fn of_kinds(all: &[Arc<Injector>], kinds: &[FaultKind]) -> Vec<Arc<Injector>> {
    all.iter().filter(|injector| kinds.contains(&injector.kind())).cloned().collect()
}

/// The first of `injectors` that strikes at this opportunity; those after it are not asked.
#[must_use]
pub fn first_striking<'a>(
    injectors: &'a [Arc<Injector>],
    topic: &str,
    now: Instant,
) -> Option<&'a Arc<Injector>> {
    injectors.iter().find(|injector| injector.strikes(topic, now))
}

/// A number in [0, 1) that is a pure function of `seed` and `index` (`SplitMix64`'s finaliser; Steele, Lea
/// and Flood, "Fast splittable pseudorandom number generators", 2014).
fn unit_interval(seed: u64, index: u64) -> f64 {
    let mut z = seed.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let fraction = (z >> 11) as f64;
    fraction / 9_007_199_254_740_992.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn fault(pace: Pace) -> Fault {
        Fault { target: Some("quakes".into()), ..Fault::new(FaultKind::Duplicate, pace) }
    }

    #[test]
    fn every_third_of_the_target_only() {
        let injector = Injector::new(fault(Pace::Every(3)), 1);
        let now = Instant::now();
        assert!(!injector.strikes("other", now));
        let hits: Vec<bool> = (0..6).map(|_| injector.strikes("quakes", now)).collect();
        assert_eq!(hits, [false, false, true, false, false, true]);
    }

    #[test]
    fn who_comes_after_the_one_that_strikes_is_not_asked() {
        let every = |n| Arc::new(Injector::new(fault(Pace::Every(n)), 1));
        let (injectors, now) = ([every(2), every(2)], Instant::now());
        let struck: Vec<Option<bool>> = (0..4)
            .map(|_| first_striking(&injectors, "quakes", now).map(|hit| Arc::ptr_eq(hit, &injectors[0])))
            .collect();
        assert_eq!(struck, [None, Some(true), Some(false), Some(true)]);
    }

    #[test]
    fn a_rate_is_met_and_repeats_with_its_seed() {
        let now = Instant::now();
        let run = |seed| {
            let injector = Injector::new(fault(Pace::Rate(0.1)), seed);
            (0..10_000).map(|_| injector.strikes("quakes", now)).collect::<Vec<_>>()
        };
        let hits = run(7).iter().filter(|hit| **hit).count();
        assert!((900..1100).contains(&hits), "{hits} of 10,000 at 10 %");
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_window_counts_from_the_start_of_the_load() {
        let window = Some((Duration::from_secs(1), Duration::from_secs(2)));
        let injector = Injector::new(Fault { window, ..fault(Pace::Every(1)) }, 1);
        let start = Instant::now();
        assert!(!injector.strikes("quakes", start));
        injector.start(start);
        assert!(!injector.strikes("quakes", start));
        assert!(injector.strikes("quakes", start + Duration::from_millis(1500)));
        assert!(!injector.strikes("quakes", start + Duration::from_secs(2)));
    }
}
