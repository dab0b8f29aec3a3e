//! What a token says, and what an authorizer would make of it.

use serde::Serialize;
use serde_json::Value;

/// A token, looked at: what `landfall token inspect --json` prints. It holds no signature, so nobody can use it as the token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Whether it would be accepted, as far as could be checked.
    pub accepted: bool,
    /// When that was, RFC 3339, UTC.
    pub at: String,
    /// The profile by which it was looked at.
    pub profile: String,
    /// `iss` that it was held against.
    pub issuer: Option<String>,
    /// `aud` that it was held against.
    pub audience: Option<String>,
    /// Its length in bytes.
    pub bytes: usize,
    /// The members of its header, in its order; `null` where it cannot be read.
    pub header: Option<Vec<Said>>,
    /// Its claims, in its order; `null` where they cannot be read.
    pub claims: Option<Vec<Said>>,
    /// The client that it is for, where it tells.
    pub client: Option<String>,
    /// The topics that it permits to write to, whatever else is wrong with it.
    pub topics: Vec<String>,
    /// What came of the signature.
    pub signature: SignatureCheck,
    /// Why it would be refused, in the order in which an authorizer looks; all reasons.
    pub refusals: Vec<RefusalReport>,
}

/// A member of a header, or a claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Said {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Whether an authorizer by this profile looks at it.
    pub known: bool,
    /// What it means to the API, in a sentence.
    pub meaning: String,
}

/// What came of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureCheck {
    /// There were no keys to check it by.
    NotChecked,
    /// The token itself stands in the way; a refusal says how.
    NotCheckable,
    /// It is good.
    Good,
    /// It is not, or there is no key for it; a refusal says which.
    Bad,
}

/// A reason to refuse a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalReport {
    /// The status that a caller gets for it.
    pub status: u16,
    /// What it is about: a member of the header, a claim, `signature`, `payload` or `token`.
    pub about: String,
    /// A sentence.
    pub reason: String,
}

/// By which key a token is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// The key that the token names has signed it, or where it names none, one of the set.
    Good {
        /// The key's name, where it has one.
        kid: Option<String>,
        /// How it is signed.
        algorithm: String,
    },
    /// Not so; a sentence that says why.
    Bad(String),
}
