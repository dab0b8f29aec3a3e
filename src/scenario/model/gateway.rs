//! The gateway, and what it serves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::container::ImageSpec;
use super::stack::{SecretSource, TlsSettings, Value};

/// API gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum GatewaySpec {
    /// landfall's double.
    Embedded {
        /// TCP port on loopback.
        port: u16,
        /// Who it is to partners, which speak TLS then, and HTTP/2 where they ask for it; `None`: they speak neither.
        tls: Option<Box<IdentitySpec>>,
        /// How much the times of a token may be off at the embedded authorizer.
        leeway: Duration,
        /// How the embedded authorizer keeps the identity provider's keys; of one that runs as a function, how it does so
        /// itself.
        keys: KeyTimes,
        /// What it serves.
        api: ApiSpec,
        /// Who may send how much.
        limits: LimitsSpec,
        /// Its access log; `None`: there is none.
        access_log: Option<AccessLogSpec>,
    },
    /// One that is deployed, with a proxy behind it.
    External {
        /// URL of its stage, `https://host:port[/path]`, without a trailing slash.
        url: String,
        /// How TLS is spoken there.
        tls: TlsSettings,
        /// The cluster's id, as paths of API v3 name it; `None`: what Kafka says itself.
        cluster_id: Option<String>,
    },
    /// Partners talk to the proxy directly.
    None,
}

/// How an authorizer keeps keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTimes {
    /// After this long keys are not used without an attempt to fetch them anew, so that a withdrawn key ends. Where the
    /// attempt fails, they go on.
    pub life: Duration,
    /// Time between two fetches while some keys are there. Without it, tokens with made-up key ids would make the
    /// authorizer flood the identity provider.
    pub cool_down: Duration,
}

impl Default for KeyTimes {
    /// Five minutes, and half a minute.
    fn default() -> Self {
        Self { life: Duration::from_mins(5), cool_down: Duration::from_secs(30) }
    }
}

/// Who a server is to those that speak TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySpec {
    /// A certificate for this machine's loopback, made for the run by an authority of its own.
    Generated,
    /// One that people have.
    Files {
        /// PEM file with the certificate, and behind it those that lead to its authority.
        certificate: PathBuf,
        /// PEM file with the certificate's private key.
        key: PathBuf,
        /// How the load, which goes to a loopback address, comes to trust it.
        clients: TlsSettings,
    },
}

/// An access log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessLogSpec {
    /// A line, with `$context` variables; `None`: the usual one.
    pub format: Option<String>,
}

/// Who may send how much.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LimitsSpec {
    /// Of the stage, over all of its methods; `None`: there is none.
    pub throttle: Option<ThrottleSpec>,
    /// Of the account, in which the stage is the only one; `None`: there is none.
    pub account_throttle: Option<ThrottleSpec>,
    /// The API's keys.
    pub api_keys: Vec<ApiKeySpec>,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThrottleSpec {
    /// Requests a second, in the long run.
    pub rate: f64,
    /// Requests that may come at once.
    pub burst: u32,
}

/// An API key with its usage plan.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKeySpec {
    /// Its name, which the access log shows.
    pub name: String,
    /// Where the key comes from.
    pub value: SecretSource,
    /// How fast requests may come with it.
    pub throttle: Option<ThrottleSpec>,
    /// How many requests it is good for.
    pub quota: Option<u64>,
}

/// What an embedded gateway serves.
#[derive(Debug, Clone, PartialEq)]
pub enum ApiSpec {
    /// The definition that ships with landfall, behind the embedded authorizer.
    Produce {
        /// Request headers that must be there and not blank, as the API's request validator has them.
        required_headers: Vec<String>,
        /// How long an authorizer result is kept for the same token; zero turns the cache off.
        authorizer_ttl: Duration,
        /// Whether the gateway refuses by itself what does not look like `Bearer` and a token, and asks its authorizer about
        /// the rest alone.
        validate_credentials: bool,
        /// How long the gateway waits for the back end before it answers 504.
        integration_timeout: Duration,
    },
    /// A definition that has been exported.
    Definition(Box<DefinitionSpec>),
}

