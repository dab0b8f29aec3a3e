//! `landfall selftest`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{exit, print, runtime, signals};
use crate::app::selftest::{Plan, selftest};
use crate::report;

/// Options of `landfall selftest`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Show only these faults, for instance `drop-after-ack`; all by default
    #[arg(value_name = "FAULT")]
    faults: Vec<String>,
    /// How many healthy runs there are, drawn at random
    #[arg(long, value_name = "COUNT", default_value_t = 9)]
    healthy: u32,
    /// Seed of the healthy runs
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Folder for the matrix (selftest.json, .md, .html) and for the runs that went wrong
    #[arg(long, value_name = "DIR", default_value = "reports/selftest")]
    out: PathBuf,
    /// Print nothing
    #[arg(long)]
    quiet: bool,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let plan = Plan {
        only: options.faults.clone(),
        healthy: options.healthy,
        seed: options.seed,
        folder: options.out.clone(),
    };
    let outcome = runtime.block_on(async {
        let interrupt = signals::listen().map_err(|error| {
            tell!("landfall: cannot listen for signals: {error}");
            ExitCode::from(exit::STACK)
        })?;
        let mut number = 0;
        let each = |row: &crate::result::Row, total| {
            number += 1;
            if !options.quiet {
                print(&report::selftest::row(row, number, total));
            }
        };
        Box::pin(selftest(&plan, interrupt, each)).await.map_err(|error| {
            tell!("landfall: {error}");
            ExitCode::from(error.exit_code())
        })
    });
    runtime.shutdown_background();
    match outcome {
        Ok(matrix) => {
            if !options.quiet {
                print(&report::selftest::summary(&matrix));
                print(&format!("  report  {}\n", options.out.join("selftest.html").display()));
            }
            ExitCode::from(exit::of_run(None, matrix.verdict, false))
        }
        Err(code) => code,
    }
}
