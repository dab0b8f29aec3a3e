//! Groups 45 to 50: tokens within tokens, tokens that are large, texts that look alike, and parts that are changed.

use serde_json::{Value, json};

use super::forge::{Draft, Forge};
use super::group::{ANYHOW, Group, UNAUTHORIZED};
use super::material::Material;
use crate::conform::{Case, Expected, Level, Need};
use crate::jose::{Algorithm, Compact, PublicKey, base64url, encrypted};
use crate::scenario::Flaw;

/// A token that has the good one for its payload.
fn wrapping<'m>(group: &Group<'m>) -> Forge<'m> {
    group.forge().header("cty", "JWT").raw_payload(group.material.token.expose())
}

pub(super) fn nested(material: &Material, now: u64) -> Vec<Case> {
    let about = (45, "nested", "tokens within tokens");
    let sources = &["RFC 7519 section 5.2", "RFC 8725 section 3.3"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let rsa = &material.attacker.rsa;
    let draft = wrapping(&group).header("alg", "RS256").by(rsa, Algorithm::Rs256).signed();
    group.refused("foreign-outside", "a good token in one that somebody else has signed", draft);
    let draft = wrapping(&group).header("alg", "none").with_signature("");
    group.refused("unsigned-outside", "a good token in one without a signature", draft);
    let draft = wrapping(&group).signed();
    group.refused("good-outside", "a good token in one that the provider has signed", draft);
    let draft = group.forge().header("cty", "JWT").signed();
    // It says that there is a token within, and there is none.
    group.case("says-so", "`cty: JWT`, and claims within", draft, Expected::Either).level(Level::May);
    group.into_cases()
}

pub(super) fn encryption(material: &Material, now: u64) -> Vec<Case> {
    let about = (46, "encrypted", "tokens that are encrypted");
    let sources = &["RFC 7516", "CVE-2023-51775", "CVE-2024-28176", "CVE-2024-33664", "CVE-2026-29000"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let five = |header: Value, key: &[u8]| {
        let parts = [header.to_string().into_bytes(), key.to_vec(), vec![1; 12], vec![2; 64], vec![3; 16]];
        Draft::of(parts.map(base64url).join("."))
    };
    for (variant, what, header, key) in [
        ("dir", "with a shared secret", json!({"alg": "dir", "enc": "A256GCM", "cty": "JWT"}), 0),
        ("oaep", "with a key that nobody can open", json!({"alg": "RSA-OAEP-256", "enc": "A256GCM"}), 256),
        ("pkcs1", "in the old way", json!({"alg": "RSA1_5", "enc": "A128CBC-HS256"}), 256),
        (
            "pbes2",
            "with a password that ten million rounds of hashing lead to",
            json!({"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 10_000_000, "p2s": "AAAAAAAAAAA"}),
            40,
        ),
        (
            "pbes2-huge",
            "with a password and 2^31 rounds",
            json!({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_147_483_647_u32, "p2s": "AAAAAAAAAAA"}),
            24,
        ),
        ("zip", "and compressed", json!({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}), 0),
    ] {
        let draft = five(header, &vec![7; key]);
        group
            .refused(variant, &format!("five parts, encrypted {what}"), draft)
            .shows(&[Flaw::CrashesOnGarbage]);
    }
    if let PublicKey::Rsa { .. } = material.public {
        let unsigned = group.forge().header("alg", "none").with_signature("").token.unwrap_or_default();
        let token = encrypted(&material.public, material.kid(), unsigned.as_bytes()).unwrap_or_default();
        group.refused(
            "unsigned-within",
            "a token without a signature, encrypted for the provider",
            Draft::of(token),
        );
        let good = material.token.expose().as_bytes();
        let token = encrypted(&material.public, material.kid(), good).unwrap_or_default();
        group
            .refused("good-within", "a good token, encrypted for the provider", Draft::of(token))
            .level(Level::Should);
    }
    group.into_cases()
}

pub(super) fn large(material: &Material, now: u64) -> Vec<Case> {
    let about = (47, "deep", "payloads that are deep or wide");
    let mut group = Group::new(material, now, about, Level::Must, &["CVE-2025-53864", "RFC 8259 section 9"]);
    for (variant, depth) in [("deep", 2_500), ("deep-500", 500)] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let forge = group.forge().claim("deep", "DEEP");
        let text = forge.payload_text().replace("\"DEEP\"", &format!("{open}{close}"));
        let draft = forge.raw_payload(text).signed();
        // Some readers can do it.
        group
            .case(variant, &format!("a claim of {depth} lists within lists"), draft, Expected::Either)
            .level(Level::Should);
    }
    let forge = group.forge().raw_payload("[".repeat(5_000));
    group.refused("unclosed", "five thousand brackets that are never closed", forge.signed());
    let forge = group.forge().raw_header(format!("{{\"alg\":{}", "[".repeat(5_000)));
    group.refused("unclosed-header", "the same in the header", forge.signed());
    let mut forge = group.forge();
    for number in 0..400 {
        forge = forge.claim(&format!("c{number}"), number);
    }
    group.case("wide", "four hundred claims", forge.signed(), Expected::Either).level(Level::Should);
    group.into_cases()
}

pub(super) fn size(material: &Material, now: u64) -> Vec<Case> {
    let about = (48, "size", "tokens about as large as a header may be");
    let sources = &["Amazon API Gateway quotas (10,240 bytes of headers)"];
    let mut group = Group::new(material, now, about, Level::Should, sources);
    let sized = |group: &Group<'_>, bytes: usize| {
        let short = group.forge().claim("note", "").signed().token.map_or(0, |token| token.len());
        let more = bytes.saturating_sub(short) * 3 / 4;
        group.forge().claim("note", "n".repeat(more)).signed()
    };
    let draft = sized(&group, 7_000);
    group.case("seven-thousand", "a good token of 7,000 bytes", draft, Expected::Accepted);
    let draft = sized(&group, 10_500);
    let probe = group.probe("a good token of 10,500 bytes", ANYHOW).breaking();
    group.case_of(
        "above-limit",
        "a good token of 10,500 bytes, more than all headers may have",
        draft,
        probe,
    );
    let draft = sized(&group, 60_000);
    let probe = group.probe("a good token of 60,000 bytes", ANYHOW).breaking();
    group.case_of("far-above", "a good token of 60,000 bytes", draft, probe);
    group.into_cases()
}

pub(super) fn lookalikes(material: &Material, now: u64) -> Vec<Case> {
    let about =
        (49, "unicode", "texts that look alike and are not, and texts that are alike and do not look so");
    let mut group =
        Group::new(material, now, about, Level::Must, &["RFC 7519 section 7.3", "RFC 8725 section 3.7"]);
    // The Cyrillic letters that look like Latin ones.
    let cyrillic = |text: &str| text.replace('a', "\u{430}").replace('e', "\u{435}").replace('o', "\u{43e}");
    let issuer = cyrillic(material.issuer());
    if issuer != material.issuer() {
        let draft = group.forge().claim("iss", issuer).signed();
        group
            .refused("issuer-lookalike", "iss with letters that look alike", draft)
            .shows(&[Flaw::IgnoresIssuer]);
    }
    let audience = material.audience.as_str();
    for (variant, value) in [
        ("audience-lookalike", cyrillic(audience)),
        ("audience-nul", format!("{audience}\u{0}")),
        ("audience-zero-width", format!("{audience}\u{200b}")),
        ("audience-right-to-left", format!("\u{202e}{audience}")),
        ("audience-full-width", audience.chars().map(full_width).collect()),
    ] {
        if value == audience {
            continue;
        }
        let draft = group.forge().claim("aud", value).signed();
        group
            .refused(variant, &format!("aud: {}", variant.replace('-', " ")), draft)
            .shows(&[Flaw::IgnoresAudience]);
    }
    let escaped = |group: &Group<'_>, from: &str, to: &str| {
        let forge = group.forge();
        let text = forge.payload_text().replacen(from, to, 1);
        forge.raw_payload(text).signed()
    };
    let draft = escaped(&group, "\"iss\"", "\"\\u0069ss\"");
    group
        .case("escaped-name", "a name with an escape, which is the same name", draft, Expected::Accepted)
        .level(Level::Should);
    let draft = escaped(&group, "\"exp\"", "\"e\\u0078p\"");
    group.case("escaped-expiry", "exp with an escape", draft, Expected::Accepted).level(Level::Should);
    let forge = group.forge();
    let body = forge.payload_text();
    let bad = format!("{{\"\\u0069ss\":\"https://idp.other.example\",{}", body.get(1..).unwrap_or_default());
    let draft = forge.raw_payload(bad).signed();
    group
        .refused("escaped-duplicate", "iss twice, once with an escape", draft)
        .level(Level::Should)
        .shows(&[Flaw::LastClaimWins]);
    let draft = group.forge().claim("name", "e\u{301}\u{1f600}\u{202e}").signed();
    group.case(
        "other-claim",
        "marks and pictures in a claim that nobody looks at",
        draft,
        Expected::Accepted,
    );
    let lone = {
        let forge = group.forge().claim("name", "LONE");
        let text = forge.payload_text().replace("LONE", "\\ud800");
        forge.raw_payload(text).signed()
    };
    group.case("lone-surrogate", "half of a pair of surrogates", lone, Expected::Either).level(Level::May);
    group.into_cases()
}

fn full_width(c: char) -> char {
    match u32::from(c) {
        code @ 0x21..=0x7e => char::from_u32(code + 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// A part with one letter changed: the one that stands so far from its beginning, as a share of its length.
fn flipped(part: &str, share: f64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "parts have some thousand letters at most"
    )]
    let at = ((part.len() as f64 * share) as usize).min(part.len().saturating_sub(1));
    let change = |(index, letter): (usize, char)| match letter {
        _ if index != at => letter,
        'A' => 'B',
        _ => 'A',
    };
    part.chars().enumerate().map(change).collect()
}

pub(super) fn changed(material: &Material, now: u64) -> Vec<Case> {
    let about = (50, "changed", "good tokens of which something is changed");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 7515 section 5.2"]);
    let Some(Compact { header, payload, signature }) = Compact::split(material.token.expose()) else {
        return Vec::new();
    };
    let flaws = [Flaw::IgnoresSignature];
    for (variant, place) in [("first", 0.0), ("middle", 0.5), ("last", 0.95)] {
        let token = format!("{}.{payload}.{signature}", flipped(header, place));
        group.refused(
            &format!("header-{variant}"),
            &format!("the {variant} letter of the header"),
            Draft::of(token),
        );
        let token = format!("{header}.{}.{signature}", flipped(payload, place));
        group.refused(
            &format!("payload-{variant}"),
            &format!("the {variant} letter of the payload"),
            Draft::of(token),
        );
        let token = format!("{header}.{payload}.{}", flipped(signature, place));
        group
            .refused(
                &format!("signature-{variant}"),
                &format!("the {variant} letter of the signature"),
                Draft::of(token),
            )
            .shows(&flaws);
    }
    let draft = group.forge().claim("sub", "administrator").with_borrowed_signature();
    group.refused("other-claims", "other claims under the signature of a good token", draft).shows(&flaws);
    let permissions = &material.accepts.permissions.claim;
    let draft = group.forge().claim(permissions, "everything:write").with_borrowed_signature();
    group.refused("more-scope", "a scope that has grown", draft).shows(&flaws);
    let other = material.other.as_ref().and_then(|other| Compact::split(other.token.expose()));
    let given = other.is_some();
    let other = other.unwrap_or(Compact { header, payload, signature });
    for (variant, what, token) in [
        (
            "payload-of-other",
            "the payload of another client's token",
            format!("{header}.{}.{signature}", other.payload),
        ),
        (
            "signature-of-other",
            "the signature of another client's token",
            format!("{header}.{payload}.{}", other.signature),
        ),
    ] {
        let draft = Draft::of(token).needing(Need::Client, given);
        let probe = group.probe(what, UNAUTHORIZED);
        let entry = group.case_of(variant, what, draft, probe);
        if variant == "signature-of-other" {
            entry.shows(&flaws);
        }
    }
    group.into_cases()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_is_changed() {
        assert_eq!(
            (flipped("ABC", 0.0), flipped("ABC", 0.5), flipped("ABC", 1.0)),
            ("BBC".into(), "AAC".into(), "ABA".into())
        );
        assert_eq!(flipped("", 0.5), "");
    }
}
