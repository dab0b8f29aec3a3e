//! `landfall run`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{ScenarioArgs, exit, print, runtime, signals};
use crate::app::run::{Folder, Outcome, random_run_id, run};
use crate::record::RunId;
use crate::report;

/// Options of `landfall run`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Name of the run; random by default, so that runs on one topic never mix
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
    /// Folder for reports; the run gets a folder of its own there
    #[arg(long, value_name = "DIR", default_value = "reports")]
    reports: PathBuf,
    /// Also write the result as JSON to FILE, or to standard output with `-`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print no summary
    #[arg(long)]
    quiet: bool,
}

pub(super) fn main(options: &Options) -> ExitCode {
    let scenario = match options.scenario.read() {
        Ok(scenario) => scenario,
        Err(code) => return code,
    };
    let run_id = match options.run_id.as_deref().map_or_else(|| Ok(random_run_id()), RunId::new) {
        Ok(run_id) => run_id,
        Err(error) => return usage(&error),
    };
    if let Some(path) = options.json.as_ref().filter(|path| path.as_os_str() != "-" && !has_folder(path)) {
        eprintln!(
            "landfall: cannot write the result to {}: there is no such folder; check `--json`",
            path.display()
        );
        return ExitCode::from(exit::USAGE);
    }
    let folder = match Folder::create(&options.reports, &run_id) {
        Ok(folder) => folder,
        Err(error) => return usage(&error),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let outcome = runtime.block_on(async {
        match signals::listen() {
            Ok(interrupt) => run(&scenario, run_id, interrupt).await.map_err(|error| {
                eprintln!("landfall: {error}");
                ExitCode::from(error.exit_code())
            }),
            Err(error) => {
                eprintln!("landfall: cannot listen for signals: {error}");
                Err(ExitCode::from(exit::STACK))
            }
        }
    });
    // Nothing of the run is left in the runtime that anybody would wait for.
    runtime.shutdown_background();
    match outcome {
        Ok(outcome) => deliver(options, &folder, &outcome),
        Err(code) => {
            folder.discard_if_empty();
            code
        }
    }
}

/// Whether the folder of a file to be written is there.
fn has_folder(file: &Path) -> bool {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.is_dir(),
        _ => true,
    }
}

/// Writes and prints the result. A result that cannot be written is printed as JSON instead, so that a run is
/// never lost for want of a folder.
fn deliver(options: &Options, folder: &Folder, outcome: &Outcome) -> ExitCode {
    let json = match report::json(&outcome.result) {
        Ok(json) => json,
        Err(error) => {
            eprintln!("landfall: cannot serialize the result: {error}; this is a bug of landfall's");
            return ExitCode::from(exit::STACK);
        }
    };
    let mut code = outcome.exit_code();
    let written = folder.write_result(&json);
    let to_stdout = options.json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if !options.quiet {
        let path = folder.result_path().display().to_string();
        let summary = report::summary(&outcome.result, written.is_ok().then_some(path.as_str()));
        // With the JSON on standard output, the summary is for the person at the terminal.
        if to_stdout {
            eprint!("{summary}");
        } else {
            print(&summary);
        }
    }
    if to_stdout {
        print(&json);
    } else if let Some(path) = &options.json
        && let Err(error) = std::fs::write(path, &json)
    {
        eprintln!("landfall: cannot write the result to {}: {error}", path.display());
        code = exit::unwritten(code);
    }
    if let Err(error) = written {
        eprintln!("landfall: {error}");
        if !to_stdout {
            eprintln!("landfall: here is the result:");
            eprint!("{json}");
        }
        code = exit::unwritten(code);
    }
    ExitCode::from(code)
}

fn usage(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("landfall: {error}");
    ExitCode::from(exit::USAGE)
}
