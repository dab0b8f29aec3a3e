//! `DescribeConfigs` and `DescribeCluster`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse, DescribeConfigsRequest,
    DescribeConfigsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::asked::Asked;
use super::cluster::Cluster;
use super::config::KafkaVersion;
use super::metadata::CLUSTER_RIGHTS;
use super::refusal::Refusal;
use super::settings::{Definition, Kind, Settings, definitions};

/// Where a setting's value comes from (Kafka's `DescribeConfigsResponse.ConfigSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    DynamicTopic = 1,
    StaticBroker = 4,
    Default = 5,
}

impl Source {
    /// Its number on the wire.
    pub(super) fn code(self) -> i8 {
        self as i8
    }
}

/// Resource types (Kafka's `ConfigResource.Type`).
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Every setting of a topic, with its value and where that comes from.
pub(super) fn topic_settings(
    settings: &Settings,
    version: KafkaVersion,
) -> impl Iterator<Item = (&'static Definition, &str, Source)> {
    definitions(version).map(|definition| match settings.given(definition.name) {
        Some(value) => (definition, value, Source::DynamicTopic),
        None => (definition, definition.default, Source::Default),
    })
}

/// The settings of the topics and brokers that `request` names.
pub(super) fn configs(cluster: &Cluster, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let synonyms = request.include_synonyms;
    let results = request.resources.into_iter().map(|resource| {
        let described = match resource.resource_type {
            TOPIC => topic(cluster, &resource, synonyms),
            BROKER => broker(cluster, &resource),
            _ => {
                Err(Refusal::new(ResponseError::InvalidRequest, "only topics and brokers have settings here"))
            }
        };
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name);
        match described {
            Ok(configs) => result.with_configs(configs),
            Err(refusal) => result.with_error_code(refusal.code()).with_error_message(Some(refusal.text())),
        }
    });
    let results = results.collect();
    DescribeConfigsResponse::default().with_results(results)
}

/// Whether the client wants this setting; without a list it wants all.
fn wanted(resource: &DescribeConfigsResource, name: &str) -> bool {
    resource.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key.as_str() == name))
}

fn topic(
    cluster: &Cluster,
    resource: &DescribeConfigsResource,
    with_synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    let name = &resource.resource_name;
    let topic = cluster.topic(name).ok_or_else(|| {
        Refusal::new(ResponseError::UnknownTopicOrPartition, format!("there is no topic '{name}'"))
    })?;
    let described = topic_settings(&topic.settings, cluster.version)
        .filter(|(definition, ..)| wanted(resource, definition.name));
    let described = described.map(|(definition, value, source)| {
        let mut synonyms = Vec::new();
        if with_synonyms {
            if source == Source::DynamicTopic {
                synonyms.push(synonym(definition.name, value, source));
            }
            synonyms.push(synonym(definition.synonym, definition.default, Source::Default));
        }
        setting(definition.name, value, definition.kind, source).with_synonyms(synonyms)
    });
    Ok(described.collect())
}

fn broker(
    cluster: &Cluster,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    let name = &resource.resource_name;
    let node =
        name.parse().ok().and_then(|id| cluster.node(id)).ok_or_else(|| {
            Refusal::new(ResponseError::InvalidRequest, format!("there is no broker '{name}'"))
        })?;
    let fixed =
        |name, value: String, kind| setting(name, &value, kind, Source::StaticBroker).with_read_only(true);
    let mut all = vec![
        fixed("node.id", node.id.to_string(), Kind::Int),
        fixed("auto.create.topics.enable", cluster.auto_create.is_some().to_string(), Kind::Boolean),
        fixed("num.partitions", cluster.auto_create.unwrap_or(1).to_string(), Kind::Int),
    ];
    for definition in definitions(cluster.version) {
        all.push(setting(definition.synonym, definition.default, definition.kind, Source::Default));
    }
    all.retain(|setting| wanted(resource, &setting.name));
    Ok(all)
}

fn setting(name: &'static str, value: &str, kind: Kind, source: Source) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(Some(StrBytes::from_string(value.to_owned())))
        .with_config_source(source.code())
        .with_config_type(kind as i8)
}

fn synonym(name: &'static str, value: &str, source: Source) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(Some(StrBytes::from_string(value.to_owned())))
        .with_source(source.code())
}

/// First version that says which kind of node it asks for (KIP-919).
const HAS_ENDPOINT_TYPE: i16 = 1;
const BROKERS: i8 = 1;

/// The brokers of the cluster.
pub(super) fn cluster(
    asked: &Asked,
    version: i16,
    request: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    let cluster = &*asked.cluster;
    let mut response = DescribeClusterResponse::default()
        .with_cluster_id(StrBytes::from_string(cluster.id.clone()))
        .with_controller_id(BrokerId(cluster.controller().id));
    if version >= HAS_ENDPOINT_TYPE && request.endpoint_type != BROKERS {
        let refusal = Refusal::new(ResponseError::MismatchedEndpointType, "this endpoint is a broker's");
        return response.with_error_code(refusal.code()).with_error_message(Some(refusal.text()));
    }
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_RIGHTS;
    }
    let brokers = cluster.nodes.iter().map(|node| {
        DescribeClusterBroker::default()
            .with_broker_id(BrokerId(node.id))
            .with_host(asked.host_of(node))
            .with_port(i32::from(node.address.port()))
    });
    response.with_brokers(brokers.collect())
}
