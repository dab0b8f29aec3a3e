//! Where reports go.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Files, end, failed, hostile, landfall, passed, short_run};
use crate::readers::{elements, validate_junit};

#[test]
fn standard_output_is_for_one_file_and_the_summary_steps_aside() {
    let files = Files::of(&[&failed()]);
    let ended = end(files.report(1, &["--junit", "-"]));
    assert_eq!(ended.code, Some(0));
    assert_eq!(elements(&ended.stdout)[0].name, "testsuites");
    assert!(ended.stderr.contains("\n  FAIL\n"), "{}", ended.stderr);
    let quiet = end(files.report(1, &["--gitlab", "-", "--quiet"]));
    assert!(serde_json::from_str::<Value>(&quiet.stdout).is_ok_and(|issues| issues.is_array()));
    assert_eq!(quiet.stderr, "");
    let both = end(files.report(1, &["--junit", "-", "--csv", "-"]));
    assert_eq!((both.code, both.stdout.as_str()), (Some(2), ""));
    assert!(both.stderr.contains("`--junit` and `--csv` both write to -"), "{}", both.stderr);
    let twice = end(files.report(1, &["--junit", "-", "--csv", "/dev/stdout"]));
    assert_eq!((twice.code, twice.stdout.as_str()), (Some(2), ""));
}

#[test]
fn a_place_that_is_none_is_told_before_anything_is_written() {
    let files = Files::of(&[&passed()]);
    let (good, nowhere, folder) = (files.path("a.csv"), files.path("none/a.xml"), files.path(""));
    for (place, told) in
        [(&nowhere, "there is no such folder"), (&folder, "it is a folder"), (&good, "both write to")]
    {
        let ended = end(files.report(1, &["--csv", &good, "--junit", place]));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains(told) && ended.stderr.contains("--junit"), "{}", ended.stderr);
        assert!(!Path::new(&good).exists());
    }
}

#[test]
fn what_cannot_be_written_is_told_and_the_rest_is_written() {
    let files = Files::of(&[&passed()]);
    let ended = end(files.report(1, &["--junit", "/dev/full", "--csv", &files.path("a.csv"), "--quiet"]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("cannot write /dev/full"), "{}", ended.stderr);
    assert!(files.text("a.csv").starts_with("name,run,"));
}

#[test]
fn a_file_that_standard_output_goes_to_stays_the_one_it_is() {
    let files = Files::of(&[&passed()]);
    let out = std::fs::File::create(files.path("out")).expect("it can be made");
    let mut call = files.report(1, &["--csv", "/dev/stdout"]);
    assert!(call.stdout(out).status().expect("the binary runs").success());
    assert_eq!(files.text("out").lines().count(), 2, "{}", files.text("out"));
    assert!(files.text("out").starts_with("name,run,"));
}

#[test]
fn github_gets_a_summary_and_annotations() {
    let files = Files::of(&[&failed(), &hostile()]);
    std::fs::write(files.path("summary.md"), "before\n").expect("it can be written");
    let mut call = files.report(1, &["--github"]);
    call.env("GITHUB_STEP_SUMMARY", files.path("summary.md"));
    let ended = end(call);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let commands = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.trim_start().starts_with("::")).map(str::to_owned).collect()
    };
    let told = commands(&ended.stdout);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("::error title=quickstart%3A records.lost,file=scenarios/quickstart.yaml::records.lost is 1, limit == 0%0A")
    );
    assert!(files.text("summary.md").starts_with("before\n## ❌ FAIL: `quickstart`\n"));

    let mut both = files.report(2, &["--github", "--csv", "-"]);
    both.env("GITHUB_STEP_SUMMARY", files.path("summary.md"));
    let ended = end(both);
    assert_eq!(commands(&ended.stdout), Vec::<String>::new());
    assert!(!ended.stderr.contains("##[") && !ended.stderr.contains('\r'), "{}", ended.stderr);
    let told = commands(&ended.stderr);
    assert!(told.iter().all(|line| {
        ["::error title=", "::warning title=", "::notice title="].iter().any(|level| line.starts_with(level))
    }));
    assert!(told.len() > 2 && told.len() <= 20, "{told:?}");
    assert!(files.text("summary.md").matches("\n## ").count() == 3);
}

#[test]
fn github_is_refused_where_it_is_not() {
    let files = Files::of(&[&passed()]);
    let ended = end(files.report(1, &["--github"]));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("GITHUB_STEP_SUMMARY"), "{}", ended.stderr);
}

#[test]
fn a_run_writes_the_same_reports_and_exits_by_its_verdict() {
    let files = Files::of(&[]);
    let mut call = short_run(Path::new(&files.path("reports")));
    call.args([
        "--set",
        "faults=[{box: proxy, kind: drop-after-ack, every: 100}]",
        "--run-id",
        "r9",
        "--github",
    ]);
    call.args(["--junit", &files.path("out.xml"), "--openmetrics", &files.path("out.prom"), "--json", "-"]);
    call.env("GITHUB_STEP_SUMMARY", files.path("summary.md"));
    let ended = end(call);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let result: Value = serde_json::from_str(&ended.stdout).expect("standard output is the result");
    let lost = result["records"]["lost"].as_u64().expect("a count");
    assert!(
        lost > 0
            && ended
                .stderr
                .contains("::error title=quickstart%3A records.lost,file=scenarios/quickstart.yaml::"),
        "{}",
        ended.stderr
    );
    validate_junit(Path::new(&files.path("out.xml")));
    let failures = elements(&files.text("out.xml")).into_iter().filter(|element| element.name == "failure");
    assert_eq!(failures.count(), 2);
    assert!(files.text("out.prom").contains(&format!("disposition=\"lost\"}} {lost}.0\n")));
    assert!(files.text("summary.md").contains("FAIL: `quickstart`"));
    // Made again from what the run left behind, they are the same.
    let folder = files.path("reports/r9");
    let again = end(landfall(&["report", &folder, "--quiet", "--junit", "-"]));
    assert_eq!(again.stdout, files.text("out.xml"));
}

