//! The scenario file: what it may say, read with positions, checked, and turned into plain data.
//!
//! | file | what it holds |
//! |---|---|
//! | `model/` | what a scenario says, as plain data, part by part |
//! | `load` | getting a file's text |
//! | `tree`, `scalar` | YAML text as a tree with places; what a scalar is |
//! | `extends`, `overrides` | files and `--set` put together |
//! | `decode`, `json` | typed reading of the tree; a part of it as JSON |
//! | `quantity`, `check`, `abort` | durations, sizes, rates, percentages; rules over metrics; those that end a run early |
//! | `read`, `boxes`, `kafka`, `topics`, `partners`, `workload/`, `faults`, `reach`, `hosts`, `secrets` | the fields, part by part |
//! | `fingerprint` | the hash of a scenario |
//! | `error` | problems, and how they print |

mod abort;
mod boxes;
mod check;
mod decode;
mod error;
mod extends;
mod faults;
mod fingerprint;
mod hosts;
mod json;
mod kafka;
mod load;
mod model;
mod overrides;
mod partners;
mod quantity;
mod reach;
mod read;
mod scalar;
mod secrets;
mod topics;
mod tree;
mod workload;

use std::path::Path;
use std::sync::Arc;

pub use abort::ABORT_METRICS;
pub use check::METRICS;
pub use error::{Origin, Problem, ScenarioError, Unreadable};
pub use hosts::host_is_allowed;
pub use load::load_file;
pub use model::*;

use error::{Place, Problems};

/// Reads the scenario file at `path`, with all that it extends, and applies `sets`, each a `path=value`.
///
/// Paths in the scenario (payloads, files with secrets) come out relative to the current folder.
///
/// # Errors
/// [`ScenarioError`] with every problem that is found: the file cannot be had, is no YAML or does not say a
/// scenario.
pub fn read(path: &Path, sets: &[String]) -> Result<Scenario, ScenarioError> {
    match load_file(path) {
        Ok(text) => parse(&text, path, sets, &load_file),
        Err(Unreadable { line, column, message }) => {
            let mut problems = Problems::default();
            let origin = Arc::new(Origin::File(path.to_owned()));
            problems.add(&Place { origin, line, column }, "", message);
            Err(problems.into_error())
        }
    }
}

/// The scenario that `text` says, as if read from the file `origin`; `load` gives the text of the files that
/// it extends.
///
/// # Errors
/// [`ScenarioError`] with every problem that is found.
pub fn parse(
    text: &str,
    origin: &Path,
    sets: &[String],
    load: &dyn Fn(&Path) -> Result<String, Unreadable>,
) -> Result<Scenario, ScenarioError> {
    let mut problems = Problems::default();
    let Some(mut root) = extends::read_merged(text, origin, load, &mut problems) else {
        return Err(problems.into_error());
    };
    for set in sets {
        overrides::apply(&mut root, set, &mut problems);
    }
    match read::read_scenario(&root, &mut problems) {
        Some(scenario) => problems.or(scenario),
        None => Err(problems.into_error()),
    }
}
