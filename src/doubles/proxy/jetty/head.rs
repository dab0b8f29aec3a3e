//! Reading a request's head with Jetty's strictness.

use std::borrow::Cow;
use std::ops::Range;

use hyper::Method;
use hyper::header::HeaderMap;

use super::body::{Body, Framing};
use super::fields::Fields;
use super::token::{Token, illegal};
use crate::doubles::http::Client;
use crate::scenario::ProxyRelease;

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
    pub(super) wish: Wish,
}

/// What the client says of the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Wish {
    #[default]
    Nothing,
    Close,
    KeepAlive,
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
#[expect(clippy::too_many_lines, reason = "one machine of states, each a few lines, as Jetty's")]
pub(super) fn read(bytes: &[u8], release: ProxyRelease) -> Result<Read, Refusal> {
    let mut line = Line::default();
    let mut fields = Fields::of(release);
    let mut state = State::Start;
    let mut cr = false;
    let (mut begin, mut last) = (0, 0);
    let mut name = 0..0;
    // The bytes that Jetty does not count: it knows them by sight.
    let mut free = 0;
    let with_target = |mut refusal: Refusal, line: &Line| {
        if refusal.target.is_some() {
            return refusal;
        }
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
                    let newest = release == ProxyRelease::Confluent8_3;
                    let reason = if newest { "Line Folding not supported" } else { "Header Folding" };
                    return Err(with_target(Refusal::new(400, reason), &line));
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
pub(super) struct Line {
    pub(super) method: Range<usize>,
    pub(super) target: Range<usize>,
    version: Range<usize>,
    pub(super) is_1_1: bool,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        match read(text.as_bytes(), ProxyRelease::Confluent7_9) {
            Ok(Read::Head(head, length)) => {
                assert_eq!(length, text.len());
                *head
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn refusal(text: &str) -> (u16, String) {
        let refusal = read(text.as_bytes(), ProxyRelease::Confluent7_9).unwrap_err();
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
        assert!(matches!(read(b"\r\n", ProxyRelease::Confluent7_9), Ok(Read::More { begun: false })));
        assert!(matches!(read(b"GET / HT", ProxyRelease::Confluent7_9), Ok(Read::More { begun: true })));
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
