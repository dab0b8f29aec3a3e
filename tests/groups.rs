//! Consumer groups of the embedded Kafka broker, as stock clients form them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

/// The longest that anything here may take.
const DEADLINE: Duration = Duration::from_secs(30);
const PARTITIONS: i32 = 4;
const GROUP: &str = "readers";

/// Brokers with a topic `t` of four partitions.
async fn start(brokers: u16) -> Broker {
    let topics = vec![TopicConfig { name: "t".to_owned(), partitions: PARTITIONS, configs: BTreeMap::new() }];
    Broker::start(BrokerConfig { brokers, topics, ..BrokerConfig::default() }).await.unwrap()
}

fn client(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap()).set_log_level(RDKafkaLogLevel::Emerg);
    config
}

fn member(broker: &Broker, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut config = client(broker);
    config
        .set("group.id", GROUP)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "200");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["t"]).unwrap();
    consumer
}

/// Sends `count` records to each partition.
fn send(broker: &Broker, count: usize) {
    let producer: BaseProducer = client(broker).create().unwrap();
    for partition in 0..PARTITIONS {
        for _ in 0..count {
            producer.send(BaseRecord::<[u8], _>::to("t").partition(partition).payload("v")).unwrap();
        }
    }
    producer.flush(DEADLINE).unwrap();
}

/// What members have read: partitions and offsets.
type Read = BTreeSet<(i32, i64)>;

/// Polls all members until what they have read and been assigned is enough.
fn poll_until(members: &[&BaseConsumer], read: &mut Read, enough: impl Fn(&Read, &[BTreeSet<i32>]) -> bool) {
    let begun = Instant::now();
    loop {
        for member in members {
            while let Some(message) = member.poll(Duration::from_millis(20)) {
                // A coordinator that is away for a moment is no failure.
                if let Ok(message) = message {
                    read.insert((message.partition(), message.offset()));
                }
            }
        }
        let assigned: Vec<BTreeSet<i32>> = members.iter().map(|member| assigned(member)).collect();
        if enough(read, &assigned) {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "read {read:?}, assigned {assigned:?}");
    }
}

fn assigned(member: &BaseConsumer) -> BTreeSet<i32> {
    let assignment = member.assignment().unwrap();
    assignment
        .elements()
        .iter()
        .map(rdkafka::topic_partition_list::TopicPartitionListElem::partition)
        .collect()
}

fn all() -> BTreeSet<i32> {
    (0..PARTITIONS).collect()
}

/// Whether the members have all partitions between them, and none twice.
fn shared(assigned: &[BTreeSet<i32>]) -> bool {
    let count: usize = assigned.iter().map(BTreeSet::len).sum();
    let union: BTreeSet<i32> = assigned.iter().flatten().copied().collect();
    union == all() && count == union.len() && assigned.iter().all(|some| !some.is_empty())
}

fn committed(member: &BaseConsumer) -> BTreeMap<i32, Offset> {
    let mut list = TopicPartitionList::new();
    list.add_partition_range("t", 0, PARTITIONS - 1);
    let committed = member.committed_offsets(list, DEADLINE).unwrap();
    committed.elements().iter().map(|element| (element.partition(), element.offset())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_the_partitions_and_the_last_one_has_them_all() {
    for (brokers, strategy) in [(1, "range,roundrobin"), (3, "cooperative-sticky")] {
        let broker = start(brokers).await;
        let settings = [("partition.assignment.strategy", strategy)];
        let (first, second) = (member(&broker, &settings), member(&broker, &settings));
        let mut read = Read::new();
        poll_until(&[&first, &second], &mut read, |_, assigned| shared(assigned));
        send(&broker, 5);
        poll_until(&[&first, &second], &mut read, |read, _| read.len() == 20);
        for member in [&first, &second] {
            member.commit_consumer_state(CommitMode::Sync).unwrap();
        }
        let everything: BTreeMap<i32, Offset> = (0..PARTITIONS).map(|at| (at, Offset::Offset(5))).collect();
        assert_eq!(committed(&first), everything, "{strategy}");

        drop(second);
        poll_until(&[&first], &mut read, |_, assigned| assigned[0] == all());
        send(&broker, 2);
        poll_until(&[&first], &mut read, |read, _| read.len() == 28);
        drop(first);

        // Nobody has committed the last two of each partition.
        let mut again = Read::new();
        let third = member(&broker, &settings);
        poll_until(&[&third], &mut again, |again, _| again.len() == 8);
        assert!(again.iter().all(|(_, offset)| *offset >= 5), "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_comes_back_to_what_it_had_until_its_session_ends() {
    let broker = start(1).await;
    let named = |name| member(&broker, &[("group.instance.id", name)]);
    let (first, second) = (named("first"), named("second"));
    let mut read = Read::new();
    poll_until(&[&first, &second], &mut read, |_, assigned| shared(assigned));
    let before = [assigned(&first), assigned(&second)];
    // A static member says no goodbye.
    drop(second);
    let second = named("second");
    poll_until(&[&first, &second], &mut read, |_, assigned| shared(assigned));
    assert_eq!([assigned(&first), assigned(&second)], before);
    // But it cannot stay away for longer than its session.
    drop(second);
    poll_until(&[&first], &mut read, |_, assigned| assigned[0] == all());
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_listed_described_and_deleted() {
    let broker = start(2).await;
    let admin: AdminClient<DefaultClientContext> = client(&broker).create().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
    let member = member(&broker, &[("client.id", "the reader")]);
    send(&broker, 1);
    poll_until(&[&member], &mut Read::new(), |read, _| read.len() == 4);
    member.commit_consumer_state(CommitMode::Sync).unwrap();

    let listed = member.fetch_group_list(None, DEADLINE).unwrap();
    let [group] = listed.groups() else { panic!("{} groups", listed.groups().len()) };
    assert_eq!((group.name(), group.state(), group.protocol_type()), (GROUP, "Stable", "consumer"));
    let [described] = group.members() else { panic!("{} members", group.members().len()) };
    assert_eq!((described.client_id(), described.client_host()), ("the reader", "/127.0.0.1"));
    assert!(described.assignment().is_some_and(|assignment| !assignment.is_empty()));

    let refused = admin.delete_groups(&[GROUP], &options).await.unwrap();
    assert_eq!(refused, [Err((GROUP.to_owned(), RDKafkaErrorCode::NonEmptyGroup))]);
    drop(member);
    let deleted = admin.delete_groups(&[GROUP], &options).await.unwrap();
    assert_eq!(deleted, [Ok(GROUP.to_owned())]);
    let gone = admin.delete_groups(&[GROUP], &options).await.unwrap();
    assert_eq!(gone, [Err((GROUP.to_owned(), RDKafkaErrorCode::GroupIdNotFound))]);
}
