//! Builds the path of a scenario out of its boxes, tells where they are, and takes all down again when it is
//! dropped.

mod cluster;
mod embedded;
mod external;
mod gateway;
mod secrets;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use gateway::check_api;

use crate::api::NotServable;
use crate::doubles::authorizer::{Authorizer, AuthorizerError};
use crate::doubles::balancer::{Balancer, BalancerError};
use crate::doubles::broker::{Broker, BrokerError};
use crate::doubles::fault::Injector;
use crate::doubles::gateway::{ApiFileError, Gateway, GatewayError};
use crate::doubles::idp::{Idp, IdpError};
use crate::doubles::lambda::{Function, FunctionError};
use crate::doubles::proxy::{Proxy, ProxyError};
use crate::kafka::{self, Access};
use crate::result::{BoxReport, FaultReport, HopTimes};
use crate::scenario::{KafkaSpec, ProxySpec, Scenario};
use crate::secret::Secret;

/// How long an external path may go on working on a request after nobody waits for it any more: a Java
/// producer's `delivery.timeout.ms` of two minutes, and something for the way.
const EXTERNAL_GRACE: Duration = Duration::from_secs(130);
/// The same where only Kafka is external: landfall's own proxy tells when it is done.
const EXTERNAL_KAFKA_GRACE: Duration = Duration::from_secs(10);
/// How long the doubles may take to finish what they have in hand.
const QUIESCE_LIMIT: Duration = Duration::from_mins(3);
/// How often they are asked.
const QUIESCE_POLL: Duration = Duration::from_millis(25);

