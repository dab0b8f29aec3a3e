//! Times: by percentile, over time, and how they are spread.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::figure::{QuantileLine, Time, spectra_chart};
use super::table;
use crate::report::chart::{Axis, Caption, heat, lines};
use crate::report::figures::float;
use crate::report::text::{grouped, percent_of};
use crate::result::{HopTimes, Part, Quantiles, Reliance, RunResult, Spectra, Spectrum, Stretch, size_from};
use crate::stats::time_text;

/// Columns that a heat map has at most.
const HEAT_COLUMNS: usize = 120;
/// As long as this is a time that was nothing: histograms begin here.
const NOTHING_US: u64 = 1;
/// Parts that are shown without being asked for.
const PARTS: usize = 12;

pub(super) fn section(result: &RunResult) -> Markup {
    html! {
        section #latency aria-labelledby="latency-h" {
            h2 id="latency-h" { "Latency" }
            @if result.recovery.is_some() {
                p { "Times of a run that was killed are not known here; intervals.hlog in its folder has them second by second." }
            } @else {
                (whole(result))
                (hops(&result.hops))
                @if let Some(spectra) = &result.spectra { (percentiles(spectra)) }
                @if let Some(time) = Time::of(result.timeline.as_ref()) {
                    @if result.latency_us.censored > 0 {
                        p {
                            (grouped(result.latency_us.censored))
                            " requests never ended, so they are in none of the charts over time, which may look better than it was."
                        }
                    }
                    (over_time(&time))
                    (spread(&time))
                    (blocked(&time, result))
                }
                (parts("phases", "By phase", &result.phases))
                (parts("partners", "By partner", &result.partners))
            }
        }
    }
}

fn whole(result: &RunResult) -> Markup {
    let latency = result.latency_us;
    let rows = [
        ("latency", "from due to answered, whatever the outcome", latency.quantiles()),
        (
            "service",
            "from the first byte written to the last byte of the answer, each attempt",
            result.service_us,
        ),
        ("blocked", "waiting for a free connection: the system's doing, part of latency", result.blocked_us),
        (
            "generator lag",
            "how much later than due, with a connection free, landfall wrote: its own doing",
            result.generator_lag_us,
        ),
        ("readable", "from written to seen in the topic", result.readable_us),
    ];
    html! {
        @match result.generator.reliance() {
            Reliance::Full => {}
            Reliance::UpperBounds => p {
                strong { "These times may have been shorter:" } " landfall waited for processors, see "
                a href="#generator" { "Generator" } "."
            },
            Reliance::None => p {
                strong { "These times are not to be relied on:" } " landfall itself did not keep its limits, see "
                a href="#generator" { "Generator" } "."
            },
        }
        (table::quantiles("Measured requests that must be accepted", &rows))
        @if latency.censored > 0 {
            p {
                strong { (grouped(latency.censored)) }
                " of the latencies are lower bounds: these requests were unsent or unanswered when waiting ended, and stand \
                 at their age."
            }
        }
        @if result.generator.closed {
            p {
                strong { "Closed load." }
                " Its workers wait for answers before they send again, so the latencies leave out the waiting that a stalled \
                 system causes."
            }
        }
    }
}

/// Where the time goes behind the gateway.
fn hops(hops: &[HopTimes]) -> Markup {
    let whole: u64 = hops.iter().map(|hop| hop.total_us).sum();
    let told: Vec<(String, Quantiles)> = hops
        .iter()
        .map(|hop| {
            let what = match hop.name.as_str() {
                "gateway" => "its own work, and reading the request",
                "authorizer" => "where it was asked, rather than a result kept",
                "validation" => "headers and bodies held against the API's definition",
                "balancer" => "opening connections to targets",
                _ => "with all that lies behind it",
            };
            (format!("{what}; {} of the time", percent_of(hop.total_us, whole)), hop.us)
        })
        .collect();
    let rows: Vec<(&str, &str, Quantiles)> =
        hops.iter().zip(&told).map(|(hop, (what, us))| (hop.name.as_str(), what.as_str(), *us)).collect();
    html! {
        @if !rows.is_empty() {
            (table::quantiles("By hop behind the gateway, over all requests that it answered", &rows))
        }
    }
}

