//! Delivering a result: into the run's folder, to the terminal, and where else it is wanted.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{exit, print};
use crate::app::run::{Folder, Outcome};
use crate::report;

/// Where a result goes, besides the run's folder.
#[derive(Debug, clap::Args)]
pub(super) struct Delivery {
    /// Also write the result as JSON to FILE, or to standard output with `-`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print no summary, and nothing while the run is under way
    #[arg(long)]
    pub(super) quiet: bool,
}

impl Delivery {
    /// Whether the result can go where it is wanted; says so and gives the exit code where it cannot.
    pub(super) fn check(&self) -> Result<(), ExitCode> {
        match self.json.as_ref().filter(|path| path.as_os_str() != "-" && !has_folder(path)) {
            Some(path) => {
                tell!(
                    "landfall: cannot write the result to {}: there is no such folder; check `--json`",
                    path.display()
                );
                Err(ExitCode::from(exit::USAGE))
            }
            None => Ok(()),
        }
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
        let to_stdout = self.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
        if !self.quiet {
            let path = match (&page, &written) {
                (Ok(()), _) => Some(folder.page_path()),
                (Err(_), Ok(())) => Some(folder.result_path()),
                (Err(_), Err(_)) => None,
            };
            let path = path.map(|path| path.display().to_string());
            let summary = report::summary(&outcome.result, path.as_deref());
            // With the JSON on standard output, the summary is for the person at the terminal.
            if to_stdout {
                tell!("{}", summary.trim_end());
            } else {
                print(&summary);
            }
        }
        if to_stdout {
            print(&json);
        } else if let Some(path) = &self.json
            && let Err(error) = std::fs::write(path, &json)
        {
            tell!("landfall: cannot write the result to {}: {error}", path.display());
            code = exit::unwritten(code);
        }
        // On a full disk, both have the same to say.
        if let (Err(error), Ok(())) = (&page, &written) {
            tell!("landfall: {error}");
            code = exit::unwritten(code);
        }
        if let Err(error) = written {
            tell!("landfall: {error}");
            if !to_stdout {
                tell!("landfall: here is the result:");
                tell!("{}", json.trim_end());
            }
            code = exit::unwritten(code);
        }
        ExitCode::from(code)
    }
}

/// Whether the folder of a file to be written is there.
fn has_folder(file: &Path) -> bool {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.is_dir(),
        _ => true,
    }
}
