//! What a recording is played against: an embedded proxy and broker that are set up as it says, or what runs already.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpSocket;

use super::error::ReplayError;
use super::preflight;
use super::topics::Stage;
use crate::conform::golden::{Recording, Setup};
use crate::doubles::broker::{Broker, BrokerConfig, KafkaVersion, TopicConfig};
use crate::doubles::fault::Injector;
use crate::doubles::proxy::{Proxy, ProxyConfig};
use crate::doubles::registry::Schemas;
use crate::kafka::Access;
use crate::load::Target;
use crate::scenario::{ProxyRelease, TlsSettings};
use crate::verify::{Tail, TailRecord, VerifyError};

/// Where doubles listen.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How many times faster than the real ones the embedded proxy's time-outs pass.
pub const TIME_SCALE: u32 = 100;

/// An embedded proxy as it is to be.
#[derive(Debug, Clone, Default)]
pub struct Embedded {
    /// The release that it stands for.
    pub release: ProxyRelease,
    /// How many times faster its long time-outs pass.
    pub time_scale: u32,
    /// Faults that it shows, and its broker.
    pub faults: Vec<Arc<Injector>>,
}

/// A proxy, and the Kafka behind it.
pub(in crate::app) struct Setting {
    pub(in crate::app) endpoint: Target,
    pub(in crate::app) cluster_id: String,
    /// `None`: none was named.
    kafka: Option<Access>,
    /// `None`: nobody can look what landed.
    tail: Option<Tail>,
    doubles: Option<Doubles>,
}

/// What is stopped when this is dropped.
struct Doubles {
    _proxy: Proxy,
    /// `None` once it has been stopped.
    broker: Option<Broker>,
    /// A port at which nobody listens, while it stands for a broker.
    _nobody: Option<TcpSocket>,
}

impl Setting {
    /// Starts an embedded proxy and, if `up`, a broker, with all that a corpus needs.
    pub(in crate::app) async fn start(
        setup: &Setup,
        broker: &str,
        stage: &Stage,
        embedded: Embedded,
    ) -> Result<Self, ReplayError> {
        let mut nobody = None;
        let (broker, access) = if setup.broker_up {
            let topics = stage.topics.iter().chain(&stage.internal).map(|topic| TopicConfig {
                name: topic.name.clone(),
                partitions: topic.partitions,
                configs: topic.configs.clone(),
            });
            let config = BrokerConfig {
                topics: topics.collect(),
                auto_create: setup.auto_create.then_some(setup.num_partitions),
                version: kafka_version(broker),
                injectors: embedded.faults.clone(),
                ..BrokerConfig::default()
            };
            let broker = Broker::start(config).await?;
            let access = Access::plain(broker.bootstrap());
            (Some(broker), access)
        } else {
            let socket = TcpSocket::new_v4().map_err(ReplayError::Port)?;
            socket.bind(SocketAddr::new(LOOPBACK, 0)).map_err(ReplayError::Port)?;
            let address = socket.local_addr().map_err(ReplayError::Port)?;
            nobody = Some(socket);
            (None, Access::plain(address.to_string()))
        };
        let mut config = ProxyConfig {
            release: embedded.release,
            time_scale: embedded.time_scale,
            registry: stage.registry.map(Schemas::new).map(Into::into),
            injectors: embedded.faults,
            ..ProxyConfig::new(LOOPBACK, access.clone())
        };
        apply(setup, &mut config)?;
        let proxy = Proxy::start(config).await?;
        let endpoint = resolve(&format!("http://{}", proxy.address()), &[]).await?;
        let cluster_id =
            broker.as_ref().map_or_else(|| setup.cluster_id.clone(), |broker| broker.cluster_id().to_owned());
        let tail = if broker.is_some() { Some(follow(access.clone(), None).await?) } else { None };
        let doubles = Doubles { _proxy: proxy, broker, _nobody: nobody };
        Ok(Self { endpoint, cluster_id, kafka: Some(access), tail, doubles: Some(doubles) })
    }

