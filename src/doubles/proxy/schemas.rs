//! From what a request says of a schema to the schema, as `SchemaManagerImpl` finds it, and data in the bytes that land.

use std::sync::Arc;

use crate::doubles::jackson::Version;
use crate::doubles::jackson::bind::Node;
use crate::doubles::registry::{Format, Misfit, Registered, Schema, SchemaSource, Unanswered};
use crate::scenario::ProxyRelease;

/// The byte in front of a schema's id.
const MAGIC: u8 = 0;

/// How a subject is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    Topic,
    Record,
    TopicRecord,
}

impl Strategy {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Topic => "TOPIC_NAME",
            Self::Record => "RECORD_NAME",
            Self::TopicRecord => "TOPIC_RECORD_NAME",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Topic => "TopicNameStrategy",
            Self::Record => "RecordNameStrategy",
            Self::TopicRecord => "TopicRecordNameStrategy",
        }
    }
}

/// What a request says of a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) topic: &'a str,
    /// `key` or `value`.
    pub(super) part: &'static str,
    pub(super) format: Option<Format>,
    pub(super) subject: Option<&'a str>,
    pub(super) strategy: Option<Strategy>,
    pub(super) id: Option<i32>,
    pub(super) version: Option<i32>,
    pub(super) text: Option<&'a str>,
}

/// Why there is no schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// What the request says does not go together.
    Argument(String),
    /// There is no such version.
    BadRequest(String),
    /// It is none.
    Invalid(String),
    /// The schema has no name, and a subject is to be named after it.
    Nameless(String),
    /// The registry does not help: what was tried, and what came of it.
    Registry { tried: String, cause: String },
}

/// As the proxy names a format.
pub(super) fn format_name(format: Format) -> &'static str {
    match format {
        Format::Avro => "AVRO",
        Format::Json => "JSONSCHEMA",
        Format::Protobuf => "PROTOBUF",
    }
}

/// A question to a registry that may not be there.
fn ask<T>(
    registry: Option<&SchemaSource>,
    tried: impl FnOnce() -> String,
    question: impl FnOnce(&SchemaSource) -> Result<T, Unanswered>,
) -> Result<T, Trouble> {
    match registry.map(question) {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(refusal)) => Err(Trouble::Registry { tried: tried(), cause: refusal.to_string() }),
        None => Err(Trouble::Registry { tried: tried(), cause: "Connection refused".to_owned() }),
    }
}

impl Asked<'_> {
    /// The schema that is meant.
    pub(super) fn find(&self, registry: Option<&SchemaSource>) -> Result<Registered, Trouble> {
        let refused = || Err(Trouble::Argument("null".to_owned()));
        match (self.id, self.version, self.text, self.format) {
            (Some(id), None, None, None) => self.by_id(registry, id),
            (None, Some(version), None, None) => self.by_version(registry, version),
            (None, None, Some(text), Some(format)) => self.by_text(registry, format, text),
            (None, None, None, None) => self.latest(registry),
            _ => refused(),
        }
    }

    fn by_id(&self, registry: Option<&SchemaSource>, id: i32) -> Result<Registered, Trouble> {
        let tried = || format!("Error when fetching schema by id. schemaId = {id}");
        let schema = ask(registry, tried, |schemas| schemas.by_id(id))?;
        let subject = self.subject_of(&schema)?;
        let tried =
            || format!("Error when fetching schema version. subject = {subject}, schema = {}", schema.text());
        ask(registry, tried, |schemas| schemas.lookup(&subject, &schema))
    }

    fn by_version(&self, registry: Option<&SchemaSource>, version: i32) -> Result<Registered, Trouble> {
        let subject = self.subject_without_schema()?;
        let none = || format!("Schema does not exist for subject: {subject}, version: {version}");
        let found = ask(registry, none, |schemas| schemas.version(&subject, version));
        found.map_err(|_| Trouble::BadRequest(none()))
    }

    fn by_text(
        &self,
        registry: Option<&SchemaSource>,
        format: Format,
        text: &str,
    ) -> Result<Registered, Trouble> {
        let name = format_name(format);
        let schema = Schema::parse(format, text).map_err(|_| {
            Trouble::Invalid(format!("Error when parsing raw schema. format = {name}, schema = {text}"))
        })?;
        let schema = Arc::new(schema);
        let subject = self.subject_of(&schema)?;
        let tried = || {
            format!(
                "Error when registering schema. format = {name}, subject = {subject}, schema = {}",
                schema.text()
            )
        };
        ask(registry, tried, |schemas| schemas.register(&subject, &schema))
    }

    fn latest(&self, registry: Option<&SchemaSource>) -> Result<Registered, Trouble> {
        let subject = self.subject_without_schema()?;
        let tried = || format!("Error when fetching latest schema version. subject = {subject}");
        ask(registry, tried, |schemas| schemas.latest(&subject))
    }

    fn subject_of(&self, schema: &Schema) -> Result<String, Trouble> {
        if let Some(subject) = self.subject {
            return Ok(subject.to_owned());
        }
        let strategy = self.strategy.unwrap_or(Strategy::Topic);
        if strategy == Strategy::Topic {
            return Ok(format!("{}-{}", self.topic, self.part));
        }
        let Some(name) = schema.name() else {
            let (part, class) = (self.part, strategy.class());
            return Err(Trouble::Nameless(format!(
                "In configuration {part}.subject.name.strategy = io.confluent.kafka.serializers.subject.{class}, the \
                 message {part} must only be a record schema"
            )));
        };
        Ok(if strategy == Strategy::Record { name } else { format!("{}-{name}", self.topic) })
    }

    fn subject_without_schema(&self) -> Result<String, Trouble> {
        match (self.subject, self.strategy) {
            (Some(subject), _) => Ok(subject.to_owned()),
            (None, None | Some(Strategy::Topic)) => Ok(format!("{}-{}", self.topic, self.part)),
            (None, Some(strategy)) => Err(Trouble::Argument(format!(
                "Cannot use schema_subject_strategy={} without schema_id or schema.",
                strategy.name()
            ))),
        }
    }
}

/// Data in the bytes that land: a zero, the schema's id and what the schema makes of them.
pub(super) fn framed(
    registered: &Registered,
    data: &Node<'_>,
    release: ProxyRelease,
) -> Result<Vec<u8>, Misfit> {
    let payload = registered.schema.encode(&data.text(), Version::of(release))?;
    let mut framed = Vec::with_capacity(payload.len() + 5);
    framed.push(MAGIC);
    framed.extend_from_slice(&registered.id.to_be_bytes());
    framed.extend_from_slice(&payload);
    Ok(framed)
}
