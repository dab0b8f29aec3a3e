//! One request to a back end and its response, over a connection that carries no other meanwhile: HTTP/1.1 (RFC 9112).

use std::future::{Future as _, poll_fn};
use std::io::{self, Write as _};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use super::backend::{BackendFailure, BackendRequest, BackendResponse};
use super::headers::frames;
use super::payload::PAYLOAD_LIMIT;
use crate::wire::http1::{Decoder, HEADERS, Malformed, Response};

/// The least that is read at once, in bytes.
const READ: usize = 8 * 1024;
/// Bodies up to here are copied behind their head, so that one write takes both.
const COPIED: usize = 16 * 1024;
/// What is kept from one exchange to the next may have taken in so much, in bytes.
const KEPT: usize = 64 * 1024;

impl From<Malformed> for BackendFailure {
    fn from(malformed: Malformed) -> Self {
        if matches!(malformed, Malformed::LongBody(_)) { Self::TooLong } else { Self::Broken }
    }
}

/// What a connection keeps from one exchange to the next, so that none has to make it anew.
#[derive(Debug)]
pub(super) struct Exchanger {
    outbox: Vec<u8>,
    inbox: BytesMut,
    decoder: Decoder,
}

impl Exchanger {
    pub(super) fn new() -> Self {
        Self { outbox: Vec::new(), inbox: BytesMut::new(), decoder: Decoder::new(PAYLOAD_LIMIT) }
    }

    /// Sends a request and reads the whole response; tells whether `stream` can carry another exchange.
    ///
    /// # Errors
    /// [`BackendFailure`], after which the stream is of no use.
    pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        request: &BackendRequest,
    ) -> Result<(BackendResponse, bool), BackendFailure> {
        self.inbox.clear();
        if request.method == Method::HEAD {
            self.decoder.reset_for_head();
        } else {
            self.decoder.reset();
        }
        let apart = write_head(&mut self.outbox, request);
        let mut sending = Sending([&self.outbox, apart]);
        let (inbox, decoder) = (&mut self.inbox, &mut self.decoder);
        let response = poll_fn(|context| {
            // A back end may answer before it has read all, and may read no more then.
            sending.poll(Pin::new(&mut *stream), context);
            poll_response(stream, context, inbox, decoder)
        })
        .await?;
        // Bytes of a request that are still to be written would be taken for the beginning of the next.
        let reusable = response.keep_alive && sending.is_done();
        Ok((taken(&mut self.inbox, &response)?, reusable))
    }
}

/// The bytes of a request that are still to be written: its head, and what of its body does not stand behind that.
struct Sending<'a>([&'a [u8]; 2]);

impl Sending<'_> {
    fn is_done(&self) -> bool {
        self.0.iter().all(|part| part.is_empty())
    }

    /// Writes on. What fails here the response tells, or its absence.
    fn poll<S: AsyncWrite>(&mut self, mut stream: Pin<&mut S>, context: &mut Context<'_>) {
        while !self.is_done() {
            let written = match self.0 {
                [head, []] => stream.as_mut().poll_write(context, head),
                parts => stream.as_mut().poll_write_vectored(context, &parts.map(io::IoSlice::new)),
            };
            let Poll::Ready(Ok(count @ 1..)) = written else { return };
            let [head, rest] = &mut self.0;
            let of_head = count.min(head.len());
            *head = &head[of_head..];
            *rest = &rest[count - of_head..];
        }
        // TLS may keep what it is given until it is told that no more comes.
        let _ = stream.poll_flush(context);
    }
}

fn poll_response<S: AsyncRead + Unpin>(
    stream: &mut S,
    context: &mut Context<'_>,
    inbox: &mut BytesMut,
    decoder: &mut Decoder,
) -> Poll<Result<Response, BackendFailure>> {
    loop {
        inbox.reserve(inbox.len().max(READ));
        let read = pin!(stream.read_buf(inbox)).poll(context);
        let count = ready!(read).map_err(|_| BackendFailure::Broken)?;
        match decoder.decode(inbox, count == 0)? {
            Some(response) => return Poll::Ready(Ok(response)),
            None if count == 0 => return Poll::Ready(Err(BackendFailure::Broken)),
            None => {}
        }
    }
}

/// Writes a request's head into `outbox`, and its body behind it where that is short; what is left of the body.
fn write_head<'r>(outbox: &mut Vec<u8>, request: &'r BackendRequest) -> &'r [u8] {
    outbox.clear();
    // A fragment is not for servers (RFC 9110, section 7.1).
    let target = request.target.split('#').next().unwrap_or_default();
    for part in [request.method.as_str(), " ", target, " HTTP/1.1\r\nhost: "] {
        outbox.extend_from_slice(part.as_bytes());
    }
    outbox.extend_from_slice(request.host.as_bytes());
    // Where the body ends is said below, and nowhere else.
    for (name, value) in request.headers.iter().filter(|(name, _)| !frames(name)) {
        for part in [b"\r\n", name.as_str().as_bytes(), b": ", value.as_bytes()] {
            outbox.extend_from_slice(part);
        }
    }
    // Nothing means no body only where the method has none, as a rule (RFC 9110, section 8.6).
    if !request.body.is_empty() || ![Method::GET, Method::HEAD].contains(&request.method) {
        // Writing to memory does not fail.
        let _ = write!(outbox, "\r\ncontent-length: {}", request.body.len());
    }
    outbox.extend_from_slice(b"\r\n\r\n");
    if request.body.len() > COPIED {
        return &request.body;
    }
    outbox.extend_from_slice(&request.body);
    &[]
}

