//! `landfall run`: brings the path up, sends the load, reads the topics back, settles, judges, reports.

mod assemble;
mod budget;
mod catalogue;
mod collect;
mod error;
mod folder;
mod hlog;
mod ledger;
mod metrics;
mod monitor;
mod outbox;
mod plan;
mod preview;
mod settle;
mod spill;
mod timeline;
mod tokens;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use tokio::sync::{oneshot, watch};

use super::exit;
use super::journal::{JOURNAL, Journal, RESERVED, Reserved, START, Start};
use crate::load::{self, Keeper, LEAD, LoadPlan, Report, Stop, TokenReport, preflight};
use crate::record::{Catalogue, Class, RunId, TopicPartition};
use crate::result::{RunResult, ScenarioRef, Verdict};
use crate::scenario::{GatewaySpec, ProxySpec, Scenario};
use crate::schedule::Schedule;
use crate::stack::{self, Logs, Stack};
use crate::verify::{self, Reader, ReaderConfig};

pub(super) use assemble::{unread_notes, versions};
pub use budget::{BudgetError, Need};
pub use catalogue::{PayloadError, PayloadFault, catalogue};
pub(super) use collect::Collector;
pub use error::RunError;
pub(super) use folder::RESULT;
pub use folder::{Folder, FolderError};
pub(super) use ledger::ledger;
pub use metrics::MetricsPort;
pub use monitor::Live;
use monitor::{Board, Monitor, Setup, Watched};
pub(super) use plan::sizes;
use plan::{schedules, streams};
pub use preview::preview;
pub(super) use settle::{Path, Settled, settle};
use timeline::Timeline;
pub(in crate::app) use tokens::credentials_of;

/// A signal that ends a run early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// SIGINT, as Ctrl-C sends it.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Interrupt {
    /// The signal's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupted => "SIGINT",
            Self::Terminated => "SIGTERM",
        }
    }
}

/// A run's result and how it ended.
#[derive(Debug)]
pub struct Outcome {
    /// The result, as written.
    pub result: RunResult,
    /// The signal that broke it off, if one did.
    pub interrupt: Option<Interrupt>,
    /// Whether a box of the path was lost, so that the run could not be finished.
    pub stack_lost: bool,
}

impl Outcome {
    /// The exit code by DESIGN's precedence.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        exit::of_run(self.interrupt, self.result.verdict, self.stack_lost)
    }
}

/// How a run is reported while it is under way.
#[derive(Debug)]
pub struct Reporting<'a> {
    /// Where its files go.
    pub folder: &'a Folder,
    /// What people see.
    pub live: Live,
    /// Where Prometheus may ask.
    pub metrics: Option<MetricsPort>,
    /// Where the embedded gateway traces each request; `None`: nowhere.
    pub trace: Option<PathBuf>,
}

