//! Requests and what 7.9 makes of them.

use super::*;
use proptest::prelude::*;

const TARGET: Target<'static> = Target { topic: "t", release: ProxyRelease::Confluent7_9, registry: None };

fn parsed(body: &[u8]) -> Vec<Entry> {
    parse(body, TARGET).unwrap()
}

fn codes(body: &str) -> Vec<i64> {
    parsed(body.as_bytes())
        .iter()
        .map(|entry| match entry {
            Entry::Record { .. } => 200,
            Entry::Refused(refusal) => refusal.error_code,
        })
        .collect()
}

fn record(body: &str) -> ProduceRecord {
    match parsed(body.as_bytes()).remove(0) {
        Entry::Record { record, .. } => record,
        Entry::Refused(refusal) => panic!("{refusal:?}"),
    }
}

const ONE: &str = "{\"value\":{\"type\":\"JSON\",\"data\":1}}";

#[test]
fn records_stand_one_after_another() {
    for between in ["", "\n", " \r\n\t"] {
        assert_eq!(codes(&format!("{between}{ONE}{between}{ONE}{between}")), [200, 200]);
    }
    assert!(codes("").is_empty() && codes(" \n").is_empty());
}

#[test]
fn an_error_inside_a_record_costs_that_one_and_one_between_them_ends_the_stream() {
    for inside in ["{\"value\":!}", "{\"zzz\":1}", "{\"value\":{\"type\":\"BINARY\",\"data\":\"!\"}}"] {
        assert_eq!(codes(&format!("{ONE}{inside}{ONE}")), [200, 400, 200], "{inside}");
    }
    for between in ["xyz", ",", "1", "]", "}"] {
        assert_eq!(codes(&format!("{ONE}{between}{ONE}")), [200, 400], "{between}");
    }
    for between in ["\"x\"", "1 ", "[[]]"] {
        assert_eq!(codes(&format!("{ONE}{between}{ONE}")), [200, 400, 200], "{between}");
    }
    assert_eq!(codes(&format!("{ONE}null{ONE}")), [200, 500, 200]);
    // Of one that is cut off there are two.
    assert_eq!(codes(&format!("{ONE}[{ONE}")), [200, 400, 400]);
    assert_eq!(codes(&format!("{ONE}{{\"value\":{{\"type\":\"JS")), [200, 400, 400]);
}

#[test]
fn what_comes_later_is_told_as_if_it_had_come_at_once() {
    for release in ProxyRelease::ALL {
        let target = Target { release, ..TARGET };
        for bad in ["{\"value\":!}", "\r\n {\"value\":{]}", "\n\n  }", ",", "{\"zzz\":1}\n{\"value\":\n!}"] {
            let at_once = parse(format!("\r\n {ONE}{bad}").as_bytes(), target).unwrap();
            let later = parse_on(bad.as_bytes(), (2, 1 + ONE.len()), target);
            assert_eq!(format!("{later:?}"), format!("{:?}", &at_once[1..]), "{bad}");
        }
    }
}

#[test]
fn types_decide_what_lands() {
    let value = |data: &str| record(&format!("{{\"value\":{data}}}")).value;
    let of = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(value("{\"type\":\"JSON\",\"data\":{ \"a\" : 1.10 }}"), of("{\"a\":1.1}"));
    assert_eq!(value("{\"type\":\"STRING\",\"data\":\"h\\u00e9\"}"), of("hé"));
    assert_eq!(value("{\"type\":\"BINARY\",\"data\":\"aGk\"}"), of("hi"));
    for kind in ["JSON", "STRING", "BINARY"] {
        assert_eq!(value(&format!("{{\"type\":\"{kind}\",\"data\":null}}")), None);
    }
    assert_eq!(value("null"), None);
    let both = record("{\"key\":{\"type\":\"STRING\",\"data\":\"\"},\"partition_id\":\"1\"}");
    assert_eq!((both.key, both.value, both.partition), (of(""), None, Some(1)));
}

#[test]
fn headers_keep_null_apart_from_empty() {
    let body =
        "{\"headers\":[{\"name\":\"a\",\"value\":\"djE=\"},{\"name\":\"b\"},{\"name\":\"\",\"value\":\"\"}]}";
    let expected = [("a", Some("v1")), ("b", None), ("", Some(""))];
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.map(|value| value.as_bytes().to_vec())))
        .collect();
    assert_eq!(record(body).headers, expected);
    for bad in
        ["{\"a\":\"djE=\"}", "[{\"name\":\"h\",\"value\":\"djE\"}]", "[{\"name\":\"h\",\"value\":1}]", "[1]"]
    {
        assert_eq!(codes(&format!("{{\"headers\":{bad}}}")), [400], "{bad}");
    }
}

#[test]
fn times_are_seconds_or_rfc_3339() {
    let time = |text: &str| match parsed(format!("{{\"timestamp\":{text}}}").as_bytes()).remove(0) {
        Entry::Record { record, .. } => Ok(record.timestamp),
        Entry::Refused(refusal) => Err(refusal.error_code),
    };
    assert_eq!(time("\"2021-02-05T20:14:42.123456789+01:00\""), Ok(Some(1_612_552_482_123)));
    assert_eq!(time("1612552482.5"), Ok(Some(1_612_552_482_500)));
    assert_eq!(time("\"1612552482123\""), Ok(Some(1_612_552_482_123_000)));
    assert_eq!((time("null"), time("0")), (Ok(None), Ok(Some(0))));
    assert_eq!(
        (time("\"garbage\""), time("true"), time("\"1960-01-01T00:00:00Z\"")),
        (Err(400), Err(400), Err(500))
    );
}

