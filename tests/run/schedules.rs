//! Phases, distributions and recordings, from the scenario to what landed.

use landfall::result::Verdict;
use landfall::schedule::{Sizes, workload_seed};

use crate::harness::Landfall;

/// The short quickstart without the arrivals of its first workload.
fn without_arrivals() -> Landfall {
    Landfall::short_quickstart().set("workload[0].arrivals=").set("workload[0].for=")
}

#[test]
fn warming_up_is_sent_and_verified_and_not_measured() {
    let ended = without_arrivals()
        .set(
            "workload[0].phases=[{name: warm, warmup: true, arrivals: {ramp: {from: 0/s, to: 40/s}}, for: 500ms}, \
             {name: steady, arrivals: {constant: 50/s}, for: 1s}]",
        )
        .set("workload[0].records_per_request={weighted: {1: 70, 10: 25, 100: 5}}")
        .end();
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}", ended.stdout);
    // 10 to warm up, 50 that count, and 20 of the other workload.
    assert_eq!((result.requests.sent, result.requests.accepted), (80, 60));
    assert_eq!((result.latency_us.count, result.generator_lag_us.count), (50, 50));
    assert!((result.rate.target_per_s - 50.0).abs() < 1e-9, "{:?}", result.rate);
    assert!(result.rate.achieved_per_s <= 50.0, "{:?}", result.rate);
    let sizes = Sizes::weighted(&[(1, 70), (10, 25), (100, 5)]);
    let seed = workload_seed(result.scenario.seed, 0);
    let records: u64 = (0..60).map(|index| u64::from(sizes.at(seed, index))).sum();
    assert_eq!((result.records.landed, result.records.absent), (records, 20));
    assert!(records > 120, "all sizes are ones: {records}");
}

#[test]
fn random_arrivals_are_the_same_in_every_run() {
    let sent = |seed: &str| {
        let ended = Landfall::short_quickstart()
            .set(&format!("seed={seed}"))
            .set("workload[0].arrivals={poisson: 50/s}")
            .set("workload[0].records_per_request={poisson: 3}")
            .end();
        assert_eq!(ended.code, Some(0), "{}", ended.stdout);
        let result = ended.result();
        (result.requests.accepted, result.records.landed)
    };
    assert_eq!(sent("1"), sent("1"));
    assert_ne!(sent("1"), sent("2"));
}

#[test]
fn recorded_arrivals_are_replayed() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("access.csv");
    let lines: Vec<String> = (0..40).map(|n| format!("/a,2024-06-01T12:00:{n:02}Z")).collect();
    let run = |text: &str, column: &str| {
        std::fs::write(&file, text).expect("a file can be written");
        let replay = format!("{{file: '{}', column: {column}, speed: 20}}", file.display());
        Landfall::short_quickstart().set(&format!("workload[0].arrivals={{replay: {replay}}}")).end()
    };
    let ended = run(&format!("path,when\n{}\n", lines.join("\n")), "when");
    let result = ended.result();
    // Of 40 seconds, 20 are replayed in one.
    assert_eq!((ended.code, result.requests.accepted), (Some(0), 20), "{}", ended.stdout);
    assert!((result.rate.target_per_s - 20.0).abs() < 1e-9, "{:?}", result.rate);

    let ended = run("path,when\n/a,soon\n", "when");
    let expected = "workload[0], phase `main`: the recording ";
    assert!(ended.code == Some(2) && ended.stderr.contains(expected), "{}", ended.stderr);
    assert!(ended.stderr.contains("line 2: `soon` is no timestamp"), "{}", ended.stderr);

    std::fs::remove_file(&file).expect("the file is there");
    let ended = Landfall::short_quickstart()
        .set(&format!("workload[0].arrivals={{replay: {{file: '{}'}}}}", file.display()))
        .end();
    assert_eq!((ended.code, ended.result.is_none()), (Some(2), true), "{}", ended.stdout);
    assert!(ended.stderr.contains("phase `main`: cannot read the recording"), "{}", ended.stderr);
}
