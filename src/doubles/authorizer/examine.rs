//! Looking at a token as the authorizer does, but to the end: not for the first reason to refuse it, but for all.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::claims::{self, Seen};
use super::header::{Token, TokenType, bearer};
use super::keys::{self, FetchError, VerifyKey};
use super::policy::{self, ApiArn, Asked};
use super::rules::{Caller, Refused, Rules};
use super::signature;
use super::words;
use crate::scenario::Accepts;
use crate::wire::lambda::RESULT_LIMIT;

/// A method of an API, of the usual lengths: account and API have 12 and 10 characters.
const METHOD: &str = "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod/POST/topics/x";

/// What tokens are held against.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// `iss` that they must have; `None`: any, but one.
    pub issuer: Option<String>,
    /// `aud` that they must have; `None`: any.
    pub audience: Option<String>,
    /// What they must be like besides.
    pub accepts: Accepts,
}

/// What is examined.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'a> {
    /// The value of an `Authorization` header.
    Header(&'a str),
    /// A token alone.
    Token(&'a str),
}

/// An issuer's keys, as far as signatures can be checked with them.
#[derive(Debug, Clone)]
pub struct KeySet(Vec<Arc<VerifyKey>>);

impl KeySet {
    /// The keys of a set (RFC 7517, section 5), those left out that the authorizer leaves out; `None` where it is no set.
    #[must_use]
    pub fn parse(set: &[u8]) -> Option<Self> {
        match keys::parse(set) {
            Ok(keys) => Some(Self(keys)),
            Err(
                FetchError::Malformed
                | FetchError::Unreachable
                | FetchError::Timeout
                | FetchError::Status(_)
                | FetchError::Empty,
            ) => None,
        }
    }
}

/// What came of the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// Nobody looked: there were no keys.
    Unchecked,
    /// It cannot be checked, because of the token itself; a refusal says why.
    Uncheckable,
    /// It fits.
    Good {
        /// The name of the key that made it, where that has one.
        kid: Option<String>,
    },
    /// It does not fit, or there is no key for it; a refusal says which.
    Bad,
}

/// A reason to refuse a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status that a caller gets for it: 401, 403 or 500.
    pub status: u16,
    /// What it is about: a member of the header, a claim, `signature`, `payload` or `token`.
    pub about: String,
    /// A sentence.
    pub reason: String,
}

/// All that an authorizer sees of a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Examination {
    /// The header's members; `None` where it cannot be read.
    pub header: Option<Map<String, Value>>,
    /// The claims; `None` where they cannot be read.
    pub claims: Option<Map<String, Value>>,
    /// Why the token is refused, in the order in which an authorizer looks; empty where it is not.
    pub refusals: Vec<Refusal>,
    /// The signature.
    pub signature: Signature,
    /// The client that it is for, where it tells.
    pub client: Option<String>,
    /// The topics that it permits to write to, whatever else is wrong with it.
    pub topics: Vec<String>,
}

/// Looks at a token by the steps of the authorizer, none of which fetches anything. Without `keys` the signature is not
/// checked, and counts as good.
#[must_use]
pub fn examine(
    presented: Presented<'_>,
    terms: &Terms,
    keys: Option<&KeySet>,
    now: SystemTime,
) -> Examination {
    let mut found = Findings::new(terms);
    let token = match presented {
        Presented::Token(token) => token,
        Presented::Header(value) => bearer(value, &found.rules).unwrap_or_else(|_| {
            found.refuse("token", words::scheme());
            // Which of the words would be the token, nobody can tell but who looks at it.
            value.split_whitespace().next_back().unwrap_or_default()
        }),
    };
    let Ok((token, refusals)) = Token::examined(token, &found.rules) else {
        found.refuse("token", words::form(token));
        return found.done;
    };
    for (about, _) in refusals {
        let reason = words::of_header(about, &token.header, &found.rules);
        found.refuse(about, reason);
    }
    found.signature(&token, keys);
    match claims::read(&token, &found.rules) {
        Ok(claims) => found.claims(claims, token.kind, now),
        Err(_) => found.refuse("payload", words::payload()),
    }
    found.done.header = Some(token.header);
    found.done
}

/// An examination under way.
struct Findings {
    rules: Rules,
    /// Whether issuer and audience are whatever the token says.
    any: (bool, bool),
    done: Examination,
}