/// An exported definition, and what it lacks.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionSpec {
    /// Its file.
    pub file: PathBuf,
    /// Name of the stage.
    pub stage: String,
    /// Variables of the stage.
    pub stage_variables: BTreeMap<String, String>,
    /// The path under which the API stands, without a slash at its end: `/prod`, or nothing.
    pub base_path: String,
    /// What stands before `/topics/…` and `/v3/…` in the API's paths, without a slash at its end: `/kafka`, or nothing.
    pub prefix: String,
    /// What stands in for the back ends that the definition names, by scheme, host and port.
    pub integrations: BTreeMap<String, TargetSpec>,
    /// Where the code of its authorizers runs, by security scheme.
    pub authorizers: BTreeMap<String, AuthorizerSpec>,
}

/// What stands in for a back end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetSpec {
    /// The scenario's proxy, through its balancer where it has one.
    Balancer,
    /// Something else.
    Url {
        /// `http://host:port` or `https://host:port`.
        url: String,
        /// How TLS is spoken to an https URL.
        tls: TlsSettings,
    },
}

/// Where an authorizer's code runs.
#[derive(Debug, Clone, PartialEq)]
pub enum AuthorizerSpec {
    /// In landfall: its own checker of the embedded identity provider's tokens.
    Builtin,
    /// In processes that landfall starts, and that speak the Lambda Runtime API.
    Lambda(Box<LambdaSpec>),
    /// In containers that landfall starts of an image with the runtime interface emulator.
    Container(Box<FunctionContainer>),
    /// In a container with the runtime interface emulator, which runs already.
    Rie {
        /// Its invoke URL.
        url: String,
        /// How many invocations it takes at once; the emulator takes one.
        concurrency: usize,
    },
    /// Nowhere: the answer is always the same.
    Policy {
        /// The answer.
        answer: PolicyAnswer,
        /// Who the caller is said to be.
        principal: String,
        /// What the gateway's mappings find in `context.authorizer`.
        context: BTreeMap<String, String>,
    },
}

/// What stands in a function's environment for what only the running identity provider tells: its issuer, the URL of its
/// keys, and the audience of its tokens.
pub const IDP_PLACEHOLDERS: [&str; 3] = ["${idp.issuer}", "${idp.jwks_uri}", "${idp.audience}"];

/// A Lambda function, as it is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LambdaSpec {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where it is started; the folder of the scenario file if nothing is said.
    pub directory: Option<PathBuf>,
    /// What the runtime is told as the handler's name.
    pub handler: Option<String>,
    /// Further environment variables; text may hold [`IDP_PLACEHOLDERS`].
    pub environment: BTreeMap<String, Value>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Most processes at once.
    pub workers: usize,
    /// Memory that the function is told it has, in MB.
    pub memory_mb: u32,
}

/// A Lambda function in containers of an image that has the runtime interface emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionContainer {
    /// Which image.
    pub image: ImageSpec,
    /// What the image's program is told, in place of its own: the handler, for Lambda's images.
    pub command: Option<Vec<String>>,
    /// Further environment variables; text may hold [`IDP_PLACEHOLDERS`].
    pub environment: BTreeMap<String, Value>,
    /// How long an invocation may take, in whole seconds.
    pub timeout: Duration,
    /// Number of containers, each of which takes one invocation at a time.
    pub workers: usize,
    /// Memory that each may have, in MiB.
    pub memory_mb: u32,
    /// The port at which the emulator listens within its container.
    pub port: u16,
}

impl GatewaySpec {
    /// The functions in containers behind it, by security scheme.
    pub fn function_containers(&self) -> impl Iterator<Item = (&str, &FunctionContainer)> {
        let definition = match self {
            Self::Embedded { api: ApiSpec::Definition(definition), .. } => Some(definition),
            Self::Embedded { .. } | Self::External { .. } | Self::None => None,
        };
        let authorizers = definition.into_iter().flat_map(|definition| &definition.authorizers);
        authorizers.filter_map(|(scheme, spec)| match spec {
            AuthorizerSpec::Container(container) => Some((scheme.as_str(), &**container)),
            _ => None,
        })
    }
}

/// An answer that is always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// A policy that allows everything.
    Allow,
    /// A policy that denies everything.
    Deny,
    /// A policy without statements.
    Silent,
    /// The caller is not known: 401.
    Unauthorized,
    /// The function fails: 500.
    Error,
}
