//! A load that is stopped before its schedule ends.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use landfall::load::{LEAD, Report, Stop, StreamPlan};
use landfall::record::{Class, End, UNANSWERED};
use landfall::schedule::{Arrivals, Phase, Schedule};

use crate::harness::{Sending, Server, Told, ack, constant, send_as, stream};

/// Nobody waits for this to end.
const LENGTH: Duration = Duration::from_mins(1);
/// The distance of the requests of an open load.
const EVERY: Duration = Duration::from_millis(10);
/// How long a load that was stopped waits for what is in flight.
const DRAIN: Duration = Duration::from_secs(2);

/// Stops a load, and knows when it first did.
#[derive(Clone, Default)]
struct Hand {
    stop: Stop,
    asked: Arc<OnceLock<Instant>>,
}

impl Hand {
    fn stop(&self) {
        self.asked.get_or_init(Instant::now);
        self.stop.stop();
    }
}

/// A load that has been stopped.
struct Stopped {
    report: Report,
    told: Told,
    /// From the schedule's start to when stopping was asked for.
    asked: Duration,
    /// From there to the load's end.
    held: Duration,
}

/// Sends a minute of requests on so many threads, to be stopped by this hand.
fn send(stream: StreamPlan, threads: usize, hand: &Hand) -> Stopped {
    let start = Instant::now() + LEAD;
    let sending = Sending { threads, start, stop: hand.stop.clone(), ..Sending::default() };
    let (report, told) = send_as(vec![stream], sending);
    let ended = Instant::now();
    let asked = *hand.asked.get().expect("nothing else ends it so soon");
    assert!(report.interrupted);
    Stopped { report, told, asked: asked.saturating_duration_since(start), held: ended - asked }
}

/// A request every hundredth of a second.
fn open(url: &str, connections: u16) -> StreamPlan {
    let mut stream = stream(url);
    stream.connections.count = connections;
    let rate = EVERY.as_secs_f64().recip();
    stream.schedule = Schedule::new(1, vec![constant("main", rate, LENGTH)]);
    stream
}

impl Stopped {
    /// Expects the account of an open load on one thread to hold what was due until it was stopped, and nothing else.
    fn holds_what_was_due(&self) {
        let overall = &self.report.overall;
        let ran = overall.scheduled_for;
        assert!((self.asked..=self.asked + self.held).contains(&ran), "{ran:?}, asked at {:?}", self.asked);
        let due = ran.as_nanos() / EVERY.as_nanos() + 1;
        assert_eq!(u128::from(overall.scheduled), due, "in {ran:?}");
        let sent = self.told.attempts.len() as u64;
        assert_eq!(
            (overall.scheduled, overall.times.latency.count()),
            (sent + self.report.unsent, sent + self.report.unsent)
        );
        let indices: Vec<u64> = self.told.attempts.iter().map(|(sent, _)| sent.request.index).collect();
        assert!(indices.iter().all(|index| *index < sent), "{indices:?}");
    }
}

#[test]
fn a_load_whose_requests_are_answered_ends_when_it_is_stopped() {
    let hand = Hand::default();
    let stopping = hand.clone();
    let server = Server::answering(move |number| {
        if number == 20 {
            stopping.stop();
        }
        ack()
    });
    let stopped = send(open(&server.url(), 2), 1, &hand);
    stopped.holds_what_was_due();
    let Stopped { report, told, held, .. } = stopped;
    assert!(held < DRAIN, "{held:?}");
    assert!(told.attempts.len() > 20);
    assert_eq!(
        (report.overall.accepted, report.overall.censored),
        (told.attempts.len() as u64, report.unsent)
    );
    assert_eq!(report.socket_errors, 0);
}

