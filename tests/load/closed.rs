//! Closed loads, and phases.

use std::time::Duration;

use landfall::schedule::{Arrivals, Phase, Schedule};

use crate::harness::{Server, ack, constant, send, stream};

#[test]
fn closed_workers_send_again_when_they_have_thought() {
    let server = Server::answering(|_| ack());
    let mut stream = stream(&server.url());
    stream.connections.count = 4;
    let think = Duration::from_millis(20);
    let phase = Phase {
        name: "main".into(),
        measured: true,
        duration: Duration::from_secs(2),
        arrivals: Arrivals::Closed { workers: 4, think },
    };
    stream.schedule = Schedule::new(1, vec![phase]);
    let (report, told) = send(stream);
    assert!(report.closed);
    let sent = told.attempts.len();
    // Each of the four can send 100 times at most, and does so unless the machine is slow.
    assert!((8..=400).contains(&sent), "{sent}");
    assert_eq!(report.overall.accepted, sent as u64);
    let mut indices: Vec<u64> = told.attempts.iter().map(|(sent, _)| sent.request.index).collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..sent as u64).collect::<Vec<_>>());
}

#[test]
fn warming_up_is_sent_and_not_measured() {
    let server = Server::answering(|_| ack());
    let mut stream = stream(&server.url());
    let half = Duration::from_millis(500);
    let warm = Phase { measured: false, ..constant("warm", 100.0, half) };
    stream.schedule = Schedule::new(1, vec![warm, constant("one", 40.0, half), constant("two", 20.0, half)]);
    let (report, told) = send(stream);
    assert_eq!(told.attempts.len(), 50 + 20 + 10);
    assert_eq!((report.overall.scheduled, report.overall.accepted), (30, 30));
    assert_eq!(report.overall.times.latency.count(), 30);
    let counts: Vec<(&str, u64, f64)> = report
        .phases
        .iter()
        .map(|(name, share)| (name.as_str(), share.accepted, share.target_per_s()))
        .collect();
    assert_eq!(counts, [("warm", 0, 0.0), ("one", 20, 40.0), ("two", 10, 20.0)]);
    // 30 requests in a second of measured time.
    assert!((report.overall.target_per_s() - 30.0).abs() < 1e-9);
    assert!(report.overall.achieved_per_s() > 25.0, "{}", report.overall.kept);
    assert_eq!(told.seconds.iter().map(|second| second.begun).sum::<u64>(), 80);
}
