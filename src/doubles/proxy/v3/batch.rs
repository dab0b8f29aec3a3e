//! `records:batch`: a few records in one object, each with an id of its own, and an answer for each, by id.

use std::collections::HashSet;
use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

use super::super::failure::Failure;
use super::super::jetty::Request;
use super::super::produce::Call;
use super::super::request::Refusal;
use super::super::serve::Service;
use super::super::{Answer, faults_at, read_whole, response, whole};
use super::receipt::Echo;
use super::request::{self, BATCH_ENTRY, Entry, Record};
use crate::doubles::jackson::bind::{self, Members, Node};
use crate::doubles::jackson::{
    Kind, Parser, Problem, Read, Source, Token, Version, nothing_follows, to_utf8,
};
use crate::wire::produce::ErrorEntity;
use crate::wire::produce::v3::{JSON, Receipt, WrittenReceipt};

/// The most entries (`api.v3.produce.batch.maximum.entries`, default).
const ENTRIES: usize = 10;
/// The code of a batch that is none.
const CODE: i64 = 42208;
/// The longest id, in units.
const LONGEST_ID: usize = 80;

const CLASS: &str = "io.confluent.kafkarest.entities.v3.ProduceBatchRequest";
const MADE: &str = "io.confluent.kafkarest.entities.v3.AutoValue_ProduceBatchRequest";
const ENTRY: &str = "io.confluent.kafkarest.entities.v3.ProduceBatchRequestEntry";

/// What became of the entries.
#[derive(Debug, Default, Serialize)]
struct Outcomes {
    successes: Vec<Success>,
    failures: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Success {
    id: String,
    #[serde(flatten)]
    receipt: WrittenReceipt,
}

#[derive(Debug, Serialize)]
struct Refused {
    id: String,
    #[serde(flatten)]
    refusal: ErrorEntity,
}

/// Answers a batch.
pub(in crate::doubles::proxy) async fn produce_batch(
    service: &Arc<Service>,
    values: Vec<String>,
    request: Request,
) -> Answer {
    let (producer, release) = (service.producer.clone(), service.release);
    let faults = faults_at(&request.headers);
    let client = Some(request.client);
    let body = match read_whole(request.body).await {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    // The cluster is not checked, and echoed.
    let mut values = values.into_iter();
    let (cluster, topic) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
    let addressed = request::Target { topic: &topic, release, registry: service.registry.as_ref() };
    let entries = match parse(&body, addressed) {
        Ok(entries) => entries,
        Err(refusal) => return response::refused_as(JSON, &refusal),
    };
    let mut outcomes = Outcomes::default();
    let (mut records, mut echoes) = (Vec::new(), Vec::new());
    for (id, entry) in entries {
        match entry {
            Entry::Record { record, key, value } => {
                echoes.push((id, Echo::new(&record, key, value)));
                records.push(record);
            }
            Entry::Refused(refusal) => outcomes.failures.push(Refused { id, refusal }),
        }
    }
    let call = Call { topic: topic.clone(), partition: None, records, faults, client };
    let plan = producer.plan(&call).await;
    if let Some(ends) = plan.ends() {
        return whole::end(producer, call, plan, ends, service.streaming.clone()).await;
    }
    let mut in_hand = producer.begin(call, plan).await;
    for (id, echo) in echoes {
        let Some(outcome) = in_hand.next().await else { break };
        let as_told = |Failure { kind, message }| Failure { kind: kind.in_v3_of(release), message };
        match echo.receipt(outcome.map_err(as_told), &cluster, &topic, release) {
            Receipt::Written(receipt) => {
                outcomes
                    .successes
                    .push(Success { id, receipt: WrittenReceipt { error_code: None, ..*receipt } });
            }
            Receipt::Refused(refusal) => outcomes.failures.push(Refused { id, refusal }),
        }
    }
    in_hand.finish().await;
    let text = serde_json::to_vec(&outcomes).unwrap_or_default();
    response::json(StatusCode::MULTI_STATUS, Some(JSON), text)
}

/// The entries of `body`, each with its id; or the refusal of the whole.
pub(super) fn parse(body: &[u8], target: request::Target<'_>) -> Result<Vec<(String, Entry)>, Refusal> {
    let told = |problem: Box<Problem>| Refusal::of(&problem, target.release);
    let source = Source::new(body).map_err(told)?;
    let mut parser = Parser::new(&source, Version::of(target.release));
    let entries = read(&mut parser).map_err(told)?;
    let refused = |message: &str| refuse(message).map_err(told);
    let Some(entries) = entries else { return refused("Request body is empty. Data is required.") };
    let mut ids = HashSet::new();
    if !entries.iter().all(|(id, _)| ids.insert(id)) {
        return refused("Batch entry IDs are not distinct.");
    }
    if entries.is_empty() {
        return refused("Empty batch.");
    }
    if entries.len() > ENTRIES {
        return refused("Too many entries in batch.");
    }
    let encoded = |record: Record<'_>| record.encoded(target).unwrap_or_else(Entry::Refused);
    Ok(entries.into_iter().map(|(id, record)| (id, encoded(record))).collect())
}

fn refuse<T>(message: &str) -> Read<T> {
    Err(Problem::new(Kind::Constraint(CODE), message.to_owned(), None))
}

/// Entries with their ids.
type Entries<'a> = Vec<(String, Record<'a>)>;

/// The entries; none where the body is empty or null.
fn read<'a>(parser: &mut Parser<'a>) -> Read<Option<Entries<'a>>> {
    let entries = match parser.advance()? {
        None => return Ok(None),
        Some(Token::Null) => None,
        Some(_) => Some(read_batch(parser)?),
    };
    nothing_follows(parser, CLASS)?;
    Ok(entries)
}

