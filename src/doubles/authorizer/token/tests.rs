use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaSignatureEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{EncodingKey, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

static KEYS: LazyLock<[KeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| KeyPair::generate(KeySize::Rsa2048).unwrap()));

const NOW: u64 = 1_800_000_000;

fn rules() -> Rules {
    Rules { issuer: "https://idp".into(), audience: "ingest".into(), leeway: Duration::from_secs(30) }
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "at+jwt", "kid": "k"})
}

fn claims() -> Value {
    json!({"iss": "https://idp", "aud": "ingest", "sub": "s", "client_id": "c", "scope": "a:write", "iat": NOW,
           "exp": NOW + 300, "jti": "j"})
}

fn with(mut base: Value, name: &str, value: Value) -> Value {
    base[name] = value;
    base
}

fn without(mut base: Value, name: &str) -> Value {
    base.as_object_mut().unwrap().remove(name);
    base
}

fn sign_with(pair: &KeyPair, encoding: &'static RsaSignatureEncoding, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", BASE64URL.encode(signature))
}

fn sign(header: &Value, claims: &Value) -> String {
    sign_with(&KEYS[0], &RSA_PKCS1_SHA256, &header.to_string(), &claims.to_string())
}

fn public() -> DecodingKey {
    let public = PublicKeyComponents::<Vec<u8>>::from(KEYS[0].public_key());
    DecodingKey::from_rsa_raw_components(&public.n, &public.e)
}

fn check_at(token: &str, seconds: u64) -> Result<Caller, Refused> {
    key_id(token)?;
    verify(token, &public(), &rules(), UNIX_EPOCH + Duration::from_secs(seconds))
}

fn check(token: &str) -> Result<Caller, Refused> {
    check_at(token, NOW)
}

#[test]
fn a_good_token_names_its_caller() {
    let caller = Caller { subject: "s".into(), client_id: "c".into(), scope: "a:write".into() };
    assert_eq!(check(&sign(&header(), &claims())), Ok(caller));
}

#[test]
fn only_a_plain_token_may_lack_what_rfc_9068_demands() {
    let plain = with(header(), "typ", json!("JWT"));
    for name in ["client_id", "iat", "jti"] {
        let less = without(claims(), name);
        assert_eq!(check(&sign(&header(), &less)), Err(Refused::Incomplete), "without {name}");
        let long = with(header(), "typ", json!("application/AT+JWT"));
        assert_eq!(check(&sign(&long, &less)), Err(Refused::Incomplete), "without {name}");
        assert!(check(&sign(&plain, &less)).is_ok(), "without {name}");
    }
    let bare = without(without(claims(), "client_id"), "scope");
    let caller = Caller { subject: "s".into(), client_id: "s".into(), scope: String::new() };
    assert_eq!(check(&sign(&plain, &bare)), Ok(caller));
}

#[test]
fn all_claims_name_the_same_client() {
    for name in ["azp", "cid"] {
        assert!(check(&sign(&header(), &with(claims(), name, json!("c")))).is_ok(), "{name}");
        let other = with(claims(), name, json!("d"));
        assert_eq!(check(&sign(&header(), &other)), Err(Refused::Clients), "{name}");
    }
    let plain = with(header(), "typ", json!("JWT"));
    let azp = with(without(claims(), "client_id"), "azp", json!("d"));
    assert_eq!(check(&sign(&plain, &azp)).unwrap().client_id, "d");
    let both = with(azp, "cid", json!("e"));
    assert_eq!(check(&sign(&plain, &both)), Err(Refused::Clients));
}

#[test]
fn forms_of_a_good_token() {
    for typ in ["AT+JWT", "application/at+jwt", "JWT", "jwt"] {
        assert!(check(&sign(&with(header(), "typ", json!(typ)), &claims())).is_ok(), "{typ}");
    }
    let audiences = with(claims(), "aud", json!(["other", "ingest"]));
    assert!(check(&sign(&header(), &audiences)).is_ok());
    let fraction = claims().to_string().replace(&format!("{}", NOW + 300), "1800000300.5");
    let token = sign_with(&KEYS[0], &RSA_PKCS1_SHA256, &header().to_string(), &fraction);
    assert!(check(&token).is_ok());
}

#[test]
fn expiry_is_on_or_after() {
    let token = sign(&header(), &claims());
    assert!(check_at(&token, NOW + 329).is_ok());
    assert_eq!(check_at(&token, NOW + 330), Err(Refused::Time), "exp + leeway");
    let early = sign(&header(), &with(claims(), "nbf", json!(NOW + 30)));
    assert!(check(&early).is_ok());
    let too_early = sign(&header(), &with(claims(), "nbf", json!(NOW + 31)));
    assert_eq!(check(&too_early), Err(Refused::Time));
    assert_eq!(check_at(&token, NOW - 31), Err(Refused::Time), "issued in the future");
}

