//! What must have landed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::evaluate::{Mismatch, Seen};
use super::pattern::Names;
use crate::conform::golden::GoldenRecord;

/// Longest text of a record that is shown, in characters.
const SHOWN: usize = 200;

/// A record that must land. Keys and values are null, a text (whose UTF-8 bytes they are), `{base64: …}`, `{json: …}` (equal
/// once parsed), `{length: n}` or `$any`.
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
pub(super) fn compare(patterns: &[LandedPattern], seen: &Seen<'_>, landed: &[GoldenRecord]) -> Vec<Mismatch> {
    let names = Names { topic: seen.topic, cluster: seen.cluster };
    let mut in_order: Vec<&GoldenRecord> = landed.iter().collect();
    in_order.sort_by_key(|record| (record.partition, record.offset));
    if patterns.len() != in_order.len() {
        let told: Vec<String> = in_order.iter().map(|record| shown(record)).collect();
        let told = if told.is_empty() { "none".into() } else { told.join("; ") };
        return vec![Mismatch::new(
            "landed",
            format!("{} records", patterns.len()),
            format!("{} records: {told}", in_order.len()),
        )];
    }
    // Of each partition in its order, the next record that no pattern has taken yet.
    let mut by_partition: BTreeMap<i32, Vec<&GoldenRecord>> = BTreeMap::new();
    for record in in_order {
        by_partition.entry(record.partition).or_default().push(record);
    }
    let mut found = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let at = format!("landed:{index}");
        let places: Vec<i32> = match pattern.partition {
            Some(partition) => vec![partition],
            None => by_partition.keys().copied().collect(),
        };
        let next = |partition: &i32| by_partition.get(partition).and_then(|records| records.first());
        let fitting = places.iter().copied().find(|partition| {
            next(partition).is_some_and(|record| differing(&at, pattern, record, seen, &names).is_empty())
        });
        let chosen = fitting.or_else(|| places.iter().copied().find(|partition| next(partition).is_some()));
        let Some(partition) = chosen else {
            let place =
                pattern.partition.map_or(String::new(), |partition| format!(" in partition {partition}"));
            found.push(Mismatch::new(at, format!("a record{place}"), "none"));
            continue;
        };
        let records = by_partition.get_mut(&partition).expect("the partition has a record");
        let record = records.remove(0);
        found.extend(differing(&at, pattern, record, seen, &names));
    }
    found
}

/// Whether a record is as the pattern says.
pub(super) fn fitting(pattern: &LandedPattern, record: &GoldenRecord, seen: &Seen<'_>) -> bool {
    differing("", pattern, record, seen, &Names { topic: seen.topic, cluster: seen.cluster }).is_empty()
}

/// In what a record is not as the pattern says.
fn differing(
    at: &str,
    pattern: &LandedPattern,
    record: &GoldenRecord,
    seen: &Seen<'_>,
    names: &Names<'_>,
) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let bytes = |text: &Option<String>| text.as_deref().and_then(|text| STANDARD.decode(text).ok());
    for (part, pattern, bytes) in
        [("key", &pattern.key, bytes(&record.key_b64)), ("value", &pattern.value, bytes(&record.value_b64))]
    {
        if !fits(pattern, bytes.as_deref(), names) {
            found.push(Mismatch::new(
                format!("{at}:{part}"),
                names.filled(&pattern.to_string()),
                told(bytes.as_deref()),
            ));
        }
    }
    let headers = &record.headers;
    let same = pattern.headers.len() == headers.len()
        && pattern.headers.iter().zip(headers).all(|((name, pattern), (other, value))| {
            name == other && fits(pattern, bytes(value).as_deref(), names)
        });
    if !same {
        found.push(Mismatch::new(
            format!("{at}:headers"),
            serde_json::to_string(&pattern.headers).unwrap_or_default(),
            serde_json::to_string(headers).unwrap_or_default(),
        ));
    }
    let (from, to) = seen.between;
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

fn fits(pattern: &Value, bytes: Option<&[u8]>, names: &Names<'_>) -> bool {
    match (pattern, bytes) {
        (Value::String(word), _) if word == "$any" => true,
        (Value::Null, None) => true,
        (Value::String(text), Some(bytes)) => names.filled(text).as_bytes() == bytes,
        (Value::Object(one), Some(bytes)) => {
            let by_base64 = one.get("base64").and_then(Value::as_str).map(|text| STANDARD.decode(text));
            let by_json = one
                .get("json")
                .map(|json| serde_json::from_slice::<Value>(bytes).ok().as_ref() == Some(json));
            let by_length =
                one.get("length").and_then(Value::as_u64).map(|length| bytes.len() as u64 == length);
            by_base64
                .map(|decoded| decoded.is_ok_and(|decoded| decoded == bytes))
                .or(by_json)
                .or(by_length)
                .unwrap_or(false)
        }
        _ => false,
    }
}

pub(super) fn shown(record: &GoldenRecord) -> String {
    let bytes = |text: &Option<String>| text.as_deref().and_then(|text| STANDARD.decode(text).ok());
    let (key, value) = (bytes(&record.key_b64), bytes(&record.value_b64));
    format!(
        "key {}, value {} in partition {}",
        told(key.as_deref()),
        told(value.as_deref()),
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
