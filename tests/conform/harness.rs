//! Running the suite.

use std::path::Path;
use std::process::{Command, Output};

use landfall::result::{CaseOutcome, Conformance};

/// What a suite came to.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `landfall conform auth` with these arguments, and results in `folder`.
pub(crate) fn conform(arguments: &[&str], folder: &Path) -> Ended {
    let mut command = command(arguments);
    ended(command.arg("--out").arg(folder).output().expect("the binary runs"))
}

/// Runs `landfall conform rest` with these arguments, and results in `folder`.
pub(crate) fn rest(arguments: &[&str], folder: &Path) -> Ended {
    let mut landfall = Command::new(env!("CARGO_BIN_EXE_landfall"));
    landfall.args(["conform", "rest"]).args(arguments).arg("--out").arg(folder);
    ended(landfall.output().expect("the binary runs"))
}

/// The command without a folder.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command.args(["conform", "auth"]).args(arguments);
    command
}

pub(crate) fn ended(output: Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The result in a folder.
pub(crate) fn result(folder: &Path) -> Conformance {
    let text = std::fs::read_to_string(folder.join("conformance.json")).expect("there is a result");
    serde_json::from_str(&text).expect("it is one")
}

/// The ids of the cases that came out so.
pub(crate) fn of(result: &Conformance, outcome: CaseOutcome) -> Vec<&str> {
    result.cases.iter().filter(|case| case.outcome == outcome).map(|case| case.id.as_str()).collect()
}
