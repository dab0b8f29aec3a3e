//! The whole suite against landfall's own authorizer.

use landfall::result::{CaseOutcome, Verdict, conformance_schema};
use regex::Regex;

use crate::harness::{command, conform, ended, of, result};

#[test]
fn the_embedded_authorizer_passes_every_case_and_no_file_holds_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let ended = conform(&["--strict", "--require-all"], folder.path());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let conformance = result(folder.path());
    assert_eq!(conformance.verdict, Verdict::Pass);
    let totals = conformance.totals;
    assert!(totals.cases > 450 && totals.passed == totals.cases, "{totals:?}");
    assert!(totals.requests > totals.cases, "some cases are of several requests");
    let landed = conformance.cases.iter().flat_map(|case| &case.exchanges).filter_map(|seen| seen.landed);
    assert!(landed.sum::<u64>() > 30, "records of good tokens landed");

    let value = serde_json::to_value(&conformance).unwrap();
    let schema = jsonschema::draft202012::new(&conformance_schema()).unwrap();
    assert!(schema.is_valid(&value));
    // Three parts, the last of which is a signature.
    let token = Regex::new(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}").unwrap();
    for name in ["conformance.json", "conformance.html", "junit.xml"] {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(!token.is_match(&text), "{name} holds a token");
    }
    assert!(!token.is_match(&ended.stdout) && ended.stdout.contains("wrong on purpose"), "{}", ended.stdout);
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(junit.contains(r#"classname="conform.auth.01-alg-none" name="lower""#), "{junit}");
    assert_eq!(junit.matches("<testcase").count() as u64, totals.cases + 1);
}

/// What each provider's tokens look like decides what must be taken and what refused.
#[test]
fn tokens_of_every_provider_are_taken_and_their_spoilt_twins_refused() {
    let groups = ["auth/07", "auth/2", "auth/3", "auth/5"].map(|part| ["--only", part]).concat();
    for (profile, prefix) in [
        ("cognito", "landfall-api/"),
        ("auth0", ""),
        ("okta", ""),
        ("keycloak", ""),
        ("entra-v1", ""),
        ("entra-v2", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let scopes = ["orders", "ledger"].map(|topic| format!("{prefix}{topic}:write"));
        let sets = [
            format!("stack.idp.profile={profile}"),
            format!("partners[0].scope={}", scopes[0]),
            format!("partners[1].scope={}", scopes[1]),
        ];
        let mut arguments = vec!["--strict"];
        arguments.extend(&groups);
        arguments.extend(sets.iter().flat_map(|set| ["--set", set.as_str()]));
        let ended = conform(&arguments, folder.path());
        assert_eq!(ended.code, Some(0), "{profile}: {}{}", ended.stdout, ended.stderr);
        let conformance = result(folder.path());
        assert_eq!(conformance.profile, profile);
        assert!(conformance.totals.passed > 150, "{profile}: {:?}", conformance.totals);
    }
}

#[test]
fn cases_are_listed_without_being_tried() {
    let listed = ended(command(&["--list", "--only", "14-key-url"]).output().unwrap());
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.lines().count() > 8, "{}", listed.stdout);
    assert!(listed.stdout.lines().all(|line| line.contains("auth/14-key-url/")), "{}", listed.stdout);
}

#[test]
fn what_a_target_cannot_give_is_counted_and_no_pass_where_all_is_required() {
    let folder = tempfile::tempdir().unwrap();
    let one = [
        "--set",
        "partners=[{ name: shop, secret: generated, scope: \"orders:write\" }]",
        "--set",
        "workload=[{ partner: shop, topic: orders, format: v2-json, payload: { template: { n: 1 } }, \
         arrivals: { constant: 1/s }, for: 1s }]",
        "--only",
        "68-cache-clients",
        "--only",
        "65-header-case",
    ];
    let ended = conform(&one, folder.path());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let conformance = result(folder.path());
    let not_run = of(&conformance, CaseOutcome::NotRun);
    assert_eq!(not_run, ["auth/68-cache-clients/after-bad", "auth/68-cache-clients/after-good"]);
    assert_eq!((conformance.missing[0].need.as_str(), conformance.missing[0].cases), ("client", 2));
    assert!(ended.stdout.contains("2 not run: needs client"), "{}", ended.stdout);

    let required = conform(&[&one[..], &["--require-all"]].concat(), folder.path());
    assert_eq!(required.code, Some(4), "{}", required.stdout);
}

#[test]
fn without_a_case_nothing_is_passed() {
    let folder = tempfile::tempdir().unwrap();
    let ended = conform(&["--only", "there-is-no-such-case"], folder.path());
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("no case was tried"), "{}", ended.stdout);
}

#[test]
fn an_authorizer_that_refuses_everybody_is_not_said_to_refuse_rightly() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("conformance.json"), "of an earlier suite").unwrap();
    // The partner's token permits another topic than the one that it writes to.
    let ended = conform(&["--set", "partners[0].scope=other:write"], folder.path());
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("a good token is not accepted"), "{}", ended.stderr);
    assert!(!folder.path().join("conformance.json").exists(), "nobody takes it for this one's");
}

#[test]
fn a_scenario_without_an_authorizer_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let without = ["--set", "stack.idp=none", "--set", "stack.gateway=none"];
    let ended = conform(&without, folder.path());
    assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("there is no authorizer to try"), "{}", ended.stderr);
}
