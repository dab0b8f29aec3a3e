//! Verifying an access token (RFC 7519, RFC 8725, RFC 9068). Pure: the time is an argument.
//!
//! `jsonwebtoken` takes the token apart, pins the algorithm and checks the signature. The claims are checked
//! here, because that library (11.1) accepts a token at the very second of `exp`, an `iss` that is a list,
//! and any `typ` and `crit`; nor can it read `exp` when `serde_json` keeps numbers as text, as it does in
//! this crate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// Last second of the year 9999. A later date is no date: it is a count of milliseconds or an overflow.
const LAST_DATE: f64 = 253_402_300_799.0;

/// What tokens must say.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) leeway: Duration,
}

/// Whom a good token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) subject: String,
    pub(super) client_id: String,
    /// Scopes, separated by spaces; empty where there are none.
    pub(super) scope: String,
}

/// Why a token is refused. For tests and debugging only: the caller is told no more than "Unauthorized".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("it is no signed token of three parts with an RS256 header")]
    Form,
    #[error("its header has a type, content type or extension that is not accepted")]
    Header,
    #[error("its signature does not fit, or a claim has the wrong type or is missing")]
    Signature,
    #[error("it says to follow RFC 9068 and lacks client_id, iat or jti")]
    Incomplete,
    #[error("its claims name different clients")]
    Clients,
    #[error("it is for or from somebody else")]
    Party,
    #[error("it is not valid at this time")]
    Time,
    #[error("it is bound to a key that the caller has not proven to hold")]
    Bound,
}

/// The token of an `Authorization` header's value. The scheme's name may be in any case (RFC 9110, section
/// 11.1).
pub(super) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

/// The id of the key that the token claims to be signed with, once its header is found acceptable.
pub(super) fn key_id(token: &str) -> Result<Option<String>, Refused> {
    let header = decode_header(token).map_err(|_| Refused::Form)?;
    accepted_type(&header)?;
    Ok(header.kid)
}

/// What a token says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenType {
    /// `at+jwt`: an access token with all that RFC 9068 demands.
    Rfc9068,
    /// `JWT`: what many providers write on access tokens of their own kind.
    Plain,
}

fn accepted_type(header: &Header) -> Result<TokenType, Refused> {
    if header.alg != Algorithm::RS256 {
        return Err(Refused::Form);
    }
    // RFC 9068, section 4, demands `at+jwt`; `JWT` is what most providers write. RFC 7515, section 4.1.9:
    // `application/` may be left out, and case does not matter.
    let typ = header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    // No extension is understood (section 4.1.11), nor is an unencoded payload (RFC 7797) or a token
    // within the token (RFC 7519, section 5.2).
    let extended = header.crit.is_some() || header.cty.is_some() || header.extras.inner().contains_key("b64");
    match typ {
        _ if extended => Err(Refused::Header),
        "at+jwt" => Ok(TokenType::Rfc9068),
        "jwt" => Ok(TokenType::Plain),
        _ => Err(Refused::Header),
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    exp: Number,
    #[serde(default, deserialize_with = "not_null")]
    nbf: Option<Number>,
    #[serde(default, deserialize_with = "not_null")]
    iat: Option<Number>,
    #[serde(default, deserialize_with = "not_null")]
    jti: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    client_id: Option<String>,
    /// The client as OpenID Connect Core 1.0, section 2, names it.
    #[serde(default, deserialize_with = "not_null")]
    azp: Option<String>,
    /// The client as Okta names it.
    #[serde(default, deserialize_with = "not_null")]
    cid: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    scope: Option<String>,
    /// Confirmation: the token is bound to a certificate or key (RFC 8705, section 3; RFC 9449).
    cnf: Option<serde::de::IgnoredAny>,
}

impl Claims {
    /// The client, on which all claims that name one must agree; without any, it is the subject.
    fn client(&self) -> Result<String, Refused> {
        let mut named = [&self.client_id, &self.azp, &self.cid].into_iter().flatten();
        let client = named.next().unwrap_or(&self.sub);
        if named.all(|other| other == client) { Ok(client.clone()) } else { Err(Refused::Clients) }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// A claim that is there must have its type; `null` is none.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Verifies `token` with the key that [`key_id`] pointed to.
pub(super) fn verify(
    token: &str,
    key: &DecodingKey,
    rules: &Rules,
    now: SystemTime,
) -> Result<Caller, Refused> {
    let mut signature_only = Validation::new(Algorithm::RS256);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    let token = decode::<Claims>(token, key, &signature_only).map_err(|_| Refused::Signature)?;
    let token_type = accepted_type(&token.header)?;
    let claims = token.claims;

    // RFC 9068, section 2.2.
    let complete = claims.client_id.is_some() && claims.iat.is_some() && claims.jti.is_some();
    if token_type == TokenType::Rfc9068 && !complete {
        return Err(Refused::Incomplete);
    }
    let client_id = claims.client()?;
    let audience = match &claims.aud {
        Audience::One(one) => *one == rules.audience,
        Audience::Many(many) => many.contains(&rules.audience),
    };
    if claims.iss != rules.issuer || !audience || claims.sub.is_empty() {
        return Err(Refused::Party);
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = rules.leeway.as_secs_f64();
    // RFC 7519, section 4.1.4: not "on or after" the expiration time.
    if now >= date(&claims.exp)? + leeway {
        return Err(Refused::Time);
    }
    for start in [&claims.nbf, &claims.iat].into_iter().flatten() {
        if date(start)? > now + leeway {
            return Err(Refused::Time);
        }
    }
    if claims.cnf.is_some() {
        return Err(Refused::Bound);
    }
    Ok(Caller { client_id, subject: claims.sub, scope: claims.scope.unwrap_or_default() })
}

/// A `NumericDate` (RFC 7519, section 2) in seconds since 1970; fractions are permitted.
fn date(number: &Number) -> Result<f64, Refused> {
    number.as_f64().filter(|date| (0.0..=LAST_DATE).contains(date)).ok_or(Refused::Time)
}

#[cfg(test)]
mod tests;
