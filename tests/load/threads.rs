//! Several load threads send exactly the one schedule.

use std::time::Duration;

use landfall::load::StreamPlan;
use landfall::schedule::{Schedule, Sizes, Spacing};

use crate::harness::{Server, Told, ack, open, send_on, stream};

/// What was sent: request, first record, records.
fn sent(told: &Told) -> Vec<(u64, u64, u32)> {
    let mut sent: Vec<_> = told
        .attempts
        .iter()
        .map(|(sent, _)| (sent.request.index, sent.first_sequence, sent.records))
        .collect();
    sent.sort_unstable();
    sent
}

#[test]
fn the_union_of_all_threads_is_the_schedule() {
    let server = Server::answering(|_| ack());
    let plan = |connections| {
        let plan: StreamPlan = stream(&server.url());
        let phase = open("main", 300.0, Duration::from_millis(700), Spacing::Poisson);
        StreamPlan {
            sizes: Sizes::uniform(1, 7),
            schedule: Schedule::new(3, vec![phase]),
            connections: landfall::scenario::Connections { count: connections, ..plan.connections },
            ..plan
        }
    };
    let drain = Duration::from_secs(20);
    let (one, alone) = send_on(vec![plan(5)], 1, drain);
    let (three, together) = send_on(vec![plan(5), plan(2)], 3, drain);
    assert_eq!((one.threads.len(), three.threads.len()), (1, 3));
    let expected = sent(&alone);
    assert!(expected.len() > 150, "{}", expected.len());
    for stream in 0..2 {
        let of_stream = Told {
            attempts: together
                .attempts
                .iter()
                .filter(|(sent, _)| sent.request.producer == stream)
                .cloned()
                .collect(),
            seconds: Vec::new(),
        };
        assert_eq!(sent(&of_stream), expected, "stream {stream}");
    }
    assert_eq!(three.overall.scheduled, 2 * one.overall.scheduled);
    // Records follow each other without gaps.
    let mut next = 0;
    for (_, first, records) in expected {
        assert_eq!(first, next);
        next += u64::from(records);
    }
}