#[test]
fn a_run_does_not_begin_where_its_reports_have_no_place() {
    let files = Files::of(&[]);
    let reports = files.path("reports");
    for arguments in
        [&["--junit", &files.path("none/out.xml")][..], &["--github"][..], &["--csv", "-", "--json", "-"][..]]
    {
        let mut call = short_run(Path::new(&reports));
        call.args(arguments);
        let ended = end(call);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(!Path::new(&reports).exists(), "{arguments:?}");
    }
}

#[test]
fn a_report_that_cannot_be_written_makes_a_pass_a_usage_error() {
    let files = Files::of(&[]);
    let mut call = short_run(Path::new(&files.path("reports")));
    call.args(["--quiet", "--run-id", "r9", "--markdown", "/dev/full"]);
    let ended = end(call);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write /dev/full"), "{}", ended.stderr);
    assert!(Path::new(&files.path("reports/r9/result.json")).exists());
}

#[test]
fn what_standard_output_does_not_take_is_no_success() {
    let files = Files::of(&[&passed()]);
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("the system has it");
    for format in ["--junit", "--json", "--csv"] {
        let mut call = files.report(1, &[format, "-", "--quiet"]);
        assert_eq!(call.stdout(full()).status().expect("the binary runs").code(), Some(2), "{format}");
    }
    assert_eq!(landfall(&["schema", "result"]).stdout(full()).status().expect("it runs").code(), Some(2));
}

#[test]
fn no_file_is_written_twice_and_none_that_is_read_is_written_over() {
    let files = Files::of(&[&passed()]);
    std::fs::create_dir(files.path("sub")).expect("it can be made");
    let (one, other) = (files.path("a.xml"), files.path("sub/../a.xml"));
    let ended = end(files.report(1, &["--junit", &one, "--html", &other]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("both write to") && !Path::new(&one).exists(), "{}", ended.stderr);

    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let result = folder.path().join("result.json");
    let text = serde_json::to_string(&passed()).expect("it serializes");
    std::fs::write(&result, &text).expect("it can be written");
    let mut call = landfall(&["report"]);
    let ended = end({
        call.arg(folder.path()).arg("--html").arg(&result);
        call
    });
    assert!(ended.code == Some(2) && ended.stderr.contains("which is read"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&result).expect("it is there"), text);

    let scenario = folder.path().join("scenario.yaml");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/orders.yaml"), &scenario)
        .expect("a copy");
    let mut call = landfall(&["run"]);
    call.arg(&scenario).arg("--json").arg(&scenario).arg("--reports").arg(folder.path());
    let ended = end(call);
    assert!(ended.code == Some(2) && ended.stderr.contains("which is read"), "{}", ended.stderr);
    assert!(std::fs::read_to_string(&scenario).expect("it is there").contains("version: 1"));
}

#[test]
fn what_a_killed_run_has_left_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let journal = folder.path().join("journal.bin");
    std::fs::write(&journal, "what is left").expect("it can be written");
    let mut call = landfall(&["recover"]);
    call.arg(folder.path()).arg("--junit").arg(&journal);
    let ended = end(call);
    assert!(ended.code == Some(2) && ended.stderr.contains("which is read"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&journal).expect("it is there"), "what is left");
}

#[test]
fn a_run_without_a_result_leaves_no_other_runs_reports() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let stale = folder.path().join("landfall.xml");
    std::fs::write(&stale, "<testsuites/>").expect("it can be written");
    let mut call = short_run(folder.path());
    // Nobody listens there, so the path cannot be brought up.
    for set in [
        "stack.kafka={kind: external, bootstrap: \"127.0.0.1:1\", create_topics: true}",
        "stack.idp=none",
        "stack.gateway=none",
        "stack.proxy={kind: external, url: \"http://127.0.0.1:1\"}",
    ] {
        call.args(["--set", set]);
    }
    call.arg("--junit").arg(&stale);
    let ended = end(call);
    assert!(ended.code.is_some_and(|code| code == 2 || code == 3), "{ended:?}");
    assert!(!stale.exists(), "{ended:?}");
}

#[test]
fn gitlab_is_told_the_scenarios_file_from_where_landfall_was_started() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let issues = folder.path().join("quality.json");
    let mut call = landfall(&["run", "scenarios/quickstart.yaml", "--quiet", "--name", "nightly"]);
    call.current_dir(env!("CARGO_MANIFEST_DIR")).arg("--reports").arg(folder.path());
    call.args(["--set", "workload[0].arrivals.constant=20/s", "--set", "workload[0].for=1s"]);
    call.args(["--set", "workload[1].for=1s", "--set", "checks=[records.landed == 1]"]);
    call.arg("--gitlab").arg(&issues);
    assert_eq!(end(call).code, Some(1));
    let text = std::fs::read_to_string(&issues).expect("it was written");
    let issues: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert!(issues.iter().all(|issue| issue["location"]["path"] == "scenarios/quickstart.yaml"), "{text}");
    assert!(!issues.is_empty());
}
