//! What a token says, held against what it must say (RFC 7519, RFC 8725, RFC 9068). Pure: the time is an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::header::{Token, TokenType};
use super::json::{self, Twice};
use super::rules::{Caller, Refused, Rules};
use crate::scenario::{Flaw, PermissionShape};

/// Last second of the year 9999. A later date is no date: it is a count of milliseconds or an overflow.
pub(super) const LAST_DATE: f64 = 253_402_300_799.0;
/// Longest name of a subject or a client, in bytes.
const NAME_LIMIT: usize = 1024;
/// How much later a token ends for an authorizer that is generous, in seconds.
const GENEROUS: f64 = 3600.0;

/// Claims that other kinds of tokens have and access tokens have not. An issuer signs them all with the same keys, so each
/// kind must be told from the others by what only it can say (RFC 8725, sections 3.11 and 3.12).
pub(super) const MARKS_OF_OTHERS: [&str; 9] = [
    // Id tokens (OpenID Connect Core 1.0, sections 2 and 3.3.2.11; FAPI 1.0 part 2, section 5.1).
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    // Logout tokens and other security events (RFC 8417, section 2.2).
    "events",
    // Proofs that the caller holds a key (RFC 9449, section 4.2).
    "htm",
    "htu",
    // Authorization requests (RFC 9101, section 4).
    "response_type",
    // Answers to introspection, for the same audience (RFC 9701, section 5).
    "token_introspection",
];

/// Claims that say which kind a token is, and what they say of access tokens: Cognito's and Keycloak's. Keycloak calls
/// others `ID`, `Refresh`, `Offline` and `Logout`.
pub(super) const KINDS: [(&str, &str); 2] = [("token_use", "access"), ("typ", "Bearer")];

/// Claims that say by which grant a token was obtained, and what they say where an application obtained it for itself:
/// Auth0's, Entra's, and others'. A person's token may do nothing here.
pub(super) const GRANTS: [(&str, &str); 3] =
    [("gty", "client-credentials"), ("idtyp", "app"), ("grant_type", "client_credentials")];

/// Where permissions may stand, for an authorizer that looks for them everywhere.
const PERMISSION_CLAIMS: [&str; 4] = ["scope", "scp", "roles", "permissions"];

type Claims = Map<String, Value>;

/// What the steps look at.
pub(super) struct Seen<'s> {
    /// What the token says.
    pub(super) claims: &'s Claims,
    /// What it says that it is.
    pub(super) kind: TokenType,
    pub(super) rules: &'s Rules,
    /// Seconds since 1970.
    pub(super) now: f64,
}

/// A step: what it is about, mostly a claim, and how it is taken.
type Step = (&'static str, fn(&Seen<'_>) -> Result<(), Refused>);

/// The steps, in the order in which they are taken. None needs another one to have been taken before.
pub(super) const STEPS: [Step; 13] = [
    ("kind", |seen| kind(seen.claims, seen.rules)),
    ("iss", |seen| issuer(seen.claims, seen.rules)),
    ("aud", |seen| audience(seen.claims, seen.rules)),
    ("iat", |seen| begun(seen, date(seen.claims, "iat")?)),
    ("exp", ended),
    ("life", lasting),
    ("nbf", |seen| match seen.rules.flaw {
        Some(Flaw::IgnoresNotBefore) => Ok(()),
        _ => begun(seen, date(seen.claims, "nbf")?),
    }),
    ("jti", |seen| text(seen.claims, "jti").map(drop)),
    ("client", |seen| client(seen.claims, seen.rules).map(drop)),
    ("required", complete),
    ("cnf", unbound),
    ("sub", |seen| subject(seen).map(drop)),
    ("grant", |seen| is_own(seen.claims, seen.rules).map(drop)),
];

/// Whom a token names whose signature has been checked.
pub(super) fn check(token: &Token<'_>, rules: &Rules, now: SystemTime) -> Result<Caller, Refused> {
    let claims = read(token, rules)?;
    let seen = Seen { claims: &claims, kind: token.kind, rules, now: seconds(now) };
    STEPS.iter().try_for_each(|(_, step)| step(&seen))?;
    caller(&seen)
}

