//! What results say of boxes in containers: what they used, what limited them, how they ended. The images are
//! `landfall-test/kafka` and, for the proxies, `landfall-test/landfall`;
//! `fixtures/images/build` makes them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use landfall::engine::{Belonging, Container, ContainerSpec, Engine, Limits, Network, Owner, remove_stack};
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

fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Waits for something, within bounds.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The command for the quickstart with Kafka and one proxy in containers, as the run `r` in this folder.
fn command(folder: &Path, more: &[&str]) -> Command {
    let scenario = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_landfall"));
    command
        .arg("run")
        .arg(scenario)
        .args(["--provider", "container", "--run-id", "r", "--reports"])
        .arg(folder);
    let common = [
        &format!("stack.kafka.image={KAFKA}"),
        "stack.images.pull=never",
        "stack.proxy.adapter=landfall",
        &format!("stack.proxy.image={PROXY}"),
        "stack.proxy.replicas=1",
        "grace=1s",
        "workload[0].for=4s",
        "workload[1].for=4s",
        "workload[0].arrivals.constant=50/s",
    ];
    for set in common.iter().chain(more) {
        command.args(["--set", set]);
    }
    command
}

fn result_in(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("r/result.json")).unwrap()).unwrap()
}

/// Runs it. Gives how that ended, and the result.
fn run(more: &[&str]) -> (Output, Value) {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path(), more).output().unwrap();
    assert!(folder.path().join("r/result.json").exists(), "{}", String::from_utf8_lossy(&output.stderr));
    (output, result_in(folder.path()))
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
fn a_container_that_is_killed_and_started_again_is_followed_and_one_that_ends_tells_why() {
    if !engine() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let longer = [
        "workload[0].for=9s",
        "workload[1].for=9s",
        "stack.proxy.replicas=2",
        "checks=[proxy.restarts == 0]",
    ];
    let mut running =
        command(folder.path(), &longer).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let owner = format!("/{}/", running.id());
    // A second of the load that is written down has been looked at.
    let seconds = folder.path().join("r/intervals.hlog");
    until("the load", || std::fs::read_to_string(&seconds).ok().filter(|log| log.contains(",2.000,1.000,")));
    let own = |name: &str| {
        let format = "{{.Names}} {{.Label \"io.landfall.owner\"}}";
        let listed =
            docker(&["ps", "--filter", &format!("label=io.landfall.box={name}"), "--format", format])?;
        let line = listed.lines().find(|line| line.contains(&owner))?;
        line.split(' ').next().map(str::to_owned)
    };
    let (again, ended) = (own("proxy-1").unwrap(), own("proxy-2").unwrap());
    docker(&["kill", &again, &ended]).unwrap();
    docker(&["start", &again]).unwrap();
    until("the end", || running.try_wait().unwrap());

    let result = result_in(folder.path());
    let (again, ended) = (container(&result, "proxy-1"), container(&result, "proxy-2"));
    assert_eq!(again["telemetry"]["figures"]["restarts"], 1, "{again:#}");
    assert_eq!(again["ended"], Value::Null);
    let used: u64 =
        again["telemetry"]["seconds"]["cpu_us"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert!(used > 0 && used < 20_000_000, "{used}");
    assert_eq!(ended["ended"], "exit code 137", "{ended:#}");
    assert_eq!(ended["telemetry"]["seconds"]["ran"].as_array().unwrap().last(), Some(&Value::Bool(false)));
    // The run failed, so all logs are there.
    assert!(!again["log_end"].as_array().unwrap().is_empty());
    let checks = result["checks"].as_array().unwrap();
    let restarts = checks.iter().find(|check| check["name"] == "proxy.restarts").unwrap();
    // A part of the path was lost, so its figures decide nothing any more.
    assert_eq!((restarts["verdict"].as_str(), restarts["seen"].as_str()), (Some("inconclusive"), Some("1")));
    let incomplete = result["incomplete"].as_str().unwrap_or_default();
    assert!(incomplete.contains("proxy-2 has ended by itself (exit code 137)"), "{incomplete}");
}

/// A container that sleeps, with limits; away when dropped.
struct Sleeper(tokio::runtime::Runtime, Container);

impl Drop for Sleeper {
    fn drop(&mut self) {
        let engine = self.1.engine().clone();
        let _ = self.0.block_on(remove_stack(&engine, &stack()));
    }
}

fn stack() -> String {
    format!("telemetry-{}", std::process::id())
}

#[test]
fn kernel_and_engine_tell_the_same_and_limits_are_those_that_were_asked() {
    if !engine() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let container = runtime.block_on(async {
        let engine = Engine::connect(std::env::var("DOCKER_HOST").ok().as_deref()).await.unwrap();
        let belonging = Belonging { stack: stack(), owner: Owner::this() };
        let network = Network::create(&engine, &belonging).await.unwrap();
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        let image = landfall::scenario::ImageRef::parse(KAFKA).unwrap();
        let spec = ContainerSpec {
            name: "sleeper".into(),
            image: engine.look_up(&image).await.unwrap().unwrap().id,
            entrypoint: words(&["/bin/sh"]),
            command: words(&["-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 600 & wait"]),
            env: Vec::new(),
            files: Vec::new(),
            ports: Vec::new(),
            limits: Limits { cpus: Some(0.5), memory: Some(64 << 20) },
            stop_signal: None,
        };
        let container = Container::create(&engine, &belonging, &network, &spec).await.unwrap();
        container.start().await.unwrap();
        container
    });
    let Sleeper(runtime, container) = &Sleeper(runtime, container);
    runtime.block_on(async {
        let state = container.state().await.unwrap();
        let found = container.bounds(&state).unwrap();
        assert_eq!((found.cpus, found.memory), (Some(0.5), Some(64 << 20)));
        // Until both processes sleep, more is used from one look to the next.
        let began = Instant::now();
        let (told, seen) = loop {
            let before = container.vitals(&state).unwrap();
            let told = container.vitals_by_engine().await.unwrap();
            let seen = container.vitals(&state).unwrap();
            if seen.cpu_us == before.cpu_us && seen.threads == Some(2) {
                break (told, seen);
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{seen:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!((told.cpu_us, told.threads), (seen.cpu_us, Some(2)));
        assert_eq!(told.throttled_periods, seen.throttled_periods);
        assert!(seen.rss_bytes > Some(4096) && seen.memory_bytes > Some(4096), "{seen:?}");
        container.kill().await.unwrap();
        assert!(container.vitals(&container.state().await.unwrap()).is_err());
    });
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
