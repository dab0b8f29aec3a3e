//! `landfall recover`: finishes the verification of a run that was killed, from its journal and its topics.
//!
//! What the journal holds is settled as the run itself would have settled it. What may have been sent and is not in the
//! journal, as a kill leaves it for the last moments, is unknown, and proves nothing against the path.

mod assemble;
mod seen;
mod unanswered;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::exit;
use super::journal::{
    JOURNAL, Journal, PayloadDigest, RESERVED, Reservations, Reserved, START, Start, StartError,
};
use super::run::{self, Collector, Folder, Interrupt, Outcome, PayloadError, RunError, Settled};
use crate::ledger::{Ledger, Outstanding};
use crate::load::Stop;
use crate::record::{Answer, Class, PartitionRead, RecordAnswer, RunId, Sent, UNANSWERED};
use crate::result::{Attempts, Recovery, RunResult};
use crate::scenario::{self, Scenario, ScenarioError};
use crate::stack::{Settling, StackError, external_kafka};
use crate::stats::micros;
use crate::verify::{self, Baseline, Reader, ReaderConfig};

use seen::Seen;
use unanswered::{Doubt, Journaled};

/// Why a run cannot be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Nothing was sent, or it is no run's folder.
    #[error(
        "{0} holds nothing to recover: there is no {START}, which a run writes before it sends anything; name a run's \
         folder, for instance `reports/9c1e52f07ab4`"
    )]
    NothingSent(PathBuf),
    /// The run came to its end.
    #[error("{0} holds a result: the run came to its end, and there is nothing to recover")]
    Settled(PathBuf),
    /// The run is under way.
    #[error("the run in {0} is still under way; stop it first, or wait for its end")]
    UnderWay(PathBuf),
    /// What the run began with.
    #[error("cannot read {path}: {source}")]
    Start {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of the journal.
    #[error(
        "cannot read {path}: {source}; it belongs to the run's journal, without which nothing can be said"
    )]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The scenario, as it was kept with the run.
    #[error("the scenario that was kept with the run says nothing to this version of landfall: {0}")]
    Scenario(#[from] ScenarioError),
    /// Another scenario than was run.
    #[error(
        "the scenario that was kept with the run is another: its hash is {found}, and the run's is {expected}"
    )]
    OtherScenario {
        /// Of what was kept.
        found: String,
        /// Of what was run.
        expected: String,
    },
    /// Another version of landfall may make other records.
    #[error(
        "the run was made by landfall {theirs}, and this is {ours}: it may make other records of the same scenario; recover \
         it with the same version"
    )]
    OtherVersion {
        /// Of the run.
        theirs: String,
        /// This one's.
        ours: &'static str,
    },
    /// Another cluster answers.
    #[error(
        "Kafka at {bootstrap} is the cluster `{found}`, and the run wrote to `{expected}`: what landed there cannot be read \
         here"
    )]
    OtherCluster {
        /// Where.
        bootstrap: String,
        /// The cluster that answers.
        found: String,
        /// That of the run.
        expected: String,
    },
    /// Reading was broken off, so that the next call may do better.
    #[error("{reason}; nothing was written, and `landfall recover` may be called again")]
    Unfinished {
        /// What happened.
        reason: String,
        /// The signal, if one came.
        interrupt: Option<Interrupt>,
    },
    /// Kafka went with the process.
    #[error(
        "the run's Kafka was its own, embedded or in containers, and is not read again, so nobody can say what landed; a run that must \
         outlive a kill needs `stack.kafka: {{ kind: external, … }}`"
    )]
    KafkaGone,
    /// A payload is not what it was.
    #[error(
        "{path} is not what it was when the run began, so its records cannot be told from corrupted ones; put the old \
         file back"
    )]
    PayloadChanged {
        /// The file.
        path: PathBuf,
    },
    /// A payload cannot be read.
    #[error("cannot read the payload {path}: {source}; put it back")]
    Payload {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The records cannot be made.
    #[error(transparent)]
    Records(#[from] PayloadError),
    /// Kafka.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// What a run may fail of, too.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl RecoverError {
    /// The exit code by DESIGN's precedence: 2 for what was asked and its files, 3 for the path.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::KafkaGone | Self::OtherCluster { .. } => exit::STACK,
            Self::Unfinished { interrupt, .. } => interrupt.map_or(exit::STACK, exit::of_interrupt),
            Self::Stack(error) if !error.is_usage() => exit::STACK,
            Self::Run(error) => error.exit_code(),
            _ => exit::USAGE,
        }
    }
}

