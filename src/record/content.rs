//! What a record holds: a pure function of its stream and sequence; and reading back whose it is.

use std::sync::Arc;

use serde_json::Value;

use super::feed::Line;
use super::{Feed, RecordId, RunId};

/// Format of the stream's requests, which decides what bytes land.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Keys and values are JSON values; their compact text lands.
    Json,
    /// Keys and values are bytes, base64 on the way.
    Binary,
}

/// Where the identity stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityPlace {
    /// Last member, of this name, of a JSON object; a prefix `landfall:<identity> ` of a binary value.
    Member(String),
    /// The string at this JSON pointer, replaced.
    Pointer(String),
    /// The key.
    Key,
    /// Nowhere.
    None,
}

/// Key and value of a record as they must land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// `None` is null.
    pub key: Option<Vec<u8>>,
    /// `None` is null.
    pub value: Option<Vec<u8>>,
}

/// Why a payload cannot carry its identity as the scenario wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Not an object.
    #[error(
        "line {line} is not a JSON object, so it cannot carry the identity as a member; write `identity: key`"
    )]
    NotAnObject {
        /// Line in the feed, from 1.
        line: usize,
    },
    /// The member is taken.
    #[error(
        "line {line} has a member `{member}` of its own; name another one with `identity: {{ member: … }}`"
    )]
    MemberTaken {
        /// Line in the feed, from 1.
        line: usize,
        /// The member.
        member: String,
    },
    /// No string stands there.
    #[error("line {line} has no string at `{pointer}` that the identity could replace")]
    NoString {
        /// Line in the feed, from 1.
        line: usize,
        /// The pointer.
        pointer: String,
    },
}

const BINARY_PREFIX: &[u8] = b"landfall:";

/// The records of one workload. A copy shares what it was made of.
#[derive(Debug, Clone)]
pub struct Stream {
    topic: u16,
    format: Format,
    place: IdentityPlace,
    templates: Arc<[Template]>,
}

/// A feed line made ready: the value is `before`, the identity, `after`; or fixed where the key carries it.
#[derive(Debug)]
struct Template {
    key: Option<Vec<u8>>,
    value: TemplateValue,
}

#[derive(Debug)]
enum TemplateValue {
    Around { before: Vec<u8>, after: Vec<u8> },
    Fixed(Option<Vec<u8>>),
}

