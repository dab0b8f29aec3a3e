//! The load engine against an HTTP server that is there already, for comparison with other generators
//! (`benches/peers.sh`).
//!
//! `cargo bench --bench engine -- URL [--connections N] [--seconds S] [--rate R | --poisson R] [--threads T]
//! [--bytes B] [--warmup S] [--h2 STREAMS]` sends requests of one record to `URL/topics/t`; without a rate each connection sends
//! again as soon as it has its answer. `--probe S`
//! measures how late a waiting thread is woken instead. It prints one JSON object.

mod plan;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use landfall::load::{Interval, LoadPlan, Report, Sink, Stop, run, wake_up_probe};
use landfall::record::{Answer, Class, Sent};
use landfall::scenario::Protocol;
use landfall::schedule::{Arrivals, Intensity, Phase, Spacing};
use plan::{Shape, as_fast_as_can_be, plan};
use serde_json::json;

struct Options {
    url: String,
    connections: u16,
    duration: Duration,
    warmup: Duration,
    rate: Option<(f64, bool)>,
    threads: usize,
    bytes: usize,
    protocol: Protocol,
    streams: u16,
    probe: Option<Duration>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        url: String::new(),
        connections: 64,
        duration: Duration::from_secs(5),
        warmup: Duration::ZERO,
        rate: None,
        threads: 1,
        bytes: 200,
        protocol: Protocol::Http1,
        streams: 1,
        probe: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            value.parse::<f64>().map_err(|error| format!("{word} {value}: {error}"))
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float-to-int cast saturates"
        )]
        match word.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--connections" => options.connections = number()? as u16,
            "--seconds" => options.duration = Duration::from_secs_f64(number()?),
            "--warmup" => options.warmup = Duration::from_secs_f64(number()?),
            "--rate" => options.rate = Some((number()?, false)),
            "--poisson" => options.rate = Some((number()?, true)),
            "--threads" => options.threads = number()? as usize,
            "--h2" => {
                options.protocol = Protocol::Http2;
                options.streams = number()? as u16;
            }
            "--bytes" => options.bytes = number()? as usize,
            "--probe" => options.probe = Some(Duration::from_secs_f64(number()?)),
            url if url.starts_with("http") => url.clone_into(&mut options.url),
            other => return Err(format!("{other} is no option")),
        }
    }
    Ok(options)
}

/// Counts the acks, so that no answer goes unread.
struct Count(Arc<AtomicU64>);

impl Sink for Count {
    fn attempt(&mut self, _sent: &Sent, answer: Answer<'_>) {
        let acked = answer.answers.iter().filter(|answer| answer.is_acked()).count() as u64;
        self.0.fetch_add(acked, Ordering::Relaxed);
    }

    fn idle(&mut self) {}

    fn second(&mut self, interval: Box<Interval>) -> Box<Interval> {
        interval
    }
}

fn load(options: &Options) -> Result<LoadPlan, String> {
    let phase = |name: &str, measured, duration| match options.rate {
        None => as_fast_as_can_be(name, measured, duration, options.connections * options.streams),
        Some((rate, poisson)) => Phase {
            name: name.into(),
            measured,
            duration,
            arrivals: Arrivals::Open {
                intensity: Intensity::constant(rate, duration),
                spacing: if poisson { Spacing::Poisson } else { Spacing::Even { offset: 0.0 } },
            },
        },
    };
    let mut phases = vec![phase("main", true, options.duration)];
    if options.warmup > Duration::ZERO {
        phases.insert(0, phase("warm-up", false, options.warmup));
    }
    plan(Shape {
        url: &options.url,
        phases,
        protocol: options.protocol,
        connections: options.connections,
        streams: options.streams,
        threads: options.threads,
        bytes: options.bytes,
    })
}

fn print(report: &Report, acked: u64, wall: Duration) {
    let share = &report.overall;
    let quantiles = |name: &str| {
        let histogram = share.times.named().into_iter().find(|(known, _)| *known == name);
        histogram.map(|(_, histogram)| serde_json::to_value(histogram.quantiles()).unwrap_or_default())
    };
    let thread = report.threads.first().copied().unwrap_or_default();
    let result = json!({
        "accepted": share.accepted,
        "acked": acked,
        "attempts": report.attempts.total(),
        "failed": report.attempts.total() - report.attempts.of(Class::Accepted),
        "rate_per_s": share.achieved_per_s(),
        "target_per_s": share.target_per_s(),
        "cpu_share": thread.cpu_share,
        "run_queue_share": thread.run_queue_share,
        "latency_us": quantiles("latency"),
        "service_us": quantiles("service"),
        "blocked_us": quantiles("blocked"),
        "generator_lag_us": quantiles("generator_lag"),
        "unsent": report.unsent,
        "socket_errors": report.socket_errors,
        "wall_s": wall.as_secs_f64(),
    });
    println!("{result}");
}

fn main() -> Result<(), String> {
    let options = options()?;
    if let Some(length) = options.probe {
        let late = wake_up_probe(length).map_err(|error| error.to_string())?;
        println!("{}", json!({ "wakeup_us": late.quantiles() }));
        return Ok(());
    }
    if options.url.is_empty() {
        // `cargo bench` without a server to measure against.
        println!("no URL given: nothing measured; see benches/peers.sh");
        return Ok(());
    }
    let plan = load(&options)?;
    let acked = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let report = run(&plan, |_| Count(acked.clone()), &Stop::default()).map_err(|error| error.to_string())?;
    print(&report, acked.load(Ordering::Relaxed), began.elapsed());
    Ok(())
}
