//! A healthy path: every record settled, nothing found, exit 0.

use landfall::result::{Records, Requests, Verdict};

use crate::harness::{Landfall, repository};

#[test]
fn the_quickstart_settles_every_record_and_finds_nothing() {
    let ended = Landfall::short_quickstart().end();
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}", ended.stdout);
    assert_eq!(result.requests, Requests { sent: 70, accepted: 50, refused: 20, ..Requests::default() });
    let Records { rewritten, .. } = result.records;
    let expected = Records {
        sent: 520,
        acked: 500,
        refused: 20,
        landed: 500,
        absent: 20,
        rewritten,
        ..Records::default()
    };
    assert_eq!(result.records, expected);
    assert!(result.findings.is_empty() && result.horizon.complete && result.incomplete.is_none());
    assert_eq!((result.latency_us.count, result.latency_us.censored), (50, 0));
    assert!(ended.stdout.contains("PASS") && ended.stdout.contains("report.html"), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
}

#[test]
fn tombstones_land_as_null_and_order_is_said_to_be_unverifiable() {
    let ended = Landfall::run(&repository("scenarios/retractions.yaml"))
        .set("workload[0].for=1s")
        .set("checks=[]")
        .end();
    let result = ended.result();
    assert_eq!((ended.code, result.records.landed), (Some(0), 400), "{}", ended.stdout);
    assert!(result.notes.iter().any(|note| note.contains("order of 400 records")), "{:?}", result.notes);
}

#[test]
fn binary_records_partitions_and_pointers_are_settled_too() {
    let binary =
        Landfall::short_quickstart().set("workload[0].format=v2-binary").set("workload[0].partition=3").end();
    assert_eq!((binary.code, binary.result().records.landed), (Some(0), 500), "{}", binary.stdout);
    assert_eq!(binary.result().records.rewritten, 0);
    let pointer = Landfall::short_quickstart().set("workload[0].identity={pointer: /properties/code}").end();
    assert_eq!((pointer.code, pointer.result().records.landed), (Some(0), 500), "{}", pointer.stdout);
}

#[test]
fn records_without_identity_are_told_by_position_and_a_copy_leaves_the_run_open() {
    let healthy = Landfall::short_quickstart().set("workload[0].identity=none").end();
    assert_eq!((healthy.code, healthy.result().records.landed), (Some(0), 500), "{}", healthy.stdout);
    let copies = Landfall::short_quickstart()
        .set("workload[0].identity=none")
        .set("faults=[{box: proxy, kind: duplicate, every: 50}]")
        .end();
    let result = copies.result();
    assert_eq!((copies.code, result.verdict), (Some(4), Verdict::Inconclusive), "{}", copies.stdout);
    assert_eq!((result.horizon.unattributed, result.faults[0].injected), (10, 10));
}

#[test]
fn a_path_without_gateway_and_tokens_is_a_path() {
    let ended = Landfall::short_quickstart()
        .set("stack.gateway=none")
        .set("stack.idp=none")
        .set("partners[1].expect=accept")
        .end();
    let result = ended.result();
    assert_eq!(
        (ended.code, result.requests.accepted, result.records.landed),
        (Some(0), 70, 520),
        "{}",
        ended.stdout
    );
    let boxes: Vec<&str> = result.boxes.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(boxes, ["balancer", "proxy-1", "proxy-2", "kafka"]);
}

#[test]
fn tokens_that_expire_in_mid_run_are_renewed() {
    // Tokens last 5 s, no authorizer result is kept and no clock is given leeway: without renewal, the last
    // second's requests would be refused.
    let ended = Landfall::short_quickstart()
        .set("stack.idp.token_life=5s")
        .set("stack.gateway.authorizer_ttl=0s")
        .set("stack.gateway.leeway=0s")
        .set("workload[0].for=7s")
        .set("workload[0].arrivals.constant=10/s")
        .end();
    assert_eq!((ended.code, ended.result().requests.accepted), (Some(0), 70), "{}", ended.stdout);
}

#[test]
fn the_json_goes_to_standard_output_alone_where_asked() {
    let ended = Landfall::short_quickstart().args(&["--json", "-", "--quiet", "--run-id", "json-1"]).end();
    let printed: landfall::result::RunResult = serde_json::from_str(&ended.stdout).expect("pure JSON");
    assert_eq!(&printed, ended.result());
    assert_eq!((printed.run.as_str(), ended.stderr.as_str()), ("json-1", ""));
}

#[test]
fn no_secret_stands_in_anything_that_is_written() {
    let ended = Landfall::short_quickstart()
        .set("partners[0].secret={env: LANDFALL_TEST_SECRET}")
        .env("LANDFALL_TEST_SECRET", "s3cr3t-of-the-partner")
        .args(&["--json", "-"])
        .end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains("s3cr3t-of-the-partner") && !text.contains("eyJ"), "{text}");
    }
}

#[test]
fn a_threshold_that_does_not_hold_fails_and_says_so() {
    let ended = Landfall::short_quickstart().set("checks=[\"records.acked == 499\"]").end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("records.acked is 500, limit == 499"), "{}", ended.stdout);
    let few = Landfall::short_quickstart().set("checks=[\"latency.p99 < 10s\"]").end();
    assert_eq!((few.code, few.result().verdict), (Some(4), Verdict::Inconclusive));
}
