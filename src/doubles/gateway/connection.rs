//! Connections to a back end, kept while they idle.
//!
//! hyper's own pool has a task for each connection, so that each request waits for two more tasks to take their turn. Here
//! the task that sends a request reads its answer as well.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::backend::{Backend, BackendFailure, BackendRequest, BackendResponse};
use super::exchange::Exchanger;

/// Most connections that are kept for one back end.
const MOST_IDLE: usize = 4096;

/// The bytes of a connection, whichever way they take.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that carries one exchange at a time.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    exchanger: Exchanger,
}

impl Connection {
    /// Opens one for a request of `client`.
    pub(super) async fn open(backend: &Backend, client: SocketAddr) -> Result<Box<Self>, BackendFailure> {
        let stream: Box<dyn Stream> = match backend {
            Backend::Address(address) => Box::new(connect(*address).await?),
            Backend::Secured { address, tls, name } => {
                let stream = TlsConnector::from(tls.clone()).connect(name.clone(), connect(*address).await?);
                Box::new(stream.await.map_err(|error| of_handshake(&error))?)
            }
            Backend::Balancer(connector) => {
                Box::new(connector.connect(client).await.map_err(|_| BackendFailure::Refused)?)
            }
        };
        Ok(Box::new(Self { stream, exchanger: Exchanger::new() }))
    }

    /// Sends a request and reads the whole answer; tells whether the connection can carry another.
    pub(super) async fn exchange(
        &mut self,
        request: &BackendRequest,
    ) -> Result<(BackendResponse, bool), BackendFailure> {
        self.exchanger.exchange(&mut self.stream, request).await
    }

    /// Whether it can carry another exchange. Nobody looks at a connection that idles, so that its end is seen here, as are
    /// bytes that nobody asked for.
    fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream).poll_read(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }
}

/// What a handshake failed of: of what was said in it, or of the way.
fn of_handshake(error: &io::Error) -> BackendFailure {
    let said = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if said.is_some() { BackendFailure::Untrusted } else { BackendFailure::Broken }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, BackendFailure> {
    let stream = TcpStream::connect(address).await.map_err(|_| BackendFailure::Refused)?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Connections that idle, the longest first.
pub(super) struct Idle {
    kept: Mutex<Vec<(Box<Connection>, Instant)>>,
    /// How long one may.
    longest: Duration,
}

impl Idle {
    pub(super) fn new(longest: Duration) -> Self {
        Self { kept: Mutex::default(), longest }
    }

    /// The connection that was used last, if it is still open.
    pub(super) fn take(&self, now: Instant) -> Option<Box<Connection>> {
        loop {
            let (mut connection, since) = self.kept().pop()?;
            if now.saturating_duration_since(since) < self.longest && connection.is_open() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for later, and lets go of those that have idled too long.
    pub(super) fn put(&self, connection: Box<Connection>, now: Instant) {
        let mut kept = self.kept();
        let longest = self.longest;
        if kept.first().is_some_and(|(_, since)| now.saturating_duration_since(*since) >= longest) {
            kept.retain(|(_, since)| now.saturating_duration_since(*since) < longest);
        }
        if kept.len() < MOST_IDLE {
            kept.push((connection, now));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Box<Connection>, Instant)>> {
        // Whole after each of its operations.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
