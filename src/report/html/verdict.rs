//! The verdict, the reasons for it, and the figures that people ask for first.

use maud::{Markup, html};

use crate::report::headline::headline;
use crate::report::text::grouped;
use crate::result::{RunResult, Verdict};
use crate::stats::time_text;

pub(super) fn section(result: &RunResult) -> Markup {
    html! {
        section #verdict aria-label="Verdict" {
            h1 { (result.scenario.name) }
            p.quiet {
                "Run " code { (result.run) } ", begun " (moment(&result.started)) ", took " (time_text(result.elapsed_us))
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
fn moment(text: &str) -> String {
    let Some((date, time)) = text.strip_suffix('Z').and_then(|text| text.split_once('T')) else {
        return text.to_owned();
    };
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    format!("{date} {time} UTC")
}

fn tiles(result: &RunResult) -> Markup {
    let r = &result.records;
    let rate = &result.rate;
    let timed = result.recovery.is_none();
    html! {
        dl.tiles {
            div { dt { "acknowledged" } dd { (grouped(r.acked)) small { "of " (grouped(r.sent)) " records sent" } } }
            div { dt { "of these found" } dd { (grouped(r.landed)) small { (grouped(r.lost)) " lost" } } }
            @if timed {
                div {
                    dt { "latency p99" }
                    dd {
                        (time_text(result.latency_us.p99))
                        small { "p50 " (time_text(result.latency_us.p50)) ", max " (time_text(result.latency_us.max)) }
                    }
                }
                div {
                    dt { "accepted a second" }
                    dd {
                        (format!("{:.1}", rate.achieved_per_s))
                        small {
                            @if rate.target_per_s > 0.0 { "of " (format!("{:.1}", rate.target_per_s)) " requests" }
                            @else { "requests; closed load has no target" }
                        }
                    }
                }
            }
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

fn held(result: &RunResult) -> String {
    let held = result.checks.iter().filter(|check| check.verdict == Verdict::Pass).count();
    format!("{held} of {} checks hold", result.checks.len())
}
