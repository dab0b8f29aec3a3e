//! The walk over a schedule's arrivals.

use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::Duration;

use rand_distr::{Distribution as _, Exp1};

use super::draws::{Draws, Purpose};
use super::intensity::Intensity;
use super::spacing::Spacing;
use super::{Arrivals, Phase, Plan};

/// A request is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Number of the request in its schedule, from 0.
    pub index: u64,
    /// When it is due, counted from the schedule's start. Never before the one with the index before.
    pub due: Duration,
    /// Place of its phase in the schedule.
    pub phase: u16,
}

/// Walks over a schedule's arrivals in the order of their due times. It allocates nothing, and costs so little that
/// several threads can each walk over all arrivals and take those that are theirs.
#[derive(Debug, Clone)]
pub struct Cursor {
    plan: Arc<Plan>,
    phase: u16,
    index: u64,
    walk: Walk,
}

/// Where a cursor stands within a phase.
#[derive(Debug, Clone)]
struct Walk {
    draws: Draws,
    /// Arrivals of the phase so far.
    count: u64,
    /// Sum of the random gaps so far.
    gaps: f64,
    /// Piece of the intensity.
    piece: usize,
}

impl Cursor {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let walk = Walk::new(plan.seed, 0);
        Self { plan, phase: 0, index: 0, walk }
    }
}

impl Iterator for Cursor {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let phase = usize::from(self.phase);
            let (of, (start, end)) = (self.plan.phases.get(phase)?, self.plan.bounds.get(phase)?);
            // Times are rounded to nanoseconds; what comes to stand at the end is outside.
            if let Some(within) = self.walk.next(of).filter(|within| *within < end - start) {
                let due = Duration::from_nanos(start + within);
                let arrival = Arrival { index: self.index, due, phase: self.phase };
                self.index += 1;
                return Some(arrival);
            }
            self.phase = self.phase.checked_add(1)?;
            self.walk = Walk::new(self.plan.seed, self.phase);
        }
    }
}

impl FusedIterator for Cursor {}

impl Walk {
    fn new(seed: u64, phase: u16) -> Self {
        // Each phase has draws of its own: the gap that led out of the phase before is known to be a long one.
        let draws = Draws::new(seed, Purpose::Gaps).part(u64::from(phase));
        Self { draws, count: 0, gaps: 0.0, piece: 0 }
    }

    /// When the next arrival of `phase` is due, in nanoseconds from its start; `None` after the last.
    fn next(&mut self, phase: &Phase) -> Option<u64> {
        let due = match &phase.arrivals {
            Arrivals::Open { intensity, spacing } => self.open(intensity, *spacing)?,
            Arrivals::Replay(replay) => replay.due(self.count)?,
            Arrivals::Closed { .. } => return None,
        };
        self.count += 1;
        Some(due)
    }

    fn open(&mut self, intensity: &Intensity, spacing: Spacing) -> Option<u64> {
        #[expect(clippy::cast_precision_loss, reason = "no phase has 2^53 arrivals")]
        let events = match spacing {
            Spacing::Even { offset } => self.count as f64 + offset,
            Spacing::Poisson => {
                let gap: f64 = Exp1.sample(&mut self.draws.at(self.count));
                self.gaps += gap;
                self.gaps
            }
        };
        let seconds = intensity.time_of(events, &mut self.piece)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float-to-int cast saturates, and no time is negative"
        )]
        let rounded = (seconds * 1e9 + 0.5) as u64;
        Some(rounded)
    }
}
