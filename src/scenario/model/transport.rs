//! How requests travel: connections, time-outs, further attempts.

use std::time::Duration;

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, one request at a time on a connection.
    Http1,
    /// HTTP/2, several at once.
    Http2,
}

/// The connections of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// How many, at least 1; as many as there are workers, where arrivals are closed and the scenario says nothing.
    pub count: u16,
    /// How many requests each carries at once, at least 1; 1 for HTTP/1.1.
    pub streams: u16,
    /// After how many requests one is closed and opened anew; `None`: never.
    pub requests_each: Option<u32>,
    /// After what time one is closed and opened anew, as soon as it is free; `None`: never.
    pub life: Option<Duration>,
}

/// How long each part of an attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Opening a connection.
    pub connect: Duration,
    /// From the first byte written to the first byte of the answer; at most `whole`.
    pub first_byte: Duration,
    /// From the first byte written to the last byte of the answer.
    pub whole: Duration,
}

/// When a request that failed is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrySpec {
    /// How many further attempts a request has at most; at least 1.
    pub times: u32,
    /// How long each waits.
    pub backoff: Backoff,
    /// Whether an answer's `Retry-After` lengthens the wait.
    pub retry_after: bool,
    /// The longest wait, whoever asks for it.
    pub max_wait: Duration,
    /// What a further attempt follows on; never empty.
    pub on: Vec<RetryOn>,
}

/// How long a further attempt waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// Always the same.
    Fixed(Duration),
    /// Twice as long with every attempt.
    Exponential {
        /// After the first attempt.
        base: Duration,
        /// At most; at least `base`.
        max: Duration,
        /// How much of it is random.
        jitter: Jitter,
    },
}

/// How much of a wait is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// Nothing.
    None,
    /// Anything from no wait to the whole one.
    Full,
    /// Anything from half the wait to the whole one.
    Equal,
}

/// An end of an attempt that another follows on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// An answer with this status.
    Status(u16),
    /// An answer with a status of this hundred: 4 or 5.
    StatusClass(u16),
    /// No whole answer in time.
    TimedOut,
    /// The connection broke.
    Reset,
    /// No connection could be opened.
    RefusedConnection,
}

impl RetryOn {
    /// Whether it means answers with this status.
    #[must_use]
    pub fn means_status(self, status: u16) -> bool {
        match self {
            Self::Status(this) => this == status,
            Self::StatusClass(hundred) => status / 100 == hundred,
            Self::TimedOut | Self::Reset | Self::RefusedConnection => false,
        }
    }
}
