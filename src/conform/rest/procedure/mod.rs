//! Procedures: cases that take more than one exchange, or a hand on the boxes. What is done stands in `app`; here is which there
//! are, and whether what came of one is as it has to be.

mod account;
mod answered;
mod entries;
mod judge;
mod order;
mod single;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Deserialize;

pub use account::{Account, Came, Entry, Look, Particulars, Sending};
pub use answered::{Receipt, receipts};
pub use judge::{Finding, assess_procedure, judge_procedure};

use super::catalogue::{Evidence, TopicOf};
use crate::wire::produce::Api;

/// A case that takes a procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureCase {
    /// Its id, which never changes: `rest/<requirement>/<variant>`.
    pub id: String,
    /// What is done.
    pub procedure: Procedure,
    /// By which version of the API.
    pub api: Api,
    /// On what it rests that it comes out so.
    pub evidence: Evidence,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Procedure {
    /// Requests with one key, one after another.
    SequentialOrder,
    /// Many requests at the same time.
    ConcurrentIsolation,
    /// A whole request, and the client goes.
    DisconnectAfterRequest,
    /// Half a request, and the client goes.
    DisconnectAmidRequest,
    /// Many records in one request.
    ManyRecords,
    /// Many requests over one connection.
    KeepAlive,
    /// A record is sent when the receipt of the one before has come.
    FullDuplex,
    /// The same request twice.
    SameAgain,
    /// Kafka goes away and comes back.
    BrokerReturns,
    /// The proxy is asked for several things while Kafka is away.
    PortStaysOpen,
    /// Requests of one and of three records to a topic that is not there.
    SerialBlocking,
    /// Kafka is away for longer than a gateway waits.
    LaterThanGateway,
    /// The proxy is stopped with a request in hand.
    StoppedInHand,
    /// Two proxies take turns.
    TwoReplicas,
    /// A topic is made by one proxy and used by another.
    TopicOfAnother,
    /// Kafka is asked which acknowledgements it was asked for.
    Acknowledgements,
}

/// Something of landfall's own that a procedure needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// A broker that can be stopped.
    Broker,
    /// A proxy that can be stopped.
    Proxy,
    /// A second proxy.
    Replica,
    /// A broker that tells what it was asked.
    Witness,
    /// A proxy whose time passes faster.
    Time,
}

impl Own {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Broker, Self::Proxy, Self::Replica, Self::Witness, Self::Time];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Broker => "own_broker",
            Self::Proxy => "own_proxy",
            Self::Replica => "own_replica",
            Self::Witness => "own_witness",
            Self::Time => "own_time",
        }
    }

    /// How it is given.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Broker => {
                "it stops the broker: try landfall's own proxy and broker, without `--target`, or boxes in containers (`--stack`)"
            }
            Self::Proxy => {
                "it stops the proxy: try landfall's own, without `--target`, or boxes in containers (`--stack`)"
            }
            Self::Replica => {
                "it takes two proxies: try landfall's own, without `--target`, or `replicas: 2` in containers (`--stack`)"
            }
            Self::Witness => "it asks the broker what it was asked: try landfall's own, without `--target`",
            Self::Time => "it waits for minutes: try landfall's own proxy, whose time passes faster",
        }
    }
}

/// How long a procedure may take: longer than it waits for answers that do not come.
const BRISK: Duration = Duration::from_mins(1);

impl Procedure {
    /// Every one.
    pub const ALL: [Self; 16] = [
        Self::SequentialOrder,
        Self::ConcurrentIsolation,
        Self::DisconnectAfterRequest,
        Self::DisconnectAmidRequest,
        Self::ManyRecords,
        Self::KeepAlive,
        Self::FullDuplex,
        Self::SameAgain,
        Self::BrokerReturns,
        Self::PortStaysOpen,
        Self::SerialBlocking,
        Self::LaterThanGateway,
        Self::StoppedInHand,
        Self::TwoReplicas,
        Self::TopicOfAnother,
        Self::Acknowledgements,
    ];

