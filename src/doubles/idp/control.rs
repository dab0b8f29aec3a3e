//! Telling a running provider what to do: from within the process, or by its admin API.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::Value;

use super::Idp;
use super::issuer::Issuer;
use super::keys::SigningKey;
use super::misbehaviour::{KeysFault, TokenFault};
use super::serve::Core;
use crate::jose::{Algorithm, KeyError, PrivateKey};

impl Idp {
    /// `iss` of each of its issuers; the first is [`Idp::issuer`].
    #[must_use]
    pub fn issuers(&self) -> Vec<String> {
        self.core.issuers.iter().map(|issuer| issuer.url.clone()).collect()
    }

    /// The key that signs the first issuer's tokens, its name, and the algorithm.
    #[must_use]
    pub fn current_signer(&self) -> (Arc<PrivateKey>, String, Algorithm) {
        signer_of(self.first())
    }

    /// The same of the issuer whose `iss` this is; `None` where there is none.
    #[must_use]
    pub fn signer_of(&self, issuer: &str) -> Option<(Arc<PrivateKey>, String, Algorithm)> {
        self.core.issuers.iter().find(|found| found.url == issuer).map(signer_of)
    }

    /// Lets a new key sign the first issuer's tokens, and returns its name. The one before is published until its last
    /// token has ended; in an `emergency` it is gone at once, with all that were kept so. It takes as long as making a key.
    ///
    /// # Errors
    /// [`KeyError::Generate`].
    pub fn rotate(&self, emergency: bool) -> Result<String, KeyError> {
        self.first().rotate(emergency)
    }

    /// Publishes these JWKs among the first issuer's keys, whatever they say, and no others that were published so before.
    pub fn publish(&self, extra: Vec<Value>) {
        self.first().keys.publish(extra);
    }

    /// Publishes one more key among those of the first issuer, under its thumbprint's name, which is returned. It signs
    /// nothing.
    #[must_use]
    pub fn add_key(&self, key: &PrivateKey, algorithm: Algorithm) -> String {
        let kid = key.public().thumbprint();
        self.first().keys.add(Value::Object(key.public().to_jwk(&kid, algorithm)));
        kid
    }

    /// How often the keys of any issuer have been asked for.
    #[must_use]
    pub fn jwks_requests(&self) -> u64 {
        self.core.counts.jwks_requests.load(Ordering::Relaxed)
    }

    /// How often anything was asked for at the further address.
    #[must_use]
    pub fn inside_requests(&self) -> u64 {
        self.core.counts.inside_requests.load(Ordering::Relaxed)
    }

    /// Lets the endpoints of the keys do this wrong from now on; `None`: nothing.
    pub fn set_keys_fault(&self, fault: Option<KeysFault>) {
        self.core.misbehaviour.set_keys(fault);
    }

    /// Lets the token endpoints do this wrong from now on; `None`: nothing.
    pub fn set_token_fault(&self, fault: Option<TokenFault>) {
        self.core.misbehaviour.set_token(fault);
    }

    /// Sets the clock by which tokens are issued: so many seconds fast, or slow where it is negative.
    pub fn set_clock(&self, seconds: i64) {
        self.core.clock_s.store(seconds, Ordering::Relaxed);
    }

    fn first(&self) -> &Issuer {
        self.core.first()
    }
}

fn signer_of(issuer: &Issuer) -> (Arc<PrivateKey>, String, Algorithm) {
    let SigningKey { key, kid, algorithm, .. } = issuer.keys.signing();
    (key, kid, algorithm)
}

impl Core {
    pub(super) fn first(&self) -> &Issuer {
        self.issuers.first().expect("a provider has an issuer")
    }
}

impl Issuer {
    /// Lets a new key sign; returns its name.
    pub(super) fn rotate(&self, emergency: bool) -> Result<String, KeyError> {
        let new = SigningKey::generate(&self.profile.issues)?;
        let kid = new.kid.clone();
        self.keys.replace(new, emergency, Instant::now());
        Ok(kid)
    }
}
