//! Boxes in containers: one network for them, what they print in files, and all of it gone when this is dropped.
//!
//! | file | what it holds |
//! |---|---|
//! | `bounds` | whether limits bite |
//! | `kafka` | brokers that ask for SASL over TLS, their users and what these may do |
//! | `adapter` | what containers are told, filled in |
//! | `inside` | what they are told of Kafka |
//! | `proxy`, `registry`, `idp` | REST proxies, a schema registry and an identity provider, configured by adapters |
//! | `realm` | what Keycloak is told of the partners |
//! | `function` | Lambda functions with the runtime interface emulator |
//! | `faults`, `showing`, `events` | stopped, killed, paused, restarted, one more, one fewer; what of that is not over; and what was done of it |
//! | `control` | brokers and proxies that a suite stops and starts by hand |
//! | `ready` | when a box can be used, and why one cannot |
//! | `start` | them as parts of the stack |
//! | `teardown` | taking everything away, whatever happens |
//! | `watch` | what they use while the load runs |
//! | `ending` | who has ended by himself, and what results say of them in the end |

mod adapter;
mod bounds;
mod control;
mod ending;
mod events;
mod faults;
mod function;
mod idp;
mod inside;
mod kafka;
mod proxy;
mod ready;
mod realm;
mod registry;
mod showing;
mod start;
mod teardown;
mod watch;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::StackError;
use crate::engine::{
    Belonging, Capabilities, Container, ContainerSpec, Engine, Fate, Limits, LogFile, Network, Owner,
    Redaction, ResolvedImage, remove_stack, stacks,
};
use crate::kafka::Access;
use crate::result::ContainerReport;
use crate::scenario::{Adapter, ImageSpec, Ready, Resources};
use crate::secret::Secret;

use events::Events;
use faults::Replica;
pub use function::COLD_START;
use function::Worker;
use inside::Inside;
use inside::only_here;
pub use kafka::AUTO_CREATE;
pub(super) use kafka::Cluster;
use kafka::READY_TOPIC;
use showing::Showing;
use teardown::Removal;
use watch::Watch;

/// How often a box is started with other ports, where somebody takes them in between.
const PORT_TRIES: usize = 5;
/// Below are the ports that services have by custom.
const LOWEST_PORT: u16 = 20_000;
/// How many ports are tried before any will do.
const PORTS_TRIED: usize = 50;
/// The folder for what containers print, within the run's.
const LOGS: &str = "logs";

/// The containers of a stack.
pub(super) struct Containers {
    // First, so that nothing is done to containers that go.
    showing: Showing,
    engine: Engine,
    capabilities: Capabilities,
    belonging: Belonging,
    network: Network,
    folder: PathBuf,
    /// What is hidden in all that is told of them.
    secrets: Vec<Secret>,
    redaction: Redaction,
    logs: Vec<LogFile>,
    /// What landfall's own Kafka clients and the proxies need, once Kafka is up.
    cluster: Option<Arc<Cluster>>,
    /// What proxies are told of Kafka, and what a schema registry is told that is another user.
    inside: Option<Inside>,
    inside_of_registry: Option<Inside>,
    /// Where proxies reach a schema registry, once it is up.
    registry: Option<String>,
    registry_itself: Option<Container>,
    proxies: Vec<Replica>,
    /// Made, and not started until a fault does.
    spares: Vec<Replica>,
    /// Of functions.
    workers: Vec<Worker>,
    /// The identity provider.
    idp: Option<Container>,
    /// How long a replica may take to stop.
    stop_within: Duration,
    events: Events,
    watch: Watch,
    notes: Vec<String>,
    // Last, when nothing uses them any more.
    removal: Removal,
}

/// A container that runs, and the port of 127.0.0.1 at which it is reached.
struct Running {
    container: Container,
    port: u16,
}

impl Containers {
    /// Finds the engine, takes away what others have left, and makes a network. What the containers print goes into
    /// `folder`.
    pub(super) async fn start(folder: PathBuf) -> Result<Self, StackError> {
        let host = std::env::var("DOCKER_HOST").ok();
        let engine = Engine::connect(host.as_deref()).await?;
        let capabilities = engine.capabilities().await?;
        let owner = Owner::this();
        let notes = sweep(&engine, owner.as_ref()).await;
        let stack = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
        let belonging = Belonging { stack, owner };
        let removal = Removal::new(engine.clone(), belonging.stack.clone());
        let network = {
            let (engine, belonging) = (engine.clone(), belonging.clone());
            removal.detached(async move { Network::create(&engine, &belonging).await }).await?
        };
        Ok(Self {
            engine,
            capabilities,
            belonging,
            network,
            removal,
            folder: folder.join(LOGS),
            secrets: Vec::new(),
            redaction: Redaction::default(),
            logs: Vec::new(),
            cluster: None,
            inside: None,
            inside_of_registry: None,
            registry: None,
            registry_itself: None,
            proxies: Vec::new(),
            spares: Vec::new(),
            workers: Vec::new(),
            idp: None,
            stop_within: Duration::from_secs(10),
            events: Events::default(),
            showing: Showing::default(),
            watch: Watch::default(),
            notes,
        })
    }

