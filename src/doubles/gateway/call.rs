//! A request in hand: what it brought, what has become of it so far, and what mappings and templates find in it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE as BASE64URL;
use bytes::Bytes;
use hyper::Version;
use hyper::header::{COOKIE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::trace::{Changes, Times};
use super::witness::Told;
use crate::api::{Found, Place, Plan, Planned, Scope, Served, as_text};
use crate::scenario::FaultKind;
use crate::wire::gateway::ResponseType;
use crate::wire::lambda::AuthorizerResult;

/// Account of the double, as it stands in its ARNs.
const ACCOUNT: &str = "123456789012";
/// Its region.
const REGION: &str = "eu-west-1";
/// The API's id.
pub(super) const API_ID: &str = "landfall00";

/// The ids by which a request is known.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    /// `x-amzn-RequestId`, a UUID.
    pub(super) request: String,
    /// `x-amz-apigw-id`, 16 characters.
    pub(super) extended: String,
}

impl Ids {
    fn new() -> Self {
        let extended = uuid::Uuid::new_v4();
        Self {
            request: uuid::Uuid::new_v4().to_string(),
            extended: BASE64URL.encode(&extended.as_bytes()[..11]),
        }
    }
}

/// Why the gateway answers by itself.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) kind: ResponseType,
    pub(super) message: Option<String>,
    /// What is wrong with the body.
    pub(super) validation: Option<String>,
}

impl From<ResponseType> for Refusal {
    fn from(kind: ResponseType) -> Self {
        Self { kind, message: kind.message().map(str::to_owned), validation: None }
    }
}

impl Refusal {
    /// Whether its message holds what the client sent as credentials.
    pub(super) fn repeats_credentials(&self) -> bool {
        self.kind == ResponseType::InvalidSignature
    }

    pub(super) fn with(kind: ResponseType, message: impl Into<String>) -> Self {
        Self { kind, message: Some(message.into()), validation: None }
    }
}

/// How an authorizer was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) scheme: String,
    /// `allow`, `explicit deny`, `implicit deny`, `unauthorized`, `failed`, or `missing` where it was not.
    pub(super) decision: &'static str,
    /// Whether the result was kept from before.
    pub(super) cached: bool,
}

/// What an authorizer said.
#[derive(Debug, Clone, Default)]
pub(super) struct AuthorizerHop {
    pub(super) asked: Option<Asked>,
    pub(super) error: Option<String>,
}

/// What a back end said.
#[derive(Debug, Clone, Default)]
pub(super) struct IntegrationHop {
    pub(super) status: Option<u16>,
    pub(super) error: Option<String>,
}

/// What the client got.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) status: u16,
    pub(super) length: usize,
    pub(super) latency: Duration,
}

/// A request in hand.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) plan: Arc<Plan>,
    pub(super) ids: Ids,
    begun: Instant,
    received: SystemTime,
    /// Method, which the header `X-HTTP-Method-Override` may have changed.
    pub(super) method: String,
    /// Path as it was sent, the base path included.
    path: String,
    /// Query as it was sent.
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) client: SocketAddr,
    pub(super) found: Option<Found>,
    pub(super) authorized: Option<Arc<AuthorizerResult>>,
    /// Name of the API key that was used.
    pub(super) api_key: Option<String>,
    pub(super) authorizer: AuthorizerHop,
    pub(super) integration: IntegrationHop,
    pub(super) times: Times,
    /// What its back end got otherwise than the client sent it, where that is wanted.
    pub(super) changes: Option<Changes>,
    /// The headers that its back end got from the gateway, where that is wanted.
    pub(super) handed: Told,
    /// The `X-Amzn-Trace-Id` that its back end got.
    pub(super) trace_id: Option<String>,
    pub(super) refusal: Option<Refusal>,
    pub(super) given: Given,
    /// The fault that befalls it.
    pub(super) fault: Option<FaultKind>,
}