/// Why the path could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A secret that the scenario refers to.
    #[error("{what}: environment variable `{name}` is not set; set it before the run")]
    NoVariable {
        /// What it is for.
        what: String,
        /// The variable.
        name: String,
    },
    /// A secret that the scenario refers to.
    #[error("{what}: cannot read the secret from {path}: {source}")]
    NoSecretFile {
        /// What it is for.
        what: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A secret that cannot stand in a header.
    #[error("{what}: the secret cannot stand in a header; it must be printable ASCII")]
    HeaderValue {
        /// What it is for.
        what: String,
    },
    /// A file of a fleet's secrets.
    #[error("{what}: {path} has {found} lines, and the fleet has {expected} members; write a secret a line")]
    SecretLines {
        /// What it is for.
        what: String,
        /// The file.
        path: PathBuf,
        /// How many lines it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// The broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The balancer.
    #[error(transparent)]
    Balancer(#[from] BalancerError),
    /// The identity provider.
    #[error(transparent)]
    Idp(#[from] IdpError),
    /// The authorizer.
    #[error(transparent)]
    Authorizer(#[from] AuthorizerError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The definition of the gateway's API.
    #[error(transparent)]
    ApiFile(#[from] ApiFileError),
    /// A function that cannot be started.
    #[error("the authorizer `{scheme}` cannot be started ({path}#{pointer}): {source}")]
    Function {
        /// Its security scheme.
        scheme: String,
        /// The definition.
        path: PathBuf,
        /// Its place there.
        pointer: String,
        /// Why not.
        #[source]
        source: Box<FunctionError>,
    },
    /// A back end that `gateway.integrations` names.
    #[error(
        "gateway.integrations names `{written}`, which is no back end's place; write scheme, host and port, for instance \
         `http://nlb.internal:8082`"
    )]
    Origin {
        /// As written.
        written: String,
    },
    /// API keys that nobody asks for.
    #[error(
        "gateway.api_keys are of no use: no method of {path} asks for an API key (a security scheme of the type `apiKey` in the \
         header `x-api-key`); remove them, or use another definition"
    )]
    KeysInVain {
        /// The definition.
        path: PathBuf,
    },
    /// A partner whose tokens would be called wrongly admitted while a result is kept for them.
    #[error(
        "a token of the partner `{partner}` may expire in the run, and the definition's authorizers keep results so that it may \
         pass for {} s after that; write `token: {{ grace: {}s }}`, or longer, so that it is not called wrongly admitted",
        .longest.as_secs(), .longest.as_secs()
    )]
    Grace {
        /// The partner.
        partner: String,
        /// Results and leeway together.
        longest: Duration,
    },
    /// A definition that cannot be served in the scenario's stage.
    #[error("the gateway cannot serve {path}:\n{source}")]
    Api {
        /// The definition.
        path: PathBuf,
        /// What stands in the way.
        #[source]
        source: NotServable,
    },
    /// An external proxy that does not answer.
    #[error("the proxy at {url} does not answer: {reason}; check that it runs there")]
    ProxyUnreachable {
        /// Its URL.
        url: String,
        /// What happened.
        reason: String,
    },
    /// An external proxy behind the embedded gateway.
    #[error(
        "the proxy's URL {url} has a path, which the embedded gateway's integration cannot have; set `gateway: {{ kind: none }}`"
    )]
    ProxyPath {
        /// Its URL.
        url: String,
    },
    /// An external Kafka that does not answer, or refuses.
    #[error(
        "Kafka at {bootstrap} does not answer: {reason}; check that it runs there and that `kafka.properties` fit"
    )]
    KafkaUnreachable {
        /// Where.
        bootstrap: String,
        /// What happened.
        reason: String,
    },
    /// A proxy that does not tell its cluster's id, which the paths of API v3 name.
    #[error(
        "cannot learn the cluster's id from {url}: {reason}; API v3 needs it, so write it as `stack.proxy.cluster_id`, or \
         use a format of v2"
    )]
    ClusterId {
        /// What was asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// Properties that librdkafka refuses.
    #[error("kafka.properties: {reason}")]
    KafkaProperties {
        /// Which, and why.
        reason: String,
    },
    /// A broker of an external Kafka to which landfall's own proxy would write.
    #[error(
        "Kafka at {bootstrap} has a broker at `{host}`, which is not on this machine; name it in the scenario's `allow_hosts`"
    )]
    BrokerForbidden {
        /// Where.
        bootstrap: String,
        /// The broker's host.
        host: String,
    },
    /// An external Kafka's topic.
    #[error("cannot create topic `{topic}` in Kafka at {bootstrap}: {reason}")]
    CreateTopic {
        /// Where.
        bootstrap: String,
        /// Which.
        topic: String,
        /// What Kafka said.
        reason: String,
    },
    /// An external Kafka's topic.
    #[error(
        "topic `{topic}` has {found} partitions in Kafka at {bootstrap}, the scenario says {expected}; make them agree"
    )]
    Partitions {
        /// Where.
        bootstrap: String,
        /// Which.
        topic: String,
        /// How many it has.
        found: usize,
        /// How many it should have.
        expected: i32,
    },
}

impl StackError {
    /// Whether the scenario or its surroundings are at fault (a secret that is not there), rather than a box.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::NoVariable { .. }
            | Self::NoSecretFile { .. }
            | Self::SecretLines { .. }
            | Self::HeaderValue { .. }
            | Self::ProxyPath { .. }
            | Self::ApiFile(_)
            | Self::Origin { .. }
            | Self::KeysInVain { .. }
            | Self::Grace { .. }
            | Self::Api { .. }
            | Self::KafkaProperties { .. }
            | Self::BrokerForbidden { .. } => true,
            Self::Proxy(ProxyError::Producer { source, .. }) => kafka::is_configuration(source),
            _ => false,
        }
    }
}

/// How it is established that what has not landed never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// Whether the proxies are landfall's own, so that they tell when they have nothing in hand.
    pub proxies_tell: bool,
    /// Whether Kafka is too: then what the proxies have finished stands in the topics, or never will.
    pub kafka_tells: bool,
    /// Otherwise, how long is waited after that.
    pub grace: Duration,
}

/// The doubles that run; each stops when dropped. The order is that of the path, so that the entrance closes
/// first.
#[derive(Default)]
struct Doubles {
    gateway: Option<Gateway>,
    authorizer: Option<Authorizer>,
    /// Functions by their authorizer's security scheme.
    functions: Vec<(String, Function)>,
    idp: Option<Idp>,
    balancer: Option<Balancer>,
    proxies: Vec<Proxy>,
    broker: Option<Broker>,
}

