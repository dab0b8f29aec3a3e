//! Looking at tokens, and at their signatures.

use serde_json::{Value, json};

use crate::harness::{Ended, ISSUER, Place};

const AGAINST: [&str; 5] = ["inspect", "--issuer", ISSUER, "--audience", "ingest"];

fn reasons(ended: &Ended) -> Vec<(u64, String)> {
    let found: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let refusals = found["refusals"].as_array().expect("a list").iter();
    let one = |one: &Value| {
        let about = one["about"].as_str().expect("a text");
        (one["status"].as_u64().expect("a number"), about.to_owned())
    };
    refusals.map(one).collect()
}

#[test]
fn a_good_token_is_accepted_however_it_is_given() {
    let place = Place::new();
    let token = place.good(&[]);
    place.write("token", &token);
    let arguments = [&AGAINST[..], &["--jwks", "jwks.json"]].concat();
    let bare = place.token(&arguments, &token);
    assert_eq!(bare.code, Some(0), "{}{}", bare.stdout, bare.stderr);
    for words in
        ["may write  orders\n", "signature  good\n", "would be ACCEPTED at ", "iss        http://127.0.0.1:9"]
    {
        assert!(bare.stdout.contains(words), "{words}: {}", bare.stdout);
    }
    let signature = token.trim().rsplit('.').next().unwrap();
    assert!(!bare.stdout.contains(signature) && bare.stderr.is_empty(), "nobody can use what is printed");
    for (more, input) in [
        (&["token"][..], String::new()),
        (&[], format!("Authorization: Bearer {token}")),
        (&["-"], format!("bearer {token}")),
    ] {
        let ended = place.token(&[&arguments[..], more].concat(), &input);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    }
    let basic = place.token(&arguments, &format!("Authorization: Basic {token}"));
    assert_eq!(basic.code, Some(1));
    assert!(basic.stdout.contains("401  token: the header does not say `Bearer`"), "{}", basic.stdout);
}

#[test]
fn every_reason_is_told_and_what_was_not_checked_too() {
    let place = Place::new();
    let wrong = ["exp=1", "aud=other", "sub=", "scope=orders:read", "nonce=n"];
    let changes: Vec<&str> = wrong.iter().flat_map(|change| ["--claim", *change]).collect();
    let token = place.good(&[&changes[..], &["--header", "typ=xyz"]].concat());
    let ended = place.token(&[&AGAINST[..], &["--json"]].concat(), &token);
    let expected = [
        (401, "typ"),
        (401, "nonce"),
        (401, "aud"),
        (401, "exp"),
        (401, "exp"),
        (401, "sub"),
        (403, "scope"),
    ];
    assert_eq!(ended.code, Some(1));
    assert_eq!(reasons(&ended), expected.map(|(status, about)| (status, about.to_owned())));
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&found["accepted"], &found["signature"]), (&json!(false), &json!("not_checked")));
    let plain = place.token(&["inspect"], &place.good(&[]));
    assert_eq!(plain.code, Some(0));
    for note in ["the signature was not checked", "any issuer would do", "any audience would do"] {
        assert!(plain.stdout.contains(note), "{}", plain.stdout);
    }
}

#[test]
fn a_signature_is_checked_by_the_key_that_is_named() {
    let (place, other) = (Place::new(), Place::new());
    let token = place.good(&["--kid", "k"]);
    let foreign = other.good(&["--kid", "k"]);
    let unnamed = place.good(&["--kid", "k", "--header", "kid="]);
    let misnamed = place.good(&["--kid", "k", "--header", "kid=x"]);
    let hmac = place.good(&["--kid", "k", "--header", "alg=HS256"]);
    for (token, code, words, about) in [
        (&token, 0, "good: the key `k` has signed it, by RS256\n", None),
        (&unnamed, 0, "good: the key `k` has signed it, by RS256\n", None),
        (
            &foreign,
            1,
            "bad: the key `k` is in the set, and has not signed this token as it stands\n",
            Some("signature"),
        ),
        (&misnamed, 1, "bad: the header names the key `x`, and the key `k` has signed it\n", Some("kid")),
        (&hmac, 1, "bad: `alg` is `HS256`, which is no signature by a key pair\n", Some("alg")),
    ] {
        let verified = place.token(&["verify", "--jwks", "jwks.json"], token);
        assert_eq!((verified.code, verified.stdout.as_str()), (Some(code), words));
        let inspected = place.token(&["inspect", "--jwks", "jwks.json", "--json"], token);
        let found = reasons(&inspected);
        assert_eq!(found.first().map(|(_, about)| about.as_str()), about, "{words}");
    }
}

#[test]
fn what_is_no_token_and_what_are_no_keys_end_with_a_sentence() {
    let place = Place::new();
    let token = place.good(&[]);
    place.write("set", "hunter2-hunter2");
    // Bound, and not listening.
    let held = std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let nowhere = format!("http://127.0.0.1:{}/jwks", held.local_addr().unwrap().port());
    for (arguments, input, code, sentence) in [
        (&["inspect"][..], "", 2, "there is no token"),
        (&["inspect"], "a\nb\n", 2, "there are 2 lines"),
        (&["inspect", "gone"], "", 2, "cannot read the token from gone"),
        (&["inspect", "--profile", "gone.yaml"], &token, 2, "gone.yaml"),
        (&["inspect", "--jwks", "set"], &token, 2, "cannot use the keys at set"),
        (&["inspect", "--jwks", "gone"], &token, 2, "cannot use the keys at gone"),
        (&["verify", "--jwks", &nowhere], &token, 3, "cannot use the keys at http://127.0.0.1:"),
        (&["verify", "--jwks", "jwks.json"], "opaque", 2, "no JSON web token"),
        (&["verify"], &token, 2, "--jwks"),
    ] {
        let ended = place.token(arguments, input);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{arguments:?} {}", ended.stderr);
        assert!(
            !ended.stderr.contains("hunter2") && !ended.stderr.contains(token.trim()),
            "{}",
            ended.stderr
        );
    }
}
