use super::*;
use crate::scenario::TlsSettings;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::jose::{KeyKind, PrivateKey, base64url};

static POINT: LazyLock<PublicKey> =
    LazyLock::new(|| PrivateKey::generate(KeyKind::Ed25519).unwrap().public().clone());

const TIMES: KeyTimes = KeyTimes { life: Duration::from_secs(100), cool_down: Duration::from_secs(10) };

fn jwk(more: &Value) -> Value {
    let mut jwk = Value::Object(POINT.to_bare_jwk());
    for (name, value) in more.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn ids(keys: &[Value]) -> Vec<Option<String>> {
    let set = json!({"keys": keys}).to_string();
    parse(set.as_bytes()).unwrap().iter().map(|key| key.id.clone()).collect()
}

#[test]
fn keys_of_other_kinds_are_ignored() {
    let keys = [
        jwk(&json!({"kid": "a"})),
        jwk(&json!({"kid": "b", "use": "enc"})),
        jwk(&json!({"kid": "c", "use": "sig", "key_ops": ["verify"], "alg": "EdDSA", "x5t": "x"})),
        jwk(&json!({"kid": "d", "key_ops": ["encrypt"]})),
        jwk(&json!({"kid": "e", "x": "!"})),
        jwk(&json!({"kid": 7})),
        jwk(&json!({"kid": "a"})),
        json!({"kty": "oct", "kid": "f", "k": "AQAB"}),
        json!({"kty": 7}),
        json!("x"),
    ];
    assert_eq!(ids(&keys), [Some("a".to_owned()), Some("c".to_owned())]);
    for none in ["<html>", "[]", "{}", r#"{"keys":{}}"#, ""] {
        assert_eq!(parse(none.as_bytes()).err(), Some(FetchError::Malformed), "{none}");
    }
}

#[test]
fn weak_keys_are_ignored() {
    let key = |bits: usize, e: &[u8]| {
        let mut n = vec![0xff; bits / 8];
        n.insert(0, 0);
        json!({"kty": "RSA", "kid": "k", "n": base64url(n), "e": base64url(e)})
    };
    assert_eq!(ids(&[key(2048, &[1, 0, 1])]).len(), 1);
    assert_eq!(ids(&[key(4096, &[3])]).len(), 1);
    for weak in
        [key(1024, &[1, 0, 1]), key(2040, &[1, 0, 1]), key(2048, &[1]), key(2048, &[0, 1]), key(2048, &[4])]
    {
        assert!(ids(std::slice::from_ref(&weak)).is_empty(), "{weak}");
    }
    let mut short = vec![0x7f];
    short.extend([0xff; 255]);
    assert!(ids(&[json!({"kty": "RSA", "n": base64url(short), "e": "AQAB"})]).is_empty(), "2047 bits");
}

#[test]
fn a_key_is_for_its_own_algorithm() {
    let read = |more: Value| VerifyKey::of_jwk(&jwk(&more)).unwrap();
    assert!(read(json!({})).is_for(Algorithm::EdDsa));
    assert!(!read(json!({})).is_for(Algorithm::Es256));
    assert!(read(json!({"alg": "EdDSA"})).is_for(Algorithm::EdDsa));
    assert!(!read(json!({"alg": "ES256"})).is_for(Algorithm::EdDsa));
}

#[test]
fn unknown_keys_cause_one_fetch_per_cool_down() {
    let now = Instant::now();
    let mut cache = Cache::default();
    let need = |cache: &Cache, known, now, flaw| cache.need(known, now, TIMES, flaw);
    assert_eq!(need(&cache, false, now, None), Need::Fetch, "cold");
    cache.keys = Some((Vec::new(), now));
    assert_eq!(
        need(&cache, false, now, None),
        Need::Fetch,
        "a key may have been added right after the first fetch"
    );
    cache.refetched = Some(now);
    let warm = now + TIMES.cool_down / 2;
    assert_eq!(need(&cache, false, warm, None), Need::Nothing);
    assert_eq!(need(&cache, false, warm, Some(Flaw::FetchesWithoutCoolDown)), Need::Fetch);
    assert_eq!(need(&cache, false, now + TIMES.cool_down, None), Need::Fetch);
}

#[test]
fn known_keys_are_renewed_before_their_life_ends() {
    let now = Instant::now();
    let mut cache = Cache { keys: Some((Vec::new(), now)), ..Cache::default() };
    let need = |cache: &Cache, age: u64| cache.need(true, now + Duration::from_secs(age), TIMES, None);
    assert_eq!(need(&cache, 79), Need::Nothing);
    assert_eq!(need(&cache, 80), Need::Renewal);
    assert_eq!(need(&cache, 100), Need::Fetch, "a withdrawn key has ended");
    // The renewal fails: nobody waits for an issuer that is known to be out of reach.
    let failed = now + Duration::from_secs(85);
    cache.failed = Some((FetchError::Unreachable, failed));
    cache.refetched = Some(failed);
    assert_eq!(need(&cache, 90), Need::Nothing, "it cools down");
    assert_eq!(need(&cache, 96), Need::Renewal);
    assert_eq!(need(&cache, 500), Need::Renewal);
}

fn key(id: &str) -> Arc<VerifyKey> {
    Arc::new(VerifyKey { id: Some(id.into()), algorithm: None, key: POINT.clone() })
}

/// A source that knows no keys yet, and an issuer that answers when the test does.
async fn cold(times: KeyTimes, flaw: Option<Flaw>) -> (Arc<KeySource>, TcpListener) {
    let issuer = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let uri = format!("http://{}/", issuer.local_addr().unwrap());
    let source = KeySource::new(Source::new(&uri, &TlsSettings::default()).unwrap(), times, flaw);
    (Arc::new(source), issuer)
}

/// A source that knows the key `a` since `fetched`, and such an issuer.
async fn source(fetched: Instant, flaw: Option<Flaw>) -> (Arc<KeySource>, TcpListener) {
    let (source, issuer) = cold(TIMES, flaw).await;
    source.cache().keys = Some((vec![key("a")], fetched));
    (source, issuer)
}

/// Whether the key is found without any waiting; pending where it would wait.
fn found_at_once(source: &Arc<KeySource>, id: &str, now: Instant) -> Poll<bool> {
    let find = pin!(source.find(Some(id), now));
    find.poll(&mut Context::from_waker(Waker::noop())).map(|found| !found.unwrap().is_empty())
}

async fn asked(issuer: &TcpListener) -> TcpStream {
    timeout(Duration::from_secs(20), issuer.accept()).await.unwrap().unwrap().0
}

/// Answers with a set that holds one key, of this id.
async fn answer(mut connection: TcpStream, id: &str) {
    let body = json!({"keys": [jwk(&json!({"kid": id}))]}).to_string();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    connection.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_known_key_waits_for_no_fetch() {
    let now = Instant::now();
    let (source, issuer) = source(now, None).await;
    let waiting = source.clone();
    let waiting = tokio::spawn(async move { waiting.find(Some("b"), now).await });
    let connection = asked(&issuer).await;
    assert_eq!(found_at_once(&source, "a", now), Poll::Ready(true));
    assert_eq!(found_at_once(&source, "b", now), Poll::Pending, "the fetch may bring it");
    drop(connection);
    assert!(waiting.await.unwrap().unwrap().is_empty());
    assert_eq!(found_at_once(&source, "b", now), Poll::Ready(false), "it cools down");
}

#[tokio::test]
async fn an_old_key_is_given_at_once_and_fetched_anew_meanwhile() {
    let fetched = Instant::now();
    let (source, issuer) = source(fetched, None).await;
    for _ in 0..3 {
        assert_eq!(found_at_once(&source, "a", fetched + TIMES.life * 9 / 10), Poll::Ready(true));
    }
    answer(asked(&issuer).await, "c").await;
    // Whoever gets the turn to fetch now comes after the end of that fetch.
    drop(timeout(Duration::from_secs(20), source.fetching.lock()).await.unwrap());
    assert_eq!(found_at_once(&source, "c", fetched), Poll::Ready(true));
    assert_eq!(found_at_once(&source, "a", fetched), Poll::Ready(false), "it has been withdrawn");
}

#[tokio::test]
async fn a_key_whose_life_has_ended_waits_for_a_fetch() {
    for (flaw, kept) in [(None, false), (Some(Flaw::KeepsRetiredKeys), true)] {
        let fetched = Instant::now();
        let (source, issuer) = source(fetched, flaw).await;
        let waiting = source.clone();
        let waiting = tokio::spawn(async move { waiting.find(Some("a"), fetched + TIMES.life).await });
        answer(asked(&issuer).await, "c").await;
        assert_eq!(!waiting.await.unwrap().unwrap().is_empty(), kept, "{flaw:?}");
    }
    // Where the attempt fails, the key goes on.
    let fetched = Instant::now();
    let (source, issuer) = source(fetched, None).await;
    let waiting = source.clone();
    let waiting = tokio::spawn(async move { waiting.find(Some("a"), fetched + TIMES.life).await });
    drop(asked(&issuer).await);
    assert!(!waiting.await.unwrap().unwrap().is_empty());
    assert_eq!(found_at_once(&source, "a", fetched + TIMES.life), Poll::Ready(true));
}

/// What comes of looking for the key `a` at `now`, when the issuer breaks off the one fetch that this makes.
async fn refused(source: &Arc<KeySource>, issuer: &TcpListener, now: Instant) -> FetchError {
    let looking = source.clone();
    let looking = tokio::spawn(async move { looking.find(Some("a"), now).await });
    drop(asked(issuer).await);
    looking.await.unwrap().unwrap_err()
}

#[tokio::test]
async fn a_first_fetch_that_failed_is_not_repeated_at_once() {
    let short = KeyTimes { cool_down: Duration::from_millis(100), ..TIMES };
    for (times, pause) in [(TIMES, PAUSE), (short, short.cool_down)] {
        let (source, issuer) = cold(times, None).await;
        assert_eq!(refused(&source, &issuer, Instant::now()).await, FetchError::Unreachable);
        let (_, failed) = source.cache().failed.clone().unwrap();
        // A flood while it is remembered: nobody asks, and so nobody waits.
        for token in 0..100 {
            let now = failed + pause * token / 100;
            let find = pin!(source.find(Some("a"), now));
            let found = find.poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(found, Poll::Ready(Err(FetchError::Unreachable)), "{token}");
        }
        // Then one asks for all.
        refused(&source, &issuer, failed + pause * 2).await;
        let (_, again) = source.cache().failed.clone().unwrap();
        let looking = source.clone();
        let looking = tokio::spawn(async move { looking.find(Some("a"), again + pause * 2).await });
        answer(asked(&issuer).await, "a").await;
        assert_eq!(looking.await.unwrap().unwrap().len(), 1, "the issuer is back");
    }
}
