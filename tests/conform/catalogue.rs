//! The cases that ship, held against the recordings that they are made of.

use landfall::conform::golden::{Recording, read_golden, topic_of};
use landfall::conform::rest::{
    Requirement, RestCase, Seen, Standard, Standing, catalogue, expectation, mismatches, shipped_profile,
};

/// How far from an exchange's date its own timestamps may lie, in milliseconds.
const NOW: i64 = 10 * 60 * 1000;

fn cases() -> Vec<(Requirement, RestCase)> {
    let mut cases = Vec::new();
    for requirement in catalogue().unwrap() {
        if let Standing::Cases(own) = &requirement.standing {
            cases.extend(own.iter().map(|case| (requirement.clone(), case.clone())));
        }
    }
    cases
}

/// In what a recording does not fit the case that is made of it.
fn misfits(case: &RestCase, recording: &Recording, any_topic: &str) -> Vec<String> {
    let profile = shipped_profile("confluent").unwrap();
    let standard = Standard { profile: Some(&profile), version: &profile.default_version };
    let (expect, _) = expectation(case, standard);
    let topic = topic_of(&recording.request).unwrap_or_else(|| any_topic.to_owned());
    let answers = recording.answers();
    let is_whole = !recording.landed_truncated
        && recording.landed.iter().flatten().all(|record| record.value_sha256.is_none());
    let landed: Option<Vec<_>> = recording.landed.as_ref().filter(|_| is_whole).map(|landed| {
        landed.iter().filter(|record| record.topic == topic).cloned().map(kafkas_words).collect()
    });
    let date = answers.iter().rev().find_map(|answer| {
        let date = answer.header("Date").next()?;
        Some(jiff::fmt::rfc2822::parse(date).unwrap().timestamp().as_millisecond())
    });
    let date = date.unwrap_or_default();
    let seen = Seen {
        answer: answers.last().copied(),
        landed: landed.as_deref(),
        topic: &topic,
        names_topic: true,
        cluster: &recording.setup.cluster_id,
        between: (date - NOW, date + NOW),
    };
    let told = mismatches(&expect, &seen).into_iter();
    told.map(|found| format!("{}: expected {}, seen {}", found.field, found.expected, found.seen)).collect()
}

/// One of the corpora has words of its own for the types of timestamps.
fn kafkas_words(
    mut record: landfall::conform::golden::GoldenRecord,
) -> landfall::conform::golden::GoldenRecord {
    if record.timestamp_type.contains("ppend") {
        record.timestamp_type = "LogAppendTime".into();
    } else {
        record.timestamp_type = "CreateTime".into();
    }
    record
}

#[test]
fn cases_expect_what_was_recorded_at_7_9_9() {
    let (mut fitting, mut wrong) = (0, Vec::new());
    let cases = cases();
    for (name, any_topic) in [("confluent-7.9.9.jsonl", "p1"), ("suite2-confluent-7.9.9.jsonl", "t1")] {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden").join(name);
        for recording in read_golden(&std::fs::read_to_string(file).unwrap()).unwrap() {
            // A topic that is not there has another name in the recordings.
            let made_of_it = |case: &RestCase| {
                case.recorded_as.contains(&recording.id) && !case.request.path.contains("-absent")
            };
            for (_, case) in cases.iter().filter(|(_, case)| made_of_it(case)) {
                match misfits(case, &recording, any_topic) {
                    none if none.is_empty() => fitting += 1,
                    some => wrong.push((recording.id.clone(), case.id.clone(), some)),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(fitting > 470, "{fitting} recordings are cases");
}

#[test]
fn every_requirement_stands_once_and_every_deviation_is_of_a_case() {
    let requirements = catalogue().unwrap();
    assert_eq!(requirements.len(), 248);
    let cases = cases();
    for name in ["confluent", "karapace", "strimzi-bridge"] {
        for deviation in shipped_profile(name).unwrap().deviations {
            for id in &deviation.cases {
                let known = cases.iter().any(|(_, case)| {
                    case.id == *id || case.id.strip_prefix(id).is_some_and(|rest| rest.starts_with('/'))
                });
                assert!(known, "{name}: {id}");
            }
        }
    }
}
