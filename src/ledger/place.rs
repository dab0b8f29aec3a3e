//! Where copies of records stand, and what is claimed of these places.

use crate::record::{Landed, RecordId, TopicPartition, varint};

/// Where a copy of a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Which partition.
    pub at: TopicPartition,
    /// Offset in it.
    pub offset: i64,
}

impl Place {
    pub(super) fn of(landed: &Landed) -> Self {
        Self { at: landed.at, offset: landed.offset }
    }
}

/// Which side of a place's account something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// An ack says that the record stands here.
    Claim,
    /// The record was found here.
    Landing,
}

/// A claim without its landing, or a landing without its claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unmatched {
    /// Where the record is said to stand, or stands.
    pub place: Place,
    /// Which record.
    pub id: RecordId,
    /// Which of both.
    pub side: Side,
    /// Of a claim whose order is to be told: first byte of its request written, and ack read, in microseconds after the
    /// run's origin. 0 otherwise.
    pub written_us: u64,
    /// See there.
    pub answered_us: u64,
}

impl Unmatched {
    /// One whose times do not matter.
    #[must_use]
    pub fn new(place: Place, id: RecordId, side: Side) -> Self {
        Self { place, id, side, written_us: 0, answered_us: 0 }
    }

    /// The bytes of a run, or of a part of one.
    #[must_use]
    pub fn encode(run: &[Self]) -> Vec<u8> {
        let mut out = Vec::with_capacity(run.len() * 8);
        let mut before = START;
        for unmatched in run {
            let Self { place, id, side, written_us, answered_us } = unmatched;
            varint::push(&mut out, u64::from(id.producer) << 1 | u64::from(*side == Side::Landing));
            varint::push_delta(&mut out, place.at.topic.into(), before.place.at.topic.into());
            varint::push(&mut out, place.at.partition.wrapping_sub(before.place.at.partition));
            varint::push_delta(&mut out, place.offset.cast_unsigned(), before.place.offset.cast_unsigned());
            varint::push_delta(&mut out, id.sequence, before.id.sequence);
            varint::push_delta(&mut out, *written_us, before.written_us);
            varint::push_delta(&mut out, *answered_us, *written_us);
            before = *unmatched;
        }
        out
    }

    /// The run of these bytes; `None` where they are none.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let rest = &mut bytes;
        let mut run = Vec::new();
        let mut before = START;
        while !rest.is_empty() {
            let whose: u64 = varint::take(rest)?;
            let topic = u16::try_from(varint::take_delta(rest, before.place.at.topic.into())?).ok()?;
            let partition = before.place.at.partition.wrapping_add(varint::take(rest)?);
            let offset = varint::take_delta(rest, before.place.offset.cast_unsigned())?.cast_signed();
            let sequence = varint::take_delta(rest, before.id.sequence)?;
            let written_us = varint::take_delta(rest, before.written_us)?;
            let answered_us = varint::take_delta(rest, written_us)?;
            before = Self {
                place: Place { at: TopicPartition { topic, partition }, offset },
                id: RecordId { producer: u16::try_from(whose >> 1).ok()?, sequence },
                side: if whose & 1 == 0 { Side::Claim } else { Side::Landing },
                written_us,
                answered_us,
            };
            run.push(before);
        }
        Some(run)
    }
}

/// What the first of a run is told relative to.
const START: Unmatched = Unmatched {
    place: Place { at: TopicPartition { topic: 0, partition: 0 }, offset: 0 },
    id: RecordId { producer: 0, sequence: 0 },
    side: Side::Claim,
    written_us: 0,
    answered_us: 0,
};

/// Where what is unmatched goes when there is too much of it to be kept in memory.
pub trait Store: Send + std::fmt::Debug {
    /// Keeps a run: sorted, without repetitions. Gives it back where it cannot, and is given no more then.
    ///
    /// # Errors
    /// The run.
    fn keep(&mut self, run: Vec<Unmatched>) -> Result<(), Vec<Unmatched>>;

    /// Gives back all runs, each as it was.
    fn runs(&mut self) -> Vec<Run<'_>>;

    /// Forgets all runs.
    fn clear(&mut self);
}

/// A run as a store gives it back.
pub type Run<'s> = Box<dyn Iterator<Item = Result<Unmatched, StoreError>> + 's>;

/// Why a store cannot give back what it was given. Without that nothing can be said of any record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what the ledger had put aside cannot be read back: {0}; check the disk, and run again")]
pub struct StoreError(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_read_back(
            run in prop::collection::vec((any::<(u16, i32, i64)>(), any::<(u16, u64)>(), any::<(bool, u64, u64)>()), 0..20),
        ) {
            let run: Vec<Unmatched> = run.into_iter().map(|((topic, partition, offset), (producer, sequence), (claim, written_us, answered_us))| {
                Unmatched {
                    place: Place { at: TopicPartition { topic, partition }, offset },
                    id: RecordId { producer, sequence },
                    side: if claim { Side::Claim } else { Side::Landing },
                    written_us,
                    answered_us,
                }
            }).collect();
            prop_assert_eq!(Unmatched::decode(&Unmatched::encode(&run)), Some(run));
        }

        #[test]
        fn garbage_is_no_panic(bytes: Vec<u8>) {
            let _ = Unmatched::decode(&bytes);
        }
    }
}
