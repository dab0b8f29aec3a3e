//! Network load balancer: spreads TCP connections over targets and copies bytes, like an AWS NLB with a
//! TCP listener.

mod idle;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::idle::{Activity, Watched};
use super::http::{BindError, bind};

/// How long a target may take to accept before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What AWS has by default for [`BalancerConfig::idle_timeout`].
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(350);

/// How a [`Balancer`] is set up.
#[derive(Debug, Clone)]
pub struct BalancerConfig {
    /// Loopback address to listen on.
    pub bind: IpAddr,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// Where connections go, in turn.
    pub targets: Vec<SocketAddr>,
    /// After this long without a byte a flow is forgotten (Elastic Load Balancing, "Network Load Balancers":
    /// `tcp.idle_timeout.seconds`).
    pub idle_timeout: Duration,
}

/// Why a [`Balancer`] could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BalancerError {
    /// The port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The listener failed.
    #[error("cannot serve the load balancer: {0}; start it again")]
    Serve(#[source] std::io::Error),
    /// There is nothing to balance over.
    #[error("the load balancer has no targets; name at least one")]
    NoTargets,
}

/// A running balancer; it and its connections stop when this is dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    accept: JoinHandle<()>,
}

impl Balancer {
    /// Starts to balance. Targets need not be up yet.
    ///
    /// # Errors
    /// [`BalancerError`], as it says.
    pub async fn start(config: BalancerConfig) -> Result<Self, BalancerError> {
        if config.targets.is_empty() {
            return Err(BalancerError::NoTargets);
        }
        let listener = bind("load balancer", SocketAddr::new(config.bind, config.port)).await?;
        let address = listener.local_addr().map_err(BalancerError::Serve)?;
        let connections = config.targets.iter().map(|_| AtomicU64::new(0)).collect();
        let state = Arc::new(State {
            targets: config.targets,
            connections,
            turn: AtomicUsize::new(0),
            idle_timeout: config.idle_timeout,
        });
        let (stop, stopped) = watch::channel(false);
        let accept = tokio::spawn(accept_loop(listener, state.clone(), stopped));
        Ok(Self { address, state, stop, accept })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections each target has been given so far, in the targets' order.
    #[must_use]
    pub fn connections_per_target(&self) -> Vec<u64> {
        self.state.connections.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.accept.abort();
    }
}

#[derive(Debug)]
struct State {
    targets: Vec<SocketAddr>,
    connections: Vec<AtomicU64>,
    /// Index of the target whose turn it is.
    turn: AtomicUsize,
    idle_timeout: Duration,
}

impl State {
    /// A connection to the target whose turn it is, or to the next one that accepts. One that refuses loses
    /// only this turn.
    async fn connect(&self) -> Option<TcpStream> {
        let count = self.targets.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        for index in (0..count).map(|step| first.wrapping_add(step) % count) {
            if let Ok(Ok(stream)) = timeout(CONNECT_TIMEOUT, TcpStream::connect(self.targets[index])).await {
                self.connections[index].fetch_add(1, Ordering::Relaxed);
                return Some(stream);
            }
        }
        None
    }
}

async fn accept_loop(listener: TcpListener, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((client, _)) = accepted else {
            // Out of file descriptors, or the client went away: give the system a moment and go on.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let (state, mut stopped) = (state.clone(), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = carry(client, &state) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// Carries one connection to its end.
async fn carry(client: TcpStream, state: &State) {
    let _ = client.set_nodelay(true);
    let Some(target) = state.connect().await else {
        // No healthy target: the client's connection is reset.
        let _ = client.set_zero_linger();
        return;
    };
    let _ = target.set_nodelay(true);
    let activity = Activity::now();
    let mut client = Watched::new(client, activity.clone());
    let mut target = Watched::new(target, activity.clone());
    let failed = tokio::select! {
        copied = copy_bidirectional(&mut client, &mut target) => copied.is_err(),
        () = activity.idle_for(state.idle_timeout) => {
            // The flow is forgotten silently; only the next packet is answered, with a reset.
            tokio::select! {
                _ = client.stream().readable() => {}
                _ = target.stream().readable() => {}
            }
            true
        }
    };
    if failed {
        // A reset on one side is passed on as one, not as an orderly end.
        let _ = client.stream().set_zero_linger();
        let _ = target.stream().set_zero_linger();
    }
}
