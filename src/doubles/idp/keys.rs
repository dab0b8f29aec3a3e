//! An issuer's keys: the one that signs, and the set that is published.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::jose::{Algorithm, KeyError, PrivateKey, Signer, SigningError};
use crate::scenario::Issues;

/// By how much an authorizer may take a token for longer than it lives. A key that signs no more is published until its
/// last token has ended for everybody.
const LEEWAY: Duration = Duration::from_mins(5);

/// Most keys that are published because they have signed; of more, the oldest go. A provider that is told to rotate again
/// and again does not publish without bound.
const RETIRED: usize = 32;

/// The key that signs.
#[derive(Debug, Clone)]
pub(super) struct SigningKey {
    pub(super) key: Arc<PrivateKey>,
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    typ: Option<String>,
    signer: Signer,
}

impl SigningKey {
    /// A new key under its thumbprint's name. Searching for primes takes tens of milliseconds and more.
    pub(super) fn generate(issues: &Issues) -> Result<Self, KeyError> {
        let algorithm = issues.algorithm;
        let key = algorithm.key_kind().ok_or(KeyError::Kind).and_then(PrivateKey::generate)?;
        let (key, typ) = (Arc::new(key), issues.typ.clone());
        let kid = key.public().thumbprint();
        let signer = Signer::new(key.clone(), algorithm, &header(algorithm, typ.as_deref(), &kid));
        Ok(Self { key, kid, algorithm, typ, signer })
    }

    pub(super) fn sign(&self, claims: &Map<String, Value>) -> Result<String, SigningError> {
        self.signer.sign(claims)
    }

    /// The same, but that the header names another key.
    pub(super) fn sign_as(&self, kid: &str, claims: &Map<String, Value>) -> Result<String, SigningError> {
        let header = header(self.algorithm, self.typ.as_deref(), kid);
        Signer::new(self.key.clone(), self.algorithm, &header).sign(claims)
    }

    fn jwk(&self, names_algorithm: bool) -> Value {
        let mut jwk = self.key.public().to_jwk(&self.kid, self.algorithm);
        if !names_algorithm {
            jwk.shift_remove("alg");
        }
        Value::Object(jwk)
    }
}

fn header(algorithm: Algorithm, typ: Option<&str>, kid: &str) -> Value {
    match typ {
        Some(typ) => json!({"alg": algorithm.name(), "typ": typ, "kid": kid}),
        None => json!({"alg": algorithm.name(), "kid": kid}),
    }
}

/// All keys of an issuer.
#[derive(Debug)]
pub(super) struct KeyRing {
    names_algorithm: bool,
    /// Life of the tokens.
    life: Duration,
    keys: Mutex<Keys>,
}

#[derive(Debug)]
struct Keys {
    signing: SigningKey,
    /// Keys that have signed, each until its last token has ended.
    retired: Vec<(SigningKey, Instant)>,
    /// What is published besides.
    extra: Vec<Value>,
}

impl KeyRing {
    pub(super) fn new(signing: SigningKey, issues: &Issues, life: Duration) -> Self {
        let keys = Mutex::new(Keys { signing, retired: Vec::new(), extra: Vec::new() });
        Self { names_algorithm: issues.keys_name_algorithm, life, keys }
    }

    pub(super) fn signing(&self) -> SigningKey {
        self.lock().signing.clone()
    }

    /// Lets another key sign from now on. The one before is published until its last token has ended, or in an emergency
    /// no more; nor are those before it then.
    pub(super) fn replace(&self, new: SigningKey, emergency: bool, now: Instant) {
        let mut keys = self.lock();
        let old = std::mem::replace(&mut keys.signing, new);
        if emergency {
            keys.retired.clear();
        } else {
            keys.retired.push((old, now + self.life + LEEWAY));
            let over = keys.retired.len().saturating_sub(RETIRED);
            keys.retired.drain(..over);
        }
    }

    /// Publishes these besides the issuer's own keys, and no others that were published so before.
    pub(super) fn publish(&self, extra: Vec<Value>) {
        self.lock().extra = extra;
    }

    /// Publishes one more.
    pub(super) fn add(&self, jwk: Value) {
        self.lock().extra.push(jwk);
    }

