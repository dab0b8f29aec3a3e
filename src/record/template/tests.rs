//! What the generators make, and what is said of templates that are wrong.

use super::super::{Catalogue, Format, IdentityPlace, Key, KeySpread, Payload, RunId, Stream};
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn stream(template: &Value) -> Result<Stream, String> {
    let key = Key::Drawn { prefix: "k".into(), spread: KeySpread::Uniform { keys: 10 } };
    Stream::new(0, Format::Json, IdentityPlace::None, Some(key), Payload::Template(template))
        .map_err(|error| error.to_string())
}

/// The texts of the first `count` records.
fn made(template: &Value, count: u64) -> Vec<String> {
    let catalogue = Catalogue::new(RunId::new("r").unwrap(), 42, vec![stream(template).unwrap()]);
    (0..count)
        .map(|sequence| {
            let content = catalogue.content(RecordId { producer: 0, sequence }).unwrap();
            String::from_utf8(content.value.unwrap_or_else(|| b"null".to_vec())).unwrap()
        })
        .collect()
}

fn error(template: &Value) -> String {
    stream(template).unwrap_err()
}

#[test]
fn what_is_no_generator_stays_as_it_is() {
    let text = "{\"a\":[1.10,1e+5,true,null,\"é\\n\\u0001\\\"\"],\"b\":{},\"c\":[]}";
    let template: Value = serde_json::from_str(text).unwrap();
    assert_eq!(made(&template, 1), [text]);
    assert_eq!(made(&json!({"$$a": {"$$$b": 1, "c$": 2}}), 1), ["{\"$a\":{\"$$b\":1,\"c$\":2}}"]);
}

#[test]
fn sequences_count() {
    assert_eq!(made(&json!({"$sequence": {}}), 3), ["1", "2", "3"]);
    assert_eq!(made(&json!({"$sequence": {"start": 10, "step": -5}}), 4), ["10", "5", "0", "-5"]);
    let steps = json!({"$sequence": {"start": i64::MAX, "step": i64::MAX}});
    assert_eq!(made(&steps, 2)[1], "18446744073709551614");
}

#[test]
fn times_move_on() {
    let time = |more: Value| {
        let mut given = json!({"start": "2026-01-01T00:59:59.99+01:00", "step": "10ms"});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        made(&json!({"$time": given}), 2)
    };
    assert_eq!(time(json!({})), ["\"2025-12-31T23:59:59.990Z\"", "\"2026-01-01T00:00:00.000Z\""]);
    assert_eq!(time(json!({"format": "epoch_ms"})), ["1767225599990", "1767225600000"]);
    assert_eq!(time(json!({"format": "epoch_s"})), ["1767225599", "1767225600"]);
    let days = json!({"start": "1969-12-31T00:00:00Z", "step": "24h", "format": "epoch_s"});
    assert_eq!(made(&json!({"$time": days}), 3), ["-86400", "0", "86400"]);
    let whole = json!({"$time": {"start": "2024-02-28T12:00:00Z", "step": "24h"}});
    assert_eq!(made(&whole, 2)[1], "\"2024-02-29T12:00:00Z\"");
    let fine = json!({"$time": {"start": "2026-01-01T00:00:00Z", "step": "1ns"}});
    assert_eq!(made(&fine, 2)[1], "\"2026-01-01T00:00:00.000000001Z\"");
    let end = json!({"$time": {"start": "9999-12-30T00:00:00Z", "step": "2000000h"}});
    assert!(made(&end, 3)[2].starts_with("\"9999-12-30"));
}

#[test]
fn uuids_have_the_form_of_version_4_and_differ() {
    let uuids = made(&json!({"$uuid": {}}), 1000);
    for text in &uuids {
        let uuid: uuid::Uuid = serde_json::from_str::<String>(text).unwrap().parse().unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122));
    }
    assert_eq!(uuids.iter().collect::<std::collections::HashSet<_>>().len(), 1000);
}

#[test]
fn numbers_fill_their_range_and_keep_to_it() {
    let ints = made(&json!({"$int": {"min": -2, "max": 2}}), 500);
    let seen: std::collections::BTreeSet<i64> = ints.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(seen, (-2..=2).collect());
    let floats = made(&json!({"$float": {"min": -0.1, "max": 0.1, "digits": 1}}), 500);
    let seen: std::collections::BTreeSet<&str> = floats.iter().map(String::as_str).collect();
    assert_eq!(seen, ["-0.1", "0.0", "0.1"].into());
    assert_eq!(made(&json!({"$float": {"min": 7, "max": 7.0, "digits": 3}}), 1), ["7.000"]);
    assert_eq!(made(&json!({"$float": {"min": -7.05, "max": -7.05, "digits": 2}}), 1), ["-7.05"]);
    assert_eq!(made(&json!({"$int": {"min": i64::MIN, "max": i64::MAX}}), 1).len(), 1);
}

#[test]
fn choices_follow_their_weights() {
    let count = |texts: &[String], wanted: &str| texts.iter().filter(|text| *text == wanted).count();
    let even = made(&json!({"$choice": ["a", {"x": {"$sequence": {}}}]}), 1000);
    // 1000 even draws have a deviation of 16.
    assert!((420..580).contains(&count(&even, "\"a\"")));
    assert!(even.iter().all(|text| text == "\"a\"" || text.starts_with("{\"x\":")));
    let weights = json!({"$weighted": [
        {"weight": 3, "value": 1}, {"weight": 0, "value": 2}, {"weight": 1, "value": 3}]});
    let drawn = made(&weights, 1000);
    assert!((690..810).contains(&count(&drawn, "1")) && count(&drawn, "2") == 0);
    assert_eq!(count(&drawn, "1") + count(&drawn, "3"), 1000);
}

