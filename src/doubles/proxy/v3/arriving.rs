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
    /// What has come and not been taken.
    bytes: BytesMut,
    scan: Scan,
    /// Where `bytes` begin.
    place: Beginning,
    /// Why nothing more comes, where records were whole before that.
    failed: Option<BodyError>,
}

/// Some records, as a body of their own.
pub(super) struct Part {
    pub(super) bytes: Bytes,
    /// Where in the body it begins.
    pub(super) place: Beginning,
    /// Whether it is the last.
    pub(super) is_last: bool,
}

/// Where in a body a part begins: errors tell where in the body they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    First,
    /// On this line, of which so many bytes have been.
    Further(usize, usize),
}

impl Arriving {
    pub(super) fn new(body: Body) -> Self {
        let (bytes, scan) = (BytesMut::new(), Scan::default());
        Self { body, bytes, scan, place: Beginning::First, failed: None }
    }

    /// The next part: what is left, once the body has ended, or must end, since what follows the records is none and nothing
    /// could make one of it; or before that, when the client pauses or breaks off, the records that are whole.
    pub(super) async fn next(&mut self) -> Result<Part, BodyError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        if let Some(bytes) = self.body.at_once() {
            return Ok(Part { bytes, place: self.place, is_last: true });
        }
        while self.scan.state != State::Over {
            let any = self.scan.whole > 0;
            let piece = if any {
                match tokio::time::timeout(PAUSE, self.body.piece()).await {
                    Ok(piece) => piece,
                    Err(_) => return Ok(self.whole_records()),
                }
            } else {
                self.body.piece().await
            };
            let failed = match piece {
                None => break,
                Some(Ok(piece)) => {
                    self.bytes.extend_from_slice(&piece);
                    self.scan.go_on(&self.bytes);
                    match self.bytes.len() > BODY_LIMIT {
                        true if self.scan.whole > 0 => return Ok(self.whole_records()),
                        true => BodyError::TooLarge,
                        false => continue,
                    }
                }
                Some(Err(failed)) => failed,
            };
            if !any {
                return Err(failed);
            }
            self.failed = Some(failed);
            return Ok(self.whole_records());
        }
        Ok(Part { bytes: self.bytes.split().freeze(), place: self.place, is_last: true })
    }

    fn whole_records(&mut self) -> Part {
        let bytes = self.bytes.split_to(self.scan.take()).freeze();
        let part = Part { bytes, place: self.place, is_last: false };
        self.place = self.place.behind(&part.bytes);
        part
    }
}

impl Part {
    /// Whether nothing stands in it.
    pub(super) fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }
}

impl Beginning {
    /// Where what follows `bytes` begins, which begin here and do not end between `\r` and `\n`.
    fn behind(self, bytes: &[u8]) -> Self {
        let (mut line, mut before) = match self {
            Self::First => (1, 0),
            Self::Further(line, before) => (line, before),
        };
        let mut last = b' ';
        for byte in bytes {
            match byte {
                b'\n' if last == b'\r' => before = 0,
                b'\n' | b'\r' => (line, before) = (line + 1, 0),
                _ => before += 1,
            }
            last = *byte;
        }
        Self::Further(line, before)
    }
}

/// Looks where the whole JSON objects end with which bytes begin. Each byte is looked at once.
#[derive(Debug, Default)]
struct Scan {
    state: State,
    depth: usize,
    /// How far it has looked.
    at: usize,
    /// Where the last of the whole records ends.
    whole: usize,
    /// Whether there has been a whole record.
    begun: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Record,
    Text,
    Escape,
    /// In a word that is none: where it ends decides what is said of it.
    Word,
    /// What follows ends the stream, whatever comes.
    Over,
    /// What follows is a value that is no object, or nothing that is read from here: it is the parser's business, when all is
    /// there.
    Unknown,
}

impl Scan {
    /// Looks at what is new of `bytes`.
    fn go_on(&mut self, bytes: &[u8]) {
        while let Some(byte) = bytes.get(self.at) {
            self.state = self.after(*byte);
            if matches!(self.state, State::Over | State::Unknown) {
                break;
            }
            self.at += 1;
            if self.state == State::Between && matches!(byte, b'}' | b']') {
                self.whole = self.at;
                self.begun = true;
            }
        }
    }

    fn after(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (State::Between, b' ' | b'\t' | b'\n' | b'\r') => State::Between,
            (State::Between | State::Record, b'{') | (State::Record, b'[') => {
                self.depth += 1;
                State::Record
            }
            (State::Between, _) if !self.begun => State::Unknown,
            // Zero: it is encoded in 16 or 32 bits.
            (State::Between, b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
            | (State::Record, 0)
            | (State::Unknown, _) => State::Unknown,
            (State::Between | State::Word, b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80..)
            | (State::Word, b'0'..=b'9') => State::Word,
            (State::Between | State::Word | State::Over, _) => State::Over,
            (State::Record, b'"') => State::Text,
            (State::Record, b'}' | b']') => {
                self.depth -= 1;
                if self.depth == 0 { State::Between } else { State::Record }
            }
            (State::Text, b'\\') => State::Escape,
            (State::Record, _) | (State::Text, b'"') => State::Record,
            (State::Text | State::Escape, _) => State::Text,
        }
    }

    /// The whole records are taken.
    fn take(&mut self) -> usize {
        let whole = std::mem::take(&mut self.whole);
        self.at -= whole;
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_records_end_where_they_do() {
        for (text, whole, state) in [
            ("", "", State::Between),
            ("{\"a\":1}", "{\"a\":1}", State::Between),
            ("{\"a\":1}\n{\"b\":", "{\"a\":1}", State::Record),
            (" {\"a\":\"}\\\"{\"} {\"b\":[{}]} {", " {\"a\":\"}\\\"{\"} {\"b\":[{}]}", State::Record),
            ("{\"a\":1},{\"b\":2}", "{\"a\":1}", State::Over),
            ("{\"a\":1}]", "{\"a\":1}", State::Over),
            ("{\"a\":1}xyz", "{\"a\":1}", State::Word),
            ("{\"a\":1}xyz ", "{\"a\":1}", State::Over),
            ("{\"a\":1} 1 {}", "{\"a\":1}", State::Unknown),
            ("{\"a\":1} nul", "{\"a\":1}", State::Unknown),
            ("[{\"a\":1}]", "", State::Unknown),
            ("1 {\"a\":1}", "", State::Unknown),
            ("\u{feff}{\"a\":1}", "", State::Unknown),
            ("{\0\"\0}\0,\0", "", State::Unknown),
        ] {
            for step in [1, 2, 100] {
                let mut scan = Scan::default();
                for end in (0..text.len()).step_by(step).chain([text.len()]) {
                    scan.go_on(&text.as_bytes()[..end]);
                }
                assert_eq!((&text[..scan.whole], scan.state), (whole, state), "{text}");
            }
        }
    }

    #[test]
    fn places_go_on() {
        let first = Beginning::First.behind(b"{}\r\n \n{}");
        assert_eq!(first, Beginning::Further(3, 2));
        assert_eq!(first.behind(b"{}"), Beginning::Further(3, 4));
        assert_eq!(first.behind(b"\r{}"), Beginning::Further(4, 2));
    }
}
