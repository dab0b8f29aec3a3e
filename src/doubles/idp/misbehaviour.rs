//! What the provider's endpoints do wrong, and when: because the scenario says so, or whoever controls the provider.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::doubles::fault::{Injector, of_kinds};
use crate::doubles::http::{Ending, Pieces};
use crate::scenario::FaultKind;

/// By how much [`TokenFault::Slow`] is late where the scenario shows it.
const SLOW: Duration = Duration::from_secs(1);
/// How large a huge key set is at least, in bytes.
const HUGE: usize = 2 * 1024 * 1024;
/// Time between two bytes that drip.
const DRIP: Duration = Duration::from_millis(250);
/// What a maintenance page looks like.
const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>We'll be back</h1></body></html>\n";

/// What the token endpoint does wrong; as JSON `"html"`, `{"status": 503}`, `{"slow_ms": 2000}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFault {
    /// Answers with this status and nothing else.
    Status(u16),
    /// Answers so much later.
    #[serde(rename = "slow_ms", with = "millis")]
    Slow(Duration),
    /// Answers 200 with a page for people.
    Html,
    /// Never answers.
    Hang,
}

/// What the endpoint of the keys does wrong; as JSON `"empty"`, `{"redirect": "http://…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeysFault {
    /// Answers with this status and nothing else.
    Status(u16),
    /// Never answers.
    Hang,
    /// Answers 200 with a page for people.
    Html,
    /// Answers with a set that has no keys.
    Empty,
    /// Answers with a set of more than 2 MiB, in which the right keys stand first.
    Huge,
    /// Answers 302, to this URL.
    Redirect(String),
    /// Sends the right set, a byte every quarter of a second.
    Drip,
}

/// A duration as a number of milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// What every answer of the provider is.
pub(super) type Answer = Response<Either<Full<Bytes>, Pieces>>;

/// What is done wrong now.
#[derive(Debug, Default)]
pub(super) struct Misbehaviour {
    token: Mutex<Option<TokenFault>>,
    keys: Mutex<Option<KeysFault>>,
    of_tokens: Vec<Arc<Injector>>,
    of_keys: Vec<Arc<Injector>>,
    of_kids: Vec<Arc<Injector>>,
}

impl Misbehaviour {
    pub(super) fn new(injectors: &[Arc<Injector>]) -> Self {
        use FaultKind as F;
        Self {
            of_tokens: of_kinds(injectors, &[F::TokenOutage, F::TokenSlow, F::TokenHtml, F::TokenTimeout]),
            of_keys: of_kinds(
                injectors,
                &[F::KeysOutage, F::KeysHtml, F::KeysEmpty, F::KeysHuge, F::KeysTimeout, F::KeysDrip],
            ),
            of_kids: of_kinds(injectors, &[F::WrongKid]),
            ..Self::default()
        }
    }

    /// What befalls a token request. It counts as done.
    pub(super) fn at_token(&self) -> Option<TokenFault> {
        let told = *self.token.lock().unwrap_or_else(PoisonError::into_inner);
        told.or_else(|| {
            Some(match struck(&self.of_tokens)? {
                FaultKind::TokenSlow => TokenFault::Slow(SLOW),
                FaultKind::TokenHtml => TokenFault::Html,
                FaultKind::TokenTimeout => TokenFault::Hang,
                _ => TokenFault::Status(503),
            })
        })
    }

    /// What befalls a request for the keys. It counts as done.
    pub(super) fn at_keys(&self) -> Option<KeysFault> {
        let told = self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        told.or_else(|| {
            Some(match struck(&self.of_keys)? {
                FaultKind::KeysHtml => KeysFault::Html,
                FaultKind::KeysEmpty => KeysFault::Empty,
                FaultKind::KeysHuge => KeysFault::Huge,
                FaultKind::KeysTimeout => KeysFault::Hang,
                FaultKind::KeysDrip => KeysFault::Drip,
                _ => KeysFault::Status(503),
            })
        })
    }

    /// Whether the token that is issued now names a key that there is not. It counts as done.
    pub(super) fn names_no_key(&self) -> bool {
        struck(&self.of_kids).is_some()
    }

    pub(super) fn set_token(&self, fault: Option<TokenFault>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    pub(super) fn set_keys(&self, fault: Option<KeysFault>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// What it has been told to do wrong.
    pub(super) fn told(&self) -> (Option<TokenFault>, Option<KeysFault>) {
        let token = *self.token.lock().unwrap_or_else(PoisonError::into_inner);
        (token, self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// The fault of the scenario that strikes, if one does: not before the load, when partners get their first tokens.
fn struck(injectors: &[Arc<Injector>]) -> Option<FaultKind> {
    let now = Instant::now();
    let strikes = |fault: &&Arc<Injector>| fault.has_started() && fault.strikes_any(now);
    let fault = injectors.iter().find(strikes)?;
    fault.took_effect(1);
    Some(fault.kind())
}

/// An answer with no more than a status.
pub(super) fn bare(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = status;
    answer
}

/// An answer of this status, whatever it is.
pub(super) fn of_status(status: u16) -> Answer {
    bare(StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
}

/// No answer at all.
pub(super) fn silence() -> Answer {
    let mut answer = bare(StatusCode::OK);
    answer.extensions_mut().insert(Ending::Silence);
    answer
}

/// A page for people.
pub(super) fn page() -> Answer {
    let mut answer = Response::new(Either::Left(Full::from(PAGE)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    answer
}

/// What a request for the keys, which are `keys`, meets with.
pub(super) fn wrong_keys(fault: &KeysFault, keys: Vec<Value>) -> Answer {
    match fault {
        KeysFault::Status(status) => of_status(*status),
        KeysFault::Hang => silence(),
        KeysFault::Html => page(),
        KeysFault::Empty => json_text(json!({"keys": []}).to_string()),
        KeysFault::Huge => json_text(huge(keys)),
        KeysFault::Redirect(url) => {
            let mut answer = bare(StatusCode::FOUND);
            if let Ok(url) = HeaderValue::try_from(url) {
                answer.headers_mut().insert(LOCATION, url);
            }
            answer
        }
        KeysFault::Drip => dripping(json!({"keys": keys}).to_string()),
    }
}

fn json_text(text: String) -> Answer {
    let mut answer = Response::new(Either::Left(Full::from(text)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// A set with very many keys of a kind that nobody knows.
fn huge(mut keys: Vec<Value>) -> String {
    let filler = json!({"kty": "landfall", "use": "sig", "x": "A".repeat(960)});
    keys.extend(std::iter::repeat_n(filler, HUGE / 960));
    json!({"keys": keys}).to_string()
}

fn dripping(text: String) -> Answer {
    let (sender, body) = Pieces::new(1);
    tokio::spawn(async move {
        for byte in text.into_bytes() {
            // It ends with its client.
            if sender.send(Bytes::copy_from_slice(&[byte])).await.is_err() {
                return;
            }
            tokio::time::sleep(DRIP).await;
        }
    });
    let mut answer = Response::new(Either::Right(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_set_is_one_all_the_same() {
        let text = huge(vec![json!({"kid": "a"})]);
        let set: Value = serde_json::from_str(&text).unwrap();
        assert!(text.len() > HUGE && set["keys"][0]["kid"] == "a");
    }
}
