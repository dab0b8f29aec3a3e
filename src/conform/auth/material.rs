//! What the cases are made of: a good token, keys good and bad, and names.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::jose::{Algorithm, PrivateKey, PublicKey};
use crate::scenario::{Accepts, KeyTimes};
use crate::secret::Secret;

/// A JSON object, in the order in which it is written.
pub type Object = Map<String, Value>;

/// A key that signs under a name.
#[derive(Debug, Clone)]
pub struct Signing {
    /// The key.
    pub key: Arc<PrivateKey>,
    /// How it signs.
    pub algorithm: Algorithm,
    /// Its name in the key set.
    pub kid: String,
}

/// Keys that the provider does not have.
#[derive(Debug, Clone)]
pub struct Attacker {
    /// RSA.
    pub rsa: Arc<PrivateKey>,
    /// P-256.
    pub p256: Arc<PrivateKey>,
    /// P-384.
    pub p384: Arc<PrivateKey>,
    /// Ed25519.
    pub ed25519: Arc<PrivateKey>,
    /// A certificate that the RSA key has given itself, DER.
    pub certificate: Vec<u8>,
}

/// Another client of the same provider's.
#[derive(Debug, Clone)]
pub struct Other {
    /// A token of it, fresh and good.
    pub token: Secret,
    /// The topic that it may write, and the first client may not.
    pub topic: String,
}

/// What all cases are made of.
#[derive(Debug, Clone)]
pub struct Material {
    /// What the authorizer is to take.
    pub accepts: Accepts,
    /// A good token as the provider has issued it.
    pub token: Secret,
    /// Its header.
    pub header: Object,
    /// Its claims.
    pub claims: Object,
    /// The key that signed it.
    pub public: PublicKey,
    /// The audience that the authorizer stands for.
    pub audience: String,
    /// The secret of the client that the token is for, where it is known.
    pub client_secret: Option<Secret>,
    /// The topic that this client may write.
    pub topic: String,
    /// Another client.
    pub other: Option<Other>,
    /// What stands before the API's paths at the target, which begins with its stage: `/prod`, or nothing.
    pub base_path: String,
    /// The provider's private key.
    pub signer: Option<Signing>,
    /// A key that can be added to the provider's.
    pub spare: Signing,
    /// Keys that it does not have.
    pub attacker: Attacker,
    /// Base URL of a place that the target must not call.
    pub sink: Option<String>,
    /// How the authorizer keeps keys, where the provider publishes what it is told to.
    pub rotation: Option<KeyTimes>,
    /// Whether the authorizer is landfall's own, all of whose rules are known.
    pub own: bool,
    /// Whether the authorizer forgets its keys when it is told to.
    pub cold: bool,
    /// Copies of the authorizer that are asked in turn, each with keys of its own; 1 where it is not known.
    pub copies: usize,
    /// Whether the target's clock goes with this machine's.
    pub clock: bool,
    /// How long a gateway keeps an authorizer's answer; `None`: it is not known.
    pub cache: Option<Duration>,
    /// Says that a record is of these cases, and none of others.
    pub run: String,
}

impl Material {
    /// The issuer, as the good token names it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.text("iss")
    }

    /// A claim of the good token that is text; empty where there is none.
    pub(super) fn text(&self, claim: &str) -> &str {
        self.claims.get(claim).and_then(Value::as_str).unwrap_or_default()
    }

    /// The name of the key that signed the good token; empty where it has none.
    pub(super) fn kid(&self) -> &str {
        self.header.get("kid").and_then(Value::as_str).unwrap_or_default()
    }
}