#[test]
fn claims_that_are_refused() {
    let long = "9".repeat(400);
    let bad = [
        ("iss", json!("https://idp/")),
        ("iss", json!("HTTPS://idp")),
        ("iss", json!(["https://idp"])),
        ("iss", json!(null)),
        ("aud", json!("inges")),
        ("aud", json!("")),
        ("aud", json!([])),
        ("aud", json!([null])),
        ("aud", json!(["ingest", 7])),
        ("aud", json!(7)),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("exp", json!("9999999999")),
        ("exp", json!(true)),
        ("exp", json!([NOW + 300])),
        ("exp", json!({})),
        ("exp", json!(null)),
        ("exp", json!(-1)),
        ("exp", json!(0)),
        ("exp", json!((NOW + 300) * 1000)),
        ("exp", serde_json::from_str("9007199254740993").unwrap()),
        ("exp", serde_json::from_str("18446744073709551616").unwrap()),
        ("exp", serde_json::from_str("1e400").unwrap()),
        ("exp", serde_json::from_str(&long).unwrap()),
        ("nbf", json!("1")),
        ("nbf", json!(null)),
        ("iat", json!("1")),
        ("client_id", json!(7)),
        ("jti", json!(7)),
        ("azp", json!(null)),
        ("cid", json!(["c"])),
        ("scope", json!(["a:write"])),
        ("cnf", json!({"x5t#S256": "x"})),
    ];
    for (name, value) in bad {
        let token = sign(&header(), &with(claims(), name, value.clone()));
        assert!(check(&token).is_err(), "{name}: {value}");
    }
    for name in ["iss", "aud", "sub", "exp"] {
        assert!(check(&sign(&header(), &without(claims(), name))).is_err(), "without {name}");
    }
}

#[test]
fn headers_that_are_refused() {
    let bad = [
        ("alg", json!("none")),
        ("alg", json!("rs256")),
        ("alg", json!("RS512")),
        ("alg", json!("HS256")),
        ("alg", json!(null)),
        ("alg", json!(["RS256"])),
        ("typ", json!("id_token")),
        ("typ", json!("secevent+jwt")),
        ("typ", json!(7)),
        ("kid", json!(7)),
        ("crit", json!(["exp2"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("b64", json!(false)),
        ("cty", json!("JWT")),
    ];
    for (name, value) in bad {
        let token = sign(&with(header(), name, value.clone()), &claims());
        assert!(check(&token).is_err(), "{name}: {value}");
    }
    for name in ["alg", "typ"] {
        assert!(check(&sign(&without(header(), name), &claims())).is_err(), "without {name}");
    }
}

#[test]
fn signatures_that_are_refused() {
    let (header, claims) = (header().to_string(), claims().to_string());
    assert!(check(&sign_with(&KEYS[1], &RSA_PKCS1_SHA256, &header, &claims)).is_err(), "another key");
    assert!(check(&sign_with(&KEYS[0], &RSA_PKCS1_SHA512, &header, &claims)).is_err(), "another digest");
    let good = sign_with(&KEYS[0], &RSA_PKCS1_SHA256, &header, &claims);
    let (message, signature) = good.rsplit_once('.').unwrap();
    for bad in [
        format!("{message}."),
        message.to_owned(),
        format!("{good}."),
        format!("{good}="),
        format!("{message}.{}", &signature[1..]),
    ] {
        assert!(check(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_public_key_used_as_a_shared_secret_is_refused() {
    let public = PublicKeyComponents::<Vec<u8>>::from(KEYS[0].public_key());
    for secret in [public.n.as_slice(), KEYS[0].public_key().as_ref(), b"", b"secret"] {
        let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
        header.typ = Some("at+jwt".into());
        let token = encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
        assert_eq!(check(&token), Err(Refused::Form));
        assert!(verify(&token, &super::tests::public(), &rules(), UNIX_EPOCH).is_err());
    }
}

#[test]
fn a_repeated_claim_or_header_is_refused() {
    let claims = claims().to_string();
    let twice = claims.replacen('{', r#"{"aud":"other","#, 1);
    assert!(check(&sign_with(&KEYS[0], &RSA_PKCS1_SHA256, &header().to_string(), &twice)).is_err());
    let twice = header().to_string().replacen('{', r#"{"alg":"none","#, 1);
    assert!(check(&sign_with(&KEYS[0], &RSA_PKCS1_SHA256, &twice, &claims)).is_err());
}

#[test]
fn parts_that_are_no_json_object() {
    let header = header().to_string();
    for payload in ["", "null", "[]", "\"x\"", "{", "\u{feff}{}"] {
        assert!(check(&sign_with(&KEYS[0], &RSA_PKCS1_SHA256, &header, payload)).is_err(), "{payload}");
    }
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(check(&sign_with(&KEYS[0], &RSA_PKCS1_SHA256, &header, &deep)).is_err());
}

#[test]
fn the_scheme_may_be_in_any_case() {
    assert_eq!(bearer("bEARER x.y.z"), Some("x.y.z"));
    for other in ["x.y.z", "Basic x", "Bearer", ""] {
        assert_eq!(bearer(other), None);
    }
}

proptest! {
    #[test]
    fn no_text_is_taken_for_a_token(text in "\\PC{0,200}") {
        prop_assert!(check(&text).is_err());
    }

    /// Any one character changed, anywhere, spoils the token; none of them, in the last place, is a twin of
    /// the same bytes.
    #[test]
    fn a_changed_character_spoils_a_token(place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_-]") {
        let good = sign(&header(), &claims());
        let place = place.index(good.len());
        let mut bad = good.clone();
        bad.replace_range(place..=place, &letter);
        prop_assume!(bad != good);
        prop_assert!(check(&bad).is_err());
    }
}
