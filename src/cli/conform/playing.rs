//! What the commands of `landfall conform` have in common: how a golden file is played, how it is told how far they have come,
//! and what a suite's result prints.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::{exit, print, runtime, signals};
use super::against::{Proxy, duration};
use crate::app::golden::{Options, TIME_SCALE};
use crate::app::run::Interrupt;
use crate::report::{self, plain};
use crate::result::{CaseOutcome, Conformance};

/// How often it is told how far playing has come.
const NOW_AND_THEN: Duration = Duration::from_secs(5);

/// A golden file, and how it is played.
#[derive(Debug, clap::Args)]
pub(super) struct Playing {
    /// Golden file: one recorded exchange on each line
    #[arg(value_name = "GOLDEN")]
    golden: PathBuf,
    #[command(flatten)]
    proxy: Proxy,
    /// Play only recordings whose id contains this; may be repeated
    #[arg(long = "only", value_name = "PART")]
    only: Vec<String>,
    /// YAML list of the topics that the recordings need; known for the corpora that ship
    #[arg(long, value_name = "FILE")]
    topics: Option<PathBuf>,
    /// How long one exchange may take
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "150s")]
    limit: Duration,
    /// Print nothing but errors and the outcome
    #[arg(long)]
    pub(super) quiet: bool,
}

impl Playing {
    /// What is to be done; `rules` let more pass for identical.
    pub(super) fn plan(&self, rules: Option<PathBuf>) -> Result<Options, ExitCode> {
        Ok(Options {
            golden: self.golden.clone(),
            against: self.proxy.against(TIME_SCALE)?,
            only: self.only.clone(),
            rules,
            topics: self.topics.clone(),
            limit: self.limit,
        })
    }
}

/// Does `work`, which is handed signals and told how to tell how far it has come, in `what`. An error is an exit code and its
/// words.
pub(super) fn playing<T>(
    quiet: bool,
    what: &str,
    work: impl AsyncFnOnce(
        watch::Receiver<Option<Interrupt>>,
        &mut dyn FnMut(usize, usize),
    ) -> Result<T, (u8, String)>,
) -> Result<T, ExitCode> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let interrupt = signals::listen().map_err(|error| {
            tell!("landfall: cannot listen for signals: {error}");
            ExitCode::from(exit::STACK)
        })?;
        let mut told = Instant::now();
        let mut each = |done: usize, of: usize| {
            if !quiet && told.elapsed() >= NOW_AND_THEN {
                told = Instant::now();
                tell!("landfall: {done} of {of} {what}");
            }
        };
        work(interrupt, &mut each).await.map_err(|(code, error)| {
            tell!("landfall: {error}");
            ExitCode::from(code)
        })
    });
    runtime.shutdown_background();
    outcome
}

/// Says which topics are left at a Kafka that is not landfall's own.
pub(super) fn tell_left(appeared: &[String]) {
    if !appeared.is_empty() {
        let topics = appeared.iter().map(|topic| plain(topic)).collect::<Vec<_>>().join(", ");
        tell!("landfall: new topics stand in Kafka: {topics}; delete them if they are of no use");
    }
}

/// Tells a suite's result, whose files are in `folder`, and gives its exit code.
pub(super) fn delivered(outcome: Result<Conformance, ExitCode>, quiet: bool, folder: &Path) -> ExitCode {
    let result = match outcome {
        Ok(result) => result,
        Err(code) => return code,
    };
    if !quiet {
        print(&format!("\n  {}\n\n", result.banner));
        let bad = |outcome| matches!(outcome, CaseOutcome::Failed | CaseOutcome::Warned);
        for case in result.cases.iter().filter(|case| bad(case.outcome)) {
            print(&report::conformance::case(case));
        }
        print(&report::conformance::summary(&result));
        print(&format!("  report  {}\n", folder.join("conformance.html").display()));
    }
    ExitCode::from(exit::of_run(None, result.verdict, false))
}