    /// A proxy and a cluster that run already; what lands is read from `topics` alone, since others may write there as well.
    pub(in crate::app) async fn attach(
        url: &str,
        kafka: Option<Access>,
        hosts: &[String],
        topics: BTreeSet<String>,
    ) -> Result<Self, ReplayError> {
        let endpoint = resolve(url, hosts).await?;
        let tail = match kafka.clone() {
            Some(access) => Some(follow(access, Some(topics)).await?),
            None => None,
        };
        let id = tail.as_ref().and_then(|tail| tokio::task::block_in_place(|| tail.cluster_id()));
        Ok(Self { endpoint, cluster_id: id.unwrap_or_default(), kafka, tail, doubles: None })
    }

    /// Whether what answers there can be a REST proxy.
    pub(in crate::app) async fn look(&self) -> Result<(), ReplayError> {
        preflight::look(&self.endpoint).await
    }

    /// How its Kafka is reached.
    pub(in crate::app) fn kafka(&self) -> Option<Access> {
        self.kafka.clone()
    }

    /// Whether there is a broker, and it is landfall's own.
    pub(super) fn can_stop_its_broker(&self) -> bool {
        self.doubles.as_ref().is_some_and(|doubles| doubles.broker.is_some())
    }

    /// Stops the broker; the proxy finds out.
    pub(in crate::app) fn stop_broker(&mut self) {
        if let Some(doubles) = &mut self.doubles {
            doubles.broker = None;
        }
        self.tail = None;
    }

    /// The topics of the cluster and their numbers of partitions, where it can be looked.
    pub(super) fn topics(&self) -> Result<Option<BTreeMap<String, usize>>, VerifyError> {
        tokio::task::block_in_place(|| self.tail.as_ref().map(Tail::every_topic).transpose())
    }

    /// What has been written since the last time; `None` where nobody can look.
    pub(super) fn landed(&mut self) -> Result<Option<Vec<TailRecord>>, VerifyError> {
        tokio::task::block_in_place(|| self.tail.as_mut().map(Tail::read).transpose())
    }
}

/// The version that a recording's words on its broker name.
fn kafka_version(broker: &str) -> KafkaVersion {
    if broker.contains("Kafka 4.") { KafkaVersion::V4_1 } else { KafkaVersion::V3_9 }
}

async fn follow(access: Access, only: Option<BTreeSet<String>>) -> Result<Tail, ReplayError> {
    let tail = tokio::task::spawn_blocking(move || Tail::start(access, only)).await;
    // A task that panics is a bug, and its message has been printed.
    Ok(tail.map_err(|error| VerifyError::Thread(std::io::Error::other(error)))??)
}

async fn resolve(url: &str, hosts: &[String]) -> Result<Target, ReplayError> {
    Ok(Target::resolve(url, hosts, &TlsSettings::default(), crate::scenario::Protocol::Http1).await?)
}

/// Why the embedded proxy cannot be set up as a recording says.
pub(super) fn unknown_setting(recording: &Recording) -> Option<String> {
    let mut config = ProxyConfig::new(LOOPBACK, Access::default());
    apply(&recording.setup, &mut config).err().map(|error| error.to_string())
}

/// The settings of the real proxy that the embedded one has as well.
fn apply(setup: &Setup, config: &mut ProxyConfig) -> Result<(), ReplayError> {
    for (name, value) in &setup.proxy_settings {
        let unknown = || ReplayError::Setting { name: name.clone(), value: value.to_string() };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let millis = || text.parse().map(Duration::from_millis).map_err(|_| unknown());
        match name.as_str() {
            "producer.max.block.ms" | "client.max.block.ms" => config.max_block = millis()?,
            "producer.delivery.timeout.ms" | "client.delivery.timeout.ms" => {
                config.delivery_timeout = millis()?;
            }
            // It shapes when a broker is given up, and nothing that a client sees before the delivery time-out.
            "producer.request.timeout.ms" | "client.request.timeout.ms" => {}
            _ => return Err(unknown()),
        }
    }
    Ok(())
}
