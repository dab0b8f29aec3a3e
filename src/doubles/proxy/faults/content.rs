//! What faults make of a value; `None` where they leave it as it is.

use std::ops::BitOr;

use serde_json::{Number, Value};

use crate::doubles::jackson;

/// The whole numbers up to this one, and no others, are all doubles.
const EXACT: u64 = 1 << 53;

/// The value with one bit changed, in another place each `turn`: the lowest bit, since no JSON text stays the same
/// value without it.
pub(super) fn corrupted(value: &[u8], turn: u64) -> Option<Vec<u8>> {
    let at = usize::try_from(turn.wrapping_mul(7919).checked_rem(value.len() as u64)?).ok()?;
    let mut value = value.to_vec();
    value[at] ^= 1;
    Some(value)
}

/// The value without its last byte.
pub(super) fn truncated(value: &[u8]) -> Option<Vec<u8>> {
    value.split_last().map(|(_, rest)| rest.to_vec())
}

/// The value with `?` for each character beyond ASCII, where it is text that has some.
pub(super) fn without_unicode(value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok().filter(|text| !text.is_ascii())?;
    Some(text.chars().map(|c| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?')).collect())
}

/// The value with its numbers rounded, where it is JSON and one of them is another number then.
pub(super) fn rounded(value: &[u8]) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(value).ok()?;
    round(&mut document).then(|| jackson::write(&document))
}

/// The value indented, where it is JSON: the same value in other bytes.
pub(super) fn reformatted(value: &[u8]) -> Option<Vec<u8>> {
    let document: Value = serde_json::from_slice(value).ok()?;
    serde_json::to_vec_pretty(&document).ok().filter(|indented| indented != value)
}

/// Whether a number has become another.
fn round(value: &mut Value) -> bool {
    match value {
        Value::Number(number) => {
            let rounded = rounded_number(&number.to_string());
            let changed = rounded.is_some();
            if let Some(rounded) = rounded {
                *number = rounded;
            }
            changed
        }
        Value::Array(elements) => elements.iter_mut().map(round).fold(false, BitOr::bitor),
        Value::Object(members) => members.values_mut().map(round).fold(false, BitOr::bitor),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// The number that this text becomes, if it is another one.
fn rounded_number(text: &str) -> Option<Number> {
    let double: f64 = text.parse().ok()?;
    if text.contains(['.', 'e', 'E']) {
        #[expect(clippy::cast_possible_truncation, reason = "the loss is the fault")]
        let single = double as f32;
        // As little as tells it from other numbers of single precision, as languages print it.
        let printed = single.to_string();
        let changed = single.is_finite() && printed.parse() != Ok(double);
        return changed.then(|| printed.parse().ok())?;
    }
    let whole: i128 = text.parse().ok()?;
    let printed = format!("{double:.0}");
    let changed = whole.unsigned_abs() > u128::from(EXACT) && printed != text;
    changed.then(|| printed.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Option<Vec<u8>>) -> Option<String> {
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn numbers_are_rounded_only_where_they_lose_something() {
        for (value, becomes) in [
            ("9007199254740993", Some("9007199254740992")),
            ("[1,{\"a\":-118.6671667}]", Some("[1,{\"a\":-118.66717}]")),
            ("9007199254740992", None),
            ("{\"a\":34.4945,\"b\":1517966773840,\"c\":\"0.123456789012\",\"d\":null}", None),
            ("1.0E10", None),
            ("1e300", None),
            ("no JSON", None),
        ] {
            assert_eq!(text(rounded(value.as_bytes())).as_deref(), becomes, "{value}");
        }
    }

    #[test]
    fn json_is_indented_and_stays_what_it_is() {
        let indented = text(reformatted(br#"{"b":1.10,"a":[]}"#));
        assert_eq!(indented.as_deref(), Some("{\n  \"b\": 1.10,\n  \"a\": []\n}"));
        assert_eq!((reformatted(b"1"), reformatted(b"no JSON")), (None, None));
    }

    #[test]
    fn text_beyond_ascii_is_lost() {
        assert_eq!(text(without_unicode("\"Zürich 東京\"".as_bytes())).as_deref(), Some("\"Z?rich ??\""));
        assert_eq!(without_unicode(b"plain"), None);
        assert_eq!(without_unicode(b"\xff\xfe"), None);
    }

    #[test]
    fn there_must_be_a_byte_to_change() {
        assert_eq!((corrupted(b"", 3), truncated(b"")), (None, None));
        assert_eq!(corrupted(b"ab", 1), Some(b"ac".to_vec()));
        assert_eq!(truncated(b"ab"), Some(b"a".to_vec()));
    }
}
