//! The produce request as it goes out (RFC 9112, section 3), composed into a buffer that is used again.

use std::io::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::StreamPlan;
use super::lane::Request;
use super::target::Target;
use crate::record::{Catalogue, Content, Format, RecordId, RunId};
use crate::secret::Secret;
use crate::wire::produce::{BINARY_V2, JSON_V2, RESPONSE_V2, request_body};

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

/// The `User-Agent` of all load.
const AGENT: &str = concat!("landfall/", env!("CARGO_PKG_VERSION"));

/// What the requests of one stream have in common, ready to be written.
#[derive(Debug)]
pub(super) struct Message {
    producer: u16,
    format: Format,
    content_type: &'static str,
    /// The whole URL, for HTTP/2.
    uri: String,
    /// The value of `x-request-id` up to the request's index.
    id_prefix: String,
    /// The head up to the same.
    prefix: Vec<u8>,
    body: Vec<u8>,
}

impl Message {
    pub(super) fn new(producer: u16, plan: &StreamPlan, run: &RunId) -> Self {
        let path = produce_path(&plan.target, &plan.topic, plan.partition);
        let content_type = match plan.format {
            Format::Json => JSON_V2,
            Format::Binary => BINARY_V2,
        };
        let host = &plan.target.authority;
        let scheme = if plan.target.tls.is_some() { "https" } else { "http" };
        let uri = format!("{scheme}://{host}{path}");
        let id_prefix = format!("{run}.{producer}.");
        let prefix = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {AGENT}\r\ncontent-type: {content_type}\r\n\
             accept: {RESPONSE_V2}\r\nx-request-id: {id_prefix}"
        );
        Self {
            producer,
            format: plan.format,
            content_type,
            uri,
            id_prefix,
            prefix: prefix.into_bytes(),
            body: Vec::new(),
        }
    }

    /// Composes an attempt into `out`, in place of what it holds. Everything in it but Host and Authorization is a
    /// function of run, stream, index and attempt.
    pub(super) fn compose(
        &mut self,
        catalogue: &Catalogue,
        request: &Request,
        token: Option<&Secret>,
        out: &mut Vec<u8>,
    ) {
        self.compose_body(catalogue, request);
        out.clear();
        out.extend_from_slice(&self.prefix);
        let Request { index, attempt, .. } = request;
        // Writing into a vector cannot fail.
        let _ = write!(out, "{index}.{attempt}\r\n");
        if let Some(token) = token {
            out.extend_from_slice(b"authorization: Bearer ");
            out.extend_from_slice(token.expose().as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        let _ = write!(out, "content-length: {}\r\n\r\n", self.body.len());
        out.extend_from_slice(&self.body);
    }

    /// The same attempt for HTTP/2, where hyper composes it.
    pub(super) fn request(
        &mut self,
        catalogue: &Catalogue,
        request: &Request,
        token: Option<&Secret>,
    ) -> Result<hyper::Request<Full<Bytes>>, String> {
        self.compose_body(catalogue, request);
        let Request { index, attempt, .. } = request;
        let mut built = hyper::Request::post(&self.uri)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, self.content_type)
            .header(ACCEPT, RESPONSE_V2)
            .header("x-request-id", format!("{}{index}.{attempt}", self.id_prefix));
        if let Some(token) = token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| "the token cannot stand in a header".to_owned())?;
            value.set_sensitive(true);
            built = built.header(AUTHORIZATION, value);
        }
        built.body(Full::new(Bytes::copy_from_slice(&self.body))).map_err(|error| error.to_string())
    }

    fn compose_body(&mut self, catalogue: &Catalogue, request: &Request) {
        let last = request.first_sequence + u64::from(request.records);
        let contents: Vec<Content> = (request.first_sequence..last)
            .filter_map(|sequence| catalogue.content(RecordId { producer: self.producer, sequence }))
            .collect();
        let pairs = contents.iter().map(|content| (content.key.as_deref(), content.value.as_deref()));
        self.body = request_body(pairs, self.format == Format::Binary);
    }
}

/// The path of a produce call.
fn produce_path(target: &Target, topic: &str, partition: Option<i32>) -> String {
    let topic = utf8_percent_encode(topic, SEGMENT);
    let base = &target.base_path;
    match partition {
        None => format!("{base}/topics/{topic}"),
        Some(partition) => format!("{base}/topics/{topic}/partitions/{partition}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded() {
        let target = Target {
            addresses: vec![([127, 0, 0, 1], 80).into()],
            authority: "127.0.0.1".into(),
            base_path: "/prod".into(),
            tls: None,
        };
        assert_eq!(produce_path(&target, "a b/c", None), "/prod/topics/a%20b%2Fc");
        assert_eq!(produce_path(&target, "quakes", Some(3)), "/prod/topics/quakes/partitions/3");
    }
}
