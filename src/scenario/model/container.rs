//! Boxes that are started as containers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::adapter::Adapter;
use super::balancer::BalancerSpec;
use super::image::{ImageRef, Pull};
use super::profile::TokenProfile;
use super::release::ProxyRelease;
use super::stack::{SaslMechanism, Value};

/// Which image, and whether it is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSpec {
    /// The image, at the registry that `stack.images` names.
    pub image: ImageRef,
    /// Whether it is fetched.
    pub pull: Pull,
}

/// An identity provider in a container.
#[derive(Debug, Clone, PartialEq)]
pub struct IdpContainer {
    /// How it is configured.
    pub adapter: Adapter,
    /// Which image.
    pub image: ImageSpec,
    /// Life of its access tokens, as far as the adapter tells it.
    pub token_life: Duration,
    /// What `aud` must be, or hold.
    pub audience: String,
    /// What its tokens look like.
    pub profile: TokenProfile,
    /// What the container may have.
    pub resources: Resources,
    /// Environment variables besides the adapter's.
    pub env: BTreeMap<String, Value>,
    /// How long it may take until it can be used.
    pub start_within: Duration,
}

/// How much of the machine a container may have.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Resources {
    /// CPUs, for instance 0.5; `None`: all.
    pub cpus: Option<f64>,
    /// Memory in bytes, without swap in addition; `None`: all.
    pub memory: Option<u64>,
}

/// Kafka in containers: a cluster in `KRaft` mode that asks its clients for SASL over TLS.
#[derive(Debug, Clone, PartialEq)]
pub struct KafkaContainer {
    /// The image: `apache/kafka`, `apache/kafka-native`, `confluentinc/cp-kafka`, or one that is configured as these are.
    pub image: ImageSpec,
    /// Number of brokers, each also a controller: 1 to 5.
    pub brokers: u16,
    /// How the proxies say who they are.
    pub mechanism: SaslMechanism,
    /// How many replicas must have a record before it is acknowledged.
    pub min_insync_replicas: u16,
    /// What is wrong with what the proxies meet; `None`: nothing.
    pub flaw: Option<KafkaFlaw>,
    /// What each broker may have.
    pub resources: Resources,
    /// Environment variables besides landfall's own.
    pub env: BTreeMap<String, Value>,
    /// How long it may take until it can be used.
    pub start_within: Duration,
}

/// A schema registry in a container.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistryContainer {
    /// How it is configured.
    pub adapter: Adapter,
    /// Which image.
    pub image: ImageSpec,
    /// The release that it is: the proxy's.
    pub release: &'static str,
    /// What the container may have.
    pub resources: Resources,
    /// Environment variables besides the adapter's.
    pub env: BTreeMap<String, Value>,
    /// How long it may take until it can be used.
    pub start_within: Duration,
}

/// REST proxies in containers, behind the embedded balancer.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyContainer {
    /// TCP port of the balancer on loopback.
    pub port: u16,
    /// Number of containers, 1 to 4.
    pub replicas: u16,
    /// How the proxy is configured.
    pub adapter: Adapter,
    /// Which image.
    pub image: ImageSpec,
    /// The release that it is.
    pub profile: ProxyRelease,
    /// The balancer.
    pub balancer: BalancerSpec,
    /// The schema registry behind them; `None`: there is none.
    pub registry: Option<RegistryContainer>,
    /// What each container may have.
    pub resources: Resources,
    /// Environment variables besides the adapter's.
    pub env: BTreeMap<String, Value>,
    /// How long it may take until it can be used.
    pub start_within: Duration,
}

impl ProxyContainer {
    /// The profile by which conformance is judged, of the release that the proxy is; `None`: the adapter names none.
    #[must_use]
    pub fn judged_by(&self) -> Option<String> {
        let profile = self.adapter.profile.as_ref()?;
        Some(profile.replace("{release}", self.profile.latest()))
    }
}

/// What is wrong with what the proxies meet at Kafka, so that they must not be able to write. landfall itself meets it
/// sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KafkaFlaw {
    /// The password that the proxies are given.
    WrongPassword,
    /// The brokers' certificates ended yesterday.
    ExpiredCertificate,
    /// The brokers' certificates are for another name.
    WrongHostName,
    /// The brokers' certificates are by an authority that the proxies are not told to trust.
    UnknownAuthority,
}

impl KafkaFlaw {
    /// As scenarios call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong-password",
            Self::ExpiredCertificate => "expired-certificate",
            Self::WrongHostName => "wrong-host-name",
            Self::UnknownAuthority => "unknown-authority",
        }
    }
}
