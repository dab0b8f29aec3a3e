//! The admin API: what the provider does, and telling it what to do. JSON in and out, on a port of its own, which nobody
//! takes for a part of the provider.
//!
//! | request | body |
//! |---|---|
//! | `GET /state` | |
//! | `POST /rotate` | `{"emergency": false, "issuer": "first"}` |
//! | `POST /faults` | `{"token": …, "keys": …}`, each as `GET /state` shows it |
//! | `POST /clock` | `{"offset_s": -90}` |
//!
//! Every answer is the state. It is for programs of this machine: neither a page of another site nor a name of somebody's
//! that leads to loopback (DNS rebinding) gets through.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::IdpError;
use super::misbehaviour::{Answer, KeysFault, TokenFault};
use super::serve::{Core, json, not_allowed};
use crate::doubles::http::{Server, bind, read_body};
use crate::scenario::host_is_allowed;

/// Longest body that is read, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// Longest time by which a token may be told to be late.
const LATEST: Duration = Duration::from_mins(10);
/// A year and a day: further away no clock is.
const FURTHEST_S: u64 = 366 * 24 * 3600;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    #[serde(default)]
    emergency: bool,
    /// The issuer's name; left out, the first.
    issuer: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    offset_s: i64,
}

/// What the endpoints do wrong; nothing where it is null or not there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Faults {
    token: Option<TokenFault>,
    keys: Option<KeysFault>,
}

/// Why a request is not carried out.
type Refused = (StatusCode, String);

/// Starts to serve the admin API of `core`.
pub(super) async fn start(core: Arc<Core>, address: SocketAddr) -> Result<Server, IdpError> {
    let listener = bind("identity provider's admin API", address).await?;
    Server::start(listener, move |request, _| {
        let core = core.clone();
        async move { answer(core, request).await }
    })
    .map_err(IdpError::Serve)
}

async fn answer(core: Arc<Core>, request: Request<Incoming>) -> Answer {
    if let Err(reason) = from_this_machine(request.headers()) {
        return refusal((StatusCode::FORBIDDEN, reason.to_owned()));
    }
    let path = request.uri().path().to_owned();
    let allowed = match path.as_str() {
        "/state" => Method::GET,
        "/rotate" | "/faults" | "/clock" => Method::POST,
        _ => return refusal((StatusCode::NOT_FOUND, "there is no such path".to_owned())),
    };
    if *request.method() != allowed {
        return not_allowed(if allowed == Method::GET { "GET" } else { "POST" });
    }
    let done = match path.as_str() {
        "/rotate" => rotate(core.clone(), request).await,
        "/faults" => body_of::<Faults>(request).await.and_then(|faults| {
            let faults = checked(faults, &core.allow_hosts)?;
            core.misbehaviour.set_token(faults.token);
            core.misbehaviour.set_keys(faults.keys);
            Ok(())
        }),
        "/clock" => body_of::<Clock>(request).await.and_then(|Clock { offset_s }| {
            if offset_s.unsigned_abs() > FURTHEST_S {
                return Err((StatusCode::BAD_REQUEST, format!("offset_s must be within {FURTHEST_S}")));
            }
            core.clock_s.store(offset_s, Ordering::Relaxed);
            Ok(())
        }),
        _ => Ok(()),
    };
    match done {
        Ok(()) => state(&core),
        Err(refused) => refusal(refused),
    }
}

/// Faults that can be shown: statuses that are some, delays that end, redirections to where this provider may send somebody.
fn checked(faults: Faults, allowed: &[String]) -> Result<Faults, Refused> {
    let statuses = [
        if let Some(TokenFault::Status(status)) = faults.token { Some(status) } else { None },
        if let Some(KeysFault::Status(status)) = faults.keys { Some(status) } else { None },
    ];
    let bad = |reason: String| Err((StatusCode::BAD_REQUEST, reason));
    if !statuses.into_iter().flatten().all(|status| (400..600).contains(&status)) {
        return bad("a status must be from 400 to 599".to_owned());
    }
    if matches!(faults.token, Some(TokenFault::Slow(delay)) if delay > LATEST) {
        return bad(format!("slow_ms must be {} at most", LATEST.as_millis()));
    }
    if let Some(KeysFault::Redirect(url)) = &faults.keys {
        let uri: Uri = url.parse().unwrap_or_default();
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if !matches!(uri.scheme_str(), Some("http" | "https")) || host.is_empty() {
            return bad("redirect must be an absolute URL that begins with http:// or https://".to_owned());
        }
        if !host_is_allowed(host, allowed) {
            return bad(
                "redirect must lead to this machine, or to a host that the scenario's allow_hosts names"
                    .to_owned(),
            );
        }
    }
    Ok(faults)
}

