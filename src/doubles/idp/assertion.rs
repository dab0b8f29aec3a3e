//! Client authentication by a token that the client has signed itself (RFC 7521, section 4.2, and RFC 7523, section 3):
//! `private_key_jwt`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use serde_json::{Map, Value};

use crate::jose::{Algorithm, Compact, PublicKey};

/// By how much clocks may differ, in seconds.
const LEEWAY_S: f64 = 30.0;
/// How long an assertion may be good for, in seconds: for so long it is remembered.
const LONGEST_S: f64 = 3600.0;

/// Most assertions that are remembered: more than any load asks for in an hour.
const MOST: usize = 1 << 18;
/// Last second of the year 9999. A later date is no date.
const LAST_DATE: f64 = 253_402_300_799.0;

/// The assertions that have been seen and are still good: none may come again (section 3, item 7). Of each its digest is
/// kept, however long its id is, and until when it is good.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<HashMap<[u8; SHA256_OUTPUT_LEN], f64>>);

impl Replays {
    /// Whether this one comes for the first time; it is good until `until`. Where no more can be remembered, none is new:
    /// what nobody remembers could come again.
    fn is_new(&self, client: &str, jti: &str, until: f64, now: f64) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Where there are as many again as can be good for long, those that are not are forgotten.
        if seen.len() == seen.capacity() || seen.len() >= MOST {
            seen.retain(|_, until| *until > now);
        }
        let name = name(client, jti);
        let known = seen.get(&name).is_some_and(|until| *until > now);
        if known || seen.len() >= MOST {
            return false;
        }
        seen.insert(name, until);
        true
    }
}

/// A digest of client and id, of which no two pairs have the same text.
fn name(client: &str, jti: &str) -> [u8; SHA256_OUTPUT_LEN] {
    let hash = digest(&SHA256, format!("{}:{client}{jti}", client.len()).as_bytes());
    let mut name = [0; SHA256_OUTPUT_LEN];
    name.copy_from_slice(hash.as_ref());
    name
}

/// A `NumericDate` (RFC 7519, section 2) in seconds since 1970; fractions are permitted.
fn date(value: &Value) -> Option<f64> {
    value.as_f64().filter(|date| (0.0..=LAST_DATE).contains(date))
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
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
    let now = now as f64;
    let good = signed(assertion, key).and_then(|claims| {
        let says_client = |name: &str| claims.get(name).and_then(Value::as_str) == Some(client);
        let ours = |value: &Value| value.as_str().is_some_and(|text| recipients.contains(&text));
        let for_us = match claims.get("aud")? {
            Value::Array(items) => items.iter().any(ours),
            one => ours(one),
        };
        let until = date(claims.get("exp")?)? + LEEWAY_S;
        let begins = |name: &str| match claims.get(name) {
            None => Some(0.0),
            Some(time) => date(time),
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

    /// Half a second after this one.
    fn fraction(second: u64) -> Value {
        serde_json::from_str(&format!("{second}.5")).unwrap()
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
            ("exp", fraction(NOW + 60)),
            ("exp", fraction(NOW - 30)),
            ("iat", fraction(NOW - 1)),
            ("nbf", fraction(NOW + 29)),
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
            ("exp", fraction(NOW - 31)),
            ("exp", fraction(NOW + 3600)),
            ("exp", json!(-1)),
            ("exp", serde_json::from_str("1e400").unwrap()),
            ("iat", fraction(NOW + 30)),
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
            let now = f64::from(number);
            assert!(replays.is_new("a", &number.to_string(), now + 10.0, now));
        }
        assert!(replays.0.lock().unwrap().len() < 200);
        let is_new = |client: &str, jti: &str| replays.is_new(client, jti, 20_000.0, 10_000.0);
        assert!(!is_new("a", "9999") && is_new("b", "9999"));
        assert!(is_new("a9", "999"), "another client's, of the same letters");
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let replays = Replays::default();
        let all = (0..MOST).map(|number| (name("a", &number.to_string()), 10.0));
        replays.0.lock().unwrap().extend(all);
        assert!(!replays.is_new("a", "one more", 20.0, 5.0), "it could come again");
        assert!(replays.is_new("a", "one more", 20.0, 10.0), "the others are good no more");
        assert_eq!(replays.0.lock().unwrap().len(), 1);
    }
}
