//! Whether what was seen is identical to what was recorded.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use super::body::{Elided, Unbuildable};
use super::normal::{HEADERS, LandedByPlace, Normal, NormalAnswer, NormalBody, NormalRecord, Place};
use super::offsets::leaves_partitions_open;
use super::recording::{GoldenResponse, Recording};
use super::varying::Widening;

/// Longest part of a body or value that is shown, in bytes.
const SHOWN: usize = 300;

/// A field in which an exchange differs from the recorded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `answers`, `status`, `header:NAME`, `body`, `body:/json/pointer` or `landed:TOPIC`.
    pub field: String,
    /// As it was recorded.
    pub recorded: String,
    /// As it was seen.
    pub seen: String,
}

impl Difference {
    fn new(field: impl Into<String>, recorded: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { field: field.into(), recorded: recorded.into(), seen: seen.into() }
    }
}

/// In which fields `seen` differs from `recorded`; none: they are identical. What varies from run to run is told apart by
/// what each exchange says of itself: its cluster's id, its date, its lowest offsets. Partitions that the request leaves open
/// may be others.
///
/// # Errors
/// [`Unbuildable`], where a recording is damaged.
pub fn compare(
    recorded: &Recording,
    seen: &Recording,
    widenings: &[Widening],
) -> Result<Vec<Difference>, Unbuildable> {
    let rules: Vec<&Widening> = widenings.iter().filter(|rule| recorded.id.contains(&rule.id)).collect();
    let texts: Vec<Regex> = rules.iter().filter_map(|rule| Regex::new(rule.text.as_deref()?).ok()).collect();
    let mut differences = differing(recorded, seen, &texts, false)?;
    let open = leaves_partitions_open(&recorded.request) && partitions(recorded) != partitions(seen);
    if !differences.is_empty() && open {
        let widened = differing(recorded, seen, &texts, true)?;
        if widened.len() <= differences.len() {
            differences = widened;
        }
    }
    let ignored: Vec<&str> = rules.iter().filter_map(|rule| rule.ignore.as_deref()).collect();
    differences.retain(|difference| !ignored.iter().any(|rule| covers(rule, &difference.field)));
    Ok(differences)
}

/// The partitions in which records landed, one for each record.
fn partitions(recording: &Recording) -> Vec<(&str, i32)> {
    let landed = recording.landed.iter().flatten();
    let mut partitions: Vec<_> = landed.map(|record| (record.topic.as_str(), record.partition)).collect();
    partitions.sort_unstable();
    partitions
}

/// Whether a field is what a rule names, or a part of it.
fn covers(rule: &str, field: &str) -> bool {
    let part = |rest: &str| rest.is_empty() || rest.starts_with([':', '/']);
    field
        .get(..rule.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(rule) && part(&field[rule.len()..]))
}

fn differing(
    recorded: &Recording,
    seen: &Recording,
    texts: &[Regex],
    widened: bool,
) -> Result<Vec<Difference>, Unbuildable> {
    let place = |recording: &'_ Recording| recording.setup.cluster_id.clone();
    let (before_id, after_id) = (place(recorded), place(seen));
    let before = Normal::of(recorded, Place { cluster_id: &before_id, widened, texts })?;
    let after = Normal::of(seen, Place { cluster_id: &after_id, widened, texts })?;
    let mut found = Vec::new();
    if before.answers.len() != after.answers.len() {
        found.push(Difference::new("answers", told(&before.answers), told(&after.answers)));
    }
    let kept = recorded.answers().into_iter().zip(seen.answers());
    for ((before, after), kept) in before.answers.iter().zip(&after.answers).zip(kept) {
        if before.status != after.status {
            found.push(Difference::new("status", before.status.to_string(), after.status.to_string()));
        }
        for (index, name) in HEADERS.iter().enumerate() {
            let (one, other) = (&before.headers[index], &after.headers[index]);
            if one != other {
                found.push(Difference::new(format!("header:{name}"), listed(one), listed(other)));
            }
        }
        found.extend(bodies(&before.body, &after.body, kept)?);
    }
    let turns_alike =
        recorded.landed_truncated || (&before.in_turn, before.rises) == (&after.in_turn, after.rises);
    if let (Some(before), Some(after)) = (&before.landed, &after.landed) {
        let count = recorded.landed_count.filter(|_| recorded.landed_truncated);
        let seen_count = after.values().map(Vec::len).sum::<usize>() as u64;
        if let Some(count) = count.filter(|count| *count != seen_count) {
            found.push(Difference::new(
                "landed",
                format!("{count} records"),
                format!("{seen_count} records"),
            ));
        }
        for at in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let none = Vec::new();
            let (one, other) = (before.get(at).unwrap_or(&none), after.get(at).unwrap_or(&none));
            let same = if recorded.landed_truncated { stands_within(one, other) } else { one == other };
            let same = same || widened && turns_alike && is_spread_otherwise(before, after, &at.0);
            if !same {
                let (one, other) = shown_records(one, other);
                found.push(Difference::new(format!("landed:{}", at.0), one, other));
            }
        }
    }
    Ok(found)
}