impl Call {
    pub(super) fn new(
        plan: Arc<Plan>,
        mut head: Parts,
        client: SocketAddr,
        now: (Instant, SystemTime),
    ) -> Self {
        if head.version == Version::HTTP_2 {
            as_of_http1(&mut head);
        }
        let overridden = head.headers.get("x-http-method-override").and_then(|value| value.to_str().ok());
        let method = overridden.map_or_else(|| head.method.as_str().to_owned(), str::to_ascii_uppercase);
        let (mut path, mut query) = (String::new(), None);
        if let Some(target) = head.uri.path_and_query() {
            target.path().clone_into(&mut path);
            query = target.query().map(str::to_owned);
        }
        Self {
            plan,
            ids: Ids::new(),
            begun: now.0,
            received: now.1,
            method,
            path,
            query,
            headers: head.headers,
            body: Bytes::new(),
            client,
            found: None,
            authorized: None,
            api_key: None,
            authorizer: AuthorizerHop::default(),
            integration: IntegrationHop::default(),
            times: Times::default(),
            changes: None,
            handed: Told::new(),
            trace_id: None,
            refusal: None,
            given: Given::default(),
            fault: None,
        }
    }

    /// Bytes of path and query.
    pub(super) fn target_length(&self) -> usize {
        self.path.len() + self.query.as_ref().map_or(0, |query| query.len() + 1)
    }

    /// Looks for the route; false where the API has no such resource or method.
    pub(super) fn find_route(&mut self) -> bool {
        let path = self.path.strip_prefix(self.plan.stage.base_path.as_str());
        // The base path ends where a segment does.
        let path = path.filter(|path| path.starts_with('/'));
        self.found = path.and_then(|path| self.plan.paths.find(&self.method, path));
        self.found.is_some()
    }

    /// The route, where it can be served.
    pub(super) fn served(&self) -> Option<&Served> {
        self.plan.served(self.found.as_ref()?.route)
    }

    /// Path of the resource, for instance `/topics/{topic}`.
    pub(super) fn resource(&self) -> Option<&str> {
        match &self.plan.routes[self.found.as_ref()?.route] {
            Planned::Served(served) => Some(&served.path),
            Planned::Unsupported { path, .. } => Some(path),
        }
    }

    /// What the caller wants to do: the concrete path, without its slash.
    pub(super) fn method_arn(&self) -> String {
        let path = self.found.as_ref().map_or("", |found| found.path.trim_start_matches('/'));
        let (stage, method) = (&self.plan.stage.name, &self.method);
        format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{stage}/{method}/{path}")
    }

    /// The topic that the request is for: the parameter of that name, or what its path says.
    pub(super) fn topic(&self) -> &str {
        let Some(found) = &self.found else { return "" };
        if let Some((_, topic)) = found.parameters.iter().find(|(name, _)| name == "topic") {
            return topic;
        }
        let mut segments = found.path.split('/').skip_while(|segment| *segment != "topics");
        segments.nth(1).unwrap_or_default()
    }

    /// Parameters of the query, decoded; `;` parts them as `&` does.
    pub(super) fn query_pairs(&self) -> Vec<(String, String)> {
        let query = self.query.as_deref().unwrap_or_default().replace(';', "&");
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    pub(super) fn content_type(&self) -> Option<&str> {
        self.headers.get(hyper::header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or(""))
    }

    /// Path as it was sent, the base path included.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn received(&self) -> SystemTime {
        self.received
    }

    /// The `requestContext` of events.
    pub(super) fn request_context(&self) -> Value {
        json!({
            "path": self.path,
            "accountId": ACCOUNT,
            "resourceId": self.resource_id(),
            "stage": self.plan.stage.name,
            "requestId": self.ids.request,
            "identity": { "apiKey": null, "sourceIp": self.client.ip().to_string() },
            "resourcePath": self.resource(),
            "httpMethod": self.method,
            "apiId": API_ID,
        })
    }

    /// An id that is the same for all requests of a resource.
    fn resource_id(&self) -> Option<String> {
        self.found.as_ref().map(|found| format!("r{:05}", found.route))
    }

    fn context_of_authorizer(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "latency" | "integrationLatency" => self.times.authorizer.map(millis),
            "error" => self.authorizer.error.as_deref().map(Cow::from),
            "principalId" => self.authorized.as_ref().map(|result| result.principal_id.as_str().into()),
            name => {
                let value = self.authorized.as_ref()?.context.as_ref()?.get(name)?;
                (!value.is_null()).then(|| as_text(value).into())
            }
        }
    }

    fn context_of_error(&self, name: &str) -> Option<Cow<'_, str>> {
        let refusal = self.refusal.as_ref()?;
        match name {
            "message" => refusal.message.as_deref().map(Cow::from),
            "messageString" => Some(json!(refusal.message).to_string().into()),
            "responseType" => refusal.kind.name().map(Cow::from),
            "validationErrorString" => refusal.validation.as_deref().map(Cow::from),
            _ => None,
        }
    }

    fn time(&self, format: &str) -> String {
        let time = Timestamp::try_from(self.received).unwrap_or_default();
        time.strftime(format).to_string()
    }
}