fn read_batch<'a>(parser: &mut Parser<'a>) -> Read<Entries<'a>> {
    bind::open(parser, CLASS)?;
    let (mut entries, mut null) = (Vec::new(), None);
    let mut members = Members::new(MADE, &["entries"], 1);
    while parser.token() == Some(Token::Name) {
        if parser.name() != b"entries" {
            members.unknown(parser)?;
            continue;
        }
        parser.advance()?;
        (entries, null) = bind::within(read_entries(parser), CLASS, "entries")?;
        let complete = members.given(0);
        parser.advance()?;
        if complete {
            made(parser, null)?;
            members.made(parser)?;
        }
    }
    if !members.is_made() {
        made(parser, null)?;
        members.made(parser)?;
    }
    Ok(entries)
}

fn made(parser: &Parser<'_>, null: Option<usize>) -> Read<()> {
    match null {
        Some(index) => bind::not_made(parser.token_place(), CLASS, &format!("at index {index}")),
        None => Ok(()),
    }
}

/// The entries, and the index of the first that is null.
fn read_entries<'a>(parser: &mut Parser<'a>) -> Read<(Entries<'a>, Option<usize>)> {
    let mut entries = Vec::new();
    let mut null = None;
    match parser.token() {
        Some(Token::Null) => return Ok((entries, null)),
        Some(Token::StartArray) => {}
        _ => return bind::no_list(parser, ENTRY),
    }
    while parser.advance()? != Some(Token::EndArray) {
        let index = entries.len();
        if parser.token() == Some(Token::Null) {
            null.get_or_insert(index);
            entries.push((String::new(), Record::default()));
            continue;
        }
        let entry = read_entry(parser);
        entries.push(entry.map_err(|problem| problem.within(|| format!("java.util.ArrayList[{index}]")))?);
    }
    Ok((entries, null))
}

fn read_entry<'a>(parser: &mut Parser<'a>) -> Read<(String, Record<'a>)> {
    let mut record = request::read(parser, BATCH_ENTRY)?;
    let is_valid = |id: &[u8]| {
        (1..=LONGEST_ID).contains(&id.len())
            && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match record.id.take() {
        Some(Node::Text(id)) if is_valid(&id) => Ok((to_utf8(&id), record)),
        _ => refuse("Batch entry identifier is not a valid string."),
    }
}

#[cfg(test)]
mod tests;
