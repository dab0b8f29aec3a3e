//! Whether an exchange is as it has to be.

use std::collections::BTreeSet;

use semver::Version;
use serde_json::Value;

use super::catalogue::{Evidence, Expect, RestCase};
use super::landed::compare;
use super::pattern::{Names, body};
use super::profile::{Deviation, Profile};
use crate::conform::Level;
use crate::conform::golden::{GoldenRecord, GoldenResponse, position, unpacked};
use crate::result::CaseOutcome;

/// An exchange as it went.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The answer; `None`: there was none.
    pub answer: Option<&'a GoldenResponse>,
    /// What landed in the case's topic; `None`: nobody could look.
    pub landed: Option<&'a [GoldenRecord]>,
    /// The topic's name.
    pub topic: &'a str,
    /// The cluster's id.
    pub cluster: &'a str,
    /// Between when it was sent and answered, with a margin, in milliseconds since 1970.
    pub between: (i64, i64),
}

/// Something that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What: `answer`, `status`, `header:NAME`, `body…`, `landed…` or `offsets`.
    pub field: String,
    /// As it had to be.
    pub expected: String,
    /// As it was.
    pub seen: String,
}

impl Mismatch {
    pub(super) fn new(
        field: impl Into<String>,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), expected: expected.into(), seen: seen.into() }
    }
}

/// By what a case is judged.
#[derive(Debug, Clone, Copy)]
pub struct Standard<'a> {
    /// What is known of the proxy; `None`: it is held to what is required.
    pub profile: Option<&'a Profile>,
    /// Its release.
    pub version: &'a Version,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// In a word.
    pub outcome: CaseOutcome,
    /// What is not as it has to be.
    pub mismatches: Vec<Mismatch>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
}

/// Judges an exchange. What is inferred is reported and fails nothing; what ought to hold (SHOULD) warns; a deviation that is
/// known is what is expected, and where it does not show the profile is out of date, which warns.
#[must_use]
pub fn assess(case: &RestCase, level: Level, standard: Standard<'_>, seen: &Seen<'_>) -> Assessment {
    let deviation = standard.profile.and_then(|profile| profile.deviation(case, standard.version));
    let expect = deviation
        .map_or_else(|| case.expect.clone(), |deviation| case.expect.overridden_by(&deviation.expect));
    let found = mismatches(&expect, seen);
    let because = |deviation: &Deviation| format!("known to deviate: {}", deviation.reason);
    if found.is_empty() {
        let notes = deviation.map(because).into_iter().collect();
        return Assessment { outcome: CaseOutcome::Passed, mismatches: found, notes };
    }
    if let Some(deviation) = deviation
        && mismatches(&case.expect, seen).is_empty()
    {
        let note = format!(
            "unexpected pass: what is required holds, although the profile says: {}",
            deviation.reason
        );
        return Assessment { outcome: CaseOutcome::Warned, mismatches: Vec::new(), notes: vec![note] };
    }
    let mut notes: Vec<String> = deviation.map(because).into_iter().collect();
    let outcome = match (expect.evidence, level) {
        (Some(Evidence::Inferred), _) => {
            notes.push("what is expected is inferred, so that this fails nothing".into());
            CaseOutcome::Passed
        }
        (_, Level::May) => {
            notes.push("it may be so".into());
            CaseOutcome::Passed
        }
        (_, Level::Should) => CaseOutcome::Warned,
        (_, Level::Must) => CaseOutcome::Failed,
    };
    Assessment { outcome, mismatches: found, notes }
}

/// In what an exchange is not as expected.
#[must_use]
pub fn mismatches(expect: &Expect, seen: &Seen<'_>) -> Vec<Mismatch> {
    let Some(answer) = seen.answer else {
        return vec![Mismatch::new("answer", "an answer", "none")];
    };
    let mut found = Vec::new();
    if let Some(statuses) = expect.status.as_ref().filter(|statuses| !statuses.has(answer.status)) {
        found.push(Mismatch::new("status", statuses.in_words(), answer.status.to_string()));
    }
    let names = Names { topic: seen.topic, cluster: seen.cluster };
    for (name, expected) in &expect.headers {
        let values: Vec<&str> = answer.header(name).collect();
        let told = || if values.is_empty() { "absent".to_owned() } else { values.join(" | ") };
        let fitting = match expected.as_deref() {
            None => values.is_empty(),
            Some("$any") => !values.is_empty(),
            Some(value) => values == [names.filled(value)],
        };
        if !fitting {
            let expected = expected.clone().unwrap_or_else(|| "absent".to_owned());
            found.push(Mismatch::new(format!("header:{name}"), expected, told()));
        }
    }
    let bytes = unpacked(answer, answer.body().ok().flatten().unwrap_or_default());
    if let Some(pattern) = &expect.body {
        found.extend(body(pattern, &bytes, &names));
    }
    if let Some(landed) = seen.landed {
        if let Some(patterns) = &expect.landed {
            found.extend(compare(patterns, seen, landed));
        }
        found.extend(acked_elsewhere(&bytes, landed));
    }
    found
}

/// Positions that the answer names and at which nothing landed.
fn acked_elsewhere(body: &[u8], landed: &[GoldenRecord]) -> Option<Mismatch> {
    let documents = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let mut acked = BTreeSet::new();
    for document in documents.map_while(Result::ok) {
        positions(&document, &mut acked);
    }
    let stands: BTreeSet<(i64, i64)> =
        landed.iter().map(|record| (i64::from(record.partition), record.offset)).collect();
    let told = |positions: Vec<&(i64, i64)>| {
        let each = positions.iter().map(|(partition, offset)| format!("{partition}:{offset}"));
        each.collect::<Vec<_>>().join(", ")
    };
    let nowhere: Vec<_> = acked.difference(&stands).collect();
    (!nowhere.is_empty()).then(|| {
        Mismatch::new(
            "offsets",
            format!("records at the positions answered: {}", told(nowhere)),
            format!("records at: {}", told(stands.iter().collect())),
        )
    })
}

/// The positions that a document names (`partition` or `partition_id`, and an `offset` that is one).
fn positions(value: &Value, found: &mut BTreeSet<(i64, i64)>) {
    match value {
        Value::Object(members) => match position(members) {
            Some((partition, offset)) if offset >= 0 => {
                found.insert((partition, offset));
            }
            _ => members.values().for_each(|member| positions(member, found)),
        },
        Value::Array(elements) => elements.iter().for_each(|element| positions(element, found)),
        _ => {}
    }
}
