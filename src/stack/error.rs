//! Why a path cannot be brought up.

use std::path::PathBuf;
use std::time::Duration;

use crate::api::NotServable;
use crate::doubles::authorizer::AuthorizerError;
use crate::doubles::balancer::BalancerError;
use crate::doubles::broker::BrokerError;
use crate::doubles::gateway::{ApiFileError, GatewayError};
use crate::doubles::idp::IdpError;
use crate::doubles::lambda::FunctionError;
use crate::doubles::proxy::ProxyError;
use crate::doubles::registry::RegistryError;
use crate::engine::EngineError;
use crate::jose::KeyError;
use crate::kafka;
use crate::kafka::admin::AdminError;
use crate::tls::{IdentityError, TrustError};

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
    /// The schema registry behind it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The balancer.
    #[error(transparent)]
    Balancer(#[from] BalancerError),
    /// The identity provider.
    #[error(transparent)]
    Idp(#[from] IdpError),
    /// A private key that partners sign with.
    #[error("{what}: {source}")]
    Key {
        /// Whose it is.
        what: String,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// An external identity provider that does not say what it has.
    #[error("cannot learn from the identity provider what it has: {reasons}; check that it runs there")]
    NoMetadata {
        /// What was tried, each with its reason.
        reasons: String,
    },
    /// An external identity provider that publishes no keys, where somebody needs them.
    #[error(
        "the identity provider `{issuer}` does not say where its keys are (`jwks_uri`), and the path's authorizer checks \
         tokens with them; let it publish them, or leave the gateway out of the scenario"
    )]
    NoKeys {
        /// `iss` of its tokens.
        issuer: String,
    },
    /// An external identity provider that says it is another one.
    #[error(
        "the metadata at {url} is that of the issuer `{found}`, and `{expected}` is wanted; the two must be equal to the \
         letter, slash at the end and port included"
    )]
    OtherIssuer {
        /// Where it is.
        url: String,
        /// What the scenario says.
        expected: String,
        /// What the metadata say.
        found: String,
    },
    /// An endpoint of an external identity provider.
    #[error(
        "the identity provider's {name} is at `{host}`, which is not on this machine; name it in the scenario's `allow_hosts`"
    )]
    ProviderForbidden {
        /// Which.
        name: &'static str,
        /// Its host.
        host: String,
    },
    /// A provider that is asked over TLS sends on to where nothing is secret.
    #[error(
        "the identity provider's metadata at `{url}` names its {name} by http, where anybody on the way could read secrets; \
         let the provider name an https URL"
    )]
    ProviderInsecure {
        /// Where the metadata was.
        url: String,
        /// Which.
        name: &'static str,
    },
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
    /// An external gateway that does not answer.
    #[error("the gateway at {url} does not answer: {reason}; check that it is deployed there")]
    GatewayUnreachable {
        /// Its URL.
        url: String,
        /// What happened.
        reason: String,
    },
    /// An external server that the embedded gateway cannot speak TLS to.
    #[error("cannot speak TLS to {url}: {source}")]
    Untrusted {
        /// Its URL.
        url: String,
        /// What is wrong.
        #[source]
        source: TrustError,
    },
    /// The embedded gateway's certificate.
    #[error("stack.gateway.tls: {0}")]
    Identity(#[from] IdentityError),
    /// The authority of a certificate that was made.
    #[error("cannot write the gateway's authority to {path}: {source}; check the folder")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
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
    #[error("Kafka at {bootstrap} cannot be used: {reason}")]
    KafkaUnreachable {
        /// Where.
        bootstrap: String,
        /// What happened, and what to do.
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
    /// A Kafka behind a deployed gateway that does not tell its id.
    #[error(
        "cannot learn the cluster's id from Kafka at {bootstrap}; API v3 needs it, so write it as `stack.gateway.cluster_id`, or \
         use a format of v2"
    )]
    NoClusterId {
        /// Where Kafka is.
        bootstrap: String,
    },
    /// Properties that librdkafka refuses.
    #[error("kafka.properties: {reason}")]
    KafkaProperties {
        /// Which, and why.
        reason: String,
    },
    /// The container engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No port of 127.0.0.1 is left.
    #[error("no port of 127.0.0.1 is to be had for a container: {0}; end what holds so many")]
    NoPort(#[source] std::io::Error),
    /// Limits that would not bite.
    #[error(
        "the container engine does not limit the `{what}` of the box {name}, so its figures would be none of what was asked; \
         use an engine with control groups for that, or write `{what}: unlimited`"
    )]
    LimitsIgnored {
        /// Which box.
        name: String,
        /// Which limit.
        what: &'static str,
    },
    /// Limits that are others than were asked.
    #[error(
        "the box {name} was to have the limit {asked} of `{what}`, and its control group says {found}, so its figures would be \
         none of what was asked; use an engine that sets limits, or write `{what}: unlimited`"
    )]
    LimitsDiffer {
        /// Which box.
        name: String,
        /// Which limit.
        what: &'static str,
        /// As asked.
        asked: String,
        /// As found.
        found: String,
    },
    /// A container that has ended before it could be used.
    #[error("the container of the box {name} has ended ({how}): {said}; see its log in the run's folder")]
    ContainerEnded {
        /// Which box.
        name: String,
        /// How.
        how: String,
        /// What its log says.
        said: String,
    },
    /// A container that could not be used in time.
    #[error(
        "the box {name} could not be used within {} s: {reason}; {said}; see its log in the run's folder, or give it more time \
         with `start_within`",
        .within.as_secs()
    )]
    NotReady {
        /// Which box.
        name: String,
        /// How long it was given.
        within: Duration,
        /// What it did last.
        reason: String,
        /// What its log says.
        said: String,
    },
    /// Proxies that write to a Kafka that nobody should trust.
    #[error(
        "the proxies have come up and answer that they write to Kafka, although `kafka.flaw: {flaw}` makes it one that they must \
         not trust; let them check certificates and names, and use the password that they are given"
    )]
    FlawAccepted {
        /// Which.
        flaw: &'static str,
    },
    /// Kafka in containers, which landfall sets up itself.
    #[error("Kafka's containers cannot be set up: {0}; see their logs in the run's folder")]
    KafkaAdmin(#[from] AdminError),
    /// A Kafka that may not know SCRAM.
    #[error(
        "Kafka's users cannot be made by SCRAM: {0}; in KRaft mode Kafka has it from 3.5 on (cp-kafka 7.5): take such an image, or \
         `stack.kafka.sasl: {{ mechanism: plain }}`"
    )]
    KafkaScram(#[source] AdminError),
    /// landfall's own identity provider, where an authorizer is a container.
    #[error(
        "the authorizer's container cannot reach landfall's own identity provider for its keys: {reason}; write `idp: {{ kind: \
         container }}`"
    )]
    OutOfReach {
        /// Why not.
        reason: String,
    },
    /// Keys that an authorizer's container is to fetch where only this machine itself gets.
    #[error(
        "the container of the authorizer `{scheme}` cannot reach the identity provider's keys at {url}: within a container that is the \
         container itself; let the provider's metadata name an address that containers reach, for instance that of the engine's \
         bridge"
    )]
    KeysOnLoopback {
        /// The authorizer's security scheme.
        scheme: String,
        /// Where they are.
        url: String,
    },
    /// A value that an adapter wants, and that this stack does not have.
    #[error("the adapter's placeholder `{{{name}}}` stands for nothing in this stack; remove it")]
    Placeholder {
        /// Which.
        name: String,
    },
    /// The authorities that containers are to trust.
    #[error(
        "cannot read the authorities for proxies in containers from {path}: {source}; `ssl.ca.location` must name a PEM file"
    )]
    AuthorityForContainers {
        /// Where.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A broker of an external Kafka that no container reaches.
    #[error(
        "Kafka at {bootstrap} tells its clients to come to `{host}`, which within a container is another machine; let its \
         `advertised.listeners` name an address that containers reach, for instance that of the engine's bridge"
    )]
    BrokerOnLoopback {
        /// Where.
        bootstrap: String,
        /// The broker's host.
        host: String,
    },
    /// A broker of an external Kafka to which a proxy that landfall starts would write.
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
            | Self::Key { .. }
            | Self::NoKeys { .. }
            | Self::OtherIssuer { .. }
            | Self::ProviderForbidden { .. }
            | Self::ProviderInsecure { .. }
            | Self::ProxyPath { .. }
            | Self::ApiFile(_)
            | Self::Origin { .. }
            | Self::Identity(_)
            | Self::Untrusted { .. }
            | Self::KeysInVain { .. }
            | Self::Grace { .. }
            | Self::Api { .. }
            | Self::KafkaProperties { .. }
            | Self::Placeholder { .. }
            | Self::AuthorityForContainers { .. }
            | Self::BrokerForbidden { .. } => true,
            Self::Proxy(ProxyError::Producer { source, .. }) => kafka::is_configuration(source),
            _ => false,
        }
    }
}