#[test]
fn texts_have_the_lengths_and_characters_that_are_asked_for() {
    let lengths = |length: Value| -> Vec<usize> {
        made(&json!({"$text": {"length": length, "alphabet": "aé\"\n"}}), 1000)
            .iter()
            .map(|text| {
                let text: String = serde_json::from_str(text).unwrap();
                assert!(text.chars().all(|c| "aé\"\n".contains(c)), "{text}");
                text.chars().count()
            })
            .collect()
    };
    let around = |lengths: Vec<usize>, from: usize, to: usize| {
        let inside = lengths.iter().filter(|length| (from..=to).contains(*length)).count();
        (inside, lengths.into_iter().max().unwrap())
    };
    assert_eq!(around(lengths(json!(7)), 7, 7), (1000, 7));
    assert_eq!(around(lengths(json!(0)), 0, 0), (1000, 0));
    assert_eq!(around(lengths(json!({"uniform": [3, 5]})), 3, 5), (1000, 5));
    // One deviation holds 68 %, and so does one sigma around a logarithmic normal's median.
    let (inside, _) = around(lengths(json!({"normal": {"mean": 200, "deviation": 20}})), 180, 220);
    assert!((620..760).contains(&inside), "{inside}");
    let (inside, most) = around(lengths(json!({"lognormal": {"median": 200, "sigma": 0.5}})), 121, 330);
    assert!((620..760).contains(&inside) && most > 600, "{inside} {most}");
    let all = made(&json!({"$text": {"length": 2000}}), 1);
    let seen: std::collections::BTreeSet<char> = all[0].chars().collect();
    assert_eq!(seen.len(), 63, "62 letters and digits, and the quotes");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let told: Vec<String> = [
        json!({"a": {"$uid": {}}}),
        json!({"a": {"$frobnicate": {}}}),
        json!({"a": {"$uuid": {}, "b": 1}}),
        json!({"a": {"$$b": {"$uuid": {"version": 7}}}}),
        json!({"$uuid": "x"}),
        json!([1, {"$int": {"min": 1}}]),
        json!({"$int": {"min": 1.5, "max": 2}}),
        json!({"$int": {"min": 3, "max": 2}}),
        json!({"$int": {"min": 1, "max": 2, "stp": 1}}),
        json!({"$float": {"min": 0, "max": 1.555, "digits": 2}}),
        json!({"$float": {"min": 0, "max": 1, "digits": 16}}),
        json!({"$float": {"min": 1, "max": 0, "digits": 1}}),
        json!({"$sequence": {"start": "1"}}),
        json!({"$time": {"start": "yesterday", "step": "1s"}}),
        json!({"$time": {"start": "2026-01-01T00:00:00Z", "step": 10}}),
        json!({"$time": {"start": "2026-01-01T00:00:00Z", "step": "1s", "format": "iso"}}),
        json!({"$choice": []}),
        json!({"$choice": {"a": 1}}),
        json!({"a/b": {"$choice": ["x", {"$uiid": {}}]}}),
        json!({"$weighted": [{"weight": 0, "value": 1}]}),
        json!({"$weighted": [{"weight": 1}]}),
        json!({"$weighted": [{"weight": -1, "value": 1}]}),
        json!({"$text": {}}),
        json!({"$text": {"length": -1}}),
        json!({"$text": {"length": {"uniform": [5, 3]}}}),
        json!({"$text": {"length": {"gamma": [5, 3]}}}),
        json!({"$text": {"length": {"normal": {"mean": 1}}}}),
        json!({"$text": {"length": {"lognormal": {"median": 0, "sigma": 1}}}}),
        json!({"$text": {"length": 1, "alphabet": ""}}),
    ]
    .iter()
    .map(error)
    .collect();
    insta::assert_snapshot!(told.join("\n"));
    let keyless = json!({"$key": {}});
    let stream = Stream::new(0, Format::Json, IdentityPlace::None, None, Payload::Template(&keyless));
    assert!(stream.unwrap_err().to_string().starts_with("at /$key: `$key` is the record's drawn key"));
}

/// JSON values, with members that look like generators among them.
fn values() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        "[a-z/~]{0,3}",
        prop::sample::select(
            [
                "$uuid",
                "$int",
                "$float",
                "$text",
                "$time",
                "$choice",
                "$weighted",
                "$key",
                "$sequence",
                "$x",
                "$$x"
            ]
            .map(str::to_owned)
            .to_vec()
        ),
        prop::sample::select(
            ["min", "max", "digits", "length", "uniform", "normal", "weight", "value", "start", "step"]
                .map(str::to_owned)
                .to_vec()
        ),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..9_i64).prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_compiles_makes_json(template in values(), sequence: u64) {
        if let Ok(stream) = stream(&template) {
            let catalogue = Catalogue::new(RunId::new("r").unwrap(), 1, vec![stream]);
            let content = catalogue.content(RecordId { producer: 0, sequence }).unwrap();
            // What makes null is no value at all.
            let value = content.value.unwrap_or_else(|| b"null".to_vec());
            prop_assert!(serde_json::from_slice::<Value>(&value).is_ok());
        }
    }

    #[test]
    fn values_without_dollars_come_out_as_they_went_in(template in values()) {
        let text = template.to_string();
        prop_assume!(!text.contains('$'));
        prop_assert_eq!(&made(&template, 1)[0], &text);
    }
}
