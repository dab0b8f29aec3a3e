//! The load that the benchmarks of the engine send: requests of one record.

use std::time::{Duration, Instant};

use landfall::load::{LEAD, LoadPlan, StreamPlan, Target};
use landfall::record::{Catalogue, Feed, Format, IdentityPlace, RunId, Stream};
use landfall::scenario::{Connections, Protocol, TlsSettings};
use landfall::schedule::{Arrivals, Phase, Schedule};

/// What is sent where.
pub(crate) struct Shape<'a> {
    /// Base URL.
    pub(crate) url: &'a str,
    /// Phases in sequence: name, whether it is measured, length, arrivals.
    pub(crate) phases: Vec<Phase>,
    pub(crate) protocol: Protocol,
    pub(crate) connections: u16,
    /// Requests at once on each connection.
    pub(crate) streams: u16,
    pub(crate) threads: usize,
    /// Length of a request's body.
    pub(crate) bytes: usize,
}

/// A load of one stream to `url/topics/t`.
pub(crate) fn plan(shape: Shape<'_>) -> Result<LoadPlan, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let tls = TlsSettings::default();
    let target = runtime
        .block_on(Target::resolve(shape.url, &[], &tls, shape.protocol))
        .map_err(|error| error.to_string())?;
    let around =
        "{\"records\":[{\"value\":{\"text\":\"\",\"_landfall\":\"bench.0.1000000.00000000\"}}]}".len();
    let text = "x".repeat(shape.bytes.saturating_sub(around));
    let feed =
        Feed::parse(format!("{{\"text\":\"{text}\"}}").as_bytes()).map_err(|error| error.to_string())?;
    let place = IdentityPlace::Member("_landfall".into());
    let stream = Stream::new(0, Format::Json, place, None, &feed).map_err(|error| error.to_string())?;
    let run_id = RunId::new("bench").map_err(|error| error.to_string())?;
    let plain = StreamPlan::plain(target, "t", Schedule::new(1, shape.phases));
    let stream_plan = StreamPlan {
        protocol: shape.protocol,
        connections: Connections { count: shape.connections, streams: shape.streams, ..plain.connections },
        ..plain
    };
    Ok(LoadPlan {
        streams: vec![stream_plan],
        catalogue: Catalogue::new(run_id, 0, vec![stream]),
        tokens: Vec::new(),
        threads: shape.threads,
        drain: Duration::from_secs(5),
        origin: Instant::now(),
        start: Instant::now() + LEAD,
    })
}

/// A phase in which each of so many workers sends again as soon as it has its answer.
pub(crate) fn as_fast_as_can_be(name: &str, measured: bool, duration: Duration, workers: u16) -> Phase {
    Phase {
        name: name.into(),
        measured,
        duration,
        arrivals: Arrivals::Closed { workers, think: Duration::ZERO },
    }
}
