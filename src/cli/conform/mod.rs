//! `landfall conform`.

mod against;
mod auth;
mod matrix;
mod playing;
mod record;
mod replay;
mod rest;

use std::process::ExitCode;

/// Options of `landfall conform`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    of: Of,
}

#[derive(Debug, clap::Subcommand)]
enum Of {
    /// Try what an authorizer takes and refuses: tokens good and evil, each with a record that must land or must not
    Auth(auth::Options),
    /// Try what a REST proxy's produce side promises: requests right and wrong, what comes back and what lands
    Rest(rest::Options),
    /// Play a golden file's requests against a REST proxy and write what comes back and lands as another golden file
    Record(record::Options),
    /// Play a golden file against a REST proxy and tell in what its answers and records differ from the recorded ones
    Replay(replay::Options),
    /// Put results of one suite beside each other: what came of each case with each implementation or release
    Matrix(matrix::Options),
}

pub(super) fn main(options: &Options) -> ExitCode {
    match &options.of {
        Of::Auth(options) => auth::main(options),
        Of::Rest(options) => rest::main(options),
        Of::Record(options) => record::main(options),
        Of::Replay(options) => replay::main(options),
        Of::Matrix(options) => matrix::main(options),
    }
}
