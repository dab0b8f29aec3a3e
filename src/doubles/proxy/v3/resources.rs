//! The resources of v3 that tell of clusters, brokers, topics and settings, and that create and delete topics.

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use rdkafka::error::RDKafkaErrorCode as Code;
use serde_json::{Map, Value, json};

use super::super::admin::{Admin, BrokerState, ClusterState, PartitionState, Refused, Setting};
use super::super::metadata::{found, is_legal, refusal};
use super::super::response::{self, json, typed_error};
use super::super::route::{Endpoint, number};
use super::super::{Answer, not_found};
use crate::doubles::jackson::{Kind, Parser, Problem, Source, Version};
use crate::scenario::ProxyRelease;
use crate::wire::produce::v3::JSON;

/// Answers what v3 asks Kafka for.
pub(in super::super) struct Resources<'a> {
    pub(in super::super) admin: &'a Admin,
    pub(in super::super) release: ProxyRelease,
    /// Where the client found the proxy: scheme, host and port.
    pub(in super::super) base: String,
}

/// Why there is no resource to tell of.
enum Missing {
    Refused(Refused),
    Cluster(String),
    Resource,
}

impl From<Refused> for Missing {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Resources<'_> {
    /// Answers a GET; `values` are those of the path.
    pub(in super::super) async fn get(&self, endpoint: Endpoint, values: &[String]) -> Answer {
        match self.value(endpoint, values).await {
            Ok(value) => json(StatusCode::OK, Some(JSON), value.to_string()),
            Err(missing) => self.missing(&missing),
        }
    }

    fn missing(&self, missing: &Missing) -> Answer {
        match missing {
            Missing::Refused(refused) => refusal(refused, JSON, self.release),
            Missing::Cluster(name) => {
                typed_error(StatusCode::NOT_FOUND, JSON, 404, &format!("Cluster {name} cannot be found."))
            }
            Missing::Resource => typed_error(StatusCode::NOT_FOUND, JSON, 404, "HTTP 404 Not Found"),
        }
    }

    async fn value(&self, endpoint: Endpoint, values: &[String]) -> Result<Value, Missing> {
        let cluster = self.admin.cluster().await?;
        let names: Vec<&str> = values.iter().map(String::as_str).collect();
        let here = self.cluster_url(&cluster);
        if endpoint == Endpoint::ListClusters {
            return Ok(list(
                "KafkaClusterList",
                &format!("{}/v3/clusters", self.base),
                [self.cluster(&cluster)],
            ));
        }
        let wanted = names.first().copied().unwrap_or_default();
        if endpoint == Endpoint::GetCluster {
            return if wanted == cluster.id { Ok(self.cluster(&cluster)) } else { Err(Missing::Resource) };
        }
        if wanted != cluster.id {
            return Err(Missing::Cluster(wanted.to_owned()));
        }
        match (endpoint, &names[1..]) {
            (Endpoint::ListBrokersV3, _) => {
                let brokers = cluster.brokers.iter().map(|broker| self.broker(&cluster, broker));
                Ok(list("KafkaBrokerList", &format!("{here}/brokers"), brokers))
            }
            (Endpoint::GetBrokerV3, [id]) => {
                let broker = cluster.brokers.iter().find(|broker| number(id) == Some(broker.id));
                broker.map(|broker| self.broker(&cluster, broker)).ok_or(Missing::Resource)
            }
            (Endpoint::ListTopicsV3, _) => {
                let mut topics: Vec<_> = cluster.topics.iter().collect();
                topics.sort_by(|one, other| one.name.cmp(&other.name));
                let topics = topics.into_iter().map(|topic| {
                    let replicas = topic.partitions.first().map_or(0, |partition| partition.replicas.len());
                    let counts = (topic.partitions.len(), i64::try_from(replicas).unwrap_or(0));
                    self.topic(&cluster, &topic.name, topic.is_internal(), counts)
                });
                Ok(list("KafkaTopicList", &format!("{here}/topics"), topics))
            }
            (endpoint, [name, rest @ ..]) => {
                let topic = found(cluster.topic(name), name)?;
                let there = format!("{here}/topics/{name}");
                match (endpoint, rest) {
                    (Endpoint::GetTopicV3, _) => {
                        let replicas =
                            topic.partitions.first().map_or(0, |partition| partition.replicas.len());
                        let counts = (topic.partitions.len(), i64::try_from(replicas).unwrap_or(0));
                        Ok(self.topic(&cluster, name, topic.is_internal(), counts))
                    }
                    (Endpoint::ListPartitionsV3, _) => {
                        let partitions =
                            topic.partitions.iter().map(|one| self.partition(&cluster, name, one));
                        Ok(list("KafkaPartitionList", &format!("{there}/partitions"), partitions))
                    }
                    (Endpoint::GetPartitionV3, [id]) => {
                        let partition = topic.partitions.iter().find(|one| number(id) == Some(one.id));
                        partition.map(|one| self.partition(&cluster, name, one)).ok_or(Missing::Resource)
                    }
                    (Endpoint::ListConfigs, _) => {
                        let mut settings = self.admin.settings(name).await?;
                        settings.sort_by(|one, other| one.name.cmp(&other.name));
                        let settings = settings.iter().map(|one| self.config(&cluster, name, one));
                        Ok(list("KafkaTopicConfigList", &format!("{there}/configs"), settings))
                    }
                    (Endpoint::GetConfig, [wanted]) => {
                        let settings = self.admin.settings(name).await?;
                        let setting = settings.iter().find(|setting| setting.name == *wanted);
                        setting.map(|one| self.config(&cluster, name, one)).ok_or(Missing::Resource)
                    }
                    _ => Err(Missing::Resource),
                }
            }
            _ => Err(Missing::Resource),
        }
    }

