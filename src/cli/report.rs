//! `landfall report`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::exit;
use super::exports::Exports;
use crate::app::report::read;
use crate::report::{self, Named};
use crate::result::RunResult;

/// Options of `landfall report`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Results: each a `result.json`, or the folder of a run; several are compared with the first
    #[arg(value_name = "RESULT", required = true)]
    results: Vec<PathBuf>,
    /// What the results are called where they stand together, in their order; otherwise each is called as its scenario is,
    /// or by its run's id where several are of one scenario
    #[arg(long = "name", value_name = "NAME,...", value_delimiter = ',')]
    names: Vec<String>,
    /// Print no summary
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    exports: Exports,
}

/// What is said below the help.
pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 everything was rendered; 2 otherwise. This is no gate: a result that is rendered may have failed. `landfall
run` and `landfall recover` exit by their verdicts, and write the same reports.";

pub(super) fn main(options: &Options) -> ExitCode {
    let mut results = Vec::new();
    for path in &options.results {
        match read(path) {
            Ok(result) => results.push(result),
            Err(error) => {
                tell!("landfall: {error}");
                return ExitCode::from(exit::USAGE);
            }
        }
    }
    let inputs: Vec<PathBuf> = results.iter().map(|(path, _)| path.clone()).collect();
    if let Err(code) = options.exports.check(&inputs) {
        return code;
    }
    let all: Vec<&RunResult> = results.iter().map(|(_, result)| result).collect();
    let names = match names(&options.names, &all) {
        Ok(names) => names,
        Err(wrong) => {
            tell!("landfall: {wrong}");
            return ExitCode::from(exit::USAGE);
        }
    };
    let shown: Vec<Named<'_>> =
        names.iter().zip(&results).map(|(name, (_, result))| Named { name, result }).collect();
    if !options.quiet {
        let text = match results.as_slice() {
            [(path, result)] => report::summary(result, Some(&path.display().to_string())),
            _ => report::comparison(&shown),
        };
        options.exports.print_for_people(&text);
    }
    let written = options.exports.write(&shown);
    ExitCode::from(if written { exit::PASS } else { exit::USAGE })
}

/// A name for each result, no two of them the same.
fn names(given: &[String], results: &[&RunResult]) -> Result<Vec<String>, String> {
    if given.is_empty() {
        return Ok(names_of(results));
    }
    if given.len() != results.len() {
        return Err(format!(
            "`--name` gives {} names, and there are {} results: give one for each, with commas between them",
            given.len(),
            results.len()
        ));
    }
    match given.iter().enumerate().find(|(index, name)| name.is_empty() || given[..*index].contains(name)) {
        Some((_, name)) if name.is_empty() => {
            Err("`--name` gives an empty name: give one for each result".into())
        }
        Some((_, name)) => Err(format!("`--name` gives {name:?} twice: give each result a name of its own")),
        None => Ok(given.to_vec()),
    }
}

/// The names that results have of themselves.
fn names_of(results: &[&RunResult]) -> Vec<String> {
    let scenario = |result: &RunResult| result.scenario.name.clone();
    let shared = |name: &String| results.iter().filter(|result| scenario(result) == *name).count() > 1;
    let mut names: Vec<String> = Vec::new();
    for result in results {
        let name = Some(scenario(result)).filter(|name| !shared(name) && !name.is_empty());
        let name = name.unwrap_or_else(|| result.run.clone());
        // The same run twice, or one that is called as another's scenario is.
        let mut unique = name.clone();
        let mut number = 1;
        while names.contains(&unique) {
            number += 1;
            unique = format!("{name} ({number})");
        }
        names.push(unique);
    }
    names
}
