//! HTTP/2 on a load thread: hyper's connections (RFC 9113), polled when their sockets are ready.
//!
//! hyper needs no runtime for this, only somebody who polls: a pool of one thread, which runs what has been woken
//! until nothing moves. Sockets are those of the thread's own poller.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_executor::{LocalPool, LocalSpawner};
use futures_util::future::{AbortHandle, abortable};
use futures_util::task::LocalSpawnExt as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::{Executor, Read, ReadBufCursor, Write};

use super::clock::{Clock, Nanos};
use super::http1::BODY_LIMIT;
use super::poller::Ready;
use super::tls::Tls;
use super::transport::Transport;

/// Read at once, in bytes: a frame of the usual size.
const READ: usize = 16 * 1024;

/// Something has happened.
pub(super) enum Happened {
    /// A connection is open.
    Opened { connection: usize },
    /// A connection could not be opened, or has ended.
    Ended { connection: usize, error: io::Error },
    /// A request has its whole response, or never will.
    Answered { slot: usize, serial: u64, ended: Nanos, answer: Result<Answer, String> },
}

/// A whole response.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) error_type: Option<Vec<u8>>,
    pub(super) retry_after: Option<Vec<u8>>,
    pub(super) body: Bytes,
}

/// A connection.
#[derive(Default)]
enum Connection {
    #[default]
    Shut,
    /// Being connected, below HTTP/2.
    Opening(Transport),
    /// Below HTTP/2 it stands.
    Standing { wire: Rc<Wire>, sender: Option<SendRequest<Full<Bytes>>>, number: u64 },
}

/// All HTTP/2 connections of one thread.
pub(super) struct Http2 {
    pool: LocalPool,
    spawner: LocalSpawner,
    clock: Clock,
    connections: Vec<Connection>,
    happened: Rc<RefCell<Vec<Happening>>>,
    /// Whether something may move when polled.
    dirty: bool,
    opened: u64,
}

/// What a task has to tell, with the number of the connection that it was for: one that is gone has nothing to say.
enum Happening {
    Shaken { connection: usize, number: u64, sender: SendRequest<Full<Bytes>> },
    Ended { connection: usize, number: u64, error: io::Error },
    Answered { slot: usize, serial: u64, ended: Nanos, answer: Result<Answer, String> },
}

