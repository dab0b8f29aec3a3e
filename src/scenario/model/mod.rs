//! What a scenario file says, once it has been read and checked: plain data, no positions, no secrets.

mod adapter;
mod arrivals;
mod balancer;
mod check;
mod claims;
mod container;
mod evidence;
mod fault;
mod flaw;
mod gateway;
mod idp;
mod image;
mod partner;
mod payload;
mod profile;
mod release;
mod safety;
mod source;
mod stack;
mod topic;
mod transport;
mod workload;

use std::time::Duration;

pub use adapter::{
    Adapter, KAFKA_PLACEHOLDERS, PROVIDER_PLACEHOLDERS, PROXY_PLACEHOLDERS, Ready, SECRET_PLACEHOLDERS,
    Template,
};
pub use arrivals::{Arrivals, Phase, RecordsPerRequest, Shape, Spacing};
pub use balancer::{BalancerSpec, HealthCheckSpec};
pub use check::{AbortRule, Check, Comparison, Limit};
pub use claims::ClaimValues;
pub(super) use claims::{LONE_PLACEHOLDERS, PLACEHOLDERS};
pub use container::{
    IdpContainer, ImageSpec, KafkaContainer, KafkaFlaw, ProxyContainer, RegistryContainer, Resources,
};
pub use evidence::EvidenceSpec;
pub use fault::{Amount, Fault, FaultKind, Pace};
pub use flaw::Flaw;
pub use gateway::{
    AccessLogSpec, ApiKeySpec, ApiSpec, AuthorizerSpec, DefinitionSpec, FunctionContainer, GatewaySpec,
    IDP_PLACEHOLDERS, IdentitySpec, KeyTimes, LambdaSpec, LimitsSpec, PolicyAnswer, TargetSpec, ThrottleSpec,
};
pub use idp::{AudienceParameter, EmbeddedIdp, ExternalIdp, IdpSpec, IssuerSpec, MetadataPlace};
pub use image::{ImageRef, Pull};
pub use partner::{ClientAuth, Expect, Partner, Renew, TokenSpec};
pub use payload::{
    CellType, ColumnSpec, Format, IdentityPlace, KeySpec, PayloadSource, PayloadSpec, TimestampSpec,
};
pub use profile::{Accepts, Issues, PermissionShape, Permissions, TokenProfile};
pub use release::ProxyRelease;
pub use safety::{BudgetSpec, Statuses, StopRule};
pub use source::Source;
pub use stack::{
    KafkaSpec, ProxySpec, RegistrySpec, SaslMechanism, SaslSpec, SecretSource, StackSpec, TlsSettings, Value,
};
pub use topic::TopicSpec;
pub use transport::{Backoff, Connections, Jitter, Protocol, RetryOn, RetrySpec, Timeouts};
pub use workload::Workload;

/// One scenario: the stack to bring up, who publishes what, and what must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Name, as reports show it.
    pub name: String,
    /// Seed of everything random in a run.
    pub seed: u64,
    /// First 16 hex digits of the SHA-256 of the effective scenario (after `extends` and `--set`).
    pub hash: String,
    /// The files and changes that say all this.
    pub source: Source,
    /// The boxes of the path.
    pub stack: StackSpec,
    /// Topics the run writes to and reads back; never empty.
    pub topics: Vec<TopicSpec>,
    /// Client identities, each member of a fleet by itself; never empty.
    pub partners: Vec<Partner>,
    /// Streams of requests, one for each member where a workload names a fleet; never empty. The index is the
    /// producer number of the records' identity.
    pub workloads: Vec<Workload>,
    /// Rules over the run's metrics, besides those that always apply.
    pub checks: Vec<Check>,
    /// Rules that end the load early; the first that strikes does.
    pub abort_when: Vec<AbortRule>,
    /// Answers of which too many end the load early.
    pub stop_on: Vec<StopRule>,
    /// What may be sent at most; `None`: nothing is said.
    pub budget: Option<BudgetSpec>,
    /// Misbehaviours that the doubles show.
    pub faults: Vec<Fault>,
    /// What evidence of findings shows.
    pub evidence: EvidenceSpec,
    /// Threads that send the load, at least 1.
    pub load_threads: u16,
    /// How long absent records are waited for; `None`: derived from the path's time-outs.
    pub grace: Option<Duration>,
    /// How long after the last due time answers are waited for.
    pub drain: Duration,
    /// Hosts other than loopback that load may be sent to.
    pub allow_hosts: Vec<String>,
}
