//! The produce request as it goes out (RFC 9112, section 3), composed into a buffer that is used again.

use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::StreamPlan;
use super::request::Request;
use crate::record::{Catalogue, ContentBuf, RecordId, RunId};
use crate::secret::Secret;
use crate::wire::produce::{ProduceFormat, RequestBody};

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
    format: ProduceFormat,
    partition: Option<i32>,
    /// The whole URL, for HTTP/2.
    uri: String,
    /// The value of `x-request-id` up to the request's index.
    id_prefix: String,
    /// The head up to the same.
    prefix: Vec<u8>,
    /// Further headers.
    headers: Vec<(String, Secret)>,
    body: Vec<u8>,
    content: ContentBuf,
}

impl Message {
    pub(super) fn new(producer: u16, plan: &StreamPlan, run: &RunId) -> Self {
        let path = produce_path(plan);
        let (content_type, accept) = (plan.format.content_type(), plan.format.accept());
        let host = &plan.target.authority;
        let scheme = if plan.target.tls.is_some() { "https" } else { "http" };
        let uri = format!("{scheme}://{host}{path}");
        let id_prefix = format!("{run}.{producer}.");
        let prefix = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {AGENT}\r\ncontent-type: {content_type}\r\n\
             accept: {accept}\r\nx-request-id: {id_prefix}"
        );
        Self {
            producer,
            format: plan.format,
            partition: plan.partition,
            uri,
            id_prefix,
            prefix: prefix.into_bytes(),
            headers: plan.headers.clone(),
            body: Vec::new(),
            content: ContentBuf::default(),
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
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(digits.format(*index).as_bytes());
        out.push(b'.');
        out.extend_from_slice(digits.format(*attempt).as_bytes());
        out.extend_from_slice(b"\r\n");
        if let Some(token) = token {
            out.extend_from_slice(b"authorization: Bearer ");
            out.extend_from_slice(token.expose().as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        for (name, value) in &self.headers {
            for part in [name.as_bytes(), b": ", value.expose().as_bytes(), b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        out.extend_from_slice(b"content-length: ");
        out.extend_from_slice(digits.format(self.body.len()).as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&self.body);
    }

    /// The same attempt for HTTP/2, where hyper composes it.
    pub(super) fn request(
        &mut self,
        catalogue: &Catalogue,
        request: &Request,
        token: Option<&Secret>,
    ) -> Result<hyper::Request<Bytes>, String> {
        self.compose_body(catalogue, request);
        let Request { index, attempt, .. } = request;
        let mut built = hyper::Request::post(&self.uri)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, self.format.content_type())
            .header(ACCEPT, self.format.accept())
            .header("x-request-id", format!("{}{index}.{attempt}", self.id_prefix));
        for (name, value) in &self.headers {
            let mut value = HeaderValue::try_from(value.expose())
                .map_err(|_| "a partner's header cannot stand in a request".to_owned())?;
            value.set_sensitive(true);
            built = built.header(name, value);
        }
        if let Some(token) = token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| "the token cannot stand in a header".to_owned())?;
            value.set_sensitive(true);
            built = built.header(AUTHORIZATION, value);
        }
        built.body(Bytes::copy_from_slice(&self.body)).map_err(|error| error.to_string())
    }

    fn compose_body(&mut self, catalogue: &Catalogue, request: &Request) {
        let last = request.first_sequence + u64::from(request.records);
        self.body.clear();
        let mut body = RequestBody::begin(&mut self.body, self.format, self.partition);
        for sequence in request.first_sequence..last {
            if catalogue.content_into(RecordId { producer: self.producer, sequence }, &mut self.content) {
                let content = &self.content;
                body.push(content.key(), content.value(), content.headers(), content.timestamp_ms());
            }
        }
        body.end();
    }
}

/// The path of a produce call; with the cluster's id it is one of v3, whose records name the partition themselves.
fn produce_path(plan: &StreamPlan) -> String {
    let topic = utf8_percent_encode(&plan.topic, SEGMENT);
    let base = &plan.target.base_path;
    match (&plan.cluster_id, plan.partition) {
        (Some(cluster), _) => {
            let cluster = utf8_percent_encode(cluster, SEGMENT);
            format!("{base}/v3/clusters/{cluster}/topics/{topic}/records")
        }
        (None, None) => format!("{base}/topics/{topic}"),
        (None, Some(partition)) => format!("{base}/topics/{topic}/partitions/{partition}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::preflight::plan_of_one;

    #[test]
    fn paths_are_encoded() {
        let path = |topic: &str, partition, cluster: Option<&str>| {
            let mut plan = plan_of_one().streams.remove(0);
            plan.target.base_path = "/prod".into();
            (plan.topic, plan.partition, plan.cluster_id) =
                (topic.into(), partition, cluster.map(Into::into));
            produce_path(&plan)
        };
        assert_eq!(path("a b/c", None, None), "/prod/topics/a%20b%2Fc");
        assert_eq!(path("quakes", Some(3), None), "/prod/topics/quakes/partitions/3");
        assert_eq!(path("q", Some(3), Some("x/y")), "/prod/v3/clusters/x%2Fy/topics/q/records");
    }
}
