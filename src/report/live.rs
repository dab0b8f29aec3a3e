//! What people watch while a run is under way: a screen on a terminal, a line now and then elsewhere.

use std::time::Duration;

use console::truncate_str;

use super::progress::{LastSecond, PhaseNow, Progress, Stage};
use super::text::{grouped, plain};
use crate::record::Class;
use crate::stats::time_text;

/// Width of the bar, in characters.
const BAR: u32 = 24;

/// The screen, a line each of at most `width` columns.
#[must_use]
pub fn screen(progress: &Progress, width: usize) -> Vec<String> {
    let Progress { last, so_far, .. } = progress;
    let lines = [
        format!("{}  run {}", plain(&progress.name), progress.run),
        format!("  {:<9} {} {}", label(progress.stage), bar(progress), position(progress)),
        format!(
            "  rate      {}, {}/s accepted; {} in flight, {} waiting for a connection",
            begun(last),
            grouped(last.accepted),
            grouped(last.in_flight),
            grouped(last.waiting)
        ),
        format!(
            "  latency   {}; so far p99 {}, max {}",
            last_second(last),
            time_text(so_far.times.latency.p99),
            time_text(so_far.times.latency.max)
        ),
        format!("  attempts  {}; {} retries", outcomes(so_far.attempts), grouped(so_far.retries)),
        format!(
            "  records   {} sent, {} acked, {} read back",
            grouped(so_far.sent),
            grouped(so_far.acked),
            grouped(so_far.landed)
        ),
        format!(
            "  landfall  lag p99 {}, {:.0} % of a CPU; {} connections opened, {} socket errors",
            time_text(last.times.generator_lag.p99),
            last.cpu_share * 100.0,
            grouped(so_far.opened),
            grouped(so_far.socket_errors)
        ),
    ];
    lines.iter().map(|line| truncate_str(line, width, "…").into_owned()).collect()
}

/// The same in one line, for logs.
#[must_use]
pub fn line(progress: &Progress) -> String {
    let Progress { last, so_far, .. } = progress;
    let mut parts = vec![format!("{} {}", label(progress.stage), position(progress))];
    if progress.stage != Stage::Settle {
        parts.push(begun(last));
    }
    parts.extend([
        format!("latency {}, so far p99 {}", last_second(last), time_text(so_far.times.latency.p99)),
        outcomes(so_far.attempts),
        format!("{} socket errors", grouped(so_far.socket_errors)),
        format!("records {} sent, {} read back", grouped(so_far.sent), grouped(so_far.landed)),
    ]);
    parts.join("; ")
}

/// Requests begun, and due where they are due at times: closed load has no target.
fn begun(last: &LastSecond) -> String {
    let begun = grouped(last.begun);
    if last.due > 0.0 { format!("{begun}/s of {:.0}/s due", last.due) } else { format!("{begun}/s") }
}

/// A second in which nothing ended has no quantiles, which is not the same as zero.
fn last_second(last: &LastSecond) -> String {
    let quantiles = last.times.latency;
    match quantiles.count {
        0 if last.oldest_us > 0 => {
            format!("last second none, the oldest has been due for {}", time_text(last.oldest_us))
        }
        0 => "last second none".to_owned(),
        _ => format!("last second p50 {}, p99 {}", time_text(quantiles.p50), time_text(quantiles.p99)),
    }
}

fn label(stage: Stage) -> &'static str {
    match stage {
        Stage::Load => "load",
        Stage::Drain => "draining",
        Stage::Settle => "settling",
    }
}

fn bar(progress: &Progress) -> String {
    let length = progress.length.as_secs_f64();
    let part = if length > 0.0 { (progress.elapsed.as_secs_f64() / length).min(1.0) } else { 1.0 };
    let full = (0..BAR).filter(|cell| f64::from(*cell) < part * f64::from(BAR)).count();
    format!("[{}{}]", "#".repeat(full), ".".repeat(BAR as usize - full))
}

