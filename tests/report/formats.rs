//! What the formats say.

use std::path::Path;

use landfall::result::{Evidence, RunResult, Verdict};
use serde_json::Value;

use crate::harness::{Files, HOSTILE, broken_off, failed, hostile, passed, recovered};
use crate::readers::{Element, elements, metrics, rows, validate_junit};

/// The rendered files of these results, with JUnit's held against its schema.
fn rendered(results: &[&RunResult]) -> Files {
    let files = Files::of(results);
    files.render(results.len());
    validate_junit(Path::new(&files.path("out.xml")));
    files
}

fn cases(files: &Files) -> (Vec<Element>, Vec<Element>) {
    let mut all = elements(&files.text("out.xml"));
    all.retain(|element| ["testcase", "failure", "error"].contains(&element.name.as_str()));
    all.into_iter().partition(|element| element.name == "testcase")
}

fn json(files: &Files, name: &str) -> Value {
    serde_json::from_str(&files.text(name)).expect("it is JSON")
}

/// The value of a gauge that has this label.
fn gauge(files: &Files, name: &str, label: (&str, &str)) -> Option<f64> {
    let label = (label.0.to_owned(), label.1.to_owned());
    let samples = metrics(Path::new(&files.path("out.prom")));
    let found = samples.into_iter().find(|sample| sample.name == name && sample.labels.contains(&label));
    found.map(|sample| sample.value)
}

#[test]
fn a_run_that_passed_is_green_everywhere_and_its_figures_are_those_of_the_result() {
    let result = passed();
    let files = rendered(&[&result]);
    let (cases, problems) = cases(&files);
    assert_eq!((cases.len(), problems.len()), (result.checks.len() + 2, 0));
    assert_eq!(serde_json::from_value::<RunResult>(json(&files, "out.json")).expect("a result"), result);
    assert!(files.text("out.md").starts_with("## ✅ PASS: `quickstart`\n"));
    let table = rows(&files.text("out.csv"));
    let latency = result.latency_us.p999.to_string();
    assert_eq!(table.len(), 1);
    assert_eq!((&table[0]["latency_p999_us"], &table[0]["verdict"]), (&latency, &"pass".to_owned()));
    let stretches = &result.timeline.as_ref().expect("a run has a timeline").stretches;
    let timeline = rows(&files.text("timeline.csv"));
    assert_eq!(timeline.len(), stretches.len());
    let begun: u64 = timeline.iter().map(|row| row["begun"].parse::<u64>().expect("a number")).sum();
    assert_eq!(begun, result.requests.sent);
    #[expect(clippy::cast_precision_loss, reason = "there are few records")]
    let landed = result.records.landed as f64;
    assert_eq!(gauge(&files, "landfall_result_records", ("disposition", "landed")), Some(landed));
    assert_eq!(gauge(&files, "landfall_result_verdict", ("verdict", "pass")), Some(1.0));
    assert_eq!(json(&files, "gitlab.json"), Value::Array(Vec::new()));
}

#[test]
fn a_run_that_failed_is_red_everywhere_and_says_why() {
    let files = rendered(&[&failed()]);
    let (_, problems) = cases(&files);
    let names: Vec<(&str, &str)> =
        problems.iter().map(|problem| (problem.name.as_str(), problem.within.1.as_str())).collect();
    assert_eq!(names, [("failure", "verdict"), ("failure", "records.lost == 0")]);
    assert!(problems[1].text.contains("request 0.17"), "{problems:?}");
    assert!(files.text("out.md").contains("FAIL: `quickstart`"));
    assert_eq!(rows(&files.text("out.csv"))[0]["records_lost"], "1");
    assert_eq!(gauge(&files, "landfall_result_verdict", ("verdict", "fail")), Some(1.0));
    let issues = json(&files, "gitlab.json");
    assert_eq!(
        (&issues[0]["check_name"], &issues[0]["severity"], &issues[0]["location"]["path"]),
        (&"records.lost".into(), &"critical".into(), &"scenarios/quickstart.yaml".into())
    );
}

#[test]
fn a_run_that_decides_nothing_is_not_green() {
    for (verdict, mut result) in [
        (Verdict::Invalid, passed()),
        (Verdict::Inconclusive, broken_off()),
        (Verdict::Inconclusive, recovered()),
    ] {
        result.verdict = verdict;
        let files = rendered(&[&result]);
        let (_, problems) = cases(&files);
        assert!(problems.iter().any(|problem| problem.name == "error" && problem.within.1 == "verdict"));
        let of_the_run = problems.iter().filter(|problem| problem.within.1 == "run").count();
        assert_eq!(of_the_run, usize::from(result.incomplete.is_some()));
        assert_eq!(json(&files, "gitlab.json")[0]["severity"], "major");
        assert!(files.text("out.md").starts_with("## ⚠️ "));
    }
}

