//! The lines of a golden file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::body::{Elided, Generated, Unbuildable};

/// One exchange with a proxy, and what then stood in the topics. Members that are not named here are passed over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recording {
    /// By which it is known in its corpus.
    pub id: String,
    /// What it tries, in words.
    #[serde(default)]
    pub title: String,
    /// What was sent.
    pub request: GoldenRequest,
    /// The first answer; `None`: there was none before the client gave up.
    #[serde(default, deserialize_with = "answered")]
    pub response: Option<GoldenResponse>,
    /// All answers, where there were several (100, pipelining).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<Vec<GoldenResponse>>,
    /// Whether the proxy closed the connection; `None`: nobody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_closed_connection: Option<bool>,
    /// What the client noted beside, for instance that bytes came behind the answer that it read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_observed: Option<String>,
    /// The records that then stood in the topics and had not before; `None`: the broker was down, and nobody could look.
    pub landed: Option<Vec<GoldenRecord>>,
    /// Whether `landed` is only the beginning of what landed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub landed_truncated: bool,
    /// How many records landed, where `landed` is only their beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed_count: Option<u64>,
    /// The proxy: name, version, configuration.
    #[serde(default)]
    pub proxy: Map<String, Value>,
    /// The broker, in words: its version, and how topics come to be.
    #[serde(default)]
    pub broker: String,
    /// How broker and proxy were set up.
    #[serde(default)]
    pub setup: Setup,
}

/// A request. What was sent is `sends`, else `raw_b64`, else a head of `method`, `path`, `http_version` and `headers` before
/// the body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenRequest {
    /// Method.
    pub method: String,
    /// Request target, as it was sent.
    pub path: String,
    /// For instance `HTTP/1.1`, which it is where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_version: Option<String>,
    /// Header fields in their order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body as text, as it went over the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body's bytes, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_b64: Option<String>,
    /// How the body is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_gen: Option<Generated>,
    /// Length of a built body, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_len: Option<u64>,
    /// SHA-256 of a built body, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<String>,
    /// Whether the body is to be sent in chunks, although it stands here in one piece.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chunked: bool,
    /// The whole request, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_b64: Option<String>,
    /// The request in several writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends: Option<Vec<Send>>,
}

/// A write: bytes in base64, and the seconds to wait before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Send(pub String, pub f64);

// A pause that was read from JSON is a number.
impl Eq for Send {}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenResponse {
    /// Status code.
    pub status: u16,
    /// Header fields in their order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body's bytes, in base64, where they are no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_b64: Option<String>,
    /// How a long body begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_head: Option<String>,
    /// How it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_tail: Option<String>,
    /// How long it is, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_len: Option<u64>,
    /// Its SHA-256, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<String>,
}

/// A record in a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenRecord {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// The key in base64; `None`: it is null.
    pub key_b64: Option<String>,
    /// The value in base64; `None`: it is null, unless `value_sha256` is there.
    #[serde(default)]
    pub value_b64: Option<String>,
    /// Length of a long value, in bytes, which is told by its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_len: Option<u64>,
    /// SHA-256 of a long value, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_sha256: Option<String>,
    /// Names and values in base64, in their order.
    #[serde(default)]
    pub headers: Vec<(String, Option<String>)>,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// `CreateTime` or `LogAppendTime`.
    pub timestamp_type: String,
}

/// How broker and proxy were set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Whether the proxy has ever reached the broker.
    #[serde(default = "yes")]
    pub broker_up: bool,
    /// Whether topics are created when somebody asks for them.
    #[serde(default)]
    pub auto_create: bool,
    /// Partitions of topics that are.
    #[serde(default = "one")]
    pub num_partitions: i32,
    /// The cluster's id, as it stands in paths and bodies.
    #[serde(default, deserialize_with = "or_none")]
    pub cluster_id: String,
    /// Settings of the proxy that are not its defaults.
    #[serde(default)]
    pub proxy_settings: Map<String, Value>,
}

