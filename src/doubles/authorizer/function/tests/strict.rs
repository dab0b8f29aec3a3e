//! What is taken and what is refused where no mistake is made.

use proptest::prelude::*;

use super::*;
use crate::jose::hmac;
use crate::scenario::{PermissionShape, Permissions};

/// The strict function's own steps, without an event around them.
struct Steps {
    rules: Rules,
    keys: Arc<KeySource>,
    _issuer: Issuer,
}

impl Steps {
    async fn new(set: Value, accepts: Accepts) -> Self {
        let issuer = Issuer::start(set).await;
        let rules = Rules { issuer: "https://idp".into(), audience: "ingest".into(), accepts, flaw: None };
        Self {
            rules,
            keys: Arc::new(KeySource::new(issuer.uri(), KeyTimes::default(), None)),
            _issuer: issuer,
        }
    }

    async fn default() -> Self {
        Self::new(issuers_keys(), TokenProfile::default().accepts).await
    }

    /// Those of the default profile, but for what `change` does.
    async fn but(change: impl FnOnce(&mut Accepts)) -> Self {
        let mut accepts = TokenProfile::default().accepts;
        change(&mut accepts);
        Self::new(issuers_keys(), accepts).await
    }

    async fn check_at(&self, token: &str, seconds: u64) -> Result<Caller, Refused> {
        let token = Token::read(token, &self.rules)?;
        match signature::check(&token, &self.keys, &self.rules, Instant::now()).await {
            Ok(()) => claims::check(&token, &self.rules, UNIX_EPOCH + Duration::from_secs(seconds)),
            Err(Unproven::Refused(refused)) => Err(refused),
            Err(Unproven::Keys(error)) => panic!("{error}"),
        }
    }

    async fn check(&self, token: &str) -> Result<Caller, Refused> {
        self.check_at(token, NOW).await
    }

    /// Of a token with these claims.
    async fn claims(&self, claims: &Value) -> Result<Caller, Refused> {
        self.check(&sign(&header(), claims)).await
    }

    /// Of a token with this header.
    async fn header(&self, header: &Value) -> Result<Caller, Refused> {
        self.check(&sign(header, &claims())).await
    }
}

fn caller(subject: &str, client: &str, permissions: &[&str]) -> Caller {
    let permissions = permissions.iter().map(|&one| one.to_owned()).collect();
    Caller { subject: subject.into(), client_id: client.into(), permissions }
}

#[tokio::test]
async fn a_good_token_names_its_caller() {
    let steps = Steps::default().await;
    assert_eq!(steps.check(&good()).await, Ok(caller("s", "c", &["quakes:write"])));
    let several = with(claims(), "scope", " a:write  b:read ");
    assert_eq!(steps.claims(&several).await.unwrap().permissions, ["a:write", "b:read"]);
}

#[tokio::test]
async fn only_a_plain_token_may_lack_what_rfc_9068_demands() {
    let steps = Steps::default().await;
    let plain = with(header(), "typ", "JWT");
    for name in ["client_id", "iat", "jti"] {
        let less = without(claims(), name);
        for typ in ["at+jwt", "application/AT+JWT"] {
            let token = sign(&with(header(), "typ", typ), &less);
            assert_eq!(steps.check(&token).await, Err(Refused::Incomplete), "{typ} without {name}");
        }
        assert!(steps.check(&sign(&plain, &less)).await.is_ok(), "without {name}");
    }
    let bare = without(without(claims(), "client_id"), "scope");
    assert_eq!(steps.check(&sign(&plain, &bare)).await, Ok(caller("s", "s", &[])));
    let cid = with(without(claims(), "client_id"), "cid", "c");
    assert!(steps.claims(&cid).await.is_ok(), "any claim may name the client");
}

#[tokio::test]
async fn all_claims_name_the_same_client() {
    let steps = Steps::default().await;
    for name in ["azp", "cid"] {
        assert!(steps.claims(&with(claims(), name, "c")).await.is_ok(), "{name}");
        assert_eq!(steps.claims(&with(claims(), name, "d")).await, Err(Refused::Clients), "{name}");
    }
    let azp = with(without(claims(), "client_id"), "azp", "d");
    assert_eq!(steps.claims(&azp).await.unwrap().client_id, "d");
    assert_eq!(steps.claims(&with(azp, "cid", "e")).await, Err(Refused::Clients));
    let own = Steps::but(|accepts| accepts.client_claims = vec!["appid".into(), "client_id".into()]).await;
    assert_eq!(own.claims(&with(claims(), "appid", "d")).await, Err(Refused::Clients));
    assert!(own.claims(&with(claims(), "azp", "d")).await.is_ok(), "azp names no client here");
}

