//! One issuer: what its tokens look like, where its endpoints are, and what it says of itself.

use std::time::{Duration, Instant};

use super::grant::Grant;
use super::keys::{KeyRing, SigningKey};
use crate::jose::{Algorithm, KeyError, SigningError};
use crate::scenario::{ClaimValues, TokenProfile};
use crate::wire::oauth::{Jwks, Metadata, TokenResponse};

/// One issuer of a provider.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) name: String,
    /// `iss`, to the letter.
    pub(super) url: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
    pub(super) profile: TokenProfile,
    pub(super) keys: KeyRing,
}

/// Something that an issuer serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Token,
    Metadata,
    Keys,
}

/// What a token is issued by besides the grant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) audience: &'a str,
    pub(super) life: Duration,
    /// The provider's time, in seconds since 1970.
    pub(super) now: u64,
    /// Whether the header names a key that there is not.
    pub(super) wrong_kid: bool,
}

impl Issuer {
    /// An issuer at `origin` (`http://host:port`), with a key of its own. Searching for primes takes a while.
    pub(super) fn new(
        name: String,
        origin: &str,
        profile: TokenProfile,
        life: Duration,
    ) -> Result<Self, KeyError> {
        let url = format!("{origin}{}", profile.issues.issuer_path);
        let base = url.trim_end_matches('/');
        let (token_endpoint, jwks_uri) =
            (format!("{base}/oauth2/token"), format!("{base}/.well-known/jwks.json"));
        let signing = SigningKey::generate(&profile.issues)?;
        let keys = KeyRing::new(signing, &profile.issues, life);
        Ok(Self { name, url, token_endpoint, jwks_uri, profile, keys })
    }

    /// What it serves, by path.
    pub(super) fn routes(&self) -> [(String, Endpoint); 4] {
        let path = self.profile.issues.issuer_path.trim_end_matches('/');
        [
            (format!("{path}/oauth2/token"), Endpoint::Token),
            (format!("{path}/.well-known/jwks.json"), Endpoint::Keys),
            // OpenID Connect Discovery 1.0, section 4, puts it behind the issuer; RFC 8414, section 3, between its host and
            // its path. In both cases without the issuer's last slash.
            (format!("{path}/.well-known/openid-configuration"), Endpoint::Metadata),
            (format!("/.well-known/oauth-authorization-server{path}"), Endpoint::Metadata),
        ]
    }

    /// A token for what has been granted.
    pub(super) fn issue(&self, grant: &Grant, terms: Terms<'_>) -> Result<TokenResponse, SigningError> {
        let jti = uuid::Uuid::new_v4().to_string();
        let life = terms.life.as_secs();
        let claims = self.profile.issues.claims_of(&ClaimValues {
            issuer: &self.url,
            client: &grant.client_id,
            audience: Some(terms.audience),
            scope: grant.scope.as_deref(),
            jti: &jti,
            now: terms.now,
            life,
        });
        let signing = self.keys.signing();
        let access_token = if terms.wrong_kid {
            signing.sign_as(&uuid::Uuid::new_v4().simple().to_string(), &claims)?
        } else {
            signing.sign(&claims)?
        };
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer".to_owned(),
            expires_in: Some(life),
            scope: grant.scope.clone(),
        })
    }

    /// The published keys.
    pub(super) fn jwks(&self) -> Jwks {
        Jwks { keys: self.keys.published(Instant::now()) }
    }

    /// Its metadata; `scopes` are those that some client may have.
    pub(super) fn metadata(&self, scopes: Vec<String>) -> Metadata {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let of_pairs = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.key_kind().is_some());
        Metadata {
            issuer: self.url.clone(),
            token_endpoint: self.token_endpoint.clone(),
            jwks_uri: Some(self.jwks_uri.clone()),
            response_types_supported: Vec::new(),
            grant_types_supported: texts(&["client_credentials"]),
            token_endpoint_auth_methods_supported: texts(&[
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ]),
            token_endpoint_auth_signing_alg_values_supported: of_pairs
                .map(|algorithm| algorithm.name().to_owned())
                .collect(),
            scopes_supported: scopes,
            subject_types_supported: texts(&["public"]),
            id_token_signing_alg_values_supported: texts(&[self.profile.issues.algorithm.name()]),
        }
    }
}
