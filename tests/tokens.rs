//! Fetching and keeping tokens, against identity providers that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use landfall::doubles::gateway::RateLimit;
use landfall::doubles::http::{Answer, Server, bind};
use landfall::doubles::idp::{Client, Credential, Idp, IdpConfig};
use landfall::load::{
    ClientProof, Credentials, Fetched, Keeper, PATIENCE, Target, TokenError, TokenSource, fetch_all,
};
use landfall::record::NEVER;
use landfall::scenario::{AudienceParameter, Protocol, Renew, TlsSettings, TokenSpec};
use landfall::secret::Secret;

/// How long anything may take before a test gives up waiting.
const LIMIT: Duration = Duration::from_mins(1);

fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    Response::builder().status(status).body(Full::new(body.into())).expect("a legal response")
}

fn token(name: &str, life: &str) -> String {
    format!("{{\"access_token\":\"{name}\",\"token_type\":\"bearer\"{life}}}")
}

/// A provider whose answer to its nth request (from 0) is what `answer` makes of it.
async fn idp(answer: impl Fn(u64) -> Answer + Clone + Send + Sync + 'static) -> Server {
    let seen = Arc::new(AtomicU64::new(0));
    let listener = bind("provider", ([127, 0, 0, 1], 0).into()).await.expect("a free port");
    Server::start(listener, move |_, _| std::future::ready(answer(seen.fetch_add(1, Ordering::SeqCst))))
        .expect("it has an address")
}

async fn credentials(url: &str) -> Credentials {
    let endpoint = Target::resolve(&format!("{url}/token"), &[], &TlsSettings::default(), Protocol::Http1)
        .await
        .expect("loopback");
    Credentials {
        endpoint,
        endpoint_url: url.to_owned(),
        client_id: "p".into(),
        proof: ClientProof::Basic(Secret::new("hunter2")),
        scope: String::new(),
        audience: (AudienceParameter::None, String::new()),
    }
}

async fn fetch(idp: &Server) -> Result<Fetched, TokenError> {
    let credentials = credentials(&format!("http://{}", idp.address())).await;
    fetch_all(&[credentials], Duration::ZERO).await.remove(0)
}

