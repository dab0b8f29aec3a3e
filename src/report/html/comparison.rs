//! Several results beside each other, as a page.

use maud::{Markup, html};

use super::Page;
use super::checks::mark;
use super::figure::{Time, spectra_chart};
use super::verdict::moment;
use crate::report::Named;
use crate::report::chart::{Axis, Caption, Series, lines};
use crate::report::comparison::{Comparison, NOISE};
use crate::report::figures::float;
use crate::report::text::grouped;
use crate::result::{Spectrum, Stretch};

/// Lines that one chart can hold apart.
const LINES: [&str; 5] = ["s1", "s3", "s2", "s4", "s5"];

/// Results beside each other as one self-contained page of HTML. Of one result, it is [`super::html()`]'s page.
#[must_use]
pub fn html_of(results: &[Named<'_>]) -> String {
    if let [one] = results {
        return super::html(one.result);
    }
    let comparison = Comparison::of(results);
    let names: Vec<&str> = results.iter().map(|named| named.name).collect();
    let title = format!("{} · landfall", names.join(" beside "));
    let sections = [
        ("verdicts", "Verdicts"),
        ("figures", "Figures"),
        ("times", "Times"),
        ("checks", "Checks"),
        ("findings", "Findings"),
        ("differences", "What differs"),
    ];
    let body = html! {
        (verdicts(&comparison))
        (figures(&comparison))
        (times(results))
        (checks(&comparison))
        (findings(&comparison))
        (differences(&comparison))
    };
    Page { title: &title, sections: &sections, body }.render()
}

/// A table with a column a result.
fn table(comparison: &Comparison, label: &str, first: &[&str], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(format!("Table: {label}")) {
            table {
                thead {
                    tr {
                        @for name in first { th.text scope="col" { (name) } }
                        @for column in &comparison.columns { th scope="col" { (column.name) } }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}

fn verdicts(comparison: &Comparison) -> Markup {
    html! {
        section #verdicts aria-labelledby="verdicts-h" {
            h1 id="verdicts-h" {
                @for (index, column) in comparison.columns.iter().enumerate() {
                    @if index > 0 { " beside " } (column.name)
                }
            }
            div.beside {
                @for column in &comparison.columns {
                    div.verdict.(column.verdict.as_str()) {
                        div.word { (column.verdict.as_str().to_uppercase()) }
                        p { (column.name) }
                        p.quiet { "run " code { (column.run) } ", begun " (moment(&column.started)) }
                        @if let Some(reason) = &column.incomplete { p { "Incomplete: " (reason) } }
                        @if !column.reasons.is_empty() {
                            ul { @for reason in &column.reasons { li { (reason) } } }
                        }
                    }
                }
            }
            p { (NOISE) }
            @if !comparison.warnings.is_empty() {
                h2 { "To know before comparing" }
                ul.notes { @for warning in &comparison.warnings { li { (warning) } } }
            }
        }
    }
}

fn figures(comparison: &Comparison) -> Markup {
    let rows = html! {
        @for row in comparison.figures.iter().filter(|row| row.says_something()) {
            tr {
                th.text scope="row" { (row.label()) }
                @for text in row.texts() { td { (text) } }
            }
        }
    };
    html! {
        section #figures aria-labelledby="figures-h" {
            h2 id="figures-h" { "Figures" }
            p.quiet { "With the difference to the first column." }
            (table(comparison, "figures", &["figure"], &rows))
        }
    }
}

fn times(results: &[Named<'_>]) -> Markup {
    let shown = &results[..results.len().min(LINES.len())];
    html! {
        section #times aria-labelledby="times-h" {
            h2 id="times-h" { "Times" }
            @if shown.len() < results.len() { p { "Charts hold the first " (shown.len()) " results only." } }
            (by_percentile(shown))
            (over_time(shown, "latency-p99", "Latency p99 over time", "latency", |stretch| {
                (stretch.latency_us.count > 0).then_some(stretch.latency_us.p99)
            }))
            (over_time(shown, "service-p99", "Service p99 over time", "service", |stretch| {
                (stretch.service_us.count > 0).then_some(stretch.service_us.p99)
            }))
        }
    }
}

/// A chart without its figures: they stand in each result's own report.
fn figure(caption: Caption<'_>, chart: &Markup) -> Markup {
    html! { figure { figcaption { (caption.title) p { (caption.says) } } (chart) } }
}

fn by_percentile(results: &[Named<'_>]) -> Markup {
    let of = |named: &Named<'_>| named.result.spectra.as_ref().map(|spectra| spectra.latency.clone());
    let spectra: Vec<Spectrum> = results.iter().map(|named| of(named).unwrap_or_default()).collect();
    if spectra.iter().all(|Spectrum(points)| points.is_empty()) {
        return html! {};
    }
    let named = results.iter().zip(&spectra).zip(LINES);
    let named: Vec<_> = named.map(|((named, spectrum), class)| (named.name, class, spectrum)).collect();
    let caption = Caption {
        id: "latency-by-percentile",
        title: "Latency by percentile",
        says: "As many per cent of the latencies are at most so long.",
    };
    figure(caption, &spectra_chart(caption, "latency", &named))
}

/// One figure of each result over the time since its own load began.
fn over_time(
    results: &[Named<'_>],
    id: &str,
    title: &str,
    name: &'static str,
    micros: fn(&Stretch) -> Option<u64>,
) -> Markup {
    let timelines = || results.iter().filter_map(|named| named.result.timeline.as_ref());
    let values = || timelines().flat_map(|timeline| &timeline.stretches).filter_map(micros);
    let Some(most) = values().max() else { return html! {} };
    let ends = timelines().filter_map(|timeline| Some(timeline.stretches.last()?.at_s + timeline.stretch_s));
    let x = Axis::seconds(f64::from(ends.max().unwrap_or(1)));
    let y = Axis::micros(name, values().min().unwrap_or(1), most);
    let series: Vec<Series<'_>> = results
        .iter()
        .zip(LINES)
        .map(|(named, class)| {
            let time = Time::of(named.result.timeline.as_ref());
            let points = time.map(|time| time.points(|stretch| Some(float(micros(stretch)?))));
            Series { name: named.name, class, points: points.unwrap_or_default() }
        })
        .collect();
    let caption = Caption { id, title, says: "Each over the time since its own load began." };
    figure(caption, &lines(caption, &x, &y, &series))
}

fn checks(comparison: &Comparison) -> Markup {
    let rows = html! {
        @for row in &comparison.checks {
            tr {
                th.text scope="row" { code { (row.name) } }
                td.text { (row.limit) }
                @for result in &row.results {
                    td { @match result { Some(checked) => { (mark(checked.verdict)) " " (checked.seen) }, None => "–" } }
                }
            }
        }
    };
    html! {
        section #checks aria-labelledby="checks-h" {
            h2 id="checks-h" { "Checks" }
            (table(comparison, "checks", &["metric", "limit"], &rows))
        }
    }
}

fn findings(comparison: &Comparison) -> Markup {
    let rows = html! {
        @for row in &comparison.findings {
            tr {
                th.text scope="row" { code { (row.kind) } ": " (row.meaning) }
                @for count in &row.counts { td { (grouped(*count)) } }
            }
        }
    };
    html! {
        section #findings aria-labelledby="findings-h" {
            h2 id="findings-h" { "Findings" }
            @if comparison.findings.is_empty() {
                p { "Nothing was found wrong in any of them." }
            } @else {
                (table(comparison, "findings", &["found"], &rows))
            }
        }
    }
}

fn differences(comparison: &Comparison) -> Markup {
    let rows = html! {
        @for row in &comparison.differences {
            tr {
                th.text scope="row" { (row.what) }
                @for value in &row.values { td.text.long { (value.as_deref().unwrap_or("–")) } }
            }
        }
    };
    html! {
        section #differences aria-labelledby="differences-h" {
            h2 id="differences-h" { "What differs in what was run" }
            @if comparison.differences.is_empty() {
                p { "Nothing that the results tell of." }
            } @else {
                (table(comparison, "what differs", &["what"], &rows))
            }
        }
    }
}
