//! Workloads: streams of requests.

use std::time::Duration;

use super::{Format, IdentityPlace, PayloadSpec};

/// A stream of requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Place in the file's list of workloads; the streams of a fleet share one.
    pub place: usize,
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
    /// Records in each request, at least 1.
    pub records_per_request: u32,
    /// Partition named in the path, if any.
    pub partition: Option<i32>,
    /// Requests a second, above 0.
    pub rate_per_s: f64,
    /// How much later evenly spaced arrivals begin, as a share of the time between two of them, in [0, 1): the members
    /// of a fleet take turns. 0 where there is no fleet.
    pub fleet_offset: f64,
    /// How long requests are due.
    pub duration: Duration,
    /// Keep-alive connections, at least 1.
    pub connections: u16,
    /// How long one attempt may take, from first byte to last.
    pub timeout: Duration,
}