fn percentiles(spectra: &Spectra) -> Markup {
    let times = [
        ("latency", "s1", &spectra.latency),
        ("service", "s2", &spectra.service),
        ("blocked", "s3", &spectra.blocked),
        ("readable", "s4", &spectra.readable),
        ("generator lag", "s5", &spectra.generator_lag),
    ];
    // Times that are nothing throughout have no line; the table above says so.
    let is_something = |Spectrum(points): &Spectrum| points.iter().any(|(_, micros)| *micros > NOTHING_US);
    let times: Vec<_> = times.into_iter().filter(|(_, _, spectrum)| is_something(spectrum)).collect();
    if times.is_empty() {
        return html! {};
    }
    let caption = Caption {
        id: "by-percentile",
        title: "Times by percentile",
        says: "As many per cent of the values are at most so long; each step to the right halves and halves again what is left.",
    };
    html! {
        figure {
            figcaption { (caption.title) p { (caption.says) } }
            (spectra_chart(caption, "time", &times))
            details data-quiet {
                summary { "Figures" }
                div.scroll.tall tabindex="0" role="region" aria-label="Figures of: Times by percentile" {
                    table {
                        thead { tr { th.text scope="col" { "time" } th scope="col" { "percentile" } th scope="col" { "at most" } } }
                        tbody {
                            @for (name, _, Spectrum(points)) in &times {
                                @for (percentile, micros) in points {
                                    tr { th.text scope="row" { (name) } td { (short(*percentile)) } td { (time_text(*micros)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A percentile without zeros that say nothing.
fn short(percentile: f64) -> String {
    let text = format!("{percentile:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const LINES: [QuantileLine; 4] = [
    ("p50", "s1", |times| times.p50),
    ("p90", "s2", |times| times.p90),
    ("p99", "s3", |times| times.p99),
    ("max", "s4", |times| times.max),
];

fn over_time(time: &Time<'_>) -> Markup {
    let caption = Caption {
        id: "latency-over-time",
        title: "Latency over time",
        says: "From due to answered, of measured requests that ended then.",
    };
    quantiles_over_time(time, caption, "latency", |stretch| stretch.latency_us)
}

fn blocked(time: &Time<'_>, result: &RunResult) -> Markup {
    if time.timeline.stretches.iter().all(|stretch| stretch.blocked_us.max <= NOTHING_US) {
        // Those that never ended are in no second.
        let none = result.blocked_us.max <= NOTHING_US && result.generator.unsent == 0;
        return html! { @if none { p { "No measured request waited for a connection." } } };
    }
    let caption = Caption {
        id: "blocked-over-time",
        title: "Blocked: waiting for a connection",
        says: "The system's doing: requests were due, and all connections still waited for answers. Part of latency.",
    };
    quantiles_over_time(time, caption, "blocked", |stretch| stretch.blocked_us)
}

fn quantiles_over_time(
    time: &Time<'_>,
    caption: Caption<'_>,
    name: &'static str,
    times: fn(&Stretch) -> Quantiles,
) -> Markup {
    let chart = lines(caption, &time.axis(), &time.micros(name, times), &time.quantiles(times, &LINES));
    time.figure(caption, &chart, &table::QUANTILES, |stretch| table::cells(times(stretch)).to_vec())
}

/// Latencies by size and time.
fn spread(time: &Time<'_>) -> Markup {
    let stretches = &time.timeline.stretches;
    let together = stretches.len().div_ceil(HEAT_COLUMNS).max(1);
    let width = time.step() * float(together as u64);
    let mut cells: BTreeMap<(u16, usize), u64> = BTreeMap::new();
    for stretch in stretches {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "there are 120 columns")]
        let column = (f64::from(stretch.at_s) / width).floor() as usize;
        for (size, count) in &stretch.sizes {
            *cells.entry((*size, column)).or_default() += count;
        }
    }
    let Some(last) = cells.keys().map(|(_, column)| *column).max() else { return html! {} };
    let rows: BTreeMap<u16, (f64, f64)> = cells
        .keys()
        .map(|(size, _)| (*size, (float(size_from(*size)), float(size_from(*size + 1)))))
        .collect();
    let from = rows.keys().next().map_or(1, |size| size_from(*size));
    let to = rows.keys().last().map_or(1, |size| size_from(*size + 1));
    let columns: Vec<(f64, f64)> =
        (0..=last).map(|c| float(c as u64) * width).map(|at| (at, (at + width).min(time.to()))).collect();
    let caption = Caption {
        id: "latency-spread",
        title: "How latencies are spread",
        says: &format!(
            "Requests by their latency and by when they ended, {width} s in a column; the darker or brighter, the more. \
             Two bands are two kinds of requests."
        ),
    };
    let mut totals: BTreeMap<u16, u64> = BTreeMap::new();
    for ((size, _), count) in &cells {
        *totals.entry(*size).or_default() += count;
    }
    html! {
        figure {
            figcaption { (caption.title) p { (caption.says) } }
            (heat(caption, &time.axis(), &Axis::micros("latency", from, to), &columns, &rows, &cells))
            details data-quiet {
                summary { "Figures" }
                div.scroll.tall tabindex="0" role="region" aria-label="Figures of: How latencies are spread" {
                    table {
                        caption { "All of the time together; each column stands in result.json" }
                        thead { tr { th scope="col" { "from" } th scope="col" { "to" } th scope="col" { "requests" } } }
                        tbody {
                            @for (size, count) in &totals {
                                tr {
                                    th scope="row" { (time_text(size_from(*size))) }
                                    td { (time_text(size_from(*size + 1))) }
                                    td { (grouped(*count)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A row for each phase or partner.
fn parts(id: &str, caption: &str, parts: &[Part]) -> Markup {
    if parts.len() < 2 {
        return html! {};
    }
    let table = html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead {
                    tr {
                        th.text scope="col" { "name" } th scope="col" { "accepted/s" } th scope="col" { "target/s" }
                        @for name in table::QUANTILES { th scope="col" { (name) } }
                        th scope="col" { "blocked p99" } th scope="col" { "lag p99" }
                    }
                }
                tbody { @for part in parts { (part_row(part)) } }
            }
        }
    };
    html! {
        @if parts.len() > PARTS {
            details id=(id) { summary { (caption) ": " (parts.len()) " rows" } (table) }
        } @else {
            div id=(id) { (table) }
        }
    }
}

fn part_row(part: &Part) -> Markup {
    let latency = part.latency_us.quantiles();
    let measured = part.measured && latency.count > 0;
    html! {
        tr {
            th.text scope="row" { (part.name) @if !part.measured { " (warming up, not measured)" } }
            td { (format!("{:.1}", part.achieved_per_s)) }
            td { @if part.target_per_s > 0.0 { (format!("{:.1}", part.target_per_s)) } @else { "–" } }
            @for cell in table::cells(if measured { latency } else { Quantiles::default() }) { td { (cell) } }
            @for times in [part.blocked_us, part.generator_lag_us] {
                td { @if measured { (time_text(times.p99)) } @else { "–" } }
            }
        }
    }
}
