//! Running the binary, and results to show.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use landfall::result::{Evidence, Finding, Latency, Quantiles, Rate, Recovery, RunResult, Verdict};
use tempfile::TempDir;

/// A call of the binary, outside any workflow.
pub(crate) fn landfall(arguments: &[&str]) -> Command {
    let mut call = Command::new(env!("CARGO_BIN_EXE_landfall"));
    call.args(arguments).env_remove("GITHUB_STEP_SUMMARY");
    call
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn end(mut call: Command) -> Ended {
    let Output { status, stdout, stderr } = call.output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// `landfall run` of the quickstart, shortened to a second; its checks are those that always apply.
pub(crate) fn short_run(reports: &Path) -> Command {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/quickstart.yaml");
    let mut call = landfall(&["run"]);
    call.arg(scenario).arg("--reports").arg(reports);
    for set in [
        "checks=[]",
        "workload[0].arrivals.constant=50/s",
        "workload[0].for=1s",
        "workload[1].arrivals.constant=20/s",
        "workload[1].for=1s",
    ] {
        call.args(["--set", set]);
    }
    call
}

/// The folder of a run that passed. It runs once for all tests.
pub(crate) fn passed_folder() -> &'static Path {
    static RUN: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = RUN.get_or_init(|| {
        let reports = tempfile::tempdir().expect("a temporary folder can be made");
        let mut call = short_run(reports.path());
        call.args(["--quiet", "--run-id", "r1"]);
        let ended = end(call);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let folder = reports.path().join("r1");
        (reports, folder)
    });
    folder
}

/// The result of that run.
pub(crate) fn passed() -> RunResult {
    let text = std::fs::read_to_string(passed_folder().join("result.json")).expect("the result is there");
    serde_json::from_str(&text).expect("a result has the shape of its model")
}

/// The same run, had it lost a record.
pub(crate) fn failed() -> RunResult {
    let mut result = passed();
    (result.run, result.verdict) = ("r2".into(), Verdict::Fail);
    (result.records.lost, result.records.landed) = (1, result.records.landed - 1);
    let lost =
        result.checks.iter_mut().find(|check| check.name == "records.lost").expect("it always applies");
    (lost.verdict, lost.seen) = (Verdict::Fail, "1".into());
    result.reasons = vec![lost.sentence()];
    result.findings = vec![Finding {
        kind: "records.lost".into(),
        count: 1,
        meaning: "acknowledged, but not in the topic".into(),
        examples: vec![Evidence { request: "0.17".into(), answer: "acked".into(), ..Evidence::default() }],
    }];
    result
}

/// The same run, had it been stopped.
pub(crate) fn broken_off() -> RunResult {
    let mut result = passed();
    (result.run, result.verdict) = ("r3".into(), Verdict::Inconclusive);
    result.incomplete = Some("stopped by SIGINT".into());
    result.reasons = vec!["the run is incomplete: stopped by SIGINT".into()];
    result
}

/// The same run, had it been killed: no times are known.
pub(crate) fn recovered() -> RunResult {
    let mut result = broken_off();
    result.run = "r4".into();
    result.recovery = Some(Recovery { unjournaled_requests: 3, ..Recovery::default() });
    (result.elapsed_us, result.rate, result.latency_us) = (0, Rate::default(), Latency::default());
    for times in [
        &mut result.service_us,
        &mut result.blocked_us,
        &mut result.generator_lag_us,
        &mut result.readable_us,
    ] {
        *times = Quantiles::default();
    }
    (result.timeline, result.spectra, result.memory) = (None, None, None);
    result
}

/// What must not come through as anything but text.
pub(crate) const HOSTILE: &str = "=cmd()|`a`<script>]]>&amp;\u{202e}\0\u{1b}[31m\u{fffe}\n::error::x\r\n##[add-mask]y,z\u{2028}@team \
                                  [a](https://example.org) \"q\" \\ %0A";

/// A run that failed, with that in all its texts.
pub(crate) fn hostile() -> RunResult {
    let mut result = failed();
    let text = || HOSTILE.to_owned();
    result.scenario.name = text();
    (result.run, result.started, result.scenario.hash) = (text(), text(), text());
    result.scenario.sets = vec![text()];
    result.scenario.files[0].path = text();
    (result.incomplete, result.reasons) = (Some(text()), vec![text()]);
    for check in &mut result.checks {
        (check.seen, check.limit, check.because) = (text(), text(), Some(text()));
    }
    result.checks[0].name = text();
    let finding = &mut result.findings[0];
    (finding.kind, finding.meaning) = (text(), text());
    let example = &mut finding.examples[0];
    (example.request, example.record) = (text(), Some(text()));
    (example.answer, example.detail, example.found) = (text(), text(), vec![text()]);
    result.notes = vec![text()];
    result.boxes[0].name = text();
    result.versions.insert("landfall".into(), text());
    result.machine.system = text();
    result
}

/// Results as files of a folder.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn of(results: &[&RunResult]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for (index, result) in results.iter().enumerate() {
            let text = serde_json::to_string(result).expect("a result serializes");
            std::fs::write(folder.path().join(format!("{index}.json")), text).expect("it can be written");
        }
        Self(folder)
    }

    /// A path in the folder, as text.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `landfall report` of the first so many, with further arguments.
    pub(crate) fn report(&self, results: usize, arguments: &[&str]) -> Command {
        let mut call = landfall(&["report"]);
        call.args((0..results).map(|index| self.path(&format!("{index}.json"))));
        call.args(arguments);
        call
    }

    /// Renders the first so many in each format, into files named as [`FORMATS`] says.
    pub(crate) fn render(&self, results: usize) {
        let mut call = self.report(results, &["--quiet"]);
        for (option, name) in FORMATS {
            call.args([option, &self.path(name)]);
        }
        let ended = end(call);
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "", ""));
    }
}

/// Each format's option, and a file for it.
pub(crate) const FORMATS: [(&str, &str); 7] = [
    ("--json", "out.json"),
    ("--junit", "out.xml"),
    ("--markdown", "out.md"),
    ("--csv", "out.csv"),
    ("--csv-timeline", "timeline.csv"),
    ("--openmetrics", "out.prom"),
    ("--gitlab", "gitlab.json"),
];
