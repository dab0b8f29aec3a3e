//! What a run would send: what `landfall run --dry-run` shows.

use serde::Serialize;

/// What a scenario would send, without anything being sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// Name of the scenario.
    pub scenario: String,
    /// The boxes of the path, in the order in which a request passes them.
    pub boxes: Vec<PreviewBox>,
    /// Hosts besides this machine that the load may reach.
    pub hosts_away: Vec<String>,
    /// The workloads, in the scenario's order.
    pub workloads: Vec<WorkloadPreview>,
    /// Produce requests that are due, without those of closed workloads.
    pub requests: u64,
    /// The same with as many further attempts as there may be.
    pub most_requests: u64,
    /// Records in the requests that are due.
    pub records: u64,
    /// Bytes of the bodies of the requests that are due, estimated from the first ones.
    pub body_bytes: u64,
    /// The most requests that are due in a second.
    pub peak_per_s: u64,
    /// For how long requests may be sent, in milliseconds.
    pub duration_ms: u64,
    /// Whether some workloads are closed: they send as many as are answered.
    pub closed: bool,
    /// Token requests before the load begins; tokens are renewed while it goes on.
    pub token_requests: u64,
    /// The peak rate as a share of the requests a second that API Gateway lets an account send in a region, 10,000 unless AWS
    /// has raised it; 1 is all of it.
    pub share_of_account_rate: f64,
    /// The same of the 5,000 requests that it lets through at once.
    pub share_of_account_burst: f64,
    /// What may be sent at most, where the scenario says it.
    pub budget: Option<BudgetPreview>,
    /// Why the run would be refused; empty where it would not.
    pub refused: Vec<String>,
}

/// A box of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewBox {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Where it is, of an external one.
    pub place: Option<String>,
}

/// What one workload would send.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkloadPreview {
    /// Its place in the scenario.
    pub workload: usize,
    /// Its partner, or the fleet that its partners are of.
    pub partner: String,
    /// How many partners of a fleet send it.
    pub members: u64,
    /// Its topic.
    pub topic: String,
    /// Requests that are due; `null` of a closed workload.
    pub requests: Option<u64>,
    /// Records in them.
    pub records: Option<u64>,
    /// Bytes of their bodies, estimated from the first ones.
    pub body_bytes: Option<u64>,
    /// The most requests that are due in a second.
    pub peak_per_s: Option<u64>,
    /// How long it sends, in milliseconds.
    pub duration_ms: u64,
    /// How many attempts a request has at most.
    pub attempts: u64,
    /// Bytes of a body, on average of the first ones.
    pub bytes_per_request: u64,
    /// The first request, its secrets hidden, its body up to some hundred characters.
    pub first_request: String,
}

/// The budget, and what is left of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BudgetPreview {
    /// Requests that may be sent.
    pub requests: u64,
    /// Requests a second.
    pub rate_per_s: f64,
    /// For how long, in milliseconds.
    pub duration_ms: u64,
    /// Requests that are left with as many further attempts as there may be; below 0 where it is too small.
    pub requests_left: i128,
}
