//! A stream of records as it arrives: whole, where it does without a pause; else in parts, so that a client may wait for the
//! receipt of a record before it sends the next one.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::super::BODY_LIMIT;
use super::super::jetty::Body;
use crate::doubles::http::BodyError;

/// How long nothing comes before what is there is taken for a part.
const PAUSE: Duration = Duration::from_millis(20);

/// A body that is read part by part.
pub(super) struct Arriving {
    body: Body,
    /// All that has come, with white space for what has been taken: errors tell where in the body they are.
    bytes: BytesMut,
    taken: usize,
}

/// Some records, as a body of their own.
pub(super) struct Part {
    pub(super) bytes: Bytes,
    /// Whether it is the last.
    pub(super) is_last: bool,
}

impl Arriving {
    pub(super) fn new(body: Body) -> Self {
        Self { body, bytes: BytesMut::new(), taken: 0 }
    }

    /// The next part: what is left, once the body has ended; or before that, when the client pauses, the records that are whole.
    pub(super) async fn next(&mut self) -> Result<Part, BodyError> {
        loop {
            let whole = self.taken + records_end(&self.bytes[self.taken..]);
            let piece = if whole > self.taken {
                let Ok(piece) = tokio::time::timeout(PAUSE, self.body.piece()).await else {
                    let bytes = Bytes::copy_from_slice(&self.bytes[..whole]);
                    self.take(whole);
                    return Ok(Part { bytes, is_last: false });
                };
                piece
            } else {
                self.body.piece().await
            };
            let Some(piece) = piece else {
                return Ok(Part { bytes: self.bytes.split().freeze(), is_last: true });
            };
            self.bytes.extend_from_slice(&piece?);
            if self.bytes.len() > BODY_LIMIT {
                return Err(BodyError::TooLarge);
            }
        }
    }

    fn take(&mut self, end: usize) {
        for byte in &mut self.bytes[self.taken..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        self.taken = end;
    }
}

impl Part {
    /// Whether nothing stands in it.
    pub(super) fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }
}

/// Where the last of the whole JSON objects ends with which the bytes begin.
fn records_end(bytes: &[u8]) -> usize {
    let (mut end, mut depth, mut in_text, mut escaped) = (0, 0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' if depth > 0 => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' if depth > 0 || *byte == b'{' => depth += 1,
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    end = at + 1;
                }
            }
            // What is no record is the parser's business, when all is there.
            _ if depth == 0 && !byte.is_ascii_whitespace() => break,
            _ => {}
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_records_end_where_they_do() {
        for (text, whole) in [
            ("", ""),
            ("{\"a\":1}", "{\"a\":1}"),
            ("{\"a\":1}\n{\"b\":", "{\"a\":1}"),
            (" {\"a\":\"}\\\"{\"} {\"b\":[{}]} {", " {\"a\":\"}\\\"{\"} {\"b\":[{}]}"),
            ("{\"a\":1},{\"b\":2}", "{\"a\":1}"),
            ("[{\"a\":1}]", ""),
            ("1 {\"a\":1}", ""),
        ] {
            assert_eq!(&text[..records_end(text.as_bytes())], whole, "{text}");
        }
    }
}
