//! What is left when all has been told: acks that no copy has met, and copies that no ack names.

use std::collections::BTreeMap;

use super::Ledger;
use super::coverage::Coverage;
use super::levels::Set;
use super::place::{Place, Side, StoreError, Unmatched};
use crate::record::RecordId;

/// What is left where acks and copies have not met.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    /// Of each producer: records of which an ack was not met.
    pub(super) unplaced: Vec<Set>,
    /// Of those, the ones that may stand there unseen.
    pub(super) unproven: Vec<Set>,
    /// Acks of places where something stands without a readable identity.
    pub(super) disputed: BTreeMap<Place, Vec<RecordId>>,
    /// Records without identity of which an ack was not met, as many as are kept.
    pub(super) anonymous: Vec<RecordId>,
    /// Copies that stand where no ack said, as many as are kept.
    pub(super) copies: BTreeMap<RecordId, Vec<Place>>,
    copies_kept: usize,
    /// Such copies beyond these.
    pub(super) copies_beyond: u64,
}

impl Ledger {
    /// Gathers what has not met.
    pub(super) fn leftovers(&mut self, coverage: &Coverage<'_>) -> Result<Leftovers, StoreError> {
        let producers = self.accounts.len();
        let mut left = Leftovers {
            unplaced: vec![Set::new(); producers],
            unproven: vec![Set::new(); producers],
            ..Leftovers::default()
        };
        let most = self.join.bounds().apart;
        let nameless = &self.nameless;
        let anonymous: Vec<bool> = (0..producers).map(|producer| self.is_anonymous(producer)).collect();
        self.join.finish(|Unmatched { place, id, side, .. }| {
            let producer = usize::from(id.producer);
            match side {
                Side::Claim if nameless.has(place) => left.disputed.entry(place).or_default().push(id),
                Side::Claim => {
                    left.unplaced[producer].insert(id.sequence);
                    if !coverage.proves_absence(place) {
                        left.unproven[producer].insert(id.sequence);
                    }
                    if anonymous[producer] && left.anonymous.len() < most {
                        left.anonymous.push(id);
                    }
                }
                Side::Landing if left.copies_kept < most => {
                    left.copies.entry(id).or_default().push(place);
                    left.copies_kept += 1;
                }
                Side::Landing => left.copies_beyond += 1,
            }
        })?;
        Ok(left)
    }
}
