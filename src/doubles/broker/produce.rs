//! Produce: each partition's batch is checked, then appended.

use std::ops::ControlFlow;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{BrokerId, ProduceRequest, ProduceResponse};

use super::asked::Asked;
use super::batch::{self, Codec, Header};
use super::cluster;
use super::partition::Placed;
use super::records;
use super::refusal::Refusal;
use super::settings::Settings;
use crate::scenario::FaultKind;

/// First version whose answer names the leader to turn to instead.
const NAMES_LEADER: i16 = 10;
/// First version that may carry zstd (KIP-110).
const ZSTD: i16 = 7;

/// The acknowledgement of all replicas in sync.
const ALL: i16 = -1;

/// Most records that one answer names as lacking a key: a small gzip batch can hold a great many.
const MOST_AT_FAULT: usize = 1_000;

/// Appends what `request` holds and says for each partition where, or why not.
pub(super) fn answer(asked: &Asked, version: i16, request: ProduceRequest, now_ms: i64) -> ProduceResponse {
    let whole = whole_request(&request);
    let mut elsewhere = Vec::new();
    let responses = request.topic_data.into_iter().map(|topic| {
        let partitions = topic.partition_data.into_iter().map(|data| {
            let records = data.records.unwrap_or_default();
            let placed = if let Some(refusal) = &whole {
                Err(refusal.clone())
            } else {
                let place = (topic.name.as_str(), data.index);
                append(asked, version, place, &records, now_ms, request.acks)
            };
            let mut response = partition_response(data.index, placed);
            if version >= NAMES_LEADER
                && response.error_code == ResponseError::NotLeaderOrFollower.code()
                && let Some(leader) = asked.cluster.leader_of(&topic.name, data.index)
            {
                response.current_leader = LeaderIdAndEpoch::default()
                    .with_leader_id(BrokerId(leader.id))
                    .with_leader_epoch(leader.epoch);
                if !elsewhere.contains(&leader.id) {
                    elsewhere.push(leader.id);
                }
            }
            response
        });
        let partitions = partitions.collect();
        TopicProduceResponse::default().with_name(topic.name).with_partition_responses(partitions)
    });
    let responses = responses.collect();
    let endpoints = elsewhere.into_iter().filter_map(|id| asked.cluster.node(id)).map(|node| {
        NodeEndpoint::default()
            .with_node_id(BrokerId(node.id))
            .with_host(asked.host_of(&node))
            .with_port(i32::from(node.address.port()))
    });
    let endpoints = endpoints.collect();
    ProduceResponse::default().with_responses(responses).with_node_endpoints(endpoints)
}

/// What is wrong with the request as a whole, if anything is.
fn whole_request(request: &ProduceRequest) -> Option<Refusal> {
    if !matches!(request.acks, -1..=1) {
        return Some(Refusal::new(ResponseError::InvalidRequiredAcks, "acks is -1, 0 or 1"));
    }
    if request.transactional_id.is_some() {
        return Some(Refusal::new(
            ResponseError::TransactionalIdAuthorizationFailed,
            "this broker has no transactions",
        ));
    }
    None
}

fn append(
    asked: &Asked,
    version: i16,
    (topic, index): (&str, i32),
    raw: &Bytes,
    now_ms: i64,
    acks: i16,
) -> Result<Placed, Refusal> {
    cluster::legal_name(topic)?;
    let (topic, partition) = asked.cluster.led_partition(topic, index, asked.node)?;
    topic.note_acks(acks);
    let header = batch::check(raw)?;
    if header.codec() == Codec::Zstd && version < ZSTD {
        return Err(Refusal::new(
            ResponseError::UnsupportedCompressionType,
            "zstd needs Produce version 7 at least",
        ));
    }
    fits(raw, &header, &topic.settings, now_ms)?;
    // All replicas are in sync here, as many as there are.
    if acks == ALL && partition.replicas.len() < topic.settings.min_insync_replicas {
        let needed = topic.settings.min_insync_replicas;
        let message = format!("{} replicas are in sync, and {needed} have to be", partition.replicas.len());
        return Err(Refusal::new(ResponseError::NotEnoughReplicas, message));
    }
    let append = || partition.append(asked.node, raw, &header, &topic.settings, now_ms);
    // Nobody would hear of the fault where nobody waits for an answer.
    let fault =
        if acks != 0 { asked.cluster.faults.of_batch(&topic.name, raw, &header, &partition) } else { None };
    let Some(fault) = fault else { return append() };
    let refused = |error, message| Err(Refusal::new(error, message));
    let answer = match fault.kind() {
        FaultKind::LoseTail => Ok(partition.append_and_lose(asked.node, &topic.settings, now_ms)?),
        FaultKind::TimeoutAfterAppend => {
            append()?;
            refused(ResponseError::RequestTimedOut, "the replicas took too long")
        }
        FaultKind::MessageTooLarge => {
            refused(ResponseError::MessageTooLarge, "the batch is too large, by a fault")
        }
        kind => {
            if kind == FaultKind::LeaderChange {
                partition.change_leader();
            }
            refused(ResponseError::NotLeaderOrFollower, "another broker leads this partition, by a fault")
        }
    };
    fault.took_effect(u64::try_from(header.count).unwrap_or(0));
    answer
}

