//! The result of a conformance suite: for a terminal, as a page, and as CI systems read tests.

mod html;
mod junit;
mod matrix;

use std::fmt::Write as _;

pub use html::html;
pub use junit::junit;
pub use matrix::{NamedSuite, matrix_html, matrix_text};

use super::text::{grouped, plain, short};
use crate::result::{CaseOutcome, CaseReport, Conformance, Verdict};
use crate::stats::time_text;

/// Characters of a line that comes from outside.
const LINE: usize = 400;

/// Characters of a note: a command that repeats a request is of no use in part.
const NOTE: usize = 4_000;

/// The verdict as a heading has it.
fn heading(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Invalid | Verdict::Inconclusive => "INCONCLUSIVE",
    }
}

/// How many came out how, in a sentence.
fn counts(result: &Conformance) -> String {
    let totals = result.totals;
    format!(
        "{} cases: {} passed, {} failed, {} warned, {} not run; {} requests in {}",
        grouped(totals.cases),
        grouped(totals.passed),
        grouped(totals.failed),
        grouped(totals.warned),
        grouped(totals.not_run),
        grouped(totals.requests),
        time_text(result.elapsed_us)
    )
}

/// The boxes that are containers, each with its image: its name, and the digest by which a registry knows it, or its id.
fn images(result: &Conformance) -> impl Iterator<Item = (&str, String)> {
    result.boxes.iter().filter_map(|part| {
        let container = part.container.as_ref()?;
        let exactly = container.digest.as_deref().unwrap_or(&container.image_id);
        Some((part.name.as_str(), format!("{} ({exactly})", container.image)))
    })
}

/// A case that did not come out as it should, and why.
#[must_use]
pub fn case(case: &CaseReport) -> String {
    let mut out = format!("  {:<7} {} ({})\n", case.outcome.as_str(), plain(&case.id), case.level);
    for reason in &case.reasons {
        let _ = writeln!(out, "          {}", short(reason, LINE));
    }
    for note in &case.notes {
        let _ = writeln!(out, "          {}", short(note, NOTE));
    }
    if !case.sources.is_empty() {
        let _ = writeln!(out, "          see {}", plain(&case.sources.join("; ")));
    }
    out
}

/// The last lines: what it all comes to.
#[must_use]
pub fn summary(result: &Conformance) -> String {
    let mut out = format!("\n  {}  {}\n", heading(result.verdict), counts(result));
    for reason in &result.reasons {
        let _ = writeln!(out, "        {}", short(reason, LINE));
    }
    for (name, container) in
        result.boxes.iter().filter_map(|part| Some((&part.name, part.container.as_ref()?)))
    {
        let _ = writeln!(out, "        {}: {}", plain(name), plain(&container.image));
    }
    for missing in &result.missing {
        let _ = writeln!(
            out,
            "        {} not run: needs {}; {}",
            grouped(missing.cases),
            missing.need,
            plain(&missing.remedy)
        );
    }
    for note in &result.notes {
        let _ = writeln!(out, "        note: {}", short(note, NOTE));
    }
    out
}

/// Every case in a line.
#[must_use]
pub fn list(cases: &[CaseReport]) -> String {
    let line = |case: &CaseReport| {
        format!("{:<6}  {:<52}  {}\n", case.level, plain(&case.id), short(&case.what, LINE))
    };
    cases.iter().map(line).collect()
}

/// Cases that did not come out as they should, the gravest first.
fn conspicuous(result: &Conformance) -> Vec<&CaseReport> {
    let bad = |case: &&CaseReport| matches!(case.outcome, CaseOutcome::Failed | CaseOutcome::Warned);
    let mut cases: Vec<&CaseReport> = result.cases.iter().filter(bad).collect();
    cases.sort_by_key(|case| std::cmp::Reverse(case.outcome));
    cases
}

/// The statuses of the answers, in order.
fn answers(case: &CaseReport) -> String {
    let mut statuses: Vec<String> = case
        .exchanges
        .iter()
        .map(|exchange| exchange.status.map_or("none".to_owned(), |s| s.to_string()))
        .collect();
    statuses.dedup();
    statuses.join(", ")
}

#[cfg(test)]
mod tests;
