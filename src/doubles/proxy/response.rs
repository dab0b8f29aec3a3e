//! Responses as the REST Proxy writes them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::failure::Failure;
use super::in_hand::InHand;
use super::produce::Outcome;
use super::request::{Refusal, SchemaIds};
use crate::doubles::http::Answer;
use crate::wire::produce::ErrorEntity;
use crate::wire::produce::v2::{ProduceItem, ProduceResponse, RESPONSE};

/// A response with this JSON text. Errors that the proxy's router makes carry no Content-Type.
pub(super) fn json(status: StatusCode, content_type: Option<&'static str>, text: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

/// The answer to a produce call, when every record has its own: 200 whatever became of them, but for failed
/// authentication (401) and authorization (403), which the items' codes show.
pub(super) async fn produced(mut in_hand: InHand, schemas: SchemaIds) -> Answer {
    let mut offsets = Vec::new();
    while let Some(outcome) = in_hand.next().await {
        offsets.push(item(outcome));
    }
    in_hand.finish().await;
    let SchemaIds { key: key_schema_id, value: value_schema_id } = schemas;
    let response = ProduceResponse { offsets, key_schema_id, value_schema_id };
    let any = |code| response.offsets.iter().any(|item| item.error_code == Some(code));
    let status = if any(40101) {
        StatusCode::UNAUTHORIZED
    } else if any(40301) {
        StatusCode::FORBIDDEN
    } else {
        StatusCode::OK
    };
    json(status, Some(RESPONSE), serde_json::to_vec(&response).unwrap_or_default())
}

fn item(outcome: Outcome) -> ProduceItem {
    match outcome {
        Ok(position) => ProduceItem {
            partition: Some(position.partition),
            offset: Some(position.offset),
            error_code: None,
            error: None,
        },
        Err(Failure { kind, message }) => ProduceItem {
            partition: None,
            offset: None,
            error_code: Some(kind.v2_code()),
            error: Some(message),
        },
    }
}

/// The answer to a request that is refused as a whole.
pub(super) fn refused(refusal: &Refusal) -> Answer {
    refused_as(RESPONSE, refusal)
}

/// The same, with another media type.
pub(super) fn refused_as(content_type: &'static str, refusal: &Refusal) -> Answer {
    if refusal.plain {
        return json(refusal.status, Some("text/plain"), refusal.message.clone());
    }
    typed_error(refusal.status, content_type, refusal.code, &refusal.message)
}

/// An error entity with the proxy's own media type.
pub(super) fn error(status: StatusCode, code: i64, message: &str) -> Answer {
    typed_error(status, RESPONSE, code, message)
}

/// An error entity with another media type.
pub(super) fn typed_error(
    status: StatusCode,
    content_type: &'static str,
    code: i64,
    message: &str,
) -> Answer {
    json(status, Some(content_type), entity(code, message))
}

/// An error entity without a Content-Type.
pub(super) fn error_untyped(status: StatusCode, code: i64, message: &str) -> Answer {
    json(status, None, entity(code, message))
}

fn entity(code: i64, message: &str) -> Vec<u8> {
    serde_json::to_vec(&ErrorEntity { error_code: code, message: message.to_owned() }).unwrap_or_default()
}
