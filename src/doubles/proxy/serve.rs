//! From a request to its answer: where it goes, whether what it brings and wants is right, in the order in which Jersey
//! looks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use http_body_util::Either;
use hyper::header::{ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};

use super::admin::Admin;
use super::jetty::{Request, refused_by_servlet};
use super::media::{Accepted, Malformed, MediaType};
use super::metadata::Metadata;
use super::produce::{Call, Producer};
use super::request::{self, Embedded, Records};
use super::response::{error, json, produced, refused, typed_error};
use super::route::{Consumes, Endpoint, Found, Resource, number, resource};
use super::v3::{self, Resources};
use super::{Answer, ProxyAnswer, faults_at, not_acceptable, not_allowed, not_found, read_whole, whole};
use crate::doubles::registry::SchemaSource;
use crate::scenario::ProxyRelease;
use crate::wire::produce::{v2, v3 as wire_v3};

/// What all requests share.
pub(super) struct Service {
    pub(super) producer: Arc<Producer>,
    pub(super) admin: Admin,
    /// Streams of receipts that are under way.
    pub(super) streaming: Arc<AtomicU64>,
    pub(super) release: ProxyRelease,
    pub(super) blocked: BTreeSet<String>,
    pub(super) registry: Option<SchemaSource>,
}

impl Service {
    fn blocks(&self, endpoint: Endpoint) -> bool {
        !self.blocked.is_empty()
            && self.blocked.iter().any(|blocked| {
                let name = endpoint.name();
                let group = blocked.strip_suffix(".*").unwrap_or(blocked);
                name == blocked
                    || name.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
    }
}

pub(super) async fn answer(service: &Arc<Service>, request: Request) -> ProxyAnswer {
    match dispatch(service, request).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.map(Either::Left),
    }
}

/// A request that may be carried out.
struct Accepting {
    endpoint: Endpoint,
    values: Vec<String>,
    /// Which of the types that the endpoint takes the body has.
    document: &'static str,
    /// The type of the answer, where the client wants it with parameters.
    answer: Option<HeaderValue>,
    /// Whether nobody can write an answer of the type that the client names.
    unwritable: bool,
}

async fn dispatch(service: &Arc<Service>, request: Request) -> Result<ProxyAnswer, Answer> {
    let accepting = accept(service, &request).map_err(|refusal| *refusal)?;
    let Accepting { endpoint, values, document, answer, unwritable } = accepting;
    let release = service.release;
    let base = || {
        let host = request.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        format!("http://{host}")
    };
    let metadata = Metadata { admin: &service.admin, release };
    let (topic, id) = (values.first().map_or("", String::as_str), values.get(1).and_then(|id| number(id)));
    let page = unwritable.then(|| {
        refused_by_servlet(StatusCode::INTERNAL_SERVER_ERROR, &request.headers, &request.path, release)
    });
    let mut response: ProxyAnswer = match endpoint {
        Endpoint::Root => json(StatusCode::OK, Some(v2::RESPONSE), "{}").map(Either::Left),
        Endpoint::PostRoot => {
            read_whole(request.body).await.map_err(|refusal| *refusal)?;
            json(StatusCode::OK, Some(v2::RESPONSE), "{}").map(Either::Left)
        }
        Endpoint::ListTopics => metadata.topics().await.map(Either::Left),
        Endpoint::GetTopic => metadata.topic(topic).await.map(Either::Left),
        Endpoint::ListPartitions => metadata.partitions(topic).await.map(Either::Left),
        Endpoint::GetPartition => metadata.partition(topic, id.unwrap_or(-1)).await.map(Either::Left),
        Endpoint::GetOffsets => metadata.offsets(topic, id.unwrap_or(-1)).await.map(Either::Left),
        Endpoint::ListBrokers => metadata.brokers().await.map(Either::Left),
        Endpoint::ProduceToTopic | Endpoint::ProduceToPartition => {
            produce(service, topic.to_owned(), id, document, request).await.map(Either::Left)
        }
        Endpoint::ProduceV3 => v3::produce(service, values, request).await?,
        Endpoint::ProduceBatch => v3::produce_batch(service, values, request).await.map(Either::Left),
        Endpoint::CreateTopic => {
            let resources = Resources { admin: &service.admin, release, base: base() };
            let body = read_whole(request.body).await.map_err(|refusal| *refusal)?;
            resources.create(&values, &body).await.map(Either::Left)
        }
        Endpoint::DeleteTopic => {
            let resources = Resources { admin: &service.admin, release, base: base() };
            resources.delete(&values).await.map(Either::Left)
        }
        other => {
            let resources = Resources { admin: &service.admin, release, base: base() };
            resources.get(other, &values).await.map(Either::Left)
        }
    };
    if let Some(page) = page {
        return Err(page);
    }
    if let Some(answer) = answer
        && response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == endpoint.produces())
    {
        response.headers_mut().insert(CONTENT_TYPE, answer);
    }
    Ok(response)
}

