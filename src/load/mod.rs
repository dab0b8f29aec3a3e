//! The load: sends each request when the schedule says, over keep-alive connections, and reports each attempt.
//!
//! Open model: a request that is due waits for a free connection, and its latency counts from when it was
//! due. Nothing is dropped and nothing shifted. Times are those of DESIGN: due, written, answered.
//!
//! | file | what it holds |
//! |---|---|
//! | `engine/` | the loop of one load thread |
//! | `lane`, `phases` | one thread's part of a stream; the phases of all streams |
//! | `request`, `message`, `answer` | a request of the schedule; as it goes out; its answer in the ledger's words |
//! | `place`, `transport`, `tls` | a connection, its bytes, what it trusts |
//! | `http1`, `http2/` | responses out of bytes; hyper on this thread |
//! | `poller`, `clock` | waiting, and the time |
//! | `preflight`, `probe` | whether this machine can hold the connections; how late it wakes a thread |
//! | `recorder`, `report`, `audit`, `sink` | what is measured, and who is told |
//! | `retry`, `token`, `target`, `stop` | further attempts, access tokens, where load may go, stopping |

mod allowance;
mod answer;
mod audit;
mod clock;
mod engine;
mod http2;
mod lane;
mod message;
mod phases;
mod place;
mod poller;
mod preflight;
mod preview;
mod probe;
mod recorder;
mod report;
mod request;
mod retry;
mod sink;
mod stop;
mod target;
mod tls;
mod token;
mod transport;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::record::{Catalogue, Expected};
use crate::scenario::{Connections, Protocol, RetrySpec, Timeouts};
use crate::schedule::{Schedule, Sizes};
use crate::secret::Secret;
use crate::wire::produce::ProduceFormat;

use clock::{Clock, nanos};
use engine::{Engine, Finished, Shared};
use phases::Phases;
use report::Punctuality;

pub use allowance::{Allowance, Over};
pub use preflight::{PreflightError, descriptors_needed, preflight};
pub use preview::Preview;
pub use probe::wake_up_probe;
pub use report::{AnswerTally, Interval, Report, Share, Tally, ThreadReport};
pub use sink::Sink;
pub use stop::Stop;
pub use target::{Target, TargetError};
pub use tls::Tls;
pub use token::{
    ClientProof, Credentials, Fetched, Keeper, PATIENCE, PartnerTokens, Token, TokenCell, TokenError,
    TokenReport, TokenSource, fetch_all,
};

/// How long before the schedules' start the load should be run: time to open the connections.
pub const LEAD: Duration = Duration::from_millis(100);

/// One stream of requests.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// Where requests go.
    pub target: Target,
    /// Topic name.
    pub topic: String,
    /// Partition that the path names.
    pub partition: Option<i32>,
    /// Request format.
    pub format: ProduceFormat,
    /// The cluster's id, which the paths of v3 name; `None` for v2.
    pub cluster_id: Option<String>,
    /// Records in each request.
    pub sizes: Sizes,
    /// When requests are due.
    pub schedule: Schedule,
    /// Seed of the stream's sizes and waits.
    pub seed: u64,
    /// Which HTTP is spoken.
    pub protocol: Protocol,
    /// Connections, at least 1.
    pub connections: Connections,
    /// How long each part of an attempt may take.
    pub timeouts: Timeouts,
    /// When requests are tried again; `None`: never.
    pub retry: Option<RetrySpec>,
    /// Number of the partner, by which results are grouped.
    pub partner: usize,
    /// Index into the plan's tokens.
    pub token: Option<usize>,
    /// Further headers, by name in small letters; they may be secret.
    pub headers: Vec<(String, Secret)>,
    /// How long after its expiry a token may still be accepted.
    pub grace: Duration,
    /// What must happen to the requests while the token is valid; only those that must be accepted are measured.
    pub expectation: Expected,
}

impl StreamPlan {
    /// Requests of one JSON record each that must be accepted, over one connection of HTTP/1.1, without tokens or
    /// further attempts; each part of an attempt may take a minute.
    #[must_use]
    pub fn plain(target: Target, topic: &str, schedule: Schedule) -> Self {
        let minute = Duration::from_mins(1);
        Self {
            target,
            topic: topic.to_owned(),
            partition: None,
            format: ProduceFormat::V2Json,
            cluster_id: None,
            sizes: Sizes::fixed(1),
            schedule,
            seed: 0,
            protocol: Protocol::Http1,
            connections: Connections { count: 1, streams: 1, requests_each: None, life: None },
            timeouts: Timeouts { connect: minute, first_byte: minute, whole: minute },
            retry: None,
            partner: 0,
            token: None,
            headers: Vec::new(),
            grace: Duration::ZERO,
            expectation: Expected::Accept,
        }
    }
}

