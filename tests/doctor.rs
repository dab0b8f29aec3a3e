//! `landfall doctor`: what it says of a machine and a scenario, and with which exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

const REST: &str = "topics: [{ name: t }]\n\
    workload: [{ partner: p, topic: t, format: v2-json, payload: { template: { n: { $sequence: {} } } }, \
    arrivals: { constant: 1/s }, for: 1s, connections: 8 }]\n";

/// landfall's doctor with an engine that is not there, so that every machine is alike.
fn doctor(folder: &Path, scenario: Option<&str>, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command
        .arg("doctor")
        .env("DOCKER_HOST", folder.join("none.sock"))
        .arg("--reports")
        .arg(folder.join("reports"));
    if let Some(scenario) = scenario {
        let file = folder.join("scenario.yaml");
        std::fs::write(&file, format!("version: 1\nname: x\n{REST}{scenario}")).unwrap();
        command.arg(file);
    }
    command.args(more).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How the subject is, and what is said of it.
fn check(report: &Value, subject: &str) -> (String, String) {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["subject"] == subject);
    let found = found.unwrap_or_else(|| panic!("{subject} is not in {report:#}"));
    let text = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
    (text("health"), format!("{} → {}", text("says"), text("remedy")))
}

#[test]
fn what_a_scenario_without_containers_needs_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = "partners: [{ name: p, secret: generated }]\n";
    let output = doctor(folder.path(), Some(scenario), &["--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(check(&report, "engine").0, "warning");
    assert_eq!(check(&report, "descriptors").0, "ok");
    assert_eq!(check(&report, "ports"), ("ok".into(), "the system chooses all ports → ".into()));
    assert!(!folder.path().join("reports").exists(), "nothing is made");
    // The same for people.
    let text = String::from_utf8(doctor(folder.path(), Some(scenario), &[]).stdout).unwrap();
    assert!(text.contains("warning  engine") && text.contains("→ for these, start Docker"), "{text}");
    assert_eq!(doctor(folder.path(), None, &[]).status.code(), Some(0));
}

#[test]
fn a_port_that_is_taken_and_an_engine_that_is_needed_fail() {
    let folder = tempfile::tempdir().unwrap();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let partners = "partners: [{ name: p, secret: generated }]\n";
    let taken = doctor(
        folder.path(),
        Some(&format!("{partners}stack: {{ gateway: {{ port: {port} }} }}\n")),
        &["--json"],
    );
    assert_eq!(taken.status.code(), Some(3));
    let (health, says) = check(&json(&taken), "ports");
    assert!(
        health == "failure" && says.contains(&format!("port {port} of 127.0.0.1 for the gateway is taken")),
        "{says}"
    );

    let needed = doctor(folder.path(), Some(partners), &["--json", "--provider", "container"]);
    assert_eq!(needed.status.code(), Some(3));
    let (health, says) = check(&json(&needed), "engine");
    assert!(health == "failure" && says.contains("no container engine answers"), "{says}");

    assert_eq!(doctor(folder.path(), Some("partners: nobody\n"), &[]).status.code(), Some(2));
    assert_eq!(doctor(folder.path(), None, &["--provider", "container"]).status.code(), Some(2));
}

#[test]
fn clocks_of_others_are_asked_once_each_and_compared() {
    clock_of("the proxy", "/", |url| format!("gateway: none, proxy: {{ kind: external, url: \"{url}\" }}"));
    clock_of("the gateway", "/prod", |url| format!("gateway: {{ kind: external, url: \"{url}/prod\" }}"));
}

fn clock_of(part: &str, path: &str, stack: impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}");
    let asked = Arc::new(AtomicBool::new(false));
    let noted = asked.clone();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        noted.store(true, Ordering::SeqCst);
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap();
        stream
            .write_all(
                b"HTTP/1.1 404 Not Found\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\
                  connection: close\r\n\r\n",
            )
            .ok();
        listener.set_nonblocking(true).unwrap();
        (String::from_utf8_lossy(&request[..length]).into_owned(), listener)
    });
    let scenario = format!(
        "partners: [{{ name: p, secret: {{ env: HOME }} }}]\nstack: {{ idp: none, {}, \
         kafka: {{ kind: external, bootstrap: \"127.0.0.1:1\" }} }}\n",
        stack(&url)
    );
    let output = doctor(folder.path(), Some(&scenario), &["--json"]);
    // Where nobody asked, this ends the wait, with an empty request.
    if !asked.load(Ordering::SeqCst) {
        drop(TcpStream::connect(address));
    }
    let (request, listener) = server.join().unwrap();
    assert!(request.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{request}");
    assert!(listener.accept().is_err(), "a second request came");
    let report = json(&output);
    let (health, says) = check(&report, &format!("clock of {part}"));
    assert!(health == "failure" && says.contains("s behind this machine's"), "{report:#}");
    assert_eq!(output.status.code(), Some(3));
}
