//! What a back end gets for a call, and what the client gets for the back end's answer (API Gateway Developer Guide,
//! "Integrations for REST APIs").

use bytes::Bytes;
use form_urlencoded::Serializer;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Response, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::backend::{BackendRequest, BackendResponse};
use super::call::{API_ID, Call, Refusal};
use super::headers::{self, Front};
use super::payload;
use crate::api::{BodyPath, HttpIntegration, MockIntegration, Place, PlannedResponse, Scope, response_for};
use crate::doubles::http::Answer;
use crate::scenario::FaultKind;
use crate::wire::gateway::{FAULT_HEADER, ResponseType};

/// What must stay encoded in the path to the back end, so that the request line remains one.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The request that the back end of `http` gets for a call that came to `front`.
pub(super) fn request_for(
    http: &HttpIntegration,
    call: &Call,
    front: Front,
    is_binary: bool,
) -> Result<BackendRequest, Refusal> {
    let unusable = || Refusal::from(ResponseType::ApiConfigurationError);
    if http.is_fatal {
        return Err(ResponseType::ApiConfigurationError.into());
    }
    let method = http.method.as_deref().unwrap_or(&call.method);
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| ResponseType::ApiConfigurationError)?;
    let mut headers = if http.is_proxy {
        headers::to_backend(&call.headers, call.client, front, call.received())
    } else {
        of_its_own(call, front)
    };
    let mut query = Vec::new();
    for mapping in &http.mappings {
        // What has no value leaves what the client sent.
        let Some(value) = mapping.source.value(call, |_| None) else { continue };
        match mapping.target.place {
            Place::Header => {
                let name = HeaderName::from_bytes(mapping.target.name.as_bytes()).map_err(|_| unusable())?;
                let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unusable())?;
                headers.insert(name, value);
            }
            Place::Query => query.push((mapping.target.name.as_str(), value.into_owned())),
            Place::Path => {}
        }
    }
    let body = match (http.is_proxy, http.templates.path_of(call.content_type())) {
        (true, _) | (false, BodyPath::Passes) => call.body.clone(),
        (false, BodyPath::Through(template)) => Bytes::from(template.render(call)),
        (false, BodyPath::Refused) => return Err(ResponseType::UnsupportedMediaType.into()),
    };
    let mut body = if is_binary { body } else { payload::as_text(body) };
    let host = headers.remove(hyper::header::HOST);
    let host = host.map_or_else(|| HeaderValue::from_str(&http.host), Ok).map_err(|_| unusable())?;
    befall(call.fault, &mut headers, &mut body);
    Ok(BackendRequest { method, target: target(http, call, &query), host, headers, body })
}

/// Path and query of the back end's request.
fn target(http: &HttpIntegration, call: &Call, mapped: &[(&str, String)]) -> String {
    let value = |name: &str| {
        let fits = |target: &crate::api::RequestTarget| target.place == Place::Path && target.name == name;
        let mapping = http.mappings.iter().find(|mapping| fits(&mapping.target))?;
        mapping.source.value(call, |_| None)
    };
    let path = http.path.with(value, |value| utf8_percent_encode(value, UNSAFE).to_string());
    let joined =
        |query: &str| if path.contains('?') { format!("{path}&{query}") } else { format!("{path}?{query}") };
    let passed = call.query.as_deref().filter(|_| http.is_proxy);
    // A `;` has parted the query, so the back end gets the parts.
    let is_parted = passed.is_some_and(|query| query.contains(';'));
    if mapped.is_empty() && !is_parted {
        return passed.map_or_else(|| path.clone(), joined);
    }
    let mut query = Serializer::new(String::new());
    if passed.is_some() {
        let others = call.query_pairs();
        query.extend_pairs(others.iter().filter(|(name, _)| mapped.iter().all(|(other, _)| other != name)));
    }
    query.extend_pairs(mapped);
    joined(&query.finish())
}

/// The headers of an integration that is no proxy: nothing of the client's but the type of the body.
fn of_its_own(call: &Call, front: Front) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in ["x-forwarded-for", "x-amzn-trace-id"] {
        kept.extend(call.headers.get(name).map(|value| (HeaderName::from_static(name), value.clone())));
    }
    let mut headers = headers::to_backend(&kept, call.client, front, call.received());
    let agent = format!("AmazonAPIGateway_{API_ID}");
    headers.extend(HeaderValue::from_str(&agent).ok().map(|agent| (USER_AGENT, agent)));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let json = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, call.headers.get(CONTENT_TYPE).cloned().unwrap_or(json));
    headers
}

