//! Results as GitLab's Code Quality reads them: a subset of Code Climate's issues, as
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format> describes it.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;

use super::Named;
use super::json::lines;
use super::problems::Problems;
use super::text::{grouped, short};
use crate::result::{Finding, RunResult, Verdict};

/// Characters of a text.
const LONGEST: usize = 1_000;

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Issue {
    description: String,
    check_name: String,
    /// The same for the same thing in each run of a scenario, so that GitLab tells what is new.
    fingerprint: String,
    severity: Severity,
    location: Location,
}

/// The gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Info,
    Major,
    Critical,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Lines {
    begin: u32,
}

/// An issue for each check that does not pass, each other reason of a verdict, and each finding that fails nothing; they
/// stand at the first line of the scenario's file. Of runs of one scenario, each issue is there once, the gravest.
///
/// # Errors
/// Whatever the serializer says; these issues always serialize.
pub fn code_quality(results: &[Named<'_>]) -> serde_json::Result<String> {
    let mut issues: Vec<Issue> = Vec::new();
    for issue in results.iter().flat_map(|named| of(named.result)) {
        match issues.iter_mut().find(|other| other.fingerprint == issue.fingerprint) {
            Some(other) if other.severity < issue.severity => *other = issue,
            Some(_) => {}
            None => issues.push(issue),
        }
    }
    lines(&issues)
}

fn of(result: &RunResult) -> Vec<Issue> {
    let mut issues = Vec::new();
    let Problems { checks, others, verdict_of_others, besides } = Problems::of(result);
    for (check, sentence) in checks {
        issues.push(issue(result, &check.name, &check.limit, severity(check.verdict), &sentence));
    }
    if !others.is_empty() {
        // Such reasons have counts and moments in them, so all of them are one thing, or it would be new in each run.
        let sentence = format!("{}: {}", result.verdict.as_str(), others.join("; "));
        issues.push(issue(result, "verdict", "", severity(verdict_of_others), &sentence));
    }
    for Finding { kind, count, meaning, examples: _ } in besides {
        let sentence = format!("{} {kind}: {meaning}", grouped(*count));
        issues.push(issue(result, kind, "", Severity::Info, &sentence));
    }
    issues
}

fn severity(verdict: Verdict) -> Severity {
    match verdict {
        Verdict::Fail => Severity::Critical,
        Verdict::Invalid | Verdict::Inconclusive => Severity::Major,
        Verdict::Pass => Severity::Info,
    }
}

fn issue(result: &RunResult, check: &str, limit: &str, severity: Severity, sentence: &str) -> Issue {
    let scenario = &result.scenario;
    let file = || scenario.files.first().map(|file| file.path.as_str());
    let path = scenario.path.as_deref().or_else(file).unwrap_or(&scenario.name);
    Issue {
        description: short(&format!("{}: {sentence}", scenario.name), LONGEST),
        check_name: short(check, LONGEST),
        fingerprint: fingerprint(&[&scenario.name, check, limit]),
        severity,
        location: Location { path: short(path, LONGEST), lines: Lines { begin: 1 } },
    }
}

/// SHA-256, in hexadecimal.
fn fingerprint(parts: &[&str]) -> String {
    // With their lengths, so that no two lists make the same text.
    let text = parts.iter().fold(String::new(), |mut text, part| {
        let _ = write!(text, "{}:{part}", part.len());
        text
    });
    hex::encode(digest(&SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;
    use crate::result::FileText;

    fn issues(results: &[&RunResult]) -> Vec<serde_json::Value> {
        let named: Vec<Named<'_>> = results.iter().map(|result| Named { name: "x", result }).collect();
        serde_json::from_str(&code_quality(&named).unwrap()).unwrap()
    }

    #[test]
    fn issues_say_what_and_where() {
        let mut result = result();
        result.scenario.files =
            vec![FileText { path: "scenarios/quickstart.yaml".into(), text: String::new() }];
        result.reasons.push("the run is incomplete: stopped by SIGINT".into());
        let other = Finding {
            kind: "records.duplicated".into(),
            count: 2,
            meaning: "twice".into(),
            examples: vec![],
        };
        result.findings.push(other);
        insta::assert_snapshot!(code_quality(&[Named { name: "quickstart", result: &result }]).unwrap());
    }

    #[test]
    fn a_pass_is_an_empty_list() {
        let mut result = result();
        result.verdict = Verdict::Pass;
        (result.checks, result.reasons, result.findings) = Default::default();
        assert_eq!(issues(&[&result]), Vec::<serde_json::Value>::new());
        result.verdict = Verdict::Invalid;
        assert_eq!(issues(&[&result])[0]["severity"], "major");
    }

    #[test]
    fn a_fingerprint_outlives_the_run_and_none_stands_twice() {
        let (one, mut two) = (result(), result());
        (two.run, two.checks[0].seen, two.scenario.hash) = ("other".into(), "7".into(), "other".into());
        two.reasons = vec![two.checks[0].sentence()];
        assert_eq!(issues(&[&one])[0]["fingerprint"], issues(&[&two])[0]["fingerprint"]);
        assert_eq!(issues(&[&one, &two]).len(), 1);
        two.scenario.name = "other".into();
        assert_eq!(issues(&[&one, &two]).len(), 2);
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }

    #[test]
    fn of_one_issue_the_gravest_stays() {
        let (one, two) = (result(), result());
        let mut one = one;
        one.checks[0].verdict = Verdict::Inconclusive;
        assert_eq!(issues(&[&one, &two])[0]["severity"], "critical");
    }
}
