//! What a host program says about the brokers it wants.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::doubles::fault::Injector;
use crate::secret::Secret;

/// How to start the embedded broker.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// Address to listen on.
    pub bind: IpAddr,
    /// The host that clients are told of, unless they came in by loopback; `None`: the address that is listened on.
    pub advertised: Option<String>,
    /// Port of the first broker; the others take the ports after it. 0: any free ports.
    pub port: u16,
    /// Number of brokers, at least 1. They share one process and one state; each leads its share of the
    /// partitions.
    pub brokers: u16,
    /// Topics that are there from the start.
    pub topics: Vec<TopicConfig>,
    /// Number of partitions of a topic that is created because a client asks for it; `None`: no topic is.
    pub auto_create: Option<i32>,
    /// Who clients must say that they are, by SASL PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; `None`: they are not asked.
    pub sasl: Option<Credentials>,
    /// The version of Kafka whose topic settings it describes.
    pub version: KafkaVersion,
    /// Faults; the broker shows those of the box kafka.
    pub injectors: Vec<Arc<Injector>>,
}

impl Default for BrokerConfig {
    /// One broker on any free port of 127.0.0.1, without topics or faults.
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertised: None,
            port: 0,
            brokers: 1,
            topics: Vec::new(),
            auto_create: None,
            sasl: None,
            version: KafkaVersion::default(),
            injectors: Vec::new(),
        }
    }
}

/// A version of Kafka.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KafkaVersion {
    /// 3.9.
    #[default]
    V3_9,
    /// 4.1, in which settings are gone that were deprecated.
    V4_1,
}

/// The one user whom the brokers know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// A topic that is there from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// Name, legal in Kafka.
    pub name: String,
    /// Number of partitions, at least 1.
    pub partitions: i32,
    /// Topic configs as Kafka names them, for instance `max.message.bytes` or `retention.bytes`.
    pub configs: BTreeMap<String, String>,
}
