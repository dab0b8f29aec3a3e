//! Answers that come before the request has been written whole, as gateways give to what is too large for them.

use std::net::Shutdown;
use std::sync::{Condvar, Mutex, mpsc};
use std::time::Duration;

use landfall::record::{Class, End};
use landfall::schedule::Schedule;

use crate::harness::{Conversation, Sending, Server, ack, constant, identity, response, send_as, stream};

/// More than the sockets of a connection hold, so that writing must wait for the server.
const LENGTH: usize = 8 * 1024 * 1024;
const REQUESTS: u64 = 5;

/// What the server does once it has turned a request away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Closes, with the rest of the request unread: the connection is reset.
    Resets,
    /// The same, perhaps while the request is being written.
    ResetsMeanwhile,
    /// Closes its own half, and hears the rest.
    HalfCloses,
    /// Hears the rest.
    StaysOpen,
}

/// The highest request that has reached the server.
#[derive(Default)]
struct Highest(Mutex<u64>, Condvar);

impl Highest {
    fn reached(&self, index: u64) {
        let mut highest = self.0.lock().expect("no panic");
        *highest = index.max(*highest);
        self.1.notify_all();
    }

    fn wait_beyond(&self, index: u64) {
        let highest = self.0.lock().expect("no panic");
        drop(self.1.wait_while(highest, |highest| *highest <= index).expect("no panic"));
    }
}

/// Reads to the end; how much that was with what had been heard before.
fn hear_out(mut conversation: Conversation) -> usize {
    while conversation.hear().is_some() {}
    conversation.unread()
}

fn turned_away(then: Then) {
    let highest = Highest::default();
    let (telling, lengths) = mpsc::channel();
    let server = Server::start(move |mut conversation| {
        let Some(head) = conversation.head() else { return };
        let (index, _) = identity(&head);
        highest.reached(index);
        if index + 1 == REQUESTS {
            // Only large, and not too large.
            if conversation.request().is_some() {
                conversation.say(&ack());
            }
            return;
        }
        // The load's one thread has turned to another request: it had to leave off writing this one, and will see the
        // answer before it can go on.
        if then != Then::ResetsMeanwhile {
            highest.wait_beyond(index);
        }
        conversation.say(&response("413 Content Too Large", "", "{\"message\":\"too large\"}"));
        match then {
            Then::Resets | Then::ResetsMeanwhile => {
                conversation.reset();
                return;
            }
            Then::HalfCloses => conversation.stream.shutdown(Shutdown::Write).expect("an open socket"),
            Then::StaysOpen => {}
        }
        telling.send(hear_out(conversation)).expect("the test waits");
    });
    let mut stream = stream(&server.url());
    stream.schedule = Schedule::new(1, vec![constant("main", 50.0, Duration::from_millis(100))]);
    let line = format!("{{\"a\":\"{}\"}}", "x".repeat(LENGTH));
    let (report, told) = send_as(vec![stream], Sending { line, ..Sending::default() });
    let refused = REQUESTS - 1;
    let counts = (report.attempts.of(Class::Refused), report.attempts.of(Class::Accepted));
    assert_eq!(counts, (refused, 1), "{then:?}: {:?}", told.attempts);
    assert_eq!(
        told.ends().iter().filter(|end| **end == End::Status(413)).count() as u64,
        refused,
        "{then:?}"
    );
    assert_eq!((report.attempts.total(), report.socket_errors), (REQUESTS, 0), "{then:?}");
    if matches!(then, Then::HalfCloses | Then::StaysOpen) {
        // Nobody went on with what was refused, nor used its connection for another.
        for _ in 0..refused {
            let length = lengths.recv_timeout(Duration::from_secs(20)).expect("its connection ends");
            assert!(length < LENGTH, "{then:?}: {length}");
        }
    }
}

#[test]
fn an_early_refusal_before_a_reset_is_a_refusal() {
    turned_away(Then::Resets);
}

#[test]
fn an_early_refusal_before_a_reset_within_the_request_is_a_refusal() {
    turned_away(Then::ResetsMeanwhile);
}

#[test]
fn an_early_refusal_before_a_half_close_is_a_refusal() {
    turned_away(Then::HalfCloses);
}

#[test]
fn an_early_refusal_ends_its_connection() {
    turned_away(Then::StaysOpen);
}
