//! The images that `fixtures/images/build` makes do what those do that they stand for. `LANDFALL_TEST_IMAGES` says that they
//! are there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(1);

/// Whether the images are there; where the environment demands all tools, their absence fails the test.
fn are_there() -> bool {
    let named = std::env::var_os("LANDFALL_TEST_IMAGES").is_some();
    let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
    assert!(named || !demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_TEST_IMAGES is not");
    if !named {
        println!("did not run: LANDFALL_TEST_IMAGES does not say that fixtures/images/build has been run");
    }
    named
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A container that runs until this is dropped.
struct Container(String);

impl Container {
    fn start(arguments: &[&str]) -> Self {
        let output = docker(&[&["run", "--detach", "--label", "landfall.test"], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        Self(text(&output.stdout).trim().to_owned())
    }

    fn log(&self) -> String {
        let output = docker(&["logs", &self.0]);
        text(&output.stdout) + &text(&output.stderr)
    }

    /// Waits until this stands in its log.
    fn says(&self, expected: &str) {
        let follow = format!("exec timeout {} docker logs --follow {} 2>&1", PATIENCE.as_secs(), self.0);
        let mut following = Command::new("sh").args(["-c", &follow]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(following.stdout.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).any(|line| line.contains(expected));
        let _ = following.kill();
        following.wait().unwrap();
        assert!(said, "`{expected}` is not in its log:\n{}", self.log());
    }

    /// What it answers at a port that is published on this machine.
    fn answers(&self, port: u16, request: &str) -> String {
        let published = text(&docker(&["port", &self.0, &port.to_string()]).stdout);
        let published = published.lines().next().unwrap_or_default();
        assert!(published.starts_with("127.0.0.1:"), "{published}");
        let mut stream = TcpStream::connect(published).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn runs(&self, command: &[&str]) -> String {
        text(&docker(&[&["exec", &self.0], command].concat()).stdout)
    }

    /// Ends as `docker stop` has it: its exit code, and how long it took.
    fn stop(&self) -> (String, Duration) {
        let began = Instant::now();
        docker(&["stop", "--time", "30", &self.0]);
        let took = began.elapsed();
        (
            text(&docker(&["inspect", "--format", "{{.State.ExitCode}}", &self.0]).stdout).trim().to_owned(),
            took,
        )
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.0]);
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

#[test]
fn landfall_runs_as_a_user_without_rights_and_ends_when_it_is_told() {
    if !are_there() {
        return;
    }
    let image = "landfall-test/landfall";
    let run = ["run", "--rm", image, "run", "scenarios/quickstart.yaml", "--quiet", "--set", "checks=[]"];
    let short = ["--set", "workload[0].for=1s", "--set", "workload[1].for=1s"];
    let output = docker(&[&run[..], &short].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let ports = ["--set", "stack.gateway.port=8080", "--set", "stack.proxy.port=8082"];
    let up =
        ["--publish", "127.0.0.1::8080", image, "up", "scenarios/quickstart.yaml", "--listen", "0.0.0.0"];
    let up = Container::start(&[&up[..], &["--host", "ingest.test"], &ports].concat());
    up.says("Ctrl-C takes it down.");
    assert!(up.log().contains("http://ingest.test:8080/prod"), "{}", up.log());
    assert_eq!(up.runs(&["id", "-u"]).trim(), "1000");
    let answer = up.answers(8080, &get("/prod/topics/quakes"));
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let (code, took) = up.stop();
    assert_eq!(code, "143");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn kafka_takes_its_configuration_from_variables_as_the_image_does_that_it_stands_for() {
    if !are_there() {
        return;
    }
    let image = "landfall-test/kafka";
    let variables = [
        "--env=KAFKA_PROCESS_ROLES=broker,controller",
        "--env=KAFKA_NODE_ID=7",
        "--env=KAFKA_CONTROLLER_QUORUM_VOTERS=7@localhost:9093",
        "--env=KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER",
        "--env=KAFKA_LISTENERS=PLAINTEXT://:9092,CONTROLLER://localhost:9093",
        "--env=KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://kafka.test:9092",
        "--env=KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "--env=CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qg",
        "--env=KAFKA_HEAP_OPTS=-Xmx300m",
    ];
    let kafka = Container::start(&[&variables[..], &[image]].concat());
    kafka.says("Kafka Server started");
    let configured = kafka.runs(&["cat", "/opt/kafka/config/server.properties"]);
    for line in ["node.id=7", "advertised.listeners=PLAINTEXT://kafka.test:9092"] {
        assert!(configured.lines().any(|found| found == line), "{configured}");
    }
    let stored = kafka.runs(&["sh", "-c", "cat /tmp/kafka-logs/meta.properties"]);
    assert!(stored.contains("cluster.id=MkU3OEVBNTcwNTJENDM2Qg"), "{stored}");
    assert_eq!(kafka.runs(&["id", "-u", "-n"]).trim(), "appuser");
    let command = kafka.runs(&["cat", "/proc/1/cmdline"]);
    assert!(command.contains("-Xmx300m") && command.contains("kafka.Kafka"), "{command}");
    assert_eq!(kafka.stop().0, "143");
    // What is missing is named before a JVM starts.
    let secured = "--env=KAFKA_ADVERTISED_LISTENERS=SASL_SSL://kafka.test:9092";
    let refused = docker(&["run", "--rm", secured, image]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("KAFKA_SSL_KEYSTORE_FILENAME"), "{}", text(&refused.stderr));
}

#[test]
fn mock_oauth2_server_is_configured_by_variables() {
    if !are_there() {
        return;
    }
    let callbacks = r#"--env=JSON_CONFIG={"tokenCallbacks":[{"issuerId":"x","tokenExpiry":77,"requestMappings":[
        {"requestParam":"client_id","match":"p","claims":{"sub":"p","aud":["a"]}}]}]}"#;
    let server = Container::start(&["--env=SERVER_PORT=8099", callbacks, "landfall-test/mock-oauth2"]);
    let began = Instant::now();
    while !server.runs(&["wget", "-q", "-O-", "http://127.0.0.1:8099/isalive"]).contains("alive") {
        assert!(began.elapsed() < PATIENCE, "{}", server.log());
    }
    let request = "--post-data=grant_type=client_credentials&client_id=p&client_secret=s";
    let answer = server.runs(&["wget", "-q", "-O-", request, "http://127.0.0.1:8099/x/token"]);
    let life = answer.split("\"expires_in\" : ").nth(1).and_then(|rest| rest.get(..2));
    assert!(matches!(life, Some("76" | "77")), "{answer}");
    assert_eq!(server.runs(&["id", "-u"]).trim(), "1000");
}
