//! What becomes of a request, step by step, in the order of the real gateway: sizes, route, authorizer, API key,
//! throttles, parameters, body, integration. One cause hides those after it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Instant, SystemTime};

use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use tokio::time::timeout;

use super::access_log::AccessLog;
use super::api_key::ApiKeys;
use super::authorize::{Authorizers, Outcome};
use super::backend::{BackendFailure, BackendResponse, Backends};
use super::call::{Call, Refusal};
use super::compression::compressed;
use super::headers::{self, Front, HEADERS_LIMIT};
use super::integration::{mocked, request_for, response_of};
use super::payload::{self, PayloadError};
use super::policy::Decision;
use super::response::{add_ids, no_route, refused};
use super::throttle::TokenBucket;
use super::trace::{Changes, Tracer};
use super::witness::{Witness, handed};
use crate::api::{HttpIntegration, Plan, PlannedIntegration, Scope, Served, media_type};
use crate::doubles::fault::{Injector, first_striking};
use crate::doubles::http::{Answer, InFlight};
use crate::scenario::FaultKind;
use crate::wire::gateway::{EXPLICIT_DENY_MESSAGE, ResponseType};

/// Longest ARN of a method, in bytes, that is passed to an authorizer (Developer Guide, "Input to a Lambda
/// authorizer").
const METHOD_ARN_LIMIT: usize = 1600;
/// Longest path and query, in bytes (API Gateway quotas, "Maximum URL length" of a regional API).
const TARGET_LIMIT: usize = 10_240;

/// The gateway at work.
pub(super) struct Service {
    pub(super) front: Front,
    pub(super) plan: Arc<Plan>,
    pub(super) authorizers: Arc<Authorizers>,
    pub(super) backends: Backends,
    pub(super) api_keys: ApiKeys,
    /// The stage's limit.
    pub(super) throttle: Option<TokenBucket>,
    /// The account's, over all of its stages.
    pub(super) account_throttle: Option<TokenBucket>,
    pub(super) access_log: Option<AccessLog>,
    pub(super) tracer: Arc<Tracer>,
    pub(super) witness: Arc<Witness>,
    /// Faults that befall the authorizers' caches.
    pub(super) flushes: Vec<Arc<Injector>>,
    /// Faults that befall requests which are denied.
    pub(super) of_denied: Vec<Arc<Injector>>,
    /// Faults that befall those which are allowed.
    pub(super) of_allowed: Vec<Arc<Injector>>,
    /// Requests that are being forwarded although they have been refused.
    pub(super) leaking: Arc<AtomicU64>,
}

