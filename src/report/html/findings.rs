//! What was found wrong, with the evidence for it.

use maud::{Markup, html};

use crate::report::text::grouped;
use crate::result::{CheckResult, Evidence, Excerpt, Finding, RunResult, Verdict};
use crate::stats::{bytes_text, time_text};

pub(super) fn section(result: &RunResult) -> Markup {
    html! {
        section #findings aria-labelledby="findings-h" {
            h2 id="findings-h" { "Findings" }
            @if result.findings.is_empty() {
                p { "Nothing was found wrong." }
            } @else {
                @if result.findings.len() > 1 {
                    p.tools { button type="button" data-open="details.finding" hidden { "Open all" } }
                }
                @for (index, finding) in result.findings.iter().enumerate() {
                    (details(index, finding, fails(finding, result)))
                }
            }
            @if !result.faults.is_empty() { (faults(result)) }
        }
    }
}

/// Whether a check does not hold because of a finding.
fn fails(finding: &Finding, result: &RunResult) -> bool {
    let counts = |check: &CheckResult| check.verdict == Verdict::Fail && finding.is_evidence_of(&check.name);
    result.checks.iter().any(counts)
}

fn details(index: usize, finding: &Finding, fails: bool) -> Markup {
    let shown = finding.examples.len() as u64;
    html! {
        details.finding.against[fails] id=(format!("finding-{}", index + 1)) {
            summary { strong { (grouped(finding.count)) " " code { (finding.kind) } } ": " (finding.meaning) }
            @if !fails { p { "No check that was judged fails because of it." } }
            @if finding.examples.is_empty() {
                p { "No example was kept." }
            } @else {
                p.quiet {
                    @if shown < finding.count { "The first " (grouped(shown)) " of " (grouped(finding.count)) ":" }
                    @else if shown == 1 { "It is this:" }
                    @else { "They are these:" }
                }
            }
            @for example in &finding.examples { (evidence(example)) }
        }
    }
}

fn evidence(example: &Evidence) -> Markup {
    html! {
        div.example {
            h3 {
                @match &example.record {
                    Some(record) => { "Record " code { (record) } " of request " code { (example.request) } }
                    None => { "Request " code { (example.request) } }
                }
            }
            dl {
                dt { "wrong" } dd { (example.detail) }
                @if let Some(hop) = &example.hop { dt { "let pass by" } dd { (hop) } }
                dt { "answer" } dd { (example.answer) }
                @if !example.found.is_empty() {
                    dt { "found at" }
                    dd { @for (index, at) in example.found.iter().enumerate() { @if index > 0 { ", " } code { (at) } } }
                }
                dt { "written" }
                dd {
                    (time_text(example.written_us)) " after the run began"
                    @match example.answered_us {
                        Some(answered) => { ", answered " (time_text(answered.saturating_sub(example.written_us))) " later" }
                        None => ", never answered",
                    }
                    @if example.attempts > 1 { ", in " (example.attempts) " attempts" }
                }
                @if let Some(sent) = &example.sent { dt { "sent" } dd { (excerpt(sent, example.landed.as_ref())) } }
                @if let Some(landed) = &example.landed { dt { "landed" } dd { (excerpt(landed, example.sent.as_ref())) } }
            }
        }
    }
}

/// An excerpt; what differs from the `other` is marked.
fn excerpt(excerpt: &Excerpt, other: Option<&Excerpt>) -> Markup {
    let beside = |of: fn(&Excerpt) -> &Option<String>| other.and_then(|other| of(other).as_deref());
    html! {
        div {
            "key "
            @match &excerpt.key { Some(key) => code { (marked(key, beside(|e| &e.key))) }, None => em { "null" } }
        }
        @match &excerpt.value {
            Some(value) => pre.excerpt { (marked(value, beside(|e| &e.value))) },
            None => div { "value " em { "null" } },
        }
        @if let Some(bytes) = excerpt.value_bytes { div.quiet { (bytes_text(bytes)) } }
    }
}

/// A text, with that part marked in which it differs from another: what is neither at the beginning nor at the end of
/// both.
fn marked(text: &str, other: Option<&str>) -> Markup {
    let Some(other) = other.filter(|other| *other != text) else { return html! { (text) } };
    let (mine, theirs): (Vec<char>, Vec<char>) = (text.chars().collect(), other.chars().collect());
    let same = |pairs: &mut dyn Iterator<Item = (&char, &char)>| pairs.take_while(|(a, b)| a == b).count();
    let before = same(&mut mine.iter().zip(&theirs));
    let behind = same(&mut mine[before..].iter().rev().zip(theirs[before..].iter().rev()));
    let part = |from: usize, to: usize| mine[from..to].iter().collect::<String>();
    let end = mine.len() - behind;
    html! {
        (part(0, before))
        @if before < end { mark { (part(before, end)) } }
        (part(end, mine.len()))
    }
}

fn faults(result: &RunResult) -> Markup {
    html! {
        h3 #faults { "Faults that were to be shown" }
        div.scroll tabindex="0" role="region" aria-label="Faults" {
            table {
                thead {
                    tr {
                        th.text scope="col" { "box" } th.text scope="col" { "fault" }
                        th scope="col" { "took effect" } th.text scope="col" { "must be found as" }
                    }
                }
                tbody {
                    @for fault in &result.faults {
                        tr {
                            td.text { (fault.box_name) }
                            th.text scope="row" { (fault.kind) }
                            td { (grouped(fault.injected)) }
                            td.text { (fault.expected_finding.as_deref().unwrap_or("nothing")) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_marked() {
        let text = |text, other| marked(text, Some(other)).into_string();
        assert_eq!(text("abcd", "abxd"), "ab<mark>c</mark>d");
        assert_eq!(text("abab", "ab"), "ab<mark>ab</mark>");
        assert_eq!(text("ab", "abab"), "ab");
        assert_eq!(text("<é", "<è"), "&lt;<mark>é</mark>");
        assert_eq!(text("same", "same"), "same");
        assert_eq!(marked("<", None).into_string(), "&lt;");
    }
}
