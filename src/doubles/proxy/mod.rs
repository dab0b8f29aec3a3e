//! The REST proxy double: the produce side of Confluent's REST Proxy, API v2, as version 7.9 behaves.
//!
//! `POST /topics/{topic}` and `POST /topics/{topic}/partitions/{partition}` with JSON or base64 records;
//! `GET /` for health checks. Records are written by librdkafka with the settings that the real proxy's
//! Java client has by default.

mod faults;
mod jackson;
mod produce;
mod request;
mod response;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, StatusCode};
use percent_encoding::percent_decode_str;

use super::fault::Injector;
use super::http::{Answer, BindError, BodyError, Server, bind, read_body};
use crate::kafka::{self, Access};
use crate::wire::gateway::FAULT_HEADER;
use crate::wire::produce::{BINARY_V2, JSON_V2, RESPONSE_V2};
use produce::{Faults, Producer};
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

/// A running proxy. Dropped, it stops accepting; requests in hand run to their end.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
}

impl Proxy {
    /// Starts a proxy. It answers at once, whether or not Kafka can be reached, as the real one does.
    ///
    /// # Errors
    /// [`ProxyError`] where the port is taken or librdkafka refuses a property.
    pub async fn start(config: ProxyConfig) -> Result<Self, ProxyError> {
        let listener = bind("proxy", SocketAddr::new(config.bind, config.port)).await?;
        let bootstrap = config.kafka.bootstrap.clone();
        let producer = Producer::new(&config).map_err(|source| ProxyError::Producer { bootstrap, source })?;
        let producer = Arc::new(producer);
        let answer = move |request, _| answer(producer.clone(), request);
        let server = Server::start_with_idle(listener, IDLE, answer)?;
        Ok(Self { server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Requests in hand, whether or not their client still waits.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.server.in_flight()
    }
}

/// A produce call's address.
struct Target {
    topic: String,
    partition: Option<i32>,
}

async fn answer(producer: Arc<Producer>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let target = match (segments.as_slice(), request.method()) {
        ([""], &Method::GET | &Method::HEAD) => {
            return response::json(StatusCode::OK, Some(RESPONSE_V2), "{}");
        }
        (["topics", topic], method) => match decode(topic) {
            Some(topic) if method == Method::POST => Target { topic, partition: None },
            Some(_) => {
                return error_untyped(StatusCode::METHOD_NOT_ALLOWED, 405, "HTTP 405 Method Not Allowed");
            }
            None => return not_found(),
        },
        (["topics", topic, "partitions", partition], method) => match (decode(topic), partition.parse()) {
            (Some(topic), Ok(partition)) if method == Method::POST => {
                Target { topic, partition: Some(partition) }
            }
            (Some(_), Ok(_)) => {
                return error_untyped(StatusCode::METHOD_NOT_ALLOWED, 405, "HTTP 405 Method Not Allowed");
            }
            _ => return not_found(),
        },
        _ => return not_found(),
    };
    let embedded = match embedded_format(request.headers()) {
        Ok(embedded) => embedded,
        Err(refusal) => return *refusal,
    };
    if !accepts_response(request.headers()) {
        drain(request.into_body()).await;
        return error_untyped(StatusCode::NOT_ACCEPTABLE, 406, "HTTP 406 Not Acceptable");
    }
    let faults = faults_at(request.headers());
    let body = match read_body(request.into_body(), BODY_LIMIT).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => {
            return error(StatusCode::PAYLOAD_TOO_LARGE, 413, "Request body too large");
        }
        Err(BodyError::Broken) => {
            return error(StatusCode::INTERNAL_SERVER_ERROR, 500, "Internal Server Error");
        }
    };
    match request::parse(&body, embedded) {
        Ok(records) => produced(&producer.produce(&target.topic, target.partition, records, faults).await),
        Err(refusal) => error(refusal.status(), i64::from(refusal.status().as_u16()), &refusal.to_string()),
    }
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
    match essence {
        JSON_V2 => Ok(Embedded::Json),
        BINARY_V2 => Ok(Embedded::Binary),
        _ => Err(Box::new(response::typed_error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "application/json",
            415,
            "HTTP 415 Unsupported Media Type",
        ))),
    }
}

/// Whether the client takes the one media type that produce calls answer with (RFC 9110, section 12.5.1).
fn accepts_response(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .any(|range| matches!(range, "*/*" | "application/*") || range == RESPONSE_V2)
}

/// A record that the gateway's fault has befallen meets none of the proxy's: one fault a record.
fn faults_at(headers: &HeaderMap) -> Faults {
    if headers.contains_key(FAULT_HEADER) { Faults::NotHere } else { Faults::AsPlanned }
}

/// Reads a body that nobody wants, so that the connection can be used again.
async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}