/// The response that stands in `inbox`, taken out of it.
fn taken(inbox: &mut BytesMut, response: &Response) -> Result<BackendResponse, BackendFailure> {
    let bytes = inbox.split().freeze();
    if bytes.len() > KEPT {
        *inbox = BytesMut::new();
    }
    let mut fields = [const { MaybeUninit::uninit() }; HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut parsed, &bytes[response.head.clone()], &mut fields)
        .map_err(|_| BackendFailure::Broken)?;
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else { return Err(BackendFailure::Broken) };
        headers.append(name, value);
    }
    let status = StatusCode::from_u16(response.status).map_err(|_| BackendFailure::Broken)?;
    Ok(BackendResponse { status, headers, body: bytes.slice(response.body.clone()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use tokio::io::AsyncWriteExt as _;

    fn request(method: Method, body: impl Into<Bytes>) -> BackendRequest {
        BackendRequest {
            method,
            target: "/topics/t?a=b#c".into(),
            host: HeaderValue::from_static("nlb.internal"),
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    /// What becomes of a request where the back end answers with these bytes, and reads nothing.
    async fn exchanged(
        request: &BackendRequest,
        answer: &str,
    ) -> Result<(BackendResponse, bool), BackendFailure> {
        let (mut gateway, mut backend) = tokio::io::duplex(1024);
        backend.write_all(answer.as_bytes()).await.unwrap();
        Exchanger::new().exchange(&mut gateway, request).await
    }

    async fn reusable(method: Method, answer: &str) -> (Bytes, bool) {
        let (response, reusable) = exchanged(&request(method, ""), answer).await.unwrap();
        (response.body, reusable)
    }

    #[tokio::test]
    async fn whether_a_connection_carries_another_request() {
        let ok = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}");
        for (method, answer, body, expected) in [
            (Method::POST, ok("content-length: 2\r\n\r\nhi"), "hi", true),
            (Method::POST, ok("transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), "hi", true),
            (
                Method::POST,
                format!("HTTP/1.1 100 Continue\r\n\r\n{}", ok("content-length: 0\r\n\r\n")),
                "",
                true,
            ),
            (Method::HEAD, ok("content-length: 9\r\n\r\n"), "", true),
            (Method::POST, ok("connection: close\r\ncontent-length: 2\r\n\r\nhi"), "hi", false),
            (Method::POST, "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi".into(), "hi", false),
            // Bytes that no request has asked for.
            (Method::POST, ok("content-length: 2\r\n\r\nhi!"), "hi", false),
            (Method::HEAD, ok("content-length: 2\r\n\r\nhi"), "", false),
        ] {
            assert_eq!(reusable(method, &answer).await, (Bytes::from(body), expected), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_or_too_long_is_told_apart() {
        for (answer, error) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 10485761\r\n\r\n", BackendFailure::TooLong),
            ("SSH-2.0-OpenSSH\r\n", BackendFailure::Broken),
            ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", BackendFailure::Broken),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", BackendFailure::Broken),
        ] {
            let exchanged = exchanged(&request(Method::POST, ""), answer).await;
            assert_eq!(exchanged.unwrap_err(), error, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_before_the_body_is_read_is_taken_and_ends_the_connection() {
        let long = request(Method::POST, vec![b'x'; 1024 * 1024]);
        let answer = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n";
        let (response, reusable) = exchanged(&long, answer).await.unwrap();
        assert_eq!((response.status, reusable), (StatusCode::PAYLOAD_TOO_LARGE, false));
    }

    #[tokio::test]
    async fn one_connection_carries_one_answer_after_the_other() {
        let (mut gateway, mut backend) = tokio::io::duplex(64);
        let answering = tokio::spawn(async move {
            let mut seen = Vec::new();
            for number in 0..3 {
                // A body that is longer than what is copied behind its head.
                let mut request = vec![0; 20_000];
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(backend.read_u8().await.unwrap());
                }
                backend.read_exact(&mut request).await.unwrap();
                assert!(request.iter().all(|byte| *byte == b'x'));
                let body = "y".repeat(number * 100);
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                backend.write_all(answer.as_bytes()).await.unwrap();
                seen.push(String::from_utf8(head).unwrap());
            }
            seen
        });
        let (mut exchanger, long) = (Exchanger::new(), request(Method::POST, vec![b'x'; 20_000]));
        for number in 0..3 {
            let (response, reusable) = exchanger.exchange(&mut gateway, &long).await.unwrap();
            assert_eq!((response.body.len(), reusable), (number * 100, true));
        }
        let head = "POST /topics/t?a=b HTTP/1.1\r\nhost: nlb.internal\r\ncontent-length: 20000\r\n\r\n";
        assert_eq!(answering.await.unwrap(), [head; 3]);
    }

    #[test]
    fn no_header_says_where_the_body_ends_but_the_length() {
        let mut request = request(Method::POST, "0\r\n\r\nPOST /other HTTP/1.1\r\n\r\n");
        for (name, value) in
            [("transfer-encoding", "chunked"), ("content-length", "0"), ("connection", "close")]
        {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        let mut outbox = Vec::new();
        assert!(write_head(&mut outbox, &request).is_empty());
        let text = String::from_utf8(outbox).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(head, "POST /topics/t?a=b HTTP/1.1\r\nhost: nlb.internal\r\ncontent-length: 29");
        assert_eq!(body.as_bytes(), request.body);
    }
}
