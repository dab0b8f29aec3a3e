//! `landfall calibrate`: what landfall itself can do on this machine, so that later runs can say whether they asked
//! for more.
//!
//! The load goes to a server in the same process that does nothing, so the figures are an upper bound: doubles beside
//! the load take their share of the machine.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::machine;
use crate::doubles::null::NullServer;
use crate::judge::CPU_LIMIT;
use crate::load::{
    Interval, LEAD, LoadError, LoadPlan, Report, Sink, Stop, StreamPlan, Target, TargetError, run,
    wake_up_probe,
};
use crate::record::{Answer, Catalogue, Feed, Format, IdentityPlace, RunId, Sent, Stream};
use crate::result::{Calibration, Quantiles};
use crate::scenario::{Connections, Protocol, Timeouts, TlsSettings};
use crate::schedule::{Arrivals, Intensity, Phase, Schedule, Spacing};

/// Version of the file's shape.
const SCHEMA: u32 = 1;
/// Keep-alive connections of the measurements.
const CONNECTIONS: u16 = 64;
/// How long each measurement sends.
const SLICE: Duration = Duration::from_secs(2);
/// How long waking up is measured.
const PROBE: Duration = Duration::from_secs(3);
/// Shares of the highest rate that are tried one after the other, until one is kept.
const SHARES: [f64; 9] = [0.95, 0.9, 0.8, 0.7, 0.55, 0.4, 0.25, 0.15, 0.05];
/// How often the rate between the last one that was kept and the one above it is tried.
const REFINEMENTS: u32 = 3;
/// How much later than a thread that only waits a thread that sends may be, at the 99th percentile, in microseconds.
const LAG_LIMIT_US: u64 = 1_000;
/// Share of the rate that must be achieved.
const KEPT: f64 = 0.999;
/// Where the file is, if this is set.
const VARIABLE: &str = "LANDFALL_CALIBRATION";

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// The server, or the probe.
    #[error("cannot measure: {0}; check the limit of open files (`ulimit -n`)")]
    System(#[from] std::io::Error),
    /// The server's address.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Something that landfall sends itself was wrong.
    #[error("cannot measure: {0}; this is a bug of landfall's, please report it")]
    Bug(String),
    /// No place for the file.
    #[error("there is no home folder to keep the calibration in; name a file with `--file`")]
    NoHome,
    /// The file.
    #[error("cannot write {path}: {source}; name another file with `--file`")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A calibration with what it rests on, as its file holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Version of the shape.
    pub schema: u32,
    /// What runs quote.
    pub calibration: Calibration,
    /// How late a thread is woken that waits for due times, in microseconds.
    pub wakeup_us: Quantiles,
    /// The highest rate at all, at which a load thread has no time left.
    pub peak_rate_per_s: f64,
    /// What was tried to find the rate up to which times are kept.
    pub tried: Vec<Tried>,
}

/// One rate that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Requests a second, evenly spaced.
    pub rate_per_s: f64,
    /// What was achieved.
    pub achieved_per_s: f64,
    /// Generator lag at the 99th percentile.
    pub lag_p99_us: u64,
    /// CPU share of the load thread.
    pub cpu_share: f64,
    /// Whether landfall kept its times.
    pub kept: bool,
}

/// Measures this machine; takes some 20 seconds. `progress` is told what is being done. Must run on a tokio runtime, and
/// blocks.
///
/// # Errors
/// [`CalibrateError`], as it says.
pub fn measure(mut progress: impl FnMut(&str)) -> Result<Measured, CalibrateError> {
    progress("how late a waiting thread is woken");
    let wakeup = wake_up_probe(PROBE)?;
    let server = NullServer::start()?;
    progress("the highest rate at all");
    let peak = send(&server, None)?.overall.achieved_per_s();
    let mut tried: Vec<Tried> = Vec::new();
    let floor = wakeup.at(0.99);
    let mut attempt = |rate: f64| {
        progress(&format!("whether times are kept at {rate:.0} requests a second"));
        let report = send(&server, Some(rate))?;
        let cpu_share = report.threads.iter().map(|thread| thread.cpu_share).fold(0.0, f64::max);
        let lag_p99_us = report.overall.times.generator_lag.at(0.99);
        let achieved_per_s = report.overall.achieved_per_s();
        let kept = cpu_share <= CPU_LIMIT
            && lag_p99_us <= floor + LAG_LIMIT_US
            && achieved_per_s >= rate * KEPT
            && report.unsent == 0;
        tried.push(Tried { rate_per_s: rate, achieved_per_s, lag_p99_us, cpu_share, kept });
        Ok::<bool, CalibrateError>(kept)
    };
    let (mut kept, mut missed) = (0.0, peak);
    for share in SHARES {
        if attempt(peak * share)? {
            kept = peak * share;
            break;
        }
        missed = peak * share;
    }
    for _ in 0..REFINEMENTS {
        let between = f64::midpoint(kept, missed);
        if attempt(between)? {
            kept = between;
        } else {
            missed = between;
        }
    }
    let calibration = Calibration {
        when: jiff::Timestamp::now().to_string(),
        wakeup_p99_us: floor,
        honest_rate_per_s: kept,
        machine: machine::this(),
    };
    let wakeup_us = wakeup.quantiles();
    Ok(Measured { schema: SCHEMA, calibration, wakeup_us, peak_rate_per_s: peak, tried })
}

