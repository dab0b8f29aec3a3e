//! What answers come to; and that reading them item by item is the same as reading them whole.

use super::*;
use crate::wire::produce::v2::{ProduceItem, ProduceResponse};
use RecordAnswer::{Acked, Refused, Unknown};
use proptest::prelude::*;

const V2: ProduceFormat = ProduceFormat::V2Json;
const V3: ProduceFormat = ProduceFormat::V3Json;

fn read(
    status: u16,
    error_type: Option<&str>,
    body: &[u8],
    records: u32,
    format: ProduceFormat,
) -> Vec<RecordAnswer> {
    // What stands there already must make no difference.
    let mut out = vec![Refused; 9];
    classify(status, error_type, body, records, format, &mut out);
    out
}

fn items(body: &str, records: u32, format: ProduceFormat) -> Vec<RecordAnswer> {
    read(200, None, body.as_bytes(), records, format)
}

fn acked(partition: i32, offset: i64) -> RecordAnswer {
    Acked { partition: Some(partition), offset: Some(offset) }
}

#[test]
fn each_item_speaks_for_its_record() {
    let body = r#"{"offsets":[
        {"partition":1,"offset":7,"error_code":null,"error":null},
        {"partition":null,"offset":null,"error_code":50003,"error":"Expiring 1 record(s)"},
        {"partition":null,"offset":null,"error_code":50002,"error":"too \"large\""},
        {"partition":0,"offset":-1},
        {"error_code":1,"error":"retry"},
        {"error_code":2,"error":"no"},
        {"error_code":40301,"error":"no"},
        {"error_code":500,"error":"who knows"},
        {"partition":0,"offset":3,"error":"odd"}]}"#;
    assert_eq!(
        items(body, 10, V2),
        [
            acked(1, 7),
            Unknown,
            Refused,
            Acked { partition: Some(0), offset: None },
            Unknown,
            Refused,
            Refused,
            Unknown,
            Unknown,
            Unknown, // no item
        ]
    );
}

#[test]
fn items_go_before_the_status() {
    let body = br#"{"offsets":[{"partition":0,"offset":1},{"error_code":1,"error":"x"}]}"#;
    let answers = read(422, None, body, 2, V2);
    assert!(answers[0].is_acked());
    assert_eq!(answers[1], Unknown);
}

#[test]
fn without_items_the_status_decides() {
    for format in [V2, V3] {
        for status in [400, 401, 403, 404, 406, 411, 413, 414, 415, 422, 429, 431] {
            let body = br#"{"error_code":50003,"message":"no"}"#;
            assert_eq!(read(status, None, body, 3, format), [Refused; 3], "{status}");
        }
        for status in [200, 204, 302, 408, 409, 500, 502, 503, 504] {
            assert_eq!(read(status, None, b"<html>", 3, format), [Unknown; 3], "{status}");
        }
    }
}

#[test]
fn a_gateway_that_failed_before_the_integration_has_refused() {
    let body = b"{\"message\":null}";
    let authorizer = read(500, Some("AuthorizerConfigurationException"), body, 1, V2);
    assert_eq!(authorizer, [Refused]);
    let other = read(500, Some("InternalServerErrorException"), b"{}", 1, V3);
    assert_eq!(other, [Unknown]);
}

#[test]
fn receipts_speak_for_the_records_in_their_order() {
    let body = "{\"error_code\":200,\"cluster_id\":\"c\",\"topic_name\":\"t\",\"partition_id\":1,\"offset\":7,\
        \"timestamp\":\"2026-11-23T17:06:30.272Z\",\"value\":{\"type\":\"JSON\",\"size\":1}}\r\n\
        {\"cluster_id\":\"c\",\"topic_name\":\"t\",\"partition_id\":0,\"offset\":-1}\r\n\
        {\"error_code\":400,\"message\":\"Unrecognized field \\\"zzz\\\"\"}{\"error_code\":50003,\"message\":\"Expiring\"}\n\
        {\"error_code\":40401,\"message\":\"not present\"} {\"error_code\":429,\"message\":\"slow down\"}\r\n\
        {\"error_code\":413,\"message\":\"large\"}{\"error_code\":500,\"message\":\"?\"}{\"error_code\":200}{}\r\n";
    assert_eq!(
        items(body, 11, V3),
        [
            acked(1, 7),
            Acked { partition: Some(0), offset: None },
            Refused,
            Unknown,
            Refused,
            Refused,
            Refused,
            Unknown,
            Unknown, // says that it was written, and not where
            Unknown, // says nothing
            Unknown, // no receipt
        ]
    );
    // A stream that breaks off inside a record has a receipt more than it has records.
    let broken =
        "{\"partition_id\":0,\"offset\":1}\r\n{\"error_code\":400,\"message\":\"a\"}\r\n{\"error_code\":400}";
    assert_eq!(items(broken, 2, V3), [acked(0, 1), Refused]);
}

#[test]
fn what_is_no_receipt_ends_the_stream() {
    let written = "{\"partition_id\":0,\"offset\":1}";
    for rest in ["<html>", "[200,0,1]", "1", "{\"offset\":", "{\"offset\":\"1\"}", "null", ","] {
        let body = format!("{written}{rest}{written}");
        assert_eq!(items(&body, 3, V3), [acked(0, 1), Unknown, Unknown], "{rest}");
        assert_eq!(read(200, None, rest.as_bytes(), 1, V3), [Unknown], "{rest}");
    }
    assert_eq!(read(200, None, b"", 2, V3), [Unknown; 2]);
}

