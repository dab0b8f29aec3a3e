//! `landfall selftest`: the tester is tested. Each fault that the doubles can show is shown in a run of its own, and what
//! finds it is held against what the double counted; healthy runs must find nothing.

mod authorizers;
mod files;
mod healthy;
mod limit;
mod mutants;
mod proxies;
mod row;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::exit;
use super::run::{Folder, FolderError, Interrupt, Live, Reporting, random_run_id, run};
use crate::judge::selftest::{Trial, belief, justify};
use crate::report;
use crate::result::{Row, RowOutcome, SELFTEST_SCHEMA, Selftest, Verdict};
use crate::scenario::{self, FaultKind, Flaw, Scenario, ScenarioError, Unreadable};

/// What each run differs from.
const SCENARIO: &str = include_str!("../../../scenarios/selftest.yaml");

/// How often a run is made again in which landfall was itself too slow to tell.
const UNDECIDED_AGAIN: u32 = 3;

/// How long a run may take; each should be over in some seconds.
const LIMIT: Duration = Duration::from_mins(3);

/// What is to be tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The faults to show, and the mistakes of authorizers, by name; all of them where none is named.
    pub only: Vec<String>,
    /// How many healthy runs there are.
    pub healthy: u32,
    /// Seed of the healthy runs.
    pub seed: u64,
    /// Where the matrix and the runs go.
    pub folder: PathBuf,
}

/// Why the tester could not be tested.
#[derive(Debug, thiserror::Error)]
pub enum SelftestError {
    /// No such fault.
    #[error(
        "there is no fault `{name}`; there are: {faults}; and of the authorizer: {flaws}",
        faults = FaultKind::ALL.map(FaultKind::name).join(", "),
        flaws = Flaw::ALL.map(Flaw::name).join(", ")
    )]
    UnknownFault {
        /// What was named.
        name: String,
    },
    /// A folder of a run.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file of the matrix.
    #[error("cannot write {path}: {source}; name another folder with `--out`")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A signal came.
    #[error("stopped by {}; there is no matrix", .0.name())]
    Interrupted(Interrupt),
}

impl SelftestError {
    /// The exit code by DESIGN's precedence.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted(interrupt) => exit::of_interrupt(*interrupt),
            _ => exit::USAGE,
        }
    }
}

/// The scenario of a trial.
fn scenario(sets: &[String]) -> Result<Scenario, ScenarioError> {
    scenario::parse(SCENARIO, Path::new("selftest.yaml"), sets, &|_| {
        Err(Unreadable {
            line: 0,
            column: 0,
            message: "the scenario of the self-test extends nothing".into(),
        })
    })
}

/// Runs all trials, and tells `each` row as it comes, with how many there are. Writes the matrix into
/// the folder. The runs that went wrong stay in it.
///
/// # Errors
/// [`SelftestError`], where there is no matrix.
pub async fn selftest(
    plan: &Plan,
    mut interrupt: watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(&Row, usize),
) -> Result<Selftest, SelftestError> {
    let (started, origin) = (jiff::Timestamp::now(), Instant::now());
    let Shown { kinds, flaws } = shown(&plan.only)?;
    files::clear(&plan.folder)?;
    let mut trials = healthy::trials(plan.healthy, plan.seed);
    trials.extend(mutants::trials(&kinds));
    let runs = files::runs(&plan.folder);
    let found = proxies::found(&kinds);
    // The authorizers' rows are those of its mistakes, and one for none; so it is with the REST suite's.
    let total = trials.len()
        + [found.len(), flaws.len()].map(|count| count + usize::from(count > 0)).iter().sum::<usize>();
    let mut rows = Vec::with_capacity(total);
    for trial in &trials {
        let mut row = one(trial, &runs, &mut interrupt).await?;
        // What says nothing is asked again; what says something wrong is not.
        for _ in 0..UNDECIDED_AGAIN {
            if row.outcome != RowOutcome::Undecided {
                break;
            }
            row = one(trial, &runs, &mut interrupt).await?;
        }
        each(&row, total);
        rows.push(row);
    }
    if !found.is_empty() {
        let told = |row: Row| {
            each(&row, total);
            rows.push(row);
        };
        let whole = kinds.len() == FaultKind::ALL.len();
        proxies::rows(&found, whole, &plan.folder, &interrupt, told).await?;
    }
    if !flaws.is_empty() {
        let told = |row: Row| {
            each(&row, total);
            rows.push(row);
        };
        Box::pin(authorizers::rows(&flaws, &plan.folder, &interrupt, told)).await?;
    }
    // Gone if every run was as it should be.
    let _ = std::fs::remove_dir(&runs);
    let detectors = justify(&rows);
    let whole = kinds.len() == FaultKind::ALL.len() && flaws.len() == Flaw::ALL.len();
    let verdict = belief(&rows, &detectors, whole);
    let matrix = Selftest {
        schema: SELFTEST_SCHEMA,
        passed: verdict == Verdict::Pass,
        verdict,
        whole,
        landfall: env!("CARGO_PKG_VERSION").to_owned(),
        started: started.to_string(),
        elapsed_us: u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX),
        seed: plan.seed,
        detectors,
        rows,
    };
    write(&plan.folder, &matrix)?;
    Ok(matrix)
}

