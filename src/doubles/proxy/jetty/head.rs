//! Reading a request's head with Jetty's strictness.

use std::borrow::Cow;
use std::ops::Range;

use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::body::{Body, Framing};
use super::target::path_of;
use super::token::{Token, illegal};
use crate::doubles::http::Client;

/// Most bytes of a head, less those that Jetty recognises in one step and does not count.
const MAX_HEAD: usize = 8192;

/// A request as the proxy's handler gets it.
#[derive(Debug)]
pub(in crate::doubles::proxy) struct Request {
    pub(in crate::doubles::proxy) method: Method,
    /// Percent-encoded as it came, without the query.
    pub(in crate::doubles::proxy) path: String,
    pub(in crate::doubles::proxy) headers: HeaderMap,
    pub(in crate::doubles::proxy) body: Body,
    pub(in crate::doubles::proxy) client: Client,
}

/// What the parser refuses a request with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) reason: Cow<'static, str>,
    /// The target, where the request line was read to its end.
    pub(super) target: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { status, reason: reason.into(), target: None }
    }
}

/// A head that has been read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    /// Whether it is of HTTP/1.1, rather than 1.0.
    pub(super) is_1_1: bool,
    pub(super) framing: Framing,
    /// Whether the client waits to be told to send the body.
    pub(super) expects: bool,
    /// Whether the client wants no more of this connection.
    pub(super) close: bool,
    /// Whether it wants more of it, where it says so.
    pub(super) keep_alive: bool,
}

/// How far a head has been read.
#[derive(Debug)]
pub(super) enum Read {
    /// More bytes are needed. `begun`: a request has begun.
    More { begun: bool },
    /// The head, and how many bytes it took.
    Head(Box<Head>, usize),
}

/// Where the parser stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Method,
    Space1,
    Target,
    Space2,
    Version,
    Field,
    Name,
    Value,
}

/// Reads the head that `bytes` begin with.
///
/// # Errors
/// What Jetty has against it, as soon as it can be seen.
pub(super) fn read(bytes: &[u8], lenient_length: bool) -> Result<Read, Refusal> {
    let mut line = Line::default();
    let mut fields = Fields { lenient_length, ..Fields::default() };
    let mut state = State::Start;
    let mut cr = false;
    let (mut begin, mut last) = (0, 0);
    let mut name = 0..0;
    // The bytes that Jetty does not count: it knows them by sight.
    let mut free = 0;
    let with_target = |mut refusal: Refusal, line: &Line| {
        refusal.target = (!line.version.is_empty())
            .then(|| String::from_utf8_lossy(&bytes[line.target.clone()]).into_owned());
        refusal
    };
    for (at, &byte) in bytes.iter().enumerate() {
        let token = Token::of(byte);
        if token == Token::Cntl {
            return Err(with_target(Refusal::new(400, illegal(byte)), &line));
        }
        if cr && token != Token::Lf {
            return Err(with_target(Refusal::new(400, "Bad EOL"), &line));
        }
        if token == Token::Cr {
            cr = true;
            continue;
        }
        cr = false;
        let count = at + 1;
        if count > MAX_HEAD + free {
            return Err(match state {
                State::Target => Refusal::new(414, "URI Too Long"),
                State::Start => Refusal::new(400, "Bad Request"),
                _ => with_target(Refusal::new(431, "Request Header Fields Too Large"), &line),
            });
        }
        let refuse = |line: &Line| Err(with_target(Refusal::new(400, illegal(byte)), line));
        match state {
            State::Start => match token {
                Token::Lf => {}
                Token::Space | Token::Htab | Token::Otext => return refuse(&line),
                _ => (state, begin) = (State::Method, at),
            },
            State::Method => match token {
                Token::Space => {
                    line.method = begin..at;
                    free += if known_method(&bytes[begin..at]) { count - begin } else { 0 };
                    state = State::Space1;
                }
                Token::Lf => return Err(Refusal::new(400, "No URI")),
                kind if kind.is_name() => {}
                _ => return refuse(&line),
            },
            State::Space1 => match token {
                Token::Space => {}
                kind if kind.is_text() && kind != Token::Otext => (state, begin) = (State::Target, at),
                _ => return Err(Refusal::new(400, "No URI")),
            },
            State::Target => match token {
                Token::Space => {
                    line.target = begin..at;
                    state = State::Space2;
                }
                Token::Lf => return Err(Refusal::new(505, "HTTP/0.9 not supported")),
                kind if kind.is_text() => {}
                _ => return refuse(&line),
            },
            State::Space2 => match token {
                Token::Space => {}
                Token::Lf => return Err(Refusal::new(400, "HTTP/0.9 not supported")),
                kind if kind.is_text() && kind != Token::Otext => (state, begin) = (State::Version, at),
                _ => return refuse(&line),
            },
            State::Version => match token {
                Token::Lf => {
                    let version = trimmed(bytes, begin, at);
                    line.read_version(&bytes[version.clone()])?;
                    free += version.len();
                    line.version = version;
                    state = State::Field;
                }
                kind if kind.is_text() && kind != Token::Otext => {}
                _ => return refuse(&line),
            },
            State::Field => match token {
                Token::Colon | Token::Space | Token::Htab => {
                    return Err(with_target(Refusal::new(400, "Header Folding"), &line));
                }
                Token::Lf => {
                    let head = fields.end(bytes, &line).map_err(|refusal| with_target(refusal, &line))?;
                    return Ok(Read::Head(Box::new(head), count));
                }
                kind if kind.is_name() => (state, begin) = (State::Name, at),
                _ => return refuse(&line),
            },
            State::Name => match token {
                Token::Colon => {
                    name = begin..at;
                    (state, begin, last) = (State::Value, count, count);
                }
                kind if kind.is_name() => {}
                _ => return refuse(&line),
            },
            State::Value => match token {
                Token::Lf => {
                    let value = &bytes[begin..last];
                    let known = fields.add(&bytes[name.clone()], value, &line);
                    free += known.map_err(|refusal| with_target(refusal, &line))?;
                    state = State::Field;
                }
                Token::Space | Token::Htab if last == begin => (begin, last) = (count, count),
                Token::Space | Token::Htab => {}
                kind if kind.is_text() => last = count,
                _ => return refuse(&line),
            },
        }
    }
    Ok(Read::More { begun: state != State::Start })
}

