//! The kill matrix of a self-test: as text for a terminal, as Markdown, as HTML.

mod html;

use std::fmt::Write as _;

pub use html::html;

use super::text::{grouped, plain, times};
use crate::result::{Row, RowOutcome, Selftest, Verdict};
use crate::stats::time_text;

/// A line for a row, while the test runs: `number` of `total`.
#[must_use]
pub fn row(row: &Row, number: usize, total: usize) -> String {
    let mut text = format!("  {number:>3}/{total}  {:<12}  {}", row.outcome.as_str(), plain(&row.name));
    if row.injected > 0 && row.box_name.is_some() {
        let _ = write!(text, ": {}", found(row));
    }
    for reason in row.reasons.iter().filter(|_| !row.outcome.is_good()) {
        let _ = write!(text, "\n           {}", plain(reason));
    }
    text.push('\n');
    text
}

/// How often a fault took effect, and what saw it.
fn found(row: &Row) -> String {
    let seen: Vec<String> =
        row.seen.iter().map(|seen| format!("{} {}", seen.detector, grouped(seen.count))).collect();
    let seen = if seen.is_empty() { "nothing to find".to_owned() } else { seen.join(", ") };
    format!("took effect {}; {seen}", times(row.injected))
}

/// The last lines: what it all comes to.
#[must_use]
pub fn summary(matrix: &Selftest) -> String {
    let mut out = String::new();
    let Tally { healthy, faults, bad } = tally(matrix);
    let verdict = match matrix.verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Invalid | Verdict::Inconclusive => "INCONCLUSIVE",
    };
    let part = if matrix.whole { "" } else { " (of a part)" };
    let _ = writeln!(
        out,
        "\n  {verdict}{part}  {healthy} healthy runs, {faults} runs with a fault, {bad} not as they should be, in {}",
        time_text(matrix.elapsed_us)
    );
    for sentence in limits(matrix) {
        let _ = writeln!(out, "        {sentence}");
    }
    let unshown: Vec<&str> = matrix
        .detectors
        .iter()
        .filter(|detector| detector.justified_by.is_empty())
        .map(|detector| detector.name.as_str())
        .collect();
    if !unshown.is_empty() {
        let _ = writeln!(out, "        nothing here shows that these work: {}", unshown.join(", "));
    }
    out
}

/// The verdict in words, as a heading has it.
fn heading(matrix: &Selftest) -> &'static str {
    match (matrix.verdict, matrix.whole) {
        (Verdict::Pass, true) => "passed",
        (Verdict::Pass, false) => "passed in part",
        (Verdict::Fail, _) => "failed",
        (Verdict::Invalid | Verdict::Inconclusive, _) => "inconclusive",
    }
}

/// What the verdict does not say, in sentences.
fn limits(matrix: &Selftest) -> Vec<String> {
    let mut sentences = Vec::new();
    if !matrix.whole {
        sentences.push("This is a part of the test: not all faults were shown.".to_owned());
    }
    let undecided = matrix.rows.iter().filter(|row| row.outcome == RowOutcome::Undecided).count();
    if undecided > 0 {
        sentences.push(format!(
            "In {undecided} runs landfall was itself too slow to tell; a quieter machine decides them."
        ));
    }
    sentences
}

struct Tally {
    healthy: usize,
    faults: usize,
    bad: usize,
}

fn tally(matrix: &Selftest) -> Tally {
    let healthy = matrix.rows.iter().filter(|row| row.box_name.is_none()).count();
    let bad = matrix.rows.iter().filter(|row| !row.outcome.is_good()).count();
    Tally { healthy, faults: matrix.rows.len() - healthy, bad }
}

/// The matrix as Markdown.
#[must_use]
pub fn markdown(matrix: &Selftest) -> String {
    let mut out = String::new();
    let Tally { healthy, faults, bad } = tally(matrix);
    let verdict = heading(matrix);
    let _ = writeln!(out, "# Self-test of landfall {}: {verdict}\n", matrix.landfall);
    for sentence in limits(matrix) {
        let _ = writeln!(out, "**{sentence}**\n");
    }
    let _ = writeln!(
        out,
        "{healthy} healthy runs, {faults} runs with a fault, {bad} not as they \
         should be. Begun {}, took {}, seed {}.\n\n## Faults\n\n| box | fault | took effect | seen | outcome |\n|---|---|--:|---|---|",
        matrix.started,
        time_text(matrix.elapsed_us),
        matrix.seed
    );
    for row in matrix.rows.iter().filter(|row| row.box_name.is_some()) {
        let seen: Vec<String> = row
            .seen
            .iter()
            .map(|seen| {
                let wrong =
                    if seen.right { String::new() } else { format!(" (**had to be {}**)", seen.wanted) };
                format!("`{}` {}{wrong}", seen.detector, grouped(seen.count))
            })
            .collect();
        let seen = if seen.is_empty() { "nothing, as it should be".to_owned() } else { seen.join(", ") };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {seen} | {} |",
            row.box_name.as_deref().unwrap_or_default(),
            cell(&row.name),
            grouped(row.injected),
            row.outcome.as_str()
        );
    }
    reasons(matrix, &mut out);
    let _ = writeln!(out, "\n## Healthy runs\n\n| run | outcome | false alarms |\n|---|---|---|");
    for row in matrix.rows.iter().filter(|row| row.box_name.is_none()) {
        let alarms = if row.reasons.is_empty() { "none".to_owned() } else { cell(&row.reasons.join("; ")) };
        let _ = writeln!(out, "| {} | {} | {alarms} |", cell(&row.name), row.outcome.as_str());
    }
    let _ = writeln!(out, "\n## Detectors\n\n| detector | means | faults that it found |\n|---|---|---|");
    for detector in &matrix.detectors {
        let by = match detector.justified_by.as_slice() {
            [] => "**none**".to_owned(),
            names => names.iter().map(|name| cell(name)).collect::<Vec<_>>().join(", "),
        };
        let _ = writeln!(out, "| `{}` | {} | {by} |", detector.name, detector.meaning);
    }
    out
}

/// What is wrong with the runs that are not as they should be.
fn reasons(matrix: &Selftest, out: &mut String) {
    let bad: Vec<&Row> = matrix.rows.iter().filter(|row| !row.outcome.is_good()).collect();
    if bad.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## What is wrong\n");
    for row in bad {
        let _ = writeln!(out, "- {}: {}, run `{}`", plain(&row.name), row.outcome.as_str(), row.run);
        for reason in &row.reasons {
            let _ = writeln!(out, "  - {}", plain(reason));
        }
    }
}

/// Text that ends no cell.
fn cell(text: &str) -> String {
    plain(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests;
