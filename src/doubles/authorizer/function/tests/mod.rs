//! Tokens, good and evil, and what becomes of them.

mod flaws;
mod proofs;
mod steps;
mod strict;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use regex::Regex;
use serde_json::{Value, json};

use super::*;
use crate::doubles::http::{Server, bind};
use crate::jose::{Algorithm, KeyKind, PrivateKey, base64url, signing_input};
use crate::scenario::{Accepts, TlsSettings, TokenProfile};
use crate::wire::lambda::{AuthorizerResult, Effect};

const NOW: u64 = 1_800_000_000;
const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/topics/quakes";

/// Two keys of the issuer's, called `k` and `other`, and one of nobody's.
static KEYS: LazyLock<[PrivateKey; 3]> =
    LazyLock::new(|| [(); 3].map(|()| PrivateKey::generate(KeyKind::Rsa).unwrap()));

fn issuers_keys() -> Value {
    let jwk = |key: &PrivateKey, kid| key.public().to_jwk(kid, Algorithm::Rs256);
    json!({"keys": [jwk(&KEYS[0], "k"), jwk(&KEYS[1], "other")]})
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "at+jwt", "kid": "k"})
}

fn claims() -> Value {
    json!({"iss": "https://idp", "aud": "ingest", "sub": "s", "client_id": "c", "scope": "quakes:write", "iat": NOW,
           "exp": NOW + 300, "jti": "j"})
}

fn with(mut base: Value, name: &str, value: impl Into<Value>) -> Value {
    base[name] = value.into();
    base
}

fn without(mut base: Value, name: &str) -> Value {
    base.as_object_mut().unwrap().remove(name);
    base
}

/// A token of these texts.
fn sign_text(key: &PrivateKey, algorithm: Algorithm, header: &str, claims: &str) -> String {
    let message = signing_input(header, claims);
    let signature = key.sign(algorithm, message.as_bytes()).unwrap();
    format!("{message}.{}", base64url(signature))
}

/// A token signed with the key that `header()` names.
fn sign(header: &Value, claims: &Value) -> String {
    sign_text(&KEYS[0], Algorithm::Rs256, &header.to_string(), &claims.to_string())
}

fn good() -> String {
    sign(&header(), &claims())
}

/// A server of key sets, which counts how often it is asked.
struct Issuer {
    server: Server,
    /// What it answers now; `None`: an error.
    set: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicU64>,
}

impl Issuer {
    async fn start(set: Value) -> Self {
        let listener = bind("issuer", SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await.unwrap();
        let (set, asked) = (Arc::new(Mutex::new(Some(set))), Arc::<AtomicU64>::default());
        let (answered, counted) = (set.clone(), asked.clone());
        let server = Server::start(listener, move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            let set = answered.lock().unwrap().as_ref().map(Value::to_string);
            let mut answer = Response::new(Full::new(Bytes::from(set.clone().unwrap_or_default())));
            if set.is_none() {
                *answer.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
            }
            async move { answer }
        });
        Self { server: server.unwrap(), set, asked }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.server.address())
    }

    fn keys(&self) -> Source {
        Source::new(&self.url(), &TlsSettings::default()).unwrap()
    }

    fn serve(&self, set: Option<Value>) {
        *self.set.lock().unwrap() = set;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn function(issuer: &Issuer, accepts: Accepts) -> Function {
    let rules = Rules { issuer: "https://idp".into(), audience: "ingest".into(), accepts, flaw: None };
    Function::new(rules, "", issuer.keys(), KeyTimes::default())
}

/// A function that goes by the default profile, and the issuer of its keys.
async fn strict() -> (Function, Issuer) {
    let issuer = Issuer::start(issuers_keys()).await;
    (function(&issuer, TokenProfile::default().accepts), issuer)
}

/// What becomes of a call of a method.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Allowed,
    Denied,
    Failed(Failure),
}

async fn call_at(function: &Function, credentials: &str, method: &str, seconds: u64) -> Outcome {
    let event = AuthorizerEvent::Token { authorization_token: credentials.into(), method_arn: method.into() };
    let now = UNIX_EPOCH + Duration::from_secs(seconds);
    let result = match function.authorize(&event, now).await {
        Ok(result) => serde_json::from_slice::<AuthorizerResult>(&result).unwrap(),
        Err(failure) => return Outcome::Failed(failure),
    };
    let statement = &result.policy_document.statement.as_slice()[0];
    let matches = |resource: &String| {
        let pattern = format!("^{}$", regex::escape(resource).replace("\\*", ".*"));
        Regex::new(&pattern).unwrap().is_match(method)
    };
    let found = statement.resource.as_slice().iter().any(matches);
    if found && statement.effect == Effect::Allow { Outcome::Allowed } else { Outcome::Denied }
}

async fn call(function: &Function, token: &str) -> Outcome {
    call_at(function, &format!("Bearer {token}"), ARN, NOW).await
}

const UNAUTHORIZED: Outcome = Outcome::Failed(Failure::Unauthorized);

fn credentials(event: Value) -> Option<String> {
    let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
    request_credentials(&event).map(str::to_owned)
}

#[test]
fn a_request_event_may_spell_the_header_in_any_case() {
    let arn = "arn:aws:execute-api:eu-west-1:1:a/prod/POST/topics/x";
    let event = json!({"type": "REQUEST", "methodArn": arn, "path": "/topics/x", "requestContext": {"n": 1.5},
        "headers": {"authorization": "Bearer b"}, "multiValueHeaders": {"AUTHORIZATION": ["Bearer a"]}});
    assert_eq!(credentials(event).as_deref(), Some("Bearer a"));
    let event = json!({"type": "REQUEST", "methodArn": arn, "headers": {"authorization": "Bearer b"},
        "multiValueHeaders": null});
    assert_eq!(credentials(event).as_deref(), Some("Bearer b"));
    let event =
        json!({"type": "REQUEST", "methodArn": arn, "multiValueHeaders": {"Authorization": ["a", "b"]}});
    assert_eq!(credentials(event), None);
}

#[test]
fn a_bad_token_is_reported_by_exactly_one_word() {
    assert_eq!(Failure::Unauthorized.to_string(), "Unauthorized");
}
