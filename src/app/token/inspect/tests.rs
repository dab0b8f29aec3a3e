use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;
use crate::jose::base64url;
use crate::report;
use crate::scenario::profile;

/// 2027-01-15T08:00:00Z.
const NOW: u64 = 1_800_000_000;

fn look(header: &Value, claims: &Value, against: &Against) -> Inspection {
    let token = format!("{}.{}.AA", base64url(header.to_string()), base64url(claims.to_string()));
    inspect(&Input::parse(&token).unwrap(), against, UNIX_EPOCH + Duration::from_secs(NOW))
}

fn against(name: &str) -> Against {
    Against {
        profile: profile(name).unwrap(),
        issuer: Some("https://idp.example".into()),
        audience: Some("ingest".into()),
        keys: None,
    }
}

fn claims() -> Value {
    json!({"iss": "https://idp.example", "aud": "ingest", "sub": "shop", "client_id": "shop",
        "scope": "orders:write quakes:write orders:read", "iat": NOW - 50, "nbf": NOW - 50, "exp": NOW + 250, "jti": "7"})
}

#[test]
fn a_good_token_in_words() {
    let mut claims = claims();
    claims["dept"] = json!({"name": "sales\u{1b}[31m"});
    let found = look(&json!({"alg": "RS256", "typ": "at+jwt", "kid": "k"}), &claims, &against("landfall"));
    assert!(found.accepted && !found.claims.as_ref().unwrap().last().unwrap().known);
    insta::assert_snapshot!(report::inspection(&found));
}

#[test]
fn an_evil_token_in_words() {
    let claims = json!({"iss": "https://idp.example/", "aud": ["other"], "sub": "shop", "azp": "bank", "client_id": "shop",
        "scope": "orders:write", "exp": NOW - 600, "iat": 1e300, "nonce": "n", "cnf": {"jkt": "x"}, "gty": "password"});
    let header = json!({"alg": "HS256", "typ": "at+jwt", "jku": "http://x", "crit": ["y"]});
    let found = look(&header, &claims, &against("landfall"));
    assert!(!found.accepted);
    insta::assert_snapshot!(report::inspection(&found));
}

#[test]
fn a_token_of_another_provider_in_words() {
    let claims = json!({"iss": "https://idp.example", "aud": "ingest", "sub": "x", "cid": "shop", "scp": ["orders:write"],
        "scope": "admin", "iat": NOW, "exp": NOW + 100_000, "jti": "j", "ver": 1});
    let any = Against { issuer: None, audience: None, ..against("okta") };
    insta::assert_snapshot!(report::inspection(&look(&json!({"alg": "RS256", "kid": "k"}), &claims, &any)));
}

#[test]
fn what_cannot_be_read_in_words() {
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let found = inspect(&Input::parse("2YotnFZFEjr1zCsicMWpAA").unwrap(), &against("landfall"), now);
    insta::assert_snapshot!(report::inspection(&found));
}

#[test]
fn json_holds_all_but_the_signature() {
    let found = look(&json!({"alg": "RS256", "typ": "at+jwt", "kid": "k"}), &claims(), &against("landfall"));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(
        (&json["accepted"], &json["signature"], &json["at"]),
        (&json!(true), &json!("not_checked"), &json!("2027-01-15T08:00:00Z"))
    );
    assert_eq!(json["topics"], json!(["orders", "quakes"]));
    assert_eq!(json["claims"][0]["value"], json!("https://idp.example"));
    let unread = inspect(&Input::parse("x").unwrap(), &against("landfall"), UNIX_EPOCH);
    assert_eq!(serde_json::to_value(&unread).unwrap()["claims"], Value::Null);
}
