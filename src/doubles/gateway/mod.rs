//! API gateway: an Amazon API Gateway REST API, in one stage, in front of the REST proxy. It knows
//! `POST /{stage}/topics/{topic}`, `POST /{stage}/topics/{topic}/partitions/{partition}` and
//! `POST /{stage}/v3/clusters/{cluster}/topics/{topic}/records`, asks a Lambda authorizer, validates requests and
//! forwards them (HTTP proxy integration through a VPC link). Answers are passed on whole, streams too.
//!
//! A request is judged in the order of the real gateway: sizes, route, authorizer, headers, body. One cause
//! hides those after it.

mod authorize;
mod cache;
mod headers;
mod integration;
mod payload;
mod policy;
mod route;
mod validate;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE as BASE64URL;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::time::timeout;

use self::authorize::{Outcome, TokenAuthorizer};
use self::headers::HEADERS_LIMIT;
use self::integration::{BackendResponse, Integration, http_client};
use self::payload::PayloadError;
use self::policy::Decision;
use self::route::{Route, route};
pub use self::validate::BadHeaderName;
use self::validate::RequestValidator;
use super::fault::{Injector, first_striking, of_kinds};
use super::http::{Answer, BindError, InFlight, Server, bind};
use crate::scenario::FaultKind;
use crate::wire::gateway::{EXPLICIT_DENY_MESSAGE, FAULT_HEADER, ResponseType};

/// Longest ARN of a method, in bytes, that is passed to an authorizer (Developer Guide, "Input to a Lambda
/// authorizer").
const METHOD_ARN_LIMIT: usize = 1600;

/// How long a client's connection may idle (API Gateway quotas, "Client idle connection").
const IDLE: Duration = Duration::from_secs(310);

/// How a [`Gateway`] is set up.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Loopback address to listen on.
    pub bind: IpAddr,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// Name of the stage, the first segment of every path; `prod` usually.
    pub stage: String,
    /// Headers that every request must have, not blank.
    pub required_headers: Vec<String>,
    /// Invoke URL of the Lambda authorizer.
    pub authorizer_url: String,
    /// How long an authorizer result is kept for the same credentials; zero turns the cache off.
    pub authorizer_ttl: Duration,
    /// How long the authorizer may take. [`DEFAULT_AUTHORIZER_TIMEOUT`] where nothing speaks against it.
    pub authorizer_timeout: Duration,
    /// How long the back end may take before the client gets 504; the back end's work goes on.
    pub integration_timeout: Duration,
    /// The back end: the REST proxy or the load balancer in front of it.
    pub backend: SocketAddr,
    /// The name under which the back end is called, with its port: what it sees as Host. `None`: its address.
    pub backend_host: Option<String>,
    /// Faults to show; those of other boxes are ignored.
    pub injectors: Vec<Arc<Injector>>,
}

/// How long a REST API waits for its authorizer is not documented; this is a guess.
pub const DEFAULT_AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a [`Gateway`] could not be started.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The listener failed.
    #[error("cannot serve the gateway: {0}; start it again")]
    Serve(#[source] std::io::Error),
    /// The authorizer's URL is none.
    #[error("the authorizer's URL {0:?} is not an http URL; give its invoke URL")]
    AuthorizerUrl(String),
    /// The back end's name cannot stand in a header.
    #[error("the back end's host name cannot stand in a Host header; give host:port")]
    BackendHost,
    /// A required header has an impossible name.
    #[error(transparent)]
    RequiredHeader(#[from] BadHeaderName),
}

/// A running gateway; it stops when this is dropped.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    stage: String,
    leaking: Arc<AtomicU64>,
}

impl Gateway {
    /// Starts to serve. Neither authorizer nor back end need be up yet.
    ///
    /// # Errors
    /// [`GatewayError`], as it says.
    pub async fn start(config: GatewayConfig) -> Result<Self, GatewayError> {
        let url =
            config.authorizer_url.parse::<hyper::Uri>().ok().filter(|url| url.scheme_str() == Some("http"));
        let url = url.ok_or_else(|| GatewayError::AuthorizerUrl(config.authorizer_url.clone()))?;
        let host = HeaderValue::try_from(config.backend_host.unwrap_or_else(|| config.backend.to_string()));
        let host = host.map_err(|_| GatewayError::BackendHost)?;
        let validator = RequestValidator::new(config.required_headers)?;
        let listener = bind("gateway", SocketAddr::new(config.bind, config.port)).await?;
        let address = listener.local_addr().map_err(GatewayError::Serve)?;
        let client = http_client();
        let leaking = Arc::new(AtomicU64::new(0));
        let api = Arc::new(Api {
            address,
            stage: config.stage.clone(),
            authorizer: TokenAuthorizer::new(
                client.clone(),
                url,
                config.authorizer_timeout,
                config.authorizer_ttl,
            ),
            validator,
            integration: Integration::new(client, config.backend, host),
            integration_timeout: config.integration_timeout,
            of_denied: of_kinds(&config.injectors, &[FaultKind::AdmitDenied, FaultKind::ForwardDenied]),
            of_allowed: of_kinds(
                &config.injectors,
                &[FaultKind::DropHeader, FaultKind::TruncateBody, FaultKind::LateSuccess],
            ),
            leaking: leaking.clone(),
        });
        let server = Server::start_with_idle(listener, IDLE, move |request, client| {
            let api = api.clone();
            async move { api.answer(request, client).await }
        })
        .map_err(GatewayError::Serve)?;
        Ok(Self { server, stage: config.stage, leaking })
    }

