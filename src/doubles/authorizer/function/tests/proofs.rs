//! Headers, keys and signatures that are taken or refused where no mistake is made.

use proptest::prelude::*;

use super::steps::Steps;
use super::*;
use crate::jose::hmac;

#[tokio::test]
async fn headers_that_are_refused() {
    let steps = Steps::default().await;
    let bad = [
        ("alg", json!("none")),
        ("alg", json!("rs256")),
        ("alg", json!("RS512")),
        ("alg", json!("HS256")),
        ("alg", json!("")),
        ("alg", json!(null)),
        ("alg", json!(["RS256"])),
        ("typ", json!("id_token")),
        ("typ", json!("secevent+jwt")),
        ("typ", json!("dpop+jwt")),
        ("typ", json!(7)),
        ("kid", json!(7)),
        ("kid", json!("")),
        ("kid", json!("unknown")),
        ("kid", json!("x".repeat(64 * 1024))),
        ("crit", json!(["exp2"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("cty", json!("JWT")),
        ("x", json!("y".repeat(7000))),
    ];
    for (name, value) in bad {
        assert!(steps.header(&with(header(), name, value.clone())).await.is_err(), "{name}: {value}");
    }
    for name in ["alg", "typ"] {
        assert!(steps.header(&without(header(), name)).await.is_err(), "without {name}");
    }
}

#[tokio::test]
async fn a_token_without_kid_needs_an_only_key() {
    let nameless = sign(&without(header(), "kid"), &claims());
    assert_eq!(Steps::default().await.check(&nameless).await, Err(Refused::Key));
    let one = json!({"keys": [issuers_keys()["keys"][0]]});
    let mut accepts = TokenProfile::default().accepts;
    assert!(Steps::new(one.clone(), accepts.clone()).await.check(&nameless).await.is_ok());
    accepts.without_kid = false;
    assert_eq!(Steps::new(one, accepts).await.check(&nameless).await, Err(Refused::Key));
}

#[tokio::test]
async fn a_key_must_be_the_only_one_that_is_meant() {
    let accepts = TokenProfile::default().accepts;
    let key = |at: usize| KEYS[at].public().to_bare_jwk();
    let named = |at: usize, more: Value| {
        let mut key = Value::Object(key(at));
        key["kid"] = json!("k");
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    };
    let point = PrivateKey::generate(KeyKind::P256).unwrap();
    let point = Value::Object(point.public().to_jwk("k", Algorithm::Es256));
    for (keys, fits) in [
        (vec![named(0, json!({}))], true),
        (vec![named(0, json!({})), named(0, json!({}))], true),
        (vec![named(0, json!({})), named(1, json!({}))], false),
        (vec![named(0, json!({})), named(1, json!({"use": "enc"}))], true),
        (vec![named(0, json!({})), named(1, json!({"alg": "RS512"}))], true),
        (vec![named(0, json!({})), point], true),
        (vec![named(0, json!({"alg": "RS512"}))], false),
        (vec![named(0, json!({"use": "enc"}))], false),
        (vec![named(1, json!({}))], false),
    ] {
        let steps = Steps::new(json!({"keys": keys}), accepts.clone()).await;
        assert_eq!(steps.check(&good()).await.is_ok(), fits, "{keys:?}");
    }
}

#[tokio::test]
async fn every_algorithm_that_is_agreed_on() {
    for algorithm in Algorithm::ALL {
        let Some(kind) = algorithm.key_kind() else { continue };
        let key = PrivateKey::generate(kind).unwrap();
        let set = json!({"keys": [key.public().to_jwk("k", algorithm)]});
        let header = with(header(), "alg", algorithm.name()).to_string();
        let token = sign_text(&key, algorithm, &header, &claims().to_string());
        let mut accepts = TokenProfile::default().accepts;
        accepts.algorithms = vec![algorithm];
        let steps = Steps::new(set.clone(), accepts.clone()).await;
        assert!(steps.check(&token).await.is_ok(), "{algorithm:?}");
        let (message, _) = token.rsplit_once('.').unwrap();
        for length in [0, 1, 64, 96, 132, 256] {
            let zeros = format!("{message}.{}", base64url(vec![0; length]));
            assert_eq!(steps.check(&zeros).await, Err(Refused::Signature), "{algorithm:?}");
        }
        accepts.algorithms = Algorithm::ALL.into_iter().filter(|other| *other != algorithm).collect();
        assert_eq!(Steps::new(set, accepts).await.check(&token).await, Err(Refused::Algorithm));
    }
}

/// CVE-2022-21449 and its kin: numbers that make every equation true, and forms of other standards.
#[tokio::test]
async fn signatures_by_curves_that_are_refused() {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let mut accepts = TokenProfile::default().accepts;
    accepts.algorithms = vec![Algorithm::Es256];
    let good_key = key.public().to_jwk("k", Algorithm::Es256);
    let steps = Steps::new(json!({"keys": [good_key]}), accepts.clone()).await;
    let message = signing_input(with(header(), "alg", "ES256").to_string(), claims().to_string());
    let good = key.sign(Algorithm::Es256, message.as_bytes()).unwrap();
    let token = |signature: &[u8]| format!("{message}.{}", base64url(signature));
    assert!(steps.check(&token(&good)).await.is_ok());
    let (r, s) = good.split_at(32);
    let (order, zero) = (hex::decode(ORDER).unwrap(), vec![0; 32]);
    // Of positive numbers DER has a zero before the first byte where that is large.
    let der = |number: &[u8]| [&[2, 33, 0], number].concat();
    let der = [vec![0x30, 70], der(r), der(s)].concat();
    for bad in [
        [&order, s].concat(),
        [r, &order].concat(),
        [&order[..], &order].concat(),
        [r, &zero].concat(),
        [&zero, s].concat(),
        [s, r].concat(),
        [&[0], &good[..]].concat(),
        good[..63].to_vec(),
        der,
    ] {
        assert_eq!(steps.check(&token(&bad)).await, Err(Refused::Signature), "{bad:?}");
    }
    let one = base64url([&zero[1..], &[1]].concat());
    let off_the_curve = json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": one, "y": one});
    let steps = Steps::new(json!({"keys": [off_the_curve]}), accepts).await;
    assert_eq!(steps.check(&token(&good)).await, Err(Refused::Signature));
}

#[tokio::test]
async fn signatures_that_are_refused() {
    let steps = Steps::default().await;
    let (header, claims) = (header().to_string(), claims().to_string());
    for (key, algorithm) in
        [(1, Algorithm::Rs256), (2, Algorithm::Rs256), (0, Algorithm::Rs512), (0, Algorithm::Ps256)]
    {
        let token = sign_text(&KEYS[key], algorithm, &header, &claims);
        assert_eq!(steps.check(&token).await, Err(Refused::Signature), "{key} {algorithm:?}");
    }
    let good = good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    for bad in [
        format!("{message}."),
        message.to_owned(),
        format!("{good}."),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{message}.{}", &signature[1..]),
        "..".to_owned(),
        ".".repeat(10_000),
    ] {
        assert!(steps.check(&bad).await.is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_public_key_used_as_a_shared_secret_is_refused() {
    let public = KEYS[0].public();
    let pem = public.to_pem().unwrap();
    let mut accepts = TokenProfile::default().accepts;
    accepts.algorithms = Algorithm::ALL.into();
    let steps = Steps::new(issuers_keys(), accepts).await;
    for secret in [pem.as_bytes(), pem.trim_end().as_bytes(), &public.to_der().unwrap(), b"", b"secret"] {
        let message = signing_input(with(header(), "alg", "HS256").to_string(), claims().to_string());
        let code = hmac(Algorithm::Hs256, secret, message.as_bytes()).unwrap();
        let token = format!("{message}.{}", base64url(code));
        assert_eq!(steps.check(&token).await, Err(Refused::Algorithm), "an HMAC is never agreed on");
    }
}

#[tokio::test]
async fn parts_that_are_no_json_object_with_each_name_once() {
    let steps = Steps::default().await;
    let (header, claims) = (header().to_string(), claims().to_string());
    let check = async |header: &str, claims: &str| {
        steps.check(&sign_text(&KEYS[0], Algorithm::Rs256, header, claims)).await
    };
    let twice = claims.replacen('{', r#"{"\u0061ud":"other","#, 1);
    assert_eq!(check(&header, &twice).await, Err(Refused::Payload));
    let twice = header.replacen('{', r#"{"alg":"none","#, 1);
    assert_eq!(check(&twice, &claims).await, Err(Refused::Form));
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for text in ["", "null", "[]", "\"x\"", "{", "\u{feff}{}", &deep] {
        assert_eq!(check(&header, text).await, Err(Refused::Payload), "{text}");
        assert_eq!(check(text, &claims).await, Err(Refused::Form), "{text}");
    }
}

#[tokio::test]
async fn the_scheme_may_be_in_any_case() {
    let (function, _issuer) = strict().await;
    let good = good();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(call_at(&function, &format!("{scheme} {good}"), ARN, NOW).await, Outcome::Allowed);
    }
    for bad in [
        "Bearer",
        "Bearer ",
        "",
        "Basic x",
        &good,
        &format!("Token {good}"),
        &format!("Bearer  {good}"),
        &format!("Bearer\t{good}"),
        &format!("Bearer {good} "),
        &format!("Bearer {good}, Bearer {good}"),
        &format!("Bearer: {good}"),
    ] {
        assert_eq!(call_at(&function, bad, ARN, NOW).await, UNAUTHORIZED, "{bad}");
    }
    let mut accepts = TokenProfile::default().accepts;
    accepts.any_case_scheme = false;
    let issuer = Issuer::start(issuers_keys()).await;
    let exact = super::function(&issuer, accepts);
    assert_eq!(call_at(&exact, &format!("Bearer {good}"), ARN, NOW).await, Outcome::Allowed);
    assert_eq!(call_at(&exact, &format!("bearer {good}"), ARN, NOW).await, UNAUTHORIZED);
}

#[tokio::test]
async fn what_it_forgets_is_fetched_again() {
    let (function, issuer) = strict().await;
    for _ in 0..2 {
        assert_eq!(call(&function, &good()).await, Outcome::Allowed);
    }
    assert_eq!(issuer.asked(), 1);
    function.forget();
    assert_eq!(call(&function, &good()).await, Outcome::Allowed);
    assert_eq!(issuer.asked(), 2);
    function.forget();
    issuer.serve(None);
    let cold = Outcome::Failed(Failure::Keys(FetchError::Status(503)));
    assert_eq!(call(&function, &good()).await, cold);
    for bad in ["", "x", "a.b.c", "..", &sign(&with(header(), "alg", "none"), &claims())] {
        assert_eq!(call(&function, bad).await, UNAUTHORIZED, "{bad} needs no key");
    }
}

proptest! {
    #[test]
    fn no_text_is_taken_for_a_token(text in "\\PC{0,200}") {
        let rules = Rules {
            issuer: "https://idp".into(),
            audience: "ingest".into(),
            accepts: TokenProfile::default().accepts,
            flaw: None,
        };
        prop_assert!(Token::read(&text, &rules).is_err());
    }

    /// Any one character changed, anywhere, spoils the token; none of them, in the last place, is a twin of
    /// the same bytes.
    #[test]
    fn a_changed_character_spoils_a_token(place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_-]") {
        static RUNTIME: LazyLock<(tokio::runtime::Runtime, Steps)> = LazyLock::new(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let steps = runtime.block_on(Steps::default());
            (runtime, steps)
        });
        let good = good();
        let place = place.index(good.len());
        let mut bad = good.clone();
        bad.replace_range(place..=place, &letter);
        prop_assume!(bad != good);
        let (runtime, steps) = &*RUNTIME;
        prop_assert!(runtime.block_on(steps.check(&bad)).is_err());
    }
}
