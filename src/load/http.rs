//! The produce request as it goes out, and its answer in the ledger's words.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::target::Target;
use crate::ledger::answers::classify;
use crate::record::{Answers, RequestId, RunId};
use crate::secret::Secret;
use crate::wire::produce::{ErrorEntity, ProduceFormat};

/// What a path segment may not hold as it is (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b'%')
    .add(b'[')
    .add(b']')
    .add(b'\\')
    .add(b'^')
    .add(b'|');

/// Longest note about an answer, in characters.
const NOTE: usize = 160;

/// The path of a produce call; with the cluster's id it is one of v3, whose records name the partition themselves.
pub(super) fn produce_path(
    target: &Target,
    cluster: Option<&str>,
    topic: &str,
    partition: Option<i32>,
) -> String {
    let topic = utf8_percent_encode(topic, SEGMENT);
    let base = &target.base_path;
    match (cluster, partition) {
        (Some(cluster), _) => {
            let cluster = utf8_percent_encode(cluster, SEGMENT);
            format!("{base}/v3/clusters/{cluster}/topics/{topic}/records")
        }
        (None, None) => format!("{base}/topics/{topic}"),
        (None, Some(partition)) => format!("{base}/topics/{topic}/partitions/{partition}"),
    }
}

/// A produce request. Everything in it but Host and Authorization is a function of run, workload and index.
///
/// # Errors
/// A sentence, where path or token cannot stand in an HTTP head.
pub(super) fn produce_request(
    target: &Target,
    path: &str,
    format: ProduceFormat,
    token: Option<&Secret>,
    id: &str,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, target.authority.as_str())
        .header(USER_AGENT, concat!("landfall/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, format.content_type())
        .header(ACCEPT, format.accept())
        .header("x-request-id", id);
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| "the token cannot stand in a header".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Full::new(body)).map_err(|error| error.to_string())
}

/// The request's id, as it stands in its `x-request-id` header.
pub(super) fn request_id(run: &RunId, request: RequestId, attempt: u32) -> String {
    format!("{run}.{}.{}.{attempt}", request.producer, request.index)
}

/// What an HTTP answer says of each record, with a note on what it said where that is not a plain ack.
pub(super) fn read_answer(
    status: u16,
    error_type: Option<&str>,
    body: &[u8],
    records: u32,
    format: ProduceFormat,
    token: Option<&Secret>,
) -> (Answers, Option<String>) {
    let answers = classify(status, error_type, body, records, format);
    if answers.count(records, crate::record::RecordAnswer::is_acked) == records {
        return (answers, None);
    }
    (answers, note(error_type, body, token))
}

/// The gist of an error: its code and message. Some gateways echo the token in the message; it is taken out.
fn note(error_type: Option<&str>, body: &[u8], token: Option<&Secret>) -> Option<String> {
    let text = match serde_json::from_slice::<ErrorEntity>(body) {
        Ok(error) => format!("{} {}", error.error_code, error.message),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let text = match token {
        Some(token) => text.replace(token.expose(), "[redacted]"),
        None => text,
    };
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(NOTE).collect();
    let text = text.trim();
    match (error_type, text.is_empty()) {
        (None, true) => None,
        (None, false) => Some(text.to_owned()),
        (Some(kind), true) => Some(kind.to_owned()),
        (Some(kind), false) => Some(format!("{kind}: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RecordAnswer;

    fn target() -> Target {
        Target {
            addresses: vec![([127, 0, 0, 1], 80).into()],
            authority: "127.0.0.1".into(),
            base_path: "/prod".into(),
        }
    }

    #[test]
    fn paths_are_encoded() {
        assert_eq!(produce_path(&target(), None, "a b/c", None), "/prod/topics/a%20b%2Fc");
        assert_eq!(produce_path(&target(), None, "quakes", Some(3)), "/prod/topics/quakes/partitions/3");
        let v3 = produce_path(&target(), Some("x/y"), "quakes", Some(3));
        assert_eq!(v3, "/prod/v3/clusters/x%2Fy/topics/quakes/records");
    }

    #[test]
    fn notes_hold_no_token_and_no_control_characters() {
        let token = Secret::new("eyJ.secret.sig");
        let body =
            br#"{"message":"'eyJ.secret.sig' not a valid key=value pair\n in 'Bearer eyJ.secret.sig'."}"#;
        let (answers, note) = read_answer(
            403,
            Some("IncompleteSignatureException"),
            body,
            2,
            ProduceFormat::V2Json,
            Some(&token),
        );
        assert_eq!(answers, Answers::All(RecordAnswer::Refused));
        let note = note.unwrap();
        assert!(note.starts_with("IncompleteSignatureException: ") && !note.contains("secret"), "{note}");
        assert!(!note.contains('\u{0}'));
    }

    #[test]
    fn an_ack_needs_no_note() {
        let note = |status, body| read_answer(status, None, body, 1, ProduceFormat::V2Json, None).1;
        assert_eq!(note(200, br#"{"offsets":[{"partition":0,"offset":1}]}"#), None);
        assert_eq!(note(500, b""), None);
        assert_eq!(note(500, br#"{"error_code":50003,"message":"down"}"#).as_deref(), Some("50003 down"));
    }
}
