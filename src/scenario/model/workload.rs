//! Workloads: streams of requests.

use std::time::Duration;

use super::{
    Arrivals, Connections, Format, IdentityPlace, PayloadSpec, Phase, Protocol, RecordsPerRequest, RetrySpec,
    Timeouts,
};

/// A stream of requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Index into [`super::Scenario::partners`].
    pub partner: usize,
    /// Index into [`super::Scenario::topics`].
    pub topic: usize,
    /// Request format.
    pub format: Format,
    /// What the records hold.
    pub payload: PayloadSpec,
    /// Where the records' identity stands.
    pub identity: IdentityPlace,
    /// Records in each request.
    pub records_per_request: RecordsPerRequest,
    /// Partition named in the path, if any.
    pub partition: Option<i32>,
    /// When requests arrive: phases in sequence, never empty.
    pub phases: Vec<Phase>,
    /// When a request that failed is tried again; `None`: never.
    pub retry: Option<RetrySpec>,
    /// Which HTTP is spoken.
    pub protocol: Protocol,
    /// Keep-alive connections.
    pub connections: Connections,
    /// How long an attempt may take.
    pub timeouts: Timeouts,
}

impl Workload {
    /// How long all phases last.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.phases.iter().map(|phase| phase.duration).sum()
    }

    /// Whether requests wait for answers rather than for a time, so that there is no rate they should have.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phases.iter().any(|phase| matches!(phase.arrivals, Arrivals::Closed { .. }))
    }
}
