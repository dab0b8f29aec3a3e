//! HTTP/1.1 responses out of bytes as they come (RFC 9112): a decoder without I/O.
//!
//! `httparse` reads heads; this decides where a body ends (section 6.3) and takes chunks apart (section 7.1).

use std::mem::MaybeUninit;
use std::ops::Range;

/// Most header fields that a response may have.
pub const HEADERS: usize = 100;
/// Longest head that is read, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;
/// Longest line that says the size of a chunk, in bytes.
const CHUNK_LINE: usize = 4 * 1024;

/// Headers with an id of a request, the first in every answer of API Gateway.
pub const ID_HEADERS: [&str; 3] = ["x-amzn-RequestId", "x-amz-apigw-id", "X-Amzn-Trace-Id"];

/// Why bytes are no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// There is no head.
    #[error("it is no HTTP response: {0}")]
    Head(#[from] httparse::Error),
    /// There is too much of it.
    #[error("its head is longer than 64 KiB")]
    LongHead,
    /// The body is longer than the limit, which this is, in bytes.
    #[error("its body is longer than {0} bytes")]
    LongBody(usize),
    /// What is no number, or several that differ.
    #[error("its Content-Length is no length")]
    Length,
    /// A coding that nobody asked for.
    #[error("its Transfer-Encoding is not chunked")]
    Coding,
    /// A size that is none, or data without an end.
    #[error("a chunk of its body is malformed")]
    Chunk,
    /// Nobody asked for that either.
    #[error("it switches protocols")]
    Upgrade,
}

/// A whole response; the ranges lie within the bytes that were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its status code.
    pub status: u16,
    /// The head, from the status line to the empty line.
    pub head: Range<usize>,
    /// The body, without the sizes of chunks.
    pub body: Range<usize>,
    /// `x-amzn-ErrorType`, which only API Gateway sends.
    pub error_type: Option<Range<usize>>,
    /// By which API Gateway's logs and traces know the request, in the order of [`ID_HEADERS`].
    pub ids: [Option<Range<usize>>; ID_HEADERS.len()],
    /// `Retry-After`, as it was sent.
    pub retry_after: Option<Range<usize>>,
    /// Whether the connection can carry another request.
    pub keep_alive: bool,
    /// Where what follows it begins; a body in chunks takes more room than it has bytes.
    pub end: usize,
}

/// Where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    Close,
}

/// Decodes one response. The same buffer is given again and again, with more bytes at its end each time.
#[derive(Debug)]
pub struct Decoder {
    /// Longest body that is read, in bytes.
    limit: usize,
    /// Whether the response has no body, whatever its head says.
    bodiless: bool,
    head: Option<(Response, Framing)>,
    /// Up to where chunks have been taken apart.
    at: usize,
    /// Where the head starts: interim responses may come before it.
    start: usize,
}

