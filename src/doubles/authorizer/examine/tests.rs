use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::*;
use crate::jose::{Algorithm, KeyKind, PrivateKey, base64url};
use crate::scenario::{TokenProfile, profile};

const NOW: u64 = 1_800_000_000;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn terms() -> Terms {
    Terms {
        issuer: Some("https://idp".into()),
        audience: Some("ingest".into()),
        accepts: TokenProfile::default().accepts,
    }
}

/// The default profile's claims, but for these; what is `null` is not there.
fn claims(but: &Value) -> Value {
    let mut claims = json!({"iss": "https://idp", "aud": "ingest", "sub": "s", "client_id": "c", "scope": "a:write",
        "iat": NOW, "exp": NOW + 300, "jti": "j"});
    for (name, value) in but.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn token(header: &Value, claims: &Value) -> String {
    format!("{}.{}.AA", base64url(header.to_string()), base64url(claims.to_string()))
}

/// What is said of a token with these claims: what each reason is about, and the reason.
fn reasons(but: &Value, terms: &Terms) -> Vec<(String, String)> {
    let header = json!({"alg": "RS256", "typ": "jwt", "kid": "k"});
    let found = examine(Presented::Token(&token(&header, &claims(but))), terms, None, at(NOW));
    found.refusals.into_iter().map(|one| (one.about, one.reason)).collect()
}

fn told(but: &Value) -> String {
    let all = reasons(but, &terms());
    all.iter().map(|(about, reason)| format!("{about}: {reason}\n")).collect::<Vec<_>>().concat()
}

#[test]
fn each_claim_that_is_wrong_is_named_with_what_would_be_right() {
    assert_eq!(told(&json!({})), "");
    let cases = [
        json!({"iss": "https://idp/"}),
        json!({"iss": null}),
        json!({"aud": ["a", "b"]}),
        json!({"aud": 7}),
        json!({"exp": NOW - 90}),
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"exp": NOW + 5, "iat": NOW + 20}),
        json!({"iat": NOW + 3600, "exp": NOW + 7200}),
        json!({"nbf": NOW + 60}),
        json!({"jti": 7}),
        json!({"azp": "d"}),
        json!({"client_id": "ä"}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"cnf": {}}),
        json!({"nonce": "n"}),
        json!({"token_use": "id"}),
        json!({"gty": "password"}),
        json!({"gty": 7}),
        json!({"scope": null}),
        json!({"scope": ["a:write"]}),
        json!({"scope": "a:read"}),
    ];
    insta::assert_snapshot!(cases.iter().map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_mark_of_a_person_is_named() {
    let okta = Terms { accepts: profile("okta").unwrap().accepts, ..terms() };
    let told = reasons(&json!({"cid": "c", "ver": 1, "scp": ["a:write"], "uid": "00u1"}), &okta);
    let [(about, reason)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(about, "uid");
    assert!(reason.starts_with("`uid` is `\"00u1\"`, and must not be there"), "{reason}");
}

#[test]
fn each_member_of_the_header_that_is_wrong_is_named() {
    let told = |header: &Value| -> String {
        let found = examine(Presented::Token(&token(header, &claims(&json!({})))), &terms(), None, at(NOW));
        let one = |one: &Refusal| format!("{} {}: {}\n", one.status, one.about, one.reason);
        found.refusals.iter().map(one).collect::<Vec<_>>().concat()
    };
    let cases = [
        json!({"typ": "at+jwt"}),
        json!({"alg": "none", "typ": "at+jwt"}),
        json!({"alg": "HS256", "typ": "JWT"}),
        json!({"alg": "RS256"}),
        json!({"alg": "RS256", "typ": "id+jwt", "kid": 7}),
        json!({"alg": "RS256", "typ": "jwt", "crit": ["b64"], "b64": false}),
    ];
    insta::assert_snapshot!(cases.iter().map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_no_token_is_told_apart() {
    let object = base64url("{}");
    let texts = ["", "opaque", "a.b", "a.b.c", "a.b.c.d.e", &format!("{object}.{object}.AA")];
    let told = |text: &str| -> String {
        let found = examine(Presented::Token(text), &terms(), None, at(NOW));
        found.refusals.first().map(|one| format!("{}: {}", one.about, one.reason)).unwrap_or_default()
    };
    insta::assert_snapshot!(texts.map(told).join("\n"));
    let twice =
        format!("{}.{}.AA", base64url(r#"{"alg":"RS256","typ":"jwt"}"#), base64url(r#"{"a":1,"a":2}"#));
    let found = examine(Presented::Token(&twice), &terms(), None, at(NOW));
    assert_eq!((found.claims, found.refusals[0].about.as_str()), (None, "payload"));
    assert!(found.header.is_some());
}

#[test]
fn terms_that_are_not_given_take_anything_that_says_something() {
    let any = Terms { issuer: None, audience: None, ..terms() };
    assert_eq!(reasons(&json!({"iss": "x", "aud": ["y"]}), &any), []);
    let about =
        |but: Value| -> Vec<String> { reasons(&but, &any).into_iter().map(|(about, _)| about).collect() };
    assert_eq!(about(json!({"iss": null, "aud": null})), ["iss", "aud"]);
    assert_eq!(about(json!({"iss": 7, "aud": [7]})), ["iss", "aud"]);
    let cognito = Terms { accepts: profile("cognito").unwrap().accepts, ..any };
    let found =
        reasons(&json!({"aud": null, "scope": "landfall-api/a:write", "token_use": "access"}), &cognito);
    assert_eq!(found, [], "a profile without audiences");
}

#[test]
fn a_scheme_is_part_of_what_is_presented() {
    let good = token(&json!({"alg": "RS256", "typ": "jwt"}), &claims(&json!({})));
    let about = |value: &str| -> Vec<String> {
        let found = examine(Presented::Header(value), &terms(), None, at(NOW));
        assert_eq!(found.topics, ["a"], "{value}");
        found.refusals.into_iter().map(|one| one.about).collect()
    };
    assert!(about(&format!("bearer {good}")).is_empty());
    assert_eq!(about(&format!("Basic {good}")), ["token"]);
    assert_eq!(about(&good), ["token"]);
}

#[test]
fn a_signature_counts_where_there_are_keys() {
    let key = PrivateKey::generate(KeyKind::Rsa).unwrap();
    let set = |kid: &str| {
        let set = json!({"keys": [key.public().to_jwk(kid, Algorithm::Rs256)]}).to_string();
        KeySet::parse(set.as_bytes()).unwrap()
    };
    let input = token(&json!({"alg": "RS256", "typ": "jwt", "kid": "k"}), &claims(&json!({})));
    let input = input.trim_end_matches(".AA");
    let signature = key.sign(Algorithm::Rs256, input.as_bytes()).unwrap();
    let good = format!("{input}.{}", base64url(signature));
    let look = |token: &str, keys: Option<&KeySet>| {
        let found = examine(Presented::Token(token), &terms(), keys, at(NOW));
        let about = found.refusals.into_iter().map(|one| one.about).collect::<Vec<_>>();
        (found.signature, about.join(" "))
    };
    assert_eq!(look(&good, None), (Signature::Unchecked, String::new()));
    assert_eq!(look(&good, Some(&set("k"))), (Signature::Good { kid: Some("k".into()) }, String::new()));
    assert_eq!(look(&good, Some(&set("x"))), (Signature::Bad, "kid".into()));
    assert_eq!(look(&format!("{input}.AA"), Some(&set("k"))), (Signature::Bad, "signature".into()));
    let odd = token(&json!({"alg": "none", "typ": "jwt", "kid": "k"}), &claims(&json!({})));
    assert_eq!(look(&odd, Some(&set("k"))), (Signature::Uncheckable, "alg".into()));
    assert!(KeySet::parse(b"{}").is_none() && KeySet::parse(b"{\"keys\":[]}").is_some());
}

#[test]
fn more_topics_than_a_policy_holds_are_too_many() {
    let scope =
        |topics: usize| (0..topics).map(|n| format!("topic-{n:04}:write")).collect::<Vec<_>>().join(" ");
    assert_eq!(reasons(&json!({"scope": scope(20)}), &terms()), []);
    let header = json!({"alg": "RS256", "typ": "jwt"});
    let many = token(&header, &claims(&json!({"scope": scope(60)})));
    let found = examine(Presented::Token(&many), &terms(), None, at(NOW));
    assert_eq!((found.topics.len(), found.refusals.len(), found.refusals[0].status), (60, 1, 500));
}
