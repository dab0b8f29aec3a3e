//! Requests and what becomes of them.

use super::*;
use proptest::prelude::*;

fn target(embedded: Embedded, release: ProxyRelease) -> Target<'static> {
    Target { topic: "t", partition: None, embedded, release, registry: None }
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

/// Each is told as the release tells it.
#[test]
fn releases_differ_in_what_they_say_and_in_what_they_overlook() {
    let told = |body: &[u8], release| match parse(body, target(Embedded::Json, release)) {
        Ok(read) => format!("{} records", read.records.len()),
        Err(Refusal { status, message, plain, .. }) => {
            format!("{}{} {message}", status.as_u16(), if plain { " plain" } else { "" })
        }
    };
    let bodies: [&[u8]; 9] = [
        b"{\"records\":{}}",
        b"{\"records\":[null]}",
        b"{\"records\":[{\"value\":.5}]}",
        b"{\"records\":[{\"value\":\"\\x\"}]}",
        b"{\"records\":[{\"value\":1}}",
        b"{\"records\":[{\"value\":1}",
        b"{\"records\":[{\"value\":1}]}xyz",
        b"{\"records\":[{\"value\":1}]}{}",
        b"{\"records\":[{\"value\":1,\"foo\":1},]}",
    ];
    let seen: Vec<String> = bodies
        .iter()
        .flat_map(|body| {
            let text = String::from_utf8_lossy(body);
            let each = ProxyRelease::ALL.map(|release| format!("  {release}: {}", told(body, release)));
            std::iter::once(text.into_owned()).chain(each).collect::<Vec<_>>()
        })
        .collect();
    insta::assert_snapshot!("releases", seen.join("\n"));
}

#[test]
fn the_first_problem_of_the_document_is_told_and_what_is_unknown_at_the_end_of_its_object() {
    for (body, message) in [
        (
            "{\"records\":[{\"foo\":1,\"value\":!}]}",
            "Unexpected character ('!' (code 33)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
        ),
        ("{\"records\":[{\"foo\":1},!]}", "Unrecognized field: foo"),
        (
            "{\"foo\":1,\"records\":[{\"partition\":true}]}",
            "Cannot deserialize value of type `Integer` from Boolean value (token `JsonToken.VALUE_TRUE`)",
        ),
        // Where all that makes a record is there, the rest is looked at as it comes.
        (
            "{\"records\":[{\"partition\":0,\"key\":1,\"value\":2,\"foo\":3,\"bar\":!}]}",
            "Unrecognized field: foo",
        ),
    ] {
        assert_eq!(refusal(body, Embedded::Json).1, message, "{body}");
    }
}

#[test]
fn schemas_are_asked_for_in_turn_where_there_is_no_registry() {
    for (body, code) in [
        ("{\"records\":[{\"value\":1}]}", 42202),
        ("{\"records\":[{\"key\":1,\"value\":1}]}", 42201),
        ("{\"value_schema_id\":1,\"records\":[{\"key\":1}]}", 42207),
        ("{\"value_schema_id\":1,\"value_schema\":\"x\",\"records\":[{\"key\":1}]}", 500),
        ("{\"records\":[]}", 422),
    ] {
        let refusal = parse(body.as_bytes(), target(Embedded::Avro, ProxyRelease::Confluent7_9)).unwrap_err();
        assert_eq!(refusal.code, code, "{body}");
    }
    let nulls = b"{\"records\":[{\"value\":null}]}";
    let read = parse(nulls, target(Embedded::Avro, ProxyRelease::Confluent7_9)).unwrap();
    assert_eq!(read.records, [ProduceRecord::default()]);
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
