//! The balancer in front of the embedded proxies.

use std::time::Duration;

/// How the embedded balancer spreads and watches connections.
#[derive(Debug, Clone, PartialEq)]
pub struct BalancerSpec {
    /// Whether a client's address always comes to the same replica, rather than each connection to the next.
    pub by_source: bool,
    /// Checks of the replicas; `None`: there are none.
    pub health_check: Option<HealthCheckSpec>,
    /// After this long without a byte a connection is forgotten.
    pub idle_timeout: Duration,
    /// What the balancer's times are divided by.
    pub time_scale: f64,
}

impl BalancerSpec {
    /// What Network Load Balancers have.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(350);
}

impl Default for BalancerSpec {
    fn default() -> Self {
        Self { by_source: false, health_check: None, idle_timeout: Self::IDLE_TIMEOUT, time_scale: 1.0 }
    }
}

/// A check of the replicas' health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheckSpec {
    /// Path that is asked for over HTTP; `None`: a connection is enough.
    pub path: Option<String>,
    /// So many checks in a row must pass.
    pub healthy_threshold: u32,
    /// So many in a row must fail.
    pub unhealthy_threshold: u32,
    /// From one check to the next.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
}
