//! Faults: misbehaviours that doubles show.

use std::time::Duration;

/// A misbehaviour that a double is told to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Which box shows it and how.
    pub kind: FaultKind,
    /// How often it strikes.
    pub pace: Pace,
    /// Only records of this topic; `None`: of any.
    pub target: Option<String>,
    /// Only in this stretch of time after the load's start; `None`: always.
    pub window: Option<(Duration, Duration)>,
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// The `n`th, `2n`th, … time that it could.
    Every(u64),
    /// With this probability, 0 to 1, seeded.
    Rate(f64),
}

/// The faults there are; each belongs to one box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// Proxy: answers that a record was written, and does not write it.
    DropAfterAck,
    /// Proxy: writes a record twice.
    Duplicate,
    /// Proxy: changes one byte of a record's value.
    CorruptByte,
    /// Proxy: answers with another offset than the record's.
    WrongOffset,
    /// Proxy: writes two records of one request, of the same key and partition, in the other order.
    ReorderInRequest,
    /// Proxy: writes an empty value where the record's is null.
    NullToEmpty,
    /// Proxy: takes up no produce request while its window lasts, as in a pause of its virtual machine, and takes up all of
    /// them when it ends. It always has a window; its pace is [`Pace::Every`] of 1, and it has no target.
    Stall,
    /// Gateway: refuses a request that the authorizer denies, or whose token it refuses, and forwards it all the same.
    ForwardDenied,
    /// Gateway: lets such a request pass.
    AdmitDenied,
    /// Identity provider: answers a token request with 503. It strikes once the load has begun, so that every partner
    /// has a first token; it has no target.
    TokenOutage,
    /// Kafka: refuses every read of the topic, as an ACL without READ does. It strikes always: its pace is
    /// [`Pace::Every`] of 1, and it has no window.
    DenyRead,
}

impl FaultKind {
    /// Every fault, in the order in which documentation lists them.
    pub const ALL: [Self; 11] = [
        Self::DropAfterAck,
        Self::Duplicate,
        Self::CorruptByte,
        Self::WrongOffset,
        Self::ReorderInRequest,
        Self::NullToEmpty,
        Self::Stall,
        Self::ForwardDenied,
        Self::AdmitDenied,
        Self::TokenOutage,
        Self::DenyRead,
    ];

    /// The box that shows it, as scenario files name it.
    #[must_use]
    pub fn box_name(self) -> &'static str {
        match self {
            Self::DropAfterAck
            | Self::Duplicate
            | Self::CorruptByte
            | Self::WrongOffset
            | Self::ReorderInRequest
            | Self::NullToEmpty
            | Self::Stall => "proxy",
            Self::ForwardDenied | Self::AdmitDenied => "gateway",
            Self::TokenOutage => "idp",
            Self::DenyRead => "kafka",
        }
    }

    /// Its name in scenario files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DropAfterAck => "drop-after-ack",
            Self::Duplicate => "duplicate",
            Self::CorruptByte => "corrupt-byte",
            Self::WrongOffset => "wrong-offset",
            Self::ReorderInRequest => "reorder-in-request",
            Self::NullToEmpty => "null-to-empty",
            Self::Stall => "stall",
            Self::ForwardDenied => "forward-denied",
            Self::AdmitDenied => "admit-denied",
            Self::TokenOutage => "token-outage",
            Self::DenyRead => "deny-read",
        }
    }

    /// The metric whose value equals the number of times the fault took effect; `None` where there is nothing to find:
    /// it leaves the run without a verdict, or makes it slow.
    #[must_use]
    pub fn expected_finding(self) -> Option<&'static str> {
        match self {
            Self::DropAfterAck => Some("records.lost"),
            Self::Duplicate => Some("records.duplicated"),
            Self::CorruptByte | Self::NullToEmpty => Some("records.corrupted"),
            Self::WrongOffset => Some("records.misplaced"),
            Self::ReorderInRequest => Some("records.reordered"),
            Self::ForwardDenied => Some("records.leaked"),
            Self::AdmitDenied => Some("requests.wrongly_admitted"),
            Self::TokenOutage => Some("tokens.failed"),
            Self::DenyRead | Self::Stall => None,
        }
    }
}