/// A run that was killed.
#[derive(Debug)]
pub struct Killed {
    folder: Folder,
    start: Start,
    scenario: Scenario,
    journal: File,
    reserved: Reservations,
}

impl Killed {
    /// Opens a run's folder.
    ///
    /// # Errors
    /// [`RecoverError`] where there is nothing to recover, or not all that it takes.
    pub fn open(folder: &Path) -> Result<Self, RecoverError> {
        let start_path = folder.join(START);
        if !start_path.is_file() {
            return Err(RecoverError::NothingSent(folder.to_owned()));
        }
        let owned =
            Folder::of_killed(folder.to_owned()).ok_or_else(|| RecoverError::UnderWay(folder.to_owned()))?;
        if owned.result_path().exists() {
            return Err(RecoverError::Settled(folder.to_owned()));
        }
        let unreadable =
            |source: StartError| RecoverError::Start { path: start_path.clone(), source: Box::new(source) };
        let start = Start::read(&start_path).map_err(unreadable)?;
        let ours = env!("CARGO_PKG_VERSION");
        if start.landfall != ours {
            return Err(RecoverError::OtherVersion { theirs: start.landfall, ours });
        }
        let scenario = scenario::read_again(&start.scenario)?;
        if scenario.hash != start.hash {
            let (found, expected) = (scenario.hash, start.hash);
            return Err(RecoverError::OtherScenario { found, expected });
        }
        // A run that was killed before it had made these files has sent nothing.
        let open = |name: &str| {
            let path = folder.join(name);
            let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            file.map_err(|source| RecoverError::Journal { path, source })
        };
        let journal = open(JOURNAL)?;
        let file = open(RESERVED)?;
        let streams = scenario.workloads.len();
        let size = |file: &File| file.metadata().map_or(0, |metadata| metadata.len());
        let reserved = if size(&file) == 0 && size(&journal) == 0 {
            Reservations { begun: vec![Vec::new(); streams], load_has_ended: false }
        } else {
            Reserved::read(&file, streams, usize::from(scenario.load_threads))
                .map_err(|source| RecoverError::Journal { path: folder.join(RESERVED), source })?
        };
        Ok(Self { folder: owned, start, scenario, journal, reserved })
    }

    /// Finishes the verification: enters what the journal holds, reads the topics to their ends, settles, judges.
    /// `interrupt` turns to a signal when one comes; its other end must outlive the call, and the call must run on a
    /// multi-threaded tokio runtime. Gives back the run's folder, for the result.
    ///
    /// # Errors
    /// [`RecoverError`], where nothing can be said.
    ///
    /// # Panics
    /// As [`Ledger::settle`] does.
    pub async fn recover(
        self,
        mut interrupt: watch::Receiver<Option<Interrupt>>,
    ) -> Result<(Folder, Outcome), RecoverError> {
        let origin = Instant::now();
        let Self { folder, start, scenario, journal, reserved } = self;
        let kafka = external_kafka(&scenario)?.ok_or(RecoverError::KafkaGone)?;
        let baseline = start.baseline();
        for payload in &start.payloads {
            let path = payload.path.clone();
            match PayloadDigest::of(&path) {
                Ok(now) if now == *payload => {}
                Ok(_) => return Err(RecoverError::PayloadChanged { path }),
                Err(source) => return Err(RecoverError::Payload { path, source }),
            }
        }
        let run = RunId::new(start.run.as_str()).map_err(|error| RecoverError::Start {
            path: folder.path().join(START),
            source: Box::new(error),
        })?;
        let killed_since = since_last_written(&journal);
        let catalogue = run::catalogue(&scenario, run.clone())?;
        let topics = scenario.topics.iter().map(|topic| topic.name.clone()).collect();
        let config = ReaderConfig { kafka, run, topics };
        same_cluster(&config, &baseline).await?;
        let mut ledger = run::ledger(&scenario, catalogue.clone(), &folder).map_err(RunError::from)?;
        let (journal, told) = enter(&scenario, &folder, journal, &reserved, &mut ledger)?;
        tracing::info!(attempts = told.attempts.total, open = told.recovery.open_requests, "journal read");

        let collector = Collector::start(ledger, journal, Stop::default())
            .map_err(|source| RunError::Thread { name: "ledger", source })?;
        let seen = Seen::default();
        let sink = seen.watch(catalogue, collector.landed());
        let reader = Reader::start(&config, &baseline, origin, sink).map_err(RunError::from)?;
        let settling = Settling::of(&scenario);
        // What the path may have had in hand when landfall was killed has had this time already.
        let settling = Settling {
            proxies_tell: false,
            kafka_tells: false,
            rest: None,
            grace: settling.grace.saturating_sub(killed_since),
        };
        let doubt = |reads: &mut [PartitionRead], open: &Outstanding| seen.doubt(reads, open);
        let path =
            run::Path { settling, quiet: std::future::ready(true), close: std::future::ready(false), doubt };
        let settled = run::settle(path, reader, &baseline, collector, &mut interrupt, false).await?;
        let interrupt = *interrupt.borrow();
        if let Some(reason) = unfinished(&settled, interrupt) {
            return Err(RecoverError::Unfinished { reason, interrupt });
        }
        let result = assemble::result(&scenario, &start, settled, told, killed_since);
        let result = RunResult { elapsed_us: micros(origin.elapsed()), ..result };
        Ok((folder, Outcome { result, interrupt, stack_lost: false }))
    }
}

