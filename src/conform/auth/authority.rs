//! Groups 51 to 59: tokens that are no access tokens, and what a token permits.

use serde_json::{Value, json};

use super::claims::other_case;
use super::forge::{Draft, Forge};
use super::group::{ANYHOW, FORBIDDEN, Group, UNAUTHORIZED};
use super::material::Material;
use crate::conform::{Case, Expected, Level, Need};
use crate::scenario::{Flaw, PermissionShape};

/// A token's type without `application/`, in small letters.
fn type_of(material: &Material) -> String {
    let typ = material.header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    typ.trim_start_matches("application/").to_owned()
}

/// What an id token looks like, but for its audience.
fn id_token<'m>(group: &Group<'m>) -> Forge<'m> {
    plain(group).claim("nonce", "n-0S6_WzA2Mj").claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ")
}

/// A token that does not say in its header what it is.
fn plain<'m>(group: &Group<'m>) -> Forge<'m> {
    group.forge().header("typ", "JWT")
}

pub(super) fn identity(material: &Material, now: u64) -> Vec<Case> {
    let about = (51, "id-token", "id tokens in the place of access tokens");
    let sources = &["RFC 9068 section 4", "RFC 8725 section 3.12", "OpenID Connect Core 1.0 section 2"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let client = material.text("sub").to_owned();
    let draft = id_token(&group).claim("aud", client.as_str()).signed();
    group
        .refused("for-client", "an id token, which is for the client", draft)
        .shows(&[Flaw::IgnoresAudience]);
    // What an authorizer must tell by more than its audience.
    let draft = id_token(&group).claim("aud", json!([client, material.audience])).signed();
    group
        .refused("for-both", "an id token that is for the client and the API", draft)
        .level(Level::Should)
        .shows(&[Flaw::AnyType]);
    group.into_cases()
}

pub(super) fn kinds(material: &Material, now: u64) -> Vec<Case> {
    let about = (52, "other-kind", "other things that the provider signs");
    let sources = &["RFC 8725 section 3.11", "RFC 8725 section 3.12"];
    let mut group = Group::new(material, now, about, Level::Should, sources);
    for (variant, value) in
        [("id", "ID"), ("refresh", "Refresh"), ("offline", "Offline"), ("logout", "Logout")]
    {
        let draft = plain(&group).claim("typ", value).signed();
        group
            .refused(
                &format!("keycloak-{variant}"),
                &format!("a token whose claim `typ` is `{value}`"),
                draft,
            )
            .shows(&[Flaw::AnyType]);
    }
    let draft = plain(&group).claim("token_use", "id").signed();
    group.refused("cognito-id", "a token whose `token_use` is `id`", draft).shows(&[Flaw::AnyType]);
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let draft = plain(&group).claim("events", events.clone()).claim("sid", "s").signed();
    group.refused("logout", "a logout token", draft).shows(&[Flaw::AnyType]);
    for (variant, typ) in [
        ("logout-typed", "logout+jwt"),
        ("event", "secevent+jwt"),
        ("proof", "dpop+jwt"),
        ("introspection", "token-introspection+jwt"),
        ("request", "oauth-authz-req+jwt"),
        ("statement", "entity-statement+jwt"),
    ] {
        let draft = group.forge().header("typ", typ).signed();
        group
            .refused(variant, &format!("a token of the type `{typ}`"), draft)
            .level(Level::Must)
            .shows(&[Flaw::AnyType]);
    }
    let client = material.text("sub").to_owned();
    let rsa = &material.attacker.rsa;
    let forge = plain(&group).claim("iss", client.as_str()).claim("aud", material.issuer());
    let draft = forge.header("alg", "RS256").by(rsa, crate::jose::Algorithm::Rs256).signed();
    group.refused("assertion", "what the client itself signs to get a token", draft).level(Level::Must);
    group.into_cases()
}

pub(super) fn types(material: &Material, now: u64) -> Vec<Case> {
    let about = (53, "type", "how a token says what it is");
    let mut group =
        Group::new(material, now, about, Level::Should, &["RFC 9068 section 2.1", "RFC 7515 section 4.1.9"]);
    let accepts = &material.accepts;
    let own = type_of(material);
    let taken = |typ: &str| {
        if typ == own || accepts.types.iter().any(|accepted| accepted == typ) {
            Expected::Either
        } else {
            UNAUTHORIZED
        }
    };
    let absent = if accepts.untyped { Expected::Either } else { UNAUTHORIZED };
    let expected = if own.is_empty() { Expected::Accepted } else { absent };
    let draft = group.forge().without_header("typ").signed();
    let entry = group.case("absent", "no typ", draft, expected);
    if expected == UNAUTHORIZED {
        entry.shows(&[Flaw::AnyType]);
    }
    let draft = group.forge().header("typ", "JWT").signed();
    group.case("jwt", "typ `JWT`", draft, taken("jwt"));
    let draft = group.forge().header("typ", "at+jwt").signed();
    group.case("at-jwt", "typ `at+jwt`", draft, taken("at+jwt"));
    if !own.is_empty() {
        // The same type, otherwise written.
        let media = format!("application/{own}");
        for (variant, typ) in [("upper-case", own.to_ascii_uppercase()), ("media-type", media)] {
            let draft = group.forge().header("typ", typ.as_str()).signed();
            group.case(variant, &format!("typ `{typ}`"), draft, Expected::Accepted);
        }
    }
    for (variant, value) in
        [("unknown", json!("xyz")), ("empty", json!("")), ("number", json!(7)), ("list", json!(["at+jwt"]))]
    {
        let draft = group.forge().header("typ", value).signed();
        let entry = group.refused(variant, &format!("typ: {variant}"), draft);
        if variant == "unknown" {
            entry.shows(&[Flaw::AnyType]);
        }
    }
    group.into_cases()
}

pub(super) fn users(material: &Material, now: u64) -> Vec<Case> {
    let about = (54, "user-token", "tokens of people, where only programs are let in");
    let mut group =
        Group::new(material, now, about, Level::Should, &["RFC 9068 section 2.2", "RFC 8725 section 3.12"]);
    for (variant, claim, value) in [
        ("auth0", "gty", "authorization_code"),
        ("entra", "idtyp", "user"),
        ("generic", "grant_type", "authorization_code"),
    ] {
        let draft = group.forge().claim(claim, value).signed();
        // Of others' authorizers nobody knows which marks they look at, but by their profile.
        let agreed = material.own || material.accepts.constants.contains_key(claim);
        let (expected, level) = if agreed { (ANYHOW, Level::Should) } else { (Expected::Either, Level::May) };
        group
            .case(variant, &format!("`{claim}` is `{value}`"), draft, expected)
            .level(level)
            .shows(&[Flaw::TakesUserTokens]);
    }
    // Each with the marks of a person's token that the provider would write, and none of a program's own.
    for claim in &material.accepts.absent {
        let forge = OWN_MARKS.iter().fold(group.forge(), |forge, mark| forge.without(mark));
        let forge = forge.claim("sub", A_PERSON).claim(claim, mark_of_a_person(claim));
        let variant = format!("with-{}", claim.replace('/', "-"));
        group
            .case(&variant, &format!("`{claim}` is there, as in a person's token"), forge.signed(), ANYHOW)
            .shows(&[Flaw::TakesUserTokens]);
    }
    group.into_cases()
}

/// By what providers say that a program has obtained a token for itself, where they need not say it.
const OWN_MARKS: [&str; 2] = ["idtyp", "grant_type"];
/// Whom a person's token is about.
const A_PERSON: &str = "248289761001";

/// What a claim says in a person's token: scopes, or whose it is.
fn mark_of_a_person(claim: &str) -> &'static str {
    if claim == "scp" { "user_impersonation" } else { A_PERSON }
}

