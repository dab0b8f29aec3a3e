//! The issuer's public keys: fetched over HTTP, kept, and fetched anew when a token names an unknown one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

/// How long fetching may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest key set that is read, in bytes.
const SET_LIMIT: usize = 256 * 1024;
/// Time between two fetches for the sake of unknown keys. Without it, tokens with made-up key ids would
/// make the authorizer flood the identity provider.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// After this long the keys are fetched anew, so that a withdrawn key ends.
const LIFE: Duration = Duration::from_mins(5);

/// Why no keys could be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    #[error("no connection, or it broke off")]
    Unreachable,
    #[error("no answer within {} s", FETCH_TIMEOUT.as_secs())]
    Timeout,
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer is no key set")]
    Malformed,
}

/// A key that RS256 signatures can be verified with.
#[derive(Clone)]
pub(super) struct VerifyKey {
    id: Option<String>,
    key: DecodingKey,
}

/// Where the keys come from, with those fetched last.
pub(super) struct KeySource {
    uri: Uri,
    client: Client<HttpConnector, Empty<Bytes>>,
    cache: Mutex<Cache>,
    /// Held while fetching, so that there is one fetch at a time.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Cache {
    /// The keys, and when they were fetched; `None` before the first success.
    keys: Option<(Vec<VerifyKey>, Instant)>,
    /// When keys were last fetched although some were there.
    refetched: Option<Instant>,
    /// The last failure, and when its fetch ended.
    failed: Option<(FetchError, Instant)>,
}

impl Cache {
    /// Whether to fetch, at `now`, for a token whose key is `known` or not.
    fn must_fetch(&self, known: bool, now: Instant) -> bool {
        let Some((_, fetched)) = &self.keys else { return true };
        let stale = now.saturating_duration_since(*fetched) >= LIFE;
        let cooled = self.refetched.is_none_or(|at| now.saturating_duration_since(at) >= COOL_DOWN);
        (stale || !known) && cooled
    }

    /// Why there are no keys, where the fetch for them failed at `now` or later.
    fn failed_since(&self, now: Instant) -> Option<FetchError> {
        let failed = self.failed.as_ref().filter(|(_, at)| *at >= now && self.keys.is_none());
        failed.map(|(error, _)| error.clone())
    }

    fn find(&self, id: Option<&str>) -> Option<&VerifyKey> {
        select(self.keys.as_ref().map_or(&[], |(keys, _)| keys), id)
    }
}

/// The key of this id. A token without a key id is taken to be signed with the only key there is; where
/// there are several, or several of the same id, it cannot be told which one is meant.
fn select<'a>(keys: &'a [VerifyKey], id: Option<&str>) -> Option<&'a VerifyKey> {
    let mut fitting = keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id);
    fitting.next().filter(|_| fitting.next().is_none())
}

impl KeySource {
    pub(super) fn new(uri: Uri) -> Self {
        // Fetches are minutes apart: a kept connection would be closed by then.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { uri, client, cache: Mutex::default(), fetching: Arc::default() }
    }