/// Where boxes may write.
#[derive(Debug, Clone, Copy)]
pub struct Logs<'a> {
    /// A folder for logs.
    pub folder: &'a Path,
    /// A file for what became of each request at the embedded gateway; `None`: that is not kept.
    pub trace: Option<&'a Path>,
}

/// A path that runs. Dropped, everything that it started stops.
pub struct Stack {
    doubles: Doubles,
    produce_url: String,
    /// URL of the proxy, where it is not landfall's own.
    external_proxy: Option<String>,
    kafka: Access,
    /// The cluster's id, where it is known or a workload needs it.
    cluster_id: Option<String>,
    partner_secrets: Vec<Secret>,
    /// Of each partner.
    partner_headers: Vec<Vec<(String, Secret)>>,
    injectors: Vec<Arc<Injector>>,
    /// Whether the proxies' producers are idempotent.
    idempotent: bool,
    boxes: Vec<BoxReport>,
    /// What cannot be done as it was asked.
    warnings: Vec<String>,
    settling: Settling,
}

impl Stack {
    /// Brings up the scenario's path, from Kafka to the gateway. `logs` is where boxes may write; `None`: nowhere.
    ///
    /// # Errors
    /// [`StackError`] for the first box that does not come up; those before it are stopped again.
    pub async fn start(scenario: &Scenario, logs: Option<Logs<'_>>) -> Result<Self, StackError> {
        let injectors: Vec<Arc<Injector>> = (0_u64..)
            .zip(&scenario.faults)
            .map(|(index, fault)| Arc::new(Injector::new(fault.clone(), scenario.seed.wrapping_add(index))))
            .collect();
        let partner_secrets = secrets::of_partners(scenario)?;
        let partner_headers = secrets::of_headers(scenario)?;
        let mut stack = Self {
            doubles: Doubles::default(),
            produce_url: String::new(),
            external_proxy: None,
            kafka: Access::default(),
            cluster_id: None,
            partner_secrets,
            partner_headers,
            injectors,
            idempotent: scenario.stack.is_idempotent(),
            boxes: Vec::new(),
            warnings: Vec::new(),
            settling: settling(scenario),
        };
        stack.start_kafka(scenario).await?;
        stack.start_proxies(scenario).await?;
        stack.learn_cluster_id(scenario).await?;
        stack.start_front(scenario, logs).await?;
        // Reported in the order in which a request passes.
        let order = ["idp", "gateway", "authorizer", "balancer", "proxy", "kafka"];
        stack.boxes.sort_by_key(|found| order.iter().position(|name| found.name.starts_with(name)));
        Ok(stack)
    }

    /// Notes that a box is up.
    fn up(&mut self, name: &str, kind: &str, endpoint: Option<String>, since: Instant) {
        let start_us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.boxes.push(BoxReport { name: name.into(), kind: kind.into(), endpoint, start_us });
    }

    /// Base URL of produce calls: the gateway with its stage, or the proxy.
    #[must_use]
    pub fn produce_url(&self) -> &str {
        &self.produce_url
    }

    /// Where tokens are to be had, if the path has an identity provider.
    #[must_use]
    pub fn token_endpoint(&self) -> Option<String> {
        self.doubles.idp.as_ref().map(Idp::token_endpoint)
    }

    /// The headers that a partner's requests have besides those that all have.
    #[must_use]
    pub fn partner_headers(&self, partner: usize) -> &[(String, Secret)] {
        self.partner_headers.get(partner).map_or(&[], Vec::as_slice)
    }

