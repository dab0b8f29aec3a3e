//! A place for a connection: opened when needed, used again while it can be, opened anew when it has broken.

use std::io;
use std::sync::Arc;

use futures_util::future::AbortHandle;

use super::clock::Nanos;
use super::http2::Answer;
use super::request::Request;
use super::token::Token;
use super::transport::Transport;
use crate::wire::http1::{Decoder, Malformed, Response};

/// Longest body of an answer, in bytes.
pub(super) const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// The least that is read at once, in bytes.
const READ: usize = 4 * 1024;

/// What a place is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not connected.
    Shut,
    /// Being connected.
    Opening,
    /// Connected, and free.
    Idle,
    /// Carries an attempt.
    Busy,
}

/// An attempt under way.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) request: Request,
    /// First byte handed to the socket.
    pub(super) written: Option<Nanos>,
    /// When it was given to this place.
    pub(super) begun: Nanos,
    /// The token that it carries.
    pub(super) token: Option<Arc<Token>>,
}

/// A place for a connection.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) lane: usize,
    pub(super) state: State,
    pub(super) exchange: Option<Exchange>,
    /// The request that is being written.
    pub(super) out: Vec<u8>,
    /// When the connection became free for the attempt.
    pub(super) free: Nanos,
    /// When the present step must have been done.
    pub(super) deadline: Nanos,
    /// When the connection was opened.
    pub(super) opened: Nanos,
    /// Responses that it has carried.
    pub(super) served: u32,
    /// Which of the target's addresses is tried.
    pub(super) address: usize,
    /// Whether the attempt has found a connection closed and had it opened anew.
    pub(super) reopened: bool,
    /// The shared connection that it is a stream of, if it is one.
    pub(super) joint: Option<usize>,
    /// Number of the attempt that it carries on a shared connection.
    pub(super) serial: u64,
    /// Takes that attempt back.
    pub(super) abort: Option<AbortHandle>,
    /// Whether its answer has begun to come.
    pub(super) answering: bool,
    transport: Option<Transport>,
    written: usize,
    inbox: Vec<u8>,
    filled: usize,
    decoder: Decoder,
}

/// How writing went.
#[derive(Debug)]
pub(super) enum Wrote {
    /// All of it.
    All,
    /// Something, or nothing: the socket takes no more for now.
    Part,
}

/// What reading came to.
#[derive(Debug)]
pub(super) enum Read {
    /// Nothing whole yet; whether anything has come.
    More { something: bool },
    /// A whole response.
    Response(Response),
    /// The other side has closed before a whole response had come.
    Ended,
    /// What came is no response.
    Malformed(Malformed),
    /// The connection broke.
    Broken(io::Error),
}

impl Place {
    pub(super) fn new(lane: usize, joint: Option<usize>) -> Self {
        Self {
            lane,
            state: State::Shut,
            exchange: None,
            out: Vec::new(),
            free: 0,
            deadline: Nanos::MAX,
            opened: 0,
            served: 0,
            address: 0,
            reopened: false,
            joint,
            serial: 0,
            abort: None,
            answering: false,
            transport: None,
            written: 0,
            inbox: Vec::new(),
            filled: 0,
            decoder: Decoder::new(BODY_LIMIT),
        }
    }

    /// Takes a transport that has begun to connect.
    pub(super) fn open(&mut self, transport: Transport) -> &mut Transport {
        self.shut();
        self.state = State::Opening;
        self.transport.insert(transport)
    }

    pub(super) fn transport(&mut self) -> Option<&mut Transport> {
        self.transport.as_mut()
    }

    /// Drops the connection, or the attempt on a shared one.
    pub(super) fn shut(&mut self) {
        if let Some(abort) = self.abort.take() {
            abort.abort();
        }
        self.transport = None;
        self.state = State::Shut;
        self.served = 0;
        self.rewind();
    }

    /// Makes ready for the next attempt.
    pub(super) fn rewind(&mut self) {
        self.answering = false;
        self.written = 0;
        self.filled = 0;
        self.decoder.reset();
    }

    /// Whether the attempt has not been written at all, and its connection was not yet opened anew.
    pub(super) fn may_reopen(&self) -> bool {
        !self.reopened && self.exchange.as_ref().is_some_and(|exchange| exchange.written.is_none())
    }

    /// Whether the whole request has been handed over.
    pub(super) fn has_written(&self) -> bool {
        self.written == self.out.len()
    }

    /// Whether it has left for the socket, too.
    pub(super) fn has_left(&self) -> bool {
        self.has_written() && self.transport.as_ref().is_none_or(Transport::has_flushed)
    }

    /// Writes what the socket takes.
    pub(super) fn write(&mut self) -> io::Result<Wrote> {
        let Some(transport) = &mut self.transport else { return Err(io::ErrorKind::NotConnected.into()) };
        while self.written < self.out.len() {
            match transport.write(&self.out[self.written..])? {
                0 => return Ok(Wrote::Part),
                count => self.written += count,
            }
        }
        Ok(if transport.flush()? { Wrote::All } else { Wrote::Part })
    }

    /// How many bytes of the request have been handed over.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// Reads what has come. `closing`: the other side has said that nothing will follow.
    pub(super) fn read(&mut self, closing: bool) -> Read {
        let Some(transport) = &mut self.transport else { return Read::Ended };
        let mut something = false;
        loop {
            if self.inbox.len() - self.filled < READ {
                // Grows with the answers, and stays as large as the largest.
                self.inbox.resize((self.filled + READ).next_power_of_two(), 0);
            }
            let room = self.inbox.len() - self.filled;
            let (count, ended) = match transport.read(&mut self.inbox[self.filled..]) {
                Ok(Some(0)) => (0, true),
                Ok(Some(count)) => (count, false),
                Ok(None) => return Read::More { something },
                Err(error) => return Read::Broken(error),
            };
            something |= count > 0;
            self.answering |= something;
            self.filled += count;
            match self.decoder.decode(&mut self.inbox[..self.filled], ended) {
                Ok(Some(mut response)) => {
                    // Bytes that nobody asked for must not be taken for the next answer.
                    let perhaps = count == room || transport.buffers();
                    response.keep_alive &= !(perhaps && transport.has_more());
                    return Read::Response(response);
                }
                Ok(None) if ended => return Read::Ended,
                Ok(None) => {}
                Err(malformed) => return Read::Malformed(malformed),
            }
            // The socket has been emptied, and will tell when there is more.
            if count < room && !closing && !transport.buffers() {
                return Read::More { something };
            }
        }
    }

    /// Bytes of the response that was read.
    pub(super) fn bytes(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.inbox.get(range).unwrap_or_default()
    }

    /// Takes in a response that has been read elsewhere.
    pub(super) fn take_in(
        &mut self,
        Answer { status, error_type, ids, retry_after, body }: &Answer,
    ) -> Response {
        self.inbox.clear();
        let mut put = |bytes: &[u8]| {
            let start = self.inbox.len();
            self.inbox.extend_from_slice(bytes);
            start..self.inbox.len()
        };
        Response {
            status: *status,
            head: 0..0,
            body: put(body),
            error_type: error_type.as_deref().map(&mut put),
            ids: ids.each_ref().map(|id| id.as_deref().map(&mut put)),
            retry_after: retry_after.as_deref().map(&mut put),
            keep_alive: true,
            end: 0,
        }
    }

    /// Whether an idle connection is still open, now that there is news of it. Bytes that nobody asked for end it too.
    pub(super) fn is_still_open(&mut self) -> bool {
        self.transport.as_mut().is_some_and(|transport| !transport.has_more())
    }
}
