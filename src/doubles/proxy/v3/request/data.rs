//! A key or a value: what its type, its schema and its data make of it.

use super::super::super::request::{base64_bytes, shown};
use super::super::super::schemas::{Asked, Strategy, Trouble, framed};
use super::{Target, first_line, internal_error, refused};
use crate::doubles::jackson::bind::{self, Members, Node};
use crate::doubles::jackson::{Parser, Read, Token, Version, to_utf8};
use crate::doubles::registry::{Format, Misfit, Registered};
use crate::scenario::ProxyRelease;
use crate::wire::produce::ErrorEntity;

/// How a key or a value stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doubles::proxy::v3) enum Kind {
    Avro,
    Binary,
    Json,
    JsonSchema,
    Protobuf,
    String,
}

impl Kind {
    pub(in crate::doubles::proxy::v3) fn name(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Binary => "BINARY",
            Self::Json => "JSON",
            Self::JsonSchema => "JSONSCHEMA",
            Self::Protobuf => "PROTOBUF",
            Self::String => "STRING",
        }
    }

    /// The format of the schemas that it needs.
    fn schema(self) -> Option<Format> {
        match self {
            Self::Avro => Some(Format::Avro),
            Self::JsonSchema => Some(Format::Json),
            Self::Protobuf => Some(Format::Protobuf),
            Self::Binary | Self::Json | Self::String => None,
        }
    }

    fn of(format: Format) -> Self {
        match format {
            Format::Avro => Self::Avro,
            Format::Json => Self::JsonSchema,
            Format::Protobuf => Self::Protobuf,
        }
    }
}

/// Which part of a record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Value,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// A key or a value as it has been read.
#[derive(Debug)]
pub(super) struct Data<'a> {
    kind: Option<Kind>,
    subject: Option<String>,
    strategy: Option<Strategy>,
    schema_id: Option<i32>,
    schema_version: Option<i32>,
    schema: Option<String>,
    content: Node<'a>,
}

const CLASS: &str = "io.confluent.kafkarest.entities.v3.ProduceRequest$ProduceRequestData";
const MADE: &str = "io.confluent.kafkarest.entities.v3.AutoValue_ProduceRequest_ProduceRequestData";
const KNOWN: [&str; 7] =
    ["schema", "subject_name_strategy", "schema_id", "type", "subject", "schema_version", "data"];
const FORMAT: &str = "io.confluent.kafkarest.entities.EmbeddedFormat";
const STRATEGY: &str = "io.confluent.kafkarest.entities.v3.ProduceRequest$EnumSubjectNameStrategy";

/// The key or value at hand; none of null.
pub(super) fn read<'a>(parser: &mut Parser<'a>) -> Read<Option<Data<'a>>> {
    if parser.token() == Some(Token::Null) {
        return Ok(None);
    }
    bind::open(parser, CLASS)?;
    let mut read = Data {
        kind: None,
        subject: None,
        strategy: None,
        schema_id: None,
        schema_version: None,
        schema: None,
        content: Node::Null,
    };
    let mut has_data = false;
    let mut members = Members::new(MADE, &KNOWN, 7);
    while parser.token() == Some(Token::Name) {
        let index = match parser.name() {
            b"type" => 0,
            b"subject" => 1,
            b"subject_name_strategy" => 2,
            b"schema_id" => 3,
            b"schema_version" => 4,
            b"schema" => 5,
            b"data" => 6,
            _ => {
                members.unknown(parser)?;
                continue;
            }
        };
        parser.advance()?;
        match index {
            0 => read.kind = bind::within(kind(parser), CLASS, "type")?,
            1 => read.subject = bind::within(text(parser), CLASS, "subject")?,
            2 => read.strategy = bind::within(strategy(parser), CLASS, "subject_name_strategy")?,
            3 => read.schema_id = bind::within(bind::integer(parser), CLASS, "schema_id")?,
            4 => read.schema_version = bind::within(bind::integer(parser), CLASS, "schema_version")?,
            5 => read.schema = bind::within(text(parser), CLASS, "schema")?,
            _ => {
                read.content = bind::within(bind::node(parser), CLASS, "data")?;
                has_data = true;
            }
        }
        let complete = members.given(index);
        parser.advance()?;
        if complete {
            read.check(parser, has_data)?;
            members.made(parser)?;
        }
    }
    if !members.is_made() {
        read.check(parser, has_data)?;
        members.made(parser)?;
    }
    Ok(Some(read))
}

fn text(parser: &mut Parser<'_>) -> Read<Option<String>> {
    Ok(bind::text(parser)?.map(|text| to_utf8(&text)))
}

fn kind(parser: &mut Parser<'_>) -> Read<Option<Kind>> {
    let all = [Kind::Avro, Kind::Binary, Kind::Json, Kind::JsonSchema, Kind::Protobuf, Kind::String];
    // Java lists them in the order of a table of hashes. STRING came with 7.5.
    let (kinds, names) = if parser.version() < Version::V2_18 {
        (&all[..5], ["JSON", "BINARY", "AVRO", "PROTOBUF", "JSONSCHEMA"].as_slice())
    } else {
        (&all[..], ["BINARY", "AVRO", "JSON", "JSONSCHEMA", "PROTOBUF", "STRING"].as_slice())
    };
    bind::enumerated(parser, FORMAT, kinds, Kind::name, names)
}

fn strategy(parser: &mut Parser<'_>) -> Read<Option<Strategy>> {
    let all = [Strategy::Topic, Strategy::Record, Strategy::TopicRecord];
    bind::enumerated(
        parser,
        STRATEGY,
        &all,
        Strategy::name,
        &["RECORD_NAME", "TOPIC_NAME", "TOPIC_RECORD_NAME"],
    )
}

