//! Why a token is refused, in sentences that say what is wrong and what would be right. For who examines a token; a caller
//! is told no more than "Unauthorized".

use serde_json::{Map, Value};

use super::claims::{self, GRANTS, KINDS, LAST_DATE, MARKS_OF_OTHERS, Seen};
use super::header::EXTENSIONS;
use super::rules::{Refused, Rules};
use crate::jose::Algorithm;
use crate::scenario::PermissionShape;
use crate::stats::span_text;

/// Characters of a value that are repeated.
const LENGTH: usize = 80;

/// A value as JSON, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut characters = text.chars();
    let short: String = characters.by_ref().take(LENGTH).collect();
    if characters.next().is_some() { format!("`{short}…`") } else { format!("`{short}`") }
}

/// Names in a row, each in backquotes.
fn row<T: AsRef<str>>(names: impl IntoIterator<Item = T>, last: &str) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match (names.pop(), names.is_empty()) {
        (None, _) => "nothing".to_owned(),
        (Some(only), true) => only,
        (Some(end), false) => format!("{} {last} {end}", names.join(", ")),
    }
}

/// A time as a date, and how far away it is.
fn moment(time: f64, now: f64) -> String {
    format!("{} ({})", date(time), distance(time, now))
}

/// A time in seconds since 1970, between the first and the last date.
fn date(time: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "it is between the first and the last date")]
    let whole = time.clamp(0.0, LAST_DATE) as i64;
    jiff::Timestamp::from_second(whole).map_or_else(|_| format!("{time}"), |date| date.to_string())
}

fn distance(time: f64, now: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive")]
    let seconds = (time - now).abs() as u64;
    if time > now { format!("in {}", span_text(seconds)) } else { format!("{} ago", span_text(seconds)) }
}

/// Of a header `Authorization` that does not begin as it should.
pub(super) fn scheme() -> String {
    "the header does not say `Bearer`, one blank, and the token (RFC 6750, section 2.1)".to_owned()
}

/// Of a text that is no token.
pub(super) fn form(token: &str) -> String {
    let parts = token.split('.').count();
    match parts {
        1 => "it is no JSON web token: it has no three parts with full stops between them; an authorizer that looks at \
              tokens itself can make nothing of opaque ones"
            .to_owned(),
        3 => "its header is no base64url (RFC 7515, section 2) of a JSON object in which each name stands once, or is \
              longer than an authorizer reads"
            .to_owned(),
        5 => "it has five parts, as encrypted tokens have (RFC 7516); only signed ones are taken".to_owned(),
        _ => format!("it has {parts} parts, and a signed token has three"),
    }
}

/// Of a payload that cannot be read.
pub(super) fn payload() -> String {
    "the payload is no base64url (RFC 7515, section 2) of a JSON object in which each name stands once (RFC 7519, \
     section 4), and which is not too deep"
        .to_owned()
}

/// Of a token that must say which key has signed it.
pub(super) fn nameless() -> String {
    "there is no `kid`, and by this profile a token says which key has signed it".to_owned()
}

/// Of a signature, or of the key for it.
pub(super) fn of_signature(refused: Refused, kid: Option<&str>, keys: usize) -> String {
    match (refused, kid) {
        (Refused::Key, Some(kid)) => format!(
            "no key of the set is called {} and is for this algorithm, or more than one is; the set has {keys} that \
             signatures are checked with",
            shown(&Value::from(kid))
        ),
        (Refused::Key, None) => format!(
            "the token does not say which key has signed it, and the set has {keys} that signatures are checked with: it \
             must be one, for this algorithm"
        ),
        (_, Some(kid)) => format!("the signature is not one by the key {}", shown(&Value::from(kid))),
        (_, None) => "the signature is not one by the key of the set".to_owned(),
    }
}

/// Of a member of the header, or of those that are extensions.
pub(super) fn of_header(about: &str, header: &Map<String, Value>, rules: &Rules) -> String {
    match (about, header.get(about)) {
        ("alg", value) => {
            let agreed = row(rules.accepts.algorithms.iter().map(|one| one.name()), "or");
            let shared = value.and_then(Value::as_str).and_then(Algorithm::of_name);
            let why = match shared {
                Some(algorithm) if algorithm.key_kind().is_none() => {
                    ": who can check it can make it, so anybody could with a key that everybody knows"
                }
                _ => "",
            };
            match value {
                None => format!("there is no `alg`; agreed on is {agreed}"),
                Some(value) => format!("`alg` is {}, and agreed on is {agreed}{why}", shown(value)),
            }
        }
        ("extension", _) => {
            let there = EXTENSIONS.into_iter().filter(|name| header.contains_key(*name));
            format!(
                "the header has {}, by which more must be understood than is here (RFC 7515, section 4.1.11)",
                row(there, "and")
            )
        }
        ("typ", value) => {
            let taken = row(&rules.accepts.types, "or");
            match value {
                None => format!("there is no `typ`; taken is {taken} (RFC 8725, section 3.11)"),
                Some(value) => format!("`typ` is {}, and taken is {taken}", shown(value)),
            }
        }
        (_, value) => format!("`{about}` is {}, and must be a text", value.map_or_else(String::new, shown)),
    }
}

