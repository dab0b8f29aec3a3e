//! Bodies of requests: where they end, and how the handler gets them.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::token::Token;
use crate::doubles::http::BodyError;

/// The longest chunk that Jetty takes: one more digit of its length would not fit.
const MAX_CHUNK: u64 = i32::MAX as u64 / 16;
/// Pieces of a body that may wait for the handler.
pub(super) const WAITING: usize = 4;

/// How a body's end is found, and how far it has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are left.
    Length(u64),
    Chunked(Chunk),
    Ended,
}

/// Where in a chunked body the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// Before a chunk's length.
    Before,
    Size(u64),
    Parameters(u64),
    Data(u64),
    /// In the trailers; whether in the midst of a line.
    Trailer(bool),
}

/// What stands next in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Piece(Bytes),
    More,
    End,
}

/// The framing is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

impl Framing {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunk::Before)
    }

    /// Takes the next piece of the body from the buffer.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Next, Broken> {
        loop {
            match self {
                Self::Ended => return Ok(Next::End),
                Self::Length(0) => *self = Self::Ended,
                Self::Chunked(Chunk::Data(0)) => *self = Self::Chunked(Chunk::Before),
                Self::Length(left) | Self::Chunked(Chunk::Data(left)) => {
                    if buffer.is_empty() {
                        return Ok(Next::More);
                    }
                    let piece = take(buffer, *left);
                    *left -= piece.len() as u64;
                    return Ok(Next::Piece(piece));
                }
                Self::Chunked(chunk) => {
                    let Some(byte) = buffer.first().copied() else { return Ok(Next::More) };
                    buffer.advance(1);
                    match chunk.after(byte)? {
                        Some(next) => *chunk = next,
                        None => *self = Self::Ended,
                    }
                }
            }
        }
    }

    /// Whether Jetty forgives that the client goes away here: only the last line's end is missing.
    pub(super) fn forgives_end(self) -> bool {
        matches!(self, Self::Ended | Self::Chunked(Chunk::Trailer(false)))
    }
}

fn take(buffer: &mut BytesMut, most: u64) -> Bytes {
    let length = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
    buffer.split_to(length).freeze()
}

impl Chunk {
    /// Where the byte after `byte` stands; `None` behind the body.
    fn after(self, byte: u8) -> Result<Option<Self>, Broken> {
        let token = Token::of(byte);
        if token == Token::Cntl {
            return Err(Broken);
        }
        let digit = char::from(byte).to_digit(16).map(u64::from);
        let sized = |size| if size == 0 { Self::Trailer(false) } else { Self::Data(size) };
        Ok(Some(match (self, token) {
            // A carriage return means something only before a line's end, which means the same without it.
            (_, Token::Cr) | (Self::Before, Token::Lf) => self,
            (Self::Before, _) => Self::Size(digit.ok_or(Broken)?),
            (Self::Size(size) | Self::Parameters(size), Token::Lf) => sized(size),
            (Self::Size(size), _) => match digit {
                Some(_) if size > MAX_CHUNK => return Err(Broken),
                Some(digit) => Self::Size(size * 16 + digit),
                None => Self::Parameters(size),
            },
            (Self::Parameters(_), _) => self,
            (Self::Trailer(false), Token::Lf) => return Ok(None),
            (Self::Trailer(true), Token::Lf) => Self::Trailer(false),
            (Self::Trailer(_), _) => Self::Trailer(true),
            (Self::Data(left), _) => Self::Data(left),
        }))
    }
}

/// The body of a request.
#[derive(Debug)]
pub(in crate::doubles::proxy) struct Body {
    /// What had arrived with the head.
    first: Bytes,
    /// What is still to come.
    rest: Option<Rest>,
}

/// A body that is still on its way.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) pieces: mpsc::Receiver<Result<Bytes, Broken>>,
    /// Told when the handler begins to read.
    pub(super) wanted: watch::Sender<bool>,
    /// How long the handler waits for a piece.
    pub(super) idle: Duration,
}

