//! Connections to a back end, kept while they idle.
//!
//! hyper's own pool has a task for each connection, so that each request waits for two more tasks to take their turn. Here
//! the task that sends a request drives its connection as well.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::http::response::Parts;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::backend::Backend;
use super::payload::PAYLOAD_LIMIT;
use crate::doubles::balancer::Carried;

/// Most connections that are kept for one back end.
const MOST_IDLE: usize = 4096;

type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

/// The bytes of a connection.
enum Stream {
    Own(TcpStream),
    Carried(Carried),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(stream) => Pin::new(stream).poll_read(context, into),
            Self::Carried(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Own(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Carried(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(stream) => Pin::new(stream).poll_flush(context),
            Self::Carried(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Carried(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Own(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Carried(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Own(stream) => stream.is_write_vectored(),
            Self::Carried(stream) => stream.is_write_vectored(),
        }
    }
}

/// A connection that carries one exchange at a time.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Pin<Box<Driver>>,
}

/// Why an exchange did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExchangeError {
    /// The connection broke, or what came is no HTTP.
    Broken,
    /// The response is longer than the gateway takes.
    TooLong,
}

impl Connection {
    /// Opens one for a request of `client`.
    pub(super) async fn open(backend: &Backend, client: SocketAddr) -> std::io::Result<Self> {
        let stream = match backend {
            Backend::Address(address) => {
                let stream = TcpStream::connect(address).await?;
                let _ = stream.set_nodelay(true);
                Stream::Own(stream)
            }
            Backend::Balancer(connector) => Stream::Carried(connector.connect(client).await?),
        };
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        Ok(Self { sender, driver: Box::pin(driver) })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Parts, Bytes), ExchangeError> {
        let Self { sender, driver } = self;
        let mut exchange = pin!(async {
            let response = sender.send_request(request).await.map_err(|_| ExchangeError::Broken)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, PAYLOAD_LIMIT).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() { ExchangeError::TooLong } else { ExchangeError::Broken }
            })?;
            Ok((head, body.to_bytes()))
        });
        let mut ended = false;
        poll_fn(|context| {
            // The exchange first, so that the connection finds its request; and again, for what the connection has read.
            if let Poll::Ready(answer) = exchange.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            ended = ended || driver.as_mut().poll(context).is_ready();
            match exchange.as_mut().poll(context) {
                Poll::Pending if ended => Poll::Ready(Err(ExchangeError::Broken)),
                polled => polled,
            }
        })
        .await
    }

    /// Whether it can carry another exchange. Nobody looks at a connection that idles, so that its end is seen here.
    fn is_open(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        self.driver.as_mut().poll(&mut context).is_pending() && self.sender.is_ready()
    }
}

/// Connections that idle, the longest first.
pub(super) struct Idle {
    kept: Mutex<Vec<(Connection, Instant)>>,
    /// How long one may.
    longest: Duration,
}

impl Idle {
    pub(super) fn new(longest: Duration) -> Self {
        Self { kept: Mutex::default(), longest }
    }

    /// The connection that was used last, if it is still open.
    pub(super) fn take(&self, now: Instant) -> Option<Connection> {
        loop {
            let (mut connection, since) = self.kept().pop()?;
            if now.saturating_duration_since(since) < self.longest && connection.is_open() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for later, and lets go of those that have idled too long.
    pub(super) fn put(&self, mut connection: Connection, now: Instant) {
        if !connection.is_open() {
            return;
        }
        let mut kept = self.kept();
        let longest = self.longest;
        if kept.first().is_some_and(|(_, since)| now.saturating_duration_since(*since) >= longest) {
            kept.retain(|(_, since)| now.saturating_duration_since(*since) < longest);
        }
        if kept.len() < MOST_IDLE {
            kept.push((connection, now));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        // Whole after each of its operations.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
