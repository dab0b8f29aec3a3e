//! The reader, against topics that change while they are read.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::kafka::Access;
use landfall::record::{Landed, PartitionRead, RunId};
use landfall::verify::{Reader, ReaderConfig, baseline};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};

const PATIENCE: Duration = Duration::from_secs(30);

struct Bench {
    broker: Broker,
    reader: Reader,
    landed: Receiver<Landed>,
}

async fn bench(before: i32) -> Bench {
    let topic = TopicConfig { name: "quakes".into(), partitions: 1, configs: BTreeMap::new() };
    let broker = Broker::start(BrokerConfig { topics: vec![topic], ..BrokerConfig::default() })
        .await
        .expect("a broker");
    for _ in 0..before {
        produce(&broker, 0).await;
    }
    let config = ReaderConfig {
        kafka: Access::plain(broker.bootstrap()),
        run: RunId::new("r").expect("legal"),
        topics: vec!["quakes".into()],
    };
    tokio::task::spawn_blocking(move || {
        let baseline = baseline(&config).expect("it answers");
        let (sink, landed) = channel();
        let sink = move |record| drop(sink.send(record));
        let reader = Reader::start(&config, &baseline, Instant::now(), sink).expect("a reader");
        Bench { broker, reader, landed }
    })
    .await
    .expect("no panic")
}

fn client(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    config
}

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    client(broker).create().expect("a client")
}

/// Writes so many records, none like another.
async fn produce_distinct(broker: &Broker, records: i32, prefix: &str) {
    let producer: FutureProducer = client(broker).create().expect("a client");
    for number in 0..records {
        let payload = format!("{prefix}{number}");
        let record = FutureRecord::<str, str>::to("quakes").partition(0).payload(&payload);
        producer.send(record, PATIENCE).await.expect("it is written");
    }
}

async fn produce(broker: &Broker, partition: i32) {
    let producer: FutureProducer = client(broker).create().expect("a client");
    let record = FutureRecord::<str, str>::to("quakes").partition(partition).payload("x");
    producer.send(record, PATIENCE).await.expect("it is written");
}

/// Looks until everything has been read, and gives that out.
fn read_to_the_end(bench: Bench) -> (Vec<PartitionRead>, Vec<(i32, i64)>) {
    let Bench { broker: _broker, reader, landed } = bench;
    let began = Instant::now();
    let ends = loop {
        let ends = reader.look();
        if reader.has_read_what_it_may(&ends) {
            break ends;
        }
        assert!(began.elapsed() < PATIENCE, "{:?}", reader.progress());
    };
    let reads = reader.finish(&ends);
    (reads, landed.iter().map(|landed| (landed.at.partition, landed.offset)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_an_added_partition_is_read() {
    let bench = bench(1).await;
    admin(&bench.broker)
        .create_partitions(&[NewPartitions::new("quakes", 3)], &AdminOptions::new())
        .await
        .expect("the broker answers");
    produce(&bench.broker, 2).await;
    produce(&bench.broker, 0).await;
    let (reads, mut landed) = tokio::task::spawn_blocking(|| read_to_the_end(bench)).await.expect("no panic");
    landed.sort_unstable();
    assert_eq!(landed, [(0, 1), (2, 0)]);
    let extents: Vec<_> = reads.iter().map(|read| (read.at.partition, read.from, read.to)).collect();
    assert_eq!(extents, [(0, 1, 2), (1, 0, 0), (2, 0, 1)]);
    assert!(reads.iter().all(PartitionRead::is_complete), "{reads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_created_again_counts_as_unread() {
    let bench = bench(5).await;
    let admin = admin(&bench.broker);
    let options = AdminOptions::new();
    admin.delete_topics(&["quakes"], &options).await.expect("the broker answers");
    let topic = NewTopic::new("quakes", 1, TopicReplication::Fixed(1));
    admin.create_topics(&[topic], &options).await.expect("the broker answers");
    produce(&bench.broker, 0).await;
    let (reads, _) = tokio::task::spawn_blocking(|| read_to_the_end(bench)).await.expect("no panic");
    assert!(!reads[0].is_complete(), "{reads:?}");
    let error = reads[0].error.as_deref().unwrap_or_default();
    assert!(error.starts_with("it ends at offset 1, and had been read up to 5 already"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_created_again_and_has_outgrown_the_old_one_counts_as_unread() {
    let bench = bench(0).await;
    produce_distinct(&bench.broker, 3, "old").await;
    for _ in 0..3 {
        bench.landed.recv_timeout(PATIENCE).expect("it is read");
    }
    let admin = admin(&bench.broker);
    let options = AdminOptions::new();
    admin.delete_topics(&["quakes"], &options).await.expect("the broker answers");
    let topic = NewTopic::new("quakes", 1, TopicReplication::Fixed(1));
    admin.create_topics(&[topic], &options).await.expect("the broker answers");
    produce_distinct(&bench.broker, 8, "new").await;
    let (reads, _) = tokio::task::spawn_blocking(|| read_to_the_end(bench)).await.expect("no panic");
    let error = reads[0].error.as_deref().unwrap_or_default();
    assert!(error.starts_with("another record stands at offset 0 than before"), "{reads:?}");
    assert!(!reads[0].is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_stays_what_it_is_has_been_read() {
    let bench = bench(2).await;
    produce_distinct(&bench.broker, 3, "x").await;
    let (reads, landed) = tokio::task::spawn_blocking(|| read_to_the_end(bench)).await.expect("no panic");
    assert!(reads[0].is_complete(), "{reads:?}");
    assert_eq!(landed, [(0, 2), (0, 3), (0, 4)]);
}
