//! The hot path allocates nothing once its buffers have grown: making a record, writing a request, reading an answer.

use std::collections::BTreeMap;

use landfall::ledger::answers::classify;
use landfall::record::{
    Catalogue, ContentBuf, Feed, Format, IdentityPlace, Key, KeySpread, Payload, RecordId, RunId, Stream,
};
use landfall::wire::produce::{ProduceFormat, RequestBody};
use serde_json::json;

const RECORDS: u64 = 500;

/// How often `work` allocates when it is done again.
fn again(mut work: impl FnMut()) -> u64 {
    work();
    allocation_counter::measure(work).count_total
}

/// Streams of every kind of payload, key, identity and format.
fn streams() -> Vec<(Stream, ProduceFormat)> {
    let ndjson = Feed::parse(b"{\"k\":\"a\",\"n\":1.10}\n{\"k\":\"b\\n\"}\n").expect("a feed");
    let csv = Feed::parse_csv(b"k,n\na,1\nb,2\n", &BTreeMap::new()).expect("a feed");
    let template = json!({
        "order": {"$sequence": {"start": 1, "step": 1}},
        "id": {"$uuid": {}},
        "at": {"$time": {"start": "2026-01-01T00:00:00Z", "step": "10ms"}},
        "ms": {"$time": {"start": "2026-01-01T00:00:00Z", "step": "10ms", "format": "epoch_ms"}},
        "n": {"$int": {"min": -5, "max": 500}},
        "f": {"$float": {"min": -1, "max": 1, "digits": 3}},
        "c": {"$weighted": [{"weight": 3, "value": {"$choice": ["a", 1]}}, {"weight": 1, "value": null}]},
        "t": {"$text": {"length": {"lognormal": {"median": 20, "sigma": 0.5}}, "alphabet": "aé\""}},
        "customer": {"$key": {}},
    });
    let drawn = |spread| Some(Key::Drawn { prefix: "k-".into(), spread });
    let zipf = || drawn(KeySpread::Zipf { keys: 1000, exponent: 1.1 });
    let uniform = || drawn(KeySpread::Uniform { keys: 1000 });
    let pointer = || Some(Key::Pointer("/k".into()));
    let member = || IdentityPlace::Member("_landfall".into());
    let keyed = json!({"k": {"$text": {"length": 8}}});
    let stream = |format, place, key, payload: Payload<'_>| Stream::new(0, format, place, key, payload);
    [
        (stream(Format::Json, member(), pointer(), (&ndjson).into()), ProduceFormat::V2Json),
        (stream(Format::Binary, member(), pointer(), (&ndjson).into()), ProduceFormat::V2Binary),
        (stream(Format::Json, IdentityPlace::Key, None, (&csv).into()), ProduceFormat::V3Json),
        (
            stream(Format::Json, IdentityPlace::Header("h".into()), zipf(), Payload::Template(&template)),
            ProduceFormat::V3Json,
        ),
        (stream(Format::Binary, member(), uniform(), Payload::Template(&template)), ProduceFormat::V3Binary),
        (stream(Format::Text, member(), pointer(), Payload::Template(&keyed)), ProduceFormat::V3String),
    ]
    .into_iter()
    .map(|(stream, format)| (stream.expect("a stream"), format))
    .collect()
}

#[test]
fn making_records_and_requests_allocates_nothing() {
    let (streams, formats): (Vec<Stream>, Vec<ProduceFormat>) = streams().into_iter().unzip();
    let catalogue = Catalogue::new(RunId::new("run-1").expect("legal"), 42, streams);
    for (producer, format) in (0_u16..).zip(formats) {
        let (mut content, mut body) = (ContentBuf::default(), Vec::new());
        let allocated = again(|| {
            body.clear();
            let mut request = RequestBody::begin(&mut body, format, Some(3));
            for sequence in 0..RECORDS {
                assert!(catalogue.content_into(RecordId { producer, sequence }, &mut content));
                request.push(content.key(), content.value(), content.headers(), content.timestamp_ms());
            }
            request.end();
        });
        assert_eq!(allocated, 0, "producer {producer}");
        assert!(body.len() > 500 * 20, "{} bytes", body.len());
    }
}

#[test]
fn reading_answers_allocates_nothing() {
    let item = "{\"partition\":3,\"offset\":1234567,\"error_code\":null,\"error\":null}";
    let refused =
        "{\"partition\":null,\"offset\":null,\"error_code\":50003,\"error\":\"Expiring 1 record(s)\"}";
    let items = [item, refused].repeat(50).join(",");
    let v2 = format!("{{\"offsets\":[{items}],\"key_schema_id\":null,\"value_schema_id\":null}}");
    let receipt = "{\"error_code\":200,\"cluster_id\":\"jvXjhgYuQg6w7jdD0jMY_g\",\"topic_name\":\"orders\",\"partition_id\":1,\
        \"offset\":7,\"timestamp\":\"2026-11-23T17:06:30.272Z\",\"value\":{\"type\":\"JSON\",\"size\":1}}\r\n\
        {\"error_code\":40401,\"message\":\"Topic orders not present in metadata after 60000 ms.\"}\r\n";
    let v3 = receipt.repeat(50);
    for (body, format) in [(v2, ProduceFormat::V2Json), (v3, ProduceFormat::V3Json)] {
        let mut answers = Vec::new();
        let allocated = again(|| {
            assert!(classify(200, None, body.as_bytes(), 100, format, &mut answers));
        });
        assert_eq!((allocated, answers.len()), (0, 100), "{format:?}");
        assert_eq!(answers.iter().filter(|answer| answer.is_acked()).count(), 50);
    }
}