impl Decoder {
    /// A decoder for a response whose body has at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, bodiless: false, head: None, at: 0, start: 0 }
    }

    /// Makes ready for the next response.
    pub fn reset(&mut self) {
        *self = Self::new(self.limit);
    }

    /// The same for a response to HEAD, whose length says nothing of what follows (RFC 9112, section 6.3).
    pub fn reset_for_head(&mut self) {
        *self = Self { bodiless: true, ..Self::new(self.limit) };
    }

    /// Looks at all that has come. `ended` says that nothing further will. Chunked bodies are put together in
    /// place. `None`: more is needed.
    ///
    /// # Errors
    /// [`Malformed`], as it says.
    pub fn decode(&mut self, bytes: &mut [u8], ended: bool) -> Result<Option<Response>, Malformed> {
        if self.head.is_none() && !self.read_head(bytes)? {
            return Ok(None);
        }
        let Some((response, framing)) = &mut self.head else { return Ok(None) };
        let whole = match *framing {
            Framing::Length(length) => {
                let end = response.body.start + length;
                response.body.end = end;
                (bytes.len() >= end).then_some(end)
            }
            Framing::Chunked => take_chunks(bytes, &mut self.at, &mut response.body, self.limit)?,
            Framing::Close => {
                response.body.end = bytes.len();
                ended.then_some(bytes.len())
            }
        };
        if response.body.len() > self.limit {
            return Err(Malformed::LongBody(self.limit));
        }
        // What follows a response that nobody asked for makes the connection useless.
        response.keep_alive &= whole.is_none_or(|end| end == bytes.len());
        Ok(whole.map(|end| Response { end, ..response.clone() }))
    }

    /// Reads the head if it is there; tells whether it is.
    fn read_head(&mut self, bytes: &[u8]) -> Result<bool, Malformed> {
        loop {
            let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
            let mut parsed = httparse::Response::new(&mut []);
            let rest = &bytes[self.start..];
            let status = httparse::ParserConfig::default().parse_response_with_uninit_headers(
                &mut parsed,
                rest,
                &mut headers,
            )?;
            let httparse::Status::Complete(length) = status else {
                return if rest.len() > HEAD_LIMIT { Err(Malformed::LongHead) } else { Ok(false) };
            };
            let end = self.start + length;
            match parsed.code {
                Some(101) => return Err(Malformed::Upgrade),
                // Interim responses are skipped (RFC 9110, section 15.2).
                Some(100..200) => self.start = end,
                _ => {
                    let (response, framing) = read_fields(bytes, self.start..end, &parsed)?;
                    let framing = if self.bodiless { Framing::Length(0) } else { framing };
                    if matches!(framing, Framing::Length(length) if length > self.limit) {
                        return Err(Malformed::LongBody(self.limit));
                    }
                    self.head = Some((response, framing));
                    self.at = end;
                    return Ok(true);
                }
            }
        }
    }
}

/// What the head says of body and connection.
fn read_fields(
    bytes: &[u8],
    head: Range<usize>,
    parsed: &httparse::Response<'_, '_>,
) -> Result<(Response, Framing), Malformed> {
    let status = parsed.code.unwrap_or(0);
    let mut length: Option<usize> = None;
    let mut chunked = false;
    let mut keep_alive = parsed.version == Some(1);
    let mut response = Response {
        status,
        body: head.end..head.end,
        head,
        error_type: None,
        ids: [const { None }; ID_HEADERS.len()],
        retry_after: None,
        keep_alive: false,
        end: 0,
    };
    for header in parsed.headers.iter() {
        // By length first, so that most fields cost one comparison.
        match header.name.len() {
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                let this = read_length(header.value).ok_or(Malformed::Length)?;
                if length.is_some_and(|other| other != this) {
                    return Err(Malformed::Length);
                }
                length = Some(this);
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                if !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed::Coding);
                }
                chunked = true;
            }
            10 if header.name.eq_ignore_ascii_case("connection") => {
                for option in header.value.split(|byte| *byte == b',') {
                    let option = option.trim_ascii();
                    if option.eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if option.eq_ignore_ascii_case(b"keep-alive") && parsed.version == Some(0) {
                        keep_alive = true;
                    }
                }
            }
            16 if header.name.eq_ignore_ascii_case("x-amzn-errortype") => {
                response.error_type = Some(range_in(bytes, header.value));
            }
            14..=16 => {
                let id = ID_HEADERS.into_iter().zip(&mut response.ids);
                for (_, id) in id.filter(|(name, _)| header.name.eq_ignore_ascii_case(name)) {
                    *id = Some(range_in(bytes, header.value));
                }
            }
            11 if header.name.eq_ignore_ascii_case("retry-after") => {
                response.retry_after = Some(range_in(bytes, header.value));
            }
            _ => {}
        }
    }
    let framing = match (status, chunked, length) {
        (204 | 304, ..) => Framing::Length(0),
        (_, true, _) => Framing::Chunked,
        (_, false, Some(length)) => Framing::Length(length),
        (_, false, None) => Framing::Close,
    };
    // Who says both lengths, or chunks to a client of HTTP/1.0, may mean another end than this (RFC 9112, section 6.1).
    let doubtful = chunked && (length.is_some() || parsed.version == Some(0));
    response.keep_alive = keep_alive && !doubtful && framing != Framing::Close;
    Ok((response, framing))
}

