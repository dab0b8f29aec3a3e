//! The group of targets: who gets a connection, and what is open to whom.
//!
//! Its table has one lock, under which a flow's own may be taken; never the other way round.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::choice::Choice;
use super::connector::Carried;
use super::fault::{ConnectionFault, Setting};
use super::flow::{Aftermath, Flow};
use super::health::HealthCheck;
use super::idle::Clock;
use super::target::{Service, Target, TargetError};

/// How long a target may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What a group is told to do; times are scaled already.
pub(super) struct Rules {
    pub(super) choice: Choice,
    pub(super) health: Option<HealthCheck>,
    pub(super) reset_unhealthy: bool,
    pub(super) deregistration_delay: Duration,
    pub(super) terminate_on_deregistration: bool,
}

pub(super) struct Group {
    pub(super) rules: Rules,
    pub(super) clock: Clock,
    table: Mutex<Table>,
    /// Counts the connections that a target was looked for.
    turn: AtomicUsize,
    befallen: AtomicU64,
    runtime: Handle,
    stop: watch::Sender<bool>,
}

pub(super) struct Table {
    pub(super) targets: Vec<Target>,
    /// The fault for those that have none of their own.
    pub(super) fault: Option<Setting>,
    closed: bool,
    flows: u64,
}

impl Table {
    pub(super) fn target(&mut self, address: SocketAddr) -> Result<&mut Target, TargetError> {
        let found = self.targets.iter_mut().find(|target| target.address == address);
        found.ok_or(TargetError::Unknown(address))
    }
}

impl Group {
    /// A group without targets. Must be called within a tokio runtime.
    pub(super) fn new(rules: Rules, clock: Clock) -> Arc<Self> {
        let group = Arc::new(Self {
            rules,
            clock,
            table: Mutex::new(Table { targets: Vec::new(), fault: None, closed: false, flows: 0 }),
            turn: AtomicUsize::new(0),
            befallen: AtomicU64::new(0),
            runtime: Handle::current(),
            stop: watch::channel(false).0,
        });
        let ticking = group.clone();
        group.spawn(async move { ticking.clock.run().await });
        group
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on `task` until the group is closed.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stopped();
        self.runtime.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stopped => {}
            }
        });
    }

    /// Returns when the group is closed.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.stop.subscribe();
        async move {
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// Resets all that is open, and lets nothing else happen.
    pub(super) fn close(&self) {
        let mut after = Aftermath::default();
        let mut table = self.lock();
        table.closed = true;
        table.targets.iter_mut().for_each(|target| target.reset_flows(&mut after));
        drop(table);
        self.stop.send_replace(true);
    }

    /// A fault has befallen one more connection.
    pub(super) fn befall(&self, setting: &Setting) {
        self.befallen.fetch_add(1, Ordering::Relaxed);
        if let Some(counter) = &setting.counter {
            counter.took_effect(1);
        }
    }

    pub(super) fn befallen(&self) -> u64 {
        self.befallen.load(Ordering::Relaxed)
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> u64 {
        self.lock().targets.iter().map(|target| target.flows.len() as u64).sum()
    }

    /// How many connections hold bytes that have yet to come to their target.
    pub(super) fn in_flight(&self) -> u64 {
        let table = self.lock();
        let flows = table.targets.iter().flat_map(|target| target.flows.values());
        flows.filter(|flow| flow.is_on_the_way()).count() as u64
    }

    /// Connects a client at `source` to a target.
    pub(super) async fn connect(self: &Arc<Self>, source: IpAddr) -> io::Result<Carried> {
        let mut failed = io::ErrorKind::ConnectionRefused.into();
        for address in self.candidates(source) {
            if let Some(refusing) = self.refusing(address) {
                self.befall(&refusing);
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => {
                    let _ = socket.set_nodelay(true);
                    if let Some(carried) = self.enter(address, socket) {
                        return Ok(carried);
                    }
                }
                Ok(Err(error)) => failed = error,
                Err(_) => failed = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failed)
    }

    /// Which targets are to be tried, in this order. Without checks, one that refuses loses only its turn; with them,
    /// only one is tried, as a balancer of layer 4 only passes packets on. If none is healthy, all may be tried (Elastic
    /// Load Balancing, "Health checks for Network Load Balancer target groups": "fails open").
    fn candidates(&self, source: IpAddr) -> Vec<SocketAddr> {
        let table = self.lock();
        if table.closed {
            return Vec::new();
        }
        let addresses = |may: fn(&Target) -> bool| -> Vec<SocketAddr> {
            table.targets.iter().filter(|target| may(target)).map(|target| target.address).collect()
        };
        let mut candidates = addresses(Target::is_healthy);
        if candidates.is_empty() {
            candidates = addresses(|target| target.service == Service::In);
        }
        drop(table);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.rules.choice.order(turn, source, &mut candidates);
        if self.rules.health.is_some() {
            candidates.truncate(1);
        }
        candidates
    }

    /// What refuses connections to a target.
    fn refusing(&self, address: SocketAddr) -> Option<Setting> {
        let mut table = self.lock();
        let own = table.target(address).ok().and_then(|target| target.fault.clone());
        own.or_else(|| table.fault.clone()).filter(|setting| setting.fault == ConnectionFault::Refuse)
    }

    /// Enters a new connection into the table, unless its target has been killed meanwhile.
    fn enter(self: &Arc<Self>, address: SocketAddr, socket: TcpStream) -> Option<Carried> {
        let mut after = Aftermath::default();
        let mut table = self.lock();
        let (closed, number, of_all) = (table.closed, table.flows, table.fault.clone());
        table.flows += 1;
        let Some(target) =
            table.target(address).ok().filter(|target| !closed && target.service != Service::Out)
        else {
            let _ = socket.set_zero_linger();
            after.sockets.push(socket);
            return None;
        };
        let flow = Arc::new(Flow::new(self.clone(), address, number, socket));
        target.connections += 1;
        target.flows.insert(number, flow.clone());
        flow.begin(target.fault.as_ref().or(of_all.as_ref()), &mut after);
        Some(Carried::new(flow))
    }

    /// A connection has ended.
    pub(super) fn forget(&self, address: SocketAddr, number: u64) {
        let flow = self.lock().target(address).ok().and_then(|target| target.flows.remove(&number));
        drop(flow);
    }
}