/// The claims of a token.
pub(super) fn read(token: &Token<'_>, rules: &Rules) -> Result<Claims, Refused> {
    let twice = if rules.flaw == Some(Flaw::LastClaimWins) { Twice::LastWins } else { Twice::Refused };
    let payload = token.payload(rules).ok_or(Refused::Payload)?;
    json::object(&payload, twice).ok_or(Refused::Payload)
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Whom claims name that have passed all steps.
pub(super) fn caller(seen: &Seen<'_>) -> Result<Caller, Refused> {
    let Seen { claims, rules, .. } = seen;
    let subject = subject(seen)?;
    Ok(Caller {
        subject: subject.to_owned(),
        client_id: client(claims, rules)?.unwrap_or(subject).to_owned(),
        permissions: if is_own(claims, rules)? { permissions(claims, rules) } else { Vec::new() },
    })
}

/// The text of a claim; it is an error where the claim is something else, `null` for instance.
fn text<'a>(claims: &'a Claims, name: &str) -> Result<Option<&'a str>, Refused> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refused::Claim),
    }
}

/// A `NumericDate` (RFC 7519, section 2) in seconds since 1970; fractions are permitted.
fn date(claims: &Claims, name: &str) -> Result<Option<f64>, Refused> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let date = value.as_f64().filter(|date| (0.0..=LAST_DATE).contains(date));
    date.map(Some).ok_or(Refused::Claim)
}

fn is_name(name: &str, letter: impl Fn(char) -> bool) -> bool {
    !name.is_empty() && name.len() <= NAME_LIMIT && name.chars().all(letter)
}

/// That it is an access token.
fn kind(claims: &Claims, rules: &Rules) -> Result<(), Refused> {
    if rules.flaw == Some(Flaw::AnyType) {
        return Ok(());
    }
    let constants = &rules.accepts.constants;
    let said = constants.iter().all(|(name, value)| claims.get(name) == Some(value));
    let marked = MARKS_OF_OTHERS.iter().any(|mark| claims.contains_key(*mark));
    let fits = |(name, kind): &(&str, &str)| {
        let said = claims.get(*name).filter(|_| !constants.contains_key(*name));
        said.is_none_or(|said| said.as_str().is_some_and(|said| said.eq_ignore_ascii_case(kind)))
    };
    if said && !marked && KINDS.iter().all(fits) { Ok(()) } else { Err(Refused::Kind) }
}

fn issuer(claims: &Claims, rules: &Rules) -> Result<(), Refused> {
    let right = rules.issuer.as_str();
    let without_slash = |issuer: &str| issuer.trim_end_matches('/').to_lowercase();
    let fits = match (rules.flaw, claims.get("iss")) {
        (Some(Flaw::IgnoresIssuer), _) => true,
        (Some(Flaw::IssuerInList), Some(Value::Array(issuers))) => issuers.iter().any(|one| one == right),
        (Some(Flaw::IssuerByPrefix), Some(Value::String(issuer))) => issuer.starts_with(right),
        (Some(Flaw::IssuerNormalized), Some(Value::String(issuer))) => {
            without_slash(issuer) == without_slash(right)
        }
        (_, Some(Value::String(issuer))) => issuer == right,
        _ => false,
    };
    if fits { Ok(()) } else { Err(Refused::Party) }
}

fn audience(claims: &Claims, rules: &Rules) -> Result<(), Refused> {
    let right = rules.audience.as_str();
    let is_meant = |audience: &str| match rules.flaw {
        Some(Flaw::AudienceBySubstring) => right.contains(audience) || audience.contains(right),
        _ => audience == right,
    };
    let fits = match claims.get("aud") {
        _ if rules.flaw == Some(Flaw::IgnoresAudience) => true,
        None => !rules.accepts.audience_required,
        Some(Value::String(audience)) => is_meant(audience),
        Some(Value::Array(all)) => {
            let all: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
            all.ok_or(Refused::Claim)?.into_iter().any(is_meant)
        }
        Some(_) => return Err(Refused::Claim),
    };
    if fits { Ok(()) } else { Err(Refused::Party) }
}