    /// URL of the stage: `http://address:port/stage`, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/{}", self.server.address(), self.stage)
    }

    /// Requests being worked on, and those forwarded behind their refusal by a fault.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        // In this order: a forward is counted before its request ends.
        let serving = self.server.in_flight();
        serving + self.leaking.load(Ordering::Acquire)
    }
}

struct Api {
    address: SocketAddr,
    stage: String,
    authorizer: TokenAuthorizer,
    validator: RequestValidator,
    integration: Integration,
    integration_timeout: Duration,
    /// Faults that befall requests which are denied.
    of_denied: Vec<Arc<Injector>>,
    /// Faults that befall those which are allowed.
    of_allowed: Vec<Arc<Injector>>,
    /// Requests that are being forwarded although they have been refused.
    leaking: Arc<AtomicU64>,
}

/// A request that has reached one of the API's methods.
struct Call {
    route: Route,
    query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
    client: SocketAddr,
    /// The fault that befalls it.
    fault: Option<FaultKind>,
}

/// A response that the gateway makes itself.
struct Refused {
    kind: ResponseType,
    body: String,
}

impl From<ResponseType> for Refused {
    fn from(kind: ResponseType) -> Self {
        Self { kind, body: kind.body() }
    }
}

impl Refused {
    fn with(kind: ResponseType, message: &str) -> Self {
        Self { kind, body: kind.body_with(message) }
    }
}

impl Api {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, client: SocketAddr) -> Answer {
        match self.judge(request, client).await {
            Ok(response) => passed_on(response),
            Err(refused) => gateway_response(refused),
        }
    }

    async fn judge(
        self: Arc<Self>,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Result<BackendResponse, Refused> {
        let (head, body) = request.into_parts();
        // Sizes are judged at the edge, before the API is known.
        if headers::total_size(&head.headers) > HEADERS_LIMIT {
            return Err(ResponseType::HeadersTooLarge.into());
        }
        let body = payload::read(&head.headers, body).await.map_err(refused_payload)?;
        let route =
            route(&self.stage, &head.method, head.uri.path()).ok_or_else(|| no_route(&head.headers))?;
        let query = head.uri.query().map(str::to_owned);
        let call = Call { route, query, headers: head.headers, body, client, fault: None };
        if call.route.method_arn.len() > METHOD_ARN_LIMIT {
            return Err(ResponseType::UriTooLong.into());
        }
        let denial = match self.authorizer.authorize(&call.headers, &call.route.method_arn).await {
            Outcome::Missing => return Err(ResponseType::Unauthorized.into()),
            Outcome::Failed => return Err(ResponseType::AuthorizerConfigurationError.into()),
            Outcome::Decided(Decision::Allow) => return self.allow(call).await,
            Outcome::Unauthorized => ResponseType::Unauthorized.into(),
            Outcome::Decided(Decision::ExplicitDeny) => {
                Refused::with(ResponseType::AccessDenied, EXPLICIT_DENY_MESSAGE)
            }
            Outcome::Decided(Decision::ImplicitDeny) => ResponseType::AccessDenied.into(),
        };
        self.deny(call, denial).await
    }

    /// Serves a call that the policy allows, as one fault commands at most.
    async fn allow(&self, call: Call) -> Result<BackendResponse, Refused> {
        let striking = first_striking(&self.of_allowed, &call.route.topic, Instant::now());
        let Some(fault) = striking else { return self.serve(call).await };
        let served = self.serve(Call { fault: Some(fault.kind()), ..call }).await;
        if fault.kind() != FaultKind::LateSuccess {
            fault.took_effect(u64::from(served.as_ref().is_ok_and(BackendResponse::refuses)));
            return served;
        }
        let written = served.as_ref().map_or(0, BackendResponse::records_written);
        if written == 0 {
            return served;
        }
        fault.took_effect(written);
        Err(ResponseType::IntegrationTimeout.into())
    }

    /// Refuses a call that the policy denies, or whose token the authorizer refuses, unless a fault says otherwise: one fault at most.
    async fn deny(self: Arc<Self>, call: Call, denial: Refused) -> Result<BackendResponse, Refused> {
        let striking = first_striking(&self.of_denied, &call.route.topic, Instant::now());
        let Some(fault) = striking.cloned() else { return Err(denial) };
        let call = Call { fault: Some(fault.kind()), ..call };
        if fault.kind() == FaultKind::AdmitDenied {
            let served = self.serve(call).await;
            if served.as_ref().is_ok_and(|response| response.records_written() > 0) {
                fault.took_effect(1);
            }
            return served;
        }
        let leak = InFlight::enter(self.leaking.clone());
        tokio::spawn(async move {
            let _leak = leak;
            // No time limit: what the back end writes late has leaked all the same.
            if let Ok(response) = self.forward(call).await {
                fault.took_effect(response.records_written());
            }
        });
        Err(denial)
    }

    /// Validates an authorized call and forwards it, within the integration's time limit.
    async fn serve(&self, call: Call) -> Result<BackendResponse, Refused> {
        let limit = self.integration_timeout;
        let (call, body) = self.validate(call)?;
        timeout(limit, self.send(call, body)).await.map_err(|_| ResponseType::IntegrationTimeout)?
    }

    /// The same without a time limit.
    async fn forward(&self, call: Call) -> Result<BackendResponse, Refused> {
        let (call, body) = self.validate(call)?;
        self.send(call, body).await
    }

    fn validate(&self, mut call: Call) -> Result<(Call, Bytes), Refused> {
        let missing = self.validator.missing_headers(&call.headers);
        if !missing.is_empty() {
            let message = format!("Missing required request parameters: [{}]", missing.join(", "));
            return Err(Refused::with(ResponseType::BadRequestParameters, &message));
        }
        let body = std::mem::take(&mut call.body);
        let body = payload::decode(&call.headers, body).map_err(refused_payload)?;
        if !self.validator.accepts_body(&call.headers, &body) {
            return Err(ResponseType::BadRequestBody.into());
        }
        Ok((call, body))
    }

    async fn send(&self, call: Call, body: Bytes) -> Result<BackendResponse, Refused> {
        let mut headers = headers::to_backend(&call.headers, call.client, self.address, SystemTime::now());
        if let Some(fault) = call.fault {
            headers.insert(FAULT_HEADER, HeaderValue::from_static(fault.name()));
        }
        let mut body = payload::as_text(body);
        match call.fault {
            Some(FaultKind::DropHeader) => drop(headers.remove(CONTENT_TYPE)),
            Some(FaultKind::TruncateBody) => {
                // White space at the end means nothing.
                body.truncate(body.trim_ascii_end().len().saturating_sub(1));
            }
            _ => {}
        }
        let path = match &call.query {
            Some(query) => format!("{}?{query}", call.route.backend_path),
            None => call.route.backend_path,
        };
        Ok(self.integration.post(&path, headers, body).await?)
    }
}

