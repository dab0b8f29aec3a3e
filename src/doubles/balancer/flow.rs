//! One connection's way to its target, which its holder, the balancer's controls and time act on.
//!
//! A lock of its own holds it together: reading and writing take it, and nobody else does unless something happens to
//! the connection. Whoever holds it takes no other lock.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::detour::{Abandoned, Detour, run};
use super::fault::{ConnectionFault, Setting};
use super::group::Group;

/// So much is read at once where bytes are counted.
const CUT_READ: usize = 4096;

pub(super) struct Flow {
    pub(super) group: Arc<Group>,
    pub(super) target: SocketAddr,
    /// Among all flows.
    pub(super) number: u64,
    held: Mutex<Held>,
}

pub(super) struct Held {
    /// `None` once the connection has been reset or given back.
    pub(super) socket: Option<TcpStream>,
    /// When a byte last passed, by the group's clock.
    pub(super) last: u64,
    pub(super) course: Course,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

/// Which way bytes take.
pub(super) enum Course {
    /// From and to the socket.
    Direct,
    /// The same, but after so many bytes from the target the connection is reset.
    Cut(u64, Setting),
    /// Through queues, from which a task carries them on.
    Detour(Box<Detour>),
}

/// What is done when all locks have been let go: a waker may run anything, and a socket's end may drop wakers.
#[derive(Default)]
pub(super) struct Aftermath {
    pub(super) sockets: Vec<TcpStream>,
    pub(super) wakers: Vec<Waker>,
}

impl Drop for Aftermath {
    fn drop(&mut self) {
        self.sockets.clear();
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

/// What becomes of reads and writes of a connection that was reset.
fn gone() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// Keeps the waker of whoever waits.
pub(super) fn remember(waiting: &mut Option<Waker>, cx: &Context<'_>) {
    match waiting {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *waiting = Some(cx.waker().clone()),
    }
}

impl Held {
    /// Resets the connection.
    pub(super) fn reset(&mut self, after: &mut Aftermath) {
        if let Some(socket) = self.socket.take() {
            let _ = socket.set_zero_linger();
            after.sockets.push(socket);
        }
        self.wake_all(after);
        self.course = Course::Direct;
    }

    pub(super) fn wake_all(&mut self, after: &mut Aftermath) {
        let task = match &mut self.course {
            Course::Detour(detour) => detour.task.take(),
            Course::Direct | Course::Cut(..) => None,
        };
        after.wakers.extend(self.reader.take().into_iter().chain(self.writer.take()).chain(task));
    }
}

impl Flow {
    pub(super) fn new(group: Arc<Group>, target: SocketAddr, number: u64, socket: TcpStream) -> Self {
        let held = Held {
            socket: Some(socket),
            last: group.clock.now(),
            course: Course::Direct,
            reader: None,
            writer: None,
        };
        Self { group, target, number, held: Mutex::new(held) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reset(&self, after: &mut Aftermath) {
        self.lock().reset(after);
    }

    /// Whether bytes of its holder, or of one that has gone, have yet to come to the target.
    pub(super) fn is_on_the_way(&self) -> bool {
        let held = self.lock();
        held.socket.is_some() && matches!(&held.course, Course::Detour(detour) if detour.is_on_the_way())
    }

    /// Brings a fault upon a connection that has just come.
    pub(super) fn begin(self: &Arc<Self>, setting: Option<&Setting>, after: &mut Aftermath) {
        match setting {
            // It was opened before, or it would have been refused outright.
            Some(setting) if !setting.fault.is_of_bytes() => self.strike(setting, after),
            _ => self.meet(setting, after),
        }
    }

    /// Resets the connection: after so many bytes from the target if the fault says so, else at once. One on a detour is
    /// reset at once, since it holds bytes that have come already.
    pub(super) fn strike(&self, setting: &Setting, after: &mut Aftermath) {
        let mut held = self.lock();
        match (setting.fault, &held.course) {
            _ if held.socket.is_none() => {}
            (ConnectionFault::Reset { after_bytes: Some(bytes @ 1..) }, Course::Direct | Course::Cut(..)) => {
                held.course = Course::Cut(bytes, setting.clone());
            }
            _ => {
                self.group.befall(setting);
                held.reset(after);
            }
        }
    }

    /// Brings a fault upon a connection that is open, or lifts the one that is on it.
    pub(super) fn meet(self: &Arc<Self>, setting: Option<&Setting>, after: &mut Aftermath) {
        let mut held = self.lock();
        if held.socket.is_none() {
            return;
        }
        let of_bytes = setting.filter(|setting| setting.fault.is_of_bytes()).cloned();
        match (&mut held.course, of_bytes) {
            (Course::Detour(detour), of_bytes) => {
                if detour.meet(of_bytes) {
                    after.wakers.extend(detour.task.take());
                } else {
                    held.reset(after);
                }
            }
            (Course::Direct | Course::Cut(..), Some(setting)) => {
                // Whoever waits for the socket is to wait for the queues.
                held.wake_all(after);
                held.course = Course::Detour(Box::new(Detour::new(setting)));
                self.group.spawn(run(self.clone()));
            }
            (Course::Cut(..), None)
                if setting.is_some_and(|it| matches!(it.fault, ConnectionFault::Reset { .. })) => {}
            (Course::Direct | Course::Cut(..), None) => held.course = Course::Direct,
        }
    }

    /// Its holder lets it go: it ends in order, when what is under way has arrived.
    pub(super) fn release(&self) {
        let mut after = Aftermath::default();
        let mut held = self.lock();
        let ends = match &mut held.course {
            Course::Detour(detour) => detour.abandon(),
            Course::Direct | Course::Cut(..) => Abandoned::Whole,
        };
        match ends {
            Abandoned::UnderWay if held.socket.is_some() => {
                held.wake_all(&mut after);
                return;
            }
            Abandoned::Lost => held.reset(&mut after),
            Abandoned::Whole | Abandoned::UnderWay => {
                after.sockets.extend(held.socket.take());
                held.wake_all(&mut after);
            }
        }
        drop(held);
        self.group.forget(self.target, self.number);
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut after = Aftermath::default();
        let mut guard = self.lock();
        let held = &mut *guard;
        let Some(socket) = held.socket.as_mut() else { return Poll::Ready(Err(gone())) };
        let before = buf.filled().len();
        let polled = match &mut held.course {
            Course::Direct => Pin::new(socket).poll_read(cx, buf),
            Course::Cut(left, _) => {
                let mut some = [0; CUT_READ];
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(CUT_READ).min(buf.remaining());
                let mut part = ReadBuf::new(&mut some[..most]);
                let polled = Pin::new(socket).poll_read(cx, &mut part);
                buf.put_slice(part.filled());
                polled
            }
            Course::Detour(detour) => {
                return detour.poll_read(cx, buf, &mut held.reader, &mut after);
            }
        };
        if polled.is_pending() {
            remember(&mut held.reader, cx);
            return Poll::Pending;
        }
        // The flow is forgotten silently; only the next packet is answered, with a reset.
        if self.group.clock.has_forgotten(held.last) {
            buf.set_filled(before);
            held.reset(&mut after);
            return Poll::Ready(Err(gone()));
        }
        held.last = self.group.clock.now();
        if let Course::Cut(left, setting) = &mut held.course {
            *left -= (buf.filled().len() - before) as u64;
            if *left == 0 {
                self.group.befall(setting);
                held.reset(&mut after);
            }
        }
        polled
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut after = Aftermath::default();
        let mut guard = self.lock();
        let held = &mut *guard;
        let Some(socket) = held.socket.as_mut() else { return Poll::Ready(Err(gone())) };
        if self.group.clock.has_forgotten(held.last) {
            held.reset(&mut after);
            return Poll::Ready(Err(gone()));
        }
        let polled = match &mut held.course {
            Course::Direct | Course::Cut(..) => match parts {
                [part] => Pin::new(socket).poll_write(cx, part),
                parts => Pin::new(socket).poll_write_vectored(cx, parts),
            },
            Course::Detour(detour) => {
                detour.poll_write(parts, |setting| self.group.befall(setting), &mut after)
            }
        };
        if polled.is_pending() {
            remember(&mut held.writer, cx);
        } else {
            held.last = self.group.clock.now();
        }
        polled
    }

    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut after = Aftermath::default();
        let mut guard = self.lock();
        let held = &mut *guard;
        let Some(socket) = held.socket.as_mut() else { return Poll::Ready(Err(gone())) };
        if self.group.clock.has_forgotten(held.last) {
            held.reset(&mut after);
            return Poll::Ready(Err(gone()));
        }
        match &mut held.course {
            Course::Direct | Course::Cut(..) => Pin::new(socket).poll_shutdown(cx),
            Course::Detour(detour) => {
                detour.shut(&mut after);
                Poll::Ready(Ok(()))
            }
        }
    }
}
