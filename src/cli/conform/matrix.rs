//! `landfall conform matrix`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::super::{exit, print};
use crate::app::conform::read;
use crate::app::export;
use crate::report::conformance::{NamedSuite, matrix_html, matrix_text};
use crate::result::Conformance;

/// Options of `landfall conform matrix`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Results of one suite: each a `conformance.json`, or the folder that holds it
    #[arg(value_name = "RESULT", required = true, num_args = 1..)]
    results: Vec<PathBuf>,
    /// What the results are called, in their order; otherwise each is called as its profile is, or its target where several
    /// have the same profile
    #[arg(long = "name", value_name = "NAME,...", value_delimiter = ',')]
    names: Vec<String>,
    /// Also write the matrix of all cases to FILE, as a page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
}

pub(super) fn main(options: &Options) -> ExitCode {
    match shown(options) {
        Ok(()) => ExitCode::from(exit::PASS),
        Err(wrong) => {
            tell!("landfall: {wrong}");
            ExitCode::from(exit::USAGE)
        }
    }
}

fn shown(options: &Options) -> Result<(), String> {
    let mut results = Vec::new();
    for path in &options.results {
        results.push(read(path).map_err(|error| error.to_string())?);
    }
    let suites: Vec<&Conformance> = results.iter().map(|(_, result)| result).collect();
    if let [first, others @ ..] = suites.as_slice()
        && let Some(other) = others.iter().find(|other| other.suite != first.suite)
    {
        return Err(format!(
            "results of the suites {:?} and {:?} have no case in common; name results of one suite",
            first.suite, other.suite
        ));
    }
    if let Some(file) = &options.html {
        if let Some((input, _)) = results.iter().find(|(input, _)| export::is_same(input, file)) {
            return Err(format!(
                "`--html` would write over {}, which is read; name another file",
                input.display()
            ));
        }
        export::check(file).map_err(|error| format!("{error}; check `--html`"))?;
    }
    let called = names(&options.names, &suites)?;
    let named: Vec<NamedSuite<'_>> =
        called.iter().zip(&suites).map(|(name, result)| NamedSuite { name, result }).collect();
    if !options.quiet {
        print(&matrix_text(&named));
    }
    if let Some(file) = &options.html {
        export::write_whole(file, &matrix_html(&named))
            .map_err(|error| format!("{error}; check `--html`"))?;
    }
    Ok(())
}

/// A name for each result, no two of them the same.
fn names(given: &[String], results: &[&Conformance]) -> Result<Vec<String>, String> {
    if !given.is_empty() {
        if given.len() != results.len() {
            return Err(format!(
                "`--name` gives {} names, and there are {} results: give one for each, with commas between them",
                given.len(),
                results.len()
            ));
        }
        let twice = given.iter().enumerate().find(|(index, name)| given[..*index].contains(name));
        return match twice {
            Some((_, name)) => {
                Err(format!("`--name` gives {name:?} twice: give each result a name of its own"))
            }
            None => Ok(given.to_vec()),
        };
    }
    let alone = |profile: &str| results.iter().filter(|result| result.profile == profile).count() == 1;
    let mut names: Vec<String> = Vec::new();
    for result in results {
        let name = if alone(&result.profile) { &result.profile } else { &result.target };
        let (mut unique, mut number) = (name.clone(), 1);
        while names.contains(&unique) {
            number += 1;
            unique = format!("{name} ({number})");
        }
        names.push(unique);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_has_a_name_of_its_own() {
        let result = |profile: &str, target: &str| -> Conformance {
            let text = serde_json::json!({
                "schema": 1, "suite": "rest", "verdict": "pass", "reasons": [], "banner": "", "landfall": "", "run": "",
                "started": "", "elapsed_us": 0, "target": target, "scenario": "", "profile": profile, "strict": false,
                "require_all": false, "missing": [], "boxes": [], "cases": [],
                "totals": { "cases": 0, "passed": 0, "warned": 0, "failed": 0, "not_run": 0, "requests": 0 }
            });
            serde_json::from_value(text).unwrap()
        };
        let all = [result("a", "x"), result("b", "x"), result("b", "x")];
        let all: Vec<&Conformance> = all.iter().collect();
        assert_eq!(names(&[], &all).unwrap(), ["a", "x", "x (2)"]);
        let given = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&given(&["1", "2", "3"]), &all).unwrap(), ["1", "2", "3"]);
        assert!(names(&given(&["1", "2"]), &all).unwrap_err().contains("2 names, and there are 3"));
        assert!(names(&given(&["1", "2", "1"]), &all).unwrap_err().contains("\"1\" twice"));
    }
}