#[test]
fn what_is_in_flight_when_a_load_is_stopped_may_still_be_answered() {
    const IN_FLIGHT: u16 = 3;
    let hand = Hand::default();
    let (stopping, all) = (hand.clone(), Barrier::new(usize::from(IN_FLIGHT)));
    let server = Server::answering(move |number| {
        // All are in flight; then it is stopped; then they are answered.
        if number < u64::from(IN_FLIGHT) {
            if all.wait().is_leader() {
                stopping.stop();
            }
            all.wait();
        }
        ack()
    });
    let stopped = send(open(&server.url(), IN_FLIGHT), 1, &hand);
    stopped.holds_what_was_due();
    let Stopped { report, told, held, .. } = stopped;
    assert!(held < DRAIN, "{held:?}");
    assert!(told.ends().iter().all(|end| *end == End::Status(200)), "{:?}", told.ends());
    assert_eq!(
        (report.overall.accepted, report.overall.censored),
        (told.attempts.len() as u64, report.unsent)
    );
    // Each connection may have got another before the load's thread saw that it had been stopped.
    assert!((3..=6).contains(&told.attempts.len()), "{}", told.attempts.len());
}

#[test]
fn a_server_that_never_answers_holds_a_stopped_load_for_two_seconds_only() {
    let hand = Hand::default();
    let stopping = hand.clone();
    let server = Server::start(move |mut conversation| {
        while let Some((number, _)) = conversation.request() {
            if number == 1 {
                stopping.stop();
            }
        }
    });
    let stopped = send(open(&server.url(), 2), 1, &hand);
    // What fell due while it waited is neither scheduled nor unsent.
    stopped.holds_what_was_due();
    let Stopped { report, told, held, .. } = stopped;
    // Its own patience is 20 s.
    assert!((DRAIN..5 * DRAIN).contains(&held), "{held:?}");
    let came: Vec<(End, u64)> = told.attempts.iter().map(|(_, came)| (came.end, came.answered_us)).collect();
    assert_eq!(came, [(End::TimedOut, UNANSWERED); 2]);
    assert_eq!(told.attempts[0].1.note.as_deref(), Some("no answer when draining ended"));
    let overall = &report.overall;
    assert_eq!((overall.accepted, overall.censored, report.attempts.total()), (0, overall.scheduled, 2));
    assert!(overall.times.latency.at(0.0) >= 1_990_000, "{:?}", overall.times.latency.quantiles());
}

#[test]
fn a_load_that_was_stopped_before_its_start_sends_nothing() {
    let server = Server::answering(|_| ack());
    let hand = Hand::default();
    hand.stop();
    let Stopped { report, told, held, .. } = send(open(&server.url(), 2), 2, &hand);
    assert!(held < DRAIN, "{held:?}");
    assert_eq!((report.overall.scheduled, report.unsent, report.attempts.total()), (0, 0, 0));
    assert_eq!((told.attempts.len(), report.overall.scheduled_for), (0, Duration::ZERO));
}

#[test]
fn threads_with_nothing_to_do_are_woken_to_stop() {
    // By itself a thread looks once a second. Stopped soon after the start, it would take the rest of the first; one
    // that wakes at once in any of three loads was woken.
    let held = (0..3).map(|_| {
        let hand = Hand::default();
        let stopping = hand.clone();
        let server = Server::answering(move |_| {
            stopping.stop();
            ack()
        });
        let mut stream = open(&server.url(), 2);
        // The other thread's first request comes after 20 s.
        stream.schedule = Schedule::new(1, vec![constant("main", 0.05, LENGTH)]);
        let Stopped { report, told, held, .. } = send(stream, 2, &hand);
        assert_eq!((report.threads.len(), told.attempts.len(), report.unsent), (2, 1, 0));
        held
    });
    let soonest = held.min().expect("three");
    assert!(soonest < Duration::from_millis(500), "{soonest:?}");
}

#[test]
fn closed_workers_on_several_threads_stop_too() {
    let hand = Hand::default();
    let stopping = hand.clone();
    let server = Server::answering(move |number| {
        if number == 40 {
            stopping.stop();
        }
        ack()
    });
    let mut stream = open(&server.url(), 6);
    let arrivals = Arrivals::Closed { workers: 6, think: Duration::from_millis(1) };
    let phase = Phase { name: "main".into(), measured: true, duration: LENGTH, arrivals };
    stream.schedule = Schedule::new(1, vec![phase]);
    let Stopped { report, told, held, .. } = send(stream, 3, &hand);
    assert!(held < DRAIN, "{held:?}");
    let sent = told.attempts.len() as u64;
    assert!(sent > 40, "{sent}");
    assert_eq!((report.attempts.of(Class::Accepted), report.overall.censored, report.unsent), (sent, 0, 0));
    assert_eq!(server.connections.load(Ordering::SeqCst), 6);
}
