//! Delivering a result: into the run's folder, to the terminal, and where else it is wanted.

use std::path::PathBuf;
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
    /// What the result is called in reports; by default as its scenario is
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,
    #[command(flatten)]
    exports: Exports,
}

impl Delivery {
    /// Whether the result can go where it is wanted, and not over one of the `inputs`; says so and gives the exit code where
    /// it cannot. What earlier runs have left there goes.
    pub(super) fn prepare(&self, inputs: &[PathBuf]) -> Result<(), ExitCode> {
        self.exports.check(inputs)?;
        self.exports.clear()
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
        let page = folder.write_page(&report::html(&outcome.result));
        if !self.quiet {
            let path = match (&page, &written) {
                (Ok(()), _) => Some(folder.page_path()),
                (Err(_), Ok(())) => Some(folder.result_path()),
                (Err(_), Err(_)) => None,
            };
            let path = path.map(|path| path.display().to_string());
            self.exports.print_for_people(&report::summary(&outcome.result, path.as_deref()));
        }
        let name = self.name.as_deref().unwrap_or(&outcome.result.scenario.name);
        let named = Named { name, result: &outcome.result };
        if !self.exports.write(&[named]) {
            code = exit::unwritten(code);
        }
        // On a full disk, both have the same to say.
        if let (Err(error), Ok(())) = (&page, &written) {
            tell!("landfall: {error}");
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
