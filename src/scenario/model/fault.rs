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
    /// Only in this stretch of time after the load's start; `None`: always. What happens at a moment has one without length.
    pub window: Option<(Duration, Duration)>,
    /// Only this replica, or broker, from 1, where it is a fault of the balancer or of containers; `None`: what its kind befalls
    /// where none is named.
    pub replica: Option<u16>,
    /// How much it does, where that can be said.
    pub amount: Option<Amount>,
}

impl Fault {
    /// One without a target and without a window, which does as much as its kind does where nothing is said.
    #[must_use]
    pub fn new(kind: FaultKind, pace: Pace) -> Self {
        Self { kind, pace, target: None, window: None, replica: None, amount: kind.usual_amount() }
    }
}

/// How much a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Every byte is so much later, in each direction.
    EachWay(Duration),
    /// So many bytes a second pass, in each direction of each connection.
    BytesPerSecond(u64),
    /// After so many bytes from the replica; 0: at once.
    AfterBytes(u64),
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
    /// Proxy: writes a record's value without its last byte.
    Truncate,
    /// Proxy: writes an empty value where the record's is null.
    NullToEmpty,
    /// Proxy: exchanges the keys of two records of one request that have different ones.
    SwapKeys,
    /// Proxy: reads the numbers of a JSON value into binary floating point, whole ones into double precision and others
    /// into single precision, and writes what is left of them.
    RoundNumbers,
    /// Proxy: writes a JSON value indented.
    Reformat,
    /// Proxy: writes `?` for each character of a value that ASCII does not have.
    LoseUnicode,
    /// Proxy: writes a record without its headers.
    LoseHeaders,
    /// Proxy: writes a record with a timestamp that is an hour earlier than its own.
    ShiftTimestamp,
    /// Proxy: answers with another offset than the record's.
    WrongOffset,
    /// Proxy: answers with another partition than the record's, one that the topic has.
    WrongPartition,
    /// Proxy: answers for each of two records of one request, of the same key and partition, with the other's offset.
    ExchangeOffsets,
    /// Proxy: gives the positions of the answer before on the same connection once more. It strikes where that
    /// answered for as many records of the same topic.
    StaleAnswer,
    /// Proxy: answers with the offset -1 for a record that was written.
    NegativeOffset,
    /// Proxy: writes two records of one request, of the same key and partition, in the other order.
    ReorderInRequest,
    /// Proxy: answers that a record was written which Kafka, or its client, has refused for good.
    HideFailure,
    /// Proxy: writes a record, and answers that Kafka has refused it.
    FalseFailure,
    /// Proxy: writes a record, and answers with an error after which it may be tried again.
    ErrorItems,
    /// Proxy: writes a request's records, and answers 500.
    ErrorAfterAppend,
    /// Proxy: writes a request's records, and breaks the connection.
    ResetAfterAppend,
    /// Proxy: writes a request's records, and never answers.
    NeverAnswer,
    /// Proxy: writes a request's records when its client has given up waiting for the answer.
    AppendLate,
    /// Proxy: answers a request 200 ms late.
    Delay,
    /// Proxy: answers a request 2 s late.
    LatencySpike,
    /// Proxy: takes up no produce request while its window lasts, as in a pause of its virtual machine, and takes up all of
    /// them when it ends. It always has a window; its pace is [`Pace::Every`] of 1, and it has no target.
    Stall,
    /// Proxy: answers late while its window lasts, as after a cold start: by a second at first, and less and less. It has a
    /// window alone, as a stall has.
    SlowStart,
    /// Proxy: one replica is away while its window lasts: its connections break, it works on what it has in hand, and
    /// listens again in the end. It has a window alone, as a stall has.
    ReplicaRestart,
    /// Proxy: keeps a mebibyte of memory for a request, and never gives it back.
    MemoryGrowth,
    /// Gateway: refuses a request that the authorizer denies, or whose token it refuses, and forwards it all the same.
    ForwardDenied,
    /// Gateway: lets such a request pass.
    AdmitDenied,
    /// Gateway: forwards a request without its Content-Type.
    DropHeader,
    /// Gateway: forwards a request without the last byte of its body.
    TruncateBody,
    /// Gateway: answers 504 to a request that its back end has carried out.
    LateSuccess,
    /// Gateway: forgets what authorizers have decided before a request, as a `FlushStageAuthorizersCache` does.
    FlushAuthorizers,
    /// Balancer: every byte between it and the replicas is late while its window lasts. It befalls open connections and new
    /// ones, of all replicas where none is named, and has a window alone, as a stall has. So it is with all of the balancer's.
    NetworkDelay,
    /// Balancer: no byte passes until its window ends; then all go on.
    NetworkStall,
    /// Balancer: connections are reset: new ones, and when its window begins those that are open.
    NetworkReset,
    /// Balancer: bytes are taken and thrown away; connections that lost some are reset when its window ends.
    BlackHole,
    /// Balancer: new connections are refused, and those that are open when its window begins are reset.
    RefuseConnections,
    /// Balancer: few bytes a second pass on each connection.
    NetworkThrottle,
    /// Balancer: a replica, the first where none is named, gets no new connections while its window lasts, and keeps those
    /// that it has.
    DrainTarget,
    /// Balancer: a replica, the first where none is named, gets no new connections while its window lasts, and those that it
    /// has are reset.
    KillTarget,
    /// Balancer: a replica, the last where none is named, comes into service when its window ends. That begins with the load.
    LateTarget,
    /// Identity provider: answers a token request with 503. It strikes once the load has begun, so that every partner
    /// has a first token; it has no target.
    TokenOutage,
    /// Identity provider: answers a token request a second late. It strikes when a token outage would, and so it is with all
    /// of the provider's.
    TokenSlow,
    /// Identity provider: answers a token request with 200 and a page for people.
    TokenHtml,
    /// Identity provider: never answers a token request.
    TokenTimeout,
    /// Identity provider: answers a request for its keys with 503.
    KeysOutage,
    /// Identity provider: answers a request for its keys with 200 and a page for people.
    KeysHtml,
    /// Identity provider: answers a request for its keys with a set that has none.
    KeysEmpty,
    /// Identity provider: answers a request for its keys with a set of more than 2 MiB.
    KeysHuge,
    /// Identity provider: never answers a request for its keys.
    KeysTimeout,
    /// Identity provider: sends its keys a byte every quarter of a second.
    KeysDrip,
    /// Identity provider: issues a token whose header names a key that there is not.
    WrongKid,
    /// Identity provider: takes a new key to sign with, and publishes the one before until its last token has ended. It
    /// happens once, at a moment: its pace is [`Pace::Every`] of 1, and its window has no length.
    RotateKeys,
    /// Identity provider: takes a new key to sign with, and publishes none of those before any more. It happens once, at a
    /// moment.
    RotateKeysAtOnce,
    /// Kafka: refuses every read of the topic, as an ACL without READ does. It strikes always: its pace is
    /// [`Pace::Every`] of 1, and it has no window.
    DenyRead,
    /// Kafka: answers that the broker does not lead the partition, and appends nothing.
    NotLeader,
    /// Kafka: appends a batch, and answers that it took too long.
    TimeoutAfterAppend,
    /// Kafka: answers that a batch is too large, and does not append it.
    MessageTooLarge,
    /// Kafka: lets the next broker lead the batch's partition, and answers that this one does not. It needs several
    /// brokers.
    LeaderChange,
    /// Kafka: closes every connection when its window begins, takes no other while that lasts, and serves again what it
    /// has when it ends. It always has a window; its pace is [`Pace::Every`] of 1, and it has no target.
    Restart,
    /// Kafka: answers that a batch was appended, and forgets it before anybody could read it, as a leader does that ends
    /// uncleanly and has acknowledged alone. The next batch gets the same offsets, in a new leader epoch.
    LoseTail,
    /// Proxy in containers: a replica, the first where none is named, is asked to stop when the window begins, and started
    /// again when it ends. A window alone, as it is with all faults of containers but those that happen at a moment.
    ContainerStop,
    /// Proxy in containers: a replica is killed, and started again when the window ends.
    ContainerKill,
    /// Proxy in containers: a replica's processes stand still while the window lasts.
    ContainerPause,
    /// Proxy in containers: one replica after another is taken out of service, stopped, started, and taken into service
    /// when it is ready. It happens at a moment, and lasts as long as it takes.
    RollingRestart,
    /// Proxy in containers: a replica more is started, and comes into service when it is ready. It happens at a moment.
    ScaleOut,
    /// Proxy in containers: a replica, the last where none is named, gets no new connections from the beginning of the window
    /// on, and is stopped at its end.
    ScaleIn,
    /// Kafka in containers: a broker is asked to stop when the window begins, and started again when it ends: the one that is
    /// named, or else the one that leads the first partition of the scenario's first topic.
    BrokerStop,
    /// Kafka in containers: a broker is killed, and started again when the window ends.
    BrokerKill,
    /// Kafka in containers: a broker's processes stand still while the window lasts.
    BrokerPause,
}

