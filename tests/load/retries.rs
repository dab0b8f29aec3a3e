//! Retries that the load's end forestalls.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use landfall::load::{LEAD, Report, Stop};
use landfall::record::{Class, End, Expected};
use landfall::scenario::{Backoff, RetryOn, RetrySpec};
use landfall::schedule::Schedule;

use crate::harness::{Sending, Server, Told, constant, identity, response, send_as, stream};

/// Longer than anybody waits.
const BACKOFF: Duration = Duration::from_mins(1);

/// A server that fails every even request, which is worth another attempt, and refuses every odd one, which is not;
/// `seen` is told how many it has answered so far.
fn turning_away(seen: impl Fn(u64) + Send + Sync + 'static) -> Server {
    Server::start(move |mut conversation| {
        while let Some((number, head)) = conversation.request() {
            let (index, _) = identity(&head);
            let status = if index % 2 == 0 { "503 Service Unavailable" } else { "403 Forbidden" };
            conversation.say(&response(status, "", ""));
            seen(number);
        }
    })
}

/// Sends five requests in a tenth of a second, with long waits between attempts; and how long after the schedule's
/// start the load ended.
fn send(server: &Server, drain: Duration, stop: Stop) -> (Report, Told, Duration) {
    let mut stream = stream(&server.url());
    stream.schedule = Schedule::new(1, vec![constant("main", 50.0, Duration::from_millis(100))]);
    stream.retry = Some(RetrySpec {
        times: 3,
        backoff: Backoff::Fixed(BACKOFF),
        retry_after: false,
        max_wait: BACKOFF,
        on: vec![RetryOn::Status(503)],
    });
    let start = Instant::now() + LEAD;
    let (report, told) = send_as(vec![stream], Sending { drain, start, stop, ..Sending::default() });
    (report, told, start.elapsed())
}

/// Expects the three that failed to wait for an attempt that never comes, and the two that were refused to be done.
fn three_wait(report: &Report, told: &Told) {
    assert_eq!((report.attempts.of(Class::Failed), report.attempts.of(Class::Refused)), (3, 2));
    assert_eq!((report.attempts.total(), report.retries, report.unsent), (5, 0, 0));
    for (sent, came) in &told.attempts {
        let waits = sent.request.index % 2 == 0;
        let (end, expect) = if waits { (503, Expected::Either) } else { (403, Expected::Accept) };
        assert_eq!((came.end, sent.expect, sent.attempt), (End::Status(end), expect, 1));
    }
    let overall = &report.overall;
    assert_eq!((overall.scheduled, overall.accepted), (5, 0));
    assert_eq!((overall.times.latency.count(), overall.times.service.count()), (5, 5));
}

#[test]
fn a_retry_that_draining_cuts_off_leaves_its_request_undecided_at_its_age() {
    let drain = Duration::from_secs(1);
    let server = turning_away(|_| {});
    let (report, told, ran) = send(&server, drain, Stop::default());
    three_wait(&report, &told);
    assert_eq!((report.overall.censored, report.interrupted), (3, false));
    assert!((Duration::from_millis(1_100)..BACKOFF / 2).contains(&ran), "{ran:?}");
    // The three that wait were due 1,100, 1,060 and 1,020 ms before waiting ended.
    let latency = &report.overall.times.latency;
    assert!(latency.at(1.0) >= 1_099_000 && latency.at(0.5) >= 1_019_000, "{:?}", latency.quantiles());
}

#[test]
fn a_stopped_load_does_not_wait_for_retries() {
    let stop = Stop::default();
    let asked: Arc<OnceLock<Instant>> = Arc::default();
    let (stopping, first) = (stop.clone(), asked.clone());
    let server = turning_away(move |number| {
        if number == 4 {
            first.get_or_init(Instant::now);
            stopping.stop();
        }
    });
    let (report, told, _) = send(&server, BACKOFF, stop);
    let held = asked.get().expect("it was stopped").elapsed();
    three_wait(&report, &told);
    // Nothing is in flight, so that it does not even drain for two seconds.
    assert!(held < Duration::from_secs(2), "{held:?}");
    // The last answer may have come after the stop, and then it is what its request ended with.
    assert!(report.interrupted && report.overall.censored >= 2, "{}", report.overall.censored);
}
