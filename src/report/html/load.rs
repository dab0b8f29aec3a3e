//! The load: the rate against what was asked for, what became of it over time, and what landfall itself did.

use maud::{Markup, html};

use super::figure::{QuantileLine, Time};
use super::table::facts;
use crate::report::chart::{Axis, Caption, Layer, Series, lines, stack};
use crate::report::figures::float;
use crate::report::text::grouped;
use crate::result::{Attempts, Reliance, RunResult, Stretch, Tokens};
use crate::stats::{bytes_text, time_text};

/// The colour of an outcome, and whether it is hatched: every other one.
fn look(outcome: &str) -> (&'static str, bool) {
    match outcome {
        "accepted" => ("o-accepted", false),
        "refused" => ("o-refused", true),
        "failed" => ("o-failed", false),
        "reset" => ("o-reset", true),
        "timed_out" => ("o-timed-out", false),
        _ => ("o-malformed", true),
    }
}

pub(super) fn section(result: &RunResult) -> Markup {
    let rate = &result.rate;
    html! {
        section #load aria-labelledby="load-h" {
            h2 id="load-h" { "Load" }
            @if result.recovery.is_none() {
                p {
                    (format!("{:.1}", rate.achieved_per_s)) " measured requests a second were accepted"
                    @if rate.target_per_s > 0.0 { " of " (format!("{:.1}", rate.target_per_s)) " that the schedule asked for" }
                    "."
                }
            }
            @match Time::of(result.timeline.as_ref()) {
                Some(time) => { (rates(&time)) (outcomes(&time)) (queue(&time)) }
                None => p { "How the load went over time is not known." },
            }
            @if result.tokens.fetched > 0 { (tokens(&result.tokens)) }
        }
    }
}

fn rates(time: &Time<'_>) -> Markup {
    let a_second = |count: f64, stretch: &Stretch| count / f64::from(stretch.seconds.max(1));
    let due = |stretch: &Stretch| a_second(stretch.due, stretch);
    let begun = |stretch: &Stretch| a_second(float(stretch.begun), stretch);
    let accepted = |stretch: &Stretch| a_second(float(stretch.attempts.accepted), stretch);
    let closed = time.timeline.stretches.iter().all(|stretch| stretch.due <= 0.0);
    let mut series = Vec::new();
    if !closed {
        series.push(Series { name: "due", class: "s5", points: time.points(|stretch| Some(due(stretch))) });
    }
    series.push(Series { name: "begun", class: "s1", points: time.points(|stretch| Some(begun(stretch))) });
    series.push(Series {
        name: "accepted",
        class: "s2",
        points: time.points(|stretch| Some(accepted(stretch))),
    });
    let most =
        time.timeline.stretches.iter().map(|s| due(s).max(begun(s)).max(accepted(s))).fold(0.0, f64::max);
    let caption = Caption {
        id: "rate-over-time",
        title: "Rate against target",
        says: "Requests a second that the schedules of all workloads expect to be due, that were begun, and attempts that were \
               accepted; warming up and requests that must be refused are among them.",
    };
    let chart = lines(caption, &time.axis(), &Axis::counts("requests a second", most), &series);
    time.figure(caption, &chart, &["due", "begun", "accepted"], |stretch| {
        let rate = |rate: f64| format!("{rate:.1}");
        let due = if closed { "–".to_owned() } else { rate(due(stretch)) };
        vec![due, rate(begun(stretch)), rate(accepted(stretch))]
    })
}

fn outcomes(time: &Time<'_>) -> Markup {
    let stretches = &time.timeline.stretches;
    let a_second = |stretch: &Stretch, count: u64| float(count) / f64::from(stretch.seconds.max(1));
    let heights = |place: usize| -> Vec<f64> {
        stretches.iter().map(|stretch| a_second(stretch, stretch.attempts.outcomes()[place].1)).collect()
    };
    let names = Attempts::default().outcomes().map(|(name, _)| (name, name.replace('_', " ")));
    let layers: Vec<Layer<'_>> = names
        .iter()
        .enumerate()
        .filter(|(place, _)| stretches.iter().any(|stretch| stretch.attempts.outcomes()[*place].1 > 0))
        .map(|(place, (outcome, name))| {
            let (class, hatched) = look(outcome);
            Layer { name, class, hatched, heights: heights(place) }
        })
        .collect();
    let most = stretches.iter().map(|stretch| a_second(stretch, stretch.attempts.total)).fold(0.0, f64::max);
    let caption = Caption {
        id: "outcomes-over-time",
        title: "What became of attempts",
        says: "Attempts a second by when they ended and what became of them, one kind upon the other.",
    };
    let y = Axis::counts("attempts a second", most);
    let chart = stack(caption, &time.axis(), &y, &time.steps(), &layers);
    let columns: Vec<&str> =
        names.iter().map(|(_, name)| name.as_str()).chain(["retries", "connections lost"]).collect();
    time.figure(caption, &chart, &columns, |stretch| {
        let counts = stretch.attempts.outcomes().map(|(_, count)| count);
        let counts = counts.into_iter().chain([stretch.attempts.retries, stretch.socket_errors]);
        counts.map(|count| format!("{:.1}", a_second(stretch, count))).collect()
    })
}

