//! What v2 tells of brokers, topics and partitions.

use hyper::StatusCode;
use rdkafka::error::RDKafkaErrorCode as Code;
use serde_json::{Map, Value, json};

use super::Answer;
use super::admin::{Admin, PartitionState, Refused, TopicState};
use super::response::{json, typed_error};
use super::route::java_bucket;
use crate::scenario::ProxyRelease;
use crate::wire::produce::v2::RESPONSE;

/// Answers what v2 asks Kafka for.
pub(super) struct Metadata<'a> {
    pub(super) admin: &'a Admin,
    pub(super) release: ProxyRelease,
}

impl Metadata<'_> {
    pub(super) async fn topics(&self) -> Answer {
        match self.admin.cluster().await {
            Ok(cluster) => {
                let topics = cluster.topics.iter().filter(|topic| !topic.is_internal());
                let names = topics.map(|topic| topic.name.clone()).collect();
                ok(&json!(in_java_order(names, Clone::clone)))
            }
            Err(why) => self.refusal(&why),
        }
    }

    pub(super) async fn brokers(&self) -> Answer {
        match self.admin.cluster().await {
            Ok(cluster) => {
                let ids: Vec<i32> = cluster.brokers.iter().map(|broker| broker.id).collect();
                ok(&json!({ "brokers": ids }))
            }
            Err(why) => self.refusal(&why),
        }
    }

    pub(super) async fn topic(&self, name: &str) -> Answer {
        let topic = match self.find(name).await {
            Ok(topic) => topic,
            Err(why) => return self.refusal(&why),
        };
        let settings = match self.admin.settings(name).await {
            Ok(settings) => settings,
            Err(why) => return self.refusal(&why),
        };
        let settings = in_java_order(settings, |setting| setting.name.clone());
        let configs: Map<String, Value> =
            settings.into_iter().map(|setting| (setting.name, json!(setting.value))).collect();
        let partitions: Vec<Value> = topic.partitions.iter().map(partition).collect();
        ok(&json!({ "name": name, "configs": configs, "partitions": partitions }))
    }

    pub(super) async fn partitions(&self, topic: &str) -> Answer {
        match self.find(topic).await {
            Ok(topic) => ok(&Value::Array(topic.partitions.iter().map(partition).collect())),
            Err(why) => self.refusal(&why),
        }
    }

    pub(super) async fn partition(&self, topic: &str, id: i32) -> Answer {
        match self.find(topic).await {
            Ok(topic) => match topic.partitions.iter().find(|partition| partition.id == id) {
                Some(found) => ok(&partition(found)),
                None => partition_not_found(),
            },
            Err(why) => self.refusal(&why),
        }
    }

    pub(super) async fn offsets(&self, topic: &str, id: i32) -> Answer {
        let found = match self.find(topic).await {
            Ok(found) => found,
            Err(why) => return self.refusal(&why),
        };
        if !found.partitions.iter().any(|partition| partition.id == id) {
            return partition_not_found();
        }
        match self.admin.offsets(topic, id).await {
            Ok((first, end)) => ok(&json!({ "beginning_offset": first, "end_offset": end })),
            Err(why) => self.refusal(&why),
        }
    }

    async fn find(&self, name: &str) -> Result<TopicState, Refused> {
        let cluster = self.admin.cluster().await?;
        found(cluster.topic(name), name).cloned()
    }

    fn refusal(&self, why: &Refused) -> Answer {
        refusal(why, RESPONSE, self.release)
    }
}

/// The topic, or what Kafka says of its name.
pub(super) fn found<'t>(topic: Option<&'t TopicState>, name: &str) -> Result<&'t TopicState, Refused> {
    topic.ok_or_else(|| {
        Refused::Kafka(if is_legal(name) { Code::UnknownTopicOrPartition } else { Code::InvalidTopic })
    })
}

/// Whether Kafka allows a topic of this name.
pub(super) fn is_legal(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= 249
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// The answer to a request that Kafka refused, of the media type `kind`.
pub(super) fn refusal(why: &Refused, kind: &'static str, release: ProxyRelease) -> Answer {
    let old = release.is_6_2();
    let (status, code, text) = match why {
        Refused::Unreachable => (
            StatusCode::INTERNAL_SERVER_ERROR,
            50003,
            "Timed out waiting for a node assignment. Call: listNodes",
        ),
        Refused::Kafka(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
            (StatusCode::NOT_FOUND, 40403, "This server does not host this topic-partition.")
        }
        Refused::Kafka(Code::InvalidTopic) => {
            let text = "The request attempted to perform an operation on an invalid topic.";
            if old {
                (StatusCode::INTERNAL_SERVER_ERROR, 50002, text)
            } else {
                (StatusCode::BAD_REQUEST, 40002, text)
            }
        }
        Refused::Kafka(Code::TopicAuthorizationFailed) => {
            (StatusCode::FORBIDDEN, 40301, "Not authorized to access topics: [Topic authorization failed.]")
        }
        Refused::Kafka(Code::ClusterAuthorizationFailed) => {
            (StatusCode::FORBIDDEN, 40301, "Cluster authorization failed.")
        }
        Refused::Kafka(other) => {
            return typed_error(StatusCode::BAD_REQUEST, kind, 40002, &other.to_string());
        }
    };
    typed_error(status, kind, code, text)
}

fn ok(value: &Value) -> Answer {
    json(StatusCode::OK, Some(RESPONSE), value.to_string())
}

fn partition_not_found() -> Answer {
    typed_error(StatusCode::NOT_FOUND, RESPONSE, 40402, "Partition not found.")
}

fn partition(partition: &PartitionState) -> Value {
    let replicas = partition.replicas.iter().map(|broker| {
        json!({
            "broker": broker,
            "leader": *broker == partition.leader,
            "in_sync": partition.in_sync.contains(broker),
        })
    });
    let replicas: Vec<Value> = replicas.collect();
    json!({ "partition": partition.id, "leader": partition.leader, "replicas": replicas })
}

/// Items in the order of a Java hash map with their names as keys.
fn in_java_order<T>(mut items: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
    let mut buckets = 16;
    while items.len() * 4 > buckets as usize * 3 {
        buckets *= 2;
    }
    items.sort_by_cached_key(|item| {
        let name = name(item);
        (java_bucket(&name, buckets), std::cmp::Reverse(name))
    });
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_stand_as_in_javas_map() {
        let names = ["Topic.With-All_Chars9", "compact", "lat", "p1", "p3", "small", "t1"];
        let ordered = in_java_order(names.map(str::to_owned).to_vec(), Clone::clone);
        assert_eq!(ordered, ["small", "p1", "p3", "compact", "Topic.With-All_Chars9", "t1", "lat"]);
    }
}
