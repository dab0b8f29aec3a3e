//! Faults of the balancer: of the network around it, and of its targets. They lose nothing.

use crate::faults::findings;
use crate::harness::{Ended, Landfall, repository};

/// The run passes and finds nothing, and each fault took effect.
fn passes(ended: &Ended) {
    let (result, out) = (ended.result(), &ended.stdout);
    assert_eq!((ended.code, findings(result)), (Some(0), vec![]), "{out}{}", ended.stderr);
    for fault in &result.faults {
        assert!(fault.injected > 0 && fault.expected_finding.is_none(), "{}: {out}", fault.kind);
    }
}

fn told(call: Landfall, fault: &str) -> Ended {
    call.set(&format!("faults=[{{box: balancer, kind: {fault}}}]")).end()
}

#[test]
fn a_replica_that_is_killed_costs_no_record_of_who_tries_again() {
    // Late answers, so that the replica has requests in hand when it goes.
    let ended = told(
        Landfall::short_quickstart()
            .set("stack.proxy.replicas=2")
            .set("workload[0].retry={times: 5, wait: 20ms, on: [5xx, reset]}"),
        "kill-target, replica: 2, window: [300ms, 700ms]}, {box: proxy, kind: delay, every: 1",
    );
    let (result, out) = (ended.result(), &ended.stdout);
    assert_eq!(ended.code, Some(0), "{out}{}", ended.stderr);
    let records = &result.records;
    assert_eq!((records.acked, records.lost, records.unknown), (500, 0, 0), "{out}");
    // What the replica had in hand is written, and tried again.
    assert!(records.duplicated > 0 && records.duplicated_beyond_attempts == 0, "nobody noticed: {out}");
    assert!(result.attempts.retries > 0, "{out}");
    assert_eq!(result.faults[0].injected, 1);
}

#[test]
fn what_falls_into_a_black_hole_is_in_doubt_and_nothing_is_lost() {
    let ended = told(
        Landfall::short_quickstart().set("stack.gateway.integration_timeout=200ms"),
        "black-hole, window: [300ms, 10s]",
    );
    passes(&ended);
    let (result, out) = (ended.result(), &ended.stdout);
    let records = &result.records;
    assert!(result.requests.failed > 0 && records.unknown_absent > 0, "{out}");
    assert_eq!(records.acked + records.unknown, 500, "{out}");
    assert!(result.answers.iter().any(|answer| answer.status == Some(504)), "{:?}", result.answers);
}

#[test]
fn connections_are_reset_or_refused_whether_or_not_they_are_open() {
    for kind in ["network-reset", "network-reset, after_bytes: 1kB", "refuse-connections"] {
        let ended = told(Landfall::short_quickstart(), &format!("{kind}, window: [200ms, 10s]"));
        passes(&ended);
        let (result, out) = (ended.result(), &ended.stdout);
        assert!(result.requests.failed > 0 && result.records.unknown > 0, "{kind}: {out}");
    }
}

#[test]
fn what_is_late_on_the_way_is_late_for_the_client() {
    let ended = told(Landfall::short_quickstart(), "network-delay, delay: 40ms, window: [0s, 10s]");
    passes(&ended);
    let (result, out) = (ended.result(), &ended.stdout);
    assert_eq!((result.records.acked, result.records.unknown), (500, 0), "{out}");
    assert!(result.latency_us.max >= 80_000, "{:?}", result.latency_us);
}

#[test]
fn replicas_come_and_go_with_care_and_nobody_notices() {
    let ended = told(
        Landfall::short_quickstart().set("stack.proxy.replicas=3"),
        "late-target, window: [0s, 300ms]}, {box: balancer, kind: drain-target, window: [400ms, 800ms]",
    );
    passes(&ended);
    let (result, out) = (ended.result(), &ended.stdout);
    assert_eq!((result.records.acked, result.records.landed, result.requests.failed), (500, 500, 0), "{out}");
}

#[test]
fn after_each_flush_the_authorizers_are_asked_again() {
    let ended =
        Landfall::short_quickstart().set("faults=[{box: gateway, kind: flush-authorizers, every: 10}]").end();
    passes(&ended);
    let (result, out) = (ended.result(), &ended.stdout);
    assert_eq!((result.faults[0].injected, result.records.acked), (7, 500), "{out}");
    let asked = result.hops.iter().find(|hop| hop.name == "authorizer").map_or(0, |hop| hop.us.count);
    assert!(asked > 7, "{out}");
}

#[test]
fn what_is_still_on_the_way_when_nobody_waits_any_more_is_waited_for() {
    let ended = told(
        Landfall::short_quickstart().set("stack.gateway.integration_timeout=200ms"),
        "network-delay, delay: 2s, window: [500ms, 10s]",
    );
    passes(&ended);
    let (result, out) = (ended.result(), &ended.stdout);
    let records = &result.records;
    assert!(result.requests.failed > 0 && records.unknown > 0, "{out}");
    assert_eq!((records.unknown_landed, records.unknown_absent), (records.unknown, 0), "{out}");
}

#[test]
fn the_scenario_that_ships_keeps_every_record() {
    let ended = Landfall::run(&repository("scenarios/network.yaml")).end();
    let (result, out) = (ended.result(), &ended.stdout);
    assert_eq!(ended.code, Some(0), "{out}{}", ended.stderr);
    assert!(result.faults.len() == 6 && result.faults.iter().all(|fault| fault.injected > 0), "{out}");
}
