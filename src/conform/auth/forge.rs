//! Making tokens that are not as they should be.

use serde_json::{Value, json};

use super::material::{Material, Object, Signing};
use crate::conform::Need;
use crate::jose::{Algorithm, Compact, PrivateKey, base64url, hmac};

/// A token to be: the good one's header and claims, with times of its own, and what is changed of them.
#[derive(Debug, Clone)]
pub(super) struct Forge<'m> {
    material: &'m Material,
    header: Object,
    claims: Object,
    raw_header: Option<Vec<u8>>,
    raw_payload: Option<Vec<u8>>,
    signing: Option<Signing>,
}

/// A token, or what is missing to make it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The token; `None` where something is missing.
    pub(super) token: Option<String>,
    /// What it needs, missing or not.
    pub(super) needs: Vec<Need>,
}

impl Draft {
    /// A token that needs nothing.
    pub(super) fn of(token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), needs: Vec::new() }
    }

    /// The same token, changed.
    pub(super) fn map(self, change: impl FnOnce(String) -> String) -> Self {
        Self { token: self.token.map(change), ..self }
    }

    /// The same, which needs something besides; there is no token unless it is `given`.
    pub(super) fn needing(mut self, need: Need, given: bool) -> Self {
        self.needs.push(need);
        self.token = self.token.filter(|_| given);
        self
    }
}

impl<'m> Forge<'m> {
    /// A token as good as the provider's, that was issued `now` (seconds since 1970), lives for five minutes and has
    /// an id of its own.
    pub(super) fn new(material: &'m Material, now: u64, id: &str) -> Self {
        let mut claims = material.claims.clone();
        for (name, value) in [("iat", json!(now)), ("exp", json!(now + 300)), ("jti", json!(id))] {
            // A token that had no id or start gets none: the profile may not want them.
            if name == "exp" || claims.contains_key(name) {
                claims.insert(name.to_owned(), value);
            }
        }
        for start in ["nbf", "auth_time"] {
            if claims.contains_key(start) {
                claims.insert(start.to_owned(), json!(now));
            }
        }
        let signing = material.signer.clone();
        Self {
            material,
            header: material.header.clone(),
            claims,
            raw_header: None,
            raw_payload: None,
            signing,
        }
    }

    /// With this member in the header.
    pub(super) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Without this member of the header.
    pub(super) fn without_header(mut self, name: &str) -> Self {
        self.header.shift_remove(name);
        self
    }

    /// With this claim.
    pub(super) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Without this claim.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.claims.shift_remove(name);
        self
    }

    /// The header as this text, whatever it is.
    pub(super) fn raw_header(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(text.into());
        self
    }

    /// The payload as this text, whatever it is.
    pub(super) fn raw_payload(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.raw_payload = Some(text.into());
        self
    }

    /// The header's text, to be changed.
    pub(super) fn header_text(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    /// The payload's text, to be changed.
    pub(super) fn payload_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    /// Signed by another key, whatever the header says.
    pub(super) fn by(mut self, key: &std::sync::Arc<PrivateKey>, algorithm: Algorithm) -> Self {
        self.signing = Some(Signing { key: key.clone(), algorithm, kid: String::new() });
        self
    }

    /// Signed by the provider's key in another way, whatever the header says.
    pub(super) fn how(mut self, algorithm: Algorithm) -> Self {
        if let Some(signing) = &mut self.signing {
            signing.algorithm = algorithm;
        }
        self
    }

    /// Header and payload, decoded.
    fn parts(&self) -> (Vec<u8>, Vec<u8>) {
        let header = self.raw_header.clone().unwrap_or_else(|| self.header_text().into_bytes());
        let payload = self.raw_payload.clone().unwrap_or_else(|| self.payload_text().into_bytes());
        (header, payload)
    }

    fn input(&self) -> String {
        let (header, payload) = self.parts();
        format!("{}.{}", base64url(header), base64url(payload))
    }

    /// Signed, by the provider unless it was said by whom.
    pub(super) fn signed(&self) -> Draft {
        self.signed_over(&self.input())
    }

    /// Signed over what is encoded otherwise than it should be.
    pub(super) fn encoded(&self, encode: impl Fn(&[u8]) -> String) -> Draft {
        let (header, payload) = self.parts();
        self.signed_over(&format!("{}.{}", encode(&header), encode(&payload)))
    }

    /// Signed over this.
    pub(super) fn signed_over(&self, input: &str) -> Draft {
        let sign = |signing: &Signing| signing.key.sign(signing.algorithm, input.as_bytes()).ok();
        let signature = self.signing.as_ref().and_then(sign);
        let token = signature.map(|signature| format!("{input}.{}", base64url(signature)));
        let theirs = self.material.signer.as_ref().map(|signer| &signer.key);
        // Whose key was named by hand needs nobody's.
        let by_hand = self
            .signing
            .as_ref()
            .is_some_and(|s| theirs.is_none_or(|key| !std::sync::Arc::ptr_eq(key, &s.key)));
        Draft { token, needs: if by_hand { Vec::new() } else { vec![Need::Signer] } }
    }

    /// With an HMAC instead of a signature.
    pub(super) fn mac(self, algorithm: Algorithm, secret: &[u8]) -> Draft {
        let forged = self.header("alg", algorithm.name());
        let input = forged.input();
        let code = hmac(algorithm, secret, input.as_bytes()).unwrap_or_default();
        Draft::of(format!("{input}.{}", base64url(code)))
    }

    /// With these bytes for a signature.
    pub(super) fn with_signature(&self, signature: impl AsRef<[u8]>) -> Draft {
        Draft::of(format!("{}.{}", self.input(), base64url(signature)))
    }

    /// The header and payload as they are, with the signature of the good token.
    pub(super) fn with_borrowed_signature(&self) -> Draft {
        let token = self.material.token.expose();
        let signature = Compact::split(token).map_or("", |parts| parts.signature);
        Draft::of(format!("{}.{signature}", self.input()))
    }
}
