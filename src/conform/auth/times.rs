//! Groups 27 to 34 and 76: when a token is good.

use serde_json::{Value, json};

use super::forge::Draft;
use super::group::{Group, UNAUTHORIZED};
use super::material::Material;
use crate::conform::{Case, Expected, Level, Need};
use crate::scenario::Flaw;

const HOUR: u64 = 3_600;

/// The leeway in whole seconds.
fn leeway(material: &Material) -> u64 {
    material.accepts.leeway.as_secs()
}

/// A token whose times matter to the second.
fn to_the_second(material: &Material, draft: Draft) -> Draft {
    draft.needing(Need::Clock, material.clock)
}

/// A number as it is written, which may be none that a program can hold.
fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

pub(super) fn expired(material: &Material, now: u64) -> Vec<Case> {
    let about = (27, "expired", "tokens that have expired");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 7519 section 4.1.4"]);
    let leeway = leeway(material);
    // Issued when it was still good.
    let expired = |group: &Group<'_>, ago: u64| {
        let forge = group.forge_at(now.saturating_sub(ago + 300));
        forge.claim("exp", now.saturating_sub(ago)).signed()
    };
    let draft = to_the_second(material, expired(&group, leeway + 1));
    group
        .refused("just", "exp a second before the leeway", draft)
        .shows(&[Flaw::IgnoresExpiry, Flaw::GenerousLeeway]);
    // Here a tick decides, which only a clock of this machine's own does not miss.
    let here = material.clock && material.sink.is_some();
    let draft = expired(&group, leeway).needing(Need::Clock, here);
    group.refused("on", "exp and the leeway end now", draft).shows(&[Flaw::IgnoresExpiry]);
    for (variant, ago, flaws) in [
        ("minutes", leeway + 600, &[Flaw::IgnoresExpiry, Flaw::GenerousLeeway][..]),
        ("hours", 5 * HOUR, &[Flaw::IgnoresExpiry]),
        ("years", 5 * 365 * 24 * HOUR, &[Flaw::IgnoresExpiry]),
    ] {
        let draft = expired(&group, ago);
        group.refused(variant, &format!("expired {variant} ago"), draft).shows(flaws);
    }
    group.into_cases()
}

pub(super) fn leniency(material: &Material, now: u64) -> Vec<Case> {
    let about = (28, "leeway", "tokens that have expired within the leeway");
    let mut group = Group::new(material, now, about, Level::Should, &["RFC 7519 section 4.1.4"]);
    let leeway = leeway(material);
    let ago = leeway / 2;
    let forge = group.forge_at(now.saturating_sub(ago + 300)).claim("exp", now.saturating_sub(ago));
    let draft = to_the_second(material, forge.signed());
    // With little leeway it may be over before the token is there.
    let expected = if leeway >= 4 { Expected::Accepted } else { Expected::Either };
    group.case("within", &format!("expired {ago} s ago, with a leeway of {leeway} s"), draft, expected);
    group.into_cases()
}