/// Runs a scenario. `interrupt` turns to a signal when one comes; its other end must outlive the call, and the
/// call must run on a multi-threaded tokio runtime.
///
/// # Errors
/// [`RunError`] where nothing could be sent. What was sent ends in an [`Outcome`], unless a thread of landfall's
/// own failed ([`RunError::Bug`]).
pub async fn run(
    scenario: &Scenario,
    run: RunId,
    reporting: Reporting<'_>,
    mut interrupt: watch::Receiver<Option<Interrupt>>,
) -> Result<Outcome, RunError> {
    let started = jiff::Timestamp::now();
    let origin = Instant::now();
    let Reporting { folder, live, metrics, trace } = reporting;
    let logs = Logs { folder: folder.path(), trace: trace.as_deref() };
    tracing::info!(scenario = ?scenario.name, hash = scenario.hash, seed = scenario.seed, run = run.as_str(), "run");
    let catalogue = catalogue(scenario, run)?;
    let schedules = schedules(scenario)?;
    budget::check(scenario, &schedules)?;
    let timeline = Timeline::new(&schedules);
    let prepared = tokio::select! {
        prepared = prepare(scenario, &catalogue, schedules, origin, logs) => prepared?,
        signal = signalled(&mut interrupt) => return Err(RunError::Interrupted(signal)),
    };
    let Prepared { mut stack, plan, keeper, unarmed, scarce, reader_config, baseline } = prepared;
    prepared_log(&stack, &plan, &unarmed);
    let (reserved, told_of) = write_start(scenario, &reader_config.run, started, &baseline, folder)?;

    let thread = |name| move |source| RunError::Thread { name, source };
    let stop = Stop::within(scenario.budget.as_ref().map(budget::allowance));
    let journal = Journal::new(folder.create_file(JOURNAL)?);
    let ledger = ledger(scenario, catalogue, folder)?;
    let collector = Collector::start(ledger, journal, stop.clone()).map_err(thread("ledger"))?;
    let reader = Reader::start(&reader_config, &baseline, origin, collector.landed())?;

    let board = Board::default();
    // Served until the run is over.
    let _server = metrics.map(|port| port.serve(board.clone())).transpose().map_err(thread("metrics"))?;
    let log = folder.create_file(folder::INTERVALS)?;
    let start = Instant::now() + LEAD;
    let monitor = Monitor::start(Setup {
        name: scenario.name.clone(),
        run: reader_config.run.to_string(),
        timeline: timeline.clone(),
        drain: scenario.drain,
        rules: scenario.abort_when.clone(),
        stop_on: scenario.stop_on.clone(),
        log,
        start,
        counts: collector.counts(),
        board,
        live,
        stop: stop.clone(),
    })
    .map_err(thread("monitor"))?;
    stack.load_starts(start);
    let plan = LoadPlan { start, ..plan };
    let report = send(plan, &collector, &monitor, (stop.clone(), &reserved), &mut interrupt).await?;
    let over = stop.over().zip(scenario.budget.as_ref()).map(|(over, budget)| budget::told(over, budget));
    tracing::info!(attempts = report.attempts.total(), interrupted = report.interrupted, "load ended");
    // Entered and written down first: only then is it known that nothing is tried again.
    drop(tokio::task::block_in_place(|| collector.up_to_date()));
    reserved.load_has_ended();
    let tokens = keeper.report();
    drop(keeper);
    monitor.settles(stack.settling().grace);
    let containers_lost = stack.load_is_over(!report.interrupted).await;
    // Where not everything was accepted, a proxy that has gone away must not be taken for one that refuses.
    let proxy_lost = if report.unsent > 0 || report.attempts.of(Class::Accepted) < report.attempts.total() {
        stack.check_proxy().await.err()
    } else {
        None
    };
    // A load that a rule has stopped is settled in full: nobody waits at the terminal.
    let broke_off = interrupt.borrow().is_some();
    let path = Path {
        settling: stack.settling(),
        quiet: stack.quiesce(),
        close: stack.close_proxies(),
        doubt: |_: &mut [_], _: &_| {},
    };
    let mut settled = settle(path, reader, &baseline, collector, &mut interrupt, broke_off).await?;
    settled.journal_failed = settled.journal_failed.or(reserved.failed().map(str::to_owned));
    let watched = monitor.finish().ok_or(RunError::Bug("monitor"))?;
    let interrupt = *interrupt.borrow();
    let lost = proxy_lost
        .map(|error| error.to_string())
        .or(containers_lost)
        .or_else(|| settled.kafka_lost.as_ref().map(|reason| format!("Kafka was lost: {reason}")));
    let stack_lost = lost.is_some();
    let ending = Ending { told_of, interrupt, lost, over, unarmed, scarce, tokens, watched };
    let load = assemble::Load { report: &report, timeline: &timeline, folder };
    let found = stack::Found {
        foreign: settled.settlement.records.foreign,
        unread: !settled.unread.is_empty() || settled.kafka_lost.is_some(),
        whole: whole_topics(scenario, &baseline, &settled.ends),
    };
    let cleaned = tokio::task::block_in_place(|| stack.clean_up(found));
    let mut result =
        assemble::result(scenario, &reader_config.run, &stack, &load, settled, ending, (started, origin));
    result.notes.extend(cleaned);
    let failed = result.verdict == Verdict::Fail || result.incomplete.is_some();
    stack.add_endings(&mut result.boxes, failed).await;
    result_log(&result);
    drop(stack);
    Ok(Outcome { result, interrupt, stack_lost })
}

