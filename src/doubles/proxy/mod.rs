//! The REST proxy double: the produce side of Confluent's REST Proxy, API v2 and v3, as version 7.9 behaves.
//!
//! `POST /topics/{topic}` and `POST /topics/{topic}/partitions/{partition}` with JSON or base64 records;
//! `POST /v3/clusters/{cluster}/topics/{topic}/records` with a stream of them, and `GET /v3/clusters`; `GET /` for
//! health checks. Records are written by librdkafka with the settings that the real proxy's Java client has by
//! default.

mod failure;
mod faults;
mod in_hand;
mod jackson;
mod produce;
mod replica;
mod request;
mod response;
mod v3;
mod whole;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::fault::{Injector, of_kinds};
use super::http::{Answer, BindError, BodyError, Client, Pieces, bind, read_body};
use crate::kafka::{self, Access};
use crate::scenario::{FaultKind, ProxyRelease};
use crate::wire::gateway::FAULT_HEADER;
use crate::wire::produce::v2::RESPONSE;
use produce::{Call, Faults, Producer};
use replica::Replica;
use request::Embedded;
use response::{error, error_untyped, produced};

/// Longest request body, in bytes. The real proxy has no limit; this one is there for the memory's sake.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// How long a connection may idle (Jetty in rest-utils, `idle.timeout.ms`, default).
const IDLE: Duration = Duration::from_secs(30);

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
        let streaming = Arc::new(AtomicU64::new(0));
        let streams = streaming.clone();
        let stalls: Arc<[_]> = of_kinds(&config.injectors, &[FaultKind::Stall]).into();
        let starts: Arc<[_]> = of_kinds(&config.injectors, &[FaultKind::SlowStart]).into();
        let growths: Arc<[_]> = of_kinds(&config.injectors, &[FaultKind::MemoryGrowth]).into();
        let leak = Arc::new(faults::Leak::default());
        let answer = move |mut request: Request<Incoming>, client: Client| {
            request.extensions_mut().insert(client);
            let (producer, streams) = (producer.clone(), streams.clone());
            let (stalls, starts) = (stalls.clone(), starts.clone());
            let (growths, leak) = (growths.clone(), leak.clone());
            async move {
                if request.method() == Method::POST {
                    faults::stalled(&stalls).await;
                    faults::warming_up(&starts).await;
                    leak.leak(&growths);
                }
                answer(producer, streams, request).await
            }
        };
        let replica = Replica::start(listening, IDLE, &restarts, answer)?;
        Ok(Self { replica, streaming })
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

/// A produce call's address.
struct Target {
    topic: String,
    partition: Option<i32>,
}

async fn answer(
    producer: Arc<Producer>,
    streaming: Arc<AtomicU64>,
    request: Request<Incoming>,
) -> ProxyAnswer {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if let ["v3", segments @ ..] = segments.as_slice() {
        return v3::answer(producer, streaming, segments, request).await;
    }
    answer_v2(producer, streaming, &segments, request).await.map(Either::Left)
}

async fn answer_v2(
    producer: Arc<Producer>,
    behind: Arc<AtomicU64>,
    segments: &[&str],
    request: Request<Incoming>,
) -> Answer {
    let target = match (segments, request.method()) {
        ([""], &Method::GET | &Method::HEAD) => {
            return response::json(StatusCode::OK, Some(RESPONSE), "{}");
        }
        (["topics", topic], method) => match decode(topic) {
            Some(topic) if method == Method::POST => Target { topic, partition: None },
            Some(_) => return not_allowed(),
            None => return not_found(),
        },
        (["topics", topic, "partitions", partition], method) => match (decode(topic), partition.parse()) {
            (Some(topic), Ok(partition)) if method == Method::POST => {
                Target { topic, partition: Some(partition) }
            }
            (Some(_), Ok(_)) => return not_allowed(),
            _ => return not_found(),
        },
        _ => return not_found(),
    };
    let embedded = match embedded_format(request.headers()) {
        Ok(embedded) => embedded,
        Err(refusal) => return *refusal,
    };
    if !accepts(request.headers(), RESPONSE) {
        drain(request.into_body()).await;
        return not_acceptable();
    }
    let faults = faults_at(request.headers());
    let client = request.extensions().get().cloned();
    let body = match read_whole(request.into_body()).await {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    let Target { topic, partition } = target;
    let addressed = request::Target { topic: &topic, partition, embedded, release: producer.release() };
    let request::Records { records, then_fails } = match request::parse(&body, addressed) {
        Ok(records) => records,
        Err(refusal) => return response::refused(&refusal),
    };
    let call = Call { topic, partition, records, faults, client };
    let plan = producer.plan(&call).await;
    let answer = match plan.ends() {
        Some(ends) => whole::end(producer, call, plan, ends, behind).await,
        None => produced(producer.begin(call, plan).await).await,
    };
    if then_fails {
        return error(StatusCode::INTERNAL_SERVER_ERROR, 500, "Internal Server Error");
    }
    answer
}

/// The body, or the answer to one that cannot be read.
async fn read_whole(body: Incoming) -> Result<Bytes, Box<Answer>> {
    read_body(body, BODY_LIMIT).await.map_err(|failed| {
        Box::new(match failed {
            BodyError::TooLarge => error(StatusCode::PAYLOAD_TOO_LARGE, 413, "Request body too large"),
            BodyError::Broken => error(StatusCode::INTERNAL_SERVER_ERROR, 500, "Internal Server Error"),
        })
    })
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

/// A path segment without its percent-encoding; `None` where that is no UTF-8, or nothing.
fn decode(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// The format that the Content-Type names. Without one, records are base64; parameters are ignored.
fn embedded_format(headers: &HeaderMap) -> Result<Embedded, Box<Answer>> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Embedded::Binary) };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    Embedded::of(essence).ok_or_else(|| Box::new(unsupported_media_type()))
}

fn unsupported_media_type() -> Answer {
    let (status, text) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "HTTP 415 Unsupported Media Type");
    response::typed_error(status, "application/json", 415, text)
}

/// Whether the client takes the one media type that calls of this kind answer with (RFC 9110, section 12.5.1).
fn accepts(headers: &HeaderMap, answer: &str) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .any(|range| matches!(range, "*/*" | "application/*") || range == answer)
}

/// A record that the gateway's fault has befallen meets none of the proxy's: one fault a record.
fn faults_at(headers: &HeaderMap) -> Faults {
    if headers.contains_key(FAULT_HEADER) { Faults::NotHere } else { Faults::AsPlanned }
}

/// Reads a body that nobody wants, so that the connection can be used again.
async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}