pub(super) fn without(material: &Material, now: u64) -> Vec<Case> {
    let about = (29, "no-expiry", "tokens that do not say when they expire");
    let sources = &["RFC 9068 section 2.2", "RFC 8725 section 3.1"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let draft = group.forge().without("exp").signed();
    group.refused("missing", "no exp", draft).shows(&[Flaw::ExpiryOptional, Flaw::IgnoresExpiry]);
    let draft = group.forge().claim("exp", Value::Null).signed();
    group.refused("null", "exp: null", draft).shows(&[Flaw::ExpiryOptional, Flaw::IgnoresExpiry]);
    group.into_cases()
}

pub(super) fn types(material: &Material, now: u64) -> Vec<Case> {
    let about = (30, "expiry-type", "tokens whose expiry is no number");
    let sources = &["RFC 7519 section 4.1.4", "CVE-2026-25537"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let later = now + 300;
    for (variant, value) in [
        ("text-far", json!("9999999999")),
        ("text", json!(later.to_string())),
        ("date", json!("2099-01-01T00:00:00Z")),
        ("true", json!(true)),
        ("list", json!([later])),
        ("object", json!({"exp": later})),
        ("empty", json!("")),
    ] {
        let draft = group.forge().claim("exp", value).signed();
        group
            .refused(variant, &format!("exp: {}", variant.replace('-', " ")), draft)
            .shows(&[Flaw::ExpiryOfAnyType, Flaw::IgnoresExpiry]);
    }
    group.into_cases()
}

pub(super) fn extremes(material: &Material, now: u64) -> Vec<Case> {
    let about = (31, "expiry-number", "tokens whose expiry is a strange number");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 7519 section 2 (NumericDate)"]);
    for (variant, text) in [("negative", "-1"), ("zero", "0"), ("negative-huge", "-9223372036854775809")] {
        let draft = group.forge().claim("exp", number(text)).signed();
        group.refused(variant, &format!("exp: {text}"), draft).shows(&[Flaw::IgnoresExpiry]);
    }
    for (variant, text) in
        [("nan", "NaN"), ("infinity", "Infinity"), ("hexadecimal", "0x7fffffff"), ("plus", "+9999999999")]
    {
        let forge = group.forge().claim("exp", "EXP");
        let payload = forge.payload_text().replace("\"EXP\"", text);
        group.refused(
            variant,
            &format!("exp: {text}, which is no JSON"),
            forge.raw_payload(payload).signed(),
        );
    }
    // Dates beyond the year 9999 are none, though the specification does not say so; with a limit to a token's life
    // they are too late in any case.
    let level = if material.accepts.longest_life.is_some() { Level::Must } else { Level::Should };
    let milliseconds = format!("{}", (now + 300) * 1000);
    let draft = group.forge().claim("exp", number(&milliseconds)).signed();
    let (expected, of_it) = match level {
        Level::Must => (UNAUTHORIZED, Level::Must),
        _ => (Expected::Either, Level::May),
    };
    group
        .case("milliseconds", "exp in milliseconds, some fifty thousand years ahead", draft, expected)
        .level(of_it);
    for (variant, text) in [
        ("above-double", "9007199254740993".to_owned()),
        ("signed-64", "9223372036854775808".to_owned()),
        ("unsigned-64", "18446744073709551616".to_owned()),
        ("infinite", "1e400".to_owned()),
    ] {
        let draft = group.forge().claim("exp", number(&text)).signed();
        group.refused(variant, &format!("exp: {text}"), draft).level(level);
    }
    group.into_cases()
}

pub(super) fn fraction(material: &Material, now: u64) -> Vec<Case> {
    let about = (32, "expiry-fraction", "tokens whose expiry is no whole number");
    let mut group = Group::new(material, now, about, Level::Should, &["RFC 7519 section 2 (NumericDate)"]);
    let draft = group.forge().claim("exp", number(&format!("{}.5", now + 300))).signed();
    group.case("half", "exp with a half second", draft, Expected::Accepted);
    let draft = group.forge().claim("exp", number(&format!("{}.0", now + 300))).signed();
    group.case("point-zero", "exp with .0", draft, Expected::Accepted);
    group.into_cases()
}

pub(super) fn not_before(material: &Material, now: u64) -> Vec<Case> {
    let about = (33, "not-before", "tokens that are not yet good");
    let sources = &["RFC 7519 section 4.1.5", "CVE-2026-25537"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let leeway = leeway(material);
    // Some seconds more, so that it is still ahead when it is looked at.
    // No longer ahead than a token may live.
    let far = material.accepts.longest_life.map_or(HOUR, |longest| (longest.as_secs() / 2).min(HOUR));
    for (variant, ahead) in [("just", leeway + 10), ("far", leeway + far)] {
        let forge = group.forge().claim("nbf", now + ahead).claim("exp", now + ahead + far.min(300));
        let draft = forge.signed();
        let draft = if variant == "just" { to_the_second(material, draft) } else { draft };
        group.refused(variant, &format!("nbf {ahead} s ahead"), draft).shows(&[Flaw::IgnoresNotBefore]);
    }
    if leeway >= 4 {
        let draft = to_the_second(material, group.forge().claim("nbf", now + leeway / 2).signed());
        group.case("within", "nbf ahead, within the leeway", draft, Expected::Accepted).level(Level::Should);
    }
    for (variant, value) in [
        ("text", json!(now.to_string())),
        ("true", json!(true)),
        ("list", json!([now])),
        ("object", json!({})),
    ] {
        let draft = group.forge().claim("nbf", value).signed();
        group
            .refused(variant, &format!("nbf: a {variant}"), draft)
            .level(Level::Should)
            .shows(&[Flaw::IgnoresNotBefore]);
    }
    group.into_cases()
}

pub(super) fn issued(material: &Material, now: u64) -> Vec<Case> {
    let about = (34, "issued-at", "tokens that were issued at a strange time, or live too long");
    let sources = &["RFC 7519 section 4.1.6", "RFC 9068 section 2.2"];
    let mut group = Group::new(material, now, about, Level::Should, sources);
    let later = now + leeway(material) + HOUR;
    let draft = group.forge().claim("iat", later).claim("exp", later + 300).signed();
    group.refused("future", "iat an hour ahead", draft);
    for (variant, value) in [("text", json!(now.to_string())), ("true", json!(true)), ("list", json!([now]))]
    {
        let draft = group.forge().claim("iat", value).signed();
        group.refused(variant, &format!("iat: a {variant}"), draft);
    }
    let typ = material.header.get("typ").and_then(Value::as_str).unwrap_or_default();
    let demanded = typ.to_ascii_lowercase().ends_with("at+jwt")
        || material.accepts.required.iter().any(|claim| claim == "iat");
    let (wanted, level) =
        if demanded { (UNAUTHORIZED, Level::Should) } else { (Expected::Either, Level::May) };
    let draft = group.forge().without("iat").signed();
    group.case("missing", "no iat", draft, wanted).level(level);
    if let Some(longest) = material.accepts.longest_life {
        let draft = group.forge().claim("exp", now + longest.as_secs() + HOUR).signed();
        group.refused("long-life", "a life that is longer than was agreed on", draft).level(Level::Must);
    } else {
        let draft = group.forge().claim("exp", now + 10 * 365 * 24 * HOUR).signed();
        group.case("long-life", "a life of ten years", draft, Expected::Either).level(Level::May);
    }
    group.into_cases()
}

pub(super) fn skew(material: &Material, now: u64) -> Vec<Case> {
    let about = (76, "clock-skew", "tokens of a provider whose clock is off");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 7519 sections 4.1.4 to 4.1.6"]);
    let leeway = leeway(material);
    let draft = group.forge_at(now.saturating_sub(HOUR + 300 + leeway)).signed();
    group.refused("hour-behind", "a clock that is an hour behind", draft).shows(&[Flaw::IgnoresExpiry]);
    let ahead = now + HOUR + leeway;
    let draft = group.forge_at(ahead).claim("nbf", ahead).signed();
    group.refused("hour-ahead", "a clock that is an hour ahead", draft).shows(&[Flaw::IgnoresNotBefore]);
    let half = leeway / 2;
    let draft = to_the_second(material, group.forge_at(now.saturating_sub(half)).signed());
    group.case("behind-within", "a clock that is behind by half of the leeway", draft, Expected::Accepted);
    let draft = to_the_second(material, group.forge_at(now + half).signed());
    group
        .case("ahead-within", "a clock that is ahead by half of the leeway", draft, Expected::Accepted)
        .level(Level::Should);
    group.into_cases()
}
