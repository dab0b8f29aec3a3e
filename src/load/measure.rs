//! What a load thread measures, and what it reports in the end.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::stats::Histogram;

/// The figures of a load, as DESIGN's "Time" defines them. Times are of requests expected to be accepted.
#[derive(Debug, Clone, Default)]
pub struct LoadReport {
    /// Answered − due, whatever the outcome; unsent and unanswered ones at their age.
    pub latency: Histogram,
    /// Answered − written.
    pub service: Histogram,
    /// Wait for a free connection.
    pub blocked: Histogram,
    /// Written − the later of due and connection free.
    pub generator_lag: Histogram,
    /// How many of the latencies are ages only.
    pub censored: u64,
    /// Requests due that were never begun.
    pub unsent: u64,
    /// Connections that could not be opened or broke.
    pub socket_errors: u64,
    /// Requests expected to be accepted of which every record was acked.
    pub accepted: u64,
    /// Requests that the schedule holds of those expected to be accepted.
    pub scheduled: u64,
    /// The longest schedule of those expected to be accepted.
    pub scheduled_for: Duration,
    /// From the schedule's start to when the last of those was written, or to the end of draining where some were
    /// never begun.
    pub sent_after: Duration,
    /// CPU time of the load thread over the time from its start to the schedule's end, 0 to 1.
    pub cpu_share: f64,
    /// Whether the load was stopped before its schedule's end.
    pub interrupted: bool,
}

impl LoadReport {
    /// Requests a second that the schedule asked for.
    #[must_use]
    pub fn target_per_s(&self) -> f64 {
        per_second(self.scheduled, self.scheduled_for)
    }

    /// Accepted requests a second, over the schedule's time, or up to the last sending where that came later: a
    /// system that falls behind delays sendings, while a late answer alone is latency, not rate.
    #[must_use]
    pub fn achieved_per_s(&self) -> f64 {
        per_second(self.accepted, self.scheduled_for.max(self.sent_after))
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^53 requests")]
    let count = count as f64;
    if time.is_zero() { 0.0 } else { count / time.as_secs_f64() }
}

/// The share of a CPU that the load thread uses.
#[derive(Debug, Clone)]
pub(super) struct CpuShare {
    began: Instant,
    used: Duration,
    until_end: Rc<Cell<Option<f64>>>,
}

impl CpuShare {
    /// Measures from now until `end`: draining, when the thread idles, is left out. Must be called on a `LocalSet`.
    pub(super) fn watch(end: Instant) -> Self {
        let share = Self { began: Instant::now(), used: thread_cpu_time(), until_end: Rc::default() };
        let watched = share.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep_until(tokio::time::Instant::from_std(end)).await;
            watched.until_end.set(Some(watched.measure()));
        });
        share
    }

    fn measure(&self) -> f64 {
        let ran = self.began.elapsed().as_secs_f64().max(1e-9);
        thread_cpu_time().saturating_sub(self.used).as_secs_f64() / ran
    }

    /// Up to the end, or up to now where that has not come.
    pub(super) fn until_now(&self) -> f64 {
        self.until_end.get().unwrap_or_else(|| self.measure())
    }
}

/// The CPU time that the calling thread has used.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

/// Whole microseconds from `from` to `to`; 0 where `to` is earlier.
pub(super) fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_sendings_lower_the_rate_and_early_ones_do_not_raise_it() {
        let report = |sent_after| LoadReport {
            accepted: 400,
            scheduled: 400,
            scheduled_for: Duration::from_secs(1),
            sent_after,
            ..LoadReport::default()
        };
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(report(Duration::from_millis(999)).achieved_per_s(), 400.0));
        assert!(close(report(Duration::from_secs(2)).achieved_per_s(), 200.0));
        assert!(close(LoadReport::default().achieved_per_s(), 0.0));
    }
}
