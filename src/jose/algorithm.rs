//! The algorithms of signatures, and which keys they take.

use aws_lc_rs::digest;
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, RsaParameters, RsaSignatureEncoding, UnparsedPublicKey};

/// An algorithm of signatures or of message authentication, as the header member `alg` names it (RFC 7518, section 3.1;
/// RFC 8037, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// ECDSA over P-521 with SHA-512.
    Es512,
    /// `EdDSA` over Curve25519.
    EdDsa,
    /// HMAC with SHA-256: no signature, since who can check it can make it.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// What kind of key pair an algorithm takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// RSA of 2048 bits or more.
    Rsa,
    /// Elliptic curve P-256.
    P256,
    /// Elliptic curve P-384.
    P384,
    /// Elliptic curve P-521.
    P521,
    /// Edwards curve, Ed25519.
    Ed25519,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Rsa, Self::P256, Self::P384, Self::P521, Self::Ed25519];

    /// Its `kty`, and its `crv` where it has one (RFC 7518, section 6; RFC 8037, section 2).
    #[must_use]
    pub fn names(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Rsa => ("RSA", None),
            Self::P256 => ("EC", Some("P-256")),
            Self::P384 => ("EC", Some("P-384")),
            Self::P521 => ("EC", Some("P-521")),
            Self::Ed25519 => ("OKP", Some("Ed25519")),
        }
    }

    /// How a key of this kind signs where nobody says how.
    #[must_use]
    pub fn usual_algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::Rs256,
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
            Self::Ed25519 => Algorithm::EdDsa,
        }
    }

    /// Bytes of one coordinate of a point; 0 for RSA.
    pub(super) fn coordinate(self) -> usize {
        match self {
            Self::Rsa => 0,
            Self::P256 | Self::Ed25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 13] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// Its name in headers and keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The algorithm of this name, which is to be written exactly so.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The kind of key pair that it takes; `None` where it takes a shared secret.
    #[must_use]
    pub fn key_kind(self) -> Option<KeyKind> {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                Some(KeyKind::Rsa)
            }
            Self::Es256 => Some(KeyKind::P256),
            Self::Es384 => Some(KeyKind::P384),
            Self::Es512 => Some(KeyKind::P521),
            Self::EdDsa => Some(KeyKind::Ed25519),
            Self::Hs256 | Self::Hs384 | Self::Hs512 => None,
        }
    }

    pub(super) fn rsa_encoding(self) -> Option<&'static RsaSignatureEncoding> {
        match self {
            Self::Rs256 => Some(&signature::RSA_PKCS1_SHA256),
            Self::Rs384 => Some(&signature::RSA_PKCS1_SHA384),
            Self::Rs512 => Some(&signature::RSA_PKCS1_SHA512),
            Self::Ps256 => Some(&signature::RSA_PSS_SHA256),
            Self::Ps384 => Some(&signature::RSA_PSS_SHA384),
            Self::Ps512 => Some(&signature::RSA_PSS_SHA512),
            _ => None,
        }
    }

    fn rsa_parameters(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
            _ => None,
        }
    }

    /// Whether `signature` is one of `message` by the RSA key of this modulus and exponent.
    pub(super) fn rsa_verifies(self, (n, e): (&[u8], &[u8]), message: &[u8], signature: &[u8]) -> bool {
        let key = PublicKeyComponents { n, e };
        self.rsa_parameters().is_some_and(|parameters| key.verify(parameters, message, signature).is_ok())
    }

    /// Whether `signature` is one of `message` by the key at this point of a curve.
    pub(super) fn curve_verifies(self, point: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn signature::VerificationAlgorithm = match self {
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
            Self::EdDsa => &signature::ED25519,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
    }

    /// The hash of an HMAC; `None` where it is none.
    pub(super) fn hmac(self) -> Option<hmac::Algorithm> {
        match self {
            Self::Hs256 => Some(hmac::HMAC_SHA256),
            Self::Hs384 => Some(hmac::HMAC_SHA384),
            Self::Hs512 => Some(hmac::HMAC_SHA512),
            _ => None,
        }
    }
}

/// The SHA-256 digest of `bytes` (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}
