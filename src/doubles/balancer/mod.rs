//! Network load balancer: spreads TCP connections over targets and carries their bytes, like an AWS NLB with a TCP
//! listener, and is told what to do while it runs. What a network would do to connections, it does too.
//!
//! A connection comes in at the listener (`carry`) or without a socket (`connector`). Either way it is a `flow` to
//! a target of the `group`, and all rules are the flow's and the group's.

mod carry;
mod choice;
mod connector;
mod control;
mod detour;
mod fault;
mod flow;
mod group;
mod health;
mod idle;
mod lane;
mod probe;
mod scale;
mod target;
mod windows;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

pub use self::choice::Choice;
pub use self::connector::{Carried, Connector};
pub use self::fault::{ConnectionFault, FaultScope};
pub use self::health::{Health, HealthCheck, Probe};
pub use self::target::{TargetError, TargetState};

use self::fault::Setting;
use self::group::{Group, Rules};
use self::idle::Clock;
use self::scale::{is_scale, scaled};
use self::windows::Befalling;
use super::fault::Injector;
use super::http::{BindError, bind};

/// What AWS has by default for [`BalancerConfig::idle_timeout`].
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(350);

/// What AWS has by default for [`BalancerConfig::deregistration_delay`].
pub const DEFAULT_DEREGISTRATION_DELAY: Duration = Duration::from_mins(5);

/// How a [`Balancer`] is set up. Attributes are named as Elastic Load Balancing names them ("Edit target group attributes
/// for your Network Load Balancer", "Update the TCP idle timeout").
#[derive(Debug, Clone)]
pub struct BalancerConfig {
    /// Address to listen on.
    pub bind: IpAddr,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// Where connections go. One that is named twice is one target.
    pub targets: Vec<SocketAddr>,
    /// How a target is chosen.
    pub choice: Choice,
    /// How targets are checked; `None`: not at all, and one that refuses a connection loses only its turn.
    pub health: Option<HealthCheck>,
    /// Whether the connections to a target that becomes unhealthy are reset, unless no other target is healthy
    /// (`target_health_state.unhealthy.connection_termination.enabled`; AWS resets them by default, this does not).
    pub reset_unhealthy: bool,
    /// After this long without a byte a flow is forgotten: silently, and whatever comes next from either side is answered
    /// with a reset (`tcp.idle_timeout.seconds`).
    pub idle_timeout: Duration,
    /// How long the connections to a target that is drained may go on undisturbed
    /// (`deregistration_delay.timeout_seconds`).
    pub deregistration_delay: Duration,
    /// Whether those that are left then are reset (`deregistration_delay.connection_termination.enabled`).
    pub terminate_on_deregistration: bool,
    /// Faults to show within their windows; those of other boxes are ignored. A replica is a target by its place here,
    /// from 1; one that is not there is befallen by nothing.
    pub injectors: Vec<Arc<Injector>>,
    /// Divides the long times: idle time-out, deregistration delay, and interval and time-out of checks. No time comes
    /// out shorter than a millisecond.
    pub time_scale: f64,
}

impl BalancerConfig {
    /// Any free port, and AWS's defaults but for what is off: no checks, no resets of what was healthy once.
    #[must_use]
    pub fn new(bind: IpAddr, targets: Vec<SocketAddr>) -> Self {
        Self {
            bind,
            port: 0,
            targets,
            choice: Choice::default(),
            health: None,
            reset_unhealthy: false,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            deregistration_delay: DEFAULT_DEREGISTRATION_DELAY,
            terminate_on_deregistration: false,
            injectors: Vec::new(),
            time_scale: 1.0,
        }
    }
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
    #[error("the load balancer has no targets in service; name at least one")]
    NoTargets,
    /// Times cannot be divided by it.
    #[error("the load balancer's times cannot be divided by {0}; choose a number above 0")]
    TimeScale(f64),
    /// Targets cannot be asked for it.
    #[error(
        "the load balancer cannot check {0:?}; choose a path that begins with / and holds visible ASCII only"
    )]
    Path(String),
}

/// A running balancer. It and all its connections stop when this is dropped, those of its [`Connector`]s too: they are
/// reset. Its methods can be called from any thread.
pub struct Balancer {
    address: SocketAddr,
    group: Arc<Group>,
    accept: JoinHandle<()>,
}