/// The permissions of the good token, as its claim has them.
fn permissions(material: &Material) -> Vec<String> {
    match material.claims.get(&material.accepts.permissions.claim) {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => {
            let words = list.iter().filter_map(Value::as_str).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// With other permissions, in the shape that the profile has.
fn permitted<'m>(group: &Group<'m>, permissions: &[String]) -> Forge<'m> {
    let wanted = &group.material.accepts.permissions;
    let value = match wanted.shape {
        PermissionShape::Text => json!(permissions.join(" ")),
        PermissionShape::List => json!(permissions),
    };
    group.forge().claim(&wanted.claim, value)
}

pub(super) fn scopes(material: &Material, now: u64) -> Vec<Case> {
    let about = (55, "scope", "tokens whose scope does not permit this");
    let mut group =
        Group::new(material, now, about, Level::Must, &["RFC 6749 section 3.3", "RFC 6750 section 3.1"]);
    let wanted = &material.accepts.permissions;
    let own = permissions(material);
    let each =
        |change: &dyn Fn(&str) -> String| -> Vec<String> { own.iter().map(|one| change(one)).collect() };
    let substring = [Flaw::ScopeBySubstring];
    let draft = group.forge().without(&wanted.claim).signed();
    group.case("missing", "no scope", draft, FORBIDDEN);
    let draft = permitted(&group, &[]).signed();
    group.case("empty", "an empty scope", draft, FORBIDDEN);
    let changes: [(&str, &str, Vec<String>, &[Flaw]); 6] = [
        ("longer", "a scope with a letter more", each(&|one| format!("{one}2")), &substring),
        ("prefixed", "a scope with a letter before it", each(&|one| format!("x{one}")), &substring),
        (
            "shorter",
            "a scope with a letter less",
            each(&|one| one.chars().take(one.chars().count().saturating_sub(1)).collect()),
            &[],
        ),
        ("case", "a scope in the other case", each(&other_case), &[Flaw::ScopeInAnyCase]),
        ("reading", "a scope to read", each(&|one| one.replace("write", "read")), &[]),
        ("wildcard", "a scope of a wildcard", vec![format!("{}*:write", wanted.prefix), "*".to_owned()], &[]),
    ];
    // Where a change changes nothing, there is nothing to refuse.
    for (variant, what, permissions, flaws) in changes.into_iter().filter(|(_, _, spoilt, _)| *spoilt != own)
    {
        let draft = permitted(&group, &permissions).signed();
        group.case(variant, what, draft, FORBIDDEN).shows(flaws);
    }
    if wanted.shape == PermissionShape::Text {
        for (variant, separator) in [("comma", ","), ("tab", "\t"), ("newline", "\n"), ("plus", "+")] {
            let text = format!("x:read{separator}{}", own.join(separator));
            let draft = group.forge().claim(&wanted.claim, text).signed();
            let flaws: &[Flaw] = &substring;
            // Many a library parts by any white space.
            let level = if matches!(separator, "\t" | "\n") { Level::Should } else { Level::Must };
            let what = format!("scopes parted by a {variant}");
            group.case(variant, &what, draft, FORBIDDEN).shows(flaws).level(level);
        }
    }
    let other_shape = match wanted.shape {
        PermissionShape::Text => json!(own),
        PermissionShape::List => json!(own.join(" ")),
    };
    let draft = group.forge().claim(&wanted.claim, other_shape).signed();
    // Nothing is gained that the provider has not granted.
    group
        .case("other-shape", "the right scope in the other shape", draft, Expected::Either)
        .level(Level::May);
    for (variant, value) in
        [("number", json!(7)), ("object", json!({"orders": "write"})), ("true", json!(true))]
    {
        let draft = group.forge().claim(&wanted.claim, value).signed();
        group.case(variant, &format!("a scope that is a {variant}"), draft, ANYHOW);
    }
    group.into_cases()
}

pub(super) fn sources(material: &Material, now: u64) -> Vec<Case> {
    let about = (56, "scope-elsewhere", "scopes that stand in another claim");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 8725 section 3.12"]);
    let wanted = &material.accepts.permissions;
    let own = permissions(material);
    for claim in ["scope", "scp", "scopes", "roles", "permissions", "groups", "authorities"] {
        if claim == wanted.claim {
            continue;
        }
        let draft = permitted(&group, &[]).claim(claim, json!(own)).signed();
        group
            .case(claim, &format!("the scope stands in `{claim}` alone"), draft, FORBIDDEN)
            .shows(&[Flaw::AnyPermissionClaim]);
        if matches!(claim, "scope" | "scp") {
            let draft = permitted(&group, &[]).claim(claim, own.join(" ")).signed();
            group.case(
                &format!("{claim}-text"),
                &format!("the scope stands in `{claim}` alone, as text"),
                draft,
                FORBIDDEN,
            );
        }
    }
    let absent = &material.accepts.absent;
    let free = |claim: &&str| *claim != wanted.claim && !absent.iter().any(|absent| absent == claim);
    let other = ["roles", "scp", "permissions"].into_iter().find(free).unwrap_or("groups");
    let draft = group.forge().claim(other, json!(["something:else"])).signed();
    group.case("beside", &format!("the right scope, and others in `{other}`"), draft, Expected::Accepted);
    group.into_cases()
}

pub(super) fn topics(material: &Material, now: u64) -> Vec<Case> {
    let about = (57, "topic", "tokens for other topics than the one that is written to");
    let mut group = Group::new(material, now, about, Level::Must, &["OWASP API1:2023", "RFC 3986 section 6"]);
    let (topic, good) = (material.topic.as_str(), material.token.expose());
    let other = material.other.as_ref();
    let others = other.map_or("no-topic-of-its-own", |other| other.topic.as_str());
    let given = other.is_some();
    let probe = group.probe_to(others, "the topic of another client", FORBIDDEN);
    group
        .case_of(
            "of-other",
            "a good token on the topic of another client",
            Draft::of(good).needing(Need::Client, given),
            probe,
        )
        .shows(&[Flaw::AllowsEveryTopic]);
    let token = other.map_or("", |other| other.token.expose());
    let probe = group.probe("by another client", FORBIDDEN);
    group
        .case_of(
            "by-other",
            "another client's token on this topic",
            Draft::of(token).needing(Need::Client, given),
            probe,
        )
        .shows(&[Flaw::AllowsEveryTopic]);
    for (variant, name, flaws) in [
        ("longer", format!("{topic}-archive"), &[Flaw::TopicByPrefix, Flaw::AllowsEveryTopic][..]),
        ("number", format!("{topic}2"), &[Flaw::TopicByPrefix, Flaw::AllowsEveryTopic]),
        ("case", other_case(topic), &[Flaw::AllowsEveryTopic]),
    ] {
        if name == topic {
            continue;
        }
        let probe = group.probe_to(&name, "a topic that the token does not name", FORBIDDEN);
        group
            .case_of(variant, &format!("a good token on the topic `{name}`"), Draft::of(good), probe)
            .shows(flaws);
    }
    for (variant, path) in [
        ("none", "/topics/".to_owned()),
        ("dot-dot", format!("/topics/{topic}/../{others}")),
        ("dot-dot-escaped", format!("/topics/{topic}/%2e%2e/{others}")),
        ("dot-dot-slash-escaped", format!("/topics/{topic}%2f..%2f{others}")),
        ("double-slash", format!("/topics//{others}")),
        ("slash-escaped", format!("/topics/{topic}%2F{others}")),
        ("dot-slash", format!("/topics/./{others}")),
        ("semicolon", format!("/topics/{others};/{topic}")),
        ("query", format!("/topics/{others}?/topics/{topic}")),
        ("nul-escaped", format!("/topics/{others}%00{topic}")),
        ("double-escaped", format!("/topics/{topic}%252f..%252f{others}")),
        ("backslash", format!("/topics/{topic}%5c..%5c{others}")),
    ] {
        let mut probe = group.probe_to(others, &format!("the path {path}"), ANYHOW);
        probe.target = path;
        // Where there is no such path, API Gateway repeats the header.
        probe.may_echo = true;
        let draft = Draft::of(good).needing(Need::Client, given);
        group
            .case_of(variant, &format!("another's topic by a path ({variant})"), draft, probe)
            .shows(&[Flaw::AllowsEveryTopic]);
    }
    let prefix = &material.accepts.permissions.prefix;
    if other_case(topic) != topic {
        let upper = format!("{prefix}{}:write", other_case(topic));
        let draft = permitted(&group, &[upper]).signed();
        group
            .case("scope-case", "a scope for the topic in other letters", draft, FORBIDDEN)
            .shows(&[Flaw::TopicInSmallLetters, Flaw::ScopeInAnyCase]);
    }
    group.into_cases()
}

pub(super) fn bound(material: &Material, now: u64) -> Vec<Case> {
    let about = (58, "bound", "tokens that are bound to a key which the caller does not show");
    let mut group =
        Group::new(material, now, about, Level::Must, &["RFC 8705 section 3", "RFC 9449 section 7"]);
    for (variant, value) in [
        ("certificate", json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"})),
        ("proof", json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})),
        ("key", json!({"jwk": {"kty": "oct", "k": "AAAA"}})),
    ] {
        let draft = group.forge().claim("cnf", value).signed();
        group.refused(variant, &format!("cnf with a {variant}"), draft).shows(&[Flaw::IgnoresConfirmation]);
    }
    group.into_cases()
}

pub(super) fn opaque(material: &Material, now: u64) -> Vec<Case> {
    let about = (59, "opaque", "tokens that are no JSON web tokens");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 6750 section 3.1"]);
    for (variant, token) in [
        ("opaque", "2YotnFZFEjr1zCsicMWpAA"),
        ("number", "1"),
        ("null", "null"),
        ("undefined", "undefined"),
        ("true", "true"),
        (
            "saml",
            "PHNhbWxwOlJlc3BvbnNlIHhtbG5zOnNhbWxwPSJ1cm46b2FzaXM6bmFtZXM6dGM6U0FNTDoyLjA6cHJvdG9jb2wiLz4",
        ),
        ("paseto", "v4.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIn1uo8mvKvDJ5Yp"),
        ("macaroon", "MDAyMWxvY2F0aW9uIGh0dHBzOi8vZXhhbXBsZS5vcmcvCg"),
        ("json", "{}"),
        ("html", "<script>alert(1)</script>"),
        ("template", "${7*7}{{7*7}}"),
        ("quoted-empty", "\"\""),
    ] {
        group
            .refused(variant, &format!("a token that is `{variant}`"), Draft::of(token))
            .shows(&[Flaw::CrashesOnGarbage]);
    }
    group.into_cases()
}
