//! The result in a sentence or two, for who reads no more.

use std::fmt::Write as _;

use super::text::grouped;
use crate::result::{Finding, RunResult, Verdict};

/// What the run came to, in sentences.
pub(super) fn headline(result: &RunResult) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(reason) = &result.incomplete {
        sentences.push(format!("The run did not go to its end: {reason}."));
    }
    match result.verdict {
        Verdict::Pass => {
            sentences.push(records(result));
            sentences.push("Nothing was found wrong, and every check holds.".into());
        }
        Verdict::Fail => sentences.extend(failure(result)),
        Verdict::Invalid => {
            sentences.push(
                "landfall itself was too slow for its times to mean anything, so they decide nothing.".into(),
            );
            sentences.push(records(result));
        }
        Verdict::Inconclusive => {
            sentences.push("The data cannot decide.".into());
            sentences.push(records(result));
        }
    }
    sentences
}

/// What became of what was acknowledged and refused.
fn records(result: &RunResult) -> String {
    let r = &result.records;
    if r.acked == 0 {
        return "No record was acknowledged.".into();
    }
    let acked = match (r.acked == r.landed, r.lost, r.unverifiable) {
        (true, ..) => {
            format!("All {} records that were acknowledged were found in their topics", grouped(r.acked))
        }
        (false, lost, unverifiable) => {
            let mut text = format!(
                "Of {} records that were acknowledged, {} were found",
                grouped(r.acked),
                grouped(r.landed)
            );
            if lost > 0 {
                let _ = write!(text, ", {} are lost", grouped(lost));
            }
            if unverifiable > 0 {
                let _ = write!(text, ", {} could not be looked up", grouped(unverifiable));
            }
            text
        }
    };
    match (r.refused, r.leaked) {
        (0, _) => format!("{acked}."),
        (refused, 0) => format!("{acked}; none of the {} that were refused was.", grouped(refused)),
        (refused, leaked) => {
            format!("{acked}; {} of the {} that were refused were, too.", grouped(leaked), grouped(refused))
        }
    }
}

/// What speaks against the path: what was found; if that is nothing, that checks do not hold.
fn failure(result: &RunResult) -> Vec<String> {
    let found = |finding: &Finding| {
        let name = finding.kind.replace(['.', '_'], " ");
        format!("{} {name}: {}.", grouped(finding.count), finding.meaning)
    };
    if !result.findings.is_empty() {
        return result.findings.iter().map(found).collect();
    }
    let failed = result.checks.iter().filter(|check| check.verdict == Verdict::Fail).count();
    let (what, verb) = if failed == 1 { ("check", "does") } else { ("checks", "do") };
    vec![format!("{failed} of {} {what} {verb} not hold.", result.checks.len()), records(result)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;
    use crate::result::{CheckResult, Records};

    fn told(change: impl FnOnce(&mut RunResult)) -> String {
        let mut result = result();
        result.verdict = Verdict::Pass;
        result.findings.clear();
        result.records = Records {
            sent: 1_050,
            acked: 1_000,
            landed: 1_000,
            refused: 50,
            absent: 50,
            ..Records::default()
        };
        change(&mut result);
        headline(&result).join(" ")
    }

    #[test]
    fn a_headline_says_no_more_than_is_known() {
        let pass = "All 1,000 records that were acknowledged were found in their topics; none of the 50 that were refused was. \
                    Nothing was found wrong, and every check holds.";
        assert_eq!(told(|_| {}), pass);
        let unread = told(|result| {
            result.verdict = Verdict::Inconclusive;
            (result.records.landed, result.records.unverifiable) = (400, 600);
        });
        assert_eq!(
            unread,
            "The data cannot decide. Of 1,000 records that were acknowledged, 400 were found, 600 could not be looked up; \
             none of the 50 that were refused was."
        );
        let nothing = told(|result| {
            result.verdict = Verdict::Fail;
            result.records = Records::default();
        });
        assert_eq!(nothing, "1 of 1 check does not hold. No record was acknowledged.");
        let late = told(|result| {
            result.verdict = Verdict::Invalid;
            result.incomplete = Some("stopped by SIGTERM".into());
            (result.records.refused, result.records.absent) = (0, 0);
        });
        assert_eq!(
            late,
            "The run did not go to its end: stopped by SIGTERM. landfall itself was too slow for its times to mean anything, so \
             they decide nothing. All 1,000 records that were acknowledged were found in their topics."
        );
    }

    #[test]
    fn a_failure_says_what_was_found_or_else_what_does_not_hold() {
        let found = told(|result| {
            result.verdict = Verdict::Fail;
            result.findings = super::super::terminal::tests::result().findings;
        });
        assert_eq!(found, "3 records lost: acknowledged, but not in the topic.");
        let slow = told(|result| {
            result.verdict = Verdict::Fail;
            let check = |name: &str| CheckResult { name: name.into(), ..result.checks[0].clone() };
            result.checks = vec![check("latency.p99"), check("rate.achieved")];
        });
        assert!(slow.starts_with("2 of 2 checks do not hold. All 1,000 records"), "{slow}");
    }
}