impl FaultKind {
    /// Every fault of containers, in the order in which documentation lists them.
    pub const OF_CONTAINERS: [Self; 9] = [
        Self::ContainerStop,
        Self::ContainerKill,
        Self::ContainerPause,
        Self::RollingRestart,
        Self::ScaleOut,
        Self::ScaleIn,
        Self::BrokerStop,
        Self::BrokerKill,
        Self::BrokerPause,
    ];

    /// Every fault of doubles, in the order in which documentation lists them.
    pub const ALL: [Self; 65] = [
        Self::DropAfterAck,
        Self::Duplicate,
        Self::CorruptByte,
        Self::Truncate,
        Self::NullToEmpty,
        Self::SwapKeys,
        Self::RoundNumbers,
        Self::Reformat,
        Self::LoseUnicode,
        Self::LoseHeaders,
        Self::ShiftTimestamp,
        Self::WrongOffset,
        Self::WrongPartition,
        Self::ExchangeOffsets,
        Self::StaleAnswer,
        Self::NegativeOffset,
        Self::ReorderInRequest,
        Self::HideFailure,
        Self::FalseFailure,
        Self::ErrorItems,
        Self::ErrorAfterAppend,
        Self::ResetAfterAppend,
        Self::NeverAnswer,
        Self::AppendLate,
        Self::Delay,
        Self::LatencySpike,
        Self::Stall,
        Self::SlowStart,
        Self::ReplicaRestart,
        Self::MemoryGrowth,
        Self::ForwardDenied,
        Self::AdmitDenied,
        Self::DropHeader,
        Self::TruncateBody,
        Self::LateSuccess,
        Self::FlushAuthorizers,
        Self::NetworkDelay,
        Self::NetworkStall,
        Self::NetworkReset,
        Self::BlackHole,
        Self::RefuseConnections,
        Self::NetworkThrottle,
        Self::DrainTarget,
        Self::KillTarget,
        Self::LateTarget,
        Self::TokenOutage,
        Self::TokenSlow,
        Self::TokenHtml,
        Self::TokenTimeout,
        Self::KeysOutage,
        Self::KeysHtml,
        Self::KeysEmpty,
        Self::KeysHuge,
        Self::KeysTimeout,
        Self::KeysDrip,
        Self::WrongKid,
        Self::RotateKeys,
        Self::RotateKeysAtOnce,
        Self::DenyRead,
        Self::NotLeader,
        Self::TimeoutAfterAppend,
        Self::MessageTooLarge,
        Self::LeaderChange,
        Self::Restart,
        Self::LoseTail,
    ];

