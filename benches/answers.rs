//! What reading an answer costs: item by item, beside parsing it whole.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use landfall::ledger::answers::classify;
use landfall::wire::produce::ProduceFormat;
use landfall::wire::produce::v2::{ProduceItem, ProduceResponse};
use landfall::wire::produce::v3::{Receipt, Written, WrittenReceipt};

const RECORDS: i32 = 100;

fn v2_body() -> Vec<u8> {
    let item = |n: i32| ProduceItem {
        partition: Some(n % 12),
        offset: Some(1_000_000 + i64::from(n)),
        error_code: None,
        error: None,
    };
    let offsets = (0..RECORDS).map(item).collect();
    let response = ProduceResponse { offsets, key_schema_id: None, value_schema_id: None };
    serde_json::to_vec(&response).expect("it is JSON")
}

fn v3_body() -> Vec<u8> {
    let receipt = |n: i32| {
        Receipt::Written(Box::new(WrittenReceipt {
            error_code: Some(200),
            cluster_id: "jvXjhgYuQg6w7jdD0jMY_g".into(),
            topic_name: "orders".into(),
            partition_id: n % 12,
            offset: 1_000_000 + i64::from(n),
            timestamp: Some("2026-11-23T17:06:30.272Z".into()),
            key: None,
            value: Some(Written {
                kind: "JSON".into(),
                subject: None,
                schema_id: None,
                schema_version: None,
                size: 240,
            }),
        }))
    };
    let texts = (0..RECORDS).map(|n| serde_json::to_string(&receipt(n)).expect("it is JSON"));
    texts.map(|text| text + "\r\n").collect::<String>().into_bytes()
}

fn answers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("answers");
    group.throughput(Throughput::Elements(RECORDS.unsigned_abs().into()));
    let mut out = Vec::new();
    for (name, body, format) in
        [("v2", v2_body(), ProduceFormat::V2Json), ("v3", v3_body(), ProduceFormat::V3Json)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let records = RECORDS.unsigned_abs();
                classify(200, None, black_box(&body), records, format, &mut out);
                out.len()
            });
        });
    }
    let body = v2_body();
    group.bench_function("v2 read whole", |bencher| {
        bencher
            .iter(|| serde_json::from_slice::<ProduceResponse>(black_box(&body)).expect("it is a response"));
    });
    group.finish();
}

criterion_group!(benches, answers);
criterion_main!(benches);
