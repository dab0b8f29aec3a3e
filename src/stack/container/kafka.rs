//! Kafka as it is deployed: `KRaft`, SASL over TLS for everybody who comes from outside, a user for the proxies who may
//! write the run's topics and nothing else, and certificates by an authority of the run's own.
//!
//! Each broker has four listeners: `HOST` for landfall's own clients through a port of 127.0.0.1, `NET` for the proxies
//! under its name in the network, `INTERNAL` for the other brokers and `CONTROLLER` for the controllers, which ask for a
//! password too. The images all take their properties from environment variables `KAFKA_…`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::ClientConfig;

use super::inside::Inside;
use super::ready::until_ready;
use super::{Containers, Running, StackError, made_up, report};
use crate::engine::{Container, ContainerSpec, PlacedFile, Redaction};
use crate::kafka::Access;
use crate::kafka::admin::{Admin, AdminError, Operation, Resource, ScramHash};
use crate::result::ContainerReport;
use crate::scenario::{KafkaContainer, KafkaFlaw, SaslMechanism};
use crate::secret::Secret;
use crate::stack::secrets::hidden;
use crate::tls::{Authority, Validity, client_trusting, server_name};

/// The topic to which a proxy that is ready has written.
pub(super) const READY_TOPIC: &str = "landfall-ready";

/// Whether Kafka makes topics that somebody asks for, as its images are told.
pub const AUTO_CREATE: &str = "KAFKA_AUTO_CREATE_TOPICS_ENABLE";

/// Ports within the containers.
const NET: u16 = 9092;
const CONTROLLER: u16 = 9093;
const HOST: u16 = 9094;
const INTERNAL: u16 = 9095;

/// landfall's own user, who may do everything.
const ADMINISTRATOR: &str = "landfall";
/// The proxies' user.
const PROXY: &str = "proxy";
/// A schema registry's.
const REGISTRY: &str = "registry";
/// The topic in which registries keep schemas, and the group of those that do, where nobody says anything else.
const SCHEMAS: &str = "_schemas";
const SCHEMAS_GROUP: &str = "schema-registry";
/// The brokers themselves.
const BROKER: &str = "broker";

/// Where files stand within the containers.
const FOLDER: &str = "/etc/landfall";
/// The certificate of the authority to trust, within the containers.
pub(super) const CA_FILE: &str = "/etc/landfall/ca.pem";

/// Kafka that is up.
pub(in crate::stack) struct Cluster {
    /// The cluster's id.
    pub(in crate::stack) id: String,
    /// How landfall's own clients reach it, who may do everything.
    pub(in crate::stack) administrator: Access,
    /// How an embedded proxy reaches it: as the proxies' user.
    pub(in crate::stack) proxy: Access,
    pub(super) brokers: Vec<Broker>,
    tls: Arc<ClientConfig>,
    password: Secret,
    /// What is wrong with what proxies meet.
    pub(super) flaw: Option<KafkaFlaw>,
}

/// A broker.
pub(super) struct Broker {
    pub(super) container: Container,
    /// Where landfall reaches it.
    pub(super) address: SocketAddr,
}

/// What a broker's environment is made of.
struct Settings<'a> {
    spec: &'a KafkaContainer,
    id: String,
    administrator: Secret,
    proxy: Secret,
    /// The schema registry's, where there is one.
    registry: Option<Secret>,
    broker: Secret,
}

/// The files of one broker.
struct Identity {
    host: Secret,
    net: Secret,
}

