//! `landfall token mint`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Stop, printed};
use crate::app::token::mint::{Order, mint};
use crate::app::token::{Change, TokenError, profile, read_key, seconds, write_owner_only, write_public};
use crate::jose::{Algorithm, KeyError, KeyKind, PrivateKey};
use crate::scenario::{TokenProfile, parse_duration};

/// Options of `landfall token mint`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("signer").required(true).args(["key", "new_key"])))]
pub(super) struct Options {
    /// The private key that signs (PEM)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Make a new key and keep it in this file, which nobody else can read; there must be none yet
    #[arg(long, value_name = "FILE")]
    new_key: Option<PathBuf>,
    /// How it signs; as the profile does by default, or else as the key can
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    algorithm: Option<Algorithm>,
    /// The key's name in the header and in the key set; its thumbprint (RFC 7638) by default
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
    /// What tokens look like: a profile that ships (landfall, cognito, auth0, okta, keycloak, entra-v1, entra-v2), or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "landfall")]
    profile: String,
    /// Who issues it (`iss`), to the letter
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The API that it is for
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The client that it is for
    #[arg(long, value_name = "ID")]
    client: String,
    /// What it permits, with blanks between several, for instance `orders:write`
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// How long it lives, for instance `5m`
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    life: Duration,
    /// Set a claim, whatever the profile says: the value is JSON, or else text; `NAME=` takes it away; may be repeated
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<Change>,
    /// The same for a member of the header
    #[arg(long = "header", value_name = "NAME=VALUE")]
    header: Vec<Change>,
    /// Write the key set with the public key to this file
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
}

/// The algorithm of this name.
fn algorithm(name: &str) -> Result<Algorithm, String> {
    let signs = |algorithm: &Algorithm| algorithm.key_kind().is_some();
    Algorithm::of_name(name).filter(signs).ok_or_else(|| {
        let names: Vec<&str> = Algorithm::ALL.iter().filter(|one| signs(one)).map(|one| one.name()).collect();
        format!("a key pair signs by one of {}", names.join(", "))
    })
}

pub(super) fn main(options: &Options) -> Result<ExitCode, Stop> {
    let profile = profile(&options.profile)?;
    let order = Order {
        key: key(options, &profile)?,
        algorithm: options.algorithm,
        kid: options.kid.clone(),
        profile,
        issuer: options.issuer.clone(),
        audience: options.audience.clone(),
        client: options.client.clone(),
        scope: options.scope.clone(),
        life: options.life,
        claims: options.claims.clone(),
        header: options.header.clone(),
    };
    let minted = mint(&order, seconds(SystemTime::now()), &uuid::Uuid::new_v4().to_string())?;
    if let Some(path) = &options.jwks {
        write_public(path, &format!("{:#}\n", minted.jwks))?;
    }
    Ok(printed(&format!("{}\n", minted.token.expose())))
}

fn key(options: &Options, profile: &TokenProfile) -> Result<Arc<PrivateKey>, TokenError> {
    let new = |path: &Path| {
        let algorithm = options.algorithm.unwrap_or(profile.issues.algorithm);
        let key = PrivateKey::generate(algorithm.key_kind().unwrap_or(KeyKind::Rsa))?;
        let pem = key.to_pem().ok_or(KeyError::Generate)?;
        write_owner_only(path, pem.expose())?;
        Ok(Arc::new(key))
    };
    match (&options.key, &options.new_key) {
        (Some(path), _) => read_key(path),
        (None, path) => new(path.as_deref().expect("one of both is required")),
    }
}