/// Whether the records of a topic are the same, spread otherwise over partitions, and those of each partition in the order that
/// they have where all stand in one. Of two that spread them, answers tell the order.
fn is_spread_otherwise(before: &LandedByPlace, after: &LandedByPlace, topic: &str) -> bool {
    let of = |landed: &LandedByPlace| -> Vec<Vec<NormalRecord>> {
        let own = landed.iter().filter(|((of, _), _)| of == topic);
        own.map(|(_, records)| records.clone()).collect()
    };
    let (before, after) = (of(before), of(after));
    let sorted = |partitions: &[Vec<NormalRecord>]| {
        let mut all: Vec<NormalRecord> = partitions.iter().flatten().cloned().collect();
        all.sort();
        all
    };
    let in_order = |whole: &[Vec<NormalRecord>], parts: &[Vec<NormalRecord>]| match whole {
        [whole] => parts.iter().all(|part| stands_within(part, whole)),
        _ => true,
    };
    sorted(&before) == sorted(&after) && in_order(&before, &after) && in_order(&after, &before)
}

/// Whether all of `some` stand in `all`, in this order.
fn stands_within(some: &[NormalRecord], all: &[NormalRecord]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|record| rest.any(|other| other == record))
}

/// The statuses of answers.
fn told(answers: &[NormalAnswer]) -> String {
    let statuses: Vec<String> = answers.iter().map(|answer| answer.status.to_string()).collect();
    if statuses.is_empty() { "none".into() } else { statuses.join(", ") }
}

fn listed(values: &[String]) -> String {
    if values.is_empty() { "absent".into() } else { values.join(" | ") }
}

fn bodies(
    before: &NormalBody,
    after: &NormalBody,
    (recorded, seen): (&GoldenResponse, &GoldenResponse),
) -> Result<Vec<Difference>, Unbuildable> {
    let whole = |body: &NormalBody| match body {
        NormalBody::Json(documents) => {
            let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
            shortened(&texts.join(" "))
        }
        NormalBody::Bytes(bytes) => shortened(&String::from_utf8_lossy(bytes)),
        NormalBody::Elided => "not kept".into(),
    };
    Ok(match (before, after) {
        (NormalBody::Elided, _) => elided(recorded, seen)?.into_iter().collect(),
        (NormalBody::Json(one), NormalBody::Json(other)) => {
            let (mut found, single) = (Vec::new(), one.len() == 1 && other.len() == 1);
            if one.len() != other.len() {
                return Ok(vec![Difference::new("body", whole(before), whole(after))]);
            }
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                let pointer = if single { String::new() } else { format!("/{index}") };
                json(&pointer, one, other, &mut found);
            }
            found
        }
        (one, other) if one == other => Vec::new(),
        (one, other) => vec![Difference::new("body", whole(one), whole(other))],
    })
}

/// The members and elements in which two documents differ.
fn json(pointer: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    match (before, after) {
        (one, other) if one == other => {}
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let path = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => json(&path, one, other, found),
                    (one, other) => found.push(Difference::new(
                        format!("body:{path}"),
                        one.map_or("absent".into(), |value| shortened(&value.to_string())),
                        other.map_or("absent".into(), |value| shortened(&value.to_string())),
                    )),
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                json(&format!("{pointer}/{index}"), one, other, found);
            }
        }
        (one, other) => {
            let field = if pointer.is_empty() { "body".to_owned() } else { format!("body:{pointer}") };
            let text = |value: &Value| shortened(&value.to_string());
            found.push(Difference::new(field, text(one), text(other)));
        }
    }
}