    /// Deletes a topic.
    pub(in super::super) async fn delete(&self, values: &[String]) -> Answer {
        let [wanted, topic] = values else { return not_found() };
        let deleted = async {
            self.check_cluster(wanted).await?;
            if !is_legal(topic) {
                return Err(Refused::Kafka(Code::InvalidTopic).into());
            }
            Ok::<_, Missing>(self.admin.delete(topic).await?)
        };
        match deleted.await {
            Ok(()) => json(StatusCode::NO_CONTENT, None, ""),
            Err(missing) => self.missing(&missing),
        }
    }

    /// Creates the topic that `body` describes.
    pub(in super::super) async fn create(&self, values: &[String], body: &[u8]) -> Answer {
        let asked = values.first().map_or("", String::as_str);
        let wanted = match Wanted::read(body, self.release) {
            Ok(wanted) => wanted,
            Err(refusal) => return *refusal,
        };
        let old = self.release.is_6_2();
        if !is_legal(&wanted.name) {
            return if old {
                typed_error(StatusCode::INTERNAL_SERVER_ERROR, JSON, 500, "Internal Server Error")
            } else {
                let text = "Payload error. Invalid topic name.";
                typed_error(StatusCode::UNPROCESSABLE_ENTITY, JSON, 42206, text)
            };
        }
        let created = async {
            self.check_cluster(asked).await?;
            self.admin
                .create(&wanted.name, wanted.partitions, wanted.replicas, &wanted.configs)
                .await
                .map_err(Missing::from)
        };
        match created.await {
            Ok(()) => {}
            Err(Missing::Refused(Refused::Kafka(code))) => {
                return typed_error(StatusCode::BAD_REQUEST, JSON, 40002, &wanted.why_not(code));
            }
            Err(missing) => return self.missing(&missing),
        }
        let cluster = match self.admin.cluster().await {
            Ok(cluster) => cluster,
            Err(why) => return self.missing(&why.into()),
        };
        let made = cluster.topic(&wanted.name);
        let partitions =
            made.map_or(usize::try_from(wanted.partitions).unwrap_or(0), |topic| topic.partitions.len());
        let replicas = made.and_then(|topic| topic.partitions.first()).map(|one| one.replicas.len());
        let replicas = replicas.and_then(|count| i64::try_from(count).ok()).unwrap_or(wanted.replicas.into());
        let topic = self.topic(&cluster, &wanted.name, false, (partitions, replicas));
        let mut response = response::json(StatusCode::CREATED, None, topic.to_string());
        let location = format!("{}/topics/{}", self.cluster_url(&cluster), wanted.name);
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(LOCATION, location);
        }
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        response
    }

    async fn check_cluster(&self, wanted: &str) -> Result<(), Missing> {
        let cluster = self.admin.cluster().await?;
        if cluster.id == wanted { Ok(()) } else { Err(Missing::Cluster(wanted.to_owned())) }
    }

    fn cluster_url(&self, cluster: &ClusterState) -> String {
        format!("{}/v3/clusters/{}", self.base, cluster.id)
    }

    fn cluster(&self, cluster: &ClusterState) -> Value {
        let here = self.cluster_url(cluster);
        let related = |path: &str| json!({ "related": format!("{here}/{path}") });
        let mut value = json!({
            "kind": "KafkaCluster",
            "metadata": {"self": here, "resource_name": format!("crn:///kafka={}", cluster.id)},
            "cluster_id": cluster.id,
        });
        if let (Some(object), Some(first)) = (value.as_object_mut(), cluster.brokers.first()) {
            object.insert("controller".into(), related(&format!("brokers/{}", first.id)));
        }
        let more = json!({
            "acls": related("acls"),
            "brokers": related("brokers"),
            "broker_configs": related("broker-configs"),
            "consumer_groups": related("consumer-groups"),
            "topics": related("topics"),
            "partition_reassignments": related("topics/-/partitions/-/reassignment"),
        });
        joined(value, more)
    }

    fn broker(&self, cluster: &ClusterState, broker: &BrokerState) -> Value {
        let here = format!("{}/brokers/{}", self.cluster_url(cluster), broker.id);
        json!({
            "kind": "KafkaBroker",
            "metadata": {
                "self": here,
                "resource_name": format!("crn:///kafka={}/broker={}", cluster.id, broker.id),
            },
            "cluster_id": cluster.id,
            "broker_id": broker.id,
            "host": broker.host,
            "port": broker.port,
            "rack": null,
            "configs": {"related": format!("{here}/configs")},
            "partition_replicas": {"related": format!("{here}/partition-replicas")},
        })
    }

    fn topic(
        &self,
        cluster: &ClusterState,
        name: &str,
        is_internal: bool,
        (partitions, replicas): (usize, i64),
    ) -> Value {
        let here = format!("{}/topics/{name}", self.cluster_url(cluster));
        let related = |path: &str| json!({ "related": format!("{here}/{path}") });
        let old = self.release.is_6_2();
        let mut value = json!({
            "kind": "KafkaTopic",
            "metadata": {
                "self": here,
                "resource_name": format!("crn:///kafka={}/topic={name}", cluster.id),
            },
            "cluster_id": cluster.id,
            "topic_name": name,
            "is_internal": is_internal,
            "replication_factor": replicas,
        });
        if !old {
            value = joined(value, json!({ "partitions_count": partitions }));
        }
        value = joined(
            value,
            json!({
                "partitions": related("partitions"),
                "configs": related("configs"),
                "partition_reassignments": related("partitions/-/reassignment"),
            }),
        );
        if old { value } else { joined(value, json!({ "authorized_operations": [] })) }
    }

    fn partition(&self, cluster: &ClusterState, topic: &str, partition: &PartitionState) -> Value {
        let id = partition.id;
        let here = format!("{}/topics/{topic}/partitions/{id}", self.cluster_url(cluster));
        let leader = (partition.leader >= 0)
            .then(|| json!({ "related": format!("{here}/replicas/{}", partition.leader) }));
        let value = json!({
            "kind": "KafkaPartition",
            "metadata": {
                "self": here,
                "resource_name": format!("crn:///kafka={}/topic={topic}/partition={id}", cluster.id),
            },
            "cluster_id": cluster.id,
            "topic_name": topic,
            "partition_id": id,
        });
        let value = match leader {
            Some(leader) => joined(value, json!({ "leader": leader })),
            None => value,
        };
        joined(
            value,
            json!({
                "replicas": {"related": format!("{here}/replicas")},
                "reassignment": {"related": format!("{here}/reassignment")},
            }),
        )
    }

    fn config(&self, cluster: &ClusterState, topic: &str, setting: &Setting) -> Value {
        let Setting { name, value, is_default, is_read_only, is_sensitive, source } = setting;
        let here = format!("{}/topics/{topic}/configs/{name}", self.cluster_url(cluster));
        let synonym = json!({ "name": name, "value": value, "source": source });
        let synonyms = if *is_default { Vec::new() } else { vec![synonym] };
        json!({
            "kind": "KafkaTopicConfig",
            "metadata": {
                "self": here,
                "resource_name": format!("crn:///kafka={}/topic={topic}/config={name}", cluster.id),
            },
            "cluster_id": cluster.id,
            "name": name,
            "value": value,
            "is_read_only": is_read_only,
            "is_sensitive": is_sensitive,
            "source": source,
            "synonyms": synonyms,
            "topic_name": topic,
            "is_default": is_default,
        })
    }
}

