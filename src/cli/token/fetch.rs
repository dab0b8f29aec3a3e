//! `landfall token fetch`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Stop, printed, right, wait};
use crate::app::token::fetch::{Ask, Auth, Held, Where, fetch, fetch_as};
use crate::report::plain;
use crate::scenario::{self, AudienceParameter};

/// Options of `landfall token fetch`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("of").required(true).args(["issuer", "token_endpoint", "file"])))]
#[command(group(clap::ArgGroup::new("held").required(true).args(["secret_env", "secret_file", "key", "file"])))]
pub(super) struct Options {
    /// Scenario whose identity provider runs already: it says whom to ask, by which credentials, and for what
    #[arg(value_name = "SCENARIO", requires = "partner")]
    file: Option<PathBuf>,
    /// The partner of the scenario that gets the token
    #[arg(long, value_name = "NAME", requires = "file")]
    partner: Option<String>,
    /// Change a value of the scenario; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "file")]
    sets: Vec<String>,
    /// The issuer, as its tokens name it to the letter; its metadata say where tokens are to be had
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Where tokens are to be had, for a provider without metadata
    #[arg(long, value_name = "URL")]
    token_endpoint: Option<String>,
    /// The client's id
    #[arg(long, value_name = "ID", required_unless_present = "file", conflicts_with = "file")]
    client_id: Option<String>,
    /// How the client authenticates; with `--key` by that, else by HTTP Basic
    #[arg(long, value_name = "HOW", conflicts_with = "file")]
    auth: Option<How>,
    /// The environment variable that holds the client's secret
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// The file whose first line is the client's secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The client's private key (PEM), for `--auth private-key-jwt`
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The scope to ask for, with blanks between several
    #[arg(long, value_name = "SCOPE", conflicts_with = "file")]
    scope: Option<String>,
    /// The API that the token is to be for, asked for by the parameter `audience` (Auth0)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resource", "file"])]
    audience: Option<String>,
    /// The same by the parameter `resource` (RFC 8707)
    #[arg(long, value_name = "URL", conflicts_with = "file")]
    resource: Option<String>,
    /// Trust the authorities in this PEM file instead of the system's
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    ca: Option<PathBuf>,
}

/// How a client authenticates.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum How {
    /// By its secret in HTTP Basic (`client_secret_basic`)
    Basic,
    /// By its secret in the request's body (`client_secret_post`)
    Post,
    /// By a token that it signs with its key (`private_key_jwt`)
    PrivateKeyJwt,
}

pub(super) fn main(options: &Options) -> Result<ExitCode, Stop> {
    let got = match (&options.file, &options.partner) {
        (Some(file), Some(partner)) => {
            let scenario = right(scenario::read(file, &options.sets)).map_err(Stop::Told)?;
            wait(fetch_as(&scenario, partner))?
        }
        _ => wait(fetch(&ask(options)))?,
    };
    for note in &got.notes {
        tell!("landfall: {}", plain(note));
    }
    Ok(printed(&format!("{}\n", got.token.expose())))
}

fn ask(options: &Options) -> Ask {
    let issuer = options.issuer.clone().map(Where::Issuer);
    let endpoint = options.token_endpoint.clone().map(Where::Endpoint);
    let held = options.secret_env.clone().map(Held::Env);
    let held = held.or_else(|| options.secret_file.clone().map(Held::File));
    let held = held.or_else(|| options.key.clone().map(Held::Key));
    let auth = match (options.auth, &options.key) {
        (Some(How::Basic), _) | (None, None) => Auth::Basic,
        (Some(How::Post), _) => Auth::Post,
        (Some(How::PrivateKeyJwt), _) | (None, Some(_)) => Auth::PrivateKeyJwt,
    };
    let audience = match (&options.audience, &options.resource) {
        (Some(audience), _) => (AudienceParameter::Audience, audience.clone()),
        (None, Some(resource)) => (AudienceParameter::Resource, resource.clone()),
        (None, None) => (AudienceParameter::None, String::new()),
    };
    Ask {
        of: issuer.or(endpoint).expect("one of both is required"),
        client: options.client_id.clone().unwrap_or_default(),
        auth,
        held: held.expect("one of the three is required"),
        scope: options.scope.clone().unwrap_or_default(),
        audience,
        ca: options.ca.clone(),
    }
}