/// Of the step of claims that is `about` something: the claim that is meant, and the sentence. `any` says whether issuer
/// and audience are whatever the token says.
pub(super) fn of_claim(
    about: &str,
    refused: Refused,
    seen: &Seen<'_>,
    any: (bool, bool),
) -> (String, String) {
    let accepts = &seen.rules.accepts;
    let same = |reason: String| (about.to_owned(), reason);
    match (about, refused) {
        ("kind", _) => kind(seen),
        ("iss", _) => same(party(seen, "iss", &seen.rules.issuer, any.0)),
        ("aud", _) => same(party(seen, "aud", &seen.rules.audience, any.1)),
        ("iat" | "nbf" | "exp", Refused::Claim) => same(format!(
            "`{about}` is {}, and must be a number of seconds since 1970 (RFC 7519, section 2)",
            value(seen, about)
        )),
        ("exp", Refused::Incomplete) => same("there is no `exp`, so it would never end".to_owned()),
        ("exp", _) => same(format!("it ended at {}{}", time(seen, "exp"), leeway(seen))),
        ("iat", _) => same(format!("it is issued in the future, at {}{}", time(seen, "iat"), leeway(seen))),
        ("nbf", _) => same(format!("it is not good before {}{}", time(seen, "nbf"), leeway(seen))),
        ("life", _) => life(seen, refused),
        ("client", Refused::Clients) => {
            let named = accepts.client_claims.iter().filter(|name| seen.claims.contains_key(*name));
            let named: Vec<String> = named.map(|name| format!("`{name}` {}", value(seen, name))).collect();
            let first = accepts.client_claims.first().cloned().unwrap_or_default();
            (first, format!("its claims name different clients: {}", named.join(", ")))
        }
        ("client", _) => {
            let named = accepts.client_claims.iter().filter(|name| seen.claims.contains_key(*name));
            let first = named.clone().next().cloned().unwrap_or_default();
            let reason = format!(
                "{} must be text of printable ASCII, not empty and of 1,024 characters at most (RFC 6749, appendix A.1)",
                row(named, "and")
            );
            (first, reason)
        }
        ("required", _) => {
            let missing: Vec<&str> = claims::missing(seen).collect();
            let first = missing.first().copied().unwrap_or_default().to_owned();
            (first, format!("there is no {}, which must be there", row(missing, "and no")))
        }
        ("cnf", _) => same(
            "it is bound to a key or certificate that the caller would have to show (RFC 8705, RFC 9449), which is not \
             asked for here"
                .to_owned(),
        ),
        ("sub", Refused::Incomplete) => same("there is no `sub`, so nobody knows whose it is".to_owned()),
        ("sub", _) if claims::names_client(seen) => same(
            "`sub` names the client here, which no other claim does, and must be text of printable ASCII, not empty and of \
             1,024 characters at most (RFC 6749, appendix A.1)"
                .to_owned(),
        ),
        ("sub", _) => same("`sub` must be text without control characters, not empty and of 1,024 bytes at most".to_owned()),
        ("grant", _) => {
            let odd = GRANTS.iter().find(|(name, _)| seen.claims.get(*name).is_some_and(|said| !said.is_string()));
            let name = odd.map_or("grant", |(name, _)| *name);
            (name.to_owned(), format!("`{name}` is {}, and must be a text", value(seen, name)))
        }
        _ => same(format!("`{about}` is {}, and must be a text", value(seen, about))),
    }
}

/// A claim's value.
fn value(seen: &Seen<'_>, name: &str) -> String {
    seen.claims.get(name).map_or_else(|| "absent".to_owned(), shown)
}

/// A claim's time.
fn time(seen: &Seen<'_>, name: &str) -> String {
    let time = seen.claims.get(name).and_then(Value::as_f64).unwrap_or_default();
    moment(time, seen.now)
}

fn leeway(seen: &Seen<'_>) -> String {
    match seen.rules.accepts.leeway.as_secs() {
        0 => String::new(),
        seconds => format!(", and clocks may differ by {} only", span_text(seconds)),
    }
}