fn list(kind: &str, url: &str, data: impl IntoIterator<Item = Value>) -> Value {
    let data: Vec<Value> = data.into_iter().collect();
    json!({ "kind": kind, "metadata": {"self": url, "next": null}, "data": data })
}

/// Two objects as one.
fn joined(one: Value, other: Value) -> Value {
    let mut all = Map::new();
    for object in [one, other] {
        if let Value::Object(members) = object {
            all.extend(members);
        }
    }
    Value::Object(all)
}

/// A message with where the first value of `body` ends.
fn end_of(body: &[u8], message: &str, release: ProxyRelease) -> Option<String> {
    let version = Version::of(release);
    let source = Source::new(body).ok()?;
    let mut parser = Parser::new(&source, version);
    parser.advance().ok()?;
    parser.skip_children().ok()?;
    let problem = Problem::new(Kind::Mapping, message.to_owned(), Some(parser.token_place()));
    Some(problem.full(version))
}

/// A topic as a request wants it.
struct Wanted {
    name: String,
    partitions: i32,
    replicas: i32,
    configs: Vec<(String, String)>,
}

impl Wanted {
    fn read(body: &[u8], release: ProxyRelease) -> Result<Self, Box<Answer>> {
        let bad = |text: String| {
            if release == ProxyRelease::Confluent6_2_0 {
                Box::new(json(StatusCode::BAD_REQUEST, Some("text/plain"), text))
            } else {
                Box::new(typed_error(StatusCode::BAD_REQUEST, JSON, 400, &text))
            }
        };
        let document: Value = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
        let Value::Object(members) = document else {
            return Err(bad("Cannot construct instance of `CreateTopicRequest`".into()));
        };
        let mut wanted = Self { name: String::new(), partitions: -1, replicas: -1, configs: Vec::new() };
        let mut name = None;
        for (member, value) in members {
            let int = || value.as_i64().and_then(|number| i32::try_from(number).ok());
            match member.as_str() {
                "topic_name" => name = value.as_str().map(str::to_owned),
                "partitions_count" => wanted.partitions = int().unwrap_or(wanted.partitions),
                "replication_factor" => wanted.replicas = int().unwrap_or(wanted.replicas),
                "configs" => {
                    for config in value.as_array().into_iter().flatten() {
                        if let (Some(name), Some(value)) = (config["name"].as_str(), config["value"].as_str())
                        {
                            wanted.configs.push((name.to_owned(), value.to_owned()));
                        }
                    }
                }
                "replicas_assignments" | "validate_only" => {}
                _ => {
                    let (status, text) =
                        (StatusCode::UNPROCESSABLE_ENTITY, format!("Unrecognized field: {member}"));
                    return Err(Box::new(typed_error(status, JSON, 422, &text)));
                }
            }
        }
        let Some(name) = name else {
            let old = release.is_6_2();
            let class = if old { "io.confluent.kafkarest.entities.v3." } else { "" };
            let text =
                format!("Cannot construct instance of `{class}CreateTopicRequest`, problem: Null topicName");
            return Err(bad(match release {
                // The message is told whole, with where the object ends.
                ProxyRelease::Confluent6_2_0 => end_of(body, &text, release).unwrap_or(text),
                _ => text,
            }));
        };
        Ok(Self { name, ..wanted })
    }

    /// Kafka's words for why the topic was not created.
    fn why_not(&self, code: Code) -> String {
        match code {
            Code::TopicAlreadyExists => format!("Topic '{}' already exists.", self.name),
            Code::InvalidPartitions => {
                "Number of partitions was set to an invalid non-positive value.".into()
            }
            Code::InvalidReplicationFactor => format!(
                "Unable to replicate the partition {} time(s): The target replication factor of {0} cannot be reached because only some broker(s) are registered.",
                self.replicas
            ),
            other => other.to_string(),
        }
    }
}
