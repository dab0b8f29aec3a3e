//! `docker-compose.test.yaml`: what README says of it works, and what it must not do. `LANDFALL_COMPOSE` names Compose's
//! binary (version 2); the images are those of `fixtures/images/build`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

const FILE: &str = "docker-compose.test.yaml";

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

#[test]
fn ports_are_published_on_loopback_and_what_is_built_here_is_asked_of_no_registry() {
    let text = read(FILE);
    let published: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("ports:")).collect();
    assert_eq!(published.len(), 6, "{published:?}");
    assert!(published.iter().all(|line| line.contains("ports: [\"127.0.0.1:${")), "{published:?}");
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains("image: ")) {
        let next = text.lines().skip(number + 1).find(|line| !line.trim_start().starts_with('#')).unwrap();
        let built_here = line.contains("landfall-test/");
        assert_eq!(next.contains("pull_policy: never"), built_here, "{line}");
    }
}

#[test]
fn what_its_services_are_told_is_valid() {
    for name in ["idp", "registry", "proxy", "gateway", "load"] {
        let path = repository().join(format!("fixtures/compose/{name}.yaml"));
        let output = landfall().arg("validate").arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(
            read(FILE).contains(&format!("/fixtures/compose/{name}.yaml")),
            "no service uses {name}.yaml"
        );
    }
}

fn landfall() -> Command {
    Command::new(env!("CARGO_BIN_EXE_landfall"))
}

/// Two stacks at a time would be two Kafkas.
static ONE: Mutex<()> = Mutex::new(());

/// A stack of its own, beside whatever else runs; taken down with its volumes in the end.
struct Stack {
    _alone: MutexGuard<'static, ()>,
    compose: PathBuf,
    project: String,
    /// Ports on this machine, by the variable that names each.
    ports: [(&'static str, u16); 6],
}

impl Stack {
    /// `None` where Compose is not named.
    fn new() -> Option<Self> {
        let Some(compose) = std::env::var_os("LANDFALL_COMPOSE") else {
            let demanded = std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_some();
            assert!(!demanded, "LANDFALL_REQUIRE_TOOLS is set, and LANDFALL_COMPOSE names no binary");
            println!("did not run: LANDFALL_COMPOSE does not name Compose's binary");
            return None;
        };
        let names =
            ["KAFKA_PORT", "IDP_PORT", "REGISTRY_PORT", "PROXY_1_PORT", "PROXY_2_PORT", "GATEWAY_PORT"];
        // Kafka must be told its own, so that none can be left to the engine.
        let held = names.map(|name| (name, TcpListener::bind("127.0.0.1:0").unwrap()));
        Some(Self {
            _alone: ONE.lock().unwrap_or_else(PoisonError::into_inner),
            compose: compose.into(),
            project: format!("landfall-test-{}", std::process::id()),
            ports: held.map(|(name, listener)| (name, listener.local_addr().unwrap().port())),
        })
    }

    fn port(&self, name: &str) -> u16 {
        self.ports.iter().find(|(found, _)| *found == name).unwrap().1
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(repository())
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .env("COMPOSE_FILE", FILE)
            .env("KAFKA_IMAGE", "landfall-test/kafka")
            .envs(self.ports.iter().map(|(name, port)| (name, port.to_string())));
        command
    }

    /// Runs commands as README has them, against this stack.
    fn shell(&self, commands: &str) -> Output {
        let commands = commands
            .replace("docker compose", &format!("'{}'", self.compose.display()))
            .replace("127.0.0.1:8090", &format!("127.0.0.1:{}", self.port("IDP_PORT")))
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.port("GATEWAY_PORT")));
        self.command(Path::new("sh")).args(["-e", "-c", &commands]).output().unwrap()
    }

