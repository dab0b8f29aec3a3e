//! A path that is deployed: the load goes to its gateway, within its budget, and stops where it is not wanted.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::http::{Server, bind};
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::kafka::Access;
use landfall::result::Verdict;

use crate::harness::{Ended, Landfall};

async fn run(call: Landfall) -> Ended {
    tokio::task::spawn_blocking(|| call.end()).await.expect("the call does not panic")
}

async fn broker() -> Broker {
    let topics = vec![TopicConfig { name: "quakes".into(), partitions: 6, configs: BTreeMap::new() }];
    Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.expect("a broker")
}

/// The short quickstart, at a gateway that is deployed at `url`, without an identity provider.
fn deployed(url: &str, broker: &Broker) -> Landfall {
    Landfall::short_quickstart()
        .set("stack.idp=none")
        .set("stack.proxy=none")
        .set(&format!("stack.gateway={{kind: external, url: \"{url}\"}}"))
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .set("grace=1s")
}

/// Somebody else's gateway, which answers everything with this; and how often it did.
async fn gateway(status: StatusCode) -> (Server, Arc<AtomicU64>) {
    let listener = bind("gateway", ([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let server = Server::start(listener, move |request, _| {
        let counted = counted.clone();
        async move {
            assert_eq!(request.uri().path(), "/prod/topics/quakes");
            assert_eq!(request.headers()["x-api-key"], "k3y");
            assert_eq!(request.headers()["authorization"], "Basic c2hvcA==");
            counted.fetch_add(1, Ordering::SeqCst);
            let mut response = Response::new(Full::new(Bytes::from_static(b"{\"message\":\"no\"}")));
            *response.status_mut() = status;
            response.headers_mut().insert("x-amzn-errortype", "ForbiddenException".parse().expect("a value"));
            response
        }
    });
    (server.expect("a bound listener has an address"), count)
}

fn with_headers(call: Landfall) -> Landfall {
    let headers = "{x-api-key: {env: SHOP_KEY}, authorization: {env: SHOP_AUTHORIZATION}}";
    call.set(&format!("partners[0].headers={headers}"))
        .set(&format!("partners[1].headers={headers}"))
        .env("SHOP_KEY", "k3y")
        .env("SHOP_AUTHORIZATION", "Basic c2hvcA==")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_goes_to_a_gateway_that_is_deployed() {
    let broker = broker().await;
    let config = ProxyConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Access::plain(broker.bootstrap()));
    let proxy = Proxy::start(config).await.expect("a proxy");
    for format in ["v2-json", "v3-json"] {
        let call = deployed(&format!("http://{}", proxy.address()), &broker)
            .set("partners[1].expect=accept")
            .set(&format!("workload[0].format={format}"));
        let ended = run(call).await;
        let result = ended.result();
        assert_eq!((ended.code, result.records.lost), (Some(0), 0), "{}{}", ended.stdout, ended.stderr);
        assert!(result.records.landed >= 500, "{}", ended.stdout);
        let boxes: Vec<(&str, &str)> =
            result.boxes.iter().map(|found| (found.name.as_str(), found.kind.as_str())).collect();
        assert_eq!(boxes, [("gateway", "external"), ("kafka", "external")]);
    }
    let gone = format!("http://{}", proxy.address());
    drop(proxy);
    let ended = run(deployed(&gone, &broker)).await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("the gateway at") && ended.stderr.contains("is deployed"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateway_itself_refuses_is_refused() {
    let broker = broker().await;
    let (server, _) = gateway(StatusCode::FORBIDDEN).await;
    let call = with_headers(deployed(&format!("http://{}/prod", server.address()), &broker));
    let ended = run(call.set("partners[0].expect=refuse").set("partners[1].expect=refuse")).await;
    let result = ended.result();
    // Nobody was to be accepted, so nothing landed: all that is missing is a record.
    assert_eq!(result.reasons, ["records.acked is 0, limit > 0"], "{}{}", ended.stdout, ended.stderr);
    assert_eq!((result.attempts.refused, result.records.refused), (70, 520));
    assert!(result.horizon.statement.contains("waited for 1 s"), "{}", result.horizon.statement);
    assert!(!ended.stdout.contains("k3y") && !ended.file("result.json").contains("k3y"));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_answers_of_a_kind_stop_the_load() {
    let broker = broker().await;
    let (server, count) = gateway(StatusCode::TOO_MANY_REQUESTS).await;
    let url = format!("http://{}/prod", server.address());
    let call = with_headers(deployed(&url, &broker)).set("workload[0].for=10m").set("workload[1].for=10m");
    let ended = run(call.set("stop_on={429: 1%, 5xx: 5%}")).await;
    assert_eq!((ended.code, ended.result().verdict), (Some(1), Verdict::Fail), "{}", ended.stdout);
    let reason = ended.result().incomplete.as_deref().unwrap_or_default();
    assert!(reason.starts_with("stopped by stop_on: more than 1% of the answers are 429 (seen "), "{reason}");
    assert_eq!(ended.result().attempts.total, count.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_sent_than_the_budget_allows() {
    let broker = broker().await;
    let (server, count) = gateway(StatusCode::SERVICE_UNAVAILABLE).await;
    let url = format!("http://{}/prod", server.address());
    // Nobody knows how often a closed load sends, nor how often it is tried again.
    let call = with_headers(deployed(&url, &broker))
        .set("workload[0].arrivals={closed: {workers: 4}}")
        .set("workload[0].for=10m")
        .set("workload[1].for=1s")
        .set("budget={requests: 100, rate: 100000/s, duration: 11m}");
    let ended = run(call).await;
    let reason = ended.result().incomplete.as_deref().unwrap_or_default();
    assert_eq!(
        reason, "stopped by budget: 100 requests have been sent, and more were to be",
        "{}",
        ended.stdout
    );
    assert_eq!((ended.result().attempts.total, count.load(Ordering::SeqCst)), (100, 100));

    let call = with_headers(deployed(&url, &broker))
        .set("workload[0].arrivals={closed: {workers: 4}}")
        .set("workload[0].for=10m")
        .set("workload[1].for=1s")
        .set("budget={requests: 100000, rate: 30/s, duration: 11m}");
    let ended = run(call).await;
    let reason = ended.result().incomplete.as_deref().unwrap_or_default();
    assert_eq!(reason, "stopped by budget: more than 30/s were to be sent", "{}", ended.stdout);
}

#[test]
fn load_that_may_leave_this_machine_needs_a_budget() {
    let away = || {
        Landfall::short_quickstart()
            .set("stack.idp=none")
            .set("stack.proxy=none")
            .set("stack.proxy=none")
            .set("stack.gateway={kind: external, url: \"https://gateway.invalid/prod\"}")
            .set("stack.kafka={kind: external, bootstrap: \"kafka.invalid:9092\"}")
            .set("allow_hosts=[gateway.invalid]")
    };
    let ended = away().end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let needed = "for gateway.invalid, kafka.invalid, so the scenario must say what it may send at most, for instance \
                  `budget: { requests: 70, rate: 140/s, duration: 36s }`";
    assert!(ended.stderr.contains(needed), "{}", ended.stderr);
    let ended = away().set("budget={requests: 69, rate: 50/s, duration: 1s}").end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for part in [
        "it would send up to 70 requests, and `budget.requests` is 69",
        "70 requests are due within a second, and `budget.rate` is 50/s",
    ] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    // Further attempts count, and so does the time in which they may come.
    let ended = away()
        .set("workload[0].retry={times: 3, wait: 1s}")
        .set("budget={requests: 219, rate: 70/s, duration: 1s}")
        .end();
    for part in ["up to 220 requests (70 that are due", "it would send for 36s, and `budget.duration` is 1s"]
    {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    // Within it, the run comes as far as the boxes.
    let ended = away().set("budget={requests: 70, rate: 70/s, duration: 1s}").end();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("kafka.invalid"), "{}", ended.stderr);
}
