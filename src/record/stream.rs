//! The records of one workload: how each is made, as a pure function of its sequence.

use std::sync::Arc;

use serde_json::Value;

use super::csv::no_column;
use super::feed::{Feed, FeedError, Line};
use super::key::{Key, KeyDrawer, KeySpreadError};
use super::template::{Compiler, Making, Marks, Template, TemplateError, TemplateProblem};
use super::{ContentBuf, Format, RecordId, RunId, Timestamps, draws, json};

/// Where the identity stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityPlace {
    /// Last member, of this name, of a JSON object; a prefix `landfall:<identity> ` of a binary value or a text.
    Member(String),
    /// The string at this JSON pointer, replaced.
    Pointer(String),
    /// The record header of this name.
    Header(String),
    /// The key.
    Key,
    /// Nowhere.
    None,
}

/// What the values of a stream's records are made from.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// A feed's payloads, from the first on, again and again.
    Feed(&'a Feed),
    /// A template: a JSON value with generators in it.
    Template(&'a Value),
}

impl<'a> From<&'a Feed> for Payload<'a> {
    fn from(feed: &'a Feed) -> Self {
        Self::Feed(feed)
    }
}

/// Why a stream cannot be made as the scenario wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// A payload of a feed cannot carry its identity.
    #[error("line {line} {problem}")]
    Line {
        /// Line in the feed, from 1.
        line: usize,
        /// What is wrong with it.
        problem: TemplateProblem,
    },
    /// A template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A key's column.
    #[error(transparent)]
    Column(FeedError),
    /// Keys that cannot be drawn.
    #[error(transparent)]
    Keys(#[from] KeySpreadError),
}

/// What a binary value or a text begins with where it carries the identity.
pub(super) const BINARY_PREFIX: &[u8] = b"landfall:";

/// The records of one workload. A copy shares what it was made of.
#[derive(Debug, Clone)]
pub struct Stream {
    topic: u16,
    format: Format,
    place: IdentityPlace,
    timestamps: Option<Timestamps>,
    drawer: Option<KeyDrawer>,
    /// Used in turn; never empty.
    payloads: Arc<[Prepared]>,
}

/// A payload made ready.
#[derive(Debug)]
struct Prepared {
    key: PreparedKey,
    /// `None` is null.
    value: Option<Template>,
}

/// The key of a payload, where it is neither drawn nor the identity.
#[derive(Debug)]
enum PreparedKey {
    Null,
    Fixed(Box<[u8]>),
    /// The marked part of the value.
    Marked,
}

impl Stream {
    /// A stream of `payload` to the topic at place `topic` of the scenario. Where `key` is `None`, keys are null.
    ///
    /// # Errors
    /// [`StreamError`], naming the first line of a feed, or the place in a template, that is at fault.
    pub fn new<'p>(
        topic: u16,
        format: Format,
        place: IdentityPlace,
        key: Option<Key>,
        payload: impl Into<Payload<'p>>,
    ) -> Result<Self, StreamError> {
        let drawer = match &key {
            Some(Key::Drawn { prefix, spread }) => Some(KeyDrawer::new(prefix, *spread)?),
            _ => None,
        };
        let payload = payload.into();
        let pointer = match key {
            Some(Key::Pointer(pointer)) => Some(pointer),
            Some(Key::Column(column)) => Some(column_pointer(&column, payload)?),
            Some(Key::Drawn { .. }) | None => None,
        };
        let pointer = pointer.as_deref();
        let payloads = match payload {
            Payload::Feed(feed) => {
                let prepare = |line| prepare_line(line, format, &place, pointer);
                feed.lines().iter().map(prepare).collect::<Result<_, _>>()?
            }
            Payload::Template(value) => {
                vec![prepare_template(value, drawer.is_some(), format, &place, pointer)?]
            }
        };
        Ok(Self { topic, format, place, timestamps: None, drawer, payloads: payloads.into() })
    }

    /// The same, with records that carry timestamps.
    #[must_use]
    pub fn stamped(self, timestamps: Option<Timestamps>) -> Self {
        Self { timestamps, ..self }
    }

    /// The topic's place in the scenario.
    #[must_use]
    pub fn topic(&self) -> u16 {
        self.topic
    }

    /// How its keys and values are encoded.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether the order of its records can be checked: not where each has a key of its own.
    #[must_use]
    pub fn order_is_verifiable(&self) -> bool {
        self.place != IdentityPlace::Key
    }

    /// Whether its records carry no identity, so that only their acked positions tell them.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.place == IdentityPlace::None
    }

    pub(super) fn place(&self) -> &IdentityPlace {
        &self.place
    }

    /// Makes the content of the stream's record `id` in `buf`, in place of what it held.
    pub(super) fn content_into(&self, run: &RunId, seed: u64, id: RecordId, buf: &mut ContentBuf) {
        buf.clear();
        buf.timestamp_ms = self.timestamps.map(|timestamps| timestamps.at(id.sequence));
        let payloads = self.payloads.len() as u64;
        let turn = usize::try_from(id.sequence % payloads).expect("less than the number of payloads");
        let Prepared { key, value } = &self.payloads[turn];
        let mut draws = draws::of_record(seed, id);
        let key_number = self.drawer.as_ref().map(|drawer| (drawer, drawer.draw(&mut draws)));
        let mut making = Making { run, id, key: key_number, draws, key_at: None };
        if let Some(template) = value {
            making.write(template, &mut buf.value);
            // A template may make null as it may make anything.
            buf.has_value = buf.value != b"null";
        }
        buf.has_key = true;
        match (&self.place, key_number, key) {
            (IdentityPlace::Key, ..) => self.identity_key(run, id, &mut buf.key),
            (_, Some((drawer, number)), _) => drawer.push(number, self.format, &mut buf.key),
            (_, None, PreparedKey::Fixed(bytes)) => buf.key.extend_from_slice(bytes),
            (_, None, PreparedKey::Marked) => {
                let (start, end) = making.key_at.expect("compiling made sure that the value holds the key");
                buf.has_key = push_key(&buf.value[start..end], self.format, &mut buf.key);
            }
            (_, None, PreparedKey::Null) => buf.has_key = false,
        }
        if let IdentityPlace::Header(name) = &self.place {
            buf.has_header = true;
            buf.header_name.push_str(name);
            id.encode_into(run, &mut buf.header);
        }
    }

    fn identity_key(&self, run: &RunId, id: RecordId, out: &mut Vec<u8>) {
        match self.format {
            Format::Json => {
                out.push(b'"');
                id.encode_into(run, out);
                out.push(b'"');
            }
            Format::Binary | Format::Text => id.encode_into(run, out),
        }
    }
}

