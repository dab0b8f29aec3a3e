//! Topics that a run has created in somebody else's Kafka: they are deleted where that is wanted, and no others.

use std::collections::BTreeMap;

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::harness::{Ended, Landfall, PATIENCE, wait_until};

async fn run(call: Landfall) -> Ended {
    tokio::task::spawn_blocking(|| call.end()).await.expect("the call does not panic")
}

async fn broker(topics: &[&str]) -> Broker {
    let topics = topics.iter().map(|name| TopicConfig {
        name: (*name).into(),
        partitions: 6,
        configs: BTreeMap::new(),
    });
    let topics = topics.collect();
    Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.expect("a broker")
}

fn call(broker: &Broker, delete: &str) -> Landfall {
    let bootstrap = broker.bootstrap();
    Landfall::short_quickstart().set("grace=1s").set(&format!(
        "stack.kafka={{kind: external, bootstrap: \"{bootstrap}\", create_topics: true, delete_topics: {delete}}}"
    ))
}

fn is_there(broker: &Broker) -> bool {
    broker.high_watermark("quakes", 0).is_some()
}

fn notes(ended: &Ended) -> String {
    ended.result().notes.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_run_has_created_goes_and_nothing_else() {
    let broker = broker(&[]).await;
    let ended = run(call(&broker, "none")).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(
        is_there(&broker) && notes(&ended).contains("`stack.kafka.delete_topics: created`"),
        "{}",
        ended.stdout
    );
    // It was there before this run, so it stays.
    let ended = run(call(&broker, "created")).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(is_there(&broker) && !notes(&ended).contains("quakes"), "{}", notes(&ended));

    let broker = self::broker(&["other"]).await;
    let ended = run(call(&broker, "created")).await;
    assert_eq!(
        (ended.code, ended.result().records.landed),
        (Some(0), 500),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    assert!(notes(&ended).contains("were deleted: `quakes`"), "{}", notes(&ended));
    assert!(!is_there(&broker) && broker.high_watermark("other", 0).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_however_the_run_ends() {
    // Nothing answers at the proxy's address, so that nothing is sent.
    let broker = broker(&[]).await;
    let proxy = "stack.proxy={kind: external, url: \"http://127.0.0.1:9\"}";
    let ended = run(call(&broker, "created").set(proxy)).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(!is_there(&broker), "{}", ended.stderr);
    // A run that fails.
    let failing = call(&broker, "created").set("checks=[\"records.acked < 1\"]");
    let ended = run(failing).await;
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(!is_there(&broker));
    // One that is broken off.
    let long = call(&broker, "created").set("workload[0].for=10m").set("workload[1].for=10m");
    let ended = tokio::task::block_in_place(|| {
        let mut started = long.start();
        let landed = || (0..6).filter_map(|at| broker.high_watermark("quakes", at)).sum::<i64>();
        wait_until("records land", || landed() >= 100);
        started.signal("INT");
        started.end()
    });
    assert_eq!(ended.code, Some(130), "{}{}", ended.stdout, ended.stderr);
    assert!(!is_there(&broker), "{}", notes(&ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_where_somebody_else_writes_too() {
    let broker = broker(&[]).await;
    let long = call(&broker, "created").set("workload[0].for=10m").set("workload[1].for=10m");
    let ended = tokio::task::block_in_place(|| {
        let mut started = long.start();
        let landed = || (0..6).filter_map(|at| broker.high_watermark("quakes", at)).sum::<i64>();
        wait_until("records land", || landed() >= 100);
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", broker.bootstrap()).create().expect("a producer");
        producer.send(BaseRecord::<str, str>::to("quakes").payload("mine")).expect("it is taken");
        producer.flush(PATIENCE).expect("it lands");
        started.signal("INT");
        started.end()
    });
    assert!(is_there(&broker), "{}", notes(&ended));
    let told = "`quakes`, which the run has created, stay: 1 records of somebody else's are among theirs";
    assert!(notes(&ended).contains(told), "{}", notes(&ended));
}
