//! Proxies in containers before a Kafka that is elsewhere: landfall's own broker or a real one, in another process, at a bridge of the
//! engine's.

use std::net::IpAddr;
use std::process::{Child, Command, Stdio};

use landfall::result::{CaseOutcome, Verdict};

use crate::alone::{beside_others, docker, end, image};
use crate::conform;
use crate::harness::{Landfall, wait_until};
use crate::secured::{self, Secured};

/// A broker in a process of its own, for as long as this lives.
struct Elsewhere {
    child: Child,
    folder: tempfile::TempDir,
}

impl Elsewhere {
    /// Starts it at this address; `kafka` is what its box says besides.
    fn start(bridge: IpAddr, kafka: &str) -> (Self, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let scenario = folder.path().join("kafka.yaml");
        let text = format!(
            "version: 1\nname: elsewhere\nstack: {{ idp: none, gateway: none, kafka: {{ {kafka} }} }}\n\
             topics: [{{ name: other }}]\npartners: [{{ name: p, secret: generated }}]\n\
             workload: [{{ partner: p, topic: other, format: v2-json, payload: {{ template: {{ n: 1 }} }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\n"
        );
        std::fs::write(&scenario, text).expect("it is written");
        let printed = folder.path().join("printed");
        let child = Command::new(env!("CARGO_BIN_EXE_landfall"))
            .arg("up")
            .arg(&scenario)
            .args(["--listen", &bridge.to_string(), "--host", &bridge.to_string(), "--reports"])
            .arg(folder.path())
            .env("KAFKA_PASSWORD", PASSWORD)
            .stdout(std::fs::File::create(&printed).expect("a file"))
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let bootstrap = || {
            let text = std::fs::read_to_string(&printed).unwrap_or_default();
            let line = text.lines().find(|line| line.trim_start().starts_with("kafka "))?.to_owned();
            text.contains("Ctrl-C").then(|| line.split_whitespace().last().map(str::to_owned))?
        };
        wait_until("the broker is up", || bootstrap().is_some());
        let bootstrap = bootstrap().expect("it is up");
        (Self { child, folder }, bootstrap)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.folder.path();
    }
}

const PASSWORD: &str = "a password";

/// A network of the engine's, for as long as this lives: this machine has an address in it that containers reach, and nobody else
/// does.
struct Bridge {
    id: String,
    address: IpAddr,
}

impl Bridge {
    fn new() -> Self {
        // Tests run at the same time.
        let name = format!("landfall-test-elsewhere-{}", uuid::Uuid::new_v4().simple());
        let id = docker(&["network", "create", &name]).trim().to_owned();
        let told = docker(&["network", "inspect", &id, "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
        let address = told.trim().parse().expect("this machine has an address in it");
        Self { id, address }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // A test that fails may have left containers in it.
        let _ = std::process::Command::new("docker").args(["network", "rm", &self.id]).output();
    }
}

/// The quickstart with two proxies in containers before the Kafka at `bootstrap`.
fn before(bootstrap: &str, host: IpAddr, more: &str) -> Landfall {
    Landfall::short_quickstart()
        .set(&format!("stack.proxy={{kind: container, adapter: landfall, image: \"{}\"}}", image("landfall")))
        .set("stack.images={pull: never}")
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{bootstrap}\", {more}}}"))
        .set(&format!("allow_hosts=[\"{host}\"]"))
        .set("budget={requests: 10000, rate: 100/s, duration: 1m}")
        .set("stop_on={5xx: 100%}")
}