/// Whether the topic's settings allow the batch.
fn fits(raw: &[u8], header: &Header, settings: &Settings, now_ms: i64) -> Result<(), Refusal> {
    if raw.len() > settings.max_message_bytes {
        return Err(Refusal::new(
            ResponseError::MessageTooLarge,
            format!(
                "the batch has {} bytes, and max.message.bytes is {}",
                raw.len(),
                settings.max_message_bytes
            ),
        ));
    }
    if !settings.log_append_time {
        timestamps_fit(header, settings, now_ms)?;
    }
    if settings.compact {
        every_key_is_there(raw)?;
    }
    Ok(())
}

/// The header's timestamps stand for those of all records. The greatest is there; the first record's is
/// taken for the least.
fn timestamps_fit(header: &Header, settings: &Settings, now_ms: i64) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::new(ResponseError::InvalidTimestamp, message));
    if header.is_log_append_time() {
        return refuse("a producer's batch has timestamps of its creation".to_owned());
    }
    let ahead = header.max_timestamp.saturating_sub(now_ms);
    if ahead > settings.after_max_ms {
        return refuse(format!(
            "a timestamp lies {ahead} ms ahead, and {} are allowed",
            settings.after_max_ms
        ));
    }
    let behind = now_ms.saturating_sub(header.base_timestamp);
    if header.base_timestamp >= 0 && behind > settings.before_max_ms {
        return refuse(format!(
            "a timestamp lies {behind} ms behind, and {} are allowed",
            settings.before_max_ms
        ));
    }
    Ok(())
}

fn every_key_is_there(raw: &[u8]) -> Result<(), Refusal> {
    let mut without = Vec::new();
    let mut at = 0;
    records::walk(raw, |record| {
        if record.null_key {
            without.push(at);
        }
        at += 1;
        if without.len() == MOST_AT_FAULT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if without.is_empty() {
        return Ok(());
    }
    Err(Refusal {
        records: without,
        ..Refusal::new(ResponseError::InvalidRecord, "a compacted topic cannot accept records without key")
    })
}

fn partition_response(index: i32, placed: Result<Placed, Refusal>) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match placed {
        Ok(placed) => response
            .with_base_offset(placed.appended.base_offset)
            .with_log_append_time_ms(placed.appended.append_time_ms)
            .with_log_start_offset(placed.start),
        Err(refusal) => {
            let at_fault = refusal.records.iter().map(|at| {
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(*at)
                    .with_batch_index_error_message(Some(refusal.text()))
            });
            response
                .with_error_code(refusal.code())
                .with_base_offset(-1)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(-1)
                .with_record_errors(at_fault.collect())
                .with_error_message(Some(refusal.text()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::samples::{batch, batch_of};
    use super::super::config::KafkaVersion;
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let given = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::new(given, KafkaVersion::V4_1).unwrap()
    }

    fn verdict(raw: &[u8], settings: &Settings, now_ms: i64) -> Result<(), Refusal> {
        fits(raw, &batch::check(raw).unwrap(), settings, now_ms)
    }

    #[test]
    fn the_limit_is_the_whole_batch() {
        let raw = batch(&[(0, None, b"value")], 0);
        let exact = settings(&[("max.message.bytes", &raw.len().to_string())]);
        assert_eq!(verdict(&raw, &exact, 0), Ok(()));
        let less = settings(&[("max.message.bytes", &(raw.len() - 1).to_string())]);
        assert_eq!(verdict(&raw, &less, 0).unwrap_err().error, ResponseError::MessageTooLarge);
    }

    #[test]
    fn an_hour_ahead_is_allowed_and_no_more() {
        let raw = batch(&[(0, None, b"a"), (5, None, b"b")], 10_000_000);
        assert_eq!(verdict(&raw, &settings(&[]), 10_000_005 - 3_600_000), Ok(()));
        let early = verdict(&raw, &settings(&[]), 10_000_004 - 3_600_000).unwrap_err();
        assert_eq!(early.error, ResponseError::InvalidTimestamp);
        let stamped = settings(&[("message.timestamp.type", "LogAppendTime")]);
        assert_eq!(verdict(&raw, &stamped, 0), Ok(()));
        let old = settings(&[("message.timestamp.before.max.ms", "1000")]);
        assert_eq!(verdict(&raw, &old, 10_001_000), Ok(()));
        assert_eq!(verdict(&raw, &old, 10_001_001).unwrap_err().error, ResponseError::InvalidTimestamp);
    }

    #[test]
    fn a_producer_does_not_stamp_for_the_broker() {
        let raw = batch_of(&[(0, None, b"a")], 0, (-1, -1, -1), 1 << 3, None);
        assert_eq!(verdict(&raw, &settings(&[]), 0).unwrap_err().error, ResponseError::InvalidTimestamp);
    }

    #[test]
    fn compacted_topics_name_the_records_without_key() {
        let compact = settings(&[("cleanup.policy", "compact")]);
        let raw = batch(&[(0, None, b"a"), (0, Some(b""), b"b"), (0, None, b"c")], 0);
        let refusal = verdict(&raw, &compact, 0).unwrap_err();
        assert_eq!((refusal.error, refusal.records), (ResponseError::InvalidRecord, vec![0, 2]));
        assert_eq!(verdict(&batch(&[(0, Some(b"k"), b"a")], 0), &compact, 0), Ok(()));
    }
}
