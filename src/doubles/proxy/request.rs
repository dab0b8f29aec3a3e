//! Reading a v2 produce request: its records, or the refusal of the whole.
//!
//! Statuses and messages are as Confluent REST Proxy gives them; those about the JSON are Jackson's. A request is read to its
//! end, then the keys and values are encoded, then the records are written: the first problem of the first of these stages
//! that has one is told.

mod base64;
mod refusal;

use super::schemas::{Asked, framed};
use crate::doubles::jackson::bind::{self, Node};
use crate::doubles::jackson::{Parser, Problem, Read, Source, Token, Version, nothing_follows};
use crate::doubles::registry::{Format, Misfit, Registered, SchemaSource};
use crate::scenario::ProxyRelease;
use crate::wire::produce::v2::{BINARY, JSON};

pub(super) use base64::{bytes as base64_bytes, shown};
pub(super) use refusal::Refusal;

/// How keys and values stand in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Embedded {
    Json,
    Binary,
    Avro,
    JsonSchema,
    Protobuf,
}

impl Embedded {
    /// The format of a request of this media type.
    pub(super) fn of(media_type: &str) -> Option<Self> {
        match media_type {
            JSON => Some(Self::Json),
            BINARY => Some(Self::Binary),
            "application/vnd.kafka.avro.v2+json" => Some(Self::Avro),
            "application/vnd.kafka.jsonschema.v2+json" => Some(Self::JsonSchema),
            "application/vnd.kafka.protobuf.v2+json" => Some(Self::Protobuf),
            _ => None,
        }
    }

    /// The method that takes it, as messages name it.
    fn method(self) -> &'static str {
        match self {
            Self::Json => "produceJson",
            Self::Binary => "produceBinary",
            Self::Avro => "produceAvro",
            Self::JsonSchema => "produceJsonSchema",
            Self::Protobuf => "produceProtobuf",
        }
    }

    /// The format of the schemas that it needs.
    fn schema(self) -> Option<Format> {
        match self {
            Self::Json | Self::Binary => None,
            Self::Avro => Some(Format::Avro),
            Self::JsonSchema => Some(Format::Json),
            Self::Protobuf => Some(Format::Protobuf),
        }
    }
}

/// Headers of a record, in their order; a value that is `None` is null.
pub(super) type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProduceRecord {
    pub(super) partition: Option<i32>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    /// Only v3 has them.
    pub(super) headers: Headers,
    /// Milliseconds since 1970; only v3 has it.
    pub(super) timestamp: Option<i64>,
}

/// Where a request is sent, and how its records stand in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) topic: &'a str,
    /// The partition that the path names.
    pub(super) partition: Option<i32>,
    pub(super) embedded: Embedded,
    pub(super) release: ProxyRelease,
    /// `None`: nobody answers.
    pub(super) registry: Option<&'a SchemaSource>,
}

/// The schemas that a request's keys and values have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SchemaIds {
    pub(super) key: Option<i32>,
    pub(super) value: Option<i32>,
}

/// The records of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "they are what it is named after")]
pub(super) struct Records {
    pub(super) records: Vec<ProduceRecord>,
    /// Whether a record follows whose partition is negative: those before it are written, then the request fails.
    pub(super) then_fails: bool,
    /// Of its keys and values.
    pub(super) schemas: SchemaIds,
}

const REQUEST: &str = "io.confluent.kafkarest.entities.v2.ProduceRequest";
const RECORD: &str = "io.confluent.kafkarest.entities.v2.ProduceRequest$ProduceRecord";

/// The records of `body`.
pub(super) fn parse(body: &[u8], target: Target<'_>) -> Result<Records, Refusal> {
    let told = |problem: Box<Problem>| Refusal::of(&problem, target.release);
    let source = Source::new(body).map_err(told)?;
    let mut parser = Parser::new(&source, Version::of(target.release));
    let request = request(&mut parser, target).map_err(told)?;
    let argument = if target.partition.is_some() { "arg3" } else { "arg2" };
    let argument = format!("{}.{argument}", target.embedded.method());
    let Some(request) = request else {
        return Err(Refusal::invalid(&format!("{argument} must not be null (was null)")));
    };
    if request.records.is_empty() {
        return Err(Refusal::invalid(&format!("{argument}.records must not be empty (was [])")));
    }
    encode(request, target)
}

