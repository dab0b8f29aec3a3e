//! `landfall clean` and the second Ctrl-C against a container engine: what a killed run has left goes, and nothing else.
//! The image is `landfall-test/kafka`, which `fixtures/images/build kafka` makes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use landfall::engine::Owner;

const IMAGE: &str = "landfall-test/kafka";
const PATIENCE: Duration = Duration::from_secs(90);

/// One test at a time: each cleans the whole engine. `None` where `LANDFALL_TEST_IMAGES` does not
/// say that there is an engine with the image.
fn engine() -> Option<MutexGuard<'static, ()>> {
    static ONE: Mutex<()> = Mutex::new(());
    if std::env::var_os("LANDFALL_TEST_IMAGES").is_some() {
        return Some(ONE.lock().unwrap_or_else(PoisonError::into_inner));
    }
    let missing = "LANDFALL_TEST_IMAGES is not set";
    assert!(
        std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_none(),
        "LANDFALL_REQUIRE_TOOLS is set, and {missing}"
    );
    println!("did not run: {missing}");
    None
}

fn docker(arguments: &[&str]) -> Option<Output> {
    Command::new("docker").args(arguments).stdin(Stdio::null()).output().ok()
}

fn landfall(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_landfall")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits for something, within bounds.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The stack of the process `pid`, once a container of it runs.
fn stack_of(pid: u32) -> String {
    until("a container", || {
        let format = "{{.Label \"io.landfall.stack\"}} {{.Label \"io.landfall.owner\"}}";
        let listed = docker(&["ps", "--filter", "label=io.landfall.owner", "--format", format])?;
        let listed = text(&listed.stdout);
        let line = listed.lines().find(|line| line.contains(&format!("/{pid}/")))?;
        line.split(' ').next().map(str::to_owned)
    })
}

/// How many containers and networks the stack has.
fn left_of(stack: &str) -> usize {
    let filter = format!("label=io.landfall.stack={stack}");
    let containers = docker(&["ps", "-aq", "--filter", &filter]).unwrap();
    let networks = docker(&["network", "ls", "-q", "--filter", &filter]).unwrap();
    text(&containers.stdout).lines().count() + text(&networks.stdout).lines().count()
}

/// A run with Kafka in a container, with a folder for its reports.
struct Run {
    child: Child,
    folder: tempfile::TempDir,
}

impl Run {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scenario = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.yaml");
        let child = Command::new(env!("CARGO_BIN_EXE_landfall"))
            .arg("run")
            .arg(scenario)
            .args(["--set", "stack.kafka.kind=container", "--set", &format!("stack.kafka.image={IMAGE}")])
            .args([
                "--set",
                "stack.images.pull=never",
                "--set",
                "workload[0].for=5m",
                "--set",
                "workload[1].for=5m",
            ])
            .args(["--quiet", "--reports"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether the run's folder has this file.
    fn has(&self, name: &str) -> bool {
        let runs = std::fs::read_dir(self.folder.path()).unwrap();
        runs.flatten().any(|run| run.path().join(name).exists())
    }

    fn ended(&mut self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt as _;
        let status = until("the end of the run", || self.child.try_wait().unwrap());
        status.code().or_else(|| status.signal().map(|signal| -signal))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A container that somebody else has made, with these labels; taken away in the end.
struct Foreign(String);

impl Foreign {
    fn start(labels: &[String]) -> Self {
        Self::named(None, labels)
    }

    /// With this name, where it has one.
    fn named(name: Option<&str>, labels: &[String]) -> Self {
        let mut command = Command::new("docker");
        command.args(["create", "--entrypoint", "/bin/sh"]);
        command.args(name.map(|name| format!("--name={name}")));
        for label in labels {
            command.args(["--label", label]);
        }
        let made = command.args([IMAGE, "-c", "sleep 600"]).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        Self(text(&made.stdout).trim().to_owned())
    }

    fn run(self) -> Self {
        assert!(docker(&["start", &self.0]).unwrap().status.success());
        self
    }

    fn is_there(&self) -> bool {
        docker(&["inspect", &self.0]).unwrap().status.success()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.0]);
    }
}

#[test]
fn what_a_killed_run_has_left_goes_and_what_lives_or_is_foreign_stays() {
    let Some(_alone) = engine() else { return };
    let foreign = Foreign::start(&["com.example=1".into()]);
    let mut killed = Run::start();
    let abandoned = stack_of(killed.pid());
    let mut living = Run::start();
    let used = stack_of(living.pid());
    assert!(landfall(&["clean", "--stack", &used]).status.code() == Some(2));
    killed.signal("KILL");
    assert_eq!(killed.ended(), Some(-9));

    let dry = landfall(&["clean", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", text(&dry.stderr));
    let line = |output: &Output, stack: &str| {
        text(&output.stdout).lines().find(|line| line.starts_with(stack)).map(str::to_owned)
    };
    assert!(line(&dry, &abandoned).unwrap().contains("would be taken away"), "{}", text(&dry.stdout));
    assert!(left_of(&abandoned) > 1);

    let cleaned = landfall(&["clean"]);
    assert_eq!(cleaned.status.code(), Some(0), "{}", text(&cleaned.stderr));
    let (gone, left) = (line(&cleaned, &abandoned).unwrap(), line(&cleaned, &used).unwrap());
    assert!(gone.contains("taken away") && gone.contains("kafka-1"), "{gone}");
    assert!(left.contains(&format!("in use by process {}", living.pid())), "{left}");
    assert_eq!(left_of(&abandoned), 0);
    assert!(left_of(&used) > 0 && foreign.is_there());

    living.signal("INT");
    living.ended();
    assert_eq!(left_of(&used), 0);
}

#[test]
fn a_second_signal_takes_this_process_own_stack_away_too() {
    let Some(_alone) = engine() else { return };
    let mut run = Run::start();
    let stack = stack_of(run.pid());
    until("the load", || run.has("journal.bin").then_some(()));
    // Kafka stands still, so that the run does not end well by itself.
    let kafka = format!("landfall-{stack}-kafka-1");
    assert!(docker(&["pause", &kafka]).unwrap().status.success());
    run.signal("INT");
    let mut told = BufReader::new(run.child.stderr.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("once more to stop at once")));
    run.signal("INT");
    assert_eq!(run.ended(), Some(130));
    assert!(!run.has("result.json"));
    assert_eq!(left_of(&stack), 0);
}

#[test]
fn what_nobody_here_can_judge_goes_only_if_it_is_named() {
    let Some(_alone) = engine() else { return };
    let here = Owner::this().unwrap();
    let elsewhere = Owner { namespace: "1".into(), ..here.clone() };
    let stack = |id: &str, owner: &Owner| {
        let labels = [format!("io.landfall.stack={id}"), format!("io.landfall.owner={owner}")];
        Foreign::named(Some(&format!("landfall-{id}-kafka-1")), &labels).run()
    };
    let (doubtful, own) = (format!("d{}", here.pid), format!("o{}", here.pid));
    let (of_others, of_this) = (stack(&doubtful, &elsewhere), stack(&own, &here));

    // Made of an image that was made of a container: it has the labels of a stack whose owner is gone, and is none.
    let gone = Owner { started: here.started.wrapping_sub(1), ..here.clone() };
    let labels = ["io.landfall.stack=copied".to_owned(), format!("io.landfall.owner={gone}")];
    let copied = Foreign::start(&labels);

    let cleaned = landfall(&["clean"]);
    assert_eq!(cleaned.status.code(), Some(0));
    assert!(text(&cleaned.stdout).contains(&format!("`landfall clean --stack {doubtful}`")));
    assert!(of_others.is_there() && of_this.is_there() && copied.is_there());

    assert_eq!(landfall(&["clean", "--stack", &doubtful]).status.code(), Some(0));
    assert!(!of_others.is_there() && of_this.is_there());
    let again = landfall(&["clean", "--stack", &doubtful]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("there is no stack"));

    let refused = landfall(&["clean", "--stack", &own]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains(&format!("process {}", here.pid)) && of_this.is_there());
    assert_eq!(landfall(&["clean", "--stack", &own, "--force"]).status.code(), Some(0));
    assert!(!of_this.is_there());
}

#[test]
fn without_an_engine_nothing_is_cleaned_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .arg("clean")
        .env("DOCKER_HOST", folder.path().join("none.sock"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no container engine answers"), "{}", text(&output.stderr));
    assert_eq!(landfall(&["clean", "--force"]).status.code(), Some(2));
}
