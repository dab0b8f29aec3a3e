//! Reading a v3 produce request: JSON objects one after another, each a record or its refusal.
//!
//! It is read as the real proxy does, by Jackson's `MappingIterator`: an error between records ends the stream; after one
//! inside a record, what is left of it is skipped, and the next one is read.

mod base64;
mod data;
mod header;
mod instant;

use super::super::request::{Headers, ProduceRecord, Refusal};
use crate::doubles::jackson::bind::{self, Members};
use crate::doubles::jackson::{Kind as ProblemKind, Parser, Problem, Read, Source, Token, Version};
use crate::doubles::registry::SchemaSource;
use crate::scenario::ProxyRelease;
use crate::wire::produce::ErrorEntity;
pub(super) use data::Told;
use data::{Data, Part};

/// What gets a receipt.
#[derive(Debug)]
pub(super) enum Entry {
    /// A record to write, and what is told of its key and value where the request has them.
    Record { record: ProduceRecord, key: Option<Told>, value: Option<Told> },
    /// Why there is none.
    Refused(ErrorEntity),
}

/// Where a request is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) topic: &'a str,
    pub(super) release: ProxyRelease,
    /// `None`: nobody answers.
    pub(super) registry: Option<&'a SchemaSource>,
}

pub(super) fn refused(code: i64, message: impl Into<String>) -> ErrorEntity {
    ErrorEntity { error_code: code, message: message.into() }
}

fn internal_error() -> ErrorEntity {
    refused(500, "Internal Server Error")
}

/// The entries of a request; or, before 7.2, the refusal of one without a first record.
pub(super) fn parse(body: &[u8], target: Target<'_>) -> Result<Vec<Entry>, Refusal> {
    let early = target.release < ProxyRelease::Confluent7_9;
    let source = match Source::new(body) {
        Ok(source) => source,
        Err(problem) if early => return Err(Refusal::of(&problem, target.release)),
        Err(_) => {
            let text = "Bad Request: Error processing message: Unexpected error while starting JSON stream:";
            return Ok(vec![Entry::Refused(refused(400, text))]);
        }
    };
    let mut parser = Parser::new(&source, Version::of(target.release));
    if early {
        // The first token is read before the answer begins.
        match parser.advance() {
            Ok(Some(_)) => {}
            Ok(None) => return Err(Refusal::unexpected()),
            Err(problem) => return Err(Refusal::of(&problem, target.release)),
        }
    }
    Ok(entries(&mut parser, target))
}

/// The entries of what goes on with a request, on its line `line`, of which `before` bytes have been.
pub(super) fn parse_on(body: &[u8], (line, before): (usize, usize), target: Target<'_>) -> Vec<Entry> {
    let source = Source::going_on(body, line, before);
    entries(&mut Parser::new(&source, Version::of(target.release)), target)
}

fn entries(parser: &mut Parser<'_>, target: Target<'_>) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        match goes_on(parser) {
            Ok(true) => {}
            Ok(false) => break,
            Err(problem) => {
                entries.push(Entry::Refused(between_records(&problem, target.release)));
                break;
            }
        }
        let read = read_record(parser, target.release);
        parser.clear();
        let entry = match read {
            Ok(record) => record.encoded(target),
            Err(problem) => {
                let refusal = told(&problem, target.release);
                if let Err(problem) = resynchronise(parser) {
                    entries.push(Entry::Refused(refusal));
                    entries.push(Entry::Refused(between_records(&problem, target.release)));
                    break;
                }
                Err(refusal)
            }
        };
        entries.push(entry.unwrap_or_else(Entry::Refused));
    }
    entries
}

/// Whether another value begins.
fn goes_on(parser: &mut Parser<'_>) -> Read<bool> {
    if parser.token().is_some() {
        return Ok(true);
    }
    Ok(!matches!(parser.advance()?, None | Some(Token::EndArray)))
}

/// Skips what is left of a value that could not be read.
fn resynchronise(parser: &mut Parser<'_>) -> Read<()> {
    while !parser.at_root() {
        match parser.advance()? {
            None => return Ok(()),
            Some(Token::EndArray | Token::EndObject) if parser.at_root() => parser.clear(),
            Some(_) => {}
        }
    }
    Ok(())
}

/// What is said of a problem between records.
fn between_records(problem: &Problem, release: ProxyRelease) -> ErrorEntity {
    if release < ProxyRelease::Confluent7_9 {
        return internal_error();
    }
    let problem = problem.full(Version::of(release));
    first_line(400, &format!("Bad Request: Error processing message: {problem}"))
}

/// What is said of a record that could not be read.
pub(super) fn told(problem: &Problem, release: ProxyRelease) -> ErrorEntity {
    match problem.kind() {
        ProblemKind::Limit | ProblemKind::Unexpected => internal_error(),
        _ => {
            // Where it stands is on a line of its own; of what has no place, the way to it is told on the first.
            let whole = problem.full(Version::of(release));
            if release == ProxyRelease::Confluent6_2_0 {
                refused(400, whole)
            } else {
                first_line(400, &whole)
            }
        }
    }
}

/// The proxy tells the first line of a message only.
fn first_line(code: i64, message: &str) -> ErrorEntity {
    refused(code, message.split('\n').next().unwrap_or_default().trim())
}

/// A record as it has been read.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) id: Option<bind::Node<'a>>,
    partition: Option<i32>,
    headers: Headers,
    key: Option<Data<'a>>,
    value: Option<Data<'a>>,
    timestamp: Option<instant::Instant>,
}

/// What reads a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    class: &'static str,
    made: &'static str,
    known: &'static [&'static str],
    has_id: bool,
}

