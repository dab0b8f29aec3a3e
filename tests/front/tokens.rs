//! What the identity provider's tokens look like, who gets them, and what it is told to do wrong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use landfall::doubles::fault::Injector;
use landfall::doubles::gateway::RateLimit;
use landfall::doubles::idp::{Client, Credential, Idp, KeysFault, TokenFault};
use landfall::jose::{Algorithm, Compact, KeyKind, PrivateKey, PublicKey, Signer};
use landfall::scenario::{Fault, FaultKind, PROFILES, Pace, TokenProfile, profile};
use landfall::wire::oauth::{JWT_BEARER, Metadata};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stage::{DEADLINE, Reply, get, post, send, start_idp_as, token_form, token_of, until};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

fn part(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Header and claims of a token, whose signature is right by the keys that are published at `jwks_uri`.
async fn verified(token: &str, jwks_uri: &str) -> (Value, Value) {
    let parts = Compact::split(token).unwrap();
    let header = part(parts.header);
    let keys = get(jwks_uri).await.json();
    let named = |jwk: &&Value| jwk["kid"] == header["kid"];
    let jwk = keys["keys"].as_array().unwrap().iter().find(named).expect("the key is published");
    let algorithm = Algorithm::of_name(header["alg"].as_str().unwrap()).unwrap();
    let signature = parts.decoded_signature().unwrap();
    let key = PublicKey::from_jwk(jwk).unwrap();
    assert!(key.verifies(algorithm, parts.signing_input().as_bytes(), &signature));
    (header, part(parts.payload))
}

async fn kids(idp: &Idp) -> Vec<String> {
    let keys = get(&idp.jwks_uri()).await.json();
    keys["keys"].as_array().unwrap().iter().map(|jwk| jwk["kid"].as_str().unwrap().to_owned()).collect()
}

/// The metadata of an issuer, which is the same at both places where clients look for it.
async fn discovered(issuer: &str) -> Metadata {
    let base = issuer.trim_end_matches('/');
    let (host, path) = base[7..].find('/').map_or((base, ""), |at| base.split_at(at + 7));
    let by_openid = get(&format!("{base}/.well-known/openid-configuration")).await;
    let by_oauth = get(&format!("{host}/.well-known/oauth-authorization-server{path}")).await;
    assert_eq!((by_openid.status, &by_openid.body), (StatusCode::OK, &by_oauth.body));
    serde_json::from_slice(&by_openid.body).unwrap()
}

#[tokio::test]
async fn tokens_look_like_those_of_the_provider() {
    for name in PROFILES {
        let idp = start_idp_as(|config| config.profile = profile(name).unwrap()).await;
        let metadata = discovered(idp.issuer()).await;
        assert_eq!(metadata.issuer, idp.issuer());
        assert_eq!(
            (&metadata.token_endpoint, &metadata.jwks_uri),
            (&idp.token_endpoint(), &Some(idp.jwks_uri()))
        );
        let (header, claims) = verified(&token_of(&idp, "seis:mic").await, &idp.jwks_uri()).await;
        assert_eq!(claims["iss"], idp.issuer(), "{name}");
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300, "{name}");
        let issuer = idp.issuer();
        let path = &issuer[issuer[7..].find('/').map_or(issuer.len(), |at| at + 7)..];
        let names: BTreeSet<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        let has = |wanted: &[&str]| wanted.iter().all(|name| names.contains(name));
        let scopes = json!(["quakes:write"]);
        let (typ, ends) = match name {
            "landfall" => {
                assert!(claims["aud"] == "ingest" && claims["client_id"] == "seis:mic");
                (json!("at+jwt"), "")
            }
            "cognito" => {
                assert!(!names.contains("aud") && claims["token_use"] == "access");
                assert!(claims["sub"] == "seis:mic" && has(&["auth_time", "jti", "version"]));
                (Value::Null, "_Landfall1")
            }
            "auth0" => {
                assert!(claims["sub"] == "seis:mic@clients" && claims["gty"] == "client-credentials");
                assert!(claims["azp"] == "seis:mic" && claims["permissions"] == scopes);
                (json!("JWT"), "/")
            }
            "okta" => {
                assert!(claims["scp"] == scopes && claims["cid"] == "seis:mic" && claims["ver"] == 1);
                assert!(claims["jti"].as_str().unwrap().starts_with("AT.") && !names.contains("scope"));
                (Value::Null, "/oauth2/default")
            }
            "keycloak" => {
                assert!(claims["typ"] == "Bearer" && claims["azp"] == claims["client_id"]);
                assert!(claims["preferred_username"] == "service-account-seis:mic");
                assert!(
                    claims["aud"] == json!(["ingest", "account"]) && has(&["realm_access", "clientHost"])
                );
                (json!("JWT"), "/realms/landfall")
            }
            "entra-v1" => {
                assert!(claims["appid"] == "seis:mic" && claims["roles"] == scopes && claims["ver"] == "1.0");
                (json!("JWT"), "/")
            }
            _ => {
                assert!(claims["azp"] == "seis:mic" && claims["roles"] == scopes && claims["ver"] == "2.0");
                (json!("JWT"), "/v2.0")
            }
        };
        assert_eq!(header.get("typ").unwrap_or(&Value::Null), &typ, "{name}");
        assert!(path.ends_with(ends), "{name}: {path}");
        let with_algorithm = get(&idp.jwks_uri()).await.json()["keys"][0].get("alg").is_some();
        assert_eq!(with_algorithm, !name.starts_with("entra"));
        if name.starts_with("entra") {
            assert!(path.contains(claims["tid"].as_str().unwrap()) && claims["sub"] == claims["oid"]);
            assert!(!names.contains("scp") && !names.contains("scope"));
        }
        // A client without scopes has no claim of them.
        let bare = token_of(&idp, "stranger").await;
        let (_, bare) = verified(&bare, &idp.jwks_uri()).await;
        assert!(
            ["scope", "scp", "roles", "permissions"].iter().all(|name| bare.get(name).is_none()),
            "{bare}"
        );
    }
}

