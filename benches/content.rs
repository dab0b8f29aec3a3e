//! What making records costs, up to the body of a request.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use landfall::record::{
    Catalogue, ContentBuf, Feed, Format, IdentityPlace, Key, KeySpread, Payload, RecordId, RunId, Stream,
};
use landfall::wire::produce::{ProduceFormat, RequestBody};
use serde_json::json;

const RECORDS: u64 = 100;

fn catalogue() -> Catalogue {
    let line = json!({"type": "Feature", "net": "ci", "title": "x".repeat(600)}).to_string();
    let feed = Feed::parse(line.as_bytes()).expect("a feed");
    let template = json!({
        "order": {"$sequence": {}},
        "id": {"$uuid": {}},
        "customer": {"$key": {}},
        "placed": {"$time": {"start": "2026-01-01T00:00:00Z", "step": "10ms"}},
        "channel": {"$weighted": [{"weight": 7, "value": "web"}, {"weight": 3, "value": "app"}]},
        "amount": {"$float": {"min": 1, "max": 500, "digits": 2}},
    });
    let zipf = KeySpread::Zipf { keys: 1000, exponent: 1.1 };
    let streams = [
        Stream::new(
            0,
            Format::Json,
            IdentityPlace::Member("_landfall".into()),
            Some(Key::Pointer("/net".into())),
            &feed,
        ),
        Stream::new(
            0,
            Format::Json,
            IdentityPlace::Header("landfall".into()),
            Some(Key::Drawn { prefix: "customer-".into(), spread: zipf }),
            Payload::Template(&template),
        ),
    ];
    let streams = streams.map(|stream| stream.expect("a stream"));
    Catalogue::new(RunId::new("run-1").expect("legal"), 42, streams.into())
}

fn content(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let mut group = criterion.benchmark_group("content");
    group.throughput(Throughput::Elements(RECORDS));
    let (mut content, mut body) = (ContentBuf::default(), Vec::new());
    for (producer, name, format) in
        [(0, "feed of 600 bytes, v2", ProduceFormat::V2Json), (1, "template, v3", ProduceFormat::V3Json)]
    {
        let mut first = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                body.clear();
                let mut request = RequestBody::begin(&mut body, format, None);
                for sequence in first..first + RECORDS {
                    catalogue.content_into(black_box(RecordId { producer, sequence }), &mut content);
                    request.push(content.key(), content.value(), content.headers(), content.timestamp_ms());
                }
                request.end();
                first += RECORDS;
                body.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, content);
criterion_main!(benches);