/// Where the run is, with what is left of it.
fn position(progress: &Progress) -> String {
    let (elapsed, length) = (progress.elapsed, progress.length);
    match progress.stage {
        Stage::Load => {
            let left = length.saturating_sub(elapsed);
            let phases: Vec<String> = progress.phases.iter().map(phase).collect();
            let phases = if phases.is_empty() { String::new() } else { format!("; {}", phases.join(", ")) };
            format!("{} of {}, {} to go{phases}", clock(elapsed), clock(length), clock(left))
        }
        Stage::Drain => format!("{}, waiting for answers", clock(elapsed)),
        Stage::Settle => {
            let most = progress.settled_by.filter(|most| *most > elapsed);
            let most = most.map(|most| format!(" of at most {}", clock(most))).unwrap_or_default();
            format!("{}{most}, waiting for what may still land", clock(elapsed))
        }
    }
}

fn phase(phase: &PhaseNow) -> String {
    format!("phase {} for {} yet", plain(&phase.name), clock(phase.left))
}

/// Whole seconds as minutes and hours where there are some.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

fn outcomes(attempts: [u64; Class::ALL.len()]) -> String {
    let counts: Vec<String> = Class::ALL
        .iter()
        .zip(attempts)
        .map(|(class, count)| format!("{} {}", grouped(count), class.name().replace('_', " ")))
        .collect();
    counts.join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::progress::{SoFar, TimeQuantiles};
    use crate::result::Quantiles;

    fn quantiles(p50: u64, p99: u64) -> Quantiles {
        Quantiles { p50, p90: p50 * 2, p99, p999: p99 + 1, max: p99 * 2, count: 400 }
    }

    pub(in crate::report) fn progress() -> Progress {
        Progress {
            name: "quick\u{1b}start".into(),
            run: "a1b2c3".into(),
            stage: Stage::Load,
            elapsed: Duration::from_millis(75_400),
            length: Duration::from_mins(5),
            settled_by: None,
            phases: vec![PhaseNow { name: "steady".into(), left: Duration::from_secs(45) }],
            last: LastSecond {
                due: 400.0,
                begun: 398,
                accepted: 391,
                in_flight: 8,
                oldest_us: 31_000,
                waiting: 2,
                times: TimeQuantiles {
                    latency: quantiles(1_490, 25_400),
                    generator_lag: quantiles(60, 90),
                    ..TimeQuantiles::default()
                },
                cpu_share: 0.124,
                run_queue_share: Some(0.01),
            },
            so_far: SoFar {
                begun: 30_100,
                attempts: [29_000, 120, 900, 4, 3, 0],
                retries: 17,
                opened: 12,
                socket_errors: 4,
                times: TimeQuantiles { latency: quantiles(1_400, 9_870), ..TimeQuantiles::default() },
                sent: 301_000,
                acked: 290_000,
                landed: 289_500,
            },
        }
    }

    #[test]
    fn the_screen_shows_the_run_at_a_glance() {
        insta::assert_snapshot!(screen(&progress(), 120).join("\n"));
    }

    #[test]
    fn a_second_without_answers_tells_what_has_been_waited_for() {
        let mut progress = progress();
        progress.last.times.latency = Quantiles::default();
        let told = line(&progress);
        assert!(told.contains("latency last second none, the oldest has been due for 31.0ms,"), "{told}");
        progress.last.oldest_us = 0;
        assert!(line(&progress).contains("latency last second none, so far"));
    }

    #[test]
    fn a_narrow_terminal_cuts_lines_and_breaks_none() {
        let lines = screen(&progress(), 30);
        assert!(lines.iter().all(|line| line.chars().count() <= 30), "{lines:?}");
        assert!(lines[2].ends_with('…'));
    }

    #[test]
    fn a_line_says_it_in_short_at_each_stage() {
        let at = |stage, elapsed, length| Progress {
            stage,
            elapsed: Duration::from_secs(elapsed),
            length: Duration::from_secs(length),
            ..progress()
        };
        let lines = [
            line(&at(Stage::Load, 75, 300)),
            line(&Progress { phases: vec![], ..at(Stage::Load, 4_000, 9_000) }),
            line(&at(Stage::Drain, 301, 300)),
            line(&Progress { last: LastSecond::default(), ..at(Stage::Settle, 310, 300) }),
            line(&Progress { settled_by: Some(Duration::from_secs(431)), ..at(Stage::Settle, 310, 300) }),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn the_bar_is_full_at_the_end_and_empty_at_the_start() {
        let at = |elapsed| {
            bar(&Progress { elapsed: Duration::from_secs(elapsed), ..progress() }).matches('#').count()
        };
        assert_eq!([at(0), at(150), at(300), at(900)], [0, 12, 24, 24]);
    }
}
