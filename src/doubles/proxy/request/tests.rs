//! Requests and what becomes of them.

use super::*;
use proptest::prelude::*;

fn target(embedded: Embedded, release: ProxyRelease) -> Target<'static> {
    Target { topic: "t", partition: None, embedded, release }
}

fn read(body: &[u8], embedded: Embedded) -> Result<Vec<ProduceRecord>, Refusal> {
    parse(body, target(embedded, ProxyRelease::Confluent7_9)).map(|read| read.records)
}

fn refusal(body: &str, embedded: Embedded) -> (u16, String) {
    let refusal = read(body.as_bytes(), embedded).unwrap_err();
    (refusal.status.as_u16(), refusal.to_string())
}

#[test]
fn refusals_are_as_recorded_from_7_9() {
    let json: Vec<String> = [
        "",
        "null",
        "1",
        "{}",
        "{\"records\":[]}",
        "{\"records\":{}}",
        "{\"records\":[null]}",
        "{\"records\":[\"x\"]}",
        "{\"records\":[{\"value\":1,\"foo\":1}]}",
        "{\"records\":[{\"partition\":true,\"value\":1}]}",
        "{\"records\":[{\"partition\":\"abc\",\"value\":1}]}",
        "{\"records\":[{\"partition\":99999999999,\"value\":1}]}",
    ]
    .iter()
    .map(|body| format!("{body} => {:?}", refusal(body, Embedded::Json)))
    .collect();
    insta::assert_snapshot!("json_refusals", json.join("\n"));
    let binary: Vec<String> =
        ["\"-_-_\"", "\"!\"", "\"A\"", "\"AQ==AQ==\"", "\"S2Fm a2E=\"", "{\"a\":1}", "7"]
            .iter()
            .map(|value| {
                format!(
                    "{value} => {:?}",
                    refusal(&format!("{{\"records\":[{{\"value\":{value}}}]}}"), Embedded::Binary)
                )
            })
            .collect();
    insta::assert_snapshot!("binary_refusals", binary.join("\n"));
}

#[test]
fn null_missing_and_empty_are_kept_apart() {
    let records =
        read(b"{\"records\":[{\"value\":null},{},{\"value\":\"\",\"key\":\"\"}]}", Embedded::Binary).unwrap();
    let values: Vec<_> = records.iter().map(|record| (record.key.clone(), record.value.clone())).collect();
    assert_eq!(values, [(None, None), (None, None), (Some(vec![]), Some(vec![]))]);
}

#[test]
fn base64_is_javas() {
    let record = |text: &str| {
        read(format!("{{\"records\":[{{\"value\":\"{text}\"}}]}}").as_bytes(), Embedded::Binary).unwrap()[0]
            .value
            .clone()
    };
    assert_eq!(record("S2Fma2E"), Some(b"Kafka".to_vec()));
    assert_eq!(record("S2Fma2F="), Some(b"Kafka".to_vec()));
}

#[test]
fn partitions_are_coerced_as_jackson_does() {
    let body =
        b"{\"records\":[{\"partition\":\"1\"},{\"partition\":1.9},{\"partition\":null},{\"partition\":2}]}";
    let seen: Vec<_> =
        read(body, Embedded::Json).unwrap().into_iter().map(|record| record.partition).collect();
    assert_eq!(seen, [Some(1), Some(1), None, Some(2)]);
}

proptest! {
    #[test]
    fn no_body_panics(body: Vec<u8>) {
        for release in ProxyRelease::ALL {
            for embedded in [Embedded::Json, Embedded::Binary, Embedded::Avro] {
                let _ = parse(&body, target(embedded, release));
            }
        }
    }
}

#[test]
fn records_before_a_negative_partition_are_written() {
    let body = b"{\"records\":[{\"value\":1},{\"partition\":-1,\"value\":2},{\"value\":3}]}";
    let read = parse(body, target(Embedded::Json, ProxyRelease::Confluent7_9)).unwrap();
    assert_eq!((read.records.len(), read.then_fails), (1, true));
}
