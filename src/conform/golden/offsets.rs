//! Offsets, told from where the request's records begin in each partition, and partitions that the request leaves open.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::recording::{GoldenRequest, Recording};

/// Where the records of an exchange begin in each partition of the topic that it writes to: at the lowest offset at which one
/// landed, or of which an answer speaks where nobody looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bases {
    lowest: BTreeMap<i64, i64>,
    /// Where records stand; `None`: not all of it is known.
    stands: Option<BTreeSet<(i64, i64)>>,
}

impl Bases {
    /// Of an exchange whose answers hold `documents`.
    pub(super) fn of(recording: &Recording, documents: &[Value]) -> Self {
        let topic = topic_of(&recording.request);
        let own = recording.landed.iter().flatten();
        let own = own.filter(|record| topic.as_deref().is_none_or(|topic| topic == record.topic));
        let stands: BTreeSet<(i64, i64)> =
            own.map(|record| (i64::from(record.partition), record.offset)).collect();
        let mut answered = BTreeSet::new();
        for document in documents {
            positions(document, &mut answered);
        }
        let mut lowest = BTreeMap::new();
        // In order, so that the first of a partition is its lowest.
        for (partition, offset) in stands.iter().chain(&answered) {
            lowest.entry(*partition).or_insert(*offset);
        }
        let is_whole = recording.landed.is_some() && !recording.landed_truncated;
        Self { lowest, stands: is_whole.then_some(stands) }
    }

    /// The offset, counted from where the partition's records begin.
    pub(super) fn relative(&self, partition: i64, offset: i64) -> i64 {
        offset.saturating_sub(self.lowest.get(&partition).copied().unwrap_or(0))
    }

    /// Whether a record of the exchange stands there, as far as it is known.
    pub(super) fn has(&self, position: (i64, i64)) -> bool {
        self.stands.as_ref().is_none_or(|stands| stands.contains(&position))
    }
}

/// The positions that a document names, in its order: a partition, and an offset that is one.
pub fn positions(value: &Value, found: &mut impl Extend<(i64, i64)>) {
    match value {
        Value::Object(members) => match position(members) {
            Some((partition, offset)) if offset >= 0 => found.extend([(partition, offset)]),
            _ => members.values().for_each(|member| positions(member, found)),
        },
        Value::Array(elements) => elements.iter().for_each(|element| positions(element, found)),
        _ => {}
    }
}

/// Where a record is said to stand: partition and offset.
pub(super) fn position(members: &Map<String, Value>) -> Option<(i64, i64)> {
    let partition = members.get("partition").or_else(|| members.get("partition_id"))?.as_i64()?;
    Some((partition, members.get("offset")?.as_i64()?))
}

/// The topic that a request's path names, as far as it can be told.
#[must_use]
pub fn topic_of(request: &GoldenRequest) -> Option<String> {
    let path = request.path.split(['?', ';']).next().unwrap_or_default();
    let mut segments = path.split('/').skip_while(|segment| *segment != "topics").skip(1);
    let topic = segments.find(|segment| !segment.is_empty())?;
    percent_encoding::percent_decode_str(topic).decode_utf8().ok().map(Cow::into_owned)
}

/// Whether a request leaves it to the proxy into which partition some of its records go: one has neither a key, nor a
/// partition, nor is there one in the path.
pub(super) fn leaves_partitions_open(request: &GoldenRequest) -> bool {
    if request.path.contains("/partitions/") {
        return false;
    }
    let Ok(Some(body)) = request.body() else { return true };
    let documents: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(&body).into_iter::<Value>().collect();
    // What a proxy makes of a body that is no JSON is not known here.
    let Ok(documents) = documents else { return true };
    let open = |record: &Value| {
        let given = |name: &str| record.get(name).is_some_and(|member| !member.is_null());
        let key = record.get("key").is_some_and(|key| match key.get("data") {
            Some(data) => !data.is_null(),
            None => !key.is_null(),
        });
        !(key || given("partition") || given("partition_id"))
    };
    documents.iter().any(|document| match document.get("records").or_else(|| document.get("entries")) {
        Some(Value::Array(records)) => records.iter().any(open),
        _ => open(document),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, body: &str) -> GoldenRequest {
        GoldenRequest { path: path.into(), body: Some(body.into()), ..GoldenRequest::default() }
    }

    #[test]
    fn keys_and_partitions_determine_where_records_go() {
        for (path, body, open) in [
            ("/topics/t", r#"{"records":[{"value":1}]}"#, true),
            ("/topics/t", r#"{"records":[{"key":"k","value":1}]}"#, false),
            ("/topics/t", r#"{"records":[{"partition":0,"value":1}]}"#, false),
            ("/topics/t", r#"{"records":[{"partition":0,"value":1},{"key":null,"value":1}]}"#, true),
            ("/topics/t/partitions/0", r#"{"records":[{"value":1}]}"#, false),
            ("/v3/clusters/c/topics/t/records", r#"{"value":{"type":"JSON","data":1}}"#, true),
            ("/v3/clusters/c/topics/t/records", r#"{"key":{"type":"JSON","data":1}}"#, false),
            ("/v3/clusters/c/topics/t/records", r#"{"key":{"type":"JSON","data":null}}"#, true),
            ("/v3/clusters/c/topics/t/records", r#"{"partition_id":1}{"partition_id":2}"#, false),
            ("/topics/t", "not json", true),
        ] {
            assert_eq!(leaves_partitions_open(&request(path, body)), open, "{path} {body}");
        }
    }

    #[test]
    fn the_topic_stands_behind_topics() {
        for (path, topic) in [
            ("/topics/%74%31?x=1", Some("t1")),
            ("/v3/clusters/c/topics/t/records", Some("t")),
            ("http://h/topics/t;a=b", Some("t")),
            ("/topics", None),
        ] {
            assert_eq!(topic_of(&request(path, "")).as_deref(), topic, "{path}");
        }
    }
}
