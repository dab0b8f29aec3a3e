//! Comparing what landed with what was sent: bytes first, then value, then where the difference lies.

use std::cell::LazyCell;
use std::ops::Deref;

use bytes::Bytes;
use serde_json::Value;

use super::decimal::Decimal;
use super::excerpt::{Quotes, View};
use crate::record::{Catalogue, Content, ContentBuf, Format, Header, Landed, RecordId};

/// How a landed record's content stands to what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    /// The same bytes.
    Same,
    /// Equal as JSON values, with other bytes.
    Rewritten,
    /// Another content; a sentence says where.
    Different(String),
}

/// Compares key, value and headers. JSON values are equal when their members (in any order) and elements are, and
/// numbers when they are the same number, however written; no number goes through a float. Headers are equal when
/// they are the same bytes in the same order, as often; timestamps where the request gave one and the broker has left it.
#[must_use]
pub(super) fn compare(format: Format, sent: &Content, landed: &Landed, quotes: &Quotes) -> Comparison {
    // Only what differs is shown.
    let view = LazyCell::new(|| quotes.view(sent));
    if let Some(detail) = timestamps_differ(sent.timestamp_ms, landed.created_ms) {
        return Comparison::Different(detail);
    }
    if let Some(detail) = headers_differ(&sent.headers, &landed.headers, quotes, &view) {
        return Comparison::Different(detail);
    }
    let key = compare_one(format, Part::Key, (sent.key.as_deref(), landed.key.as_deref()), &view);
    let value = compare_one(format, Part::Value, (sent.value.as_deref(), landed.value.as_deref()), &view);
    match (key, value) {
        (Comparison::Different(detail), _) | (_, Comparison::Different(detail)) => {
            Comparison::Different(detail)
        }
        (Comparison::Rewritten, _) | (_, Comparison::Rewritten) => Comparison::Rewritten,
        (Comparison::Same, Comparison::Same) => Comparison::Same,
    }
}

/// A part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    Value,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }

    fn quoted(self, bytes: &[u8], view: &View<'_>) -> String {
        match self {
            Self::Key => view.quoted_key(bytes),
            Self::Value => view.raw(bytes),
        }
    }

    fn described(self, content: Option<&[u8]>, view: &View<'_>) -> String {
        match content {
            None => "null".into(),
            Some([]) => "0 bytes".into(),
            Some(bytes) => format!("{} bytes ({})", bytes.len(), self.quoted(bytes, view)),
        }
    }
}

/// The same for what `id` holds, made in `buf`. Where it has landed as it was sent, nothing is allocated.
pub(super) fn compare_in(
    catalogue: &Catalogue,
    id: RecordId,
    format: Format,
    landed: &Landed,
    quotes: &Quotes,
    buf: &mut ContentBuf,
) -> Comparison {
    catalogue.content_into(id, buf);
    let headers = landed.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
    if buf.key() == landed.key.as_deref()
        && buf.value() == landed.value.as_deref()
        && buf.headers().eq(headers)
        && timestamps_differ(buf.timestamp_ms(), landed.created_ms).is_none()
    {
        return Comparison::Same;
    }
    compare(format, &buf.to_content(), landed, quotes)
}

fn compare_one<'q>(
    format: Format,
    part: Part,
    (sent, landed): (Option<&[u8]>, Option<&[u8]>),
    view: &impl Deref<Target = View<'q>>,
) -> Comparison {
    let what = part.name();
    let (sent, landed) = match (sent, landed) {
        (a, b) if a == b => return Comparison::Same,
        (Some(sent), Some(landed)) => (sent, landed),
        (sent, landed) => {
            let (sent, landed) = (part.described(sent, view), part.described(landed, view));
            return Comparison::Different(format!("{what} sent as {sent}, landed as {landed}"));
        }
    };
    if format == Format::Json
        && let (Ok(sent), Ok(landed)) = (serde_json::from_slice(sent), serde_json::from_slice(landed))
    {
        return match first_difference(&sent, &landed, String::new()) {
            None => Comparison::Rewritten,
            Some(Difference { pointer, sides }) => {
                let place = if pointer.is_empty() { what.to_owned() } else { format!("{what} at {pointer}") };
                let (sent, landed) = sides.shown(part, &pointer, view);
                Comparison::Different(format!("{place}: sent {sent}, landed {landed}"))
            }
        };
    }
    let at = sent.iter().zip(landed).position(|(a, b)| a != b).unwrap_or(sent.len().min(landed.len()));
    Comparison::Different(format!(
        "{what}: sent {} bytes, landed {} bytes, differing from byte {at} on: sent {}, landed {}",
        sent.len(),
        landed.len(),
        part.quoted(&sent[at..], view),
        part.quoted(&landed[at..], view),
    ))
}

