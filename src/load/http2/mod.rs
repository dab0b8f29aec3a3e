//! HTTP/2 on a load thread: hyper's connections (RFC 9113), polled when their sockets are ready.
//!
//! hyper needs no runtime for this, only somebody who polls: a pool of one thread, which runs what has been woken
//! until nothing moves. Sockets are those of the thread's own poller.

mod wire;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use futures_executor::{LocalPool, LocalSpawner};
use futures_util::future::{AbortHandle, abortable};
use futures_util::task::LocalSpawnExt as _;
use http_body_util::{BodyExt as _, Limited};
use hyper::Request;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;

use super::clock::{Clock, Nanos};
use super::place::BODY_LIMIT;
use super::poller::Ready;
use super::tls::Tls;
use super::transport::Transport;
use crate::wire::http1::ID_HEADERS;
use wire::{Content, Stream, Wire};

/// Something has happened.
pub(super) enum Happened {
    /// A connection is open.
    Opened { connection: usize },
    /// A connection takes no further request; without an error where the server said so in good order (RFC 9113, section
    /// 6.8). What is on it goes on, and each request is told of by itself.
    Ended { connection: usize, error: Option<io::Error> },
    /// A request has moved.
    Moved { slot: usize, serial: u64, to: Step },
}

/// What becomes of a request.
pub(super) enum Step {
    /// It is on its way to the socket, which it may have had to wait for: for a stream that the other side allows.
    Taken { at: Nanos, waited: bool },
    /// Its first byte was handed to the socket.
    Written(Nanos),
    /// The head of its response has come.
    Head,
    /// It has its whole response, or never will.
    Answered { ended: Nanos, answer: Result<Answer, Failed> },
}

/// A whole response.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) error_type: Option<Vec<u8>>,
    /// In the order of [`ID_HEADERS`].
    pub(super) ids: [Option<Vec<u8>>; ID_HEADERS.len()],
    pub(super) retry_after: Option<Vec<u8>>,
    pub(super) body: Bytes,
}

/// Why there is no response.
pub(super) struct Failed {
    pub(super) reason: String,
    /// Whether the server has said that it did nothing with the request (RFC 9113, section 8.7).
    pub(super) unprocessed: bool,
    /// Whether the connection takes no further request.
    going: bool,
}

impl From<hyper::Error> for Failed {
    fn from(error: hyper::Error) -> Self {
        let cause = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<h2::Error>());
        let theirs = |reason| cause.filter(|cause| cause.is_remote() && cause.reason() == Some(reason));
        let going = theirs(h2::Reason::NO_ERROR).is_some_and(h2::Error::is_go_away);
        let refused = theirs(h2::Reason::REFUSED_STREAM).is_some_and(h2::Error::is_reset);
        Self { reason: describe(&error), unprocessed: going || refused, going }
    }
}

/// A connection.
#[derive(Default)]
enum Connection {
    #[default]
    Shut,
    /// Being connected, below HTTP/2.
    Opening(Transport),
    /// Below HTTP/2 it stands.
    Standing { wire: Rc<Wire>, sender: Option<SendRequest<Content>>, number: u64 },
}

/// All HTTP/2 connections of one thread.
pub(super) struct Http2 {
    pool: LocalPool,
    spawner: LocalSpawner,
    clock: Clock,
    connections: Vec<Connection>,
    /// Wires of those that take no further request, with whose they were, while requests are still on them.
    draining: Vec<(usize, Rc<Wire>)>,
    happened: Happenings,
    /// Whether something may move when polled.
    dirty: bool,
    /// How many times it was polled.
    turn: Rc<Cell<u64>>,
    opened: u64,
}

/// What a task has to tell, with the number of the connection that it was for: one that is gone has nothing to say.
enum Happening {
    Shaken { connection: usize, number: u64, sender: SendRequest<Content> },
    Ended { connection: usize, number: u64, error: Option<io::Error> },
    Moved { slot: usize, serial: u64, to: Step },
}

