//! Ctrl-C and SIGTERM in mid-run: a partial report, the right exit code, nothing left running.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::http::{Server, bind};
use landfall::result::Verdict;

use crate::harness::{Ended, Landfall, wait_until};

/// Runs a long quickstart with the embedded front, until a proxy of the test's own has seen some requests; then
/// sends the signal. Also returns the ports that the process had open.
async fn interrupted(signal: &'static str) -> (Ended, u64) {
    let topics = vec![TopicConfig {
        name: "quakes".into(),
        partitions: 6,
        configs: std::collections::BTreeMap::new(),
    }];
    let broker = Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.expect("a broker");
    let seen = Arc::new(AtomicU64::new(0));
    let counter = seen.clone();
    let listener = bind("proxy", ([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let server = Server::start(listener, move |_, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Response::new(Full::new(Bytes::from_static(b"{\"offsets\":[]}"))) }
    })
    .expect("a bound listener has an address");
    let call = Landfall::short_quickstart()
        .set("workload[0].for=10m")
        .set("workload[1].for=10m")
        .set(&format!("stack.proxy={{kind: external, url: \"http://{}\"}}", server.address()))
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .set("grace=1s");
    let ended = tokio::task::spawn_blocking(move || {
        let mut started = call.start();
        wait_until("the proxy has seen ten requests", || seen.load(Ordering::SeqCst) >= 10);
        started.signal(signal);
        (started.end(), seen.load(Ordering::SeqCst))
    });
    ended.await.expect("the call does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_a_partial_report_and_nothing_running() {
    let (ended, seen) = interrupted("INT").await;
    let result = ended.result();
    assert_eq!(ended.code, Some(130), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(result.incomplete.as_deref(), Some("stopped by SIGINT"));
    assert_ne!(result.verdict, Verdict::Pass);
    // Every request that reached the proxy is in the account, as unknown: it answered without items.
    assert!(result.records.unknown >= seen * 10, "{} of {seen} requests", result.records.unknown);
    for found in result.boxes.iter().filter(|found| found.kind == "embedded") {
        let address = found
            .endpoint
            .as_deref()
            .and_then(|url| url.split('/').find(|part| part.contains(':') && !part.ends_with(':')));
        let address = address.expect("embedded boxes have an address");
        assert!(TcpStream::connect(address).is_err(), "{} still listens at {address}", found.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_has_its_own_exit_code() {
    let (ended, _) = interrupted("TERM").await;
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    assert_eq!(ended.result().incomplete.as_deref(), Some("stopped by SIGTERM"));
}
