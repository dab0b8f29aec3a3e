//! The Lambda Invoke API (AWS Lambda API reference, "Invoke") as its callers see it: which requests are
//! invocations, and how their outcomes are told.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::http::{Answer, read_body};

/// Longest event that Lambda takes, in bytes (Lambda quotas: 6 MB for a synchronous invocation).
const EVENT_LIMIT: usize = 6 * 1024 * 1024;

/// A request to invoke a function, read whole.
pub(super) struct Invocation {
    /// What the invocation is known by.
    pub(super) id: String,
    /// The event as it came.
    pub(super) body: Bytes,
    /// The event.
    pub(super) event: Value,
    /// The request's headers.
    pub(super) headers: HeaderMap,
}

/// Reads an invocation of a function that is called by any of `names`.
///
/// # Errors
/// What the request is answered with that is none. It is boxed because it is rare and large.
pub(super) async fn read(request: Request<Incoming>, names: &[&str]) -> Result<Invocation, Box<Answer>> {
    let (head, body) = request.into_parts();
    let name = head
        .uri
        .path()
        .strip_prefix("/2015-03-31/functions/")
        .and_then(|rest| rest.strip_suffix("/invocations"));
    if head.method != Method::POST || !name.is_some_and(|name| names.contains(&name)) {
        let message = json!({"Type": "User", "Message": "Function not found"});
        return Err(refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message));
    }
    let Ok(body) = read_body(body, EVENT_LIMIT).await else {
        let message = json!({"Type": "User", "message": "Request must be smaller than 6291456 bytes"});
        return Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", &message));
    };
    // Lambda itself refuses what is not JSON; the function decides on the rest.
    let Ok(event) = serde_json::from_slice(&body) else {
        let message = json!({"Type": "User", "message": "Could not parse request body into json"});
        return Err(refusal(StatusCode::BAD_REQUEST, "InvalidRequestContentException", &message));
    };
    Ok(Invocation { id: uuid::Uuid::new_v4().to_string(), body, event, headers: head.headers })
}

/// What the function returned.
pub(super) fn result(id: &str, payload: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(payload));
    answer.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    with_common_headers(id, answer)
}

/// The error with which the function failed: 200 all the same, and a header.
pub(super) fn function_error(id: &str, payload: Bytes) -> Answer {
    let mut answer = result(id, payload);
    answer.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    answer
}

/// An error of the Invoke API itself: the function was not reached.
pub(super) fn refusal(status: StatusCode, kind: &'static str, message: &Value) -> Box<Answer> {
    let mut answer = Response::new(Full::new(Bytes::from(message.to_string())));
    *answer.status_mut() = status;
    answer.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
    Box::new(with_common_headers(&uuid::Uuid::new_v4().to_string(), answer))
}

fn with_common_headers(id: &str, mut answer: Answer) -> Answer {
    let id = HeaderValue::try_from(id).expect("a UUID is a legal header value");
    answer.headers_mut().insert("x-amzn-requestid", id);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
