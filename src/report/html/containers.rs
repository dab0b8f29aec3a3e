//! What containers used while the load ran, what they may use, and how they ended.

use maud::{Markup, html};

use super::figure::framed;
use crate::report::chart::{Axis, Caption, Series, lines};
use crate::report::figures::float;
use crate::report::text::grouped;
use crate::result::{BoxReport, BoxSecond, ContainerReport, RunResult, Telemetry};
use crate::stats::{bytes_text, growth_text};

/// Colours of the lines; a chart has one for each container of a box.
const CLASSES: [&str; 5] = ["s1", "s2", "s3", "s4", "s5"];
const MIB: f64 = 1024.0 * 1024.0;

/// Whether there is anything to show.
pub(super) fn are_there(result: &RunResult) -> bool {
    result.boxes.iter().any(|part| part.container.is_some())
}

/// The containers; nothing where there are none.
pub(super) fn section(result: &RunResult) -> Markup {
    let containers: Vec<(&str, &ContainerReport)> = result
        .boxes
        .iter()
        .filter_map(|part: &BoxReport| Some((part.name.as_str(), part.container.as_ref()?)))
        .collect();
    html! {
        @if !containers.is_empty() {
            section #containers aria-labelledby="containers-h" {
                h2 id="containers-h" { "Containers" }
                (table(&containers))
                @for (family, title) in [("kafka", "Kafka"), ("proxy", "the proxies")] {
                    (charts(family, title, &containers))
                }
                @for (name, container) in &containers {
                    @if !container.log_end.is_empty() {
                        details {
                            summary { "The last lines of " code { (name) } }
                            pre tabindex="0" { (container.log_end.join("\n")) }
                        }
                    }
                }
            }
        }
    }
}

fn table(containers: &[(&str, &ContainerReport)]) -> Markup {
    let share =
        |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0));
    let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), bytes_text);
    let count = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), grouped);
    html! {
        div.scroll tabindex="0" role="region" aria-label="What containers used" {
            table {
                caption { "What containers used; CPU time and slope are of the measured phases" }
                thead {
                    tr {
                        th.text scope="col" { "container" } th.text scope="col" { "image" }
                        th scope="col" { "CPUs" } th scope="col" { "CPU" } th scope="col" { "at most" }
                        th scope="col" { "throttled" } th scope="col" { "memory limit" } th scope="col" { "resident at most" }
                        th scope="col" { "slope" } th scope="col" { "threads" } th scope="col" { "descriptors" }
                        th scope="col" { "restarts" } th.text scope="col" { "ended" }
                    }
                }
                tbody {
                    @for (name, container) in containers {
                        @let telemetry = container.telemetry.as_ref();
                        @let figures = telemetry.map(|telemetry| telemetry.figures).unwrap_or_default();
                        tr {
                            th.text scope="row" { (name) }
                            td.text { code { (container.image) } }
                            td { @match container.cpus { Some(cpus) => (cpus), None => "all" } }
                            td { (share(figures.cpu_mean)) } td { (share(figures.cpu_max)) }
                            td { (share(figures.cpu_throttled)) }
                            td { @match container.memory_bytes { Some(bytes) => (bytes_text(bytes)), None => "all" } }
                            td { (bytes(figures.rss_max_bytes)) }
                            td { (figures.rss_slope_bytes_per_min.map_or_else(|| "–".to_owned(), growth_text)) }
                            td { (count(figures.threads_max)) } td { (count(figures.fds_max)) }
                            td { (count(telemetry.map(|_| figures.restarts))) }
                            td.text { (container.ended.as_deref().unwrap_or("no")) }
                        }
                    }
                }
            }
        }
    }
}

/// Memory and CPU over time of the containers of a box.
fn charts(family: &str, title: &str, containers: &[(&str, &ContainerReport)]) -> Markup {
    let own = |name: &str| name.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'));
    let told: Vec<(&str, &Telemetry)> = containers
        .iter()
        .filter(|(name, _)| own(name))
        .filter_map(|(name, container)| Some((*name, container.telemetry.as_ref()?)))
        .collect();
    let memory = |row: &BoxSecond, _: f64, _: f64| row.rss_bytes.map(|bytes| float(bytes) / MIB);
    let cpu = |row: &BoxSecond, long_ms: f64, cpus: f64| {
        row.cpu_us
            .filter(|_| long_ms > 0.0)
            .map(|used| float(used) / (long_ms * 10.0 * cpus.max(f64::MIN_POSITIVE)))
    };
    let (of_memory, of_cpu) = (format!("Memory of {title}"), format!("CPU time of {title}"));
    let (memory_id, cpu_id) = (format!("memory-of-{family}"), format!("cpu-of-{family}"));
    html! {
        @if !told.is_empty() {
            (chart(
                Caption { id: &memory_id, title: &of_memory, says: "Resident memory at the end of each second, in MiB." },
                "MiB", &told, memory,
            ))
            (chart(
                Caption {
                    id: &cpu_id,
                    title: &of_cpu,
                    says: "CPU time of each second, in per cent of what its CPUs give: of its limit, or of the machine.",
                },
                "% of its CPUs", &told, cpu,
            ))
        }
    }
}

fn chart(
    caption: Caption<'_>,
    unit: &'static str,
    told: &[(&str, &Telemetry)],
    figure: impl Fn(&BoxSecond, f64, f64) -> Option<f64>,
) -> Markup {
    let mut series = Vec::new();
    let mut to: f64 = 1.0;
    let mut most: f64 = 0.0;
    for ((name, telemetry), class) in told.iter().zip(CLASSES.iter().cycle()) {
        let mut before = 0;
        let points = telemetry.seconds.rows().map(|row| {
            let long_ms = float(row.at_ms.saturating_sub(std::mem::replace(&mut before, row.at_ms)));
            figure(&row, long_ms, telemetry.cpus).map(|value| (float(row.at_ms) / 1000.0, value))
        });
        let points: Vec<Option<(f64, f64)>> = points.collect();
        for (at, value) in points.iter().flatten() {
            (to, most) = (to.max(*at), most.max(*value));
        }
        series.push(Series { name, class, points });
    }
    let drawn = lines(caption, &Axis::seconds(to), &Axis::counts(unit, most), &series);
    let longest = series.iter().map(|line| line.points.len()).max().unwrap_or(0);
    let step = if longest > 1 { to / float(longest as u64 - 1) } else { 1.0 };
    let columns: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    let rows: Vec<(String, Vec<String>)> = (0..longest)
        .map(|row| {
            let second = format!("{:.0}", float(row as u64) * step);
            let figures = series.iter().map(|line| match line.points.get(row) {
                Some(Some((_, value))) => format!("{value:.1}"),
                _ => "–".to_owned(),
            });
            (second, figures.collect())
        })
        .collect();
    framed(caption, &drawn, (to + step, step), &columns, &rows)
}
