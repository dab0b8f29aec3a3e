//! Client authentication by a token that the client has signed itself (RFC 7521, section 4.2, and RFC 7523, section 3):
//! `private_key_jwt`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::jose::{Algorithm, Compact, PublicKey};

/// By how much clocks may differ, in seconds.
const LEEWAY_S: u64 = 30;
/// How long an assertion may be good for, in seconds: for so long it is remembered.
const LONGEST_S: u64 = 3600;

/// The assertions that have been seen and are still good: none may come again (section 3, item 7).
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<HashMap<(String, String), u64>>);

impl Replays {
    /// Whether this one comes for the first time; it is good until `until`.
    fn is_new(&self, client: &str, jti: &str, until: u64, now: u64) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Where there are as many again as can be good for long, those that are not are forgotten.
        if seen.len() == seen.capacity() {
            seen.retain(|_, until| *until > now);
        }
        seen.insert((client.to_owned(), jti.to_owned()), until).is_none_or(|until| until <= now)
    }
}

/// The client that an assertion says it is from; nothing has been checked yet.
pub(super) fn claimed_client(assertion: &str) -> Option<String> {
    let claims = object(&Compact::split(assertion)?.decoded_payload()?)?;
    Some(claims.get("sub")?.as_str()?.to_owned())
}

/// Whether `client`, whose key is `key`, has signed `assertion` for one of `recipients` (the issuer and its token endpoint),
/// and it is good at `now`, in seconds since 1970, and new.
pub(super) fn is_good(
    assertion: &str,
    client: &str,
    key: &PublicKey,
    recipients: [&str; 2],
    replays: &Replays,
    now: u64,
) -> bool {
    let good = signed(assertion, key).and_then(|claims| {
        let says_client = |name: &str| claims.get(name).and_then(Value::as_str) == Some(client);
        let ours = |value: &Value| value.as_str().is_some_and(|text| recipients.contains(&text));
        let for_us = match claims.get("aud")? {
            Value::Array(items) => items.iter().any(ours),
            one => ours(one),
        };
        let until = claims.get("exp")?.as_u64()?.saturating_add(LEEWAY_S);
        let begins = |name: &str| match claims.get(name) {
            None => Some(0),
            Some(time) => time.as_u64(),
        };
        let begun = begins("nbf")?.max(begins("iat")?) <= now + LEEWAY_S;
        let timely = now < until && until <= now + LONGEST_S + LEEWAY_S && begun;
        let jti = claims.get("jti")?.as_str().filter(|jti| !jti.is_empty())?;
        let fits = says_client("iss") && says_client("sub") && for_us && timely;
        // Only what is good otherwise is remembered, so that nobody else can use up a client's names.
        Some(fits && replays.is_new(client, jti, until, now))
    });
    good.unwrap_or(false)
}

/// The claims of a token that this key has signed; its header says no more than it may.
fn signed(assertion: &str, key: &PublicKey) -> Option<Map<String, Value>> {
    let parts = Compact::split(assertion)?;
    let header = object(&parts.decoded_header()?)?;
    let algorithm = Algorithm::of_name(header.get("alg")?.as_str()?)?;
    // An access token is no assertion (RFC 8725, section 3.11); `client-authentication+jwt` is what RFC 7523 is to become.
    let typed = match header.get("typ") {
        None => true,
        Some(typ) => {
            let typ = typ.as_str()?.to_ascii_lowercase();
            matches!(typ.as_str(), "jwt" | "client-authentication+jwt")
        }
    };
    let signature = parts.decoded_signature()?;
    let fits = typed
        && !header.contains_key("crit")
        && key.verifies(algorithm, parts.signing_input().as_bytes(), &signature);
    if fits { object(&parts.decoded_payload()?) } else { None }
}