/// Appends the key whose JSON text is `json`: that text, or for other formats than JSON a string's own bytes.
/// False for null.
fn push_key(json: &[u8], format: Format, out: &mut Vec<u8>) -> bool {
    if json == b"null" {
        return false;
    }
    let plain = if format == Format::Json { None } else { json::string_of(json) };
    out.extend_from_slice(plain.as_deref().unwrap_or(json));
    true
}

/// Where the cells of a column stand in the objects of a feed.
fn column_pointer(column: &str, payload: Payload<'_>) -> Result<String, StreamError> {
    let columns = match payload {
        Payload::Feed(feed) => feed.columns.as_slice(),
        Payload::Template(_) => &[],
    };
    if !columns.iter().any(|name| name == column) {
        return Err(StreamError::Column(no_column(column, columns)));
    }
    Ok(format!("/{}", column.replace('~', "~0").replace('/', "~1")))
}

fn prepare_line(
    line: &Line,
    format: Format,
    place: &IdentityPlace,
    key: Option<&str>,
) -> Result<Prepared, StreamError> {
    let key = key.and_then(|pointer| line.value.pointer(pointer)).and_then(|value| {
        let mut bytes = Vec::new();
        push_key(value.to_string().as_bytes(), format, &mut bytes).then(|| bytes.into())
    });
    let key = key.map_or(PreparedKey::Null, PreparedKey::Fixed);
    let (member, pointer) = in_value(place);
    let carries_it = member.is_some() || pointer.is_some();
    let value = match format {
        _ if !carries_it && line.value.is_null() => None,
        Format::Json => {
            let marks = Marks { member, pointer, key: None };
            let compiled = Compiler::of_value(marks).compile(&line.value);
            Some(compiled.map_err(|error| StreamError::Line { line: line.number, problem: error.problem })?)
        }
        Format::Binary | Format::Text => {
            let raw = Template::literal(line.raw.as_bytes());
            Some(if carries_it { prefixed(raw) } else { raw })
        }
    };
    Ok(Prepared { key, value })
}

fn prepare_template(
    template: &Value,
    draws_keys: bool,
    format: Format,
    place: &IdentityPlace,
    key: Option<&str>,
) -> Result<Prepared, StreamError> {
    let (member, pointer) = in_value(place);
    let marks = match format {
        Format::Json => Marks { member, pointer, key },
        Format::Binary | Format::Text => Marks { key, ..Marks::default() },
    };
    let compiled = Compiler::of_template(draws_keys, marks).compile(template)?;
    let carries_it = member.is_some() || pointer.is_some();
    let value = if carries_it && format != Format::Json { prefixed(compiled) } else { compiled };
    let key = if key.is_some() { PreparedKey::Marked } else { PreparedKey::Null };
    Ok(Prepared { key, value: Some(value) })
}

/// The member or the pointer by which a JSON value carries the identity.
fn in_value(place: &IdentityPlace) -> (Option<&str>, Option<&str>) {
    match place {
        IdentityPlace::Member(name) => (Some(name), None),
        IdentityPlace::Pointer(pointer) => (None, Some(pointer)),
        IdentityPlace::Header(_) | IdentityPlace::Key | IdentityPlace::None => (None, None),
    }
}

/// The value behind the identity.
fn prefixed(value: Template) -> Template {
    value.behind_identity(BINARY_PREFIX, b" ")
}

#[cfg(test)]
mod tests;
