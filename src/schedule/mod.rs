//! When requests are due, how many records each holds, and how long a retry waits: pure functions of a seed and
//! of the request's index. An open schedule never drops a request and never shifts one; whether the system keeps
//! up does not enter here.
//!
//! | file | what it holds |
//! |---|---|
//! | `intensity` | rates over time, and the inverse of their integral |
//! | `spacing` | how arrivals stand within the expected number |
//! | `replay` | recorded arrivals |
//! | `cursor` | the walk over all arrivals |
//! | `sizes` | records of each request |
//! | `backoff` | waits between attempts |
//! | `draws` | randomness |

mod backoff;
mod cursor;
mod draws;
mod intensity;
mod replay;
mod sizes;
mod spacing;

use std::sync::Arc;
use std::time::Duration;

pub use backoff::retry_wait;
pub use cursor::{Arrival, Cursor};
pub use draws::workload_seed;
pub use intensity::Intensity;
pub use replay::{Replay, ReplayError};
pub use sizes::Sizes;
pub use spacing::Spacing;

/// What a phase of a workload is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Name; those of one schedule differ.
    pub name: String,
    /// Whether its requests count; those of warming up do not.
    pub measured: bool,
    /// How long requests are due.
    pub duration: Duration,
    /// When they are.
    pub arrivals: Arrivals,
}

/// When the requests of a phase are due.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// At times that do not depend on answers.
    Open {
        /// How many are expected by when; as long as the phase.
        intensity: Intensity,
        /// How they stand within that.
        spacing: Spacing,
    },
    /// At recorded times, as far as they lie within the phase.
    Replay(Replay),
    /// When the one before has been answered. There are no due times then, and so a cursor has none: the load
    /// sends by itself. All phases of a schedule are closed, or none is.
    Closed {
        /// How many requests are under way at once.
        workers: u16,
        /// How long each worker waits between an answer and the next request.
        think: Duration,
    },
}

/// Phases in sequence. Copies share the phases and cost nothing.
#[derive(Debug, Clone)]
pub struct Schedule(Arc<Plan>);

#[derive(Debug)]
struct Plan {
    seed: u64,
    phases: Vec<Phase>,
    /// When each phase begins and ends, in nanoseconds.
    bounds: Vec<(u64, u64)>,
}

impl Schedule {
    /// The schedule of `phases`, of which there are fewer than 2¹⁶; `seed` is [`workload_seed`]'s.
    #[must_use]
    pub fn new(seed: u64, phases: Vec<Phase>) -> Self {
        let mut end = 0_u64;
        let bounds = phases.iter().map(|phase| {
            let start = end;
            end = start.saturating_add(nanos(phase.duration));
            (start, end)
        });
        let bounds = bounds.collect();
        Self(Arc::new(Plan { seed, phases, bounds }))
    }

    /// The phases, in sequence.
    #[must_use]
    pub fn phases(&self) -> &[Phase] {
        &self.0.phases
    }

    /// When `phase` begins, counted from the schedule's start; the schedule's end where there is no such phase.
    #[must_use]
    pub fn start(&self, phase: u16) -> Duration {
        let bounds = self.0.bounds.get(usize::from(phase));
        bounds.map_or_else(|| self.duration(), |(start, _)| Duration::from_nanos(*start))
    }

    /// How long all phases last.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.0.bounds.last().map_or(0, |(_, end)| *end))
    }

    /// Whether the load is closed, so that there are no due times.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phases().iter().any(|phase| matches!(phase.arrivals, Arrivals::Closed { .. }))
    }

    /// All arrivals, from the first on.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.0.clone())
    }

    /// How many arrivals are expected before `time`, which counts from the schedule's start: exactly so many where they
    /// were recorded, the next whole number up or down where they are evenly spaced, and as the mean of all seeds where
    /// they are random. Closed phases have none. Costs no walk over them.
    #[must_use]
    pub fn expected_before(&self, time: Duration) -> f64 {
        let phases = self.0.phases.iter().zip(&self.0.bounds);
        phases
            .map(|(phase, (start, _))| {
                let within = time.saturating_sub(Duration::from_nanos(*start)).min(phase.duration);
                match &phase.arrivals {
                    Arrivals::Open { intensity, .. } => intensity.cumulative(within),
                    #[expect(clippy::cast_precision_loss, reason = "no file holds 2^53 times")]
                    Arrivals::Replay(replay) => replay.count(nanos(within)) as f64,
                    Arrivals::Closed { .. } => 0.0,
                }
            })
            .sum()
    }
}

/// Whole nanoseconds; as many as fit.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
