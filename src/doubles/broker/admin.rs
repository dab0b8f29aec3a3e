//! `CreateTopics`, `DeleteTopics` and `CreatePartitions`. Any broker carries them out.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::cluster::{self, Cluster, Layout, Topic};
use super::config::KafkaVersion;
use super::describe::{self, Source};
use super::refusal::Refusal;

/// First version whose answer describes the new topic.
const DESCRIBES: i16 = 5;

/// Names that stand more than once.
fn repeated<'a>(names: impl Iterator<Item = &'a TopicName>) -> BTreeSet<TopicName> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).cloned().collect()
}

fn twice() -> Refusal {
    Refusal::new(ResponseError::InvalidRequest, "the request names this topic more than once")
}

/// Creates the topics of `request`, or says why not.
pub(super) fn create_topics(
    cluster: &Cluster,
    version: i16,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let repeated = repeated(request.topics.iter().map(|topic| &topic.name));
    let dry = request.validate_only;
    let partitions = request.topics.iter().map(|topic| usize::try_from(topic.num_partitions).unwrap_or(1));
    let few_enough = cluster::few_enough(partitions.fold(0, usize::saturating_add));
    let results = request.topics.into_iter().map(|wanted| {
        let name = wanted.name.clone();
        let created = if repeated.contains(&name) {
            Err(twice())
        } else {
            few_enough.clone().and_then(|()| create(cluster, wanted, dry))
        };
        let result = CreatableTopicResult::default().with_name(name);
        match created {
            Ok(topic) if version >= DESCRIBES => described(result, &topic, cluster.version),
            Ok(_) => result,
            Err(refusal) => result.with_error_code(refusal.code()).with_error_message(Some(refusal.text())),
        }
    });
    let results = results.collect();
    CreateTopicsResponse::default().with_topics(results)
}

fn create(cluster: &Cluster, wanted: CreatableTopic, dry: bool) -> Result<std::sync::Arc<Topic>, Refusal> {
    let layout = if wanted.assignments.is_empty() {
        // -1 stands for the broker's default, which is 1 of each.
        let partitions = if wanted.num_partitions == -1 { 1 } else { wanted.num_partitions };
        let replicas = match wanted.replication_factor {
            -1 => cluster.default_replicas(),
            replicas => replicas,
        };
        Layout::Spread { partitions, replicas }
    } else {
        if wanted.num_partitions != -1 || wanted.replication_factor != -1 {
            return Err(Refusal::new(
                ResponseError::InvalidRequest,
                "partitions and replication factor are -1 where replicas are assigned",
            ));
        }
        let assigned: BTreeMap<i32, Vec<i32>> = wanted
            .assignments
            .iter()
            .map(|one| (one.partition_index, one.broker_ids.iter().map(|id| id.0).collect()))
            .collect();
        if assigned.len() != wanted.assignments.len()
            || !assigned.keys().copied().eq((0..).take(assigned.len()))
        {
            return Err(Refusal::new(
                ResponseError::InvalidReplicaAssignment,
                "the assigned partitions are those from 0 on, each once",
            ));
        }
        Layout::Assigned(assigned.into_values().collect())
    };
    let mut configs = BTreeMap::new();
    for config in wanted.configs {
        let name = config.name.to_string();
        let value = config.value.ok_or_else(|| {
            Refusal::new(ResponseError::InvalidConfig, format!("the configuration {name} has no value"))
        })?;
        configs.insert(name, value.to_string());
    }
    cluster.create(&wanted.name, layout, configs, dry)
}

fn described(result: CreatableTopicResult, topic: &Topic, version: KafkaVersion) -> CreatableTopicResult {
    let partitions = topic.partitions();
    let replicas = partitions.first().map_or(1, |partition| partition.replicas.len());
    let configs = describe::topic_settings(&topic.settings, version).map(|(definition, value, source)| {
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(definition.name))
            .with_value(Some(StrBytes::from_string(value.to_owned())))
            .with_config_source(Source::code(source))
    });
    result
        .with_topic_id(topic.id)
        .with_num_partitions(i32::try_from(partitions.len()).unwrap_or(-1))
        .with_replication_factor(i16::try_from(replicas).unwrap_or(-1))
        .with_configs(Some(configs.collect()))
}

/// Deletes the topics of `request`, by name or, from version 6 on, by id.
pub(super) fn delete_topics(
    cluster: &Cluster,
    version: i16,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let wanted = if version >= 6 {
        request.topics
    } else {
        let by_name = |name| DeleteTopicState::default().with_name(Some(name));
        request.topic_names.into_iter().map(by_name).collect()
    };
    let results = wanted.into_iter().map(|wanted| {
        let unknown = if wanted.name.is_some() {
            ResponseError::UnknownTopicOrPartition
        } else {
            ResponseError::UnknownTopicId
        };
        let name = wanted.name.or_else(|| {
            let topic = cluster.topic_by_id(wanted.topic_id)?;
            Some(TopicName(StrBytes::from_string(topic.name.clone())))
        });
        let result = DeletableTopicResult::default();
        if let Some(topic) = name.as_ref().and_then(|name| cluster.delete(name)) {
            return result.with_name(name).with_topic_id(topic.id);
        }
        let refusal = Refusal::new(unknown, "there is no such topic");
        result
            .with_name(name)
            .with_topic_id(wanted.topic_id)
            .with_error_code(refusal.code())
            .with_error_message(Some(refusal.text()))
    });
    let results = results.collect();
    DeleteTopicsResponse::default().with_responses(results)
}

/// Gives the topics of `request` more partitions.
pub(super) fn create_partitions(
    cluster: &Cluster,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let repeated = repeated(request.topics.iter().map(|topic| &topic.name));
    let dry = request.validate_only;
    let results = request.topics.into_iter().map(|wanted| {
        let CreatePartitionsTopic { name, count, assignments, .. } = wanted;
        let assigned = assignments.map(|assignments| {
            let ids = |one: &[kafka_protocol::messages::BrokerId]| one.iter().map(|id| id.0).collect();
            assignments.iter().map(|one| ids(&one.broker_ids)).collect()
        });
        let grown =
            if repeated.contains(&name) { Err(twice()) } else { cluster.grow(&name, count, assigned, dry) };
        let result = CreatePartitionsTopicResult::default().with_name(name);
        match grown {
            Ok(()) => result,
            Err(refusal) => result.with_error_code(refusal.code()).with_error_message(Some(refusal.text())),
        }
    });
    let results = results.collect();
    CreatePartitionsResponse::default().with_results(results)
}
