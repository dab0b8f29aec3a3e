//! Groups 13 to 23: which key a token is checked with, and who says so.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::algorithm::published;
use super::forge::Forge;
use super::group::{Group, UNAUTHORIZED, act, send, send_to_each};
use super::material::Material;
use crate::conform::{Case, Control, Expected, Level, Need};
use crate::jose::{Algorithm, base64url, sha256};
use crate::scenario::Flaw;

/// How long an authorizer is given to fetch keys that it fetches beside its work.
const SETTLING: Duration = Duration::from_millis(500);

/// A token that the attacker's RSA key has signed.
fn attacked<'m>(group: &Group<'m>) -> Forge<'m> {
    group.forge().header("alg", "RS256").by(&group.material.attacker.rsa, Algorithm::Rs256)
}

pub(super) fn jwk(material: &Material, now: u64) -> Vec<Case> {
    let about = (13, "jwk-header", "keys that the token brings along");
    let sources = &["CVE-2018-0114", "RFC 8725 section 3.10"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let public = material.attacker.rsa.public();
    let own = Value::Object(public.to_jwk(&public.thumbprint(), Algorithm::Rs256));
    let flaws = [Flaw::TrustsJwk, Flaw::IgnoresSignature];
    let draft = attacked(&group).header("jwk", own.clone()).signed();
    group
        .refused("kid-of-provider", "`jwk` with a key, under the name of the provider's", draft)
        .shows(&flaws);
    let draft = attacked(&group).header("jwk", own.clone()).header("kid", public.thumbprint()).signed();
    group.refused("kid-of-key", "`jwk` with a key, under its own name", draft).shows(&flaws[..1]);
    let draft = attacked(&group).header("jwk", own.clone()).without_header("kid").signed();
    group.refused("without-kid", "`jwk` with a key, and no kid", draft).shows(&flaws[..1]);
    let point = Value::Object(material.attacker.p256.public().to_bare_jwk());
    let forge = group.forge().header("alg", "ES256").header("jwk", point);
    let draft = forge.by(&material.attacker.p256, Algorithm::Es256).signed();
    group.refused("p256", "`jwk` with a key of P-256", draft);
    let secret = json!({"kty": "oct", "k": base64url("secret")});
    let draft = group.forge().header("jwk", secret).mac(Algorithm::Hs256, b"secret");
    group.refused("secret", "`jwk` with a secret, and an HMAC with that", draft);
    let draft = group.forge().header("jwk", own).signed();
    // A key that is not asked for harms nobody who does not use it.
    group.case("beside-good", "a good token with a foreign `jwk`", draft, Expected::Either).level(Level::May);
    group.into_cases()
}

/// A variant, the header's member, and what that says of the path that is a case's own.
type Place<'a> = (&'static str, &'static str, &'a dyn Fn(&str) -> Value);

