//! `landfall doctor`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{ScenarioArgs, exit, print_whole, runtime};
use crate::app::doctor::{Health, Report, examine};

pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 a run can begin, with or without warnings; 2 wrong usage or scenario; 3 something that is needed is
missing.";

/// Options of `landfall doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Scenario file (YAML) whose needs are looked at too
    #[arg(value_name = "SCENARIO")]
    file: Option<PathBuf>,
    /// Change a value of the scenario; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "file")]
    sets: Vec<String>,
    /// What the proxies and Kafka are where the scenario says `embedded`, or nothing
    #[arg(long, value_name = "KIND", value_parser = ["embedded", "container"], requires = "file")]
    provider: Option<String>,
    /// Folder for reports
    #[arg(long, value_name = "DIR", default_value = "reports")]
    reports: PathBuf,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let Options { file, sets, provider, .. } = options;
    let args = file.clone().map(|file| ScenarioArgs { file, sets: sets.clone(), provider: provider.clone() });
    let scenario = match args.map(|args| args.read()).transpose() {
        Ok(scenario) => scenario,
        Err(code) => return code,
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let report = runtime.block_on(examine(scenario.as_ref(), &options.reports));
    let text = if options.json {
        match serde_json::to_string_pretty(&report) {
            Ok(json) => json + "\n",
            Err(error) => {
                tell!("landfall: cannot write JSON: {error}; this is a bug of landfall's, please report it");
                return ExitCode::from(exit::USAGE);
            }
        }
    } else {
        told(&report)
    };
    if let Err(code) = print_whole(&text) {
        return code;
    }
    ExitCode::from(if report.health == Health::Failure { exit::STACK } else { exit::PASS })
}

fn told(report: &Report) -> String {
    let width = report.checks.iter().map(|check| check.subject.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for check in &report.checks {
        let says = crate::report::plain(&check.says);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<7}  {:<width$}  {says}", check.health.as_str(), check.subject);
        if let Some(remedy) = &check.remedy {
            let _ = writeln!(text, "{:<7}  {:<width$}  → {}", "", "", crate::report::plain(remedy));
        }
    }
    text
}
