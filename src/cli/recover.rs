//! `landfall recover`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::delivery::Delivery;
use super::{exit, runtime, signals};
use crate::app::recover::Killed;

/// Options of `landfall recover`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Folder of the run, for instance `reports/9c1e52f07ab4`
    #[arg(value_name = "RUN")]
    folder: PathBuf,
    #[command(flatten)]
    delivery: Delivery,
}

pub(super) fn main(options: &Options) -> ExitCode {
    if let Err(code) = options.delivery.prepare(&left_in(&options.folder)) {
        return code;
    }
    let killed = match Killed::open(&options.folder) {
        Ok(killed) => killed,
        Err(error) => {
            tell!("landfall: {error}");
            return ExitCode::from(error.exit_code());
        }
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let outcome = runtime.block_on(async {
        let interrupt = signals::listen().map_err(|error| {
            tell!("landfall: cannot listen for signals: {error}");
            ExitCode::from(exit::STACK)
        })?;
        killed.recover(interrupt).await.map_err(|error| {
            tell!("landfall: {error}");
            ExitCode::from(error.exit_code())
        })
    });
    runtime.shutdown_background();
    match outcome {
        Ok((folder, outcome)) => options.delivery.deliver(&folder, &outcome),
        Err(code) => code,
    }
}

/// What a killed run has left in its folder: what is to be read. Where it cannot be listed, opening it says why.
fn left_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
