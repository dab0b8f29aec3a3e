//! What records hold and how they are sent: each source of payloads and each format, healthy and with faults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::kafka::Access;
use landfall::result::Verdict;

use crate::faults::found_exactly;
use crate::harness::{Ended, Landfall, ScenarioFile, repository};

/// The orders, shortened to a second.
fn orders() -> Landfall {
    Landfall::run(&repository("scenarios/orders.yaml"))
        .set("checks=[]")
        .set("workload[0].arrivals.constant=50/s")
        .set("workload[0].for=1s")
}

/// Every record of the first workload has landed as it was sent, and nothing was found.
fn lands_whole(ended: &Ended, records: u64) {
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}{}", ended.stdout, ended.stderr);
    assert_eq!((result.records.landed, result.records.acked), (records, records), "{}", ended.stdout);
    assert!(result.findings.is_empty() && result.records.foreign == 0, "{}", ended.stdout);
}

#[test]
fn rows_of_a_table_are_records() {
    let file = repository("fixtures/payloads/earthquakes.csv");
    let types =
        "{magnitude: number, depth: number, time: number, tsunami: boolean, felt: [number, null-if-empty]}";
    for (format, key) in [("v2-json", "{column: net}"), ("v2-binary", "/id")] {
        let ended = Landfall::short_quickstart()
            .set(&format!("workload[0].format={format}"))
            .set(&format!("workload[0].payload={{csv: \"{}\", types: {types}, key: {key}}}", file.display()))
            .end();
        lands_whole(&ended, 500);
    }
}

#[test]
fn a_template_with_drawn_keys_lands_whole() {
    lands_whole(&orders().end(), 250);
    let v2 = orders().set("workload[0].format=v2-json").set("workload[0].identity={pointer: /id}").end();
    lands_whole(&v2, 250);
}

#[test]
fn a_template_in_a_file_may_name_its_key_by_pointer() {
    let scenario = ScenarioFile::new("").with(
        "order.json",
        br#"{"customer": {"$choice": ["ann", "bob", "cem"]}, "total": {"$float": {"min": 0.5, "max": 99, "digits": 2}}}"#,
    );
    let file = scenario.path().with_file_name("order.json");
    let ended = orders()
        .set(&format!("workload[0].payload={{template_file: \"{}\", key: /customer}}", file.display()))
        .set("workload[0].identity=member")
        .end();
    lands_whole(&ended, 250);
}

#[test]
fn every_format_of_v3_lands_whole() {
    for (format, identity) in [
        ("v3-json", "header"),
        ("v3-json", "member"),
        ("v3-json", "key"),
        ("v3-binary", "{header: x-id}"),
        ("v3-binary", "member"),
        ("v3-string", "member"),
    ] {
        let key = if identity == "key" { "" } else { ", key: /properties/net" };
        let file = repository("fixtures/payloads/earthquakes.ndjson");
        let ended = Landfall::short_quickstart()
            .set(&format!("workload[0].format={format}"))
            .set(&format!("workload[0].identity={identity}"))
            .set(&format!("workload[0].payload={{file: \"{}\"{key}}}", file.display()))
            .end();
        lands_whole(&ended, 500);
        assert_eq!(ended.result().requests.refused, 20, "the stranger, in v2");
    }
}

#[test]
fn partitions_are_named_in_the_records_of_v3_and_tombstones_land_as_null() {
    let ended = orders().set("workload[0].partition=7").end();
    lands_whole(&ended, 250);
    assert_eq!(ended.result().records.misplaced, 0);
    for format in ["v3-json", "v3-binary", "v3-string"] {
        let ended = Landfall::run(&repository("scenarios/retractions.yaml"))
            .set("workload[0].for=1s")
            .set("checks=[]")
            .set(&format!("workload[0].format={format}"))
            .end();
        lands_whole(&ended, 400);
    }
}

#[test]
fn who_has_no_right_to_write_is_refused_in_v3_too() {
    let ended = Landfall::short_quickstart().set("workload[1].format=v3-json").end();
    let result = ended.result();
    assert_eq!((ended.code, result.requests.refused, result.records.absent), (Some(0), 20, 20));
    let leak = Landfall::short_quickstart()
        .set("workload[1].format=v3-json")
        .set("faults=[{box: gateway, kind: forward-denied, every: 3}]")
        .end();
    found_exactly(&leak, "records.leaked", 6);
}

