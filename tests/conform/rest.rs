//! `landfall conform rest`, through the binary.

use std::path::Path;

use landfall::result::{CaseOutcome, Verdict};

use crate::harness::{of, rest, result};

fn excuses(folder: &Path, cases: &[&str]) -> String {
    let file = folder.join("excuses.yaml");
    let each = cases.iter().map(|case| format!("- {{ case: {case}, reason: known, expires: 9999-12-31 }}\n"));
    std::fs::write(&file, each.collect::<String>()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn every_requirement_is_listed_with_its_cases_or_why_it_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let listed = rest(&["--list"], folder.path());
    let last = listed.stdout.lines().next_back().unwrap();
    assert!(last.starts_with("248 requirements: "), "{last}");
    assert_eq!(listed.code, Some(0));
    let dry = rest(&["--dry-run", "--filter", "v2.binary"], folder.path());
    assert!(dry.stdout.contains("POST /topics/TOPIC"), "{}", dry.stdout);
    assert!(!folder.path().join("conformance.json").exists());
}

#[test]
fn the_embedded_proxy_passes_as_the_release_that_it_stands_for() {
    let folder = tempfile::tempdir().unwrap();
    let ended = rest(&["--strict", "--require-all"], folder.path());
    let result = result(folder.path());
    assert_eq!(of(&result, CaseOutcome::Failed), Vec::<&str>::new(), "{}", ended.stdout);
    assert_eq!((result.verdict, ended.code), (Verdict::Pass, Some(0)), "{}", ended.stdout);
    assert!(result.totals.passed > 600, "{:?}", result.totals);
    // Its one deviation from the real one shows, and is told.
    let zero = "rest/v3.timestamp.numeric-seconds/zero";
    let deviating = result.cases.iter().find(|case| case.id == zero).unwrap();
    assert!(deviating.notes.iter().any(|note| note.contains("librdkafka")), "{:?}", deviating.notes);
    let passed = of(&result, CaseOutcome::Passed);
    for id in ["rel.broker-down.known-metadata/v2", "rel.broker-down.cold/v2", "http.keep-alive/http-1-0"] {
        assert!(passed.iter().any(|case| case.ends_with(id)), "{id}");
    }
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    let case = "classname=\"rest.v2-json\" name=\"rest/v2.produce.json.null-value";
    assert!(junit.contains(case), "{junit}");
}

#[test]
fn another_release_than_the_proxys_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["--profile", "confluent@6.2.15", "--strict", "--filter", "v2.envelope", "--filter", "v2.produce"];
    let ended = rest(&arguments, folder.path());
    let failed = result(folder.path());
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    // 6.2 takes what stands behind the document for nothing; 7.9 refuses it, as is required.
    let warned = of(&failed, CaseOutcome::Warned);
    assert!(warned.iter().any(|id| id.contains("trailing-garbage")), "{warned:?}");
    assert!(ended.stdout.contains("unexpected pass"), "{}", ended.stdout);
}

/// A failure that is excused ends no suite, so that nothing goes untried behind it.
#[test]
fn what_is_excused_does_not_end_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let file = excuses(folder.path(), &["rest/v3.timestamp.numeric-seconds/zero"]);
    let only =
        ["--filter", "v3.timestamp", "--filter", "v2.binary", "--profile", "confluent", "--at-once", "1"];
    let excused = [&only[..], &["--fail-fast", "--expected-failures", &file]].concat();
    let ended = rest(&excused, folder.path());
    let all = result(folder.path());
    assert_eq!((all.verdict, ended.code), (Verdict::Pass, Some(0)), "{}", ended.stdout);
    assert_eq!(all.totals.not_run, 0);
    // Without the excuse it does.
    let ended = rest(&[&only[..], &["--fail-fast"]].concat(), folder.path());
    let cut = result(folder.path());
    assert_eq!((cut.verdict, ended.code), (Verdict::Fail, Some(1)), "{}", ended.stdout);
    assert!(cut.totals.not_run > 0, "{:?}", cut.totals);
}

#[test]
fn an_excuse_that_is_needed_no_more_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = excuses(folder.path(), &["rest/disc.root.get/get"]);
    let ended = rest(&["--expected-failures", &file, "--filter", "disc.root.get"], folder.path());
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("does not fail any more"), "{}", ended.stdout);
}
