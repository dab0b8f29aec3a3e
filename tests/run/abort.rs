//! Rules that end a run early: the load stops, what was sent is settled, and the run never passes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::http::{Server, bind};
use landfall::result::Verdict;
use tokio::sync::watch;

use crate::harness::{Ended, Landfall};

/// A run of ten minutes with these rules, against a proxy that answers so, and each request only when so many more have
/// come. Where it is slow, it is so by that.
async fn aborted(status: StatusCode, behind: u64, rules: &str) -> Ended {
    let topics = vec![TopicConfig { name: "quakes".into(), partitions: 6, configs: BTreeMap::new() }];
    let broker = Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.expect("a broker");
    let listener = bind("proxy", ([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let (come, _) = watch::channel(0_u64);
    let come = Arc::new(come);
    let server = Server::start(listener, move |_, _| {
        let come = come.clone();
        async move {
            let mut mine = 0;
            come.send_modify(|count| {
                *count += 1;
                mine = *count;
            });
            // The channel is there for as long as this holds its other end.
            let _ = come.subscribe().wait_for(|count| *count >= mine + behind).await;
            answered(status)
        }
    })
    .expect("a bound listener has an address");
    let call = Landfall::short_quickstart()
        .set("workload[0].for=10m")
        .set("workload[1].for=10m")
        .set("workload[0].connections=100")
        .set(&format!("stack.proxy={{kind: external, url: \"http://{}\"}}", server.address()))
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .set("grace=1s")
        .set(&format!("abort_when=[{rules}]"));
    tokio::task::spawn_blocking(move || call.end()).await.expect("the call does not panic")
}

fn answered(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
    *response.status_mut() = status;
    response
}

fn reason(ended: &Ended) -> &str {
    ended.result().incomplete.as_deref().expect("the run is incomplete")
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_failures_stop_the_load_and_leave_the_run_undecided() {
    let began = Instant::now();
    let rules = "connections.errors > 1000, requests.failed > 30";
    let ended = aborted(StatusCode::INTERNAL_SERVER_ERROR, 0, rules).await;
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(4), Verdict::Inconclusive), "{}", ended.stdout);
    assert!(
        reason(&ended).starts_with("stopped by abort_when: requests.failed > 30 (seen "),
        "{}",
        ended.stdout
    );
    assert!(result.requests.failed > 30 && began.elapsed() < Duration::from_mins(1));
    assert_eq!(result.attempts.failed, result.requests.failed);
    assert!(ended.stdout.contains("incomplete: stopped by abort_when"), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_system_stops_the_load_when_it_has_been_slow_for_long_enough() {
    // Of 70 requests a second, each is answered when 28 more have come: 400 ms later.
    let rules = "latency.p50 > 300ms for 2s";
    let ended = aborted(StatusCode::INTERNAL_SERVER_ERROR, 28, rules).await;
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    let seen = reason(&ended).strip_prefix("stopped by abort_when: latency.p50 > 300ms for 2s (seen ");
    let seen = seen.and_then(|rest| rest.strip_suffix(')')).unwrap_or_else(|| panic!("{}", reason(&ended)));
    assert!(seen.ends_with('s'), "{seen}");
}

#[test]
fn a_finding_fails_a_stopped_run_all_the_same() {
    let ended = Landfall::short_quickstart()
        .set("workload[0].for=10m")
        .set("workload[1].for=10m")
        .set("faults=[{box: proxy, kind: drop-after-ack, every: 9}]")
        .set("abort_when=[requests.accepted >= 50]")
        .end();
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(1), Verdict::Fail), "{}", ended.stdout);
    assert!(reason(&ended).contains("requests.accepted >= 50 (seen "), "{}", ended.stdout);
    // It was settled in full: what was acked and is not there was lost.
    assert!(result.horizon.complete && result.records.acked >= 500);
    assert_eq!(result.records.lost, result.faults[0].injected);
}

#[test]
fn a_rule_that_never_strikes_changes_nothing() {
    let ended = Landfall::short_quickstart().set("abort_when=[requests.failed > 0, latency.p99 > 1h]").end();
    assert_eq!((ended.code, ended.result().incomplete.as_deref()), (Some(0), None), "{}", ended.stdout);
}

#[test]
fn a_system_that_stops_answering_is_noticed_while_it_does() {
    // Held from the first second to the sixth: whoever waits for answers sees five seconds.
    let ended = Landfall::short_quickstart()
        .set("workload[0].for=9s")
        .set("faults=[{box: proxy, kind: stall, window: [1s, 6s]}]")
        .set("abort_when=[latency.p99 > 1s]")
        .end();
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(4), Verdict::Inconclusive), "{}", ended.stdout);
    let incomplete = result.incomplete.as_deref().expect("it was stopped");
    let seen = incomplete.rsplit("(seen ").next().and_then(|seen| seen.strip_suffix("s)"));
    let seen: f64 = seen.and_then(|seconds| seconds.parse().ok()).expect("a time in seconds");
    assert!((1.0..4.0).contains(&seen), "{incomplete}");
}
