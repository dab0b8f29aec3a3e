//! The load engine against an HTTP server that is there already, for comparison with other generators
//! (`benches/peers.sh`).
//!
//! `cargo bench --bench engine -- URL [--connections N] [--seconds S] [--rate R | --poisson R] [--threads T]
//! [--bytes B] [--warmup S] [--h2 STREAMS]` sends requests of one record to `URL/topics/t`; without a rate each connection sends
//! again as soon as it has its answer. It prints one JSON object.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use landfall::load::{Expectation, Interval, LEAD, LoadPlan, Report, Sink, Stop, StreamPlan, Target, run};
use landfall::record::{AnswerView, Catalogue, Class, Feed, Format, IdentityPlace, RunId, Sent, Stream};
use landfall::scenario::{Connections, Protocol, Timeouts, TlsSettings};
use landfall::schedule::{Arrivals, Intensity, Phase, Schedule, Sizes, Spacing};
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
            url if url.starts_with("http") => options.url = url.to_owned(),
            other => return Err(format!("{other} is no option")),
        }
    }
    Ok(options)
}

/// Counts the acks, so that no answer goes unread.
struct Count(Arc<AtomicU64>);

impl Sink for Count {
    fn attempt(&mut self, _sent: &Sent, answer: AnswerView<'_>) {
        let acked = answer.answers.iter().filter(|answer| answer.is_acked()).count() as u64;
        self.0.fetch_add(acked, Ordering::Relaxed);
    }

    fn idle(&mut self) {}

    fn second(&mut self, interval: Box<Interval>) -> Box<Interval> {
        interval
    }
}

fn plan(options: &Options) -> Result<LoadPlan, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let target = runtime
        .block_on(Target::resolve(&options.url, &[], &TlsSettings::default(), options.protocol))
        .map_err(|error| error.to_string())?;
    // Head and identity aside, the body has as many bytes as was asked for.
    let around =
        "{\"records\":[{\"value\":{\"text\":\"\",\"_landfall\":\"bench.0.1000000.00000000\"}}]}".len();
    let text = "x".repeat(options.bytes.saturating_sub(around));
    let feed =
        Feed::parse(format!("{{\"text\":\"{text}\"}}").as_bytes()).map_err(|error| error.to_string())?;
    let place = IdentityPlace::Member("_landfall".into());
    let stream = Stream::new(0, Format::Json, place, None, &feed).map_err(|error| error.to_string())?;
    let run_id = RunId::new("bench").map_err(|error| error.to_string())?;
    let phase = |name: &str, measured, duration| Phase {
        name: name.into(),
        measured,
        duration,
        arrivals: match options.rate {
            None => {
                Arrivals::Closed { workers: options.connections * options.streams, think: Duration::ZERO }
            }
            Some((rate, poisson)) => Arrivals::Open {
                intensity: Intensity::constant(rate, duration),
                spacing: if poisson { Spacing::Poisson } else { Spacing::Even { offset: 0.0 } },
            },
        },
    };
    let mut phases = vec![phase("main", true, options.duration)];
    if options.warmup > Duration::ZERO {
        phases.insert(0, phase("warm-up", false, options.warmup));
    }
    let minute = Duration::from_mins(1);
    let stream_plan = StreamPlan {
        target,
        topic: "t".into(),
        partition: None,
        format: Format::Json,
        sizes: Sizes::fixed(1),
        schedule: Schedule::new(1, phases),
        seed: 1,
        protocol: options.protocol,
        connections: Connections {
            count: options.connections,
            streams: options.streams,
            requests_each: None,
            life: None,
        },
        timeouts: Timeouts { connect: minute, first_byte: minute, whole: minute },
        retry: None,
        partner: 0,
        token: None,
        expectation: Expectation::Accept,
    };
    Ok(LoadPlan {
        streams: vec![stream_plan],
        catalogue: Catalogue::new(run_id, vec![stream]),
        tokens: Vec::new(),
        threads: options.threads,
        drain: Duration::from_secs(5),
        origin: Instant::now(),
        start: Instant::now() + LEAD,
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
    if options.url.is_empty() {
        // `cargo bench` without a server to measure against.
        println!("no URL given: nothing measured; see benches/peers.sh");
        return Ok(());
    }
    let plan = plan(&options)?;
    let acked = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let report = run(&plan, |_| Count(acked.clone()), &Stop::default()).map_err(|error| error.to_string())?;
    print(&report, acked.load(Ordering::Relaxed), began.elapsed());
    Ok(())
}
