//! Identity provider: issues access tokens (RFC 9068, or as a profile says) under the client credentials grant (RFC 6749,
//! section 4.4), and publishes its metadata (RFC 8414, OpenID Connect Discovery) and keys (RFC 7517).
//!
//! | file | what it holds |
//! |---|---|
//! | `serve` | the endpoints |
//! | `grant`, `assertion` | who gets a token |
//! | `issuer`, `keys` | one issuer, and its keys |
//! | `misbehaviour` | what the endpoints do wrong, and when |
//! | `control`, `admin` | telling it what to do: within the process, and by HTTP |

mod admin;
mod assertion;
mod control;
mod grant;
mod issuer;
mod keys;
mod misbehaviour;
mod serve;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

pub use self::misbehaviour::{KeysFault, TokenFault};

use self::issuer::Issuer;
use self::keys::SigningKey;
use self::misbehaviour::Misbehaviour;
use self::serve::Core;
use super::fault::{Injector, of_kinds};
use super::gateway::{RateLimit, TokenBucket};
use super::http::{BindError, Server, authority, bind, reachable};
use crate::jose::{KeyError, PublicKey};
use crate::scenario::{FaultKind, TokenProfile};
use crate::secret::Secret;

/// How an [`Idp`] is set up.
#[derive(Debug, Clone)]
pub struct IdpConfig {
    /// Address to listen on.
    pub bind: IpAddr,
    /// A further address to listen on, at any free port, for those who fetch keys and cannot reach the other; nothing but
    /// keys and metadata is to be had there. `None`: there is none.
    pub inside: Option<IpAddr>,
    /// The host in its issuers and URLs; `None`: the address that is listened on.
    pub host: Option<String>,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// The API that the access tokens are for.
    pub audience: String,
    /// Life of the access tokens; parts of a second are cut off.
    pub token_life: Duration,
    /// What the first issuer's tokens look like.
    pub profile: TokenProfile,
    /// Further issuers, each with a name, and what its tokens look like. No two may have the same `issuer_path`, whether
    /// with a slash at its end or without.
    pub issuers: Vec<(String, TokenProfile)>,
    /// Who may get tokens.
    pub clients: Vec<Client>,
    /// How many token requests are answered; `None`: all of them.
    pub rate_limit: Option<RateLimit>,
    /// How many seconds its clock is fast, by which tokens are issued.
    pub clock_s: i64,
    /// The TCP port of its admin API, which is on loopback wherever the provider listens, for it lets anybody in; `None`:
    /// there is none.
    pub admin: Option<u16>,
    /// Hosts besides this machine to which it may be told to send those who ask for its keys.
    pub allow_hosts: Vec<String>,
    /// Faults to show; those of other boxes are ignored.
    pub injectors: Vec<Arc<Injector>>,
}

impl IdpConfig {
    /// One issuer of tokens as RFC 9068 has them, which live for an hour; at any port, without clients.
    #[must_use]
    pub fn new(bind: IpAddr, audience: impl Into<String>) -> Self {
        Self {
            bind,
            inside: None,
            host: None,
            port: 0,
            audience: audience.into(),
            token_life: Duration::from_hours(1),
            profile: TokenProfile::default(),
            issuers: Vec::new(),
            clients: Vec::new(),
            rate_limit: None,
            clock_s: 0,
            admin: None,
            allow_hosts: Vec::new(),
            injectors: Vec::new(),
        }
    }
}

/// A client of the provider.
#[derive(Debug, Clone)]
pub struct Client {
    /// Client id.
    pub id: String,
    /// How it proves that it is this client.
    pub credential: Credential,
    /// Scopes it may have. A request that names none gets all of them.
    pub scopes: Vec<String>,
}

/// What a client authenticates with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A secret, in a header or in the body.
    Secret(Secret),
    /// The key of the tokens that it signs (`private_key_jwt`).
    Key(PublicKey),
}

