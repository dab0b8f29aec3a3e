//! The answer to a Fetch, versions 4 to 12, encoded around the stored batches without copying them.
//!
//! `kafka-protocol` encodes an answer into one buffer; that would copy every record once more. The layout
//! is that of Kafka's `FetchResponse.json`, and a test holds it against the crate's own encoding.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;

use super::asked::Unanswerable;
use super::frames::Pieces;

/// First flexible version.
const FLEXIBLE: i16 = 12;
/// Tag of a partition's current leader.
const CURRENT_LEADER: u8 = 1;

/// The whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// Error of the request as a whole.
    pub(super) error: i16,
    /// Whether the client asked for committed records, and so for a list of aborted transactions.
    pub(super) read_committed: bool,
    pub(super) topics: Vec<TopicAnswer>,
}

/// The partitions of one topic.
#[derive(Debug)]
pub(super) struct TopicAnswer {
    pub(super) name: TopicName,
    pub(super) partitions: Vec<PartitionAnswer>,
}

/// One partition.
#[derive(Debug)]
pub(super) struct PartitionAnswer {
    pub(super) index: i32,
    pub(super) error: i16,
    pub(super) high_watermark: i64,
    pub(super) log_start: i64,
    /// Id and epoch of the leader to turn to instead.
    pub(super) leader: Option<(i32, i32)>,
    /// Whole batches.
    pub(super) records: Vec<Bytes>,
}

impl PartitionAnswer {
    /// A partition that could not be read; Kafka leaves its offsets unsaid.
    pub(super) fn error(index: i32, error: ResponseError) -> Self {
        let error = error.code();
        Self { index, error, high_watermark: -1, log_start: -1, leader: None, records: Vec::new() }
    }
}

impl Answer {
    /// The frame that carries the answer to the request of this `correlation`.
    ///
    /// # Errors
    /// [`Unanswerable::Unencodable`] where a length does not fit its field.
    pub(super) fn encode(self, version: i16, correlation: i32) -> Result<Pieces, Unanswerable> {
        let mut frame =
            Frame { flexible: version >= FLEXIBLE, buffer: BytesMut::new(), pieces: Pieces::default() };
        frame.buffer.put_i32(correlation);
        frame.no_tags();
        frame.buffer.put_i32(0); // throttle time
        if version >= 7 {
            frame.buffer.put_i16(self.error);
            frame.buffer.put_i32(0); // session id
        }
        frame.length(self.topics.len())?;
        for topic in self.topics {
            frame.name(&topic.name)?;
            frame.length(topic.partitions.len())?;
            for partition in topic.partitions {
                frame.partition(partition, version, self.read_committed)?;
            }
            frame.no_tags();
        }
        frame.no_tags();
        frame.cut();
        frame.pieces.framed().map_err(|_| too_long())
    }
}

fn too_long() -> Unanswerable {
    Unanswerable::Unencodable("a part of the fetched records is too long for its field".to_owned())
}

/// A frame being written: bytes of its own, and pieces that are complete.
struct Frame {
    flexible: bool,
    buffer: BytesMut,
    pieces: Pieces,
}

impl Frame {
    fn partition(
        &mut self,
        partition: PartitionAnswer,
        version: i16,
        read_committed: bool,
    ) -> Result<(), Unanswerable> {
        self.buffer.put_i32(partition.index);
        self.buffer.put_i16(partition.error);
        self.buffer.put_i64(partition.high_watermark);
        self.buffer.put_i64(partition.high_watermark); // last stable offset: no transactions
        if version >= 5 {
            self.buffer.put_i64(partition.log_start);
        }
        if read_committed {
            self.length(0)?;
        } else if self.flexible {
            self.buffer.put_u8(0); // null
        } else {
            self.buffer.put_i32(-1); // null
        }
        if version >= 11 {
            self.buffer.put_i32(-1); // preferred read replica
        }
        self.length(partition.records.iter().map(Bytes::len).sum())?;
        if !partition.records.is_empty() {
            self.cut();
            partition.records.into_iter().for_each(|batch| self.pieces.push(batch));
        }
        match partition.leader {
            Some((id, epoch)) if self.flexible => {
                // One tagged field of nine bytes: id, epoch, and no tags of its own.
                self.buffer.put_slice(&[1, CURRENT_LEADER, 9]);
                self.buffer.put_i32(id);
                self.buffer.put_i32(epoch);
                self.no_tags();
            }
            _ => self.no_tags(),
        }
        Ok(())
    }

