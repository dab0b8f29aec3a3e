//! What a run would send, told without sending it.

use std::path::Path;

use crate::harness::{Landfall, repository};

/// A path that nobody has: it is never asked for.
const DEPLOYED: &str = r#"version: 1
name: deployed
stack:
  idp: { kind: external, issuer: "https://login.invalid/partners" }
  gateway: { kind: external, url: "https://gateway.invalid/prod", cluster_id: MkU3 }
  kafka:
    kind: external
    bootstrap: "kafka.invalid:9096"
    properties: { sasl.password: { env: LANDFALL_NO_SUCH_VARIABLE } }
allow_hosts: [gateway.invalid, login.invalid]
budget: { requests: 2000, rate: 60/s, duration: 46s }
topics: [{ name: orders, partitions: 6 }]
partners:
  - name: shop
    secret: { env: LANDFALL_NO_SUCH_VARIABLE }
    headers: { x-api-key: { env: LANDFALL_NO_SUCH_VARIABLE }, x-source: shop }
workload:
  - partner: shop
    topic: orders
    format: v3-json
    payload: { template: { text: { $text: { length: 600 } } } }
    records_per_request: 10
    retry: { times: 1, wait: 100ms }
    arrivals: { constant: 50/s }
    for: 10s
"#;

fn write(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("deployed.yaml");
    std::fs::write(&path, text).expect("it can be written");
    path
}

#[test]
fn what_would_be_sent_is_told_and_nothing_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), DEPLOYED);
    let ended = Landfall::run(&path).args(&["--dry-run", "--run-id", "r1"]).end();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for part in [
        "gateway   external  https://gateway.invalid:443/prod",
        "load may leave this machine, for gateway.invalid, kafka.invalid",
        "500 requests, 5,000 records, about 3",
        "at most 50/s, for 10s",
        "1,000 with all further attempts",
        "peak       50/s, for 45s at most",
        "0.5% of the 10,000/s that API Gateway lets an account send, 1.0% of the 5,000 at once",
        "tokens     1 requests before the load",
        "budget     2,000 requests, 60/s, 46s; 1,000 requests are left",
        "POST /prod/v3/clusters/MkU3/topics/orders/records HTTP/1.1",
        "host: gateway.invalid\n",
        "authorization: Bearer (its token)",
        "x-api-key: (hidden)",
        "x-source: shop",
        "x-request-id: r1.0.0.1",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(ended.stdout.ends_with("…\n") && ended.stdout.lines().all(|line| line.len() < 500));
    assert_eq!(ended.reports.path().read_dir().map(Iterator::count).ok(), Some(0), "no folder is made");
}

#[test]
fn what_exceeds_the_budget_ends_with_code_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), &DEPLOYED.replace("requests: 2000", "requests: 600"));
    let ended = Landfall::run(&path).args(&["--dry-run=json"]).end();
    assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    assert_eq!((&told["requests"], &told["most_requests"]), (&500.into(), &1000.into()));
    assert_eq!(told["budget"]["requests_left"], serde_json::json!(-400));
    let refused = told["refused"][0].as_str().unwrap_or_default();
    assert!(refused.contains("up to 1000 requests (500 that are due"), "{refused}");
    // Without a budget it says what one would have to be.
    let path = write(folder.path(), &DEPLOYED.replace("budget:", "#"));
    let ended = Landfall::run(&path).args(&["--dry-run"]).end();
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    let needed = "`budget: { requests: 1000, rate: 100/s, duration: 45s }`";
    assert!(ended.stdout.contains(needed), "{}", ended.stdout);
}

#[test]
fn what_is_embedded_needs_no_budget() {
    let ended = Landfall::run(&repository("scenarios/quickstart.yaml")).args(&["--dry-run"]).end();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for part in ["load stays on this machine", "POST /prod/topics/quakes HTTP/1.1", "budget     none"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    // What a real run sends first is what was shown.
    let closed = Landfall::run(&repository("scenarios/quickstart.yaml"))
        .args(&["--dry-run"])
        .set("workload[0].arrivals={closed: {workers: 2}}")
        .set("checks=[]")
        .end();
    assert!(closed.stdout.contains("as many requests as are answered"), "{}{}", closed.stdout, closed.stderr);
}
