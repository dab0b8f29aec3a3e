//! The embedded Kafka broker, as stock Kafka clients see it: librdkafka throughout, and a client of
//! another language where an interpreter is named.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod foreign;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall::doubles::broker::{Broker, BrokerConfig, BrokerError, TopicConfig};
use landfall::doubles::fault::Injector;
use landfall::scenario::{Fault, FaultKind, Pace};
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage, Timestamp};
use rdkafka::metadata::{MetadataBroker, MetadataPartition};
use rdkafka::producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

/// The longest that anything here may take.
const DEADLINE: Duration = Duration::from_secs(30);

fn topic(name: &str, partitions: i32, configs: &[(&str, &str)]) -> TopicConfig {
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    TopicConfig { name: name.to_owned(), partitions, configs: configs.collect() }
}

async fn start(topics: Vec<TopicConfig>) -> Broker {
    Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.unwrap()
}

fn client(broker: &Broker, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap()).set_log_level(RDKafkaLogLevel::Emerg);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

fn consumer(broker: &Broker, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut config = client(broker, settings);
    config.set("group.id", "reader").set("enable.auto.commit", "false").create().unwrap()
}

fn assign(consumer: &BaseConsumer, topic: &str, partition: i32, offset: Offset) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, offset).unwrap();
    consumer.assign(&list).unwrap();
}

/// Polls until `count` messages have come.
fn poll(consumer: &BaseConsumer, count: usize) -> Vec<OwnedMessage> {
    let begun = Instant::now();
    let mut seen = Vec::new();
    while seen.len() < count {
        assert!(begun.elapsed() < DEADLINE, "{} of {count} messages came", seen.len());
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            seen.push(message.unwrap().detach());
        }
    }
    seen
}

fn read(broker: &Broker, topic: &str, partition: i32, offset: i64, count: usize) -> Vec<OwnedMessage> {
    let consumer = consumer(broker, &[]);
    assign(&consumer, topic, partition, Offset::Offset(offset));
    poll(&consumer, count)
}

fn offsets(messages: &[OwnedMessage]) -> Vec<i64> {
    messages.iter().map(Message::offset).collect()
}

/// Sends `count` records to partition 0 in one batch, their timestamps a second apart from 1 s on (0 would
/// mean now to librdkafka).
fn send_one_batch(broker: &Broker, topic: &str, count: i64, settings: &[(&str, &str)]) {
    let mut config = client(broker, settings);
    let producer: BaseProducer = config.set("linger.ms", "500").create().unwrap();
    for index in 0..count {
        let value = format!("value {index}");
        let record =
            BaseRecord::<[u8], _>::to(topic).partition(0).payload(&value).timestamp((index + 1) * 1_000);
        producer.send(record).unwrap();
    }
    producer.flush(DEADLINE).unwrap();
}

/// What a record holds, for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: i64,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Content {
    fn of(message: &OwnedMessage) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            key: message.key().map(Vec::from),
            value: message.payload().map(Vec::from),
            timestamp: message.timestamp().to_millis().unwrap(),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(Vec::from))).collect(),
        }
    }

    fn send(&self, producer: &BaseProducer, topic: &str) {
        let headers = self.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: value.as_ref() })
        });
        let mut record = BaseRecord::to(topic).partition(0).timestamp(self.timestamp).headers(headers);
        if let Some(key) = &self.key {
            record = record.key(key);
        }
        if let Some(value) = &self.value {
            record = record.payload(value);
        }
        producer.send(record).unwrap();
    }
}

