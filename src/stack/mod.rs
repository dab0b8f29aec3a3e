//! Builds the path of a scenario out of its boxes, tells where they are, and takes all down again when it is
//! dropped.

mod cluster;
mod container;
mod created;
mod deployed;
mod embedded;
mod error;
mod external;
mod gateway;
mod listen;
mod provider;
mod secrets;
mod settling;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use container::{AUTO_CREATE, COLD_START};
use created::Created;
pub use created::Found;
pub use error::StackError;
pub use gateway::{GATEWAY_CA, check_api};
pub use listen::Listen;
pub use provider::{Provider, discover};
pub use secrets::{PartnerAuth, of_partner};
pub use settling::Settling;

use self::container::Containers;
use crate::doubles::authorizer::Authorizer;
use crate::doubles::balancer::Balancer;
use crate::doubles::broker::Broker;
use crate::doubles::fault::Injector;
use crate::doubles::gateway::{Emulators, Gateway, Told};
use crate::doubles::idp::Idp;
use crate::doubles::lambda::Function;
use crate::doubles::proxy::Proxy;
use crate::doubles::registry::Registry;
use crate::kafka::Access;
use crate::result::{BoxReport, FaultReport, HopTimes};
use crate::scenario::{KafkaSpec, Scenario, TlsSettings};
use crate::secret::Secret;
use crate::stats::{counted, micros};

/// The doubles that run; each stops when dropped. The order is that of the path, so that the entrance closes
/// first.
#[derive(Default)]
struct Doubles {
    gateway: Option<Gateway>,
    authorizer: Option<Authorizer>,
    /// Functions by their authorizer's security scheme.
    functions: Vec<(String, Function)>,
    idp: Option<Idp>,
    balancer: Option<Arc<Balancer>>,
    proxies: Vec<Proxy>,
    registry: Option<Registry>,
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
    listen: Listen,
    doubles: Doubles,
    /// After the doubles, which use them.
    containers: Option<Containers>,
    produce_url: String,
    /// How TLS is spoken to it, where its URL is https.
    produce_tls: TlsSettings,
    /// URL of the proxy or the gateway in front of it, where neither is landfall's own.
    external_proxy: Option<String>,
    /// Whether that is a gateway.
    gateway_is_deployed: bool,
    kafka: Access,
    /// How landfall's own proxy reaches Kafka, where that is another user; `None`: in the same way.
    kafka_of_proxy: Option<Access>,
    /// Topics that were not there before.
    created: Created,
    /// The cluster's id, where it is known or a workload needs it.
    cluster_id: Option<String>,
    partner_auths: Vec<PartnerAuth>,
    /// Who issues tokens, where somebody does.
    provider: Option<Provider>,
    /// Of each partner.
    partner_headers: Vec<Vec<(String, Secret)>>,
    injectors: Vec<Arc<Injector>>,
    /// Whether the proxies' producers are idempotent.
    idempotent: bool,
    boxes: Vec<BoxReport>,
    /// Boxes that a fault takes into service while the load runs.
    spares: Vec<BoxReport>,
    /// What cannot be done as it was asked.
    warnings: Vec<String>,
    settling: Settling,
    /// For how long the embedded gateway keeps what an authorizer has answered, at most.
    authorizer_ttl: Option<Duration>,
    /// Authorizers whose code runs where nobody here can end it.
    unreached_authorizers: usize,
    /// Authorizers in containers, by their security schemes.
    emulators: Vec<(String, Arc<Emulators>)>,
    /// Where authorizers in containers were told that landfall's own provider has its keys.
    keys_for_containers: Option<String>,
}

impl Stack {
    /// Brings up the scenario's path, from Kafka to the gateway, on loopback. `logs` is where boxes may write.
    ///
    /// # Errors
    /// [`StackError`] for the first box that does not come up; those before it are stopped again.
    pub async fn start(scenario: &Scenario, logs: Logs<'_>) -> Result<Self, StackError> {
        Self::start_at(Listen::default(), scenario, logs).await
    }

