//! Connections that wear out: after a number of requests, or by their age.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use landfall::scenario::Connections;
use landfall::schedule::Schedule;

use crate::harness::{Server, ack, constant, send, send_on, stream};

#[test]
fn no_connection_carries_more_requests_than_it_may() {
    let carried: Arc<Mutex<HashMap<u64, u32>>> = Arc::default();
    let noted = carried.clone();
    let server = Server::start(move |mut conversation| {
        while conversation.request().is_some() {
            *noted.lock().expect("no panic").entry(conversation.number).or_default() += 1;
            conversation.say(&ack());
        }
    });
    let mut stream = stream(&server.url());
    stream.connections = Connections { count: 4, streams: 1, requests_each: Some(3), life: None };
    stream.schedule = Schedule::new(1, vec![constant("main", 200.0, Duration::from_millis(300))]);
    let (report, told) = send_on(vec![stream], 2, Duration::from_secs(20));
    assert_eq!((report.overall.accepted, report.attempts.total()), (60, 60), "{:?}", told.ends());
    assert_eq!((report.socket_errors, report.threads.len()), (0, 2));
    let carried = carried.lock().expect("no panic");
    assert_eq!((carried.values().sum::<u32>(), carried.values().max()), (60, Some(&3)), "{carried:?}");
    // Each place has one connection more than it has worn out, at most.
    let connections = server.connections.load(Ordering::SeqCst);
    assert!((20..=24).contains(&connections), "{connections}");
}

#[test]
fn a_connection_that_is_old_enough_is_opened_anew() {
    const COUNT: u16 = 2;
    let life = Duration::from_millis(100);
    let server = Server::answering(|_| ack());
    let mut stream = stream(&server.url());
    stream.connections = Connections { count: COUNT, streams: 1, requests_each: None, life: Some(life) };
    let began = Instant::now();
    let (report, told) = send(stream);
    let took = began.elapsed();
    assert_eq!((report.overall.accepted, report.attempts.total()), (50, 50), "{:?}", told.ends());
    assert_eq!(report.socket_errors, 0);
    let connections = u128::from(server.connections.load(Ordering::SeqCst));
    // No two of a place are opened within a life of each other.
    let most = u128::from(COUNT) * (1 + took.as_nanos() / life.as_nanos());
    // About 20 where nothing stalls; and where everything waits for half of the second, half of them still.
    assert!((6..=most).contains(&connections), "{connections}, at most {most}");
}

#[test]
fn a_connection_that_has_aged_while_idle_is_not_used() {
    const REQUESTS: usize = 9;
    // How old each connection was when its first request came.
    let ages: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let noted = ages.clone();
    let server = Server::start(move |mut conversation| {
        let opened = Instant::now();
        if conversation.request().is_some() {
            noted.lock().expect("no panic").push(opened.elapsed());
            conversation.say(&ack());
        }
        while conversation.request().is_some() {
            conversation.say(&ack());
        }
    });
    let mut stream = stream(&server.url());
    let life = Some(Duration::from_millis(20));
    stream.connections = Connections { count: 1, streams: 1, requests_each: None, life };
    // Each request but perhaps the first finds a connection that has been idle for five lives.
    stream.schedule = Schedule::new(1, vec![constant("main", 10.0, Duration::from_millis(900))]);
    let (report, told) = send(stream);
    let counts = (report.overall.accepted, report.attempts.total(), report.socket_errors);
    assert_eq!(counts, (REQUESTS as u64, REQUESTS as u64, 0), "{:?}", told.ends());
    let mut ages = ages.lock().expect("no panic").clone();
    ages.sort_unstable();
    // A stall may delay some of them, but not half.
    let median = ages[ages.len() / 2];
    assert!(median < Duration::from_millis(60), "{ages:?}");
    assert!(ages.len() > REQUESTS / 3, "{ages:?}");
}
