//! What a scenario file says, once it has been read and checked: plain data, no positions, no secrets.

mod check;
mod fault;
mod partner;
mod payload;
mod stack;
mod topic;
mod workload;

use std::time::Duration;

pub use check::{Check, Comparison, Limit};
pub use fault::{Fault, FaultKind, Pace};
pub use partner::{Expect, Partner};
pub use payload::{CellType, ColumnSpec, Format, IdentityPlace, KeySpec, PayloadSource, PayloadSpec};
pub use stack::{GatewaySpec, IdpSpec, KafkaSpec, ProxySpec, SecretSource, StackSpec, Value};
pub use topic::TopicSpec;
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
    /// The boxes of the path.
    pub stack: StackSpec,
    /// Topics the run writes to and reads back; never empty.
    pub topics: Vec<TopicSpec>,
    /// Client identities; never empty.
    pub partners: Vec<Partner>,
    /// Streams of requests; never empty. The index is the producer number of the records' identity.
    pub workloads: Vec<Workload>,
    /// Rules over the run's metrics, besides those that always apply.
    pub checks: Vec<Check>,
    /// Misbehaviours that the doubles show.
    pub faults: Vec<Fault>,
    /// How long absent records are waited for; `None`: derived from the path's time-outs.
    pub grace: Option<Duration>,
    /// How long after the last due time answers are waited for.
    pub drain: Duration,
    /// Hosts other than loopback that load may be sent to.
    pub allow_hosts: Vec<String>,
}