fn queue(time: &Time<'_>) -> Markup {
    let series = [
        Series { name: "under way", class: "s1", points: time.points(|s| Some(float(s.in_flight))) },
        Series {
            name: "waiting for a connection",
            class: "s3",
            points: time.points(|s| Some(float(s.waiting))),
        },
    ];
    let most = time.timeline.stretches.iter().map(|s| s.in_flight.max(s.waiting)).max().unwrap_or(0);
    let caption = Caption {
        id: "queue-over-time",
        title: "Requests under way and waiting",
        says: "At the end of each second, the most where several are put together.",
    };
    let chart = lines(caption, &time.axis(), &Axis::counts("requests", float(most)), &series);
    time.figure(caption, &chart, &["under way", "waiting"], |stretch| {
        [stretch.in_flight, stretch.waiting].map(grouped).to_vec()
    })
}

fn tokens(tokens: &Tokens) -> Markup {
    let mut rows = vec![
        ("fetched", html! { (grouped(tokens.fetched)) " in " (time_text(tokens.fetch_us.max)) " at most" }),
        ("renewals that failed", html! { (grouped(tokens.failed)) }),
        ("most renewals within a second", html! { (grouped(tokens.storms)) }),
    ];
    if tokens.replaced > 0 {
        rows.push(("renewals because a token was refused", html! { (grouped(tokens.replaced)) }));
    }
    if tokens.unarmed > 0 {
        let without = html! { (grouped(tokens.unarmed)) ", for " (time_text(tokens.unarmed_us)) " at most" };
        rows.push(("partners without a valid token", without));
    }
    facts("Tokens", &rows)
}

/// What landfall itself did: its times mean something only while it kept up.
pub(super) fn generator(result: &RunResult) -> Markup {
    let g = &result.generator;
    let per_cent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut rows = vec![
        ("load threads", html! { (g.threads) }),
        ("CPU share of the busiest", html! { (per_cent(g.cpu_share)) }),
        (
            "waiting for a CPU",
            html! {
                @match g.run_queue_share {
                    Some(share) => { (per_cent(share)) " of the time, of the thread that waited most" }
                    None => "not known on this system",
                }
            },
        ),
        (
            "lag",
            html! {
                @if result.generator_lag_us.count == 0 { "nothing was measured" }
                @else { "p99 " (time_text(result.generator_lag_us.p99)) ", max " (time_text(result.generator_lag_us.max)) }
            },
        ),
        ("unsent when draining ended", html! { (grouped(g.unsent)) }),
        ("most that waited for a connection", html! { (grouped(g.backlog_peak)) }),
        ("connections that could not be opened or broke", html! { (grouped(g.socket_errors)) }),
        (
            "of these for want of something on this machine",
            html! {
                (grouped(g.local_errors)) @if let Some(error) = &g.local_error { ", the last: " (error) }
            },
        ),
    ];
    if let Some(memory) = result.memory {
        let resident = html! { (bytes_text(memory.start_bytes)) " when the load began, " (bytes_text(memory.peak_bytes)) " at most" };
        rows.push(("memory of landfall, embedded boxes included", resident));
    }
    if let Some(known) = &g.calibration {
        let known = html! {
            "wakes up within " (time_text(known.wakeup_p99_us)) " (p99), keeps its times up to "
            (format!("{:.0}", known.honest_rate_per_s)) " requests a second, measured " (known.when)
        };
        rows.push(("calibration", known));
    }
    html! {
        section #generator aria-labelledby="generator-h" {
            h2 id="generator-h" { "Generator" }
            @match g.reliance() {
                Reliance::Full => p { "What landfall itself did. It kept its limits, so its times are to be relied on." },
                Reliance::UpperBounds => p { strong { "Times may have been shorter than shown:" } " landfall waited for processors." },
                Reliance::None => p { strong { "Times are not to be relied on:" } " landfall did not keep its limits." },
            }
            @if !g.exceeded.is_empty() { ul { @for limit in &g.exceeded { li { (limit.sentence) } } } }
            @if result.recovery.is_none() { (facts("Self-audit", &rows)) }
            @if let Some(time) = Time::of(result.timeline.as_ref()) { (lag(&time)) }
        }
    }
}

fn lag(time: &Time<'_>) -> Markup {
    let caption = Caption {
        id: "lag-over-time",
        title: "Generator lag",
        says: "landfall's own doing: how much later than due it wrote, where a connection was free.",
    };
    let times = |stretch: &Stretch| stretch.generator_lag_us;
    let lines_of: [QuantileLine; 3] = [
        ("p50", "s1", |times| times.p50),
        ("p99", "s3", |times| times.p99),
        ("max", "s4", |times| times.max),
    ];
    let chart = lines(caption, &time.axis(), &time.micros("lag", times), &time.quantiles(times, &lines_of));
    time.figure(caption, &chart, &["p50", "p99", "max", "CPU share"], |stretch| {
        let lag = stretch.generator_lag_us;
        let mut row: Vec<String> = match lag.count {
            0 => vec!["–".to_owned(); 3],
            _ => [lag.p50, lag.p99, lag.max].into_iter().map(time_text).collect(),
        };
        row.push(format!("{:.0} %", stretch.cpu_share * 100.0));
        row
    })
}
