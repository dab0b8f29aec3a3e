//! What became of each request, hop by hop: the times of all, and on demand a line for each.

use std::fs::File;
use std::io::{LineWriter, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::backend::BackendRequest;
use super::call::Call;
use super::response::without_credentials;
use crate::result::HopTimes;
use crate::stats::{Histogram, micros};

/// Where requests are traced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceConfig {
    /// The file, which is made anew: a JSON object on each line.
    pub path: PathBuf,
}

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the trace {path}: {source}; check the folder")]
pub struct TraceError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// How long a request was where. The sum over all hops is the time from its head to its answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    /// At the authorizer's code; `None` where it was not asked.
    pub(super) authorizer: Option<Duration>,
    /// Held against parameters and models.
    pub(super) validation: Option<Duration>,
    /// Opening a connection to a target; `None` where one was open.
    pub(super) balancer: Option<Duration>,
    /// At the back end.
    pub(super) proxy: Option<Duration>,
}

/// The hops, in the order in which a request passes.
const NAMES: [&str; 5] = ["gateway", "authorizer", "validation", "balancer", "proxy"];

/// The times that requests have been at a hop.
#[derive(Debug, Default)]
struct Hop {
    times: Histogram,
    total: Duration,
}

#[derive(Debug)]
pub(super) struct Tracer {
    hops: Mutex<Vec<Hop>>,
    file: Option<Mutex<LineWriter<File>>>,
}

impl Tracer {
    pub(super) fn new(config: Option<&TraceConfig>) -> Result<Self, TraceError> {
        let open = |config: &TraceConfig| {
            let failed = |source| TraceError { path: config.path.clone(), source };
            File::create(&config.path).map(|file| Mutex::new(LineWriter::new(file))).map_err(failed)
        };
        let file = config.map(open).transpose()?;
        Ok(Self { hops: Mutex::new(NAMES.map(|_| Hop::default()).into()), file })
    }

    /// Whether each request is written down.
    pub(super) fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// The times so far, of hops that requests came to.
    pub(super) fn hops(&self) -> Vec<HopTimes> {
        let hops = self.hops.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |(name, hop): (&str, &Hop)| HopTimes {
            name: name.to_owned(),
            us: hop.times.quantiles(),
            total_us: micros(hop.total),
        };
        NAMES.into_iter().zip(hops.iter()).filter(|(_, hop)| hop.times.count() > 0).map(told).collect()
    }

    /// Adds a call that has been answered. A disk that is full must not hold requests up: a line that cannot be written
    /// is left out.
    pub(super) fn add(&self, call: &Call) {
        let Times { authorizer, validation, balancer, proxy } = call.times;
        let elsewhere: Duration = [authorizer, validation, balancer, proxy].into_iter().flatten().sum();
        let gateway = call.given.latency.saturating_sub(elsewhere);
        {
            let mut hops = self.hops.lock().unwrap_or_else(PoisonError::into_inner);
            for (hop, time) in hops.iter_mut().zip([Some(gateway), authorizer, validation, balancer, proxy]) {
                let Some(time) = time else { continue };
                hop.times.record(micros(time));
                hop.total += time;
            }
        }
        if let Some(file) = &self.file {
            let line = format!("{}\n", line(call, gateway));
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = file.write_all(line.as_bytes());
        }
    }
}

/// A request and what became of it, without Authorization and without bodies.
fn line(call: &Call, gateway: Duration) -> Value {
    let header = |name: &str| call.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let refusal = call.refusal.as_ref();
    let told = refusal.map(|refusal| {
        if refusal.repeats_credentials() { without_credentials(refusal) } else { refusal.clone() }
    });
    let received = Timestamp::try_from(call.received()).unwrap_or_default();
    let authorizer = call.authorizer.asked.as_ref().map(|asked| {
        json!({ "scheme": asked.scheme, "decision": asked.decision, "cached": asked.cached,
            "principal": call.authorized.as_ref().map(|result| &result.principal_id),
            "error": call.authorizer.error, "us": call.times.authorizer.map(micros) })
    });
    let proxy = call.times.proxy.map(|time| {
        json!({ "status": call.integration.status, "error": call.integration.error, "us": micros(time) })
    });
    json!({
        "at": received.to_string(),
        "request_id": call.ids.request,
        "extended_request_id": call.ids.extended,
        "client_request_id": header("x-request-id"),
        "trace_id": call.trace_id,
        "traceparent": header("traceparent"),
        "client": call.client.ip().to_string(),
        "method": call.method,
        "path": call.path(),
        "resource": call.resource(),
        "status": call.given.status,
        "answered_by": if refusal.is_some() { "gateway" } else { "integration" },
        "response_type": refusal.and_then(|refusal| refusal.kind.name()),
        "message": told.as_ref().and_then(|refusal| refusal.message.as_deref()),
        "validation_error": refusal.and_then(|refusal| refusal.validation.as_deref()),
        "dropped": call.changes.as_ref().map(|changes| &changes.dropped),
        "set": call.changes.as_ref().map(|changes| &changes.set),
        "hops": {
            "gateway": { "us": micros(gateway) },
            "authorizer": authorizer,
            "validation": call.times.validation.map(|time| json!({ "us": micros(time) })),
            "balancer": call.times.balancer.map(|time| json!({ "us": micros(time) })),
            "proxy": proxy,
        },
        "us": micros(call.given.latency),
    })
}

/// Headers that the back end did not get as the client sent them, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    /// Those that it did not get.
    pub(super) dropped: Vec<String>,
    /// Those that it got from the gateway, or with another value.
    pub(super) set: Vec<String>,
}

impl Changes {
    /// What differs between the client's headers and the back end's. The length is counted anew, which is no change.
    pub(super) fn between(client: &HeaderMap, request: &BackendRequest) -> Self {
        let mut backend = request.headers.clone();
        backend.insert(HOST, request.host.clone());
        let values = |headers: &HeaderMap, name: &HeaderName| -> Vec<Vec<u8>> {
            headers.get_all(name).iter().map(|value| value.as_bytes().to_vec()).collect()
        };
        let dropped = client.keys().filter(|name| !backend.contains_key(*name) && *name != CONTENT_LENGTH);
        let set = backend.keys().filter(|name| values(client, name) != values(&backend, name));
        let (dropped, set) = (dropped.map(ToString::to_string), set.map(ToString::to_string));
        let (mut dropped, mut set): (Vec<String>, Vec<String>) = (dropped.collect(), set.collect());
        dropped.sort();
        set.sort();
        Self { dropped, set }
    }
}
