//! Fetching a token: one request on a connection of its own, as a client that needs a token once an hour does it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::header::RETRY_AFTER;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::request::{Credentials, token_request, without};
use crate::load::Target;
use crate::load::retry::asked_wait;
use crate::secret::Secret;
use crate::wire::oauth;

/// How long a token request may take, the connection included.
const LIMIT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;
/// How long first tokens are asked for again where the IdP has too much to do: as long as one request may take.
pub const PATIENCE: Duration = LIMIT;
/// How long is waited before a token is asked for again, and how long at most where the IdP does not say, twice as long each
/// time.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
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
    /// The IdP has too much to do.
    #[error(
        "no token for client `{client}` from {endpoint}: {reason}; let fewer partners begin at once, or let the IdP answer \
         more requests"
    )]
    Busy {
        /// Client id.
        client: String,
        /// Host and port.
        endpoint: String,
        /// What happened.
        reason: String,
        /// How long the IdP wants to be left alone, if it says so.
        wait: Option<Duration>,
    },
}

impl TokenError {
    /// What happened, without whom it happened to.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused { reason, .. } | Self::Unavailable { reason, .. } | Self::Busy { reason, .. } => {
                reason
            }
        }
    }
}

/// Fetches a token for each of `credentials`, in their order; many at once, but not all: the IdP is not to be tried
/// before the load has begun. An IdP that has too much to do is asked again, until `patience` is over.
///
/// # Panics
/// If a task of its own panics, which is a bug.
pub async fn fetch_all(credentials: &[Credentials], patience: Duration) -> Vec<Result<Fetched, TokenError>> {
    let until = Instant::now() + patience;
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (index, credentials) in credentials.iter().cloned().enumerate() {
        let permits = permits.clone();
        tasks.spawn(async move {
            let _permit = permits.acquire().await;
            (index, fetch_until(&credentials, until).await)
        });
    }
    let mut fetched = tasks.join_all().await;
    fetched.sort_unstable_by_key(|(index, _)| *index);
    fetched.into_iter().map(|(_, result)| result).collect()
}

/// Fetches a token, and asks again while the IdP has too much to do, as long as the next time comes before `until`.
async fn fetch_until(credentials: &Credentials, until: Instant) -> Result<Fetched, TokenError> {
    let (mut pause, longest) = PAUSE;
    let mut times = 1_u32;
    loop {
        let error = match fetch(credentials).await {
            Err(error @ TokenError::Busy { .. }) => error,
            done => return done,
        };
        let TokenError::Busy { client, endpoint, reason, wait } = error else { return Err(error) };
        let next = Instant::now().checked_add(wait.unwrap_or_default().max(pause));
        let Some(next) = next.filter(|next| *next <= until) else {
            let reason = if times > 1 { format!("{reason}, {times} times") } else { reason };
            return Err(TokenError::Busy { client, endpoint, reason, wait });
        };
        tokio::time::sleep_until(next.into()).await;
        pause = (pause * 2).min(longest);
        times += 1;
    }
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
    let Replied { status, wait, body } = match tokio::time::timeout(LIMIT, exchange).await {
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
    let words = refusal(&body).map(|words| shortened(&without(credentials, words)));
    let reason = match &words {
        Some(words) => format!("HTTP {}, {words}", status.as_u16()),
        None => format!("HTTP {}", status.as_u16()),
    };
    Err(match status {
        // Who has too much to do refuses nobody in particular.
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => TokenError::Busy {
            client: client(),
            endpoint: credentials.endpoint.authority.clone(),
            reason: format!("it answers {reason}"),
            wait,
        },
        _ if words.is_some() && status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
            TokenError::Refused { client: client(), reason }
        }
        _ => unavailable(format!("it answers {reason}")),
    })
}

/// What came back.
struct Replied {
    status: StatusCode,
    /// What its `Retry-After` asks for.
    wait: Option<Duration>,
    body: Bytes,
}

async fn exchange(endpoint: &Target, request: Request<Full<Bytes>>) -> Result<Replied, String> {
    let cannot_connect = |error: std::io::Error| format!("cannot connect: {error}");
    let stream = TcpStream::connect(&endpoint.addresses[..]).await.map_err(cannot_connect)?;
    match &endpoint.tls {
        None => over(stream, request).await,
        Some(tls) => over(tls.connect(stream).await.map_err(cannot_connect)?, request).await,
    }
}

async fn over<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Replied, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| format!("cannot connect: {error}"))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|error| error.to_string())?;
        let asked = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = asked.and_then(|text| asked_wait(text, SystemTime::now()));
        Ok(Replied { status: head.status, wait, body: body.to_bytes() })
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
