//! `landfall up`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{ScenarioArgs, exit, print, runtime, signals};
use crate::app::run::random_run_id;
use crate::app::up::{Up, UpError};
use crate::stack::Listen;

/// Options of `landfall up`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Folder under which credentials are kept while the path is up
    #[arg(long, value_name = "DIR", default_value = "reports")]
    reports: PathBuf,
    /// Address at which the path's entrances listen, for others to reach them: 0.0.0.0 for all of this machine's
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    listen: IpAddr,
    /// Name under which others reach this machine: it stands in the URLs that are printed, in the issuer of tokens, and in what
    /// the embedded Kafka tells its clients [default: the address of `--listen`]
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    host: Option<String>,
}

/// A name of DNS, or an address.
fn host_name(text: &str) -> Result<String, String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let named = !text.is_empty() && text.len() <= 253 && text.bytes().all(legal);
    if named || text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("must be a name or an address alone, for instance `landfall.test`, without scheme and port"
        .to_owned())
}

pub(super) fn main(options: &Options) -> ExitCode {
    if options.listen.is_unspecified() && options.host.is_none() {
        tell!(
            "landfall: `--listen {}` does not say where others find this machine; name it with `--host`, for instance \
             `--host localhost` where only ports that are published on this machine lead here",
            options.listen
        );
        return ExitCode::from(exit::USAGE);
    }
    let listen = Listen { address: options.listen, host: options.host.clone() };
    let scenario = match options.scenario.read() {
        Ok(scenario) => scenario,
        Err(code) => return code,
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let folder = options.reports.join(format!("up-{}", random_run_id()));
    let code = runtime.block_on(async {
        let mut interrupt = match signals::listen() {
            Ok(interrupt) => interrupt,
            Err(error) => {
                tell!("landfall: cannot listen for signals: {error}");
                return exit::STACK;
            }
        };
        let up = match Up::start(listen, &scenario, folder).await {
            Ok(up) => up,
            Err(error) => {
                tell!("landfall: {error}");
                return exit_code(&error);
            }
        };
        print(&welcome(&scenario.name, &up));
        let signal = interrupt.wait_for(Option::is_some).await.ok().and_then(|signal| *signal);
        up.stop().await;
        signal.map_or(exit::INTERRUPTED, exit::of_interrupt)
    });
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// The boxes, and the commands to walk the path.
fn welcome(name: &str, up: &Up) -> String {
    let mut text = format!("{name} is up:\n");
    // Writing to a string cannot fail.
    for part in up.stack().boxes() {
        let endpoint = part.endpoint.as_deref().unwrap_or("-");
        let _ = writeln!(text, "  {:<11} {:<9} {endpoint}", part.name, part.kind);
    }
    if !up.partner_files().is_empty() {
        text.push_str(
            "\nCredentials, in files that only you can read, and that go when the path goes down:\n",
        );
    }
    for (partner, path) in up.partner_files() {
        let _ = writeln!(text, "  {partner:<11} {}", path.display());
    }
    for (number, step) in (1..).zip(up.steps()) {
        let _ = writeln!(text, "\n{number}. {}\n\n{}", step.title, indented(&step.command));
    }
    text.push_str("\nCtrl-C takes it down.\n");
    text
}

fn indented(command: &str) -> String {
    command.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}

fn exit_code(error: &UpError) -> u8 {
    match error {
        UpError::Stack(error) if error.is_usage() => exit::USAGE,
        UpError::Stack(_) => exit::STACK,
        UpError::Credentials { .. } => exit::USAGE,
    }
}