fn party(seen: &Seen<'_>, name: &str, right: &str, any: bool) -> String {
    let shape = if name == "aud" { "a text, or a list of texts" } else { "a text" };
    match seen.claims.get(name) {
        None => format!("there is no `{name}`"),
        Some(said) if any => format!("`{name}` is {}, and must be {shape}", shown(said)),
        Some(Value::Array(all)) if name == "aud" && all.iter().all(Value::is_string) => {
            format!("none of `aud` {} is `{right}`", shown(&Value::Array(all.clone())))
        }
        Some(said @ Value::String(_)) => {
            format!("`{name}` is {}, and must be `{right}`, to the letter", shown(said))
        }
        Some(said) => format!("`{name}` is {}, and must be {shape}", shown(said)),
    }
}

fn life(seen: &Seen<'_>, refused: Refused) -> (String, String) {
    let second = |name: &str| seen.claims.get(name).and_then(Value::as_f64);
    let (issued, expiry) = (second("iat"), second("exp").unwrap_or_default());
    let longest = seen.rules.accepts.longest_life.unwrap_or_default();
    let reason = match issued {
        _ if refused == Refused::Incomplete => {
            "there is no `iat`, from which its life would be counted, and that is bounded".to_owned()
        }
        Some(issued) if expiry < issued => "it ends before it was issued".to_owned(),
        issued => {
            let life = distance(expiry, issued.unwrap_or_default());
            let life = life.trim_start_matches("in ");
            format!("it lives for {life}, and {} is the most", span_text(longest.as_secs()))
        }
    };
    ("exp".to_owned(), reason)
}

/// Of a token that is of another kind.
fn kind(seen: &Seen<'_>) -> (String, String) {
    let constants = &seen.rules.accepts.constants;
    if let Some((name, right)) = constants.iter().find(|(name, right)| seen.claims.get(*name) != Some(right))
    {
        let reason = format!("`{name}` is {}, and must be {}", value(seen, name), shown(right));
        return (name.clone(), reason);
    }
    if let Some(mark) = MARKS_OF_OTHERS.into_iter().find(|mark| seen.claims.contains_key(*mark)) {
        let reason = format!(
            "it has `{mark}`, which id tokens, logout tokens, proofs and requests have, and access tokens have not"
        );
        return (mark.to_owned(), reason);
    }
    let other = |(name, kind): &&(&str, &str)| {
        let said = seen.claims.get(*name).filter(|_| !constants.contains_key(*name));
        said.is_some_and(|said| !said.as_str().is_some_and(|said| said.eq_ignore_ascii_case(kind)))
    };
    let (name, right) = KINDS.iter().find(other).copied().unwrap_or_default();
    (name.to_owned(), format!("`{name}` is {}, and of access tokens it is `{right}`", value(seen, name)))
}

/// Of a token that a person has obtained: the claim that tells, and the sentence.
pub(super) fn somebodys(seen: &Seen<'_>) -> (String, String) {
    let other = |(name, own): &&(&str, &str)| seen.claims.get(*name).is_some_and(|said| said != own);
    if let Some((name, own)) = GRANTS.iter().find(other) {
        let reason = format!(
            "`{name}` is {}, and must be `{own}`: a token that an application has obtained for itself; others permit nothing",
            value(seen, name)
        );
        return ((*name).to_owned(), reason);
    }
    let name = claims::persons_mark(seen.claims, seen.rules).unwrap_or_default();
    let reason = format!(
        "`{name}` is {}, and must not be there: only people's tokens have it, by this profile, and theirs permit nothing",
        value(seen, name)
    );
    (name.to_owned(), reason)
}

/// Of a token that permits to write to no topic.
pub(super) fn powerless(seen: &Seen<'_>, permissions: &[String]) -> String {
    let agreed = &seen.rules.accepts.permissions;
    let (claim, prefix) = (&agreed.claim, &agreed.prefix);
    let shape = match agreed.shape {
        PermissionShape::Text => "a text with blanks between permissions",
        PermissionShape::List => "a list of texts",
    };
    match seen.claims.get(claim) {
        None => format!("there is no `{claim}`, so it permits nothing; it should have `{prefix}TOPIC:write`"),
        Some(said) if permissions.is_empty() => format!(
            "`{claim}` is {}, which has no permission for this API: it should be {shape}, each `{prefix}TOPIC:write`",
            shown(said)
        ),
        Some(said) => format!(
            "`{claim}` is {}, which permits to write to no topic: that needs `{prefix}TOPIC:write`, with the topic's name in \
             full",
            shown(said)
        ),
    }
}

/// Of a token that permits so much that the authorizer's answer is too long.
pub(super) fn too_powerful(topics: usize, size: usize) -> String {
    format!(
        "it permits to write to {topics} topics, which makes a policy of {size} bytes; API Gateway takes 8,192, and answers \
         500 to every call; let the client have fewer"
    )
}