impl Stream {
    /// A stream of `feed`'s payloads to the topic at place `topic` of the scenario. `key` is a JSON
    /// pointer (RFC 6901) into the payload; where it points at nothing, the key is null.
    ///
    /// # Errors
    /// [`StreamError`], naming the first line that cannot carry the identity.
    pub fn new(
        topic: u16,
        format: Format,
        place: IdentityPlace,
        key: Option<&str>,
        feed: &Feed,
    ) -> Result<Self, StreamError> {
        let templates = feed
            .lines()
            .iter()
            .map(|line| {
                let key =
                    key.and_then(|pointer| line.value.pointer(pointer)).and_then(|v| key_bytes(v, format));
                Ok(Template { key, value: template(line, format, &place)? })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { topic, format, place, templates })
    }

    /// The topic's place in the scenario.
    #[must_use]
    pub fn topic(&self) -> u16 {
        self.topic
    }

    /// The format of its requests.
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

    fn content(&self, run: &RunId, id: RecordId) -> Content {
        let lines = self.templates.len() as u64;
        let line = usize::try_from(id.sequence % lines).expect("less than the number of lines");
        let template = &self.templates[line];
        let identity = id.encode(run);
        let key = match (&self.place, self.format) {
            (IdentityPlace::Key, Format::Json) => Some(format!("\"{identity}\"").into_bytes()),
            (IdentityPlace::Key, Format::Binary) => Some(identity.clone().into_bytes()),
            _ => template.key.clone(),
        };
        let value = match &template.value {
            TemplateValue::Fixed(value) => value.clone(),
            TemplateValue::Around { before, after } => {
                Some([before.as_slice(), identity.as_bytes(), after.as_slice()].concat())
            }
        };
        Content { key, value }
    }

    /// The identity text of a landed record, if it stands where this stream puts it.
    fn identity_of(&self, key: Option<&[u8]>, value: Option<&[u8]>) -> Option<Vec<u8>> {
        match (&self.place, self.format) {
            (IdentityPlace::None, _) => None,
            (IdentityPlace::Key, Format::Binary) => key.map(<[u8]>::to_vec),
            (IdentityPlace::Key, Format::Json) => {
                serde_json::from_slice::<String>(key?).ok().map(String::into_bytes)
            }
            (IdentityPlace::Member(_) | IdentityPlace::Pointer(_), Format::Binary) => {
                let rest = value?.strip_prefix(BINARY_PREFIX)?;
                let end = rest.iter().position(|byte| *byte == b' ')?;
                Some(rest[..end].to_vec())
            }
            (IdentityPlace::Member(name), Format::Json) => {
                let value = value?;
                last_member(value, name).or_else(|| {
                    let parsed: Value = serde_json::from_slice(value).ok()?;
                    Some(parsed.get(name)?.as_str()?.as_bytes().to_vec())
                })
            }
            (IdentityPlace::Pointer(pointer), Format::Json) => {
                let parsed: Value = serde_json::from_slice(value?).ok()?;
                Some(parsed.pointer(pointer)?.as_str()?.as_bytes().to_vec())
            }
        }
    }
}

/// The bytes of a key taken from a payload: JSON text, or for binary formats a string's own bytes.
fn key_bytes(value: &Value, format: Format) -> Option<Vec<u8>> {
    match (value, format) {
        (Value::Null, _) => None,
        (Value::String(text), Format::Binary) => Some(text.clone().into_bytes()),
        _ => Some(value.to_string().into_bytes()),
    }
}

fn template(line: &Line, format: Format, place: &IdentityPlace) -> Result<TemplateValue, StreamError> {
    let number = line.number;
    match (place, format) {
        (IdentityPlace::Key | IdentityPlace::None, _) if line.value.is_null() => {
            Ok(TemplateValue::Fixed(None))
        }
        (IdentityPlace::Key | IdentityPlace::None, Format::Json) => {
            Ok(TemplateValue::Fixed(Some(line.compact.clone().into_bytes())))
        }
        (IdentityPlace::Key | IdentityPlace::None, Format::Binary) => {
            Ok(TemplateValue::Fixed(Some(line.raw.clone().into_bytes())))
        }
        (_, Format::Binary) => Ok(TemplateValue::Around {
            before: BINARY_PREFIX.to_vec(),
            after: [b" ", line.raw.as_bytes()].concat(),
        }),
        (IdentityPlace::Member(name), Format::Json) => {
            let Value::Object(object) = &line.value else {
                return Err(StreamError::NotAnObject { line: number });
            };
            if object.contains_key(name) {
                return Err(StreamError::MemberTaken { line: number, member: name.clone() });
            }
            let open = line.compact.strip_suffix('}').unwrap_or(&line.compact);
            let comma = if object.is_empty() { "" } else { "," };
            let member = Value::String(name.clone());
            Ok(TemplateValue::Around {
                before: format!("{open}{comma}{member}:\"").into_bytes(),
                after: b"\"}".to_vec(),
            })
        }
        (IdentityPlace::Pointer(pointer), Format::Json) => {
            let no_string = || StreamError::NoString { line: number, pointer: pointer.clone() };
            let mut value = line.value.clone();
            let place = value.pointer_mut(pointer).filter(|v| v.is_string()).ok_or_else(no_string)?;
            // Of more markers than the text has bytes, one is not in it.
            let marker = (0..=line.compact.len())
                .map(|n| format!("identity-{n}"))
                .find(|marker| !line.compact.contains(marker))
                .expect("a text holds fewer markers than bytes");
            *place = Value::String(marker.clone());
            let text = value.to_string();
            let (before, after) = text.split_once(&marker).ok_or_else(no_string)?;
            Ok(TemplateValue::Around { before: before.as_bytes().to_vec(), after: after.as_bytes().to_vec() })
        }
    }
}

/// The string value of the member `name` where it is an object's last one and nothing has been rewritten:
/// the usual case, found without parsing the value.
fn last_member(value: &[u8], name: &str) -> Option<Vec<u8>> {
    let text = value.strip_suffix(b"\"}")?;
    let start = text.iter().rposition(|byte| *byte == b'"')? + 1;
    let needle = format!("\"{name}\":\"");
    text[..start].ends_with(needle.as_bytes()).then(|| text[start..].to_vec())
}

/// Whose a landed record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identified {
    /// This run's.
    Ours(RecordId),
    /// Another run's: its identity is whole and names another run.
    AnotherRun,
    /// It carries no identity that could be read.
    Unreadable,
}

/// All streams of a run: makes any record's content again, and tells whose a landed record is.
#[derive(Debug, Clone)]
pub struct Catalogue {
    run: RunId,
    streams: Arc<[Stream]>,
}

