//! What cases ask of the place where they are tried.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Proxy and broker as a case needs them. What is not said is no matter to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// Whether there is a broker.
    #[serde(default)]
    pub broker: Brokers,
    /// Whether Kafka creates topics that somebody asks for.
    pub auto_create: Option<bool>,
    /// Settings of the proxy that are not its defaults.
    #[serde(default)]
    pub proxy_settings: Map<String, Value>,
    /// Whether the proxy reaches a schema registry.
    pub registry: Option<bool>,
    /// Whether Kafka has to hold `min.insync.replicas` against a topic that has fewer replicas. Kafka itself takes the number of
    /// replicas instead, where that is smaller (`Partition.effectiveMinIsr`; seen with 4.1).
    #[serde(default)]
    pub scarce_replicas: bool,
    /// Whether the proxy has to be landfall's own, since the request harms some releases for good.
    #[serde(default)]
    pub own: bool,
}

/// Whether there is a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Brokers {
    /// There is.
    #[default]
    Up,
    /// There was one, the proxy has written to the topic, and then it went.
    Down,
    /// There never was one.
    Never,
}

/// What a case asks of the place where it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requires {
    /// A broker that can be stopped, or left out.
    StoppedBroker,
    /// A Kafka that creates no topic because somebody asks for it.
    AutoCreateOff,
    /// A Kafka that does.
    AutoCreateOn,
    /// A proxy that can be started with settings of the case's own.
    ProxySettings,
    /// A proxy that nobody else needs.
    Spare,
    /// A Kafka that refuses records where a topic has fewer replicas than must be in sync.
    ScarceReplicas,
    /// A proxy that reaches a schema registry.
    Registry,
    /// A proxy that reaches none.
    NoRegistry,
    /// A proxy that stands at the root of its host: requests are sent to the letter.
    Root,
}

impl Requires {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::StoppedBroker,
        Self::AutoCreateOff,
        Self::AutoCreateOn,
        Self::ProxySettings,
        Self::Spare,
        Self::ScarceReplicas,
        Self::Registry,
        Self::NoRegistry,
        Self::Root,
    ];

    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StoppedBroker => "stopped_broker",
            Self::AutoCreateOff => "auto_create_off",
            Self::AutoCreateOn => "auto_create_on",
            Self::ProxySettings => "proxy_settings",
            Self::Spare => "spare_proxy",
            Self::ScarceReplicas => "scarce_replicas",
            Self::Registry => "registry",
            Self::NoRegistry => "no_registry",
            Self::Root => "root_path",
        }
    }

    /// How it is given.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::StoppedBroker => {
                "try landfall's own proxy and broker, which can be stopped, or boxes in containers (`--stack`) with a proxy that \
                 comes up without Kafka"
            }
            Self::AutoCreateOff => {
                "try landfall's own broker, or say `--auto-create off` if Kafka creates no topics by itself"
            }
            Self::AutoCreateOn => {
                "try landfall's own broker, or say `--auto-create on` if Kafka creates topics by itself"
            }
            Self::ProxySettings => {
                "try landfall's own proxy, which is started with the settings of each case"
            }
            Self::Spare => {
                "try landfall's own proxy or one in a container, which nobody misses: the request stops the producer of some \
                 releases for good"
            }
            Self::ScarceReplicas => {
                "try landfall's own broker: Kafka itself takes a topic's number of replicas for `min.insync.replicas` where that is smaller"
            }
            Self::Registry => {
                "say `--registry on` if the proxy reaches a schema registry; in containers, give the proxy one (`stack.proxy.registry`)"
            }
            Self::NoRegistry => {
                "try landfall's own proxy, or say `--registry off` if the proxy reaches no schema registry; in containers, give it none"
            }
            Self::Root => {
                "name a proxy that stands at the root of its host: some requests are sent to the letter"
            }
        }
    }
}
