//! What a provider's access tokens look like, and what an authorizer for them takes.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::jose::Algorithm;

/// A provider's access tokens under the client credentials grant.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenProfile {
    /// Its name: that of a provider, mostly.
    pub name: String,
    /// What the provider writes.
    pub issues: Issues,
    /// What an authorizer for this provider takes.
    pub accepts: Accepts,
}

/// What a provider writes into a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Issues {
    /// How it signs.
    pub algorithm: Algorithm,
    /// The header's `typ`; `None`: there is none.
    pub typ: Option<String>,
    /// What stands behind the host in the issuer: `/oauth2/default`, `/`, or nothing.
    pub issuer_path: String,
    /// Whether its published keys name their algorithm.
    pub keys_name_algorithm: bool,
    /// The claims besides `iss`, `iat` and `exp`, which every token has. What may stand in them: see
    /// [`ClaimValues`](super::ClaimValues).
    pub claims: Map<String, Value>,
}

/// What an authorizer takes.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice by itself, which people write as one")]
#[derive(Debug, Clone, PartialEq)]
pub struct Accepts {
    /// The algorithms, and no others.
    pub algorithms: Vec<Algorithm>,
    /// The types, in small letters and without `application/` (RFC 7515, section 4.1.9).
    pub types: Vec<String>,
    /// Whether a header without `typ` is taken.
    pub untyped: bool,
    /// Whether the audience must be there and fit. Otherwise it must fit where it is there.
    pub audience_required: bool,
    /// The claims that name the client: the first is the provider's own. All that are there must agree.
    pub client_claims: Vec<String>,
    /// Claims that must be there besides `iss`, `sub` and `exp`.
    pub required: Vec<String>,
    /// Claims that must be there and say exactly this: the mark of an access token, for instance.
    pub constants: Map<String, Value>,
    /// Claims that must not be there: the provider writes them into people's tokens, and not into those that a client
    /// obtains for itself. A token that has one permits nothing.
    pub absent: Vec<String>,
    /// Where the token says what the client may do.
    pub permissions: Permissions,
    /// Clock difference that is put up with at `exp`, `nbf` and `iat`.
    pub leeway: Duration,
    /// The longest life from `iat` to `exp`; `None`: any.
    pub longest_life: Option<Duration>,
    /// Whether the scheme `Bearer` may be written in any case (RFC 9110, section 11.1).
    pub any_case_scheme: bool,
    /// Whether a token without `kid` is taken where there is one key only.
    pub without_kid: bool,
}

/// Where and how a token says what the client may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// The claim.
    pub claim: String,
    /// Its shape.
    pub shape: PermissionShape,
    /// What stands before each permission that is for this API: `kafka/`, or nothing.
    pub prefix: String,
}

/// The shape of a claim that holds permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermissionShape {
    /// One text, with spaces between them (RFC 6749, section 3.3).
    Text,
    /// A list of texts.
    List,
}

impl Default for TokenProfile {
    /// Tokens as RFC 9068 has them, and what landfall's own authorizer takes: those, and what most providers write.
    fn default() -> Self {
        let claims = [
            ("aud", "{audience}"),
            ("sub", "{client}"),
            ("client_id", "{client}"),
            ("jti", "{jti}"),
            ("scope", "{scope}"),
        ];
        let text = |text: &str| text.to_owned();
        Self {
            name: text("landfall"),
            issues: Issues {
                algorithm: Algorithm::Rs256,
                typ: Some(text("at+jwt")),
                issuer_path: String::new(),
                keys_name_algorithm: true,
                claims: claims.map(|(name, value)| (text(name), Value::from(value))).into_iter().collect(),
            },
            accepts: Accepts {
                algorithms: vec![Algorithm::Rs256],
                types: vec![text("at+jwt"), text("jwt")],
                untyped: false,
                audience_required: true,
                client_claims: ["client_id", "azp", "cid"].map(text).into(),
                required: Vec::new(),
                constants: Map::new(),
                absent: Vec::new(),
                permissions: Permissions {
                    claim: text("scope"),
                    shape: PermissionShape::Text,
                    prefix: String::new(),
                },
                leeway: Duration::from_secs(30),
                longest_life: None,
                any_case_scheme: true,
                without_kid: true,
            },
        }
    }
}
