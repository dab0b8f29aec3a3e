//! What people get wrong: each mistake gives one clear message, the right exit code, and leaves nothing behind.

use std::net::TcpListener;
use std::path::Path;

use crate::harness::{Ended, Landfall, ScenarioFile, repository};

/// Exit code, one line on standard error that holds all of `words`, and no report.
fn told(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "`{word}` is not in: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
    assert!(ended.result.is_none());
    let left = std::fs::read_dir(ended.reports.path()).map_or(0, Iterator::count);
    assert_eq!(left, 0, "something was left in the reports folder");
}

#[test]
fn scenario_files_that_cannot_be_read() {
    told(&Landfall::run(Path::new("no/such/file.yaml")).end(), 2, &["no/such/file.yaml"]);
    told(&Landfall::run(&repository("scenarios")).end(), 2, &["scenarios"]);
    told(&Landfall::run(&ScenarioFile::new("").path()).end(), 2, &["scenario.yaml"]);
    let binary = ScenarioFile::new("").with("scenario.yaml", b"\x7fELF\x00\x01\xff\xfe");
    told(&Landfall::run(&binary.path()).end(), 2, &["scenario.yaml"]);
    told(&Landfall::run(&ScenarioFile::new("a: [1\nb: }").path()).end(), 2, &["scenario.yaml:2:"]);
}

#[test]
fn fields_and_values_that_are_not_known() {
    told(&Landfall::short_quickstart().set("version=99").end(), 2, &["--set version", "99"]);
    told(&Landfall::short_quickstart().set("workload[0].conections=8").end(), 2, &["connections"]);
    let text =
        std::fs::read_to_string(repository("scenarios/quickstart.yaml")).expect("the quickstart is there");
    let typo = ScenarioFile::new(&text.replace("replicas: 2", "replica: 2"));
    let ended = Landfall::run(&typo.path()).end();
    told(&ended, 2, &["scenario.yaml:", "stack.proxy.replica", "`replicas`"]);
}

#[test]
fn payload_files() {
    told(
        &Landfall::short_quickstart().set("workload[0].payload.file=missing.ndjson").end(),
        2,
        &["missing.ndjson"],
    );
    let broken = ScenarioFile::new("").with("broken.ndjson", b"{\"a\":1}\n{\"a\":1}\n{\"a\":}\n");
    let file = broken.path().with_file_name("broken.ndjson");
    let ended = Landfall::short_quickstart()
        .set(&format!("workload[0].payload={{file: \"{}\"}}", file.display()))
        .end();
    told(&ended, 2, &["broken.ndjson", "line 3 is not JSON"]);
    let scalar = ScenarioFile::new("").with("scalar.ndjson", b"{\"a\":1}\n17\n");
    let file = scalar.path().with_file_name("scalar.ndjson");
    let ended = Landfall::short_quickstart()
        .set(&format!("workload[0].payload={{file: \"{}\"}}", file.display()))
        .end();
    told(&ended, 2, &["line 2 is not a JSON object", "identity: key"]);
}

#[test]
fn a_busy_port() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it has an address").port();
    for (part, name) in
        [("idp", "identity provider"), ("gateway", "gateway"), ("proxy", "balancer"), ("kafka", "broker")]
    {
        let ended = Landfall::short_quickstart().set(&format!("stack.{part}.port={port}")).end();
        told(&ended, 3, &[&format!("127.0.0.1:{port}"), name, "choose another port"]);
    }
}

#[test]
fn hosts_that_cannot_be_reached_or_are_not_allowed() {
    // A port that was free a moment ago: nothing listens there.
    let free =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it has an address");
    let proxy = Landfall::short_quickstart()
        .set(&format!("stack.proxy={{kind: external, url: \"http://{free}\"}}"))
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{free}\"}}"))
        .end();
    told(&proxy, 3, &["Kafka at", &free.to_string(), "cannot be used"]);
    let url = format!("stack.proxy={{kind: external, url: \"http://{free}\"}}");
    let kafka_port =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
    let proxy = Landfall::short_quickstart().set(&url).set(&format!("stack.kafka.port={kafka_port}")).end();
    told(&proxy, 3, &["the proxy at", "does not answer"]);
    let foreign = Landfall::short_quickstart()
        .set("stack.proxy={kind: external, url: \"http://proxy.example:8082\"}")
        .set("stack.kafka.port=19092")
        .end();
    told(&foreign, 2, &["proxy.example", "allow_hosts"]);
}

#[test]
fn secrets_that_are_not_there() {
    let ended = Landfall::short_quickstart().set("partners[0].secret={env: LANDFALL_NOT_SET}").end();
    told(&ended, 2, &["secret of partner `seismic`", "LANDFALL_NOT_SET"]);
}

#[test]
fn reports_that_cannot_be_written_are_told_before_anything_is_sent() {
    let file = ScenarioFile::new("in the way");
    let ended = Landfall::new("validate", &repository("scenarios/quickstart.yaml")).end();
    assert_eq!(ended.code, Some(0));
    let mut call = std::process::Command::new(env!("CARGO_BIN_EXE_landfall"));
    let scenario = repository("scenarios/quickstart.yaml");
    let output =
        call.arg("run").arg(scenario).arg("--reports").arg(file.path()).output().expect("the binary runs");
    let stderr = String::from_utf8(output.stderr).expect("output is UTF-8");
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
    assert!(stderr.contains("cannot write reports to") && stderr.contains("--reports"), "{stderr}");
}

#[test]
fn run_ids_and_options() {
    told(&Landfall::short_quickstart().args(&["--run-id", "a.b"]).end(), 2, &["`a.b` cannot name a run"]);
    told(
        &Landfall::short_quickstart().args(&["--json", "/no/such/folder/x"]).end(),
        2,
        &["no such folder", "--json"],
    );
    let unknown = Landfall::short_quickstart().args(&["--jsn"]).end();
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("--json"), "{}", unknown.stderr);
}

#[test]
fn a_scope_that_no_partner_may_ask_for() {
    // One word of it has a character that no scope may have (RFC 6749, section 3.3). The IdP would give no token,
    // and a partner that must be refused would pass for another reason than the one under test.
    for partner in 0..2 {
        let scope = format!("partners[{partner}].scope");
        let ended = Landfall::short_quickstart().set(&format!("{scope}='quakes:write \"x\"'")).end();
        told(&ended, 2, &[&format!("--set {scope}: must be words of printable ASCII characters")]);
    }
}

#[test]
fn validate_says_valid_or_what_is_wrong() {
    let valid = Landfall::new("validate", &repository("scenarios/quickstart.yaml")).end();
    assert_eq!((valid.code, valid.stdout.contains("valid; scenario `quickstart`")), (Some(0), true));
    let wrong = Landfall::new("validate", &repository("scenarios/quickstart.yaml")).set("seed=x").end();
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("--set seed"), "{}", wrong.stderr);
}
