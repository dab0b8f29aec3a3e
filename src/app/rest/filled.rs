//! A case's request with names where it has words for them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::conform::golden::{GoldenRequest, GoldenResponse, Send, positions, unpacked};
use crate::conform::rest::TOLD;

/// A request with these names, for instance the topic's for `{topic}`; for `{topic_percent_encoded}` stands each of its bytes as
/// `%xx`.
pub(super) fn filled(request: &GoldenRequest, names: &[(&str, String)]) -> GoldenRequest {
    let fill = |text: &str| {
        let mut text = text.to_owned();
        for (name, value) in names {
            text = text.replace(&format!("{{{name}}}"), value);
            if text.contains("_percent_encoded}") {
                text = text.replace(&format!("{{{name}_percent_encoded}}"), &percent_encoded(value));
            }
        }
        text
    };
    // Bytes that are no text have no words in them.
    let fill_bytes = |encoded: &String| {
        let bytes = STANDARD.decode(encoded).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.map_or_else(|| encoded.clone(), |text| STANDARD.encode(fill(&text)))
    };
    let mut request = request.clone();
    request.path = fill(&request.path);
    for (_, value) in &mut request.headers {
        *value = fill(value);
    }
    request.body = request.body.map(|body| fill(&body));
    request.raw_b64 = request.raw_b64.as_ref().map(fill_bytes);
    for Send(bytes, _) in request.sends.iter_mut().flatten() {
        *bytes = fill_bytes(bytes);
    }
    request
}

fn percent_encoded(text: &str) -> String {
    let digits = hex::encode_upper(text);
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.flat_map(|pair| ["%", pair]).collect()
}

/// The names that answers tell; positions that they tell are noted in `before`.
pub(super) fn told_before(
    answers: &[GoldenResponse],
    before: &mut BTreeSet<(i64, i64)>,
) -> Vec<(&'static str, String)> {
    let document = answers.iter().find_map(|answer| {
        let body = unpacked(answer, answer.body().ok()??);
        serde_json::from_slice::<Value>(&body).ok()
    });
    let Some(document) = document else { return Vec::new() };
    positions(&document, before);
    let told = TOLD.into_iter().filter_map(|name| Some((name, document.get(name)?.as_u64()?.to_string())));
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_where_there_are_words_for_them() {
        let names = [("topic", "t.1"), ("value_schema_id", "7"), ("host", "h:1")]
            .map(|(name, value)| (name, value.to_owned()));
        let request = GoldenRequest {
            path: "/topics/{topic}/{topic_percent_encoded}/{cluster}".into(),
            headers: vec![("X".into(), "{topic}".into())],
            body: Some(r#"{"value_schema_id":{value_schema_id}}"#.into()),
            raw_b64: Some(STANDARD.encode("GET /{topic} HTTP/1.1\r\nHost: {host}\r\n")),
            sends: Some(vec![Send(STANDARD.encode(b"\xff{topic}"), 0.0)]),
            ..GoldenRequest::default()
        };
        let filled = filled(&request, &names);
        assert_eq!(filled.path, "/topics/t.1/%74%2E%31/{cluster}");
        assert_eq!(filled.headers[0].1, "t.1");
        assert_eq!(filled.body.as_deref(), Some(r#"{"value_schema_id":7}"#));
        assert_eq!(filled.raw_b64, Some(STANDARD.encode("GET /t.1 HTTP/1.1\r\nHost: h:1\r\n")));
        assert_eq!(filled.sends, request.sends, "no text");
    }

    #[test]
    fn an_answer_tells_ids_and_where_its_records_stand() {
        let answer = |body: &str| GoldenResponse { body: Some(body.into()), ..GoldenResponse::default() };
        let mut before = BTreeSet::new();
        let body = r#"{"offsets":[{"partition":1,"offset":4}],"key_schema_id":null,"value_schema_id":7}"#;
        let told = told_before(&[answer(body)], &mut before);
        assert_eq!(told, [("value_schema_id", "7".to_owned())]);
        assert_eq!(before, BTreeSet::from([(1, 4)]));
        assert!(told_before(&[answer("no json")], &mut before).is_empty());
    }
}
