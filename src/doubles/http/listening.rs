//! A listener, and a task for each of its connections.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long is waited after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(5);

/// A listener at work. It stops accepting, and drops what serves its connections, when this is dropped.
#[derive(Debug)]
pub(in crate::doubles) struct Listening {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accept: JoinHandle<()>,
}

impl Listening {
    /// Serves each connection of `listener` with `serve`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The listener's own error, where it no longer knows its address.
    pub(in crate::doubles) fn start<S, F>(listener: TcpListener, serve: S) -> std::io::Result<Self>
    where
        S: Fn(TcpStream, SocketAddr) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accept = tokio::spawn(accept_loop(listener, serve, stopped));
        Ok(Self { address, stop, accept })
    }

    /// Where it listens.
    pub(in crate::doubles) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and goes on with those that it has. Returns when nobody listens any more.
    pub(in crate::doubles) async fn refuse(&mut self) {
        self.accept.abort();
        if !self.accept.is_finished() {
            let _ = (&mut self.accept).await;
        }
    }

    /// Stops as when it is dropped, and returns when nobody listens any more.
    pub(in crate::doubles) async fn stop(mut self) {
        let _ = self.stop.send(true);
        self.accept.abort();
        let _ = (&mut self.accept).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.accept.abort();
    }
}

async fn accept_loop<S, F>(listener: TcpListener, serve: S, mut stopped: watch::Receiver<bool>)
where
    S: Fn(TcpStream, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, or the client went away: give the system a moment and go on.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (serving, mut stopped) = (serve(stream, peer), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = serving => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
    }
}