/// The range between `begin` and the end of its line at `end`.
fn trimmed(bytes: &[u8], begin: usize, end: usize) -> Range<usize> {
    let end = if bytes[begin..end].ends_with(b"\r") { end - 1 } else { end };
    begin..end
}

fn known_method(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET"
            | b"POST"
            | b"HEAD"
            | b"PUT"
            | b"OPTIONS"
            | b"DELETE"
            | b"TRACE"
            | b"CONNECT"
            | b"MOVE"
            | b"PROXY"
            | b"PRI"
    )
}

/// The request line.
#[derive(Debug, Default)]
struct Line {
    method: Range<usize>,
    target: Range<usize>,
    version: Range<usize>,
    is_1_1: bool,
}

impl Line {
    fn read_version(&mut self, version: &[u8]) -> Result<(), Refusal> {
        match version.to_ascii_uppercase().as_slice() {
            b"HTTP/1.1" => self.is_1_1 = true,
            b"HTTP/1.0" => {}
            b"HTTP/2.0" => return Err(Refusal::new(426, "Upgrade Required")),
            b"HTTP/0.9" => return Err(Refusal::new(505, "Unsupported Version")),
            _ => return Err(Refusal::new(505, "Unknown Version")),
        }
        Ok(())
    }
}

/// The headers, and what they mean for the message.
#[derive(Debug, Default)]
struct Fields {
    headers: HeaderMap,
    length: Option<u64>,
    has_coding: bool,
    is_chunked: bool,
    has_host: bool,
    close: bool,
    keep_alive: bool,
    expects: bool,
    unknown_expectation: bool,
    /// Whether a negative length is as none (Jetty of 6.2).
    lenient_length: bool,
}

/// Headers that Jetty knows by sight, and so does not count the names of.
const KNOWN: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::ACCEPT,
    header::CONNECTION,
    header::USER_AGENT,
    header::ACCEPT_ENCODING,
    header::AUTHORIZATION,
];

