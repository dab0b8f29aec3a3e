//! The scenarios about tokens that ship, as they are: what they count must be so however slow the machine is.

use std::path::Path;

use landfall::result::Verdict;

use crate::harness::Landfall;

/// Runs a scenario that ships. On a machine with much else to do its times may mean nothing, and what it counts still
/// does.
fn holds(name: &str) -> landfall::result::RunResult {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    let folder = tempfile::tempdir().expect("a folder");
    let ended = Landfall::bare("run", &path)
        .args(&["--quiet", "--json", "-", "--reports", folder.path().to_str().expect("UTF-8")])
        .end();
    assert!(matches!(ended.code, Some(0 | 4)), "{name}: {:?} {}", ended.code, ended.stderr);
    let result: landfall::result::RunResult = serde_json::from_str(&ended.stdout).expect("a result");
    for check in &result.checks {
        let void = check.verdict == Verdict::Invalid && check.seen.ends_with('s');
        assert!(check.verdict == Verdict::Pass || void, "{name}: {check:?}");
    }
    result
}

#[test]
fn a_hundred_renewals_at_once_leave_nobody_without_a_token() {
    let result = holds("renewal-storm.yaml");
    assert!(result.tokens.storms >= 50 && result.tokens.fetched >= 400, "{:?}", result.tokens);
}

#[test]
fn a_change_of_keys_is_noticed_by_nobody_and_asked_for_once() {
    let result = holds("key-rotation.yaml");
    assert_eq!(result.faults[0].injected, 1);
    assert!(result.tokens.key_fetches >= Some(2), "{:?}", result.tokens);
}

#[test]
fn a_key_that_is_withdrawn_at_once_is_felt_for_a_moment() {
    let result = holds("emergency-rotation.yaml");
    assert_eq!(result.faults[0].injected, 1);
    // All but those that have renewed their tokens since, by the clock.
    assert!(result.tokens.replaced >= 5 && result.requests.wrongly_refused == 0, "{:?}", result.tokens);
}

#[test]
fn a_provider_that_is_away_is_felt_and_harms_nobody_who_renews_early() {
    let result = holds("idp-outage.yaml");
    assert!(result.tokens.failed > 0, "{:?}", result.tokens);
}

#[test]
fn what_carries_a_token_that_has_ended_is_refused_and_does_not_land() {
    let result = holds("tokens-in-flight.yaml");
    assert!(result.requests.refused > 0 && result.requests.accepted > 0, "{:?}", result.requests);
}
