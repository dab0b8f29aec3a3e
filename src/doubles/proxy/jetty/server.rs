//! How Jetty serves a listener.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hyper::Response;
use tokio::net::TcpListener;

use super::connection::serve;
use super::head::Request;
use crate::doubles::http::{AnswerBody, Listening};
use crate::scenario::ProxyRelease;

/// How connections are served.
#[derive(Debug, Clone, Copy)]
pub(in crate::doubles::proxy) struct Terms {
    /// A connection is closed after so long without a request.
    pub(in crate::doubles::proxy) idle: Duration,
    /// Whose Jetty it is.
    pub(in crate::doubles::proxy) release: ProxyRelease,
}

/// What all connections of a server share.
#[derive(Debug, Clone)]
pub(super) struct Serving<H> {
    pub(super) terms: Terms,
    pub(super) handler: H,
    /// Exchanges that are under way: a head has been read, and its answer is not sent.
    pub(super) exchanges: Arc<AtomicU64>,
}

/// Serves `listener` with `handler`. Requests whose handler has begun run to their end when the server is gone, as they
/// would in a real server's worker thread. `exchanges` counts those under way, until their answers are sent. Must be called
/// within a tokio runtime.
pub(in crate::doubles::proxy) fn listen<H, F, B>(
    listener: TcpListener,
    terms: Terms,
    handler: H,
    exchanges: Arc<AtomicU64>,
) -> std::io::Result<Listening>
where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: AnswerBody,
{
    let serving = Serving { terms, handler, exchanges };
    Listening::start(listener, move |stream, peer| serve(stream, peer, serving.clone()))
}