    /// What a reader must know of the boxes to use a run's figures rightly.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let functions = self.doubles.functions.iter().flat_map(gateway::notes_on);
        self.warnings.iter().cloned().chain(functions).collect()
    }

    /// How long requests have been at each hop behind the embedded gateway.
    #[must_use]
    pub fn hops(&self) -> Vec<HopTimes> {
        self.doubles.gateway.as_ref().map(Gateway::hops).unwrap_or_default()
    }

    /// How Kafka is reached.
    #[must_use]
    pub fn kafka(&self) -> &Access {
        &self.kafka
    }

    /// The cluster's id, as the paths of API v3 name it; there wherever a workload sends in a format of v3.
    #[must_use]
    pub fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// The client secret of the scenario's partner at this place.
    #[must_use]
    pub fn partner_secret(&self, partner: usize) -> Option<&Secret> {
        self.partner_secrets.get(partner)
    }

    /// The boxes, in the order in which a request passes them.
    #[must_use]
    pub fn boxes(&self) -> &[BoxReport] {
        &self.boxes
    }

    /// How absence is to be established on this path.
    #[must_use]
    pub fn settling(&self) -> Settling {
        self.settling
    }

    /// Marks the start of the load, from which the windows of faults count.
    pub fn load_starts(&self, now: Instant) {
        for injector in &self.injectors {
            injector.start(now);
        }
    }

    /// The faults and how often each took effect, as the doubles counted it.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultReport> {
        self.injectors
            .iter()
            .map(|injector| FaultReport {
                box_name: injector.kind().box_name().into(),
                kind: injector.kind().name().into(),
                injected: injector.injected(),
                expected_finding: injector.kind().expected_finding(self.idempotent).map(Into::into),
            })
            .collect()
    }

    /// Waits until no double has a request in hand. False where one still had after three minutes.
    pub async fn quiesce(&self) -> bool {
        let deadline = Instant::now() + QUIESCE_LIMIT;
        // Twice in a row: a request on its way from one double to the next is in nobody's hand.
        let mut quiet = 0;
        while quiet < 2 {
            if Instant::now() >= deadline {
                return false;
            }
            quiet = if self.in_flight() == 0 { quiet + 1 } else { 0 };
            tokio::time::sleep(QUIESCE_POLL).await;
        }
        true
    }

    /// Whether the external proxy, if there is one, still accepts connections; otherwise why not.
    ///
    /// # Errors
    /// [`StackError::ProxyUnreachable`], as it says.
    pub async fn check_proxy(&self) -> Result<(), StackError> {
        match &self.external_proxy {
            Some(url) => external::reach_proxy(url).await.map(|_| ()),
            None => Ok(()),
        }
    }

    fn in_flight(&self) -> u64 {
        let Doubles { gateway, authorizer, functions, proxies, .. } = &self.doubles;
        gateway.as_ref().map_or(0, Gateway::in_flight)
            + authorizer.as_ref().map_or(0, Authorizer::in_flight)
            + functions.iter().map(|(_, function)| function.in_flight()).sum::<u64>()
            + proxies.iter().map(Proxy::in_flight).sum::<u64>()
    }
}

/// How the scenario's Kafka is reached, where it is external; `None` where it is not.
///
/// # Errors
/// Where a secret of its properties cannot be had.
pub fn external_kafka(scenario: &Scenario) -> Result<Option<Access>, StackError> {
    match &scenario.stack.kafka {
        KafkaSpec::External { bootstrap, properties, .. } => {
            let properties = secrets::of_properties(properties)?;
            Ok(Some(Access { bootstrap: bootstrap.clone(), properties }))
        }
        KafkaSpec::Embedded { .. } => Ok(None),
    }
}

impl Settling {
    /// How absence is to be established on the scenario's path.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        settling(scenario)
    }
}

fn settling(scenario: &Scenario) -> Settling {
    let embedded_proxy = matches!(scenario.stack.proxy, ProxySpec::Embedded { .. });
    let embedded_kafka = matches!(scenario.stack.kafka, KafkaSpec::Embedded { .. });
    let derived = match (embedded_proxy, embedded_kafka) {
        (true, true) => Duration::ZERO,
        (true, false) => EXTERNAL_KAFKA_GRACE,
        (false, _) => EXTERNAL_GRACE,
    };
    Settling {
        proxies_tell: embedded_proxy,
        kafka_tells: embedded_proxy && embedded_kafka,
        grace: scenario.grace.unwrap_or(derived),
    }
}