impl Data<'_> {
    /// What the real proxy checks when it has read a key or value.
    fn check(&self, parser: &Parser<'_>, has_data: bool) -> Read<()> {
        let problem = if !has_data && parser.version() > Version::V2_10 {
            Some("Null data".to_owned())
        } else {
            self.conflict()
        };
        match problem {
            Some(problem) => bind::not_made(parser.token_place(), CLASS, &problem),
            None => Ok(()),
        }
    }

    fn conflict(&self) -> Option<String> {
        let (id, version, schema) =
            (self.schema_id.is_some(), self.schema_version.is_some(), self.schema.is_some());
        if self.strategy.is_some() && self.subject.is_some() {
            return Some("Only one of 'subject_name_strategy' or 'subject' can be used.".to_owned());
        }
        if (id && (version || schema)) || (version && schema) {
            return Some("Only one of 'schema_id', 'schema_version' or 'schema' can be used.".to_owned());
        }
        let kind = self.kind?;
        if kind.schema().is_some() {
            if let Some(id) = self.schema_id {
                return Some(format!("'schema_id={id}' cannot be used with 'serializer'."));
            }
            if let Some(version) = self.schema_version {
                return Some(format!("'schema_version={version}' cannot be used with 'serializer'."));
            }
            return (!schema).then(|| "'schema_version=latest' cannot be used with 'serializer'.".to_owned());
        }
        let given = [
            (self.strategy.is_some(), "subject_strategy"),
            (self.subject.is_some(), "subject"),
            (id, "schema_id"),
            (version, "schema_version"),
            (schema, "schema"),
        ];
        let member = given.into_iter().find(|(given, _)| *given)?.1;
        Some(format!("'type={}' cannot be used with '{member}'.", kind.name()))
    }

    /// What is to land, and what its receipt says of it; or why there is nothing.
    pub(super) fn encoded(self, target: Target<'_>, part: Part) -> Result<Encoded, ErrorEntity> {
        let bad = |message: String| first_line(400, &format!("Bad Request: {message}"));
        let plain = |kind, bytes| Encoded { told: Told { kind, schema: None }, bytes };
        match self.kind {
            Some(Kind::Json) => Ok(plain(Kind::Json, json(self.content))),
            Some(Kind::Binary) => Ok(plain(Kind::Binary, base64_bytes(&self.content).map_err(bad)?)),
            Some(Kind::String) => match &self.content {
                Node::Null => Ok(plain(Kind::String, None)),
                Node::Text(text) => Ok(plain(Kind::String, Some(to_utf8(text).into_bytes()))),
                Node::Other(_) => Err(bad(format!("data={} is not a string.", shown(&self.content)))),
            },
            kind => {
                let schema = self.find(kind, target, part)?;
                let bytes = match &self.content {
                    // Since 8.0 the schema has a say in what becomes of null.
                    Node::Null if target.release < ProxyRelease::Confluent8_3 => None,
                    content => match framed(&schema, content, target.release) {
                        Ok(framed) => Some(framed),
                        Err(Misfit::Told(message)) => return Err(bad(message)),
                        Err(Misfit::Unexpected) => return Err(internal_error()),
                    },
                };
                let told = Told { kind: Kind::of(schema.schema.format()), schema: Some(schema) };
                Ok(Encoded { told, bytes })
            }
        }
    }

    fn find(&self, kind: Option<Kind>, target: Target<'_>, part: Part) -> Result<Registered, ErrorEntity> {
        let asked = Asked {
            topic: target.topic,
            part: part.name(),
            format: kind.and_then(Kind::schema),
            subject: self.subject.as_deref(),
            strategy: self.strategy,
            id: self.schema_id,
            version: self.schema_version,
            text: self.schema.as_deref(),
        };
        asked.find(target.registry).map_err(|trouble| match (trouble, target.release) {
            (Trouble::Argument(message) | Trouble::BadRequest(message), _) => {
                first_line(400, &format!("Bad Request: {message}"))
            }
            (Trouble::Invalid(message), ProxyRelease::Confluent6_2_0 | ProxyRelease::Confluent6_2) => {
                first_line(42205, &format!("Invalid schema: {message}"))
            }
            (Trouble::Invalid(message), _) => {
                first_line(422, &format!("Error: 42205 : Invalid schema: {message}"))
            }
            (Trouble::Registry { tried, .. }, ProxyRelease::Confluent6_2_0) => refused(50002, tried),
            (Trouble::Registry { tried, .. }, ProxyRelease::Confluent6_2) | (Trouble::Nameless(tried), _) => {
                first_line(50002, &tried)
            }
            (Trouble::Registry { tried, .. }, _) => {
                first_line(422, &format!("Error: 42207 : Error serializing message. {tried}"))
            }
        })
    }
}

/// What a receipt says of a key or a value, besides its size.
#[derive(Debug, Clone)]
pub(in crate::doubles::proxy::v3) struct Told {
    pub(in crate::doubles::proxy::v3) kind: Kind,
    pub(in crate::doubles::proxy::v3) schema: Option<Registered>,
}

/// A key or a value that is to land.
pub(super) struct Encoded {
    pub(super) told: Told,
    pub(super) bytes: Option<Vec<u8>>,
}

/// The text of a value that is to land as JSON; none of null.
fn json(data: Node<'_>) -> Option<Vec<u8>> {
    match data {
        Node::Null => None,
        Node::Other(written) => Some(written),
        Node::Text(_) => Some(data.text().into_owned()),
    }
}