/// What v2 answers came to when they were read whole.
fn whole_v2(body: &[u8], records: u32) -> Option<Vec<RecordAnswer>> {
    let response: ProduceResponse = serde_json::from_slice(body).ok()?;
    let answer = |item: &ProduceItem| match (item.error_code, &item.error) {
        (None, None) => Acked {
            partition: item.partition.filter(|partition| *partition >= 0),
            offset: item.offset.filter(|offset| *offset >= 0),
        },
        (Some(code), _) if is_refusal(code) => Refused,
        _ => Unknown,
    };
    let mut answers: Vec<RecordAnswer> = response.offsets.iter().map(answer).collect();
    answers.resize(records as usize, Unknown);
    Some(answers)
}

/// What receipts come to when each is read as a value first.
fn whole_v3(body: &[u8], records: u32) -> Vec<RecordAnswer> {
    #[derive(serde::Deserialize)]
    struct Plain {
        error_code: Option<i64>,
        partition_id: Option<i32>,
        offset: Option<i64>,
    }
    let mut answers = Vec::new();
    for value in serde_json::Deserializer::from_slice(body).into_iter::<serde_json::Value>() {
        let Some(value) = value.ok().filter(serde_json::Value::is_object) else { break };
        let Ok(Plain { error_code, partition_id, offset }) = serde_json::from_value(value) else { break };
        answers.push(match (error_code, partition_id.zip(offset)) {
            (None | Some(200), Some((partition, offset))) => Acked {
                partition: Some(partition).filter(|partition| *partition >= 0),
                offset: Some(offset).filter(|offset| *offset >= 0),
            },
            (Some(code), _) if is_refusal(code) => Refused,
            _ => Unknown,
        });
    }
    answers.resize(records as usize, Unknown);
    answers
}

/// The texts of values that stand in answers, or might.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (-2..60_i64).prop_map(|number| number.to_string()),
        2 => prop::sample::select(vec!["200", "400", "429", "50002", "50003", "40401", "2147483648", "1.0", "1e2"])
            .prop_map(str::to_owned),
        2 => Just("null".to_owned()),
        1 => "\\PC{0,5}".prop_map(|text| serde_json::Value::from(text).to_string()),
        1 => prop::sample::select(vec!["true", "{}", "[]", "[1]", "{\"a\":[{}]}", "\"\\u00e9\\n\"", ""])
            .prop_map(str::to_owned),
    ]
}

/// An object of such members, each as often as it comes, or a list of the values alone.
fn object(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let members = prop::collection::vec((prop::sample::select(names.to_vec()), value()), 0..5);
    (members, prop::bool::weighted(0.05)).prop_map(|(members, as_list)| {
        let written: Vec<String> = members
            .iter()
            .map(|(name, value)| if as_list { value.clone() } else { format!("\"{name}\":{value}") })
            .collect();
        if as_list { format!("[{}]", written.join(",")) } else { format!("{{{}}}", written.join(",")) }
    })
}

const ITEM: &[&str] = &["partition", "offset", "error_code", "error", "x"];
const RECEIPT: &[&str] = &["partition_id", "offset", "error_code", "message", "cluster_id"];

fn v2_body() -> impl Strategy<Value = String> {
    let items = prop::collection::vec(object(ITEM), 0..5).prop_map(|items| format!("[{}]", items.join(",")));
    let others = prop::collection::vec(
        (prop::sample::select(vec!["key_schema_id", "value_schema_id", "x", "offsets"]), value()),
        0..3,
    );
    (items, others, prop::bool::weighted(0.1)).prop_map(|(items, others, as_list)| {
        let mut members = vec![("offsets", items)];
        members.extend(others);
        let written: Vec<String> = members
            .iter()
            .map(|(name, value)| if as_list { value.clone() } else { format!("\"{name}\": {value}") })
            .collect();
        if as_list { format!("[{}]", written.join(",")) } else { format!(" {{{}}}\n", written.join(",")) }
    })
}

proptest! {
    #[test]
    fn any_answer_gives_an_answer_a_record(
        status in 100..600_u16,
        body: Vec<u8>,
        records in 1..5_u32,
        v3: bool,
    ) {
        let format = if v3 { V3 } else { V2 };
        prop_assert_eq!(read(status, None, &body, records, format).len(), records as usize);
    }

    #[test]
    fn items_one_by_one_are_items_read_whole(
        body in prop_oneof![
            4 => v2_body(),
            1 => (v2_body(), any::<prop::sample::Index>())
                .prop_map(|(body, cut)| body.chars().take(cut.index(body.len())).collect()),
        ],
        records in 1..6_u32,
        status in prop::sample::select(vec![200_u16, 422, 500]),
    ) {
        let by_status = || vec![by_status(status, None); records as usize];
        let expected = whole_v2(body.as_bytes(), records).unwrap_or_else(by_status);
        prop_assert_eq!(read(status, None, body.as_bytes(), records, V2), expected, "{}", body);
    }

    #[test]
    fn receipts_one_by_one_are_receipts_read_as_values(
        receipts in prop::collection::vec((object(RECEIPT), "[ \r\n]{0,2}"), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        records in 1..6_u32,
    ) {
        let body: String = receipts.iter().flat_map(|(receipt, end)| [receipt.as_str(), end]).collect();
        // A member that stands twice is the last one in a value, and an error in a receipt.
        prop_assume!(receipts.iter().all(|(receipt, _)| {
            RECEIPT.iter().all(|name| receipt.matches(&format!("\"{name}\":")).count() < 2)
        }));
        let body: String = match cut {
            Some(cut) if !body.is_empty() => body.chars().take(cut.index(body.len())).collect(),
            _ => body,
        };
        let seen = read(200, None, body.as_bytes(), records, V3);
        prop_assert_eq!(seen, whole_v3(body.as_bytes(), records), "{}", body);
    }
}