impl Containers {
    /// Starts the brokers and waits until they know each other; makes the proxies' user, and one for a schema registry, where one
    /// is to use Kafka. Gives what results say of each.
    pub(in crate::stack) async fn start_kafka(
        &mut self,
        spec: &KafkaContainer,
        env: &[(String, Secret)],
        with_registry: bool,
    ) -> Result<Vec<ContainerReport>, StackError> {
        let image = self.image("kafka", &spec.image).await?;
        let limits = self.check_limits("kafka", spec.resources)?;
        let [administrator, proxy, broker, wrong, registry] = [(); 5].map(|()| made_up());
        self.hide([&administrator, &proxy, &broker, &wrong, &registry].into_iter().cloned());
        let registry = with_registry.then_some(registry);
        self.hide(hidden(&spec.env, env));
        let now = SystemTime::now();
        let authority = Authority::new(now)?;
        let strange = Authority::new(now)?;
        let settings = Settings { spec, id: cluster_id(), administrator, proxy, registry, broker };

        let mut brokers = Vec::new();
        for number in 1..=spec.brokers {
            let identity = identity(number, spec.flaw, (&authority, &strange), now)?;
            let Running { container, port } = self
                .run((HOST, true), |port| {
                    let mut variables = settings.environment(number, port);
                    variables.extend(env.iter().cloned());
                    let placed = |name: &str, content: &Secret| PlacedFile {
                        path: format!("{FOLDER}/{name}"),
                        content: content.clone(),
                    };
                    Ok(ContainerSpec {
                        name: format!("kafka-{number}"),
                        image: image.id.clone(),
                        entrypoint: None,
                        command: None,
                        env: variables.into_iter().collect(),
                        files: vec![placed("host.pem", &identity.host), placed("net.pem", &identity.net)],
                        ports: Vec::new(),
                        limits,
                        stop_signal: None,
                    })
                })
                .await?;
            brokers.push(Broker { container, address: (Ipv4Addr::LOCALHOST, port).into() });
        }
        let password = match spec.flaw {
            Some(KafkaFlaw::WrongPassword) => wrong,
            _ => settings.proxy.clone(),
        };
        let inside = Inside {
            bootstrap: joined((1..=spec.brokers).map(|number| format!("kafka-{number}:{NET}"))),
            hosts: (1..=spec.brokers).map(|number| format!("kafka-{number}")).collect(),
            protocol: "SASL_SSL".to_owned(),
            mechanism: Some(spec.mechanism.name().to_owned()),
            username: Some(PROXY.to_owned()),
            password: Some(password),
            authority: Some(authority.pem()),
            topic: (READY_TOPIC.to_owned(), 1),
            ready_topic: true,
        };
        let outside = joined(brokers.iter().map(|broker| broker.address.to_string()));
        let cluster = Cluster {
            id: settings.id.clone(),
            administrator: access(&outside, ADMINISTRATOR, &settings.administrator, &authority),
            proxy: access(&outside, PROXY, &settings.proxy, &authority),
            brokers,
            tls: Arc::new(client_trusting(&authority.pem()).map_err(|source| StackError::Untrusted {
                url: "the brokers that were started".into(),
                source,
            })?),
            password: settings.administrator.clone(),
            flaw: spec.flaw,
        };
        cluster.until_formed(spec, &self.redaction).await?;
        let registry = settings.registry.as_ref().map(|password| (REGISTRY, password));
        if let Some(hash) = hash(spec.mechanism) {
            for (user, password) in [(PROXY, &settings.proxy)].into_iter().chain(registry) {
                let salt = uuid::Uuid::new_v4().into_bytes();
                let mut admin = cluster.admin(0).await?;
                admin.scram_user(user, hash, password, salt).await.map_err(StackError::KafkaScram)?;
            }
        }
        if let Some((user, password)) = registry {
            cluster.let_registry_keep_schemas().await?;
            let (username, password) = (Some(user.to_owned()), Some(password.clone()));
            self.inside_of_registry = Some(Inside { username, password, ..inside.clone() });
        }
        self.inside = Some(inside);
        let reports = cluster.brokers.iter().map(|_| report(&image, spec.resources)).collect();
        self.cluster = Some(Arc::new(cluster));
        Ok(reports)
    }
}

