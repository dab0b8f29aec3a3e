//! Public keys, and how they are written: as JWK, as PEM, as thumbprint.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, KeyKind, sha256};

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// RSA.
    Rsa {
        /// Modulus, big-endian.
        n: Vec<u8>,
        /// Exponent, big-endian.
        e: Vec<u8>,
    },
    /// A point of a curve.
    Curve {
        /// Which curve.
        kind: KeyKind,
        /// For ECDSA uncompressed (SEC 1, section 2.3.3), for Ed25519 as it is (RFC 8032, section 5.1.2).
        point: Vec<u8>,
    },
}

/// Why a JWK is no public key that signatures of tokens are checked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// It is of another kind, or none.
    #[error("the JWK's kty and crv are none of RSA, EC with P-256, P-384 or P-521, and OKP with Ed25519")]
    Kind,
    /// A member that it must have.
    #[error("the JWK's member `{0}` is missing, or no base64url of the right length")]
    Member(&'static str),
}

/// Bytes as base64url without padding (RFC 7515, section 2).
#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of base64url without padding; `None` where it is none, or has bits left over that are not 0.
#[must_use]
pub fn from_base64url(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

impl PublicKey {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::Rsa { .. } => KeyKind::Rsa,
            Self::Curve { kind, .. } => *kind,
        }
    }

    /// Whether `signature` is one of `message` by this key and `algorithm`; false where they do not fit one another.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        algorithm.key_kind() == Some(self.kind())
            && match self {
                Self::Rsa { n, e } => algorithm.rsa_verifies((n, e), message, signature),
                Self::Curve { point, .. } => algorithm.curve_verifies(point, message, signature),
            }
    }

    /// Reads a JWK (RFC 7517, section 4); only what makes the key is looked at.
    ///
    /// # Errors
    /// [`PublicKeyError`], as it says.
    pub fn from_jwk(jwk: &Value) -> Result<Self, PublicKeyError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let names = (text("kty").unwrap_or_default(), text("crv"));
        let bytes = |name: &'static str, length: usize| {
            let bytes = text(name).and_then(from_base64url).filter(|bytes| !bytes.is_empty());
            bytes.filter(|bytes| length == 0 || bytes.len() == length).ok_or(PublicKeyError::Member(name))
        };
        let of_kind = |kind: &KeyKind| {
            let (kty, crv) = kind.names();
            names.0 == kty && (crv.is_none() || names.1 == crv)
        };
        let kind = KeyKind::ALL.into_iter().find(of_kind).ok_or(PublicKeyError::Kind)?;
        let length = kind.coordinate();
        match kind {
            KeyKind::Rsa => Ok(Self::Rsa { n: bytes("n", 0)?, e: bytes("e", 0)? }),
            KeyKind::Ed25519 => Ok(Self::Curve { kind, point: bytes("x", length)? }),
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {
                let point = [vec![4], bytes("x", length)?, bytes("y", length)?].concat();
                Ok(Self::Curve { kind, point })
            }
        }
    }

    /// The members that make the key, in the order of its thumbprint (RFC 7638, section 3.2).
    fn members(&self) -> Vec<(&'static str, String)> {
        let (kty, crv) = self.kind().names();
        match self {
            Self::Rsa { n, e } => {
                vec![("e", base64url(e)), ("kty", kty.to_owned()), ("n", base64url(n))]
            }
            Self::Curve { kind, point } => {
                let mut members = vec![("crv", crv.unwrap_or_default().to_owned()), ("kty", kty.to_owned())];
                let length = kind.coordinate();
                match kind {
                    KeyKind::Ed25519 | KeyKind::Rsa => members.push(("x", base64url(point))),
                    KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {
                        let coordinate =
                            |from: usize| base64url(point.get(from..from + length).unwrap_or(&[]));
                        members.push(("x", coordinate(1)));
                        members.push(("y", coordinate(1 + length)));
                    }
                }
                members
            }
        }
    }

    /// The key's thumbprint (RFC 7638, section 3): a name that says which key it is.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let members: Vec<String> =
            self.members().iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        base64url(sha256(format!("{{{}}}", members.join(",")).as_bytes()))
    }

    /// The key as JWK without any member that says what it is for.
    #[must_use]
    pub fn to_bare_jwk(&self) -> Map<String, Value> {
        self.members().into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
    }

    /// The key as JWK for signatures of one algorithm, under a name.
    #[must_use]
    pub fn to_jwk(&self, kid: &str, algorithm: Algorithm) -> Map<String, Value> {
        let mut jwk = self.to_bare_jwk();
        for (name, value) in [("use", "sig"), ("alg", algorithm.name()), ("kid", kid)] {
            jwk.insert(name.to_owned(), Value::String(value.to_owned()));
        }
        jwk
    }

    /// The key as `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7), DER; `None` where it is no key.
    #[must_use]
    pub fn to_der(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'static> = match self {
            Self::Rsa { n, e } => PublicKeyComponents { n, e }.as_der().ok()?,
            Self::Curve { kind, point } => {
                let algorithm: &'static dyn VerificationAlgorithm = match kind {
                    KeyKind::P256 => &ECDSA_P256_SHA256_FIXED,
                    KeyKind::P384 => &ECDSA_P384_SHA384_FIXED,
                    KeyKind::P521 => &ECDSA_P521_SHA512_FIXED,
                    KeyKind::Ed25519 => &ED25519,
                    KeyKind::Rsa => return None,
                };
                ParsedPublicKey::new(algorithm, point).ok()?.as_der().ok()?
            }
        };
        Some(der.as_ref().to_vec())
    }

    /// The same as PEM, with a line's end behind the last line.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        let der = STANDARD.encode(self.to_der()?);
        let mut text = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for line in der.as_bytes().chunks(64) {
            text.extend(line.iter().map(|byte| char::from(*byte)));
            text.push('\n');
        }
        Some(text + "-----END PUBLIC KEY-----\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::PrivateKey;
    use serde_json::json;

    /// The example of RFC 7638, section 3.1.
    #[test]
    fn a_thumbprint_is_that_of_the_specification() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXj\
                 BZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz\
                 s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ\
                 -G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        let key = PublicKey::from_jwk(&jwk).unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for kind in KeyKind::ALL {
            let key = PrivateKey::generate(kind).unwrap();
            let jwk = Value::Object(key.public().to_bare_jwk());
            assert_eq!(PublicKey::from_jwk(&jwk).as_ref(), Ok(key.public()));
            assert!(key.public().to_pem().unwrap().lines().count() > 2);
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        let read = |jwk: Value| PublicKey::from_jwk(&jwk);
        assert_eq!(read(json!({"kty": "oct", "k": "AQAB"})), Err(PublicKeyError::Kind));
        assert_eq!(read(json!({"kty": "EC", "crv": "P-192"})), Err(PublicKeyError::Kind));
        assert_eq!(read(json!({"kty": "RSA", "n": "AQAB"})), Err(PublicKeyError::Member("e")));
        let short = json!({"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"});
        assert_eq!(read(short), Err(PublicKeyError::Member("x")));
        assert_eq!(read(json!(7)), Err(PublicKeyError::Kind));
    }
}
