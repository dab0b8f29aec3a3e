//! The command line: parses, calls the app, prints, sets the exit code. The only place where errors are
//! rendered for people.

/// Says something on standard error; a reader that has gone away is no error of ours.
macro_rules! tell {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod calibrate;
mod clean;
mod completions;
mod conform;
mod delivery;
mod doctor;
mod exports;
mod lint;
mod log;
mod man;
mod recover;
mod report;
mod run;
mod schema;
mod selftest;
mod signals;
mod token;
mod up;
mod validate;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::app::exit;
use crate::scenario::{self, Scenario, ScenarioError};

/// Performance and conformance test harness for HTTP-to-Kafka ingestion paths.
#[derive(Debug, Parser)]
#[command(name = "landfall", version, about, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 pass; 1 fail; 2 wrong usage or scenario; 3 the path could not be brought up or was lost;
4 invalid or inconclusive; 130 and 143 stopped by SIGINT and SIGTERM.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario and settle every record of it
    Run(run::Options),
    /// Finish the verification of a run that was killed, from its journal and its topics
    Recover(recover::Options),
    /// Show results that are there already, compare them, and write them as others read them
    #[command(after_help = report::EXIT_CODES)]
    Report(report::Options),
    /// Try whether a box does what it promises, case by case
    Conform(conform::Options),
    /// Test the tester: show every fault that the doubles know, and see that each is found and nothing else
    Selftest(selftest::Options),
    /// Get tokens, make them, look at them, and spoil them
    Token(token::Options),
    /// Check a scenario and its payloads without running it
    Validate(validate::Options),
    /// Look for traps in files that others read
    Lint(lint::Options),
    /// Bring a scenario's path up and print the commands to walk it by hand
    Up(up::Options),
    /// Measure what landfall itself can do on this machine; later runs quote it
    Calibrate(calibrate::Options),
    /// Look whether this machine can do what a scenario needs
    #[command(after_help = doctor::EXIT_CODES)]
    Doctor(doctor::Options),
    /// Take away what killed runs have left in the container engine
    #[command(after_help = clean::EXIT_CODES)]
    Clean(clean::Options),
    /// Print the JSON Schema of a file that landfall reads or writes
    Schema(schema::Options),
    /// Print a script that completes landfall's command line in a shell
    Completions(completions::Options),
    /// Print the manual page
    Man(man::Options),
}

/// The command line, for what describes it: completions, manual pages, documentation.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// A scenario file and changes to it.
#[derive(Debug, Args)]
struct ScenarioArgs {
    /// Scenario file (YAML)
    #[arg(value_name = "SCENARIO")]
    file: PathBuf,
    /// Change a value of the scenario, for instance `workload[0].arrivals.constant=2000/s`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// What the proxies and Kafka are where the scenario says `embedded`, or nothing: the same as `--set
    /// stack.provider=KIND`
    #[arg(long, value_name = "KIND", value_parser = ["embedded", "container"])]
    provider: Option<String>,
}

impl ScenarioArgs {
    /// Reads the scenario; where it is wrong, says so and gives the exit code.
    fn read(&self) -> Result<Scenario, ExitCode> {
        right(scenario::read(&self.file, &changes(self.provider.as_deref(), &self.sets)))
    }
}

/// What `--provider` and `--set` change in a scenario.
fn changes(provider: Option<&str>, sets: &[String]) -> Vec<String> {
    let provider = provider.map(|provider| format!("stack.provider={provider}"));
    provider.into_iter().chain(sets.iter().cloned()).collect()
}

/// The scenario, where it could be read; where it is wrong, says so and gives the exit code.
fn right(read: Result<Scenario, ScenarioError>) -> Result<Scenario, ExitCode> {
    read.map_err(|error| {
        tell!("{error}");
        ExitCode::from(exit::USAGE)
    })
}

/// Runs the command line `args` (with the program's name first) and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0, mistakes to standard error with code 2.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::PASS });
        }
    };
    match cli.command {
        Command::Run(options) => run::main(&options),
        Command::Recover(options) => recover::main(&options),
        Command::Report(options) => report::main(&options),
        Command::Conform(options) => conform::main(&options),
        Command::Selftest(options) => selftest::main(&options),
        Command::Token(options) => token::main(&options),
        Command::Validate(options) => validate::main(&options),
        Command::Lint(options) => lint::main(&options),
        Command::Up(options) => up::main(&options),
        Command::Calibrate(options) => calibrate::main(&options),
        Command::Doctor(options) => doctor::main(&options),
        Command::Clean(options) => clean::main(&options),
        Command::Schema(options) => schema::main(&options),
        Command::Completions(options) => completions::main(&options),
        Command::Man(options) => man::main(&options),
    }
}

/// Prints to standard output; a reader that has gone away is no error of ours.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints what others read, such as a report, to standard output: the exit code where that cannot be written whole. A
/// reader that has gone away has had enough.
fn print_whole(text: &str) -> Result<(), ExitCode> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            tell!("landfall: cannot write to standard output: {error}; name a file, or make room");
            Err(ExitCode::from(exit::USAGE))
        }
        _ => Ok(()),
    }
}

/// The exit code of a command that has done nothing but print.
fn printed(text: &str) -> ExitCode {
    print_whole(text).err().unwrap_or(ExitCode::from(exit::PASS))
}

/// The runtime for the doubles and everything else that waits.
fn runtime() -> Result<tokio::runtime::Runtime, ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        tell!("landfall: cannot start its event loop: {error}; check the limit of open files (`ulimit -n`)");
        ExitCode::from(exit::STACK)
    })
}