/// The first token of a provider, to be renewed when it has expired.
async fn source(idp: &Server) -> TokenSource {
    let credentials = credentials(&format!("http://{}", idp.address())).await;
    let spec = TokenSpec {
        renew: Renew::AtExpiry,
        renew_on: vec![401],
        jitter: Duration::ZERO,
        grace: Duration::ZERO,
    };
    let first = fetch(idp).await.expect("a first token");
    TokenSource { partner: 0, credentials, spec, first }
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn many_are_fetched_in_the_order_of_their_credentials() {
    let idp = idp(|n| answer(200, token(&n.to_string(), ",\"expires_in\":60"))).await;
    let there = credentials(&format!("http://{}", idp.address())).await;
    // A socket that is bound and does not listen.
    let held = tokio::net::TcpSocket::new_v4().expect("a socket");
    held.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let nowhere = credentials(&format!("http://{}", held.local_addr().expect("an address"))).await;
    let mut many = vec![there; 200];
    many[70] = nowhere;
    let fetched = fetch_all(&many, Duration::ZERO).await;
    let failed: Vec<usize> = (0..200).filter(|index| fetched[*index].is_err()).collect();
    assert_eq!((fetched.len(), failed), (200, vec![70]));
    let error = fetched[70].as_ref().unwrap_err();
    assert!(
        error.to_string().contains("cannot connect: ") && error.to_string().contains("127.0.0.1:"),
        "{error}"
    );
}

/// An answer that asks to be left alone for a time, in seconds.
fn busy(status: u16, wait: &str) -> Answer {
    let mut answer = answer(status, "{\"error\":\"too_many_requests\"}");
    answer.headers_mut().insert("retry-after", wait.parse().expect("a legal value"));
    answer
}

#[tokio::test]
async fn a_provider_that_has_too_much_to_do_is_asked_again() {
    let begun = Instant::now();
    let idp = idp(|n| match n {
        0 => answer(503, ""),
        1 => busy(429, "1"),
        n => answer(200, token(&n.to_string(), "")),
    })
    .await;
    let credentials = credentials(&format!("http://{}", idp.address())).await;
    let fetched = fetch_all(&[credentials], PATIENCE).await.remove(0).expect("it heals");
    assert_eq!(fetched.secret.expose(), "2");
    assert!(begun.elapsed() >= Duration::from_secs(1), "it asked for a second");
}

#[tokio::test]
async fn a_provider_that_stays_busy_is_given_up() {
    for (status, wait, patience, most) in
        [(429, "3600", PATIENCE, 1), (503, "0", Duration::from_secs(1), 3), (503, "0", Duration::ZERO, 1)]
    {
        let asked = Arc::new(AtomicU64::new(0));
        let counted = asked.clone();
        let idp = idp(move |n| {
            counted.store(n + 1, Ordering::SeqCst);
            busy(status, wait)
        })
        .await;
        let credentials = credentials(&format!("http://{}", idp.address())).await;
        let error = fetch_all(&[credentials], patience).await.remove(0).expect_err("it is busy");
        let often = asked.load(Ordering::SeqCst);
        // On a slow machine fewer times fit into the second.
        assert!((1..=most).contains(&often), "{often}");
        let times = if often > 1 { format!(", {often} times") } else { String::new() };
        let words =
            format!("it answers HTTP {status}, too_many_requests{times}; let fewer partners begin at once");
        assert!(matches!(error, TokenError::Busy { .. }) && error.to_string().contains(&words), "{error}");
    }
}

/// A fleet that is larger than what the provider answers at once, as landfall's own does it.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_gets_its_first_tokens_by_and_by() {
    let clients = (0..30).map(|n| Client {
        id: n.to_string(),
        credential: Credential::Secret(Secret::new("hunter2")),
        scopes: Vec::new(),
    });
    let idp = Idp::start(IdpConfig {
        clients: clients.collect(),
        rate_limit: Some(RateLimit { rate: 20.0, burst: 10 }),
        ..IdpConfig::new([127, 0, 0, 1].into(), "api")
    });
    let idp = idp.await.expect("it starts");
    let endpoint =
        Target::resolve(&idp.token_endpoint(), &[], &TlsSettings::default(), Protocol::Http1).await;
    let one = credentials(idp.issuer()).await;
    let one = Credentials { endpoint: endpoint.expect("loopback"), ..one };
    let all: Vec<_> = (0..30).map(|n| Credentials { client_id: n.to_string(), ..one.clone() }).collect();
    let at_once = fetch_all(&all, Duration::ZERO).await;
    assert!(at_once.iter().any(Result::is_err), "it is asked for more than it answers");
    let fetched = fetch_all(&all, PATIENCE).await;
    assert!(fetched.iter().all(Result::is_ok), "{:?}", fetched.iter().find(|one| one.is_err()));
}

