//! Recordings judged as data: nothing is sent. What a case expects of its own fresh topic is held against the topic that the
//! recorded request names.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822;
use regex::Regex;

use super::catalogue::{Evidence, Expect, Requirement, RestCase};
use super::evaluate::{Assessment, Standard, assess, expectation};
use super::exchange::{Seen, is_elided};
use super::pattern::{ABSENT, HOST, TOLD};
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
    /// Whether it is as is expected, in every field, by more than inference, and everything that is expected was looked at.
    pub fits: bool,
    /// What is expected and nobody looked at who recorded it.
    pub unseen: Vec<String>,
    /// The answers.
    pub answers: Vec<GoldenResponse>,
    /// What landed; `None`: nobody looked, or not all of it was kept.
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
    // Where a case asks for the topic that is not there, or for none that it has a word for, records land in that one or nowhere.
    let lands = own.absent.as_deref().or(own.topic.as_deref()).or(named.as_deref()).unwrap_or(topic);
    let answers: Vec<GoldenResponse> = recording.answers().into_iter().cloned().collect();
    let landed = recording
        .landed
        .as_ref()
        .map(|landed| landed.iter().cloned().map(in_kafkas_words).collect::<Vec<_>>());
    let date = answers.iter().rev().find_map(|answer| {
        let date = rfc2822::parse(answer.header("Date").next()?).ok()?.timestamp().as_millisecond();
        Some((date - NOW, date + NOW))
    });
    let seen = Seen {
        broken: None,
        answers: &answers,
        more: recording.has_more_answers(),
        // Who reads no further does not see the end.
        closed: recording.server_closed_connection.filter(|_| !recording.has_more_answers()),
        landed: landed.as_deref(),
        landed_truncated: recording.landed_truncated,
        landed_count: recording.landed_count,
        topic,
        absent: own.absent.as_deref(),
        own: Some(lands),
        names_topic: named.as_deref() == Some(lands),
        told: &own.told,
        cluster: &recording.setup.cluster_id,
        between: date.unwrap_or(corpus.between),
    };
    let (expect, _) = expectation(case, standard);
    let unseen = unseen(&expect, &seen, recording);
    let mut assessment = assess(case, requirement.level, standard, &seen);
    let passes = assessment.outcome == CaseOutcome::Passed && assessment.mismatches.is_empty();
    let is_inferred = expect.evidence == Some(Evidence::Inferred);
    if passes && is_inferred {
        assessment.notes.push("what is expected is inferred, so that this shows nothing".into());
    }
    assessment.notes.extend(unseen.iter().map(|what| format!("not looked at: {what}")));
    let fits = passes && !is_inferred && unseen.is_empty();
    let landed = landed.filter(|_| !recording.landed_truncated);
    Judged { assessment, fits, unseen, answers, landed }
}

/// What is expected and cannot be told of a recording.
fn unseen(expect: &Expect, seen: &Seen<'_>, recording: &Recording) -> Vec<String> {
    let mut unseen = Vec::new();
    let expected = expect.answers.as_ref().map_or(1, Vec::len);
    if seen.more {
        unseen.push(format!("answers behind the first {} of {expected}", seen.answers.len()));
    }
    let of_several = expect.answers.iter().flatten().any(|pattern| pattern.body.is_some());
    if (expect.body.is_some() || of_several) && seen.answers.iter().any(is_elided) {
        unseen.push("body, which was not kept whole".to_owned());
    }
    if expect.closes.is_some() && seen.closed.is_none() {
        unseen.push("closes".to_owned());
    }
    if let Some(patterns) = &expect.landed {
        match &recording.landed {
            None => unseen.push("landed".to_owned()),
            Some(_) if recording.landed_truncated && recording.landed_count.is_none() => {
                unseen.push(format!("landed: whether it is {} records", patterns.len()));
            }
            Some(_) => {}
        }
    }
    unseen
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
    /// Schemas' ids, which the answer to another request told.
    told: Vec<(&'static str, String)>,
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
        told: in_path.told.into_iter().chain(in_body.told).collect(),
    }
}

fn decoded(name: &str) -> String {
    percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned()
}

