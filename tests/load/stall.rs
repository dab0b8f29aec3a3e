//! A server that stalls: every request that waited shows it, and it is never taken for landfall's own slowness.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use landfall::schedule::{Schedule, Spacing};

use crate::harness::{Server, ack, identity, open, send_timed, stream};

const RATE: f64 = 1_000.0;
const LENGTH: Duration = Duration::from_secs(20);
const STALL: Duration = Duration::from_secs(2);
/// The request that brings the stall about.
const FATAL: u64 = 8_000;

/// When the server answered each request, by its index; and when the stall was over.
#[derive(Default)]
struct Diary {
    answered: HashMap<u64, Instant>,
    over: Option<Instant>,
}

/// A server that answers at once, but for one stall.
fn stalling() -> (Server, Arc<Mutex<Diary>>) {
    let diary: Arc<Mutex<Diary>> = Arc::default();
    let kept = diary.clone();
    let never = Arc::new((Mutex::new(()), Condvar::new()));
    let server = Server::start(move |mut conversation| {
        while let Some((number, head)) = conversation.request() {
            let (index, _) = identity(&head);
            let over = {
                let mut diary = kept.lock().expect("no panic");
                if number == FATAL {
                    diary.over = Some(Instant::now() + STALL);
                }
                diary.over
            };
            // A stall is time that passes; nobody ever signals the condition.
            let mut guard = never.0.lock().expect("no panic");
            while let Some(left) = over.and_then(|over| over.checked_duration_since(Instant::now())) {
                guard = never.1.wait_timeout(guard, left).expect("no panic").0;
            }
            drop(guard);
            kept.lock().expect("no panic").answered.insert(index, Instant::now());
            conversation.say(&ack());
        }
    });
    (server, diary)
}

/// The value at `quantile` of sorted values.
fn exact(sorted: &[u64], quantile: f64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "20,000 values"
    )]
    let rank = (sorted.len() as f64 * quantile).ceil() as usize;
    sorted[rank - 1]
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).expect("some seconds")
}

fn check(spacing: Spacing) {
    let (server, diary) = stalling();
    let mut stream = stream(&server.url());
    stream.connections.count = 4;
    stream.schedule = Schedule::new(11, vec![open("main", RATE, LENGTH, spacing)]);
    let schedule = stream.schedule.clone();
    let (sent, start) = send_timed(stream);
    let (report, _) = sent;
    let diary = diary.lock().expect("no panic");
    let over = diary.over.expect("the stall came");

    // As the server saw it, and as it would be if it answered all that had gathered in no time.
    let (mut seen, mut ideal) = (Vec::new(), Vec::new());
    for arrival in schedule.cursor() {
        let due = start + arrival.due;
        seen.push(micros(diary.answered[&arrival.index].saturating_duration_since(due)));
        let waited = due <= over && due + STALL >= over;
        ideal.push(if waited { micros(over - due) } else { 0 });
    }
    seen.sort_unstable();
    ideal.sort_unstable();
    for quantile in [0.99, 0.999] {
        let (reported, seen) = (report.overall.times.latency.at(quantile), exact(&seen, quantile));
        let ideal = exact(&ideal, quantile);
        println!("{quantile}: reported {reported}, server {seen}, ideal {ideal}");
        assert!(ideal > 1_500_000, "{quantile}: {ideal}");
        assert!(reported.abs_diff(seen) * 100 <= seen, "{quantile}: {reported} for {seen}");
        assert!(reported * 100 >= ideal * 99, "{quantile}: {reported} flatters {ideal}");
    }
    let times = &report.overall.times;
    let counts = (times.latency.count(), report.overall.censored, report.unsent);
    assert_eq!(counts, (report.overall.scheduled, 0, 0));
    // Only the four under way were slow by themselves; the others waited for a connection, not for landfall.
    assert!(times.service.at(0.999) < 1_000_000, "{:?}", times.service.quantiles());
    assert!(times.blocked.at(0.99) > 1_000_000, "{:?}", times.blocked.quantiles());
    assert!(times.generator_lag.at(0.99) < 25_000, "{:?}", times.generator_lag.quantiles());
    // Half of them found a free connection: what they took, the server took.
    assert!(times.blocked.at(0.5) < times.latency.at(0.5), "{:?}", times.blocked.quantiles());
}

#[test]
fn constant_arrivals_through_a_stall() {
    check(Spacing::Even { offset: 0.0 });
}

#[test]
fn random_arrivals_through_a_stall() {
    check(Spacing::Poisson);
}

#[test]
fn a_free_connection_blocks_nobody_however_slow_the_answers() {
    let server = Server::start(|mut conversation| {
        let never = (Mutex::new(()), Condvar::new());
        while conversation.request().is_some() {
            // A slow answer is time that passes; nobody ever signals the condition.
            let until = Instant::now() + Duration::from_millis(60);
            let mut guard = never.0.lock().expect("no panic");
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                guard = never.1.wait_timeout(guard, left).expect("no panic").0;
            }
            drop(guard);
            conversation.say(&ack());
        }
    });
    let mut stream = stream(&server.url());
    stream.connections.count = 16;
    let ((report, _), _) = send_timed(stream);
    let times = &report.overall.times;
    assert!(times.service.at(0.0) >= 60_000, "{:?}", times.service.quantiles());
    assert!(times.blocked.at(0.5) < 1_000, "{:?}", times.blocked.quantiles());
    // What is neither blocked nor served is landfall's own.
    assert!(times.generator_lag.at(0.5) > 1, "{:?}", times.generator_lag.quantiles());
}