fn refused_payload(error: PayloadError) -> Refused {
    match error {
        PayloadError::TooLarge => ResponseType::RequestTooLarge.into(),
        PayloadError::Coding => ResponseType::UnsupportedMediaType.into(),
        // Nobody is left to read this.
        PayloadError::Broken => ResponseType::BadRequestBody.into(),
    }
}

/// The response to a request for no known resource or method: the gateway takes it for a call that is signed
/// by AWS Signature Version 4, and complains about the signature. The text repeats the credentials, as the
/// real gateway's does: a trap for logs.
fn no_route(headers: &HeaderMap) -> Refused {
    let authorization = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let authorization = authorization.filter(|value| !value.trim().is_empty());
    let Some(authorization) = authorization else { return ResponseType::MissingAuthenticationToken.into() };
    let credentials =
        authorization.split_once(' ').map_or(authorization.as_ref(), |(_, credentials)| credentials);
    let message = format!(
        "'{credentials}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'."
    );
    Refused::with(ResponseType::InvalidSignature, &message)
}

/// A back end's response as the client gets it.
fn passed_on(response: BackendResponse) -> Answer {
    let mut answer = Response::new(Full::new(response.body));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = headers::to_client(&response.headers);
    with_ids(answer)
}

/// A response that the gateway makes itself.
fn gateway_response(refused: Refused) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(refused.body)));
    *answer.status_mut() =
        StatusCode::from_u16(refused.kind.status()).expect("every response type has a legal status");
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(refused.kind.content_type()));
    // What the edge refuses carries no gateway headers.
    let Some(error_type) = refused.kind.error_type() else { return answer };
    answer.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(error_type));
    with_ids(answer)
}

/// Adds the ids of this request: a UUID, and the gateway's own of 16 characters.
fn with_ids(mut answer: Answer) -> Answer {
    let (request, extended) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let extended = BASE64URL.encode(&extended.as_bytes()[..11]);
    for (name, id) in [("x-amzn-requestid", request.to_string()), ("x-amz-apigw-id", extended)] {
        let id = HeaderValue::try_from(id).expect("UUIDs and base64url are legal header values");
        answer.headers_mut().insert(name, id);
    }
    answer
}
