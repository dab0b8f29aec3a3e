//! The HTTP proxy integration: forwards a request to the back end and maps what goes wrong.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use super::payload::PAYLOAD_LIMIT;
use crate::wire::gateway::ResponseType;

/// How long a back-end connection may idle before the gateway closes it: less than the 30 s after which the
/// REST proxy does (rest-utils, `idle.timeout.ms`), so that no request is sent into a closing connection.
const POOL_IDLE: Duration = Duration::from_secs(10);

/// A client with keep-alive connections that never sends a request twice.
pub(super) fn http_client() -> Client<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .retry_canceled_requests(false)
        .build(connector)
}

/// The back end behind the gateway's VPC link.
pub(super) struct Integration {
    client: Client<HttpConnector, Full<Bytes>>,
    backend: SocketAddr,
    /// The integration endpoint's host, as its URI names it (AWS: Host is replaced by the endpoint's).
    host: HeaderValue,
}

/// A back end's complete response.
#[derive(Debug)]
pub(super) struct BackendResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Integration {
    pub(super) fn new(
        client: Client<HttpConnector, Full<Bytes>>,
        backend: SocketAddr,
        host: HeaderValue,
    ) -> Self {
        Self { client, backend, host }
    }

    /// Sends one POST and reads the answer. It does not end by itself if the back end never answers.
    ///
    /// # Errors
    /// The gateway response that the client gets: a refused connection is a configuration error, as it is for
    /// a VPC link without healthy targets; a connection that breaks off is a network error.
    pub(super) async fn post(
        &self,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<BackendResponse, ResponseType> {
        let uri = format!("http://{}{path_and_query}", self.backend);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .body(Full::new(body))
            .map_err(|_| ResponseType::ApiConfigurationError)?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(HOST, self.host.clone());
        let response = self.client.request(request).await.map_err(|error| {
            if error.is_connect() {
                ResponseType::ApiConfigurationError
            } else {
                ResponseType::IntegrationFailure
            }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, PAYLOAD_LIMIT).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ResponseType::ApiConfigurationError
            } else {
                ResponseType::IntegrationFailure
            }
        })?;
        Ok(BackendResponse { status: head.status, headers: head.headers, body: body.to_bytes() })
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