const BUILDER: Shape = Shape {
    class: "io.confluent.kafkarest.entities.v3.ProduceRequest$Builder",
    made: "io.confluent.kafkarest.entities.v3.AutoValue_ProduceRequest$Builder",
    known: &["value", "originalSize", "partitionId", "headers", "key", "timestamp"],
    has_id: false,
};

/// Before 7.2, a record is made without a builder.
const REQUEST: Shape = Shape {
    class: "io.confluent.kafkarest.entities.v3.ProduceRequest",
    made: "io.confluent.kafkarest.entities.v3.AutoValue_ProduceRequest",
    known: &["partition_id", "value", "headers", "key", "timestamp"],
    has_id: false,
};

/// An entry of a batch.
pub(super) const BATCH_ENTRY: Shape = Shape {
    class: "io.confluent.kafkarest.entities.v3.ProduceBatchRequestEntry$Builder",
    made: "io.confluent.kafkarest.entities.v3.AutoValue_ProduceBatchRequestEntry$Builder",
    known: &["value", "originalSize", "id", "partitionId", "headers", "key", "timestamp"],
    has_id: true,
};

fn read_record<'a>(parser: &mut Parser<'a>, release: ProxyRelease) -> Read<Record<'a>> {
    let shape = if release < ProxyRelease::Confluent7_9 { REQUEST } else { BUILDER };
    read(parser, shape)
}

/// The record at hand.
pub(super) fn read<'a>(parser: &mut Parser<'a>, shape: Shape) -> Read<Record<'a>> {
    if matches!(parser.token(), Some(Token::Null | Token::EndObject | Token::EndArray)) {
        // There is no builder then, and nobody looks.
        return Err(Problem::unexpected());
    }
    let class = shape.class;
    bind::open(parser, class)?;
    let mut record = Record::default();
    let mut members = Members::new(shape.made, shape.known, if shape.has_id { 6 } else { 5 });
    let has_builder = shape.class != REQUEST.class;
    let (mut null_header, mut late) = (None, None);
    while parser.token() == Some(Token::Name) {
        let index = match parser.name() {
            b"partition_id" if !(members.is_made() && has_builder) => 0,
            b"headers" => 1,
            b"key" => 2,
            b"value" => 3,
            b"timestamp" => 4,
            b"id" if shape.has_id => 5,
            b"partitionId" if has_builder => 6,
            b"originalSize" if has_builder => 7,
            _ => {
                members.unknown(parser)?;
                continue;
            }
        };
        parser.advance()?;
        match index {
            0 => record.partition = bind::within(bind::integer(parser), class, "partition_id")?,
            1 => {
                let read = header::read(parser);
                (record.headers, null_header) = bind::within(read, class, "headers")?;
            }
            2 => record.key = bind::within(data::read(parser), class, "key")?,
            3 => record.value = bind::within(data::read(parser), class, "value")?,
            4 => record.timestamp = bind::within(instant::read(parser), class, "timestamp")?,
            5 => record.id = Some(bind::within(bind::node(parser), class, "id")?),
            // The builder's own names are set once it has been made.
            6 => late = bind::within(bind::integer(parser), class, "partitionId")?,
            _ => bind::within(bind::long(parser), class, "originalSize")?,
        }
        let complete = index < 6 && members.given(index);
        parser.advance()?;
        if complete {
            made(parser, shape, &record, null_header)?;
            members.made(parser)?;
        }
    }
    if !members.is_made() {
        made(parser, shape, &record, null_header)?;
        members.made(parser)?;
    }
    record.partition = late.or(record.partition);
    Ok(record)
}

/// The builder is made of what has been read; a list that holds null cannot be copied, nor may an id be missing.
fn made(parser: &Parser<'_>, shape: Shape, record: &Record<'_>, null_header: Option<usize>) -> Read<()> {
    let at = parser.token_place();
    if shape.has_id && record.id.is_none() {
        return bind::not_made(at, shape.class, "Null id");
    }
    match null_header {
        Some(index) => bind::not_made(at, shape.class, &format!("at index {index}")),
        None => Ok(()),
    }
}

impl Record<'_> {
    /// The record in the bytes that are to land.
    pub(super) fn encoded(self, target: Target<'_>) -> Result<Entry, ErrorEntity> {
        let early = target.release < ProxyRelease::Confluent7_9;
        let is_negative = self.partition.is_some_and(|partition| partition < 0);
        if is_negative && !early {
            return Err(refused(40402, "Partition not found."));
        }
        let encoded = |data: Option<Data<'_>>, part| match data {
            Some(data) => data.encoded(target, part).map(|encoded| (Some(encoded.told), encoded.bytes)),
            None => Ok((None, None)),
        };
        let (key, key_bytes) = encoded(self.key, Part::Key)?;
        let (value, value_bytes) = encoded(self.value, Part::Value)?;
        let timestamp = self.timestamp.map(instant::Instant::millis);
        let timestamp = match timestamp {
            // Java's client refuses what is before 1970, and nobody expects it.
            Some(Some(millis)) if millis >= 0 => Some(millis),
            Some(_) => return Err(internal_error()),
            None => None,
        };
        if is_negative {
            return Err(internal_error());
        }
        let headers = grouped(self.headers);
        let partition = self.partition;
        let record = ProduceRecord { partition, key: key_bytes, value: value_bytes, headers, timestamp };
        Ok(Entry::Record { record, key, value })
    }
}

/// The headers as they are written: those of one name stand together, where the first of them stood.
fn grouped(headers: Headers) -> Headers {
    let mut grouped: Headers = Vec::with_capacity(headers.len());
    for header in headers {
        match grouped.iter().rposition(|(name, _)| *name == header.0) {
            Some(last) => grouped.insert(last + 1, header),
            None => grouped.push(header),
        }
    }
    grouped
}

#[cfg(test)]
mod tests;
