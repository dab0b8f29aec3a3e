//! Groups 1 to 12: algorithms, and signatures that are none.

use std::time::Duration;

use serde_json::{Value, json};

use super::forge::Draft;
use super::group::UNAUTHORIZED;
use super::group::{Group, act, send};
use super::material::Material;
use crate::conform::{Case, Control, Level, Need, Step};
use crate::jose::{Algorithm, Compact, KeyKind, base64url, from_base64url};
use crate::scenario::Flaw;

/// The order of P-256's group (SEC 2, section 2.4.2).
const P256_ORDER: &str = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";

pub(super) fn none(material: &Material, now: u64) -> Vec<Case> {
    let about = (1, "alg-none", "tokens that say they need no signature");
    let sources = &["RFC 8725 section 3.2", "RFC 7519 section 6", "CVE-2015-9235"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    for (variant, alg) in [("lower", "none"), ("title", "None"), ("upper", "NONE"), ("mixed", "nOnE")] {
        let draft = group.forge().header("alg", alg).with_signature("");
        group.refused(variant, &format!("alg `{alg}` and no signature"), draft).shows(&[
            Flaw::AcceptsNone,
            Flaw::AcceptsNoSignature,
            Flaw::IgnoresSignature,
        ]);
    }
    let draft = group.forge().header("alg", "none").without_header("kid").with_signature("");
    group.refused("without-kid", "alg `none`, no kid and no signature", draft).shows(&[Flaw::AcceptsNone]);
    group.into_cases()
}

pub(super) fn odd(material: &Material, now: u64) -> Vec<Case> {
    let about = (2, "alg-odd", "tokens whose algorithm is none that there is");
    let sources = &["RFC 7515 section 4.1.1", "RFC 8725 section 3.1"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let odd: [(&str, Value); 9] = [
        ("none-with-signature", json!("none")),
        ("empty", json!("")),
        ("null", Value::Null),
        ("number", json!(256)),
        ("list", json!(["RS256"])),
        ("object", json!({"alg": "RS256"})),
        ("boolean", json!(true)),
        ("unknown", json!("XX256")),
        ("with-space", json!("none ")),
    ];
    for (variant, alg) in odd {
        let shown = alg.to_string();
        let draft = group.forge().header("alg", alg).with_borrowed_signature();
        group.refused(variant, &format!("alg {shown}, with the signature of a good token"), draft);
    }
    let draft = group.forge().without_header("alg").with_borrowed_signature();
    group.refused("absent", "no alg, with the signature of a good token", draft);
    let draft = group.forge().without_header("alg").signed();
    group.refused("absent-and-signed", "no alg, and well signed", draft);
    group.into_cases()
}

pub(super) fn stripped(material: &Material, now: u64) -> Vec<Case> {
    let about = (3, "no-signature", "tokens whose signature is gone");
    let sources = &["RFC 7515 section 5.2", "CVE-2020-28042"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let flaws = [Flaw::AcceptsNoSignature, Flaw::IgnoresSignature];
    let draft = group.forge().with_signature("");
    group.refused("made", "the right alg and no signature", draft).shows(&flaws);
    let stripped = Compact::split(material.token.expose()).map(|parts| parts.signing_input() + ".");
    let draft = Draft::of(stripped.unwrap_or_default());
    group.refused("stripped", "a good token without its signature", draft).shows(&flaws);
    let draft = group.forge().with_signature([0]);
    group.refused("one-byte", "a signature of one byte", draft).shows(&[Flaw::IgnoresSignature]);
    group.into_cases()
}

pub(super) fn parts(material: &Material, now: u64) -> Vec<Case> {
    let about = (4, "parts", "tokens of more or fewer parts than three");
    let sources = &["RFC 7515 section 7.1", "CVE-2025-27144", "CVE-2025-30204"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let good = material.token.expose();
    let parts = Compact::split(good);
    let (header, payload) = parts.map_or(("e30", "e30"), |parts| (parts.header, parts.payload));
    let shapes: [(&str, &str, String); 9] = [
        ("two", "a good token without its last part", format!("{header}.{payload}")),
        ("one", "the header of a good token", header.to_owned()),
        ("four", "a good token with a part more", format!("{good}.e30")),
        ("five", "a good token with two parts more", format!("{good}.e30.e30")),
        ("empty-parts", "two full stops", "..".to_owned()),
        ("one-stop", "one full stop", ".".to_owned()),
        ("empty-payload", "a good token without its payload", good.replacen(payload, "", 1)),
        ("leading-stop", "a full stop before a good token", format!(".{good}")),
        ("many-stops", "eight thousand full stops", ".".repeat(8_000)),
    ];
    for (variant, what, token) in shapes {
        group.refused(variant, what, Draft::of(token)).shows(&[Flaw::CrashesOnGarbage]);
    }
    group.into_cases()
}

pub(super) fn confusion(material: &Material, now: u64) -> Vec<Case> {
    let about = (5, "hmac-public-key", "HMACs whose secret is the public key");
    let sources =
        &["RFC 8725 section 2.1", "CVE-2016-10555", "CVE-2017-11424", "CVE-2022-29217", "CVE-2024-33663"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let pem = material.public.to_pem().unwrap_or_default();
    let trimmed = pem.trim_end().to_owned();
    let jwk = material.public.to_bare_jwk();
    let secrets: [(&str, &str, Vec<u8>); 7] = [
        ("pem", "the public key as PEM", pem.clone().into_bytes()),
        (
            "pem-without-end",
            "the public key as PEM without its last line's end",
            trimmed.clone().into_bytes(),
        ),
        ("pem-with-space", "the public key as PEM with a space before it", format!(" {pem}").into_bytes()),
        ("pem-crlf", "the public key as PEM with CR LF", trimmed.replace('\n', "\r\n").into_bytes()),
        ("der", "the public key as DER", material.public.to_der().unwrap_or_default()),
        ("jwk", "the public key as JWK", Value::Object(jwk.clone()).to_string().into_bytes()),
        ("number", "the modulus or coordinate in the JWK", {
            let number = jwk.get("n").or(jwk.get("x")).and_then(Value::as_str).unwrap_or_default();
            from_base64url(number).unwrap_or_default()
        }),
    ];
    for (variant, what, secret) in &secrets {
        let draft = group.forge().mac(Algorithm::Hs256, secret);
        let entry = group.refused(variant, &format!("HS256 with {what}"), draft);
        if matches!(*variant, "pem" | "pem-without-end") {
            entry.shows(&[Flaw::HmacWithPublicKey]);
        }
    }
    for (variant, algorithm) in [("pem-hs384", Algorithm::Hs384), ("pem-hs512", Algorithm::Hs512)] {
        let draft = group.forge().mac(algorithm, pem.as_bytes());
        group.refused(variant, &format!("{} with the public key as PEM", algorithm.name()), draft);
    }
    group.into_cases()
}

pub(super) fn guessed(material: &Material, now: u64) -> Vec<Case> {
    let about = (6, "hmac-guessed", "HMACs whose secret can be guessed");
    let sources = &["RFC 8725 section 3.5", "RFC 7518 section 3.2"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let point = base64url(material.attacker.p256.public().to_der().unwrap_or_default());
    for (variant, secret) in [
        ("empty", ""),
        ("secret", "secret"),
        ("changeit", "changeit"),
        ("null-byte", "\0"),
        ("kid", material.kid()),
        ("issuer", material.issuer()),
        ("foreign-key", point.as_str()),
    ] {
        let draft = group.forge().mac(Algorithm::Hs256, secret.as_bytes());
        group.refused(variant, &format!("HS256 with a guess for its secret ({variant})"), draft);
    }
    if let Some(secret) = &material.client_secret {
        let draft = group.forge().mac(Algorithm::Hs256, secret.expose().as_bytes());
        group
            .refused("client-secret", "HS256 with the client's own secret", draft)
            .source("RFC 7523 section 3");
    }
    group.into_cases()
}

pub(super) fn other(material: &Material, now: u64) -> Vec<Case> {
    let about = (7, "alg-other", "good signatures by algorithms that nobody agreed on");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 8725 section 3.1"]);
    let kind = material.signer.as_ref().map_or(material.public.kind(), |signer| signer.key.kind());
    let fits = |algorithm: &Algorithm| algorithm.key_kind() == Some(kind);
    let agreed = |algorithm: &Algorithm| material.accepts.algorithms.contains(algorithm);
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| fits(algorithm) && !agreed(algorithm)) {
        let (name, variant) = (algorithm.name(), algorithm.name().to_ascii_lowercase());
        let draft = group.forge().header("alg", name).how(algorithm).signed();
        group
            .refused(&variant, &format!("{name} by the right key"), draft)
            .shows(&[Flaw::AnyAlgorithm, Flaw::IgnoresSignature]);
    }
    let draft = group.forge().header("alg", "RS1").signed();
    group.refused("rs1", "an algorithm that rests on SHA-1, and a signature that does not", draft);
    group.into_cases()
}

pub(super) fn mismatch(material: &Material, now: u64) -> Vec<Case> {
    let about = (8, "alg-mismatch", "headers whose algorithm is not the one that signed");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 8725 section 3.1"]);
    let own = material.header.get("alg").and_then(Value::as_str).unwrap_or_default().to_owned();
    let lower = own.to_ascii_lowercase();
    let draft = group.forge().header("alg", lower.as_str()).signed();
    group
        .refused("lower-case", &format!("alg `{lower}`, well signed"), draft)
        .source("RFC 7515 section 4.1.1 (names are case-sensitive)");
    let named = ["RS256", "RS512", "PS256", "ES256", "ES512", "EdDSA", "HS256"];
    for name in named.into_iter().filter(|name| *name != own) {
        let draft = group.forge().header("alg", name).signed();
        let variant = format!("says-{}", name.to_ascii_lowercase());
        group.refused(&variant, &format!("alg `{name}`, signed by {own}"), draft);
    }
    group.into_cases()
}

pub(super) fn zero(material: &Material, now: u64) -> Vec<Case> {
    let about = (9, "ecdsa-zero", "signatures of numbers that ECDSA forbids");
    let sources = &["CVE-2022-21449", "FIPS 186-5 section 6.4.2"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let order = hex::decode(P256_ORDER).unwrap_or_default();
    let (zero, one) = ([0_u8; 32].to_vec(), [vec![0_u8; 31], vec![1]].concat());
    let numbers = [
        ("zero-zero", &zero, &zero),
        ("order-order", &order, &order),
        ("zero-one", &zero, &one),
        ("one-zero", &one, &zero),
        ("order-zero", &order, &zero),
        ("one-one", &one, &one),
    ];
    for (variant, r, s) in numbers {
        let draft = group.forge().header("alg", "ES256").with_signature([r.as_slice(), s].concat());
        group.refused(variant, &format!("ES256 with r and s of {}", variant.replace('-', " and ")), draft);
    }
    let draft = group.forge().header("alg", "ES384").with_signature([0; 96]);
    group.refused("zero-p384", "ES384 with r and s of zero", draft);
    let draft = group.forge().header("alg", "ES256").with_signature([0x30, 6, 2, 1, 0, 2, 1, 0]);
    group.refused("zero-der", "ES256 with r and s of zero as DER", draft);
    group.into_cases()
}

/// A signature of two numbers as DER has it (RFC 3279, section 2.2.3).
fn as_der(signature: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len().saturating_sub(1));
        let number = number.get(start..).unwrap_or_default();
        let sign = number.first().is_some_and(|byte| *byte >= 0x80);
        let length = u8::try_from(number.len() + usize::from(sign)).unwrap_or(u8::MAX);
        [vec![2, length], if sign { vec![0] } else { Vec::new() }, number.to_vec()].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let both = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(both.len()).unwrap_or(u8::MAX)], both].concat()
}

/// With the signature of a token changed.
fn resigned(draft: Draft, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Draft {
    draft.map(|token| {
        let Some((input, signature)) = token.rsplit_once('.') else { return token };
        format!("{input}.{}", base64url(change(from_base64url(signature).unwrap_or_default())))
    })
}

pub(super) fn ecdsa_form(material: &Material, now: u64) -> Vec<Case> {
    let about = (10, "ecdsa-form", "signatures of ECDSA in another form than JWS has");
    let sources = &["RFC 7518 section 3.4"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    // By the provider's key where that is of P-256, so that the form alone is wrong.
    let own = material.public.kind() == KeyKind::P256;
    let p256 = |group: &Group<'_>| {
        let forge = group.forge().header("alg", "ES256");
        if own { forge.signed() } else { forge.by(&material.attacker.p256, Algorithm::Es256).signed() }
    };
    let draft = resigned(p256(&group), |signature| as_der(&signature));
    group.refused("der", "ES256 with its signature as DER", draft);
    let draft = resigned(p256(&group), |signature| signature.get(1..).unwrap_or_default().to_vec());
    group.refused("short", "ES256 with 63 bytes of signature", draft);
    let draft = resigned(p256(&group), |signature| [vec![0], signature].concat());
    group.refused("long", "ES256 with a zero before its signature", draft);
    let draft = resigned(p256(&group), |signature| [signature, vec![0]].concat());
    group.refused("trailing", "ES256 with a zero behind its signature", draft);
    let forge = group.forge().header("alg", "ES256").by(&material.attacker.p384, Algorithm::Es384);
    group.refused("p384-as-es256", "a signature of P-384 that says ES256", forge.signed());
    let forge = group.forge().header("alg", "ES256").by(&material.attacker.p256, Algorithm::Es256);
    group.refused("foreign-key", "ES256 by a key of somebody else's", forge.signed());
    group.into_cases()
}

/// The block that RSASSA-PKCS1-v1_5 encrypts, for SHA-256 (RFC 8017, section 9.2).
fn padded(hash: &[u8], length: usize) -> Vec<u8> {
    const PREFIX: [u8; 19] =
        [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let filling = length.saturating_sub(3 + PREFIX.len() + hash.len());
    [vec![0, 1], vec![0xff; filling], vec![0], PREFIX.to_vec(), hash.to_vec()].concat()
}

pub(super) fn rsa_form(material: &Material, now: u64) -> Vec<Case> {
    let about = (11, "rsa-form", "signatures of RSA that are not quite right");
    let sources = &["RFC 8017 section 8.2.2", "RFC 7518 section 3.3"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let signed = |group: &Group<'_>| group.forge().signed();
    let draft = resigned(signed(&group), |signature| signature.get(1..).unwrap_or_default().to_vec());
    group.refused("first-byte-gone", "a signature without its first byte", draft);
    let draft = resigned(signed(&group), |mut signature| {
        signature.pop();
        signature
    });
    group.refused("last-byte-gone", "a signature without its last byte", draft);
    let draft = resigned(signed(&group), |signature| [vec![0], signature].concat());
    group.refused("zero-before", "a signature with a zero before it", draft);
    let draft = resigned(signed(&group), |signature| [signature, vec![0]].concat());
    group.refused("zero-behind", "a signature with a zero behind it", draft);
    let draft = resigned(signed(&group), |signature| [signature.clone(), signature].concat());
    group.refused("twice", "a signature twice", draft);
    let draft = resigned(signed(&group), |signature| signature.into_iter().rev().collect());
    group.refused("reversed", "a signature with its bytes in the other order", draft);
    for (variant, byte) in [("zeros", 0_u8), ("ones", 0xff)] {
        let draft = group.forge().with_signature([byte; 256]);
        group.refused(variant, &format!("a signature of 256 bytes {byte:#04x}"), draft);
    }
    let one = [vec![0_u8; 255], vec![1]].concat();
    let draft = group.forge().with_signature(one);
    group.refused("number-one", "a signature that is the number 1", draft);
    weak_keys(&mut group);
    group.into_cases()
}

/// Keys in the set that sign nothing: with the exponent 1 a signature is what is signed.
fn weak_keys(group: &mut Group<'_>) {
    let material = group.material;
    let modulus = match material.attacker.rsa.public() {
        crate::jose::PublicKey::Rsa { n, .. } => n.clone(),
        crate::jose::PublicKey::Curve { .. } => Vec::new(),
    };
    for (variant, what, length) in [
        ("exponent-one", "a key whose exponent is 1", modulus.len()),
        ("short-key", "a key of 1024 bits whose exponent is 1", 128),
    ] {
        let modulus = modulus.get(..length).unwrap_or_default();
        let odd = [modulus.split_last().map_or(&[][..], |(_, rest)| rest), &[0xff]].concat();
        let kid = format!("weak-{length}");
        let jwk = json!({"kty": "RSA", "kid": kid, "use": "sig", "n": base64url(odd), "e": "AQ"});
        let unsigned = group.forge().header("alg", "RS256").header("kid", kid.as_str()).with_signature("");
        let input = unsigned.token.unwrap_or_default();
        let input = input.trim_end_matches('.');
        let signature = padded(crate::jose::sha256(input.as_bytes()).as_ref(), length);
        let token = format!("{input}.{}", base64url(signature));
        let probe = group.probe(what, UNAUTHORIZED).bearer(&token);
        let steps = published(material, vec![jwk], vec![send(probe)]);
        group
            .add(variant, &format!("{what} stands in the set"), steps)
            .needs(Need::Rotation, material.rotation.is_some())
            .slow();
    }
}

/// How much longer than a cool-down is waited, which an authorizer counts from the end of its fetch.
const MARGIN: Duration = Duration::from_millis(50);

/// Steps that are taken while the provider publishes further keys, once the authorizer will ask for them.
pub(super) fn published(material: &Material, keys: Vec<Value>, steps: Vec<Step>) -> Vec<Step> {
    let cool_down = material.rotation.map(|times| times.cool_down).unwrap_or_default();
    let mut all = vec![act(Control::Wait(cool_down + MARGIN)), act(Control::Publish(keys))];
    all.extend(steps);
    all.push(act(Control::Publish(Vec::new())));
    all
}

pub(super) fn eddsa(material: &Material, now: u64) -> Vec<Case> {
    let about = (12, "eddsa", "signatures of other kinds than were agreed on, by keys in the set");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 8725 section 3.1", "RFC 8037"]);
    let keys = [
        ("ed25519", &material.attacker.ed25519, Algorithm::EdDsa),
        ("p256", &material.attacker.p256, Algorithm::Es256),
    ];
    for (variant, key, algorithm) in keys {
        let name = algorithm.name();
        let forge = group.forge().header("alg", name).by(key, algorithm);
        group.refused(variant, &format!("{name} under the name of the provider's key"), forge.signed());
        if material.accepts.algorithms.contains(&algorithm) {
            continue;
        }
        let kid = format!("other-{variant}");
        let jwk = Value::Object(key.public().to_jwk(&kid, algorithm));
        let token = group.forge().header("alg", name).header("kid", kid).by(key, algorithm).signed().token;
        let probe = group.probe(&format!("{name} by a key in the set"), UNAUTHORIZED);
        let steps = published(material, vec![jwk], vec![send(probe.bearer(&token.unwrap_or_default()))]);
        group
            .add(
                &format!("{variant}-published"),
                &format!("{name} by a key that the provider publishes"),
                steps,
            )
            .needs(Need::Rotation, material.rotation.is_some())
            .shows(&[Flaw::AnyAlgorithm])
            .slow();
    }
    group.into_cases()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_as_der() {
        let signature = [vec![0; 31], vec![0x7f], vec![0; 31], vec![0x80]].concat();
        assert_eq!(as_der(&signature), [0x30, 7, 2, 1, 0x7f, 2, 2, 0, 0x80]);
    }

    #[test]
    fn a_block_is_as_long_as_its_key() {
        let block = padded(&[7; 32], 256);
        assert_eq!((block.len(), &block[..3], &block[224..]), (256, &[0, 1, 0xff][..], &[7; 32][..]));
        assert_eq!(block[204], 0);
    }
}
