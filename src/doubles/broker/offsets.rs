//! `ListOffsets`: where a log begins and ends, and which record is the first of a time or the latest.

use std::ops::ControlFlow;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::asked::Asked;
use super::batch::Header;
use super::partition::Partition;
use super::records::{self, Glance};
use super::refusal::Refusal;

/// Timestamps of the protocol that stand for something else.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;

/// First version that may ask for the record with the greatest timestamp (KIP-734).
const HAS_MAX_TIMESTAMP: i16 = 7;
/// First version that tells the leader epoch.
const HAS_LEADER_EPOCH: i16 = 4;

/// An offset and the timestamp of its record, -1 for each where there is none.
type Found = (i64, i64);
const NOTHING: Found = (-1, -1);

/// Looks up what `request` asks for, partition by partition.
pub(super) fn answer(asked: &Asked, version: i16, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let led = asked.cluster.led_partition(&topic.name, wanted.partition_index, asked.node);
            let found = led.and_then(|(_, partition)| {
                partition.check_epoch(wanted.current_leader_epoch)?;
                Ok((look_up(&partition, wanted.timestamp, version)?, partition.leader().epoch))
            });
            let (error, (offset, timestamp), epoch) = match found {
                Ok((found, epoch)) => (0, found, epoch),
                Err(refusal) => (refusal.code(), NOTHING, -1),
            };
            let epoch = if version >= HAS_LEADER_EPOCH && offset >= 0 { epoch } else { -1 };
            ListOffsetsPartitionResponse::default()
                .with_partition_index(wanted.partition_index)
                .with_error_code(error)
                .with_offset(offset)
                .with_timestamp(timestamp)
                .with_leader_epoch(epoch)
        });
        let partitions = partitions.collect();
        ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions)
    });
    let topics = topics.collect();
    ListOffsetsResponse::default().with_topics(topics)
}

fn look_up(partition: &Partition, timestamp: i64, version: i16) -> Result<Found, Refusal> {
    match timestamp {
        EARLIEST => Ok((partition.bounds().0, -1)),
        LATEST => Ok((partition.bounds().1, -1)),
        MAX_TIMESTAMP if version >= HAS_MAX_TIMESTAMP => {
            let Some((greatest, batch)) = partition.latest() else { return Ok(NOTHING) };
            Ok(first(&batch, |record| record.timestamp == greatest)?.unwrap_or(NOTHING))
        }
        0.. => by_time(partition, timestamp),
        _ => Err(Refusal::new(
            ResponseError::UnsupportedVersion,
            "this timestamp has no meaning in this version of ListOffsets",
        )),
    }
}

/// The first record, in order of offsets, of this time or later.
fn by_time(partition: &Partition, timestamp: i64) -> Result<Found, Refusal> {
    let mut from = partition.bounds().0;
    while let Some(batch) = partition.reaching(timestamp, from) {
        if let Some(found) = first(&batch, |record| record.timestamp >= timestamp)? {
            return Ok(found);
        }
        // A header that promised too much: go on behind it.
        from = Header::read(&batch).map_or(i64::MAX, |header| header.base_offset.saturating_add(1));
    }
    Ok(NOTHING)
}

fn first(batch: &[u8], wanted: impl Fn(&Glance) -> bool) -> Result<Option<Found>, Refusal> {
    let Some(header) = Header::read(batch) else { return Ok(None) };
    let mut found = None;
    records::walk(batch, |record| {
        if wanted(&record) {
            found = Some((header.base_offset.saturating_add(record.offset_delta), record.timestamp));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::batch::{self, samples};
    use super::super::config::KafkaVersion;
    use super::super::settings::Settings;
    use super::*;

    fn partition(configs: &[(&str, &str)], now_ms: i64) -> Partition {
        let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings::new(configs.collect(), KafkaVersion::default()).unwrap();
        let partition = Partition::new(vec![1]);
        for raw in [
            samples::batch(&[(0, None, b"a"), (50, None, b"b"), (20, None, b"c")], 1_000),
            samples::batch(&[(0, None, b"d"), (0, None, b"e")], 1_030),
            samples::batch(&[(0, None, b"f"), (10, None, b"g")], 1_040),
        ] {
            partition.append(1, &raw, &batch::check(&raw).unwrap(), &settings, now_ms).unwrap();
        }
        partition
    }

    #[test]
    fn single_records_are_found_by_their_time() {
        let partition = partition(&[], 0);
        for (timestamp, expected) in [
            (EARLIEST, (0, -1)),
            (LATEST, (7, -1)),
            (MAX_TIMESTAMP, (1, 1_050)),
            (0, (0, 1_000)),
            (1_001, (1, 1_050)),
            (1_051, NOTHING),
        ] {
            assert_eq!(look_up(&partition, timestamp, 7), Ok(expected), "{timestamp}");
        }
        let early = look_up(&partition, MAX_TIMESTAMP, 6).unwrap_err();
        assert_eq!(early.error, ResponseError::UnsupportedVersion);
    }

    #[test]
    fn the_brokers_time_is_every_records() {
        let partition = partition(&[("message.timestamp.type", "LogAppendTime")], 9_000);
        assert_eq!(look_up(&partition, 5_000, 7), Ok((0, 9_000)));
        assert_eq!(look_up(&partition, MAX_TIMESTAMP, 7), Ok((0, 9_000)));
        assert_eq!(look_up(&partition, 9_001, 7), Ok(NOTHING));
    }

    #[test]
    fn an_empty_log_has_bounds_and_no_records() {
        let empty = Partition::new(vec![1]);
        assert_eq!(look_up(&empty, EARLIEST, 7), Ok((0, -1)));
        assert_eq!(look_up(&empty, MAX_TIMESTAMP, 7), Ok(NOTHING));
        assert_eq!(look_up(&empty, 0, 7), Ok(NOTHING));
    }
}
