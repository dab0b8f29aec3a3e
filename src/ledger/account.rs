//! What is known of one producer's records: a few sets of sequence numbers, from which every count follows. Nothing
//! in it depends on the order in which events come.

use super::levels::{Levels, Set};
use crate::record::RecordAnswer;

/// One producer's account. Records are named by their sequence numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Account {
    /// How often each was sent.
    pub(super) attempts: Levels,
    /// Those that an answer acknowledged.
    pub(super) acked: Set,
    /// Those that an answer refused.
    pub(super) refused: Set,
    /// Those of which an answer left it open.
    pub(super) doubted: Set,
    /// How many copies of each were found.
    pub(super) copies: Levels,
    /// Those of which a copy has another content.
    pub(super) corrupted: Set,
    /// Those of which a copy is equal as JSON, and other bytes.
    pub(super) rewritten: Set,
    /// Those of which a copy stands in a topic or partition that the request did not name.
    pub(super) strayed: Set,
    /// Those that stand before an earlier record of their request and key, if the acks are right.
    pub(super) swapped: Set,
    /// Those of requests that had to be refused, of which no answer acknowledged a record: the ones left open.
    pub(super) denied: Set,
    /// The first record of each such request.
    pub(super) denied_starts: Set,
    /// Those that an answer acknowledged without a position.
    pub(super) nowhere: Set,
    /// Those of which it is not known whether they were sent.
    pub(super) perhaps: Set,
}

impl Account {
    /// Enters what an answer says of one record.
    pub(super) fn answer(&mut self, sequence: u64, answer: RecordAnswer) {
        match answer {
            RecordAnswer::Acked { .. } => self.acked.insert(sequence),
            RecordAnswer::Refused => self.refused.insert(sequence),
            RecordAnswer::Unknown => self.doubted.insert(sequence),
        };
    }

    /// Whether its order says nothing: retries have made copies of it.
    pub(super) fn retries_made_copies(&self, sequence: u64) -> bool {
        self.copies.has(2, sequence) && self.attempts.has(2, sequence)
    }

    /// How many of those of which it is not known whether they were sent were found.
    pub(super) fn perhaps_found(&self) -> u64 {
        self.copies.at_least(1).map_or(0, |found| found.intersection_len(&self.perhaps))
    }

    /// Packs the sets.
    pub(super) fn optimize(&mut self) {
        self.attempts.optimize();
        self.copies.optimize();
        for set in [&mut self.acked, &mut self.refused, &mut self.doubted, &mut self.corrupted] {
            set.optimize();
        }
        for set in [&mut self.rewritten, &mut self.strayed, &mut self.swapped, &mut self.denied] {
            set.optimize();
        }
        self.denied_starts.optimize();
        self.nowhere.optimize();
        self.perhaps.optimize();
    }

    /// Bytes that it holds, when written down.
    pub(super) fn size(&self) -> usize {
        let Self { acked, refused, doubted, corrupted, rewritten, strayed, swapped, .. } = self;
        let sets = [acked, refused, doubted, corrupted, rewritten, strayed, swapped];
        let sets = sets.into_iter().chain([&self.denied, &self.denied_starts, &self.nowhere, &self.perhaps]);
        self.attempts.size() + self.copies.size() + sets.map(Set::serialized_size).sum::<usize>()
    }
}
