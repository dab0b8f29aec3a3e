//! A replica's server, which a fault may take away for a while: it stops to listen and breaks its connections, works on
//! what it has in hand, and listens again at the same address.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::doubles::fault::Injector;
use crate::doubles::http::{AnswerBody, InFlight, Server, bind};

/// How often it is looked whether a restart is to begin or to end, and whether the address is free again.
const LOOK: Duration = Duration::from_millis(5);

/// A server, and what restarts it.
#[derive(Debug)]
pub(super) struct Replica {
    address: SocketAddr,
    working: Arc<AtomicU64>,
    /// `None` while it is away.
    server: Arc<Mutex<Option<Server>>>,
    restarter: Option<JoinHandle<()>>,
}

impl Replica {
    /// Serves `listener`, as [`Server::start_with_idle`] does; the first replica to ask for a restart gets it.
    pub(super) fn start<H, F, B>(
        listener: TcpListener,
        idle: Duration,
        restarts: &[Arc<Injector>],
        handler: H,
    ) -> std::io::Result<Self>
    where
        H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: AnswerBody,
    {
        let working = Arc::new(AtomicU64::new(0));
        let counted = {
            let working = working.clone();
            move |request: Request<Incoming>, peer| {
                let guard = InFlight::enter(working.clone());
                let work = handler(request, peer);
                async move {
                    let _guard = guard;
                    work.await
                }
            }
        };
        let server = Server::start_with_idle(listener, idle, counted.clone())?;
        let address = server.address();
        let server = Arc::new(Mutex::new(Some(server)));
        let mine: Vec<Arc<Injector>> = restarts.iter().filter(|restart| restart.claim()).cloned().collect();
        let restarter = (!mine.is_empty()).then(|| {
            let server = server.clone();
            tokio::spawn(async move {
                loop {
                    let under_way = mine.iter().find(|restart| restart.window_left(Instant::now()).is_some());
                    if let Some(restart) = under_way {
                        drop(set(&server, None));
                        restart.took_effect(1);
                        while restart.window_left(Instant::now()).is_some() {
                            tokio::time::sleep(LOOK).await;
                        }
                        let again = return_to(address).await;
                        drop(set(&server, Server::start_with_idle(again, idle, counted.clone()).ok()));
                    }
                    tokio::time::sleep(LOOK).await;
                }
            })
        });
        Ok(Self { address, working, server, restarter })
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

fn set(server: &Mutex<Option<Server>>, new: Option<Server>) -> Option<Server> {
    std::mem::replace(&mut *server.lock().unwrap_or_else(PoisonError::into_inner), new)
}

/// Listens where it did before: the old listener may need a moment to go.
async fn return_to(address: SocketAddr) -> TcpListener {
    loop {
        match bind("proxy", address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