fn object(text: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{KeyKind, PrivateKey, Signer};
    use serde_json::json;
    use std::sync::Arc;

    const NOW: u64 = 1_800_000_000;
    const RECIPIENTS: [&str; 2] = ["http://idp", "http://idp/token"];

    fn claims() -> Value {
        json!({"iss": "shop", "sub": "shop", "aud": RECIPIENTS[1], "exp": NOW + 60, "iat": NOW, "jti": "1"})
    }

    struct Signed {
        key: Arc<PrivateKey>,
        replays: Replays,
    }

    impl Signed {
        fn new() -> Self {
            Self { key: Arc::new(PrivateKey::generate(KeyKind::P256).unwrap()), replays: Replays::default() }
        }

        fn assertion(&self, header: &Value, claims: &Value) -> String {
            Signer::new(self.key.clone(), Algorithm::Es256, header).sign(claims).unwrap()
        }

        fn good(&self, assertion: &str) -> bool {
            is_good(assertion, "shop", self.key.public(), RECIPIENTS, &self.replays, NOW)
        }

        /// Whether it is good with something said otherwise.
        fn with(&self, name: &str, value: Value) -> bool {
            let mut claims = claims();
            claims["jti"] = format!("{name} {value}").into();
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().shift_remove(name)),
                value => claims[name] = value,
            }
            self.good(&self.assertion(&json!({"alg": "ES256"}), &claims))
        }
    }

    #[test]
    fn a_good_one_is_good_once() {
        let signed = Signed::new();
        let assertion = signed.assertion(&json!({"alg": "ES256", "typ": "JWT", "kid": "x"}), &claims());
        assert_eq!(claimed_client(&assertion).as_deref(), Some("shop"));
        assert!(signed.good(&assertion));
        assert!(!signed.good(&assertion), "a replay");
    }

    #[test]
    fn whom_it_is_from_and_for_and_when() {
        let signed = Signed::new();
        for (name, value) in [
            ("aud", json!(RECIPIENTS[0])),
            ("aud", json!(["other", RECIPIENTS[0]])),
            ("exp", json!(NOW - 29)),
            ("exp", json!(NOW + 3600)),
            ("iat", Value::Null),
            ("nbf", json!(NOW + 30)),
        ] {
            assert!(signed.with(name, value.clone()), "{name}: {value}");
        }
        for (name, value) in [
            ("iss", json!("other")),
            ("sub", json!("other")),
            ("iss", Value::Null),
            ("aud", json!("http://idp/")),
            ("aud", json!([])),
            ("aud", Value::Null),
            ("exp", json!(NOW - 30)),
            ("exp", json!(NOW + 3601)),
            ("exp", json!("1900000000")),
            ("exp", Value::Null),
            ("iat", json!(NOW + 31)),
            ("nbf", json!(NOW + 31)),
            ("nbf", json!("0")),
            ("jti", Value::Null),
            ("jti", json!("")),
            ("jti", json!(7)),
        ] {
            assert!(!signed.with(name, value.clone()), "{name}: {value}");
        }
    }

    #[test]
    fn who_has_signed_it_and_how() {
        let signed = Signed::new();
        let good = |header| signed.good(&signed.assertion(&header, &claims()));
        for bad in [
            json!({"alg": "ES384"}),
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({}),
            json!({"alg": "ES256", "typ": "at+jwt"}),
            json!({"alg": "ES256", "crit": ["exp"]}),
            json!([]),
        ] {
            assert!(!good(bad.clone()), "{bad}");
        }
        let other = Signed::new().assertion(&json!({"alg": "ES256"}), &claims());
        assert!(!signed.good(&other) && !signed.good("") && !signed.good("a.b.c"));
        assert!(
            good(json!({"alg": "ES256", "typ": "client-authentication+jwt"})),
            "none of these used it up"
        );
    }

    #[test]
    fn what_is_good_no_more_is_forgotten() {
        let replays = Replays::default();
        for number in 0..10_000 {
            assert!(replays.is_new("a", &number.to_string(), number + 10, number));
        }
        assert!(replays.0.lock().unwrap().len() < 200);
        assert!(!replays.is_new("a", "9999", 20_000, 10_000) && replays.is_new("b", "9999", 20_000, 10_000));
    }
}