/// Finds what a request is for, and whether it may have it.
fn accept(service: &Service, request: &Request) -> Result<Accepting, Box<Answer>> {
    let Request { method, path, headers, .. } = request;
    let release = service.release;
    let servlet = |status| {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        match release {
            ProxyRelease::Confluent8_3 => {
                refused_by_servlet(status, headers, &format!("http://{host}{path}"), release)
            }
            _ => refused_by_servlet(status, headers, path, release),
        }
    };
    if path == "*" {
        return Err(Box::new(star(method, headers, release)));
    }
    let kind = content_type(headers);
    let Some(resource) = resource(path, release, |endpoint| service.blocks(endpoint)) else {
        return Err(Box::new(match kind {
            Err(Malformed) => servlet(StatusCode::BAD_REQUEST),
            Ok(_) => not_found(),
        }));
    };
    let endpoint = match resource.find(method) {
        Found::Endpoint(endpoint) => endpoint,
        Found::Options => return Err(Box::new(options(&resource, headers, &servlet))),
        Found::NotAllowed => {
            return Err(Box::new(match kind {
                Err(Malformed) => nothing(StatusCode::BAD_REQUEST),
                Ok(_) => not_allowed(),
            }));
        }
    };
    let kind = kind.map_err(|Malformed| Box::new(servlet(StatusCode::BAD_REQUEST)))?;
    let accepted = accepted(headers);
    let unsupported = |accepted: &Result<Accepted, Malformed>| match accepted {
        Ok(accepted) => unsupported_media_type(accepted),
        Err(Malformed) => servlet(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let document = match (endpoint.consumes(), &kind) {
        (Consumes::Anything, _) | (Consumes::Only(_), None) => Some(""),
        (Consumes::Only(only), Some(kind)) => kind.fits(only).then_some(""),
        (Consumes::Documents(documents), None) => documents.first().copied(),
        (Consumes::Documents(documents), Some(kind)) => {
            documents.iter().find(|document| kind.fits(document)).copied()
        }
    };
    let Some(document) = document else { return Err(Box::new(unsupported(&accepted))) };
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(Malformed) => return Err(Box::new(servlet(StatusCode::BAD_REQUEST))),
    };
    let produces = endpoint.produces();
    let Some(answer) = accepted.answer(produces) else { return Err(Box::new(not_acceptable())) };
    let values = resource.values();
    if !Resource::has_numbers(endpoint, &values) {
        return Err(Box::new(typed_error(StatusCode::NOT_FOUND, produces, 404, "HTTP 404 Not Found")));
    }
    // The type of a document decides who reads it, and nobody reads a range.
    let readable = kind.as_ref().is_none_or(|kind| !kind.is_range() && kind.is_json());
    if matches!(endpoint.consumes(), Consumes::Documents(_)) && !readable {
        return Err(Box::new(unsupported_media_type(&accepted)));
    }
    let unwritable = MediaType::content(answer.as_bytes()).is_ok_and(|kind| !kind.is_json());
    let answer = if answer == produces { None } else { HeaderValue::from_str(&answer).ok() };
    Ok(Accepting { endpoint, values, document, answer, unwritable })
}

/// The Content-Type, if there is one. Several are as malformed as none.
fn content_type(headers: &HeaderMap) -> Result<Option<MediaType>, Malformed> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => MediaType::content(value.as_bytes()).map(Some),
        (Some(_), Some(_)) => Err(Malformed),
    }
}

