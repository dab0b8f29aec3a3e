//! What lies between hyper and a connection's socket: it knows when which request was handed over.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};

use super::super::clock::{Clock, Nanos};
use super::super::poller::Ready;
use super::super::transport::Transport;
use super::{Happening, Happenings, Step};

/// Read at once, in bytes: a frame of the usual size.
const READ: usize = 16 * 1024;

/// A request's body, which notes when it is taken: until then the request waits inside, for a stream that the server
/// allows.
pub(super) struct Content {
    pub(super) bytes: Bytes,
    pub(super) slot: usize,
    pub(super) serial: u64,
    pub(super) wire: Rc<Wire>,
    pub(super) turn: Rc<Cell<u64>>,
    /// The turn in which it was given to hyper: it would be taken then, if nothing stood in its way.
    pub(super) asked: u64,
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        self.wire.taken.borrow_mut().push((self.slot, self.serial));
        let (at, waited) = (self.wire.clock.now(), self.turn.get() != self.asked);
        self.wire.moved(self.slot, self.serial, Step::Taken { at, waited });
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// A transport, shared by who polls it and who knows when it is ready.
pub(super) struct Wire {
    transport: RefCell<Transport>,
    reader: Cell<Option<Waker>>,
    writer: Cell<Option<Waker>>,
    clock: Clock,
    /// Requests whose bodies were taken since bytes were last written.
    taken: RefCell<Vec<(usize, u64)>>,
    pub(super) happened: Happenings,
    last_write: Cell<Nanos>,
    pub(super) last_read: Cell<Nanos>,
    /// Whether it has ended, or failed.
    broken: Cell<bool>,
}

impl Wire {
    pub(super) fn new(transport: Transport, clock: Clock, happened: Happenings) -> Self {
        Self {
            transport: RefCell::new(transport),
            reader: Cell::default(),
            writer: Cell::default(),
            clock,
            taken: RefCell::default(),
            happened,
            last_write: Cell::default(),
            last_read: Cell::default(),
            broken: Cell::default(),
        }
    }

    /// Its socket is ready.
    pub(super) fn tell(&self, event: Ready) {
        if event.readable || event.closed {
            wake(&self.reader);
        }
        if event.writable {
            wake(&self.writer);
        }
    }

    /// Bytes were handed to the socket.
    fn wrote(&self, at: Nanos) {
        self.last_write.set(at);
        for (slot, serial) in self.taken.borrow_mut().drain(..) {
            self.moved(slot, serial, Step::Written(at));
        }
    }

    /// All that could be written has been. Of a request whose body was taken since then the head had left already, while
    /// the body may wait for room at the other side; or it never will, where the connection has ended.
    pub(super) fn note_heads(&self) {
        if self.broken.get() {
            self.taken.borrow_mut().clear();
            return;
        }
        let writer = self.writer.take();
        if writer.is_none() {
            self.wrote(self.last_write.get());
        }
        self.writer.set(writer);
    }

    /// A request has moved.
    pub(super) fn moved(&self, slot: usize, serial: u64, to: Step) {
        self.happened.borrow_mut().push(Happening::Moved { slot, serial, to });
    }
}

fn wake(who: &Cell<Option<Waker>>) {
    if let Some(waker) = who.take() {
        waker.wake();
    }
}

/// The transport as hyper takes it.
pub(super) struct Stream(pub(super) Rc<Wire>);

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
                self.0.broken.set(count == 0);
                self.0.last_read.set(self.0.clock.now());
                buf.put_slice(&bytes[..count]);
                Poll::Ready(Ok(()))
            }
            Ok(None) => {
                self.0.reader.set(Some(cx.waker().clone()));
                Poll::Pending
            }
            Err(error) => {
                self.0.broken.set(true);
                Poll::Ready(Err(error))
            }
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
                self.0.wrote(now);
                Poll::Ready(Ok(count))
            }
            Err(error) => {
                self.0.broken.set(true);
                Poll::Ready(Err(error))
            }
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