impl Balancer {
    /// Starts to balance. Targets need not be up yet.
    ///
    /// # Errors
    /// [`BalancerError`], as it says.
    pub async fn start(mut config: BalancerConfig) -> Result<Self, BalancerError> {
        let mut named = BTreeSet::new();
        config.targets.retain(|target| named.insert(*target));
        let faults = windows::of_balancer(&config.injectors, &config.targets);
        let late: BTreeSet<SocketAddr> = faults.iter().filter_map(Befalling::late).collect();
        if config.targets.iter().all(|target| late.contains(target)) {
            return Err(BalancerError::NoTargets);
        }
        if !is_scale(config.time_scale) {
            return Err(BalancerError::TimeScale(config.time_scale));
        }
        if let Some(HealthCheck { probe: Probe::Http { path }, .. }) = &config.health
            && !probe::is_path(path)
        {
            return Err(BalancerError::Path(path.clone()));
        }
        let listener = bind("load balancer", SocketAddr::new(config.bind, config.port)).await?;
        let address = listener.local_addr().map_err(BalancerError::Serve)?;
        let long = |time| scaled(time, config.time_scale);
        let rules = Rules {
            choice: config.choice,
            health: config.health.map(|check| HealthCheck {
                interval: long(check.interval),
                timeout: long(check.timeout),
                ..check
            }),
            reset_unhealthy: config.reset_unhealthy,
            deregistration_delay: long(config.deregistration_delay),
            terminate_on_deregistration: config.terminate_on_deregistration,
        };
        let group = Group::new(rules, Clock::new(long(config.idle_timeout)));
        for target in config.targets {
            // Known is the only error that there can be.
            let _ = group.add(target);
            if late.contains(&target) {
                let _ = group.kill(target);
            }
        }
        group.spawn(windows::show(group.clone(), faults));
        let accept = tokio::spawn(carry::accept_loop(listener, group.clone()));
        Ok(Self { address, group, accept })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A way in without a socket.
    #[must_use]
    pub fn connector(&self) -> Connector {
        Connector::new(self.group.clone())
    }

    /// The targets, in the order in which they came.
    #[must_use]
    pub fn targets(&self) -> Vec<TargetState> {
        self.group.targets()
    }

    /// How many connections each target has been given so far, in the targets' order.
    #[must_use]
    pub fn connections_per_target(&self) -> Vec<u64> {
        self.group.targets().iter().map(|target| target.connections).collect()
    }

    /// Adds a target. If targets are checked, it gets connections once it is healthy.
    ///
    /// # Errors
    /// [`TargetError::Known`] if it is there already, be it out of service.
    pub fn add(&self, target: SocketAddr) -> Result<(), TargetError> {
        self.group.add(target)
    }

    /// Takes a target out of service with care: it gets no new connections; those that it has go on for the
    /// deregistration delay, and are then reset if the configuration says so, else left to themselves. Changes nothing
    /// for one that is not in service.
    ///
    /// # Errors
    /// [`TargetError::Unknown`].
    pub fn drain(&self, target: SocketAddr) -> Result<(), TargetError> {
        self.group.drain(target)
    }

    /// Takes a target out of service at once: it gets no new connections, and those that it has are reset.
    ///
    /// # Errors
    /// [`TargetError::Unknown`].
    pub fn kill(&self, target: SocketAddr) -> Result<(), TargetError> {
        self.group.kill(target)
    }

    /// Takes a target that was drained or killed into service again, as if it were new. Changes nothing for one that is in
    /// service.
    ///
    /// # Errors
    /// [`TargetError::Unknown`].
    pub fn restore(&self, target: SocketAddr) -> Result<(), TargetError> {
        self.group.restore(target)
    }

    /// Sets a fault in place of the one that is set for this scope, or lifts that one. A target for which a fault of its
    /// own is set does not meet that of all.
    ///
    /// # Errors
    /// [`TargetError::Unknown`].
    pub fn set_fault(&self, scope: FaultScope, fault: Option<ConnectionFault>) -> Result<(), TargetError> {
        let setting = fault.map(|fault| Setting { fault, counter: None });
        self.group.set_faults(vec![(scope, setting)], false)
    }

    /// Connections to targets that are open, whoever holds them.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.group.connections()
    }

    /// Connections on which a fault holds bytes that have yet to come to a target, whether or not their client still waits.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.group.in_flight()
    }

    /// How many connections faults have befallen: each when the first of its bytes met the fault, or when it was reset or
    /// refused. A connection that meets one fault after another counts once for each.
    #[must_use]
    pub fn befallen(&self) -> u64 {
        self.group.befallen()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accept.abort();
        self.group.close();
    }
}

impl fmt::Debug for Balancer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Balancer").field("address", &self.address).finish_non_exhaustive()
    }
}
