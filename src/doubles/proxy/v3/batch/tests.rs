//! Batches and what becomes of them.

use super::*;
use crate::scenario::ProxyRelease;

const TARGET: request::Target<'static> =
    request::Target { topic: "t", release: ProxyRelease::Confluent7_9, registry: None };

/// Each id with its code, or the refusal of the whole.
fn outcome(body: &str) -> Result<Vec<(String, i64)>, (u16, i64, String)> {
    let code = |entry: &Entry| match entry {
        Entry::Record { .. } => 200,
        Entry::Refused(refusal) => refusal.error_code,
    };
    match parse(body.as_bytes(), TARGET) {
        Ok(entries) => Ok(entries.into_iter().map(|(id, entry)| (id, code(&entry))).collect()),
        Err(refusal) => Err((refusal.status.as_u16(), refusal.code, refusal.message)),
    }
}

fn entries(ids: &[&str]) -> String {
    let one = |id: &&str| format!("{{\"id\":{id},\"value\":{{\"type\":\"JSON\",\"data\":1}}}}");
    format!("{{\"entries\":[{}]}}", ids.iter().map(one).collect::<Vec<_>>().join(","))
}

#[test]
fn batches_are_refused_as_recorded_from_7_9() {
    let eleven: Vec<String> = (0..11).map(|id| format!("\"{id}\"")).collect();
    let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
    for (body, code, message) in [
        (String::new(), 42208, "Request body is empty. Data is required."),
        ("{}".to_owned(), 42208, "Empty batch."),
        (entries(&["\"1\"", "\"1\""]), 42208, "Batch entry IDs are not distinct."),
        (entries(&eleven), 42208, "Too many entries in batch."),
        (entries(&["1"]), 42208, "Batch entry identifier is not a valid string."),
        (entries(&["\"a b\""]), 42208, "Batch entry identifier is not a valid string."),
        ("{\"entries\":[{\"id\":\"1\",\"foo\":1}]}".to_owned(), 422, "Unrecognized field: foo"),
    ] {
        assert_eq!(outcome(&body), Err((422, code, message.to_owned())), "{body}");
    }
    assert_eq!(
        outcome("{\"entries\":[{\"value\":{\"type\":\"JSON\",\"data\":1}}]}"),
        Err((400, 400, "Cannot construct instance of `Builder`, problem: Null id".to_owned()))
    );
}

#[test]
fn an_entry_that_cannot_be_encoded_fails_alone() {
    let body = "{\"entries\":[{\"id\":\"1\",\"value\":{\"type\":\"JSON\",\"data\":1}},\
                {\"id\":\"b\",\"value\":{\"type\":\"BINARY\",\"data\":\"!\"}}]}";
    assert_eq!(outcome(body), Ok(vec![("1".to_owned(), 200), ("b".to_owned(), 400)]));
}
