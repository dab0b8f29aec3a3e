//! Identity provider: issues access tokens (RFC 9068) under the client credentials grant (RFC 6749, section
//! 4.4), and publishes its metadata (RFC 8414, OpenID Connect Discovery) and keys (RFC 7517).

mod grant;
mod signing;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;

use self::grant::{Grant, Refusal, TokenCall};
use self::signing::SigningKey;
use super::fault::{Injector, of_kinds};
use super::http::{Answer, BindError, Server, bind, read_body};
use crate::scenario::FaultKind;
use crate::secret::Secret;
use crate::wire::oauth::{Jwks, Metadata, TokenClaims, TokenError, TokenErrorCode, TokenResponse};

/// Longest token request that is read, in bytes.
const REQUEST_LIMIT: usize = 64 * 1024;

/// How an [`Idp`] is set up.
#[derive(Debug, Clone)]
pub struct IdpConfig {
    /// Loopback address to listen on.
    pub bind: IpAddr,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// `aud` of the access tokens.
    pub audience: String,
    /// Life of the access tokens; parts of a second are cut off.
    pub token_life: Duration,
    /// Who may get tokens.
    pub clients: Vec<Client>,
    /// Faults to show; those of other boxes are ignored.
    pub injectors: Vec<Arc<Injector>>,
}

/// A client of the provider.
#[derive(Debug, Clone)]
pub struct Client {
    /// Client id.
    pub id: String,
    /// Client secret.
    pub secret: Secret,
    /// Scopes it may have. A request that names none gets all of them.
    pub scopes: Vec<String>,
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
    #[error("cannot generate the identity provider's RSA key; check the system's source of randomness")]
    Key,
}

/// A running identity provider; it stops when this is dropped.
#[derive(Debug)]
pub struct Idp {
    /// Serves for as long as it is here.
    _server: Server,
    issuer: String,
}

impl Idp {
    /// Generates a key and starts to serve.
    ///
    /// # Errors
    /// [`IdpError`], as it says.
    pub async fn start(config: IdpConfig) -> Result<Self, IdpError> {
        let listener = bind("identity provider", SocketAddr::new(config.bind, config.port)).await?;
        let issuer = format!("http://{}", listener.local_addr().map_err(IdpError::Serve)?);
        // Searching for primes takes long enough to hold up a runtime's thread.
        let key = tokio::task::spawn_blocking(SigningKey::generate)
            .await
            .map_err(|_| IdpError::Key)?
            .map_err(|_| IdpError::Key)?;
        let outages = of_kinds(&config.injectors, &[FaultKind::TokenOutage]);
        let state = Arc::new(State { issuer: issuer.clone(), key, config, outages });
        let server = Server::start(listener, move |request, _| {
            let state = state.clone();
            async move { state.answer(request).await }
        })
        .map_err(IdpError::Serve)?;
        Ok(Self { _server: server, issuer })
    }

    /// `iss` of its tokens: `http://address:port`, without a trailing slash.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// URL of the token endpoint.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        token_endpoint(&self.issuer)
    }

    /// URL of the key set.
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        jwks_uri(&self.issuer)
    }
}

fn token_endpoint(issuer: &str) -> String {
    format!("{issuer}/oauth2/token")
}

fn jwks_uri(issuer: &str) -> String {
    format!("{issuer}/.well-known/jwks.json")
}

struct State {
    issuer: String,
    key: SigningKey,
    config: IdpConfig,
    outages: Vec<Arc<Injector>>,
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let documents = [Method::GET, Method::HEAD];
        match request.uri().path() {
            "/oauth2/token" if request.method() == Method::POST => self.token(request).await,
            "/oauth2/token" => not_allowed("POST"),
            "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => {
                if documents.contains(request.method()) {
                    json(StatusCode::OK, &self.metadata())
                } else {
                    not_allowed("GET, HEAD")
                }
            }
            "/.well-known/jwks.json" => {
                if documents.contains(request.method()) {
                    let keys = vec![self.key.jwk().clone()];
                    json(StatusCode::OK, &Jwks { keys })
                } else {
                    not_allowed("GET, HEAD")
                }
            }
            _ => empty(StatusCode::NOT_FOUND),
        }
    }

    async fn token(&self, request: Request<Incoming>) -> Answer {
        if let Some(outage) = self.outage() {
            outage.took_effect(1);
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let (head, body) = request.into_parts();
        let Ok(body) = read_body(body, REQUEST_LIMIT).await else {
            return refused(&Refusal::new(
                TokenErrorCode::InvalidRequest,
                "the body is too long or broken off",
            ));
        };
        let authorization = head.headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect();
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let call = TokenCall { authorization, content_type, query: head.uri.query(), body: &body };
        match grant::decide(&call, &self.config.clients) {
            Ok(grant) => match self.issue(&grant, SystemTime::now()) {
                Ok(response) => uncached(json(StatusCode::OK, &response)),
                Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
            },
            Err(refusal) => refused(&refusal),
        }
    }

    /// The fault that strikes at a token request, if one does: not before the load, when partners get their first
    /// tokens.
    fn outage(&self) -> Option<&Arc<Injector>> {
        // Tokens are for no topic in particular.
        let strikes = |fault: &&Arc<Injector>| fault.has_started() && fault.strikes("", Instant::now());
        self.outages.iter().find(strikes)
    }

    fn issue(&self, grant: &Grant, now: SystemTime) -> Result<TokenResponse, signing::SigningError> {
        let iat = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let life = self.config.token_life.as_secs();
        let claims = TokenClaims {
            iss: self.issuer.clone(),
            aud: self.config.audience.clone(),
            sub: grant.client_id.clone(),
            client_id: grant.client_id.clone(),
            iat,
            exp: iat.saturating_add(life),
            jti: uuid::Uuid::new_v4().to_string(),
            scope: grant.scope.clone(),
        };
        Ok(TokenResponse {
            access_token: self.key.sign(&claims)?,
            token_type: "Bearer".to_owned(),
            expires_in: Some(life),
            scope: grant.scope.clone(),
        })
    }

    fn metadata(&self) -> Metadata {
        let mut scopes: Vec<String> =
            self.config.clients.iter().flat_map(|client| client.scopes.iter().cloned()).collect();
        scopes.sort();
        scopes.dedup();
        Metadata {
            issuer: self.issuer.clone(),
            token_endpoint: token_endpoint(&self.issuer),
            jwks_uri: jwks_uri(&self.issuer),
            response_types_supported: Vec::new(),
            grant_types_supported: vec!["client_credentials".to_owned()],
            token_endpoint_auth_methods_supported: vec![
                "client_secret_basic".to_owned(),
                "client_secret_post".to_owned(),
            ],
            scopes_supported: scopes,
            subject_types_supported: vec!["public".to_owned()],
            id_token_signing_alg_values_supported: vec!["RS256".to_owned()],
        }
    }
}

/// An error response (RFC 6749, section 5.2): 401 with a challenge where the client failed to authenticate,
/// 400 otherwise.
fn refused(refusal: &Refusal) -> Answer {
    let unauthenticated = refusal.code == TokenErrorCode::InvalidClient;
    let status = if unauthenticated { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    let error = TokenError { error: refusal.code, error_description: Some(refusal.description.to_owned()) };
    let mut answer = uncached(json(status, &error));
    if unauthenticated {
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"landfall\""));
    }
    answer
}

fn uncached(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    answer
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    let body = serde_json::to_vec(value).expect("the message shapes have string keys only");
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}
