//! Whether the positions that an answer names are those of its own records.

use std::collections::BTreeMap;

use serde_json::Value;

use super::exchange::{Mismatch, OFFSETS};
use super::landed::{LandedPattern, fitting, shown};
use super::pattern::Names;
use crate::conform::golden::{GoldenRecord, positions};

/// Positions at which another record of the request stands than the one whose entry names it. Patterns stand in the order of the
/// entries, where they name partitions in that order within each; where there are more of one kind, something else is wrong.
pub(super) fn of_another(
    patterns: &[LandedPattern],
    bodies: &[Vec<u8>],
    between: (i64, i64),
    names: &Names<'_>,
    landed: &[GoldenRecord],
) -> Vec<Mismatch> {
    let mut answered: Vec<(i64, i64)> = Vec::new();
    for body in bodies {
        let documents = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
        documents.map_while(Result::ok).for_each(|document| positions(&document, &mut answered));
    }
    if answered.len() != patterns.len() {
        return Vec::new();
    }
    let mut patterns: Vec<&LandedPattern> = patterns.iter().collect();
    if patterns.iter().all(|pattern| pattern.partition.is_some()) {
        patterns.sort_by_key(|pattern| pattern.partition);
        answered.sort_by_key(|(partition, _)| *partition);
    }
    let at = |record: &GoldenRecord| (i64::from(record.partition), record.offset);
    let by_position: BTreeMap<(i64, i64), &GoldenRecord> =
        landed.iter().map(|record| (at(record), record)).collect();
    let mut found = Vec::new();
    for (pattern, (partition, offset)) in patterns.into_iter().zip(answered) {
        let Some(there) = by_position.get(&(partition, offset)) else { continue };
        if fitting(pattern, there, between, names) {
            continue;
        }
        // A record that is itself not as it must be is told as such.
        let own = landed
            .iter()
            .find(|record| at(record) != (partition, offset) && fitting(pattern, record, between, names));
        if let Some(own) = own {
            let expected = format!("{} at {partition}:{offset}, as answered", shown(own));
            let stands = format!("{} there, and that one at {}:{}", shown(there), own.partition, own.offset);
            found.push(Mismatch::new(OFFSETS, expected, stands));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: i64, value_b64: &str) -> GoldenRecord {
        GoldenRecord {
            topic: "t".into(),
            offset,
            value_b64: Some(value_b64.into()),
            timestamp_type: "CreateTime".into(),
            ..GoldenRecord::default()
        }
    }

    #[test]
    fn a_position_of_another_record_of_the_request_is_told_and_a_wrong_record_is_not() {
        let patterns: Vec<LandedPattern> =
            serde_json::from_value(serde_json::json!([{ "value": "a" }, { "value": "b" }])).unwrap();
        let answer = |first: i64, second: i64| {
            format!(
                "{{\"offsets\":[{{\"partition\":0,\"offset\":{first}}},{{\"partition\":0,\"offset\":{second}}}]}}"
            )
        };
        let told = |answer: &str, landed: &[GoldenRecord]| {
            let names = Names { topic: "t", cluster: "c", ..Names::default() };
            of_another(&patterns, &[answer.as_bytes().to_vec()], (0, 0), &names, landed).len()
        };
        let landed = [record(0, "YQ=="), record(1, "Yg==")];
        assert_eq!(told(&answer(0, 1), &landed), 0);
        assert_eq!(told(&answer(1, 0), &landed), 2);
        assert_eq!(told(&answer(0, 0), &landed), 1);
        assert_eq!(told(&answer(0, 1), &[record(0, "YQ=="), record(1, "eA==")]), 0);
    }
}