/// That a time has come, where there is one.
fn begun(seen: &Seen<'_>, start: Option<f64>) -> Result<(), Refused> {
    let latest = seen.now + seen.rules.accepts.leeway.as_secs_f64();
    if start.is_some_and(|start| start > latest) { Err(Refused::Time) } else { Ok(()) }
}

/// When the token ends; `None` where that does not matter to an authorizer that makes a mistake.
fn expiry(claims: &Claims, rules: &Rules) -> Result<Option<f64>, Refused> {
    match (rules.flaw, claims.get("exp")) {
        (Some(Flaw::IgnoresExpiry), _) | (Some(Flaw::ExpiryOptional), None) => Ok(None),
        (Some(Flaw::ExpiryOfAnyType), Some(expiry)) if !expiry.is_number() => Ok(None),
        _ => date(claims, "exp")?.ok_or(Refused::Incomplete).map(Some),
    }
}

/// That it has not ended.
fn ended(seen: &Seen<'_>) -> Result<(), Refused> {
    let Seen { claims, rules, now, .. } = seen;
    let late = if rules.flaw == Some(Flaw::GenerousLeeway) { GENEROUS } else { 0.0 };
    let leeway = rules.accepts.leeway.as_secs_f64();
    // RFC 7519, section 4.1.4: not "on or after" the expiration time.
    let over = expiry(claims, rules)?.is_some_and(|expiry| *now >= expiry + leeway + late);
    if over { Err(Refused::Time) } else { Ok(()) }
}

/// That it does not end before it begins, or live for too long. What is no time is found by other steps.
fn lasting(seen: &Seen<'_>) -> Result<(), Refused> {
    let Seen { claims, rules, .. } = seen;
    let issued = date(claims, "iat").ok().flatten();
    let Ok(Some(expiry)) = expiry(claims, rules) else { return Ok(()) };
    if issued.is_some_and(|issued| expiry < issued) {
        return Err(Refused::Time);
    }
    let Some(longest) = rules.accepts.longest_life else { return Ok(()) };
    let life = expiry - issued.ok_or(Refused::Incomplete)?;
    if life > longest.as_secs_f64() { Err(Refused::Time) } else { Ok(()) }
}

/// That all is there that must be.
fn complete(seen: &Seen<'_>) -> Result<(), Refused> {
    if missing(seen).next().is_none() { Ok(()) } else { Err(Refused::Incomplete) }
}

/// What must be there and is not, or says nothing, besides what steps of their own look for.
pub(super) fn missing<'s>(seen: &'s Seen<'_>) -> impl Iterator<Item = &'s str> {
    let Seen { claims, rules, kind, .. } = seen;
    let absent = |name: &&str| claims.get(*name).is_none_or(Value::is_null);
    // RFC 9068, section 2.2.
    let by_type = if *kind == TokenType::Rfc9068 { &["iat", "jti"][..] } else { &[] };
    let clients = &rules.accepts.client_claims;
    let nameless = *kind == TokenType::Rfc9068 && !clients.iter().any(|name| claims.contains_key(name));
    let client = clients.first().filter(|_| nameless).map_or("client_id", String::as_str);
    let required = || rules.accepts.required.iter().map(String::as_str);
    let besides = by_type.iter().copied().chain(nameless.then_some(client));
    let besides = besides.filter(move |name| !required().any(|required| required == *name));
    required().chain(besides).filter(absent)
}

/// That it is not bound to a certificate or key (RFC 8705, section 3; RFC 9449).
fn unbound(seen: &Seen<'_>) -> Result<(), Refused> {
    let bound = seen.claims.contains_key("cnf") && seen.rules.flaw != Some(Flaw::IgnoresConfirmation);
    if bound { Err(Refused::Bound) } else { Ok(()) }
}