/// A request as it has been read.
#[derive(Debug, Default)]
struct Request<'a> {
    records: Vec<Record<'a>>,
    key_schema: SchemaMembers,
    value_schema: SchemaMembers,
}

/// How a request names a schema.
#[derive(Debug, Default)]
struct SchemaMembers {
    id: Option<i32>,
    text: Option<String>,
}

#[derive(Debug)]
struct Record<'a> {
    partition: Option<i32>,
    key: Data<'a>,
    value: Data<'a>,
}

/// A key or a value.
#[derive(Debug)]
enum Data<'a> {
    Written(Option<Vec<u8>>),
    Kept(Node<'a>),
}

/// The request, or none where the body is empty or null.
fn request<'a>(parser: &mut Parser<'a>, target: Target<'_>) -> Read<Option<Request<'a>>> {
    let request = match parser.advance()? {
        None => return Ok(None),
        Some(Token::Null) => None,
        Some(_) => Some(read_request(parser, target.embedded)?),
    };
    if target.release >= ProxyRelease::Confluent7_9 {
        nothing_follows(parser, REQUEST)?;
    }
    Ok(request)
}

fn read_request<'a>(parser: &mut Parser<'a>, embedded: Embedded) -> Read<Request<'a>> {
    bind::open(parser, REQUEST)?;
    let mut request = Request::default();
    let mut nulls = None;
    let mut members = bind::Members::new(REQUEST, &[], 5);
    while parser.token() == Some(Token::Name) {
        let index = match parser.name() {
            b"records" => 0,
            b"key_schema_id" => 1,
            b"key_schema" => 2,
            b"value_schema_id" => 3,
            b"value_schema" => 4,
            _ => {
                members.unknown(parser)?;
                continue;
            }
        };
        parser.advance()?;
        match index {
            0 => {
                let read = read_records(parser, embedded);
                (request.records, nulls) = bind::within(read, REQUEST, "records")?;
            }
            1 => request.key_schema.id = bind::within(bind::integer(parser), REQUEST, "key_schema_id")?,
            2 => request.key_schema.text = bind::within(schema(parser), REQUEST, "key_schema")?,
            3 => request.value_schema.id = bind::within(bind::integer(parser), REQUEST, "value_schema_id")?,
            _ => request.value_schema.text = bind::within(schema(parser), REQUEST, "value_schema")?,
        }
        let complete = members.given(index);
        parser.advance()?;
        if complete {
            made(parser, nulls)?;
            members.made(parser)?;
        }
    }
    if !members.is_made() {
        made(parser, nulls)?;
        members.made(parser)?;
    }
    Ok(request)
}

/// The request is made once it has been read; a list that holds null cannot be copied.
fn made(parser: &Parser<'_>, null: Option<usize>) -> Read<()> {
    match null {
        Some(index) => bind::not_made(parser.token_place(), REQUEST, &format!("at index {index}")),
        None => Ok(()),
    }
}

fn schema(parser: &mut Parser<'_>) -> Read<Option<String>> {
    Ok(bind::text(parser)?.map(|text| crate::doubles::jackson::to_utf8(&text)))
}

/// The records, and the index of the first that is null.
fn read_records<'a>(parser: &mut Parser<'a>, embedded: Embedded) -> Read<(Vec<Record<'a>>, Option<usize>)> {
    let mut records = Vec::new();
    let mut null = None;
    match parser.token() {
        Some(Token::Null) => return Ok((records, null)),
        Some(Token::StartArray) => {}
        _ => return bind::no_list(parser, RECORD),
    }
    while parser.advance()? != Some(Token::EndArray) {
        if parser.token() == Some(Token::Null) {
            null.get_or_insert(records.len());
            records.push(Record { partition: None, key: Data::Written(None), value: Data::Written(None) });
            continue;
        }
        let index = records.len();
        let read = read_record(parser, embedded);
        records.push(read.map_err(|problem| problem.within(|| format!("java.util.ArrayList[{index}]")))?);
    }
    Ok((records, null))
}

