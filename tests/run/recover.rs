//! A run that is killed is settled from its journal and its topics: as an undisturbed check of what the journal holds
//! would, and with the rest unknown.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::record::{BLOCK_HEAD, RecordAnswer, payload_len, tell_block};
use landfall::result::{RunResult, Verdict};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::harness::{Landfall, ScenarioFile, file_in, wait_until};

const TOPICS: [&str; 2] = ["t", "u"];
const PARTITIONS: i32 = 3;
/// How often a run is killed.
const KILLS: u32 = 12;

/// Two streams, one of which is tried again, on a path that loses, copies and errs.
const SCENARIO: &str = r#"
version: 1
name: killed
seed: 5
grace: 300ms
topics: [{ name: t, partitions: 3 }, { name: u, partitions: 3 }]
load: { threads: 2 }
partners: [{ name: p, secret: generated, scope: "t:write u:write" }]
workload:
  - { partner: p, topic: t, format: v2-json, payload: { template: { n: { $sequence: {} } } }, identity: member,
      records_per_request: { uniform: [1, 5] }, arrivals: { constant: 300/s }, for: 60s, connections: 8 }
  - { partner: p, topic: u, format: v2-json, payload: { template: { n: { $sequence: {} } } }, identity: member,
      records_per_request: 3, arrivals: { poisson: 200/s }, for: 60s, connections: 8,
      retry: { times: 3, wait: 5ms, on: [5xx] } }
checks: []
faults:
  - { box: proxy, kind: drop-after-ack, every: 150, target: t }
  - { box: proxy, kind: duplicate, every: 170, target: t }
  - { box: proxy, kind: error-after-append, every: 9, target: u }
"#;

/// What the definitions make of a record.
#[derive(Debug, Default, Clone, Copy)]
struct Known {
    acked: bool,
    refused: bool,
    doubted: bool,
    attempts: u32,
}

/// The journal, told by record; blocks that were not written whole are left out.
fn journal(path: &Path) -> BTreeMap<(u16, u64), Known> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let mut rest = bytes.as_slice();
    let mut known: BTreeMap<(u16, u64), Known> = BTreeMap::new();
    while let Some((head, more)) = rest.split_first_chunk::<BLOCK_HEAD>() {
        let length = payload_len(*head).expect("a block has a length");
        let Some((payload, after)) = more.split_at_checked(length) else { break };
        tell_block(*head, payload, &mut |sent, answer| {
            for index in 0..sent.records {
                let id = (sent.request.producer, sent.first_sequence + u64::from(index));
                let record = known.entry(id).or_default();
                record.attempts = record.attempts.max(sent.attempt);
                match answer.get(index as usize) {
                    RecordAnswer::Acked { .. } => record.acked = true,
                    RecordAnswer::Refused => record.refused = true,
                    RecordAnswer::Unknown => record.doubted = true,
                }
            }
        })
        .expect("a whole block is good");
        rest = after;
    }
    known
}

/// How often each record of the run stands in the topic, by its identity's text.
fn copies(broker: &Broker, run: &str) -> BTreeMap<(u16, u64), u64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .set("group.id", "oracle")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let mut all = TopicPartitionList::new();
    for topic in TOPICS {
        for partition in 0..PARTITIONS {
            all.add_partition_offset(topic, partition, Offset::Beginning).expect("a place");
        }
    }
    consumer.assign(&all).expect("an assignment");
    let (mut copies, mut ends) = (BTreeMap::new(), 0);
    while ends < all.count() {
        match consumer.poll(Duration::from_secs(1)) {
            Some(Ok(message)) => {
                let text = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
                let Some((_, identity)) = text.split_once("\"_landfall\":\"") else { continue };
                let parts: Vec<&str> = identity.split(['.', '"']).take(3).collect();
                if parts[0] == run {
                    let id = (parts[1].parse().expect("a producer"), parts[2].parse().expect("a sequence"));
                    *copies.entry(id).or_default() += 1;
                }
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ends += 1,
            other => assert!(other.is_none(), "{other:?}"),
        }
    }
    copies
}

