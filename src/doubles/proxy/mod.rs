//! The REST proxy double: the produce side of Confluent's REST Proxy, API v2 and v3, as version 7.9 behaves.
//!
//! `POST /topics/{topic}` and `POST /topics/{topic}/partitions/{partition}` with JSON or base64 records;
//! `POST /v3/clusters/{cluster}/topics/{topic}/records` with a stream of them, and `GET /v3/clusters`; `GET /` for
//! health checks. Records are written by librdkafka with the settings that the real proxy's Java client has by
//! default.

mod admin;
mod failure;
mod faults;
mod in_hand;
mod jetty;
mod media;
mod metadata;
mod produce;
mod release;
mod replica;
mod request;
mod response;
mod route;
mod schemas;
mod serve;
mod size;
mod topics;
mod v3;
mod whole;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::HeaderMap;
use hyper::{Method, Response, StatusCode};

use super::fault::{Injector, of_kinds};
use super::http::{Answer, BindError, BodyError, Pieces, bind};
use super::registry::SchemaSource;
use crate::kafka::{self, Access};
use crate::scenario::{FaultKind, ProxyRelease};
use crate::wire::gateway::FAULT_HEADER;
use admin::Admin;
use jetty::{Body, Request, Terms};
use produce::{Faults, Producer};
use replica::Replica;
use response::{error, error_untyped};
use serve::Service;

/// Longest request body, in bytes. The real proxy has no limit; this one is there for the memory's sake.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// How long a connection may idle (Jetty in rest-utils, `idle.timeout.ms`, default).
const IDLE: Duration = Duration::from_secs(30);

/// How long requests in hand get when the proxy is told to stop (rest-utils, `shutdown.graceful.ms`, default).
const GRACE: Duration = Duration::from_secs(1);
/// The same since 8.0.
const GRACE_SINCE_8: Duration = Duration::from_secs(5);

/// How to start a proxy.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// Address to listen on.
    pub bind: IpAddr,
    /// Port; 0 lets the system choose.
    pub port: u16,
    /// Kafka.
    pub kafka: Access,
    /// How long a record waits for its topic or partition to be known (`max.block.ms`; 60 s in Java).
    pub max_block: Duration,
    /// How long a record may take to be written (`delivery.timeout.ms`; 120 s in Java).
    pub delivery_timeout: Duration,
    /// Whether Kafka shall recognise what is sent to it again (`enable.idempotence`; off in the real proxy since 7.0).
    pub idempotence: bool,
    /// The release whose behaviour it shows.
    pub release: ProxyRelease,
    /// How many times faster than the real proxy's its long time-outs pass (`max.block.ms`, `delivery.timeout.ms`), which
    /// messages tell unchanged; 1: as fast.
    pub time_scale: u32,
    /// Endpoints that are not there, by the names of the real proxy's `api.endpoints.blocklist`, for instance
    /// `api.v2.topics.list` or `api.v3.topics.*`.
    pub blocked: BTreeSet<String>,
    /// The schema registry behind it; none: nobody answers where one should be, as with the real proxy's defaults.
    pub registry: Option<SchemaSource>,
    /// Faults to show; shared with the other replicas.
    pub injectors: Vec<Arc<Injector>>,
}

impl ProxyConfig {
    /// A proxy on any port of `bind` in front of `kafka`, with the real proxy's time-outs.
    #[must_use]
    pub fn new(bind: IpAddr, kafka: Access) -> Self {
        Self {
            bind,
            port: 0,
            kafka,
            max_block: Duration::from_mins(1),
            delivery_timeout: Duration::from_mins(2),
            idempotence: false,
            release: ProxyRelease::default(),
            time_scale: 1,
            blocked: BTreeSet::new(),
            registry: None,
            injectors: Vec::new(),
        }
    }
}

/// Why a proxy could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system, after binding.
    #[error("cannot serve the proxy: {0}")]
    Serve(#[from] std::io::Error),
    /// librdkafka.
    #[error("cannot make the proxy's Kafka producer for {bootstrap}: {}; check the Kafka properties", kafka::describe(.source))]
    Producer {
        /// Kafka's address.
        bootstrap: String,
        /// What librdkafka said.
        #[source]
        source: rdkafka::error::KafkaError,
    },
}

/// A response, whole or a stream of receipts.
type ProxyAnswer = Response<Either<Full<Bytes>, Pieces>>;

