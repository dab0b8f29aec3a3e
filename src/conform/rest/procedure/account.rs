//! What a procedure saw.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::conform::golden::{GoldenRecord, GoldenRequest, GoldenResponse};
use crate::wire::produce::{ProduceFormat, RequestBody};

/// A record that is sent, as it has to land. Its value tells it from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key; `None`: null.
    pub key: Option<String>,
    /// Value.
    pub value: String,
}

/// A request, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Which it is, in words.
    pub what: String,
    /// The topic that it names.
    pub topic: String,
    /// How keys and values stand in it.
    pub format: ProduceFormat,
    /// Its records.
    pub entries: Vec<Entry>,
    /// What came back.
    pub came: Came,
    /// How long that took.
    pub took: Duration,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// An answer.
    Answer(GoldenResponse),
    /// Nothing, for this reason.
    Nothing(String),
    /// Nobody waited for it.
    Unread,
    /// Whatever it is, it says nothing of the proxy: Kafka was away.
    InDoubt(Result<GoldenResponse, String>),
}

impl Came {
    /// Of a request that has to be answered.
    #[must_use]
    pub fn of(answer: Result<GoldenResponse, String>) -> Self {
        answer.map_or_else(Self::Nothing, Self::Answer)
    }

    /// The answer, if there was one.
    #[must_use]
    pub fn answer(&self) -> Option<&GoldenResponse> {
        match self {
            Self::Answer(answer) | Self::InDoubt(Ok(answer)) => Some(answer),
            _ => None,
        }
    }
}

/// A look at something beside what is written: an exchange whose status has to be one of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What was done, in words.
    pub what: String,
    /// What had to come.
    pub expected: Vec<u16>,
    /// What came, or why nothing did.
    pub seen: Result<u16, String>,
}

/// What is particular to one procedure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Particulars {
    /// Nothing.
    #[default]
    None,
    /// Of each receipt of a request that goes on: whether it came before more was sent, and whether its record could be read
    /// then; `None`: nobody could look.
    Receipts(Vec<(bool, Option<bool>)>),
    /// How long the proxy waits for a topic.
    Waits(Duration),
    /// How long a gateway waits, and after how long the answer came; `None`: it did not.
    Gateway(Duration, Option<Duration>),
    /// Whether the proxy still took connections when it had been told to stop, and had answered.
    Stopped(bool),
    /// Which acknowledgements the broker was asked for.
    Acks(BTreeSet<i16>),
}

/// What a procedure saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// The requests, in the order in which they were sent.
    pub sendings: Vec<Sending>,
    /// The records that then stood in the topics; `None`: nobody could look.
    pub landed: Option<BTreeMap<String, Vec<GoldenRecord>>>,
    /// What else was looked at.
    pub looks: Vec<Look>,
    /// What is particular to the procedure.
    pub particulars: Particulars,
}

impl Entry {
    /// The record `number` of the request `request`, in a form that every format can carry.
    #[must_use]
    pub fn of(request: usize, number: usize, key: Option<&str>) -> Self {
        Self {
            key: key.map(|key| format!("\"{key}\"")),
            value: format!("{{\"request\":{request},\"record\":{number}}}"),
        }
    }
}

impl Sending {
    /// The request that writes `entries`, in this cluster.
    #[must_use]
    pub fn request(topic: &str, cluster: &str, format: ProduceFormat, entries: &[Entry]) -> GoldenRequest {
        let path = match format {
            ProduceFormat::V2Json | ProduceFormat::V2Binary => format!("/topics/{topic}"),
            _ => format!("/v3/clusters/{cluster}/topics/{topic}/records"),
        };
        let mut body = Vec::new();
        let mut writing = RequestBody::begin(&mut body, format, None);
        for Entry { key, value } in entries {
            writing.push(key.as_ref().map(String::as_bytes), Some(value.as_bytes()), [], None);
        }
        writing.end();
        let headers = [("Content-Type", format.content_type()), ("Accept", format.accept())]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        GoldenRequest {
            method: "POST".to_owned(),
            path,
            headers: headers.to_vec(),
            // Every format's body is text.
            body: Some(String::from_utf8_lossy(&body).into_owned()),
            ..GoldenRequest::default()
        }
    }
}