/// What a fault does to the back end's request.
fn befall(fault: Option<FaultKind>, headers: &mut HeaderMap, body: &mut Bytes) {
    let Some(fault) = fault else { return };
    headers.insert(FAULT_HEADER, HeaderValue::from_static(fault.name()));
    match fault {
        FaultKind::DropHeader => drop(headers.remove(CONTENT_TYPE)),
        // White space at the end means nothing.
        FaultKind::TruncateBody => body.truncate(body.trim_ascii_end().len().saturating_sub(1)),
        _ => {}
    }
}

/// What the client gets for a back end's answer.
pub(super) fn response_of(
    http: &HttpIntegration,
    call: &Call,
    response: BackendResponse,
) -> Result<Answer, Refusal> {
    if !http.is_proxy {
        let planned = response_for(&http.responses, response.status.as_u16());
        let planned = planned.ok_or(ResponseType::ApiConfigurationError)?;
        return Ok(mapped(planned, call, &response.headers, response.body));
    }
    let mut answer = Response::new(Full::new(response.body));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = headers::to_client(&response.headers);
    Ok(answer)
}

/// What the client gets where the gateway makes the answer up.
pub(super) fn mocked(mock: &MockIntegration, call: &Call) -> Result<Answer, Refusal> {
    let chosen = match mock.templates.path_of(call.content_type()) {
        BodyPath::Through(template) => template.render(call),
        BodyPath::Passes => String::from_utf8_lossy(&call.body).into_owned(),
        BodyPath::Refused => return Err(ResponseType::UnsupportedMediaType.into()),
    };
    let status = serde_json::from_str::<Value>(&chosen).ok().and_then(|chosen| {
        let status = chosen.get("statusCode")?;
        status
            .as_u64()
            .or_else(|| status.as_str()?.parse().ok())
            .and_then(|status| u16::try_from(status).ok())
    });
    let planned = status.and_then(|status| response_for(&mock.responses, status));
    let planned = planned.ok_or(ResponseType::ApiConfigurationError)?;
    Ok(mapped(planned, call, &HeaderMap::new(), Bytes::new()))
}

/// A call whose body is the back end's: what templates of responses see.
struct Answered<'c> {
    call: &'c Call,
    body: &'c [u8],
}

impl Scope for Answered<'_> {
    fn parameter(&self, place: Place, name: &str, every: bool) -> Option<std::borrow::Cow<'_, str>> {
        self.call.parameter(place, name, every)
    }

    fn parameters(&self, place: Place, name: &str) -> Vec<std::borrow::Cow<'_, str>> {
        self.call.parameters(place, name)
    }

    fn body(&self) -> &[u8] {
        self.body
    }

    fn context(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        self.call.context(name)
    }

    fn stage_variable(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        self.call.stage_variable(name)
    }
}

fn mapped(planned: &PlannedResponse, call: &Call, headers: &HeaderMap, body: Bytes) -> Answer {
    let template = planned.templates.get("application/json").map(|template| ("application/json", template));
    let template =
        template.or_else(|| planned.templates.iter().next().map(|(media, of)| (media.as_str(), of)));
    let media = template.map_or("application/json", |(media, _)| media);
    let media = HeaderValue::from_str(media).unwrap_or(HeaderValue::from_static("application/json"));
    let scope = Answered { call, body: &body };
    let rendered = template.map(|(_, template)| Bytes::from(template.render(&scope)));
    let header = |name: &str| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let mut answer = Response::new(Full::default());
    answer.headers_mut().insert(CONTENT_TYPE, media);
    for mapping in &planned.headers {
        let value = mapping.source.value(&scope, header);
        let named = HeaderName::from_bytes(mapping.target.as_bytes()).ok();
        let valued = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
        if let Some(pair) = named.zip(valued).filter(|(name, _)| !headers::frames(name)) {
            answer.headers_mut().insert(pair.0, pair.1);
        }
    }
    // Statuses of a definition are checked when it is read.
    *answer.status_mut() = StatusCode::from_u16(planned.status).unwrap_or(StatusCode::OK);
    *answer.body_mut() = Full::new(rendered.unwrap_or(body));
    answer
}
