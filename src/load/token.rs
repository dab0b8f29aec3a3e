//! Access tokens: fetched by OAuth 2 client credentials (RFC 6749, section 4.4), renewed before they expire.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};

use super::connection::{Connection, Outcome};
use super::target::Target;
use crate::secret::Secret;
use crate::wire::oauth;

/// How long a token request may take.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// A partner at its IdP.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Where tokens are to be had.
    pub endpoint: Target,
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub secret: Secret,
    /// Scope asked for; empty asks for none.
    pub scope: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The IdP said no.
    #[error("the IdP refuses a token to client `{client}`: {reason}; check its id, secret and scope")]
    Refused {
        /// Client id.
        client: String,
        /// Status and error code.
        reason: String,
    },
    /// The IdP said nothing that could be used.
    #[error("no token for client `{client}` from {endpoint}: {reason}; check that the IdP runs there")]
    Unavailable {
        /// Client id.
        client: String,
        /// Host and port.
        endpoint: String,
        /// What happened.
        reason: String,
    },
}

/// Fetches a token, authenticating with HTTP Basic (RFC 6749, section 2.3.1). Must run on a `LocalSet`.
///
/// # Errors
/// [`TokenError`]; no message holds the secret or a token.
pub async fn fetch(credentials: &Credentials) -> Result<(Secret, Instant), TokenError> {
    let asked = Instant::now();
    let unavailable = |reason: String| TokenError::Unavailable {
        client: credentials.client_id.clone(),
        endpoint: credentials.endpoint.authority.clone(),
        reason,
    };
    let mut connection = Connection::new(credentials.endpoint.clone());
    connection.ensure_open().await.map_err(&unavailable)?;
    let request = token_request(credentials).map_err(&unavailable)?;
    match connection.exchange(request, TOKEN_TIMEOUT).await.outcome {
        Outcome::TimedOut => Err(unavailable("timed out".into())),
        Outcome::Broken(reason) => Err(unavailable(reason)),
        Outcome::Response { status: 200, body, .. } => {
            let token: oauth::TokenResponse = serde_json::from_slice(&body)
                .map_err(|_| unavailable("it answers 200 with something that is no token response".into()))?;
            if !token.token_type.eq_ignore_ascii_case("Bearer") {
                return Err(unavailable(format!(
                    "it issues tokens of type `{}`, not Bearer",
                    token.token_type
                )));
            }
            // RFC 6749, section 5.1: without `expires_in` the life is known by other means; an hour is usual.
            let life = Duration::from_secs(token.expires_in.unwrap_or(3600));
            Ok((Secret::new(token.access_token), asked + life))
        }
        Outcome::Response { status, body, .. } => match refusal(&body) {
            Some(reason) => Err(TokenError::Refused {
                client: credentials.client_id.clone(),
                reason: format!("HTTP {status}, {reason}"),
            }),
            None => Err(unavailable(format!("it answers HTTP {status}"))),
        },
    }
}

/// The error code and description of RFC 6749, section 5.2. Read leniently: some IdP has codes of its own.
fn refusal(body: &[u8]) -> Option<String> {
    let error: serde_json::Value = serde_json::from_slice(body).ok()?;
    let code = error.get("error")?.as_str()?;
    Some(match error.get("error_description").and_then(serde_json::Value::as_str) {
        Some(text) => format!("{code} ({text})"),
        None => code.to_owned(),
    })
}

fn token_request(credentials: &Credentials) -> Result<Request<Full<Bytes>>, String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(&credentials.client_id), encode(credentials.secret.expose()));
    let mut basic = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .map_err(|_| "its credentials cannot stand in a header".to_owned())?;
    basic.set_sensitive(true);
    let form = oauth::TokenRequest {
        grant_type: Some("client_credentials".into()),
        scope: Some(credentials.scope.clone()).filter(|scope| !scope.is_empty()),
        ..oauth::TokenRequest::default()
    };
    Request::post(&credentials.endpoint.base_path)
        .header(HOST, credentials.endpoint.authority.as_str())
        .header(AUTHORIZATION, basic)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(Full::new(Bytes::from(form.to_form())))
        .map_err(|error| error.to_string())
}

/// An access token.
#[derive(Debug)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// When it expires.
    pub expires: Instant,
    /// Number among its partner's tokens, from 1.
    pub serial: u64,
}

/// A partner's current token.
#[derive(Debug)]
pub struct TokenCell {
    version: AtomicU64,
    current: Mutex<Arc<Token>>,
}

impl TokenCell {
    /// Holds a partner's first token.
    #[must_use]
    pub fn new(token: Token) -> Self {
        Self { version: AtomicU64::new(token.serial), current: Mutex::new(Arc::new(token)) }
    }
}

/// A load thread's hold on a partner's token: it takes the lock only when there is a new one.
#[derive(Debug)]
pub(super) struct HeldToken {
    cell: Arc<TokenCell>,
    held: Arc<Token>,
}

impl HeldToken {
    pub(super) fn new(cell: &Arc<TokenCell>) -> Self {
        let held = cell.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { cell: cell.clone(), held }
    }

    pub(super) fn current(&mut self) -> Arc<Token> {
        if self.cell.version.load(Ordering::Acquire) != self.held.serial {
            self.held = self.cell.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        }
        self.held.clone()
    }
}
