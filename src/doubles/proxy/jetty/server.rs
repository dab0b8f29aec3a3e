//! A listener and what it serves.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::Response;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connection::serve;
use super::head::Request;
use crate::doubles::http::AnswerBody;
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
}

/// A running server. It stops accepting, and closes its connections, when this is dropped; requests whose handler has
/// begun run to their end all the same, as they would in a real server's worker thread.
#[derive(Debug)]
pub(in crate::doubles::proxy) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accept: JoinHandle<()>,
}

impl Server {
    /// Serves `listener` with `handler`. Must be called within a tokio runtime.
    pub(in crate::doubles::proxy) fn start<H, F, B>(
        listener: TcpListener,
        terms: Terms,
        handler: H,
    ) -> std::io::Result<Self>
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: AnswerBody,
    {
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accept = tokio::spawn(accept_loop(listener, Serving { terms, handler }, stopped));
        Ok(Self { address, stop, accept })
    }

    /// Where it listens.
    pub(in crate::doubles::proxy) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops as when it is dropped, and returns when nobody listens any more.
    pub(in crate::doubles::proxy) async fn stop(mut self) {
        let _ = self.stop.send(true);
        self.accept.abort();
        let _ = (&mut self.accept).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.accept.abort();
    }
}

async fn accept_loop<H, F, B>(listener: TcpListener, serving: Serving<H>, mut stopped: watch::Receiver<bool>)
where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: AnswerBody,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, or the client went away: give the system a moment and go on.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (serving, mut stopped) = (serving.clone(), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = serve(stream, peer, serving) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
    }
}
