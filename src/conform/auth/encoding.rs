//! Groups 39 to 44: how a token is written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use serde_json::{Value, json};

use super::forge::{Draft, Forge};
use super::group::{ANYHOW, Group};
use super::material::Material;
use crate::conform::{Case, Level};
use crate::jose::{Compact, base64url};
use crate::scenario::Flaw;

/// A token whose base64 has characters that differ between the alphabets, at whichever of three places they stand.
fn marked<'m>(group: &Group<'m>) -> Forge<'m> {
    group.forge().claim("note", "???>>>~~~ÿÿÿ???>>>")
}

pub(super) fn alphabet(material: &Material, now: u64) -> Vec<Case> {
    let about = (39, "base64", "base64 that is not base64url without padding");
    let sources = &["RFC 7515 section 2", "RFC 4648 section 5"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let flaws = [Flaw::LenientBase64];
    let draft = marked(&group).encoded(|bytes| STANDARD_NO_PAD.encode(bytes));
    group.refused("standard", "the alphabet with + and /, and well signed", draft).shows(&flaws);
    let draft = marked(&group).encoded(|bytes| STANDARD.encode(bytes));
    group
        .refused("standard-padded", "the alphabet with + and / and padding, and well signed", draft)
        .shows(&flaws);
    let draft = marked(&group).claim("pad", "x").encoded(|bytes| padded(&URL_SAFE.encode(bytes)));
    group.refused("padded", "padding, and well signed", draft).shows(&flaws);
    let good = material.token.expose();
    let draft = Draft::of(format!("{good}="));
    group.refused("signature-padded", "a good token with padding behind its signature", draft).shows(&flaws);
    let draft = Draft::of(format!("{good}=="));
    group
        .refused("signature-padded-twice", "a good token with `==` behind its signature", draft)
        .shows(&flaws);
    if let Some(Compact { header, payload, signature }) = Compact::split(good) {
        for (variant, what, token) in [
            ("blank", "a blank within a good token", format!("{header}. {payload}.{signature}")),
            ("tab", "a tab within a good token", format!("{header}.\t{payload}.{signature}")),
            ("percent", "a full stop that is escaped", format!("{header}%2E{payload}.{signature}")),
            ("other-letter", "a letter that no alphabet has", format!("{header}.{payload}!.{signature}")),
        ] {
            group.refused(variant, what, Draft::of(token));
        }
    }
    group.into_cases()
}

/// With padding in any case: one that is longer than it must be where none is needed.
fn padded(text: &str) -> String {
    if text.ends_with('=') { text.to_owned() } else { format!("{text}====") }
}

/// The last letter of base64, with bits set that hold nothing.
fn twin(text: &str) -> Option<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let spare = match text.len() % 4 {
        2 => 0b1111,
        3 => 0b11,
        _ => return None,
    };
    let (rest, last) = text.split_at(text.len() - 1);
    let place = ALPHABET.iter().position(|letter| last.as_bytes() == [*letter])?;
    let letter = ALPHABET.get(place | spare).filter(|_| place & spare == 0)?;
    Some(format!("{rest}{}", char::from(*letter)))
}

/// A twin of the good token: other letters, the same bytes. `None` where its signature leaves no bits over.
pub(super) fn twin_of(token: &str) -> Option<String> {
    let (input, signature) = token.rsplit_once('.')?;
    Some(format!("{input}.{}", twin(signature)?))
}

pub(super) fn twins(material: &Material, now: u64) -> Vec<Case> {
    let about = (40, "base64-twin", "base64 with bits left over that are not zero");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 4648 section 3.5"]);
    let good = material.token.expose();
    if let Some(token) = twin_of(good) {
        group
            .refused(
                "signature",
                "a good token whose signature is written with other letters",
                Draft::of(token),
            )
            .shows(&[Flaw::LenientBase64]);
    }
    // One to three letters more, until bits are left over.
    let forged = (1..=3).map(|more| {
        let forge = group.forge().claim("pad", "x".repeat(more));
        let payload = base64url(forge.payload_text());
        twin(&payload).map(|payload| {
            let header = base64url(forge.header_text());
            forge.signed_over(&format!("{header}.{payload}"))
        })
    });
    if let Some(draft) = forged.flatten().next() {
        group
            .refused("payload", "a payload with other letters, and well signed", draft)
            .shows(&[Flaw::LenientBase64]);
    }
    group.into_cases()
}

