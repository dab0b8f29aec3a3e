//! `landfall conform rest` against proxies, Kafka and a schema registry in containers.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use landfall::result::{CaseOutcome, Conformance, Verdict};

use crate::alone::{beside_others, docker, image, left_by};
use crate::harness::{repository, wait_until};

/// The suite against landfall's own image, with these changes to the scenario and these options.
pub(crate) fn command(sets: &[&str], options: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command.args(["conform", "rest", "--provider", "container"]);
    let images = [
        "stack.images.pull=never".to_owned(),
        format!("stack.kafka.image={}", image("kafka")),
        "stack.proxy.adapter=landfall".to_owned(),
        format!("stack.proxy.image={}", image("landfall")),
    ];
    for set in images.iter().map(String::as_str).chain(sets.iter().copied()) {
        command.args(["--set", set]);
    }
    command.args(options).arg("--out").arg(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end, and makes sure that it has left nothing in the engine.
pub(crate) fn end(command: &mut Command) -> (Output, String) {
    let child = command.spawn().expect("the binary runs");
    let pid = child.id();
    let output = child.wait_with_output().expect("it ends");
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(left_by(pid), Vec::<String>::new(), "{told}");
    (output, told)
}

pub(crate) fn result(folder: &Path) -> Conformance {
    let text = std::fs::read_to_string(folder.join("conformance.json")).expect("there is a result");
    serde_json::from_str(&text).expect("it is one")
}

fn of(result: &Conformance, outcome: CaseOutcome) -> Vec<&str> {
    result.cases.iter().filter(|case| case.outcome == outcome).map(|case| case.id.as_str()).collect()
}

/// Some tens of cases and procedures, with what is done to the boxes by hand.
const SOME: [&str; 16] = [
    "--filter",
    "v2.produce.json",
    "--filter",
    "v2.partition",
    "--filter",
    "v3.produce",
    "--filter",
    "two-replicas",
    "--filter",
    "topic-of-another",
    "--filter",
    "stopped-in-hand",
    "--filter",
    "broker-returns",
    "--filter",
    "record-too-large.alone",
];

#[test]
fn landfalls_own_image_is_what_its_profile_says() {
    let Some(_right) = beside_others() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (output, told) = end(&mut command(&[], &SOME, folder.path()));
    let result = result(folder.path());
    assert_eq!(of(&result, CaseOutcome::Failed), Vec::<&str>::new(), "{told}");
    assert_eq!((output.status.code(), result.verdict), (Some(0), Verdict::Pass), "{told}");
    assert_eq!(result.profile, "landfall@7.9.9");
    assert!(result.totals.passed > 30, "{told}");
    let boxes: Vec<&str> = result.boxes.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(boxes, ["proxy-1", "proxy-2", "kafka-1"]);
    let page = std::fs::read_to_string(folder.path().join("conformance.html")).expect("a page");
    let junit = std::fs::read_to_string(folder.path().join("junit.xml")).expect("JUnit's file");
    for part in &result.boxes {
        let container = part.container.as_ref().expect("it says what it was started from");
        for text in [&page, &junit] {
            assert!(text.contains(&container.image_id), "{} is not in {text}", container.image_id);
        }
    }
}

#[test]
fn a_foreign_adapter_is_judged_by_the_profile_that_it_names() {
    let Some(_right) = beside_others() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // The adapter that ships, with another profile, which lies beside it.
    let text = std::fs::read_to_string(repository("fixtures/adapters/landfall.yaml")).expect("it ships");
    let text = text.replace("profile: landfall@{release}", "profile: strict.yaml");
    std::fs::write(folder.path().join("ours.yaml"), text).expect("it is written");
    let profile = "name: strict\nextends: confluent\ndeviations:\n  - case: rest/v2.produce.json.null-value\n    expect: \
                   { evidence: recorded, status: 418 }\n    reason: to see that it is used\n";
    std::fs::write(folder.path().join("strict.yaml"), profile).expect("it is written");
    let adapter = format!("stack.proxy.adapter={}", folder.path().join("ours.yaml").display());
    let options = ["--filter", "v2.produce.json.null-value", "--strict"];
    let (output, told) =
        end(&mut command(&[&adapter, "stack.proxy.replicas=1"], &options, &folder.path().join("out")));
    // What the profile says does not show.
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("unexpected pass"), "{told}");
    assert!(result(&folder.path().join("out")).profile.ends_with("strict.yaml"), "{told}");
}

#[test]
fn schemas_are_kept_by_a_registry_in_a_container() {
    let Some(_right) = beside_others() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let registry = format!("stack.proxy.registry={{adapter: landfall, image: \"{}\"}}", image("landfall"));
    let options = ["--filter", "schema", "--filter", "avro", "--filter", "protobuf"];
    let (output, told) = end(&mut command(&[&registry, "stack.proxy.replicas=1"], &options, folder.path()));
    let result = result(folder.path());
    assert_eq!(of(&result, CaseOutcome::Failed), Vec::<&str>::new(), "{told}");
    assert_eq!(output.status.code(), Some(0), "{told}");
    let boxes: Vec<&str> = result.boxes.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(boxes, ["proxy-1", "registry", "kafka-1"]);
    assert!(result.totals.passed >= 10, "{told}");
    // Those that need none are for a path without.
    let missing: Vec<&str> = result.missing.iter().map(|missing| missing.need.as_str()).collect();
    assert!(missing.contains(&"no_registry") && !missing.contains(&"registry"), "{missing:?}");
}

#[test]
fn a_registry_may_keep_schemas_and_nothing_else() {
    let Some(_right) = beside_others() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let adapter = repository("tests/containers/registry.yaml");
    let registry = format!("stack.proxy.registry={{adapter: \"{}\"}}", adapter.display());
    let options = ["--filter", "disc.root.get"];
    let (output, told) = end(&mut command(&[&registry, "stack.proxy.replicas=1"], &options, folder.path()));
    assert_eq!(output.status.code(), Some(0), "{told}");
    let log = std::fs::read_to_string(folder.path().join("logs/registry.log")).expect("it has a log");
    assert!(log.contains("Created topic _schemas.") && !log.contains("Created topic other."), "{log}");
    assert!(log.contains("Processed a total of 1 messages"), "{log}");
    assert!(log.contains("Not authorized to access topics: [landfall-ready]"), "{log}");
}

#[test]
fn a_box_that_ends_by_itself_is_no_pass() {
    let Some(_right) = beside_others() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let registry = format!("stack.proxy.registry={{adapter: landfall, image: \"{}\"}}", image("landfall"));
    let options = ["--filter", "disc.root.get"];
    let child = command(&[&registry, "stack.proxy.replicas=1"], &options, folder.path()).spawn();
    let child = child.expect("the binary runs");
    let named = |name: &str| {
        let all = left_by(child.id());
        all.iter()
            .find(|line| line.ends_with(name))
            .and_then(|line| line.split_whitespace().last().map(str::to_owned))
    };
    // The registry could be used before the proxy was made, and nobody asks it for anything.
    wait_until("the proxy is made", || named("-proxy-1").is_some());
    docker(&["kill", &named("-registry").expect("it runs")]);
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stdout);
    let result = result(folder.path());
    assert_eq!(of(&result, CaseOutcome::Failed), Vec::<&str>::new(), "{told}");
    assert_eq!(result.verdict, Verdict::Inconclusive, "{told}");
    let said = "the container of registry has ended by itself (exit code 137)";
    assert!(result.reasons.iter().any(|reason| reason == said), "{:?}", result.reasons);
    let registry = result.boxes.iter().find(|part| part.name == "registry").expect("it is a box");
    let ended = registry.container.as_ref().and_then(|container| container.ended.clone());
    assert_eq!(ended.as_deref(), Some("exit code 137"));
}

#[test]
fn a_signal_leaves_nothing() {
    let Some(_right) = beside_others() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let child = command(&[], &[], folder.path()).spawn().expect("the binary runs");
    let pid = child.id();
    wait_until("a container of it runs", || left_by(pid).len() > 1);
    let killed = Command::new("kill").args(["-TERM", &pid.to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), left_by(pid)), (Some(143), Vec::new()), "{told}");
    assert!(told.contains("stopped by SIGTERM"), "{told}");
}

#[test]
fn what_is_no_proxy_in_a_container_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = repository("scenarios/quickstart.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args(["conform", "rest", "--stack"])
        .arg(scenario)
        .arg("--out")
        .arg(folder.path())
        .output()
        .expect("the binary runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("the proxy of the scenario `quickstart` is none in containers"), "{told}");
}
