//! The result in a sentence or two, for who reads no more.

use std::fmt::Write as _;

use super::problems::{Problems, evidence};
use super::text::grouped;
use crate::result::{Finding, Reliance, RunResult, Verdict};

/// What the run came to, in sentences.
pub(super) fn headline(result: &RunResult) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(reason) = &result.incomplete {
        sentences.push(format!("The run did not go to its end: {reason}."));
    }
    match result.verdict {
        Verdict::Pass => sentences.extend([records(result), pass(result)]),
        Verdict::Fail => sentences.extend(failure(result)),
        Verdict::Invalid => {
            let count = checks_of(result, Verdict::Invalid);
            sentences.push(format!("{count} nothing, for what landfall itself did or could not do."));
            sentences.push(records(result));
        }
        Verdict::Inconclusive => {
            sentences.push("The data cannot decide.".into());
            sentences.push(records(result));
        }
    }
    match result.generator.reliance() {
        _ if result.verdict == Verdict::Invalid => {}
        Reliance::Full => {}
        Reliance::UpperBounds => {
            sentences
                .push("Its times may have been shorter than shown: landfall waited for processors.".into());
        }
        Reliance::None => {
            sentences
                .push("Its times are not to be relied on: landfall itself did not keep its limits.".into());
        }
    }
    sentences
}

/// What became of what was acknowledged and refused, as far as topics could be read.
fn records(result: &RunResult) -> String {
    let r = &result.records;
    let mut text = if r.acked == 0 {
        "No record was acknowledged".to_owned()
    } else if r.acked == r.landed {
        format!("All {} records that were acknowledged were found in their topics", grouped(r.acked))
    } else {
        format!("Of {} records that were acknowledged, {} were found", grouped(r.acked), grouped(r.landed))
    };
    // Writing to a string cannot fail.
    if r.lost > 0 {
        let _ = write!(text, ", {} are lost", grouped(r.lost));
    }
    if r.unverifiable > 0 {
        let _ = write!(text, ", {} could not be looked up", grouped(r.unverifiable));
    }
    let horizon = &result.horizon;
    let looked = if horizon.complete && horizon.compacted == 0 { "" } else { " in what could be read" };
    let refused = grouped(r.refused);
    let _ = match (r.refused, r.leaked) {
        (0, _) => Ok(()),
        (_, 0) => write!(text, "; none of the {refused} that were refused was found{looked}"),
        (_, leaked) => {
            write!(text, "; {} of the {refused} that were refused were found, too", grouped(leaked))
        }
    };
    if r.unknown > 0 {
        let (unknown, found) = (grouped(r.unknown), grouped(r.unknown_landed));
        let _ = write!(text, "; of {unknown} more no answer tells, and {found} were found");
    }
    text.push('.');
    text
}

/// What else there is to say of a pass.
fn pass(result: &RunResult) -> String {
    if result.findings.is_empty() {
        return "Nothing was found wrong, and every check holds.".into();
    }
    let found: Vec<String> = result.findings.iter().map(named).collect();
    format!("Every check holds; what was found besides fails none: {}.", found.join(", "))
}

/// What speaks against the path: what was found, and how many checks do not hold.
fn failure(result: &RunResult) -> Vec<String> {
    let failed = || result.checks.iter().filter(|check| check.verdict == Verdict::Fail);
    let mut sentences = Vec::new();
    for finding in failed().flat_map(|check| evidence(check, &result.findings)) {
        let sentence = format!("{}: {}.", named(finding), finding.meaning);
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    let found = sentences.len();
    let (verb, noun) = (if failed().count() == 1 { "does" } else { "do" }, noun(result.checks.len()));
    sentences.push(format!("{} of {} {noun} {verb} not hold.", failed().count(), result.checks.len()));
    if found == 0 {
        sentences.push(records(result));
    }
    let besides = Problems::of(result).besides;
    if !besides.is_empty() {
        let named: Vec<String> = besides.into_iter().map(named).collect();
        sentences.push(format!("What was found besides fails no check: {}.", named.join(", ")));
    }
    sentences
}

/// How many checks have a verdict, with the verb that goes with them.
fn checks_of(result: &RunResult, verdict: Verdict) -> String {
    let count = result.checks.iter().filter(|check| check.verdict == verdict).count();
    let verb = if count == 1 { "says" } else { "say" };
    format!("{count} of {} {} {verb}", result.checks.len(), noun(result.checks.len()))
}

fn noun(checks: usize) -> &'static str {
    if checks == 1 { "check" } else { "checks" }
}

/// A finding with its number.
fn named(finding: &Finding) -> String {
    format!("{} {}", grouped(finding.count), finding.kind.replace(['.', '_'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;
    use crate::result::{CheckResult, ExceededLimit, Records};

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
        let pass = "All 1,000 records that were acknowledged were found in their topics; none of the 50 that were refused was \
                    found. Nothing was found wrong, and every check holds.";
        assert_eq!(told(|_| {}), pass);
        let unread = told(|result| {
            result.verdict = Verdict::Inconclusive;
            (result.records.landed, result.records.unverifiable) = (400, 600);
            result.horizon.complete = false;
        });
        assert_eq!(
            unread,
            "The data cannot decide. Of 1,000 records that were acknowledged, 400 were found, 600 could not be looked up; \
             none of the 50 that were refused was found in what could be read."
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
            let late = CheckResult { verdict: Verdict::Invalid, ..result.checks[0].clone() };
            result.checks.push(late);
        });
        assert_eq!(
            late,
            "The run did not go to its end: stopped by SIGTERM. 1 of 2 checks says nothing, for what landfall itself did or \
             could not do. All 1,000 records that were acknowledged were found in their topics."
        );
    }

    #[test]
    fn a_failure_says_what_was_found_or_else_what_does_not_hold() {
        let found = told(|result| {
            result.verdict = Verdict::Fail;
            result.findings = super::super::terminal::tests::result().findings;
        });
        assert_eq!(found, "3 records lost: acknowledged, but not in the topic. 1 of 1 check does not hold.");
        let slow = told(|result| {
            result.verdict = Verdict::Fail;
            let check = |name: &str| CheckResult { name: name.into(), ..result.checks[0].clone() };
            result.checks = vec![check("latency.p99"), check("rate.achieved")];
        });
        assert!(slow.starts_with("2 of 2 checks do not hold. All 1,000 records"), "{slow}");
    }
    #[test]
    fn what_fails_nothing_is_told_apart_from_what_does() {
        let retried = |result: &mut RunResult| {
            let mut copies = super::super::terminal::tests::result().findings.remove(0);
            copies.kind = "records.duplicated".into();
            result.findings = vec![copies];
        };
        let pass = told(retried);
        assert!(
            pass.ends_with("Every check holds; what was found besides fails none: 3 records duplicated."),
            "{pass}"
        );
        let slow = told(|result| {
            retried(result);
            result.verdict = Verdict::Fail;
            result.checks[0].name = "latency.p99".into();
        });
        assert!(slow.starts_with("1 of 1 check does not hold. All 1,000 records"), "{slow}");
        assert!(slow.ends_with("What was found besides fails no check: 3 records duplicated."), "{slow}");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let unknown = told(|result| {
            (result.records.unknown, result.records.unknown_landed) = (20, 5);
            result.horizon.compacted = 1;
            result.generator.exceeded = vec![ExceededLimit::default()];
        });
        assert!(unknown.contains(
            "refused was found in what could be read; of 20 more no answer tells, and 5 were found."
        ));
        assert!(unknown.ends_with("landfall itself did not keep its limits."), "{unknown}");
    }
}
