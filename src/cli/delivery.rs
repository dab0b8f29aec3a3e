//! Delivering a result: into the run's folder, to the terminal, and where else it is wanted.

use std::process::ExitCode;

use super::exit;
use super::exports::Exports;
use crate::app::run::{Folder, Outcome};
use crate::report::{self, Named};

/// Where a result goes, besides the run's folder.
#[derive(Debug, clap::Args)]
pub(super) struct Delivery {
    /// Print no summary, and nothing while the run is under way
    #[arg(long)]
    pub(super) quiet: bool,
    #[command(flatten)]
    exports: Exports,
}

impl Delivery {
    /// Whether the result can go where it is wanted; says so and gives the exit code where it cannot.
    pub(super) fn check(&self) -> Result<(), ExitCode> {
        self.exports.check()
    }

    /// Writes and prints the result. A result that cannot be written is printed as JSON instead, so that a run is
    /// never lost for want of a folder.
    pub(super) fn deliver(&self, folder: &Folder, outcome: &Outcome) -> ExitCode {
        let json = match report::json(&outcome.result) {
            Ok(json) => json,
            Err(error) => {
                tell!("landfall: cannot serialize the result: {error}; this is a bug of landfall's");
                return ExitCode::from(exit::STACK);
            }
        };
        let mut code = outcome.exit_code();
        let written = folder.write_result(&json);
        if !self.quiet {
            let path = folder.result_path().display().to_string();
            let summary = report::summary(&outcome.result, written.is_ok().then_some(path.as_str()));
            self.exports.print_for_people(&summary);
        }
        let named = Named { name: &outcome.result.scenario.name, result: &outcome.result };
        if !self.exports.write(&[named]) {
            code = exit::unwritten(code);
        }
        if let Err(error) = written {
            tell!("landfall: {error}");
            if !self.exports.prints_json() {
                tell!("landfall: here is the result:");
                tell!("{}", json.trim_end());
            }
            code = exit::unwritten(code);
        }
        ExitCode::from(code)
    }
}
