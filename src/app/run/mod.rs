//! `landfall run`: brings the path up, sends the load, reads the topics back, settles, judges, reports.

mod assemble;
mod catalogue;
mod collect;
mod folder;
mod settle;

use std::time::Instant;

use tokio::sync::{oneshot, watch};

use super::exit;
use crate::ledger::{Ledger, StreamTerms};
use crate::load::{
    self, Credentials, Expectation, LEAD, LoadError, LoadPlan, LoadReport, Target, TargetError, TokenError,
    TokenSource, WorkloadPlan, fetch_token,
};
use crate::record::{Catalogue, RunId};
use crate::result::RunResult;
use crate::scenario::{self, Expect, Scenario};
use crate::schedule::Constant;
use crate::stack::{Stack, StackError};
use crate::verify::{self, Reader, ReaderConfig, VerifyError};
use crate::wire::produce::ProduceFormat;

pub use catalogue::{PayloadError, PayloadFault, catalogue};
use collect::Collector;
pub use folder::{Folder, FolderError};

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

/// Why a run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The records cannot be made.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The path did not come up.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// Load may not go there, or cannot.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// No token.
    #[error("partner `{partner}`: {source}")]
    Token {
        /// Name in the scenario.
        partner: String,
        /// What happened.
        #[source]
        source: TokenError,
    },
    /// The topics cannot be read at all.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The load could not begin.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A thread could not be started.
    #[error("cannot start the {name} thread: {source}")]
    Thread {
        /// Which.
        name: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A thread of landfall's own ended by a panic, which is a bug.
    #[error("landfall's {0} thread failed; this is a bug of landfall's, please report it with the scenario")]
    Bug(&'static str),
    /// A signal came before anything had been sent.
    #[error("stopped by {} before anything was sent", .0.name())]
    Interrupted(Interrupt),
}

impl RunError {
    /// The exit code by DESIGN's precedence: 2 for the scenario and its files, 3 for the path.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted(interrupt) => exit::of_interrupt(*interrupt),
            Self::Payload(_) | Self::Target(TargetError::Url { .. } | TargetError::Forbidden { .. }) => {
                exit::USAGE
            }
            Self::Stack(error) if error.is_usage() => exit::USAGE,
            _ => exit::STACK,
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

/// Runs a scenario. `interrupt` turns to a signal when one comes; its other end must outlive the call, and the
/// call must run on a multi-threaded tokio runtime.
///
/// # Errors
/// [`RunError`] where nothing could be sent. What was sent ends in an [`Outcome`], unless a thread of landfall's
/// own failed ([`RunError::Bug`]).
pub async fn run(
    scenario: &Scenario,
    run: RunId,
    mut interrupt: watch::Receiver<Option<Interrupt>>,
) -> Result<Outcome, RunError> {
    let started = jiff::Timestamp::now();
    let origin = Instant::now();
    let catalogue = catalogue(scenario, run)?;
    let prepared = tokio::select! {
        prepared = prepare(scenario, &catalogue, origin) => prepared?,
        signal = signalled(&mut interrupt) => return Err(RunError::Interrupted(signal)),
    };
    let Prepared { stack, plan, unarmed, reader_config, baseline } = prepared;

    let terms = scenario.workloads.iter().map(|workload| StreamTerms {
        must_be_accepted: expectation(scenario, workload) == Expectation::Accept,
        partition: workload.partition,
    });
    let topics = scenario.topics.iter().map(|topic| topic.name.clone()).collect();
    let collector = Collector::start(Ledger::new(catalogue, topics, terms.collect()))
        .map_err(|source| RunError::Thread { name: "ledger", source })?;
    let reader = Reader::start(&reader_config, &baseline, origin, collector.landed())?;

    let start = Instant::now() + LEAD;
    stack.load_starts(start);
    let report = send(LoadPlan { start, ..plan }, &collector, &mut interrupt).await?;
    // Where not everything was accepted, a proxy that has gone away must not be taken for one that refuses.
    let proxy_lost = if report.accepted < report.scheduled { stack.check_proxy().await.err() } else { None };
    let broke_off = report.interrupted;
    let settled = settle::settle(&stack, reader, &baseline, collector, &mut interrupt, broke_off).await?;
    let interrupt = *interrupt.borrow();
    let lost = proxy_lost
        .map(|error| error.to_string())
        .or_else(|| settled.kafka_lost.as_ref().map(|reason| format!("Kafka was lost: {reason}")));
    let stack_lost = lost.is_some();
    let ending = Ending { interrupt, lost, unarmed };
    let result =
        assemble::result(scenario, &reader_config.run, &stack, &report, settled, ending, (started, origin));
    drop(stack);
    Ok(Outcome { result, interrupt, stack_lost })
}

/// How a run ended, besides its figures.
struct Ending {
    interrupt: Option<Interrupt>,
    /// Which box of the path was lost, in words.
    lost: Option<String>,
    unarmed: Vec<String>,
}

/// Everything that must stand before the first request.
struct Prepared {
    stack: Stack,
    plan: LoadPlan,
    /// Partners that the identity provider refused a token, as it may.
    unarmed: Vec<String>,
    reader_config: ReaderConfig,
    baseline: verify::Baseline,
}

async fn prepare(scenario: &Scenario, catalogue: &Catalogue, origin: Instant) -> Result<Prepared, RunError> {
    let stack = Stack::start(scenario).await?;
    let (plan, unarmed) = plan(scenario, &stack, catalogue, origin).await?;
    let reader_config = ReaderConfig {
        kafka: stack.kafka().clone(),
        run: catalogue.run().clone(),
        topics: scenario.topics.iter().map(|topic| topic.name.clone()).collect(),
    };
    let config = reader_config.clone();
    let baseline = tokio::task::spawn_blocking(move || verify::baseline(&config))
        .await
        .map_err(|_| RunError::Bug("reader"))??;
    Ok(Prepared { stack, plan, unarmed, reader_config, baseline })
}

/// Sends the load on a thread of its own.
async fn send(
    plan: LoadPlan,
    collector: &Collector,
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
) -> Result<LoadReport, RunError> {
    let (stop, stopped) = watch::channel(false);
    let (done, mut finished) = oneshot::channel();
    let sink = collector.load();
    std::thread::Builder::new()
        .name("load".into())
        .spawn(move || {
            // Nobody waits for the report only where the run is being torn down.
            let _ = done.send(load::run(plan, sink, stopped));
        })
        .map_err(|source| RunError::Thread { name: "load", source })?;
    let report = tokio::select! {
        report = &mut finished => report,
        _ = signalled(interrupt) => {
            let _ = stop.send(true);
            finished.await
        }
    };
    Ok(report.map_err(|_| RunError::Bug("load"))??)
}

/// Returns when a signal has come; never, if none comes.
async fn signalled(interrupt: &mut watch::Receiver<Option<Interrupt>>) -> Interrupt {
    match interrupt.wait_for(Option::is_some).await.ok().and_then(|signal| *signal) {
        Some(signal) => signal,
        None => std::future::pending().await,
    }
}

fn expectation(scenario: &Scenario, workload: &scenario::Workload) -> Expectation {
    match scenario.partners[workload.partner].expect {
        Expect::Accept => Expectation::Accept,
        Expect::Refuse => Expectation::Refuse,
    }
}

fn format(format: scenario::Format) -> ProduceFormat {
    match format {
        scenario::Format::V2Json => ProduceFormat::V2Json,
        scenario::Format::V2Binary => ProduceFormat::V2Binary,
        scenario::Format::V3Json => ProduceFormat::V3Json,
        scenario::Format::V3Binary => ProduceFormat::V3Binary,
        scenario::Format::V3String => ProduceFormat::V3String,
    }
}

/// Resolves where the load goes and fetches each partner's first token. Also names the partners that go without.
async fn plan(
    scenario: &Scenario,
    stack: &Stack,
    catalogue: &Catalogue,
    origin: Instant,
) -> Result<(LoadPlan, Vec<String>), RunError> {
    let target = Target::resolve(stack.produce_url(), &scenario.allow_hosts).await?;
    let mut tokens: Vec<TokenSource> = Vec::new();
    let mut unarmed = Vec::new();
    let mut token_of: Vec<Option<usize>> = vec![None; scenario.partners.len()];
    if let Some(endpoint) = stack.token_endpoint() {
        let endpoint = Target::resolve(&endpoint, &scenario.allow_hosts).await?;
        for (index, partner) in scenario.partners.iter().enumerate() {
            let Some(secret) = stack.partner_secret(index) else { continue };
            let credentials = Credentials {
                endpoint: endpoint.clone(),
                client_id: partner.client_id.clone(),
                secret: secret.clone(),
                scope: partner.scope.clone(),
            };
            match tokio::task::LocalSet::new().run_until(fetch_token(&credentials)).await {
                Ok((first, expires)) => {
                    token_of[index] = Some(tokens.len());
                    tokens.push(TokenSource { credentials, first, expires });
                }
                // Who must be refused may be refused already here; it then goes on without a token.
                Err(TokenError::Refused { .. }) if partner.expect == Expect::Refuse => {
                    unarmed.push(partner.name.clone());
                }
                Err(source) => return Err(RunError::Token { partner: partner.name.clone(), source }),
            }
        }
    }
    let workloads = scenario.workloads.iter().map(|workload| WorkloadPlan {
        target: target.clone(),
        topic: scenario.topics[workload.topic].name.clone(),
        partition: workload.partition,
        format: format(workload.format),
        cluster_id: stack.cluster_id().filter(|_| workload.format.is_v3()).map(str::to_owned),
        records_per_request: workload.records_per_request,
        schedule: Constant::new(workload.rate_per_s),
        duration: workload.duration,
        connections: workload.connections,
        timeout: workload.timeout,
        token: token_of[workload.partner],
        expectation: expectation(scenario, workload),
    });
    let plan = LoadPlan {
        workloads: workloads.collect(),
        catalogue: catalogue.clone(),
        tokens,
        drain: scenario.drain,
        origin,
        start: Instant::now(),
    };
    Ok((plan, unarmed))
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
