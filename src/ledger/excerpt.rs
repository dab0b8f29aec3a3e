//! What evidence shows of a record's content: its beginning, as printable text, without what must not be shown.

use serde_json::Value;

use crate::record::{Content, Format, Landed};
use crate::result::Excerpt;

/// What stands for what must not be shown.
const REDACTED: &str = "[redacted]";

/// Members that hold secrets wherever they stand, in lower case.
const SECRETS: [&str; 9] = [
    "password",
    "passwd",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "refresh_token",
    "authorization",
    "api_key",
];

/// How much evidence shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotes {
    /// Examples of each kind of finding.
    pub examples: usize,
    /// Longest excerpt, in bytes.
    pub bytes: usize,
    /// JSON pointers (RFC 6901) into values: what stands there is not shown.
    pub redact: Vec<String>,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { examples: 5, bytes: 200, redact: Vec::new() }
    }
}

impl Quotes {
    /// The excerpt of what was sent.
    pub(super) fn of_content(&self, format: Format, content: &Content) -> Excerpt {
        self.excerpt(format, content.key.as_deref(), content.value.as_deref())
    }

    /// The excerpt of what was found.
    pub(super) fn of_landed(&self, format: Format, landed: &Landed) -> Excerpt {
        self.excerpt(format, landed.key.as_deref(), landed.value.as_deref())
    }

    fn excerpt(&self, format: Format, key: Option<&[u8]>, value: Option<&[u8]>) -> Excerpt {
        Excerpt {
            key: key.map(|key| self.clip(key)),
            value: value.map(|value| self.value(format, value)),
            value_bytes: value.map(|value| value.len() as u64),
        }
    }

    /// A value's text. Where something in it must not be shown, and where that is cannot be told, nothing of it is.
    fn value(&self, format: Format, bytes: &[u8]) -> String {
        match serde_json::from_slice::<Value>(bytes) {
            Ok(mut value) if format == Format::Json => {
                if self.hide(&mut value) {
                    self.clip(value.to_string().as_bytes())
                } else {
                    self.clip(bytes)
                }
            }
            _ if !self.redact.is_empty() => REDACTED.to_owned(),
            _ => self.clip(bytes),
        }
    }

    /// Bytes as text, to be quoted within a value at `pointer`.
    pub(super) fn at(&self, pointer: &str, value: &Value) -> String {
        if self.is_hidden(pointer) {
            return REDACTED.to_owned();
        }
        let mut value = value.clone();
        let below: Vec<String> =
            self.redact.iter().filter_map(|hidden| hidden.strip_prefix(pointer).map(str::to_owned)).collect();
        hide(&mut value, &below);
        self.quoted(value.to_string().as_bytes())
    }

    /// Bytes that are no JSON, quoted.
    pub(super) fn raw(&self, bytes: &[u8]) -> String {
        if self.redact.is_empty() { self.quoted(bytes) } else { format!("`{REDACTED}`") }
    }

    /// Whether what stands at a pointer must not be shown.
    fn is_hidden(&self, pointer: &str) -> bool {
        let within = |hidden: &String| {
            pointer.strip_prefix(hidden.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.redact.iter().any(within) || pointer.rsplit('/').next().is_some_and(is_secret)
    }

    fn hide(&self, value: &mut Value) -> bool {
        hide(value, &self.redact)
    }

    /// The beginning of the bytes as printable text.
    pub(super) fn quoted(&self, bytes: &[u8]) -> String {
        format!("`{}`", self.clip(bytes))
    }

    fn clip(&self, bytes: &[u8]) -> String {
        let shown = &bytes[..bytes.len().min(self.bytes)];
        let mut text = String::with_capacity(shown.len());
        for byte in shown {
            // Printable ASCII as it is; quotes are JSON's own, and need no mark.
            match byte {
                b'"' | b'\'' => text.push(char::from(*byte)),
                _ => text.extend(byte.escape_ascii().map(char::from)),
            }
        }
        if shown.len() < bytes.len() {
            text.push('…');
        }
        text
    }
}

fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name.to_ascii_lowercase().as_str())
}

/// Takes out what stands at the pointers, and every member that is called like a secret. Whether there was something.
fn hide(value: &mut Value, pointers: &[String]) -> bool {
    let mut hidden = hide_secrets(value);
    for pointer in pointers {
        if let Some(place) = value.pointer_mut(pointer) {
            *place = REDACTED.into();
            hidden = true;
        }
    }
    hidden
}

fn hide_secrets(value: &mut Value) -> bool {
    match value {
        Value::Object(members) => members.iter_mut().fold(false, |hidden, (name, member)| {
            if is_secret(name) {
                *member = REDACTED.into();
                true
            } else {
                hide_secrets(member) | hidden
            }
        }),
        Value::Array(elements) => {
            elements.iter_mut().fold(false, |hidden, element| hide_secrets(element) | hidden)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn quotes(bytes: usize, redact: &[&str]) -> Quotes {
        Quotes { examples: 5, bytes, redact: redact.iter().map(|text| (*text).to_owned()).collect() }
    }

    fn value(quotes: &Quotes, format: Format, bytes: &[u8]) -> String {
        quotes.excerpt(format, None, Some(bytes)).value.unwrap()
    }

    #[test]
    fn excerpts_are_short_and_printable() {
        let all = quotes(20, &[]);
        assert_eq!(value(&all, Format::Json, br#"{"a":"b"}"#), r#"{"a":"b"}"#);
        assert_eq!(value(&all, Format::Binary, b"\x00\xff\n\"x"), r#"\x00\xff\n"x"#);
        assert_eq!(value(&all, Format::Text, &[b'x'; 21]), format!("{}…", "x".repeat(20)));
        let excerpt = all.excerpt(Format::Json, Some(b"k"), None);
        assert_eq!((excerpt.key.as_deref(), excerpt.value, excerpt.value_bytes), (Some("k"), None, None));
    }

    #[test]
    fn what_must_not_be_shown_is_not() {
        let hiding = quotes(200, &["/customer/iban", "/list/1"]);
        let text = br#"{"customer":{"iban":"DE00 1234","name":"x"},"list":[1,2222],"Password":"hunter2"}"#;
        let shown = value(&hiding, Format::Json, text);
        assert_eq!(
            shown,
            r#"{"customer":{"iban":"[redacted]","name":"x"},"list":[1,"[redacted]"],"Password":"[redacted]"}"#
        );
        // What was damaged tells no place any more.
        for (format, bytes) in [(Format::Json, &text[..40]), (Format::Binary, text.as_slice())] {
            assert_eq!(value(&hiding, format, bytes), REDACTED);
        }
        assert_eq!(hiding.raw(b"DE00"), "`[redacted]`");
        assert_eq!(hiding.at("/customer/iban", &json!("DE00")), REDACTED);
        assert_eq!(hiding.at("/customer/iban/0", &json!("DE00")), REDACTED);
        assert_eq!(
            hiding.at("/customer", &json!({"iban": "DE00", "a": 1})),
            r#"`{"iban":"[redacted]","a":1}`"#
        );
        assert_eq!(hiding.at("/customer/ibanx", &json!(5)), "`5`");
        assert_eq!(hiding.at("/a/token", &json!("t")), REDACTED);
    }

    #[test]
    fn a_value_that_hides_nothing_keeps_its_bytes() {
        assert_eq!(value(&quotes(99, &["/a"]), Format::Json, b"{ \"b\": 1.10 }"), "{ \"b\": 1.10 }");
    }
}
