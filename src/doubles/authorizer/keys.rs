//! The issuer's public keys: fetched over HTTP, kept, and fetched anew when a token names an unknown one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use crate::doubles::http::Source;
use crate::jose::{Algorithm, PublicKey};
use crate::scenario::{Flaw, KeyTimes};

/// How long fetching may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long a first fetch that failed is not repeated, at most: a flood of tokens must not become one of fetches, nor an
/// issuer that is back be waited for.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest key set that is read, in bytes.
const SET_LIMIT: usize = 256 * 1024;

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
    #[error("the set has no key that signatures can be checked with")]
    Empty,
}

/// A key that signatures can be checked with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VerifyKey {
    pub(super) id: Option<String>,
    /// The one algorithm that it is for; `None`: any that fits it.
    algorithm: Option<String>,
    pub(super) key: PublicKey,
}

impl VerifyKey {
    /// A JWK that is for checking signatures (RFC 7517, sections 4.2 and 4.3) and is no weak one; `None` for any other.
    pub(super) fn of_jwk(jwk: &Value) -> Option<Self> {
        let signs = jwk.get("use").is_none_or(|public_use| public_use == "sig")
            && jwk.get("key_ops").is_none_or(|operations| {
                operations.as_array().is_some_and(|all| all.iter().any(|operation| operation == "verify"))
            });
        let text = |name: &str| match jwk.get(name) {
            None => Some(None),
            Some(value) => value.as_str().map(|text| Some(text.to_owned())),
        };
        let (id, algorithm) = (text("kid")?, text("alg")?);
        let key = PublicKey::from_jwk(jwk).ok().filter(|key| signs && is_strong(key))?;
        Some(Self { id, algorithm, key })
    }

    /// Whether it is for this algorithm.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        algorithm.key_kind() == Some(self.key.kind())
            && self.algorithm.as_deref().is_none_or(|name| name == algorithm.name())
    }
}

/// An RSA key has 2048 bits or more (RFC 7518, section 3.3), and an exponent that changes what is signed: an odd one from
/// 3 on (RFC 8017, section 3.1).
fn is_strong(key: &PublicKey) -> bool {
    let PublicKey::Rsa { n, e } = key else { return true };
    let n = n.iter().skip_while(|byte| **byte == 0);
    let e: Vec<u8> = e.iter().copied().skip_while(|byte| *byte == 0).collect();
    let enough = n.clone().count() > 256 || (n.clone().count() == 256 && n.clone().next() >= Some(&0x80));
    enough && e.last().is_some_and(|last| last % 2 == 1) && e != [1]
}

/// Where the keys come from, with those fetched last.
#[derive(Debug)]
pub(super) struct KeySource {
    set: Source,
    times: KeyTimes,
    /// The mistake that is made.
    flaw: Option<Flaw>,
    cache: Mutex<Cache>,
    /// Held while fetching, so that there is one fetch at a time.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Cache {
    /// The keys, and when they were fetched; `None` before the first success.
    keys: Option<(Vec<Arc<VerifyKey>>, Instant)>,
    /// When keys were last fetched although some were there.
    refetched: Option<Instant>,
    /// The last failure, and when its fetch ended.
    failed: Option<(FetchError, Instant)>,
}

/// What is to be done for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing: what is in the cache is good.
    Nothing,
    /// Keys are to be fetched anew, and those in the cache are good meanwhile.
    Renewal,
    /// The token has to wait for a fetch.
    Fetch,
}

impl Cache {
    /// What is to be done, at `now`, for a token whose key is `known` or not.
    fn need(&self, known: bool, now: Instant, times: KeyTimes, flaw: Option<Flaw>) -> Need {
        let Some((_, fetched)) = &self.keys else { return Need::Fetch };
        let since = |at: Instant| now.saturating_duration_since(at);
        let cooled = self.refetched.is_none_or(|at| since(at) >= times.cool_down);
        if !known {
            let may = cooled || flaw == Some(Flaw::FetchesWithoutCoolDown);
            return if may { Need::Fetch } else { Need::Nothing };
        }
        // In the last fifth of their life keys are fetched while nobody waits. Only where nobody came in that time, or an
        // attempt takes long, somebody waits. Where the issuer is known to be out of reach, nobody does.
        let age = since(*fetched);
        let unreachable = self.failed.as_ref().is_some_and(|(_, at)| at >= fetched);
        match age {
            _ if age < times.life * 4 / 5 || !cooled => Need::Nothing,
            _ if age < times.life || unreachable => Need::Renewal,
            _ => Need::Fetch,
        }
    }

    /// Why there are no keys, where the fetch for them failed so short a time before `now`, or after it, that it is not to be
    /// repeated.
    fn failed_lately(&self, now: Instant, times: KeyTimes) -> Option<FetchError> {
        let pause = times.cool_down.min(PAUSE);
        let failed = self.failed.as_ref().filter(|(_, at)| self.keys.is_none() && *at + pause >= now);
        failed.map(|(error, _)| error.clone())
    }

