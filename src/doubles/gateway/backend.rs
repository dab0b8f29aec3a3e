//! Calling back ends, and what their answers say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::Value;

use super::connection::{Connection, Idle};
use crate::doubles::balancer::Connector;

/// How long a back-end connection may idle before the gateway closes it: less than the 30 s after which the
/// REST proxy does (rest-utils, `idle.timeout.ms`), so that no request is sent into a closing connection.
const POOL_IDLE: Duration = Duration::from_secs(10);

/// What stands in for the hosts that a definition names.
pub(super) struct Backends(BTreeMap<String, (Backend, Idle)>);

/// What stands in for a host that a definition names.
#[derive(Debug, Clone)]
pub enum Backend {
    /// A server.
    Address(SocketAddr),
    /// A server that speaks TLS.
    Secured {
        /// Where it is.
        address: SocketAddr,
        /// Who is trusted.
        tls: Arc<ClientConfig>,
        /// The name that its certificate must have.
        name: ServerName<'static>,
    },
    /// The targets of a balancer in this process, without the way through a socket of its own.
    Balancer(Connector),
}

impl From<SocketAddr> for Backend {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

/// A request for a back end.
#[derive(Debug)]
pub(super) struct BackendRequest {
    pub(super) method: Method,
    /// Path, with its query.
    pub(super) target: String,
    /// What the back end sees as Host.
    pub(super) host: HeaderValue,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A back end's complete response.
#[derive(Debug)]
pub(super) struct BackendResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BackendFailure {
    /// Nobody accepts connections there.
    Refused,
    /// It cannot agree on TLS, or is not trusted.
    Untrusted,
    /// The connection broke, or what came is no HTTP.
    Broken,
    /// The response is longer than the gateway takes.
    TooLong,
    /// The request cannot be written.
    Unsendable,
}

impl Backends {
    pub(super) fn new(by_origin: BTreeMap<String, Backend>) -> Self {
        let backend = |(origin, backend): (String, Backend)| {
            let longest = match &backend {
                Backend::Address(_) | Backend::Secured { .. } => POOL_IDLE,
                // A balancer forgets connections in silence, so that none may come near its time.
                Backend::Balancer(connector) => POOL_IDLE.min(connector.idle_timeout() / 2),
            };
            (origin, (backend, Idle::new(longest)))
        };
        Self(by_origin.into_iter().map(backend).collect())
    }

    /// Sends one request of `client` to what stands in for `origin`, and reads the answer. It does not end by itself if the back end
    /// never answers. A request is never sent twice. `opening` gets the time that a new connection took.
    ///
    /// # Errors
    /// [`BackendFailure`], as it says.
    pub(super) async fn send(
        &self,
        origin: &str,
        client: SocketAddr,
        request: BackendRequest,
        opening: &mut Option<Duration>,
    ) -> Result<BackendResponse, BackendFailure> {
        let (backend, idle) = self.0.get(origin).ok_or(BackendFailure::Refused)?;
        // Whatever else stood here would begin another request.
        if !request.target.starts_with('/') || request.target.bytes().any(|byte| byte <= b' ' || byte == 0x7F)
        {
            return Err(BackendFailure::Unsendable);
        }
        let mut connection = if let Some(connection) = idle.take(Instant::now()) {
            connection
        } else {
            let since = Instant::now();
            // On the heap, or what it takes would be part of each request's future.
            let opened = Box::pin(Connection::open(backend, client)).await;
            *opening = Some(since.elapsed());
            opened?
        };
        let (response, reusable) = connection.exchange(&request).await?;
        if reusable {
            idle.put(connection, Instant::now());
        }
        Ok(response)
    }
}

impl BackendResponse {
    /// How many records the back end says it wrote: those of a 2xx answer to a produce request that have an offset of
    /// 0 or more, be they items of v2 or receipts of v3 (Confluent REST Proxy API reference, "Produce to a topic" and
    /// "Produce records").
    pub(super) fn records_written(&self) -> u64 {
        if !self.status.is_success() {
            return 0;
        }
        self.values().map(|value| written(&value)).sum()
    }

    /// Whether the back end refuses the request or one of its records: by a 4xx status, or by a receipt of v3 with such
    /// a code.
    pub(super) fn refuses(&self) -> bool {
        let refused = |value: &Value| value.get("error_code").and_then(Value::as_i64).is_some_and(is_refusal);
        self.status.is_client_error() || self.values().any(|value| refused(&value))
    }

    fn values(&self) -> impl Iterator<Item = Value> {
        let values = serde_json::Deserializer::from_slice(&self.body).into_iter::<Value>();
        values.map_while(Result::ok)
    }
}

/// Whether a receipt's code is one of a 4xx status, which its first three digits name.
fn is_refusal(code: i64) -> bool {
    let status = if code >= 10_000 { code / 100 } else { code };
    (400..500).contains(&status)
}

fn written(value: &Value) -> u64 {
    let at_offset =
        |item: &Value| item.get("offset").and_then(Value::as_i64).is_some_and(|offset| offset >= 0);
    match value.get("offsets").and_then(Value::as_array) {
        Some(items) => items.iter().filter(|item| at_offset(item)).count() as u64,
        None => u64::from(at_offset(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(status: StatusCode, body: &'static str) -> u64 {
        BackendResponse { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
            .records_written()
    }

    #[test]
    fn a_refusal_is_one_of_the_request_or_of_a_record() {
        let refuses = |status, body: &'static str| {
            BackendResponse { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
                .refuses()
        };
        assert!(refuses(StatusCode::UNPROCESSABLE_ENTITY, ""));
        assert!(refuses(StatusCode::OK, r#"{"error_code":200,"offset":7} {"error_code":40002}"#));
        assert!(!refuses(StatusCode::OK, r#"{"error_code":200,"offset":7} {"error_code":50003}"#));
        assert!(!refuses(StatusCode::INTERNAL_SERVER_ERROR, r#"{"error_code":500}"#));
    }

    #[test]
    fn only_records_with_an_offset_count() {
        let body = r#"{"offsets":[{"partition":0,"offset":0},{"partition":0,"offset":7,"error":null},
            {"partition":null,"offset":null,"error_code":2},{"partition":0,"offset":-1}],"key_schema_id":null}"#;
        assert_eq!(written(StatusCode::OK, body), 2);
        assert_eq!(written(StatusCode::UNPROCESSABLE_ENTITY, body), 0);
        let receipts = r#"{"error_code":200,"partition_id":0,"offset":7}
            {"error_code":400,"message":"no"}{"partition_id":0,"offset":8} oops {"offset":9}"#;
        assert_eq!(written(StatusCode::OK, receipts), 2);
        for other in ["", "[]", "{}", r#"{"offsets":{}}"#, r#"{"offsets":[1]}"#] {
            assert_eq!(written(StatusCode::OK, other), 0);
        }
    }
}