impl Body {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { first: bytes, rest: None }
    }

    pub(super) fn arriving(first: Bytes, rest: Rest) -> Self {
        Self { first, rest: Some(rest) }
    }

    /// What had arrived with the head, where nothing is still to come.
    pub(in crate::doubles::proxy) fn at_once(&mut self) -> Option<Bytes> {
        self.rest.is_none().then(|| std::mem::take(&mut self.first))
    }

    /// The next piece of it; `None`: it has ended. May be dropped at any time.
    ///
    /// # Errors
    /// [`BodyError::Broken`], also where nothing comes for too long.
    pub(in crate::doubles::proxy) async fn piece(&mut self) -> Option<Result<Bytes, BodyError>> {
        if !self.first.is_empty() {
            return Some(Ok(std::mem::take(&mut self.first)));
        }
        let rest = self.rest.as_mut()?;
        rest.wanted.send_replace(true);
        let piece = match rest.pieces.try_recv() {
            Ok(piece) => Some(piece),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => match timeout(rest.idle, rest.pieces.recv()).await {
                Ok(piece) => piece,
                Err(_) => Some(Err(Broken)),
            },
        };
        Some(piece?.map_err(|Broken| BodyError::Broken))
    }

    /// Reads the whole of it, `limit` bytes at most.
    ///
    /// # Errors
    /// [`BodyError`], as it says.
    pub(in crate::doubles::proxy) async fn read(mut self, limit: usize) -> Result<Bytes, BodyError> {
        if let Some(whole) = self.at_once() {
            return if whole.len() > limit { Err(BodyError::TooLarge) } else { Ok(whole) };
        }
        let mut whole = BytesMut::from(std::mem::take(&mut self.first));
        while let Some(piece) = self.piece().await {
            whole.extend_from_slice(&piece?);
            if whole.len() > limit {
                return Err(BodyError::TooLarge);
            }
        }
        Ok(whole.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<(String, Next, String), Broken> {
        let mut buffer = BytesMut::from(text);
        let mut framing = Framing::chunked();
        let mut body = Vec::new();
        loop {
            match framing.next(&mut buffer)? {
                Next::Piece(piece) => body.extend_from_slice(&piece),
                next => {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    return Ok((text(&body), next, text(&buffer)));
                }
            }
        }
    }

    #[test]
    fn chunks_are_read_as_leniently_as_jetty_does() {
        for text in [
            "7\r\nlandfal\r\n1;x=y\r\nl\r\n0\r\nX-T: 1\r\n\r\nmore",
            "8\nlandfall\n0\n\nmore",
            "8\r\nlandfall0\r\n\r\nmore",
        ] {
            assert_eq!(decode(text), Ok(("landfall".into(), Next::End, "more".into())), "{text:?}");
        }
        assert_eq!(decode("8\r\nland").unwrap().1, Next::More);
        for text in ["zz\r\n", "-7\r\n", "4\r\nland}", "FFFFFFFFFF\r\n"] {
            assert_eq!(decode(text), Err(Broken), "{text:?}");
        }
    }

    #[test]
    fn a_length_leaves_what_follows() {
        let mut buffer = BytesMut::from("landfall");
        let mut framing = Framing::Length(4);
        assert_eq!(framing.next(&mut buffer), Ok(Next::Piece("land".into())));
        assert_eq!(framing.next(&mut buffer), Ok(Next::End));
        assert_eq!(buffer, "fall");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stays_away_breaks() {
        let arriving = || {
            let (sender, pieces) = mpsc::channel(WAITING);
            let (wanted, _) = watch::channel(false);
            let rest = Rest { pieces, wanted, idle: Duration::from_secs(30) };
            (sender, Body::arriving("land".into(), rest))
        };
        let (_sender, body) = arriving();
        assert_eq!(body.read(100).await, Err(BodyError::Broken));
        let (sender, body) = arriving();
        let read = tokio::spawn(body.read(100));
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(29)).await;
            sender.send(Ok("fall".into())).await.unwrap();
        }
        drop(sender);
        assert_eq!(read.await.unwrap(), Ok("landfallfall".into()));
    }

    #[test]
    fn only_the_last_line_may_be_missing() {
        let mut framing = Framing::chunked();
        assert_eq!(framing.next(&mut BytesMut::from("0\r\n")), Ok(Next::More));
        assert!(framing.forgives_end());
        let mut framing = Framing::chunked();
        assert_eq!(framing.next(&mut BytesMut::from("0\r")), Ok(Next::More));
        assert!(!framing.forgives_end());
    }
}
