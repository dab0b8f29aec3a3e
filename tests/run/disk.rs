//! A disk that is full: the load stops, what is there is kept and settled, and the result says so.

use std::os::unix::fs::symlink;

use landfall::result::Verdict;

use crate::harness::{Landfall, repository};

#[test]
fn a_full_disk_stops_the_load_and_is_told() {
    let call = Landfall::run(&repository("scenarios/quickstart.yaml"))
        .set("checks=[]")
        .set("workload[0].for=60s")
        .args(&["--run-id", "full"]);
    let folder = call.reports().join("full");
    std::fs::create_dir(&folder).expect("a folder");
    // Whatever is written to this device finds it full.
    symlink("/dev/full", folder.join("journal.bin")).expect("a link");
    let ended = call.end();
    let result = ended.result();
    let incomplete = result.incomplete.as_deref().expect("it was stopped");
    assert!(
        incomplete.starts_with("stopped, since the disk does not take the journal: No space left"),
        "{incomplete}"
    );
    assert_eq!((ended.code, result.verdict), (Some(4), Verdict::Inconclusive), "{}", ended.stdout);
    let records = &result.records;
    assert!(
        records.landed > 0 && records.landed == records.acked && result.findings.is_empty(),
        "{records:?}"
    );
    assert!(result.elapsed_us < 50_000_000, "it went on for {} us", result.elapsed_us);
}
