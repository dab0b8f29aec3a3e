//! What a connection may meet on its way: the faults of a network, which a balancer shows where there is none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::doubles::fault::Injector;

/// A fault of the connections that a [`Balancer`](super::Balancer) carries.
///
/// `Delay`, `Stall`, `BlackHole` and `Throttle` befall open connections and new ones; `Reset` and `Refuse` only new ones.
/// Each is between the client and the target; health checks do not meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionFault {
    /// Every byte, and the end, arrives so much later, in order. What is under way is bounded: 256 KiB a direction.
    Delay {
        /// In each direction, so a round trip takes twice as much more. The time scale does not divide it.
        each_way: Duration,
    },
    /// No byte passes until the fault is lifted; then all go on that were held up. 256 KiB a direction are held, as
    /// buffers on a way would hold them; then writing waits. A connection that its holder lets go meanwhile is reset if
    /// bytes were held up.
    Stall,
    /// The connection is reset, on both sides.
    Reset {
        /// After so many bytes from the target; at once if `None` or 0. The target has accepted the connection by then.
        after_bytes: Option<u64>,
    },
    /// Bytes are taken and thrown away; nothing comes back, no end either. When the fault is lifted, connections that lost
    /// bytes are reset, as are those that their holder lets go before: TCP never goes on past what it has lost.
    BlackHole,
    /// The connection is reset before any byte, as far as a balancer of layer 4 can refuse; without a socket it is refused
    /// outright. No target hears of it.
    Refuse,
    /// Bytes pass at this rate, in each direction of each connection.
    Throttle {
        /// Bytes a second; 0 means 1.
        bytes_per_s: u64,
    },
}

/// Whose connections a fault befalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultScope {
    /// Those to any target for which no fault of its own is set.
    All,
    /// Those to this one.
    Target(SocketAddr),
}

/// A fault that is set.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) fault: ConnectionFault,
    /// What counts the connections that it befalls, besides the group.
    pub(super) counter: Option<Arc<Injector>>,
}

impl Setting {
    /// Whether both are one: the same fault, counted in the same place.
    pub(super) fn is(&self, other: &Self) -> bool {
        let counted = |setting: &Self| setting.counter.as_ref().map(Arc::as_ptr);
        self.fault == other.fault && counted(self) == counted(other)
    }
}

impl ConnectionFault {
    /// Whether it acts on bytes that pass, and so on connections that are open already.
    pub(super) fn is_of_bytes(self) -> bool {
        !matches!(self, Self::Reset { .. } | Self::Refuse)
    }

    /// Whether nothing arrives for as long as it lasts.
    pub(super) fn is_silence(self) -> bool {
        matches!(self, Self::Stall | Self::BlackHole)
    }
}