#[test]
fn what_is_not_known_of_a_run_that_was_killed_is_not_made_up() {
    let files = rendered(&[&recovered()]);
    let row = &rows(&files.text("out.csv"))[0];
    assert_eq!((row["latency_p50_us"].as_str(), row["elapsed_us"].as_str()), ("", ""));
    assert_eq!(rows(&files.text("timeline.csv")).len(), 0);
    assert_eq!(gauge(&files, "landfall_result_latency_seconds", ("quantile", "0.5")), None);
    assert_eq!(gauge(&files, "landfall_result_incomplete", ("scenario", "quickstart")), Some(1.0));
    assert!(!files.text("out.md").contains("latency"));
}

#[test]
fn several_results_stand_in_each_format() {
    let files = rendered(&[&passed(), &failed(), &recovered()]);
    let suites = elements(&files.text("out.xml")).into_iter().filter(|element| element.name == "testsuite");
    let names: Vec<String> = suites.map(|suite| suite.attributes["name"].clone()).collect();
    // All are of one scenario, so their runs name them.
    assert_eq!(names, ["r1", "r2", "r4"]);
    assert_eq!(json(&files, "out.json").as_array().map(Vec::len), Some(3));
    assert!(files.text("out.md").contains("| figure | `r1` | `r2` | `r4` |"));
    let table = rows(&files.text("out.csv"));
    assert_eq!(table.iter().map(|row| row["name"].as_str()).collect::<Vec<_>>(), ["r1", "r2", "r4"]);
    assert!(rows(&files.text("timeline.csv")).iter().all(|row| row["name"] != "r4"));
    for (scenario, verdict) in [("r1", 0.0), ("r2", 0.0), ("r4", 1.0)] {
        assert_eq!(gauge(&files, "landfall_result_incomplete", ("scenario", scenario)), Some(verdict));
    }
}

#[test]
fn text_from_outside_stays_text() {
    let files = rendered(&[&hostile()]);
    let (_, problems) = cases(&files);
    assert!(problems.iter().any(|problem| problem.text.contains("<script>]]>&amp;")), "{problems:?}");
    let row = &rows(&files.text("out.csv"))[0];
    assert!(row["name"].starts_with("'=cmd()|") && row["run"].starts_with("'="), "{row:?}");
    let samples = metrics(Path::new(&files.path("out.prom")));
    assert!(samples.iter().all(|sample| sample.labels[0].1.contains("\"q\" \\ %0A")), "{samples:?}");
    let issues = json(&files, "gitlab.json");
    assert!(issues[0]["description"].as_str().is_some_and(|text| text.contains("<script>")));
    for (name, ends) in
        [("out.xml", '\n'), ("out.md", '\n'), ("out.csv", '\n'), ("out.prom", '\n'), ("gitlab.json", '\n')]
    {
        let text = files.text(name);
        let acts =
            |c: char| (c.is_control() && c != ends) || matches!(c, '\u{202e}' | '\u{2028}' | '\u{fffe}');
        assert!(!text.contains(acts), "{name}: {:?}", text.find(acts));
        let begins = |line: &str| line.trim_start().starts_with("::");
        assert!(!text.lines().any(begins), "{name}");
    }
    // The result itself is what it was.
    assert_eq!(json(&files, "out.json")["run"], HOSTILE);
}

#[test]
fn a_thousand_of_everything_is_bounded_and_counted() {
    let mut result = failed();
    let example = Evidence { detail: "x".repeat(1_000), ..result.findings[0].examples[0].clone() };
    result.findings[0].examples = vec![example; 1_000];
    result.findings[0].count = 1_000_000;
    let besides = (0..999).map(|number| landfall::result::Finding {
        kind: format!("records.kind-{number}"),
        examples: Vec::new(),
        ..result.findings[0].clone()
    });
    let besides: Vec<_> = besides.collect();
    result.findings.extend(besides);
    let files = rendered(&[&result]);
    let (_, problems) = cases(&files);
    assert!(problems[1].text.contains("and 999,980 more"));
    assert!(files.text("out.md").contains("- and 980 more") && files.text("out.md").len() < 1 << 20);
    assert!(files.text("out.xml").len() < 1 << 20);
    assert_eq!(json(&files, "gitlab.json").as_array().map(Vec::len), Some(1_000));
}
