//! Recordings judged as data: nothing is sent. What a case expects of its own fresh topic is held against the topic that the
//! recorded request names.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822;
use regex::Regex;

use super::catalogue::{Evidence, Requirement, RestCase};
use super::evaluate::{Assessment, Seen, Standard, assess, expectation};
use super::pattern::ABSENT;
use crate::conform::golden::{GoldenRecord, GoldenRequest, GoldenResponse, Recording, topic_of};
use crate::result::CaseOutcome;

/// How far from the time of an exchange its own timestamps may lie, in milliseconds.
const NOW: i64 = 10 * 60 * 1000;
/// How far from the middle of a corpus its exchanges may lie, in milliseconds.
const SPAN: i64 = 12 * 60 * 60 * 1000;

/// What a corpus as a whole tells of its exchanges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusTraits {
    /// The topic that most of its requests name.
    pub topic: String,
    /// Where no answer tells the time: around the middle one of its records' timestamps.
    pub between: (i64, i64),
}

impl CorpusTraits {
    /// Of these recordings.
    #[must_use]
    pub fn of(recordings: &[Recording]) -> Self {
        let mut named: BTreeMap<String, usize> = BTreeMap::new();
        for topic in recordings.iter().filter_map(|row| topic_of(&row.request)) {
            *named.entry(topic).or_default() += 1;
        }
        let topic = named.into_iter().max_by_key(|(_, count)| *count).map(|(topic, _)| topic);
        let landed = recordings.iter().filter_map(|row| row.landed.as_ref()).flatten();
        let mut times: Vec<i64> = landed.filter_map(|record| record.timestamp).collect();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied().unwrap_or_default();
        Self { topic: topic.unwrap_or_default(), between: (middle - SPAN, middle + SPAN) }
    }
}

/// What came of a recording by one of the cases that are made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// As the suite judges an exchange.
    pub assessment: Assessment,
    /// Whether it is as is expected, in every field, by more than inference.
    pub fits: bool,
    /// The answers.
    pub answers: Vec<GoldenResponse>,
    /// What landed in the case's topic; `None`: nobody looked, or not all of it was kept.
    pub landed: Option<Vec<GoldenRecord>>,
}

/// Judges a recording by a case that is made of it.
#[must_use]
pub fn judge(
    recording: &Recording,
    (requirement, case): (&Requirement, &RestCase),
    standard: Standard<'_>,
    corpus: &CorpusTraits,
) -> Judged {
    let named = topic_of(&recording.request);
    let own = names(&case.request, &recording.request);
    let topic = own.topic.as_deref().unwrap_or(&corpus.topic);
    let answers: Vec<GoldenResponse> = recording.answers().into_iter().cloned().collect();
    let landed = recording.landed.as_ref().filter(|_| !recording.landed_truncated).map(|landed| {
        let of_the_topic = landed.iter().filter(|record| record.topic == topic);
        of_the_topic.cloned().map(in_kafkas_words).collect::<Vec<_>>()
    });
    let date = answers.iter().rev().find_map(|answer| {
        let date = rfc2822::parse(answer.header("Date").next()?).ok()?.timestamp().as_millisecond();
        Some((date - NOW, date + NOW))
    });
    let seen = Seen {
        answers: &answers,
        more: recording.has_more_answers(),
        // Who reads no further does not see the end.
        closed: recording.server_closed_connection.filter(|_| !recording.has_more_answers()),
        landed: landed.as_deref(),
        topic,
        absent: own.absent.as_deref(),
        names_topic: named.as_deref() == Some(topic),
        cluster: &recording.setup.cluster_id,
        between: date.unwrap_or(corpus.between),
    };
    let mut assessment = assess(case, requirement.level, standard, &seen);
    let passes = assessment.outcome == CaseOutcome::Passed && assessment.mismatches.is_empty();
    let is_inferred = expectation(case, standard).0.evidence == Some(Evidence::Inferred);
    if passes && is_inferred {
        assessment.notes.push("what is expected is inferred, so that this shows nothing".into());
    }
    let fits = passes && !is_inferred;
    Judged { assessment, fits, answers, landed }
}

/// One of the corpora has words of its own for the types of timestamps.
fn in_kafkas_words(record: GoldenRecord) -> GoldenRecord {
    let append = record.timestamp_type.contains("ppend");
    let timestamp_type = if append { "LogAppendTime" } else { "CreateTime" }.to_owned();
    GoldenRecord { timestamp_type, ..record }
}

