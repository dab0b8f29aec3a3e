//! `landfall token attack`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use super::{Stop, exit, print_whole, read, wait};
use crate::app::published_keys::Place;
use crate::app::token::attack::{Attack, attack};
use crate::app::token::profile;
use crate::conform::Need;

/// Options of `landfall token attack`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// File with a good token, alone or as a header `Authorization: Bearer …`; standard input by default
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The issuer's key set, a file or a URL
    #[arg(long, value_name = "FILE|URL")]
    jwks: Place,
    /// The issuer's private key (PEM), by which the variants are signed that must be; without it they are left out
    #[arg(long, value_name = "PEM")]
    key: Option<PathBuf>,
    /// What an authorizer takes: a profile that ships (landfall, cognito, auth0, okta, keycloak, entra-v1, entra-v2), or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "landfall")]
    profile: String,
    /// The topic that requests write to; the first that the token permits by default
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// The API that the token is for; the first that it names by default
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// Write to this file, which nobody else can read; standard output by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A host that may be attacked besides this machine, where issuer or keys are; may be repeated
    #[arg(long = "allow-host", value_name = "HOST")]
    allowed: Vec<String>,
    /// Trust the authorities in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) fn main(options: &Options) -> Result<ExitCode, Stop> {
    let plan = Attack {
        keys: options.jwks.clone(),
        ca: options.ca.clone(),
        key: options.key.clone(),
        profile: profile(&options.profile)?,
        topic: options.topic.clone(),
        audience: options.audience.clone(),
        allowed: options.allowed.clone(),
    };
    let input = read(options.file.as_deref())?;
    let variants = wait(attack(&input, &plan, SystemTime::now()))?;
    match &options.out {
        Some(path) => variants.write(path)?,
        None => print_whole(variants.lines.expose()).map_err(Stop::Told)?,
    }
    tell!("landfall: {} variants; those that are otherwise good end in 5 min", variants.count);
    for (need, count) in &variants.left_out {
        let remedy = match need {
            Need::Signer => "give the issuer's private key by `--key`",
            _ => "`landfall conform auth` has it",
        };
        tell!("landfall: {count} are left out that need {}: {remedy}", need.name());
    }
    tell!(
        "landfall: {} cases are more than a token for this topic; `landfall conform auth` tries them",
        variants.elsewhere
    );
    Ok(ExitCode::from(exit::PASS))
}
