//! `landfall run`.

use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use super::delivery::Delivery;
use super::{ScenarioArgs, exit, log, print_whole, runtime, signals};
use crate::app::run::{Folder, Live, MetricsPort, Reporting, preview, random_run_id, run};
use crate::record::RunId;
use crate::report;
use crate::scenario::{GatewaySpec, Scenario};

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
    /// Serve the run's metrics for Prometheus at ADDR while it is under way: `127.0.0.1:9464`, or a port of loopback
    /// alone; with port 0 the system chooses, and the address is printed
    #[arg(long, value_name = "ADDR", value_parser = metrics_address)]
    metrics: Option<SocketAddr>,
    /// Write what became of each request at the embedded gateway to FILE, a JSON object a line: each hop's time, decision and
    /// reason, and which headers were changed
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Send nothing and bring nothing up: print what would be sent, and whether it may. Needs no network
    #[arg(
        long,
        value_name = "FORMAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text",
        conflicts_with_all = [
            "metrics", "trace", "verbose", "json", "html", "junit", "markdown", "csv", "csv_timeline", "openmetrics",
            "gitlab", "github",
        ]
    )]
    dry_run: Option<Shown>,
    /// Write what happens to `landfall.log` in the run's folder
    #[arg(long)]
    verbose: bool,
    // Last, since its options stand under a heading of their own.
    #[command(flatten)]
    delivery: Delivery,
}

/// How it is printed what a run would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shown {
    /// For people
    Text,
    /// For others
    Json,
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
    if options.trace.is_some() && !matches!(scenario.stack.gateway, GatewaySpec::Embedded { .. }) {
        tell!("landfall: --trace: the scenario has no embedded gateway, which keeps the trace");
        return ExitCode::from(exit::USAGE);
    }
    if let Some(shown) = options.dry_run {
        return dry_run(&scenario, &run_id, shown);
    }
    if let Err(code) = options.delivery.prepare(&inputs(&scenario)) {
        return code;
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
        let reporting = Reporting {
            folder: &folder,
            live: live(options.delivery.quiet),
            metrics,
            trace: options.trace.clone(),
        };
        // It is large, and there is one.
        Box::pin(run(&scenario, run_id, reporting, interrupt)).await.map_err(|error| {
            tracing::error!(error = ?error.to_string(), "the run failed");
            tell!("landfall: {error}");
            ExitCode::from(error.exit_code())
        })
    });
    // Nothing of the run is left in the runtime that anybody would wait for.
    runtime.shutdown_background();
    match outcome {
        Ok(outcome) => options.delivery.deliver(&folder, &outcome),
        Err(code) => {
            folder.discard_if_empty();
            code
        }
    }
}

/// Prints what a run would send.
fn dry_run(scenario: &Scenario, run_id: &RunId, shown: Shown) -> ExitCode {
    let preview = match preview(scenario, run_id) {
        Ok(preview) => preview,
        Err(error) => {
            tell!("landfall: {error}");
            return ExitCode::from(error.exit_code());
        }
    };
    let printed = if shown == Shown::Json {
        match serde_json::to_string_pretty(&preview) {
            Ok(text) => print_whole(&format!("{text}\n")),
            Err(error) => return usage(&error),
        }
    } else {
        print_whole(&report::preview(&preview))
    };
    match printed {
        Ok(()) if preview.refused.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(exit::USAGE),
        Err(code) => code,
    }
}

/// The files that a run reads.
fn inputs(scenario: &Scenario) -> Vec<PathBuf> {
    let texts = scenario.source.files.iter().map(|(path, _)| path.clone());
    let payloads = scenario.workloads.iter().filter_map(|workload| workload.payload.source.file());
    texts.chain(payloads.map(Into::into)).collect()
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