async fn rotate(core: Arc<Core>, request: Request<Incoming>) -> Result<(), Refused> {
    let Rotate { emergency, issuer } = body_of(request).await?;
    let place = match &issuer {
        None => Some(0),
        Some(name) => core.issuers.iter().position(|issuer| issuer.name == *name),
    };
    let place = place.ok_or_else(|| (StatusCode::NOT_FOUND, "there is no issuer of this name".to_owned()))?;
    // Searching for primes takes long enough to hold up a runtime's thread.
    let rotated = tokio::task::spawn_blocking(move || core.issuers[place].rotate(emergency)).await;
    match rotated {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

async fn body_of<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Refused> {
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    // What a form of another site can send without asking first is of another type.
    if !media_type.eq_ignore_ascii_case("application/json") {
        let reason = "the body must be application/json, and say so".to_owned();
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let Ok(body) = read_body(body, BODY_LIMIT).await else {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too long or broken off".to_owned()));
    };
    serde_json::from_slice(&body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// Whether a request was sent by a program of this machine that meant to send it.
fn from_this_machine(headers: &HeaderMap) -> Result<(), &'static str> {
    // A page whose name somebody has turned to loopback asks for that name (DNS rebinding).
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none()).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    let loopback = host.is_some_and(|authority| {
        let host = authority.host();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
    });
    if !loopback {
        return Err("the Host must be localhost or a loopback address");
    }
    // Browsers say where a page is from that sends something; programs do not.
    let site = headers.get("sec-fetch-site").map(hyper::header::HeaderValue::as_bytes);
    if headers.contains_key(ORIGIN) || site.is_some_and(|site| site != b"none") {
        return Err("pages may not use this API");
    }
    Ok(())
}

fn refusal((status, reason): Refused) -> Answer {
    json(status, &json!({"error": reason}))
}

fn state(core: &Core) -> Answer {
    let issuers = core.issuers.iter().map(|issuer| {
        let signing = issuer.keys.signing();
        json!({
            "name": issuer.name,
            "issuer": issuer.url,
            "profile": issuer.profile.name,
            "algorithm": signing.algorithm.name(),
            "signs": signing.kid,
            "published": issuer.jwks().keys.iter().map(|jwk| jwk["kid"].clone()).collect::<Vec<_>>(),
        })
    });
    let (token, keys) = core.misbehaviour.told();
    let faults = Faults { token, keys };
    let counts = &core.counts;
    let state = json!({
        "issuers": issuers.collect::<Vec<_>>(),
        "offset_s": core.clock_s.load(Ordering::Relaxed),
        "faults": faults,
        "counts": {
            "token_requests": counts.token_requests.load(Ordering::Relaxed),
            "tokens_issued": counts.tokens_issued.load(Ordering::Relaxed),
            "jwks_requests": counts.jwks_requests.load(Ordering::Relaxed),
        },
    });
    json(StatusCode::OK, &state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn admitted(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        from_this_machine(&map).is_ok()
    }

    #[test]
    fn programs_of_this_machine_are_admitted_and_pages_are_not() {
        for host in ["127.0.0.1:9", "localhost:9", "LOCALHOST", "[::1]:9", "127.1.2.3"] {
            assert!(admitted(&[("host", host)]), "{host}");
        }
        for host in
            ["evil.example.com", "127.0.0.1.evil.example.com", "localhost.evil", "10.0.0.1", "[::2]:1", ""]
        {
            assert!(!admitted(&[("host", host)]), "{host}");
        }
        assert!(!admitted(&[]) && !admitted(&[("host", "localhost"), ("host", "evil.example.com")]));
        assert!(!admitted(&[("host", "localhost"), ("origin", "http://evil.example.com")]));
        assert!(!admitted(&[("host", "localhost"), ("origin", "http://localhost")]));
        assert!(!admitted(&[("host", "localhost"), ("sec-fetch-site", "cross-site")]));
        assert!(admitted(&[("host", "localhost"), ("sec-fetch-site", "none")]), "typed by a person");
    }
}