impl Service {
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>, client: SocketAddr) -> Answer {
        let (head, body) = request.into_parts();
        let mut call = Call::new(self.plan.clone(), head, client, (Instant::now(), SystemTime::now()));
        let answer = match self.judge(&mut call, body).await {
            Ok(answer) => {
                let mut answer = match call.plan.minimum_compression_size {
                    Some(least) => Box::pin(compressed(answer, &call.headers, least)).await,
                    None => answer,
                };
                add_ids(answer.headers_mut(), &call.ids);
                answer
            }
            Err(refusal) => {
                call.refusal = Some(refusal.clone());
                refused(&call, &refusal)
            }
        };
        call.given.latency = call.elapsed();
        call.given.status = answer.status().as_u16();
        call.given.length = usize::try_from(answer.body().size_hint().lower()).unwrap_or(usize::MAX);
        self.tracer.add(&call);
        self.witness.add(&call);
        if let Some(log) = &self.access_log {
            log.add(&call);
        }
        answer
    }

    async fn judge(self: &Arc<Self>, call: &mut Call, body: Incoming) -> Result<Answer, Refusal> {
        // Sizes are judged at the edge, before the API is known.
        if headers::total_size(&call.headers) > HEADERS_LIMIT {
            return Err(ResponseType::HeadersTooLarge.into());
        }
        call.body = payload::read(&call.headers, body).await.map_err(refused_payload)?;
        if call.target_length() > TARGET_LIMIT {
            return Err(ResponseType::UriTooLong.into());
        }
        if !call.find_route() {
            return Err(no_route(&call.headers));
        }
        let authorizer = match call.served() {
            Some(served) => served.authorizer.clone(),
            // Nothing is let through that landfall cannot judge.
            None => return Err(ResponseType::ApiConfigurationError.into()),
        };
        let Some(scheme) = authorizer else { return self.allow(call).await };
        let arn = call.method_arn();
        if arn.len() > METHOD_ARN_LIMIT {
            return Err(ResponseType::UriTooLong.into());
        }
        if let Some(flush) = first_striking(&self.flushes, call.topic(), Instant::now()) {
            self.authorizers.flush();
            flush.took_effect(1);
        }
        let denial = match self.authorizers.authorize(&scheme, call, &arn).await {
            Outcome::Missing => return Err(ResponseType::Unauthorized.into()),
            Outcome::Failed(why) => {
                call.authorizer.error = Some(why.to_owned());
                return Err(ResponseType::AuthorizerConfigurationError.into());
            }
            Outcome::Unauthorized => ResponseType::Unauthorized.into(),
            Outcome::Decided(decision, result) => {
                call.authorized = Some(result);
                match decision {
                    Decision::Allow => return self.allow(call).await,
                    Decision::ExplicitDeny => {
                        Refusal::with(ResponseType::AccessDenied, EXPLICIT_DENY_MESSAGE)
                    }
                    Decision::ImplicitDeny => ResponseType::AccessDenied.into(),
                }
            }
        };
        // On the heap, or what it takes would be part of each request's future.
        Box::pin(self.deny(call, denial)).await
    }

    /// Serves a call that the policy allows, as one fault commands at most.
    async fn allow(&self, call: &mut Call) -> Result<Answer, Refusal> {
        let striking = first_striking(&self.of_allowed, call.topic(), Instant::now());
        let Some(fault) = striking else { return self.serve(call).await.map(|served| served.answer) };
        call.fault = Some(fault.kind());
        let served = self.serve(call).await;
        if fault.kind() != FaultKind::LateSuccess {
            fault.took_effect(u64::from(served.as_ref().is_ok_and(|served| served.refuses)));
            return served.map(|served| served.answer);
        }
        let written = served.as_ref().map_or(0, |served| served.written);
        if written == 0 {
            return served.map(|served| served.answer);
        }
        fault.took_effect(written);
        Err(ResponseType::IntegrationTimeout.into())
    }

    /// Refuses a call that the policy denies, or whose token the authorizer refuses, unless a fault says otherwise: one
    /// fault at most.
    async fn deny(self: &Arc<Self>, call: &mut Call, denial: Refusal) -> Result<Answer, Refusal> {
        let striking = first_striking(&self.of_denied, call.topic(), Instant::now());
        let Some(fault) = striking.cloned() else { return Err(denial) };
        call.fault = Some(fault.kind());
        if fault.kind() == FaultKind::AdmitDenied {
            let served = self.serve(call).await;
            if served.as_ref().is_ok_and(|served| served.written > 0) {
                fault.took_effect(1);
            }
            return served.map(|served| served.answer);
        }
        let (service, leak) = (self.clone(), InFlight::enter(self.leaking.clone()));
        let mut leaked = call.clone();
        tokio::spawn(async move {
            let _leak = leak;
            // No time limit: what the back end writes late has leaked all the same.
            if let Ok(served) = service.pass(&mut leaked, Limit::None).await {
                fault.took_effect(served.written);
            }
        });
        Err(denial)
    }

    async fn serve(&self, call: &mut Call) -> Result<Passed, Refusal> {
        self.pass(call, Limit::OfTheIntegration).await
    }

    /// Checks an authorized call and passes it on.
    async fn pass(&self, call: &mut Call, limit: Limit) -> Result<Passed, Refusal> {
        let plan = call.plan.clone();
        let served = call.found.as_ref().and_then(|found| plan.served(found.route));
        let Some(served) = served else {
            return Err(ResponseType::ApiConfigurationError.into());
        };
        let now = Instant::now();
        if served.api_key_required {
            self.api_keys.check(call, now)?;
        }
        // From the narrow to the wide; what one refuses takes nothing from the next.
        let throttles = [&self.throttle, &self.account_throttle];
        if throttles.into_iter().flatten().any(|throttle| !throttle.admits(now)) {
            return Err(ResponseType::Throttled.into());
        }
        let valid = validate(served, call);
        call.times.validation = Some(now.elapsed());
        valid?;
        match &served.integration {
            PlannedIntegration::Mock(mock) => {
                Ok(Passed { answer: mocked(mock, call)?, written: 0, refuses: false })
            }
            PlannedIntegration::Http(http) => self.send(http, call, limit).await,
        }
    }

    async fn send(&self, http: &HttpIntegration, call: &mut Call, limit: Limit) -> Result<Passed, Refusal> {
        let is_binary = is_binary(&call.plan.binary_media_types, call.content_type());
        let request = request_for(http, call, self.front, is_binary)?;
        call.trace_id = request
            .headers
            .get("x-amzn-trace-id")
            .map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        if self.tracer.is_kept() {
            call.changes = Some(Changes::between(&call.headers, &request));
        }
        if self.witness.is_watching() {
            call.handed = handed(call, &request);
        }
        let (since, mut opening) = (Instant::now(), None);
        let sent = self.backends.send(&http.origin, call.client, request, &mut opening);
        let sent = match limit {
            Limit::OfTheIntegration => timeout(http.timeout, sent).await,
            Limit::None => Ok(sent.await),
        };
        call.times.balancer = opening;
        call.times.proxy = Some(since.elapsed().saturating_sub(opening.unwrap_or_default()));
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => return Err(failed(http, call, failure)),
            Err(_) => {
                call.integration.error = Some("Endpoint request timed out".into());
                return Err(ResponseType::IntegrationTimeout.into());
            }
        };
        call.integration.status = Some(response.status.as_u16());
        let (written, refuses) = match call.fault {
            Some(_) => (response.records_written(), response.refuses()),
            None => (0, false),
        };
        let response = as_the_client_reads(call, response);
        Ok(Passed { answer: response_of(http, call, response)?, written, refuses })
    }
}

