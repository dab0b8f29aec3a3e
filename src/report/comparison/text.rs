//! The comparison for a terminal: a column a result.

use std::fmt::{self, Write as _};

use super::super::Named;
use super::super::text::{grouped, mark, padded, plain, short};
use super::{Checked, Comparison, NOISE};
use crate::result::Verdict;

/// Characters of a cell.
const CELL: usize = 32;

/// Two results or more beside each other.
#[must_use]
pub fn comparison(results: &[Named<'_>]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, &Comparison::of(results));
    text
}

fn write(out: &mut String, comparison: &Comparison) -> fmt::Result {
    let Comparison { columns, figures, checks, findings, differences, warnings } = comparison;
    let all = |of: &dyn Fn(&super::Column) -> String| columns.iter().map(of).collect::<Vec<_>>();
    let mut rows = vec![
        (String::new(), all(&|column| short(&column.name, CELL))),
        ("run".into(), all(&|column| short(&column.run, CELL))),
        ("started".into(), all(&|column| short(&column.started, CELL))),
        ("verdict".into(), all(&|column| column.verdict.as_str().to_uppercase())),
    ];
    rows.push(Row::default());
    let mut group = "";
    for figure in figures.iter().filter(|figure| figure.says_something()) {
        if !group.is_empty() && figure.group != group {
            rows.push(Row::default());
        }
        group = figure.group;
        rows.push((figure.label(), figure.texts()));
    }
    if !checks.is_empty() {
        rows.push(Row::default());
    }
    for check in checks {
        let cell = |checked: &Option<Checked>| match checked {
            Some(Checked { verdict, seen }) => format!("{}  {}", mark(*verdict), short(seen, CELL)),
            None => "—".into(),
        };
        rows.push((
            short(&format!("{} {}", check.name, check.limit), 2 * CELL),
            check.results.iter().map(cell).collect(),
        ));
    }
    if !findings.is_empty() {
        rows.push(Row::default());
    }
    for finding in findings {
        let counts = finding.counts.iter().map(|count| grouped(*count)).collect();
        rows.push((format!("FOUND {}", short(&finding.kind, CELL)), counts));
    }
    table(out, &rows)?;
    for column in columns.iter().filter(|column| column.verdict != Verdict::Pass) {
        writeln!(out, "\n  {}: {}", plain(&column.name), column.verdict.as_str().to_uppercase())?;
        for reason in &column.reasons {
            writeln!(out, "    {}", plain(reason))?;
        }
    }
    if !differences.is_empty() {
        writeln!(out, "\n  what differs in what was run")?;
        for difference in differences {
            writeln!(out, "    {}", plain(&difference.what))?;
            for (column, value) in columns.iter().zip(&difference.values) {
                let value = value.as_deref().filter(|value| !value.is_empty()).unwrap_or("—");
                writeln!(out, "      {}: {}", plain(&column.name), plain(value))?;
            }
        }
    }
    writeln!(out)?;
    for warning in warnings {
        writeln!(out, "  WARNING   {}", plain(warning))?;
    }
    writeln!(out, "  {NOISE}")
}

/// A label and a cell for each result.
type Row = (String, Vec<String>);

fn table(out: &mut String, rows: &[Row]) -> fmt::Result {
    let width = |of: &dyn Fn(&Row) -> &str| {
        rows.iter().map(|row| console::measure_text_width(of(row))).max().unwrap_or(0)
    };
    let labels = width(&|row| &row.0);
    let columns = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns).map(|column| width(&|row| row.1.get(column).map_or("", String::as_str))).collect();
    for (label, cells) in rows {
        let mut line = format!("  {}", padded(label, labels));
        for (cell, width) in cells.iter().zip(&widths) {
            line += "  ";
            line += &padded(cell, *width);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
