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
//! | `fit` | whether proxy and Kafka fit together |
//! | `read`, `boxes`, `idp`, `proxy`, `registry`, `kafka`, `topics`, `partners`, `workload/`, `faults`, `network`, `reach`, `evidence`, `hosts`, `secrets` | the fields, part by part |
//! | `images`, `adapters`, `role` | what containers are started from; how an image is configured as a box: files of their own; which ship |
//! | `shipped` | files that ship, and those of people's own |
//! | `profiles` | what providers' tokens look like: files of their own |
//! | `schema` | all of that once more, as a JSON Schema for editors and for documentation |
//! | `fingerprint` | the hash of a scenario |
//! | `error` | problems, and how they print |

mod abort;
mod adapters;
#[cfg(test)]
mod asked;
mod authorizer;
mod balancer;
mod boxes;
mod check;
mod decode;
mod deployed;
mod error;
mod evidence;
mod extends;
mod faults;
mod fingerprint;
mod fit;
mod gateway;
mod hosts;
mod idp;
mod images;
mod json;
mod kafka;
mod load;
mod model;
mod network;
mod overrides;
mod partners;
mod profiles;
mod proxy;
mod quantity;
mod reach;
mod read;
mod registry;
mod role;
mod safety;
mod scalar;
mod schema;
mod secrets;
mod shipped;
mod topics;
mod tree;
mod workload;

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

pub use abort::ABORT_METRICS;
pub use check::METRICS;
pub use error::{Origin, Problem, ScenarioError, Unreadable};
pub use hosts::host_is_allowed;
pub use load::load_file;
pub use model::*;
pub use profiles::{PROFILES, profile};
pub use quantity::{QuantityError, format_duration as duration_text, parse_duration};
pub use role::{ADAPTERS, PROVIDER_ADAPTERS, REGISTRY_ADAPTERS};
pub use schema::{PROFILE_SCHEMA, SCHEMA};

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
    // Where there is no current folder, a path stays as it is.
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let files = RefCell::new(vec![(absolute(origin), text.to_owned())]);
    let remember = |path: &Path| {
        let text = load(path)?;
        files.borrow_mut().push((absolute(path), text.clone()));
        Ok(text)
    };
    let Some(mut root) = extends::read_merged(text, origin, &remember, &mut problems) else {
        return Err(problems.into_error());
    };
    for set in sets {
        overrides::apply(&mut root, set, &mut problems);
    }
    let read = read::read_scenario(&root, &remember, &mut problems);
    let source = Source { path: absolute(origin), files: files.take(), sets: sets.to_vec() };
    match read {
        Some(scenario) => problems.or(Scenario { source, ..scenario }),
        None => Err(problems.into_error()),
    }
}

/// Reads a scenario once more, from the texts that it was read from, whatever its files say by now. Paths in it come
/// out absolute.
///
/// # Errors
/// [`ScenarioError`], where these texts say no scenario, or lack a file.
pub fn read_again(source: &Source) -> Result<Scenario, ScenarioError> {
    let load = |path: &Path| {
        let found = source.files.iter().find(|(file, _)| file == path);
        found.map(|(_, text)| text.clone()).ok_or_else(|| Unreadable {
            line: 0,
            column: 0,
            message: "was not kept with the run".into(),
        })
    };
    let text = load(&source.path).unwrap_or_default();
    parse(&text, &source.path, &source.sets, &load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_read_again_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        write(
            "base.yaml",
            "version: 1\nname: x\ntopics: [{ name: t }]\npartners: [{ name: p, secret: generated }]\n\
             workload: [{ partner: p, topic: t, format: v2-json, payload: { file: r.ndjson }, \
             arrivals: { constant: 1/s }, for: 1s }]\n",
        );
        write("deep/over.yaml", "version: 1\nextends: ../base.yaml\nseed: 7\n");
        let path = folder.path().join("deep/over.yaml");
        let first = read(&path, &["name=y".to_owned()]).unwrap();
        write("base.yaml", "gone");
        write("deep/over.yaml", "gone");
        let again = read_again(&first.source).unwrap();
        assert_eq!(again, first);
        assert_eq!((again.name.as_str(), again.seed, again.hash), ("y", 7, first.hash));
        assert!(read_again(&Source { files: Vec::new(), ..first.source }).is_err());
    }
}