#[test]
fn refusals_are_as_recorded_from_7_9() {
    let told: Vec<String> = [
        "{\"value\":{\"type\":\"JSON\"}}",
        "{\"foo\":1,\"value\":{\"type\":\"JSON\",\"data\":1}}",
        "{\"value\":{\"type\":\"JSON\",\"data\":1,\"foo\":2}}",
        "{\"value\":{\"data\":\"aGVsbG8=\"}}",
        "{\"value\":{\"subject\":\"s\",\"data\":\"x\"}}",
        "{\"value\":{\"type\":\"BINARY\",\"schema_id\":1,\"data\":\"aGk=\"}}",
        "{\"value\":{\"type\":\"BINARY\",\"data\":\"!\"}}",
        "{\"partition_id\":-1}",
        "{\"partition_id\":99999999999}",
        "{\"headers\":{\"a\":\"djE=\"}}",
        "{\"headers\":[{\"name\":\"h\",\"value\":1}]}",
        "[{}]",
        "1",
        "\"x\"",
    ]
    .iter()
    .map(|body| match parsed(body.as_bytes()).remove(0) {
        Entry::Refused(refusal) => format!("{body} => {} {}", refusal.error_code, refusal.message),
        Entry::Record { .. } => panic!("{body}"),
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn releases_differ() {
    let told =
        |body: &str, release| match parse(body.as_bytes(), Target { topic: "t", release, registry: None }) {
            Err(refusal) => format!("HTTP {}", refusal.status.as_u16()),
            Ok(entries) => {
                let entry = |entry: &Entry| match entry {
                    Entry::Record { .. } => "200".to_owned(),
                    Entry::Refused(refusal) => format!("{} {}", refusal.error_code, refusal.message),
                };
                entries.iter().map(entry).collect::<Vec<_>>().join(" | ")
            }
        };
    let seen: Vec<String> = [
        "",
        "not json",
        &format!("{ONE}xyz"),
        "{\"value\":{\"type\":\"STRING\",\"data\":\"x\"}}",
        "{\"value\":{\"type\":\"JSON\"}}",
        "{\"value\":{\"data\":1}}",
        "{\"partition_id\":-1}",
        "{\"zzz\":1}",
        "{\"timestamp\":\"-5\"}",
        "{\"timestamp\":99999999999999999}",
    ]
    .iter()
    .flat_map(|body| {
        let each = ProxyRelease::ALL.map(|release| format!("  {release}: {}", told(body, release)));
        std::iter::once((*body).to_owned()).chain(each).collect::<Vec<_>>()
    })
    .collect();
    insta::assert_snapshot!("releases", seen.join("\n"));
}

#[test]
fn times_are_read_as_java_reads_them() {
    let time = |text: &str| match parsed(format!("{{\"timestamp\":{text}}}").as_bytes()).remove(0) {
        Entry::Record { record, .. } => Ok(record.timestamp),
        Entry::Refused(refusal) => Err(refusal.message),
    };
    for (text, millis) in [
        ("\"2021-02-05t19:14:42.1z\"", 1_612_552_482_100),
        ("\"2021-02-05T19:14:42.Z\"", 1_612_552_482_000),
        ("\"2021-02-05T19:14:42+0000\"", 1_612_552_482_000),
        ("\"2021-02-05T19:14:42-01:00:30\"", 1_612_556_112_000),
        ("\"2021-02-05T24:00:00Z\"", 1_612_569_600_000),
        ("\"2016-12-31T23:59:60Z\"", 1_483_228_799_000),
        ("\"+12021-02-05T19:14:42Z\"", 317_182_072_482_000),
        ("1612552482.123999", 1_612_552_482_123),
        ("1e9", 1_000_000_000_000),
        ("1e-30", 0),
        ("\" 5. \"", 5_000),
    ] {
        assert_eq!(time(text), Ok(Some(millis)), "{text}");
    }
    for (text, index) in [
        ("2021-02-30T19:14:42Z", 0),
        ("2021-02-05T19:14Z", 16),
        ("02021-02-05T19:14:42Z", 0),
        ("2021-02-05T19:14:42+19:00", 0),
        ("2021-02-05T19:14:42+01", 19),
    ] {
        let told = format!(
            "Cannot deserialize value of type `java.time.Instant` from String \"{text}\": Failed to deserialize \
             java.time.Instant: (java.time.format.DateTimeParseException) Text '{text}' could not be parsed at index {index}"
        );
        assert_eq!(time(&format!("\"{text}\"")), Err(told));
    }
}

#[test]
fn headers_of_one_name_stand_together() {
    let one = |name: &str, value: &str| format!("{{\"name\":\"{name}\",\"value\":\"{value}\"}}");
    let body = format!("{{\"headers\":[{},{},{}]}}", one("A", "MQ=="), one("B", "MQ=="), one("A", "Mg=="));
    let headers = record(&body).headers;
    let seen: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(seen, ["A", "A", "B"]);
}

proptest! {
    #[test]
    fn no_body_panics(body: Vec<u8>) {
        let _ = parse(&body, TARGET);
    }

    #[test]
    fn no_near_record_panics(body in "[\\[\\]{}\",:\\\\a1 ]{0,30}") {
        let _ = parse(body.as_bytes(), TARGET);
    }
}
