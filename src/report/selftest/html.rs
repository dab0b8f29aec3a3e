//! The kill matrix as a page of its own, that asks nothing of any network.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::super::text::grouped;
use super::{Tally, heading, limits, tally};
use crate::result::{Row, Selftest};
use crate::stats::time_text;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #d0d7de; --good: #116329; --bad: #a40e26;
  --good-paper: #dafbe1; --bad-paper: #ffebe9; --quiet: #59636e }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --line: #3d444d; --good: #7ee787;
  --bad: #ffa198; --good-paper: #12261e; --bad-paper: #3a1519; --quiet: #9198a1 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 90rem; padding: 0 1rem }
table { border-collapse: collapse; font-size: 13px }
th, td { border: 1px solid var(--line); padding: .2rem .5rem; text-align: right; font-variant-numeric: tabular-nums }
th[scope=row], td.text { text-align: left; font-weight: normal }
thead th { vertical-align: bottom; position: sticky; top: 0; background: var(--paper) }
thead th.turned span { writing-mode: vertical-rl; transform: rotate(180deg) }
td.right { color: var(--good); background: var(--good-paper) }
td.wrong, .fail { color: var(--bad); background: var(--bad-paper); font-weight: bold }
td.none { color: var(--quiet) }
.pass { color: var(--good) }
.scroll { overflow-x: auto }
";

/// The matrix as HTML.
#[must_use]
pub fn html(matrix: &Selftest) -> String {
    let Tally { healthy, faults, bad } = tally(matrix);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "landfall self-test" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 {
                    "Self-test of landfall " (matrix.landfall) ": "
                    span.(if matrix.passed { "pass" } else { "fail" }) { (heading(matrix)) }
                }
                @for sentence in limits(matrix) { p { strong { (sentence) } } }
                p {
                    (healthy) " healthy runs, " (faults) " runs with a fault, " (bad) " not as they should be. Begun "
                    (matrix.started) ", took " (time_text(matrix.elapsed_us)) ", seed " (matrix.seed) "."
                }
                p {
                    "A row is a run, a column something that finds faults. The doubles count how often a fault took effect; \
                     what must find it must have found as many, and nothing else may have found anything."
                }
                div.scroll { (table(matrix)) }
                (wrong(matrix))
                h2 { "Detectors" }
                table {
                    thead { tr { th scope="col" { "detector" } th scope="col" { "means" } th scope="col" { "faults that it found" } } }
                    tbody {
                        @for detector in &matrix.detectors {
                            tr {
                                th scope="row" { code { (detector.name) } }
                                td.text { (detector.meaning) }
                                td.text { (detector.justified_by.join(", ")) @if detector.justified_by.is_empty() { strong { "none" } } }
                            }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn table(matrix: &Selftest) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "box" }
                    th scope="col" { "fault" }
                    th scope="col" { "took effect" }
                    @for detector in &matrix.detectors {
                        th.turned scope="col" title=(detector.meaning) { span { (detector.name) } }
                    }
                    th scope="col" { "outcome" }
                }
            }
            tbody {
                @for row in &matrix.rows { (line(row, matrix)) }
            }
        }
    }
}

fn line(row: &Row, matrix: &Selftest) -> Markup {
    html! {
        tr {
            td.text { (row.box_name.as_deref().unwrap_or("healthy")) }
            th scope="row" { (row.name) }
            td { @if row.box_name.is_some() { (grouped(row.injected)) } }
            @for detector in &matrix.detectors {
                @match row.seen.iter().find(|seen| seen.detector == detector.name) {
                    Some(seen) => {
                        td class=(if seen.right { "right" } else { "wrong" }) title=(format!("had to be {}", seen.wanted)) {
                            (grouped(seen.count))
                        }
                    }
                    None => td.none { "·" },
                }
            }
            td class=(if row.outcome.is_good() { "text" } else { "text wrong" }) { (row.outcome.as_str()) }
        }
    }
}

/// What is wrong, in words.
fn wrong(matrix: &Selftest) -> Markup {
    html! {
        @for row in matrix.rows.iter().filter(|row| !row.outcome.is_good()) {
            details open {
                summary { strong { (row.name) } ": " (row.outcome.as_str()) ", run " code { (row.run) } }
                ul { @for reason in &row.reasons { li { (reason) } } }
                pre { @for set in &row.sets { "--set '" (set) "'\n" } }
            }
        }
    }
}