/// What recovering must have found.
fn check(result: &RunResult, journal: &BTreeMap<(u16, u64), Known>, copies: &BTreeMap<(u16, u64), u64>) {
    let recovery = result.recovery.as_ref().expect("it was recovered");
    let r = &result.records;
    let count = |such: &dyn Fn(&Known, u64) -> bool| {
        let fits = |(id, known): &(&(u16, u64), &Known)| such(known, copies.get(*id).copied().unwrap_or(0));
        journal.iter().filter(fits).count() as u64
    };
    assert_eq!(recovery.damage, None);
    // What was found was in the journal, or had been reserved: nothing was sent without that.
    assert_eq!(r.foreign, 0, "{r:?}");
    assert_eq!(r.sent, journal.len() as u64 + recovery.unjournaled_records);
    assert_eq!(r.acked, count(&|known, _| known.acked));
    assert_eq!(r.landed, count(&|known, copies| known.acked && copies > 0));
    assert_eq!((r.lost, r.unverifiable), (count(&|known, copies| known.acked && copies == 0), 0));
    assert_eq!(
        r.leaked,
        count(&|known, copies| { known.refused && !known.acked && !known.doubted && copies > 0 })
    );
    let tail_found = copies.keys().filter(|id| !journal.contains_key(id)).count() as u64;
    assert_eq!(recovery.unjournaled_landed, tail_found);
    let unknown = |known: &Known| known.doubted && !known.acked;
    assert_eq!(r.unknown, count(&|known, _| unknown(known)) + recovery.unjournaled_records);
    assert_eq!(r.unknown_landed, count(&|known, copies| unknown(known) && copies > 0) + tail_found);
    assert_eq!(r.duplicated, copies.values().filter(|copies| **copies > 1).count() as u64);
    // Nothing is held against the path that further attempts may explain.
    assert!(
        r.duplicated_beyond_attempts <= count(&|known, copies| copies > known.attempts.into()) + tail_found
    );
    assert_eq!((r.corrupted, r.misplaced, r.reordered), (0, 0, 0), "{r:?}");
    let found = r.lost + r.duplicated_beyond_attempts > 0;
    assert_eq!(
        result.verdict,
        if found { Verdict::Fail } else { Verdict::Inconclusive },
        "{:?}",
        result.reasons
    );
    assert!(result.incomplete.as_deref().is_some_and(|text| text.contains("killed")));
}

/// Kills a run after a time and recovers it. What the journal held, and whether anything was there to recover.
fn kill_and_recover(broker: &Broker, number: u32, after: Duration) -> Option<u64> {
    let run = format!("k{number}");
    let scenario = ScenarioFile::new(SCENARIO);
    let call = Landfall::run(&scenario.path())
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .args(&["--run-id", &run, "--quiet"]);
    let mut started = call.start();
    // A moment that the process cannot choose.
    std::thread::park_timeout(after);
    started.signal("KILL");
    started.child().wait().expect("it is gone");
    let folder = started.reports().join(&run);
    let ended = Landfall::bare("recover", &folder).end();
    if !folder.join("start.json").exists() {
        assert_eq!((ended.code, folder.join("result.json").exists()), (Some(2), false), "{}", ended.stderr);
        assert!(ended.stderr.contains("nothing to recover"), "{}", ended.stderr);
        return None;
    }
    let text = std::fs::read_to_string(folder.join("result.json"))
        .unwrap_or_else(|_| panic!("no result; {:?} {}", ended.code, ended.stderr));
    let result: RunResult = serde_json::from_str(&text).expect("a result");
    let journal = journal(&folder.join("journal.bin"));
    check(&result, &journal, &copies(broker, &run));
    assert_eq!(ended.code, Some(if result.verdict == Verdict::Fail { 1 } else { 4 }), "{}", ended.stdout);
    // Once settled, it is settled.
    let again = Landfall::bare("recover", &folder).end();
    assert!(again.code == Some(2) && again.stderr.contains("holds a result"), "{}", again.stderr);
    Some(journal.len() as u64)
}

