//! What is said of a token agrees with what the authorizer does with it: for every token of the authentication suite.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use landfall::app::token::inspect::{Against, inspect};
use landfall::app::token::mint::{Order, mint};
use landfall::app::token::{Input, seconds};
use landfall::conform::auth::{Attacker, GROUPS, Material, Other, Signing};
use landfall::conform::{Probe, Step};
use landfall::doubles::authorizer::{
    Authorizer, AuthorizerConfig, Examination, KeySet, Presented, Terms, examine,
};
use landfall::doubles::http::{Server, bind};
use landfall::jose::{Compact, KeyKind, PrivateKey};
use landfall::scenario::{KeyTimes, TlsSettings, TokenProfile, profile};
use landfall::secret::Secret;
use landfall::wire::lambda::{AuthorizerEvent, AuthorizerResult, Effect};
use serde_json::Value;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ISSUER: &str = "https://idp.example";
const AUDIENCE: &str = "ingest";
const METHOD: &str = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/prod/POST/topics/orders";

fn key(kind: KeyKind) -> Arc<PrivateKey> {
    Arc::new(PrivateKey::generate(kind).expect("randomness"))
}

/// Some providers have the tenant in it.
fn issuer(profile: &TokenProfile) -> String {
    format!("{ISSUER}{}", profile.issues.issuer_path)
}

/// What the suite's tokens are made of, as `profile` has them, and the key set.
fn material(profile: &TokenProfile) -> (Material, Value) {
    let signer = key(profile.issues.algorithm.key_kind().expect("a key pair"));
    let now = seconds(SystemTime::now());
    let order = |client: &str, topic: &str| Order {
        key: signer.clone(),
        algorithm: None,
        kid: None,
        profile: profile.clone(),
        issuer: issuer(profile),
        audience: Some(AUDIENCE.into()),
        client: client.into(),
        scope: Some(format!("{}{topic}:write", profile.accepts.permissions.prefix)),
        life: Duration::from_mins(5),
        claims: Vec::new(),
        header: Vec::new(),
    };
    let own = mint(&order("shop", "orders"), now, "own").expect("a token");
    let other = mint(&order("bank", "ledger"), now, "other").expect("a token");
    let parts = Compact::split(own.token.expose()).expect("three parts");
    let object =
        |bytes: Option<Vec<u8>>| serde_json::from_slice(&bytes.expect("base64url")).expect("an object");
    let material = Material {
        accepts: profile.accepts.clone(),
        header: object(parts.decoded_header()),
        claims: object(parts.decoded_payload()),
        token: own.token.clone(),
        public: signer.public().clone(),
        audience: AUDIENCE.into(),
        client_secret: Some(Secret::new("the-secret-of-the-shop")),
        topic: "orders".into(),
        other: Some(Other { token: other.token, topic: "ledger".into() }),
        base_path: String::new(),
        signer: Some(Signing { key: signer.clone(), algorithm: own.algorithm, kid: own.kid }),
        spare: Signing { key: key(signer.kind()), algorithm: own.algorithm, kid: "spare".into() },
        attacker: Attacker {
            rsa: key(KeyKind::Rsa),
            p256: key(KeyKind::P256),
            p384: key(KeyKind::P384),
            ed25519: key(KeyKind::Ed25519),
            certificate: vec![0x30, 0],
        },
        sink: Some("http://127.0.0.1:1".into()),
        rotation: Some(KeyTimes::default()),
        own: true,
        cold: true,
        copies: 1,
        clock: true,
        cache: Some(Duration::from_secs(1)),
        run: "run".into(),
    };
    (material, own.jwks)
}

/// What an authorizer does with a request: which topics it lets be written to; `None`: it refuses.
async fn decided(authorizer: &Authorizer, value: &str) -> Option<BTreeSet<String>> {
    let event =
        AuthorizerEvent::Token { authorization_token: value.to_owned(), method_arn: METHOD.to_owned() };
    let event = serde_json::to_vec(&event).expect("it can be written");
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(authorizer.invoke_url()).body(Full::new(Bytes::from(event))).expect("legal");
    let answer = client.request(request).await.expect("an answer");
    let failed = answer.headers().contains_key("x-amz-function-error");
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    if failed {
        let error: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(error["errorMessage"], "Unauthorized", "nothing else fails here");
        return None;
    }
    let result: AuthorizerResult = serde_json::from_slice(&body).expect("a policy");
    let statement = &result.policy_document.statement.as_slice()[0];
    let topic = |resource: &String| {
        let (_, topic) = resource.split_once("/POST/topics/")?;
        (!topic.contains('/')).then(|| topic.to_owned())
    };
    (statement.effect == Effect::Allow)
        .then(|| statement.resource.as_slice().iter().filter_map(topic).collect())
}