#[tokio::test]
async fn answers_that_are_no_token_are_told_without_a_secret() {
    let echo = "{\"error\":\"invalid_client\",\"error_description\":\"hunter2\\u001b[31m is wrong\"}";
    for (status, body, refused, words) in [
        (401, echo.to_owned(), true, "HTTP 401, invalid_client ([redacted]"),
        (400, "{\"error\":\"invalid_scope\"}".to_owned(), true, "HTTP 400, invalid_scope"),
        (503, String::new(), false, "it answers HTTP 503"),
        (500, "{\"error\":{}}".to_owned(), false, "it answers HTTP 500"),
        (200, "<html>".to_owned(), false, "no token response"),
        (200, token("t", "").replace("bearer", "mac"), false, "tokens of type `mac`, not Bearer"),
        (200, " ".repeat(65 * 1024), false, "length limit exceeded"),
        (302, String::new(), false, "it answers HTTP 302"),
    ] {
        let idp = idp(move |_| answer(status, body.clone())).await;
        let error = fetch(&idp).await.expect_err(words);
        assert_eq!(matches!(error, TokenError::Refused { .. }), refused, "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && !text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
    }
}

#[tokio::test]
async fn a_life_is_believed_within_reason_and_need_not_be_told() {
    let origin = Instant::now();
    for (life, good_until, expires) in [
        ("", 3_599, NEVER),
        (",\"expires_in\":1", 0, 1),
        (",\"expires_in\":18446744073709551615", 31_535_999, 31_536_000),
    ] {
        let idp = idp(move |_| answer(200, token("t", life))).await;
        let (cells, _keeper) = Keeper::start(vec![source(&idp).await], origin);
        let validity = cells[0].current().validity;
        let seconds = |micros: u64| if micros == NEVER { NEVER } else { micros / 1_000_000 };
        let (good_until_s, expires_s) = (seconds(validity.good_until_us), seconds(validity.expired_us));
        // Some time has passed since the origin, but not as much as a minute.
        assert!((good_until..good_until + 60).contains(&good_until_s), "{life} {validity:?}");
        assert!(
            expires_s == expires || (expires != NEVER && expires_s < expires + 60),
            "{life} {validity:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_kept_through_an_outage_and_then_renewed() {
    let idp = idp(|n| match n {
        0 => answer(200, token("first", ",\"expires_in\":1")),
        1 => answer(503, ""),
        _ => answer(200, token("second", ",\"expires_in\":3600")),
    })
    .await;
    let (cells, keeper) = Keeper::start(vec![source(&idp).await], Instant::now());
    let cell = cells[0].clone();
    assert_eq!((cell.version(), cell.current().secret.expose()), (1, "first"));
    until("a renewal fails", || keeper.report().partners[0].failed == 1).await;
    assert_eq!((cell.version(), cell.current().secret.expose()), (1, "first"));
    until("a renewal succeeds", || cell.version() == 2).await;
    assert_eq!(cell.current().secret.expose(), "second");
    let report = keeper.report();
    let tokens = &report.partners[0];
    assert_eq!((tokens.fetched, tokens.failed, report.fetch.count()), (2, 1, 3));
    assert_eq!(tokens.failure.as_deref(), Some("it answers HTTP 503"));
    // The second try comes a second after the first, which comes when the token has expired.
    assert!(tokens.unarmed >= Duration::from_secs(1), "{tokens:?}");
    assert!((1..=2).contains(&report.storm), "{}", report.storm);
    drop((cells, keeper));
    until("the keeper has stopped", || Arc::strong_count(&cell) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_gone_leaves_its_partner_without_a_valid_token() {
    let idp = idp(|_| answer(200, token("first", ",\"expires_in\":1"))).await;
    let (cells, keeper) = Keeper::start(vec![source(&idp).await], Instant::now());
    drop(idp);
    until("renewals fail", || keeper.report().partners[0].failed == 2).await;
    let tokens = &keeper.report().partners[0];
    assert_eq!((cells[0].version(), tokens.fetched), (1, 1));
    assert!(tokens.unarmed >= Duration::from_secs(1), "{tokens:?}");
    assert!(tokens.failure.as_deref().is_some_and(|failure| failure.contains("connect")), "{tokens:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_renewed_once() {
    let idp = idp(|n| answer(200, token(&n.to_string(), ",\"expires_in\":3600"))).await;
    let (cells, keeper) = Keeper::start(vec![source(&idp).await], Instant::now());
    let cell = &cells[0];
    // Another refusal says nothing of the token.
    cell.answered(1, 403);
    cell.answered(1, 200);
    let first = cell.current();
    for _ in 0..3 {
        cell.answered(1, 401);
    }
    until("it is renewed", || cell.version() == 2).await;
    let second = cell.current();
    assert!(second.issued >= first.issued + TokenSpec::SHORTEST, "not at once after the one before");
    // The answer to what was still under way with the first.
    cell.answered(1, 401);
    cell.answered(2, 401);
    until("the next one is renewed, too", || cell.version() == 3).await;
    let tokens = &keeper.report().partners[0];
    assert_eq!((tokens.fetched, tokens.replaced, tokens.failed), (3, 2, 0), "{tokens:?}");
}