#[tokio::test]
async fn every_algorithm_signs_and_is_published() {
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.key_kind().is_some()) {
        let idp = start_idp_as(|config| config.profile.issues.algorithm = algorithm).await;
        let (header, _) = verified(&token_of(&idp, "seis:mic").await, &idp.jwks_uri()).await;
        assert_eq!(header["alg"], algorithm.name());
    }
}

#[tokio::test]
async fn issuers_of_one_provider_have_keys_of_their_own() {
    let idp = start_idp_as(|config| {
        config.profile.issues.algorithm = Algorithm::Es256;
        config.issuers =
            vec![("other".into(), TokenProfile { name: "x".into(), ..profile("okta").unwrap() })];
    })
    .await;
    let issuers = idp.issuers();
    assert_eq!(issuers[0], idp.issuer());
    assert_eq!(issuers[1], format!("{}/oauth2/default", idp.issuer()));
    let other = discovered(&issuers[1]).await;
    assert_eq!(other.issuer, issuers[1]);
    let reply = send(post(&other.token_endpoint, &[FORM], token_form("seis:mic"))).await;
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let (header, claims) = verified(&token, other.jwks_uri.as_deref().unwrap()).await;
    assert_eq!((&claims["iss"], &header["alg"]), (&json!(issuers[1]), &json!("RS256")));
    assert!(!kids(&idp).await.contains(&header["kid"].as_str().unwrap().to_owned()));
    let (_, kid, _) = idp.signer_of(&issuers[1]).unwrap();
    assert_eq!(header["kid"], kid);
    assert!(idp.signer_of("http://nobody").is_none());
}

#[tokio::test]
async fn a_client_may_sign_for_itself() {
    let key = Arc::new(PrivateKey::generate(KeyKind::P384).unwrap());
    let idp = start_idp_as(|config| {
        let credential = Credential::Key(key.public().clone());
        config.clients.push(Client { id: "signer".into(), credential, scopes: vec!["a".into()] });
    })
    .await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (audience, jti, status) in [
        (idp.token_endpoint(), "1", StatusCode::OK),
        (idp.issuer().to_owned(), "2", StatusCode::OK),
        (idp.issuer().to_owned(), "2", StatusCode::UNAUTHORIZED),
        (format!("{}/", idp.issuer()), "3", StatusCode::UNAUTHORIZED),
    ] {
        let claims = json!({"iss": "signer", "sub": "signer", "aud": audience, "exp": now + 60, "iat": now, "jti": jti});
        let signer = Signer::new(key.clone(), Algorithm::Es384, &json!({"alg": "ES384"}));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("client_assertion_type", JWT_BEARER);
        form.append_pair("client_assertion", &signer.sign(&claims).unwrap());
        let reply = send(post(&idp.token_endpoint(), &[FORM], form.finish())).await;
        assert_eq!(reply.status, status, "{audience} {jti}: {}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        if status == StatusCode::OK {
            assert_eq!(reply.json()["scope"], "a");
        } else {
            assert_eq!(reply.json()["error"], "invalid_client");
        }
    }
}