    fn compose(&self, arguments: &[&str]) -> Output {
        self.command(&self.compose).args(arguments).output().unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", text(&self.compose(&["logs", "--tail", "60"]).stdout));
        }
        let down = self.compose(&["--profile", "load", "down", "--volumes", "--timeout", "5"]);
        if !down.status.success() {
            println!("{}", text(&down.stderr));
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The commands that README gives for the stack, but for the first, which builds the images.
fn walk() -> String {
    let readme = read("README.md");
    let section = readme.split("## The path in containers").nth(1).unwrap().split("\n## ").next().unwrap();
    let commands: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(commands.first(), Some(&"fixtures/images/build"));
    commands.get(1..).unwrap().join("\n")
}

#[test]
fn readmes_commands_walk_the_path_and_load_on_it_settles() {
    let Some(stack) = Stack::new() else { return };
    let output = stack.shell(&walk());
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    // The answer to curl, the record in the topic, the verdict of the run.
    for expected in ["200 OK", "\"offset\":0", "{\"hello\":\"landfall\"}\n", "\n  PASS\n"] {
        assert!(stdout.contains(expected), "{expected}\n{stdout}\n{stderr}");
    }
    // It has taken itself down, and what it made up is gone.
    let of_project = format!("label=com.docker.compose.project={}", stack.project);
    let left = Command::new("docker").args(["volume", "ls", "-q", "--filter", &of_project]).output().unwrap();
    assert_eq!(text(&left.stdout), "");
}

#[test]
fn what_was_made_up_is_not_seen_from_outside_and_both_proxies_produce_and_do_no_more() {
    let Some(stack) = Stack::new() else { return };
    let up = stack.compose(&["up", "--wait"]);
    assert!(up.status.success(), "{}", text(&up.stderr));
    let secret = |service: &str, path: &str| {
        let output = stack.compose(&["exec", "-T", service, "cat", path]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    };
    let secrets = [
        secret("proxy-1", "/secrets/proxy/password"),
        secret("gateway", "/secrets/client/reader_password"),
        secret("idp", "/secrets/client/partner_secret"),
        secret("kafka", "/etc/kafka/secrets/keystore_password"),
    ];
    let containers = text(&stack.compose(&["ps", "-a", "-q"]).stdout);
    let inspected = Command::new("docker").arg("inspect").args(containers.lines()).output().unwrap();
    let seen = text(&inspected.stdout) + &text(&stack.compose(&["logs"]).stdout);
    assert!(seen.contains("kafka_jaas.conf"), "what was looked through says nothing");
    for secret in secrets {
        assert!(secret.len() >= 20 && !seen.contains(&secret));
    }
    // As the proxies' user, the topic cannot be read.
    let reading = "sed -n 's/.*user_proxy=\"\\([^\"]*\\)\".*/\\1/p' /etc/kafka/secrets/kafka_jaas.conf > /tmp/p && \
        sed -e \"s|username=\\\"admin\\\" password=\\\".*\\\"|username=\\\"proxy\\\" password=\\\"$(cat /tmp/p)\\\"|\" \
        /etc/kafka/secrets/admin.properties > /tmp/proxy.properties && \
        /opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server kafka:9092 --consumer.config /tmp/proxy.properties \
        --topic quakes --partition 0 --offset earliest --timeout-ms 15000 2>&1";
    let read = text(&stack.compose(&["exec", "-T", "kafka", "bash", "-c", reading]).stdout);
    assert!(read.contains("TopicAuthorizationException") || read.contains("Not authorized"), "{read}");
    // The gateway connects to both proxies where requests come at the same time.
    let produce =
        walk().lines().skip_while(|line| !line.starts_with("TOKEN=")).collect::<Vec<_>>().join("\n");
    let produce = produce.split("\ndocker compose exec").next().unwrap();
    let at_once = produce.replace("curl -sS -i", "for n in 1 2 3 4 5 6 7 8; do curl -sS") + " & done; wait";
    let output = stack.shell(&at_once);
    let answers = text(&output.stdout);
    assert_eq!(answers.matches("\"offset\":").count(), 8, "{answers}\n{}", text(&output.stderr));
    for proxy in ["proxy-1", "proxy-2"] {
        let connections = text(&stack.compose(&["exec", "-T", proxy, "netstat", "-tn"]).stdout);
        let of_gateway = |line: &&str| line.contains(":8082 ") && !line.contains(" 127.0.0.1:");
        assert!(connections.lines().any(|line| of_gateway(&line)), "{connections}");
    }
    // And the proxies do not run as root.
    assert_eq!(text(&stack.compose(&["exec", "-T", "proxy-1", "id", "-u"]).stdout).trim(), "1000");
}