#[tokio::test]
async fn forms_of_a_good_token() {
    let steps = Steps::default().await;
    for typ in ["AT+JWT", "application/at+jwt", "JWT", "jwt"] {
        assert!(steps.header(&with(header(), "typ", typ)).await.is_ok(), "{typ}");
    }
    for (name, value) in [
        ("aud", json!(["other", "ingest"])),
        ("exp", json!(1_800_000_300.5)),
        ("exp", serde_json::from_str("18000003e2").unwrap()),
        ("nbf", json!(NOW + 30)),
        ("iat", json!(NOW + 30)),
        ("x", json!([[[{"aud": 1, "y": {"aud": 2}}]]])),
        ("token_use", json!("access")),
        ("typ", json!("Bearer")),
        ("gty", json!("client-credentials")),
        ("idtyp", json!("app")),
    ] {
        assert!(steps.claims(&with(claims(), name, value.clone())).await.is_ok(), "{name}: {value}");
    }
    let escaped = claims().to_string().replace("\"aud\"", "\"\\u0061ud\"");
    let token = sign_text(&KEYS[0], Algorithm::Rs256, &header().to_string(), &escaped);
    assert!(steps.check(&token).await.is_ok());
    let more = with(with(header(), "x5t", "x"), "jku", "http://127.0.0.1:1/");
    assert!(steps.header(&more).await.is_ok(), "what nobody trusts does not matter");
}

#[tokio::test]
async fn expiry_is_on_or_after() {
    let (steps, token) = (Steps::default().await, good());
    assert!(steps.check_at(&token, NOW + 329).await.is_ok());
    assert_eq!(steps.check_at(&token, NOW + 330).await, Err(Refused::Time), "exp + leeway");
    assert_eq!(steps.check_at(&token, NOW - 31).await, Err(Refused::Time), "issued in the future");
    for name in ["nbf", "iat"] {
        assert_eq!(steps.claims(&with(claims(), name, NOW + 31)).await, Err(Refused::Time), "{name}");
    }
    let before = with(with(claims(), "iat", NOW + 10), "exp", NOW + 9);
    assert_eq!(steps.claims(&before).await, Err(Refused::Time), "it ended before it was issued");
    let exact = Steps::but(|accepts| accepts.leeway = Duration::ZERO).await;
    assert!(exact.check_at(&token, NOW + 299).await.is_ok());
    assert_eq!(exact.check_at(&token, NOW + 300).await, Err(Refused::Time));
}

#[tokio::test]
async fn claims_that_are_refused() {
    let steps = Steps::default().await;
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
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
        ("aud", json!({"ingest": 1})),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!(null)),
        ("sub", json!("s\u{0}")),
        ("sub", json!("s".repeat(1025))),
        ("sub", json!("s".repeat(100_000))),
        ("exp", json!("9999999999")),
        ("exp", json!(true)),
        ("exp", json!([NOW + 300])),
        ("exp", json!({})),
        ("exp", json!(null)),
        ("exp", json!(-1)),
        ("exp", json!(0)),
        ("exp", json!((NOW + 300) * 1000)),
        ("exp", number("9007199254740993")),
        ("exp", number("18446744073709551616")),
        ("exp", number("1e400")),
        ("exp", number(&"9".repeat(400))),
        ("nbf", json!("1")),
        ("nbf", json!(null)),
        ("iat", json!("1")),
        ("iat", json!(-1)),
        ("client_id", json!(7)),
        ("client_id", json!("")),
        ("client_id", json!("c\u{200f}")),
        ("client_id", json!("c\r\nx: y")),
        ("jti", json!(7)),
        ("azp", json!(null)),
        ("cid", json!(["c"])),
        ("cnf", json!({"x5t#S256": "x"})),
        ("cnf", json!(null)),
        ("nonce", json!("n")),
        ("at_hash", json!("h")),
        ("c_hash", json!("h")),
        ("events", json!({})),
        ("token_use", json!("id")),
        ("token_use", json!(7)),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("typ", json!("Offline")),
        ("typ", json!("Logout")),
        ("gty", json!(7)),
    ];
    for (name, value) in bad {
        assert!(steps.claims(&with(claims(), name, value.clone())).await.is_err(), "{name}: {value}");
    }
    for name in ["iss", "aud", "sub", "exp"] {
        assert!(steps.claims(&without(claims(), name)).await.is_err(), "without {name}");
    }
    // serde_json itself takes this for a number.
    let object =
        claims().to_string().replace("1800000300", r#"{"$serde_json::private::Number":"1800000300"}"#);
    let token = sign_text(&KEYS[0], Algorithm::Rs256, &header().to_string(), &object);
    assert_eq!(steps.check(&token).await, Err(Refused::Payload));
}

