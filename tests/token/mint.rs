//! Making tokens.

use landfall::jose::{Algorithm, Compact, PublicKey};
use serde_json::{Value, json};

use crate::harness::{ISSUER, Place, decoded, nowhere_but};

#[test]
fn a_token_is_printed_alone_and_verifies_by_its_key_set() {
    let place = Place::new();
    let token = place.good(&["--algorithm", "ES384", "--kid", "k1", "--life", "90s"]);
    let (header, claims) = decoded(&token);
    assert_eq!(header, json!({"alg": "ES384", "typ": "at+jwt", "kid": "k1"}));
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["scope"]),
        (&json!(ISSUER), &json!("ingest"), &json!("orders:write"))
    );
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 90);
    let set: Value = serde_json::from_str(&place.read("jwks.json")).unwrap();
    let key = PublicKey::from_jwk(&set["keys"][0]).unwrap();
    let parts = Compact::split(token.trim()).unwrap();
    let signature = parts.decoded_signature().unwrap();
    assert!(key.verifies(Algorithm::Es384, parts.signing_input().as_bytes(), &signature));
    assert_eq!((&set["keys"][0]["kid"], set["keys"][0].get("d")), (&json!("k1"), None));
    nowhere_but(place.path("").as_path(), token.trim(), &[]);
}

#[cfg(unix)]
#[test]
fn a_new_key_is_its_owners_alone_and_none_is_overwritten() {
    let place = Place::new();
    place.good(&[]);
    assert_eq!(place.mode("key.pem"), 0o600);
    let before = place.read("key.pem");
    let again = place.token(&["mint", "--new-key", "key.pem", "--issuer", ISSUER, "--client", "c"], "");
    assert_eq!((again.code, again.stdout.as_str()), (Some(2), ""));
    assert!(again.stderr.contains("key.pem is there already"), "{}", again.stderr);
    assert_eq!(place.read("key.pem"), before);
}

#[test]
fn profiles_and_changes_shape_it() {
    let place = Place::new();
    let token = place.good(&[
        "--profile",
        "okta",
        "--claim",
        "sub=",
        "--claim",
        "exp=7",
        "--claim",
        "x=[1]",
        "--header",
        "alg=none",
    ]);
    let (header, claims) = decoded(&token);
    assert_eq!((&header["alg"], header.get("typ")), (&json!("none"), None));
    assert_eq!((&claims["scp"], &claims["cid"]), (&json!(["orders:write"]), &json!("shop")));
    assert_eq!((&claims["exp"], &claims["x"], claims.get("sub")), (&json!(7), &json!([1]), None));
}

#[test]
fn what_cannot_be_made_ends_with_code_2_and_a_sentence() {
    let place = Place::new();
    place.good(&["--algorithm", "ES256"]);
    place.write("broken.pem", "hunter2-hunter2");
    let usual = ["--issuer", ISSUER, "--client", "c"];
    for (arguments, sentence) in [
        (&["--key", "key.pem", "--algorithm", "RS256"][..], "makes no RS256 signature"),
        (&["--key", "key.pem", "--algorithm", "HS256"], "a key pair signs by one of RS256"),
        (&["--key", "key.pem", "--profile", "octa"], "did you mean `okta`?"),
        (&["--key", "key.pem", "--life", "5"], "has no unit"),
        (&["--key", "key.pem", "--claim", "x"], "write NAME=VALUE"),
        (&["--key", "gone.pem"], "cannot read the key from gone.pem"),
        (&["--key", "broken.pem"], "there is no private key"),
        (&["--key", "key.pem", "--new-key", "k"], "cannot be used with"),
        (&[], "required"),
        (&["--key", "key.pem", "--jwks", "key.pem/jwks.json"], "cannot write key.pem/jwks.json"),
    ] {
        let ended = place.token(&[&["mint"], &usual[..], arguments].concat(), "");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{arguments:?} {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}
