//! Spoiling tokens.

use serde_json::Value;

use crate::harness::{Ended, Place};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn attack(place: &Place, token: &str, more: &[&str]) -> Ended {
    place.token(&[&["attack", "--jwks", "jwks.json"], more].concat(), token)
}

#[cfg(unix)]
#[test]
fn variants_go_into_a_file_of_the_owners_and_say_what_must_become_of_them() {
    let place = Place::new();
    let token = place.good(&[]);
    place.write("evil.ndjson", "what everybody could read");
    let ended = attack(&place, &token, &["--out", "evil.ndjson"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    assert_eq!(place.mode("evil.ndjson"), 0o600);
    let written = lines(&place.read("evil.ndjson"));
    let banner = written[0].as_object().unwrap();
    assert!(banner.len() == 1 && banner["banner"].as_str().unwrap().contains("wrong on purpose"));
    assert!(written.len() > 150, "{}", written.len());
    for variant in &written[1..] {
        let text = |name: &str| variant[name].as_str().unwrap_or_else(|| panic!("{variant}"));
        assert!(text("id").starts_with("auth/") && !text("what").is_empty());
        assert!(["MUST", "SHOULD", "MAY"].contains(&text("level")));
        assert!(["accepted", "401", "403", "4xx", "not accepted", "either"].contains(&text("expected")));
        let _ = text("authorization");
        assert_eq!(variant.as_object().unwrap().len(), 5, "{variant}");
    }
    assert!(ended.stderr.contains(&format!("{} variants", written.len() - 1)), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("that need signer: give the issuer's private key by `--key`"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("Bearer") && !ended.stderr.contains(token.trim()), "{}", ended.stderr);
}

#[test]
fn with_the_issuers_key_there_are_more_and_inspect_agrees_with_what_is_expected() {
    let place = Place::new();
    let token = place.good(&[]);
    let without = lines(&attack(&place, &token, &[]).stdout).len();
    let ended = attack(&place, &token, &["--key", "key.pem"]);
    let written = lines(&ended.stdout);
    assert!(written.len() > without + 150, "{without} {}", written.len());
    assert!(!ended.stderr.contains("need signer"), "{}", ended.stderr);
    let one = |id: &str| written.iter().find(|variant| variant["id"] == id).unwrap_or_else(|| panic!("{id}"));
    let against =
        ["inspect", "--issuer", crate::harness::ISSUER, "--audience", "ingest", "--jwks", "jwks.json"];
    for (id, code) in
        [("auth/01-alg-none/lower", 1), ("auth/25-audience/longer", 1), ("auth/65-header-case/usual", 0)]
    {
        let header = one(id)["authorization"].as_str().unwrap();
        assert_eq!(place.token(&against, header).code, Some(code), "{id}");
    }
}

#[test]
fn nothing_is_made_for_a_host_that_nobody_named() {
    let place = Place::new();
    let foreign = place.good(&["--claim", "iss=https://idp.example.com/x"]);
    let refused = attack(&place, &foreign, &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(refused.stderr.contains("say `--allow-host idp.example.com`"), "{}", refused.stderr);
    let other = attack(&place, &foreign, &["--allow-host", "idp.example.co"]);
    assert_eq!(other.code, Some(2), "{}", other.stderr);
    let named = attack(&place, &foreign, &["--allow-host", "idp.example.com"]);
    assert_eq!(named.code, Some(0), "{}", named.stderr);
    // Nothing is asked there before it is known whether that may be.
    let elsewhere = place.token(&["attack", "--jwks", "https://idp.example.com/keys"], &place.good(&[]));
    assert_eq!(elsewhere.code, Some(2));
    assert!(elsewhere.stderr.contains("the key set is at `idp.example.com`"), "{}", elsewhere.stderr);
    let urn = attack(&place, &place.good(&["--claim", "iss=urn:us"]), &[]);
    assert!(urn.code == Some(2) && urn.stderr.contains("--allow-host urn:us"), "{}", urn.stderr);
}

#[test]
fn what_is_missing_is_said() {
    let (place, other) = (Place::new(), Place::new());
    let token = place.good(&[]);
    place.write("other.pem", &{
        other.good(&[]);
        other.read("key.pem")
    });
    place.write("empty.json", "{\"keys\":[]}");
    let unpermitted = place.good(&["--claim", "scope=orders:read"]);
    let nameless = place.good(&["--claim", "aud="]);
    for (token, more, sentence) in [
        (
            token.as_str(),
            &["--jwks", "jwks.json", "--key", "other.pem"][..],
            "not the one that signed the token",
        ),
        (&token, &["--jwks", "empty.json"], "not signed by a key of empty.json"),
        (&unpermitted, &["--jwks", "jwks.json"], "name one by `--topic`"),
        (&nameless, &["--jwks", "jwks.json"], "name that by `--audience`"),
        ("opaque", &["--jwks", "jwks.json"], "no JSON web token"),
    ] {
        let ended = place.token(&[&["attack"], more].concat(), token);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    }
    let named = attack(&place, &unpermitted, &["--topic", "orders"]);
    assert_eq!(named.code, Some(0), "{}", named.stderr);
}
