//! `landfall token verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Stop, exit, print_whole, read, wait};
use crate::app::published_keys::{Place, PublishedKeys};
use crate::app::token::trusting;
use crate::app::token::verify::verify;
use crate::report;
use crate::result::Verification;

/// Options of `landfall token verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// File with the token, alone or as a header `Authorization: Bearer …`; standard input by default
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The issuer's key set, a file or a URL
    #[arg(long, value_name = "FILE|URL")]
    jwks: Place,
    /// Trust the authorities in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) fn main(options: &Options) -> Result<ExitCode, Stop> {
    let input = read(options.file.as_deref())?;
    let keys = wait(PublishedKeys::get(&options.jwks, &trusting(options.ca.as_deref())))?;
    let found = verify(&input, &keys)?;
    print_whole(&report::verification(&found)).map_err(Stop::Told)?;
    let code = if matches!(found, Verification::Good { .. }) { exit::PASS } else { exit::FAIL };
    Ok(ExitCode::from(code))
}
