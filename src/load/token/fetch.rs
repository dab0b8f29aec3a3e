//! Fetching a token: one request on a connection of its own, as a client that needs a token once an hour does it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::request::{Credentials, token_request, without};
use crate::load::Target;
use crate::secret::Secret;
use crate::wire::oauth;

/// How long a token request may take, the connection included.
const LIMIT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;
/// Fetches of [`fetch_all`] that are under way at the same time.
const AT_ONCE: usize = 64;
/// Characters of an IdP's own words that are repeated.
const WORDS: usize = 160;

/// A token that has been fetched.
#[derive(Debug)]
pub struct Fetched {
    /// The token.
    pub secret: Secret,
    /// When it was asked for.
    pub asked: Instant,
    /// When it was received.
    pub received: Instant,
    /// How long it lives, if the IdP says so.
    pub life: Option<Duration>,
    /// What was granted, with blanks between, if the IdP says so; where it does not, all that was asked for (RFC 6749,
    /// section 5.1).
    pub scope: Option<String>,
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

impl TokenError {
    /// What happened, without whom it happened to.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused { reason, .. } | Self::Unavailable { reason, .. } => reason,
        }
    }
}

/// Fetches a token for each of `credentials`, in their order; many at once, but not all: the IdP is not to be tried
/// before the load has begun.
///
/// # Panics
/// If a task of its own panics, which is a bug.
pub async fn fetch_all(credentials: &[Credentials]) -> Vec<Result<Fetched, TokenError>> {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (index, credentials) in credentials.iter().cloned().enumerate() {
        let permits = permits.clone();
        tasks.spawn(async move {
            let _permit = permits.acquire().await;
            (index, fetch(&credentials).await)
        });
    }
    let mut fetched = tasks.join_all().await;
    fetched.sort_unstable_by_key(|(index, _)| *index);
    fetched.into_iter().map(|(_, result)| result).collect()
}

/// Fetches a token.
///
/// # Errors
/// [`TokenError`]; no message holds the secret or a token.
pub(super) async fn fetch(credentials: &Credentials) -> Result<Fetched, TokenError> {
    let asked = Instant::now();
    let client = || credentials.client_id.clone();
    let unavailable = |reason: String| TokenError::Unavailable {
        client: client(),
        endpoint: credentials.endpoint.authority.clone(),
        reason,
    };
    let request = token_request(credentials).map_err(&unavailable)?;
    let exchange = exchange(&credentials.endpoint, request);
    let (status, body) = match tokio::time::timeout(LIMIT, exchange).await {
        Ok(answer) => answer.map_err(&unavailable)?,
        Err(_) => return Err(unavailable(format!("no answer within {} s", LIMIT.as_secs()))),
    };
    let received = Instant::now();
    if status == StatusCode::OK {
        let token: oauth::TokenResponse = serde_json::from_slice(&body)
            .map_err(|_| unavailable("it answers 200 with something that is no token response".into()))?;
        if !token.token_type.eq_ignore_ascii_case("Bearer") {
            let kind = shortened(&token.token_type);
            return Err(unavailable(format!("it issues tokens of type `{kind}`, not Bearer")));
        }
        let life = token.expires_in.map(Duration::from_secs);
        let (secret, scope) = (Secret::new(token.access_token), token.scope);
        return Ok(Fetched { secret, asked, received, life, scope });
    }
    // Who has too much to do refuses nobody in particular.
    let refuses = status.is_client_error()
        && !matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let status = status.as_u16();
    Err(match refusal(&body) {
        Some(reason) => {
            let reason = format!("HTTP {status}, {}", shortened(&without(credentials, reason)));
            if refuses {
                TokenError::Refused { client: client(), reason }
            } else {
                unavailable(format!("it answers {reason}"))
            }
        }
        None => unavailable(format!("it answers HTTP {status}")),
    })
}

async fn exchange(endpoint: &Target, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
    let cannot_connect = |error: std::io::Error| format!("cannot connect: {error}");
    let stream = TcpStream::connect(&endpoint.addresses[..]).await.map_err(cannot_connect)?;
    match &endpoint.tls {
        None => over(stream, request).await,
        Some(tls) => over(tls.connect(stream).await.map_err(cannot_connect)?, request).await,
    }
}

async fn over<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| format!("cannot connect: {error}"))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|error| error.to_string())?;
        Ok((head.status, body.to_bytes()))
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // How the connection ended, the answer tells.
        _ = &mut connection => answer.await,
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

fn shortened(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect()
}
