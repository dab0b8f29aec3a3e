//! The provider's RSA key: makes RS256 signatures (RFC 7518, section 3.3) and describes itself as a JWK.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use crate::wire::oauth::{RsaJwk, TokenClaims, TokenHeader};

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign an access token with the identity provider's RSA key; start the provider again")]
pub(super) struct SigningError;

/// A 2048-bit RSA key, kept parsed: parsing it for each signature would cost as much as signing.
pub(super) struct SigningKey {
    pair: KeyPair,
    jwk: RsaJwk,
    /// First part of every token.
    header: String,
}

impl SigningKey {
    pub(super) fn generate() -> Result<Self, Unspecified> {
        let pair = KeyPair::generate(KeySize::Rsa2048)?;
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let (n, e) = (BASE64URL.encode(&public.n), BASE64URL.encode(&public.e));
        // The key's thumbprint (RFC 7638, section 3): members in this order, without spaces.
        let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        let kid = BASE64URL.encode(digest(&SHA256, canonical.as_bytes()));
        let header = TokenHeader { alg: "RS256".to_owned(), typ: "at+jwt".to_owned(), kid: kid.clone() };
        let header = serde_json::to_vec(&header).map_err(|_| Unspecified)?;
        let jwk = RsaJwk {
            kty: "RSA".to_owned(),
            public_use: "sig".to_owned(),
            alg: "RS256".to_owned(),
            kid,
            n,
            e,
        };
        Ok(Self { pair, jwk, header: BASE64URL.encode(header) })
    }

    pub(super) fn jwk(&self) -> &RsaJwk {
        &self.jwk
    }

    /// A token in the compact serialisation (RFC 7515, section 7.1).
    pub(super) fn sign(&self, claims: &TokenClaims) -> Result<String, SigningError> {
        let claims = serde_json::to_vec(claims).map_err(|_| SigningError)?;
        let mut token = format!("{}.{}", self.header, BASE64URL.encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| SigningError)?;
        token.push('.');
        BASE64URL.encode_string(signature, &mut token);
        Ok(token)
    }
}