/// Why an [`Idp`] could not be started.
#[derive(Debug, thiserror::Error)]
pub enum IdpError {
    /// The port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The listener failed.
    #[error("cannot serve the identity provider: {0}; start it again")]
    Serve(#[source] std::io::Error),
    /// No signing key could be made.
    #[error("cannot make the identity provider's keys: {0}")]
    Key(#[source] KeyError),
}

/// A running identity provider; it stops when this is dropped.
#[derive(Debug)]
pub struct Idp {
    /// Serves for as long as it is here.
    _server: Server,
    inside: Option<Server>,
    admin: Option<Server>,
    core: Arc<Core>,
    /// What its URLs begin with, and what they would begin with for this process.
    origins: (String, String),
    /// What is to happen later.
    _rotations: JoinSet<()>,
}

impl Idp {
    /// Generates the keys and starts to serve.
    ///
    /// # Errors
    /// [`IdpError`], as it says.
    pub async fn start(config: IdpConfig) -> Result<Self, IdpError> {
        let listener = bind("identity provider", SocketAddr::new(config.bind, config.port)).await?;
        let address = listener.local_addr().map_err(IdpError::Serve)?;
        let origin = format!("http://{}", authority(config.host.as_deref(), address));
        let origins = (origin.clone(), format!("http://{}", reachable(address)));
        let named = std::iter::once((String::from("first"), config.profile)).chain(config.issuers);
        let (named, life): (Vec<_>, _) = (named.collect(), config.token_life);
        // Searching for primes takes long enough to hold up a runtime's thread.
        let issuers = in_background(move || {
            let issuer = |(name, profile)| Issuer::new(name, &origin, profile, life);
            named.into_iter().map(issuer).collect::<Result<Vec<_>, _>>()
        })
        .await?;
        let mut routes = HashMap::new();
        for (place, issuer) in issuers.iter().enumerate() {
            routes.extend(issuer.routes().map(|(path, endpoint)| (path, (place, endpoint))));
        }
        let core = Arc::new(Core {
            issuers,
            routes,
            clients: config.clients,
            audience: config.audience,
            token_life: config.token_life,
            limit: config.rate_limit.map(TokenBucket::new),
            clock_s: AtomicI64::new(config.clock_s),
            replays: assertion::Replays::default(),
            allow_hosts: config.allow_hosts,
            misbehaviour: Misbehaviour::new(&config.injectors),
            counts: serve::Counts::default(),
        });
        let behind = core.clone();
        let server = Server::start(listener, move |request, _| {
            let core = behind.clone();
            async move { core.answer(request).await }
        })
        .map_err(IdpError::Serve)?;
        let inside = match config.inside {
            Some(address) => {
                let listener = bind("identity provider", SocketAddr::new(address, 0)).await?;
                let behind = core.clone();
                let serving = Server::start(listener, move |request, _| {
                    let core = behind.clone();
                    async move { core.publish(request).await }
                });
                Some(serving.map_err(IdpError::Serve)?)
            }
            None => None,
        };
        let admin = match config.admin {
            Some(port) => {
                Some(admin::start(core.clone(), SocketAddr::new(loopback(config.bind), port)).await?)
            }
            None => None,
        };
        let mut rotations = JoinSet::new();
        let kinds = [FaultKind::RotateKeys, FaultKind::RotateKeysAtOnce];
        for injector in of_kinds(&config.injectors, &kinds) {
            rotations.spawn(rotate_as_told(core.clone(), injector));
        }
        Ok(Self { _server: server, inside, admin, core, origins, _rotations: rotations })
    }

    /// `iss` of its first issuer's tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.core.first().url
    }

    /// URL of the first issuer's token endpoint.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        self.core.first().token_endpoint.clone()
    }

    /// URL of the first issuer's key set.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        self.core.first().jwks_uri.clone()
    }

    /// The same as this process reaches it, where `host` is a name that only others know.
    #[must_use]
    pub fn own_jwks_uri(&self) -> String {
        let (published, own) = &self.origins;
        self.jwks_uri().replacen(published, own, 1)
    }

    /// The same at the further address, where it listens at one.
    #[must_use]
    pub fn inside_jwks_uri(&self) -> Option<String> {
        let inside = format!("http://{}", self.inside.as_ref()?.address());
        Some(self.jwks_uri().replacen(&self.origins.0, &inside, 1))
    }

    /// URL of its admin API, if it has one.
    #[must_use]
    pub fn admin_url(&self) -> Option<String> {
        self.admin.as_ref().map(|server| format!("http://{}", server.address()))
    }
}

fn loopback(bind: IpAddr) -> IpAddr {
    match bind {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, IdpError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| IdpError::Key(KeyError::Generate))?.map_err(IdpError::Key)
}

/// Takes a new key at the fault's time. The key is made before, so that the change is but a moment.
async fn rotate_as_told(core: Arc<Core>, injector: Arc<Injector>) {
    let issues = core.first().profile.issues.clone();
    let Ok(new) = in_background(move || SigningKey::generate(&issues)).await else { return };
    let (at, _) = injector.window().await;
    tokio::time::sleep_until(at.into()).await;
    let emergency = injector.kind() == FaultKind::RotateKeysAtOnce;
    core.first().keys.replace(new, emergency, Instant::now());
    injector.took_effect(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    /// The first line of the answer to a request for this path of a URL.
    async fn asked(method: &str, url: &str) -> String {
        let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn the_further_address_has_keys_and_no_tokens() {
        let loopback = Ipv4Addr::LOCALHOST.into();
        let config = IdpConfig { inside: Some(loopback), ..IdpConfig::new(loopback, "api") };
        let idp = Idp::start(config).await.unwrap();
        let (keys, inside) = (idp.jwks_uri(), idp.inside_jwks_uri().unwrap());
        assert_ne!(keys, inside);
        for url in [&keys, &inside] {
            assert_eq!(asked("GET", url).await, "HTTP/1.1 200 OK");
        }
        let (published, _) = &idp.origins;
        let origin = format!("http://{}", idp.inside.as_ref().unwrap().address());
        assert_eq!((idp.jwks_requests(), idp.inside_requests()), (2, 1));
        let token = idp.token_endpoint().replacen(published, &origin, 1);
        assert_eq!(asked("POST", &idp.token_endpoint()).await, "HTTP/1.1 400 Bad Request");
        assert_eq!(asked("POST", &token).await, "HTTP/1.1 405 Method Not Allowed");
        // The issuer is the same wherever one asks.
        assert!(idp.issuer().starts_with(published.as_str()));
    }
}
