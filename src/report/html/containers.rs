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
    let lines_of: Vec<Vec<Stretch>> =
        told.iter().map(|(_, telemetry)| stretches(telemetry, &figure)).collect();
    let to = lines_of.iter().flatten().map(|stretch| stretch.end).fold(1.0, f64::max);
    let most = lines_of.iter().flatten().filter_map(|stretch| stretch.value).fold(0.0, f64::max);
    let series = told.iter().zip(&lines_of).zip(CLASSES.iter().cycle()).map(|(((name, _), line), class)| {
        let points = line.iter().map(|stretch| stretch.value.map(|value| (stretch.middle(), value)));
        Series { name, class, points: points.collect() }
    });
    let drawn = lines(caption, &Axis::seconds(to), &Axis::counts(unit, most), &series.collect::<Vec<_>>());
    // Rows are those of the container that was there for longest; what others used then, by its middle.
    let longest = lines_of.iter().max_by_key(|line| line.len()).map(Vec::as_slice).unwrap_or_default();
    let step = to / float(longest.len().max(1) as u64);
    let columns: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    let row = |stretch: &Stretch| {
        let at = stretch.middle();
        let then = |line: &Vec<Stretch>| {
            let next = line.get(line.partition_point(|other| other.end <= at))?;
            next.value.filter(|_| next.from <= at)
        };
        let text = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
        (format!("{:.0}", stretch.from), lines_of.iter().map(|line| text(then(line))).collect())
    };
    let rows: Vec<(String, Vec<String>)> = longest.iter().map(row).collect();
    framed(caption, &drawn, (to, step), &columns, &rows)
}

/// What a container used or held in a stretch of time, in seconds after the load began.
struct Stretch {
    from: f64,
    end: f64,
    value: Option<f64>,
}

impl Stretch {
    fn middle(&self) -> f64 {
        f64::midpoint(self.from, self.end)
    }
}

/// A row is what was seen at the end of a stretch, which is shown in its middle, as all charts have it.
fn stretches(telemetry: &Telemetry, figure: &impl Fn(&BoxSecond, f64, f64) -> Option<f64>) -> Vec<Stretch> {
    let rows: Vec<BoxSecond> = telemetry.seconds.rows().collect();
    let stretch = |pair: &[BoxSecond]| {
        let (from, end) = (float(pair[0].at_ms) / 1000.0, float(pair[1].at_ms) / 1000.0);
        Stretch { from, end, value: figure(&pair[1], (end - from) * 1000.0, telemetry.cpus) }
    };
    rows.windows(2).map(stretch).collect()
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
            since_ms: None,
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
    fn one_that_came_later_has_its_figures_at_its_own_time() {
        let mut result = result();
        let mut late = container("proxy-2");
        let telemetry = late.container.as_mut().unwrap().telemetry.as_mut().unwrap();
        // Not looked at in the same millisecond.
        telemetry.seconds.at_ms = vec![2003, 3001, 4002, 5001, 6002];
        let mut first = container("proxy-1");
        let row = |at: u64| BoxSecond {
            at_ms: at * 1000,
            ran: true,
            rss_bytes: Some(at << 20),
            ..BoxSecond::default()
        };
        first.container.as_mut().unwrap().telemetry.as_mut().unwrap().seconds = (0..8).map(row).collect();
        result.boxes = vec![first, late];
        let page = section(&result).into_string();
        for row in [
            "<tr><th scope=\"row\">1</th><td>2.0</td><td>–</td></tr>",
            "<tr><th scope=\"row\">2</th><td>3.0</td><td>65.0</td></tr>",
            "<tr><th scope=\"row\">5</th><td>6.0</td><td>68.0</td></tr>",
            "<tr><th scope=\"row\">6</th><td>7.0</td><td>–</td></tr>",
        ] {
            assert!(page.contains(row), "{row} is not in {page}");
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
