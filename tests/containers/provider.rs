//! Identity providers that nobody here wrote, in a container: their tokens pass the authorizer, and a stranger's do not.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output};

use landfall::result::Verdict;

use crate::alone::{beside_others, docker, end, left_by};
use crate::harness::{Landfall, file_in, repository};

#[test]
fn mock_oauth2_server_serves_a_run() {
    let Some(_right) = beside_others() else { return };
    let landfall = Landfall::short_quickstart()
        .set("stack.idp={kind: container, image: landfall-test/mock-oauth2}")
        .set("stack.images={pull: never}");
    let ended = end(landfall);
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}{}", ended.stdout, ended.stderr);
    assert_eq!((result.requests.accepted, result.requests.refused), (50, 20), "{}", ended.stdout);
    let idp = &result.boxes[0];
    assert_eq!((idp.name.as_str(), idp.kind.as_str()), ("idp", "container"));
    assert!(idp.endpoint.as_ref().is_some_and(|issuer| issuer.ends_with("/partners")), "{idp:?}");
}

const KEYCLOAK: &str =
    "stack.idp={kind: container, adapter: keycloak, image: landfall-test/keycloak, token_life: 10s}";

#[test]
fn keycloak_serves_a_run_and_its_tokens_are_renewed() {
    let Some(_right) = beside_others() else { return };
    let landfall = Landfall::short_quickstart()
        .set(KEYCLOAK)
        .set("stack.images={pull: never}")
        .set("partners[1].auth=private-key-jwt")
        .set("partners[1].secret=null")
        .set("partners[1].key=generated")
        .set("workload[0].for=15s");
    let ended = end(landfall);
    let result = ended.result();
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{shown}");
    assert_eq!((result.requests.accepted, result.requests.refused), (750, 20), "{shown}");
    assert!(result.findings.is_empty(), "{shown}");
    // One each before the load, and the first partner's again while it goes on.
    assert!(result.tokens.fetched > 2 && result.tokens.failed == 0, "{:?}", result.tokens);
    let idp = &result.boxes[0];
    assert_eq!((idp.name.as_str(), idp.kind.as_str()), ("idp", "container"));
    assert!(idp.endpoint.as_ref().is_some_and(|issuer| issuer.ends_with("/realms/partners")), "{idp:?}");
    println!("Keycloak could be used after {} ms", idp.start_us / 1000);
    assert!(idp.start_us > 1_000_000, "it says how long it took: {} us", idp.start_us);
    assert!(idp.container.as_ref().is_some_and(|container| container.telemetry.is_some()), "{idp:?}");
}

/// `landfall token fetch` with this secret.
fn fetch(issuer: &str, secret: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command.args(["token", "fetch", "--issuer", issuer, "--client-id", "seismic", "--scope", "quakes:write"]);
    command.args(["--secret-env", "SECRET"]).env("SECRET", secret).output().expect("the binary runs")
}

#[test]
fn keycloak_gives_nothing_for_a_wrong_secret_and_tells_nobody_the_right_one() {
    const SECRET: &str = "f3a9c1d2-right-7b1e";
    let Some(_right) = beside_others() else { return };
    let mut started = Landfall::new("up", &repository("scenarios/quickstart.yaml"))
        .set(KEYCLOAK)
        .set("stack.images={pull: never}")
        .set("partners[0].secret={env: SEISMIC}")
        .env("SEISMIC", SECRET)
        .start();
    let stdout = started.child().stdout.take().expect("standard output is piped");
    let lines = BufReader::new(stdout).lines().map(|line| line.expect("output is UTF-8"));
    let printed: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let printed = printed.join("\n");
    let issuer = printed.split_whitespace().find(|word| word.ends_with("/realms/partners"));
    let issuer = issuer.unwrap_or_else(|| panic!("no issuer in {printed}"));

    let right = fetch(issuer, SECRET);
    assert_eq!(right.status.code(), Some(0), "{}", String::from_utf8_lossy(&right.stderr));
    let wrong = fetch(issuer, "f3a9c1d2-wrong-7b1e");
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.stdout.is_empty() && wrong.status.code() != Some(0), "{said}");
    assert!(said.contains("refuses a token to client `seismic`"), "{said}");

    let pid = started.child().id();
    let left = left_by(pid);
    let container = left.iter().find_map(|line| line.split_whitespace().find(|word| word.ends_with("-idp")));
    let known = docker(&["inspect", container.unwrap_or_else(|| panic!("no container in {left:?}"))]);
    assert!(!known.contains(SECRET), "{known}");
    let log = file_in(started.reports(), "logs/idp.log").expect("what it prints is kept");
    assert!(!std::fs::read_to_string(log).expect("it can be read").contains(SECRET));
    started.signal("TERM");
    let ended = started.end();
    assert_eq!((ended.code, left_by(pid)), (Some(143), Vec::new()), "{}", ended.stderr);
    assert!(!format!("{printed}{}", ended.stderr).contains(SECRET), "{printed}{}", ended.stderr);
}
