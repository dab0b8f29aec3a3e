//! What a scenario file says, once it has been read and checked: plain data, no positions, no secrets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// One scenario: the stack to bring up, who publishes what, and what must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Name, as reports show it.
    pub name: String,
    /// Seed of everything random in a run.
    pub seed: u64,
    /// First 16 hex digits of the SHA-256 of the effective scenario (after `extends` and `--set`).
    pub hash: String,
    /// The boxes of the path.
    pub stack: StackSpec,
    /// Topics the run writes to and reads back; never empty.
    pub topics: Vec<TopicSpec>,
    /// Client identities; never empty.
    pub partners: Vec<Partner>,
    /// Streams of requests; never empty. The index is the producer number of the records' identity.
    pub workloads: Vec<Workload>,
    /// Rules over the run's metrics, besides those that always apply.
    pub checks: Vec<Check>,
    /// Misbehaviours that the doubles show.
    pub faults: Vec<Fault>,
    /// How long absent records are waited for; `None`: derived from the path's time-outs.
    pub grace: Option<Duration>,
    /// How long after the last due time answers are waited for.
    pub drain: Duration,
    /// Hosts other than loopback that load may be sent to.
    pub allow_hosts: Vec<String>,
}

/// The boxes of the path, each one of several kinds.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSpec {
    /// Identity provider.
    pub idp: IdpSpec,
    /// API gateway with its authorizer.
    pub gateway: GatewaySpec,
    /// REST proxy, behind a balancer where it is embedded.
    pub proxy: ProxySpec,
    /// Kafka.
    pub kafka: KafkaSpec,
}

/// Identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdpSpec {
    /// landfall's double; `port` 0 lets the system choose.
    Embedded {
        /// TCP port on loopback.
        port: u16,
        /// Life of the access tokens it issues.
        token_life: Duration,
    },
    /// No tokens are fetched or sent.
    None,
}

/// API gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewaySpec {
    /// landfall's double, with the embedded authorizer.
    Embedded {
        /// TCP port on loopback.
        port: u16,
        /// Request headers that must be there and not blank, as the API's request validator has them.
        required_headers: Vec<String>,
        /// How long an authorizer result is kept for the same token; zero turns the cache off.
        authorizer_ttl: Duration,
        /// How much the times of a token may be off at the authorizer.
        leeway: Duration,
        /// How long the gateway waits for the back end before it answers 504.
        integration_timeout: Duration,
    },
    /// Partners talk to the proxy directly.
    None,
}

/// REST proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxySpec {
    /// landfall's double: `replicas` proxies behind the embedded balancer.
    Embedded {
        /// TCP port of the balancer on loopback.
        port: u16,
        /// Number of proxies, 1 to 16.
        replicas: u16,
        /// Name of the implementation and version that it follows, for instance `confluent-7.9`.
        profile: String,
    },
    /// A proxy that runs already.
    External {
        /// Base URL, `http://host:port[/path]`, without a trailing slash.
        url: String,
    },
}

/// Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KafkaSpec {
    /// landfall's in-memory broker.
    Embedded {
        /// TCP port on loopback.
        port: u16,
    },
    /// A cluster that runs already.
    External {
        /// `host:port[,host:port…]`.
        bootstrap: String,
        /// librdkafka properties for every client of landfall's (admin, reader, embedded proxy).
        properties: BTreeMap<String, Value>,
        /// Whether topics that do not exist are created (and stay afterwards).
        create_topics: bool,
    },
}

/// A setting's value: written in the file, or held elsewhere because it is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// As written.
    Plain(String),
    /// From a place outside the file.
    Reference(SecretSource),
}

/// Where a secret comes from; a scenario never holds one itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Made up at random for this run (embedded boxes only).
    Generated,
    /// An environment variable.
    Env(String),
    /// The first line of a file.
    File(PathBuf),
}

/// A topic of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name, legal in Kafka.
    pub name: String,
    /// Number of partitions, at least 1.
    pub partitions: i32,
    /// The largest batch of records that the topic takes, in bytes: Kafka's `max.message.bytes`. `None`: as
    /// the cluster has it.
    pub max_message_bytes: Option<u64>,
    /// How many bytes a partition keeps before its oldest records go: Kafka's `retention.bytes`. `None`: as
    /// the cluster has it.
    pub retention_bytes: Option<u64>,
}

impl TopicSpec {
    /// What the scenario sets of the topic's configs, by Kafka's names.
    #[must_use]
    pub fn configs(&self) -> BTreeMap<String, String> {
        let sizes =
            [("max.message.bytes", self.max_message_bytes), ("retention.bytes", self.retention_bytes)];
        let written = |(name, size): (&str, Option<u64>)| Some((name.to_owned(), size?.to_string()));
        sizes.into_iter().filter_map(written).collect()
    }
}

/// A client identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Name within the scenario.
    pub name: String,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret.
    pub secret: SecretSource,
    /// Scopes asked for and granted, separated by spaces.
    pub scope: String,
    /// What every request of this partner must meet with.
    pub expect: Expect,
}

/// What must happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It must be accepted.
    Accept,
    /// It must be refused.
    Refuse,
}

