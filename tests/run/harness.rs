//! Running the binary, and stand-ins for boxes that it did not start.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use landfall::result::RunResult;
use tempfile::TempDir;

/// How long anything may take before a test gives up waiting.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A call of the binary, with a reports folder of its own.
pub(crate) struct Landfall {
    reports: TempDir,
    command: Command,
}

/// What a call came to.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// `result.json`, if one was written.
    pub(crate) result: Option<RunResult>,
    /// What stands in the reports folder, for tests of what is left behind.
    pub(crate) reports: TempDir,
}

impl Landfall {
    /// `landfall run SCENARIO`.
    pub(crate) fn run(scenario: &Path) -> Self {
        Self::new("run", scenario)
    }

    /// `landfall COMMAND SCENARIO`, with `--reports` where the command has it.
    pub(crate) fn new(command: &str, scenario: &Path) -> Self {
        let reports = tempfile::tempdir().expect("a temporary folder can be made");
        let mut call = Command::new(env!("CARGO_BIN_EXE_landfall"));
        call.arg(command).arg(scenario);
        if command != "validate" {
            call.arg("--reports").arg(reports.path());
        }
        Self { reports, command: call }
    }

    /// `landfall COMMAND ARGUMENT`, and nothing else.
    pub(crate) fn bare(command: &str, argument: &Path) -> Self {
        let reports = tempfile::tempdir().expect("a temporary folder can be made");
        let mut call = Command::new(env!("CARGO_BIN_EXE_landfall"));
        call.arg(command).arg(argument);
        Self { reports, command: call }
    }

    /// With its reports in a folder that is there already.
    pub(crate) fn reports_in(self, folder: &Path) -> Self {
        let Self { reports, command } = self;
        let mut call = Command::new(command.get_program());
        let old = reports.path().as_os_str().to_owned();
        call.args(command.get_args().map(|arg| if arg == old { folder.as_os_str() } else { arg }));
        Self { reports, command: call }
    }

    /// The quickstart, shortened to a second and without timing checks, which say nothing in a test run.
    pub(crate) fn short_quickstart() -> Self {
        Self::run(&repository("scenarios/quickstart.yaml"))
            .set("checks=[]")
            .set("workload[0].arrivals.constant=50/s")
            .set("workload[0].for=1s")
            .set("workload[1].arrivals.constant=20/s")
            .set("workload[1].for=1s")
    }

    pub(crate) fn set(self, change: &str) -> Self {
        self.args(&["--set", change])
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Where its reports will go.
    pub(crate) fn reports(&self) -> &Path {
        self.reports.path()
    }

    /// Runs it to its end.
    pub(crate) fn end(mut self) -> Ended {
        let output = self.command.output().expect("the binary runs");
        ended(output, self.reports)
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Started {
        let child =
            self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        Started { child: Some(child), reports: Some(self.reports) }
    }
}

fn ended(output: Output, reports: TempDir) -> Ended {
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("output is UTF-8"),
        result: result_in(reports.path()),
        reports,
    }
}

/// The only file of this name in a run's folder under `reports`, if there is one.
pub(crate) fn file_in(reports: &Path, name: &str) -> Option<PathBuf> {
    let folders = std::fs::read_dir(reports).ok()?;
    folders.flatten().map(|entry| entry.path().join(name)).find(|path| path.exists())
}

/// The only `result.json` under a reports folder, if there is one.
fn result_in(reports: &Path) -> Option<RunResult> {
    let file = file_in(reports, "result.json")?;
    let text = std::fs::read_to_string(file).expect("a result can be read");
    Some(serde_json::from_str(&text).expect("a result has the shape of its model"))
}

impl Ended {
    /// The text of a file of the run's folder.
    pub(crate) fn file(&self, name: &str) -> String {
        let path = file_in(self.reports.path(), name).unwrap_or_else(|| panic!("there is no {name}"));
        std::fs::read_to_string(path).expect("it can be read")
    }

    /// The result; the test fails with what was printed if there is none.
    pub(crate) fn result(&self) -> &RunResult {
        let Self { code, stdout, stderr, .. } = self;
        self.result.as_ref().unwrap_or_else(|| panic!("no result; exit {code:?}\n{stdout}\n{stderr}"))
    }
}

/// A process that runs; killed if a test forgets it.
pub(crate) struct Started {
    child: Option<Child>,
    reports: Option<TempDir>,
}

impl Started {
    pub(crate) fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("the process has not been waited for")
    }

    /// Where its reports go.
    pub(crate) fn reports(&self) -> &Path {
        self.reports.as_ref().expect("the reports are here until the end").path()
    }

    /// The next line that it prints on standard error.
    pub(crate) fn error_line(&mut self) -> String {
        let stderr = self.child().stderr.as_mut().expect("standard error is a pipe");
        let (mut line, mut byte) = (Vec::new(), [0]);
        // One at a time, so that nothing of the next line is taken.
        while stderr.read(&mut byte).expect("the pipe can be read") == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        String::from_utf8(line).expect("output is UTF-8")
    }

    /// Sends a signal by name, for instance `INT`.
    pub(crate) fn signal(&mut self, name: &str) {
        let pid = self.child().id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("`kill` runs");
        assert!(sent.success(), "the process could not be signalled");
    }

    /// The reports folder of a process that has ended.
    pub(crate) fn keep_reports(mut self) -> TempDir {
        self.reports.take().expect("the reports are here until the end")
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let child = self.child.take().expect("the process has not been waited for");
        let output = child.wait_with_output().expect("the process ends");
        ended(output, self.reports.take().expect("the reports are here until the end"))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until `condition` holds; fails the test where it does not within [`PATIENCE`].
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// A scenario file in a folder of its own.
pub(crate) struct ScenarioFile {
    folder: TempDir,
}

impl ScenarioFile {
    pub(crate) fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(folder.path().join("scenario.yaml"), text).expect("a scenario can be written");
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("scenario.yaml")
    }

    /// Puts a file beside the scenario.
    pub(crate) fn with(self, name: &str, content: &[u8]) -> Self {
        std::fs::write(self.folder.path().join(name), content).expect("a file can be written");
        self
    }
}