#[tokio::test]
async fn what_a_profile_demands() {
    let strict = Steps::but(|accepts| {
        accepts.required = vec!["jti".into(), "tenant".into()];
        accepts.constants =
            [("ver".to_owned(), json!(1)), ("token_use".to_owned(), json!("app"))].into_iter().collect();
        accepts.longest_life = Some(Duration::from_mins(5));
    });
    let strict = strict.await;
    let fitting = with(with(with(claims(), "tenant", "t"), "ver", 1), "token_use", "app");
    assert!(strict.claims(&fitting).await.is_ok(), "{:?}", strict.claims(&fitting).await);
    for (bad, why) in [
        (without(fitting.clone(), "tenant"), Refused::Incomplete),
        (with(fitting.clone(), "tenant", Value::Null), Refused::Incomplete),
        (without(fitting.clone(), "ver"), Refused::Kind),
        (with(fitting.clone(), "ver", "1"), Refused::Kind),
        (with(fitting.clone(), "token_use", "access"), Refused::Kind),
        (with(fitting.clone(), "exp", NOW + 301), Refused::Time),
        (without(fitting.clone(), "iat"), Refused::Incomplete),
    ] {
        assert_eq!(strict.claims(&bad).await, Err(why), "{bad}");
    }
    let loose = Steps::but(|accepts| {
        accepts.untyped = true;
        accepts.audience_required = false;
    });
    let loose = loose.await;
    assert!(loose.header(&without(header(), "typ")).await.is_ok());
    assert!(loose.header(&with(header(), "typ", Value::Null)).await.is_err());
    assert!(loose.claims(&without(claims(), "aud")).await.is_ok());
    for audience in [json!("other"), json!([]), json!(null)] {
        assert!(loose.claims(&with(claims(), "aud", audience)).await.is_err());
    }
}

#[tokio::test]
async fn permissions_are_where_a_profile_says() {
    let steps = Steps::but(|accepts| {
        let claim = "scp".into();
        accepts.permissions = Permissions { claim, shape: PermissionShape::List, prefix: "kafka/".into() };
    });
    let steps = steps.await;
    let permissions = async |claims: Value| steps.claims(&claims).await.unwrap().permissions;
    let list = with(claims(), "scp", json!(["kafka/a:write", "b:write", "other/c:write"]));
    assert_eq!(permissions(list).await, ["a:write"]);
    for nothing in [json!("kafka/a:write"), json!(["kafka/a:write", 7]), json!(null), json!({})] {
        assert!(permissions(with(claims(), "scp", nothing.clone())).await.is_empty(), "{nothing}");
    }
    assert!(permissions(claims()).await.is_empty(), "scope is not its claim");
    let text = Steps::default().await;
    for nothing in [json!(["quakes:write"]), json!(7), json!(null), json!("quakes:write,ships:write")] {
        let outcome = text.claims(&with(claims(), "scope", nothing.clone())).await.unwrap();
        assert!(!outcome.permissions.contains(&"quakes:write".to_owned()), "{nothing}");
    }
    for (name, other) in [("gty", "authorization_code"), ("idtyp", "user"), ("grant_type", "password")] {
        let outcome = text.claims(&with(claims(), name, other)).await.unwrap();
        assert!(outcome.permissions.is_empty(), "{name}");
    }
}

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
