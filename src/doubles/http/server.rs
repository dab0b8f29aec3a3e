//! A listener and what it serves.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::TcpListener;

use super::answer::AnswerBody;
use super::connection::{Client, serve_connection};
use super::listening::Listening;
use crate::tls::Identity;

/// How long a connection may idle where nothing else is said.
const IDLE: Duration = Duration::from_mins(1);

/// How connections are served.
#[derive(Debug, Clone)]
pub struct Terms {
    /// A connection is closed after so long without a request, counted from its beginning or the end of the request
    /// before. A request's head may take as long to arrive.
    pub idle: Duration,
    /// Who the server is to those that speak TLS, which all must then; `None`: nobody may.
    pub identity: Option<Identity>,
}

impl Default for Terms {
    /// A minute, and no TLS.
    fn default() -> Self {
        Self { idle: IDLE, identity: None }
    }
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for the {name}: {source}; choose another port, or 0 for any free one")]
pub struct BindError {
    /// Which double.
    pub name: &'static str,
    /// Where it should have listened.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// Binds a TCP listener for the double `name`; port 0 lets the system choose.
///
/// # Errors
/// [`BindError`] where the address is taken or may not be used.
pub async fn bind(name: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { name, address, source })
}

/// A running server. It stops accepting, and closes its connections, when this is dropped; requests whose
/// handler has begun run to their end all the same, as they would in a real server's worker thread.
#[derive(Debug)]
pub struct Server {
    listening: Listening,
    in_flight: Arc<AtomicU64>,
}

impl Server {
    /// Serves `listener` with `handler`, which gets each request and who waits for its answer. Connections may
    /// idle for a minute. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The listener's own error, where it no longer knows its address.
    pub fn start<H, F, B>(listener: TcpListener, handler: H) -> std::io::Result<Self>
    where
        H: Fn(Request<Incoming>, Client) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: AnswerBody,
    {
        Self::start_with(listener, Terms::default(), handler)
    }

    /// The same on other terms.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with<H, F, B>(listener: TcpListener, terms: Terms, handler: H) -> std::io::Result<Self>
    where
        H: Fn(Request<Incoming>, Client) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: AnswerBody,
    {
        let in_flight = Arc::new(AtomicU64::new(0));
        let serving = Serving { terms, handler, in_flight: in_flight.clone() };
        let serve = move |stream, peer| serve_connection(stream, peer, serving.clone());
        Ok(Self { listening: Listening::start(listener, serve)?, in_flight })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Requests whose handler has begun and not ended, whether or not their client still waits.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Acquire)
    }
}

/// What all connections of a server share.
#[derive(Debug, Clone)]
pub(super) struct Serving<H> {
    pub(super) terms: Terms,
    pub(super) handler: H,
    pub(super) in_flight: Arc<AtomicU64>,
}

/// Counts one request for as long as it lives.
pub(in crate::doubles) struct InFlight(Arc<AtomicU64>);

impl InFlight {
    pub(in crate::doubles) fn enter(count: Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