/// How the timestamps differ, where one was sent and the broker has not put its own in its place.
pub(super) fn timestamps_differ(sent: Option<i64>, landed: Option<i64>) -> Option<String> {
    let (sent, landed) = (sent?, landed?);
    (sent != landed).then(|| format!("timestamp: sent {sent} ms, landed {landed} ms"))
}

/// Where the headers differ, if they do.
fn headers_differ<'q>(
    sent: &[Header],
    landed: &[(String, Option<Bytes>)],
    quotes: &Quotes,
    view: &impl Deref<Target = View<'q>>,
) -> Option<String> {
    let clip = |name: &str| quotes.quoted(name.as_bytes());
    for (index, (name, value)) in sent.iter().enumerate() {
        let Some((found, landed)) = landed.get(index) else {
            return Some(format!("header {} was sent and has not landed", clip(name)));
        };
        if name != found {
            return Some(format!("header {index}: sent {}, landed {}", clip(name), clip(found)));
        }
        if value.as_deref() != landed.as_deref() {
            let (sent, landed) = (
                Part::Value.described(value.as_deref(), view),
                Part::Value.described(landed.as_deref(), view),
            );
            return Some(format!("header {} sent as {sent}, landed as {landed}", clip(name)));
        }
    }
    let (name, _) = landed.get(sent.len())?;
    Some(format!("header {} landed, and {} were sent", clip(name), sent.len()))
}

/// How far two contents lie apart, in bytes: to choose among records that one damaged copy might be.
pub(super) fn distance(sent: &Content, landed: &Landed) -> usize {
    fn one(a: Option<&[u8]>, b: Option<&[u8]>) -> usize {
        match (a, b) {
            (None, None) => 0,
            (Some(a), Some(b)) => a.len().abs_diff(b.len()) + a.iter().zip(b).filter(|(a, b)| a != b).count(),
            (Some(x), None) | (None, Some(x)) => x.len() + 1,
        }
    }
    let headers = sent.headers.iter().zip(&landed.headers);
    let headers = headers.map(|((_, a), (_, b))| one(a.as_deref(), b.as_deref())).sum::<usize>();
    one(sent.key.as_deref(), landed.key.as_deref())
        .saturating_add(one(sent.value.as_deref(), landed.value.as_deref()))
        .saturating_add(headers)
}

/// Where two JSON values differ, and how.
struct Difference<'v> {
    pointer: String,
    sides: Sides<'v>,
}

enum Sides<'v> {
    /// Other values, or one where there is none.
    Values(Option<&'v Value>, Option<&'v Value>),
    /// Arrays of other lengths.
    Lengths(usize, usize),
}

impl Sides<'_> {
    fn shown(&self, part: Part, pointer: &str, view: &View<'_>) -> (String, String) {
        let whole = |value: &Value| view.quoted_key(value.to_string().as_bytes());
        let key = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), whole);
        match self {
            Self::Lengths(sent, landed) => (format!("{sent} elements"), format!("{landed} elements")),
            Self::Values(sent, landed) if part == Part::Key => (key(*sent), key(*landed)),
            Self::Values(sent, landed) => view.sides(pointer, *sent, *landed),
        }
    }
}