type Happenings = Rc<RefCell<Vec<Happening>>>;

impl Http2 {
    /// So many connections, none of them open.
    pub(super) fn new(connections: usize, clock: Clock) -> Self {
        let pool = LocalPool::new();
        Self {
            spawner: pool.spawner(),
            pool,
            clock,
            connections: (0..connections).map(|_| Connection::Shut).collect(),
            draining: Vec::new(),
            happened: Rc::default(),
            dirty: false,
            turn: Rc::default(),
            opened: 0,
        }
    }

    pub(super) fn is_shut(&self, connection: usize) -> bool {
        matches!(self.connections[connection], Connection::Shut)
    }

    pub(super) fn is_open(&self, connection: usize) -> bool {
        matches!(self.connections[connection], Connection::Standing { sender: Some(_), .. })
    }

    /// Begins to connect; the transport is to be watched.
    pub(super) fn open(
        &mut self,
        connection: usize,
        address: SocketAddr,
        tls: Option<&Tls>,
    ) -> io::Result<&mut Transport> {
        self.connections[connection] = Connection::Opening(Transport::connect(address, tls)?);
        match &mut self.connections[connection] {
            Connection::Opening(transport) => Ok(transport),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Drops a connection that could not be opened.
    pub(super) fn shut(&mut self, connection: usize) {
        self.connections[connection] = Connection::Shut;
    }

    /// A connection's socket is ready.
    pub(super) fn on_ready(&mut self, connection: usize, event: Ready) -> io::Result<()> {
        self.dirty = true;
        // Which of the connection's sockets it was is not known, and it is no harm to look at all of them.
        for (_, wire) in self.draining.iter().filter(|(of, _)| *of == connection) {
            wire.tell(event);
        }
        if let Connection::Opening(transport) = &mut self.connections[connection] {
            if !transport.open()? {
                return Ok(());
            }
            if !transport.speaks_http2() {
                return Err(io::Error::other("the server does not speak HTTP/2 over TLS (ALPN `h2`)"));
            }
            self.shake_hands(connection);
        } else if let Connection::Standing { wire, .. } = &self.connections[connection] {
            wire.tell(event);
        }
        Ok(())
    }

    fn shake_hands(&mut self, connection: usize) {
        let Connection::Opening(transport) = std::mem::take(&mut self.connections[connection]) else {
            return;
        };
        self.opened += 1;
        let number = self.opened;
        let wire = Rc::new(Wire::new(transport, self.clock, self.happened.clone()));
        let io = Stream(wire.clone());
        self.connections[connection] = Connection::Standing { wire, sender: None, number };
        let happened = self.happened.clone();
        let executor = Spawner(self.spawner.clone());
        self.spawn(async move {
            let error = match Builder::new(executor).handshake(io).await {
                Ok((sender, ended)) => {
                    happened.borrow_mut().push(Happening::Shaken { connection, number, sender });
                    ended.await.err()
                }
                Err(error) => Some(error),
            };
            let error = error.map(|error| io::Error::other(describe(&error)));
            happened.borrow_mut().push(Happening::Ended { connection, number, error });
        });
    }

    /// Sends a request on an open connection; `slot` and `serial` come back with its answer. What is returned takes
    /// the request back.
    pub(super) fn send(
        &mut self,
        connection: usize,
        request: Request<Bytes>,
        slot: usize,
        serial: u64,
    ) -> Option<AbortHandle> {
        let Connection::Standing { wire, sender: Some(sender), number } = &self.connections[connection]
        else {
            return None;
        };
        let number = *number;
        let (mut sender, wire) = (sender.clone(), wire.clone());
        let (turn, asked) = (self.turn.clone(), self.turn.get());
        let (exchange, abort) = abortable(async move {
            let answer = async {
                let content = |bytes| Content { bytes, slot, serial, wire: wire.clone(), turn, asked };
                let request = request.map(content);
                let response = sender.send_request(request).await?;
                wire.moved(slot, serial, Step::Head);
                let (head, body) = response.into_parts();
                let body = Limited::new(body, BODY_LIMIT).collect().await;
                let body = body.map_err(|error| Failed {
                    reason: error.to_string(),
                    unprocessed: false,
                    going: false,
                })?;
                let field = |name: &str| head.headers.get(name).map(|value| value.as_bytes().to_vec());
                Ok(Answer {
                    status: head.status.as_u16(),
                    error_type: field("x-amzn-errortype"),
                    ids: ID_HEADERS.map(field),
                    retry_after: field("retry-after"),
                    body: body.to_bytes(),
                })
            };
            let answer = answer.await;
            if matches!(&answer, Err(Failed { going: true, .. })) {
                // hyper finds out with the next request only.
                wire.happened.borrow_mut().push(Happening::Ended { connection, number, error: None });
            }
            wire.moved(slot, serial, Step::Answered { ended: wire.last_read.get(), answer });
        });
        self.spawn(async move {
            // One that is taken back has nothing to tell.
            let _ = exchange.await;
        });
        Some(abort)
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        self.dirty = true;
        // The pool lives as long as the spawner: spawning cannot fail.
        let _ = self.spawner.spawn_local(task);
    }

    /// Something has been taken back, which leaves room for others.
    pub(super) fn stir(&mut self) {
        self.dirty = true;
    }

    /// The wires of all connections that stand.
    fn wires(&self) -> impl Iterator<Item = &Wire> {
        let standing = self.connections.iter().filter_map(|connection| match connection {
            Connection::Standing { wire, .. } => Some(&**wire),
            _ => None,
        });
        standing.chain(self.draining.iter().map(|(_, wire)| &**wire))
    }

    /// Lets move what can; what has come of it goes into `into`. False where nothing could move.
    pub(super) fn poll(&mut self, into: &mut Vec<Happened>) -> bool {
        if !std::mem::take(&mut self.dirty) {
            return false;
        }
        self.pool.run_until_stalled();
        self.turn.set(self.turn.get() + 1);
        for wire in self.wires() {
            wire.note_heads();
        }
        self.draining.retain(|(_, wire)| Rc::strong_count(wire) > 1);
        let mut happened = std::mem::take(&mut *self.happened.borrow_mut());
        // What opens and what is answered has requests sent, for which it must be known which connections have ended; and
        // what had been written must be known before that.
        happened.sort_by_key(|happening| match happening {
            Happening::Moved { to: Step::Taken { .. } | Step::Written(_) | Step::Head, .. } => 0,
            Happening::Ended { .. } => 1,
            Happening::Shaken { .. } | Happening::Moved { to: Step::Answered { .. }, .. } => 2,
        });
        for happening in happened {
            match happening {
                Happening::Shaken { connection, number, sender: shaken } => {
                    if let Connection::Standing { sender, number: now, .. } =
                        &mut self.connections[connection]
                        && *now == number
                    {
                        *sender = Some(shaken);
                        into.push(Happened::Opened { connection });
                    }
                }
                Happening::Ended { connection, number, error } => {
                    if let Connection::Standing { wire, number: now, .. } = &self.connections[connection]
                        && *now == number
                    {
                        self.draining.push((connection, wire.clone()));
                        self.connections[connection] = Connection::Shut;
                        into.push(Happened::Ended { connection, error });
                    }
                }
                Happening::Moved { slot, serial, to } => into.push(Happened::Moved { slot, serial, to }),
            }
        }
        true
    }
}

/// Spawns what hyper needs spawned.
#[derive(Clone)]
struct Spawner(LocalSpawner);

impl<F: Future + 'static> Executor<F> for Spawner {
    fn execute(&self, future: F) {
        // The pool lives as long as the spawner: spawning cannot fail.
        let _ = self.0.spawn_local(async move {
            future.await;
        });
    }
}

/// A hyper error with its cause, which is where the reason stands.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
