//! A replica's server, which a fault may take away for a while: it stops to listen and breaks its connections, works on
//! what it has in hand, and listens again at the same address. Who connects meanwhile is refused, as by a machine on which
//! nothing listens, so that a balancer goes on to the next replica; and the port stays this replica's all the time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::Response;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use super::jetty::{self, Request, Terms};
use crate::doubles::fault::Injector;
use crate::doubles::http::{AnswerBody, BindError, InFlight, Listening, bind};

/// How often it is looked whether a restart is to begin or to end, and whether the address is free again.
const LOOK: Duration = Duration::from_millis(5);

/// A port that nobody else is given while nobody listens at it: a socket that is bound to it, and does not listen.
#[derive(Debug)]
pub(super) struct Held(TcpSocket);

impl Held {
    fn of(address: SocketAddr) -> std::io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // It lets the listener be bound to the same address.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }
}

/// Listens at `address`, and keeps the port where the system lets two sockets be bound to one address (Linux does).
pub(super) async fn listen(address: SocketAddr) -> Result<(TcpListener, Option<Held>), BindError> {
    if let Ok(held) = Held::of(address)
        && let Ok(address) = held.0.local_addr()
        && let Ok(listener) = bind("proxy", address).await
    {
        return Ok((listener, Some(held)));
    }
    bind("proxy", address).await.map(|listener| (listener, None))
}

/// A server, and what restarts it.
#[derive(Debug)]
pub(super) struct Replica {
    address: SocketAddr,
    working: Arc<AtomicU64>,
    exchanges: Arc<AtomicU64>,
    /// `None` while it is away.
    server: Arc<Mutex<Option<Listening>>>,
    restarter: Option<JoinHandle<()>>,
    _held: Option<Held>,
}

impl Replica {
    /// Serves what [`listen`] gave, as [`jetty::listen`] does; the first replica to ask for a restart gets it.
    pub(super) fn start<H, F, B>(
        (listener, held): (TcpListener, Option<Held>),
        terms: Terms,
        restarts: &[Arc<Injector>],
        handler: H,
    ) -> std::io::Result<Self>
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: AnswerBody,
    {
        let (working, exchanges) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counted = {
            let working = working.clone();
            move |request: Request| {
                let guard = InFlight::enter(working.clone());
                let work = handler(request);
                async move {
                    let _guard = guard;
                    work.await
                }
            }
        };
        let server = jetty::listen(listener, terms, counted.clone(), exchanges.clone())?;
        let address = server.address();
        let server = Arc::new(Mutex::new(Some(server)));
        let mine: Vec<Arc<Injector>> = restarts.iter().filter(|restart| restart.claim()).cloned().collect();
        let restarter = (!mine.is_empty()).then(|| {
            let (server, exchanges) = (server.clone(), exchanges.clone());
            tokio::spawn(async move {
                loop {
                    let under_way = mine.iter().find(|restart| restart.window_left(Instant::now()).is_some());
                    if let Some(restart) = under_way {
                        let gone = set(&server, None);
                        if let Some(server) = gone {
                            server.stop().await;
                            restart.took_effect(1);
                        }
                        while restart.window_left(Instant::now()).is_some() {
                            tokio::time::sleep(LOOK).await;
                        }
                        let again = return_to(address).await;
                        let listening = jetty::listen(again, terms, counted.clone(), exchanges.clone());
                        drop(set(&server, listening.ok()));
                    }
                    tokio::time::sleep(LOOK).await;
                }
            })
        });
        Ok(Self { address, working, exchanges, server, restarter, _held: held })
    }

    /// Takes no more connections, and gives the exchanges under way so long to end.
    pub(super) async fn stop(self, grace: Duration) {
        if let Some(restarter) = &self.restarter {
            restarter.abort();
        }
        let Some(mut server) = set(&self.server, None) else { return };
        server.refuse().await;
        let end = Instant::now() + grace;
        while self.exchanges.load(Ordering::Acquire) > 0 && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests whose handler has begun and not ended, of this server and of the one before a restart.
    pub(super) fn in_flight(&self) -> u64 {
        self.working.load(Ordering::Acquire)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(restarter) = &self.restarter {
            restarter.abort();
        }
        drop(set(&self.server, None));
    }
}

fn set(server: &Mutex<Option<Listening>>, new: Option<Listening>) -> Option<Listening> {
    std::mem::replace(&mut *server.lock().unwrap_or_else(PoisonError::into_inner), new)
}

/// Listens where it did before, as soon as the system lets it.
async fn return_to(address: SocketAddr) -> TcpListener {
    loop {
        match bind("proxy", address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpStream;

    use super::*;
    use crate::scenario::{Fault, FaultKind, Pace, ProxyRelease};

    #[tokio::test]
    async fn a_replica_that_is_away_refuses_connections_and_keeps_its_port() {
        let window = Some((Duration::ZERO, Duration::from_mins(5)));
        let fault = Fault { window, ..Fault::new(FaultKind::ReplicaRestart, Pace::Every(1)) };
        let injector = Arc::new(Injector::new(fault, 1));
        let listening = listen(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)).await.unwrap();
        let held = listening.1.is_some();
        assert!(held || !cfg!(target_os = "linux"));
        let answer = |_| async { Response::new(Full::new(Bytes::new())) };
        let terms = Terms { idle: Duration::from_mins(1), release: ProxyRelease::default() };
        let replica = Replica::start(listening, terms, std::slice::from_ref(&injector), answer).unwrap();
        let address = replica.address();
        let mut client = TcpStream::connect(address).await.unwrap();
        injector.start(Instant::now());
        assert!(matches!(client.read(&mut [0]).await, Ok(0) | Err(_)));
        while injector.injected() == 0 {
            tokio::task::yield_now().await;
        }
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        if held {
            // Who asks for a port of its own, and not for this one at any price, does not get it.
            let other = TcpSocket::new_v4().unwrap();
            assert!(other.bind(address).is_err());
        }
    }
}