impl Fields {
    /// Takes a header, and says how many of its bytes do not count.
    fn add(&mut self, name: &[u8], value: &[u8], line: &Line) -> Result<usize, Refusal> {
        let bad = || Refusal::new(400, "Bad Request");
        let length = name.len();
        let name = HeaderName::from_bytes(name).map_err(|_| bad())?;
        let token = |wanted: &[u8]| {
            value.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(wanted))
        };
        match name {
            header::CONTENT_LENGTH => self.length(value)?,
            header::TRANSFER_ENCODING => self.coding(value)?,
            header::HOST => {
                self.has_host = true;
                host(value)?;
            }
            header::CONNECTION => {
                self.close |= token(b"close");
                self.keep_alive |= token(b"keep-alive");
            }
            header::EXPECT if line.is_1_1 => {
                for one in value.split(|byte| *byte == b',') {
                    if one.trim_ascii().eq_ignore_ascii_case(b"100-continue") {
                        self.expects = true;
                    } else if !one.trim_ascii().eq_ignore_ascii_case(b"102-processing") {
                        self.unknown_expectation = true;
                    }
                }
            }
            _ => {}
        }
        let free = if KNOWN.contains(&name) { length + 1 } else { 0 };
        self.headers.append(name, HeaderValue::from_bytes(value).map_err(|_| bad())?);
        Ok(free)
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.has_coding {
            return Err(Refusal::new(400, "Transfer-Encoding and Content-Length"));
        }
        if self.lenient_length && value.first() == Some(&b'-') && value.len() > 1 {
            return Ok(());
        }
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::new(400, "Invalid Content-Length Value"));
        }
        let length = str::from_utf8(value).ok().and_then(|value| value.parse::<i64>().ok());
        let length = length.and_then(|length| u64::try_from(length).ok());
        let length = length.ok_or_else(|| Refusal::new(400, "Bad Request"))?;
        if self.length.is_some() {
            return Err(Refusal::new(400, "Multiple Content-Lengths"));
        }
        self.length = Some(length);
        Ok(())
    }

    fn coding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.has_coding = true;
        if self.length.is_some() {
            return Err(Refusal::new(400, "Transfer-Encoding and Content-Length"));
        }
        if self.is_chunked {
            return Err(Refusal::new(400, "Bad Transfer-Encoding, chunked not last"));
        }
        for coding in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if coding.eq_ignore_ascii_case(b"chunked") {
                if self.is_chunked {
                    return Err(Refusal::new(400, "Bad Transfer-Encoding, multiple chunked tokens"));
                }
                self.is_chunked = true;
            } else if self.is_chunked {
                return Err(Refusal::new(400, "Bad Transfer-Encoding, chunked not last"));
            }
        }
        Ok(())
    }

    fn end(&mut self, bytes: &[u8], line: &Line) -> Result<Head, Refusal> {
        if self.has_coding && !self.is_chunked {
            return Err(Refusal::new(400, "Bad Transfer-Encoding, chunked not last"));
        }
        if !self.has_host && line.is_1_1 {
            return Err(Refusal::new(400, "No Host"));
        }
        if self.unknown_expectation {
            return Err(Refusal::new(417, "Expectation Failed"));
        }
        let bad = |_| Refusal::new(400, "Bad Request");
        let framing =
            if self.is_chunked { Framing::chunked() } else { Framing::Length(self.length.unwrap_or(0)) };
        Ok(Head {
            method: Method::from_bytes(&bytes[line.method.clone()]).map_err(bad)?,
            path: path_of(&bytes[line.target.clone()])?,
            headers: std::mem::take(&mut self.headers),
            is_1_1: line.is_1_1,
            framing,
            expects: self.expects,
            close: self.close,
            keep_alive: self.keep_alive,
        })
    }
}

