//! What one partition remembers of idempotent producers, to drop repeated batches and refuse gaps.
//!
//! The rules are those of Kafka's `ProducerStateEntry` and `ProducerAppendInfo`.

use std::collections::{HashMap, VecDeque};

use kafka_protocol::ResponseError;

use super::batch::Header;
use super::refusal::Refusal;

/// As many batches as an idempotent producer may have in flight (`max.in.flight.requests.per.connection`).
const REMEMBERED: usize = 5;

/// A batch that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Appended {
    /// Offset of its first record.
    pub(super) base_offset: i64,
    /// The broker's time stamp where the topic has them, else -1; milliseconds since 1970.
    pub(super) append_time_ms: i64,
}

/// The idempotent producers that have written to a partition.
#[derive(Debug, Default)]
pub(super) struct Producers(HashMap<i64, Producer>);

#[derive(Debug)]
struct Producer {
    epoch: i16,
    /// First and last sequence number of the last batches, oldest first; never empty.
    recent: VecDeque<(i32, i32, Appended)>,
}

impl Producers {
    /// Whether the batch may be appended: `None` if so, or where its first copy stands.
    ///
    /// A producer that the partition does not know may begin with any sequence number, as in Kafka, where
    /// retention may have removed what it wrote before.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_EPOCH` for an older epoch than was seen, `OUT_OF_ORDER_SEQUENCE_NUMBER` for a gap
    /// or an old batch that is no longer remembered.
    pub(super) fn check(&self, header: &Header) -> Result<Option<Appended>, Refusal> {
        if !header.has_producer() {
            return Ok(None);
        }
        let Some(producer) = self.0.get(&header.producer_id) else { return Ok(None) };
        let last = last_sequence(header);
        if header.producer_epoch < producer.epoch {
            return Err(Refusal::new(
                ResponseError::InvalidProducerEpoch,
                format!("epoch {} of the producer is older than {}", header.producer_epoch, producer.epoch),
            ));
        }
        let expected = if header.producer_epoch > producer.epoch {
            0
        } else {
            let copy = producer.recent.iter().find(|seen| (seen.0, seen.1) == (header.base_sequence, last));
            if let Some((_, _, appended)) = copy {
                return Ok(Some(*appended));
            }
            producer.recent.back().map_or(0, |newest| plus(newest.1, 1))
        };
        if header.base_sequence == expected {
            return Ok(None);
        }
        Err(Refusal::new(
            ResponseError::OutOfOrderSequenceNumber,
            format!("sequence number {} came where {expected} was due", header.base_sequence),
        ))
    }

    /// Remembers a batch that passed [`Self::check`] and stands in the log now.
    pub(super) fn remember(&mut self, header: &Header, appended: Appended) {
        if !header.has_producer() {
            return;
        }
        let producer = self
            .0
            .entry(header.producer_id)
            .or_insert_with(|| Producer { epoch: header.producer_epoch, recent: VecDeque::new() });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.recent.clear();
        }
        if producer.recent.len() == REMEMBERED {
            producer.recent.pop_front();
        }
        producer.recent.push_back((header.base_sequence, last_sequence(header), appended));
    }
}

fn last_sequence(header: &Header) -> i32 {
    plus(header.base_sequence, header.last_offset_delta)
}

/// Sequence numbers run from 0 to `i32::MAX` and then begin again.
fn plus(sequence: i32, more: i32) -> i32 {
    sequence.wrapping_add(more) & i32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(epoch: i16, sequence: i32, count: i32) -> Header {
        Header {
            base_offset: 0,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: 7,
            producer_epoch: epoch,
            base_sequence: sequence,
            count,
        }
    }

    fn accept(producers: &mut Producers, header: &Header, base_offset: i64) {
        assert_eq!(producers.check(header), Ok(None));
        producers.remember(header, Appended { base_offset, append_time_ms: -1 });
    }

    #[test]
    fn a_repeated_batch_answers_with_its_first_offset_as_long_as_it_is_one_of_five() {
        let mut producers = Producers::default();
        for batch in 0..6 {
            accept(&mut producers, &header(0, batch * 10, 10), i64::from(batch) * 10);
        }
        for batch in 1..6 {
            let copy = producers.check(&header(0, batch * 10, 10)).unwrap();
            assert_eq!(copy.map(|appended| appended.base_offset), Some(i64::from(batch) * 10));
        }
        let forgotten = producers.check(&header(0, 0, 10)).unwrap_err();
        assert_eq!(forgotten.error, ResponseError::OutOfOrderSequenceNumber);
    }

    #[test]
    fn gaps_overlaps_and_old_epochs_are_refused() {
        let mut producers = Producers::default();
        accept(&mut producers, &header(1, 0, 3), 0);
        for sequence in [1, 2, 4] {
            let error = producers.check(&header(1, sequence, 3)).unwrap_err().error;
            assert_eq!(error, ResponseError::OutOfOrderSequenceNumber, "{sequence}");
        }
        assert_eq!(producers.check(&header(0, 3, 1)).unwrap_err().error, ResponseError::InvalidProducerEpoch);
        let late = producers.check(&header(2, 3, 1)).unwrap_err();
        assert_eq!(late.error, ResponseError::OutOfOrderSequenceNumber, "a new epoch begins at 0");
        accept(&mut producers, &header(2, 0, 1), 3);
        assert_eq!(producers.check(&header(1, 3, 1)).unwrap_err().error, ResponseError::InvalidProducerEpoch);
    }

    #[test]
    fn sequence_numbers_begin_again_after_the_greatest() {
        let mut producers = Producers::default();
        accept(&mut producers, &header(0, i32::MAX - 1, 4), 0);
        accept(&mut producers, &header(0, 2, 1), 4);
    }
}