/// How long a back end may take.
#[derive(Debug, Clone, Copy)]
enum Limit {
    OfTheIntegration,
    None,
}

/// An answer of a back end, ready for the client; the counts are for faults only.
struct Passed {
    answer: Answer,
    /// How many records the back end says it wrote.
    written: u64,
    /// Whether it refuses the request, or one of its records.
    refuses: bool,
}

/// Parameters first, then the body, which is decompressed on the way.
fn validate(served: &Served, call: &mut Call) -> Result<(), Refusal> {
    let missing: Vec<&str> = served
        .required
        .iter()
        .filter(|required| {
            let value = call.parameter(required.place, &required.name, false);
            value.is_none_or(|value| value.trim().is_empty())
        })
        .map(|required| required.name.as_str())
        .collect();
    if !missing.is_empty() {
        let message = format!("Missing required request parameters: [{}]", missing.join(", "));
        return Err(Refusal::with(ResponseType::BadRequestParameters, message));
    }
    let body = std::mem::take(&mut call.body);
    call.body = payload::decode(&call.headers, body).map_err(refused_payload)?;
    let Some(check) = &served.body else { return Ok(()) };
    check
        .check(call.content_type(), &call.body)
        .map_err(|wrong| Refusal { validation: Some(wrong), ..ResponseType::BadRequestBody.into() })
}

/// Whether bodies of this type are bytes, which are passed on as they are.
fn is_binary(listed: &[String], content_type: Option<&str>) -> bool {
    let media = media_type(content_type);
    listed.iter().any(|listed| listed == "*/*" || listed.eq_ignore_ascii_case(media))
}

/// A back end's answer as text, unless the first type that the client accepts, or that of the answer, is one of bytes
/// (Developer Guide, "Content type conversions in API Gateway"). One that is compressed is left alone.
fn as_the_client_reads(call: &Call, response: BackendResponse) -> BackendResponse {
    let listed = &call.plan.binary_media_types;
    let of = |headers: &HeaderMap, name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| is_binary(listed, value.split(',').next()))
    };
    let is_binary = listed.iter().any(|listed| listed == "*/*")
        || of(&call.headers, ACCEPT)
        || of(&response.headers, CONTENT_TYPE)
        || response.headers.contains_key(CONTENT_ENCODING);
    if is_binary { response } else { BackendResponse { body: payload::as_text(response.body), ..response } }
}

/// The refusal where a back end gives no response. A VPC link without a healthy target is a configuration error; what
/// is reached over the internet is a network error.
fn failed(http: &HttpIntegration, call: &mut Call, failure: BackendFailure) -> Refusal {
    let (kind, error) = match failure {
        BackendFailure::Refused if http.vpc_link => {
            (ResponseType::ApiConfigurationError, "Execution failed due to configuration error")
        }
        BackendFailure::Refused => (ResponseType::IntegrationFailure, "Connection refused"),
        BackendFailure::Untrusted => (
            ResponseType::ApiConfigurationError,
            "Execution failed due to configuration error: General SSLEngine problem",
        ),
        BackendFailure::Broken => (ResponseType::IntegrationFailure, "Connection is closed"),
        BackendFailure::TooLong => {
            (ResponseType::ApiConfigurationError, "Response is longer than 10485760 bytes")
        }
        BackendFailure::Unsendable => (ResponseType::ApiConfigurationError, "Invalid endpoint address"),
    };
    call.integration.error = Some(error.to_owned());
    kind.into()
}

fn refused_payload(error: PayloadError) -> Refusal {
    match error {
        PayloadError::TooLarge => ResponseType::RequestTooLarge.into(),
        PayloadError::Coding => ResponseType::UnsupportedMediaType.into(),
        // Nobody is left to read this.
        PayloadError::Broken => ResponseType::BadRequestBody.into(),
    }
}
