//! What happens to records, as plain data: the load reports [`Sent`] and [`Answer`], the reader
//! [`Landed`] and [`PartitionRead`]. All times are microseconds since the run's origin.

use bytes::Bytes;

use super::Expected;

/// A time that never came: the answer was still missing when landfall stopped waiting.
pub const UNANSWERED: u64 = u64::MAX;

/// A time that does not come: of a token's expiry, where there is no token or its life is not known.
pub const NEVER: u64 = u64::MAX;

/// A request within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId {
    /// Number of the stream (the workload's place in the scenario).
    pub producer: u16,
    /// Number of the request in its stream, from 0.
    pub index: u64,
}

/// A partition of one of the run's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's place in the scenario.
    pub topic: u16,
    /// Partition number.
    pub partition: i32,
}

/// An attempt at a request began to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The request.
    pub request: RequestId,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Sequence of the request's first record; the others follow without gaps.
    pub first_sequence: u64,
    /// Records in the request.
    pub records: u32,
    /// First byte handed to the socket.
    pub written_us: u64,
    /// What it must meet with.
    pub expect: Expected,
    /// When the token that it carries has expired for certain; [`NEVER`] without one.
    pub token_expires_us: u64,
    /// Whether the request is to be tried again.
    pub again: bool,
}

/// What an attempt came to. What it says of the records is lent, so that it costs no allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Last byte read, or the moment the attempt was given up; [`UNANSWERED`] where landfall stopped first.
    pub answered_us: u64,
    /// How the attempt ended.
    pub end: End,
    /// What the answer said, where it was not a plain ack.
    pub note: Option<Note>,
    /// What it says about each record: one answer for all, or one each.
    pub answers: &'a [RecordAnswer],
}

impl Answer<'_> {
    /// The answer for the record at `index` in the request.
    #[must_use]
    pub fn get(&self, index: usize) -> RecordAnswer {
        match self.answers {
            [all] => *all,
            // A list that is too short says nothing about the rest.
            each => each.get(index).copied().unwrap_or(RecordAnswer::Unknown),
        }
    }
}

/// What an answer said, and who said it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Note {
    /// The box that answered, where its answer tells.
    pub by: Option<Hop>,
    /// What it said, in its own words.
    pub text: String,
}

impl Note {
    /// Adds the ids by which a gateway's logs and traces know the request, each with its name, which begins with `x-am`.
    #[must_use]
    pub fn of_request<'i>(mut self, ids: impl IntoIterator<Item = (&'i str, &'i str)>) -> Self {
        let ids: Vec<String> = ids.into_iter().map(|(name, id)| format!("{name} {id}")).collect();
        if !ids.is_empty() {
            self.text.push_str(" [");
            self.text.push_str(&ids.join(", "));
            self.text.push(']');
        }
        self
    }

    /// The text without a request's ids: what is the same of every answer of its kind.
    #[must_use]
    pub fn gist(&self) -> &str {
        let split = self.text.rsplit_once(" [").filter(|(_, ids)| {
            ids.ends_with(']') && ids.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("x-am"))
        });
        split.map_or(self.text.as_str(), |(gist, _)| gist)
    }
}

impl<T: Into<String>> From<T> for Note {
    /// Of whom nobody knows.
    fn from(text: T) -> Self {
        Self { by: None, text: text.into() }
    }
}

/// A box that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hop {
    /// The API gateway, for itself or for its authorizer.
    Gateway,
    /// The REST proxy.
    Proxy,
}

impl Hop {
    /// Its name, as scenarios have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Proxy => "proxy",
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A whole HTTP response with this status.
    Status(u16),
    /// No whole response within a time-out.
    TimedOut,
    /// The connection could not be opened, or broke before a whole response had come.
    Reset,
    /// What came back is no HTTP response.
    Malformed,
}

/// What became of an attempt or a request: its end, and its records' answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Every record acked.
    Accepted,
    /// Every record refused.
    Refused,
    /// Another response: an error of the server, or records that fared differently.
    Failed,
    /// The connection could not be opened, or broke.
    Reset,
    /// No whole response in time.
    TimedOut,
    /// What came back is no HTTP response.
    Malformed,
}

impl Class {
    /// Every class, in the order in which reports show them.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Refused, Self::Failed, Self::Reset, Self::TimedOut, Self::Malformed];

    /// The class of an attempt, or of a request whose last attempt ended so: `acked` and `refused` of its `records`.
    #[must_use]
    pub fn of(end: End, acked: u64, refused: u64, records: u64) -> Self {
        if acked == records {
            return Self::Accepted;
        }
        if refused == records {
            return Self::Refused;
        }
        match end {
            End::Status(_) => Self::Failed,
            End::TimedOut => Self::TimedOut,
            End::Reset => Self::Reset,
            End::Malformed => Self::Malformed,
        }
    }

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Reset => "reset",
            Self::TimedOut => "timed_out",
            Self::Malformed => "malformed",
        }
    }
}

/// What came back for one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordAnswer {
    /// Written, it says; at this place, if it names one.
    Acked {
        /// Partition, where named.
        partition: Option<i32>,
        /// Offset, where named and at least 0.
        offset: Option<i64>,
    },
    /// Not written, and never will be.
    Refused,
    /// Nobody can tell from the answer.
    Unknown,
}

impl RecordAnswer {
    /// Whether it is an ack.
    #[must_use]
    pub fn is_acked(self) -> bool {
        matches!(self, Self::Acked { .. })
    }
}

/// A record stands in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Where.
    pub at: TopicPartition,
    /// Offset in the partition.
    pub offset: i64,
    /// Key; `None` is null, which is not the same as empty.
    pub key: Option<Bytes>,
    /// Value; `None` is null, which is not the same as empty.
    pub value: Option<Bytes>,
    /// Headers, in their order, with repetitions; a value that is `None` is null.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// When it was created, in milliseconds since 1970; `None` where the broker has stamped it.
    pub created_ms: Option<i64>,
    /// When the reader saw it.
    pub readable_us: u64,
}

/// How far a partition has been read; the offsets of the run that the verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRead {
    /// Which partition.
    pub at: TopicPartition,
    /// First offset read: the high watermark before the run.
    pub from: i64,
    /// One past the last offset that was read.
    pub to: i64,
    /// High watermark when reading ended.
    pub high_watermark: i64,
    /// Log start when reading ended: what stood below it cannot be read any more.
    pub log_start: i64,
    /// Whether Kafka takes out records that a later one of the same key has replaced: what is not there may have been.
    pub compacted: bool,
    /// Why the partition could not be read to its end, if it could not.
    pub error: Option<String>,
}

impl PartitionRead {
    /// Whether everything that stood in the partition when reading ended has been seen.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.to >= self.high_watermark
    }
}