/// Where the topics ended of which every record is known: they were empty at first, and were read to these ends.
fn whole_topics(
    scenario: &Scenario,
    baseline: &verify::Baseline,
    ends: &BTreeMap<TopicPartition, i64>,
) -> BTreeMap<String, BTreeMap<i32, i64>> {
    let mut whole: BTreeMap<String, BTreeMap<i32, i64>> = BTreeMap::new();
    for (at, end) in ends {
        let Some(topic) = scenario.topics.get(usize::from(at.topic)) else { continue };
        if baseline.from.get(at) == Some(&0) {
            whole.entry(topic.name.clone()).or_default().insert(at.partition, *end);
        }
    }
    whole
}

/// Writes down what the run begins with, so that it can be settled even if landfall is killed, and gives what results
/// tell of the scenario.
fn write_start(
    scenario: &Scenario,
    run: &RunId,
    started: jiff::Timestamp,
    baseline: &verify::Baseline,
    folder: &Folder,
) -> Result<(Reserved, ScenarioRef), RunError> {
    let threads = usize::from(scenario.load_threads);
    let unwritable = |source| folder.unwritable(source);
    let start = Start::new(scenario, run.as_str(), started.to_string(), baseline).map_err(unwritable)?;
    let json = start.to_json().map_err(std::io::Error::other).map_err(unwritable)?;
    folder.write_whole(START, &json)?;
    let reserved = Reserved::new(folder.create_file(RESERVED)?, scenario.workloads.len(), threads);
    Ok((reserved.map_err(unwritable)?, start.told_of(scenario)))
}

/// How a run ended, besides its figures.
struct Ending {
    told_of: ScenarioRef,
    interrupt: Option<Interrupt>,
    /// Which box of the path was lost, in words.
    lost: Option<String>,
    /// What of the budget was used up, in words.
    over: Option<String>,
    /// Partners without a token from the beginning, by name.
    unarmed: Vec<String>,
    /// What might have become scarce on this machine, in sentences.
    scarce: Vec<String>,
    tokens: TokenReport,
    watched: Watched,
}

/// Logs what stands before the first request.
fn prepared_log(stack: &Stack, plan: &LoadPlan, unarmed: &[String]) {
    for part in stack.boxes() {
        let endpoint = part.endpoint.as_deref().unwrap_or("-");
        tracing::info!(name = part.name, kind = part.kind, endpoint, start_us = part.start_us, "box is up");
    }
    tracing::info!(count = plan.tokens.len(), "tokens fetched");
    for partner in unarmed {
        tracing::warn!(?partner, "token refused");
    }
    for fault in stack.faults() {
        tracing::info!(name = fault.box_name, kind = fault.kind, "fault will be shown");
    }
}

/// Logs what came of it.
fn result_log(result: &RunResult) {
    for fault in &result.faults {
        tracing::info!(
            name = fault.box_name,
            kind = fault.kind,
            injected = fault.injected,
            "fault was shown"
        );
    }
    for reason in &result.reasons {
        tracing::info!(?reason, "reason");
    }
    tracing::info!(verdict = result.verdict.as_str(), incomplete = ?result.incomplete, "verdict");
}

/// Everything that must stand before the first request.
struct Prepared {
    stack: Stack,
    plan: LoadPlan,
    keeper: Keeper,
    /// Partners that the identity provider refused a token, as it may.
    unarmed: Vec<String>,
    /// What may become scarce on this machine, in sentences.
    scarce: Vec<String>,
    reader_config: ReaderConfig,
    baseline: verify::Baseline,
}