/// Where calibrations are kept: as `LANDFALL_CALIBRATION` says, or else in the user's state folder (XDG Base Directory
/// Specification). `None` where there is no home.
#[must_use]
pub fn default_file() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = || set("XDG_STATE_HOME").or_else(|| Some(std::env::home_dir()?.join(".local/state")));
    set(VARIABLE).or_else(|| Some(state()?.join("landfall/calibration.json")))
}

/// Writes a calibration where runs look for it, or to `file`; returns where that is.
///
/// # Errors
/// [`CalibrateError`] where it cannot.
pub fn keep(measured: &Measured, file: Option<&Path>) -> Result<PathBuf, CalibrateError> {
    let path = match file {
        Some(file) => file.to_owned(),
        None => default_file().ok_or(CalibrateError::NoHome)?,
    };
    let unwritable = |source| CalibrateError::Unwritable { path: path.clone(), source };
    let text =
        serde_json::to_string_pretty(measured).map_err(|error| CalibrateError::Bug(error.to_string()))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    std::fs::write(&path, text + "\n").map_err(unwritable)?;
    Ok(path)
}

/// What was measured on this machine before; `None` where nothing was, or on another machine.
pub(super) fn known() -> Option<Calibration> {
    let text = std::fs::read_to_string(default_file()?).ok()?;
    let measured: Measured = serde_json::from_str(&text).ok()?;
    let (then, now) = (&measured.calibration.machine, machine::this());
    // A calibration of an older landfall does not name the processor.
    let processor = then.processor.is_none() || then.processor == now.processor;
    let same = then.system == now.system
        && then.architecture == now.architecture
        && then.cpus == now.cpus
        && processor;
    (measured.schema == SCHEMA && same).then_some(measured.calibration)
}

/// Requests at `rate`, or as many as can be, to a server that does nothing.
fn send(server: &NullServer, rate: Option<f64>) -> Result<Report, CalibrateError> {
    let bug = |error: &dyn std::fmt::Display| CalibrateError::Bug(error.to_string());
    let url = format!("http://{}", server.address());
    let tls = TlsSettings::default();
    let resolved = Target::resolve(&url, &[], &tls, Protocol::Http1);
    let target = tokio::runtime::Handle::current().block_on(resolved)?;
    // A record of about 200 bytes, head aside.
    let feed = Feed::parse(format!("{{\"text\":\"{}\"}}", "x".repeat(120)).as_bytes())
        .map_err(|error| bug(&error))?;
    let place = IdentityPlace::Member("_landfall".into());
    let stream = Stream::new(0, Format::Json, place, None, &feed).map_err(|error| bug(&error))?;
    let run_id = RunId::new("calibrate").map_err(|error| bug(&error))?;
    let arrivals = match rate {
        None => Arrivals::Closed { workers: CONNECTIONS, think: Duration::ZERO },
        Some(rate) => Arrivals::Open {
            intensity: Intensity::constant(rate, SLICE),
            spacing: Spacing::Even { offset: 0.0 },
        },
    };
    let phase = Phase { name: "main".into(), measured: true, duration: SLICE, arrivals };
    let simple = StreamPlan::plain(target, "calibrate", Schedule::new(0, vec![phase]));
    let plan = LoadPlan {
        streams: vec![StreamPlan {
            connections: Connections { count: CONNECTIONS, ..simple.connections },
            timeouts: Timeouts { connect: SLICE, first_byte: SLICE, whole: SLICE },
            ..simple
        }],
        catalogue: Catalogue::new(run_id, 0, vec![stream]),
        tokens: Vec::new(),
        threads: 1,
        drain: SLICE,
        origin: Instant::now(),
        start: Instant::now() + LEAD,
    };
    Ok(run(&plan, |_| Deaf, &Stop::default())?)
}

/// Hears nothing of what is reported: the load's own figures are what counts here.
struct Deaf;

impl Sink for Deaf {
    fn attempt(&mut self, _sent: &Sent, _answer: Answer<'_>) {}

    fn idle(&mut self) {}

    fn second(&mut self, interval: Box<Interval>) -> Box<Interval> {
        interval
    }
}