    /// What a reader must know of them.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.iter().cloned().chain(self.events.all()).collect()
    }

    /// Hides these too, in what is told of containers that are started from now on.
    pub(super) fn hide(&mut self, secrets: impl Iterator<Item = Secret>) {
        self.secrets.extend(secrets);
        self.redaction = Redaction::new(&self.secrets);
    }

    /// How Kafka is reached, once it is up.
    pub(super) fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.as_ref()
    }

    /// Kafka is elsewhere: what proxies are told of it. `hosts` are those of its brokers, `topic` one that is there, with its
    /// partitions; `ready_topic` says whether that is there to which proxies may write to show that they are ready.
    pub(super) fn use_kafka_elsewhere(
        &mut self,
        access: &Access,
        hosts: &[String],
        (topic, ready_topic): ((String, i32), bool),
    ) -> Result<(), StackError> {
        self.hide(access.properties.get("sasl.password").cloned().into_iter());
        let (inside, note) = Inside::elsewhere(access, hosts, (topic, ready_topic))?;
        self.notes.extend(note);
        if !ready_topic {
            self.notes.push(format!(
                "whether proxies are ready was asked by HTTP, and not by writing: without `kafka.create_topics` there is no topic \
                 `{READY_TOPIC}`"
            ));
        }
        self.inside = Some(inside);
        Ok(())
    }

    /// How one knows that a proxy can be used: where there is no topic to write to, it must answer at least.
    fn ready_of(&self, adapter: &Adapter) -> Ready {
        let writes = self.inside.as_ref().is_none_or(|inside| inside.ready_topic);
        match &adapter.ready {
            Ready::Produce if !writes => Ready::Http("/".to_owned()),
            ready => ready.clone(),
        }
    }

    /// The image of the box `name`.
    async fn image(&self, name: &str, spec: &ImageSpec) -> Result<ResolvedImage, StackError> {
        Ok(self.engine.image(name, &spec.image, spec.pull).await?)
    }

    /// Makes sure that limits bite where there are any.
    fn check_limits(&self, name: &str, resources: Resources) -> Result<Limits, StackError> {
        let Resources { cpus, memory } = resources;
        let what = match (cpus, memory) {
            (Some(_), _) if !self.capabilities.limits_cpu => "cpus",
            (_, Some(_)) if !self.capabilities.limits_memory => "memory",
            _ => return Ok(Limits { cpus, memory }),
        };
        Err(StackError::LimitsIgnored { name: name.to_owned(), what })
    }

    /// Makes a container at a free port of 127.0.0.1, and starts it, if it is to run at once. `spec` is given that port.
    async fn run(
        &mut self,
        (inside, at_once): (u16, bool),
        spec: impl Fn(u16) -> Result<ContainerSpec, StackError>,
    ) -> Result<Running, StackError> {
        let mut tries = 1;
        loop {
            let port = free_port()?;
            let spec = ContainerSpec { ports: vec![(inside, port)], ..spec(port)? };
            let limits = spec.limits;
            let (engine, belonging, network) =
                (self.engine.clone(), self.belonging.clone(), self.network.clone());
            let started = self.removal.detached(async move {
                let container = Container::create(&engine, &belonging, &network, &spec).await?;
                if !at_once {
                    return Ok(container);
                }
                match container.start().await {
                    Ok(()) => Ok(container),
                    Err(error) => {
                        // Its name is wanted again.
                        let _ = container.remove().await;
                        Err(error)
                    }
                }
            });
            match started.await {
                Ok(container) => {
                    let warnings = container.warnings().iter();
                    self.notes.extend(
                        warnings.map(|warning| format!("the engine says of {}: {warning}", container.name())),
                    );
                    if at_once {
                        self.notes.extend(bounds::verify(&container, limits).await?);
                        self.logs.push(LogFile::follow(&container, &self.folder, self.redaction.clone())?);
                    }
                    #[expect(clippy::cast_precision_loss, reason = "there are few CPUs")]
                    let all = self.capabilities.cpus as f64;
                    self.watch.add(container.clone(), limits.cpus.unwrap_or(all));
                    return Ok(Running { container, port });
                }
                Err(error) if error.is_port_taken() && tries < PORT_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What results say of a container.
fn report(image: &ResolvedImage, resources: Resources) -> ContainerReport {
    ContainerReport {
        image: image.reference.clone(),
        image_id: image.id.clone(),
        digest: image.digest.clone(),
        cpus: resources.cpus,
        memory_bytes: resources.memory,
        ..ContainerReport::default()
    }
}

/// Takes away stacks whose owner is gone; gives what a reader must know of it. What cannot be taken away is no reason not
/// to run.
async fn sweep(engine: &Engine, here: Option<&Owner>) -> Vec<String> {
    let mut notes = Vec::new();
    let found = match stacks(engine).await {
        Ok(found) => found,
        Err(error) => return vec![format!("whether earlier runs left containers is not known: {error}")],
    };
    for stack in found.iter().filter(|stack| stack.fate(here) == Fate::Abandoned) {
        notes.push(match remove_stack(engine, &stack.stack).await {
            Ok(_) => format!(
                "containers that a killed run had left were taken away: {}",
                stack.containers.iter().chain(&stack.networks).cloned().collect::<Vec<_>>().join(", ")
            ),
            Err(error) => format!("containers that a killed run had left are still there: {error}"),
        });
    }
    notes
}

/// A port of 127.0.0.1 that nobody has at the moment, and that no outgoing connection is given while a container that has it
/// is down for a moment (Linux, ip(7): `ip_local_port_range`).
fn free_port() -> Result<u16, StackError> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let lowest = range.and_then(|range| range.split_whitespace().next()?.parse().ok()).unwrap_or(32_768_u16);
    for _ in 0..PORTS_TRIED {
        let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
        let Some(place) = (high ^ low).checked_rem(u64::from(lowest.saturating_sub(LOWEST_PORT))) else {
            break;
        };
        let port = LOWEST_PORT + u16::try_from(place).unwrap_or(0);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(StackError::NoPort)
}

/// A secret that nobody can guess, of letters and digits only: it stands in properties, JSON and shells unchanged.
fn made_up() -> Secret {
    Secret::new(uuid::Uuid::new_v4().simple().to_string())
}
