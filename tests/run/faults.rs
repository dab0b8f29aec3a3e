//! Who tests the tester: each fault is found, as often as its double showed it, and as nothing else.

use landfall::result::{Evidence, RunResult, Verdict};

use crate::harness::{Ended, Landfall, repository};

/// The counts of all findings, by name.
pub(crate) fn findings(result: &RunResult) -> Vec<(&str, u64)> {
    result.findings.iter().map(|finding| (finding.kind.as_str(), finding.count)).collect()
}

/// The run fails with this finding and no other, as often as the fault took effect, which is `times` at least.
pub(crate) fn found_exactly(ended: &Ended, finding: &str, times: u64) {
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(1), Verdict::Fail), "{}", ended.stdout);
    let fault = &result.faults[0];
    assert_eq!(fault.expected_finding.as_deref(), Some(finding));
    assert!(fault.injected >= times, "the fault took effect {} times only", fault.injected);
    assert_eq!(findings(result), [(finding, fault.injected)], "{}", ended.stdout);
    let examples = &result.findings[0].examples;
    assert!(!examples.is_empty() && examples.iter().all(|example| !example.request.is_empty()));
}

fn proxy_fault(kind: &str, every: u64) -> Ended {
    Landfall::short_quickstart().set(&format!("faults=[{{box: proxy, kind: {kind}, every: {every}}}]")).end()
}

#[test]
fn a_dropped_record_is_lost() {
    found_exactly(&proxy_fault("drop-after-ack", 9), "records.lost", 50);
}

#[test]
fn a_record_written_twice_is_duplicated() {
    let ended = proxy_fault("duplicate", 9);
    found_exactly(&ended, "records.duplicated", 50);
    let records = ended.result().records;
    assert_eq!(records.duplicated_beyond_attempts, records.duplicated);
}

#[test]
fn a_changed_byte_is_corrupted_wherever_it_stands() {
    // Every record, so that the changed byte walks through payload and identity alike.
    found_exactly(&proxy_fault("corrupt-byte", 1), "records.corrupted", 500);
}

#[test]
fn evidence_shows_what_was_sent_and_what_was_found_and_nothing_that_it_must_not() {
    let corrupt = Landfall::short_quickstart().set("faults=[{box: proxy, kind: round-numbers, every: 1}]");
    let ended = corrupt.set("evidence={examples: 40, bytes: 4KiB, redact: [/properties]}").end();
    let finding = &ended.result().findings[0];
    assert_eq!((finding.kind.as_str(), finding.examples.len()), ("records.corrupted", 40));
    for example in &finding.examples {
        let (sent, landed) = (example.sent.as_ref().expect("sent"), example.landed.as_ref().expect("landed"));
        let (sent, landed) = (sent.value.as_ref().expect("a value"), landed.value.as_ref().expect("a value"));
        assert!(sent != landed && sent.contains(r#""properties":"[redacted]""#), "{sent}\n{landed}");
        assert!(landed.contains(r#""properties":"[redacted]""#), "{landed}");
    }
    let text =
        std::fs::read_to_string(crate::harness::file_in(ended.reports.path(), "result.json").expect("one"));
    assert!(!text.expect("it can be read").contains("magType"));
}

#[test]
fn a_wrong_offset_is_misplaced() {
    found_exactly(&proxy_fault("wrong-offset", 9), "records.misplaced", 50);
}

#[test]
fn a_value_without_its_last_byte_is_corrupted() {
    found_exactly(&proxy_fault("truncate", 1), "records.corrupted", 500);
    let binary = Landfall::short_quickstart()
        .set("workload[0].format=v2-binary")
        .set("faults=[{box: proxy, kind: truncate, every: 3}]")
        .end();
    found_exactly(&binary, "records.corrupted", 160);
}

#[test]
fn swapped_keys_are_corrupted_and_nothing_else() {
    for more in ["workload[0].partition=3", "workload[0].identity=none", "seed=43"] {
        let ended = Landfall::short_quickstart()
            .set(more)
            .set("faults=[{box: proxy, kind: swap-keys, every: 4}]")
            .end();
        found_exactly(&ended, "records.corrupted", 50);
    }
}

#[test]
fn another_partition_than_the_records_is_misplaced() {
    found_exactly(&proxy_fault("wrong-partition", 9), "records.misplaced", 50);
}

#[test]
fn offsets_of_each_other_are_misplaced_both() {
    found_exactly(&proxy_fault("exchange-offsets", 3), "records.misplaced", 40);
}

#[test]
fn a_swap_within_a_request_is_reordered() {
    found_exactly(&proxy_fault("reorder-in-request", 3), "records.reordered", 20);
}

#[test]
fn an_empty_tombstone_is_corrupted() {
    let ended = Landfall::run(&repository("scenarios/retractions.yaml"))
        .set("workload[0].for=1s")
        .set("checks=[]")
        .set("faults=[{box: proxy, kind: null-to-empty, every: 2}]")
        .end();
    found_exactly(&ended, "records.corrupted", 40);
    assert!(ended.stdout.contains("value sent as null, landed as 0 bytes"), "{}", ended.stdout);
}

#[test]
fn a_denied_request_that_is_forwarded_is_leaked() {
    let fault = "faults=[{box: gateway, kind: forward-denied, every: 3}]";
    let ended = Landfall::short_quickstart().set(fault).end();
    found_exactly(&ended, "records.leaked", 6);
    let examples = &ended.result().findings[0].examples;
    assert!(examples.iter().all(|example| example.hop.as_deref() == Some("gateway")), "{examples:?}");
    let shown = |example: &Evidence| example.sent.clone().and_then(|sent| sent.value).expect("it is shown");
    assert!(
        examples.iter().all(|example| shown(example).starts_with("{\"type\":\"Feature\"")),
        "{examples:?}"
    );
    let several = Landfall::short_quickstart().set("workload[1].records_per_request=5").set(fault).end();
    found_exactly(&several, "records.leaked", 30);
}

#[test]
fn a_denied_request_that_is_admitted_is_wrongly_admitted() {
    let ended =
        Landfall::short_quickstart().set("faults=[{box: gateway, kind: admit-denied, every: 3}]").end();
    found_exactly(&ended, "requests.wrongly_admitted", 6);
}

#[test]
fn several_faults_at_once_are_told_apart() {
    let ended = Landfall::short_quickstart()
        .set(
            "faults=[{box: proxy, kind: drop-after-ack, every: 31}, {box: proxy, kind: duplicate, every: 29}, \
             {box: proxy, kind: corrupt-byte, every: 17}, {box: proxy, kind: wrong-offset, rate: 5%}]",
        )
        .end();
    let result = ended.result();
    assert_eq!(ended.code, Some(1));
    let injected: Vec<u64> = result.faults.iter().map(|fault| fault.injected).collect();
    let records = &result.records;
    assert_eq!(
        injected,
        [records.lost, records.duplicated, records.corrupted, records.misplaced],
        "{}",
        ended.stdout
    );
    assert!(injected.iter().all(|count| *count > 0) && records.foreign == 0);
}

#[test]
fn no_right_to_read_the_topic_is_inconclusive_and_never_a_pass() {
    let ended = Landfall::short_quickstart().set("faults=[{box: kafka, kind: deny-read}]").end();
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(4), Verdict::Inconclusive), "{}", ended.stdout);
    assert_eq!((result.records.unverifiable, result.records.landed), (500, 0));
    assert!(ended.stdout.contains("not authorised to read the topic"), "{}", ended.stdout);
}
