//! What the suite says of an authorizer that makes a mistake.

use std::process::Stdio;

use landfall::result::{CaseOutcome, Selftest};

use crate::harness::{command, conform, ended, of, result};

#[test]
fn a_mistake_is_found_by_the_cases_that_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let only = ["--only", "01-alg-none", "--only", "24-issuer", "--only", "65-header"];
    let ended = conform(&[&["--weak", "accepts-none"], &only[..]].concat(), folder.path());
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let conformance = result(folder.path());
    let failed = of(&conformance, CaseOutcome::Failed);
    assert!(failed.contains(&"auth/01-alg-none/lower"), "{failed:?}");
    assert!(failed.iter().all(|id| id.starts_with("auth/01-")), "{failed:?}");
    let case = conformance.cases.iter().find(|case| case.id == "auth/01-alg-none/lower").unwrap();
    assert_eq!(case.exchanges[0].landed, Some(1), "its record is in the topic");
    assert!(conformance.flaw.as_deref().is_some_and(|flaw| flaw.starts_with("accepts-none")));
    assert!(ended.stdout.contains("had to be refused, and was accepted"), "{}", ended.stdout);
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert_eq!(junit.matches("<failure").count(), failed.len());
}

/// By the claims that a profile says only people's tokens have.
#[test]
fn who_lets_people_in_is_found_by_the_marks_of_the_providers_tokens() {
    for (profile, scope, variant) in
        [("okta", "orders:write", "with-uid"), ("cognito", "landfall-api/orders:write", "with-username")]
    {
        let folder = tempfile::tempdir().unwrap();
        let profile = format!("stack.idp.profile={profile}");
        let scope = format!("partners[0].scope={scope}");
        let sets = ["--set", &profile, "--set", &scope, "--only", "54-user-token"];
        let id = format!("auth/54-user-token/{variant}");
        let ended = conform(&[&["--strict"], &sets[..]].concat(), folder.path());
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        let passed = of(&result(folder.path()), CaseOutcome::Passed).contains(&id.as_str());
        assert!(passed, "{id} is not among those that passed");
        let ended = conform(&[&["--weak", "takes-user-tokens"], &sets[..]].concat(), folder.path());
        assert_eq!(ended.code, Some(0), "a warning: {}{}", ended.stdout, ended.stderr);
        let warned = of(&result(folder.path()), CaseOutcome::Warned).contains(&id.as_str());
        assert!(warned, "{id} is not found");
    }
}

#[test]
fn who_is_called_from_a_token_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let ended = conform(&["--weak", "trusts-jku", "--only", "14-key-url"], folder.path());
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("the target called out to where the token pointed"), "{}", ended.stdout);
}

#[test]
fn an_unknown_mistake_is_named_with_those_that_there_are() {
    let ended = ended(command(&["--weak", "accepts-nothing"]).output().unwrap());
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("accepts-none"), "{}", ended.stderr);
}

#[test]
fn the_self_test_shows_mistakes_beside_the_authorizer_as_it_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_landfall"));
    let names = ["accepts-none", "last-claim-wins", "any-scheme"];
    let flaws = [&["selftest"], &names[..], &["--healthy", "0", "--out"]].concat();
    let ended = ended(command.args(flaws).arg(folder.path()).output().unwrap());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let text = std::fs::read_to_string(folder.path().join("selftest.json")).unwrap();
    let matrix: Selftest = serde_json::from_str(&text).unwrap();
    let rows: Vec<&str> = matrix.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(rows, [&["authorizer as it should be"], &names[..]].concat(), "none, and then in this order");
    let detector = matrix.detectors.iter().find(|detector| detector.name == "conform.auth").unwrap();
    assert_eq!(detector.justified_by.len(), 3);
}

#[cfg(unix)]
#[test]
fn a_suite_that_is_interrupted_leaves_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let child =
        command(&["--out"]).arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    // A signal before it listens ends it at once, by the signal itself.
    let listens = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
        u64::from_str_radix(caught.trim(), 16).is_ok_and(|caught| caught & 0b10 != 0)
    };
    while !listens() {
        std::thread::yield_now();
    }
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ended = ended(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{}{}", ended.stdout, ended.stderr);
    assert!(!folder.path().join("conformance.json").exists());
}
