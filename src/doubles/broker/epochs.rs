//! `OffsetForLeaderEpoch`: where the records of a leader ended, so that clients notice what was cut off (KIP-320).

use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use super::asked::Asked;

/// Looks up the end of each epoch that `request` names.
pub(super) fn answer(asked: &Asked, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let answer = EpochEndOffset::default().with_partition(wanted.partition);
            let led = asked.cluster.led_partition(&topic.topic, wanted.partition, asked.node);
            let found = led.and_then(|(_, partition)| {
                partition.check_epoch(wanted.current_leader_epoch)?;
                Ok(partition.end_of_epoch(wanted.leader_epoch))
            });
            match found {
                Ok(found) => {
                    let (epoch, end) = found.unwrap_or((-1, -1));
                    answer.with_leader_epoch(epoch).with_end_offset(end)
                }
                Err(refusal) => {
                    answer.with_error_code(refusal.code()).with_leader_epoch(-1).with_end_offset(-1)
                }
            }
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic).with_partitions(partitions)
    });
    let topics = topics.collect();
    OffsetForLeaderEpochResponse::default().with_topics(topics)
}