#[tokio::test]
async fn too_many_token_requests_are_told_when_to_come_again() {
    let idp = start_idp_as(|config| config.rate_limit = Some(RateLimit { rate: 0.5, burst: 2 })).await;
    let ask = || async { send(post(&idp.token_endpoint(), &[FORM], token_form("seis:mic"))).await };
    assert_eq!([ask().await.status, ask().await.status], [StatusCode::OK; 2]);
    let reply = ask().await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((reply.header("retry-after"), reply.header("cache-control")), (Some("2"), Some("no-store")));
    assert_eq!(reply.json()["error"], "too_many_requests");
    assert_eq!(get(&idp.jwks_uri()).await.status, StatusCode::OK, "keys are for everybody");
}

#[tokio::test]
async fn tokens_are_issued_by_the_providers_own_clock() {
    let idp = start_idp_as(|config| config.clock_s = -90).await;
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let issued = || async { verified(&token_of(&idp, "seis:mic").await, &idp.jwks_uri()).await.1 };
    let (before, slow, after) = (now(), issued().await, now());
    let iat = slow["iat"].as_u64().unwrap();
    assert!((before - 90..=after - 90).contains(&iat) && slow["exp"] == iat + 300, "{slow}");
    idp.set_clock(3600);
    assert!(issued().await["iat"].as_u64().unwrap() >= before + 3600);
}

#[tokio::test]
async fn keys_rotate_with_care_and_in_an_emergency() {
    let idp = start_idp_as(|config| config.profile.issues.algorithm = Algorithm::Es256).await;
    let old = token_of(&idp, "seis:mic").await;
    let first = idp.current_signer().1;
    let second = idp.rotate(false).unwrap();
    assert_eq!(kids(&idp).await, [second.clone(), first.clone()]);
    let (header, _) = verified(&token_of(&idp, "seis:mic").await, &idp.jwks_uri()).await;
    assert_eq!(header["kid"], second);
    verified(&old, &idp.jwks_uri()).await;
    let third = idp.rotate(true).unwrap();
    assert_eq!(kids(&idp).await, std::slice::from_ref(&third));
    // Whatever is published besides stands beside it.
    let extra = json!({"kty": "oct", "kid": "shared", "k": "AQAB"});
    idp.publish(vec![extra.clone()]);
    let added = idp.add_key(&PrivateKey::generate(KeyKind::Ed25519).unwrap(), Algorithm::EdDsa);
    assert_eq!(kids(&idp).await, [third.clone(), "shared".into(), added]);
    idp.publish(Vec::new());
    assert_eq!(kids(&idp).await, std::slice::from_ref(&third));
    // What signs can sign anything.
    let (key, kid, algorithm) = idp.current_signer();
    assert_eq!((kid.as_str(), algorithm), (third.as_str(), Algorithm::Es256));
    let header = json!({"alg": "ES256", "kid": kid, "typ": "odd"});
    let token = Signer::new(key, algorithm, &header).sign(&json!({"any": "thing"})).unwrap();
    assert_eq!(verified(&token, &idp.jwks_uri()).await, (header, json!({"any": "thing"})));
}

/// What comes of a request within a moment: all of the answer, or nothing.
async fn within_a_moment(url: &str) -> Option<Reply> {
    tokio::time::timeout(Duration::from_millis(300), get(url)).await.ok()
}

#[tokio::test]
async fn the_keys_are_withheld_as_it_is_told() {
    let idp = start_idp_as(|config| config.profile.issues.algorithm = Algorithm::EdDsa).await;
    let url = idp.jwks_uri();
    let right = get(&url).await.body;
    let with = |fault: KeysFault| idp.set_keys_fault(Some(fault));
    with(KeysFault::Status(500));
    assert_eq!(get(&url).await.status.as_u16(), 500);
    with(KeysFault::Html);
    let reply = get(&url).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (StatusCode::OK, Some("text/html; charset=utf-8"))
    );
    assert!(reply.text().starts_with("<!DOCTYPE html>"));
    with(KeysFault::Empty);
    assert_eq!(get(&url).await.json(), json!({"keys": []}));
    with(KeysFault::Huge);
    let huge = get(&url).await;
    assert!(huge.body.len() > 2_000_000 && huge.json()["keys"][0]["crv"] == "Ed25519");
    with(KeysFault::Redirect("http://127.0.0.1:9/elsewhere".into()));
    let reply = get(&url).await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (StatusCode::FOUND, Some("http://127.0.0.1:9/elsewhere"))
    );
    with(KeysFault::Hang);
    assert!(within_a_moment(&url).await.is_none());
    with(KeysFault::Drip);
    let address = url[7..].split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /.well-known/jwks.json HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    // The first bytes of the set come, each in a chunk of its own.
    while !String::from_utf8_lossy(&seen).contains("1\r\n{\r\n1\r\n\"\r\n") {
        let read = tokio::time::timeout(DEADLINE, stream.read_buf(&mut seen)).await;
        assert!(read.unwrap().unwrap() > 0, "{}", String::from_utf8_lossy(&seen));
    }
    idp.set_keys_fault(None);
    assert_eq!(get(&url).await.body, right);
    assert_eq!(idp.jwks_requests(), 9);
}

