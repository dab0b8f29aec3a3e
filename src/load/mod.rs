//! The load: sends each request when the schedule says, over keep-alive connections, and reports each
//! sending and each answer as an event.
//!
//! Open model: a request that is due waits for a free connection, and its latency counts from when it was
//! due. Nothing is dropped and nothing shifted. Times are those of DESIGN: due, written, answered.

mod connection;
mod http;
mod measure;
mod report;
mod sink;
mod stamp;
mod target;
mod timer;
mod token;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::record::{Answer, Catalogue, Sent};

pub use measure::LoadReport;
pub use report::{Interval, Report, Share, Tally, ThreadReport};
pub use sink::Sink;
pub use target::{Target, TargetError};
pub use token::{
    Credentials, Fetched, Keeper, PartnerTokens, Token, TokenCell, TokenError, TokenReader, TokenReport,
    TokenSource, fetch_all,
};
pub use worker::WorkloadPlan;

/// How long before the schedules' start the load should be run: time to open the connections.
pub const LEAD: Duration = Duration::from_millis(100);

/// What the load reports while it runs. An attempt's `Sent` comes right before its `Answer`, when it has ended;
/// the times in both are those of the happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadEvent {
    /// An attempt was begun.
    Sent(Sent),
    /// An attempt was answered or given up.
    Answer(Answer),
}

/// All that is to be sent.
#[derive(Debug)]
pub struct LoadPlan {
    /// The streams, by producer number.
    pub workloads: Vec<WorkloadPlan>,
    /// What each record holds.
    pub catalogue: Catalogue,
    /// The current token of each partner that has one; workloads refer to them by index.
    pub tokens: Vec<Arc<TokenCell>>,
    /// How long after the last due time answers are waited for.
    pub drain: Duration,
    /// The run's origin, from which events count their times.
    pub origin: Instant,
    /// When the schedules begin; soon, but late enough for the connections to be open. [`LEAD`] from now is.
    pub start: Instant,
}

/// Why the load could not run at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No runtime.
    #[error("cannot start the load thread's event loop: {0}; check the limit of open files (`ulimit -n`)")]
    Runtime(#[source] std::io::Error),
    /// No timer for a connection.
    #[error(
        "cannot make a timer for each connection: {0}; raise the limit of open files (`ulimit -n`) to twice the connections and more"
    )]
    Timer(#[source] std::io::Error),
    /// A worker ended by a panic.
    #[error("a worker of the load failed; this is a bug of landfall's, please report it with the scenario")]
    Worker,
}

/// Sends the load, and tells `sink` of each sending and each answer. Blocks the calling thread, which becomes
/// the load thread, until all is answered, draining has ended, or `stop` turns true: then nothing further is
/// begun, and what is in flight has two seconds. The other end of `stop` must outlive the call.
///
/// # Errors
/// [`LoadError`] where the thread cannot get what it needs to begin.
pub fn run(
    plan: LoadPlan,
    sink: impl Fn(LoadEvent) + 'static,
    stop: watch::Receiver<bool>,
) -> Result<LoadReport, LoadError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LoadError::Runtime)?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, worker::run_all(plan, Box::new(sink), stop))
}
