//! The verdict, the reasons for it, and the figures that people ask for first.

use maud::{Markup, html};

use crate::report::figures::elapsed_us;
use crate::report::headline::headline;
use crate::report::text::grouped;
use crate::result::{Reliance, RunResult, Verdict};
use crate::stats::time_text;

pub(super) fn section(result: &RunResult) -> Markup {
    html! {
        section #verdict aria-label="Verdict" {
            h1 { (result.scenario.name) }
            p.quiet {
                "Run " code { (result.run) } ", begun " (moment(&result.started))
                @if let Some(took) = elapsed_us(result) { ", took " (time_text(took)) }
                ", seed " (result.scenario.seed)
            }
            div.verdict.(result.verdict.as_str()) {
                div.word {
                    (result.verdict.as_str().to_uppercase())
                    @if result.incomplete.is_some() { " (incomplete)" }
                }
                @for sentence in headline(result) { p { (sentence) } }
                @if !result.reasons.is_empty() && result.verdict != Verdict::Pass {
                    ul { @for reason in &result.reasons { li { (reason) } } }
                }
            }
            (tiles(result))
            @if !result.notes.is_empty() {
                h2 { "To know before using these figures" }
                ul.notes { @for note in &result.notes { li { (note) } } }
            }
        }
    }
}

/// A moment as people read it: an RFC 3339 time in UTC without its fraction; anything else as it is.
pub(super) fn moment(text: &str) -> String {
    let Some((date, time)) = text.strip_suffix('Z').and_then(|text| text.split_once('T')) else {
        return text.to_owned();
    };
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    format!("{date} {time} UTC")
}

fn tiles(result: &RunResult) -> Markup {
    let r = &result.records;
    let missing = match (r.lost, r.unverifiable) {
        (lost, 0) => format!("{} lost", grouped(lost)),
        (lost, unverifiable) => format!("{} lost, {} unverifiable", grouped(lost), grouped(unverifiable)),
    };
    html! {
        dl.tiles {
            div { dt { "acknowledged" } dd { (grouped(r.acked)) small { "of " (grouped(r.sent)) " records sent" } } }
            div { dt { "of these found" } dd { (grouped(r.landed)) small { (missing) } } }
            @if result.recovery.is_none() { (timed(result)) }
            div {
                dt { "requests" }
                dd { (grouped(result.requests.sent)) small { (grouped(result.requests.accepted)) " accepted" } }
            }
            div {
                dt { "kinds of findings" }
                dd { (result.findings.len()) small { (held(result)) } }
            }
        }
    }
}

/// What was measured, with what must be known of it.
fn timed(result: &RunResult) -> Markup {
    let (latency, rate) = (&result.latency_us, &result.rate);
    html! {
        div {
            dt { "latency p99" }
            @if latency.count == 0 {
                dd { "–" small { "nothing was measured" } }
            } @else {
                dd {
                    (time_text(latency.p99))
                    small { "p50 " (time_text(latency.p50)) ", max " (time_text(latency.max)) }
                    @match result.generator.reliance() {
                        Reliance::Full => {}
                        Reliance::UpperBounds => small { strong { "may have been shorter" } },
                        Reliance::None => small { strong { "not to be relied on" } },
                    }
                    @if latency.censored > 0 { small { (grouped(latency.censored)) " are lower bounds" } }
                    @if result.generator.closed { small { "closed load" } }
                }
            }
        }
        div {
            dt { "accepted a second" }
            dd {
                (format!("{:.1}", rate.achieved_per_s))
                small {
                    @if rate.target_per_s > 0.0 { "of " (format!("{:.1}", rate.target_per_s)) " requests" }
                    @else if result.generator.closed { "requests; closed load has no target" }
                    @else { "requests; none was measured" }
                }
            }
        }
    }
}

fn held(result: &RunResult) -> String {
    let held = result.checks.iter().filter(|check| check.verdict == Verdict::Pass).count();
    format!("{held} of {} checks hold", result.checks.len())
}