async fn broker() -> Broker {
    let topic =
        |name: &str| TopicConfig { name: name.into(), partitions: PARTITIONS, configs: BTreeMap::new() };
    Broker::start(BrokerConfig { topics: TOPICS.map(topic).to_vec(), ..BrokerConfig::default() })
        .await
        .expect("a broker")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_moment_is_recovered() {
    let broker = broker().await;
    let recovered = tokio::task::spawn_blocking(move || {
        let moment = |number: u32| {
            // Spread evenly, by the golden ratio.
            let share = (f64::from(number) * 0.618_033_988_75).fract();
            Duration::from_secs_f64(0.05 + 3.0 * share)
        };
        (1..=KILLS).filter_map(|number| kill_and_recover(&broker, number, moment(number))).sum::<u64>()
    })
    .await
    .expect("no panic");
    assert!(recovered > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recovered_says_why() {
    let broker = broker().await;
    tokio::task::spawn_blocking(move || {
        let payload = "{\"a\":1}\n{\"a\":2}\n";
        let scenario = ScenarioFile::new(
            "version: 1\nname: x\ngrace: 100ms\ntopics: [{ name: t, partitions: 3 }]\n\
             partners: [{ name: p, secret: generated, scope: 't:write' }]\n\
             workload: [{ partner: p, topic: t, format: v2-json, payload: { file: r.ndjson }, \
             arrivals: { constant: 100/s }, for: 60s }]\n",
        )
        .with("r.ndjson", payload.as_bytes());
        let kafka = format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap());
        let mut started =
            Landfall::run(&scenario.path()).set(&kafka).args(&["--run-id", "x", "--quiet"]).start();
        let folder = started.reports().join("x");
        wait_until("something is in the journal", || {
            std::fs::metadata(folder.join("journal.bin")).is_ok_and(|file| file.len() > 0)
        });
        let recover = || Landfall::bare("recover", &folder).end();
        let early = recover();
        assert!(early.code == Some(2) && early.stderr.contains("still under way"), "{}", early.stderr);
        started.signal("KILL");
        started.child().wait().expect("it is gone");
        let taken = Landfall::run(&scenario.path()).set(&kafka).args(&["--run-id", "x"]);
        let taken = taken.reports_in(started.reports()).end();
        assert!(taken.code == Some(2) && taken.stderr.contains("landfall recover"), "{}", taken.stderr);
        let file = scenario.path().with_file_name("r.ndjson");
        std::fs::write(&file, "{\"a\":3}\n").expect("it can be written");
        let changed = recover();
        assert!(changed.code == Some(2) && changed.stderr.contains("not what it was"), "{}", changed.stderr);
        std::fs::write(&file, payload).expect("it can be written");
        // The scenario is kept with the run.
        std::fs::write(scenario.path(), "gone").expect("it can be written");
        let ended = recover();
        assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains("killed"), "{}", ended.stdout);

        let nothing = Landfall::bare("recover", &scenario.path()).end();
        assert!(
            nothing.code == Some(2) && nothing.stderr.contains("nothing to recover"),
            "{}",
            nothing.stderr
        );
    })
    .await
    .expect("no panic");
}

/// A short run, killed when its load has ended, while it waits for what was refused.
fn kill_while_settling(broker: &Broker) -> (Landfall, std::path::PathBuf, tempfile::TempDir) {
    let scenario = ScenarioFile::new(SCENARIO);
    let call = Landfall::run(&scenario.path())
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .set("faults=[{box: proxy, kind: error-after-append, every: 3}]")
        .set("workload[0].for=700ms")
        .set("workload[1].for=700ms")
        .set("workload[0].retry={times: 2, wait: 10s, on: [5xx]}")
        .set("drain=1s")
        .set("grace=4s")
        .args(&["--run-id", "s", "--quiet"]);
    let mut started = call.start();
    let folder = started.reports().join("s");
    wait_until("the load has ended", || {
        std::fs::read(folder.join("reserved.bin")).is_ok_and(|bytes| bytes.ends_with(&1_u64.to_le_bytes()))
    });
    started.signal("KILL");
    started.child().wait().expect("it is gone");
    (Landfall::bare("recover", &folder), folder, started.keep_reports())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_run_whose_load_had_ended_everything_is_known() {
    let broker = broker().await;
    tokio::task::spawn_blocking(move || {
        let (recover, folder, _reports) = kill_while_settling(&broker);
        let ended = recover.end();
        let text = std::fs::read_to_string(folder.join("result.json")).expect(&ended.stderr);
        let result: RunResult = serde_json::from_str(&text).expect("a result");
        let recovery = result.recovery.as_ref().expect("it was recovered");
        assert_eq!((recovery.unjournaled_requests, recovery.open_requests), (0, 0), "{}", ended.stdout);
        check(&result, &journal(&folder.join("journal.bin")), &copies(&broker, "s"));
        assert!(result.records.unknown_landed > 50, "{}", ended.stdout);
    })
    .await
    .expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_were_created_again_prove_nothing() {
    let broker = broker().await;
    let (recover, folder, _reports) = {
        let broker = &broker;
        tokio::task::block_in_place(|| kill_while_settling(broker))
    };
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", broker.bootstrap()).create().expect("a client");
    let options = AdminOptions::new();
    admin.delete_topics(&TOPICS, &options).await.expect("the broker answers");
    let topics = TOPICS.map(|topic| NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1)));
    admin.create_topics(&topics, &options).await.expect("the broker answers");
    let ended = tokio::task::block_in_place(|| recover.end());
    let text = std::fs::read_to_string(folder.join("result.json")).expect(&ended.stderr);
    let result: RunResult = serde_json::from_str(&text).expect("a result");
    assert_eq!((ended.code, result.records.lost), (Some(4), 0), "{}", ended.stdout);
    assert!(
        result.records.unverifiable == result.records.acked && result.records.acked > 0,
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("holds nothing of the run"), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_or_cluster_is_refused_and_burns_nothing() {
    let broker = broker().await;
    let other = self::broker().await;
    tokio::task::spawn_blocking(move || {
        let (_, folder, _reports) = kill_while_settling(&broker);
        let start = folder.join("start.json");
        let text = std::fs::read_to_string(&start).expect("it can be read");
        let recover_with = |from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            std::fs::write(&start, text.replace(from, to)).expect("it can be written");
            Landfall::bare("recover", &folder).end()
        };
        let version = recover_with("\"landfall\": \"", "\"landfall\": \"99.");
        assert!(version.code == Some(2) && version.stderr.contains("the same version"), "{}", version.stderr);
        let cluster = recover_with(&broker.bootstrap(), &other.bootstrap());
        assert!(
            cluster.code == Some(2) && cluster.stderr.contains("scenario that was kept"),
            "{}",
            cluster.stderr
        );
        let id = format!("\"cluster\": \"{}\"", broker.cluster_id());
        let cluster = recover_with(&id, "\"cluster\": \"other\"");
        assert!(cluster.code == Some(3) && cluster.stderr.contains("is the cluster"), "{}", cluster.stderr);
        assert_eq!(recover_with("x", "x").code, Some(4));
    })
    .await
    .expect("no panic");
}

#[test]
fn with_its_own_kafka_gone_nothing_can_be_said() {
    let mut started = Landfall::short_quickstart().set("workload[0].for=60s").start();
    let reports = started.reports().to_owned();
    wait_until("it has begun", || file_in(&reports, "reserved.bin").is_some());
    started.signal("KILL");
    started.child().wait().expect("it is gone");
    let folder = file_in(&reports, "start.json").expect("it began").with_file_name("");
    let ended = Landfall::bare("recover", &folder).end();
    assert!(ended.code == Some(3) && ended.stderr.contains("external"), "{:?} {}", ended.code, ended.stderr);
}