/// The one header `Authorization` of a request.
fn authorization(probe: &Probe) -> Option<&str> {
    let mut named = probe.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let (_, value) = named.next()?;
    named.next().is_none().then(|| value.expose())
}

/// Holds what is said of every token of the suite against what the authorizer does: how many were accepted and refused.
async fn compare(name: &str) -> (usize, usize) {
    let profile = profile(name).expect("it ships");
    let (material, jwks) = material(&profile);
    let set = jwks.to_string();
    let keys = KeySet::parse(set.as_bytes()).expect("a key set");
    let listener = bind("keys", SocketAddr::new(LOOPBACK, 0)).await.expect("a free port");
    let server = Server::start(listener, move |_, _| {
        std::future::ready(Response::new(Full::new(Bytes::from(set.clone()))))
    })
    .expect("it has an address");
    let authorizer = Authorizer::start(AuthorizerConfig {
        bind: LOOPBACK,
        port: 0,
        issuer: issuer(&profile),
        audience: AUDIENCE.into(),
        jwks_uri: format!("http://{}/", server.address()),
        jwks_tls: TlsSettings::default(),
        prefix: String::new(),
        accepts: profile.accepts.clone(),
        keys: KeyTimes::default(),
        flaw: None,
    })
    .await
    .expect("it starts");
    let terms = Terms {
        issuer: Some(issuer(&profile)),
        audience: Some(AUDIENCE.into()),
        accepts: profile.accepts.clone(),
    };
    let said = |value: &str| -> Examination {
        examine(Presented::Header(value), &terms, Some(&keys), SystemTime::now())
    };
    let outcome =
        |found: &Examination| found.refusals.is_empty().then(|| found.topics.iter().cloned().collect());
    let (mut accepted, mut refused) = (0, 0);
    let cases = GROUPS.iter().flat_map(|write_down| write_down(&material, seconds(SystemTime::now())));
    for case in cases.filter(|case| case.steps.iter().all(|step| matches!(step, Step::Send(_)))) {
        for step in &case.steps {
            let Step::Send(probe) = step else { continue };
            let Some(value) = authorization(probe) else { continue };
            let before = said(value);
            let done = decided(&authorizer, value).await;
            // A token may begin or end between two looks.
            let agrees = outcome(&before) == done || outcome(&said(value)) == done;
            assert!(agrees, "{name} {}: {done:?}, and it is said: {:?}", case.id, before.refusals);
            if done.is_some() {
                accepted += 1;
            } else {
                refused += 1;
            }
            for refusal in &before.refusals {
                assert!(!refusal.about.is_empty() && refusal.reason.len() > 10, "{} {refusal:?}", case.id);
            }
        }
    }
    (accepted, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn inspect_refuses_exactly_what_the_authorizer_refuses() {
    for name in ["landfall", "cognito", "okta", "entra-v1"] {
        let (accepted, refused) = compare(name).await;
        assert!(accepted > 40 && refused > 250, "{name}: {accepted} accepted, {refused} refused");
    }
}

/// A bare token is held against the same rules as one in a header.
#[tokio::test]
async fn a_token_alone_is_taken_as_one_in_a_header() {
    let (material, jwks) = material(&TokenProfile::default());
    let against = Against {
        profile: TokenProfile::default(),
        issuer: Some(ISSUER.into()),
        audience: Some(AUDIENCE.into()),
        keys: KeySet::parse(jwks.to_string().as_bytes()),
    };
    let token = material.token.expose();
    for text in [token.to_owned(), format!("Bearer {token}"), format!("Authorization: Bearer {token}\n")] {
        let found = inspect(&Input::parse(&text).expect("a token"), &against, SystemTime::now());
        assert_eq!(
            (found.accepted, found.topics, found.client.as_deref()),
            (true, vec!["orders".to_owned()], Some("shop"))
        );
    }
}