fn read_record<'a>(parser: &mut Parser<'a>, embedded: Embedded) -> Read<Record<'a>> {
    bind::open(parser, RECORD)?;
    let mut record = Record { partition: None, key: Data::Written(None), value: Data::Written(None) };
    let mut members = bind::Members::new(RECORD, &[], 3);
    while parser.token() == Some(Token::Name) {
        let index = match parser.name() {
            b"partition" => 0,
            b"key" => 1,
            b"value" => 2,
            _ => {
                members.unknown(parser)?;
                continue;
            }
        };
        parser.advance()?;
        match index {
            0 => record.partition = bind::within(bind::integer(parser), RECORD, "partition")?,
            1 => record.key = bind::within(data(parser, embedded), RECORD, "key")?,
            _ => record.value = bind::within(data(parser, embedded), RECORD, "value")?,
        }
        let complete = members.given(index);
        parser.advance()?;
        if complete {
            members.made(parser)?;
        }
    }
    members.made(parser)?;
    Ok(record)
}

fn data<'a>(parser: &mut Parser<'a>, embedded: Embedded) -> Read<Data<'a>> {
    if embedded == Embedded::Json {
        bind::written(parser).map(Data::Written)
    } else {
        bind::node(parser).map(Data::Kept)
    }
}

/// The request's records in the bytes that are to land.
fn encode(request: Request<'_>, target: Target<'_>) -> Result<Records, Refusal> {
    let key_schema = find(&request.key_schema, target, "key")?;
    let value_schema = find(&request.value_schema, target, "value")?;
    let id = |schema: &Option<Registered>| schema.as_ref().map(|schema| schema.id);
    let schemas = SchemaIds { key: id(&key_schema), value: id(&value_schema) };
    let mut encoded = Records { schemas, ..Records::default() };
    for record in request.records {
        let partition = record.partition;
        let key = bytes(record.key, target, key_schema.as_ref(), "key")?;
        let value = bytes(record.value, target, value_schema.as_ref(), "value")?;
        // What stands behind a record that fails is encoded all the same, but not written.
        encoded.then_fails |= partition.or(target.partition).is_some_and(|partition| partition < 0);
        if !encoded.then_fails {
            encoded.records.push(ProduceRecord { partition, key, value, ..ProduceRecord::default() });
        }
    }
    Ok(encoded)
}

/// The schema of keys or values, where the request names one that its format needs.
fn find(
    members: &SchemaMembers,
    target: Target<'_>,
    part: &'static str,
) -> Result<Option<Registered>, Refusal> {
    let Some(format) = target.embedded.schema() else { return Ok(None) };
    if members.id.is_none() && members.text.is_none() {
        return Ok(None);
    }
    let asked = Asked {
        topic: target.topic,
        part,
        format: members.text.is_some().then_some(format),
        subject: None,
        strategy: None,
        id: members.id,
        version: None,
        text: members.text.as_deref(),
    };
    let found = asked.find(target.registry);
    found.map(Some).map_err(|trouble| Refusal::without_schema(trouble, target.release))
}

fn bytes(
    data: Data<'_>,
    target: Target<'_>,
    schema: Option<&Registered>,
    part: &str,
) -> Result<Option<Vec<u8>>, Refusal> {
    match data {
        Data::Written(written) => Ok(written),
        Data::Kept(node) if target.embedded == Embedded::Binary => {
            base64::bytes(&node).map_err(|message| Refusal::bad(&message))
        }
        // Since 8.0 the schema, where there is one, has a say in what becomes of null.
        Data::Kept(Node::Null) if schema.is_none() || target.release < ProxyRelease::Confluent8_3 => Ok(None),
        Data::Kept(node) => match schema {
            // The real proxy takes the one for the other, and nobody expects that.
            Some(schema) if Some(schema.schema.format()) != target.embedded.schema() => {
                Err(Refusal::unexpected())
            }
            Some(schema) => match framed(schema, &node, target.release) {
                Ok(framed) => Ok(Some(framed)),
                Err(Misfit::Told(message)) => Err(Refusal::bad(&message)),
                Err(Misfit::Unexpected) => Err(Refusal::unexpected()),
            },
            None => Err(Refusal::schema_missing(part)),
        },
    }
}

#[cfg(test)]
mod tests;