/// What is to be shown.
struct Shown {
    kinds: BTreeSet<FaultKind>,
    flaws: Vec<Flaw>,
}

fn shown(only: &[String]) -> Result<Shown, SelftestError> {
    if only.is_empty() {
        return Ok(Shown { kinds: FaultKind::ALL.into(), flaws: Flaw::ALL.into() });
    }
    let mut shown = Shown { kinds: BTreeSet::new(), flaws: Vec::new() };
    for name in only {
        let kind = FaultKind::ALL.into_iter().find(|kind| kind.name() == name);
        let flaw = Flaw::ALL.into_iter().find(|flaw| flaw.name() == name);
        match (kind, flaw) {
            (None, None) => return Err(SelftestError::UnknownFault { name: name.clone() }),
            (None, Some(flaw)) if shown.flaws.contains(&flaw) => {}
            (kind, flaw) => {
                shown.kinds.extend(kind);
                shown.flaws.extend(flaw);
            }
        }
    }
    Ok(shown)
}

/// Makes one run. Its folder stays where it went wrong.
async fn one(
    trial: &Trial,
    runs: &Path,
    interrupt: &mut watch::Receiver<Option<Interrupt>>,
) -> Result<Row, SelftestError> {
    let id = random_run_id();
    let scenario = match scenario(&trial.sets) {
        Ok(scenario) => scenario,
        Err(error) => return Ok(trial.broken(id.as_str(), error.to_string())),
    };
    let folder = Folder::create(runs, &id)?;
    let reporting = Reporting { folder: &folder, live: Live::Off, metrics: None, trace: None };
    let begin = |stopped| run(&scenario, id.clone(), reporting, stopped);
    let row = match limit::within(LIMIT, interrupt, begin).await {
        Some(Ok(outcome)) => {
            if let Ok(json) = report::json(&outcome.result) {
                folder.write_result(&json)?;
            }
            trial.judge(&outcome.result)
        }
        Some(Err(error)) => trial.broken(id.as_str(), error.to_string()),
        None => trial.broken(id.as_str(), format!("it took longer than {} s", LIMIT.as_secs())),
    };
    let signal = *interrupt.borrow();
    if signal.is_some() || row.outcome.is_good() || row.outcome == RowOutcome::Undecided {
        let _ = std::fs::remove_dir_all(folder.path());
    }
    match signal {
        Some(signal) => {
            let _ = std::fs::remove_dir(runs);
            Err(SelftestError::Interrupted(signal))
        }
        None => Ok(row),
    }
}

/// Writes the matrix; what programs read comes last, so that where it stands the rest does.
fn write(folder: &Path, matrix: &Selftest) -> Result<(), SelftestError> {
    for name in files::NAMES {
        let text = match name {
            "selftest.md" => report::selftest::markdown(matrix),
            "selftest.html" => report::selftest::html(matrix),
            _ => {
                let json = serde_json::to_string_pretty(matrix).map_err(|error| {
                    SelftestError::Unwritable { path: folder.join(name), source: error.into() }
                })?;
                json + "\n"
            }
        };
        files::write(folder, name, &text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_is_named_twice_is_one() {
        let named = |name: &str, times| vec![name.to_owned(); times];
        assert_eq!(shown(&named("duplicate", 43)).unwrap().kinds.len(), 1);
        assert_eq!(shown(&named("accepts-none", 43)).unwrap().flaws, [Flaw::AcceptsNone]);
        let all = shown(&[]).unwrap();
        assert_eq!((all.kinds.len(), all.flaws.len()), (FaultKind::ALL.len(), Flaw::ALL.len()));
        assert!(shown(&named("duplicat", 1)).is_err());
    }
}
