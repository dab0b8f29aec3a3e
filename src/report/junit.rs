//! Results as CI systems read tests: the XML of `JUnit`'s Ant task, in the shape that Jenkins' schema `junit-10.xsd`
//! describes, and that GitLab and the reporters for GitHub read too.

use std::fmt::Write as _;

use super::Named;
use super::figures::{elapsed_us, seconds};
use super::problems::{Problems, evidence};
use super::text::{example, grouped, plain, short};
use super::xml::{Out, document, element, empty, text};
use crate::result::{CheckResult, Finding, RunResult, Verdict};

/// Examples that a failure shows of what was found; the JSON may have more.
const EXAMPLES: usize = 20;

const FAILURE: &str = "failure";
const ERROR: &str = "error";

/// Characters of a line that comes from outside.
const LINE: usize = 2_000;

/// A suite a result: a case for the verdict, one for whether the run went to its end, and one for each check.
///
/// What is `fail` is a failure. What is `invalid` or `inconclusive` is an error: it is no pass, and who reads nothing but
/// this must not take it for one.
#[must_use]
pub fn junit(results: &[Named<'_>]) -> String {
    let suites: Vec<Suite> = results.iter().map(Suite::of).collect();
    document(|out| write(out, &suites))
}

struct Suite {
    name: String,
    timestamp: String,
    took_us: u64,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
}

struct Case {
    class: String,
    name: String,
    took_us: u64,
    problem: Option<Problem>,
    /// What was found and is no problem.
    besides: String,
}

/// Why a case does not pass.
struct Problem {
    verdict: Verdict,
    message: String,
    body: String,
}

impl Problem {
    /// The element that tells of it.
    fn element(&self) -> &'static str {
        match self.verdict {
            Verdict::Fail => FAILURE,
            Verdict::Pass | Verdict::Inconclusive | Verdict::Invalid => ERROR,
        }
    }
}

impl Suite {
    fn of(named: &Named<'_>) -> Self {
        let Named { name, result } = named;
        let name = short(name, LINE);
        let took_us = elapsed_us(result).unwrap_or(0);
        let mut cases = vec![verdict(&name, result), whole(&name, result, took_us)];
        cases.extend(result.checks.iter().map(|check| case(&name, check, &result.findings)));
        let landfall = result.versions.get("landfall").map_or("", String::as_str);
        Self {
            timestamp: plain(&result.started),
            took_us,
            properties: vec![
                ("run", plain(&result.run)),
                ("seed", result.scenario.seed.to_string()),
                ("hash", plain(&result.scenario.hash)),
                ("landfall", plain(landfall)),
            ],
            cases,
            name,
        }
    }

    fn count(&self, element: &str) -> usize {
        let problems = self.cases.iter().filter_map(|case| case.problem.as_ref());
        problems.filter(|problem| problem.element() == element).count()
    }
}

/// The verdict over everything, with its reasons, and beside it what was found and fails nothing.
fn verdict(name: &str, result: &RunResult) -> Case {
    let problem = (result.verdict != Verdict::Pass).then(|| Problem {
        verdict: result.verdict,
        message: match result.reasons.first() {
            Some(reason) => format!("{}: {}", result.verdict.as_str(), short(reason, LINE)),
            None => result.verdict.as_str().to_owned(),
        },
        body: lines(result.reasons.iter().map(|reason| short(reason, LINE)), result.reasons.len()),
    });
    let besides = Problems::of(result).besides;
    let count = besides.len();
    Case {
        class: name.to_owned(),
        name: "verdict".into(),
        took_us: 0,
        problem,
        besides: lines(besides.into_iter().map(found), count),
    }
}

/// Whether the run went to its end.
fn whole(name: &str, result: &RunResult, took_us: u64) -> Case {
    let problem = result.incomplete.as_ref().map(|reason| Problem {
        verdict: Verdict::Inconclusive,
        message: format!("the run is incomplete: {}", short(reason, LINE)),
        body: String::new(),
    });
    Case { class: name.to_owned(), name: "run".into(), took_us, problem, besides: String::new() }
}

/// A check, and of what it counts the examples.
fn case(name: &str, check: &CheckResult, findings: &[Finding]) -> Case {
    let problem = (check.verdict != Verdict::Pass).then(|| {
        let mut body = check.because.as_ref().map_or_else(String::new, |because| short(because, LINE) + "\n");
        for finding in evidence(check, findings) {
            body += &found(finding);
            body.push('\n');
            let shown = finding
                .examples
                .iter()
                .map(|seen| short(&format!("{} — {}", example(seen), plain(&seen.detail)), LINE));
            body += &lines(shown, usize::try_from(finding.count).unwrap_or(usize::MAX));
        }
        Problem {
            verdict: check.verdict,
            message: format!("{}, limit {}", short(&check.seen, LINE), short(&check.limit, LINE)),
            body,
        }
    });
    Case {
        class: format!("{name}.checks"),
        name: short(&format!("{} {}", check.name, check.limit), LINE),
        took_us: 0,
        problem,
        besides: String::new(),
    }
}

/// A finding in a line.
fn found(finding: &Finding) -> String {
    let Finding { kind, count, meaning, examples: _ } = finding;
    short(&format!("{} {kind}: {meaning}", grouped(*count)), LINE)
}

