//! As a page of its own, that asks nothing of any network.

use maud::{Markup, html};

use super::super::html::Page;
use super::super::text::grouped;
use super::{answers, conspicuous, counts, heading};
use crate::result::{CaseOutcome, CaseReport, Conformance};

/// The result as HTML.
#[must_use]
pub fn html(result: &Conformance) -> String {
    let bad = conspicuous(result);
    let body = html! {
        section #verdict aria-label="Verdict" {
            h1 { "Conformance: " (result.suite) }
            div.verdict.(result.verdict.as_str()) {
                div.word { (heading(result.verdict)) }
                @for reason in &result.reasons { p { (reason) } }
                p { (counts(result)) "." }
            }
            p { (result.banner) }
            (about(result))
            @if !result.notes.is_empty() { ul.notes { @for note in &result.notes { li { (note) } } } }
        }
        section #wrong aria-labelledby="wrong-h" {
            h2 id="wrong-h" { "What is not as it should be" }
            @if bad.is_empty() { p { "Nothing." } }
            @for case in &bad { (details(case)) }
        }
        section #missing aria-labelledby="missing-h" {
            h2 id="missing-h" { "What was not tried" }
            @if result.missing.is_empty() { p { "Nothing: every case was tried." } }
            @else {
                ul {
                    @for missing in &result.missing {
                        li { (grouped(missing.cases)) " cases need " strong { (missing.need) } ": " (missing.remedy) "." }
                    }
                }
            }
        }
        section #cases aria-labelledby="cases-h" {
            h2 id="cases-h" { "Cases" }
            div.scroll tabindex="0" role="region" aria-label="Table of cases" { (table(result)) }
        }
    };
    let sections = [("verdict", "Verdict"), ("wrong", "Wrong"), ("missing", "Not tried"), ("cases", "Cases")];
    Page { title: "Conformance · landfall", sections: &sections, body }.render()
}

/// What was tried, by whom and when.
fn about(result: &Conformance) -> Markup {
    html! {
        table {
            tbody {
                tr { th.text scope="row" { "target" } td.text { code { (result.target) } } }
                tr { th.text scope="row" { "profile" } td.text { (result.profile) } }
                tr { th.text scope="row" { "scenario" } td.text { (result.scenario) } }
                @if let Some(flaw) = &result.flaw {
                    tr { th.text scope="row" { @if result.suite == "auth" { "the authorizer was told to" } @else { "fault shown" } } td.text { (flaw) } }
                }
                @for (name, image) in super::images(result) {
                    tr { th.text scope="row" { "image of " (name) } td.text { code { (image) } } }
                }
                tr { th.text scope="row" { "begun" } td.text { (result.started) } }
                tr { th.text scope="row" { "run" } td.text { code { (result.run) } } }
                tr { th.text scope="row" { "landfall" } td.text { (result.landfall) } }
            }
        }
    }
}

/// A case with everything that is known of it.
fn details(case: &CaseReport) -> Markup {
    html! {
        details open[case.outcome == CaseOutcome::Failed] {
            summary { strong { (case.id) } " " (case.outcome.as_str()) " (" (case.level) ")" }
            p { (case.title) ": " (case.what) "." }
            ul { @for reason in &case.reasons { li { (reason) } } }
            @for exchange in &case.exchanges {
                p { (exchange.what) ", expected " strong { (exchange.expected) } ", got " strong { (exchange.answer) } }
                pre {
                    @for line in &exchange.request { "> " (line) "\n" }
                    @if !exchange.excerpt.is_empty() { "< " (exchange.excerpt) "\n" }
                }
            }
            @for note in &case.notes { pre { (note) } }
            p { "See " (case.sources.join("; ")) "." }
            @if !case.shows.is_empty() { p { "Mistakes that this case finds: " (case.shows.join(", ")) "." } }
        }
    }
}

fn table(result: &Conformance) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th.text scope="col" { "case" } th.text scope="col" { "level" } th.text scope="col" { "what is sent" }
                    th.text scope="col" { "answer" } th.text scope="col" { "outcome" }
                }
            }
            tbody {
                @for case in &result.cases {
                    tr {
                        th.text scope="row" { code { (case.id) } }
                        td.text { (case.level) }
                        td.text { (case.what) }
                        td.text { (answers(case)) }
                        td class=(if case.outcome == CaseOutcome::Failed { "text wrong" } else { "text" }) {
                            (case.outcome.as_str())
                            @if !case.missing.is_empty() { ": needs " (case.missing.join(", ")) }
                        }
                    }
                }
            }
        }
    }
}
