//! Responses that the gateway makes itself, as their type or the API shapes them (API Gateway Developer Guide, "Gateway
//! responses for REST APIs").

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::call::{Call, Ids, Refusal};
use super::headers::frames;
use crate::api::{ShapedResponse, Template};
use crate::doubles::http::Answer;
use crate::wire::gateway::ResponseType;

/// A refusal whose message repeats the client's credentials, without them.
pub(super) fn without_credentials(refusal: &Refusal) -> Refusal {
    Refusal {
        message: Some(
            "'[redacted]' not a valid key=value pair in Authorization header: '[redacted]'.".into(),
        ),
        ..refusal.clone()
    }
}

/// The response for a call's refusal.
pub(super) fn refused(call: &Call, refusal: &Refusal) -> Answer {
    let kind = refusal.kind;
    let shaped = kind.name().and_then(|name| shape(call, name, kind.status()));
    let status = shaped.and_then(|shaped| shaped.status).unwrap_or(kind.status());
    let template = shaped.and_then(|shaped| template_for(call, shaped));
    let (media, body) = match template {
        Some((media, template)) => (HeaderValue::from_str(media).ok(), template.render(call)),
        None => (None, kind.body_with(refusal.message.as_deref())),
    };
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    // Every type has a legal status, and the reader checks what APIs say.
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, media.unwrap_or(HeaderValue::from_static(kind.content_type())));
    // What the edge refuses carries no gateway headers.
    let Some(error_type) = kind.error_type() else { return answer };
    headers.insert("x-amzn-errortype", HeaderValue::from_static(error_type));
    for mapping in shaped.iter().flat_map(|shaped| &shaped.headers) {
        let value = mapping.source.value(call, |_| None);
        let named = HeaderName::from_bytes(mapping.target.as_bytes()).ok();
        let valued = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
        if let Some((name, value)) = named.zip(valued).filter(|(name, _)| !frames(name)) {
            headers.insert(name, value);
        }
    }
    add_ids(headers, &call.ids);
    answer
}

/// How the API shapes a type: by its name, or as all of its class.
fn shape<'c>(call: &'c Call, name: &str, status: u16) -> Option<&'c ShapedResponse> {
    let class = if status < 500 { "DEFAULT_4XX" } else { "DEFAULT_5XX" };
    call.plan.responses.get(name).or_else(|| call.plan.responses.get(class))
}

/// The template that the client accepts, that of JSON, or the only one.
fn template_for<'s>(call: &Call, shaped: &'s ShapedResponse) -> Option<(&'s str, &'s Template)> {
    let accepted = call.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accepted.split([',', ';']).next().unwrap_or_default().trim();
    let found = [first, "application/json"].iter().find_map(|media| shaped.templates.get_key_value(*media));
    found.or_else(|| shaped.templates.iter().next()).map(|(media, template)| (media.as_str(), template))
}

/// Adds the ids of a request.
pub(super) fn add_ids(headers: &mut HeaderMap, ids: &Ids) {
    for (name, id) in [("x-amzn-requestid", &ids.request), ("x-amz-apigw-id", &ids.extended)] {
        // UUIDs and base64url are legal header values.
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert(name, id);
        }
    }
}

/// The refusal of a request for no known resource or method: the gateway takes it for a call that is signed
/// by AWS Signature Version 4, and complains about the signature. The text repeats the credentials, as the
/// real gateway's does: a trap for logs.
pub(super) fn no_route(headers: &HeaderMap) -> Refusal {
    let authorization = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let authorization = authorization.filter(|value| !value.trim().is_empty());
    let Some(authorization) = authorization else { return ResponseType::MissingAuthenticationToken.into() };
    let credentials =
        authorization.split_once(' ').map_or(authorization.as_ref(), |(_, credentials)| credentials);
    Refusal::with(
        ResponseType::InvalidSignature,
        format!(
            "'{credentials}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'."
        ),
    )
}
