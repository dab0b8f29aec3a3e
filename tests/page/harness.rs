//! A result to show: of a run that found something, told once for all tests.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use landfall::result::{Attempts, RunResult, Stretch};

/// The result of a short run whose proxy loses, doubles and damages records, and stalls for a second.
pub(crate) fn found() -> RunResult {
    static RESULT: OnceLock<RunResult> = OnceLock::new();
    RESULT.get_or_init(run).clone()
}

fn run() -> RunResult {
    let reports = tempfile::tempdir().expect("a temporary folder can be made");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = "faults=[{box: proxy, kind: drop-after-ack, every: 100}, {box: proxy, kind: duplicate, every: 90}, \
                  {box: proxy, kind: corrupt-byte, every: 77}, {box: proxy, kind: stall, window: [2s, 3s]}]";
    let output = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args([
            "run",
            "scenarios/quickstart.yaml",
            "--run-id",
            "shown",
            "--quiet",
            "--json",
            "-",
            "--reports",
        ])
        .arg(reports.path())
        .args(["--set", "workload[0].arrivals.constant=50/s", "--set", "workload[0].for=5s"])
        .args(["--set", "workload[1].for=4s", "--set", faults])
        .current_dir(root)
        .output()
        .expect("landfall runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(reports.path().join("shown/report.html")).expect("the page is there");
    let result: RunResult = serde_json::from_slice(&output.stdout).expect("a result");
    assert_eq!(page, landfall::report::html(&result), "the page can be made again from the JSON");
    result
}

/// The result of a run of hours: stretches of a minute, one of which is missing, and a last one that was cut short.
pub(crate) fn hours() -> RunResult {
    let mut result = ten_minutes();
    let timeline = result.timeline.as_mut().expect("the run has one");
    timeline.stretch_s = 60;
    for (at_s, stretch) in (0..).step_by(60).zip(&mut timeline.stretches) {
        (stretch.at_s, stretch.seconds) = (at_s, 60);
        stretch.due *= 60.0;
        stretch.begun *= 60;
        let a = &mut stretch.attempts;
        for count in [&mut a.total, &mut a.accepted, &mut a.refused, &mut a.failed, &mut a.timed_out] {
            *count *= 60;
        }
    }
    timeline.stretches.remove(300);
    if let Some(last) = timeline.stretches.last_mut() {
        (last.seconds, last.begun) = (6, 600);
    }
    result
}

/// The result of a run of ten minutes, with latencies of many sizes in each second.
pub(crate) fn ten_minutes() -> RunResult {
    let mut result = found();
    let timeline = result.timeline.as_mut().expect("the run has one");
    let pattern = timeline.stretches.clone();
    let stretch = |second: u32| {
        let like = &pattern[second as usize % pattern.len()];
        let sizes = (36..72).map(|size| (size, u64::from(second * 31 + u32::from(size) * 17) % 900 + 1));
        let attempts = Attempts { failed: u64::from(second % 7), timed_out: 1, ..like.attempts };
        let total = attempts.outcomes().iter().map(|(_, count)| count).sum();
        Stretch {
            at_s: second,
            sizes: sizes.collect(),
            attempts: Attempts { total, ..attempts },
            ..like.clone()
        }
    };
    timeline.stretches = (0..635).map(stretch).collect();
    result
}
