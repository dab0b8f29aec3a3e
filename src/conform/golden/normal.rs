//! An exchange without what varies from run to run.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use regex::Regex;
use serde_json::Value;

use super::body::Unbuildable;
use super::offsets::{Bases, positions, topic_of};
use super::recording::{GoldenRecord, GoldenResponse, Recording, decoded};
use super::varying::Around;
use crate::jose::sha256;

/// The header fields that are compared.
pub(super) const HEADERS: [&str; 5] =
    ["Content-Type", "Allow", "Location", "Retry-After", "WWW-Authenticate"];

/// Longest body that is unpacked, in bytes.
const UNPACKED: u64 = 64 * 1024 * 1024;

/// Where an exchange took place, and how it is to be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The cluster's id there.
    pub cluster_id: &'a str,
    /// Whether partitions that the request leaves open, and offsets in them, are passed over.
    pub widened: bool,
    /// Texts that are taken for the same.
    pub texts: &'a [Regex],
}

/// Records in their order, by topic and partition; where partitions are open, these are counted in the order of what stands in
/// them.
pub(super) type LandedByPlace = BTreeMap<(String, usize), Vec<NormalRecord>>;

/// An exchange in which nothing is left that varies from one run of the same proxy to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Normal {
    pub(super) answers: Vec<NormalAnswer>,
    /// `None`: nobody looked.
    pub(super) landed: Option<LandedByPlace>,
    /// The same in the order in which answers name where records stand; those that they do not name are left out.
    pub(super) in_turn: Vec<NormalRecord>,
    /// Whether offsets rise in that order, within each partition.
    pub(super) rises: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NormalAnswer {
    pub(super) status: u16,
    /// The values of each of [`HEADERS`].
    pub(super) headers: [Vec<String>; HEADERS.len()],
    pub(super) body: NormalBody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NormalBody {
    /// A sequence of JSON documents.
    Json(Vec<Value>),
    Bytes(Vec<u8>),
    /// It was not kept.
    Elided,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NormalRecord {
    pub(super) key: Option<Vec<u8>>,
    /// `None`: null.
    pub(super) value: Option<NormalValue>,
    pub(super) headers: Vec<(String, Option<String>)>,
    /// `None`: about when it was answered.
    pub(super) timestamp: Option<i64>,
    pub(super) append_time: bool,
}

/// A value by its length and hash, which are all that is kept of long ones.
#[derive(Debug, Clone)]
pub(super) struct NormalValue {
    pub(super) length: u64,
    pub(super) sha256: String,
    /// For people; `None` where it was not kept.
    pub(super) bytes: Option<Vec<u8>>,
}

impl NormalValue {
    fn identity(&self) -> (u64, &str) {
        (self.length, &self.sha256)
    }
}

impl PartialEq for NormalValue {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for NormalValue {}

impl Ord for NormalValue {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl PartialOrd for NormalValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Normal {
    /// The normal form of an exchange.
    ///
    /// # Errors
    /// [`Unbuildable::Base64`], where a recording is damaged.
    pub(super) fn of(recording: &Recording, place: Place<'_>) -> Result<Self, Unbuildable> {
        let answers = recording.answers();
        let bodies: Vec<NormalBody> = answers.iter().map(|answer| read(answer)).collect::<Result<_, _>>()?;
        let all = bodies.iter().flat_map(|body| match body {
            NormalBody::Json(documents) => documents.as_slice(),
            NormalBody::Bytes(_) | NormalBody::Elided => &[],
        });
        let documents: Vec<Value> = all.cloned().collect();
        let bases = Bases::of(recording, &documents);
        let dates = answers.iter().flat_map(|answer| answer.header("Date"));
        let answered = dates.filter_map(millis).last();
        let around = Around {
            cluster_id: place.cluster_id,
            answered,
            bases: &bases,
            widened: place.widened,
            texts: place.texts,
        };
        let lists = lists_topics(recording);
        let answers = answers
            .iter()
            .zip(bodies)
            .map(|(answer, body)| NormalAnswer {
                status: answer.status,
                headers: HEADERS.map(|name| answer.header(name).map(|value| around.text(value)).collect()),
                body: normal_body(&around, body, lists),
            })
            .collect();
        let landed = recording.landed.as_ref().map(|landed| records(landed, &around)).transpose()?;
        let (in_turn, rises) = in_turn(recording, &documents, &around)?;
        Ok(Self { answers, landed, in_turn, rises })
    }
}

/// The records in the order in which `documents` name their positions, and whether offsets rise in that order.
fn in_turn(
    recording: &Recording,
    documents: &[Value],
    around: &Around<'_>,
) -> Result<(Vec<NormalRecord>, bool), Unbuildable> {
    let topic = topic_of(&recording.request);
    let own = recording.landed.iter().flatten();
    let own = own.filter(|record| topic.as_deref().is_none_or(|topic| topic == record.topic));
    let by_position: BTreeMap<(i64, i64), &GoldenRecord> =
        own.map(|record| ((i64::from(record.partition), record.offset), record)).collect();
    let mut named: Vec<(i64, i64)> = Vec::new();
    for document in documents {
        positions(document, &mut named);
    }
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    let rises = named
        .iter()
        .all(|(partition, offset)| last.insert(*partition, *offset).is_none_or(|before| before < *offset));
    let records = named.iter().filter_map(|position| by_position.get(position));
    let records: Result<Vec<NormalRecord>, _> = records.map(|record| normal_record(record, around)).collect();
    Ok((records?, rises))
}

/// Whether the answer is a list of the topics that there are.
fn lists_topics(recording: &Recording) -> bool {
    let path = recording.request.path.split(['?', ';']).next().unwrap_or_default();
    path.trim_end_matches('/').ends_with("/topics") || recording.request.path.is_empty()
}

fn normal_body(around: &Around<'_>, body: NormalBody, lists: bool) -> NormalBody {
    match body {
        NormalBody::Json(documents) => {
            let names = |document: &Value| {
                document.as_array().is_some_and(|names| names.iter().all(Value::is_string))
            };
            NormalBody::Json(
                documents
                    .iter()
                    .map(|document| match document {
                        list if lists && names(list) => "<topics>".into(),
                        other => around.document(other),
                    })
                    .collect(),
            )
        }
        other => other,
    }
}

/// A body without the compression that its header names.
#[must_use]
pub fn unpacked(answer: &GoldenResponse, bytes: Vec<u8>) -> Vec<u8> {
    match answer.header("Content-Encoding").next() {
        Some(coding) if coding.eq_ignore_ascii_case("gzip") => {
            let mut unpacked = Vec::new();
            match GzDecoder::new(bytes.as_slice()).take(UNPACKED).read_to_end(&mut unpacked) {
                Ok(_) => unpacked,
                Err(_) => bytes,
            }
        }
        _ => bytes,
    }
}

/// The body as what it is: JSON, if all of it is.
fn read(answer: &GoldenResponse) -> Result<NormalBody, Unbuildable> {
    let Some(bytes) = answer.body()? else { return Ok(NormalBody::Elided) };
    let bytes = unpacked(answer, bytes);
    let documents: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>().collect();
    Ok(match documents {
        Ok(documents) if !documents.is_empty() => NormalBody::Json(documents),
        _ => NormalBody::Bytes(bytes),
    })
}

fn records(landed: &[GoldenRecord], around: &Around<'_>) -> Result<LandedByPlace, Unbuildable> {
    let mut in_order: Vec<&GoldenRecord> = landed.iter().collect();
    in_order.sort_by_key(|record| record.offset);
    let mut by_partition: BTreeMap<(String, i32), Vec<NormalRecord>> = BTreeMap::new();
    for record in in_order {
        let at = (record.topic.clone(), record.partition);
        by_partition.entry(at).or_default().push(normal_record(record, around)?);
    }
    if !around.widened {
        let place =
            |(topic, partition): (String, i32)| (topic, usize::try_from(partition).unwrap_or(usize::MAX));
        return Ok(by_partition.into_iter().map(|(at, records)| (place(at), records)).collect());
    }
    let mut by_content: Vec<(String, Vec<NormalRecord>)> =
        by_partition.into_iter().map(|((topic, _), records)| (topic, records)).collect();
    by_content.sort();
    let mut all = LandedByPlace::new();
    for (topic, records) in by_content {
        let before = all.range((topic.clone(), 0)..=(topic.clone(), usize::MAX)).count();
        all.insert((topic, before), records);
    }
    Ok(all)
}

fn normal_record(record: &GoldenRecord, around: &Around<'_>) -> Result<NormalRecord, Unbuildable> {
    let value = match (&record.value_b64, &record.value_sha256) {
        (Some(text), _) => Some(NormalValue::of(decoded(text)?)),
        (None, Some(hash)) => Some(NormalValue {
            length: record.value_len.unwrap_or(0),
            sha256: hash.to_ascii_lowercase(),
            bytes: None,
        }),
        (None, None) => None,
    };
    Ok(NormalRecord {
        key: record.key_b64.as_deref().map(decoded).transpose()?,
        value,
        headers: record.headers.clone(),
        timestamp: record.timestamp.filter(|at| !around.is_now(*at)),
        append_time: record.timestamp_type.to_ascii_lowercase().contains("append"),
    })
}

impl NormalValue {
    fn of(bytes: Vec<u8>) -> Self {
        Self { length: bytes.len() as u64, sha256: hex::encode(sha256(&bytes)), bytes: Some(bytes) }
    }
}

/// The time of a Date header (RFC 9110, section 5.6.7), in milliseconds since 1970.
fn millis(date: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(date).ok().map(|zoned| zoned.timestamp().as_millisecond())
}
