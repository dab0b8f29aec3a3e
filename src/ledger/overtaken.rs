//! Which records have been overtaken, where windows cannot tell: all claims are told once more and sorted by place. A record
//! that was acked before the latest of those in front of it began to leave is one, unless its key is another.

use std::collections::HashMap;

use super::account::Account;
use super::join::Apart;
use super::levels::Set;
use super::place::{Place, Side, StoreError, Unmatched};
use super::settle::Replay;
use super::sorter::Sorter;
use super::{Ledger, claimed};
use crate::record::{Answer, RecordId, RequestId, Sent, Stream};

/// When requests that are tried again had first been written, as attempts are told one after another.
#[derive(Debug, Default)]
pub(super) struct Begun(HashMap<RequestId, u64>);

impl Begun {
    /// When the first attempt at this one's request was written.
    pub(super) fn first_written_us(&mut self, sent: &Sent) -> u64 {
        let begun = self.0.get(&sent.request).copied();
        let written_us = begun.map_or(sent.written_us, |begun| begun.min(sent.written_us));
        if sent.again {
            self.0.insert(sent.request, written_us);
        } else if begun.is_some() {
            self.0.remove(&sent.request);
        }
        written_us
    }
}

impl Ledger {
    /// The records that have been overtaken, of those that stand where they were acked.
    ///
    /// # Errors
    /// [`StoreError`] where what was put aside cannot be read back.
    pub(super) fn overtaken(
        &mut self,
        unplaced: &[Set],
        replay: &mut Replay<'_>,
    ) -> Result<Apart, StoreError> {
        let mut sorter = self.join.sorter();
        let mut begun = Begun::default();
        replay(&mut |sent, answer| {
            let written_us = begun.first_written_us(sent);
            self.placed(unplaced, sent, answer, written_us, &mut sorter);
        });
        let mut apart = Apart::new(self.join.bounds().apart);
        let mut latest = None;
        sorter.finish(|claim| {
            let (at, written_us) = *latest.get_or_insert((claim.place.at, 0));
            let in_front_us = if at == claim.place.at { written_us } else { 0 };
            if claim.answered_us < in_front_us {
                apart.add(claim.id, claim.place);
            }
            latest = Some((claim.place.at, in_front_us.max(claim.written_us)));
        })?;
        Ok(apart)
    }

    /// Sorts in the claims of an attempt's records that stand where they were acked, and whose order means anything.
    fn placed(
        &self,
        unplaced: &[Set],
        sent: &Sent,
        answer: &Answer<'_>,
        written_us: u64,
        sorter: &mut Sorter,
    ) {
        let producer = usize::from(sent.request.producer);
        let (Some(account), Some(unplaced)) = (self.accounts.get(producer), unplaced.get(producer)) else {
            return;
        };
        let stream = self.catalogue.stream(sent.request.producer);
        let Some(stream) = stream.filter(|stream| stream.order_is_verifiable()) else { return };
        for index in 0..sent.records {
            let sequence = sent.first_sequence + u64::from(index);
            let Some(place) = claim(stream, answer, index) else { continue };
            if counts(account, sequence) && !unplaced.contains(sequence) {
                sorter.add(Unmatched {
                    place,
                    id: RecordId { producer: sent.request.producer, sequence },
                    side: Side::Claim,
                    written_us,
                    answered_us: answer.answered_us,
                });
            }
        }
    }
}

fn claim(stream: &Stream, answer: &Answer<'_>, index: u32) -> Option<Place> {
    claimed(stream.topic(), answer.get(index as usize))
}

/// Whether a record's order means anything: it was found, and retries have made no copies of it.
fn counts(account: &Account, sequence: u64) -> bool {
    account.copies.has(1, sequence) && !account.retries_made_copies(sequence)
}
