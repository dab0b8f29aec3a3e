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
