//! What the proxy asks Kafka about brokers, topics and settings, and what it has it do. Nothing is kept: each request
//! asks anew, as the real proxy does.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::produce::Producer;

/// How long Kafka has to answer (Java's `default.api.timeout.ms` of the admin client).
const PATIENCE: Duration = Duration::from_mins(1);
/// How long to wait before Kafka is asked again that could not be reached.
const RETRY: Duration = Duration::from_millis(50);

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BrokerState {
    pub(super) id: i32,
    pub(super) host: String,
    pub(super) port: i32,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartitionState {
    pub(super) id: i32,
    pub(super) leader: i32,
    pub(super) replicas: Vec<i32>,
    pub(super) in_sync: Vec<i32>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicState {
    pub(super) name: String,
    pub(super) partitions: Vec<PartitionState>,
}

impl TopicState {
    /// Whether it is Kafka's own.
    pub(super) fn is_internal(&self) -> bool {
        matches!(self.name.as_str(), "__consumer_offsets" | "__transaction_state")
    }
}

/// All that Kafka's metadata tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClusterState {
    pub(super) id: String,
    /// By id; the first is taken for the controller, which librdkafka does not tell.
    pub(super) brokers: Vec<BrokerState>,
    pub(super) topics: Vec<TopicState>,
}

impl ClusterState {
    pub(super) fn topic(&self, name: &str) -> Option<&TopicState> {
        self.topics.iter().find(|topic| topic.name == name)
    }
}

/// A setting of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) is_default: bool,
    pub(super) is_read_only: bool,
    pub(super) is_sensitive: bool,
    /// As Java names it.
    pub(super) source: &'static str,
}

/// Why Kafka did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// Nobody answered in time.
    Unreachable,
    /// It said no.
    Kafka(Code),
}

/// Asks Kafka.
#[derive(Clone)]
pub(super) struct Admin {
    producer: Arc<Producer>,
    config: ClientConfig,
    client: Arc<OnceLock<Option<AdminClient<DefaultClientContext>>>>,
    patience: Duration,
}

impl Admin {
    /// `scale`: how many times faster than the real proxy's its time-outs pass.
    pub(super) fn new(producer: Arc<Producer>, config: ClientConfig, scale: u32) -> Self {
        Self { producer, config, client: Arc::default(), patience: PATIENCE / scale.max(1) }
    }

    /// The cluster as it is now.
    pub(super) async fn cluster(&self) -> Result<ClusterState, Refused> {
        let admin = self.clone();
        self.blocking(move |deadline| admin.fetch_cluster(deadline)).await
    }

    /// Carries out what blocks, apart from the requests: who is asked may be a double in the same process.
    async fn blocking<T: Send + 'static>(
        &self,
        ask: impl FnOnce(Instant) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let deadline = Instant::now() + self.patience;
        tokio::task::spawn_blocking(move || ask(deadline)).await.unwrap_or(Err(Refused::Unreachable))
    }

    fn fetch_cluster(&self, deadline: Instant) -> Result<ClusterState, Refused> {
        let client = self.producer.client();
        let metadata = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Refused::Unreachable);
            }
            match client.fetch_metadata(None, left) {
                Ok(metadata) => break metadata,
                Err(_) => std::thread::sleep(RETRY.min(left)),
            }
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let id = client.fetch_cluster_id(left).ok_or(Refused::Unreachable)?;
        let brokers = metadata.brokers().iter().map(|broker| BrokerState {
            id: broker.id(),
            host: broker.host().to_owned(),
            port: broker.port(),
        });
        let mut brokers: Vec<BrokerState> = brokers.collect();
        brokers.sort_by_key(|broker| broker.id);
        let topics = metadata.topics().iter().map(|topic| {
            let partitions = topic.partitions().iter().map(|partition| PartitionState {
                id: partition.id(),
                leader: partition.leader(),
                replicas: partition.replicas().to_vec(),
                in_sync: partition.isr().to_vec(),
            });
            let mut partitions: Vec<PartitionState> = partitions.collect();
            partitions.sort_by_key(|partition| partition.id);
            TopicState { name: topic.name().to_owned(), partitions }
        });
        Ok(ClusterState { id, brokers, topics: topics.collect() })
    }

    /// The first offset of a partition and the one that its next record will get.
    pub(super) async fn offsets(&self, topic: &str, partition: i32) -> Result<(i64, i64), Refused> {
        let (admin, topic) = (self.clone(), topic.to_owned());
        self.blocking(move |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            admin.producer.client().fetch_watermarks(&topic, partition, left).map_err(|error| refused(&error))
        })
        .await
    }

    /// Every setting of a topic.
    pub(super) async fn settings(&self, topic: &str) -> Result<Vec<Setting>, Refused> {
        let asked = [ResourceSpecifier::Topic(topic)];
        let described =
            self.admin()?.describe_configs(&asked, &self.options()).await.map_err(|error| refused(&error))?;
        let resource = described.into_iter().next().ok_or(Refused::Unreachable)?.map_err(Refused::Kafka)?;
        let settings = resource.entries.into_iter().map(|entry| Setting {
            is_default: !matches!(entry.source, ConfigSource::DynamicTopic),
            source: match entry.source {
                ConfigSource::DynamicTopic => "DYNAMIC_TOPIC_CONFIG",
                ConfigSource::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
                ConfigSource::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
                ConfigSource::StaticBroker => "STATIC_BROKER_CONFIG",
                ConfigSource::Default => "DEFAULT_CONFIG",
                ConfigSource::Unknown => "UNKNOWN",
            },
            name: entry.name,
            value: entry.value,
            is_read_only: entry.is_read_only,
            is_sensitive: entry.is_sensitive,
        });
        Ok(settings.collect())
    }

    /// Creates a topic; -1 stands for the broker's default.
    pub(super) async fn create(
        &self,
        name: &str,
        partitions: i32,
        replicas: i32,
        settings: &[(String, String)],
    ) -> Result<(), Refused> {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        for (name, value) in settings {
            topic = topic.set(name, value);
        }
        let created =
            self.admin()?.create_topics([&topic], &self.options()).await.map_err(|error| refused(&error))?;
        one(created)
    }

    /// Deletes a topic.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Refused> {
        let deleted =
            self.admin()?.delete_topics(&[name], &self.options()).await.map_err(|error| refused(&error))?;
        one(deleted)
    }

    /// A client for administration, which is made when it is needed first.
    fn admin(&self) -> Result<&AdminClient<DefaultClientContext>, Refused> {
        self.client.get_or_init(|| self.config.create().ok()).as_ref().ok_or(Refused::Unreachable)
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.patience)).operation_timeout(Some(self.patience))
    }
}

fn refused(error: &KafkaError) -> Refused {
    match error.rdkafka_error_code() {
        Some(code) if (code as i32) > 0 => Refused::Kafka(code),
        _ => Refused::Unreachable,
    }
}

fn one(results: Vec<Result<String, (String, Code)>>) -> Result<(), Refused> {
    match results.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        Some(Err((_, code))) => Err(Refused::Kafka(code)),
        None => Err(Refused::Unreachable),
    }
}
