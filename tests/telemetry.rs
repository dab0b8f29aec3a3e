//! What results say of boxes in containers: what they used, what limited them, how they ended. The images are
//! `landfall-test/kafka` and, for the proxies, `landfall-test/landfall`;
//! `fixtures/images/build` makes them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

const KAFKA: &str = "landfall-test/kafka";
const PROXY: &str = "landfall-test/landfall";

/// Whether `LANDFALL_TEST_IMAGES` says that there is an engine with the images.
fn engine() -> bool {
    if std::env::var_os("LANDFALL_TEST_IMAGES").is_some() {
        return true;
    }
    let missing = "LANDFALL_TEST_IMAGES is not set";
    assert!(
        std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_none(),
        "LANDFALL_REQUIRE_TOOLS is set, and {missing}"
    );
    println!("did not run: {missing}");
    false
}

/// Runs the quickstart with Kafka and one proxy in containers. Gives how that ended, and the result.
fn run(more: &[&str]) -> (Output, Value) {
    let folder = tempfile::tempdir().unwrap();
    let scenario = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command.arg("run").arg(scenario).args(["--provider", "container", "--run-id", "r", "--reports"]);
    command.arg(folder.path());
    let common = [
        format!("stack.kafka.image={KAFKA}"),
        "stack.images.pull=never".to_owned(),
        "stack.proxy.adapter=landfall".to_owned(),
        format!("stack.proxy.image={PROXY}"),
        "stack.proxy.replicas=1".to_owned(),
        "grace=1s".to_owned(),
        "workload[0].for=4s".to_owned(),
        "workload[1].for=4s".to_owned(),
        "workload[0].arrivals.constant=50/s".to_owned(),
    ];
    for set in common.iter().map(String::as_str).chain(more.iter().copied()) {
        command.args(["--set", set]);
    }
    let output = command.output().unwrap();
    let result = std::fs::read(folder.path().join("r/result.json")).ok();
    (output, result.map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default())
}

fn container<'r>(result: &'r Value, name: &str) -> &'r Value {
    let boxes = result["boxes"].as_array().unwrap();
    &boxes.iter().find(|part| part["name"] == name).unwrap()["container"]
}

#[test]
fn what_containers_use_is_told_and_checked() {
    if !engine() {
        return;
    }
    let checks = "checks=[records.lost == 0, proxy.rss.max < 4GiB, proxy.restarts == 0, kafka.threads.max > 5, \
                  proxy.cpu.throttled <= 100%, proxy.rss.slope < 1MiB/min]";
    let (output, result) = run(&["stack.proxy.cpus=0.5", "stack.proxy.memory=512MiB", checks]);
    let said = String::from_utf8_lossy(&output.stderr);
    for (name, cpus) in [("proxy-1", 0.5), ("kafka-1", 0.0)] {
        let container = container(&result, name);
        let telemetry = &container["telemetry"];
        assert_eq!(telemetry["source"], "kernel", "{said} {telemetry:#}");
        if cpus > 0.0 {
            assert_eq!(telemetry["cpus"], cpus);
        }
        let seconds = &telemetry["seconds"];
        let rows = seconds["at_ms"].as_array().unwrap().len();
        assert!(rows >= 4, "{rows}");
        for column in ["ran", "cpu_us", "throttled_us", "rss_bytes", "memory_bytes", "threads", "restarts"] {
            assert_eq!(seconds[column].as_array().unwrap().len(), rows, "{column}");
        }
        assert!(seconds["cpu_us"][0].is_null(), "what was used before the load began is not its own");
        let figures = &telemetry["figures"];
        for figure in ["cpu_mean", "cpu_max", "rss_max_bytes", "memory_max_bytes", "threads_max"] {
            assert!(figures[figure].as_f64().unwrap() > 0.0, "{figure}: {figures:#}");
        }
        assert!(figures["cpu_max"].as_f64().unwrap() < 1.6, "{figures:#}");
        assert_eq!((&container["ended"], &container["log_end"]), (&Value::Null, &Value::Null));
    }
    let verdict = |name: &str| {
        let checks = result["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    for name in ["proxy.rss.max", "proxy.restarts", "kafka.threads.max", "proxy.cpu.throttled"] {
        assert_eq!(verdict(name), "pass", "{name}");
    }
    // Four seconds tell nothing of a trend.
    assert_eq!((verdict("proxy.rss.slope"), output.status.code()), ("inconclusive".to_owned(), Some(4)));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("used by"),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn a_check_of_a_box_that_is_no_container_is_refused() {
    let scenario = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args(["validate", "--set", "checks=[proxy.cpu.max < 80%]"])
        .arg(scenario)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("is of containers, and the scenario's proxy is none"), "{said}");
}
