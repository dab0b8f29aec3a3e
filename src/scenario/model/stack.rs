//! The boxes of the path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::balancer::BalancerSpec;
use super::container::{KafkaContainer, ProxyContainer};
use super::gateway::{ApiSpec, GatewaySpec, TargetSpec};
use super::idp::IdpSpec;
use super::release::ProxyRelease;
use crate::scenario::hosts::{host_is_allowed, host_of, host_of_url};

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

impl StackSpec {
    /// How long the access tokens of the path live, where that is known.
    #[must_use]
    pub fn token_life(&self) -> Option<Duration> {
        match &self.idp {
            IdpSpec::Embedded(idp) => Some(idp.token_life),
            IdpSpec::Container(idp) => idp.adapter.tells_token_life().then_some(idp.token_life),
            IdpSpec::External(_) | IdpSpec::None => None,
        }
    }

    /// Whether nothing that the proxy sends Kafka again is written twice; of an external proxy that is not known.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        matches!(self.proxy, ProxySpec::Embedded { idempotence: true, .. })
    }

    /// Whether a box of the path is started as a container.
    #[must_use]
    pub fn has_containers(&self) -> bool {
        matches!(self.proxy, ProxySpec::Container(_))
            || matches!(self.kafka, KafkaSpec::Container(_))
            || matches!(self.idp, IdpSpec::Container(_))
            || self.gateway.function_containers().next().is_some()
    }

    /// The hosts besides this machine that the load may reach; where there are none, it does not leave. Who issues tokens is
    /// not among them, since no load goes there.
    #[must_use]
    pub fn hosts_away(&self) -> Vec<String> {
        let mut hosts = Vec::new();
        match &self.gateway {
            GatewaySpec::External { url, .. } => hosts.extend(host_of_url(url)),
            GatewaySpec::Embedded { api: ApiSpec::Definition(definition), .. } => {
                let urls = definition.integrations.values().filter_map(|target| match target {
                    TargetSpec::Url { url, .. } => Some(url),
                    TargetSpec::Balancer => None,
                });
                hosts.extend(urls.filter_map(|url| host_of_url(url)));
            }
            GatewaySpec::Embedded { .. } | GatewaySpec::None => {}
        }
        if let ProxySpec::External { url, .. }
        | ProxySpec::Embedded { registry: Some(RegistrySpec::External { url }), .. } = &self.proxy
        {
            hosts.extend(host_of_url(url));
        }
        if let KafkaSpec::External { bootstrap, .. } = &self.kafka {
            hosts.extend(bootstrap.split(',').filter_map(host_of));
        }
        hosts.retain(|host| !host_is_allowed(host, &[]));
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// Whether the box of this name, `proxy` or `kafka`, is started in containers.
    #[must_use]
    pub fn is_container(&self, name: &str) -> bool {
        match name {
            "proxy" => matches!(self.proxy, ProxySpec::Container(_)),
            "kafka" => matches!(self.kafka, KafkaSpec::Container(_)),
            _ => false,
        }
    }

    /// Number of brokers, where landfall starts them.
    #[must_use]
    pub fn brokers(&self) -> Option<u16> {
        match &self.kafka {
            KafkaSpec::Embedded { brokers, .. } => Some(*brokers),
            KafkaSpec::Container(kafka) => Some(kafka.brokers),
            KafkaSpec::External { .. } => None,
        }
    }
}

/// REST proxy.
#[derive(Debug, Clone, PartialEq)]
pub enum ProxySpec {
    /// landfall's double: `replicas` proxies behind the embedded balancer.
    Embedded {
        /// TCP port of the balancer.
        port: u16,
        /// Number of proxies, 1 to 16.
        replicas: u16,
        /// The release that it follows.
        profile: ProxyRelease,
        /// Whether its Kafka producers are idempotent: Kafka recognises what they send again.
        idempotence: bool,
        /// The balancer.
        balancer: BalancerSpec,
        /// The schema registry behind it; `None`: nobody answers where one should be.
        registry: Option<RegistrySpec>,
        /// Endpoints that are not there, by the names of the real proxy's `api.endpoints.blocklist`.
        blocked: BTreeSet<String>,
    },
    /// Proxies of any image, in containers behind the embedded balancer.
    Container(Box<ProxyContainer>),
    /// A proxy that runs already.
    External {
        /// Base URL, `http://host:port[/path]` or the same with https, without a trailing slash.
        url: String,
        /// How TLS is spoken to an https URL.
        tls: TlsSettings,
        /// The cluster's id, which paths of API v3 name; `None`: the proxy is asked, where a workload needs it.
        cluster_id: Option<String>,
    },
    /// Somebody's affair, behind an external gateway.
    None,
}

/// The schema registry behind the embedded proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrySpec {
    /// landfall's double, in the proxy's process.
    Embedded {
        /// TCP port at which others reach it.
        port: u16,
    },
    /// One that runs already.
    External {
        /// Base URL, `http://host:port[/path]`.
        url: String,
    },
}

/// Kafka.
#[derive(Debug, Clone, PartialEq)]
pub enum KafkaSpec {
    /// landfall's in-memory broker.
    Embedded {
        /// TCP port of the first broker; the others take the ports after it.
        port: u16,
        /// Number of brokers, 1 to 9.
        brokers: u16,
        /// Who clients must say that they are; `None`: they are not asked.
        sasl: Option<SaslSpec>,
    },
    /// Kafka itself, in containers.
    Container(Box<KafkaContainer>),
    /// A cluster that runs already.
    External {
        /// `host:port[,host:port…]`.
        bootstrap: String,
        /// librdkafka properties for every client of landfall's (admin, reader, embedded proxy).
        properties: BTreeMap<String, Value>,
        /// Whether topics that do not exist are created (and stay afterwards, unless `delete_topics`).
        create_topics: bool,
        /// Whether those that the run has created are deleted in the end.
        delete_topics: bool,
    },
}

/// The credentials that the embedded broker asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaslSpec {
    /// How landfall's own clients show them; others may do it otherwise.
    pub mechanism: SaslMechanism,
    /// User name.
    pub username: String,
    /// Where the password comes from.
    pub password: SecretSource,
}

/// How a client shows its credentials (SASL).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SaslMechanism {
    /// As they are (RFC 4616).
    #[default]
    Plain,
    /// By a proof that it knows the password (RFC 5802, RFC 7677).
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
}

impl SaslMechanism {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// As Kafka calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
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
    /// One of the lines of a file that holds a secret for each member of a fleet.
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// How many lines it must have.
        of: usize,
    },
}

/// How TLS is spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file with the certificates of the authorities that are trusted, and no others; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Name asked for (SNI, RFC 6066, section 3) and expected in the certificate; `None`: the URL's host.
    pub server_name: Option<String>,
}