impl Catalogue {
    /// The catalogue of `run`; a stream's place in the list is its producer number.
    #[must_use]
    pub fn new(run: RunId, streams: Vec<Stream>) -> Self {
        Self { run, streams: streams.into() }
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The stream of a producer.
    #[must_use]
    pub fn stream(&self, producer: u16) -> Option<&Stream> {
        self.streams.get(usize::from(producer))
    }

    /// The streams, by producer number.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// What the record holds. `None` for a producer that the run does not have.
    #[must_use]
    pub fn content(&self, id: RecordId) -> Option<Content> {
        Some(self.stream(id.producer)?.content(&self.run, id))
    }

    /// Whose a record is that stands in the topic at place `topic`. Streams of that topic are tried first,
    /// then the others, so that a record in the wrong topic is known too.
    #[must_use]
    pub fn identify(&self, topic: u16, key: Option<&[u8]>, value: Option<&[u8]>) -> Identified {
        let mut another = false;
        let here = self.streams.iter().filter(|stream| stream.topic == topic);
        let elsewhere = self.streams.iter().filter(|stream| stream.topic != topic);
        for stream in here.chain(elsewhere) {
            let Some(text) = stream.identity_of(key, value) else { continue };
            match RecordId::decode(&text) {
                Some((run, id)) if run == self.run.as_str() && self.stream(id.producer).is_some() => {
                    return Identified::Ours(id);
                }
                Some(_) => another = true,
                None => {}
            }
        }
        if another { Identified::AnotherRun } else { Identified::Unreadable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(format: Format, place: IdentityPlace, key: Option<&str>, feed: &str) -> Catalogue {
        let feed = Feed::parse(feed.as_bytes()).unwrap();
        let stream = Stream::new(0, format, place, key, &feed).unwrap();
        Catalogue::new(RunId::new("r").unwrap(), vec![stream])
    }

    fn id(sequence: u64) -> RecordId {
        RecordId { producer: 0, sequence }
    }

    fn text(bytes: Option<&Vec<u8>>) -> String {
        String::from_utf8(bytes.unwrap().clone()).unwrap()
    }

    #[test]
    fn the_identity_is_an_objects_last_member() {
        let place = IdentityPlace::Member("_landfall".into());
        let catalogue = catalogue(Format::Json, place, Some("/k"), "{\"k\":\"a\",\"n\":1.10}\n{}\n");
        let first = catalogue.content(id(2)).unwrap();
        assert_eq!(text(first.value.as_ref()), "{\"k\":\"a\",\"n\":1.10,\"_landfall\":\"r.0.2.b8c1bc08\"}");
        assert_eq!(text(first.key.as_ref()), "\"a\"");
        let empty = catalogue.content(id(1)).unwrap();
        assert!(text(empty.value.as_ref()).starts_with("{\"_landfall\":\"r.0.1."));
        assert_eq!(empty.key, None);
    }

    #[test]
    fn every_place_and_format_is_read_back() {
        let places = [
            (Format::Json, IdentityPlace::Member("_landfall".into())),
            (Format::Json, IdentityPlace::Pointer("/s/0".into())),
            (Format::Json, IdentityPlace::Key),
            (Format::Binary, IdentityPlace::Member("_landfall".into())),
            (Format::Binary, IdentityPlace::Key),
        ];
        for (format, place) in places {
            let catalogue = catalogue(format, place.clone(), None, "{\"s\":[\"x\",\"identity-0\"]}");
            let content = catalogue.content(id(77)).unwrap();
            let seen = catalogue.identify(0, content.key.as_deref(), content.value.as_deref());
            assert_eq!(seen, Identified::Ours(id(77)), "{format:?} {place:?}");
        }
    }

    #[test]
    fn a_rewritten_object_is_still_read() {
        let catalogue = catalogue(Format::Json, IdentityPlace::Member("_landfall".into()), None, "{\"a\":1}");
        let identity = id(5).encode(catalogue.run());
        let value = format!("{{ \"_landfall\" : \"{identity}\", \"a\": 1 }}");
        assert_eq!(catalogue.identify(0, None, Some(value.as_bytes())), Identified::Ours(id(5)));
    }

    #[test]
    fn other_runs_and_strangers_are_told_apart() {
        let catalogue = catalogue(Format::Json, IdentityPlace::Member("_landfall".into()), None, "{}");
        let other = format!("{{\"_landfall\":\"{}\"}}", id(5).encode(&RunId::new("other").unwrap()));
        assert_eq!(catalogue.identify(0, None, Some(other.as_bytes())), Identified::AnotherRun);
        let damaged = other.replace("other.0.5", "r.0.5");
        assert_eq!(catalogue.identify(0, None, Some(damaged.as_bytes())), Identified::Unreadable);
        assert_eq!(catalogue.identify(0, None, None), Identified::Unreadable);
    }

    #[test]
    fn a_payload_that_cannot_carry_it_is_named() {
        let feed = Feed::parse(b"{\"a\":1}\nnull\n").unwrap();
        let member = Stream::new(0, Format::Json, IdentityPlace::Member("_landfall".into()), None, &feed);
        assert_eq!(member.unwrap_err(), StreamError::NotAnObject { line: 2 });
        let taken = Stream::new(0, Format::Json, IdentityPlace::Member("a".into()), None, &feed);
        assert!(matches!(taken.unwrap_err(), StreamError::MemberTaken { line: 1, .. }));
        let pointer = Stream::new(0, Format::Json, IdentityPlace::Pointer("/a".into()), None, &feed);
        assert!(matches!(pointer.unwrap_err(), StreamError::NoString { line: 1, .. }));
        let key = Stream::new(0, Format::Json, IdentityPlace::Key, None, &feed).unwrap();
        assert_eq!(key.content(&RunId::new("r").unwrap(), id(1)).value, None);
    }
}
