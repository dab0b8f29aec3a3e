//! The load's times and its account, against servers that misbehave.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use landfall::doubles::http::{Answer as HttpAnswer, Server, bind};
use landfall::load::{Expectation, LEAD, LoadEvent, LoadPlan, LoadReport, Target, WorkloadPlan, run};
use landfall::record::{Catalogue, End, Feed, Format, IdentityPlace, RunId, Stream, UNANSWERED};
use landfall::schedule::Constant;
use landfall::wire::produce::ProduceFormat;
use tokio::sync::watch;

const ACK: &[u8] = b"{\"offsets\":[{\"partition\":0,\"offset\":0}]}";

fn ack() -> HttpAnswer {
    Response::new(Full::new(Bytes::from_static(ACK)))
}

/// A server whose answer to its nth request (from 0) is what `answer` makes of it.
async fn server<F>(answer: impl Fn(u64) -> F + Clone + Send + Sync + 'static) -> Server
where
    F: Future<Output = HttpAnswer> + Send + 'static,
{
    let seen = Arc::new(AtomicU64::new(0));
    let listener = bind("server", ([127, 0, 0, 1], 0).into()).await.expect("a free port");
    Server::start(listener, move |_, _| answer(seen.fetch_add(1, Ordering::SeqCst)))
        .expect("it has an address")
}

/// 50 requests a second for a second, over `connections`.
struct Load {
    connections: u16,
    timeout: Duration,
    drain: Duration,
}

async fn send(server: &Server, load: Load) -> (LoadReport, Vec<LoadEvent>) {
    send_to(&format!("http://{}", server.address()), load).await
}

async fn send_to(url: &str, load: Load) -> (LoadReport, Vec<LoadEvent>) {
    let target = Target::resolve(url, &[]).await.expect("loopback");
    let feed = Feed::parse(b"{\"a\":1}").expect("a feed");
    let place = IdentityPlace::Member("_landfall".into());
    let stream = Stream::new(0, Format::Json, place, None, &feed).expect("a stream");
    let plan = LoadPlan {
        workloads: vec![WorkloadPlan {
            target,
            topic: "t".into(),
            partition: None,
            format: ProduceFormat::V2Json,
            cluster_id: None,
            records_per_request: 1,
            schedule: Constant::new(50.0),
            duration: Duration::from_secs(1),
            connections: load.connections,
            timeout: load.timeout,
            token: None,
            expectation: Expectation::Accept,
        }],
        catalogue: Catalogue::new(RunId::new("r").expect("legal"), 0, vec![stream]),
        tokens: Vec::new(),
        drain: load.drain,
        origin: Instant::now(),
        start: Instant::now() + LEAD,
    };
    tokio::task::spawn_blocking(move || {
        let (_stop, stopped) = watch::channel(false);
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = events.clone();
        let report = run(plan, move |event| sink.borrow_mut().push(event), stopped).expect("the load runs");
        (report, events.take())
    })
    .await
    .expect("the load does not panic")
}

fn ends(events: &[LoadEvent]) -> Vec<(End, u64)> {
    let answer = |event: &LoadEvent| match event {
        LoadEvent::Answer(answer) => Some((answer.end, answer.answered_us)),
        LoadEvent::Sent(_) => None,
    };
    events.iter().filter_map(answer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_is_the_systems_and_every_request_that_waited_shows_it() {
    let server = server(|n| async move {
        if n == 10 {
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        ack()
    })
    .await;
    let load = Load { connections: 1, timeout: Duration::from_secs(10), drain: Duration::from_secs(10) };
    let (report, events) = send(&server, load).await;
    let (latency, service) = (report.latency.quantiles(), report.service.quantiles());
    assert_eq!((latency.count, report.accepted, report.censored, report.unsent), (50, 50, 0, 0));
    assert_eq!(ends(&events).len(), 50);
    // The schedule went on: some 30 requests fell due during the stall, the last with little left to wait.
    assert!(latency.max >= 600_000 && latency.p50 >= 50_000, "{latency:?}");
    // Only one of them was slow by itself; the others waited for the connection, not for landfall.
    assert!(service.max >= 600_000 && service.p90 < 600_000, "{service:?}");
    let (blocked, lag) = (report.blocked.quantiles(), report.generator_lag.quantiles());
    assert!(blocked.max >= 500_000 && lag.p90 < 100_000, "{blocked:?} {lag:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_times_out_and_the_connection_is_not_used_again() {
    let server = server(|n| async move {
        if n % 2 == 0 {
            std::future::pending::<()>().await;
        }
        ack()
    })
    .await;
    let load = Load { connections: 8, timeout: Duration::from_millis(100), drain: Duration::from_secs(20) };
    let (report, events) = send(&server, load).await;
    let timed_out = ends(&events).iter().filter(|(end, _)| *end == End::TimedOut).count();
    assert_eq!((timed_out, report.accepted), (25, 25));
    assert_eq!((report.latency.quantiles().count, report.censored), (50, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_draining_cuts_off_enters_at_its_age_and_stays_in_the_account() {
    let server = server(|_| std::future::pending::<HttpAnswer>()).await;
    let load = Load { connections: 2, timeout: Duration::from_mins(1), drain: Duration::from_millis(300) };
    let (report, events) = send(&server, load).await;
    let latency = report.latency.quantiles();
    assert_eq!((latency.count, report.censored, report.unsent, report.accepted), (50, 50, 48, 0));
    // The first was due 1.3 s before waiting ended.
    assert!((1_250_000..3_000_000).contains(&latency.max), "{latency:?}");
    assert_eq!(ends(&events), [(End::TimedOut, UNANSWERED); 2]);
    assert_eq!(events.iter().filter(|event| matches!(event, LoadEvent::Sent(_))).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_no_lag_of_the_generators() {
    // A socket that is bound and does not listen: nobody else gets the port meanwhile.
    let held = tokio::net::TcpSocket::new_v4().expect("a socket");
    held.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = held.local_addr().expect("it has an address");
    let url = format!("http://{address}");
    let load = Load { connections: 2, timeout: Duration::from_secs(1), drain: Duration::from_secs(5) };
    let (report, events) = send_to(&url, load).await;
    assert_eq!(
        (report.accepted, report.latency.quantiles().count, report.generator_lag.quantiles().count),
        (0, 50, 0)
    );
    assert!(report.socket_errors >= 50);
    assert!(ends(&events).iter().all(|(end, _)| *end == End::Broken));
}
