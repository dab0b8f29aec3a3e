//! Faults of answers: what was written and is answered for otherwise, late, or not at all.

use landfall::result::{Records, Verdict};

use crate::faults::{findings, found_exactly};
use crate::harness::{Ended, Landfall, ScenarioFile, repository};

fn with_fault(call: Landfall, kind: &str, pace: &str) -> Ended {
    call.set(&format!("faults=[{{box: proxy, kind: {kind}, {pace}}}]")).end()
}

/// The quickstart, shortened, in v2 and v3.
pub(crate) fn both_apis() -> [Landfall; 2] {
    [
        Landfall::short_quickstart(),
        Landfall::short_quickstart().set("workload[0].format=v3-json").set("workload[0].identity=header"),
    ]
}

/// The run passes with nothing found, though the fault took effect `times` at least, as often as `count` says.
pub(crate) fn passes_with(ended: &Ended, count: impl Fn(&Records) -> u64, times: u64) {
    let (result, out) = (ended.result(), &ended.stdout);
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{out}");
    let fault = &result.faults[0];
    assert_eq!((fault.expected_finding.as_deref(), findings(result)), (None, vec![]), "{out}");
    assert!(fault.injected >= times, "the fault took effect {} times only", fault.injected);
    assert_eq!(count(&result.records), fault.injected, "{out}");
}

#[test]
fn a_hidden_failure_is_lost() {
    let row = format!("{{\"long\": \"{}\"}}\n", "x".repeat(2000));
    let long = ScenarioFile::new("").with("long.ndjson", row.as_bytes());
    let file = long.path().with_file_name("long.ndjson");
    let ended = with_fault(
        Landfall::short_quickstart()
            .set("topics=[{name: quakes, partitions: 6}, {name: strict, max_message_bytes: 1KiB}]")
            .set("partners[0].scope=quakes:write strict:write")
            .set("workload[1].partner=seismic")
            .set("workload[1].topic=strict")
            .set(&format!("workload[1].payload={{file: \"{}\"}}", file.display())),
        "hide-failure",
        "every: 1",
    );
    found_exactly(&ended, "records.lost", 20);
}

#[test]
fn a_false_failure_is_leaked_and_its_request_wrongly_refused() {
    for call in both_apis() {
        let ended = with_fault(call, "false-failure", "every: 9");
        let (result, out) = (ended.result(), &ended.stdout);
        assert_eq!((ended.code, result.verdict), (Some(1), Verdict::Fail), "{out}");
        let fault = &result.faults[0];
        assert_eq!(fault.expected_finding.as_deref(), Some("records.leaked"));
        // Ten records a request, so no ninth one shares a request with another but those of two ends.
        let requests = result.requests.wrongly_refused;
        let expected = [("records.leaked", fault.injected), ("requests.wrongly_refused", requests)];
        assert_eq!(findings(result), expected, "{out}");
        assert!(fault.injected >= 50 && (45..=fault.injected).contains(&requests), "{out}");
        let examples = &result.findings[0].examples;
        assert!(examples.iter().all(|example| example.hop.as_deref() == Some("proxy")), "{examples:?}");
    }
}

#[test]
fn a_written_record_that_may_be_tried_again_is_in_doubt_and_landed() {
    for call in both_apis() {
        passes_with(&with_fault(call, "error-items", "every: 9"), |records| records.unknown_landed, 50);
    }
}

#[test]
fn written_requests_that_are_answered_500_or_with_a_reset_are_in_doubt_and_landed() {
    for kind in ["error-after-append", "reset-after-append"] {
        for call in both_apis() {
            passes_with(&with_fault(call, kind, "every: 7"), |records| records.unknown_landed, 60);
        }
        let straight = Landfall::short_quickstart()
            .set("stack.gateway=none")
            .set("workload[1].for=1ms")
            .set("partners[1].expect=accept");
        let ended = with_fault(straight, kind, "every: 7");
        passes_with(&ended, |records| records.unknown_landed, 60);
        let (failed, reset) = (ended.result().requests.failed, ended.result().requests.reset);
        assert_eq!(if kind == "reset-after-append" { failed } else { reset }, 0, "{}", ended.stdout);
    }
}

#[test]
fn what_is_never_answered_is_in_doubt_and_landed_even_if_it_is_late() {
    for kind in ["never-answer", "append-late"] {
        for call in both_apis() {
            let call = call.set("stack.gateway.integration_timeout=4s");
            passes_with(&with_fault(call, kind, "every: 20"), |records| records.unknown_landed, 20);
        }
    }
}

#[test]
fn an_acknowledgement_without_offset_is_one() {
    for call in both_apis() {
        let ended = with_fault(call, "negative-offset", "every: 1");
        passes_with(&ended, |records| records.landed, 500);
        assert_eq!(ended.result().records.acked, 500);
    }
}

#[test]
fn lateness_is_seen_in_the_latencies() {
    for (kind, every, records, late_us) in [("delay", 5, 100, 200_000), ("latency-spike", 25, 20, 2_000_000)]
    {
        for call in both_apis() {
            let ended = with_fault(call, kind, &format!("every: {every}"));
            let result = ended.result();
            assert_eq!((ended.code, result.faults[0].injected), (Some(0), records), "{}", ended.stdout);
            assert_eq!((result.records.landed, findings(result)), (500, vec![]));
            assert!(result.latency_us.max >= late_us, "{:?}", result.latency_us);
        }
    }
}

#[test]
fn an_answer_given_once_more_is_misplaced() {
    for call in both_apis() {
        found_exactly(&with_fault(call, "stale-answer", "every: 5"), "records.misplaced", 10);
    }
}

#[test]
fn lost_headers_are_corrupted_wherever_the_identity_stands() {
    let orders = Landfall::run(&repository("scenarios/orders.yaml"))
        .set("checks=[]")
        .set("workload[0].arrivals.constant=50/s")
        .set("workload[0].for=1s");
    found_exactly(&with_fault(orders, "lose-headers", "every: 3"), "records.corrupted", 80);
}

#[test]
fn lost_digits_and_letters_are_corrupted_where_there_were_some() {
    let rows = "{\"id\": 9007199254740993, \"place\": \"Zürich\"}\n{\"id\": 9007199254740992, \"place\": \"Bern\"}\n";
    let scenario = ScenarioFile::new("").with("rows.ndjson", rows.as_bytes());
    let file = scenario.path().with_file_name("rows.ndjson");
    for kind in ["round-numbers", "lose-unicode"] {
        for format in ["v2-json", "v3-json"] {
            let call = Landfall::short_quickstart()
                .set(&format!("workload[0].format={format}"))
                .set(&format!("workload[0].payload={{file: \"{}\"}}", file.display()));
            let ended = with_fault(call, kind, "every: 1");
            found_exactly(&ended, "records.corrupted", 250);
            assert_eq!(ended.result().records.corrupted, 250, "every other record has some");
        }
    }
    found_exactly(
        &with_fault(Landfall::short_quickstart(), "round-numbers", "every: 2"),
        "records.corrupted",
        100,
    );
}
