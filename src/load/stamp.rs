//! Reading the clock where bytes meet the socket.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// When bytes last passed a socket, seen from outside it.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    first_write: Cell<Option<Instant>>,
    last_read: Cell<Option<Instant>>,
}

impl Stamps {
    /// Forgets the previous exchange.
    pub(super) fn arm(&self) {
        self.first_write.set(None);
        self.last_read.set(None);
    }

    /// When the first byte since [`Stamps::arm`] was handed to the socket.
    pub(super) fn first_write(&self) -> Option<Instant> {
        self.first_write.get()
    }

    /// When the last byte since [`Stamps::arm`] was read from it.
    pub(super) fn last_read(&self) -> Option<Instant> {
        self.last_read.get()
    }
}

/// A stream that keeps [`Stamps`].
#[derive(Debug)]
pub(super) struct Stamped<S> {
    inner: S,
    stamps: Rc<Stamps>,
}

impl<S> Stamped<S> {
    pub(super) fn new(inner: S, stamps: Rc<Stamps>) -> Self {
        Self { inner, stamps }
    }

    /// Notes `at`, read before the write, if the write handed anything over and is the first to do so.
    fn written(&self, at: Instant, result: &Poll<std::io::Result<usize>>) {
        if matches!(result, Poll::Ready(Ok(count)) if *count > 0) && self.stamps.first_write.get().is_none() {
            self.stamps.first_write.set(Some(at));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stamped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if matches!(result, Poll::Ready(Ok(()))) && buf.filled().len() > before {
            self.stamps.last_read.set(Some(Instant::now()));
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let at = Instant::now();
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.written(at, &result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let at = Instant::now();
        let result = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.written(at, &result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
