//! Claims that are taken or refused where no mistake is made.

use super::steps::Steps;
use super::*;
use crate::scenario::{PermissionShape, Permissions};

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
async fn a_subject_that_names_the_client_is_as_a_client_is() {
    let plain = with(header(), "typ", "JWT");
    let steps = Steps::default().await;
    let check =
        async |claims: Value| steps.check(&sign(&plain, &claims)).await.map(|caller| caller.client_id);
    let nameless = |subject: &str| with(without(claims(), "client_id"), "sub", subject);
    assert_eq!(check(nameless("shop")).await.as_deref(), Ok("shop"));
    for odd in ["sh\u{43e}p", "shop\u{200f}", "m\u{fc}ller"] {
        assert_eq!(check(nameless(odd)).await, Err(Refused::Claim), "{odd}");
        assert_eq!(check(with(claims(), "sub", odd)).await.as_deref(), Ok("c"), "{odd} beside a client");
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
async fn what_only_people_have_permits_nothing() {
    let marked = Steps::but(|accepts| accepts.absent = vec!["uid".into(), "sid".into()]).await;
    for mark in [json!("00u1"), json!(""), json!(null), json!({})] {
        let outcome = marked.claims(&with(claims(), "sid", mark.clone())).await.unwrap();
        assert!(outcome.permissions.is_empty(), "{mark}");
    }
    assert_eq!(marked.claims(&claims()).await.unwrap().permissions, ["quakes:write"]);
    let unasked = Steps::default().await.claims(&with(claims(), "sid", "s")).await.unwrap();
    assert_eq!(unasked.permissions, ["quakes:write"], "of which the profile says nothing");
}
