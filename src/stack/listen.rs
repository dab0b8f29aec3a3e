//! Where the boxes listen that others reach.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::doubles::http::authority;

/// Boxes that only others of the same path talk to stay here.
pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Where the entrances of the path listen (identity provider, gateway, balancer, registry, Kafka), and how others reach
/// them. The default is loopback, where nobody else does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The address to bind to.
    pub address: IpAddr,
    /// The name or address under which others reach this machine; `None`: that to which is bound. It stands in URLs, in the
    /// issuer of tokens, in certificates that are made, and in what Kafka tells clients.
    pub host: Option<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Self { address: LOOPBACK, host: None }
    }
}

impl Listen {
    /// `host:port` of what listens at `address`, as others reach it.
    pub(super) fn authority(&self, address: SocketAddr) -> String {
        authority(self.host.as_deref(), address)
    }
}
