//! What must have landed.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::exchange::Mismatch;
use super::pattern::Names;
use crate::conform::golden::GoldenRecord;
use crate::jose::sha256;

/// Longest text of a record that is shown, in characters.
const SHOWN: usize = 200;
/// Records, or positions, that are listed.
const LISTED: usize = 20;

/// A record that must land. Keys and values are null, a text (whose UTF-8 bytes they are), `{base64: …}`, `{json: …}` (equal
/// once parsed), `{length: n}`, `{framed: {id, payload}}` or `$any`. What is framed begins as the registry's wire format has it,
/// with a zero and a schema's id: the one at a JSON pointer in the answer, the one that the request before told
/// (`{value_schema_id}`), or `$any`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandedPattern {
    /// Its key; null where nothing is said.
    #[serde(default)]
    pub key: Value,
    /// Its value.
    pub value: Value,
    /// Its partition; `None`: any.
    pub partition: Option<i32>,
    /// Its headers, in their order.
    #[serde(default)]
    pub headers: Vec<(String, Value)>,
    /// Its timestamp; `None`: any.
    pub timestamp: Option<Time>,
    /// `LogAppendTime` or, where nothing is said, `CreateTime`.
    pub timestamp_type: Option<String>,
}

/// What stands for the number of a record in a pattern of many.
const NUMBER: &str = "<i>";

/// The records that must land: a list, or `{count: n, each: …}`, where `<i>` stands for the number of each, which counts from 0.
#[derive(Deserialize)]
#[serde(untagged)]
enum LandedEntry {
    List(Vec<LandedPattern>),
    Many(Many),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    count: usize,
    each: LandedPattern,
}

/// Reads them, each for itself.
pub(super) fn patterns<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<LandedPattern>>, D::Error> {
    Ok(Option::<LandedEntry>::deserialize(from)?.map(|entry| match entry {
        LandedEntry::List(patterns) => patterns,
        LandedEntry::Many(Many { count, each }) => (0..count).map(|number| each.numbered(number)).collect(),
    }))
}

impl LandedPattern {
    /// The one of this number.
    fn numbered(&self, number: usize) -> Self {
        let number = number.to_string();
        let numbered = |pattern: &Value| numbered(pattern, &number);
        Self {
            key: numbered(&self.key),
            value: numbered(&self.value),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), numbered(value))).collect(),
            ..self.clone()
        }
    }
}

fn numbered(pattern: &Value, number: &str) -> Value {
    match pattern {
        Value::String(text) => Value::String(text.replace(NUMBER, number)),
        Value::Array(elements) => elements.iter().map(|element| numbered(element, number)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), numbered(member, number))).collect()
        }
        other => other.clone(),
    }
}

/// A timestamp that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Time {
    /// Milliseconds since 1970.
    At(i64),
    /// `now`: while the request was under way.
    Word(Now),
}

/// The word `now`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Now {
    /// The time of the request.
    Now,
}

/// In what the records that landed are not those that must.
pub(super) fn compare(
    patterns: &[LandedPattern],
    between: (i64, i64),
    names: &Names<'_>,
    landed: &[GoldenRecord],
) -> Vec<Mismatch> {
    let mut in_order: Vec<&GoldenRecord> = landed.iter().collect();
    in_order.sort_by_key(|record| (record.partition, record.offset));
    if patterns.len() != in_order.len() {
        let told = listed(in_order.iter().map(|record| shown(record)));
        return vec![Mismatch::new(
            "landed",
            format!("{} records", patterns.len()),
            format!("{} records: {told}", in_order.len()),
        )];
    }
    // Of each partition in its order, the next record that no pattern has taken yet.
    let mut by_partition: BTreeMap<i32, VecDeque<&GoldenRecord>> = BTreeMap::new();
    for record in in_order {
        by_partition.entry(record.partition).or_default().push_back(record);
    }
    let mut found = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let at = format!("landed:{index}");
        let places: Vec<i32> = match pattern.partition {
            Some(partition) => vec![partition],
            None => by_partition.keys().copied().collect(),
        };
        let next = |partition: &i32| by_partition.get(partition).and_then(|records| records.front());
        let fitting = places.iter().copied().find(|partition| {
            next(partition).is_some_and(|record| differing(&at, pattern, record, between, names).is_empty())
        });
        let chosen = fitting.or_else(|| places.iter().copied().find(|partition| next(partition).is_some()));
        let Some(partition) = chosen else {
            let place =
                pattern.partition.map_or(String::new(), |partition| format!(" in partition {partition}"));
            found.push(Mismatch::new(at, format!("a record{place}"), "none"));
            continue;
        };
        let records = by_partition.get_mut(&partition);
        let record = records.and_then(VecDeque::pop_front).expect("the partition has a record");
        found.extend(differing(&at, pattern, record, between, names));
    }
    found
}