    /// Makes a piece of what has been written.
    fn cut(&mut self) {
        self.pieces.push(self.buffer.split().freeze());
    }

    fn no_tags(&mut self) {
        if self.flexible {
            self.buffer.put_u8(0);
        }
    }

    fn name(&mut self, name: &str) -> Result<(), Unanswerable> {
        if self.flexible {
            self.length(name.len())?;
        } else {
            self.buffer.put_i16(i16::try_from(name.len()).map_err(|_| too_long())?);
        }
        self.buffer.put_slice(name.as_bytes());
        Ok(())
    }

    /// The length of an array or of bytes, in 32 bits or, one more than it is, in variable length.
    fn length(&mut self, length: usize) -> Result<(), Unanswerable> {
        let fixed = i32::try_from(length).map_err(|_| too_long())?;
        if !self.flexible {
            self.buffer.put_i32(fixed);
            return Ok(());
        }
        let mut compact = fixed.unsigned_abs() + 1;
        while compact >= 0x80 {
            let [.., low] = compact.to_be_bytes();
            self.buffer.put_u8(low | 0x80);
            compact >>= 7;
        }
        let [.., last] = compact.to_be_bytes();
        self.buffer.put_u8(last);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Buf;
    use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, LeaderIdAndEpoch, PartitionData};
    use kafka_protocol::messages::{BrokerId, FetchResponse};
    use kafka_protocol::protocol::{Encodable, StrBytes};

    /// Name, and for each partition: index, error, leader, and the batches.
    type Topic = (&'static str, Vec<(i32, i16, Option<(i32, i32)>, Vec<Bytes>)>);

    fn topics() -> Vec<Topic> {
        let batch = |length: usize| Bytes::from(vec![7; length]);
        vec![
            (
                "quakes",
                vec![
                    (0, 0, None, vec![batch(100), batch(30_000)]),
                    (1, 6, Some((2, 0)), vec![]),
                    (2, 0, None, vec![batch(1)]),
                ],
            ),
            ("empty", vec![]),
        ]
    }

    #[test]
    fn the_bytes_are_those_of_kafka_protocol() {
        for version in 4..=12 {
            for read_committed in [false, true] {
                assert_eq!(
                    ours(version, read_committed),
                    theirs(version, read_committed),
                    "version {version}"
                );
            }
        }
    }

    fn ours(version: i16, read_committed: bool) -> Bytes {
        let topics = topics().into_iter().map(|(name, partitions)| TopicAnswer {
            name: TopicName(StrBytes::from_static_str(name)),
            partitions: partitions
                .into_iter()
                .map(|(index, error, leader, records)| PartitionAnswer {
                    index,
                    error,
                    high_watermark: 5,
                    log_start: 3,
                    leader,
                    records,
                })
                .collect(),
        });
        let answer = Answer { error: 0, read_committed, topics: topics.collect() };
        let mut pieces = answer.encode(version, 99).unwrap();
        pieces.copy_to_bytes(pieces.remaining())
    }

    fn theirs(version: i16, read_committed: bool) -> Bytes {
        let responses = topics().into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(index, error, leader, records)| {
                let data = PartitionData::default()
                    .with_partition_index(index)
                    .with_error_code(error)
                    .with_high_watermark(5)
                    .with_last_stable_offset(5)
                    .with_log_start_offset(3)
                    .with_aborted_transactions(read_committed.then(Vec::new))
                    .with_records(Some(records.concat().into()));
                match leader {
                    Some((id, epoch)) => data.with_current_leader(
                        LeaderIdAndEpoch::default().with_leader_id(BrokerId(id)).with_leader_epoch(epoch),
                    ),
                    None => data,
                }
            });
            FetchableTopicResponse::default()
                .with_topic(TopicName(StrBytes::from_static_str(name)))
                .with_partitions(partitions.collect())
        });
        let response = FetchResponse::default().with_responses(responses.collect());
        let mut body = BytesMut::new();
        body.put_i32(99);
        if version >= 12 {
            body.put_u8(0);
        }
        response.encode(&mut body, version).unwrap();
        let mut frame = BytesMut::new();
        frame.put_i32(i32::try_from(body.len()).unwrap());
        frame.put_slice(&body);
        frame.freeze()
    }
}