#[test]
fn records_land_in_a_kafka_elsewhere() {
    let Some(_right) = beside_others() else { return };
    let network = Bridge::new();
    let bridge = network.address;
    for (kafka, more) in [
        ("port: 0", "create_topics: true"),
        (
            "port: 0, sasl: { mechanism: plain, username: u, password: { env: KAFKA_PASSWORD } }",
            "properties: {security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: u, \
             sasl.password: {env: KAFKA_PASSWORD}}, create_topics: true, delete_topics: created",
        ),
    ] {
        let (_kafka, bootstrap) = Elsewhere::start(bridge, kafka);
        let ended = end(before(&bootstrap, bridge, more).env("KAFKA_PASSWORD", PASSWORD));
        let result = ended.result();
        let shown = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{shown}");
        assert_eq!((result.records.landed, result.findings.len()), (500, 0), "{shown}");
        let noted = |words: &str| result.notes.iter().any(|note| note.contains(words));
        let said = if more.contains("delete") {
            "were deleted: `quakes`"
        } else {
            "the topics `quakes`, and they stay"
        };
        assert!(noted(said) && noted("the topic `landfall-ready`"), "{:?}", result.notes);
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
}

#[test]
fn records_land_in_a_real_kafka_elsewhere_over_sasl_ssl() {
    let Some(_right) = beside_others() else { return };
    let network = Bridge::new();
    let host = network.address;
    let Some(secured) = Secured::start(&host.to_string()) else { return };
    let authority = secured.authorities.path().join("ca.pem");
    let properties = |mechanism: &str| {
        format!(
            "properties: {{security.protocol: SASL_SSL, sasl.mechanism: {mechanism}, sasl.username: landfall, \
             sasl.password: {{env: KAFKA_PASSWORD}}, ssl.ca.location: \"{}\"}}, create_topics: true, \
             delete_topics: created",
            authority.display()
        )
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let [good, ..] = secured.ports;
        let landfall = before(&format!("{host}:{good}"), host, &properties(mechanism));
        let ended = end(landfall.env("KAFKA_PASSWORD", secured::PASSWORD));
        let result = ended.result();
        let shown = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{mechanism}: {shown}");
        assert_eq!((result.records.landed, result.findings.len()), (500, 0), "{mechanism}: {shown}");
        assert!(!shown.contains(secured::PASSWORD), "{shown}");
    }
}

#[test]
fn without_topics_of_their_own_proxies_are_asked_by_http() {
    let Some(_right) = beside_others() else { return };
    let network = Bridge::new();
    let bridge = network.address;
    let (_kafka, bootstrap) = Elsewhere::start(bridge, "port: 0");
    let landfall = before(&bootstrap, bridge, "create_topics: false")
        .set("topics=[{name: other}]")
        .set("workload[0].topic=other")
        .set("workload[1].topic=other")
        .set("partners[0].scope=\"other:write\"");
    let ended = end(landfall);
    let result = ended.result();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(result.notes.iter().any(|note| note.contains("asked by HTTP")), "{:?}", result.notes);
}

#[test]
fn the_suite_makes_its_own_topics_and_no_others() {
    let Some(_right) = beside_others() else { return };
    let network = Bridge::new();
    let bridge = network.address;
    let (_kafka, bootstrap) = Elsewhere::start(bridge, "port: 0");
    let hosts = format!("allow_hosts=[\"{bridge}\"]");
    for (more, code, made) in [
        ("create_topics: true, delete_topics: created", 0, true),
        // The topic that runs have in common is there by now.
        ("create_topics: true", 0, false),
        ("create_topics: false", 2, false),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let kafka = format!("stack.kafka={{kind: external, bootstrap: \"{bootstrap}\", {more}}}");
        let sets = [kafka.as_str(), &hosts, "stack.proxy.replicas=1"];
        let options = ["--filter", "v2.produce.json.null-value"];
        let (output, told) = conform::end(&mut conform::command(&sets, &options, folder.path()));
        assert_eq!(output.status.code(), Some(code), "{more}: {told}");
        if code == 2 {
            assert!(told.contains("the suite makes topics in the Kafka"), "{told}");
            continue;
        }
        let result = conform::result(folder.path());
        assert!(result.cases.iter().all(|case| case.outcome == CaseOutcome::Passed), "{told}");
        let noted = |words: &str| result.notes.iter().any(|note| note.contains(words));
        assert_eq!(noted("the topic `landfall-ready`"), made, "{:?}", result.notes);
        assert!(!noted("quakes"), "{:?}", result.notes);
    }
}
