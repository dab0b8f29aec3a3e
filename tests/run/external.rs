//! Boxes that landfall did not start: it only attaches, and leaves them as they are.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::kafka::Access;

use crate::harness::{Ended, Landfall, wait_until};

async fn run(call: Landfall) -> Ended {
    tokio::task::spawn_blocking(|| call.end()).await.expect("the call does not panic")
}

async fn broker(topics: &[(&str, i32)]) -> Broker {
    let topics = topics
        .iter()
        .map(|(name, partitions)| TopicConfig {
            name: (*name).into(),
            partitions: *partitions,
            configs: BTreeMap::new(),
        })
        .collect();
    Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.expect("a broker")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_and_a_kafka_that_run_already_are_used_and_left_running() {
    let broker = broker(&[("quakes", 6)]).await;
    let config = ProxyConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Access::plain(broker.bootstrap()));
    let proxy = Proxy::start(config).await.expect("a proxy");
    // Twice on the same topics: a run's records are none of the next one's.
    for _ in 0..2 {
        let call = Landfall::short_quickstart()
            .set(&format!("stack.proxy={{kind: external, url: \"http://{}\"}}", proxy.address()))
            .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
            .set("grace=1s");
        let ended = run(call).await;
        let result = ended.result();
        assert_eq!(
            (ended.code, result.records.landed, result.records.foreign),
            (Some(0), 500, 0),
            "{}",
            ended.stdout
        );
        assert!(result.horizon.statement.contains("waited for 1 s"), "{}", result.horizon.statement);
        assert!(result.horizon.waited_us >= 1_000_000);
    }
    let landed: i64 = (0..6).filter_map(|partition| broker.high_watermark("quakes", partition)).sum();
    assert_eq!(landed, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_topics_are_created_where_asked_and_named_otherwise() {
    let broker = broker(&[]).await;
    let kafka = |create: bool| {
        let bootstrap = broker.bootstrap();
        format!("stack.kafka={{kind: external, bootstrap: \"{bootstrap}\", create_topics: {create}}}")
    };
    let refused = run(Landfall::short_quickstart().set(&kafka(false))).await;
    assert_eq!((refused.code, refused.result.is_none()), (Some(3), true));
    assert!(
        refused.stderr.contains("topic `quakes`") && refused.stderr.contains("create_topics"),
        "{}",
        refused.stderr
    );
    let ended = run(Landfall::short_quickstart().set(&kafka(true)).set("grace=1s")).await;
    assert_eq!(
        (ended.code, ended.result().records.landed),
        (Some(0), 500),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    let other = run(Landfall::short_quickstart().set(&kafka(false)).set("topics[0].partitions=7")).await;
    assert_eq!(other.code, Some(3));
    assert!(other.stderr.contains("has 6 partitions"), "{}", other.stderr);
}

/// The short quickstart against boxes of the test's own, for longer than the test needs.
fn attached(proxy: &Proxy, broker: &Broker) -> Landfall {
    Landfall::short_quickstart()
        .set(&format!("stack.proxy={{kind: external, url: \"http://{}\"}}", proxy.address()))
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .set("stack.gateway=none")
        .set("stack.idp=none")
        .set("workload[0].for=5s")
        .set("workload[0].timeout=1s")
        .set("drain=2s")
        .set("grace=1s")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_goes_away_in_mid_run_is_a_lost_stack() {
    let broker = broker(&[("quakes", 6)]).await;
    let config = ProxyConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Access::plain(broker.bootstrap()));
    let proxy = Proxy::start(config).await.expect("a proxy");
    let call = attached(&proxy, &broker).set("partners[1].expect=accept");
    let url = format!("http://{}", proxy.address());
    let running = tokio::task::spawn_blocking(|| call.end());
    landed(&broker, 100);
    drop(proxy);
    let ended = running.await.expect("the call does not panic");
    let result = ended.result();
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    let incomplete = result.incomplete.as_deref().unwrap_or_default();
    assert!(incomplete.contains(&url) && incomplete.contains("does not answer"), "{incomplete}");
    let records = &result.records;
    assert!(records.landed + records.unknown_landed >= 100 && records.unknown_absent > 0, "{}", ended.stdout);
    assert!(result.findings.is_empty(), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_that_goes_away_in_mid_run_is_a_lost_stack() {
    let broker = broker(&[("quakes", 6)]).await;
    let config = ProxyConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Access::plain(broker.bootstrap()));
    let proxy = Proxy::start(config).await.expect("a proxy");
    let call = attached(&proxy, &broker).set("partners[1].expect=accept");
    let running = tokio::task::spawn_blocking(|| call.end());
    landed(&broker, 100);
    drop(broker);
    let ended = running.await.expect("the call does not panic");
    let result = ended.result();
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    assert!(
        result.incomplete.as_deref().is_some_and(|reason| reason.starts_with("Kafka was lost")),
        "{}",
        ended.stdout
    );
    assert_eq!((result.records.lost, result.findings.len()), (0, 0), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_property_that_is_refused_is_named_without_its_value() {
    let ended = run(
        Landfall::short_quickstart()
            .set("stack.kafka={kind: external, bootstrap: \"127.0.0.1:9\", properties: {sasl.jaas.config: {env: JAAS}}}")
            .env("JAAS", "s3cr3t-jaas"),
    )
    .await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("sasl.jaas.config") && !ended.stderr.contains("s3cr3t"),
        "{}",
        ended.stderr
    );
}

/// Waits until the broker holds so many records.
fn landed(broker: &Broker, records: i64) {
    let count = || (0..6).filter_map(|partition| broker.high_watermark("quakes", partition)).sum::<i64>();
    tokio::task::block_in_place(|| wait_until("records land", || count() >= records));
}
