//! What members of a header, and claims, mean to the API that a token is for.

use serde_json::Value;

use super::date;
use crate::jose::Algorithm;
use crate::scenario::{Accepts, PermissionShape};
use crate::stats::span_text;

/// Last second of the year 9999: what is later is no date.
const LAST_DATE: f64 = 253_402_300_799.0;

/// Who reads a token, and when.
pub(super) struct Reader<'r> {
    pub(super) accepts: &'r Accepts,
    pub(super) issuer: Option<&'r str>,
    pub(super) audience: Option<&'r str>,
    /// Seconds since 1970.
    pub(super) now: u64,
}

/// What a member of the header means; `None` where nobody looks at it.
pub(super) fn meaning_of_header(name: &str, value: &Value, reader: &Reader<'_>) -> Option<String> {
    let text = value.as_str().unwrap_or_default();
    Some(match name {
        "alg" => match Algorithm::of_name(text) {
            Some(algorithm) if reader.accepts.algorithms.contains(&algorithm) => {
                "how it is signed, as agreed on".to_owned()
            }
            _ => "how it is signed, in a way that is not agreed on".to_owned(),
        },
        "typ" => match text.to_ascii_lowercase().trim_start_matches("application/") {
            "at+jwt" => "an access token, with all that RFC 9068 demands of one".to_owned(),
            "jwt" => "a JSON web token, of whatever kind; the claims must tell".to_owned(),
            _ => "what it says that it is".to_owned(),
        },
        "kid" => "which of the issuer's keys has signed it".to_owned(),
        "cty" => "what is within it: another token, mostly, which is not taken".to_owned(),
        "crit" | "b64" => "an extension that must be understood, and is not".to_owned(),
        "jwk" | "jku" | "x5u" | "x5c" | "x5t" | "x5t#S256" => {
            "where its key would be; not looked at, since whoever makes a token can write there what they like"
                .to_owned()
        }
        _ => return None,
    })
}

/// What a claim means; `None` where nobody looks at it.
pub(super) fn meaning_of_claim(name: &str, value: &Value, reader: &Reader<'_>) -> Option<String> {
    let accepts = reader.accepts;
    let own = &accepts.permissions;
    if name == own.claim {
        return Some(permissions(value, reader));
    }
    if let Some(at) = accepts.client_claims.iter().position(|claim| claim == name) {
        let role = if at == 0 {
            "the client that asked for it"
        } else {
            "the client once more; it must be the same"
        };
        return Some(role.to_owned());
    }
    if let Some(right) = accepts.constants.get(name) {
        let fits = if right == value { "as it must be" } else { "which should be another" };
        return Some(format!("a mark of this provider's access tokens, {fits}"));
    }
    if accepts.absent.iter().any(|absent| absent == name) {
        return Some("a mark of people's tokens, which permit nothing".to_owned());
    }
    Some(match name {
        "iss" => format!("who has issued it{}", compared(reader.issuer, value.as_str() == reader.issuer)),
        "aud" => {
            let is_meant = |one: &Value| one.as_str() == reader.audience;
            let meant = is_meant(value) || value.as_array().is_some_and(|all| all.iter().any(is_meant));
            format!("which APIs it is for{}", compared(reader.audience, meant))
        }
        "sub" => "whom it is about; of a client's own token, the client".to_owned(),
        "exp" => time(value, "it ends", "it has ended", reader.now),
        "nbf" => time(value, "it is not good before", "it has been good since", reader.now),
        "iat" => time(value, "it is issued", "it was issued", reader.now),
        "auth_time" => {
            time(value, "somebody logs in", "somebody has logged in", reader.now) + "; not looked at"
        }
        "jti" => "its own id, by which logs can name it".to_owned(),
        "cnf" => "the key that its caller must show, which nobody can here".to_owned(),
        "gty" | "idtyp" | "grant_type" => {
            "how it was obtained: an application's own token alone permits anything".to_owned()
        }
        "token_use" | "typ" => "what kind of token it is".to_owned(),
        "nonce" | "at_hash" | "c_hash" | "s_hash" => "a mark of id tokens".to_owned(),
        "events" | "htm" | "htu" | "response_type" | "token_introspection" => {
            "a mark of something that is no access token".to_owned()
        }
        "scope" | "scp" | "roles" | "permissions" => {
            format!("permissions, which this API does not look for here but in `{}`", own.claim)
        }
        _ if accepts.required.iter().any(|required| required == name) => {
            "it must be there; what it says does not matter".to_owned()
        }
        _ => return None,
    })
}

fn compared(wanted: Option<&str>, fits: bool) -> String {
    match wanted {
        None => "; not compared".to_owned(),
        Some(_) if fits => ", as it must be".to_owned(),
        Some(wanted) => format!(", which should be `{wanted}`"),
    }
}

fn permissions(value: &Value, reader: &Reader<'_>) -> String {
    let own = &reader.accepts.permissions;
    let all: Vec<&str> = match (own.shape, value) {
        (PermissionShape::Text, Value::String(text)) => {
            text.split(' ').filter(|one| !one.is_empty()).collect()
        }
        (PermissionShape::List, Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => return "permissions, in a shape that this API does not read".to_owned(),
    };
    let mine = all.iter().filter(|one| one.starts_with(&own.prefix)).count();
    let others = all.len() - mine;
    match (mine, others) {
        (mine, 0) => format!("permissions: {mine}"),
        (mine, others) => {
            format!("permissions: {mine} for this API, and {others} that do not begin with `{}`", own.prefix)
        }
    }
}

/// A time as a date, and how far away it is.
fn time(value: &Value, before: &str, after: &str, now: u64) -> String {
    let Some(time) = value.as_f64().filter(|time| (0.0..=LAST_DATE).contains(time)) else {
        return format!("{before} at a time that is none");
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within these bounds")]
    let time = time as u64;
    match time.checked_sub(now).filter(|left| *left > 0) {
        Some(left) => format!("{before} {}, in {}", date(time), span_text(left)),
        None => format!("{after} {}, {} ago", date(time), span_text(now - time)),
    }
}
