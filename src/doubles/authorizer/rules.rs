//! What tokens must say, and why they are refused.

use crate::scenario::{Accepts, Flaw};

/// What tokens must say.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) accepts: Accepts,
    /// The mistake that is made.
    pub(super) flaw: Option<Flaw>,
}

/// Whom a good token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) subject: String,
    pub(super) client_id: String,
    /// What the client may do, without what stands before permissions for this API.
    pub(super) permissions: Vec<String>,
}

/// Why a token is refused. For tests and debugging only: the caller is told no more than "Unauthorized".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("it does not follow the scheme Bearer")]
    Scheme,
    #[error("it has not three parts, the first of them a JSON object")]
    Form,
    #[error("its algorithm is none of those agreed on")]
    Algorithm,
    #[error("its header has a type, content type or extension that is not accepted")]
    Header,
    #[error("no key of the issuer's fits it")]
    Key,
    #[error("its signature does not fit")]
    Signature,
    #[error("its payload is no JSON object in which each name stands once")]
    Payload,
    #[error("a claim has the wrong type, or is too long")]
    Claim,
    #[error("a claim is missing")]
    Incomplete,
    #[error("its claims name different clients")]
    Clients,
    #[error("it is for or from somebody else")]
    Party,
    #[error("it is not valid at this time")]
    Time,
    #[error("it is no access token")]
    Kind,
    #[error("it is bound to a key that the caller has not proven to hold")]
    Bound,
}
