//! The way of a connection that a fault has befallen: through two queues, from which a task carries bytes on when they are
//! due. It ends when the fault has been lifted and both queues are empty.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::fault::{ConnectionFault, Setting};
use super::flow::{Aftermath, Course, Flow, remember};
use super::lane::{Lane, Next};

/// So much is read from a target at once.
const READ: usize = 8192;

pub(super) struct Detour {
    /// `None` while what a lifted fault held up goes on.
    setting: Option<Setting>,
    /// From the target.
    inward: Lane,
    /// To the target.
    outward: Lane,
    /// Bytes have been thrown away.
    lost: bool,
    /// The fault has had its effect on this connection.
    counted: Vec<Setting>,
    /// Nobody holds the connection any more; only what goes to the target is still carried on.
    abandoned: bool,
    /// The task that carries on.
    pub(super) task: Option<Waker>,
}

/// What becomes of a connection that nobody holds.
pub(super) enum Abandoned {
    /// All bytes have arrived: it ends in order.
    Whole,
    /// Some never will, so there can be no orderly end: it is reset.
    Lost,
    /// Some have yet to arrive.
    UnderWay,
}

/// Where the task stands.
enum Stand {
    Done,
    /// It waits for the socket or for a waker, and until then at the latest.
    Waits(Option<Instant>),
}