/// The first place, in document order, where two JSON values differ.
fn first_difference<'v>(sent: &'v Value, landed: &'v Value, pointer: String) -> Option<Difference<'v>> {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let values = |pointer, sent, landed| Some(Difference { pointer, sides: Sides::Values(sent, landed) });
    match (sent, landed) {
        (Value::Object(a), Value::Object(b)) => {
            for (name, value) in a {
                let place = format!("{pointer}/{}", escaped(name));
                match b.get(name) {
                    None => return values(place, Some(value), None),
                    Some(other) => {
                        if let Some(difference) = first_difference(value, other, place) {
                            return Some(difference);
                        }
                    }
                }
            }
            let (name, value) = b.iter().find(|(name, _)| !a.contains_key(*name))?;
            values(format!("{pointer}/{}", escaped(name)), None, Some(value))
        }
        (Value::Array(a), Value::Array(b)) => {
            for (index, (x, y)) in a.iter().zip(b).enumerate() {
                if let Some(difference) = first_difference(x, y, format!("{pointer}/{index}")) {
                    return Some(difference);
                }
            }
            let sides = Sides::Lengths(a.len(), b.len());
            (a.len() != b.len()).then_some(Difference { pointer, sides })
        }
        (Value::Number(a), Value::Number(b))
            if Decimal::of(&a.to_string()) == Decimal::of(&b.to_string()) =>
        {
            None
        }
        (a, b) if a == b => None,
        (a, b) => values(pointer, Some(a), Some(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TopicPartition;
    use proptest::prelude::*;

    fn sent(key: Option<&str>, value: Option<&str>) -> Content {
        let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        Content { key: bytes(key), value: bytes(value), headers: Vec::new(), timestamp_ms: None }
    }

    fn landed(key: Option<&str>, value: Option<&str>) -> Landed {
        let bytes = |text: Option<&str>| text.map(|text| Bytes::copy_from_slice(text.as_bytes()));
        Landed {
            at: TopicPartition { topic: 0, partition: 0 },
            offset: 0,
            key: bytes(key),
            value: bytes(value),
            headers: Vec::new(),
            created_ms: Some(0),
            readable_us: 0,
        }
    }

    fn json(before: &str, after: &str) -> Comparison {
        compare(Format::Json, &sent(None, Some(before)), &landed(None, Some(after)), &Quotes::default())
    }

    #[test]
    fn a_timestamp_that_was_sent_must_have_landed() {
        let stamped = |timestamp_ms, created_ms| {
            let sent = Content { timestamp_ms, ..sent(None, Some("1")) };
            let landed = Landed { created_ms, ..landed(None, Some("1")) };
            compare(Format::Json, &sent, &landed, &Quotes::default())
        };
        assert_eq!(stamped(Some(5), Some(5)), Comparison::Same);
        assert_eq!(
            stamped(Some(5), Some(6)),
            Comparison::Different("timestamp: sent 5 ms, landed 6 ms".into())
        );
        // Without one in the request it is the path's to choose, and a topic may have its broker's own.
        assert_eq!((stamped(None, Some(6)), stamped(Some(5), None)), (Comparison::Same, Comparison::Same));
    }

    #[test]
    fn equal_values_in_other_bytes_are_rewritten() {
        for (sent, landed) in [
            ("{\"a\":1.10,\"b\":[true,null]}", "{ \"b\" : [true, null], \"a\" : 1.1 }"),
            ("[1e2,0.5,-0]", "[100.0,5E-1,0]"),
            ("\"\u{e9}\"", "\"\\u00e9\""),
            ("123456789012345678901234567890", "123456789012345678901234567890.0"),
        ] {
            assert_eq!(json(sent, landed), Comparison::Rewritten, "{sent} {landed}");
        }
        assert_eq!(json("{\"a\":1}", "{\"a\":1}"), Comparison::Same);
    }

    #[test]
    fn differences_are_named_with_both_sides() {
        let cases = [
            ("{\"a\":[1,{\"b/c\":0.1}]}", "{\"a\":[1,{\"b/c\":0.10000000000000001}]}"),
            ("{\"a\":1}", "{}"),
            ("{}", "{\"a\":null}"),
            ("[1]", "[1,2]"),
            ("123456789012345678901", "123456789012345680000"),
            ("{\"a\":1}", "{\"a\":1"),
        ];
        let seen: Vec<String> = cases
            .iter()
            .map(|(sent, landed)| match json(sent, landed) {
                Comparison::Different(text) => text,
                other => panic!("{sent} {landed}: {other:?}"),
            })
            .collect();
        insta::assert_snapshot!(seen.join("\n"), @r"
        value at /a/1/b~1c: sent `0.1`, landed `0.10000000000000001`
        value at /a: sent `1`, landed nothing
        value at /a: sent nothing, landed `null`
        value: sent 1 elements, landed 2 elements
        value: sent `123456789012345678901`, landed `123456789012345680000`
        value: sent 7 bytes, landed 6 bytes, differing from byte 6 on: sent `}`, landed ``
        ");
    }

    #[test]
    fn null_is_not_empty() {
        let sent = sent(Some("k"), None);
        let Comparison::Different(text) =
            compare(Format::Json, &sent, &landed(Some("k"), Some("")), &Quotes::default())
        else {
            panic!("taken for equal");
        };
        assert_eq!(text, "value sent as null, landed as 0 bytes");
        assert_eq!(
            compare(Format::Binary, &sent, &landed(Some("k"), None), &Quotes::default()),
            Comparison::Same
        );
    }

    #[test]
    fn bytes_and_texts_are_compared_by_bytes_only() {
        for format in [Format::Binary, Format::Text] {
            let comparison =
                compare(format, &sent(None, Some("1.10")), &landed(None, Some("1.1")), &Quotes::default());
            assert!(matches!(comparison, Comparison::Different(_)), "{format:?}");
        }
    }

    #[test]
    fn headers_must_be_the_same_in_the_same_order_as_often() {
        let headers = |list: &[(&str, Option<&str>)]| -> Vec<Header> {
            list.iter().map(|(name, value)| ((*name).into(), value.map(Into::into))).collect()
        };
        let comparison = |before: &[(&str, Option<&str>)], after: &[(&str, Option<&str>)]| {
            let sent = Content { headers: headers(before), ..sent(None, None) };
            let after = headers(after).into_iter().map(|(name, value)| (name, value.map(Bytes::from)));
            let found = Landed { headers: after.collect(), ..landed(None, None) };
            match compare(Format::Json, &sent, &found, &Quotes::default()) {
                Comparison::Different(text) => text,
                other => format!("{other:?}"),
            }
        };
        let (a, b) = (("a", Some("1")), ("b", None));
        assert_eq!(comparison(&[a, b, a], &[a, b, a]), "Same");
        let cases: [(&[_], &[_]); 6] = [
            (&[a, b, a], &[a, a, b]),
            (&[a], &[]),
            (&[], &[a]),
            (&[a], &[a, a]),
            (&[a], &[("a", Some("2"))]),
            (&[b], &[("b", Some(""))]),
        ];
        let seen: Vec<String> = cases.iter().map(|(before, after)| comparison(before, after)).collect();
        insta::assert_snapshot!(seen.join("\n"), @r"
        header 1: sent `b`, landed `a`
        header `a` was sent and has not landed
        header `a` landed, and 0 were sent
        header `a` landed, and 1 were sent
        header `a` sent as 1 bytes (`1`), landed as 1 bytes (`2`)
        header `b` sent as null, landed as 0 bytes
        ");
    }

    proptest! {
        #[test]
        fn a_number_equals_itself_with_zeros_added(n: i64, zeros in 0..5_usize) {
            let padded = format!("{n}.{}", "0".repeat(zeros + 1));
            prop_assert_eq!(Decimal::of(&n.to_string()), Decimal::of(&padded));
            prop_assert_eq!(Decimal::of(&format!("{n}00e-2")), Decimal::of(&n.to_string()));
        }

        #[test]
        fn different_integers_differ(a: i64, b: i64) {
            prop_assert_eq!(Decimal::of(&a.to_string()) == Decimal::of(&b.to_string()), a == b);
        }
    }
}
