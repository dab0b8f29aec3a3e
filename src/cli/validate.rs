//! `landfall validate`.

use std::process::ExitCode;

use super::{ScenarioArgs, exit, print};

/// Options of `landfall validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    scenario: ScenarioArgs,
}

pub(super) fn main(options: &Options) -> ExitCode {
    match options.scenario.read() {
        Ok(scenario) => {
            print(&format!(
                "{}: valid; scenario `{}`, hash {}\n",
                options.scenario.file.display(),
                scenario.name,
                scenario.hash
            ));
            ExitCode::from(exit::PASS)
        }
        Err(code) => code,
    }
}