/// A stream of requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Index into [`Scenario::partners`].
    pub partner: usize,
    /// Index into [`Scenario::topics`].
    pub topic: usize,
    /// Request format.
    pub format: Format,
    /// What the records hold.
    pub payload: PayloadSpec,
    /// Where the records' identity stands.
    pub identity: IdentityPlace,
    /// Records in each request, at least 1.
    pub records_per_request: u32,
    /// Partition named in the path, if any.
    pub partition: Option<i32>,
    /// Requests a second, above 0.
    pub rate_per_s: f64,
    /// How long requests are due.
    pub duration: Duration,
    /// Keep-alive connections, at least 1.
    pub connections: u16,
    /// How long one attempt may take, from first byte to last.
    pub timeout: Duration,
}

/// Format of a produce request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/vnd.kafka.json.v2+json`
    V2Json,
    /// `application/vnd.kafka.binary.v2+json`
    V2Binary,
}

/// What the records of a workload hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadSpec {
    /// NDJSON file, a record's value a line; used from the first line on, again and again.
    pub file: PathBuf,
    /// JSON pointer (RFC 6901) into the value, whose value becomes the record's key.
    pub key: Option<String>,
}

/// Where a record carries its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityPlace {
    /// An additional member of this name in a JSON object value; a prefix in binary formats.
    Member(String),
    /// A string member of the value, named by JSON pointer, whose value the identity replaces.
    Pointer(String),
    /// The record's key. Order is then not verifiable.
    Key,
    /// Nowhere: records are told by acked position and content. Copies and leaks cannot be told from other
    /// producers' records then.
    None,
}

/// A rule over a metric of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// As written, for instance `latency.p99 < 250ms`.
    pub text: String,
    /// One of [`super::METRICS`].
    pub metric: String,
    /// How the metric's value must stand to the limit.
    pub comparison: Comparison,
    /// What it is held against.
    pub limit: Limit,
}

/// A comparison of a metric with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    Different,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// What a metric is held against, in the metric's own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// A duration, for times.
    Duration(Duration),
    /// A plain number, for counts.
    Count(u64),
    /// A share of the target, in percent, for rates.
    Percent(f64),
    /// Requests a second, for rates.
    PerSecond(f64),
}

/// A misbehaviour that a double is told to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Which box shows it and how.
    pub kind: FaultKind,
    /// How often it strikes.
    pub pace: Pace,
    /// Only records of this topic; `None`: of any.
    pub target: Option<String>,
    /// Only in this stretch of time after the load's start; `None`: always.
    pub window: Option<(Duration, Duration)>,
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// The `n`th, `2n`th, … time that it could.
    Every(u64),
    /// With this probability, 0 to 1, seeded.
    Rate(f64),
}

/// The faults there are; each belongs to one box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// Proxy: answers that a record was written, and does not write it.
    DropAfterAck,
    /// Proxy: writes a record twice.
    Duplicate,
    /// Proxy: changes one byte of a record's value.
    CorruptByte,
    /// Proxy: answers with another offset than the record's.
    WrongOffset,
    /// Proxy: writes two records of one request, of the same key and partition, in the other order.
    ReorderInRequest,
    /// Proxy: writes an empty value where the record's is null.
    NullToEmpty,
    /// Gateway: answers 403 to a denied request, and forwards it all the same.
    ForwardDenied,
    /// Gateway: lets a denied request pass.
    AdmitDenied,
    /// Kafka: refuses every read of the topic, as an ACL without READ does. It strikes always: its pace is
    /// [`Pace::Every`] of 1, and it has no window.
    DenyRead,
}

impl FaultKind {
    /// Every fault, in the order in which documentation lists them.
    pub const ALL: [Self; 9] = [
        Self::DropAfterAck,
        Self::Duplicate,
        Self::CorruptByte,
        Self::WrongOffset,
        Self::ReorderInRequest,
        Self::NullToEmpty,
        Self::ForwardDenied,
        Self::AdmitDenied,
        Self::DenyRead,
    ];

    /// The box that shows it, as scenario files name it.
    #[must_use]
    pub fn box_name(self) -> &'static str {
        match self {
            Self::DropAfterAck
            | Self::Duplicate
            | Self::CorruptByte
            | Self::WrongOffset
            | Self::ReorderInRequest
            | Self::NullToEmpty => "proxy",
            Self::ForwardDenied | Self::AdmitDenied => "gateway",
            Self::DenyRead => "kafka",
        }
    }

    /// Its name in scenario files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DropAfterAck => "drop-after-ack",
            Self::Duplicate => "duplicate",
            Self::CorruptByte => "corrupt-byte",
            Self::WrongOffset => "wrong-offset",
            Self::ReorderInRequest => "reorder-in-request",
            Self::NullToEmpty => "null-to-empty",
            Self::ForwardDenied => "forward-denied",
            Self::AdmitDenied => "admit-denied",
            Self::DenyRead => "deny-read",
        }
    }

    /// The metric whose value equals the number of times the fault took effect; `None` where it leaves
    /// the run without a verdict instead.
    #[must_use]
    pub fn expected_finding(self) -> Option<&'static str> {
        match self {
            Self::DropAfterAck => Some("records.lost"),
            Self::Duplicate => Some("records.duplicated"),
            Self::CorruptByte | Self::NullToEmpty => Some("records.corrupted"),
            Self::WrongOffset => Some("records.misplaced"),
            Self::ReorderInRequest => Some("records.reordered"),
            Self::ForwardDenied => Some("records.leaked"),
            Self::AdmitDenied => Some("requests.wrongly_admitted"),
            Self::DenyRead => None,
        }
    }
}
