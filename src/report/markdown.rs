//! Results as Markdown, as GitHub shows it: summaries of a workflow's steps, comments.
//!
//! What comes from outside stands in code spans. In these nothing is markup, a link, a mention or HTML, neither for
//! `CommonMark` nor for what GitHub does with the page afterwards; a backslash would stop the first of both only.

use std::fmt::Write as _;

use super::Named;
use super::comparison::{Checked, Comparison, FigureRow, NOISE};
use super::figures::elapsed_us;
use super::text::{example, grouped, plain, short};
use crate::result::{CheckResult, Finding, RunResult, Verdict};
use crate::stats::time_text;

/// The most that is rendered, in bytes: a quarter of what GitHub takes of all that a step writes to its summary.
const LIMIT: usize = 256 * 1024;

/// Characters of a text from outside.
const LONGEST: usize = 400;

/// Entries of a list.
const ENTRIES: usize = 20;

/// The results: first what each came to and why, then their figures beside each other, then what was checked and found in
/// each. At most 256 KiB; what has no room is left out, and that is said.
#[must_use]
pub fn markdown(results: &[Named<'_>]) -> String {
    let mut page = Page::default();
    for named in results {
        page.add(&heading(named));
    }
    let comparison = Comparison::of(results);
    page.add(&figures(&comparison));
    if results.len() > 1 {
        page.add(&others(&comparison));
    }
    for named in results {
        page.add(&details(named, results.len() > 1));
    }
    page.end()
}

/// A text that stays within [`LIMIT`].
#[derive(Debug, Default)]
struct Page {
    text: String,
    left_out: bool,
}

/// What is said where something has no room.
const LEFT_OUT: &str = "\nThere is more; `result.json` has all of it.\n";

impl Page {
    fn add(&mut self, section: &str) {
        if self.text.len() + section.len() + LEFT_OUT.len() <= LIMIT {
            self.text += section;
        } else {
            self.left_out = true;
        }
    }

    fn end(mut self) -> String {
        if self.left_out {
            self.text += LEFT_OUT;
        }
        self.text
    }
}

/// Text from outside as a code span of one line: its fence is longer than any run of backticks within.
fn code(text: &str) -> String {
    let text = short(text, LONGEST);
    if text.trim().is_empty() {
        return "—".into();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let apart = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let space = if apart { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// [`code`] for a cell of a table, which a bar would end, even in a code span; a backslash keeps it, and is not shown.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

fn table(out: &mut String, head: &[String], right: bool, rows: &[Vec<String>]) {
    let aligned = if right { "--:" } else { "---" };
    let _ = writeln!(out, "| {} |", head.join(" | "));
    let _ = writeln!(out, "|---{}|", format!("|{aligned}").repeat(head.len().saturating_sub(1)));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out.push('\n');
}

/// A list, as far as [`ENTRIES`] go.
fn list<T>(out: &mut String, entries: &[T], entry: impl Fn(&T) -> String) {
    for one in entries.iter().take(ENTRIES) {
        let _ = writeln!(out, "- {}", entry(one));
    }
    if entries.len() > ENTRIES {
        let _ = writeln!(out, "- and {} more", grouped((entries.len() - ENTRIES) as u64));
    }
    out.push('\n');
}

/// What a result came to, and why.
fn heading(named: &Named<'_>) -> String {
    let Named { name, result } = named;
    let mark = match result.verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Invalid | Verdict::Inconclusive => "⚠️",
    };
    let verdict = result.verdict.as_str().to_uppercase();
    let mut out = format!("## {mark} {verdict}: {}\n\n", code(name));
    if let Some(reason) = &result.incomplete {
        let _ = writeln!(out, "**The run is incomplete:** {}\n", code(reason));
    }
    if !result.reasons.is_empty() {
        list(&mut out, &result.reasons, |reason| code(reason));
    }
    let took = elapsed_us(result).map_or_else(String::new, |micros| format!(", took {}", time_text(micros)));
    let landfall = result.versions.get("landfall").map_or("—", String::as_str);
    let _ = writeln!(
        out,
        "Run {}, seed {}, begun {}{took}, landfall {}\n",
        code(&result.run),
        result.scenario.seed,
        code(&result.started),
        code(landfall)
    );
    out
}

/// The figures that people look at first, a column a result.
fn figures(comparison: &Comparison) -> String {
    let shown = |row: &&FigureRow| match (row.group, row.name) {
        ("requests", "sent" | "accepted" | "refused")
        | ("records", "sent" | "acked" | "refused" | "unknown" | "landed" | "lost" | "leaked" | "absent")
        | ("latency", "p50" | "p99" | "p999" | "max")
        | ("rate", _) => true,
        ("requests" | "records", _) => row.says_something(),
        _ => false,
    };
    let rows: Vec<Vec<String>> = comparison
        .figures
        .iter()
        .filter(shown)
        .map(|row| std::iter::once(row.label()).chain(row.texts()).collect())
        .collect();
    let names: Vec<String> = match comparison.columns.as_slice() {
        [_] => vec![String::new()],
        columns => columns.iter().map(|column| cell(&column.name)).collect(),
    };
    let head: Vec<String> = std::iter::once("figure".to_owned()).chain(names).collect();
    let mut out = String::new();
    table(&mut out, &head, true, &rows);
    out
}

/// What else there is to compare.
fn others(comparison: &Comparison) -> String {
    let mut out = String::new();
    if !comparison.warnings.is_empty() {
        list(&mut out, &comparison.warnings, |warning| format!("**Warning:** {}", code(warning)));
    }
    let _ = writeln!(out, "{NOISE}\n");
    let names = comparison.columns.iter().map(|column| cell(&column.name));
    let names: Vec<String> = names.collect();
    let with = |first: &str| [&[first.to_owned()], &names[..]].concat();
    if !comparison.checks.is_empty() {
        let checked = |checked: &Option<Checked>| match checked {
            Some(Checked { verdict, seen }) => format!("{} {}", verdict.as_str(), cell(seen)),
            None => "—".into(),
        };
        let rows = comparison.checks.iter().take(5 * ENTRIES).map(|check| {
            let rule = cell(&format!("{} {}", check.name, check.limit));
            std::iter::once(rule).chain(check.results.iter().map(checked)).collect()
        });
        table(&mut out, &with("check"), false, &rows.collect::<Vec<_>>());
    }
    if !comparison.findings.is_empty() {
        let rows = comparison.findings.iter().take(5 * ENTRIES).map(|finding| {
            std::iter::once(cell(&finding.kind))
                .chain(finding.counts.iter().map(|count| grouped(*count)))
                .collect()
        });
        table(&mut out, &with("found"), true, &rows.collect::<Vec<_>>());
    }
    if !comparison.differences.is_empty() {
        let rows = comparison.differences.iter().take(5 * ENTRIES).map(|difference| {
            let values = difference.values.iter().map(|value| cell(value.as_deref().unwrap_or_default()));
            std::iter::once(cell(&difference.what)).chain(values).collect()
        });
        table(&mut out, &with("differs"), false, &rows.collect::<Vec<_>>());
    }
    out
}

/// What did not pass in a result, what was found, and what must be known.
fn details(named: &Named<'_>, of_several: bool) -> String {
    let Named { name, result } = named;
    let of = if of_several { format!(" of {}", code(name)) } else { String::new() };
    let mut out = String::new();
    // Of several results, the warnings before have said so.
    for limit in result.generator.exceeded.iter().filter(|_| !of_several) {
        let _ = writeln!(out, "**Times {}:** {}\n", limit.effect(), code(&limit.sentence));
    }
    let bad: Vec<&CheckResult> =
        result.checks.iter().filter(|check| check.verdict != Verdict::Pass).collect();
    if !bad.is_empty() {
        let _ = writeln!(out, "### Checks{of} that do not pass\n");
        list(&mut out, &bad, |check| {
            let because =
                check.because.as_ref().map_or_else(String::new, |because| format!(": {}", code(because)));
            let (name, seen, limit) = (code(&check.name), code(&check.seen), code(&check.limit));
            format!("{}: {name} is {seen}, limit {limit}{because}", check.verdict.as_str())
        });
    }
    if !result.findings.is_empty() {
        let _ = writeln!(
            out,
            "### Found{}\n",
            if of_several { format!(" in {}", code(name)) } else { String::new() }
        );
        list(&mut out, &result.findings, found);
    }
    notes(&mut out, result, &of);
    out
}

/// A finding, and its first example in lines of their own.
fn found(finding: &Finding) -> String {
    let Finding { kind, count, meaning, examples } = finding;
    let mut text = format!("**{}** {}: {}", grouped(*count), code(kind), code(meaning));
    if let Some(first) = examples.first() {
        let detail = plain(&first.detail);
        let _ = write!(text, "\n  - {}\n  - {}", code(&example(first)), code(&detail));
    }
    text
}

fn notes(out: &mut String, result: &RunResult, of: &str) {
    if !result.notes.is_empty() {
        let _ = writeln!(out, "### Notes{of}\n");
        list(out, &result.notes, |note| code(note));
    }
}

#[cfg(test)]
mod tests;