#[tokio::test]
async fn tokens_are_withheld_as_it_is_told() {
    let idp = start_idp_as(|_| {}).await;
    let ask = || send(post(&idp.token_endpoint(), &[FORM], token_form("seis:mic")));
    idp.set_token_fault(Some(TokenFault::Status(502)));
    assert_eq!(ask().await.status.as_u16(), 502);
    idp.set_token_fault(Some(TokenFault::Html));
    let page = ask().await;
    assert!(page.status == StatusCode::OK && page.text().contains("<html>"));
    idp.set_token_fault(Some(TokenFault::Hang));
    assert!(tokio::time::timeout(Duration::from_millis(300), ask()).await.is_err());
    let (delay, since) = (Duration::from_millis(200), Instant::now());
    idp.set_token_fault(Some(TokenFault::Slow(delay)));
    assert!(ask().await.status == StatusCode::OK && since.elapsed() >= delay);
    idp.set_token_fault(None);
    assert_eq!(ask().await.status, StatusCode::OK);
}

#[tokio::test]
async fn faults_of_a_scenario_strike_when_the_load_has_begun_and_are_counted() {
    let fault = |kind| Arc::new(Injector::new(Fault::new(kind, Pace::Every(1)), 1));
    let rows: [(FaultKind, u16, bool); 5] = [
        (FaultKind::TokenOutage, 503, true),
        (FaultKind::TokenHtml, 200, true),
        (FaultKind::KeysOutage, 503, false),
        (FaultKind::KeysHtml, 200, false),
        (FaultKind::KeysEmpty, 200, false),
    ];
    for (kind, status, of_tokens) in rows {
        let injector = fault(kind);
        let idp = start_idp_as(|config| {
            config.profile.issues.algorithm = Algorithm::EdDsa;
            config.injectors = vec![injector.clone()];
        })
        .await;
        let ask = || async {
            let form = post(&idp.token_endpoint(), &[FORM], token_form("seis:mic"));
            if of_tokens { send(form).await } else { get(&idp.jwks_uri()).await }
        };
        let right = ask().await;
        assert_eq!((right.status, injector.injected()), (StatusCode::OK, 0));
        injector.start(Instant::now());
        let wrong = ask().await;
        assert_eq!((wrong.status.as_u16(), injector.injected()), (status, 1), "{}", kind.name());
        assert!(wrong.body != right.body, "{}", kind.name());
    }
    let injector = fault(FaultKind::WrongKid);
    let idp = start_idp_as(|config| config.injectors = vec![injector.clone()]).await;
    injector.start(Instant::now());
    let token = token_of(&idp, "seis:mic").await;
    let header = part(Compact::split(&token).unwrap().header);
    assert!(!kids(&idp).await.contains(&header["kid"].as_str().unwrap().to_owned()));
    assert_eq!((header["alg"].as_str(), injector.injected()), (Some("RS256"), 1));
}

#[tokio::test]
async fn keys_rotate_at_the_scenarios_time() {
    for (kind, left) in [(FaultKind::RotateKeys, 2), (FaultKind::RotateKeysAtOnce, 1)] {
        let at = Duration::from_millis(20);
        let fault = Fault { window: Some((at, at)), ..Fault::new(kind, Pace::Every(1)) };
        let injector = Arc::new(Injector::new(fault, 1));
        let idp = start_idp_as(|config| config.injectors = vec![injector.clone()]).await;
        let first = idp.current_signer().1;
        injector.start(Instant::now());
        until("the keys rotate", || injector.injected() == 1).await;
        let second = idp.current_signer().1;
        assert_ne!(first, second);
        assert_eq!(kids(&idp).await, [second, first][..left]);
    }
}