/// Whether a record is as the pattern says.
pub(super) fn fitting(
    pattern: &LandedPattern,
    record: &GoldenRecord,
    between: (i64, i64),
    names: &Names<'_>,
) -> bool {
    differing("", pattern, record, between, names).is_empty()
}

/// In what a record is not as the pattern says.
fn differing(
    at: &str,
    pattern: &LandedPattern,
    record: &GoldenRecord,
    (from, to): (i64, i64),
    names: &Names<'_>,
) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let (key, value) = (Content::Bytes(decoded(record.key_b64.as_deref())), Content::of_value(record));
    for (part, pattern, content) in [("key", &pattern.key, key), ("value", &pattern.value, value)] {
        if !fits(pattern, &content, names) {
            found.push(Mismatch::new(
                format!("{at}:{part}"),
                names.filled(&pattern.to_string()),
                content.told(),
            ));
        }
    }
    let headers = &record.headers;
    let same = pattern.headers.len() == headers.len()
        && pattern.headers.iter().zip(headers).all(|((name, pattern), (other, value))| {
            name == other && fits(pattern, &Content::Bytes(decoded(value.as_deref())), names)
        });
    if !same {
        found.push(Mismatch::new(
            format!("{at}:headers"),
            serde_json::to_string(&pattern.headers).unwrap_or_default(),
            serde_json::to_string(headers).unwrap_or_default(),
        ));
    }
    let time = match &pattern.timestamp {
        None => None,
        Some(Time::At(at)) => (record.timestamp != Some(*at)).then(|| at.to_string()),
        Some(Time::Word(Now::Now)) => {
            let now = record.timestamp.is_some_and(|at| (from..=to).contains(&at));
            (!now).then(|| format!("now, between {from} and {to}"))
        }
    };
    if let Some(expected) = time {
        let timestamp = record.timestamp.map_or("none".into(), |at| at.to_string());
        found.push(Mismatch::new(format!("{at}:timestamp"), expected, timestamp));
    }
    let kind = pattern.timestamp_type.as_deref().unwrap_or("CreateTime");
    if record.timestamp_type != kind {
        found.push(Mismatch::new(format!("{at}:timestamp_type"), kind, record.timestamp_type.clone()));
    }
    found
}

/// A key or value, as far as it was kept.
enum Content<'a> {
    /// All of it; `None`: it is null.
    Bytes(Option<Vec<u8>>),
    /// Its length and its SHA-256 in hexadecimal.
    Hashed(u64, &'a str),
}

impl<'a> Content<'a> {
    fn of_value(record: &'a GoldenRecord) -> Self {
        match (&record.value_sha256, record.value_len) {
            (Some(hash), Some(length)) if record.value_b64.is_none() => Self::Hashed(length, hash),
            _ => Self::Bytes(decoded(record.value_b64.as_deref())),
        }
    }