pub(super) fn urls(material: &Material, now: u64) -> Vec<Case> {
    let about = (14, "key-url", "places where the token says its key is to be had");
    let sources = &["RFC 8725 section 3.10", "RFC 8725 section 2.9"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let sink = material.sink.clone().unwrap_or_default();
    let kid = material.attacker.rsa.public().thumbprint();
    let here = sink.strip_prefix("http://").unwrap_or_default().to_owned();
    let issuer = material.issuer().to_owned();
    let host = issuer.split_once("://").map_or(issuer.as_str(), |(_, host)| host);
    let host = host.split('/').next().unwrap_or_default().to_owned();
    // What is put behind the path that is a case's own.
    let places: [Place<'_>; 6] = [
        ("jku", "jku", &|trap| json!(format!("{sink}{trap}/jwks"))),
        ("jku-redirect", "jku", &|trap| json!(format!("{sink}{trap}/redirect"))),
        ("jku-issuer-at", "jku", &|trap| json!(format!("http://{host}@{here}{trap}/jwks"))),
        ("jku-fragment", "jku", &|trap| json!(format!("{sink}{trap}/jwks#{issuer}"))),
        ("jku-list", "jku", &|trap| json!([format!("{sink}{trap}/jwks")])),
        ("x5u", "x5u", &|trap| json!(format!("{sink}{trap}/x5u"))),
    ];
    for (variant, member, place) in places {
        let trap = group.trap();
        let draft = attacked(&group).header("kid", kid.as_str()).header(member, place(&trap)).signed();
        let draft = draft.needing(Need::Sink, material.sink.is_some());
        let what = format!("`{member}`: {}", variant.replace('-', " "));
        let entry = group.refused(variant, &what, draft).trapped(&trap);
        if variant == "jku" {
            entry.shows(&[Flaw::TrustsJku]);
        }
    }
    for (variant, place) in [
        ("jku-metadata-address", "http://169.254.169.254/latest/meta-data/"),
        ("jku-file", "file:///etc/passwd"),
        ("jku-nowhere", "http://127.0.0.1:1/jwks"),
    ] {
        let draft = attacked(&group).header("kid", kid.as_str()).header("jku", place).signed();
        group.refused(variant, &format!("`jku`: {place}"), draft);
    }
    let trap = group.trap();
    let draft = group.forge().header("jku", format!("{sink}{trap}/jwks")).signed();
    let draft = draft.needing(Need::Sink, material.sink.is_some());
    // What matters is that nobody asks there.
    group
        .case("jku-beside-good", "a good token with a foreign `jku`", draft, Expected::Either)
        .trapped(&trap)
        .level(Level::May)
        .shows(&[Flaw::TrustsJku]);
    group.into_cases()
}

pub(super) fn certificates(material: &Material, now: u64) -> Vec<Case> {
    let about = (15, "certificate", "certificates that the token brings along");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 8725 section 3.10"]);
    let certificate = STANDARD.encode(&material.attacker.certificate);
    let draft = attacked(&group).header("x5c", json!([certificate])).signed();
    group.refused("x5c", "`x5c` with a certificate that its key has signed itself", draft);
    let draft = attacked(&group).header("x5c", json!([certificate])).without_header("kid").signed();
    group.refused("x5c-without-kid", "the same, and no kid", draft);
    let thumbprint = base64url(sha256(&material.attacker.certificate));
    let draft = attacked(&group).header("x5t#S256", thumbprint.as_str()).without_header("kid").signed();
    group.refused("x5t", "`x5t#S256` of a foreign certificate, and no kid", draft);
    let draft = group.forge().header("x5t#S256", thumbprint).signed();
    group
        .case(
            "x5t-beside-good",
            "a good token with the thumbprint of a foreign certificate",
            draft,
            Expected::Either,
        )
        .level(Level::May);
    group.into_cases()
}

pub(super) fn kid(material: &Material, now: u64) -> Vec<Case> {
    let about = (16, "kid", "names of keys that are more than names");
    let sources = &["RFC 8725 section 3.10", "RFC 7515 section 4.1.4"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    for (variant, path) in [
        ("dev-null", "/dev/null"),
        ("path", "../../../../../../../../dev/null"),
        ("path-file", "file:///dev/null"),
    ] {
        let draft = group.forge().header("kid", path).mac(Algorithm::Hs256, b"");
        let entry = group.refused(variant, &format!("kid `{path}` and an HMAC without a secret"), draft);
        if variant != "path-file" {
            entry.shows(&[Flaw::KidAsPath]);
        }
    }
    let texts = [
        ("sql", "' OR '1'='1' -- "),
        ("sql-union", "x' UNION SELECT 'secret' -- "),
        ("command", "key|id"),
        ("command-semicolon", "key; sleep 60"),
        ("format", "%s%n{0}${jndi:ldap://127.0.0.1/x}"),
        ("nul", "key\u{0}"),
        ("newline", "key\r\nX: y"),
        ("blank", " "),
        ("empty", ""),
        ("wildcard", "*"),
        ("proto", "__proto__"),
    ];
    for (variant, text) in texts {
        let draft = attacked(&group).header("kid", text).signed();
        group.refused(variant, &format!("kid {text:?}"), draft);
    }
    let trap = group.trap();
    let url = format!("{}{trap}/jwks", material.sink.clone().unwrap_or_default());
    let draft = attacked(&group).header("kid", url).signed().needing(Need::Sink, material.sink.is_some());
    group.refused("url", "kid that is a URL", draft).trapped(&trap);
    for (variant, value) in [
        ("number", json!(1)),
        ("list", json!([material.kid()])),
        ("object", json!({"kid": material.kid()})),
        ("null", Value::Null),
        ("boolean", json!(true)),
    ] {
        let draft = attacked(&group).header("kid", value).signed();
        group.refused(variant, &format!("kid that is a {variant}, and a foreign key"), draft);
    }
    let draft = attacked(&group).header("kid", "k".repeat(5_000)).signed();
    group.refused("long", "kid of 5,000 letters", draft);
    let draft = attacked(&group).header("kid", "k".repeat(65_536)).signed();
    let probe =
        group.probe("kid of 64 KiB, which is longer than a header may be", super::group::ANYHOW).breaking();
    group.case_of("too-long", "kid of 64 KiB", draft, probe);
    group.into_cases()
}

pub(super) fn unknown(material: &Material, now: u64) -> Vec<Case> {
    // Enough for one copy that has no cool-down to be told from one that has.
    let many = 25 * material.copies;
    let about = (17, "kid-unknown", "names of keys that there are not");
    let sources = &["RFC 8725 section 3.8", "RFC 7517 section 5"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let draft = attacked(&group).header("kid", "there-is-no-such-key").signed();
    group.refused("one", "an unknown kid", draft).shows(&[Flaw::IgnoresSignature]);
    let draft = group.forge().header("kid", "there-is-no-such-key-either").signed();
    group
        .refused("well-signed", "an unknown kid, and the provider's signature", draft)
        .shows(&[Flaw::IgnoresKid]);
    let mut steps = vec![act(Control::CountFetches)];
    for number in 0..many {
        let what = format!("unknown kid {number}");
        let forge = attacked(&group).header("kid", format!("{}-{number}", material.run));
        let token = forge.signed().token.unwrap_or_default();
        steps.push(send(group.probe(&what, UNAUTHORIZED).bearer(&token)));
    }
    steps.push(act(Control::FetchesWithinCoolDown));
    group
        .add("many", &format!("{many} unknown names in a row cause few fetches of the key set"), steps)
        .needs(Need::Rotation, material.rotation.is_some())
        .shows(&[Flaw::FetchesWithoutCoolDown]);
    group.into_cases()
}

pub(super) fn absent(material: &Material, now: u64) -> Vec<Case> {
    let about = (18, "kid-absent", "tokens that do not say which key signed them");
    let mut group = Group::new(material, now, about, Level::Should, &["RFC 7515 section 4.1.4"]);
    let single = if material.accepts.without_kid { Expected::Either } else { UNAUTHORIZED };
    let draft = group.forge().without_header("kid").signed();
    let has = material.header.contains_key("kid");
    group
        .case(
            "good",
            "no kid, and the provider's signature",
            draft,
            if has { single } else { Expected::Accepted },
        )
        .level(Level::May);
    let draft = attacked(&group).without_header("kid").signed();
    group.refused("foreign", "no kid, and a foreign signature", draft).level(Level::Must);
    group.into_cases()
}

pub(super) fn exchanged(material: &Material, now: u64) -> Vec<Case> {
    let about =
        (19, "kid-of-other", "tokens that name another of the provider's keys than the one that signed");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 8725 section 3.8"]);
    let spare = &material.spare;
    let jwk = Value::Object(spare.key.public().to_jwk(&spare.kid, spare.algorithm));
    let of_spare = group.forge().header("alg", spare.algorithm.name()).by(&spare.key, spare.algorithm);
    // Not the same token twice, so that no answer of before is given again.
    let own = |id: &str, copy: usize| of_spare.clone().claim("jti", format!("{}-{id}-{copy}", material.run));
    let right = |copy: usize| {
        let token = own("right", copy).header("kid", spare.kid.as_str()).signed().token.unwrap_or_default();
        group.probe("signed by the second key, under its name", Expected::Accepted).bearer(&token)
    };
    let wrong = |copy: usize| {
        let token = own("wrong", copy).signed().token.unwrap_or_default();
        group.probe("signed by the second key, under the first one's name", UNAUTHORIZED).bearer(&token)
    };
    // Each copy has the second key when it is asked for the other.
    let steps = [send_to_each(material, right), send_to_each(material, wrong)].concat();
    let steps = published(material, vec![jwk], steps);
    group
        .add("second-as-first", "the second key signs under the name of the first", steps)
        .needs(Need::Rotation, material.rotation.is_some())
        .shows(&[Flaw::IgnoresKid, Flaw::IgnoresSignature])
        .slow();
    group.into_cases()
}

/// Keys come and go.
pub(super) fn rotated(material: &Material, now: u64) -> Vec<Case> {
    let about = (20, "key-retired", "tokens of keys that the provider has withdrawn");
    let sources = &["OpenID Connect Core 1.0 section 10.1.1", "RFC 7517 section 5"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let times = material.rotation.unwrap_or_default();
    let spare = &material.spare;
    let kid = format!("{}-retired", spare.kid);
    let jwk = Value::Object(spare.key.public().to_jwk(&kid, spare.algorithm));
    let kept = times.life.max(times.cool_down) + SETTLING;
    // Good until all waiting is over: it must be refused for its key alone.
    let until = now + 300 + (times.cool_down + kept * 2 + SETTLING).as_secs();
    let token = |id: &str| {
        // Not the same each time, so that no answer of before is given again.
        let forge = group.forge().claim("jti", format!("{}-retired-{id}", material.run)).claim("exp", until);
        let forge = forge.header("alg", spare.algorithm.name()).header("kid", kid.as_str());
        forge.by(&spare.key, spare.algorithm).signed().token.unwrap_or_default()
    };
    let good = |id: &str| {
        let forge = group.forge().claim("jti", format!("{}-{id}", material.run)).claim("exp", until);
        forge.signed().token.unwrap_or_default()
    };
    let probes = |what: &str, expected, (token, id): (&dyn Fn(&str) -> String, &str)| {
        send_to_each(material, |copy| group.probe(what, expected).bearer(&token(&format!("{id}-{copy}"))))
    };
    let steps = [
        vec![act(Control::Wait(times.cool_down + SETTLING)), act(Control::Publish(vec![jwk]))],
        probes("of a new key, right after it was published", Expected::Accepted, (&token, "new")),
        vec![act(Control::Publish(Vec::new()))],
        probes("of the key, right after it was withdrawn", Expected::Either, (&token, "withdrawn")),
        vec![act(Control::Wait(kept))],
        probes("a good token, with which the keys are fetched anew", Expected::Accepted, (&good, "good")),
        vec![act(Control::Wait(kept))],
        probes("a good token once more", Expected::Accepted, (&good, "again")),
        vec![act(Control::Wait(SETTLING))],
        probes("of the withdrawn key, when kept keys have come to their end", UNAUTHORIZED, (&token, "kept")),
    ]
    .concat();
    group
        .add("withdrawn", "a key is published, used, and withdrawn", steps)
        .needs(Need::Signer, material.signer.is_some())
        .needs(Need::Rotation, material.rotation.is_some())
        .shows(&[Flaw::KeepsRetiredKeys])
        .slow();
    group.into_cases()
}

pub(super) fn fresh(material: &Material, now: u64) -> Vec<Case> {
    let about = (21, "key-new", "tokens of a key that has just been published");
    let mut group =
        Group::new(material, now, about, Level::Must, &["OpenID Connect Core 1.0 section 10.1.1"]);
    let spare = &material.spare;
    let kid = format!("{}-new", spare.kid);
    let jwk = Value::Object(spare.key.public().to_jwk(&kid, spare.algorithm));
    // Not the same token twice, so that no answer of before is given again.
    let token = |id: &str| {
        let forge = group.forge().claim("jti", format!("{}-{id}", material.run));
        let forge = forge.header("alg", spare.algorithm.name()).header("kid", kid.as_str());
        forge.by(&spare.key, spare.algorithm).signed().token.unwrap_or_default()
    };
    let probes = |what: &str, expected, id: &str| {
        send_to_each(material, |copy| group.probe(what, expected).bearer(&token(&format!("{id}-{copy}"))))
    };
    let before = probes("of the new key, before it is published", UNAUTHORIZED, "before");
    let after = probes("of the new key, right after it was published", Expected::Accepted, "after");
    let steps = [before, published(material, vec![jwk], after)].concat();
    group
        .add("published", "a token comes right after its key", steps)
        .needs(Need::Rotation, material.rotation.is_some())
        .slow();
    group.into_cases()
}

pub(super) fn issuer(material: &Material, now: u64) -> Vec<Case> {
    let about = (22, "key-of-other-issuer", "tokens that another issuer's key has signed");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 8725 section 3.8"]);
    let draft = attacked(&group).header("kid", material.attacker.rsa.public().thumbprint()).signed();
    group
        .refused("right-issuer", "the right issuer, signed by another's key under its own name", draft)
        .shows(&[Flaw::IgnoresSignature]);
    let draft = attacked(&group).claim("iss", "https://idp.other.example").signed();
    group.refused("other-issuer", "another issuer, signed by its key under the provider's name", draft);
    group.into_cases()
}

pub(super) fn company(material: &Material, now: u64) -> Vec<Case> {
    let about = (23, "key-set", "key sets that hold more than keys for signatures");
    let mut group =
        Group::new(material, now, about, Level::Must, &["RFC 7517 section 5", "RFC 7517 section 4.2"]);
    let rsa = &material.attacker.rsa;
    let mut encryption = rsa.public().to_bare_jwk();
    encryption.insert("use".to_owned(), json!("enc"));
    encryption.insert("kid".to_owned(), json!("for-encryption"));
    let mut operations = rsa.public().to_bare_jwk();
    operations.insert("key_ops".to_owned(), json!(["encrypt"]));
    operations.insert("kid".to_owned(), json!("operations"));
    let secret = json!({"kty": "oct", "kid": "shared", "k": base64url("secret"), "alg": "HS256"});
    let set = vec![
        Value::Object(encryption),
        Value::Object(operations),
        secret,
        json!({"kty": "XYZ", "kid": "unknown-kind", "use": "sig"}),
        json!({"kid": "no-kind"}),
        json!({"kty": "RSA", "kid": "no-numbers", "use": "sig", "alg": "RS256"}),
    ];
    let cases: [(&str, &str, Expected, String); 4] = [
        ("good-beside", "a good token, beside such keys", Expected::Accepted, {
            group.forge().claim("jti", format!("{}-beside", material.run)).signed().token.unwrap_or_default()
        }),
        ("for-encryption", "signed by a key that is for encryption", UNAUTHORIZED, {
            attacked(&group).header("kid", "for-encryption").signed().token.unwrap_or_default()
        }),
        ("shared-secret", "an HMAC by a secret that the set holds", UNAUTHORIZED, {
            group.forge().header("kid", "shared").mac(Algorithm::Hs256, b"secret").token.unwrap_or_default()
        }),
        ("unknown-kind", "under the name of a key of an unknown kind", UNAUTHORIZED, {
            attacked(&group).header("kid", "unknown-kind").signed().token.unwrap_or_default()
        }),
    ];
    for (variant, what, expected, token) in cases {
        let steps = vec![send(group.probe(what, expected).bearer(&token))];
        let entry = group.add(variant, what, published(material, set.clone(), steps));
        let entry = entry.needs(Need::Rotation, material.rotation.is_some()).slow();
        if variant == "good-beside" {
            entry.needs(Need::Signer, material.signer.is_some());
        }
    }
    // With `key_ops` instead of `use`, few look.
    let token = attacked(&group).header("kid", "operations").signed().token.unwrap_or_default();
    let steps =
        vec![send(group.probe("signed by a key whose operations are others", UNAUTHORIZED).bearer(&token))];
    group
        .add("key-ops", "signed by a key whose `key_ops` are others", published(material, set, steps))
        .level(Level::Should)
        .source("RFC 7517 section 4.3")
        .needs(Need::Rotation, material.rotation.is_some())
        .slow();
    // Whichever of both is meant: it must not make the path fail.
    let spare = &material.spare;
    let twins: Vec<Value> = [spare.key.public(), rsa.public()]
        .map(|key| Value::Object(key.to_jwk("twin", spare.algorithm)))
        .into();
    let forge = group.forge().header("alg", spare.algorithm.name()).header("kid", "twin");
    let token = forge.by(&spare.key, spare.algorithm).signed().token.unwrap_or_default();
    let steps =
        vec![send(group.probe("signed by one of two keys of one name", Expected::Either).bearer(&token))];
    group
        .add("same-name", "two keys of the same name", published(material, twins, steps))
        .level(Level::May)
        .needs(Need::Rotation, material.rotation.is_some())
        .slow();
    group.into_cases()
}