/// The first lines of so many, and how many more there are.
fn lines(lines: impl Iterator<Item = String>, of: usize) -> String {
    let shown: Vec<String> = lines.take(EXAMPLES).collect();
    let more = of.saturating_sub(shown.len());
    let mut text: String = shown.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    if more > 0 {
        let _ = writeln!(text, "and {} more", grouped(more as u64));
    }
    text
}

fn write(out: &mut Out, suites: &[Suite]) {
    let count = |element| suites.iter().map(|suite| suite.count(element)).sum::<usize>().to_string();
    let tests = suites.iter().map(|suite| suite.cases.len()).sum::<usize>().to_string();
    let time = seconds(suites.iter().fold(0, |sum, suite| sum.saturating_add(suite.took_us)));
    let (failures, errors) = (count(FAILURE), count(ERROR));
    let attributes = [
        ("name", "landfall"),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
        ("time", &time),
    ];
    element(out, "testsuites", &attributes, |out| suites.iter().for_each(|suite| write_suite(out, suite)));
}

fn write_suite(out: &mut Out, suite: &Suite) {
    let (tests, time) = (suite.cases.len().to_string(), seconds(suite.took_us));
    let (failures, errors) = (suite.count(FAILURE).to_string(), suite.count(ERROR).to_string());
    let attributes = [
        ("name", suite.name.as_str()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
        ("skipped", "0"),
        ("time", &time),
        ("timestamp", &suite.timestamp),
    ];
    element(out, "testsuite", &attributes, |out| {
        element(out, "properties", &[], |out| {
            for (name, value) in &suite.properties {
                empty(out, "property", &[("name", *name), ("value", value)]);
            }
        });
        suite.cases.iter().for_each(|case| write_case(out, case));
    });
}

fn write_case(out: &mut Out, case: &Case) {
    let time = seconds(case.took_us);
    let attributes = [("classname", case.class.as_str()), ("name", &case.name), ("time", &time)];
    if case.problem.is_none() && case.besides.is_empty() {
        return empty(out, "testcase", &attributes);
    }
    element(out, "testcase", &attributes, |out| {
        if let Some(problem) = &case.problem {
            let attributes = [("type", problem.verdict.as_str()), ("message", &problem.message)];
            element(out, problem.element(), &attributes, |out| {
                text(out, &problem.body);
            });
        }
        if !case.besides.is_empty() {
            element(out, "system-out", &[], |out| {
                text(out, &case.besides);
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;
    use crate::result::Evidence;

    /// One of each verdict, and a finding that fails nothing.
    fn various() -> RunResult {
        let mut result = result();
        let check = |name: &str, verdict, because: Option<&str>| CheckResult {
            name: name.into(),
            verdict,
            seen: "12.3ms".into(),
            limit: "<= 1.00s".into(),
            because: because.map(Into::into),
        };
        result.checks.extend([
            check("latency.p99", Verdict::Invalid, Some("the generator was late")),
            check("latency.p999", Verdict::Inconclusive, Some("this quantile needs 10000 values or more")),
            check("latency.p50", Verdict::Pass, None),
        ]);
        result.findings.push(Finding {
            kind: "records.duplicated".into(),
            count: 1_234,
            meaning: "found more than once".into(),
            examples: Vec::new(),
        });
        result.reasons.push("latency.p99 is 12.3ms".into());
        result
    }

    fn of(result: &RunResult) -> String {
        junit(&[Named { name: "quickstart", result }])
    }

    #[test]
    fn what_does_not_pass_is_a_failure_or_an_error() {
        insta::assert_snapshot!(of(&various()));
    }

    #[test]
    fn no_verdict_but_pass_is_without_a_failure_or_an_error() {
        for verdict in [Verdict::Fail, Verdict::Invalid, Verdict::Inconclusive, Verdict::Pass] {
            let mut result = result();
            (result.verdict, result.checks, result.reasons) = (verdict, Vec::new(), Vec::new());
            let text = of(&result);
            let problems = text.matches("<failure").count() + text.matches("<error").count();
            assert_eq!(problems, usize::from(verdict != Verdict::Pass), "{text}");
            result.incomplete = Some("stopped by SIGINT".into());
            assert!(of(&result).contains("the run is incomplete: stopped by SIGINT"));
        }
    }

    #[test]
    fn nothing_from_outside_is_markup_or_no_character_of_xml() {
        let mut result = various();
        let hostile = "\0\u{1b}[31m<b>&amp;]]>\u{202e}\u{fffe}\u{ffff}\u{b}\"'\n";
        result.checks[0].seen = hostile.into();
        result.checks[1].because = Some(hostile.into());
        result.findings[0].examples[0].answer = hostile.into();
        result.reasons = vec![hostile.into()];
        let text = junit(&[Named { name: hostile, result: &result }]);
        let allowed =
            |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{202e}' | '\u{fffe}' | '\u{ffff}'));
        assert!(text.chars().all(allowed) && !text.contains("<b>") && !text.contains("]]>"), "{text}");
        let shown = "&lt;b&gt;&amp;amp;]]&gt;";
        assert!(text.matches(shown).count() >= 6, "{text}");
    }

    #[test]
    fn a_thousand_examples_are_cut_and_counted() {
        let mut result = result();
        let example = Evidence { request: "0.1".into(), detail: "x".repeat(10_000), ..Evidence::default() };
        result.findings[0].examples = vec![example; 1_000];
        result.findings[0].count = 1_000;
        let text = of(&result);
        assert!(text.contains("and 980 more") && text.len() < 60_000, "{}", text.len());
    }
}