/// Digits only (RFC 9110, section 8.6).
fn read_length(value: &[u8]) -> Option<usize> {
    let value = value.trim_ascii();
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Where `part`, a slice of `bytes`, lies in it.
fn range_in(bytes: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - bytes.as_ptr().addr();
    start..start + part.len()
}

/// Takes apart the chunks from `at` on, moving their data to the end of `body`. The end of the whole, if it is
/// there.
fn take_chunks(
    bytes: &mut [u8],
    at: &mut usize,
    body: &mut Range<usize>,
    limit: usize,
) -> Result<Option<usize>, Malformed> {
    loop {
        let rest = &bytes[*at..];
        if rest.first().is_some_and(|first| !first.is_ascii_hexdigit()) {
            return Err(Malformed::Chunk);
        }
        let (line, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete((line, size))) => (line, size),
            Ok(httparse::Status::Partial) if rest.len() < CHUNK_LINE => return Ok(None),
            _ => return Err(Malformed::Chunk),
        };
        let size = usize::try_from(size).map_err(|_| Malformed::Chunk)?;
        let data = *at + line;
        if size == 0 {
            return trailer_end(bytes, data);
        }
        if size > limit {
            return Err(Malformed::LongBody(limit));
        }
        let end = data + size;
        let Some(after) = bytes.get(end..) else { return Ok(None) };
        match after {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Ok(None),
            _ => return Err(Malformed::Chunk),
        }
        bytes.copy_within(data..end, body.end);
        body.end += size;
        *at = end + 2;
        if body.len() > limit {
            return Err(Malformed::LongBody(limit));
        }
    }
}