impl Http2 {
    /// So many connections, none of them open.
    pub(super) fn new(connections: usize, clock: Clock) -> Self {
        let pool = LocalPool::new();
        Self {
            spawner: pool.spawner(),
            pool,
            clock,
            connections: (0..connections).map(|_| Connection::Shut).collect(),
            happened: Rc::default(),
            dirty: false,
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

    /// Drops a connection with all that is on it.
    pub(super) fn shut(&mut self, connection: usize) {
        self.connections[connection] = Connection::Shut;
    }

    /// A connection's socket is ready.
    pub(super) fn on_ready(&mut self, connection: usize, event: Ready) -> io::Result<()> {
        self.dirty = true;
        if let Connection::Opening(transport) = &mut self.connections[connection] {
            if !transport.open()? {
                return Ok(());
            }
            if !transport.speaks_http2() {
                return Err(io::Error::other("the server does not speak HTTP/2 over TLS (ALPN `h2`)"));
            }
            self.shake_hands(connection);
        } else if let Connection::Standing { wire, .. } = &self.connections[connection] {
            if event.readable || event.closed {
                wake(&wire.reader);
            }
            if event.writable {
                wake(&wire.writer);
            }
        }
        Ok(())
    }

    fn shake_hands(&mut self, connection: usize) {
        let Connection::Opening(transport) = std::mem::take(&mut self.connections[connection]) else {
            return;
        };
        self.opened += 1;
        let number = self.opened;
        let wire = Rc::new(Wire::new(transport, self.clock));
        let io = Stream(wire.clone());
        self.connections[connection] = Connection::Standing { wire, sender: None, number };
        let happened = self.happened.clone();
        let executor = Spawner(self.spawner.clone());
        self.spawn(async move {
            let error = match Builder::new(executor).handshake(io).await {
                Ok((sender, ended)) => {
                    happened.borrow_mut().push(Happening::Shaken { connection, number, sender });
                    match ended.await {
                        Ok(()) => io::Error::new(io::ErrorKind::UnexpectedEof, "closed by the other side"),
                        Err(error) => io::Error::other(describe(&error)),
                    }
                }
                Err(error) => io::Error::other(describe(&error)),
            };
            happened.borrow_mut().push(Happening::Ended { connection, number, error });
        });
    }

    /// Sends a request on an open connection; `slot` and `serial` come back with its answer. What is returned takes
    /// the request back.
    pub(super) fn send(
        &mut self,
        connection: usize,
        request: Request<Full<Bytes>>,
        slot: usize,
        serial: u64,
    ) -> Option<AbortHandle> {
        let Connection::Standing { wire, sender: Some(sender), .. } = &self.connections[connection] else {
            return None;
        };
        let (mut sender, wire, happened) = (sender.clone(), wire.clone(), self.happened.clone());
        let (exchange, abort) = abortable(async move {
            let answer = async {
                let response = sender.send_request(request).await.map_err(|error| describe(&error))?;
                let (head, body) = response.into_parts();
                let body =
                    Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| error.to_string())?;
                let field = |name: &str| head.headers.get(name).map(|value| value.as_bytes().to_vec());
                Ok(Answer {
                    status: head.status.as_u16(),
                    error_type: field("x-amzn-errortype"),
                    retry_after: field("retry-after"),
                    body: body.to_bytes(),
                })
            };
            let answer = answer.await;
            let ended = wire.last_read.get();
            happened.borrow_mut().push(Happening::Answered { slot, serial, ended, answer });
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

    /// Lets move what can; what has come of it goes into `into`. False where nothing could move.
    pub(super) fn poll(&mut self, into: &mut Vec<Happened>) -> bool {
        if !std::mem::take(&mut self.dirty) {
            return false;
        }
        self.pool.run_until_stalled();
        let mut happened = std::mem::take(&mut *self.happened.borrow_mut());
        // A response that came with the end of its connection has come.
        happened.sort_by_key(|happening| matches!(happening, Happening::Ended { .. }));
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
                    let current = match &self.connections[connection] {
                        Connection::Standing { number: now, .. } => *now == number,
                        _ => false,
                    };
                    if current {
                        self.connections[connection] = Connection::Shut;
                        into.push(Happened::Ended { connection, error });
                    }
                }
                Happening::Answered { slot, serial, ended, answer } => {
                    into.push(Happened::Answered { slot, serial, ended, answer });
                }
            }
        }
        true
    }

    /// When a connection has handed bytes to its socket for the first time since this was asked last.
    pub(super) fn wrote(&self, connection: usize) -> Option<Nanos> {
        match &self.connections[connection] {
            Connection::Standing { wire, .. } => wire.first_write.take(),
            _ => None,
        }
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

/// A transport, shared by who polls it and who knows when it is ready.
struct Wire {
    transport: RefCell<Transport>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
    clock: Clock,
    first_write: Cell<Option<Nanos>>,
    last_read: Cell<Nanos>,
}

impl Wire {
    fn new(transport: Transport, clock: Clock) -> Self {
        Self {
            transport: RefCell::new(transport),
            reader: Cell::default(),
            writer: Cell::default(),
            clock,
            first_write: Cell::default(),
            last_read: Cell::default(),
        }
    }
}

fn wake(who: &Cell<Option<Waker>>) {
    if let Some(waker) = who.take() {
        waker.wake();
    }
}

/// The transport as hyper takes it.
struct Stream(Rc<Wire>);

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ];
        let room = buf.remaining().min(READ);
        match self.0.transport.borrow_mut().read(&mut bytes[..room]) {
            Ok(Some(count)) => {
                self.0.last_read.set(self.0.clock.now());
                buf.put_slice(&bytes[..count]);
                Poll::Ready(Ok(()))
            }
            Ok(None) => {
                self.0.reader.set(Some(cx.waker().clone()));
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let now = self.0.clock.now();
        match self.0.transport.borrow_mut().write(buf) {
            Ok(0) if !buf.is_empty() => {
                self.0.writer.set(Some(cx.waker().clone()));
                Poll::Pending
            }
            Ok(count) => {
                let first = self.0.first_write.take().unwrap_or(now);
                self.0.first_write.set(Some(first));
                Poll::Ready(Ok(count))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.transport.borrow_mut().flush() {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => {
                self.0.writer.set(Some(cx.waker().clone()));
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping the transport closes it.
        Poll::Ready(Ok(()))
    }
}

/// A hyper error with its cause, which is where the reason stands.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
