//! Each rule, with what was seen.

use maud::{Markup, html};

use crate::result::{CheckResult, RunResult, Verdict};

pub(super) fn section(result: &RunResult) -> Markup {
    // What does not hold comes first; among equals the order of the scenario stays.
    let mut checks: Vec<&CheckResult> = result.checks.iter().collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    let explained = checks.iter().any(|check| check.because.is_some());
    html! {
        section #checks aria-labelledby="checks-h" {
            h2 id="checks-h" { "Checks" }
            @if checks.is_empty() {
                p { "The run came to no checks." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Table of checks" {
                    table {
                        thead {
                            tr {
                                th.text scope="col" { "verdict" }
                                th.text scope="col" { "metric" }
                                th scope="col" { "seen" }
                                th scope="col" { "limit" }
                                @if explained { th.text scope="col" { "because" } }
                            }
                        }
                        tbody { @for check in checks { (row(check, explained)) } }
                    }
                }
            }
        }
    }
}

fn row(check: &CheckResult, explained: bool) -> Markup {
    html! {
        tr {
            td.text { (mark(check.verdict)) }
            th.text scope="row" { code { (check.name) } }
            td { (check.seen) }
            td { (check.limit) }
            @if explained { td.text.long { (check.because.as_deref().unwrap_or_default()) } }
        }
    }
}

/// A verdict as a word in its colour.
pub(super) fn mark(verdict: Verdict) -> Markup {
    html! { span.mark.(verdict.as_str()) { (verdict.as_str()) } }
}