pub(super) fn not_json(material: &Material, now: u64) -> Vec<Case> {
    let about = (41, "not-json", "headers and payloads that are no JSON objects");
    let sources = &["RFC 7519 section 7.2", "RFC 8259"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let payload = group.forge().payload_text();
    let texts: [(&str, Vec<u8>); 13] = [
        ("text", b"hello".to_vec()),
        ("empty", Vec::new()),
        ("blank", b"   ".to_vec()),
        ("list", format!("[{payload}]").into_bytes()),
        ("string", b"\"token\"".to_vec()),
        ("number", b"7".to_vec()),
        ("null", b"null".to_vec()),
        ("byte-order-mark", format!("\u{feff}{payload}").into_bytes()),
        ("utf-16", utf16(&payload)),
        ("invalid-utf-8", [b"{\"note\":\"\xff\xfe\",".to_vec(), payload.as_bytes()[1..].to_vec()].concat()),
        ("trailing", format!("{payload}x").into_bytes()),
        ("two-objects", format!("{payload}{payload}").into_bytes()),
        ("single-quotes", payload.replace('"', "'").into_bytes()),
    ];
    for (variant, text) in texts {
        let draft = group.forge().raw_payload(text).signed();
        group
            .refused(
                &format!("payload-{variant}"),
                &format!("a payload that is {}", variant.replace('-', " ")),
                draft,
            )
            .shows(&[Flaw::CrashesOnGarbage]);
    }
    let header = group.forge().header_text();
    let texts: [(&str, Vec<u8>); 8] = [
        ("text", b"hello".to_vec()),
        ("empty", Vec::new()),
        ("list", format!("[{header}]").into_bytes()),
        ("string", b"\"RS256\"".to_vec()),
        ("null", b"null".to_vec()),
        ("byte-order-mark", format!("\u{feff}{header}").into_bytes()),
        ("invalid-utf-8", [b"{\"x\":\"\xff\",".to_vec(), header.as_bytes()[1..].to_vec()].concat()),
        ("trailing", format!("{header}x").into_bytes()),
    ];
    for (variant, text) in texts {
        let draft = group.forge().raw_header(text).signed();
        group
            .refused(
                &format!("header-{variant}"),
                &format!("a header that is {}", variant.replace('-', " ")),
                draft,
            )
            .shows(&[Flaw::CrashesOnGarbage]);
    }
    group.into_cases()
}

pub(super) fn critical(material: &Material, now: u64) -> Vec<Case> {
    let about = (42, "critical", "headers that demand what nobody understands");
    let sources = &["RFC 7515 section 4.1.11", "CVE-2025-59420"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let cases: [(&str, &str, Value, bool); 7] = [
        ("unknown", "crit names an extension that there is not", json!(["exp2"]), true),
        ("absent", "crit names what the header does not have", json!(["exp2"]), false),
        ("empty", "crit is an empty list", json!([]), true),
        ("text", "crit is no list", json!("exp2"), true),
        ("registered", "crit names a member that the specification has", json!(["alg"]), true),
        ("number", "crit has a number in it", json!([7]), true),
        ("null", "crit is null", Value::Null, true),
    ];
    for (variant, what, value, with_member) in cases {
        let mut forge = group.forge().header("crit", value);
        if with_member {
            forge = forge.header("exp2", 1);
        }
        let entry = group.refused(variant, what, forge.signed());
        match variant {
            "unknown" | "absent" => drop(entry.shows(&[Flaw::IgnoresCritical])),
            // Who finds this may refuse it.
            "registered" => drop(entry.level(Level::Should)),
            _ => {}
        }
    }
    group.into_cases()
}

pub(super) fn unencoded(material: &Material, now: u64) -> Vec<Case> {
    let about = (43, "unencoded", "payloads that say they are not encoded");
    let mut group = Group::new(material, now, about, Level::Must, &["RFC 7797 sections 6 and 7"]);
    let forge = group.forge().header("b64", false).header("crit", json!(["b64"]));
    group.refused("critical", "b64 false, as crit says", forge.signed()).shows(&[Flaw::IgnoresCritical]);
    // Signed over the payload as it is, which has full stops in it.
    let header = base64url(forge.header_text());
    let draft = forge.signed_over(&format!("{header}.{}", forge.payload_text().replace(' ', "")));
    let probe = group.probe("b64 false, and a payload that is not encoded", ANYHOW);
    group.case_of("plain", "b64 false, and a payload that is not encoded", draft, probe);
    let draft = group.forge().header("b64", false).signed();
    group.refused("uncritical", "b64 false, which crit does not name", draft).level(Level::Should);
    group.into_cases()
}

pub(super) fn serialised(material: &Material, now: u64) -> Vec<Case> {
    let about = (44, "json-form", "tokens in the JSON form of signatures");
    let sources = &["RFC 7515 section 7.2", "RFC 7519 section 1", "CVE-2022-39227"];
    let mut group = Group::new(material, now, about, Level::Must, sources);
    let Some(Compact { header, payload, signature }) = Compact::split(material.token.expose()) else {
        return Vec::new();
    };
    let flat = json!({"protected": header, "payload": payload, "signature": signature});
    let general = json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]});
    let forged = base64url(group.forge().claim("sub", "administrator").payload_text());
    let polyglot = format!(
        "{{\"  {header}.{forged}.\":\"\",\"protected\":\"{header}\",\"payload\":\"{payload}\",\"signature\":\"{signature}\"}}"
    );
    for (variant, what, token) in [
        ("flat", "a good token in the flattened form", flat.to_string()),
        ("general", "a good token in the general form", general.to_string()),
        ("encoded", "the flattened form as base64url", base64url(flat.to_string())),
        ("polyglot", "a text that is both forms, with other claims in one", polyglot),
    ] {
        group.refused(variant, what, Draft::of(token)).shows(&[Flaw::CrashesOnGarbage]);
    }
    group.into_cases()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_has_other_letters_and_the_same_bytes() {
        use base64::alphabet::URL_SAFE as LETTERS;
        use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
        let lenient = GeneralPurpose::new(&LETTERS, NO_PAD.with_decode_allow_trailing_bits(true));
        for bytes in [&[1_u8][..], &[1, 2]] {
            let text = base64url(bytes);
            let twin = twin(&text).unwrap();
            assert_ne!(twin, text);
            assert_eq!(lenient.decode(&twin).unwrap(), bytes);
            assert_eq!(crate::jose::from_base64url(&twin), None);
        }
        assert_eq!(twin(&base64url([1, 2, 3])), None);
        assert_eq!(twin_of("a.b.AQ").as_deref(), Some("a.b.Af"));
    }
}
