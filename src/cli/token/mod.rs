//! `landfall token`.

mod attack;
mod fetch;
mod inspect;
mod mint;
mod verify;

use std::future::Future;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use super::{exit, print_whole, printed, right, runtime};
use crate::app::token::{Input, TokenError};
use crate::report;

/// Options of `landfall token`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    of: Of,
}

#[derive(Debug, clap::Subcommand)]
enum Of {
    /// Get a token from any identity provider as a partner does (client credentials); it alone goes to standard output, what is
    /// worth knowing to standard error. Exit codes: 0 a token; 1 the provider refuses one; 2 wrong usage; 3 no usable answer
    Fetch(fetch::Options),
    /// Make a token of any claims, signed by a key at hand; it alone goes to standard output
    Mint(mint::Options),
    /// Say what a token says, what each claim means to the API, and all that it would be refused for, by the authorizer's own
    /// rules. Exit codes: 0 it would be accepted; 1 refused; 2 no token, or wrong usage; 3 the keys cannot be fetched
    Inspect(inspect::Options),
    /// Say by which key a token is signed; claims are not looked at. Exit codes: 0 by the one that it names; 1 not so; 2 no
    /// signed token, or wrong usage; 3 the keys cannot be fetched
    Verify(verify::Options),
    /// Write the evil variants of a good token, a line of JSON each: those of `landfall conform auth` that are one request with
    /// one token. Only where issuer and keys are on this machine, or at a host that `--allow-host` names
    Attack(attack::Options),
}

pub(super) fn main(options: &Options) -> ExitCode {
    let outcome = match &options.of {
        Of::Fetch(options) => fetch::main(options),
        Of::Mint(options) => mint::main(options),
        Of::Inspect(options) => inspect::main(options),
        Of::Verify(options) => verify::main(options),
        Of::Attack(options) => attack::main(options),
    };
    outcome.unwrap_or_else(|stop| match stop {
        Stop::Told(code) => code,
        Stop::Error(error) => {
            tell!("landfall: {}", report::plain(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    })
}

/// Why a command ended early.
enum Stop {
    /// What had to be said has been said.
    Told(ExitCode),
    /// This is to be said.
    Error(TokenError),
}

impl From<TokenError> for Stop {
    fn from(error: TokenError) -> Self {
        Self::Error(error)
    }
}

/// Reads a token from a file or from standard input. Who is expected to type it is told so.
fn read(file: Option<&Path>) -> Result<Input, Stop> {
    if file.is_none() && std::io::stdin().is_terminal() {
        tell!("landfall: paste a token, alone or as a header, and end the input (Ctrl-D)");
    }
    Ok(Input::read(file)?)
}

/// Waits for what has to be fetched.
fn wait<T, E>(future: impl Future<Output = Result<T, E>>) -> Result<T, Stop>
where
    TokenError: From<E>,
{
    let runtime = runtime().map_err(Stop::Told)?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(outcome.map_err(TokenError::from)?)
}