/// All that is to be sent.
#[derive(Debug)]
pub struct LoadPlan {
    /// The streams, by producer number.
    pub streams: Vec<StreamPlan>,
    /// What each record holds.
    pub catalogue: Catalogue,
    /// The current token of each partner that has one; streams refer to them by index.
    pub tokens: Vec<Arc<TokenCell>>,
    /// Load threads, at least 1. A stream uses no more of them than it has connections.
    pub threads: usize,
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
    /// No poller, or one that fails.
    #[error("cannot wait for connections: {0}; check the limit of open files (`ulimit -n`)")]
    Poller(#[source] std::io::Error),
    /// No thread.
    #[error("cannot start a load thread: {0}; use fewer threads")]
    Thread(#[source] std::io::Error),
    /// A thread ended by a panic.
    #[error("a load thread failed; this is a bug of landfall's, please report it with the scenario")]
    Bug,
}

/// Sends the load, on threads of its own, and tells each thread's sink of each attempt. Blocks until all is answered,
/// draining has ended, or `stop` was asked for: then nothing further is begun, and what is in flight has two seconds.
///
/// # Errors
/// [`LoadError`] where a thread cannot get what it needs.
pub fn run<S: Sink>(
    plan: &LoadPlan,
    mut sink: impl FnMut(usize) -> S,
    stop: &Stop,
) -> Result<Report, LoadError> {
    let clock = Clock::new(plan.origin);
    let start = clock.at(plan.start);
    let phases = Phases::new(&plan.streams, start);
    let longest = plan.streams.iter().map(|stream| stream.schedule.duration()).max().unwrap_or_default();
    let threads = threads(plan.threads, plan.streams.iter().map(|stream| stream.connections.count));
    let end = start + nanos(longest);
    let shared = Shared { plan, phases: &phases, clock, start, end, stop, threads };
    let finished: Vec<Result<Finished, LoadError>> = std::thread::scope(|scope| {
        let spawned: Vec<_> = (0..threads)
            .map(|thread| {
                let (shared, sink) = (&shared, sink(thread));
                let spawned = std::thread::Builder::new().name(format!("load-{thread}")).spawn_scoped(
                    scope,
                    move || {
                        // One that fails must not leave the others to send part of a load to its end.
                        let unless_done = StopUnlessDone(shared.stop.clone());
                        let finished = Engine::new(shared, thread, sink)?.run()?;
                        std::mem::forget(unless_done);
                        Ok(finished)
                    },
                );
                if spawned.is_err() {
                    stop.stop();
                }
                spawned
            })
            .collect();
        spawned
            .into_iter()
            .map(|spawned| match spawned {
                Ok(thread) => thread.join().unwrap_or(Err(LoadError::Bug)),
                Err(error) => Err(LoadError::Thread(error)),
            })
            .collect()
    });
    let finished = finished.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(merge(&shared, finished))
}

/// How many threads send a load: those that are wanted, but no more than the stream with the most connections has.
#[must_use]
pub fn threads(wanted: usize, connections: impl Iterator<Item = u16>) -> usize {
    wanted.clamp(1, connections.map(usize::from).max().unwrap_or(1).max(1))
}

/// How many of a load's threads send a stream: of `k`, the thread `t` has the requests whose index leaves `t`.
#[must_use]
pub fn threads_of(threads: usize, connections: u16) -> usize {
    threads.min(usize::from(connections)).max(1)
}

/// Stops the load when dropped, as happens where a thread fails.
struct StopUnlessDone(Stop);

impl Drop for StopUnlessDone {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// One report out of those of all threads.
fn merge(shared: &Shared<'_>, finished: Vec<Finished>) -> Report {
    let Shared { plan, phases, clock: _, start, .. } = shared;
    let mut report = Report {
        phases: phases.names.iter().map(|name| (name.clone(), Share::default())).collect(),
        interrupted: finished.iter().any(|thread| thread.stopped_at.is_some()),
        ..Report::default()
    };
    let mut partners =
        vec![Share::default(); finished.first().map_or(0, |first| first.recorder.partners.len())];
    let mut punctuality = vec![Punctuality::default(); phases.entries()];
    let stopped_at = finished.iter().filter_map(|thread| thread.stopped_at).min();
    for Finished { recorder, thread, closed, .. } in finished {
        for ((_, share), part) in report.phases.iter_mut().zip(&recorder.phases) {
            share.merge(part);
        }
        for (share, part) in partners.iter_mut().zip(&recorder.partners) {
            share.merge(part);
        }
        for (entry, part) in punctuality.iter_mut().zip(&recorder.punctuality) {
            entry.merge(*part);
        }
        report.attempts.merge(&recorder.attempts);
        report.retries += recorder.retries;
        report.unsent += recorder.unsent;
        report.socket_errors += recorder.socket_errors;
        report.local_errors += recorder.local_errors;
        report.local_error = recorder.local_error.or(report.local_error);
        report.closed |= closed;
        report.threads.push(thread);
    }
    for (_, share) in &report.phases {
        report.overall.merge(share);
    }
    // A load that was stopped had a shorter schedule.
    let ran = stopped_at.map(|at| Duration::from_nanos(at.saturating_sub(*start)));
    report.overall.scheduled_for = Duration::ZERO;
    for (index, stream) in (0_u16..).zip(&plan.streams) {
        let measured = phases.measured_until(index, ran);
        report.overall.scheduled_for = report.overall.scheduled_for.max(measured);
        if stream.expectation == Expected::Accept {
            let partner = &mut partners[stream.partner];
            partner.scheduled_for = partner.scheduled_for.max(measured);
        }
        for (shares, time) in phases.times_until(index, ran) {
            let kept = punctuality[shares.entry].kept(time);
            report.overall.kept += kept;
            let phase = &mut report.phases[shares.phase].1;
            phase.scheduled_for = phase.scheduled_for.max(time);
            phase.kept += kept;
            if let Some(partner) = shares.partner {
                partners[partner].kept += kept;
            }
        }
    }
    let accepting = |partner: &usize| {
        plan.streams.iter().any(|stream| stream.partner == *partner && stream.expectation == Expected::Accept)
    };
    report.partners = partners.into_iter().enumerate().filter(|(partner, _)| accepting(partner)).collect();
    report
}
