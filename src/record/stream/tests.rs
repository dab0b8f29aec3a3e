//! What records hold: of each payload, place of the identity, key and format.

use super::*;
use crate::record::{Catalogue, Content, KeySpread};
use serde_json::json;

fn id(sequence: u64) -> RecordId {
    RecordId { producer: 0, sequence }
}

fn member() -> IdentityPlace {
    IdentityPlace::Member("_landfall".into())
}

fn pointer(text: &str) -> Key {
    Key::Pointer(text.into())
}

fn content(stream: Stream, sequence: u64) -> Content {
    Catalogue::new(RunId::new("r").unwrap(), 42, vec![stream]).content(id(sequence)).unwrap()
}

fn of_feed(format: Format, place: IdentityPlace, key: Option<Key>, feed: &str, sequence: u64) -> Content {
    let feed = Feed::parse(feed.as_bytes()).unwrap();
    content(Stream::new(0, format, place, key, &feed).unwrap(), sequence)
}

fn of_template(
    format: Format,
    place: IdentityPlace,
    key: Option<Key>,
    template: &Value,
) -> Result<Content, String> {
    let stream = Stream::new(0, format, place, key, Payload::Template(template));
    stream.map(|stream| content(stream, 2)).map_err(|error| error.to_string())
}

fn text(bytes: Option<&Vec<u8>>) -> String {
    String::from_utf8(bytes.unwrap().clone()).unwrap()
}

/// The identity of record 2.
const IDENTITY: &str = "r.0.2.b8c1bc08";

#[test]
fn the_identity_is_an_objects_last_member() {
    let feed = "{\"k\":\"a\",\"n\":1.10}\n{}\n";
    let first = of_feed(Format::Json, member(), Some(pointer("/k")), feed, 2);
    assert_eq!(text(first.value.as_ref()), "{\"k\":\"a\",\"n\":1.10,\"_landfall\":\"r.0.2.b8c1bc08\"}");
    assert_eq!(text(first.key.as_ref()), "\"a\"");
    let empty = of_feed(Format::Json, member(), Some(pointer("/k")), feed, 1);
    assert!(text(empty.value.as_ref()).starts_with("{\"_landfall\":\"r.0.1."));
    assert_eq!((empty.key, empty.headers), (None, vec![]));
}

#[test]
fn the_identity_takes_the_place_of_a_string_a_key_or_a_header() {
    let feed = "{\"a/b\":[0,\"x\"],\"k\":7}";
    let replaced =
        of_feed(Format::Json, IdentityPlace::Pointer("/a~1b/1".into()), Some(pointer("/k")), feed, 2);
    assert_eq!(text(replaced.value.as_ref()), format!("{{\"a/b\":[0,\"{IDENTITY}\"],\"k\":7}}"));
    assert_eq!(text(replaced.key.as_ref()), "7");
    for (format, key) in [
        (Format::Json, format!("\"{IDENTITY}\"")),
        (Format::Binary, IDENTITY.into()),
        (Format::Text, IDENTITY.into()),
    ] {
        let content = of_feed(format, IdentityPlace::Key, None, feed, 2);
        assert_eq!((text(content.key.as_ref()), text(content.value.as_ref())), (key, feed.to_owned()));
    }
    let header = of_feed(Format::Json, IdentityPlace::Header("h".into()), None, feed, 2);
    assert_eq!(header.headers, [("h".to_owned(), Some(IDENTITY.as_bytes().to_vec()))]);
    assert_eq!((header.key, text(header.value.as_ref())), (None, feed.to_owned()));
}

#[test]
fn bytes_and_texts_have_it_in_front_and_stay_as_the_line_is() {
    for format in [Format::Binary, Format::Text] {
        let content = of_feed(format, member(), Some(pointer("/k")), "{ \"k\" : \"é\\n\" }", 2);
        assert_eq!(text(content.value.as_ref()), format!("landfall:{IDENTITY} {{ \"k\" : \"é\\n\" }}"));
        assert_eq!(text(content.key.as_ref()), "é\n");
        let list = of_feed(format, IdentityPlace::None, Some(pointer("/k")), "{\"k\":[1]}", 2);
        assert_eq!(
            (text(list.value.as_ref()), text(list.key.as_ref())),
            ("{\"k\":[1]}".into(), "[1]".into())
        );
    }
}