/// Makes sure that the cluster is the one that the run wrote to, where both tell who they are.
async fn same_cluster(config: &ReaderConfig, baseline: &Baseline) -> Result<(), RecoverError> {
    let asked = config.clone();
    let found = tokio::task::spawn_blocking(move || verify::cluster_id(&asked)).await.ok().flatten();
    match (found, baseline.cluster.clone()) {
        (Some(found), Some(expected)) if found != expected => {
            Err(RecoverError::OtherCluster { bootstrap: config.kafka.bootstrap.clone(), found, expected })
        }
        _ => Ok(()),
    }
}

/// Why what was read is not all that can be.
fn unfinished(settled: &Settled, interrupt: Option<Interrupt>) -> Option<String> {
    match (interrupt, &settled.kafka_lost) {
        (Some(signal), _) => Some(format!("stopped by {}", signal.name())),
        (None, Some(reason)) => Some(format!("Kafka was lost: {reason}")),
        (None, None) => (!settled.whole).then(|| "reading came to no end".to_owned()),
    }
}

/// What the journal has told.
struct Told {
    attempts: Attempts,
    recovery: Recovery,
}

/// Enters what the journal holds, and what may have been sent beyond that.
fn enter(
    scenario: &Scenario,
    folder: &Folder,
    journal: File,
    reserved: &Reservations,
    ledger: &mut Ledger,
) -> Result<(Journal, Told), RecoverError> {
    let mut attempts = Attempts::default();
    let mut recovery = Recovery::default();
    let mut journaled = Journaled::new(scenario.workloads.len());
    let (mut journal, damage) = Journal::of_killed(journal, &mut |sent, answer| {
        count(&mut attempts, sent, answer);
        recovery.last_us = recovery.last_us.max(sent.written_us);
        if answer.answered_us != UNANSWERED {
            recovery.last_us = recovery.last_us.max(answer.answered_us);
        }
        journaled.attempt(sent, answer);
        ledger.attempt(sent, answer, &mut |_| {});
    })
    .map_err(|source| RecoverError::Journal { path: folder.path().join(JOURNAL), source })?;
    recovery.damage = damage.map(|damage| damage.to_string());
    if reserved.load_has_ended {
        journaled.nothing_is_tried_again();
    }
    recovery.open_requests = journaled.open() as u64;
    let sizes = |workload: &scenario::Workload| run::sizes(&workload.records_per_request);
    journaled.unanswered(scenario, &reserved.begun, sizes, |doubt, sent, answer| {
        if doubt == Doubt::Perhaps {
            recovery.unjournaled_requests += 1;
            ledger.may_have_been_sent(sent);
        }
        ledger.attempt(sent, answer, &mut |_| {});
        journal.attempt(sent, answer);
    });
    Ok((journal, Told { attempts, recovery }))
}

fn count(attempts: &mut Attempts, sent: &Sent, answer: &Answer<'_>) {
    let of = |such: fn(RecordAnswer) -> bool| {
        (0..sent.records).filter(|index| such(answer.get(*index as usize))).count() as u64
    };
    let refused = of(|said| said == RecordAnswer::Refused);
    let class = Class::of(answer.end, of(RecordAnswer::is_acked), refused, sent.records.into());
    attempts.total += 1;
    attempts.retries += u64::from(sent.attempt > 1);
    *match class {
        Class::Accepted => &mut attempts.accepted,
        Class::Refused => &mut attempts.refused,
        Class::Failed => &mut attempts.failed,
        Class::Reset => &mut attempts.reset,
        Class::TimedOut => &mut attempts.timed_out,
        Class::Malformed => &mut attempts.malformed,
    } += 1;
}

/// How long nothing has been written to a file.
fn since_last_written(file: &File) -> Duration {
    let written = file.metadata().and_then(|metadata| metadata.modified());
    written.ok().and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default()
}
