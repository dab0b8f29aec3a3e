//! What stands between a result and a pass, and what was found besides.

use crate::result::{CheckResult, Finding, RunResult, Verdict};

/// A result's problems, each once.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    /// Checks that do not pass, each with its sentence.
    pub(super) checks: Vec<(&'a CheckResult, String)>,
    /// Reasons of the verdict that are no check's. There is one at least where the result is no pass and no check says
    /// why.
    pub(super) others: Vec<&'a str>,
    /// The verdict that these make: what fails a run is a check, and where one does, they are what would have left the
    /// verdict open.
    pub(super) verdict_of_others: Verdict,
    /// Findings that no check that does not pass shows.
    pub(super) besides: Vec<&'a Finding>,
}

impl<'a> Problems<'a> {
    pub(super) fn of(result: &'a RunResult) -> Self {
        let bad = result.checks.iter().filter(|check| check.verdict != Verdict::Pass);
        let checks: Vec<(&CheckResult, String)> = bad.map(|check| (check, check.sentence())).collect();
        let of_a_check = |reason: &str| checks.iter().any(|(_, sentence)| sentence == reason);
        let reasons = result.reasons.iter().map(String::as_str);
        let mut others: Vec<&str> = reasons.filter(|reason| !of_a_check(reason)).collect();
        if result.verdict != Verdict::Pass && checks.is_empty() && others.is_empty() {
            others.push("no reason was given");
        }
        let failed = checks.iter().any(|(check, _)| check.verdict == Verdict::Fail);
        let verdict_of_others = if failed { Verdict::Inconclusive } else { result.verdict };
        let shown = |finding: &&Finding| checks.iter().any(|(check, _)| finding.is_evidence_of(&check.name));
        let besides = result.findings.iter().filter(|finding| !shown(finding)).collect();
        Self { checks, others, verdict_of_others, besides }
    }
}

/// The findings that show what a check is about.
pub(super) fn evidence<'a>(
    check: &'a CheckResult,
    findings: &'a [Finding],
) -> impl Iterator<Item = &'a Finding> {
    findings.iter().filter(|finding| finding.is_evidence_of(&check.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;

    #[test]
    fn each_problem_is_there_once() {
        let mut result = result();
        result.reasons.push("the run is incomplete: stopped by SIGINT".into());
        let other =
            Finding { kind: "records.duplicated".into(), examples: Vec::new(), ..result.findings[0].clone() };
        result.findings.push(other);
        let problems = Problems::of(&result);
        assert_eq!(
            problems.checks.iter().map(|(check, _)| check.name.as_str()).collect::<Vec<_>>(),
            ["records.lost"]
        );
        assert_eq!(problems.others, ["the run is incomplete: stopped by SIGINT"]);
        assert_eq!(problems.verdict_of_others, Verdict::Inconclusive);
        assert_eq!(
            problems.besides.iter().map(|found| found.kind.as_str()).collect::<Vec<_>>(),
            ["records.duplicated"]
        );
    }

    #[test]
    fn copies_are_evidence_of_those_that_the_path_made() {
        let mut result = result();
        result.findings[0].kind = "records.duplicated".into();
        assert_eq!(Problems::of(&result).besides.len(), 1);
        result.checks[0].name = "records.duplicated_beyond_attempts".into();
        assert!(Problems::of(&result).besides.is_empty());
        assert_eq!(evidence(&result.checks[0], &result.findings).count(), 1);
        // Copies that retries explain are found all the same, and fail nothing.
        result.checks[0].verdict = Verdict::Pass;
        assert_eq!(Problems::of(&result).besides.len(), 1);
    }

    #[test]
    fn no_verdict_but_pass_is_without_a_problem() {
        for verdict in [Verdict::Fail, Verdict::Invalid, Verdict::Inconclusive, Verdict::Pass] {
            let mut result = result();
            (result.verdict, result.checks, result.reasons) = (verdict, Vec::new(), Vec::new());
            let problems = Problems::of(&result);
            assert_eq!(problems.others.len(), usize::from(verdict != Verdict::Pass));
            assert_eq!(problems.verdict_of_others, verdict);
        }
    }
}