#[test]
fn a_payload_that_cannot_carry_it_is_named() {
    let feed = Feed::parse(b"{\"a\":1}\nnull\n").unwrap();
    let error = |place| Stream::new(0, Format::Json, place, None, &feed).unwrap_err().to_string();
    assert!(error(member()).starts_with("line 2 is not a JSON object"));
    assert!(error(IdentityPlace::Member("a".into())).starts_with("line 1 has a member `a` of its own"));
    assert!(error(IdentityPlace::Pointer("/a".into())).starts_with("line 1 has no string at `/a`"));
    for place in [IdentityPlace::Key, IdentityPlace::Header("h".into()), IdentityPlace::None] {
        let stream = Stream::new(0, Format::Json, place, None, &feed).unwrap();
        assert_eq!(content(stream, 1).value, None);
    }
}

#[test]
fn a_feeds_own_dollar_members_are_no_generators() {
    let feed = "{\"$uuid\":{},\"$$x\":{\"$ref\":1}}";
    assert_eq!(text(of_feed(Format::Json, IdentityPlace::None, None, feed, 0).value.as_ref()), feed);
}

#[test]
fn a_column_is_a_key() {
    let types = [(
        "n".to_owned(),
        crate::record::ColumnType { cell: crate::record::Cell::Number, null_if_empty: true },
    )];
    let feed = Feed::parse_csv(b"n,a/b~\n1.50,x\n,\n", &types.into()).unwrap();
    let key = |format, column: &str, sequence| {
        let stream = Stream::new(0, format, member(), Some(Key::Column(column.into())), &feed).unwrap();
        content(stream, sequence).key.map(|key| String::from_utf8(key).unwrap())
    };
    assert_eq!(key(Format::Json, "a/b~", 0).as_deref(), Some("\"x\""));
    assert_eq!(key(Format::Binary, "a/b~", 0).as_deref(), Some("x"));
    assert_eq!(key(Format::Json, "n", 0).as_deref(), Some("1.50"));
    assert_eq!((key(Format::Text, "a/b~", 1).as_deref(), key(Format::Text, "n", 1)), (Some(""), None));
    let stream = Stream::new(0, Format::Json, member(), Some(Key::Column("m".into())), &feed);
    assert_eq!(stream.unwrap_err().to_string(), "there is no column `m`; did you mean `n`?");
}

#[test]
fn drawn_keys_stand_in_key_and_value_alike() {
    let key = Some(Key::Drawn { prefix: "k-\"".into(), spread: KeySpread::Uniform { keys: 1000 } });
    let template = json!({"k": {"$key": {}}});
    let content = of_template(Format::Json, IdentityPlace::None, key.clone(), &template).unwrap();
    let drawn = text(content.key.as_ref());
    assert!(drawn.starts_with("\"k-\\\"") && drawn.len() > 7, "{drawn}");
    assert_eq!(text(content.value.as_ref()), format!("{{\"k\":{drawn}}}"));
    let binary = of_template(Format::Binary, member(), key, &template).unwrap();
    assert_eq!(text(binary.value.as_ref()), format!("landfall:{IDENTITY} {{\"k\":{drawn}}}"));
    assert_eq!(json!(text(binary.key.as_ref())).to_string(), drawn);
}

#[test]
fn a_templates_key_is_a_part_of_its_value() {
    let template = json!({"c": {"id": {"$int": {"min": 7, "max": 7}}, "n": "ä\n"}, "x": null});
    let key = |format, text| {
        of_template(format, member(), Some(pointer(text)), &template)
            .map(|content| content.key.map(|key| String::from_utf8(key).unwrap()))
    };
    assert_eq!(key(Format::Json, "/c/id"), Ok(Some("7".into())));
    assert_eq!(key(Format::Json, "/c/n"), Ok(Some("\"ä\\n\"".into())));
    assert_eq!(key(Format::Text, "/c/n"), Ok(Some("ä\n".into())));
    assert_eq!(key(Format::Binary, "/c"), Ok(Some("{\"id\":7,\"n\":\"ä\\n\"}".into())));
    assert_eq!(key(Format::Json, "/x"), Ok(None));
    assert!(key(Format::Json, "/c/y").unwrap_err().contains("no value at `/c/y`"));
    assert!(key(Format::Json, "").unwrap_err().contains("each record would have a key of its own"));
}

