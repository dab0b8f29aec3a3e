//! Groups 24 to 26 and 35 to 38: who issued a token, for whom, and to whom.

use serde_json::{Value, json};

use super::group::{ANYHOW, Group, UNAUTHORIZED, send};
use super::material::Material;
use crate::conform::{Case, Expected, Level};
use crate::scenario::Flaw::{
    self, AudienceBySubstring, IgnoresAudience, IgnoresIssuer, IssuerByPrefix, IssuerInList, IssuerNormalized,
};

/// A text with the case of its letters changed.
pub(super) fn other_case(text: &str) -> String {
    let change = |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(change).collect()
}

pub(super) fn issuer(material: &Material, now: u64) -> Vec<Case> {
    let about = (24, "issuer", "tokens of issuers that are not the right one");
    let sources = &["RFC 7519 section 4.1.1", "RFC 8725 section 3.8", "CVE-2025-30144"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let own = material.issuer();
    let slash = own.strip_suffix('/').map_or_else(|| format!("{own}/"), ToOwned::to_owned);
    let scheme = match own.strip_prefix("https://") {
        Some(rest) => format!("http://{rest}"),
        None => own.replacen("http://", "https://", 1),
    };
    let cases: [(&str, Value, &[Flaw]); 14] = [
        ("other", json!("https://idp.other.example"), &[IgnoresIssuer]),
        ("prefix", json!(format!("{own}.evil.example")), &[IssuerByPrefix, IgnoresIssuer]),
        ("prefix-path", json!(format!("{own}/../evil")), &[IssuerByPrefix]),
        ("prefix-user", json!(format!("{own}@evil.example")), &[IssuerByPrefix]),
        ("slash", json!(slash), &[IssuerNormalized]),
        ("case", json!(other_case(own)), &[IssuerNormalized]),
        ("scheme", json!(scheme), &[]),
        ("blank-behind", json!(format!("{own} ")), &[]),
        ("list", json!([own]), &[IssuerInList]),
        ("list-of-two", json!(["https://idp.other.example", own]), &[IssuerInList]),
        ("empty", json!(""), &[IgnoresIssuer]),
        ("null", Value::Null, &[IgnoresIssuer]),
        ("number", json!(7), &[IgnoresIssuer]),
        ("object", json!({own: true}), &[]),
    ];
    for (variant, value, flaws) in cases.into_iter().filter(|(_, value, _)| value != own) {
        let draft = group.forge().claim("iss", value).signed();
        group.refused(variant, &format!("iss: {}", variant.replace('-', " ")), draft).shows(flaws);
    }
    let draft = group.forge().without("iss").signed();
    group.refused("missing", "no iss", draft).shows(&[IgnoresIssuer]);
    group.into_cases()
}

pub(super) fn audience(material: &Material, now: u64) -> Vec<Case> {
    let about = (25, "audience", "tokens that are for somebody else");
    let sources = &["RFC 7519 section 4.1.3", "RFC 8725 section 3.9", "CVE-2020-26160"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let own = material.audience.as_str();
    let shorter: String = own.chars().take(own.chars().count().saturating_sub(2)).collect();
    let cases: [(&str, Value, &[Flaw]); 14] = [
        ("other", json!("https://api.other.example"), &[IgnoresAudience]),
        ("other-list", json!(["https://api.other.example", "x"]), &[IgnoresAudience]),
        ("shorter", json!(shorter), &[AudienceBySubstring, IgnoresAudience]),
        ("longer", json!(format!("{own}-admin")), &[AudienceBySubstring, IgnoresAudience]),
        ("case", json!(other_case(own)), &[IgnoresAudience]),
        ("blank-separated", json!(format!("other {own}")), &[]),
        ("empty", json!(""), &[IgnoresAudience]),
        ("empty-list", json!([]), &[IgnoresAudience]),
        ("null-in-list", json!([null]), &[IgnoresAudience]),
        ("number", json!(7), &[IgnoresAudience]),
        ("object", json!({own: true}), &[]),
        ("list-in-list", json!([[own]]), &[]),
        ("client", json!(material.text("sub")), &[IgnoresAudience]),
        ("issuer", json!(material.issuer()), &[IgnoresAudience]),
    ];
    for (variant, value, flaws) in cases.into_iter().filter(|(_, value, _)| value != own) {
        let draft = group.forge().claim("aud", value).signed();
        group.refused(variant, &format!("aud: {}", variant.replace('-', " ")), draft).shows(flaws);
    }
    let wanted = if material.accepts.audience_required { UNAUTHORIZED } else { Expected::Either };
    for (variant, what, forge) in [
        ("missing", "no aud", group.forge().without("aud")),
        ("null", "aud: null", group.forge().claim("aud", Value::Null)),
    ] {
        let entry = group.case(variant, what, forge.signed(), wanted);
        if material.accepts.audience_required {
            entry.shows(&[IgnoresAudience]);
        }
    }
    group.into_cases()
}

pub(super) fn audiences(material: &Material, now: u64) -> Vec<Case> {
    let about = (26, "audience-list", "tokens for several, of which this is one");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 7519 section 4.1.3"]);
    let own = material.audience.as_str();
    for (variant, value) in [
        ("alone", json!([own])),
        ("first", json!([own, "https://api.other.example"])),
        ("last", json!(["https://api.other.example", own])),
    ] {
        let draft = group.forge().claim("aud", value).signed();
        group.case(variant, &format!("aud: a list, the right one {variant}"), draft, Expected::Accepted);
    }
    group.into_cases()
}

/// What is expected where RFC 9068 demands a claim, or the profile does, and how much depends on it.
fn demanded(material: &Material, claim: &str) -> (Expected, Level) {
    let typ = material.header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if typ.trim_start_matches("application/") == "at+jwt"
        || material.accepts.required.iter().any(|r| r == claim)
    {
        (UNAUTHORIZED, Level::Should)
    } else {
        (Expected::Either, Level::May)
    }
}

pub(super) fn subject(material: &Material, now: u64) -> Vec<Case> {
    let about = (35, "subject", "tokens whose subject is none");
    let sources = &["RFC 7519 section 4.1.2", "RFC 9068 section 2.2"];
    let mut group = Group::new(material, now, about, Level::Should, sources);
    let draft = group.forge().without("sub").signed();
    group.refused("missing", "no sub", draft).shows(&[Flaw::SubjectOptional]);
    for (variant, value) in [
        ("empty", json!("")),
        ("null", Value::Null),
        ("number", json!(7)),
        ("object", json!({"id": 7})),
        ("list", json!([material.text("sub")])),
        ("boolean", json!(true)),
    ] {
        let draft = group.forge().claim("sub", value).signed();
        let entry = group.refused(variant, &format!("sub: {variant}"), draft);
        if variant == "null" {
            entry.shows(&[Flaw::SubjectOptional]);
        }
    }
    let draft = group.forge().claim("sub", "s".repeat(4_000)).signed();
    group.case("long", "sub of 4,000 letters", draft, Expected::Either).level(Level::May);
    let draft = group.forge().claim("sub", "s".repeat(100_000)).signed();
    let probe = group.probe("sub of 100,000 letters, which no header holds", ANYHOW).breaking();
    group.case_of("too-long", "sub of 100,000 letters", draft, probe);
    group.into_cases()
}

pub(super) fn client(material: &Material, now: u64) -> Vec<Case> {
    let about = (36, "client", "tokens that name no client, or several");
    let mut group = Group::new(material, now, about, Level::Should, &["RFC 9068 section 2.2"]);
    let present = |claim: &&String| material.claims.contains_key(claim.as_str());
    let names: Vec<&String> = material.accepts.client_claims.iter().filter(present).collect();
    let own = material.accepts.client_claims.first().map_or("client_id", String::as_str);
    let (wanted, level) = demanded(material, own);
    let mut forge = group.forge();
    for name in &names {
        forge = forge.without(name);
    }
    group.case("missing", "no claim that names the client", forge.signed(), wanted).level(level);
    for name in material.accepts.client_claims.iter().filter(|name| !names.contains(name)) {
        let draft = group.forge().claim(name, "somebody-else").signed();
        group
            .refused(&format!("other-{name}"), &format!("`{name}` names another client"), draft)
            .shows(&[Flaw::IgnoresOtherClient]);
    }
    if let Some(name) = names.first() {
        for (variant, value) in
            [("number", json!(7)), ("empty", json!("")), ("null", Value::Null), ("list", json!(["x"]))]
        {
            let draft = group.forge().claim(name, value).signed();
            group.refused(variant, &format!("`{name}`: {variant}"), draft);
        }
    }
    group.into_cases()
}

pub(super) fn id(material: &Material, now: u64) -> Vec<Case> {
    let about = (37, "token-id", "tokens without an id, and tokens that come again");
    let mut group =
        Group::new(material, now, about, Level::Should, &["RFC 9068 section 2.2", "RFC 6750 section 5"]);
    let (wanted, level) = demanded(material, "jti");
    let draft = group.forge().without("jti").signed();
    group.case("missing", "no jti", draft, wanted).level(level);
    for (variant, value) in [("number", json!(7)), ("null", Value::Null), ("object", json!({}))] {
        let draft = group.forge().claim("jti", value).signed();
        group.case(variant, &format!("jti: {variant}"), draft, wanted).level(level);
    }
    let token = material.token.expose();
    let steps = ["the first time", "the second time"]
        .map(|time| send(group.probe(&format!("a good token, {time}"), Expected::Accepted).bearer(token)));
    // A bearer token is good until it ends, however often it comes.
    group.add("again", "the same good token twice", steps.into());
    group.into_cases()
}

/// The members of an object's text, without its braces.
fn members(text: &str) -> &str {
    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text)
}

pub(super) fn doubled(material: &Material, now: u64) -> Vec<Case> {
    let about = (38, "duplicate", "names that stand twice");
    let sources = &["RFC 7519 section 4", "RFC 7515 section 4", "RFC 8259 section 4"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let claims = [
        ("iss", json!("https://idp.other.example")),
        ("aud", json!("https://api.other.example")),
        ("exp", json!(now.saturating_sub(86_400))),
        ("sub", json!("somebody-else")),
        (material.accepts.permissions.claim.as_str(), json!("everything:write")),
    ];
    for (name, bad) in claims {
        let forge = group.forge();
        let text = forge.payload_text();
        let body = members(&text);
        let first = format!("{{\"{name}\":{bad},{body}}}");
        let last = format!("{{{body},\"{name}\":{bad}}}");
        // RFC 7519 lets a reader take the last one; all readers of the path would have to.
        let draft = forge.clone().raw_payload(first).signed();
        group
            .refused(&format!("{name}-good-last"), &format!("`{name}` twice, the good one last"), draft)
            .level(Level::Should)
            .shows(&[Flaw::LastClaimWins]);
        let draft = forge.raw_payload(last).signed();
        // Who takes the last one, as the specification lets a reader do, finds another subject, or no permission.
        let (expected, level) = match name {
            "sub" => (UNAUTHORIZED, Level::Should),
            "iss" | "aud" | "exp" => (UNAUTHORIZED, Level::Must),
            _ => (ANYHOW, Level::Must),
        };
        let what = format!("`{name}` twice, the bad one last");
        group.case(&format!("{name}-bad-last"), &what, draft, expected).level(level);
    }
    let header = group.forge().header_text();
    let body = members(&header);
    for (name, bad) in [("alg", "none"), ("kid", "other"), ("typ", "secevent+jwt")] {
        let first = format!("{{\"{name}\":\"{bad}\",{body}}}");
        let draft = group.forge().raw_header(first).signed();
        group
            .refused(
                &format!("header-{name}-good-last"),
                &format!("`{name}` twice in the header, the good one last"),
                draft,
            )
            .level(Level::Should);
        let last = format!("{{{body},\"{name}\":\"{bad}\"}}");
        let draft = group.forge().raw_header(last).signed();
        group
            .refused(
                &format!("header-{name}-bad-last"),
                &format!("`{name}` twice in the header, the bad one last"),
                draft,
            )
            .level(if name == "typ" { Level::Should } else { Level::Must });
    }
    group.into_cases()
}
