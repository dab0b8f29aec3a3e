//! JSON as tokens hold it: an object within bounds, in which no name stands twice.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};

/// How deep lists and objects may lie in one another. Access tokens have three or four levels.
const DEPTH: usize = 32;
/// What `serde_json` calls numbers and raw text between itself and this crate. It takes an object with such a name for a
/// number even where somebody wrote that object into a token.
const PRIVATE: &str = "$serde_json::private::";

/// What is done with names that stand twice in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twice {
    /// The object is refused (RFC 7515, section 4; RFC 7519, section 4). Readers differ in which one they take.
    Refused,
    /// The last one counts.
    LastWins,
}

/// The members of a JSON object; `None` where the text is none, or is not within bounds. Names are compared as they are
/// read, with escapes resolved. Objects further inside are not looked at.
pub(super) fn object(text: &[u8], twice: Twice) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(text).ok().filter(|text| within_bounds(text))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(Members(twice)).ok()?;
    deserializer.end().ok().map(|()| members)
}

/// Whether the text is not too deep, and names nothing that is `serde_json`'s own. Whether it is JSON is found out later.
fn within_bounds(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[', '}', ']', '"']) {
        let (mark, behind) = (rest.as_bytes()[at], &rest[at + 1..]);
        rest = behind;
        match mark {
            b'"' => {
                // An unfinished text is no JSON, which the parser tells.
                let Some(length) = length_of_text(behind) else { return true };
                let (inner, behind) = behind.split_at(length);
                rest = &behind[1..];
                if is_private(inner) {
                    return false;
                }
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH {
                    return false;
                }
            }
            _ => depth = depth.saturating_sub(1),
        }
    }
    true
}

/// Bytes up to the quotation mark that ends a text.
fn length_of_text(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

fn is_private(inner: &str) -> bool {
    if !inner.contains('\\') {
        return inner.starts_with(PRIVATE);
    }
    serde_json::from_str::<String>(&format!("\"{inner}\"")).is_ok_and(|text| text.starts_with(PRIVATE))
}

struct Members(Twice);

impl<'de> Visitor<'de> for Members {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object in which no name stands twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() && self.0 == Twice::Refused {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Map<String, Value>> {
        object(text.as_bytes(), Twice::Refused)
    }

    #[test]
    fn a_name_stands_once_however_it_is_written() {
        assert_eq!(read(r#" {"a": 1, "b": {"a": 2, "a": 3}} "#).unwrap().len(), 2);
        for twice in [r#"{"aud":"x","aud":"y"}"#, r#"{"aud":"x","\u0061ud":"y"}"#] {
            assert_eq!(read(twice), None, "{twice}");
            assert_eq!(object(twice.as_bytes(), Twice::LastWins).unwrap()["aud"], "y");
        }
    }

    #[test]
    fn what_is_no_object_is_none() {
        for text in
            ["", "null", "[]", "\"x\"", "{", "{}x", "{} {}", "\u{feff}{}", "{\"a\"", "{\"a\\", "{'a':1}"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}", Twice::Refused), None);
        assert_eq!(object(b"{\x00\"\x00a\x00", Twice::Refused), None);
        assert_eq!(read(r#"{"a":"\ud800"}"#), None, "half a character");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&deep(DEPTH - 1)).is_some());
        assert!(read(&deep(DEPTH)).is_none());
        assert!(read(&deep(100_000)).is_none());
        assert!(read(&format!("{{\"a\":\"{}\"}}", "[".repeat(100))).is_some(), "text is no depth");
        assert!(read(&format!("{{\"a\":[{}[]]}}", "[],".repeat(100))).is_some(), "side by side");
    }

    #[test]
    fn an_object_is_not_taken_for_a_number() {
        for name in [
            "$serde_json::private::Number",
            "\\u0024serde_json::private::Number",
            "\\u0024serde_json::private::RawValue",
        ] {
            assert_eq!(read(&format!(r#"{{"exp":{{"{name}":"9999999999"}}}}"#)), None, "{name}");
        }
        assert!(read(r#"{"a":"serde_json::private::Number \""}"#).is_some());
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(text in r#"[{}\[\]",:a1 \\u0]{0,40}"#) {
            let read = object(text.as_bytes(), Twice::LastWins);
            prop_assert_eq!(read, serde_json::from_str::<Map<String, Value>>(&text).ok());
        }
    }
}
