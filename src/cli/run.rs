//! `landfall run`.

use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{ScenarioArgs, exit, log, print, runtime, signals};
use crate::app::run::{Folder, Live, MetricsPort, Outcome, Reporting, random_run_id, run};
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
    /// Serve the run's metrics for Prometheus at ADDR while it is under way: `127.0.0.1:9464`, or a port of loopback
    /// alone; with port 0 the system chooses, and the address is printed
    #[arg(long, value_name = "ADDR", value_parser = metrics_address)]
    metrics: Option<SocketAddr>,
    /// Write what happens to `landfall.log` in the run's folder
    #[arg(long)]
    verbose: bool,
    /// Print no summary, and nothing while the run is under way
    #[arg(long)]
    quiet: bool,
}

/// An address to listen at; a port alone is one of loopback.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    if let Ok(port) = port.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| {
        "it must be an IP address and a port, or a port of loopback alone, for instance 127.0.0.1:9464"
            .to_owned()
    })
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
        tell!(
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
    if options.verbose
        && let Err(error) = folder.create_log().map(log::write_to)
    {
        return usage(&error);
    }
    let outcome = runtime.block_on(async {
        let interrupt = signals::listen().map_err(|error| {
            tell!("landfall: cannot listen for signals: {error}");
            ExitCode::from(exit::STACK)
        })?;
        let metrics = open_metrics(options.metrics).await?;
        let reporting = Reporting { folder: &folder, live: live(options.quiet), metrics };
        run(&scenario, run_id, reporting, interrupt).await.map_err(|error| {
            tracing::error!(error = ?error.to_string(), "the run failed");
            tell!("landfall: {error}");
            ExitCode::from(error.exit_code())
        })
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

/// Takes the port for the metrics, and tells where it is: with port 0, nobody else knows.
async fn open_metrics(address: Option<SocketAddr>) -> Result<Option<MetricsPort>, ExitCode> {
    let Some(address) = address else { return Ok(None) };
    let port = MetricsPort::open(address).await.map_err(|error| usage(&error))?;
    tell!("landfall: metrics at {}", port.url());
    Ok(Some(port))
}

/// How the run is shown while it is under way. A terminal that cannot move its cursor calls itself dumb.
fn live(quiet: bool) -> Live {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match (quiet, std::io::stderr().is_terminal() && !dumb) {
        (true, _) => Live::Off,
        (false, true) => Live::Screen,
        (false, false) => Live::Lines,
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
            tell!("landfall: cannot serialize the result: {error}; this is a bug of landfall's");
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
            tell!("{}", summary.trim_end());
        } else {
            print(&summary);
        }
    }
    if to_stdout {
        print(&json);
    } else if let Some(path) = &options.json
        && let Err(error) = std::fs::write(path, &json)
    {
        tell!("landfall: cannot write the result to {}: {error}", path.display());
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

fn usage(error: &dyn std::error::Error) -> ExitCode {
    tell!("landfall: {error}");
    ExitCode::from(exit::USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_stay_on_loopback_unless_an_address_says_otherwise() {
        for (text, address) in [
            ("9464", "127.0.0.1:9464"),
            (":0", "127.0.0.1:0"),
            ("localhost:1", "127.0.0.1:1"),
            ("0.0.0.0:9464", "0.0.0.0:9464"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(metrics_address(text).map(|address| address.to_string()).as_deref(), Ok(address));
        }
        for bad in ["", "127.0.0.1", "65536", "host:80", "localhost:"] {
            assert!(metrics_address(bad).is_err(), "{bad}");
        }
    }
}