/// Whom the token is about. Where no claim names the client, this does, and must be as a client's name is.
fn subject<'s>(seen: &Seen<'s>) -> Result<&'s str, Refused> {
    let Seen { claims, rules, .. } = seen;
    let alone = names_client(seen);
    let letter = |letter: char| if alone { is_visible(letter) } else { !letter.is_control() };
    match text(claims, "sub")? {
        Some(subject) if is_name(subject, letter) => Ok(subject),
        Some(_) => Err(Refused::Claim),
        None if rules.flaw == Some(Flaw::SubjectOptional) => {
            Ok(client(claims, rules).ok().flatten().unwrap_or_default())
        }
        None => Err(Refused::Incomplete),
    }
}

/// Whether the subject is the only one to name the client.
pub(super) fn names_client(seen: &Seen<'_>) -> bool {
    !seen.rules.accepts.client_claims.iter().any(|name| seen.claims.contains_key(name))
}

/// What clients are named in (RFC 6749, appendix A.1).
fn is_visible(letter: char) -> bool {
    matches!(letter, ' '..='~')
}

/// The client, on which all claims that name one must agree; `None` where there are none. It is of printable ASCII (RFC
/// 6749, appendix A.1), so that none looks like another, and none breaks out of a header that it is written into.
pub(super) fn client<'a>(claims: &'a Claims, rules: &Rules) -> Result<Option<&'a str>, Refused> {
    let mut client = None;
    for name in &rules.accepts.client_claims {
        let Some(named) = text(claims, name)? else { continue };
        if !is_name(named, is_visible) {
            return Err(Refused::Claim);
        }
        if rules.flaw == Some(Flaw::IgnoresOtherClient) {
            return Ok(Some(named));
        }
        if client.is_some_and(|client| client != named) {
            return Err(Refused::Clients);
        }
        client = Some(named);
    }
    Ok(client)
}

/// Whether an application obtained the token for itself, as far as the token tells: by how it was obtained, or by what only
/// people's tokens have.
pub(super) fn is_own(claims: &Claims, rules: &Rules) -> Result<bool, Refused> {
    for (name, own) in GRANTS {
        let other = text(claims, name)?.is_some_and(|grant| grant != own);
        if other && rules.flaw != Some(Flaw::TakesUserTokens) {
            return Ok(false);
        }
    }
    let marked = persons_mark(claims, rules).is_some() && rules.flaw != Some(Flaw::TakesUserTokens);
    Ok(!marked)
}

/// The first claim that only people's tokens have. It counts whatever it says: not even `null` is written for nobody.
pub(super) fn persons_mark<'a>(claims: &Claims, rules: &'a Rules) -> Option<&'a str> {
    rules.accepts.absent.iter().map(String::as_str).find(|name| claims.contains_key(*name))
}

/// The permissions for this API. A claim of another shape than is agreed on grants nothing.
pub(super) fn permissions(claims: &Claims, rules: &Rules) -> Vec<String> {
    let agreed = &rules.accepts.permissions;
    let all: Vec<&str> = match rules.flaw {
        Some(Flaw::AnyPermissionClaim) => {
            let claimed = PERMISSION_CLAIMS.iter().filter_map(|name| claims.get(*name));
            claimed.flat_map(|claim| [words(claim), items(claim)].concat()).collect()
        }
        _ => match (claims.get(&agreed.claim), agreed.shape) {
            (Some(claim), PermissionShape::Text) => words(claim),
            (Some(claim), PermissionShape::List) => items(claim),
            (None, _) => Vec::new(),
        },
    };
    all.into_iter().filter_map(|one| one.strip_prefix(&agreed.prefix)).map(str::to_owned).collect()
}

/// RFC 6749, section 3.3: with spaces between them, and nothing else.
fn words(claim: &Value) -> Vec<&str> {
    claim.as_str().map(|text| text.split(' ').filter(|word| !word.is_empty()).collect()).unwrap_or_default()
}

fn items(claim: &Value) -> Vec<&str> {
    let list = claim.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
    list.unwrap_or_default()
}
