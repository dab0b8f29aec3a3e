//! `landfall validate`.

use std::process::ExitCode;

use super::{ScenarioArgs, exit};

/// Options of `landfall validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    scenario: ScenarioArgs,
}

pub(super) fn main(options: &Options) -> ExitCode {
    match options.scenario.read() {
        Ok(scenario) => {
            println!(
                "{}: valid; scenario `{}`, hash {}",
                options.scenario.file.display(),
                scenario.name,
                scenario.hash
            );
            ExitCode::from(exit::PASS)
        }
        Err(code) => code,
    }
}