    /// The keys of this id, or all where none is given.
    fn find(&self, id: Option<&str>) -> Vec<Arc<VerifyKey>> {
        named(self.keys.as_ref().map_or(&[][..], |(keys, _)| keys), id)
    }
}

/// The keys of this id, or all where none is given.
pub(super) fn named(keys: &[Arc<VerifyKey>], id: Option<&str>) -> Vec<Arc<VerifyKey>> {
    keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id).cloned().collect()
}

impl KeySource {
    pub(super) fn new(set: Source, times: KeyTimes, flaw: Option<Flaw>) -> Self {
        Self { set, times, flaw, cache: Mutex::default(), fetching: Arc::default() }
    }

    /// The keys that are named by a token that arrived at `now`, or all where it names none; empty where there is no such
    /// key. Keys in the cache are given at once, and fetched anew meanwhile where their life comes to its end. Unknown
    /// keys, and those whose life has ended, wait for a fetch. With keys in the cache, an issuer that is unreachable, or
    /// publishes none any more, is no error.
    pub(super) async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        now: Instant,
    ) -> Result<Vec<Arc<VerifyKey>>, FetchError> {
        let (known, need) = self.look_up(id, now);
        match need {
            Need::Nothing => return Ok(known),
            Need::Renewal => {
                self.refresh(now);
                return Ok(known);
            }
            Need::Fetch => {}
        }
        if let Some(error) = self.failed_lately(now) {
            return Err(error);
        }
        let fetching = self.fetching.lock().await;
        // Whoever waited here finds what the one before fetched.
        let (known, need) = self.look_up(id, now);
        if need != Need::Fetch {
            return Ok(known);
        }
        if let Some(error) = self.failed_lately(now) {
            // It failed while this token was waiting; trying again would only let the queue grow.
            return Err(error);
        }
        let fetched = self.renew().await;
        drop(fetching);
        let cache = self.cache();
        match fetched {
            Err(error) if cache.keys.is_none() => Err(error),
            _ => Ok(cache.find(id)),
        }
    }

    /// The keys, if they are known, and what is to be done.
    fn look_up(&self, id: Option<&str>, now: Instant) -> (Vec<Arc<VerifyKey>>, Need) {
        let cache = self.cache();
        let known = cache.find(id);
        let need = cache.need(!known.is_empty(), now, self.times, self.flaw);
        (known, need)
    }

    fn failed_lately(&self, now: Instant) -> Option<FetchError> {
        self.cache().failed_lately(now, self.times)
    }

    /// Fetches in the background for a token that arrived at `now`, unless somebody is fetching already. It ends within [`FETCH_TIMEOUT`].
    fn refresh(self: &Arc<Self>, now: Instant) {
        let Ok(fetching) = self.fetching.clone().try_lock_owned() else { return };
        // Somebody else's may have ended just now.
        if self.cache().need(true, now, self.times, self.flaw) == Need::Nothing {
            return;
        }
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
        let some = cache.keys.as_ref().is_some_and(|(keys, _)| !keys.is_empty());
        let believed = self.flaw == Some(Flaw::BelievesEmptySets);
        match fetched {
            // An issuer that withdraws its last key puts another in its place: a set without any is an accident of its own.
            Ok(keys) if keys.is_empty() && some && !believed => {
                Err(self.failed(&mut cache, FetchError::Empty, done))
            }
            Ok(mut keys) => {
                if let (Some(Flaw::KeepsRetiredKeys), Some((known, _))) = (self.flaw, &cache.keys) {
                    let retired: Vec<_> = known.iter().filter(|key| !keys.contains(key)).cloned().collect();
                    keys.extend(retired);
                }
                cache.keys = Some((keys, done));
                Ok(())
            }
            Err(error) => Err(self.failed(&mut cache, error, done)),
        }
    }

    /// Notes a fetch that failed. The keys that are there stay.
    fn failed(&self, cache: &mut Cache, error: FetchError, done: Instant) -> FetchError {
        if self.flaw == Some(Flaw::DropsKeysOnFailure) {
            cache.keys = None;
        }
        cache.failed = Some((error.clone(), done));
        error
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // The cache is whole after each of its changes, even if a thread panicked after one.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self) -> Result<Vec<Arc<VerifyKey>>, FetchError> {
        let exchange = async {
            let (status, set) = self.set.get(SET_LIMIT).await.map_err(|_| FetchError::Unreachable)?;
            if status == StatusCode::OK { parse(&set) } else { Err(FetchError::Status(status.as_u16())) }
        };
        timeout(FETCH_TIMEOUT, exchange).await.map_err(|_| FetchError::Timeout)?
    }
}

/// The keys of a set that signatures can be checked with. RFC 7517, section 5: keys that are not understood are to be
/// ignored. One that stands there twice is one.
pub(super) fn parse(set: &[u8]) -> Result<Vec<Arc<VerifyKey>>, FetchError> {
    let set: Value = serde_json::from_slice(set).map_err(|_| FetchError::Malformed)?;
    let written = set.get("keys").and_then(Value::as_array).ok_or(FetchError::Malformed)?;
    let mut keys = Vec::new();
    for key in written.iter().filter_map(VerifyKey::of_jwk).map(Arc::new) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
