//! What the provider answers: tokens, metadata and keys.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;

use super::Client;
use super::assertion::Replays;
use super::grant::{self, Refusal, TokenCall};
use super::issuer::{self, Endpoint, Issuer};
use super::misbehaviour::{Answer, Misbehaviour, TokenFault, bare, of_status, page, silence, wrong_keys};
use crate::doubles::gateway::TokenBucket;
use crate::doubles::http::read_body;
use crate::wire::oauth::{TokenError, TokenErrorCode};

/// Longest token request that is read, in bytes.
const REQUEST_LIMIT: usize = 64 * 1024;

/// What has been asked for.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) token_requests: AtomicU64,
    pub(super) tokens_issued: AtomicU64,
    pub(super) jwks_requests: AtomicU64,
    /// At the further address, whatever was asked for there.
    pub(super) inside_requests: AtomicU64,
}

/// The provider behind its listener.
#[derive(Debug)]
pub(super) struct Core {
    /// Never empty.
    pub(super) issuers: Vec<Issuer>,
    /// The place of an issuer, and what is asked of it, by path.
    pub(super) routes: HashMap<String, (usize, Endpoint)>,
    pub(super) clients: Vec<Client>,
    pub(super) audience: String,
    pub(super) token_life: Duration,
    pub(super) limit: Option<TokenBucket>,
    /// How many seconds the clock is fast.
    pub(super) clock_s: AtomicI64,
    pub(super) replays: Replays,
    /// Where others than this machine's programs may be sent.
    pub(super) allow_hosts: Vec<String>,
    pub(super) misbehaviour: Misbehaviour,
    pub(super) counts: Counts,
}

impl Core {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let documents = [Method::GET, Method::HEAD].contains(request.method());
        let Some((place, endpoint)) = self.routes.get(request.uri().path()) else {
            return bare(StatusCode::NOT_FOUND);
        };
        let issuer = &self.issuers[*place];
        match endpoint {
            Endpoint::Token if request.method() == Method::POST => self.token(issuer, request).await,
            Endpoint::Token => not_allowed("POST"),
            _ if !documents => not_allowed("GET, HEAD"),
            Endpoint::Metadata => json(StatusCode::OK, &issuer.metadata(self.scopes())),
            Endpoint::Keys => {
                self.counts.jwks_requests.fetch_add(1, Ordering::Relaxed);
                match self.misbehaviour.at_keys() {
                    Some(fault) => wrong_keys(&fault, issuer.jwks().keys),
                    None => json(StatusCode::OK, &issuer.jwks()),
                }
            }
        }
    }

    /// The same for those who may have what is public, and no tokens.
    pub(super) async fn publish(&self, request: Request<Incoming>) -> Answer {
        self.counts.inside_requests.fetch_add(1, Ordering::Relaxed);
        if [Method::GET, Method::HEAD].contains(request.method()) {
            self.answer(request).await
        } else {
            not_allowed("GET, HEAD")
        }
    }

    async fn token(&self, issuer: &Issuer, request: Request<Incoming>) -> Answer {
        self.counts.token_requests.fetch_add(1, Ordering::Relaxed);
        match self.misbehaviour.at_token() {
            Some(TokenFault::Status(status)) => return of_status(status),
            Some(TokenFault::Html) => return page(),
            Some(TokenFault::Hang) => return silence(),
            Some(TokenFault::Slow(delay)) => tokio::time::sleep(delay).await,
            None => {}
        }
        if let Some(limit) = &self.limit
            && !limit.admits(Instant::now())
        {
            return too_many(limit.wait());
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
        let now = seconds_since_1970();
        let terms = grant::Terms {
            clients: &self.clients,
            audience: &self.audience,
            recipients: [&issuer.url, &issuer.token_endpoint],
            replays: &self.replays,
            now,
        };
        let grant = match grant::decide(&call, &terms) {
            Ok(grant) => grant,
            Err(refusal) => return refused(&refusal),
        };
        let terms = issuer::Terms {
            audience: &self.audience,
            life: self.token_life,
            now: now.saturating_add_signed(self.clock_s.load(Ordering::Relaxed)),
            wrong_kid: self.misbehaviour.names_no_key(),
        };
        match issuer.issue(&grant, terms) {
            Ok(response) => {
                self.counts.tokens_issued.fetch_add(1, Ordering::Relaxed);
                uncached(json(StatusCode::OK, &response))
            }
            Err(_) => bare(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The scopes that some client may have.
    fn scopes(&self) -> Vec<String> {
        let mut scopes: Vec<String> =
            self.clients.iter().flat_map(|client| client.scopes.iter().cloned()).collect();
        scopes.sort();
        scopes.dedup();
        scopes
    }
}

fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// An error response (RFC 6749, section 5.2): 401 with a challenge where the client failed to authenticate,
/// 400 otherwise.
fn refused(refusal: &Refusal) -> Answer {
    let unauthenticated = refusal.code == TokenErrorCode::InvalidClient;
    let status = if unauthenticated { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    let mut answer = error(status, refusal.code, refusal.description);
    if unauthenticated {
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"landfall\""));
    }
    answer
}

/// The rate limit's answer (RFC 6585, section 4).
fn too_many(wait: Duration) -> Answer {
    let description = "too many token requests; wait as Retry-After says";
    let mut answer = error(StatusCode::TOO_MANY_REQUESTS, TokenErrorCode::TooManyRequests, description);
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

fn error(status: StatusCode, code: TokenErrorCode, description: &str) -> Answer {
    uncached(json(status, &TokenError { error: code, error_description: Some(description.to_owned()) }))
}

fn uncached(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    answer
}

pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    let body = serde_json::to_vec(value).expect("the message shapes have string keys only");
    let mut answer = Response::new(Either::Left(Full::new(Bytes::from(body))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

pub(super) fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = bare(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}
