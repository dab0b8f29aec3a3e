//! `landfall token inspect`: what a token says, what that means to the API, and all that it would be refused for.

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::meaning::{Reader, meaning_of_claim, meaning_of_header};
use super::{Input, date, seconds};
use crate::doubles::authorizer::{Examination, KeySet, Refusal, Signature, Terms, examine};
use crate::result::{Inspection, RefusalReport, Said, SignatureCheck};
use crate::scenario::TokenProfile;

/// What a token is held against.
#[derive(Debug)]
pub struct Against {
    /// What an authorizer takes.
    pub profile: TokenProfile,
    /// `iss` that it must have; `None`: any.
    pub issuer: Option<String>,
    /// `aud` that it must have; `None`: any.
    pub audience: Option<String>,
    /// The issuer's keys; `None`: the signature is not checked.
    pub keys: Option<KeySet>,
}

/// Looks at a token as it is used `now`. The rules are the authorizer's own: see [`examine`].
#[must_use]
pub fn inspect(input: &Input, against: &Against, now: SystemTime) -> Inspection {
    let Against { profile, issuer, audience, keys } = against;
    let terms =
        Terms { issuer: issuer.clone(), audience: audience.clone(), accepts: profile.accepts.clone() };
    let found = examine(input.presented(), &terms, keys.as_ref(), now);
    let reader = Reader {
        accepts: &profile.accepts,
        issuer: issuer.as_deref(),
        audience: audience.as_deref(),
        now: seconds(now),
    };
    let Examination { header, claims, refusals, signature, client, topics } = found;
    Inspection {
        accepted: refusals.is_empty(),
        at: date(seconds(now)),
        profile: profile.name.clone(),
        issuer: issuer.clone(),
        audience: audience.clone(),
        bytes: input.token().len(),
        header: said(header, |name, value| meaning_of_header(name, value, &reader)),
        claims: said(claims, |name, value| meaning_of_claim(name, value, &reader)),
        client,
        topics,
        signature: match signature {
            Signature::Unchecked => SignatureCheck::NotChecked,
            Signature::Uncheckable => SignatureCheck::NotCheckable,
            Signature::Good { .. } => SignatureCheck::Good,
            Signature::Bad => SignatureCheck::Bad,
        },
        refusals: refusals.into_iter().map(report).collect(),
    }
}

fn report(refusal: Refusal) -> RefusalReport {
    let Refusal { status, about, reason } = refusal;
    RefusalReport { status, about, reason }
}

fn said(
    members: Option<Map<String, Value>>,
    meaning: impl Fn(&str, &Value) -> Option<String>,
) -> Option<Vec<Said>> {
    let one = |(name, value): (String, Value)| {
        let meaning = meaning(&name, &value);
        let known = meaning.is_some();
        let meaning = meaning.unwrap_or_else(|| "unknown to this API, which does not look at it".to_owned());
        Said { name, value, known, meaning }
    };
    Some(members?.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests;
