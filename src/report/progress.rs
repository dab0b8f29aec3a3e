//! A run that is under way, as plain data.

use std::time::Duration;

use crate::record::Class;
use crate::result::Quantiles;
use crate::stats::Times;

/// What a run has come to so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// The scenario's name.
    pub name: String,
    /// Run id.
    pub run: String,
    /// What it is about.
    pub stage: Stage,
    /// Time since the schedules' start; zero before it.
    pub elapsed: Duration,
    /// How long requests are due, from the same start.
    pub length: Duration,
    /// Until when, from the same start, is waited at most for what may still land; `None` where that is a matter of moments.
    pub settled_by: Option<Duration>,
    /// The phases under way; workloads may differ in theirs.
    pub phases: Vec<PhaseNow>,
    /// The last second of which everything is known.
    pub last: LastSecond,
    /// Since the schedules' start.
    pub so_far: SoFar,
}

/// What a run is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// Requests are due.
    #[default]
    Load,
    /// No more are due; answers are waited for.
    Drain,
    /// The load has ended; the topics are read to their ends.
    Settle,
}

impl Stage {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Drain => "drain",
            Self::Settle => "settle",
        }
    }
}

/// A phase that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseNow {
    /// Its name.
    pub name: String,
    /// How long it lasts yet.
    pub left: Duration,
}

/// A second of the load.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LastSecond {
    /// Requests that were expected to be due in it; closed load has none.
    pub due: f64,
    /// Requests begun in it.
    pub begun: u64,
    /// Attempts that ended in it with every record acked.
    pub accepted: u64,
    /// Requests under way at its end.
    pub in_flight: u64,
    /// How long the measured request had been due, in microseconds, that was under way for longest at its end; 0 where none
    /// was.
    pub oldest_us: u64,
    /// Requests that waited for a connection at its end.
    pub waiting: u64,
    /// Times of the measured requests that ended in it.
    pub times: TimeQuantiles,
    /// CPU time over its length, of the busiest load thread.
    pub cpu_share: f64,
    /// Time for which a load thread could have run and had no CPU, of the one that waited most, where the system tells.
    pub run_queue_share: Option<f64>,
}

/// The load so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SoFar {
    /// Requests begun.
    pub begun: u64,
    /// Attempts by what became of them, in the order of [`Class::ALL`].
    pub attempts: [u64; Class::ALL.len()],
    /// Of these, retries.
    pub retries: u64,
    /// Connections opened.
    pub opened: u64,
    /// Connections that could not be opened or broke.
    pub socket_errors: u64,
    /// Times of the measured requests.
    pub times: TimeQuantiles,
    /// Records of which an attempt has ended.
    pub sent: u64,
    /// Acks received.
    pub acked: u64,
    /// Records read from the topics.
    pub landed: u64,
}

/// Quantiles of the four times of requests, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeQuantiles {
    /// Answered − due.
    pub latency: Quantiles,
    /// Answered − written.
    pub service: Quantiles,
    /// Wait for a free connection.
    pub blocked: Quantiles,
    /// Written − the later of due and connection free.
    pub generator_lag: Quantiles,
}

impl TimeQuantiles {
    /// Those of `times`.
    #[must_use]
    pub fn of(times: &Times) -> Self {
        Self {
            latency: times.latency.quantiles(),
            service: times.service.quantiles(),
            blocked: times.blocked.quantiles(),
            generator_lag: times.generator_lag.quantiles(),
        }
    }

    /// Each with its name.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Quantiles); 4] {
        [
            ("latency", self.latency),
            ("service", self.service),
            ("blocked", self.blocked),
            ("generator_lag", self.generator_lag),
        ]
    }
}