/// Gives a request of HTTP/2 the headers that it would have in HTTP/1.1 (RFC 9113, sections 8.2.3 and 8.3.1).
fn as_of_http1(head: &mut Parts) {
    if let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(HOST, host);
    }
    let crumbs: Vec<&[u8]> = head.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice()))
    {
        head.headers.insert(COOKIE, cookie);
    }
}

fn millis(duration: Duration) -> Cow<'static, str> {
    duration.as_millis().to_string().into()
}

impl Scope for Call {
    /// Repeated headers are joined, whether one or all are asked for.
    fn parameter(&self, place: Place, name: &str, every: bool) -> Option<Cow<'_, str>> {
        if place == Place::Header {
            let mut values = self.headers.get_all(name).iter().map(HeaderValue::as_bytes);
            let first = String::from_utf8_lossy(values.next()?);
            return Some(
                values.fold(first, |joined, value| {
                    format!("{joined},{}", String::from_utf8_lossy(value)).into()
                }),
            );
        }
        let mut values = self.parameters(place, name);
        match (place, every) {
            (Place::Query, false) | (Place::Path, _) => values.pop(),
            _ if values.len() < 2 => values.pop(),
            _ => Some(values.join(",").into()),
        }
    }

    fn parameters(&self, place: Place, name: &str) -> Vec<Cow<'_, str>> {
        match place {
            Place::Header => {
                let values = self.headers.get_all(name).iter();
                values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect()
            }
            Place::Path => {
                let parameters = self.found.iter().flat_map(|found| &found.parameters);
                parameters
                    .filter(|(named, _)| named == name)
                    .map(|(_, value)| value.as_str().into())
                    .collect()
            }
            Place::Query => {
                let pairs = self.query_pairs().into_iter();
                pairs.filter(|(named, _)| named == name).map(|(_, value)| value.into()).collect()
            }
        }
    }

    fn body(&self) -> &[u8] {
        &self.body
    }

    /// The variables of API Gateway's "`$context` variables for REST APIs", as far as they have a meaning here.
    fn context(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(name) = name.strip_prefix("authorizer.") {
            return self.context_of_authorizer(name);
        }
        if let Some(name) = name.strip_prefix("error.") {
            return self.context_of_error(name);
        }
        Some(match name {
            "accountId" => ACCOUNT.into(),
            "apiId" => API_ID.into(),
            "requestId" => self.ids.request.as_str().into(),
            "extendedRequestId" => self.ids.extended.as_str().into(),
            "httpMethod" => self.method.as_str().into(),
            "path" => self.path.as_str().into(),
            // So it stands in logs of HTTP/2, too (Developer Guide, "Variables for access logging").
            "protocol" => "HTTP/1.1".into(),
            "resourceId" => self.resource_id()?.into(),
            "resourcePath" => self.resource()?.into(),
            "stage" => self.plan.stage.name.as_str().into(),
            "requestTime" => self.time("%d/%b/%Y:%H:%M:%S +0000").into(),
            "requestTimeEpoch" => {
                self.received.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string().into()
            }
            "identity.sourceIp" => self.client.ip().to_string().into(),
            "identity.userAgent" => String::from_utf8_lossy(self.headers.get(USER_AGENT)?.as_bytes()),
            "identity.apiKeyId" => self.api_key.as_deref()?.into(),
            "integration.latency" | "integrationLatency" => millis(self.times.proxy?),
            "integration.status" | "integration.integrationStatus" | "integrationStatus" => {
                self.integration.status?.to_string().into()
            }
            "integration.error" | "integrationErrorMessage" => self.integration.error.as_deref()?.into(),
            "status" => (self.given.status > 0).then(|| self.given.status.to_string())?.into(),
            "responseLength" => self.given.length.to_string().into(),
            "responseLatency" => millis(self.given.latency),
            "xrayTraceId" => self.trace_id.as_deref()?.into(),
            _ => return None,
        })
    }

    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.plan.stage.variables.get(name).map(|value| value.as_str().into())
    }
}