/// The end of the trailer section that starts at `at`: an empty line, perhaps after fields.
fn trailer_end(bytes: &[u8], at: usize) -> Result<Option<usize>, Malformed> {
    let rest = &bytes[at..];
    if rest.starts_with(b"\r\n") {
        return Ok(Some(at + 2));
    }
    match rest.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(position) => Ok(Some(at + position + 4)),
        None if rest.len() > HEAD_LIMIT => Err(Malformed::LongHead),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    /// Decodes `text` given in two pieces, then its end.
    fn decode_split(text: &[u8], split: usize) -> Result<Option<(Response, Vec<u8>)>, Malformed> {
        let mut decoder = Decoder::new(1_000_000);
        let mut bytes = text[..split].to_vec();
        if let Some(response) = decoder.decode(&mut bytes, false)? {
            let body = bytes[response.body.clone()].to_vec();
            return Ok(Some((response, body)));
        }
        bytes.extend_from_slice(&text[split..]);
        let response = match decoder.decode(&mut bytes, false)? {
            Some(response) => Some(response),
            None => decoder.decode(&mut bytes, true)?,
        };
        Ok(response.map(|response| {
            let body = bytes[response.body.clone()].to_vec();
            (response, body)
        }))
    }

    fn decode(text: &str) -> Result<Option<(Response, Vec<u8>)>, Malformed> {
        decode_split(text.as_bytes(), text.len())
    }

    fn body(text: &str) -> (u16, String, bool) {
        let (response, body) = decode(text).unwrap().unwrap();
        (response.status, String::from_utf8(body).unwrap(), response.keep_alive)
    }

    #[test]
    fn a_body_ends_where_the_head_says() {
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(body(length), (200, "hi".into(), true));
        let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\n, y\r\n0\r\na: b\r\n\r\n";
        assert_eq!(body(chunks), (200, "hi, y".into(), true));
        let close = "HTTP/1.1 200 OK\r\n\r\nall that comes";
        assert_eq!(body(close), (200, "all that comes".into(), false));
        assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\n"), (204, String::new(), true));
    }

    #[test]
    fn whether_a_connection_goes_on() {
        let after = |head: &str| body(&format!("{head}\r\nContent-Length: 0\r\n\r\n")).2;
        assert!(after("HTTP/1.1 200 OK"));
        assert!(!after("HTTP/1.1 200 OK\r\nConnection: x, Close"));
        assert!(!after("HTTP/1.0 200 OK"));
        assert!(after("HTTP/1.0 200 OK\r\nConnection: keep-alive"));
        let chunks = "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert!(!body(&format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n{chunks}")).2);
        assert!(!body(&format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n{chunks}")).2);
        // Bytes that belong to no request.
        assert!(!body("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab").2);
    }

    #[test]
    fn interim_responses_are_skipped() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(body(text), (200, "x".into(), true));
    }

    #[test]
    fn a_response_to_head_has_no_body() {
        let mut text = *b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
        let mut decoder = Decoder::new(1);
        decoder.reset_for_head();
        let response = decoder.decode(&mut text, false).unwrap().unwrap();
        assert_eq!((response.head, response.body.len(), response.keep_alive), (0..text.len(), 0, true));
    }

    #[test]
    fn a_body_is_no_longer_than_the_limit() {
        for (text, fits) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", false),
            ("HTTP/1.1 200 OK\r\n\r\nabc", true),
            ("HTTP/1.1 200 OK\r\n\r\nabcd", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", false),
        ] {
            let decoded = Decoder::new(3).decode(&mut text.as_bytes().to_vec(), true);
            assert_eq!(decoded.is_ok(), fits, "{text:?} {decoded:?}");
        }
    }

    #[test]
    fn fields_that_matter_are_found_whatever_their_case() {
        let text = "HTTP/1.1 429 Too Many\r\nX-AMZN-errortype: Throttled\r\nRETRY-AFTER: 7\r\nContent-Length: 0\r\n\r\n";
        let (response, _) = decode(text).unwrap().unwrap();
        let at = |range: Option<Range<usize>>| text[range.unwrap()].to_owned();
        assert_eq!((at(response.error_type), at(response.retry_after)), ("Throttled".into(), "7".into()));
    }

    #[test]
    fn what_is_no_response_is_malformed() {
        let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        for text in [
            "garbage\r\n\r\n".to_owned(),
            "SSH-2.0-OpenSSH\r\n".to_owned(),
            "HTTP/2.0 200 OK\r\n\r\n".to_owned(),
            "HTTP/1.1 101 Switching\r\n\r\n".to_owned(),
            head("Content-Length: 1\r\nContent-Length: 2"),
            head("Content-Length: -1"),
            head("Content-Length: 1, 1"),
            head("Content-Length: 99999999"),
            head("Transfer-Encoding: gzip"),
            format!("{}zz\r\n", head("Transfer-Encoding: chunked")),
            format!("{}1\r\nabc\r\n", head("Transfer-Encoding: chunked")),
            format!("{}2\r\nhi\r\n\r\n\r\n", head("Transfer-Encoding: chunked")),
            format!("{}ffffffffffffffff\r\n", head("Transfer-Encoding: chunked")),
        ] {
            assert!(decode(&text).is_err(), "{text:?}");
        }
        let endless = "HTTP/1.1 200 OK\r\n".to_owned() + &"a: b\r\n".repeat(20_000);
        assert!(decode(&endless).is_err());
    }

    #[test]
    fn an_end_too_soon_is_no_response() {
        for text in [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
        ] {
            assert_eq!(decode(text), Ok(None), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            chunks in prop::collection::vec("[a-z]{1,40}", 0..8),
            chunked: bool,
            split: prop::sample::Index,
        ) {
            let content = chunks.concat();
            let mut text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n".to_owned();
            if chunked {
                text += "Transfer-Encoding: chunked\r\n\r\n";
                for chunk in &chunks {
                    write!(text, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
                }
                text += "0\r\n\r\n";
            } else {
                write!(text, "Content-Length: {}\r\n\r\n{content}", content.len()).unwrap();
            }
            let (response, body) = decode_split(text.as_bytes(), split.index(text.len() + 1)).unwrap().unwrap();
            prop_assert_eq!(body, content.into_bytes());
            prop_assert!(response.keep_alive);
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>, split: prop::sample::Index) {
            let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            text.extend_from_slice(&bytes);
            let _ = decode_split(&text, split.index(text.len() + 1));
            let _ = decode_split(&bytes, split.index(bytes.len() + 1));
        }
    }
}