    /// Whether it is these bytes.
    fn is(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Bytes(own) => own.as_deref() == Some(bytes),
            Self::Hashed(length, hash) => {
                bytes.len() as u64 == *length && hash.eq_ignore_ascii_case(&hex::encode(sha256(bytes)))
            }
        }
    }

    fn length(&self) -> Option<u64> {
        match self {
            Self::Bytes(own) => own.as_ref().map(|bytes| bytes.len() as u64),
            Self::Hashed(length, _) => Some(*length),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Bytes(own) => told(own.as_deref()),
            Self::Hashed(length, hash) => format!("{length} bytes of SHA-256 {hash}"),
        }
    }
}

fn decoded(text: Option<&str>) -> Option<Vec<u8>> {
    text.and_then(|text| STANDARD.decode(text).ok())
}

fn fits(pattern: &Value, content: &Content<'_>, names: &Names<'_>) -> bool {
    match pattern {
        Value::String(word) if word == "$any" => true,
        Value::Null => matches!(content, Content::Bytes(None)),
        Value::String(text) => content.is(names.filled(text).as_bytes()),
        Value::Object(one) => match one.iter().next().filter(|_| one.len() == 1) {
            Some((kind, operand)) => fits_kind((kind, operand), content, names),
            None => false,
        },
        _ => false,
    }
}

fn fits_kind((kind, operand): (&str, &Value), content: &Content<'_>, names: &Names<'_>) -> bool {
    match (kind, operand, content) {
        ("base64", Value::String(text), content) => {
            STANDARD.decode(text).is_ok_and(|decoded| content.is(&decoded))
        }
        ("length", length, content) => length.as_u64().is_some_and(|length| content.length() == Some(length)),
        ("json", json, Content::Bytes(Some(bytes))) => {
            serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value == *json)
        }
        // As a serialiser that adds no white space writes it.
        ("json", json, content @ Content::Hashed(..)) => content.is(json.to_string().as_bytes()),
        ("framed", Value::Object(frame), Content::Bytes(Some(bytes))) => {
            let (Some(id), Some(payload)) = (frame.get("id").and_then(Value::as_str), frame.get("payload"))
            else {
                return false;
            };
            let Some((&[0, a, b, c, d], rest)) = bytes.split_first_chunk::<5>() else { return false };
            let own = u64::from(u32::from_be_bytes([a, b, c, d]));
            let answered = || names.reply.and_then(|reply| reply.pointer(id)).and_then(Value::as_u64);
            let expected = || names.number(id).or_else(answered);
            frame.len() == 2
                && (id == "$any" || expected() == Some(own))
                && fits(payload, &Content::Bytes(Some(rest.to_vec())), names)
        }
        _ => false,
    }
}