fn contents() -> Vec<Content> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let bytes = [None, Some(Vec::new()), Some(b"plain".to_vec()), Some(every_byte.repeat(40))];
    let mut all = Vec::new();
    for key in &bytes {
        for value in &bytes {
            let headers = vec![
                ("twice".to_owned(), Some(b"1".to_vec())),
                ("twice".to_owned(), Some(vec![0xff, 0])),
                ("null".to_owned(), None),
                ("empty".to_owned(), Some(Vec::new())),
            ];
            let headers = if all.len() % 2 == 0 { headers } else { Vec::new() };
            let timestamp = 1_700_000_000_000 - 7 * i64::try_from(all.len()).unwrap();
            all.push(Content { key: key.clone(), value: value.clone(), timestamp, headers });
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_comes_back_whatever_the_compression() {
    for codec in ["none", "gzip", "snappy", "lz4"] {
        let broker = start(vec![topic("t", 1, &[])]).await;
        let producer: BaseProducer =
            client(&broker, &[("compression.type", codec), ("linger.ms", "50")]).create().unwrap();
        let sent = contents();
        for content in &sent {
            content.send(&producer, "t");
        }
        producer.flush(DEADLINE).unwrap();
        let seen = read(&broker, "t", 0, 0, sent.len());
        assert_eq!(seen.iter().map(Content::of).collect::<Vec<_>>(), sent, "{codec}");
        assert!(seen.iter().all(|message| matches!(message.timestamp(), Timestamp::CreateTime(_))));
        let last = i64::try_from(sent.len()).unwrap();
        assert_eq!(offsets(&seen), (0..last).collect::<Vec<_>>());
        assert_eq!(broker.high_watermark("t", 0), Some(last));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_may_begin_in_the_middle_of_a_batch() {
    for codec in ["none", "gzip"] {
        let broker = start(vec![topic("t", 1, &[])]).await;
        send_one_batch(&broker, "t", 10, &[("compression.type", codec)]);
        for from in [0, 5, 9] {
            let count = usize::try_from(10 - from).unwrap();
            assert_eq!(offsets(&read(&broker, "t", 0, from, count)), (from..10).collect::<Vec<_>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_found_by_time() {
    for codec in ["none", "gzip"] {
        let broker = start(vec![topic("t", 1, &[])]).await;
        send_one_batch(&broker, "t", 10, &[("compression.type", codec)]);
        let consumer = consumer(&broker, &[]);
        for (timestamp, expected) in [
            (1, Offset::Offset(0)),
            (4_000, Offset::Offset(3)),
            (4_001, Offset::Offset(4)),
            (10_001, Offset::End),
        ] {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset("t", 0, Offset::Offset(timestamp)).unwrap();
            let found = consumer.offsets_for_times(list, DEADLINE).unwrap();
            assert_eq!(found.elements()[0].offset(), expected, "at {timestamp}");
        }
        assert_eq!(consumer.fetch_watermarks("t", 0, DEADLINE).unwrap(), (0, 10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_producer_lands_every_record_once_in_order() {
    let broker = start(vec![topic("t", 1, &[])]).await;
    let producer: BaseProducer = client(
        &broker,
        &[("enable.idempotence", "true"), ("batch.num.messages", "7"), ("compression.type", "gzip")],
    )
    .create()
    .unwrap();
    for index in 0..1_000 {
        producer.send(BaseRecord::<[u8], _>::to("t").payload(&format!("{index}"))).unwrap();
    }
    producer.flush(DEADLINE).unwrap();
    assert_eq!(broker.high_watermark("t", 0), Some(1_000));
    let values: Vec<_> = read(&broker, "t", 0, 0, 1_000)
        .iter()
        .map(|message| String::from_utf8(message.payload().unwrap().to_vec()).unwrap())
        .collect();
    assert_eq!(values, (0..1_000).map(|index| index.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_producers_share_a_partition_without_loss() {
    let broker = start(vec![topic("t", 2, &[])]).await;
    let senders = (0..4).map(|sender| {
        let producer: FutureProducer = client(&broker, &[("acks", "1")]).create().unwrap();
        tokio::spawn(async move {
            let mut positions = Vec::new();
            for index in 0..200 {
                let value = format!("{sender}.{index}");
                let record = FutureRecord::<[u8], _>::to("t").partition(index % 2).payload(&value);
                let delivery = producer.send(record, DEADLINE).await.unwrap();
                positions.push((delivery.partition, delivery.offset, value));
            }
            positions
        })
    });
    let mut acked = BTreeMap::new();
    for sender in senders.collect::<Vec<_>>() {
        for (partition, offset, value) in sender.await.unwrap() {
            assert_eq!(acked.insert((partition, offset), value), None, "two acks of {partition}/{offset}");
        }
    }
    let mut landed = BTreeMap::new();
    for partition in 0..2 {
        assert_eq!(broker.high_watermark("t", partition), Some(400));
        for message in read(&broker, "t", partition, 0, 400) {
            let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
            landed.insert((partition, message.offset()), value);
        }
    }
    assert_eq!(landed, acked);
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_created_described_enlarged_and_deleted() {
    let broker = start(Vec::new()).await;
    let admin: AdminClient<DefaultClientContext> = client(&broker, &[]).create().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
    let new = NewTopic::new("made", 2, TopicReplication::Fixed(1)).set("max.message.bytes", "2000");
    let created = admin.create_topics([&new], &options).await.unwrap();
    assert_eq!(created, [Ok("made".to_owned())]);
    let again = admin.create_topics([&new], &options).await.unwrap();
    assert_eq!(again, [Err(("made".to_owned(), RDKafkaErrorCode::TopicAlreadyExists))]);
    let illegal = NewTopic::new("not legal", 1, TopicReplication::Fixed(1));
    let refused = admin.create_topics([&illegal], &options).await.unwrap();
    assert_eq!(refused, [Err(("not legal".to_owned(), RDKafkaErrorCode::InvalidTopic))]);

    let described = admin.describe_configs([&ResourceSpecifier::Topic("made")], &options).await.unwrap();
    let settings = described[0].as_ref().unwrap().entry_map();
    let setting = |name: &str| {
        let entry = settings[name];
        (entry.value.as_deref(), &entry.source, entry.is_read_only, entry.is_default)
    };
    assert_eq!(setting("max.message.bytes"), (Some("2000"), &ConfigSource::DynamicTopic, false, false));
    assert_eq!(setting("cleanup.policy"), (Some("delete"), &ConfigSource::Default, false, true));
    assert_eq!(setting("retention.bytes"), (Some("-1"), &ConfigSource::Default, false, true));
    assert_eq!(setting("message.timestamp.type"), (Some("CreateTime"), &ConfigSource::Default, false, true));

    let grown = admin.create_partitions([&NewPartitions::new("made", 5)], &options).await.unwrap();
    assert_eq!(grown, [Ok("made".to_owned())]);
    assert_eq!(broker.high_watermark("made", 4), Some(0));
    assert_eq!(broker.high_watermark("made", 5), None);

    assert_eq!(admin.delete_topics(&["made"], &options).await.unwrap(), [Ok("made".to_owned())]);
    assert_eq!(broker.high_watermark("made", 0), None);
    let gone = admin.delete_topics(&["made"], &options).await.unwrap();
    assert_eq!(gone, [Err(("made".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_topic_does_not_allow_is_refused_with_its_own_error() {
    let broker = start(vec![
        topic("small", 1, &[("max.message.bytes", "1000")]),
        topic("compact", 1, &[("cleanup.policy", "compact")]),
        topic("strict", 1, &[("message.timestamp.after.max.ms", "3600000")]),
    ])
    .await;
    let producer: FutureProducer = client(&broker, &[]).create().unwrap();
    let error = async |topic: &str, length: usize, ahead: Duration| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let value = vec![7; length];
        let record = FutureRecord::<[u8], _>::to(topic)
            .payload(&value)
            .timestamp(i64::try_from((now + ahead).as_millis()).unwrap());
        producer.send(record, DEADLINE).await.err().and_then(|(error, _)| error.rdkafka_error_code())
    };
    let now = Duration::ZERO;
    assert_eq!(error("small", 2_000, now).await, Some(RDKafkaErrorCode::MessageSizeTooLarge));
    assert_eq!(error("small", 500, now).await, None);
    assert_eq!(error("compact", 1, now).await, Some(RDKafkaErrorCode::InvalidRecord));
    let future = Duration::from_hours(2);
    assert_eq!(error("strict", 1, future).await, Some(RDKafkaErrorCode::InvalidTimestamp));
    assert_eq!(error("strict", 1, Duration::from_mins(30)).await, None);
    let heights = ["small", "compact", "strict"].map(|topic| broker.high_watermark(topic, 0));
    assert_eq!(heights, [Some(1), Some(0), Some(1)], "what was refused did not land");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_brokers_own_timestamps_are_told_and_stored() {
    let broker = start(vec![topic("t", 1, &[("message.timestamp.type", "LogAppendTime")])]).await;
    let producer: FutureProducer = client(&broker, &[]).create().unwrap();
    let record = FutureRecord::<[u8], _>::to("t").payload("v").timestamp(5);
    producer.send(record, DEADLINE).await.unwrap();
    // The consumer checks the CRC, which the broker had to compute anew.
    let consumer = consumer(&broker, &[("check.crcs", "true")]);
    assign(&consumer, "t", 0, Offset::Beginning);
    let message = poll(&consumer, 1).remove(0);
    let Timestamp::LogAppendTime(at) = message.timestamp() else { panic!("{:?}", message.timestamp()) };
    assert!(at > 1_700_000_000_000, "{at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_topics_are_unknown_unless_mentions_create_them() {
    let metadata_error = |broker: &Broker| {
        let producer: BaseProducer = client(broker, &[]).create().unwrap();
        let metadata = producer.client().fetch_metadata(Some("nobody"), DEADLINE).unwrap();
        metadata.topics()[0].error().map(RDKafkaErrorCode::from)
    };
    let strict = start(Vec::new()).await;
    assert_eq!(metadata_error(&strict), Some(RDKafkaErrorCode::UnknownTopicOrPartition));
    assert_eq!(strict.high_watermark("nobody", 0), None);

    let lenient =
        Broker::start(BrokerConfig { auto_create: Some(3), ..BrokerConfig::default() }).await.unwrap();
    let producer: FutureProducer = client(&lenient, &[]).create().unwrap();
    let record = FutureRecord::<[u8], _>::to("nobody").partition(2).payload("v");
    producer.send(record, DEADLINE).await.unwrap();
    assert_eq!(lenient.high_watermark("nobody", 2), Some(1));
    assert_eq!(lenient.high_watermark("nobody", 3), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_reads_are_refused_and_counted() {
    let fault =
        Fault { target: Some("denied".to_owned()), ..Fault::new(FaultKind::DenyRead, Pace::Every(1)) };
    let injector = Arc::new(Injector::new(fault, 1));
    let topics = vec![topic("denied", 1, &[]), topic("open", 1, &[])];
    let config = BrokerConfig { topics, injectors: vec![injector.clone()], ..BrokerConfig::default() };
    let broker = Broker::start(config).await.unwrap();
    for topic in ["denied", "open"] {
        send_one_batch(&broker, topic, 3, &[]);
    }
    let denied = consumer(&broker, &[]);
    assign(&denied, "denied", 0, Offset::Beginning);
    let begun = Instant::now();
    let error = loop {
        match denied.poll(Duration::from_millis(100)) {
            Some(Err(error)) => break error,
            Some(Ok(message)) => panic!("offset {} was read all the same", message.offset()),
            None => assert!(begun.elapsed() < DEADLINE, "no error came"),
        }
    };
    assert_eq!(error, KafkaError::MessageConsumption(RDKafkaErrorCode::TopicAuthorizationFailed));
    drop(denied);
    let refused = injector.injected();
    assert!(refused >= 1);
    assert_eq!(read(&broker, "open", 0, 0, 3).len(), 3);
    assert_eq!(injector.injected(), refused, "reading another topic counts nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_reader_is_woken_by_an_append() {
    let broker = start(vec![topic("t", 1, &[])]).await;
    let consumer = consumer(&broker, &[("fetch.wait.max.ms", "20000"), ("socket.timeout.ms", "60000")]);
    assign(&consumer, "t", 0, Offset::Beginning);
    // By now the reader's fetch waits at the broker, or is about to.
    assert!(consumer.poll(Duration::from_millis(500)).is_none());
    let begun = Instant::now();
    send_one_batch(&broker, "t", 1, &[]);
    assert_eq!(offsets(&poll(&consumer, 1)), [0]);
    assert!(begun.elapsed() < Duration::from_secs(10), "it waited {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_drops_the_oldest_and_moves_the_start() {
    let broker = start(vec![topic("t", 1, &[("retention.bytes", "5000")])]).await;
    let producer: FutureProducer = client(&broker, &[]).create().unwrap();
    for _ in 0..20 {
        let record = FutureRecord::<[u8], _>::to("t").payload(&[7; 1_000]);
        producer.send(record, DEADLINE).await.unwrap();
    }
    let consumer = consumer(&broker, &[("auto.offset.reset", "earliest")]);
    let (start, end) = consumer.fetch_watermarks("t", 0, DEADLINE).unwrap();
    assert_eq!((start, end), (16, 20));
    // Offset 0 is out of range, so the reader falls back to the start.
    assign(&consumer, "t", 0, Offset::Offset(0));
    assert_eq!(offsets(&poll(&consumer, 4)), [16, 17, 18, 19]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_brokers_lead_their_shares() {
    let config = BrokerConfig { brokers: 3, topics: vec![topic("t", 6, &[])], ..BrokerConfig::default() };
    let broker = Broker::start(config).await.unwrap();
    assert_eq!(broker.addresses().len(), 3);
    let producer: FutureProducer = client(&broker, &[]).create().unwrap();
    for partition in 0..6 {
        let record = FutureRecord::<[u8], _>::to("t").partition(partition).payload("v");
        producer.send(record, DEADLINE).await.unwrap();
    }
    let metadata = producer.client().fetch_metadata(Some("t"), DEADLINE).unwrap();
    let leaders: Vec<i32> = metadata.topics()[0].partitions().iter().map(MetadataPartition::leader).collect();
    assert_eq!(leaders, [1, 2, 3, 1, 2, 3]);
    let ports: BTreeSet<i32> = metadata.brokers().iter().map(MetadataBroker::port).collect();
    assert_eq!(ports, broker.addresses().iter().map(|address| i32::from(address.port())).collect());
    for partition in 0..6 {
        assert_eq!(offsets(&read(&broker, "t", partition, 0, 1)), [0]);
    }
    assert_eq!(producer.client().fetch_cluster_id(DEADLINE).as_deref(), Some(broker.cluster_id()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_in_by_loopback_is_not_sent_to_a_name_that_only_others_know() {
    let advertised = Some("kafka.test".to_owned());
    let config = BrokerConfig { brokers: 2, advertised, ..BrokerConfig::default() };
    let broker = Broker::start(config).await.unwrap();
    let ports: Vec<u16> = broker.addresses().iter().map(std::net::SocketAddr::port).collect();
    assert_eq!(broker.published(), format!("kafka.test:{},kafka.test:{}", ports[0], ports[1]));
    let metadata = consumer(&broker, &[]).fetch_metadata(None, DEADLINE).unwrap();
    assert_eq!(metadata.brokers().len(), 2);
    assert!(metadata.brokers().iter().all(|found| found.host() == "127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_broker_is_gone() {
    let broker = start(Vec::new()).await;
    let address = broker.addresses()[0];
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    drop(broker);
    let mut left = [0];
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut left);
    let read = tokio::time::timeout(DEADLINE, read).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        assert!(begun.elapsed() < DEADLINE, "the port still answers");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let none = Broker::start(BrokerConfig { brokers: 0, ..BrokerConfig::default() }).await;
    assert!(matches!(none, Err(BrokerError::Brokers { .. })), "{none:?}");
    let bad = BrokerConfig { topics: vec![topic("a b", 1, &[])], ..BrokerConfig::default() };
    let error = Broker::start(bad).await.unwrap_err();
    assert!(error.to_string().contains("'a b'"), "{error}");
    let bad = BrokerConfig { topics: vec![topic("t", 1, &[("nonsense", "1")])], ..BrokerConfig::default() };
    let error = Broker::start(bad).await.unwrap_err();
    assert!(error.to_string().contains("nonsense"), "{error}");
    let first = start(Vec::new()).await;
    let port = first.addresses()[0].port();
    let taken = Broker::start(BrokerConfig { port, ..BrokerConfig::default() }).await;
    assert!(matches!(taken, Err(BrokerError::Bind(_))), "{taken:?}");
}
