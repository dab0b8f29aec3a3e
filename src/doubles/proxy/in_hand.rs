//! The records of a request from when they have been handed to the client until each is answered for, with what
//! faults make of the answers.

use std::sync::Arc;
use std::time::Instant;

use super::failure::{Failure, FailureKind};
use super::faults::{Misreport, Plan, Strike, Treatment, Whole};
use super::produce::{Call, Faults, Outcome, Pending, Position, Producer};
use crate::doubles::fault::{Injector, first_striking};

/// Records that have been handed to the client, and are answered for one after another.
pub(super) struct InHand {
    pub(super) producer: Arc<Producer>,
    pub(super) call: Call,
    pub(super) plan: Plan,
    /// What has not been settled yet.
    pub(super) pending: Vec<Option<Pending>>,
    pub(super) copies: Vec<Option<Pending>>,
    /// What really became of the records that have been settled.
    pub(super) outcomes: Vec<Option<Outcome>>,
    /// Records that have been answered for.
    pub(super) answered: usize,
    /// Of each failed record that was reported as written, the fault.
    pub(super) hidden: Vec<Arc<Injector>>,
}

impl InHand {
    /// What the next record is answered with, when that is known; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Outcome> {
        let index = self.answered;
        if index == self.call.records.len() {
            return None;
        }
        self.answered += 1;
        self.settle(index).await;
        let treatment = self.plan.strikes[index].as_ref().map(|strike| strike.treatment.clone());
        let mut outcome = match self.outcomes[index].clone()? {
            Ok(position) => Ok(position),
            Err(failure) => self.hide(index, failure),
        };
        match (treatment, self.written(index)) {
            (Some(Treatment::Misreport(misreport)), Some(position)) => {
                outcome = misreported(misreport, position);
            }
            (Some(Treatment::ExchangeWith(other)), Some(position)) => {
                self.settle(other).await;
                if let Some(theirs) = self.written(other).filter(|it| it.partition == position.partition) {
                    outcome = Ok(theirs);
                }
            }
            _ => {}
        }
        if let (Some((Whole::Stale(positions), _)), Ok(position)) = (&self.plan.whole, &mut outcome) {
            *position = positions.get(index).copied().unwrap_or(*position);
        }
        Some(outcome)
    }

    async fn settle(&mut self, index: usize) {
        if self.outcomes[index].is_none() {
            let pending = self.pending[index].take();
            self.outcomes[index] = Some(self.producer.outcome(&self.call, index, pending).await);
        }
    }

    /// Where a record really stands, if that is known.
    fn written(&self, index: usize) -> Option<Position> {
        self.outcomes.get(index)?.as_ref()?.as_ref().ok().copied()
    }

    /// What is answered for a record that failed.
    fn hide(&mut self, index: usize, failure: Failure) -> Outcome {
        let untouched = self.call.faults == Faults::AsPlanned
            && self.plan.whole.is_none()
            && self.plan.strikes[index].is_none();
        // What may be tried again may have been written all the same.
        if !untouched || failure.kind == FailureKind::Retriable {
            return Err(failure);
        }
        let hiding = self.producer.hiding();
        match first_striking(hiding, &self.call.topic, Instant::now()).cloned() {
            Some(fault) => {
                self.hidden.push(fault);
                Ok(self.producer.pretended(&self.call.topic))
            }
            None => Err(failure),
        }
    }

    /// Ends it, whether or not all records have been answered for: counts the faults that really befell one.
    pub(super) async fn finish(mut self) {
        for index in 0..self.call.records.len() {
            self.settle(index).await;
        }
        for (index, strike) in self.plan.strikes.iter().enumerate() {
            let Some(strike) = strike else { continue };
            let copied = match self.copies[index].take() {
                Some(copy) => self.producer.outcome(&self.call, index, Some(copy)).await.is_ok(),
                None => false,
            };
            if self.took_effect(strike, index, copied) {
                strike.injector.took_effect(1);
            }
        }
        for fault in &self.hidden {
            fault.took_effect(1);
        }
        let positions: Vec<Position> = (0..self.outcomes.len()).filter_map(|i| self.written(i)).collect();
        if let Some((_, injector)) = &self.plan.whole {
            injector.took_effect(positions.len() as u64);
        }
        if positions.len() == self.call.records.len() && self.plan.strikes.iter().all(Option::is_none) {
            self.producer.remember(&self.call, positions);
        }
    }

    /// Whether the fault really befell the record at `index`.
    fn took_effect(&self, strike: &Strike, index: usize, copied: bool) -> bool {
        let both = |other| {
            self.written(index)
                .zip(self.written(other))
                .filter(|(mine, theirs)| mine.partition == theirs.partition)
        };
        match strike.treatment {
            Treatment::Drop => true,
            Treatment::Double => self.written(index).is_some() && copied,
            Treatment::Alter(_) | Treatment::Misreport(_) => self.written(index).is_some(),
            Treatment::SwapWith(other) => {
                both(other).is_some_and(|(mine, theirs)| mine.offset > theirs.offset)
            }
            Treatment::ExchangeWith(other) => both(other).is_some(),
            Treatment::Swapped => false,
        }
    }
}

/// What is answered for a record that stands at `position`.
fn misreported(misreport: Misreport, position: Position) -> Outcome {
    let failed = |kind, message: &str| Err(Failure { kind, message: message.to_owned() });
    match misreport {
        Misreport::Offset => Ok(Position { offset: position.offset + 1, ..position }),
        Misreport::Partition(of) => Ok(Position { partition: (position.partition + 1) % of, ..position }),
        Misreport::NoOffset => Ok(Position { offset: -1, ..position }),
        Misreport::Refused => {
            failed(FailureKind::Rejected, "This record has failed the validation on broker.")
        }
        Misreport::Retriable => {
            failed(FailureKind::Retriable, "The server disconnected before a response was received.")
        }
    }
}
