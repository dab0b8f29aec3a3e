//! `landfall token inspect`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use super::{Stop, exit, print_whole, read, wait};
use crate::app::published_keys::{Place, PublishedKeys};
use crate::app::token::inspect::{Against, inspect};
use crate::app::token::{profile, trusting};
use crate::report;

/// Options of `landfall token inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// File with the token, alone or as a header `Authorization: Bearer …`; standard input by default
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// What an authorizer takes: a profile that ships (landfall, cognito, auth0, okta, keycloak, entra-v1, entra-v2), or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "landfall")]
    profile: String,
    /// The issuer that it must be of, to the letter; any by default
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The API that it must be for; any by default
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The issuer's key set, a file or a URL; without it the signature is not checked
    #[arg(long, value_name = "FILE|URL")]
    jwks: Option<Place>,
    /// Trust the authorities in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn main(options: &Options) -> Result<ExitCode, Stop> {
    let profile = profile(&options.profile)?;
    let input = read(options.file.as_deref())?;
    let keys = match &options.jwks {
        Some(place) => wait(PublishedKeys::get(place, &trusting(options.ca.as_deref())))?.set(),
        None => None,
    };
    let (issuer, audience) = (options.issuer.clone(), options.audience.clone());
    let found = inspect(&input, &Against { profile, issuer, audience, keys }, SystemTime::now());
    let text = if options.json {
        serde_json::to_string_pretty(&found).map(|json| json + "\n").map_err(|error| {
            tell!("landfall: cannot write what was found as JSON: {error}; this is a bug of landfall's");
            Stop::Told(ExitCode::from(exit::STACK))
        })?
    } else {
        report::inspection(&found)
    };
    print_whole(&text).map_err(Stop::Told)?;
    Ok(ExitCode::from(if found.accepted { exit::PASS } else { exit::FAIL }))
}