    /// The set as it is published: the key that signs, those that have signed, and what else is published.
    pub(super) fn published(&self, now: Instant) -> Vec<Value> {
        let mut keys = self.lock();
        keys.retired.retain(|(_, until)| *until > now);
        let own = std::iter::once(&keys.signing).chain(keys.retired.iter().map(|(key, _)| key));
        own.map(|key| key.jwk(self.names_algorithm)).chain(keys.extra.iter().cloned()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        // Each change is one assignment.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Compact, PublicKey};
    use crate::scenario::TokenProfile;

    fn ring(algorithm: Algorithm, change: impl FnOnce(&mut Issues)) -> (KeyRing, Issues) {
        let mut issues = Issues { algorithm, ..TokenProfile::default().issues };
        change(&mut issues);
        let signing = SigningKey::generate(&issues).unwrap();
        (KeyRing::new(signing, &issues, Duration::from_mins(1)), issues)
    }

    fn kids(ring: &KeyRing, now: Instant) -> Vec<String> {
        ring.published(now).iter().map(|jwk| jwk["kid"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_is_signed_verifies_by_what_is_published() {
        for algorithm in [Algorithm::Ps384, Algorithm::Es256, Algorithm::Es512, Algorithm::EdDsa] {
            let (ring, _) = ring(algorithm, |_| {});
            let claims = json!({"sub": "x"}).as_object().unwrap().clone();
            let token = ring.signing().sign(&claims).unwrap();
            let parts = Compact::split(&token).unwrap();
            let header: Value = serde_json::from_slice(&parts.decoded_header().unwrap()).unwrap();
            let jwk = &ring.published(Instant::now())[0];
            assert_eq!(header["kid"], jwk["kid"]);
            assert_eq!((&header["alg"], &header["typ"]), (&jwk["alg"], &json!("at+jwt")));
            let key = PublicKey::from_jwk(jwk).unwrap();
            let signature = parts.decoded_signature().unwrap();
            assert!(key.verifies(algorithm, parts.signing_input().as_bytes(), &signature));
            let other = ring.signing().sign_as("nobody", &claims).unwrap();
            let header = Compact::split(&other).unwrap().decoded_header().unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            assert_eq!(header, json!({"alg": algorithm.name(), "typ": "at+jwt", "kid": "nobody"}));
        }
    }

    #[test]
    fn a_profile_may_leave_out_types_and_algorithms() {
        let (ring, _) = ring(Algorithm::Es256, |issues| {
            issues.typ = None;
            issues.keys_name_algorithm = false;
        });
        assert!(ring.published(Instant::now())[0].get("alg").is_none());
        let token = ring.signing().sign(&Map::new()).unwrap();
        let header = Compact::split(&token).unwrap().decoded_header().unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert!(header.get("typ").is_none() && header["alg"] == "ES256");
    }

    #[test]
    fn an_old_key_is_published_until_its_tokens_have_ended_and_in_an_emergency_no_more() {
        let (ring, issues) = ring(Algorithm::EdDsa, |_| {});
        let now = Instant::now();
        let first = ring.signing().kid;
        let next = |emergency| ring.replace(SigningKey::generate(&issues).unwrap(), emergency, now);
        next(false);
        let second = ring.signing().kid;
        assert_eq!(kids(&ring, now), [second.clone(), first.clone()]);
        let last = Duration::from_mins(6);
        assert_eq!(kids(&ring, now + last.mul_f64(0.999)).len(), 2);
        assert_eq!(kids(&ring, now + last), [second]);
        next(false);
        next(true);
        ring.publish(vec![json!({"kid": "a"})]);
        ring.add(json!({"kid": "b"}));
        assert_eq!(kids(&ring, now), [ring.signing().kid, "a".into(), "b".into()]);
        ring.publish(Vec::new());
        assert_eq!(kids(&ring, now), [ring.signing().kid]);
    }

    #[test]
    fn of_very_many_keys_the_oldest_go() {
        let (ring, issues) = ring(Algorithm::EdDsa, |_| {});
        let now = Instant::now();
        let first = ring.signing().kid;
        let rotate = || ring.replace(SigningKey::generate(&issues).unwrap(), false, now);
        (0..RETIRED).for_each(|_| rotate());
        assert!(kids(&ring, now).len() == RETIRED + 1 && kids(&ring, now).contains(&first));
        rotate();
        let left = kids(&ring, now);
        assert!(left.len() == RETIRED + 1 && !left.contains(&first) && left[0] == ring.signing().kid);
    }
}
