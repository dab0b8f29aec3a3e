//! `landfall conform matrix`, through the binary: results of several implementations beside each other.

use std::path::Path;
use std::process::Command;

use crate::harness::{Ended, ended, rest};

/// Judges what was recorded at an implementation, in a folder of its own.
fn judged(file: &str, profile: &str, folder: &Path) -> String {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(file);
    let out = folder.join(profile);
    let arguments = ["--filter", "v2.envelope", "--profile", profile, "--recorded", golden.to_str().unwrap()];
    let suite = rest(&arguments, &out);
    assert_eq!(suite.code, Some(0), "{}{}", suite.stdout, suite.stderr);
    out.to_str().unwrap().to_owned()
}

fn matrix(arguments: &[&str]) -> Ended {
    let mut landfall = Command::new(env!("CARGO_BIN_EXE_landfall"));
    ended(landfall.args(["conform", "matrix"]).args(arguments).output().unwrap())
}

#[test]
fn implementations_stand_beside_each_other_case_by_case() {
    let folder = tempfile::tempdir().unwrap();
    let old = judged("suite2-confluent-6.2.15.jsonl", "confluent@6.2.15", folder.path());
    let new = judged("suite2-confluent-7.9.9.jsonl", "confluent@7.9.9", folder.path());
    let other = judged("suite2-karapace-6.2.0.jsonl", "karapace", folder.path());
    let page = folder.path().join("matrix.html");
    let page = page.to_str().unwrap();
    let shown = matrix(&[&old, &new, &other, "--html", page]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let heads = shown.stdout.lines().find(|line| line.contains("confluent@7.9.9")).unwrap();
    assert!(heads.contains("confluent@6.2.15") && heads.contains("karapace"), "{heads}");
    // Up to 6.2 what stands behind the document is passed over; from 7 on the request is refused.
    let trailing = shown.stdout.lines().find(|line| line.contains("trailing-garbage")).unwrap();
    assert!(trailing.contains("passed 200") && trailing.contains("passed 400"), "{trailing}");
    let html = std::fs::read_to_string(page).unwrap();
    let differing = html.split("id=\"alike\"").next().unwrap();
    assert!(differing.contains("trailing-garbage"), "what differs comes first");

    // Nothing that is read is written over, and what is no result is told from one.
    let file = format!("{old}/conformance.json");
    let over = matrix(&[&old, "--html", &file]);
    assert_eq!(over.code, Some(2));
    assert!(over.stderr.contains("would write over"), "{}", over.stderr);
    let none = matrix(&[folder.path().to_str().unwrap()]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("conformance.json"), "{}", none.stderr);
}
