//! Writing responses as Jetty writes them.

use std::io::Write as _;
use std::time::SystemTime;

use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use hyper::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderMap, USER_AGENT, VARY};
use hyper::{Method, Response, StatusCode};

use super::head::{Head, Wish};
use super::page::{Page, Reason};
use crate::scenario::ProxyRelease;

/// How long the header of a gzip stream is, which Jetty sends by itself.
const GZIP_HEADER: usize = 10;

/// What a response depends on besides itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange {
    release: ProxyRelease,
    is_1_1: bool,
    kind: Kind,
    wish: Wish,
}

/// What a request's method makes of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It has no body.
    Head,
    /// It may be compressed; whether the client would take that.
    Varying {
        gzip: bool,
    },
    Plain,
}

impl Exchange {
    pub(super) fn of(head: &Head, release: ProxyRelease) -> Self {
        let kind = match head.method {
            Method::HEAD => Kind::Head,
            Method::GET | Method::POST => Kind::Varying { gzip: takes_gzip(&head.headers) },
            _ => Kind::Plain,
        };
        Self { release, is_1_1: head.is_1_1, kind, wish: head.wish }
    }

    /// The exchange that a refused head is.
    pub(super) fn refused(release: ProxyRelease) -> Self {
        Self { release, is_1_1: true, kind: Kind::Plain, wish: Wish::Nothing }
    }
}

/// Whether the client takes gzip, as Jetty reads its header.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT_ENCODING).iter().peekable();
    if values.peek().is_none() {
        return false;
    }
    let agent = headers.get(USER_AGENT).map_or(b"".as_slice(), |agent| agent.as_bytes());
    if agent.windows(8).any(|part| part == b"MSIE 6.0") {
        return false;
    }
    values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).any(|coding| {
        let mut parts = coding.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"gzip"));
        let refused = |part: &[u8]| {
            let quality = str::from_utf8(part).ok().and_then(|part| part.strip_prefix("q="));
            quality.and_then(|quality| quality.parse::<f32>().ok()).is_some_and(|quality| quality <= 0.0)
        };
        is_gzip && !parts.any(refused)
    })
}

/// How a response's body is told from what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimited {
    Nothing,
    Length,
    Chunks,
    Close,
}

/// A response that is being written.
pub(super) struct Writer {
    delimited: Delimited,
    encoder: Option<GzEncoder<Vec<u8>>>,
    is_head: bool,
    /// Whether the connection ends with it.
    pub(super) last: bool,
}

impl Writer {
    /// Writes the head of `response` to `out`. `close`: the connection is to end, and the client is told.
    pub(super) fn begin<B>(
        exchange: Exchange,
        response: &Response<B>,
        close: bool,
        out: &mut Vec<u8>,
    ) -> Self {
        let (status, headers) = (response.status(), response.headers());
        let has_length = headers.contains_key(CONTENT_LENGTH);
        let (is_1_1, is_head) = (exchange.is_1_1, exchange.kind == Kind::Head);
        let persistent = match exchange.wish {
            Wish::Close => false,
            Wish::KeepAlive => !close,
            Wish::Nothing => is_1_1 && !close,
        };
        let no_content = status == StatusCode::NO_CONTENT || status.is_informational();
        let delimited = if no_content {
            Delimited::Nothing
        } else if has_length || is_head {
            Delimited::Length
        } else if is_1_1 && persistent {
            Delimited::Chunks
        } else {
            Delimited::Close
        };
        let last = !persistent || delimited == Delimited::Close;
        let may_vary = matches!(exchange.kind, Kind::Varying { .. });
        let varies = may_vary && status.is_success() && !no_content;
        let gzip = varies && exchange.kind == Kind::Varying { gzip: true } && !has_length;
        let has_page = has_length && is_head;
        let newest = exchange.release == ProxyRelease::Confluent8_3;
        let is_page = response.extensions().get::<Page>().is_some();
        line(out, response, exchange.release);
        let said_close = is_1_1 && exchange.wish == Wish::Close && !newest;
        if said_close && !is_page {
            out.extend_from_slice(b"Connection: close\r\n");
        } else if !is_1_1 && exchange.wish == Wish::KeepAlive && !newest {
            out.extend_from_slice(b"Connection: keep-alive\r\n");
        }
        if newest || !is_page {
            let _ = write!(out, "Date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()));
        }
        if said_close && is_page {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        if newest && may_vary && !is_page {
            out.extend_from_slice(b"Vary: Accept-Encoding\r\n");
        }
        for (name, value) in headers {
            if *name == VARY {
                continue;
            }
            out.extend_from_slice(titled(name.as_str()).as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if varies && !newest {
            out.extend_from_slice(b"Vary: Accept-Encoding, User-Agent\r\n");
        }
        if gzip {
            out.extend_from_slice(b"Content-Encoding: gzip\r\n");
        }
        if is_head && !has_page && !no_content {
            out.extend_from_slice(b"Content-Length: 0\r\n");
        }
        if delimited == Delimited::Chunks {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        let closes = close || newest && is_1_1 && exchange.wish == Wish::Close;
        // Jetty 12 does not say so where it does not know the version.
        let unsaid = said_close || newest && status == StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        if closes && !unsaid {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        let encoder = gzip.then(|| {
            // Java's stream names no system.
            GzBuilder::new().operating_system(0).write(Vec::new(), Compression::default())
        });
        Self { delimited, encoder, is_head, last }
    }

    /// Writes a piece of the body.
    pub(super) fn piece(&mut self, piece: &Bytes, out: &mut Vec<u8>) {
        match &mut self.encoder {
            // Memory can be written to.
            Some(encoder) => drop(encoder.write_all(piece)),
            None => self.chunk(piece, out),
        }
    }

    /// Writes what ends the body.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(encoder) = self.encoder.take() {
            let packed = encoder.finish().unwrap_or_default();
            let (header, rest) = packed.split_at(GZIP_HEADER.min(packed.len()));
            self.chunk(header, out);
            self.chunk(rest, out);
        }
        if self.delimited == Delimited::Chunks && !self.is_head {
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }

    fn chunk(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.is_empty() || self.is_head || self.delimited == Delimited::Nothing {
            return;
        }
        if self.delimited == Delimited::Chunks {
            let _ = write!(out, "{:X}\r\n", bytes.len());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        } else {
            out.extend_from_slice(bytes);
        }
    }
}

fn line<B>(out: &mut Vec<u8>, response: &Response<B>, release: ProxyRelease) {
    let status = response.status();
    let reason = match response.extensions().get::<Reason>() {
        Some(Reason(reason)) => reason,
        // JAX-RS 2.1 has no name for it.
        None if status == StatusCode::UNPROCESSABLE_ENTITY && release != ProxyRelease::Confluent8_3 => "",
        None if status == StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        None if status == StatusCode::INTERNAL_SERVER_ERROR && release == ProxyRelease::Confluent8_3 => {
            "Server Error"
        }
        None => status.canonical_reason().unwrap_or_default(),
    };
    let _ = write!(out, "HTTP/1.1 {} {reason}\r\n", status.as_u16());
}

/// A header's name in the usual case.
fn titled(name: &str) -> std::borrow::Cow<'_, str> {
    match name {
        "content-type" => "Content-Type".into(),
        "content-length" => "Content-Length".into(),
        _ => {
            let mut start = true;
            let title = |letter: char| {
                let titled = if start { letter.to_ascii_uppercase() } else { letter };
                start = letter == '-';
                titled
            };
            name.chars().map(title).collect::<String>().into()
        }
    }
}
