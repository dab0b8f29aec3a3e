//! The kill matrix as a page of its own, that asks nothing of any network.

use maud::{Markup, html};

use super::super::html::Page;
use super::super::text::grouped;
use super::{Tally, heading, limits, tally};
use crate::result::{Row, Selftest};
use crate::stats::time_text;

/// The matrix as HTML.
#[must_use]
pub fn html(matrix: &Selftest) -> String {
    let Tally { healthy, faults, bad } = tally(matrix);
    let body = html! {
        section #verdict aria-label="Verdict" {
            h1 { "Self-test of landfall " (matrix.landfall) }
            div.verdict.(matrix.verdict.as_str()) {
                div.word { (heading(matrix)) }
                @for sentence in limits(matrix) { p { (sentence) } }
                p {
                    (healthy) " healthy runs, " (faults) " runs with a fault, " (bad) " not as they should be. Begun "
                    (matrix.started) ", took " (time_text(matrix.elapsed_us)) ", seed " (matrix.seed) "."
                }
            }
            (wrong(matrix))
        }
        section #matrix aria-labelledby="matrix-h" {
            h2 id="matrix-h" { "Matrix" }
            p {
                "A row is a run, a column something that finds faults. The doubles count how often a fault took effect; \
                 what must find it must have found as many, and nothing else may have found anything."
            }
            div.scroll.matrix tabindex="0" role="region" aria-label="Table of runs and detectors" { (table(matrix)) }
        }
        section #detectors aria-labelledby="detectors-h" {
            h2 id="detectors-h" { "Detectors" }
            div.scroll tabindex="0" role="region" aria-label="Table of detectors" {
                table {
                    thead {
                        tr {
                            th.text scope="col" { "detector" } th.text scope="col" { "means" }
                            th.text scope="col" { "faults that it found" }
                        }
                    }
                    tbody {
                        @for detector in &matrix.detectors {
                            tr {
                                th.text scope="row" { code { (detector.name) } }
                                td.text { (detector.meaning) }
                                td.text {
                                    (detector.justified_by.join(", "))
                                    @if detector.justified_by.is_empty() { strong { "none" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let sections = [("verdict", "Verdict"), ("matrix", "Matrix"), ("detectors", "Detectors")];
    Page { title: "Self-test · landfall", sections: &sections, body }.render()
}

fn table(matrix: &Selftest) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th.text scope="col" { "box" }
                    th.text scope="col" { "fault" }
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
            th.text scope="row" { (row.name) }
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
