//! The way through the balancer without a socket, for what runs in the same process.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flow::{Aftermath, Flow};
use super::group::Group;

/// Connects through a [`Balancer`](super::Balancer) as its listener would, but for the listener: what comes of it is a
/// connection to a target, which obeys the balancer. It does not keep the balancer running.
#[derive(Clone)]
pub struct Connector {
    group: Arc<Group>,
}

impl Connector {
    pub(super) fn new(group: Arc<Group>) -> Self {
        Self { group }
    }

    /// After this long without a byte a connection is forgotten.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.group.clock.limit()
    }

    /// Chooses a target for a client at `source` and connects to it.
    ///
    /// # Errors
    /// What the system says of the last target that was tried; besides, `ConnectionRefused` if no target is in service,
    /// the balancer has been dropped or [`ConnectionFault::Refuse`](super::ConnectionFault::Refuse) is set, `TimedOut` if
    /// the target did not accept within a second.
    pub async fn connect(&self, source: SocketAddr) -> io::Result<Carried> {
        self.group.connect(source.ip()).await
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// A connection to a target, which the balancer can act on.
///
/// Reads and writes go straight to the socket while no fault is set. They end in `ConnectionReset`, and the target sees
/// a reset, when the target has been killed, became unhealthy or was drained to the end (where the configuration says so),
/// when a fault says so, and when the balancer has been dropped. A flow that was idle for too long is forgotten silently:
/// it is the next write, or the next bytes from the target, that end so.
pub struct Carried {
    flow: Arc<Flow>,
}

impl Carried {
    pub(super) fn new(flow: Arc<Flow>) -> Self {
        Self { flow }
    }

    /// The target that it goes to.
    #[must_use]
    pub fn target(&self) -> SocketAddr {
        self.flow.target
    }

    /// Ends it at once, with a reset that the target sees.
    pub fn reset(&self) {
        let mut after = Aftermath::default();
        self.flow.reset(&mut after);
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.flow.release();
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Carried").field("target", &self.flow.target).finish_non_exhaustive()
    }
}

impl AsyncRead for Carried {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.flow.poll_read(cx, buf)
    }
}

impl AsyncWrite for Carried {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.flow.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.flow.poll_write(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // As with a socket, what was written is under way.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flow.poll_shutdown(cx)
    }
}