/// As many of these as people read.
pub(super) fn listed(each: impl ExactSizeIterator<Item = String>) -> String {
    let more = each.len().saturating_sub(LISTED);
    let told = each.take(LISTED).collect::<Vec<_>>().join("; ");
    match more {
        0 if told.is_empty() => "none".to_owned(),
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// Records as people read them: as many as they do.
#[must_use]
pub fn landed_in_words(landed: &[GoldenRecord]) -> String {
    listed(landed.iter().map(shown))
}

pub(super) fn shown(record: &GoldenRecord) -> String {
    format!(
        "key {}, value {} in partition {}",
        told(decoded(record.key_b64.as_deref()).as_deref()),
        Content::of_value(record).told(),
        record.partition
    )
}

/// Bytes as people read them: text, or hexadecimal.
fn told(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else { return "null".into() };
    let text = match std::str::from_utf8(bytes) {
        Ok("") => return "empty".into(),
        Ok(text) => format!("`{text}`"),
        Err(_) => format!("0x{}", hex::encode(bytes)),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], bytes.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_and_values_fit_what_is_said_of_them() {
        let reply = json!({ "value_schema_id": 7, "value": { "schema_id": 8 } });
        let told = [("key_schema_id", "7".to_owned())];
        let names = Names { topic: "t", cluster: "C", told: &told, reply: Some(&reply), ..Names::default() };
        let bytes = |bytes: &[u8]| Content::Bytes(Some(bytes.to_vec()));
        let framed = |id: &str| json!({ "framed": { "id": id, "payload": { "json": {} } } });
        let (seven, short) = (b"\0\0\0\0\x07{ }", b"\0\0\0\x07");
        let hash = hex::encode(sha256(b"long"));
        for (pattern, content, expected) in [
            (json!(null), Content::Bytes(None), true),
            (json!(null), bytes(b""), false),
            (json!(null), Content::Hashed(4, &hash), false),
            (json!("of {topic}"), bytes(b"of t"), true),
            (json!("long"), Content::Hashed(4, &hash), true),
            (json!("lang"), Content::Hashed(4, &hash), false),
            (json!({ "base64": "bG9uZw==" }), Content::Hashed(4, &hash), true),
            (json!({ "length": 4 }), Content::Hashed(4, &hash), true),
            (json!({ "length": 4 }), bytes(b"long"), true),
            (json!({ "length": 5 }), bytes(b"long"), false),
            (json!({ "json": [1] }), bytes(b"[ 1 ]"), true),
            (json!({ "json": [1], "length": 5 }), bytes(b"[ 1 ]"), false),
            (framed("/value_schema_id"), bytes(seven), true),
            (framed("/value/schema_id"), bytes(seven), false),
            (framed("/none"), bytes(seven), false),
            (framed("{key_schema_id}"), bytes(seven), true),
            (framed("{key_schema_id}"), bytes(b"\0\0\0\0\x08{ }"), false),
            (framed("{value_schema_id}"), bytes(seven), false),
            (framed("$any"), bytes(seven), true),
            (framed("$any"), bytes(short), false),
            (json!({ "framed": { "id": "$any", "payload": "{}" } }), bytes(seven), false),
            (json!({ "framed": { "id": "$any" } }), bytes(seven), false),
        ] {
            assert_eq!(fits(&pattern, &content, &names), expected, "{pattern}");
        }
    }

    #[test]
    fn many_records_are_told_by_their_number_and_how_many_they_are() {
        #[derive(Deserialize)]
        struct Of {
            #[serde(deserialize_with = "patterns")]
            landed: Option<Vec<LandedPattern>>,
        }
        let read = |text: &str| {
            let of: Result<Of, _> = serde_json::from_str(&format!("{{\"landed\":{text}}}"));
            of.map(|of| of.landed.unwrap())
        };
        let three = read(r#"{"count":3,"each":{"key":{"json":["<i>"]},"value":"v<i>"}}"#).unwrap();
        let list = r#"[{"key":{"json":["0"]},"value":"v0"},{"key":{"json":["1"]},"value":"v1"},
            {"key":{"json":["2"]},"value":"v2"}]"#;
        assert_eq!(three, read(list).unwrap());
        for wrong in [
            r#"{"count":3}"#,
            r#"{"count":-1,"each":{"value":1}}"#,
            r#"{"count":1,"each":{"value":1},"x":1}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let record = |offset: i64, value: &str| GoldenRecord {
            offset,
            value_b64: Some(STANDARD.encode(value)),
            timestamp_type: "CreateTime".into(),
            ..GoldenRecord::default()
        };
        let fields = |values: &[&str]| {
            let landed: Vec<GoldenRecord> =
                (0_i64..).zip(values).map(|(offset, value)| record(offset, value)).collect();
            let patterns = read(r#"{"count":2,"each":{"value":"v<i>"}}"#).unwrap();
            let found = compare(&patterns, (0, 0), &Names::default(), &landed);
            found.into_iter().map(|mismatch| mismatch.field).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(fields(&["v0", "v1"]), none);
        assert_eq!(fields(&["v0"]), ["landed"]);
        assert_eq!(fields(&["v0", "v1", "v2"]), ["landed"]);
        assert_eq!(fields(&["v1", "v0"]), ["landed:0:value", "landed:1:value"]);
    }
}
