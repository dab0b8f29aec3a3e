//! Claims written from a profile's templates.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::Issues;

/// What may stand in a template's text, alone or among other characters.
pub(in crate::scenario) const PLACEHOLDERS: [&str; 6] =
    ["{client}", "{client_uuid}", "{audience}", "{scope}", "{jti}", "{tenant}"];
/// What is a template's whole text, and becomes no text.
pub(in crate::scenario) const LONE_PLACEHOLDERS: [&str; 2] = ["{now}", "{scopes}"];

/// What the claims of one token are written from.
///
/// In a template's texts `{client}`, `{audience}`, `{scope}` and `{jti}` stand for the members of these names,
/// `{client_uuid}` for an id that follows from the client alone, and `{tenant}` for the UUID in the issuer's path, or else
/// for one that follows from the issuer. A text that is `{now}` alone becomes a number, one that is `{scopes}` alone a list
/// of texts. A claim in which something has nothing to stand for (no audience, no scope) is left out whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimValues<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// Client id.
    pub client: &'a str,
    /// Whom the token is for.
    pub audience: Option<&'a str>,
    /// What was granted, with spaces between.
    pub scope: Option<&'a str>,
    /// Unique id of the token.
    pub jti: &'a str,
    /// When it is issued, in seconds since 1970.
    pub now: u64,
    /// How long it lives, in seconds.
    pub life: u64,
}

impl Issues {
    /// The claims of one token: `iss`, `iat`, `exp`, and then those of the profile in its order.
    #[must_use]
    pub fn claims_of(&self, values: &ClaimValues<'_>) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), values.issuer.into());
        claims.insert("iat".to_owned(), values.now.into());
        claims.insert("exp".to_owned(), values.now.saturating_add(values.life).into());
        for (name, template) in &self.claims {
            if let Some(value) = values.filled(template) {
                claims.insert(name.clone(), value);
            }
        }
        claims
    }
}

impl ClaimValues<'_> {
    /// What a template says; `None` where something in it has nothing to stand for.
    fn filled(&self, template: &Value) -> Option<Value> {
        match template {
            Value::String(text) if text == LONE_PLACEHOLDERS[0] => Some(self.now.into()),
            Value::String(text) if text == LONE_PLACEHOLDERS[1] => {
                Some(self.scope?.split(' ').map(Value::from).collect::<Vec<_>>().into())
            }
            Value::String(text) => self.filled_text(text).map(Value::String),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect::<Option<_>>(),
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| Some((name.clone(), self.filled(value)?));
                members.iter().map(member).collect::<Option<Map<_, _>>>().map(Value::Object)
            }
            other => Some(other.clone()),
        }
    }

    fn filled_text(&self, text: &str) -> Option<String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        // What is put in is not looked at again: a client may be called `{jti}`.
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(name) = PLACEHOLDERS.into_iter().find(|name| rest.starts_with(name)) {
                filled.push_str(&self.value_of(name)?);
                rest = &rest[name.len()..];
            } else {
                filled.push('{');
                rest = &rest[1..];
            }
        }
        filled.push_str(rest);
        Some(filled)
    }

    fn value_of(&self, placeholder: &str) -> Option<String> {
        match placeholder {
            "{client}" => Some(self.client.to_owned()),
            "{client_uuid}" => Some(uuid_of("client", self.client)),
            "{audience}" => self.audience.map(str::to_owned),
            "{scope}" => self.scope.map(str::to_owned),
            "{jti}" => Some(self.jti.to_owned()),
            _ => Some(self.tenant()),
        }
    }

    fn tenant(&self) -> String {
        let found = self.issuer.split('/').find(|segment| is_uuid(segment));
        found.map_or_else(|| uuid_of("tenant", self.issuer), str::to_owned)
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A UUID that follows from a name, of version 8 (RFC 9562, section 5.8): the first bits of a SHA-256.
fn uuid_of(kind: &str, name: &str) -> String {
    let hash = digest(&SHA256, format!("{kind}:{name}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let hex = hex::encode(bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::TokenProfile;
    use serde_json::json;

    fn values() -> ClaimValues<'static> {
        ClaimValues {
            issuer: "http://h/t",
            client: "shop",
            audience: Some("api"),
            scope: Some("a:write b"),
            jti: "7",
            now: 100,
            life: 60,
        }
    }

    fn written(claims: &Value, values: &ClaimValues<'_>) -> Value {
        let issues = Issues { claims: claims.as_object().unwrap().clone(), ..TokenProfile::default().issues };
        Value::Object(issues.claims_of(values))
    }

    #[test]
    fn every_token_says_whose_it_is_and_how_long_it_lives() {
        assert_eq!(written(&json!({}), &values()), json!({"iss": "http://h/t", "iat": 100, "exp": 160}));
    }

    #[test]
    fn texts_become_what_they_stand_for() {
        let claims = json!({
            "a": "x{client}@{audience} {jti}{", "b": "{now}", "c": "{scopes}", "d": ["{scope}", 1, null],
            "e": {"f": {"g": "{client}"}}, "h": "{unknown}", "i": "at {now}"
        });
        let expected = json!({
            "iss": "http://h/t", "iat": 100, "exp": 160,
            "a": "xshop@api 7{", "b": 100, "c": ["a:write", "b"], "d": ["a:write b", 1, null],
            "e": {"f": {"g": "shop"}}, "h": "{unknown}", "i": "at {now}"
        });
        assert_eq!(written(&claims, &values()), expected);
    }

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let values = ClaimValues { client: "{jti}", ..values() };
        assert_eq!(written(&json!({"a": "{client}"}), &values)["a"], "{jti}");
    }

    #[test]
    fn a_claim_that_has_nothing_to_say_is_left_out_whole() {
        let claims = json!({"a": "x{scope}", "b": ["{audience}", "account"], "c": "{scopes}", "d": {"e": "{scope}"}, "f": "g"});
        let values = ClaimValues { scope: None, audience: None, ..values() };
        assert_eq!(written(&claims, &values), json!({"iss": "http://h/t", "iat": 100, "exp": 160, "f": "g"}));
    }

    #[test]
    fn ids_follow_from_names() {
        let claims = json!({"client": "{client_uuid}", "tenant": "{tenant}"});
        let of = |issuer, client| written(&claims, &ClaimValues { issuer, client, ..values() });
        let first = of("http://h:1/x", "shop");
        assert_eq!(first, of("http://h:1/x", "shop"));
        assert!(is_uuid(first["client"].as_str().unwrap()) && is_uuid(first["tenant"].as_str().unwrap()));
        let other = of("http://h:2/x", "shop2");
        assert!(other["client"] != first["client"] && other["tenant"] != first["tenant"]);
        let tenant = "7f0c2d0e-52a4-4b53-9d8e-3a4c6f1b9e21";
        assert_eq!(of(&format!("http://h/{tenant}/v2.0"), "shop")["tenant"], tenant);
    }
}