impl Findings {
    fn new(terms: &Terms) -> Self {
        let Terms { issuer, audience, accepts } = terms;
        Self {
            rules: Rules {
                issuer: issuer.clone().unwrap_or_default(),
                audience: audience.clone().unwrap_or_default(),
                accepts: accepts.clone(),
                flaw: None,
            },
            any: (issuer.is_none(), audience.is_none()),
            done: Examination {
                header: None,
                claims: None,
                refusals: Vec::new(),
                signature: Signature::Unchecked,
                client: None,
                topics: Vec::new(),
            },
        }
    }

    fn refuse(&mut self, about: &str, reason: String) {
        self.refuse_by(401, about, reason);
    }

    fn refuse_by(&mut self, status: u16, about: &str, reason: String) {
        self.done.refusals.push(Refusal { status, about: about.to_owned(), reason });
    }

    fn signature(&mut self, token: &Token<'_>, keys: Option<&KeySet>) {
        if signature::nameable(token, &self.rules).is_err() {
            // Where `kid` is there and no text, that has been said.
            if !token.header.contains_key("kid") {
                self.refuse("kid", words::nameless());
            }
            self.done.signature = Signature::Uncheckable;
            return;
        }
        let Some(KeySet(keys)) = keys else { return };
        let Some(algorithm) = token.algorithm else {
            self.done.signature = Signature::Uncheckable;
            return;
        };
        self.done.signature = match signature::check_by(token, algorithm, keys, &self.rules) {
            Ok(kid) => Signature::Good { kid },
            Err(refused) => {
                let about = if refused == Refused::Key { "kid" } else { "signature" };
                self.refuse(about, words::of_signature(refused, token.key_id.as_deref(), keys.len()));
                Signature::Bad
            }
        };
    }

    fn claims(&mut self, claims: Map<String, Value>, kind: TokenType, now: SystemTime) {
        // What nobody has named is whatever the token says; it must say something all the same.
        let said = |claim: Option<&Value>| match claim {
            Some(Value::Array(all)) => all.iter().find_map(Value::as_str).map(str::to_owned),
            claim => claim.and_then(Value::as_str).map(str::to_owned),
        };
        if self.any.0 {
            claims.get("iss").and_then(Value::as_str).unwrap_or_default().clone_into(&mut self.rules.issuer);
        }
        if self.any.1 {
            self.rules.audience = said(claims.get("aud")).unwrap_or_default();
        }
        let rules = self.rules.clone();
        let seen = Seen { claims: &claims, kind, rules: &rules, now: claims::seconds(now) };
        for (about, step) in claims::STEPS {
            if let Err(refused) = step(&seen) {
                let (about, reason) = words::of_claim(about, refused, &seen, self.any);
                self.refuse(&about, reason);
            }
        }
        self.permissions(&seen);
        self.done.client = claims::client(&claims, &rules).ok().flatten().map(str::to_owned);
        self.done.claims = Some(claims);
    }

    /// What the token permits, and whether that is anything, and not too much.
    fn permissions(&mut self, seen: &Seen<'_>) {
        let permissions = match claims::is_own(seen.claims, seen.rules) {
            Ok(true) => claims::permissions(seen.claims, seen.rules),
            Ok(false) => {
                let (about, reason) = words::somebodys(seen);
                self.refuse_by(403, &about, reason);
                return;
            }
            // Which is a refusal already.
            Err(_) => return,
        };
        self.done.topics = policy::writable_topics(&permissions);
        let claim = seen.rules.accepts.permissions.claim.clone();
        if self.done.topics.is_empty() {
            self.refuse_by(403, &claim, words::powerless(seen, &permissions));
        }
        let Some(api) = ApiArn::of_method(METHOD) else { return };
        let caller = Caller {
            subject: seen.claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned(),
            client_id: claims::client(seen.claims, seen.rules).ok().flatten().unwrap_or_default().to_owned(),
            permissions,
        };
        let result = policy::for_caller(&caller, &api, "", Asked { flaw: None, method: METHOD });
        let size = serde_json::to_vec(&result).map_or(0, |json| json.len());
        if size > RESULT_LIMIT {
            self.refuse_by(500, &claim, words::too_powerful(self.done.topics.len(), size));
        }
    }
}

#[cfg(test)]
mod tests;
