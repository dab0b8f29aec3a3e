//! The compact serialisation (RFC 7515, section 7.1): made, and taken apart.

use std::sync::Arc;

use aws_lc_rs::hmac as mac;
use serde::Serialize;

use super::algorithm::Algorithm;
use super::private::{PrivateKey, SigningError};
use super::public::{base64url, from_base64url};

/// What is signed: both parts as base64url, with a full stop between them (RFC 7515, section 5.1).
#[must_use]
pub fn signing_input(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", base64url(header), base64url(payload))
}

/// The code that authenticates `message` to those who know `secret`; `None` where the algorithm is no HMAC.
#[must_use]
pub fn hmac(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = mac::Key::new(algorithm.hmac()?, secret);
    Some(mac::sign(&key, message).as_ref().to_vec())
}

/// Makes tokens of one header.
#[derive(Debug, Clone)]
pub struct Signer {
    key: Arc<PrivateKey>,
    algorithm: Algorithm,
    /// First part of every token.
    header: String,
}

impl Signer {
    /// A signer that writes `header` as it stands.
    #[must_use]
    pub fn new(key: Arc<PrivateKey>, algorithm: Algorithm, header: &impl Serialize) -> Self {
        // Maps with string keys and numbers that are finite can always be written.
        let header = serde_json::to_vec(header).unwrap_or_default();
        Self { key, algorithm, header: base64url(header) }
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// [`SigningError`] where the algorithm does not fit the key.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, SigningError> {
        let claims = serde_json::to_vec(claims).unwrap_or_default();
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 360);
        token.push_str(&self.header);
        token.push('.');
        token.push_str(&base64url(claims));
        let signature = self.key.sign(self.algorithm, token.as_bytes())?;
        token.push('.');
        token.push_str(&base64url(signature));
        Ok(token)
    }
}

/// A token's three parts, still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compact<'a> {
    /// The header.
    pub header: &'a str,
    /// The payload.
    pub payload: &'a str,
    /// The signature.
    pub signature: &'a str,
}

impl<'a> Compact<'a> {
    /// Takes a token apart; `None` where it has not exactly three parts.
    #[must_use]
    pub fn split(token: &'a str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some(Self { header, payload, signature })
    }

    /// The header's JSON text.
    #[must_use]
    pub fn decoded_header(&self) -> Option<Vec<u8>> {
        from_base64url(self.header)
    }

    /// The payload's JSON text.
    #[must_use]
    pub fn decoded_payload(&self) -> Option<Vec<u8>> {
        from_base64url(self.payload)
    }

    /// The signature's bytes.
    #[must_use]
    pub fn decoded_signature(&self) -> Option<Vec<u8>> {
        from_base64url(self.signature)
    }

    /// What has been signed.
    #[must_use]
    pub fn signing_input(&self) -> String {
        format!("{}.{}", self.header, self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::KeyKind;
    use serde_json::json;

    #[test]
    fn a_signed_token_is_taken_apart_and_verified() {
        let key = Arc::new(PrivateKey::generate(KeyKind::P256).unwrap());
        let header = json!({"alg": "ES256", "typ": "at+jwt"});
        let token = Signer::new(key.clone(), Algorithm::Es256, &header).sign(&json!({"sub": "ä"})).unwrap();
        let parts = Compact::split(&token).unwrap();
        assert_eq!(parts.decoded_header().unwrap(), header.to_string().into_bytes());
        assert_eq!(parts.decoded_payload().unwrap(), "{\"sub\":\"ä\"}".as_bytes());
        let signature = parts.decoded_signature().unwrap();
        assert!(key.public().verifies(Algorithm::Es256, parts.signing_input().as_bytes(), &signature));
        assert!(Signer::new(key, Algorithm::Rs256, &header).sign(&json!({})).is_err());
    }

    #[test]
    fn a_token_has_three_parts() {
        assert!(Compact::split("..").is_some());
        assert!(["", "a.b", "a.b.c.d"].iter().all(|text| Compact::split(text).is_none()));
    }

    /// The example of RFC 7515, appendix A.1.
    #[test]
    fn an_hmac_is_that_of_the_specification() {
        let secret = from_base64url(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        );
        let message = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
                       dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let code = hmac(Algorithm::Hs256, &secret.unwrap(), message.as_bytes()).unwrap();
        assert_eq!(base64url(code), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(hmac(Algorithm::Rs256, b"", b""), None);
    }
}