    /// What is done, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::SequentialOrder => {
                "20 requests with one key, each sent when the answer to the one before has come; \
                 their records must stand in that order"
            }
            Self::ConcurrentIsolation => {
                "24 requests at the same time, of 1 to 8 records, to two topics, as JSON and as base64; \
                 each answer must speak of its own records"
            }
            Self::DisconnectAfterRequest => {
                "a whole request, whose client goes without waiting for the answer; its records must land"
            }
            Self::DisconnectAmidRequest => {
                "half a request, whose client goes, and a whole one; nothing may land of the first"
            }
            Self::ManyRecords => {
                "400 records in one request, with keys, to six partitions; each entry must say where its record \
                 stands, and those of a partition must stand in their order"
            }
            Self::KeepAlive => {
                "30 requests over one connection, to two topics and of 1 to 3 records; \
                 each answer must speak of its own records"
            }
            Self::FullDuplex => {
                "a request of four records, each sent when the receipt of the one before has come, \
                 and its record can be read"
            }
            Self::SameAgain => "the same request twice; its records must land twice",
            Self::BrokerReturns => {
                "a request; the broker closes its connections and takes no other for a second, and a request comes; \
                 once it serves again, a third one must succeed at the same proxy"
            }
            Self::PortStaysOpen => {
                "GET / and GET /topics while the broker is away: the one must be 200, the other must not"
            }
            Self::SerialBlocking => {
                "a request of one record to a topic that is not there, and one of three, which must take three times \
                 as long"
            }
            Self::LaterThanGateway => {
                "a request to a proxy whose broker has gone; after 29 seconds, as the proxy's clock goes, there must be \
                 no answer; the broker comes back, and the record must land"
            }
            Self::StoppedInHand => {
                "a proxy is told to stop while it has a request in hand; it must answer it, its record must stand where \
                 it says, and nobody may be served any more"
            }
            Self::TwoReplicas => {
                "20 requests with one key, through two proxies in turn, each sent when the answer to the one before \
                 has come; their records must stand in that order"
            }
            Self::TopicOfAnother => {
                "a topic that neither of two proxies has found, made through one of them; the other must write to it"
            }
            Self::Acknowledgements => {
                "a request, and the broker is asked how many replicas had to acknowledge it"
            }
        }
    }

    /// What of landfall's own it needs; `None`: a proxy that runs will do.
    #[must_use]
    pub fn needs(self) -> Option<Own> {
        match self {
            Self::SequentialOrder
            | Self::ConcurrentIsolation
            | Self::DisconnectAfterRequest
            | Self::DisconnectAmidRequest
            | Self::ManyRecords
            | Self::KeepAlive
            | Self::FullDuplex
            | Self::SameAgain => None,
            Self::BrokerReturns | Self::PortStaysOpen | Self::LaterThanGateway => Some(Own::Broker),
            Self::SerialBlocking => Some(Own::Time),
            Self::StoppedInHand => Some(Own::Proxy),
            Self::TwoReplicas | Self::TopicOfAnother => Some(Own::Replica),
            Self::Acknowledgements => Some(Own::Witness),
        }
    }

    /// The topics that it writes to.
    #[must_use]
    pub fn topics(self) -> Vec<TopicOf> {
        let partitions: &[i32] = match self {
            Self::ConcurrentIsolation => &[3, 1],
            Self::ManyRecords => &[6],
            Self::KeepAlive => &[1, 3],
            Self::SequentialOrder | Self::TwoReplicas => &[3],
            // These are not there.
            Self::SerialBlocking | Self::TopicOfAnother => &[],
            _ => &[1],
        };
        partitions.iter().map(|count| TopicOf { partitions: *count, ..TopicOf::default() }).collect()
    }

    /// How long it may take.
    #[must_use]
    pub fn limit(self) -> Duration {
        BRISK
    }
}

/// What came of a procedure that is not what is required, and that profiles may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcedureOutcome {
    /// The leader alone acknowledges a record.
    AcksLeader,
}

impl ProcedureOutcome {
    /// As profiles name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AcksLeader => "acks-leader",
        }
    }
}