#[test]
fn a_template_carries_the_identity_wherever_it_is_an_object_or_has_a_string() {
    let value = |place, template: Value| {
        of_template(Format::Json, place, None, &template).map(|content| text(content.value.as_ref()))
    };
    let member_of = |template| value(member(), template);
    assert_eq!(member_of(json!({})), Ok(format!("{{\"_landfall\":\"{IDENTITY}\"}}")));
    let choice = json!({"$choice": [{"a": 1}, {"$weighted": [{"weight": 1, "value": {"b": 2}}]}]});
    assert!(member_of(choice).unwrap().ends_with(&format!(",\"_landfall\":\"{IDENTITY}\"}}")));
    let not = "is not a JSON object";
    assert!(member_of(json!([])).unwrap_err().starts_with(&format!("at the root: {not}")));
    assert!(
        member_of(json!({"$choice": [{}, 1]})).unwrap_err().starts_with(&format!("at /$choice/1: {not}"))
    );
    assert!(member_of(json!({"$uuid": {}})).unwrap_err().contains(not));
    assert!(member_of(json!({"_landfall": 1})).unwrap_err().contains("a member `_landfall` of its own"));

    let at = |text: &str, template| value(IdentityPlace::Pointer(text.into()), template);
    let string = format!("{{\"$a\":[\"{IDENTITY}\"]}}");
    for template in [
        json!({"$$a": ["x"]}),
        json!({"$$a": [{"$uuid": {}}]}),
        json!({"$$a": [{"$choice": ["x", {"$text": {"length": 3}}]}]}),
        json!({"$$a": [{"$time": {"start": "2026-01-01T00:00:00Z", "step": "1s"}}]}),
    ] {
        assert_eq!(at("/$a/0", template.clone()).as_ref(), Ok(&string), "{template}");
    }
    for template in [
        json!({"a": 1}),
        json!({"a": {"$int": {"min": 1, "max": 2}}}),
        json!({"a": {"$choice": ["x", 1]}}),
        json!({"b": "x"}),
        json!({"$choice": [{"a": "x"}]}),
    ] {
        assert!(at("/a", template.clone()).unwrap_err().contains("no string at `/a`"), "{template}");
    }
}

#[test]
fn a_streams_records_are_a_function_of_seed_producer_and_sequence() {
    let template = json!({"u": {"$uuid": {}}});
    let made = |seed, producer, sequence| {
        let stream = || Stream::new(0, Format::Json, IdentityPlace::None, None, Payload::Template(&template));
        let streams = vec![stream().unwrap(), stream().unwrap()];
        Catalogue::new(RunId::new("r").unwrap(), seed, streams)
            .content(RecordId { producer, sequence })
            .unwrap()
    };
    assert_eq!(made(1, 0, 5), made(1, 0, 5));
    for other in [made(2, 0, 5), made(1, 1, 5), made(1, 0, 6)] {
        assert_ne!(made(1, 0, 5), other);
    }
}

#[test]
fn a_template_that_makes_null_makes_a_null_value() {
    let template = json!({"$choice": [null, {"a": null}]});
    for format in [Format::Json, Format::Binary, Format::Text] {
        let stream = Stream::new(0, format, IdentityPlace::Key, None, Payload::Template(&template)).unwrap();
        let catalogue = Catalogue::new(RunId::new("r").unwrap(), 42, vec![stream]);
        let values: Vec<Option<Vec<u8>>> = (0..50).map(|n| catalogue.content(id(n)).unwrap().value).collect();
        assert!(values.contains(&None) && values.contains(&Some(b"{\"a\":null}".to_vec())), "{format:?}");
        assert!(!values.contains(&Some(b"null".to_vec())), "{format:?}");
    }
    // Where the value carries the identity, it is something.
    let fixed = of_template(Format::Binary, member(), None, &json!(null)).unwrap();
    assert!(fixed.value.is_some());
}
