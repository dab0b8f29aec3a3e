//! Closed loads on several threads.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use landfall::load::{Report, Stop};
use landfall::record::End;
use landfall::schedule::{Arrivals, Phase, Schedule, Sizes};

use crate::harness::{Sending, Server, Told, ack, identity, send_as, stream};

const THREADS: usize = 3;
/// Requests after which the load is stopped.
const ENOUGH: u64 = 60;
const SEED: u64 = 7;

/// How many requests are in flight at the server, of each load thread: those have the indices of one remainder.
#[derive(Debug, Default)]
struct InFlight {
    now: [usize; THREADS],
    most: [usize; THREADS],
    most_together: usize,
}

/// A server that answers the first requests only when so many are in flight together, and a little later, so that
/// another, if there were one, would have come. It stops the load when it has had enough.
fn gathering(together: usize, stop: &Stop) -> (Server, Arc<Mutex<InFlight>>) {
    let stop = stop.clone();
    let in_flight: Arc<Mutex<InFlight>> = Arc::default();
    let (counted, gathered) = (in_flight.clone(), Condvar::new());
    let server = Server::start(move |mut conversation| {
        while let Some((number, head)) = conversation.request() {
            let thread = usize::try_from(identity(&head).0).expect("a small number") % THREADS;
            let mut count = counted.lock().expect("no panic");
            count.now[thread] += 1;
            count.most[thread] = count.most[thread].max(count.now[thread]);
            count.most_together = count.most_together.max(count.now.iter().sum());
            gathered.notify_all();
            count = gathered.wait_while(count, |count| count.most_together < together).expect("no panic");
            // A moment is time that passes; what is signalled meanwhile does not matter.
            let until = Instant::now() + Duration::from_millis(20);
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                count = gathered.wait_timeout(count, left).expect("no panic").0;
            }
            if number == ENOUGH {
                stop.stop();
            }
            // Out of flight before the answer, since the next may come at once.
            count.now[thread] -= 1;
            drop(count);
            conversation.say(&ack());
        }
    });
    (server, in_flight)
}

/// Sends closed load over so many connections, on three threads, until the server has had enough.
fn send(server: &Server, stop: Stop, (workers, connections): (u16, u16), think: Duration) -> (Report, Told) {
    let mut stream = stream(&server.url());
    stream.connections.count = connections;
    stream.sizes = sizes();
    let arrivals = Arrivals::Closed { workers, think };
    let duration = Duration::from_mins(1);
    let phase = Phase { name: "main".into(), measured: true, duration, arrivals };
    stream.schedule = Schedule::new(1, vec![phase]);
    stream.seed = SEED;
    let (report, told) = send_as(vec![stream], Sending { threads: THREADS, stop, ..Sending::default() });
    assert_eq!((report.closed, report.threads.len()), (true, THREADS));
    let sent = told.attempts.len() as u64;
    assert!(sent > ENOUGH, "{sent}");
    assert_eq!((report.attempts.total(), report.unsent, report.socket_errors), (sent, 0, 0));
    // The server acks one record, however many there are; here it only matters that it answered.
    assert!(told.ends().iter().all(|end| *end == End::Status(200)), "{:?}", told.ends());
    assert_eq!((report.overall.times.latency.count(), report.overall.censored), (sent, 0));
    each_index_once(&told);
    (report, told)
}

fn sizes() -> Sizes {
    Sizes::uniform(1, 7)
}

/// Expects each thread to have sent the requests of its remainder, each once and without gaps.
fn each_index_once(told: &Told) {
    let threads = THREADS as u64;
    for thread in 0..threads {
        let indices = told.attempts.iter().map(|(sent, _)| sent.request.index);
        let mut indices: Vec<u64> = indices.filter(|index| index % threads == thread).collect();
        indices.sort_unstable();
        let expected: Vec<u64> = (0..indices.len() as u64).map(|turn| turn * threads + thread).collect();
        assert_eq!(indices, expected, "thread {thread}");
    }
}

#[test]
fn workers_divide_among_the_threads_and_send_each_request_once() {
    let stop = Stop::default();
    let (server, in_flight) = gathering(7, &stop);
    // More connections than workers, so that these alone are the limit.
    let (_, told) = send(&server, stop, (7, 12), Duration::from_millis(1));
    let in_flight = in_flight.lock().expect("no panic");
    assert_eq!((in_flight.most, in_flight.most_together), ([3, 2, 2], 7));
    // Every request has its own records, whoever sent it: they follow each other by index.
    for (sent, _) in &told.attempts {
        let index = sent.request.index;
        let before: u64 = (0..index).map(|index| u64::from(sizes().at(SEED, index))).sum();
        assert_eq!((sent.first_sequence, sent.records), (before, sizes().at(SEED, index)), "{index}");
    }
}

#[test]
fn a_thread_without_workers_sends_nothing_and_holds_up_nobody() {
    let stop = Stop::default();
    let (server, in_flight) = gathering(2, &stop);
    send(&server, stop, (2, 3), Duration::ZERO);
    assert_eq!(in_flight.lock().expect("no panic").most, [1, 1, 0]);
}

#[test]
fn workers_wait_for_connections_where_these_are_fewer() {
    let stop = Stop::default();
    let (server, in_flight) = gathering(4, &stop);
    let (report, _) = send(&server, stop, (7, 4), Duration::ZERO);
    let in_flight = in_flight.lock().expect("no panic");
    assert_eq!((in_flight.most, in_flight.most_together), ([2, 1, 1], 4));
    // Seven took turns on four connections, so that some waited for the first answers.
    assert!(report.overall.times.blocked.at(1.0) >= 10_000, "{:?}", report.overall.times.blocked.quantiles());
}
