//! Private keys, parsed once and kept.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::algorithm::{Algorithm, KeyKind};
use super::public::PublicKey;
use crate::secret::Secret;

/// Why a private key cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The system gave no randomness.
    #[error("cannot generate a private key; check the system's source of randomness")]
    Generate,
    /// There is no key in a PEM text.
    #[error(
        "there is no private key in the PEM text; it needs a block `PRIVATE KEY`, `RSA PRIVATE KEY` or \
         `EC PRIVATE KEY` that is not encrypted"
    )]
    Pem,
    /// A key that no algorithm here takes.
    #[error(
        "the private key is of no kind that signs tokens; RSA of 2048 to 8192 bits, P-256, P-384, P-521 and Ed25519 do: \
         make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`"
    )]
    Kind,
}

/// A key was asked for a signature that it cannot make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of the kind {kind:?} makes no {} signature; use an algorithm that fits it", algorithm.name())]
pub struct SigningError {
    /// The key's kind.
    pub kind: KeyKind,
    /// What was asked for.
    pub algorithm: Algorithm,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A private key with its public one.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

fn signing(kind: KeyKind) -> Option<&'static EcdsaSigningAlgorithm> {
    match kind {
        KeyKind::P256 => Some(&ECDSA_P256_SHA256_FIXED_SIGNING),
        KeyKind::P384 => Some(&ECDSA_P384_SHA384_FIXED_SIGNING),
        KeyKind::P521 => Some(&ECDSA_P521_SHA512_FIXED_SIGNING),
        KeyKind::Rsa | KeyKind::Ed25519 => None,
    }
}

impl PrivateKey {
    /// A new key, RSA of 2048 bits. Searching for primes takes tens of milliseconds and more.
    ///
    /// # Errors
    /// [`KeyError::Generate`].
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Generate;
        let pair = match (kind, signing(kind)) {
            (KeyKind::Rsa, _) => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?),
            (_, Some(algorithm)) => Pair::Ecdsa(EcdsaKeyPair::generate(algorithm).map_err(failed)?),
            (_, None) => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
        };
        Ok(Self::of(kind, pair))
    }

    /// The first private key of a PEM text: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017) or SEC 1 (RFC 5915).
    ///
    /// # Errors
    /// [`KeyError::Pem`] and [`KeyError::Kind`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyError::Pem)?;
        let bytes = der.secret_der();
        if let Ok(pair) = RsaKeyPair::from_pkcs8(bytes).or_else(|_| RsaKeyPair::from_der(bytes)) {
            return Ok(Self::of(KeyKind::Rsa, Pair::Rsa(pair)));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes) {
            return Ok(Self::of(KeyKind::Ed25519, Pair::Ed25519(pair)));
        }
        let curve = |kind| {
            let algorithm = signing(kind)?;
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, bytes)
                .or_else(|_| EcdsaKeyPair::from_private_key_der(algorithm, bytes));
            Some(Self::of(kind, Pair::Ecdsa(pair.ok()?)))
        };
        [KeyKind::P256, KeyKind::P384, KeyKind::P521].into_iter().find_map(curve).ok_or(KeyError::Kind)
    }

    fn of(kind: KeyKind, pair: Pair) -> Self {
        let public = match &pair {
            Pair::Rsa(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                PublicKey::Rsa { n, e }
            }
            // An uncompressed point: 4, and two coordinates (SEC 1, section 2.3.3).
            Pair::Ecdsa(pair) => PublicKey::Curve { kind, point: pair.public_key().as_ref().to_vec() },
            Pair::Ed25519(pair) => PublicKey::Curve { kind, point: pair.public_key().as_ref().to_vec() },
        };
        Self { pair, public }
    }

    /// Its public key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.public.kind()
    }

    /// Signs `message`. The signature is as JWS has it: of elliptic curves both numbers in full length, one after the
    /// other (RFC 7518, section 3.4).
    ///
    /// # Errors
    /// [`SigningError`] where the algorithm takes another kind of key.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let refused = SigningError { kind: self.kind(), algorithm };
        if algorithm.key_kind() != Some(self.kind()) {
            return Err(refused);
        }
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding = algorithm.rsa_encoding().ok_or(refused)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| refused)?;
                Ok(signature)
            }
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| refused)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The key as PEM of PKCS #8; `None` where the system's library cannot write it.
    #[must_use]
    pub fn to_pem(&self) -> Option<Secret> {
        let encode = |der: &[u8]| {
            let lines = STANDARD.encode(der);
            let mut text = "-----BEGIN PRIVATE KEY-----\n".to_owned();
            for line in lines.as_bytes().chunks(64) {
                text.extend(line.iter().map(|byte| char::from(*byte)));
                text.push('\n');
            }
            Secret::new(text + "-----END PRIVATE KEY-----\n")
        };
        match &self.pair {
            Pair::Rsa(pair) => {
                let der: Pkcs8V1Der<'static> = pair.as_der().ok()?;
                Some(encode(der.as_ref()))
            }
            Pair::Ecdsa(pair) => Some(encode(pair.to_pkcs8v1().ok()?.as_ref())),
            Pair::Ed25519(pair) => Some(encode(pair.to_pkcs8v1().ok()?.as_ref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_signs_what_its_public_key_verifies() {
        for kind in KeyKind::ALL {
            let key = PrivateKey::generate(kind).unwrap();
            let again = PrivateKey::from_pem(key.to_pem().unwrap().expose()).unwrap();
            assert_eq!(again.public(), key.public());
            for algorithm in Algorithm::ALL {
                let fits = algorithm.key_kind() == Some(kind);
                let signature = again.sign(algorithm, b"message");
                assert_eq!(signature.is_ok(), fits, "{kind:?} {algorithm:?}");
                let Ok(mut signature) = signature else { continue };
                assert!(key.public().verifies(algorithm, b"message", &signature), "{algorithm:?}");
                assert!(!key.public().verifies(algorithm, b"massage", &signature));
                signature[9] ^= 1;
                assert!(!key.public().verifies(algorithm, b"message", &signature));
            }
        }
    }

    #[test]
    fn a_text_without_a_key_is_told_from_a_key_of_another_kind() {
        assert_eq!(PrivateKey::from_pem("hello").unwrap_err(), KeyError::Pem);
        let other = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        assert_eq!(PrivateKey::from_pem(other).unwrap_err(), KeyError::Kind);
    }

    #[test]
    fn debug_shows_the_public_part_alone() {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        assert!(format!("{key:?}").starts_with("PrivateKey { public: Curve {"));
    }
}
