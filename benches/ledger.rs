//! What settling costs: records a second on one core, with and without their contents, and what a hundred million
//! settled records take in memory.
//!
//! `cargo bench --bench ledger` measures the rates; `cargo bench --bench ledger -- --records 100000000` settles so many,
//! in order and with one in a hundred out of order, and prints bits a record and resident memory.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use landfall::ledger::{Bounds, Ledger, Quotes, StreamTerms};
use landfall::record::{
    Answer, Catalogue, ContentBuf, End, Expected, Feed, Format, IdentityPlace, Key, Landed, NEVER,
    PartitionRead, RecordAnswer, RecordId, RequestId, RunId, Sent, Stream, TopicPartition,
};

const PARTITIONS: usize = 6;
const BATCH: u32 = 100;

/// A run of one stream. Where `whole`, values are JSON of 200 bytes that carry the identity; else there are none, and
/// the header carries it: nothing is left to compare.
fn catalogue(whole: bool) -> Catalogue {
    let (line, place) = if whole {
        let line = format!("{{\"net\":\"ci\",\"title\":\"{}\"}}", "x".repeat(130));
        (line, IdentityPlace::Member("_landfall".into()))
    } else {
        ("null".to_owned(), IdentityPlace::Header("h".into()))
    };
    let feed = Feed::parse(line.as_bytes()).expect("a feed");
    let key = whole.then(|| Key::Pointer("/net".into()));
    let stream = Stream::new(0, Format::Json, place, key, &feed).expect("a stream");
    Catalogue::new(RunId::new("run-1").expect("legal"), 42, vec![stream])
}

/// What is told of a stretch of records: a request of a hundred for each partition in turn, and the records.
struct Story {
    catalogue: Catalogue,
    buf: ContentBuf,
    offsets: Vec<i64>,
    next: u64,
    answers: Vec<RecordAnswer>,
    landed: Vec<Landed>,
}

impl Story {
    fn new(whole: bool) -> Self {
        Self {
            catalogue: catalogue(whole),
            buf: ContentBuf::default(),
            offsets: vec![0; PARTITIONS],
            next: 0,
            answers: Vec::new(),
            landed: Vec::new(),
        }
    }

    fn ledger(&self) -> Ledger {
        let terms = vec![StreamTerms { partition: None }];
        Ledger::new(
            self.catalogue.clone(),
            vec!["t".into()],
            terms,
            Quotes::default(),
            Bounds::default(),
            None,
        )
    }

    /// Makes the next request: its answers, and its records as they land.
    fn request(&mut self) -> Sent {
        let index = self.next / u64::from(BATCH);
        let number = usize::try_from(index).expect("fits") % PARTITIONS;
        let partition = i32::try_from(number).expect("a few");
        self.answers.clear();
        self.landed.clear();
        for _ in 0..BATCH {
            let offset = &mut self.offsets[number];
            self.answers.push(RecordAnswer::Acked { partition: Some(partition), offset: Some(*offset) });
            self.catalogue.content_into(RecordId { producer: 0, sequence: self.next }, &mut self.buf);
            let bytes = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
            self.landed.push(Landed {
                created_ms: None,
                at: TopicPartition { topic: 0, partition },
                offset: *offset,
                key: self.buf.key().map(bytes),
                value: self.buf.value().map(bytes),
                headers: self
                    .buf
                    .headers()
                    .map(|(name, value)| (name.to_owned(), value.map(bytes)))
                    .collect(),
                readable_us: index * 10 + 5,
            });
            *offset += 1;
            self.next += 1;
        }
        Sent {
            request: RequestId { producer: 0, index },
            attempt: 1,
            first_sequence: index * u64::from(BATCH),
            records: BATCH,
            written_us: index * 10,
            expect: Expected::Accept,
            token_expires_us: NEVER,
            again: false,
        }
    }

    fn reads(&self) -> Vec<PartitionRead> {
        let read = |(partition, offset): (i32, &i64)| PartitionRead {
            at: TopicPartition { topic: 0, partition },
            from: 0,
            to: *offset,
            high_watermark: *offset,
            log_start: 0,
            compacted: false,
            error: None,
        };
        (0..).zip(&self.offsets).map(read).collect()
    }
}

fn answer<'a>(sent: &Sent, answers: &'a [RecordAnswer]) -> Answer<'a> {
    Answer { answered_us: sent.written_us + 4, end: End::Status(200), note: None, answers }
}

fn rates(criterion: &mut Criterion) {
    const REQUESTS: usize = 1000;
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(REQUESTS as u64 * u64::from(BATCH)));
    group.sample_size(20);
    for (name, whole) in [("settling", false), ("settling, JSON of 200 bytes compared", true)] {
        let mut story = Story::new(whole);
        let told: Vec<(Sent, Vec<RecordAnswer>, Vec<Landed>)> = (0..REQUESTS)
            .map(|_| (story.request(), story.answers.clone(), std::mem::take(&mut story.landed)))
            .collect();
        let reads = story.reads();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut ledger = story.ledger();
                for (sent, answers, landed) in &told {
                    ledger.attempt(sent, &answer(sent, answers), &mut |_| {});
                    for landed in landed {
                        ledger.landed(landed, &mut |_| {});
                    }
                }
                let settled = ledger.settle(&reads, &mut |_| {}).expect("no store");
                assert_eq!(settled.records.landed, REQUESTS as u64 * u64::from(BATCH));
                black_box(settled)
            });
        });
    }
    group.finish();
}

/// Resident memory in MiB, and its highest.
fn resident() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Settles `records`, of which `late` in ten thousand are acked a thousand requests after they have been read.
fn many(records: u64, late: u64) {
    let mut story = Story::new(false);
    let mut ledger = story.ledger();
    let mut waiting: std::collections::VecDeque<(u64, Sent, Vec<RecordAnswer>)> = [].into();
    let mut lot = 0_u64;
    let began = std::time::Instant::now();
    for turn in 0..records / u64::from(BATCH) {
        let sent = story.request();
        lot = lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if (lot >> 33) % 10_000 < late {
            waiting.push_back((turn + 1000, sent, story.answers.clone()));
        } else {
            ledger.attempt(&sent, &answer(&sent, &story.answers), &mut |_| {});
        }
        while let Some((_, sent, answers)) = waiting.pop_front_if(|(due, ..)| *due <= turn) {
            ledger.attempt(&sent, &answer(&sent, &answers), &mut |_| {});
        }
        for landed in &story.landed {
            ledger.landed(landed, &mut |_| {});
        }
    }
    for (_, sent, answers) in waiting {
        ledger.attempt(&sent, &answer(&sent, &answers), &mut |_| {});
    }
    let footprint = ledger.footprint();
    let (now, highest) = resident();
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (bits, share) = (footprint.settled_bytes as f64 * 8.0 / records as f64, late as f64 / 100.0);
    let settled = ledger.settle(&story.reads(), &mut |_| {}).expect("no store");
    assert_eq!((settled.records.landed, settled.records.reordered), (records, 0));
    println!(
        "{records} records, {:.2} % acked late: {bits:.4} bits a record, {now:.1} MiB resident ({highest:.1} at most), \
         {} waiting in the end, {:.1} s with making them",
        share,
        footprint.waiting,
        began.elapsed().as_secs_f64()
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--records") {
        let records =
            arguments.get(place + 1).and_then(|text| text.parse().ok()).expect("a number of records");
        many(records, 0);
        many(records, 100);
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    rates(&mut criterion);
    criterion.final_summary();
}