    /// The key named by a token that arrived at `now`, or `None` where there is no such key. A key in the
    /// cache is given at once; stale ones are fetched anew meanwhile. Only an unknown key waits for a fetch.
    /// With keys in the cache, an unreachable issuer is no error.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        now: Instant,
    ) -> Result<Option<DecodingKey>, FetchError> {
        let (known, must_fetch) = self.look_up(id, now);
        if known.is_some() {
            if must_fetch {
                self.refresh();
            }
            return Ok(known);
        }
        if !must_fetch {
            return Ok(None);
        }
        let fetching = self.fetching.lock().await;
        // Whoever waited here finds what the one before fetched.
        let (known, must_fetch) = self.look_up(id, now);
        if known.is_some() || !must_fetch {
            return Ok(known);
        }
        if let Some(error) = self.cache().failed_since(now) {
            // It failed while this token was waiting; trying again would only let the queue grow.
            return Err(error);
        }
        let fetched = self.renew().await;
        drop(fetching);
        let cache = self.cache();
        match fetched {
            Err(error) if cache.keys.is_none() => Err(error),
            _ => Ok(cache.find(id).map(|found| found.key.clone())),
        }
    }

    /// The key, if it is known, and whether a fetch is due.
    fn look_up(&self, id: Option<&str>, now: Instant) -> (Option<DecodingKey>, bool) {
        let cache = self.cache();
        let known = cache.find(id).map(|found| found.key.clone());
        let must_fetch = cache.must_fetch(known.is_some(), now);
        (known, must_fetch)
    }

    /// Fetches in the background, unless somebody is fetching already. It ends within [`FETCH_TIMEOUT`].
    fn refresh(self: &Arc<Self>) {
        let Ok(fetching) = self.fetching.clone().try_lock_owned() else { return };
        let source = self.clone();
        tokio::spawn(async move {
            let _fetching = fetching;
            // Where it fails, the keys that are there go on, and the next try comes after the cool-down.
            let _ = source.renew().await;
        });
    }

    /// Fetches and notes what came of it.
    async fn renew(&self) -> Result<(), FetchError> {
        let fetched = self.fetch().await;
        let done = Instant::now();
        let mut cache = self.cache();
        if cache.keys.is_some() {
            cache.refetched = Some(done);
        }
        match fetched {
            Ok(keys) => {
                cache.keys = Some((keys, done));
                Ok(())
            }
            Err(error) => {
                cache.failed = Some((error.clone(), done));
                Err(error)
            }
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // The cache is whole after each of its changes, even if a thread panicked after one.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self) -> Result<Vec<VerifyKey>, FetchError> {
        let exchange = async {
            let answer = self.client.get(self.uri.clone()).await.map_err(|_| FetchError::Unreachable)?;
            if answer.status() != StatusCode::OK {
                return Err(FetchError::Status(answer.status().as_u16()));
            }
            let body = Limited::new(answer.into_body(), SET_LIMIT).collect().await;
            parse(&body.map_err(|_| FetchError::Unreachable)?.to_bytes())
        };
        timeout(FETCH_TIMEOUT, exchange).await.map_err(|_| FetchError::Timeout)?
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct RsaKey {
    kty: String,
    #[serde(rename = "use")]
    public_use: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    n: String,
    e: String,
}

/// The RSA signature keys of a set. RFC 7517, section 5: keys that are not understood are to be ignored.
fn parse(set: &[u8]) -> Result<Vec<VerifyKey>, FetchError> {
    let set: KeySet = serde_json::from_slice(set).map_err(|_| FetchError::Malformed)?;
    let usable = |value: Value| {
        let key: RsaKey = serde_json::from_value(value).ok()?;
        let fits = key.kty == "RSA"
            && key.public_use.as_deref().is_none_or(|public_use| public_use == "sig")
            && key.alg.as_deref().is_none_or(|alg| alg == "RS256");
        let decoded = DecodingKey::from_rsa_components(&key.n, &key.e).ok().filter(|_| fits)?;
        Some(VerifyKey { id: key.kid, key: decoded })
    };
    Ok(set.keys.into_iter().filter_map(usable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    fn ids(set: &str) -> Vec<Option<String>> {
        parse(set.as_bytes()).unwrap().into_iter().map(|key| key.id).collect()
    }

    #[test]
    fn keys_of_other_kinds_are_ignored() {
        let set = r#"{"keys": [
            {"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "b", "n": "AQAB", "e": "AQAB", "use": "enc"},
            {"kty": "RSA", "kid": "c", "n": "AQAB", "e": "AQAB", "alg": "RS512"},
            {"kty": "RSA", "kid": "d", "n": "!", "e": "AQAB"},
            {"kty": "oct", "kid": "e", "k": "AQAB"}, {"kty": 7}, "x"]}"#;
        assert_eq!(ids(set), [Some("a".to_owned())]);
        assert_eq!(parse(b"<html>").err(), Some(FetchError::Malformed));
    }

    #[test]
    fn a_key_must_be_the_only_one_that_is_meant() {
        let keys = [key("a"), key("b"), key("b")];
        assert!(select(&keys, Some("a")).is_some());
        assert!(select(&keys, Some("b")).is_none());
        assert!(select(&keys, None).is_none());
        assert!(select(&keys[..1], None).is_some());
    }

    #[test]
    fn unknown_keys_cause_one_fetch_per_cool_down() {
        let now = Instant::now();
        let mut cache = Cache::default();
        assert!(cache.must_fetch(false, now), "cold");
        cache.keys = Some((Vec::new(), now));
        assert!(cache.must_fetch(false, now), "a key may have been added right after the first fetch");
        assert!(!cache.must_fetch(true, now));
        cache.refetched = Some(now);
        assert!(!cache.must_fetch(false, now + COOL_DOWN / 2));
        assert!(cache.must_fetch(false, now + COOL_DOWN));
        assert!(cache.must_fetch(true, now + LIFE), "stale");
    }

    fn key(id: &str) -> VerifyKey {
        VerifyKey { id: Some(id.into()), key: DecodingKey::from_secret(b"") }
    }

    /// A source that knows the key `a` since `fetched`, and an issuer that answers when the test does.
    async fn source(fetched: Instant) -> (Arc<KeySource>, TcpListener) {
        let issuer = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let uri = format!("http://{}/", issuer.local_addr().unwrap()).parse().unwrap();
        let source = KeySource::new(uri);
        source.cache().keys = Some((vec![key("a")], fetched));
        (Arc::new(source), issuer)
    }

    /// Whether the key is found without any waiting; pending where it would wait.
    fn found_at_once(source: &Arc<KeySource>, id: &str, now: Instant) -> Poll<bool> {
        let find = pin!(source.find(Some(id), now));
        find.poll(&mut Context::from_waker(Waker::noop())).map(|found| found.unwrap().is_some())
    }

    async fn asked(issuer: &TcpListener) -> TcpStream {
        timeout(Duration::from_secs(20), issuer.accept()).await.unwrap().unwrap().0
    }

    #[tokio::test]
    async fn a_known_key_waits_for_no_fetch() {
        let now = Instant::now();
        let (source, issuer) = source(now).await;
        let waiting = source.clone();
        let waiting = tokio::spawn(async move { waiting.find(Some("b"), now).await });
        let connection = asked(&issuer).await;
        assert_eq!(found_at_once(&source, "a", now), Poll::Ready(true));
        assert_eq!(found_at_once(&source, "b", now), Poll::Pending, "the fetch may bring it");
        drop(connection);
        assert!(waiting.await.unwrap().unwrap().is_none());
        assert_eq!(found_at_once(&source, "b", now), Poll::Ready(false), "it cools down");
    }

    #[tokio::test]
    async fn a_stale_key_is_given_at_once_and_fetched_anew_meanwhile() {
        let fetched = Instant::now();
        let (source, issuer) = source(fetched).await;
        for _ in 0..3 {
            assert_eq!(found_at_once(&source, "a", fetched + LIFE), Poll::Ready(true));
        }
        let mut connection = asked(&issuer).await;
        let body = r#"{"keys":[{"kty":"RSA","kid":"c","n":"AQAB","e":"AQAB"}]}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
        // Whoever gets the turn to fetch now comes after the end of that fetch.
        drop(timeout(Duration::from_secs(20), source.fetching.lock()).await.unwrap());
        assert_eq!(found_at_once(&source, "c", fetched), Poll::Ready(true));
        assert_eq!(found_at_once(&source, "a", fetched), Poll::Ready(false), "it has been withdrawn");
    }
}
