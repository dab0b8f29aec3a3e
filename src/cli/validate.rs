//! `landfall validate`.

use std::process::ExitCode;

use super::{ScenarioArgs, exit, print};
use crate::app::run::{catalogue, random_run_id};
use crate::stack::check_api;

/// Options of `landfall validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    scenario: ScenarioArgs,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let scenario = match options.scenario.read() {
        Ok(scenario) => scenario,
        Err(code) => return code,
    };
    // The records are not sent, so any run's will do.
    if let Err(error) = catalogue(&scenario, random_run_id()) {
        tell!("landfall: {error}");
        return ExitCode::from(exit::USAGE);
    }
    if let Err(error) = check_api(&scenario) {
        tell!("landfall: {error}");
        return ExitCode::from(exit::USAGE);
    }
    print(&format!(
        "{}: valid; scenario `{}`, hash {}\n",
        options.scenario.file.display(),
        scenario.name,
        scenario.hash
    ));
    ExitCode::from(exit::PASS)
}