impl Detour {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting: Some(setting),
            inward: Lane::default(),
            outward: Lane::default(),
            lost: false,
            counted: Vec::new(),
            abandoned: false,
            task: None,
        }
    }

    /// Another fault, or none. False if the connection cannot go on with it.
    pub(super) fn meet(&mut self, setting: Option<Setting>) -> bool {
        let same = match (&self.setting, &setting) {
            (Some(before), Some(after)) => before.is(after),
            (before, after) => before.is_none() && after.is_none(),
        };
        if !same {
            self.setting = setting;
        }
        !self.lost || self.fault() == Some(ConnectionFault::BlackHole)
    }

    /// Whether bytes have yet to come to the target.
    pub(super) fn is_on_the_way(&self) -> bool {
        self.outward.holds_bytes()
    }

    fn fault(&self) -> Option<ConnectionFault> {
        self.setting.as_ref().map(|setting| setting.fault)
    }

    fn is_silent(&self) -> bool {
        self.fault().is_some_and(ConnectionFault::is_silence)
    }

    /// The holder lets go. What is under way to the target is still carried on, and then the end.
    pub(super) fn abandon(&mut self) -> Abandoned {
        if !self.is_silent() {
            self.abandoned = true;
            self.outward.close(None, Instant::now());
        }
        match (self.outward.is_empty(), self.is_silent()) {
            _ if self.lost => Abandoned::Lost,
            (true, _) => Abandoned::Whole,
            (false, true) => Abandoned::Lost,
            (false, false) => Abandoned::UnderWay,
        }
    }

    /// The first time that the fault has an effect here, it is counted.
    fn befallen(&mut self, count: impl FnOnce(&Setting)) {
        if let Some(setting) = &self.setting
            && !self.counted.iter().any(|counted| counted.is(setting))
        {
            self.counted.push(setting.clone());
            count(setting);
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &Context<'_>,
        buf: &mut ReadBuf<'_>,
        reader: &mut Option<Waker>,
        after: &mut Aftermath,
    ) -> Poll<io::Result<()>> {
        let result = match self.inward.next(self.fault(), Instant::now()) {
            Some(Next::Bytes(bytes)) => {
                let count = bytes.len().min(buf.remaining());
                buf.put_slice(&bytes[..count]);
                self.inward.consume(count, self.fault());
                Poll::Ready(Ok(()))
            }
            Some(Next::End) => Poll::Ready(Ok(())),
            Some(Next::Broken(kind)) => Poll::Ready(Err(kind.into())),
            None => {
                remember(reader, cx);
                Poll::Pending
            }
        };
        // There is room now, or somebody who waits.
        after.wakers.extend(self.task.take());
        result
    }

    pub(super) fn poll_write(
        &mut self,
        parts: &[io::IoSlice<'_>],
        count: impl FnOnce(&Setting),
        after: &mut Aftermath,
    ) -> Poll<io::Result<usize>> {
        let Some(part) = parts.iter().find(|part| !part.is_empty()) else { return Poll::Ready(Ok(0)) };
        if self.outward.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.fault() == Some(ConnectionFault::BlackHole) {
            self.befallen(count);
            self.lost = true;
            return Poll::Ready(Ok(part.len()));
        }
        let taken = part.len().min(self.outward.room());
        if taken == 0 {
            return Poll::Pending;
        }
        self.befallen(count);
        self.outward.push(&part[..taken], Instant::now());
        after.wakers.extend(self.task.take());
        Poll::Ready(Ok(taken))
    }

    pub(super) fn shut(&mut self, after: &mut Aftermath) {
        self.outward.close(None, Instant::now());
        after.wakers.extend(self.task.take());
    }

    /// Reads what comes from the target. True if something came.
    fn take_in(
        &mut self,
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
        now: Instant,
        count: impl FnOnce(&Setting),
    ) -> bool {
        let mut some = [0; READ];
        let mut came = false;
        // Once the fault is lifted, it is left to the socket, or the detour might never end.
        while !self.abandoned && self.setting.is_some() && self.inward.room() > 0 {
            let mut part = ReadBuf::new(&mut some[..self.inward.room().min(READ)]);
            let Poll::Ready(read) = Pin::new(&mut *socket).poll_read(cx, &mut part) else { break };
            came = true;
            match read {
                Err(error) => self.inward.close(Some(error.kind()), now),
                Ok(()) if part.filled().is_empty() => self.inward.close(None, now),
                Ok(()) if self.fault() == Some(ConnectionFault::BlackHole) => self.lost = true,
                Ok(()) => self.inward.push(part.filled(), now),
            }
        }
        if came {
            self.befallen(count);
        }
        came
    }

    /// Writes to the target what is due: ready when all of it has been.
    fn carry_out(
        &mut self,
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.outward.next(self.fault(), now) {
                Some(Next::Bytes(bytes)) => {
                    let written = ready!(Pin::new(&mut *socket).poll_write(cx, bytes))?;
                    self.outward.consume(written, self.fault());
                }
                Some(Next::End) => {
                    ready!(Pin::new(&mut *socket).poll_shutdown(cx))?;
                    self.outward.consume_end();
                }
                Some(Next::Broken(_)) | None => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Carries on what is due on the detour of `flow`, until that ends.
pub(super) async fn run(flow: Arc<Flow>) {
    let mut timer = pin!(sleep(std::time::Duration::ZERO));
    let carrying = std::future::poll_fn(|cx| {
        loop {
            match carry_on(&flow, cx) {
                Stand::Done => return Poll::Ready(()),
                Stand::Waits(None) => return Poll::Pending,
                Stand::Waits(Some(until)) => {
                    timer.as_mut().reset(until);
                    ready!(timer.as_mut().poll(cx));
                }
            }
        }
    });
    carrying.await;
}

fn carry_on(flow: &Flow, cx: &mut Context<'_>) -> Stand {
    let mut after = Aftermath::default();
    let mut guard = flow.lock();
    let held = &mut *guard;
    let now = Instant::now();
    let clock = &flow.group.clock;
    let (Some(socket), Course::Detour(detour)) = (held.socket.as_mut(), &mut held.course) else {
        return Stand::Done;
    };
    detour.task = Some(cx.waker().clone());

    if detour.take_in(socket, cx, now, |setting| flow.group.befall(setting)) {
        if clock.has_forgotten(held.last) {
            held.reset(&mut after);
            return Stand::Done;
        }
        held.last = clock.now();
    }
    let carried = detour.carry_out(socket, cx, now);
    // A client that ends while nothing arrives is told nothing; it does not stay for ever.
    let left = detour.is_silent() && detour.outward.is_closed();
    if matches!(carried, Poll::Ready(Err(_))) || (left && clock.has_forgotten(held.last)) {
        held.reset(&mut after);
        return Stand::Done;
    }
    if detour.abandoned {
        if detour.outward.is_empty() || detour.is_silent() {
            if detour.outward.is_empty() {
                after.sockets.extend(held.socket.take());
            } else {
                held.reset(&mut after);
            }
            drop(guard);
            flow.group.forget(flow.target, flow.number);
            return Stand::Done;
        }
    } else if detour.setting.is_none() && detour.inward.is_clear() && detour.outward.is_empty() {
        held.wake_all(&mut after);
        held.course = Course::Direct;
        return Stand::Done;
    }
    if detour.inward.next(detour.fault(), now).is_some() {
        after.wakers.extend(held.reader.take());
    }
    if detour.outward.room() > 0 {
        after.wakers.extend(held.writer.take());
    }
    let arrives = detour.inward.due(detour.fault()).filter(|_| held.reader.is_some());
    let leaves = detour.outward.due(detour.fault()).filter(|_| carried.is_ready());
    let forgets = left.then(|| now.checked_add(clock.limit())).flatten();
    Stand::Waits([arrives, leaves, forgets].into_iter().flatten().min())
}
