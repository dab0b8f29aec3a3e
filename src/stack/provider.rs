//! What the rest of the path must know of the identity provider.

use super::embedded::AUDIENCE;
use crate::doubles::idp::Idp;

/// What those must know who check its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Provider {
    /// `iss` of its tokens, to the letter.
    pub(super) issuer: String,
    /// URL of its keys.
    pub(super) jwks_uri: String,
    /// `aud` of its tokens for the path's API.
    pub(super) audience: String,
}

impl Provider {
    /// landfall's own.
    pub(super) fn embedded(idp: &Idp) -> Self {
        Self { issuer: idp.issuer().to_owned(), jwks_uri: idp.jwks_uri(), audience: AUDIENCE.to_owned() }
    }
}
