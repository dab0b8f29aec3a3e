//! Each way in which a server can misbehave, and the class that its requests end in. None hangs the load.

use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use landfall::load::{Report, Stop};
use landfall::record::{Class, End, UNANSWERED};
use landfall::scenario::{Backoff, Connections, RetryOn, RetrySpec};
use landfall::schedule::{Arrivals, Phase, Schedule};

use crate::harness::{Sending, Server, Told, ack, identity, response, send, send_as, send_on, stream};

/// Sends 50 requests and expects all of them to end so.
fn all(class: Class, server: &Server) -> (Report, Told) {
    let (report, told) = send(stream(&server.url()));
    assert_eq!((report.attempts.of(class), report.attempts.total()), (50, 50), "{:?}", told.ends());
    assert_eq!((report.overall.times.latency.count(), report.overall.censored, report.unsent), (50, 0, 0));
    (report, told)
}

#[test]
fn acked_is_accepted_however_the_body_is_framed() {
    let body = "{\"offsets\":[{\"partition\":0,\"offset\":0}]}";
    let framings = [
        String::from_utf8(ack()).expect("text"),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            &body[..16],
            body.len() - 16,
            &body[16..]
        ),
        format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    ];
    for framing in framings {
        let server = Server::answering(move |_| framing.clone().into_bytes());
        let (report, _) = all(Class::Accepted, &server);
        assert_eq!((report.overall.accepted, report.socket_errors), (50, 0));
        assert_eq!(server.connections.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn a_body_that_ends_with_the_connection_is_whole() {
    let server = Server::start(|mut conversation| {
        if conversation.request().is_some() {
            conversation.say(b"HTTP/1.1 200 OK\r\n\r\n{\"offsets\":[{\"partition\":0,\"offset\":0}]}");
        }
    });
    let (report, _) = all(Class::Accepted, &server);
    assert_eq!(report.socket_errors, 0);
    assert!(server.connections.load(Ordering::SeqCst) >= 50);
}

#[test]
fn connections_that_the_server_closes_are_opened_anew_and_nothing_is_lost() {
    let announced = Server::answering(|_| {
        response("200 OK", "Connection: close\r\n", "{\"offsets\":[{\"partition\":0,\"offset\":0}]}")
    });
    all(Class::Accepted, &announced);
}

#[test]
fn connections_that_are_closed_without_a_word_are_found_out_before_they_are_used() {
    const LAST: u64 = 49;
    // A close that is seen only when the next request has been written is a reset, and rightly. So one worker sends
    // one request after the other, and each is answered only when the connection of the one before has been closed: by
    // the time it comes to a connection again, which is after all the others, that has long been closed.
    let closed = Arc::new((Mutex::new(0_u64), Condvar::new()));
    let stop = Stop::default();
    let stopping = stop.clone();
    let server = Server::start(move |mut conversation| {
        let Some((number, _)) = conversation.request() else { return };
        let (count, changed) = &*closed;
        let guard = count.lock().expect("no panic");
        drop(changed.wait_while(guard, |count| *count < number).expect("no panic"));
        if number == LAST {
            stopping.stop();
        }
        conversation.say(&ack());
        conversation.stream.shutdown(Shutdown::Both).expect("an open socket");
        *count.lock().expect("no panic") = number + 1;
        changed.notify_all();
    });
    let mut stream = stream(&server.url());
    stream.connections.count = 8;
    let arrivals = Arrivals::Closed { workers: 1, think: Duration::ZERO };
    let duration = Duration::from_mins(1);
    let phase = Phase { name: "main".into(), measured: true, duration, arrivals };
    stream.schedule = Schedule::new(1, vec![phase]);
    let (report, told) = send_as(vec![stream], Sending { stop, ..Sending::default() });
    let sent = told.attempts.len() as u64;
    // One more where the stop was seen only after the next request had begun.
    assert!((LAST + 1..=LAST + 2).contains(&sent), "{sent}");
    assert_eq!((report.overall.accepted, report.socket_errors), (sent, 0), "{:?}", told.ends());
    assert!(server.connections.load(Ordering::SeqCst) >= sent);
}

#[test]
fn refusals_and_failures_are_told_apart() {
    all(Class::Refused, &Server::answering(|_| response("403 Forbidden", "", "{\"message\":\"no\"}")));
    all(Class::Failed, &Server::answering(|_| response("503 Service Unavailable", "", "")));
    all(
        Class::Failed,
        &Server::answering(|_| response("200 OK", "", "{\"offsets\":[{\"error_code\":50003}]}")),
    );
}

#[test]
fn resets_are_resets() {
    // Without a word.
    all(Class::Reset, &Server::start(|mut conversation| drop(conversation.request())));
    // In the middle of an answer.
    all(
        Class::Reset,
        &Server::start(|mut conversation| {
            conversation.request();
            conversation.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        }),
    );
    // Half closed: it will never answer, and leaves its ear open.
    all(
        Class::Reset,
        &Server::start(|mut conversation| {
            if conversation.request().is_some() {
                conversation.stream.shutdown(Shutdown::Write).expect("an open socket");
                while conversation.request().is_some() {}
            }
        }),
    );
}

#[test]
fn half_closed_before_the_request_is_a_reset_too() {
    let server = Server::start(|mut conversation| {
        conversation.stream.shutdown(Shutdown::Write).expect("an open socket");
        while conversation.request().is_some() {}
    });
    let (report, told) = send(stream(&server.url()));
    assert!(told.ends().iter().all(|end| *end == End::Reset), "{:?}", told.ends());
    assert_eq!((report.attempts.of(Class::Reset), report.overall.accepted), (50, 0));
}

#[test]
fn what_is_no_http_is_malformed() {
    for garbage in
        ["SSH-2.0-OpenSSH_9.2\r\n", "\u{0}\u{1}\u{2}\u{3}", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
    {
        let (_, told) = all(Class::Malformed, &Server::answering(move |_| garbage.into()));
        assert!(told.attempts.iter().all(|(_, answer)| answer.note.is_some()));
    }
}

#[test]
fn silence_times_out_and_the_connection_is_not_used_again() {
    // Longer than any answer takes, however slow the machine.
    let limit = Duration::from_secs(1);
    let used_again: Arc<AtomicU64> = Arc::default();
    let again = used_again.clone();
    let server = Server::start(move |mut conversation| {
        let mut silent = false;
        while let Some((number, _)) = conversation.request() {
            again.fetch_add(u64::from(silent), Ordering::SeqCst);
            silent |= number < 2;
            if !silent {
                conversation.say(&ack());
            }
        }
    });
    let mut stream = stream(&server.url());
    stream.timeouts.first_byte = limit;
    let (report, told) = send(stream);
    assert_eq!((report.attempts.of(Class::TimedOut), report.overall.accepted), (2, 48), "{:?}", told.ends());
    assert_eq!(used_again.load(Ordering::SeqCst), 0);
    // The first two have a connection each; all others have those that follow these, or the first of them.
    let connections = server.connections.load(Ordering::SeqCst);
    assert!((3..=4).contains(&connections), "{connections}");
    assert_eq!((report.overall.times.latency.count(), report.overall.censored), (50, 0));
    let note = told.attempts[0].1.note.as_deref();
    assert_eq!((told.attempts[0].1.end, note), (End::TimedOut, Some("no whole answer within 1 s")));
    let service = report.overall.times.service.quantiles();
    assert!(service.max >= 1_000_000, "{service:?}");
}

#[test]
fn an_answer_that_drips_has_the_whole_time_out() {
    let server = Server::start(|mut conversation| {
        while conversation.request().is_some() {
            for byte in ack() {
                conversation.say(&[byte]);
                // Only as fast as the other side listens: the time-out is what ends it.
                if conversation.stream.set_read_timeout(Some(Duration::from_millis(20))).is_err() {
                    return;
                }
                let mut none = [0; 1];
                if matches!(std::io::Read::read(&mut conversation.stream, &mut none), Ok(0)) {
                    return;
                }
            }
        }
    });
    let mut stream = stream(&server.url());
    stream.connections.count = 50;
    stream.timeouts.first_byte = Duration::from_secs(10);
    stream.timeouts.whole = Duration::from_millis(300);
    let (report, _) = send(stream);
    assert_eq!((report.attempts.of(Class::TimedOut), report.attempts.total()), (50, 50));
    let service = report.overall.times.service.quantiles();
    assert!((299_000..2_000_000).contains(&service.p50), "{service:?}");
}

#[test]
fn what_draining_cuts_off_enters_at_its_age_and_stays_in_the_account() {
    let server = Server::start(|mut conversation| while conversation.request().is_some() {});
    let (report, told) = send_on(vec![stream(&server.url())], 1, Duration::from_millis(300));
    let latency = report.overall.times.latency.quantiles();
    assert_eq!((latency.count, report.overall.censored, report.unsent), (50, 50, 48));
    assert_eq!((report.overall.accepted, report.overall.scheduled), (0, 50));
    // The first was due 1.3 s before waiting ended.
    assert!((1_250_000..3_000_000).contains(&latency.max), "{latency:?}");
    let answered: Vec<u64> = told.attempts.iter().map(|(_, answer)| answer.answered_us).collect();
    assert_eq!((told.ends(), answered), (vec![End::TimedOut; 2], vec![UNANSWERED; 2]));
}

#[test]
fn a_refused_connection_is_no_lag_of_the_generators() {
    // A socket that is bound and does not listen: nobody else gets the port meanwhile.
    let held = tokio::net::TcpSocket::new_v4().expect("a socket");
    held.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = held.local_addr().expect("it has an address");
    let (report, told) = send(stream(&format!("http://{address}")));
    let times = &report.overall.times;
    assert_eq!((report.overall.accepted, times.latency.count(), times.generator_lag.count()), (0, 50, 0));
    assert!(report.socket_errors >= 50 && report.local_errors == 0);
    assert_eq!(told.ends(), vec![End::Reset; 50]);
    assert!(told.attempts[0].1.note.as_ref().is_some_and(|note| note.starts_with("cannot connect: ")));
}

#[test]
fn connections_wear_out_as_the_scenario_says() {
    let server = Server::answering(|_| ack());
    let mut stream = stream(&server.url());
    stream.connections = Connections { count: 2, streams: 1, requests_each: Some(5), life: None };
    let (report, _) = send(stream);
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0));
    let connections = server.connections.load(Ordering::SeqCst);
    assert!((10..=12).contains(&connections), "{connections}");
}

#[test]
fn a_retry_is_an_attempt_of_its_own() {
    // Every second request is turned away for the first time, with a wait that is shorter than its own.
    let server = Server::start(|mut conversation| {
        while let Some((_, head)) = conversation.request() {
            let (index, attempt) = identity(&head);
            let busy = index % 2 == 0 && attempt == 1;
            let answer =
                if busy { response("429 Too Many Requests", "Retry-After: 0\r\n", "") } else { ack() };
            conversation.say(&answer);
        }
    });
    let mut stream = stream(&server.url());
    let wait = Duration::from_millis(30);
    stream.retry = Some(RetrySpec {
        times: 2,
        backoff: Backoff::Fixed(wait),
        retry_after: true,
        max_wait: wait,
        on: vec![RetryOn::Status(429)],
    });
    let (report, told) = send(stream);
    assert_eq!((report.overall.accepted, report.retries, report.attempts.total()), (50, 25, 75));
    assert_eq!(report.attempts.of(Class::Refused), 25);
    assert_eq!(told.attempts.iter().filter(|(sent, _)| sent.attempt == 2).count(), 25);
    let (latency, service) = (&report.overall.times.latency, &report.overall.times.service);
    assert_eq!((latency.count(), service.count()), (50, 75));
    // A request's latency counts from when it was first due.
    assert!(latency.at(0.75) >= 30_000, "{:?}", latency.quantiles());
}