    /// The box that shows it, as scenario files name it.
    #[must_use]
    pub fn box_name(self) -> &'static str {
        self.row().0
    }

    /// Its name in scenario files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Whether it lasts as long as its window, and has neither a pace nor a target.
    #[must_use]
    pub fn is_window_alone(self) -> bool {
        matches!(self, Self::Stall | Self::SlowStart | Self::ReplicaRestart | Self::Restart)
            || self.box_name() == "balancer"
            || (self.is_of_containers() && !self.is_moment())
    }

    /// Whether it befalls boxes in containers, and not doubles.
    #[must_use]
    pub fn is_of_containers(self) -> bool {
        Self::OF_CONTAINERS.contains(&self)
    }

    /// Whether it happens once, at a moment, and has neither a pace nor a target.
    #[must_use]
    pub fn is_moment(self) -> bool {
        matches!(self, Self::RotateKeys | Self::RotateKeysAtOnce | Self::RollingRestart | Self::ScaleOut)
    }

    /// How much it does where nothing is said; `None` where nothing can be said.
    #[must_use]
    pub fn usual_amount(self) -> Option<Amount> {
        match self {
            Self::NetworkDelay => Some(Amount::EachWay(Duration::from_millis(100))),
            Self::NetworkThrottle => Some(Amount::BytesPerSecond(10_000)),
            Self::NetworkReset => Some(Amount::AfterBytes(0)),
            _ => None,
        }
    }

    /// The metric whose value equals the number of times the fault took effect; `None` where there is nothing to find:
    /// it leaves records in doubt or the run without a verdict, or makes it slow. An `idempotent` producer writes nothing
    /// twice that Kafka is said to have taken too long for.
    #[must_use]
    pub fn expected_finding(self, idempotent: bool) -> Option<&'static str> {
        match self {
            Self::TimeoutAfterAppend if idempotent => None,
            _ => self.row().2,
        }
    }

    /// Its box, its name and its finding.
    fn row(self) -> (&'static str, &'static str, Option<&'static str>) {
        const LOST: Option<&str> = Some("records.lost");
        const LEAKED: Option<&str> = Some("records.leaked");
        const CORRUPTED: Option<&str> = Some("records.corrupted");
        const DUPLICATED: Option<&str> = Some("records.duplicated");
        const MISPLACED: Option<&str> = Some("records.misplaced");
        const REORDERED: Option<&str> = Some("records.reordered");
        const ADMITTED: Option<&str> = Some("requests.wrongly_admitted");
        const REFUSED: Option<&str> = Some("requests.wrongly_refused");
        match self {
            Self::DropAfterAck => ("proxy", "drop-after-ack", LOST),
            Self::Duplicate => ("proxy", "duplicate", DUPLICATED),
            Self::CorruptByte => ("proxy", "corrupt-byte", CORRUPTED),
            Self::Truncate => ("proxy", "truncate", CORRUPTED),
            Self::NullToEmpty => ("proxy", "null-to-empty", CORRUPTED),
            Self::SwapKeys => ("proxy", "swap-keys", CORRUPTED),
            Self::RoundNumbers => ("proxy", "round-numbers", CORRUPTED),
            Self::Reformat => ("proxy", "reformat", Some("records.rewritten")),
            Self::LoseUnicode => ("proxy", "lose-unicode", CORRUPTED),
            Self::LoseHeaders => ("proxy", "lose-headers", CORRUPTED),
            Self::ShiftTimestamp => ("proxy", "shift-timestamp", CORRUPTED),
            Self::WrongOffset => ("proxy", "wrong-offset", MISPLACED),
            Self::WrongPartition => ("proxy", "wrong-partition", MISPLACED),
            Self::ExchangeOffsets => ("proxy", "exchange-offsets", MISPLACED),
            Self::StaleAnswer => ("proxy", "stale-answer", MISPLACED),
            Self::NegativeOffset => ("proxy", "negative-offset", None),
            Self::ReorderInRequest => ("proxy", "reorder-in-request", REORDERED),
            Self::HideFailure => ("proxy", "hide-failure", LOST),
            Self::FalseFailure => ("proxy", "false-failure", LEAKED),
            Self::ErrorItems => ("proxy", "error-items", None),
            Self::ErrorAfterAppend => ("proxy", "error-after-append", None),
            Self::ResetAfterAppend => ("proxy", "reset-after-append", None),
            Self::NeverAnswer => ("proxy", "never-answer", None),
            Self::AppendLate => ("proxy", "append-late", None),
            Self::Delay => ("proxy", "delay", None),
            Self::LatencySpike => ("proxy", "latency-spike", None),
            Self::Stall => ("proxy", "stall", None),
            Self::SlowStart => ("proxy", "slow-start", None),
            Self::ReplicaRestart => ("proxy", "replica-restart", None),
            Self::MemoryGrowth => ("proxy", "memory-growth", None),
            Self::ForwardDenied => ("gateway", "forward-denied", LEAKED),
            Self::AdmitDenied => ("gateway", "admit-denied", ADMITTED),
            Self::DropHeader => ("gateway", "drop-header", REFUSED),
            Self::TruncateBody => ("gateway", "truncate-body", REFUSED),
            Self::LateSuccess => ("gateway", "late-success", None),
            Self::FlushAuthorizers => ("gateway", "flush-authorizers", None),
            Self::NetworkDelay => ("balancer", "network-delay", None),
            Self::NetworkStall => ("balancer", "network-stall", None),
            Self::NetworkReset => ("balancer", "network-reset", None),
            Self::BlackHole => ("balancer", "black-hole", None),
            Self::RefuseConnections => ("balancer", "refuse-connections", None),
            Self::NetworkThrottle => ("balancer", "network-throttle", None),
            Self::DrainTarget => ("balancer", "drain-target", None),
            Self::KillTarget => ("balancer", "kill-target", None),
            Self::LateTarget => ("balancer", "late-target", None),
            Self::TokenOutage => ("idp", "token-outage", Some("tokens.failed")),
            Self::TokenSlow => ("idp", "token-slow", None),
            Self::TokenHtml => ("idp", "token-html", Some("tokens.failed")),
            Self::TokenTimeout => ("idp", "token-timeout", None),
            Self::KeysOutage => ("idp", "keys-outage", None),
            Self::KeysHtml => ("idp", "keys-html", None),
            Self::KeysEmpty => ("idp", "keys-empty", None),
            Self::KeysHuge => ("idp", "keys-huge", None),
            Self::KeysTimeout => ("idp", "keys-timeout", None),
            Self::KeysDrip => ("idp", "keys-drip", None),
            Self::WrongKid => ("idp", "wrong-kid", None),
            Self::RotateKeys => ("idp", "rotate-keys", None),
            Self::RotateKeysAtOnce => ("idp", "rotate-keys-at-once", None),
            Self::DenyRead => ("kafka", "deny-read", None),
            Self::NotLeader => ("kafka", "not-leader", None),
            Self::TimeoutAfterAppend => ("kafka", "timeout-after-append", DUPLICATED),
            Self::MessageTooLarge => ("kafka", "message-too-large", None),
            Self::LeaderChange => ("kafka", "leader-change", None),
            Self::Restart => ("kafka", "restart", None),
            Self::LoseTail => ("kafka", "lose-tail", LOST),
            Self::ContainerStop => ("proxy", "container-stop", None),
            Self::ContainerKill => ("proxy", "container-kill", None),
            Self::ContainerPause => ("proxy", "container-pause", None),
            Self::RollingRestart => ("proxy", "rolling-restart", None),
            Self::ScaleOut => ("proxy", "scale-out", None),
            Self::ScaleIn => ("proxy", "scale-in", None),
            Self::BrokerStop => ("kafka", "broker-stop", None),
            Self::BrokerKill => ("kafka", "broker-kill", None),
            Self::BrokerPause => ("kafka", "broker-pause", None),
        }
    }
}
