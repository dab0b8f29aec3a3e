//! The embedded Kafka broker: in memory, over the real wire protocol, for stock Kafka clients.
//!
//! It keeps the record batches byte for byte as they came, patches only what a broker must (base offset,
//! leader epoch, and the timestamp where a topic asks for the broker's), and serves reads from them.
//! Idempotent producers are honoured, consumers may form groups (of the classic protocol), and SASL (PLAIN
//! or SCRAM) may be demanded; transactions and TLS are not offered.
//!
//! What is where: `frames`, `connection` and `requests` are the wire, `sasl` and `scram` are its door; `shape` and `shapes` keep
//! hostile claims from the decoder; `cluster`, `partition`, `leadership`, `log`, `producers`, `groups` and `settings`
//! are the state; `batch` and `records` know the format of what is stored; `faults` and `restart` are what goes wrong on
//! purpose; the other files each answer one family of requests.

mod admin;
mod asked;
mod batch;
mod cluster;
mod config;
mod connection;
mod coordinator;
mod describe;
mod epochs;
mod faults;
mod fetch;
mod fetch_frame;
mod frames;
mod groups;
#[cfg(test)]
mod hostile;
mod leadership;
mod log;
mod metadata;
mod offsets;
mod partition;
mod produce;
mod producers;
mod records;
mod refusal;
mod requests;
mod restart;
mod sasl;
mod scram;
mod settings;
mod shape;
mod shapes;
mod versions;
#[cfg(test)]
mod wire_tests;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use kafka_protocol::protocol::StrBytes;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use config::{BrokerConfig, Credentials, KafkaVersion, TopicConfig};

use self::asked::Asked;
use self::cluster::{Cluster, Layout, Node};
use self::faults::Faults;
use self::restart::{Restarts, Watched};
use super::fault::of_kinds;
use super::http::{BindError, authority, bind, reachable};
use crate::scenario::FaultKind;

/// Why the embedded broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// A port is taken or may not be used.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system does not say where a listener listens.
    #[error("cannot ask for the address of the Kafka broker's listener: {0}; try again")]
    Address(#[source] std::io::Error),
    /// No broker was asked for, or more than there are ports.
    #[error(
        "cannot start {brokers} Kafka brokers from port {port} on; ask for at least 1, and for ports up to 65535"
    )]
    Brokers {
        /// How many were asked for.
        brokers: u16,
        /// Port of the first.
        port: u16,
    },
    /// A topic cannot be created.
    #[error("cannot create the topic '{topic}' of the Kafka broker: {reason}; change the topic")]
    Topic {
        /// Name of the topic.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// One or more running brokers that form a cluster. They stop, and close their connections, when this is
/// dropped; what they held is gone then.
#[derive(Debug)]
pub struct Broker {
    cluster: Arc<Cluster>,
    addresses: Vec<SocketAddr>,
    published: String,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Broker {
    /// Binds the listeners, creates the topics and begins to serve. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BrokerError`], as it says.
    pub async fn start(config: BrokerConfig) -> Result<Self, BrokerError> {
        let BrokerConfig {
            bind: host,
            advertised,
            port,
            brokers,
            topics,
            auto_create,
            sasl,
            version,
            injectors,
        } = config;
        let too_many = || BrokerError::Brokers { brokers, port };
        let mut listeners = Vec::new();
        for index in 0..brokers {
            let port = if port == 0 { 0 } else { port.checked_add(index).ok_or_else(too_many)? };
            let listener = bind("Kafka broker", SocketAddr::new(host, port)).await?;
            let address = listener.local_addr().map_err(BrokerError::Address)?;
            listeners.push((Node { id: i32::from(index) + 1, address: reachable(address) }, listener));
        }
        if listeners.is_empty() {
            return Err(too_many());
        }
        let nodes: Vec<Node> = listeners.iter().map(|(node, _)| *node).collect();
        let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.address).collect();
        let cluster = Arc::new(Cluster::new(nodes, auto_create, sasl, version, Faults::new(&injectors)));
        for TopicConfig { name, partitions, configs } in topics {
            let layout = Layout::Spread { partitions, replicas: cluster.default_replicas() };
            cluster.create(&name, layout, configs, false).map_err(|refusal| BrokerError::Topic {
                topic: name.clone(),
                reason: refusal.message.into_owned(),
            })?;
        }
        let published = listed(&addresses, advertised.as_deref());
        let advertised = advertised.map(StrBytes::from_string);
        let (stop, stopped) = watch::channel(false);
        let restarts = Restarts::default();
        let accepting = listeners.into_iter().map(|(node, listener)| {
            tokio::spawn(accept_loop(
                listener,
                (cluster.clone(), node.id, advertised.clone()),
                Watched::of(&restarts),
                stopped.clone(),
            ))
        });
        let mut tasks: Vec<JoinHandle<()>> = accepting.collect();
        for fault in of_kinds(&injectors, &[FaultKind::Restart]) {
            tasks.push(tokio::spawn(restart::carry_out(fault, restarts.clone())));
        }
        Ok(Self { cluster, addresses, published, stop, tasks })
    }

    /// `host:port[,host:port…]`, as clients on this machine want it for `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        listed(&self.addresses, None)
    }

    /// The same for clients elsewhere, with the advertised host.
    #[must_use]
    pub fn published(&self) -> &str {
        &self.published
    }

    /// Where each broker listens, in order of their ids, which begin with 1.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The offset that the next record of a partition will get; `None` where there is no such partition.
    #[must_use]
    pub fn high_watermark(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = self.cluster.topic(topic)?;
        let partition = topic.partitions().get(usize::try_from(partition).ok()?)?.clone();
        Some(partition.bounds().1)
    }

    /// Which acknowledgements producers have asked for when they wrote to a topic (`acks`; -1: of all replicas in sync).
    #[must_use]
    pub fn acks_asked(&self, topic: &str) -> BTreeSet<i16> {
        self.cluster.topic(topic).map(|topic| topic.acks()).unwrap_or_default()
    }

    /// The id by which clients know this cluster; random.
    #[must_use]
    pub fn cluster_id(&self) -> &str {
        &self.cluster.id
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// `host:port[,host:port…]`
fn listed(addresses: &[SocketAddr], host: Option<&str>) -> String {
    let nodes: Vec<String> = addresses.iter().map(|address| authority(host, *address)).collect();
    nodes.join(",")
}

async fn accept_loop(
    listener: TcpListener,
    (cluster, node, advertised): (Arc<Cluster>, i32, Option<StrBytes>),
    restarts: Watched,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, or the client went away: give the system a moment and go on.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            continue;
        };
        // The port stays bound while nobody is served: somebody else could have it afterwards.
        if restarts.under_way() {
            restarts.felt();
            continue;
        }
        let _ = stream.set_nodelay(true);
        // Who came in by loopback may not know the name, and finds all brokers there.
        let by_loopback = stream.local_addr().is_ok_and(|local| local.ip().to_canonical().is_loopback());
        let advertised = advertised.clone().filter(|_| !by_loopback);
        let asked = Asked { cluster: cluster.clone(), node, peer: peer.ip(), advertised };
        let (restarts, mut stopped) = (restarts.clone(), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = connection::serve(stream, asked, restarts) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
    }
}
