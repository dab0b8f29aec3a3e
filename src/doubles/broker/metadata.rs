//! Metadata: the brokers, the topics, and who leads what.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::asked::Asked;
use super::cluster::{self, Cluster, Layout, Topic};

/// Rights on a topic as bits (Kafka's `AclOperation`): read, write, create, delete, alter, describe,
/// describe configs, alter configs. Nobody is denied anything for good.
const TOPIC_RIGHTS: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// Rights on the cluster: create, alter, describe, cluster action, describe and alter configs, idempotent
/// write.
pub(super) const CLUSTER_RIGHTS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// The topics that Kafka keeps for itself.
const INTERNAL: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Versions that tell the rights on the cluster.
const CLUSTER_RIGHTS_VERSIONS: std::ops::RangeInclusive<i16> = 8..=10;

/// What the brokers are and what `request` asks about topics; may create topics where that is configured.
pub(super) fn answer(asked: &Asked, version: i16, request: MetadataRequest) -> MetadataResponse {
    let cluster = &*asked.cluster;
    let with_rights = request.include_topic_authorized_operations;
    let topics = match request.topics {
        // Version 0 has no null: an empty list asks for all.
        Some(topics) if version > 0 || !topics.is_empty() => topics
            .into_iter()
            .map(|wanted| one(cluster, wanted, request.allow_auto_topic_creation, with_rights))
            .collect(),
        _ => cluster.topics().iter().map(|topic| describe(topic, with_rights)).collect(),
    };
    let brokers = cluster.nodes.iter().map(|node| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(node.id))
            .with_host(asked.host_of(node))
            .with_port(i32::from(node.address.port()))
    });
    let mut response = MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(StrBytes::from_string(cluster.id.clone())))
        .with_controller_id(BrokerId(cluster.controller().id))
        .with_topics(topics);
    if request.include_cluster_authorized_operations && CLUSTER_RIGHTS_VERSIONS.contains(&version) {
        response.cluster_authorized_operations = CLUSTER_RIGHTS;
    }
    response
}

fn one(
    cluster: &Cluster,
    wanted: MetadataRequestTopic,
    may_create: bool,
    rights: bool,
) -> MetadataResponseTopic {
    let Some(name) = wanted.name else {
        return match cluster.topic_by_id(wanted.topic_id) {
            Some(topic) => describe(&topic, rights),
            None => MetadataResponseTopic::default()
                .with_error_code(ResponseError::UnknownTopicId.code())
                .with_topic_id(wanted.topic_id),
        };
    };
    let error = match (cluster.topic(&name), cluster.auto_create) {
        (Some(topic), _) => return describe(&topic, rights),
        (None, Some(partitions)) if may_create => {
            let layout = Layout::Spread { partitions, replicas: cluster.default_replicas() };
            match cluster.create(&name, layout, BTreeMap::new(), false) {
                Ok(topic) => return describe(&topic, rights),
                // Somebody else was faster.
                Err(refusal) => match cluster.topic(&name) {
                    Some(topic) => return describe(&topic, rights),
                    None => refusal.error,
                },
            }
        }
        (None, _) => match cluster::legal_name(&name) {
            Ok(()) => ResponseError::UnknownTopicOrPartition,
            Err(refusal) => refusal.error,
        },
    };
    MetadataResponseTopic::default().with_error_code(error.code()).with_name(Some(name))
}

fn describe(topic: &Topic, with_rights: bool) -> MetadataResponseTopic {
    let brokers = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
    let partitions = topic.partitions();
    let partitions = (0..).zip(partitions.iter()).map(|(index, partition)| {
        let leader = partition.leader();
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(leader.id))
            .with_leader_epoch(leader.epoch)
            .with_replica_nodes(brokers(&partition.replicas))
            .with_isr_nodes(brokers(&partition.replicas))
    });
    let mut response = MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_string(topic.name.clone()))))
        .with_topic_id(topic.id)
        .with_is_internal(INTERNAL.contains(&topic.name.as_str()))
        .with_partitions(partitions.collect());
    if with_rights {
        response.topic_authorized_operations = TOPIC_RIGHTS;
    }
    response
}