    /// The same for others to reach, as `listen` says.
    ///
    /// # Errors
    /// As [`Self::start`] has them.
    pub async fn start_at(listen: Listen, scenario: &Scenario, logs: Logs<'_>) -> Result<Self, StackError> {
        let injectors: Vec<Arc<Injector>> = (0_u64..)
            .zip(&scenario.faults)
            .map(|(index, fault)| Arc::new(Injector::new(fault.clone(), scenario.seed.wrapping_add(index))))
            .collect();
        let partner_auths = secrets::of_partners(scenario)?;
        let partner_headers = secrets::of_headers(scenario)?;
        let mut stack = Self {
            listen,
            doubles: Doubles::default(),
            containers: None,
            produce_url: String::new(),
            produce_tls: TlsSettings::default(),
            external_proxy: None,
            gateway_is_deployed: false,
            kafka: Access::default(),
            kafka_of_proxy: None,
            created: Created::default(),
            cluster_id: None,
            partner_auths,
            provider: None,
            partner_headers,
            injectors,
            idempotent: scenario.stack.is_idempotent(),
            boxes: Vec::new(),
            spares: Vec::new(),
            warnings: Vec::new(),
            settling: Settling::of(scenario),
            authorizer_ttl: None,
            unreached_authorizers: 0,
            emulators: Vec::new(),
            keys_for_containers: None,
        };
        if scenario.stack.has_containers() {
            let mut containers = Containers::start(logs.folder.to_owned()).await?;
            // Of what they are sent, they may print what they like.
            containers.hide(secrets::sent(scenario, &stack.partner_auths, &stack.partner_headers));
            stack.containers = Some(containers);
        }
        stack.start_kafka(scenario).await?;
        stack.start_proxies(scenario).await?;
        stack.learn_cluster_id(scenario).await?;
        stack.start_front(scenario, logs).await?;
        stack.show_container_faults(scenario);
        stack.boxes.sort_by_key(place);
        Ok(stack)
    }

    /// Notes that a box is up.
    fn up(&mut self, name: &str, kind: &str, endpoint: Option<String>, since: Instant) {
        let start_us = micros(since.elapsed());
        let (name, kind) = (name.to_owned(), kind.to_owned());
        self.boxes.push(BoxReport { name, kind, endpoint, start_us, since_ms: None, container: None });
    }

    /// Base URL of produce calls: the gateway with its stage, or the proxy.
    #[must_use]
    pub fn produce_url(&self) -> &str {
        &self.produce_url
    }

    /// How TLS is spoken to that URL, where it is https.
    #[must_use]
    pub fn produce_tls(&self) -> &TlsSettings {
        &self.produce_tls
    }

    /// Who issues tokens, if the path has an identity provider.
    #[must_use]
    pub fn provider(&self) -> Option<&Provider> {
        self.provider.as_ref()
    }

    /// landfall's own identity provider, if the path has it.
    #[must_use]
    pub fn idp(&self) -> Option<&Idp> {
        self.doubles.idp.as_ref()
    }

    /// landfall's own authorizer, if the path has it.
    #[must_use]
    pub fn authorizer(&self) -> Option<&Authorizer> {
        self.doubles.authorizer.as_ref()
    }

    /// Whether the path has authorizers that [`Stack::forget_keys`] reaches, and no others.
    #[must_use]
    pub fn forgets_keys(&self) -> bool {
        let own = usize::from(self.doubles.authorizer.is_some());
        let reached = own + self.doubles.functions.len() + self.emulators.len();
        reached > 0 && self.unreached_authorizers == 0
    }

    /// How many copies of an authorizer are asked in turn, each of which fetches keys for itself: those of the one that has most.
    #[must_use]
    pub fn authorizer_copies(&self) -> usize {
        self.emulators.iter().map(|(_, emulators)| emulators.copies()).max().unwrap_or(1)
    }

    /// Authorizers forget the keys that they have fetched: landfall's own one at once, functions since they start anew.
    ///
    /// # Errors
    /// Which does not come back, in a sentence.
    pub async fn forget_keys(&self) -> Result<(), String> {
        if let Some(authorizer) = &self.doubles.authorizer {
            authorizer.forget();
        }
        for (_, function) in &self.doubles.functions {
            function.restart().await;
        }
        if let Some(containers) = &self.containers {
            containers.restart_functions().await?;
        }
        for (_, emulators) in &self.emulators {
            emulators.started_anew().await;
        }
        Ok(())
    }

    /// For how long the embedded gateway keeps what authorizers have answered, at most; `None` where there is none.
    #[must_use]
    pub fn authorizer_ttl(&self) -> Option<Duration> {
        self.authorizer_ttl
    }

    /// The embedded gateway forgets what authorizers have answered.
    pub fn flush_authorizers(&self) {
        if let Some(gateway) = &self.doubles.gateway {
            gateway.flush_authorizers();
        }
    }

    /// The embedded gateway begins to remember what is told of callers.
    pub fn watch_callers(&self) {
        if let Some(gateway) = &self.doubles.gateway {
            gateway.watch_callers();
        }
    }