/// A body of which only the ends and the hash were kept: what was seen is brought to the recorded offsets and hashed.
fn elided(recorded: &GoldenResponse, seen: &GoldenResponse) -> Result<Option<Difference>, Unbuildable> {
    static OFFSET: std::sync::LazyLock<Regex> =
        std::sync::LazyLock::new(|| Regex::new(r#""offset":(\d+)"#).expect("the pattern is well-formed"));
    let Some(body) = seen.body()? else { return Ok(None) };
    let head = recorded.body_head.as_deref().unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let first = |text: &str| OFFSET.captures(text).and_then(|found| found[1].parse::<i64>().ok());
    let moved = match (first(head), first(&text)) {
        (Some(before), Some(after)) => OFFSET
            .replace_all(&text, |found: &regex::Captures<'_>| {
                let offset: i64 = found[1].parse().unwrap_or_default();
                format!("\"offset\":{}", offset.saturating_add(before).saturating_sub(after))
            })
            .into_owned(),
        _ => text,
    };
    let expected = Elided { length: None, sha256: recorded.body_sha256.as_deref() };
    Ok(match expected.check(moved.as_bytes()) {
        Ok(()) => None,
        Err(_) => Some(Difference::new(
            "body",
            format!(
                "{} … (SHA-256 {})",
                shortened(head),
                recorded.body_sha256.as_deref().unwrap_or_default()
            ),
            format!("{} (another SHA-256, at the recorded offsets)", shortened(&moved)),
        )),
    })
}

/// Two sequences of records from where they differ.
fn shown_records(before: &[NormalRecord], after: &[NormalRecord]) -> (String, String) {
    let same = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let told = |records: &[NormalRecord]| match records.get(same) {
        None => format!("{} records", records.len()),
        Some(record) => format!("{} records, number {}: {}", records.len(), same + 1, shown_record(record)),
    };
    (told(before), told(after))
}

fn shown_record(record: &NormalRecord) -> String {
    let key = record.key.as_ref().map_or("null".into(), |key| shortened(&String::from_utf8_lossy(key)));
    let value = record.value.as_ref().map_or("null".into(), |value| match &value.bytes {
        Some(bytes) => shortened(&String::from_utf8_lossy(bytes)),
        None => format!("of {} bytes, SHA-256 {}", value.length, value.sha256),
    });
    let time = record.timestamp.map_or("now".into(), |at| at.to_string());
    let kind = if record.append_time { "LogAppendTime" } else { "CreateTime" };
    format!("key {key}, value {value}, headers {:?}, timestamp {time} ({kind})", record.headers)
}

fn shortened(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.to_owned();
    }
    let mut end = SHOWN;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A produce request whose answer and records are these: (partition, offset) and, with the value's base64, the same.
    fn exchange(records: &str, answered: &[(i64, i64)], landed: &[(i32, i64, &str)]) -> Recording {
        let offsets: Vec<Value> = answered
            .iter()
            .map(|(partition, offset)| json!({ "partition": partition, "offset": offset }))
            .collect();
        let landed: Vec<Value> = landed
            .iter()
            .map(|(partition, offset, value)| {
                json!({"topic": "t", "partition": partition, "offset": offset, "key_b64": null, "value_b64": value,
                       "headers": [], "timestamp": 0, "timestamp_type": "CreateTime"})
            })
            .collect();
        serde_json::from_value(json!({
            "id": "x",
            "request": {"method": "POST", "path": "/topics/t", "body": format!("{{\"records\":[{records}]}}")},
            "response": {"status": 200, "body": json!({ "offsets": offsets }).to_string()},
            "landed": landed,
        }))
        .unwrap()
    }

    fn fields(recorded: &Recording, seen: &Recording) -> Vec<String> {
        let found = compare(recorded, seen, &[]).unwrap();
        found.into_iter().map(|difference| difference.field).collect()
    }

    #[test]
    fn where_records_begin_and_open_partitions_are_no_matter() {
        let keyless = r#"{"value":1},{"value":2}"#;
        let recorded = exchange(keyless, &[(2, 7), (2, 8)], &[(2, 7, "MQ=="), (2, 8, "Mg==")]);
        for seen in [
            exchange(keyless, &[(2, 0), (2, 1)], &[(2, 0, "MQ=="), (2, 1, "Mg==")]),
            exchange(keyless, &[(0, 40), (0, 41)], &[(0, 40, "MQ=="), (0, 41, "Mg==")]),
            exchange(keyless, &[(0, 4), (1, 9)], &[(0, 4, "MQ=="), (1, 9, "Mg==")]),
        ] {
            assert_eq!(fields(&recorded, &seen), Vec::<String>::new());
        }
    }

    /// Which record goes where is a matter of timing, where it is left open; that each is there, and answered for in its turn, is
    /// not.
    #[test]
    fn records_may_be_spread_otherwise_in_the_order_that_answers_tell() {
        let three = r#"{"value":1},{"value":2},{"value":3}"#;
        let split = [(0, 4, "MQ=="), (1, 7, "Mg=="), (1, 8, "Mw==")];
        let recorded = exchange(three, &[(0, 4), (1, 7), (1, 8)], &split);
        let seen = |answered: &[(i64, i64)], landed: &[(i32, i64, &str)]| {
            fields(&recorded, &exchange(three, answered, landed))
        };
        let other = [(0, 0, "MQ=="), (0, 1, "Mg=="), (2, 5, "Mw==")];
        assert_eq!(seen(&[(0, 0), (0, 1), (2, 5)], &other), Vec::<String>::new());
        // Two in the other order; answers for each other's records; one twice, and one not at all.
        let turned = [(0, 0, "Mg=="), (0, 1, "MQ=="), (2, 5, "Mw==")];
        assert!(seen(&[(0, 1), (0, 0), (2, 5)], &turned).contains(&"landed:t".to_owned()));
        assert!(seen(&[(0, 0), (2, 5), (0, 1)], &other).contains(&"landed:t".to_owned()));
        let twice = [(0, 0, "MQ=="), (0, 1, "MQ=="), (2, 5, "Mw==")];
        assert!(seen(&[(0, 0), (0, 1), (2, 5)], &twice).contains(&"landed:t".to_owned()));
    }

    #[test]
    fn answers_that_name_other_places_than_where_records_stand_differ() {
        let keyless = r#"{"value":1}"#;
        let recorded = exchange(keyless, &[(0, 7)], &[(0, 7, "MQ==")]);
        for (answered, landed) in [((0, 4), (0, 5)), ((0, 6), (0, 5)), ((7, 999), (0, 5)), ((0, 5), (1, 5))] {
            let seen = exchange(keyless, &[answered], &[(landed.0, landed.1, "MQ==")]);
            assert_ne!(fields(&recorded, &seen), Vec::<String>::new(), "{answered:?} {landed:?}");
        }
    }

    #[test]
    fn order_and_partitions_that_are_asked_for_are_a_matter() {
        let keyless = r#"{"value":1},{"value":2}"#;
        let recorded = exchange(keyless, &[(0, 0), (0, 1)], &[(0, 0, "MQ=="), (0, 1, "Mg==")]);
        for partition in [0, 1] {
            let answered = [(i64::from(partition), 1), (i64::from(partition), 0)];
            let seen = exchange(keyless, &answered, &[(partition, 0, "Mg=="), (partition, 1, "MQ==")]);
            assert_ne!(fields(&recorded, &seen), Vec::<String>::new());
        }
        let three = r#"{"value":1},{"value":2},{"value":3}"#;
        let landed = [(0, 0, "MQ=="), (0, 1, "Mg=="), (0, 2, "Mw==")];
        let recorded = exchange(three, &[(0, 0), (0, 1), (0, 2)], &landed);
        let landed = [(1, 0, "Mw=="), (1, 1, "Mg=="), (2, 0, "MQ==")];
        let seen = exchange(three, &[(2, 0), (1, 1), (1, 0)], &landed);
        assert!(fields(&recorded, &seen).contains(&"landed:t".to_owned()));
        let explicit = r#"{"partition":0,"value":1}"#;
        let recorded = exchange(explicit, &[(0, 0)], &[(0, 0, "MQ==")]);
        let seen = exchange(explicit, &[(1, 0)], &[(1, 0, "MQ==")]);
        assert!(fields(&recorded, &seen).contains(&"landed:t".to_owned()));
    }
}
