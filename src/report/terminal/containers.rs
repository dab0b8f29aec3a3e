//! What containers used, and how those ended that did.

use std::fmt::{self, Write as _};

use crate::report::text::{self, grouped, plain, times};
use crate::result::{BoxReport, Telemetry};
use crate::stats::{bytes_text, growth_text};

/// How much of a line of a log is shown, in characters.
const LINE: usize = 160;
/// How many lines of a log are shown.
const LINES: usize = 5;

/// A row for each container: what it used, and how it ended where it did.
pub(super) fn write_containers(out: &mut String, boxes: &[BoxReport]) -> fmt::Result {
    let width = boxes.iter().map(|part| part.name.chars().count()).max().unwrap_or(0);
    let mut label = "used by";
    for part in boxes {
        let Some(container) = &part.container else { continue };
        let used = container.telemetry.as_ref().map(used_by);
        if used.is_none() && container.ended.is_none() {
            continue;
        }
        let ended = container.ended.as_ref().map(|how| format!("ended: {}", plain(how)));
        let told: Vec<String> = used.into_iter().chain(ended).collect();
        writeln!(out, "  {label:<9} {:<width$}  {}", plain(&part.name), told.join("; "))?;
        label = "";
        // Of those that still run, the JSON has it.
        let last = container.log_end.len().saturating_sub(LINES);
        for line in container.log_end[last..].iter().filter(|_| container.ended.is_some()) {
            writeln!(out, "            {:<width$}  | {}", "", text::short(line, LINE))?;
        }
    }
    Ok(())
}

/// What a container used, in a line.
fn used_by(telemetry: &Telemetry) -> String {
    let figures = &telemetry.figures;
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    let cpu = figures.cpu_max.zip(figures.cpu_mean).map(|(most, mean)| {
        let throttled = figures.cpu_throttled.filter(|share| *share > 0.0);
        let throttled = throttled.map(|of| format!(", throttled {}", share(of))).unwrap_or_default();
        format!("CPU {} of {}, at most {}{throttled}", share(mean), telemetry.cpus, share(most))
    });
    let memory = figures.rss_max_bytes.map(|most| {
        let slope = figures.rss_slope_bytes_per_min;
        let slope = slope.map(|slope| format!(", slope {}", growth_text(slope))).unwrap_or_default();
        format!("memory at most {}{slope}", bytes_text(most))
    });
    let threads = figures.threads_max.map(|most| format!("{} threads", grouped(most)));
    let fds = figures.fds_max.map(|most| format!("{} descriptors", grouped(most)));
    let restarts = (figures.restarts > 0).then(|| format!("started again {}", times(figures.restarts)));
    let told: Vec<String> = [cpu, memory, threads, fds, restarts].into_iter().flatten().collect();
    if told.is_empty() { "not known".to_owned() } else { told.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::tests::result;
    use crate::result::{BoxFigures, ContainerReport};

    #[test]
    fn a_summary_shows_what_containers_used_and_how_they_ended() {
        let figures = BoxFigures {
            measured_s: 60,
            cpu_max: Some(0.93),
            cpu_mean: Some(0.41),
            cpu_throttled: Some(0.034),
            rss_max_bytes: Some(700 << 20),
            rss_slope_bytes_per_min: Some(-1024.0),
            threads_max: Some(61),
            restarts: 1,
            ..BoxFigures::default()
        };
        let container = |figures: BoxFigures, ended: Option<&str>| ContainerReport {
            telemetry: Some(Telemetry { cpus: 1.5, figures, ..Telemetry::default() }),
            ended: ended.map(str::to_owned),
            log_end: ended.map(|_| "fatal \u{1b}[31m".to_owned()).into_iter().collect(),
            ..container_report()
        };
        let mut boxes = result().boxes;
        boxes[0].container = Some(container(figures, None));
        boxes[1].container = Some(container(BoxFigures::default(), Some("exit code 137")));
        let mut text = String::new();
        write_containers(&mut text, &boxes).unwrap();
        assert_eq!(
            text,
            "  used by   gateway  CPU 41 % of 1.5, at most 93 %, throttled 3 %; memory at most 700MiB, slope -1.00KiB/min; \
             61 threads; started again once\n\
             \x20           proxy    not known; ended: exit code 137\n\
             \x20                    | fatal \u{fffd}[31m\n"
        );
    }

    fn container_report() -> ContainerReport {
        ContainerReport { image: "i".into(), image_id: "i".into(), ..ContainerReport::default() }
    }
}
