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

use super::backend::{BackendRequest, BackendResponse};
use super::payload::PAYLOAD_LIMIT;
use crate::wire::http1::{Decoder, Malformed, Response};

/// The least that is read at once, in bytes.
const READ: usize = 8 * 1024;
/// Bodies up to here are copied behind their head, so that one write takes both.
const COPIED: usize = 16 * 1024;
/// What is kept from one exchange to the next may have taken in so much, in bytes.
const KEPT: usize = 64 * 1024;
/// Most header fields of a response.
const FIELDS: usize = 100;

/// Why an exchange did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExchangeError {
    /// The connection broke, or what came is no HTTP.
    Broken,
    /// The response is longer than the gateway takes.
    TooLong,
}

impl From<Malformed> for ExchangeError {
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
    /// [`ExchangeError`], after which the stream is of no use.
    pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        request: &BackendRequest,
    ) -> Result<(BackendResponse, bool), ExchangeError> {
        self.inbox.clear();
        if request.method == Method::HEAD {
            self.decoder.reset_for_head();
        } else {
            self.decoder.reset();
        }
        let apart = write_head(&mut self.outbox, request);
        let mut sending = Sending { parts: [&self.outbox, apart], done: false };
        let (inbox, decoder) = (&mut self.inbox, &mut self.decoder);
        let response = poll_fn(|context| {
            // A back end may answer before it has read all, and may read no more then.
            sending.poll(Pin::new(&mut *stream), context);
            poll_response(stream, context, inbox, decoder)
        })
        .await?;
        // Bytes of a request that are still to be written would be taken for the beginning of the next.
        let reusable = response.keep_alive && sending.done;
        Ok((taken(&mut self.inbox, &response)?, reusable))
    }
}

/// The bytes of a request on their way.
struct Sending<'a> {
    parts: [&'a [u8]; 2],
    /// All are written.
    done: bool,
}

impl Sending<'_> {
    /// Writes on. What fails here the response tells, or its absence.
    fn poll<S: AsyncWrite>(&mut self, mut stream: Pin<&mut S>, context: &mut Context<'_>) {
        while !self.done {
            let written = if self.parts[1].is_empty() {
                stream.as_mut().poll_write(context, self.parts[0])
            } else {
                stream.as_mut().poll_write_vectored(context, &self.parts.map(io::IoSlice::new))
            };
            let Poll::Ready(Ok(count @ 1..)) = written else { return };
            let of_first = count.min(self.parts[0].len());
            self.parts[0] = &self.parts[0][of_first..];
            self.parts[1] = &self.parts[1][count - of_first..];
            // TLS keeps what it is given until it is told that no more comes.
            if self.parts.iter().all(|part| part.is_empty()) {
                self.done = true;
            }
        }
        let _ = stream.poll_flush(context);
    }
}

fn poll_response<S: AsyncRead + Unpin>(
    stream: &mut S,
    context: &mut Context<'_>,
    inbox: &mut BytesMut,
    decoder: &mut Decoder,
) -> Poll<Result<Response, ExchangeError>> {
    loop {
        inbox.reserve(inbox.len().max(READ));
        let read = pin!(stream.read_buf(inbox)).poll(context);
        let count = ready!(read).map_err(|_| ExchangeError::Broken)?;
        match decoder.decode(inbox, count == 0)? {
            Some(response) => return Poll::Ready(Ok(response)),
            None if count == 0 => return Poll::Ready(Err(ExchangeError::Broken)),
            None => {}
        }
    }
}

/// Writes a request's head into `outbox`, and its body behind it where that is short; what is left of the body.
fn write_head<'r>(outbox: &mut Vec<u8>, request: &'r BackendRequest) -> &'r [u8] {
    outbox.clear();
    for part in [request.method.as_str(), " ", &request.target, " HTTP/1.1\r\nhost: "] {
        outbox.extend_from_slice(part.as_bytes());
    }
    outbox.extend_from_slice(request.host.as_bytes());
    for (name, value) in &request.headers {
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
fn taken(inbox: &mut BytesMut, response: &Response) -> Result<BackendResponse, ExchangeError> {
    let bytes = inbox.split().freeze();
    if bytes.len() > KEPT {
        *inbox = BytesMut::new();
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut parsed, &bytes[response.head.clone()], &mut fields)
        .map_err(|_| ExchangeError::Broken)?;
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else { return Err(ExchangeError::Broken) };
        headers.append(name, value);
    }
    let status = StatusCode::from_u16(response.status).map_err(|_| ExchangeError::Broken)?;
    Ok(BackendResponse { status, headers, body: bytes.slice(response.body.clone()) })
}
