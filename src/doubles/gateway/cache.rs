//! The authorizer results that the gateway keeps, by the credentials they were given for.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};

use crate::wire::lambda::AuthorizerResult;

/// Most results that are kept.
const CAPACITY: usize = 10_000;

/// SHA-256 of the credentials: a digest gives nothing away, and takes the same space for any token.
type Key = [u8; 32];

/// Results of the last `ttl`, allowing or denying ones; failures are not kept. A result does not end with
/// its token: as in the real gateway, a token that expires goes on passing until the `ttl` is over.
pub(super) struct AuthorizerCache {
    ttl: Duration,
    capacity: usize,
    results: HashMap<Key, Entry>,
    /// Keys in the order in which they were put in; the first is the first to end.
    order: VecDeque<(Key, Instant)>,
}

struct Entry {
    result: Arc<AuthorizerResult>,
    put: Instant,
}

impl AuthorizerCache {
    /// A cache that keeps results for `ttl`; zero turns it off.
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, capacity: CAPACITY, results: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, credentials: &str, now: Instant) -> Option<Arc<AuthorizerResult>> {
        let entry = self.results.get(&key(credentials))?;
        (now.saturating_duration_since(entry.put) < self.ttl).then(|| entry.result.clone())
    }

    /// Forgets all results, whenever they would end.
    pub(super) fn flush(&mut self) {
        self.results.clear();
        self.order.clear();
    }

    pub(super) fn put(&mut self, credentials: &str, result: Arc<AuthorizerResult>, now: Instant) {
        if self.ttl.is_zero() {
            return;
        }
        let key = key(credentials);
        self.results.insert(key, Entry { result, put: now });
        self.order.push_back((key, now));
        while let Some((oldest, put)) = self.order.front() {
            let ended = now.saturating_duration_since(*put) >= self.ttl;
            if !ended && self.order.len() <= self.capacity {
                break;
            }
            // A key that was put in again later stands in the order again, too.
            if self.results.get(oldest).is_some_and(|entry| entry.put == *put) {
                self.results.remove(oldest);
            }
            self.order.pop_front();
        }
    }
}

fn key(credentials: &str) -> Key {
    let digest = digest(&SHA256, credentials.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(digest.as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::lambda::{OneOrMany, PolicyDocument};

    fn result(principal: &str) -> Arc<AuthorizerResult> {
        Arc::new(AuthorizerResult {
            principal_id: principal.into(),
            policy_document: PolicyDocument { version: None, statement: OneOrMany::Many(vec![]) },
            context: None,
            usage_identifier_key: None,
        })
    }

    #[test]
    fn a_result_ends_with_the_ttl() {
        let (mut cache, start) = (AuthorizerCache::new(Duration::from_secs(10)), Instant::now());
        cache.put("a", result("a"), start);
        assert_eq!(cache.get("a", start + Duration::from_secs(9)).unwrap().principal_id, "a");
        assert!(cache.get("a", start + Duration::from_secs(10)).is_none());
        assert!(cache.get("b", start).is_none());
    }

    #[test]
    fn zero_turns_it_off() {
        let mut cache = AuthorizerCache::new(Duration::ZERO);
        cache.put("a", result("a"), Instant::now());
        assert!(cache.get("a", Instant::now()).is_none());
    }

    #[test]
    fn a_flush_leaves_nothing_and_what_comes_after_it_is_kept() {
        let (mut cache, start) = (AuthorizerCache::new(Duration::from_secs(10)), Instant::now());
        cache.put("a", result("a"), start);
        cache.flush();
        assert!(cache.get("a", start).is_none() && cache.order.is_empty());
        cache.put("a", result("a"), start);
        assert!(cache.get("a", start).is_some());
    }

    #[test]
    fn the_oldest_go_first_and_nothing_is_left_behind() {
        let (mut cache, start) = (AuthorizerCache::new(Duration::from_secs(10)), Instant::now());
        cache.capacity = 2;
        for (second, name) in [(0, "a"), (1, "b"), (2, "a"), (3, "c")] {
            cache.put(name, result(name), start + Duration::from_secs(second));
        }
        let now = start + Duration::from_secs(3);
        assert!(cache.get("a", now).is_some() && cache.get("c", now).is_some());
        assert!(cache.get("b", now).is_none());
        cache.put("d", result("d"), start + Duration::from_secs(100));
        assert_eq!((cache.results.len(), cache.order.len()), (1, 1));
    }
}