/// An answer; without a status it is none.
fn answered<'de, D: Deserializer<'de>>(from: D) -> Result<Option<GoldenResponse>, D::Error> {
    let answer = Option::<Value>::deserialize(from)?;
    let told = answer.filter(|answer| !answer.get("status").is_some_and(Value::is_null));
    told.map(GoldenResponse::deserialize).transpose().map_err(D::Error::custom)
}

/// A text, which is empty where there is none.
fn or_none<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn yes() -> bool {
    true
}

fn one() -> i32 {
    1
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            broker_up: true,
            auto_create: false,
            num_partitions: 1,
            cluster_id: String::new(),
            proxy_settings: Map::new(),
        }
    }
}

/// Why a golden file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// A line is no recording.
    #[error("line {line} is no recording: {source}; a golden file has one JSON object on each line")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// Two recordings of the same id.
    #[error("line {line}: the id {id} has stood before; an id names one exchange")]
    Twice {
        /// Which line, from 1.
        line: usize,
        /// The id.
        id: String,
    },
    /// There is nothing in it.
    #[error("it holds no recording; name a file with one JSON object on each line")]
    Empty,
}

/// The recordings of a golden file, in its order. Lines with nothing but white space are passed over.
///
/// # Errors
/// [`GoldenError`], with the line.
pub fn read_golden(text: &str) -> Result<Vec<Recording>, GoldenError> {
    let mut recordings: Vec<Recording> = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = number + 1;
        let recording: Recording =
            serde_json::from_str(line).map_err(|source| GoldenError::Line { line: line_number, source })?;
        if !ids.insert(recording.id.clone()) {
            return Err(GoldenError::Twice { line: line_number, id: recording.id });
        }
        recordings.push(recording);
    }
    if recordings.is_empty() { Err(GoldenError::Empty) } else { Ok(recordings) }
}

impl GoldenRequest {
    /// The body's bytes, as they went over the connection but for chunks.
    ///
    /// # Errors
    /// [`Unbuildable`], where they are elided and cannot be built again as they were.
    pub fn body(&self) -> Result<Option<Vec<u8>>, Unbuildable> {
        if let Some(text) = &self.body_b64 {
            return decoded(text).map(Some);
        }
        if let Some(text) = &self.body {
            return Ok(Some(text.clone().into_bytes()));
        }
        let Some(generated) = &self.body_gen else {
            let elided = self.body_len.is_some() || self.body_sha256.is_some();
            return if elided { Err(Unbuildable::NoRecipe) } else { Ok(None) };
        };
        let body = generated.build();
        Elided { length: self.body_len, sha256: self.body_sha256.as_deref() }.check(&body)?;
        Ok(Some(body))
    }
}

impl GoldenResponse {
    /// The body's bytes; `None` where only its beginning, its end and its hash were kept.
    ///
    /// # Errors
    /// [`Unbuildable::Base64`].
    pub fn body(&self) -> Result<Option<Vec<u8>>, Unbuildable> {
        match (&self.body, &self.body_b64) {
            (_, Some(text)) => decoded(text).map(Some),
            (Some(text), None) => Ok(Some(text.clone().into_bytes())),
            (None, None) if self.body_sha256.is_some() => Ok(None),
            (None, None) => Ok(Some(Vec::new())),
        }
    }

    /// The values of a header's fields, in their order.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// How a client's note on bytes begins that came behind the answer that it read.
const EXTRA: &str = "extra bytes";

impl Recording {
    /// Whether more answers came than the recording holds.
    #[must_use]
    pub fn has_more_answers(&self) -> bool {
        self.client_observed.as_ref().is_some_and(|note| note.starts_with(EXTRA))
    }

    /// Every answer.
    #[must_use]
    pub fn answers(&self) -> Vec<&GoldenResponse> {
        match &self.responses {
            Some(all) if !all.is_empty() => all.iter().collect(),
            _ => self.response.iter().collect(),
        }
    }
}

pub(super) fn decoded(text: &str) -> Result<Vec<u8>, Unbuildable> {
    STANDARD.decode(text).map_err(|error| Unbuildable::Base64(error.to_string()))
}
