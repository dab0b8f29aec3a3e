//! Faults of the gateway before the proxy and of Kafka behind it.

use std::collections::BTreeMap;

use crate::faults::{findings, found_exactly};
use crate::faults_in_doubt::{both_apis, passes_with};
use crate::harness::{Ended, Landfall};

fn gateway_fault(call: Landfall, kind: &str) -> Ended {
    call.set(&format!("faults=[{{box: gateway, kind: {kind}, every: 7}}]")).end()
}

#[test]
fn requests_that_are_forwarded_otherwise_are_wrongly_refused() {
    for kind in ["drop-header", "truncate-body"] {
        for call in both_apis() {
            found_exactly(&gateway_fault(call, kind), "requests.wrongly_refused", 7);
        }
    }
}

#[test]
fn a_late_success_is_in_doubt_and_landed() {
    for call in both_apis() {
        passes_with(&gateway_fault(call, "late-success"), |records| records.unknown_landed, 70);
    }
}

/// One record in each request, without a key: batches are of few records, and none promises an order.
fn kafka_fault(kind: &str) -> Ended {
    kafka_fault_in(Landfall::short_quickstart(), kind)
}

fn kafka_fault_in(call: Landfall, kind: &str) -> Ended {
    call.set("workload[0].records_per_request=1")
        .set("workload[0].arrivals.constant=200/s")
        .set(&format!("faults=[{{box: kafka, kind: {kind}, every: 7}}]"))
        .end()
}

/// The run passes as if there were no fault, though it took effect `times` at least.
fn survives(ended: &Ended, records: u64, times: u64) {
    let (result, out) = (ended.result(), &ended.stdout);
    assert_eq!((ended.code, findings(result)), (Some(0), vec![]), "{out}{}", ended.stderr);
    assert_eq!((result.records.acked, result.records.landed), (records, records), "{out}");
    let fault = &result.faults[0];
    assert!(fault.injected >= times && fault.expected_finding.is_none(), "{out}");
}

#[test]
fn a_batch_that_meets_the_wrong_leader_is_tried_again() {
    survives(&kafka_fault("not-leader"), 200, 5);
}

#[test]
fn leaders_move_and_are_found_again() {
    let several = || Landfall::short_quickstart().set("stack.kafka.brokers=3");
    survives(&kafka_fault_in(several(), "leader-change"), 200, 5);
    let ended = several().set("faults=[{box: kafka, kind: leader-change, every: 7}]").end();
    survives(&ended, 500, 5);
}

#[test]
fn a_broker_that_restarts_keeps_what_it_has_and_is_found_again() {
    for brokers in [1, 2] {
        let ended = Landfall::short_quickstart()
            .set(&format!("stack.kafka.brokers={brokers}"))
            .set("workload[0].for=2s")
            .set("faults=[{box: kafka, kind: restart, window: [500ms, 1s]}]")
            .end();
        survives(&ended, 1_000, 1);
        let result = ended.result();
        assert_eq!((result.faults[0].injected, result.records.unknown), (1, 0), "{}", ended.stdout);
        assert!(result.latency_us.max >= 300_000, "nobody noticed: {:?}", result.latency_us);
    }
}

#[test]
fn a_batch_that_is_appended_too_late_is_duplicated() {
    let ended = kafka_fault("timeout-after-append");
    found_exactly(&ended, "records.duplicated", 5);
    let records = &ended.result().records;
    assert_eq!((records.duplicated_beyond_attempts, records.landed), (records.duplicated, 200));
}

#[test]
fn an_idempotent_proxy_duplicates_nothing() {
    let ended = kafka_fault_in(
        Landfall::short_quickstart().set("stack.proxy.idempotence=true"),
        "timeout-after-append",
    );
    survives(&ended, 200, 5);
    assert_eq!(ended.result().records.duplicated, 0);
    // Many batches under way in one partition: those behind the one in doubt are recognised, too.
    let ended = Landfall::short_quickstart()
        .set("stack.proxy.idempotence=true")
        .set("workload[0].partition=3")
        .set("workload[0].arrivals.constant=300/s")
        .set("workload[0].connections=32")
        .set("faults=[{box: kafka, kind: timeout-after-append, every: 5}]")
        .end();
    survives(&ended, 3_000, 20);
    assert_eq!(ended.result().records.duplicated, 0);
}

#[test]
fn an_acknowledged_tail_that_is_gone_is_lost_whatever_takes_its_offsets() {
    let fault = "faults=[{box: kafka, kind: lose-tail, every: 5}]";
    found_exactly(&kafka_fault("lose-tail"), "records.lost", 5);
    for call in both_apis() {
        // Many requests at once, all of them for one partition: each lost offset is soon another record's.
        let ended = call
            .set("workload[0].partition=3")
            .set("workload[0].arrivals.constant=400/s")
            .set("workload[0].connections=32")
            .set(fault)
            .end();
        found_exactly(&ended, "records.lost", 100);
    }
}

#[test]
fn a_batch_that_is_too_large_is_refused() {
    let ended = kafka_fault("message-too-large");
    let (result, out) = (ended.result(), &ended.stdout);
    let fault = &result.faults[0];
    assert!(fault.injected >= 5 && fault.expected_finding.is_none(), "{out}");
    assert_eq!(findings(result), [("requests.wrongly_refused", fault.injected)], "{out}");
    assert_eq!(result.records.absent, fault.injected + 20, "those and the stranger's");
}

#[test]
fn a_dozen_faults_at_once_are_told_apart() {
    const FAULTS: [&str; 12] = [
        "proxy, kind: drop-after-ack, every: 31",
        "proxy, kind: duplicate, every: 29",
        "proxy, kind: truncate, every: 17",
        "proxy, kind: swap-keys, every: 13",
        "proxy, kind: wrong-partition, rate: 5%",
        "proxy, kind: exchange-offsets, every: 11",
        "proxy, kind: false-failure, every: 19",
        "proxy, kind: error-items, every: 19",
        "proxy, kind: wrong-offset, every: 23",
        "proxy, kind: negative-offset, every: 23",
        "gateway, kind: late-success, every: 13",
        "gateway, kind: forward-denied, every: 2",
    ];
    let ended =
        Landfall::short_quickstart().set(&format!("faults=[{{box: {}}}]", FAULTS.join("}, {box: "))).end();
    let (result, out) = (ended.result(), &ended.stdout);
    let mut expected = BTreeMap::new();
    for fault in &result.faults {
        assert!(fault.injected > 0, "{} never struck\n{out}", fault.kind);
        if let Some(finding) = &fault.expected_finding {
            *expected.entry(finding.as_str()).or_default() += fault.injected;
        }
    }
    let mut found: BTreeMap<&str, u64> = findings(result).into_iter().collect();
    assert!(found.remove("requests.wrongly_refused").is_some(), "that of the false failures");
    assert_eq!(found, expected, "{out}");
    let in_doubt = |kind: &str| {
        result.faults.iter().filter(|fault| fault.kind == kind).map(|it| it.injected).sum::<u64>()
    };
    assert_eq!(result.records.unknown_landed, in_doubt("error-items") + in_doubt("late-success"), "{out}");
}