impl Cluster {
    /// Where landfall reaches the brokers.
    pub(in crate::stack) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.brokers.iter().map(|broker| broker.address)
    }

    /// A connection to the broker at this place.
    pub(super) async fn admin(&self, broker: usize) -> Result<Admin, AdminError> {
        let name = server_name("localhost").expect("it is a name");
        let credentials = (ADMINISTRATOR, &self.password);
        Admin::connect(self.brokers[broker].address, name, self.tls.clone(), credentials).await
    }

    /// Returns when each broker knows all of them.
    async fn until_formed(&self, spec: &KafkaContainer, redaction: &Redaction) -> Result<(), StackError> {
        for place in 0..self.brokers.len() {
            self.until_known(place, spec.start_within, redaction).await?;
        }
        Ok(())
    }

    /// Returns when the broker at this place knows all of them.
    pub(super) async fn until_known(
        &self,
        place: usize,
        within: Duration,
        redaction: &Redaction,
    ) -> Result<(), StackError> {
        let all = self.brokers.len();
        until_ready(&self.brokers[place].container, within, redaction, || async move {
            let mut admin = self.admin(place).await.map_err(|error| error.to_string())?;
            match admin.brokers().await {
                Ok(found) if found == all => Ok(()),
                Ok(found) => Err(format!("it knows {found} of {all} brokers")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Lets the proxies' user write to these topics, and know them.
    pub(in crate::stack) async fn let_proxies_write(&self, topics: &[&str]) -> Result<(), StackError> {
        let topics: Vec<Resource<'_>> = topics.iter().map(|topic| Resource::Topic(topic)).collect();
        let operations = [Operation::Write, Operation::Describe];
        self.admin(0).await?.allow(PROXY, &topics, &operations).await?;
        Ok(())
    }

    /// Lets the schema registry's user keep schemas in its topic, and be a member of its group, as Confluent's and Karapace's need it
    /// (Confluent Platform, "Configure Schema Registry", authorised access to Kafka).
    async fn let_registry_keep_schemas(&self) -> Result<(), StackError> {
        let mut admin = self.admin(0).await?;
        let operations = [
            Operation::Create,
            Operation::Describe,
            Operation::DescribeConfigs,
            Operation::Read,
            Operation::Write,
        ];
        admin.allow(REGISTRY, &[Resource::Topic(SCHEMAS)], &operations).await?;
        admin.allow(REGISTRY, &[Resource::Group(SCHEMAS_GROUP)], &[Operation::Read]).await?;
        Ok(())
    }

    /// Lets it make, know and write every topic whose name begins so, and know their settings.
    pub(super) async fn let_proxies_make(&self, prefix: &str) -> Result<(), StackError> {
        let operations =
            [Operation::Create, Operation::Write, Operation::Describe, Operation::DescribeConfigs];
        self.admin(0).await?.allow(PROXY, &[Resource::TopicsOf(prefix)], &operations).await?;
        Ok(())
    }
}

impl Settings<'_> {
    /// The environment of the broker with this number, which is published at `port`.
    fn environment(&self, number: u16, port: u16) -> BTreeMap<String, Secret> {
        let brokers = self.spec.brokers;
        let replication = brokers.min(3);
        let voters = joined((1..=brokers).map(|number| format!("{number}@kafka-{number}:{CONTROLLER}")));
        let plain = |text: &str| {
            Secret::new(format!("org.apache.kafka.common.security.plain.PlainLoginModule required {text};"))
        };
        let [administrator, proxy, broker] =
            [&self.administrator, &self.proxy, &self.broker].map(Secret::expose);
        let registry =
            self.registry.as_ref().map(|password| format!(" user_{REGISTRY}=\"{}\"", password.expose()));
        let users = format!(
            "user_{ADMINISTRATOR}=\"{administrator}\" user_{PROXY}=\"{proxy}\"{}",
            registry.unwrap_or_default()
        );
        let brokers_own =
            plain(&format!("username=\"{BROKER}\" password=\"{broker}\" user_{BROKER}=\"{broker}\""));
        let mut env: BTreeMap<String, Secret> = BTreeMap::new();
        let mut set = |name: &str, value: &str| {
            env.insert(name.to_owned(), Secret::new(value));
        };
        set("CLUSTER_ID", &self.id);
        set("KAFKA_NODE_ID", &number.to_string());
        set("KAFKA_PROCESS_ROLES", "broker,controller");
        set("KAFKA_CONTROLLER_QUORUM_VOTERS", &voters);
        set("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER");
        set("KAFKA_INTER_BROKER_LISTENER_NAME", "INTERNAL");
        set(
            "KAFKA_LISTENERS",
            &format!(
                "HOST://0.0.0.0:{HOST},NET://0.0.0.0:{NET},INTERNAL://0.0.0.0:{INTERNAL},\
                 CONTROLLER://0.0.0.0:{CONTROLLER}"
            ),
        );
        set(
            "KAFKA_ADVERTISED_LISTENERS",
            &format!(
                "HOST://127.0.0.1:{port},NET://kafka-{number}:{NET},INTERNAL://kafka-{number}:{INTERNAL}"
            ),
        );
        set(
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "HOST:SASL_SSL,NET:SASL_SSL,INTERNAL:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        );
        let mechanism = self.spec.mechanism.name();
        set("KAFKA_SASL_ENABLED_MECHANISMS", "PLAIN");
        set("KAFKA_LISTENER_NAME_NET_SASL_ENABLED_MECHANISMS", mechanism);
        set("KAFKA_LISTENER_NAME_HOST_SASL_ENABLED_MECHANISMS", "PLAIN");
        set("KAFKA_SASL_MECHANISM_INTER_BROKER_PROTOCOL", "PLAIN");
        set("KAFKA_SASL_MECHANISM_CONTROLLER_PROTOCOL", "PLAIN");
        for (listener, file) in [("HOST", "host.pem"), ("NET", "net.pem")] {
            set(&format!("KAFKA_LISTENER_NAME_{listener}_SSL_KEYSTORE_TYPE"), "PEM");
            set(
                &format!("KAFKA_LISTENER_NAME_{listener}_SSL_KEYSTORE_LOCATION"),
                &format!("{FOLDER}/{file}"),
            );
        }
        set("KAFKA_AUTHORIZER_CLASS_NAME", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
        set("KAFKA_SUPER_USERS", &format!("User:{ADMINISTRATOR};User:{BROKER}"));
        set(AUTO_CREATE, "false");
        set("KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE", "false");
        set("KAFKA_DEFAULT_REPLICATION_FACTOR", &replication.to_string());
        set("KAFKA_MIN_INSYNC_REPLICAS", &self.spec.min_insync_replicas.to_string());
        set("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", &replication.to_string());
        set("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", &replication.to_string());
        set("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1");
        set("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0");
        set("KAFKA_LOG_DIRS", "/tmp/landfall-kafka");
        if let Some(memory) = self.spec.resources.memory {
            // The rest is for the page cache and for what a virtual machine needs besides.
            let heap = format!("-Xmx{}k", memory / 2 / 1024);
            set("KAFKA_HEAP_OPTS", &heap);
        }
        env.insert("KAFKA_LISTENER_NAME_HOST_PLAIN_SASL_JAAS_CONFIG".into(), plain(&users));
        for listener in ["INTERNAL", "CONTROLLER"] {
            env.insert(format!("KAFKA_LISTENER_NAME_{listener}_PLAIN_SASL_JAAS_CONFIG"), brokers_own.clone());
        }
        let (name, jaas) = match self.spec.mechanism {
            SaslMechanism::Plain => ("PLAIN", plain(&users)),
            scram @ (SaslMechanism::ScramSha256 | SaslMechanism::ScramSha512) => (
                // Three underscores stand for a hyphen.
                if scram == SaslMechanism::ScramSha256 { "SCRAM___SHA___256" } else { "SCRAM___SHA___512" },
                Secret::new("org.apache.kafka.common.security.scram.ScramLoginModule required;"),
            ),
        };
        env.insert(format!("KAFKA_LISTENER_NAME_NET_{name}_SASL_JAAS_CONFIG"), jaas);
        env
    }
}

/// Certificates and keys of the broker with this number: sound ones for landfall, and for the proxies those that `flaw` asks
/// for.
fn identity(
    number: u16,
    flaw: Option<KafkaFlaw>,
    (authority, strange): (&Authority, &Authority),
    now: SystemTime,
) -> Result<Identity, StackError> {
    let pem = |certified: crate::tls::Certified| {
        Secret::new(format!("{}{}", certified.key_pem.expose(), certified.certificate_pem))
    };
    let name = format!("kafka-{number}");
    let good = Validity::around(now);
    let net = match flaw {
        Some(KafkaFlaw::ExpiredCertificate) => authority.certify(&[&name], Validity::ended_before(now)),
        Some(KafkaFlaw::WrongHostName) => authority.certify(&["kafka.invalid"], good),
        Some(KafkaFlaw::UnknownAuthority) => strange.certify(&[&name], good),
        Some(KafkaFlaw::WrongPassword) | None => authority.certify(&[&name], good),
    };
    let host = authority.certify(&["localhost", "127.0.0.1"], good)?;
    Ok(Identity { host: pem(host), net: pem(net?) })
}

fn hash(mechanism: SaslMechanism) -> Option<ScramHash> {
    match mechanism {
        SaslMechanism::Plain => None,
        SaslMechanism::ScramSha256 => Some(ScramHash::Sha256),
        SaslMechanism::ScramSha512 => Some(ScramHash::Sha512),
    }
}

/// How landfall's own clients reach the cluster through ports of 127.0.0.1.
fn access(bootstrap: &str, user: &str, password: &Secret, authority: &Authority) -> Access {
    let properties = [
        ("security.protocol", Secret::new("sasl_ssl")),
        ("sasl.mechanism", Secret::new("PLAIN")),
        ("sasl.username", Secret::new(user)),
        ("sasl.password", password.clone()),
        ("ssl.ca.pem", Secret::new(authority.pem())),
    ];
    Access {
        bootstrap: bootstrap.to_owned(),
        properties: properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// An id as Kafka's own tools make them: a random UUID in URL-safe base64, which must not look like an option.
fn cluster_id() -> String {
    let id = URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().into_bytes());
    id.strip_prefix('-').map_or_else(|| id.clone(), |rest| format!("A{rest}"))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}
