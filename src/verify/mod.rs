//! The independent reader: reads the run's topics back from Kafka, from the offsets that stood before the
//! run, and knows how far it has read.

mod mark;
mod reader;
mod tail;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::kafka::{Access, Asker, NoAnswer, ask, describe};
use crate::record::{RunId, TopicPartition};

pub use reader::{End, Ends, Progress, ReadError, ReadErrorKind, Reader};
pub use tail::{Tail, TailRecord};

/// How long one question to the cluster may take.
const ASK: Duration = Duration::from_secs(10);

/// What is to be read.
#[derive(Debug, Clone)]
pub struct ReaderConfig {
    /// How Kafka is reached.
    pub kafka: Access,
    /// The run, for the client's name.
    pub run: RunId,
    /// The run's topics, in the scenario's order.
    pub topics: Vec<String>,
}

/// Where the topics ended before the run began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// High watermark of each partition.
    pub from: BTreeMap<TopicPartition, i64>,
    /// Topics that may not be read, by place in the scenario, with what Kafka says. The run's records there
    /// cannot be verified.
    pub forbidden: BTreeMap<u16, String>,
    /// Topics that Kafka compacts, by place in the scenario.
    pub compacted: BTreeSet<u16>,
    /// The cluster's id, where it tells one.
    pub cluster: Option<String>,
}

/// Why reading is not possible.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// librdkafka refuses its settings.
    #[error("cannot make a Kafka consumer: {}; check the Kafka properties", describe(.0))]
    Client(#[source] KafkaError),
    /// The cluster does not answer.
    #[error("Kafka at {bootstrap} cannot be used: {source}")]
    Unreachable {
        /// Where it should be.
        bootstrap: String,
        /// What happened.
        #[source]
        source: NoAnswer,
    },
    /// No such topic.
    #[error(
        "topic `{topic}` does not exist in Kafka at {bootstrap}; create it, or set `kafka.create_topics: true`"
    )]
    NoTopic {
        /// Where.
        bootstrap: String,
        /// Which.
        topic: String,
    },
    /// Records are there, and are not given.
    #[error(
        "topic `{topic}` in Kafka at {bootstrap} holds records that were not read in 10 s; check that it may be read"
    )]
    Unread {
        /// Where.
        bootstrap: String,
        /// Which.
        topic: String,
    },
    /// The thread could not be started.
    #[error("cannot start the reader thread: {0}")]
    Thread(#[source] std::io::Error),
}

fn client(config: &ReaderConfig) -> Result<BaseConsumer, VerifyError> {
    let name = name_of(config);
    config.kafka.client(&name, &settings(&name)).create().map_err(VerifyError::Client)
}

/// A client that only asks.
fn asker(config: &ReaderConfig) -> Result<Asker, VerifyError> {
    let name = name_of(config);
    // Whoever is in a group hears of its connections only with its records.
    let settings = settings(&name).into_iter().filter(|(name, _)| *name != "group.id");
    config.kafka.asker(&name, &settings.collect::<Vec<_>>()).map_err(VerifyError::Client)
}

fn name_of(config: &ReaderConfig) -> String {
    format!("landfall-reader-{}", config.run)
}

fn settings(name: &str) -> [(&str, &str); 9] {
    [
        // Never joined: partitions are assigned by hand. librdkafka wants a name all the same.
        ("group.id", name),
        ("enable.auto.commit", "false"),
        ("enable.partition.eof", "true"),
        ("isolation.level", "read_committed"),
        ("check.crcs", "true"),
        ("auto.offset.reset", "error"),
        ("fetch.wait.max.ms", "50"),
        ("fetch.queue.backoff.ms", "10"),
        ("queued.max.messages.kbytes", "65536"),
    ]
}

/// Reads where the topics end now. Blocks.
///
/// # Errors
/// [`VerifyError`] where the cluster does not answer or a topic is not there. A topic that may not be described
/// is no error: it is listed as forbidden.
pub fn baseline(config: &ReaderConfig) -> Result<Baseline, VerifyError> {
    let client = asker(config)?;
    let unreachable =
        |source: NoAnswer| VerifyError::Unreachable { bootstrap: config.kafka.bootstrap.clone(), source };
    let mut baseline = Baseline::default();
    for (place, topic) in (0_u16..).zip(&config.topics) {
        let metadata =
            ask(&config.kafka, &client, ASK, |client, within| client.fetch_metadata(Some(topic), within));
        let metadata = metadata.map_err(unreachable)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions: Vec<i32> = match found.map(|found| (found.error().map(Code::from), found)) {
            Some((None, found)) if !found.partitions().is_empty() => {
                found.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect()
            }
            Some((Some(Code::TopicAuthorizationFailed), _)) => {
                baseline.forbidden.insert(place, "not authorised to describe it".into());
                continue;
            }
            None | Some((None | Some(Code::UnknownTopicOrPartition | Code::UnknownTopic), _)) => {
                return Err(VerifyError::NoTopic {
                    bootstrap: config.kafka.bootstrap.clone(),
                    topic: topic.clone(),
                });
            }
            Some((Some(code), _)) => return Err(unreachable(KafkaError::MetadataFetch(code).into())),
        };
        for partition in partitions {
            let ends = ask(&config.kafka, &client, ASK, |client, within| {
                client.fetch_watermarks(topic, partition, within)
            });
            match ends {
                Ok((_, high)) => {
                    baseline.from.insert(TopicPartition { topic: place, partition }, high);
                }
                Err(NoAnswer {
                    error: KafkaError::MetadataFetch(Code::TopicAuthorizationFailed), ..
                }) => {
                    baseline.forbidden.insert(place, "not authorised to read its offsets".into());
                }
                Err(source) => return Err(unreachable(source)),
            }
        }
    }
    baseline.compacted = compacted(config, &baseline.forbidden);
    baseline.cluster = client.client().fetch_cluster_id(ASK);
    Ok(baseline)
}

/// The id of the cluster, if it answers and tells one. Blocks.
#[must_use]
pub fn cluster_id(config: &ReaderConfig) -> Option<String> {
    client(config).ok()?.client().fetch_cluster_id(ASK)
}

/// The topics that Kafka compacts. Of one whose settings may not be read, it is taken that it does not.
fn compacted(config: &ReaderConfig, forbidden: &BTreeMap<u16, String>) -> BTreeSet<u16> {
    let name = format!("landfall-reader-{}", config.run);
    let admin: Result<AdminClient<DefaultClientContext>, _> = config.kafka.client(&name, &[]).create();
    let Ok(admin) = admin else { return BTreeSet::new() };
    let topics: Vec<(u16, &String)> =
        (0..).zip(&config.topics).filter(|(place, _)| !forbidden.contains_key(place)).collect();
    let resources: Vec<ResourceSpecifier<'_>> =
        topics.iter().map(|(_, topic)| ResourceSpecifier::Topic(topic)).collect();
    let options = AdminOptions::new().request_timeout(Some(ASK));
    let described = futures_executor::block_on(admin.describe_configs(&resources, &options));
    let is_compacted = |described: &ConfigResource| {
        let policy = described.get("cleanup.policy").and_then(|entry| entry.value.as_deref());
        policy.is_some_and(|policy| policy.split(',').any(|word| word.trim() == "compact"))
    };
    let described = described.unwrap_or_default().into_iter();
    let of = |resource: &ConfigResource| match &resource.specifier {
        OwnedResourceSpecifier::Topic(name) => {
            topics.iter().find(|(_, topic)| *topic == name).map(|(place, _)| *place)
        }
        _ => None,
    };
    described.flatten().filter(is_compacted).filter_map(|resource| of(&resource)).collect()
}