/// Refuses a host with a port that is none.
fn host(value: &[u8]) -> Result<(), Refusal> {
    let after = match value.iter().position(|byte| *byte == b']') {
        Some(at) if value.starts_with(b"[") => &value[at + 1..],
        _ => value,
    };
    let mut parts = after.split(|byte| *byte == b':').skip(1);
    let (Some(port), None) = (parts.next(), parts.next()) else { return Ok(()) };
    let port = str::from_utf8(port).ok().and_then(|port| port.parse::<u32>().ok());
    match port {
        Some(0..=65535) => Ok(()),
        _ => Err(Refusal::new(400, "Bad HostPort")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        match read(text.as_bytes(), false) {
            Ok(Read::Head(head, length)) => {
                assert_eq!(length, text.len());
                *head
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn refusal(text: &str) -> (u16, String) {
        let refusal = read(text.as_bytes(), false).unwrap_err();
        (refusal.status, refusal.reason.into_owned())
    }

    #[test]
    fn heads_are_read_whether_lines_end_in_crlf_or_lf() {
        for text in [
            "\r\n\r\nPOST  /a;b?q  HTTP/1.1\r\nHost: x\r\nContent-Length: 7 \r\nX:\r\n\r\n",
            "POST /a;b http/1.1\nHost:x\nContent-Length:7\nX: \n\n",
        ] {
            let head = head(text);
            assert_eq!((head.method, head.path.as_str(), head.is_1_1), (Method::POST, "/a;b", true));
            assert_eq!((head.framing, head.headers["x"].as_bytes()), (Framing::Length(7), b"".as_slice()));
        }
        assert!(matches!(read(b"\r\n", false), Ok(Read::More { begun: false })));
        assert!(matches!(read(b"GET / HT", false), Ok(Read::More { begun: true })));
    }

    #[test]
    fn each_wrong_head_has_jettys_words() {
        let host = "Host: x\r\n";
        for (line, fields, status, reason) in [
            ("GET /a b HTTP/1.1", host, 400, "Illegal character SPACE=' '"),
            ("GET /a HTTP/1.9", host, 505, "Unknown Version"),
            ("GET /a HTTP/2.0", host, 426, "Upgrade Required"),
            ("GET /a", host, 505, "HTTP/0.9 not supported"),
            ("GET", host, 400, "No URI"),
            ("G(T /a HTTP/1.1", host, 400, "Illegal character VCHAR='('"),
            ("GET\t/a HTTP/1.1", host, 400, "Illegal character HTAB=0x9"),
            ("GET /a HTTP/1.1", "", 400, "No Host"),
            ("GET /a HTTP/1.1", "Host : x\r\n", 400, "Illegal character SPACE=' '"),
            ("GET /a HTTP/1.1", "Host: x\r\n b\r\n", 400, "Header Folding"),
            ("GET /a HTTP/1.1", "Host: x\r\nbad\r\n", 400, "Illegal character LF=\\n"),
            ("GET /a HTTP/1.1", "Host: x\r\nX: \x01\r\n", 400, "Illegal character CNTL=0x1"),
            ("GET /a HTTP/1.1", "Host: a:99999\r\n", 400, "Bad HostPort"),
            ("GET /a HTTP/1.1", "Host: x\r\nX: a\rb\r\n", 400, "Bad EOL"),
            ("GET /a HTTP/1.1", "Host: x\r\nExpect: tea\r\n", 417, "Expectation Failed"),
            ("GET /a HTTP/1.1", "Content-Length: +7\r\n", 400, "Invalid Content-Length Value"),
            ("GET /a HTTP/1.1", "Content-Length: 99999999999999999999\r\n", 400, "Bad Request"),
            (
                "GET /a HTTP/1.1",
                "Content-Length: 1\r\nContent-Length: 1\r\n",
                400,
                "Multiple Content-Lengths",
            ),
            (
                "GET /a HTTP/1.1",
                "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                400,
                "Transfer-Encoding and Content-Length",
            ),
            (
                "GET /a HTTP/1.1",
                "Host: x\r\nTransfer-Encoding: gzip\r\n",
                400,
                "Bad Transfer-Encoding, chunked not last",
            ),
            (
                "GET /a HTTP/1.1",
                "Transfer-Encoding: chunked, chunked\r\n",
                400,
                "Bad Transfer-Encoding, multiple chunked tokens",
            ),
        ] {
            let text = format!("{line}\r\n{fields}\r\n");
            assert_eq!(refusal(&text), (status, reason.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_head_has_room_for_8_kb_and_no_more() {
        let with = |count: usize| format!("GET /a HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(count));
        assert_eq!(head(&with(8000)).headers["x"].len(), 8000);
        assert_eq!(refusal(&with(9000)), (431, "Request Header Fields Too Large".to_owned()));
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(9000));
        assert_eq!(refusal(&long), (414, "URI Too Long".to_owned()));
    }
}
