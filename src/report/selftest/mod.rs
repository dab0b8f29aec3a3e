//! The kill matrix of a self-test: as text for a terminal, as Markdown, as HTML.

mod html;

use std::fmt::Write as _;

pub use html::html;

use super::text::{grouped, plain};
use crate::result::{Row, Selftest};
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
    format!("took effect {} times; {seen}", grouped(row.injected))
}

/// The last lines: what it all comes to.
#[must_use]
pub fn summary(matrix: &Selftest) -> String {
    let mut out = String::new();
    let Tally { healthy, faults, bad } = tally(matrix);
    let _ = writeln!(
        out,
        "\n  {}  {healthy} healthy runs, {faults} runs with a fault, {bad} not as they should be, in {}",
        if matrix.passed { "PASS" } else { "FAIL" },
        time_text(matrix.elapsed_us)
    );
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
    let verdict = if matrix.passed { "passed" } else { "failed" };
    let _ = writeln!(
        out,
        "# Self-test of landfall {}: {verdict}\n\n{healthy} healthy runs, {faults} runs with a fault, {bad} not as they \
         should be. Begun {}, took {}, seed {}.\n\n## Faults\n\n| box | fault | took effect | seen | outcome |\n|---|---|--:|---|---|",
        matrix.landfall,
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

/// Text that ends no cell.
fn cell(text: &str) -> String {
    plain(text).replace('|', "\\|")
}