/// How many descriptors each connection of the load's costs besides its own, in the doubles of this process.
fn sockets_of_boxes(scenario: &Scenario) -> u64 {
    let embedded_proxy = matches!(scenario.stack.proxy, ProxySpec::Embedded { .. });
    let embedded_gateway = matches!(scenario.stack.gateway, GatewaySpec::Embedded { .. });
    // Balancer (both sides) and proxy; gateway, its way onward, and the authorizer's call (both sides).
    let contained_proxy = matches!(scenario.stack.proxy, ProxySpec::Container(_));
    u64::from(embedded_proxy) * 3 + u64::from(contained_proxy) * 2 + u64::from(embedded_gateway) * 4
}

async fn prepare(
    scenario: &Scenario,
    catalogue: &Catalogue,
    schedules: Vec<Schedule>,
    origin: Instant,
    logs: Logs<'_>,
) -> Result<Prepared, RunError> {
    let stack = Stack::start(scenario, logs).await?;
    let tokens::Armed { cells, cell_of, keeper, unarmed } = tokens::arm(scenario, &stack, origin).await?;
    let streams = streams(scenario, &stack, &cell_of, schedules).await?;
    let plan = LoadPlan {
        streams,
        catalogue: catalogue.clone(),
        tokens: cells,
        threads: usize::from(scenario.load_threads),
        drain: scenario.drain,
        origin,
        start: Instant::now(),
    };
    let scarce = preflight(&plan, sockets_of_boxes(scenario))?;
    for warning in &scarce {
        tracing::warn!(warning, "preflight");
    }
    let reader_config = ReaderConfig {
        kafka: stack.kafka().clone(),
        run: catalogue.run().clone(),
        topics: scenario.topics.iter().map(|topic| topic.name.clone()).collect(),
    };
    let config = reader_config.clone();
    let baseline = tokio::task::spawn_blocking(move || verify::baseline(&config))
        .await
        .map_err(|_| RunError::Bug("reader"))??;
    Ok(Prepared { stack, plan, keeper, unarmed, scarce, reader_config, baseline })
}

/// Sends the load, from threads of its own.
async fn send(
    plan: LoadPlan,
    collector: &Collector,
    monitor: &Monitor,
    (stop, reserved): (Stop, &Reserved),
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
) -> Result<Report, RunError> {
    let (done, mut finished) = oneshot::channel();
    let sinks = collector.sinks(monitor.intervals(), reserved.clone(), stop.clone());
    let stopped = stop.clone();
    std::thread::Builder::new()
        .name("load".into())
        .spawn(move || {
            // Nobody waits for the report only where the run is being torn down.
            let _ = done.send(load::run(&plan, sinks, &stopped));
        })
        .map_err(|source| RunError::Thread { name: "load", source })?;
    let report = tokio::select! {
        report = &mut finished => report,
        signal = signalled(interrupt) => {
            tracing::warn!(signal = signal.name(), "the load is stopped");
            stop.stop();
            finished.await
        }
    };
    Ok(report.map_err(|_| RunError::Bug("load"))??)
}

/// Returns when a signal has come; never, if none comes.
pub(super) async fn signalled(interrupt: &mut watch::Receiver<Option<Interrupt>>) -> Interrupt {
    match interrupt.wait_for(Option::is_some).await.ok().and_then(|signal| *signal) {
        Some(signal) => signal,
        None => std::future::pending().await,
    }
}

/// A run id that no other run has: 12 random hexadecimal digits.
///
/// # Panics
/// Never: such a text is a legal run id.
#[must_use]
pub fn random_run_id() -> RunId {
    let uuid = uuid::Uuid::new_v4().simple().to_string();
    RunId::new(&uuid[..12]).expect("hexadecimal digits are legal in a run id")
}
