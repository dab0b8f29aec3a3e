//! The tester is tested: what `landfall selftest` prints, writes and returns.

use std::path::Path;

use landfall::result::{RowOutcome, Selftest};

use crate::harness::{Landfall, wait_until};

#[test]
fn a_few_faults_are_shown_and_found() {
    let folder = tempfile::tempdir().expect("a folder");
    // What an earlier test has left, whose run went wrong.
    let earlier = folder.path().join("runs/0123456789ab");
    std::fs::create_dir_all(&earlier).expect("a folder");
    std::fs::write(earlier.join("result.json"), "{}").expect("a file");
    let ended = Landfall::bare("selftest", Path::new("drop-after-ack"))
        .args(&["duplicate", "--healthy", "1", "--out"])
        .args(&[folder.path().to_str().expect("UTF-8")])
        .end();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("PASS") && ended.stdout.contains("records.lost 61"), "{}", ended.stdout);
    let file = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("it was written");
    let matrix: Selftest = serde_json::from_str(&file("selftest.json")).expect("a matrix");
    assert!(!matrix.whole && ended.stdout.contains("not all faults were shown"), "{}", ended.stdout);
    assert!(matrix.passed && matrix.rows[0].outcome == RowOutcome::Quiet);
    let lost = matrix.detectors.iter().find(|detector| detector.name == "records.lost").expect("a detector");
    assert_eq!(lost.justified_by, ["drop-after-ack", "drop-after-ack (v3)", "drop-after-ack (no identity)"]);
    assert!(file("selftest.md").contains("| proxy | drop-after-ack | 61 | `records.lost` 61 | found |"));
    let page = file("selftest.html");
    assert!(
        page.contains("drop-after-ack (v3)") && !page.contains("http://") && !page.contains("https://"),
        "{page}"
    );
    // Runs that were as they should be leave nothing.
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn an_unknown_fault_is_named() {
    let ended = Landfall::bare("selftest", Path::new("drop-after-akc")).end();
    assert!(ended.code == Some(2) && ended.stderr.contains("drop-after-ack"), "{}", ended.stderr);
}

#[test]
fn a_test_that_is_interrupted_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("selftest.json"), "{}").expect("a file");
    let mut started = Landfall::bare("selftest", Path::new("drop-after-ack"))
        .args(&["--out", path.to_str().expect("UTF-8")])
        .start();
    let begun = || std::fs::read_dir(path.join("runs")).is_ok_and(|mut runs| runs.next().is_some());
    wait_until("a run has begun", begun);
    started.signal("INT");
    let ended = started.end();
    assert_eq!(ended.code, Some(130), "{}{}", ended.stdout, ended.stderr);
    let left = std::fs::read_dir(path).expect("it can be read").count();
    assert_eq!(left, 0, "neither this test's runs nor an earlier one's matrix");
}
