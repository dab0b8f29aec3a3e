//! Results of one suite beside each other: case by case, what came of it with each implementation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use console::measure_text_width;
use maud::{Markup, html};

use super::super::html::Page;
use super::super::text::{grouped, plain, short};
use super::{LINE, answers, counts, heading};
use crate::result::{CaseOutcome, CaseReport, Conformance};

/// A result, and what it is called beside others.
#[derive(Debug, Clone, Copy)]
pub struct NamedSuite<'a> {
    /// Its name. It may hold anything; no two that are shown together have the same.
    pub name: &'a str,
    /// The result.
    pub result: &'a Conformance,
}

/// A case, and what came of it in each result, in their order; `None`: a result does not have it.
#[derive(Debug)]
struct Row<'a> {
    id: &'a str,
    level: &'a str,
    what: &'a str,
    cells: Vec<Option<&'a CaseReport>>,
}

impl Row<'_> {
    /// Whether it did not come out alike everywhere: another outcome, or another answer.
    fn differs(&self) -> bool {
        let told = |cell: Option<&CaseReport>| cell.map(|case| (case.outcome, answers(case)));
        self.cells.windows(2).any(|pair| told(pair[0]) != told(pair[1]))
    }
}

/// All cases of all results, in the order of the first that has them.
fn rows<'a>(results: &[NamedSuite<'a>]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (column, named) in results.iter().enumerate() {
        for case in &named.result.cases {
            let place = *places.entry(&case.id).or_insert_with(|| {
                let cells = vec![None; results.len()];
                rows.push(Row { id: &case.id, level: &case.level, what: &case.what, cells });
                rows.len() - 1
            });
            rows[place].cells[column] = Some(case);
        }
    }
    rows
}

/// What came of a case, in a few words.
fn cell(case: Option<&CaseReport>) -> String {
    match case {
        None => "·".to_owned(),
        Some(case) if case.exchanges.is_empty() => case.outcome.as_str().to_owned(),
        Some(case) => format!("{} {}", case.outcome.as_str(), answers(case)),
    }
}

/// The cases that did not come out alike everywhere, and what each result came to.
#[must_use]
pub fn matrix_text(results: &[NamedSuite<'_>]) -> String {
    let rows = rows(results);
    let differing: Vec<&Row<'_>> = rows.iter().filter(|row| row.differs()).collect();
    let mut lines: Vec<Vec<String>> = vec![vec!["case".to_owned()]];
    lines[0].extend(results.iter().map(|named| short(named.name, LINE)));
    for row in &differing {
        let cells = row.cells.iter().map(|case| plain(&cell(*case)));
        lines.push(std::iter::once(plain(row.id)).chain(cells).collect());
    }
    let widths: Vec<usize> = (0..=results.len())
        .map(|column| lines.iter().map(|line| measure_text_width(&line[column])).max().unwrap_or_default())
        .collect();
    let mut out = String::from("\n");
    for line in lines.iter().filter(|_| !differing.is_empty()) {
        let padded = line.iter().zip(&widths).map(|(text, width)| {
            format!("{text}{}", " ".repeat(width.saturating_sub(measure_text_width(text))))
        });
        let _ = writeln!(out, "  {}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
    let _ = writeln!(
        out,
        "\n  {} of {} cases did not come out alike",
        grouped(differing.len() as u64),
        grouped(rows.len() as u64)
    );
    for named in results {
        let _ = writeln!(
            out,
            "  {}: {}  {}",
            short(named.name, LINE),
            heading(named.result.verdict),
            counts(named.result)
        );
    }
    out
}

/// All cases with what came of each, as a page of its own.
#[must_use]
pub fn matrix_html(results: &[NamedSuite<'_>]) -> String {
    let rows = rows(results);
    let (differing, alike): (Vec<&Row<'_>>, Vec<&Row<'_>>) = rows.iter().partition(|row| row.differs());
    let suite = results.first().map_or("", |named| named.result.suite.as_str());
    let body = html! {
        section #results aria-label="Results" {
            h1 { "Conformance: " (suite) }
            div.beside {
                @for named in results {
                    div.verdict.(named.result.verdict.as_str()) {
                        div.word { (heading(named.result.verdict)) }
                        p { (named.name) }
                        p { (counts(named.result)) "." }
                        p.quiet {
                            "target " code { (named.result.target) } ", profile " (named.result.profile) ", run "
                            code { (named.result.run) }
                        }
                    }
                }
            }
        }
        (section("differing", "What did not come out alike", &differing, results))
        (section("alike", "What came out alike", &alike, results))
    };
    let sections = [("results", "Results"), ("differing", "Different"), ("alike", "Alike")];
    Page { title: "Conformance · landfall", sections: &sections, body }.render()
}

fn section(id: &str, title: &str, rows: &[&Row<'_>], results: &[NamedSuite<'_>]) -> Markup {
    let heading = format!("{id}-h");
    html! {
        section id=(id) aria-labelledby=(heading) {
            h2 id=(heading) { (title) }
            @if rows.is_empty() { p { "Nothing." } }
            @else {
                p { (grouped(rows.len() as u64)) " cases. A cell says what came of the case, and the status of the answer." }
                div.scroll.matrix tabindex="0" role="region" aria-label=(format!("Table: {title}")) {
                    table {
                        thead {
                            tr {
                                th.text scope="col" { "case" } th.text scope="col" { "level" }
                                @for named in results { th.text scope="col" { (named.name) } }
                            }
                        }
                        tbody { @for row in rows { (line(row)) } }
                    }
                }
            }
        }
    }
}

fn line(row: &Row<'_>) -> Markup {
    html! {
        tr {
            th.text scope="row" title=(row.what) { code { (row.id) } }
            td.text { (row.level) }
            @for case in &row.cells {
                @let class = match case.map(|case| case.outcome) {
                    Some(CaseOutcome::Passed) => "text right",
                    Some(CaseOutcome::Failed) => "text wrong",
                    Some(CaseOutcome::Warned) => "text warned",
                    Some(CaseOutcome::NotRun) | None => "text none",
                };
                td class=(class) title=[case.map(told).filter(|told| !told.is_empty())] { (cell(*case)) }
            }
        }
    }
}

/// What is wrong, or worth knowing.
fn told(case: &CaseReport) -> String {
    let all = case.reasons.iter().chain(&case.notes).chain(&case.missing);
    all.map(|text| short(text, LINE)).collect::<Vec<_>>().join("; ")
}
