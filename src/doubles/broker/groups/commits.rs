//! `OffsetCommit` and `OffsetFetch`.

use std::time::Instant;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::super::asked::Asked;
use super::check;
use super::offsets::{Committed, MAX_METADATA};

/// First version that may ask for several groups at once.
const SEVERAL_GROUPS: i16 = 8;
/// First version that has a place for an error of the group as a whole.
const GROUP_ERROR: i16 = 2;

/// Keeps the offsets that a member commits, or somebody beside all groups.
pub(in super::super) fn commit(asked: &Asked, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let id = request.group_id.as_str();
    let who = (request.member_id.as_str(), request.group_instance_id.as_deref());
    let generation = request.generation_id_or_member_epoch;
    let now = Instant::now();
    let groups = &asked.cluster.groups;
    let allowed = check(asked, id)
        .and_then(|()| groups.admits(id, now))
        .and_then(|()| groups.ask(id, now, |group| group.may_commit(who, generation, now)));
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|wanted| {
            let index = wanted.partition_index;
            let kept = allowed.and_then(|()| {
                let committed = committed(asked, &topic.name, wanted)?;
                groups.ask(id, now, |group| group.offsets.commit(&topic.name, index, committed));
                Ok(())
            });
            let code = kept.err().map_or(0, |error: ResponseError| error.code());
            OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(code)
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default().with_name(topic.name).with_partitions(partitions)
    });
    let topics = topics.collect();
    OffsetCommitResponse::default().with_topics(topics)
}

fn committed(
    asked: &Asked,
    topic: &str,
    wanted: OffsetCommitRequestPartition,
) -> Result<Committed, ResponseError> {
    if asked.cluster.leader_of(topic, wanted.partition_index).is_none() {
        return Err(ResponseError::UnknownTopicOrPartition);
    }
    let metadata = wanted.committed_metadata.map(|text| text.to_string()).unwrap_or_default();
    if metadata.len() > MAX_METADATA {
        return Err(ResponseError::OffsetMetadataTooLarge);
    }
    Ok(Committed { offset: wanted.committed_offset, epoch: wanted.committed_leader_epoch, metadata })
}

/// Tells what has been committed.
pub(in super::super) fn fetch(
    asked: &Asked,
    version: i16,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let answer = OffsetFetchResponse::default();
    if version < SEVERAL_GROUPS {
        let wanted = request
            .topics
            .map(|topics| topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect());
        let names = (version < GROUP_ERROR).then(|| wanted.clone()).flatten();
        return match of_group(asked, &request.group_id, wanted) {
            Ok(topics) => answer.with_topics(topics.into_iter().map(plain).collect()),
            // Elsewhere these versions would not say it.
            Err(error) if version < GROUP_ERROR => {
                let topics = names.unwrap_or_default().into_iter();
                answer.with_topics(topics.map(|topic| refused(topic, error)).collect())
            }
            Err(error) => answer.with_error_code(error.code()),
        };
    }
    let groups = request.groups.into_iter().map(|group| {
        let wanted = group
            .topics
            .map(|topics| topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect());
        let found = of_group(asked, &group.group_id, wanted);
        let answer = OffsetFetchResponseGroup::default().with_group_id(group.group_id);
        match found {
            Ok(topics) => answer.with_topics(topics.into_iter().map(one_of_several).collect()),
            Err(error) => answer.with_error_code(error.code()),
        }
    });
    let groups = groups.collect();
    answer.with_groups(groups)
}

/// A topic and what has been committed for some of its partitions.
type Found = (TopicName, Vec<(i32, Option<Committed>)>);

/// What a group has committed for these partitions, or for all.
fn of_group(
    asked: &Asked,
    id: &str,
    wanted: Option<Vec<(TopicName, Vec<i32>)>>,
) -> Result<Vec<Found>, ResponseError> {
    check(asked, id)?;
    let found = asked.cluster.groups.ask(id, Instant::now(), |group| match wanted {
        None => {
            let all = group.offsets.all().map(|(topic, partitions)| {
                let partitions =
                    partitions.iter().map(|(index, committed)| (*index, Some(committed.clone())));
                (TopicName(StrBytes::from_string(topic.clone())), partitions.collect())
            });
            all.collect()
        }
        Some(wanted) => wanted
            .into_iter()
            .map(|(topic, indexes)| {
                let partitions =
                    indexes.into_iter().map(|index| (index, group.offsets.of(&topic, index).cloned()));
                let partitions = partitions.collect();
                (topic, partitions)
            })
            .collect(),
    });
    Ok(found)
}

/// Offset, epoch and words of a partition; -1 and none where nothing has been committed.
fn parts(committed: Option<Committed>) -> (i64, i32, Option<StrBytes>) {
    let Some(Committed { offset, epoch, metadata }) = committed else {
        return (-1, -1, Some(StrBytes::default()));
    };
    (offset, epoch, Some(StrBytes::from_string(metadata)))
}

fn plain((name, partitions): Found) -> OffsetFetchResponseTopic {
    let partitions = partitions.into_iter().map(|(index, committed)| {
        let (offset, epoch, metadata) = parts(committed);
        OffsetFetchResponsePartition::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(epoch)
            .with_metadata(metadata)
    });
    OffsetFetchResponseTopic::default().with_name(name).with_partitions(partitions.collect())
}

/// A topic of which nothing is told.
fn refused((name, indexes): (TopicName, Vec<i32>), error: ResponseError) -> OffsetFetchResponseTopic {
    let mut topic = plain((name, indexes.into_iter().map(|index| (index, None)).collect()));
    for partition in &mut topic.partitions {
        partition.error_code = error.code();
    }
    topic
}

fn one_of_several((name, partitions): Found) -> OffsetFetchResponseTopics {
    let partitions = partitions.into_iter().map(|(index, committed)| {
        let (offset, epoch, metadata) = parts(committed);
        OffsetFetchResponsePartitions::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(epoch)
            .with_metadata(metadata)
    });
    OffsetFetchResponseTopics::default().with_name(name).with_partitions(partitions.collect())
}