    /// What the embedded gateway, and the back end, were told of the caller of the request with this id; `None` where
    /// nobody knows.
    #[must_use]
    pub fn told_of_caller(&self, request_id: &str) -> Option<Told> {
        self.doubles.gateway.as_ref()?.told_of_caller(request_id)
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
        let containers = self.containers.iter().flat_map(Containers::notes);
        let emulators = self.emulators.iter().flat_map(gateway::notes_on_containers);
        let keys = self.keys_for_containers.as_ref().and_then(|url| {
            let asked = self.emulators.iter().any(|(_, emulators)| !emulators.first_invocations().is_empty());
            gateway::note_on_keys(url, asked, self.doubles.idp.as_ref()?.inside_requests())
        });
        self.warnings
            .iter()
            .cloned()
            .chain(containers)
            .chain(self.notes_on_newcomers())
            .chain(functions)
            .chain(emulators)
            .chain(keys)
            .collect()
    }

    /// How many connections those have been given that were taken into service while the load ran.
    fn notes_on_newcomers(&self) -> Vec<String> {
        let (Some(balancer), Some(containers)) = (&self.doubles.balancer, &self.containers) else {
            return Vec::new();
        };
        let note = |(name, address): (String, SocketAddr)| {
            let target = balancer.targets().into_iter().find(|target| target.address == address)?;
            Some(match target.connections {
                0 => format!(
                    "the balancer gave {name} no connection, since none was opened while it was in service: no request has passed it, \
                     and nothing is shown of it"
                ),
                count => format!("the balancer gave {name} {}", counted(count, "connection")),
            })
        };
        containers.in_service_since().into_iter().filter_map(note).collect()
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

    /// Where clients elsewhere reach it: `host:port[,host:port…]`.
    #[must_use]
    pub fn kafka_for_others(&self) -> &str {
        self.doubles.broker.as_ref().map_or(self.kafka.bootstrap.as_str(), Broker::published)
    }

    /// The cluster's id, as the paths of API v3 name it; there wherever a workload sends in a format of v3.
    #[must_use]
    pub fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// What the scenario's partner at this place authenticates with.
    #[must_use]
    pub fn partner_auth(&self, partner: usize) -> Option<&PartnerAuth> {
        self.partner_auths.get(partner)
    }

    /// The boxes that were there when the path came up, in the order in which a request passes them.
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
    pub fn load_starts(&mut self, now: Instant) {
        for injector in &self.injectors {
            injector.start(now);
        }
        if let Some(containers) = &mut self.containers {
            containers.load_starts(now);
        }
    }

    /// The boxes as [`Self::boxes`] has them, and those that faults have started since, with what containers have used so far;
    /// `measured` are the measured phases, in milliseconds after the load began.
    #[must_use]
    pub fn boxes_with_telemetry(&self, measured: &[Range<u64>]) -> Vec<BoxReport> {
        let mut boxes = self.boxes.clone();
        if let Some(containers) = &self.containers {
            boxes.extend(containers.newcomers(&self.spares));
            // Those that came later stand behind those of their kind.
            boxes.sort_by_key(place);
            containers.add_telemetry(&mut boxes, measured);
        }
        boxes
    }

    /// Adds to `boxes` how containers ended that do not run, and what they printed last; `all`: what every one printed.
    pub async fn add_endings(&self, boxes: &mut [BoxReport], all: bool) {
        if let Some(containers) = &self.containers {
            containers.add_endings(boxes, all).await;
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

    /// Whether the external proxy or gateway, if there is one, still accepts connections; otherwise why not.
    ///
    /// # Errors
    /// [`StackError::ProxyUnreachable`] or [`StackError::GatewayUnreachable`], as it says.
    pub async fn check_proxy(&self) -> Result<(), StackError> {
        match &self.external_proxy {
            Some(url) if self.gateway_is_deployed => deployed::reach(url).await,
            Some(url) => external::reach_proxy(url).await.map(|_| ()),
            None => Ok(()),
        }
    }
}

/// Where a box stands in reports: in the order in which a request passes them.
fn place(found: &BoxReport) -> Option<usize> {
    let order = ["idp", "idp-admin", "gateway", "authorizer", "balancer", "proxy", "registry", "kafka"];
    order.iter().position(|name| found.name.starts_with(name))
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
        KafkaSpec::Embedded { .. } | KafkaSpec::Container(_) => Ok(None),
    }
}