fn with_fault(call: Landfall, kind: &str, every: u64) -> Ended {
    call.set(&format!("faults=[{{box: proxy, kind: {kind}, every: {every}}}]")).end()
}

#[test]
fn faults_of_the_proxy_are_found_in_v3_as_often_as_they_struck() {
    found_exactly(&with_fault(orders(), "drop-after-ack", 9), "records.lost", 20);
    found_exactly(&with_fault(orders(), "duplicate", 9), "records.duplicated", 20);
    // Every record: the identity is a header, and none is beyond recognition.
    found_exactly(&with_fault(orders(), "corrupt-byte", 1), "records.corrupted", 250);
    found_exactly(&with_fault(orders(), "wrong-offset", 9), "records.misplaced", 20);
    let swaps = orders().set("workload[0].payload.key={uniform: 2}");
    found_exactly(&with_fault(swaps, "reorder-in-request", 3), "records.reordered", 20);
    found_exactly(&with_fault(orders(), "truncate", 1), "records.corrupted", 250);
    found_exactly(&with_fault(orders(), "wrong-partition", 9), "records.misplaced", 20);
    let few_keys = || orders().set("workload[0].payload.key={uniform: 2}");
    found_exactly(&with_fault(few_keys(), "swap-keys", 3), "records.corrupted", 20);
    found_exactly(&with_fault(few_keys(), "exchange-offsets", 3), "records.misplaced", 20);
}

#[test]
fn faults_are_found_in_binary_records_of_v3() {
    let binary = || {
        Landfall::short_quickstart().set("workload[0].format=v3-binary").set("workload[0].identity=header")
    };
    found_exactly(&with_fault(binary(), "drop-after-ack", 9), "records.lost", 50);
    found_exactly(&with_fault(binary(), "duplicate", 9), "records.duplicated", 50);
    found_exactly(&with_fault(binary(), "corrupt-byte", 1), "records.corrupted", 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_of_an_external_proxy_is_asked_for_or_told() {
    let topics = vec![TopicConfig { name: "orders".into(), partitions: 12, configs: BTreeMap::new() }];
    let broker = Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.expect("a broker");
    let config = ProxyConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Access::plain(broker.bootstrap()));
    let proxy = Proxy::start(config).await.expect("a proxy");
    for told in ["", ", cluster_id: nobody-checks-it"] {
        let call = orders()
            .set(&format!("stack.proxy={{kind: external, url: \"http://{}\"{told}}}", proxy.address()))
            .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
            .set("grace=1s");
        let ended = tokio::task::spawn_blocking(|| call.end()).await.expect("the call does not panic");
        lands_whole(&ended, 250);
    }
}

#[test]
fn what_cannot_be_made_is_told_with_its_place() {
    let told = |call: Landfall, words: &[&str]| {
        let ended = call.end();
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{}", ended.stderr);
    };
    let unknown = "workload[0].payload.template.items={$itn: {min: 1, max: 2}}";
    told(orders().set(unknown), &["workload[0].payload.template: at /items/$itn:", "did you mean `$int`?"]);
    let validate = Landfall::new("validate", &repository("scenarios/orders.yaml")).set(unknown);
    told(validate, &["at /items/$itn:"]);
    let table = ScenarioFile::new("").with("t.csv", b"a,b\n1,x\n1,2\n");
    let file = table.path().with_file_name("t.csv");
    let typed = format!("workload[0].payload={{csv: \"{}\", types: {{b: number}}}}", file.display());
    told(orders().set(&typed), &["payload.csv:", "t.csv: line 2, column `b`: must be a number"]);
    let broken = ScenarioFile::new("").with("o.json", b"{\"a\": }");
    let file = broken.path().with_file_name("o.json");
    let template = format!("workload[0].payload={{template_file: \"{}\"}}", file.display());
    told(orders().set(&template), &["payload.template_file:", "is not JSON", "line 1 column 7"]);
}