/// A running proxy. Dropped, it stops accepting; requests in hand run to their end.
#[derive(Debug)]
pub struct Proxy {
    replica: Replica,
    /// How long requests in hand get when it is told to stop.
    grace: Duration,
    streaming: Arc<AtomicU64>,
}

impl Proxy {
    /// Starts a proxy. It answers at once, whether or not Kafka can be reached, as the real one does.
    ///
    /// # Errors
    /// [`ProxyError`] where the port is taken or librdkafka refuses a property.
    pub async fn start(config: ProxyConfig) -> Result<Self, ProxyError> {
        let address = SocketAddr::new(config.bind, config.port);
        let restarts = of_kinds(&config.injectors, &[FaultKind::ReplicaRestart]);
        let listening = if restarts.is_empty() {
            (bind("proxy", address).await?, None)
        } else {
            replica::listen(address).await?
        };
        let bootstrap = config.kafka.bootstrap.clone();
        let producer = Producer::new(&config).map_err(|source| ProxyError::Producer { bootstrap, source })?;
        let producer = Arc::new(producer);
        let admin =
            Admin::new(producer.clone(), config.kafka.client("landfall-proxy", &[]), config.time_scale);
        producer.ask_with(admin.clone());
        let streaming = Arc::new(AtomicU64::new(0));
        let service = Arc::new(Service {
            producer,
            admin,
            streaming: streaming.clone(),
            release: config.release,
            blocked: config.blocked,
            registry: config.registry,
        });
        let stalls: Arc<[_]> = of_kinds(&config.injectors, &[FaultKind::Stall]).into();
        let starts: Arc<[_]> = of_kinds(&config.injectors, &[FaultKind::SlowStart]).into();
        let growths: Arc<[_]> = of_kinds(&config.injectors, &[FaultKind::MemoryGrowth]).into();
        let leak = Arc::new(faults::Leak::default());
        let answer = move |request: Request| {
            let service = service.clone();
            let (stalls, starts) = (stalls.clone(), starts.clone());
            let (growths, leak) = (growths.clone(), leak.clone());
            async move {
                if request.method == Method::POST {
                    faults::stalled(&stalls).await;
                    faults::warming_up(&starts).await;
                    leak.leak(&growths);
                }
                serve::answer(&service, request).await
            }
        };
        let terms = Terms { idle: IDLE, release: config.release };
        let replica = Replica::start(listening, terms, &restarts, answer)?;
        let grace = if config.release == ProxyRelease::Confluent8_3 { GRACE_SINCE_8 } else { GRACE };
        Ok(Self { replica, grace, streaming })
    }

    /// Stops as the real one does when it is told to: it takes no more connections, and answers what it has in hand, for as
    /// long as `shutdown.graceful.ms` says by default.
    pub async fn stop(self) {
        self.replica.stop(self.grace).await;
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.replica.address()
    }

    /// Requests in hand, whether or not their client still waits.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        // In this order: a stream of receipts is counted before its request's handler ends.
        let serving = self.replica.in_flight();
        serving + self.streaming.load(Ordering::Acquire)
    }
}

/// The body, or the answer to one that cannot be read.
async fn read_whole(body: Body) -> Result<Bytes, Box<Answer>> {
    body.read(BODY_LIMIT).await.map_err(|failed| Box::new(unreadable(failed)))
}

/// The answer to a body that cannot be read.
fn unreadable(failed: BodyError) -> Answer {
    match failed {
        BodyError::TooLarge => error(StatusCode::PAYLOAD_TOO_LARGE, 413, "Request body too large"),
        BodyError::Broken => error(StatusCode::INTERNAL_SERVER_ERROR, 500, "Internal Server Error"),
    }
}

fn not_allowed() -> Answer {
    error_untyped(StatusCode::METHOD_NOT_ALLOWED, 405, "HTTP 405 Method Not Allowed")
}

fn not_acceptable() -> Answer {
    error_untyped(StatusCode::NOT_ACCEPTABLE, 406, "HTTP 406 Not Acceptable")
}

fn not_found() -> Answer {
    error_untyped(StatusCode::NOT_FOUND, 404, "HTTP 404 Not Found")
}

/// A record that the gateway's fault has befallen meets none of the proxy's: one fault a record.
fn faults_at(headers: &HeaderMap) -> Faults {
    if headers.contains_key(FAULT_HEADER) { Faults::NotHere } else { Faults::AsPlanned }
}
