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
    let mut begins: Vec<f64> = Vec::new();
    let mut to: f64 = 1.0;
    let mut most: f64 = 0.0;
    for ((name, telemetry), class) in told.iter().zip(CLASSES.iter().cycle()) {
        // A row is what was seen at the end of a stretch, which is shown in its middle, as all charts have it.
        let rows: Vec<BoxSecond> = telemetry.seconds.rows().collect();
        let mut points = Vec::new();
        for (place, pair) in rows.windows(2).enumerate() {
            let (from, end) = (float(pair[0].at_ms) / 1000.0, float(pair[1].at_ms) / 1000.0);
            if begins.len() == place {
                begins.push(from);
            }
            let value = figure(&pair[1], (end - from) * 1000.0, telemetry.cpus);
            (to, most) = (to.max(end), most.max(value.unwrap_or(0.0)));
            points.push(value.map(|value| (f64::midpoint(from, end), value)));
        }
        series.push(Series { name, class, points });
    }
    let drawn = lines(caption, &Axis::seconds(to), &Axis::counts(unit, most), &series);
    let step = to / float(begins.len().max(1) as u64);
    let columns: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    let row = |(place, begins): (usize, &f64)| {
        let figures = series.iter().map(|line| match line.points.get(place) {
            Some(Some((_, value))) => format!("{value:.1}"),
            _ => "–".to_owned(),
        });
        (format!("{begins:.0}"), figures.collect())
    };
    let rows: Vec<(String, Vec<String>)> = begins.iter().enumerate().map(row).collect();
    framed(caption, &drawn, (to, step), &columns, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;
    use crate::result::BoxSecond;

    fn container(name: &str) -> BoxReport {
        let row = |at: u64| BoxSecond {
            at_ms: at * 1000,
            ran: true,
            cpu_us: (at > 0).then_some(250_000),
            rss_bytes: Some((64 + at) << 20),
            ..BoxSecond::default()
        };
        let telemetry = Telemetry { cpus: 0.5, seconds: (0..5).map(row).collect(), ..Telemetry::default() };
        BoxReport {
            name: name.into(),
            kind: "container".into(),
            endpoint: None,
            start_us: 0,
            container: Some(ContainerReport {
                image: "a<b>".into(),
                image_id: "i".into(),
                cpus: Some(0.5),
                telemetry: Some(telemetry),
                ended: Some("exit code 1".into()),
                log_end: vec!["</pre><script>".into()],
                ..ContainerReport::default()
            }),
        }
    }

    #[test]
    fn each_box_has_its_charts_with_a_line_for_each_container() {
        let mut result = result();
        assert!(!are_there(&result) && section(&result).into_string().is_empty());
        result.boxes = vec![container("proxy-1"), container("proxy-2")];
        let page = section(&result).into_string();
        for part in
            ["id=\"memory-of-proxy\"", "id=\"cpu-of-proxy\"", "a&lt;b&gt;", "exit code 1", "&lt;/pre&gt;"]
        {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("memory-of-kafka"));
        assert_eq!(page.matches("data-series=\"proxy-2\"").count(), 2);
        // Half of half a CPU, and what was resident at the end of the third second.
        assert!(page.contains("<tr><th scope=\"row\">2</th><td>50.0</td><td>50.0</td></tr>"), "{page}");
        assert!(page.contains("<tr><th scope=\"row\">2</th><td>67.0</td><td>67.0</td></tr>"));
    }
}
