//! What a request meets with: who is asked, at what time, and why there may be no answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kafka_protocol::protocol::StrBytes;

use super::cluster::{Cluster, Node};

/// Who is asked: the cluster, by way of one of its brokers.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) cluster: Arc<Cluster>,
    /// Id of the broker whose port the client is connected to.
    pub(super) node: i32,
    /// Where the client connects from.
    pub(super) peer: IpAddr,
    /// The host that the client is told of all brokers; `None`: the addresses that they listen on.
    pub(super) advertised: Option<StrBytes>,
}

impl Asked {
    /// The host at which the client is to look for a broker.
    pub(super) fn host_of(&self, node: &Node) -> StrBytes {
        self.advertised.clone().unwrap_or_else(|| StrBytes::from_string(node.address.ip().to_string()))
    }
}

/// Why a connection is closed instead of an answer. Kafka gives its clients no other sign either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unanswerable {
    #[error("the request is shorter than its header")]
    NoHeader,
    #[error("the request {0} is not served in version {1}")]
    NotServed(i16, i16),
    #[error("the request cannot be decoded: {0}")]
    Undecodable(String),
    #[error("the answer cannot be encoded: {0}")]
    Unencodable(String),
    #[error("the client has not said who it is")]
    NotAuthenticated,
    #[error("a produce request without acknowledgement failed")]
    SilentProduceFailed,
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