fn accepted(headers: &HeaderMap) -> Result<Accepted, Malformed> {
    Accepted::read(headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes))
}

fn unsupported_media_type(accepted: &Accepted) -> Answer {
    let kind = accepted.preferred(&[wire_v3::JSON, v2::RESPONSE]).unwrap_or(wire_v3::JSON);
    let kind = if kind == v2::RESPONSE { v2::RESPONSE } else { wire_v3::JSON };
    let (status, text) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "HTTP 415 Unsupported Media Type");
    typed_error(status, kind, 415, text)
}

/// An answer without a body.
fn nothing(status: StatusCode) -> Answer {
    let mut response = json(status, None, "");
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// The answer to a request for the server as a whole.
fn star(method: &Method, headers: &HeaderMap, release: ProxyRelease) -> Answer {
    let newest = release == ProxyRelease::Confluent8_3;
    match *method {
        Method::OPTIONS if newest => refused_by_servlet(StatusCode::NOT_FOUND, &nobody(), "*", release),
        Method::OPTIONS => not_found(),
        Method::GET | Method::POST | Method::HEAD => {
            refused_by_servlet(StatusCode::BAD_REQUEST, headers, "*", release)
        }
        _ => nothing(StatusCode::BAD_REQUEST),
    }
}

/// The headers of a client that accepts nothing.
fn nobody() -> HeaderMap {
    std::iter::once((ACCEPT, HeaderValue::from_static("none/none"))).collect()
}

/// The methods of a resource, as text for who accepts that.
fn options(resource: &Resource<'_>, headers: &HeaderMap, servlet: &impl Fn(StatusCode) -> Answer) -> Answer {
    let Ok(accepted) = accepted(headers) else { return servlet(StatusCode::BAD_REQUEST) };
    let allowed = resource.allowed();
    let allow = HeaderValue::from_str(&allowed.join(",")).ok();
    let text = "text/plain";
    let mut response = if accepted.answer(text).is_some() {
        json(StatusCode::OK, Some(text), allowed.join(", "))
    } else {
        nothing(StatusCode::OK)
    };
    let length = response.headers_mut().remove(CONTENT_LENGTH);
    if let Some(allow) = allow {
        response.headers_mut().insert(ALLOW, allow);
    }
    if let Some(length) = length {
        let kind = accepted.best().and_then(|kind| HeaderValue::from_str(&kind).ok());
        if let Some(kind) = kind {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    response
}

/// A produce call of v2.
async fn produce(
    service: &Arc<Service>,
    topic: String,
    partition: Option<i32>,
    document: &str,
    request: Request,
) -> Answer {
    let Some(embedded) = Embedded::of(document) else {
        let Ok(accepted) = accepted(&request.headers) else { return not_acceptable() };
        return unsupported_media_type(&accepted);
    };
    let faults = faults_at(&request.headers);
    let client = Some(request.client);
    let body = match read_whole(request.body).await {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    let target = request::Target {
        topic: &topic,
        partition,
        embedded,
        release: service.release,
        registry: service.registry.as_ref(),
    };
    let Records { records, then_fails, schemas } = match request::parse(&body, target) {
        Ok(records) => records,
        Err(refusal) => return refused(&refusal),
    };
    let producer = service.producer.clone();
    let call = Call { topic, partition, records, faults, client };
    let plan = producer.plan(&call).await;
    let answer = match plan.ends() {
        Some(ends) => whole::end(producer, call, plan, ends, service.streaming.clone()).await,
        None => produced(producer.begin(call, plan).await, schemas).await,
    };
    if then_fails {
        return error(StatusCode::INTERNAL_SERVER_ERROR, 500, "Internal Server Error");
    }
    answer
}