#[tokio::test]
async fn the_admin_api_shows_and_changes_what_the_provider_does() {
    let idp = start_idp_as(|config| {
        config.profile.issues.algorithm = Algorithm::Es256;
        config.issuers = vec![("other".into(), profile("okta").unwrap())];
        config.admin = Some(0);
        config.allow_hosts = vec!["elsewhere.example.com".into()];
    })
    .await;
    let admin = idp.admin_url().unwrap();
    let tell = |path: &str, body: Value| {
        let request = post(&format!("{admin}{path}"), &[JSON], body.to_string());
        async move { send(request).await }
    };
    token_of(&idp, "seis:mic").await;
    let state = get(&format!("{admin}/state")).await.json();
    assert_eq!(state["issuers"][0]["issuer"], idp.issuer());
    assert_eq!(state["issuers"][1]["name"], "other");
    assert_eq!(state["issuers"][0]["signs"], idp.current_signer().1);
    assert_eq!(state["counts"], json!({"token_requests": 1, "tokens_issued": 1, "jwks_requests": 0}));
    assert_eq!((&state["offset_s"], &state["faults"]), (&json!(0), &json!({"token": null, "keys": null})));

    let rotated = tell("/rotate", json!({})).await.json();
    assert_eq!(rotated["issuers"][0]["published"].as_array().unwrap().len(), 2);
    let rotated = tell("/rotate", json!({"emergency": true})).await.json();
    assert_eq!(rotated["issuers"][0]["published"], json!([idp.current_signer().1]));
    let before = idp.signer_of(&idp.issuers()[1]).unwrap().1;
    let other = tell("/rotate", json!({"issuer": "other"})).await.json();
    assert_ne!(other["issuers"][1]["signs"], before);
    assert_eq!(other["issuers"][0]["signs"], rotated["issuers"][0]["signs"]);

    let faults = json!({"token": {"status": 503}, "keys": "html"});
    assert_eq!(tell("/faults", faults.clone()).await.json()["faults"], faults);
    assert_eq!(get(&idp.jwks_uri()).await.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(tell("/faults", json!({})).await.json()["faults"], json!({"token": null, "keys": null}));
    assert_eq!(get(&idp.jwks_uri()).await.header("content-type"), Some("application/json"));
    assert_eq!(tell("/clock", json!({"offset_s": -90})).await.json()["offset_s"], -90);

    for (path, body, status) in [
        ("/rotate", json!({"issuer": "nobody"}), 404),
        ("/rotate", json!({"emergencies": true}), 400),
        ("/faults", json!({"keys": "sleepy"}), 400),
        ("/faults", json!({"keys": {"status": 200}}), 400),
        ("/faults", json!({"token": {"slow_ms": 600_001}}), 400),
        ("/faults", json!({"keys": {"redirect": "/elsewhere"}}), 400),
        ("/faults", json!({"keys": {"redirect": "file:///etc/passwd"}}), 400),
        ("/faults", json!({"keys": {"redirect": "http://169.254.169.254/latest"}}), 400),
        ("/faults", json!({"keys": {"redirect": "https://idp.example.com/keys"}}), 400),
        ("/faults", json!({"keys": {"redirect": "https://elsewhere.example.com/keys"}}), 200),
        ("/faults", json!({"keys": {"redirect": "http://[::1]:9/keys"}, "token": {"slow_ms": 600_000}}), 200),
        ("/faults", json!({}), 200),
        ("/clock", json!({"offset_s": i64::MIN}), 400),
        ("/clock", json!({}), 400),
        ("/other", json!({}), 404),
        ("/state", json!({}), 405),
    ] {
        assert_eq!(tell(path, body.clone()).await.status.as_u16(), status, "{path} {body}");
    }
    let foreign = [JSON, ("origin", "http://evil.example.com")];
    let rebound = [JSON, ("host", "evil.example.com")];
    for (headers, status) in [(&foreign[..], 403), (&rebound, 403), (&[("content-type", "text/plain")], 415)]
    {
        let request = post(&format!("{admin}/rotate"), headers, "{\"emergency\": true}");
        assert_eq!(send(request).await.status.as_u16(), status, "{headers:?}");
    }
    assert_eq!(rotated["issuers"][0]["signs"], idp.current_signer().1, "nothing was changed by those");
    assert_eq!(
        get(&format!("{}/state", idp.issuer())).await.status,
        StatusCode::NOT_FOUND,
        "it is no part of the provider"
    );
}
