//! The headers of a request as Jetty's parser takes them, and what they mean for the message.

use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::body::Framing;
use super::head::{Head, Line, Refusal, Wish};
use super::target::path_of;
use crate::scenario::ProxyRelease;

/// The headers, and what they mean for the message.
#[derive(Debug, Default)]
pub(super) struct Fields {
    headers: HeaderMap,
    length: Option<u64>,
    coding: Coding,
    has_host: bool,
    wish: Wish,
    expectation: Expectation,
    release: ProxyRelease,
}

/// What Transfer-Encoding says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    None,
    Other,
    Chunked,
}

/// What Expect says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Expectation {
    #[default]
    None,
    Continue,
    Unknown,
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
    pub(super) fn of(release: ProxyRelease) -> Self {
        Self { release, ..Self::default() }
    }

    /// Takes a header, and says how many of its bytes do not count.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8], line: &Line) -> Result<usize, Refusal> {
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
                if self.has_host && self.release == ProxyRelease::Confluent8_3 {
                    return Err(Refusal::new(400, "Bad Host: multiple headers"));
                }
                self.has_host = true;
                host(value)?;
            }
            header::CONNECTION => {
                if token(b"close") {
                    self.wish = Wish::Close;
                } else if token(b"keep-alive") && self.wish == Wish::Nothing {
                    self.wish = Wish::KeepAlive;
                }
            }
            header::EXPECT if line.is_1_1 => {
                for one in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    if !one.eq_ignore_ascii_case(b"100-continue") {
                        self.expectation = Expectation::Unknown;
                    } else if self.expectation == Expectation::None {
                        self.expectation = Expectation::Continue;
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
        if self.coding != Coding::None {
            return Err(Refusal::new(400, "Transfer-Encoding and Content-Length"));
        }
        // Jetty of 6.2.0 takes a negative length for none.
        let lenient = self.release == ProxyRelease::Confluent6_2_0;
        if lenient && value.first() == Some(&b'-') && value.len() > 1 {
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
        if self.length.is_some() {
            return Err(Refusal::new(400, "Transfer-Encoding and Content-Length"));
        }
        if self.coding == Coding::Chunked {
            return Err(Refusal::new(400, "Bad Transfer-Encoding, chunked not last"));
        }
        self.coding = Coding::Other;
        for coding in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if coding.eq_ignore_ascii_case(b"chunked") {
                if self.coding == Coding::Chunked {
                    return Err(Refusal::new(400, "Bad Transfer-Encoding, multiple chunked tokens"));
                }
                self.coding = Coding::Chunked;
            } else if self.coding == Coding::Chunked {
                return Err(Refusal::new(400, "Bad Transfer-Encoding, chunked not last"));
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, bytes: &[u8], line: &Line) -> Result<Head, Refusal> {
        if self.coding == Coding::Other {
            return Err(Refusal::new(400, "Bad Transfer-Encoding, chunked not last"));
        }
        if !self.has_host && line.is_1_1 {
            return Err(Refusal::new(400, "No Host"));
        }
        if self.expectation == Expectation::Unknown {
            return Err(Refusal::new(417, "Expectation Failed"));
        }
        let bad = |_| Refusal::new(400, "Bad Request");
        let framing = if self.coding == Coding::Chunked {
            Framing::chunked()
        } else {
            Framing::Length(self.length.unwrap_or(0))
        };
        Ok(Head {
            method: Method::from_bytes(&bytes[line.method.clone()]).map_err(bad)?,
            path: path_of(&bytes[line.target.clone()], self.release)?,
            headers: std::mem::take(&mut self.headers),
            is_1_1: line.is_1_1,
            framing,
            expects: self.expectation == Expectation::Continue,
            wish: self.wish,
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