fn names_in(template: &str, text: &str) -> NamesInRequest {
    if !template.contains('{') {
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
    for name in TOLD {
        expression =
            expression.replacen(&regex::escape(&format!("{{{name}}}")), &format!("(?P<{name}>[0-9]+)"), 1);
    }
    for word in ["{cluster}", HOST] {
        expression = expression.replace(&regex::escape(word), "[^/]+");
    }
    let found = Regex::new(&format!("^(?s:{expression})$")).ok();
    let captures = found.as_ref().and_then(|regex| regex.captures(text));
    let named = |name| Some(captures.as_ref()?.name(name)?.as_str().to_owned());
    let told = TOLD.into_iter().filter_map(|name| Some((name, named(name)?)));
    NamesInRequest { topic: named("topic"), absent: named("absent"), told: told.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_from_where_a_case_has_words_for_them() {
        let both = |topic: Option<&str>, absent: Option<&str>| NamesInRequest {
            topic: topic.map(str::to_owned),
            absent: absent.map(str::to_owned),
            told: Vec::new(),
        };
        let told = |id: &str| NamesInRequest {
            told: vec![("value_schema_id", id.to_owned())],
            ..both(Some("p1"), None)
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
            (("http://{host}/topics/{topic}", ""), ("http://h:1/topics/p1", ""), both(Some("p1"), None)),
            (
                ("/topics/{topic}", r#"{"value_schema_id": {value_schema_id}}"#),
                ("/topics/p1", r#"{"value_schema_id": 7}"#),
                told("7"),
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

    /// Whether a recording fits, what nobody looked at, and in what it differs, by a case that expects this of a request to its
    /// topic; the commonest topic of its corpus is another.
    fn judged(path: &str, expect: &str, rest: &str) -> (bool, Vec<String>, Vec<String>) {
        let area = format!(
            "area: a\nrequirements:\n  - {{ id: r, level: MUST, api: v2, statement: s, source: s, cases: [{{ request: {{ path: \
             '{path}' }}, expect: {{ evidence: recorded, {expect} }} }}] }}\n"
        );
        let requirement = crate::conform::rest::read_area("a", &area).unwrap().remove(0);
        let crate::conform::rest::Standing::Cases(cases) = &requirement.standing else {
            panic!("it has cases")
        };
        let row: Recording = serde_json::from_str(&format!(
            r#"{{"id":"a","request":{{"method":"POST","path":"/topics/t"}},{rest}}}"#
        ))
        .unwrap();
        let standard = Standard { profile: None, version: &semver::Version::new(1, 0, 0) };
        let corpus = CorpusTraits { topic: "common".into(), between: (0, 0) };
        let judged = judge(&row, (&requirement, &cases[0]), standard, &corpus);
        let fields = judged.assessment.mismatches.into_iter().map(|mismatch| mismatch.field);
        (judged.fits, judged.unseen, fields.collect())
    }

    const ANSWERED: &str = r#""response":{"status":200,"body":"{}"}"#;

    fn landed(records: &[(&str, &str)]) -> String {
        let each = records.iter().zip(0..).map(|((topic, value), offset)| {
            let value = STANDARD.encode(value);
            format!(
                r#"{{"topic":"{topic}","partition":0,"offset":{offset},"key_b64":null,"value_b64":"{value}","timestamp":0,
                "timestamp_type":"CreateTime"}}"#
            )
        });
        format!(r#""landed":[{}]"#, each.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn what_is_expected_and_nobody_looked_at_does_not_fit() {
        let one = "status: 200, landed: [{ value: v }]";
        let two = "status: 200, landed: { count: 2, each: { value: v<i> } }";
        let is = landed(&[("t", "v")]);
        let begun = landed(&[("t", "v0")]);
        let last = begun.replace(
            "}]",
            r#"},{"topic":"t","partition":0,"offset":3,"key_b64":null,"value_b64":"djM=",
            "timestamp":0,"timestamp_type":"CreateTime"}]"#,
        );
        let four = two.replace("count: 2", "count: 4");
        let elided = r#""response":{"status":200,"body_head":"{","body_tail":"}","body_len":99},"landed":[]"#;
        let extra = r#""client_observed":"extra bytes b'HTTP/1.1 400'","landed":[]"#;
        for (expect, rest, fits, unseen, fields) in [
            (one, format!("{ANSWERED},{is}"), true, "", ""),
            (one, format!("{ANSWERED},\"landed\":null"), false, "landed", ""),
            ("status: 200", format!("{ANSWERED},\"landed\":null"), true, "", ""),
            ("status: 200, closes: true", format!("{ANSWERED},\"landed\":[]"), false, "closes", ""),
            (
                "status: 200, closes: true",
                format!("{ANSWERED},\"landed\":[],\"server_closed_connection\":true"),
                true,
                "",
                "",
            ),
            ("status: 200, body: {}", elided.to_owned(), false, "body, which was not kept whole", ""),
            ("status: 200", elided.to_owned(), true, "", ""),
            ("status: 200", format!("{ANSWERED},{extra}"), false, "answers behind the first 1 of 1", ""),
            (two, format!("{ANSWERED},{begun},\"landed_truncated\":true,\"landed_count\":2"), true, "", ""),
            (
                two,
                format!("{ANSWERED},{begun},\"landed_truncated\":true,\"landed_count\":3"),
                false,
                "",
                "landed",
            ),
            (
                two,
                format!("{ANSWERED},{is},\"landed_truncated\":true,\"landed_count\":2"),
                false,
                "",
                "landed:0:value",
            ),
            // The last ones may have been kept as well.
            (&four, format!("{ANSWERED},{last},\"landed_truncated\":true,\"landed_count\":4"), true, "", ""),
            (
                &four,
                format!(
                    "{ANSWERED},{},\"landed_truncated\":true,\"landed_count\":4",
                    last.replace("djM=", "djI=")
                ),
                false,
                "",
                "landed:1:value",
            ),
            (
                two,
                format!("{ANSWERED},{last},\"landed_truncated\":true,\"landed_count\":2"),
                false,
                "",
                "landed",
            ),
            (
                two,
                format!("{ANSWERED},{begun},\"landed_truncated\":true"),
                false,
                "landed: whether it is 2 records",
                "",
            ),
        ] {
            let told = judged("/topics/{topic}", expect, &rest);
            assert_eq!(
                (told.0, told.1.join(" "), told.2.join(" ")),
                (fits, unseen.into(), fields.into()),
                "{rest}"
            );
        }
    }

    #[test]
    fn records_of_another_topic_than_the_rows_are_too_many() {
        let one = "status: 200, landed: [{ value: v }]";
        for (path, records, fields) in [
            ("/topics/{topic}", &[("t", "v")][..], ""),
            ("/topics/{topic}", &[("t", "v"), ("other", "v")], "landed"),
            // The row's own topic counts before its corpus's commonest, also where the case has no word for it.
            ("/topics/t", &[("t", "v")], ""),
            ("/topics/t", &[("common", "v")], "landed landed"),
            ("/topics/{topic}-absent", &[("t", "v")], ""),
            ("/topics/{topic}-absent", &[("common", "v")], "landed landed"),
        ] {
            let told = judged(path, one, &format!("{ANSWERED},{}", landed(records)));
            assert_eq!((told.0, told.2.join(" ")), (fields.is_empty(), fields.into()), "{path} {records:?}");
        }
    }
}