/// The names that stand in a recorded request where a case has words for them.
#[derive(Debug, Default, PartialEq, Eq)]
struct NamesInRequest {
    topic: Option<String>,
    absent: Option<String>,
}

/// Out of the path, or the body.
fn names(case: &GoldenRequest, recorded: &GoldenRequest) -> NamesInRequest {
    let body = |request: &GoldenRequest| {
        let encoded = request.body_b64.as_ref().and_then(|text| STANDARD.decode(text).ok());
        request.body.clone().or_else(|| String::from_utf8(encoded?).ok()).unwrap_or_default()
    };
    let in_path = names_in(&case.path, &recorded.path);
    let in_body = names_in(&body(case), &body(recorded));
    NamesInRequest {
        topic: in_path.topic.or(in_body.topic).map(|name| decoded(&name)),
        absent: in_path.absent.or(in_body.absent).map(|name| decoded(&name)),
    }
}

fn decoded(name: &str) -> String {
    percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned()
}

fn names_in(template: &str, text: &str) -> NamesInRequest {
    if !template.contains("{topic") {
        return NamesInRequest::default();
    }
    let mut expression = regex::escape(template);
    for (word, name) in [(ABSENT, "absent"), ("{topic}", "topic"), ("{topic_percent_encoded}", "topic")] {
        let word = regex::escape(word);
        if !expression.contains(&format!("(?P<{name}>")) {
            expression = expression.replacen(&word, &format!("(?P<{name}>[^/?;\"]+)"), 1);
        }
        expression = expression.replace(&word, "[^/?;\"]+");
    }
    expression = expression.replace(&regex::escape("{cluster}"), "[^/]+");
    let found = Regex::new(&format!("^(?s:{expression})$")).ok();
    let captures = found.as_ref().and_then(|regex| regex.captures(text));
    let named = |name| Some(captures.as_ref()?.name(name)?.as_str().to_owned());
    NamesInRequest { topic: named("topic"), absent: named("absent") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_from_where_a_case_has_words_for_them() {
        let both = |topic: Option<&str>, absent: Option<&str>| NamesInRequest {
            topic: topic.map(str::to_owned),
            absent: absent.map(str::to_owned),
        };
        let request = |path: &str, body: &str| GoldenRequest {
            path: path.into(),
            body: Some(body.into()),
            ..GoldenRequest::default()
        };
        for (case, recorded, expected) in [
            (("/topics/{topic}", ""), ("/topics/p1", ""), both(Some("p1"), None)),
            (("/topics/{topic_percent_encoded}", ""), ("/topics/%70%31", ""), both(Some("p1"), None)),
            (("/topics/{topic}-absent?x=1", ""), ("/topics/nope?x=1", ""), both(None, Some("nope"))),
            (("/topics/{topic}/x/{topic}", ""), ("/topics/p1/x/p1", ""), both(Some("p1"), None)),
            (
                ("/v3/clusters/{cluster}/topics", r#"{"topic_name":"{topic}-absent"}"#),
                ("/v3/clusters/C/topics", r#"{"topic_name":"made"}"#),
                both(None, Some("made")),
            ),
            (("/topics/{topic}", ""), ("/v3", ""), both(None, None)),
            (("/", ""), ("/", ""), both(None, None)),
        ] {
            assert_eq!(
                names(&request(case.0, case.1), &request(recorded.0, recorded.1)),
                expected,
                "{case:?}"
            );
        }
    }

    #[test]
    fn a_corpus_tells_its_topic_and_its_time() {
        let row = |id: &str, path: &str, timestamp: i64| {
            let text = format!(
                r#"{{"id":"{id}","request":{{"method":"GET","path":"{path}"}},"response":null,
                "landed":[{{"topic":"t","partition":0,"offset":0,"key_b64":null,"timestamp":{timestamp},
                "timestamp_type":"CreateTime"}}]}}"#
            );
            serde_json::from_str::<Recording>(&text).unwrap()
        };
        let day = 24 * 60 * 60 * 1000;
        let rows = [
            row("a", "/topics/p1", 9 * day),
            row("b", "/topics/p1", 10 * day),
            row("c", "/topics/z", 99 * day),
        ];
        let corpus = CorpusTraits::of(&rows);
        assert_eq!(corpus, CorpusTraits { topic: "p1".into(), between: (10 * day - SPAN, 10 * day + SPAN) });
        assert_eq!(CorpusTraits::of(&[]).topic, "");
    }
}
