//! In what an exchange is not as expected.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use super::catalogue::{AnswerPattern, Expect, HeaderPattern, Like};
use super::landed::{LandedPattern, compare, listed, shown};
use super::pattern::{Names, body};
use super::positions::of_another;
use crate::conform::golden::{GoldenRecord, GoldenResponse, positions, unpacked};

/// An exchange as it went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// Why nothing can be told of it, for instance that the proxy could not be reached, or that what came is no HTTP.
    pub broken: Option<&'a str>,
    /// The answers in their order; none: there was none.
    pub answers: &'a [GoldenResponse],
    /// Whether more answers came than these, which nobody kept.
    pub more: bool,
    /// Whether the proxy closed the connection; `None`: nobody looked.
    pub closed: Option<bool>,
    /// What landed, in whatever topic; `None`: nobody could look.
    pub landed: Option<&'a [GoldenRecord]>,
    /// Whether that is only the beginning of what landed.
    pub landed_truncated: bool,
    /// How many records landed then, where that is known.
    pub landed_count: Option<u64>,
    /// The name of the case's topic.
    pub topic: &'a str,
    /// The name that stands for `{topic}-absent`; `None`: that one.
    pub absent: Option<&'a str>,
    /// The topic in which records must land, which is the case's or the absent one; `None`: the case's.
    pub own: Option<&'a str>,
    /// Whether the request's path names that topic, and no other.
    pub names_topic: bool,
    /// Names that the answer to the request before tells, for instance `value_schema_id`.
    pub told: &'a [(&'static str, String)],
    /// The cluster's id.
    pub cluster: &'a str,
    /// Between when it was sent and answered, with a margin, in milliseconds since 1970.
    pub between: (i64, i64),
}

/// The field of a mismatch: there is no answer.
pub(super) const ANSWER: &str = "answer";
/// The field of a mismatch: there are more answers, or fewer.
const ANSWERS: &str = "answers";
/// The field of a mismatch: other records landed, or elsewhere.
const LANDED: &str = "landed";
/// The field of a mismatch: nothing landed where the answer says.
pub(super) const OFFSETS: &str = "offsets";

/// Something that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What: `answer`, `status`, `header:NAME`, `body…`, `answers…`, `closes`, `landed…` or `offsets`.
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

/// In what an exchange is not as expected.
#[must_use]
pub fn mismatches(expect: &Expect, seen: &Seen<'_>) -> Vec<Mismatch> {
    if let Some(reason) = seen.broken {
        let is_none = expect.answers.as_ref().is_some_and(Vec::is_empty);
        let expected = if is_none { "no answer on an open connection" } else { "an answer" };
        return vec![Mismatch::new(ANSWER, expected, reason)];
    }
    let bodies: Vec<Vec<u8>> = seen
        .answers
        .iter()
        .map(|answer| unpacked(answer, answer.body().ok().flatten().unwrap_or_default()))
        .collect();
    let reply = bodies.iter().rev().find_map(|body| first_document(body));
    let names = Names {
        topic: seen.topic,
        absent: seen.absent,
        cluster: seen.cluster,
        told: seen.told,
        reply: reply.as_ref(),
    };
    let mut found = Vec::new();
    let all = || seen.answers.iter().zip(&bodies);
    let is_final = |(answer, _): &(&GoldenResponse, &Vec<u8>)| answer.status >= 200;
    let told = |answers: usize| {
        let statuses = seen.answers.iter().map(|answer| answer.status.to_string());
        let seen = format!("{} answers: {}", seen.answers.len(), statuses.collect::<Vec<_>>().join(", "));
        let wanted = if answers == 1 { "1 answer".to_owned() } else { format!("{answers} answers") };
        Mismatch::new(ANSWERS, wanted, seen)
    };
    match (&expect.answers, all().find(is_final).or(all().next())) {
        (Some(patterns), _) if patterns.is_empty() && seen.answers.is_empty() => {}
        (_, None) => return vec![Mismatch::new(ANSWER, "an answer", "none")],
        // Interim ones before it are passed over.
        (None, Some(_)) if all().filter(is_final).count() > 1 => found.push(told(1)),
        (None, Some((answer, body))) => {
            let one = AnswerPattern {
                status: expect.status.clone(),
                headers: expect.headers.clone(),
                body: expect.body.clone(),
            };
            found.extend(of_an_answer(&one, answer, body, &names));
        }
        (Some(patterns), Some(_))
            if patterns.len() != seen.answers.len()
                && !(seen.more && patterns.len() > seen.answers.len()) =>
        {
            found.push(told(patterns.len()));
        }
        (Some(patterns), Some(_)) => {
            for (index, ((pattern, answer), body)) in
                patterns.iter().zip(seen.answers).zip(&bodies).enumerate()
            {
                let own = of_an_answer(pattern, answer, body, &names).into_iter();
                found.extend(own.map(|mismatch| Mismatch {
                    field: format!("{ANSWERS}:{index}:{}", mismatch.field),
                    ..mismatch
                }));
            }
        }
    }
    // Who closes the connection instead of giving no answer has given up, where nothing else is said.
    let keeps = expect.answers.as_ref().filter(|patterns| patterns.is_empty()).map(|_| false);
    if let (Some(closes), Some(closed)) = (expect.closes.or(keeps), seen.closed)
        && closes != closed
    {
        let told = |closed| if closed { "the connection is closed" } else { "the connection stays open" };
        found.push(Mismatch::new("closes", told(closes), told(closed)));
    }
    if let Some(landed) = seen.landed {
        found.extend(of_what_landed(expect, seen, &bodies, &names, landed));
    }
    found
}

/// In what records that landed are not as expected, of which the answers speak.
fn of_what_landed(
    expect: &Expect,
    seen: &Seen<'_>,
    bodies: &[Vec<u8>],
    names: &Names<'_>,
    landed: &[GoldenRecord],
) -> Vec<Mismatch> {
    let topic = seen.own.unwrap_or(seen.topic);
    let (landed, elsewhere): (Vec<GoldenRecord>, Vec<GoldenRecord>) =
        landed.iter().cloned().partition(|record| record.topic == topic);
    let mut found = Vec::new();
    if !elsewhere.is_empty() {
        let expected = format!("records in {topic} alone");
        let each = elsewhere.iter().map(|record| format!("{} in {}", shown(record), record.topic));
        found.push(Mismatch::new(LANDED, expected, listed(each)));
    }
    let patterns = expect.landed.as_deref();
    let begins = seen.landed_truncated;
    match patterns {
        Some(patterns) if begins => {
            found.extend(compare(&of_those(patterns, &landed), seen.between, names, &landed));
            if let Some(count) = seen.landed_count.filter(|count| *count != patterns.len() as u64) {
                let expected = format!("{} records", patterns.len());
                found.push(Mismatch::new(LANDED, expected, format!("{count} records")));
            }
        }
        Some(patterns) => found.extend(compare(patterns, seen.between, names, &landed)),
        None => {}
    }
    if seen.names_topic && !begins {
        found.extend(acked_elsewhere(bodies, &landed));
        found.extend(of_another(patterns.unwrap_or_default(), bodies, seen.between, names, &landed));
    }
    found
}

/// Of many records' patterns those of the records that were kept, by how far each stands behind the first.
fn of_those(patterns: &[LandedPattern], kept: &[GoldenRecord]) -> Vec<LandedPattern> {
    let mut first: BTreeMap<i32, i64> = BTreeMap::new();
    for GoldenRecord { partition, offset, .. } in kept {
        first.entry(*partition).and_modify(|least| *least = (*least).min(*offset)).or_insert(*offset);
    }
    let number = |record: &GoldenRecord| {
        let behind = record.offset.saturating_sub(*first.get(&record.partition)?);
        usize::try_from(behind).ok()
    };
    kept.iter().filter_map(|record| patterns.get(number(record)?)).cloned().collect()
}

/// Whether not all of an answer's body was kept.
pub(super) fn is_elided(answer: &GoldenResponse) -> bool {
    answer.body_head.is_some() && answer.body.is_none() && answer.body_b64.is_none()
}

/// In what one answer is not as expected. Of a body that was not kept whole nothing is said.
fn of_an_answer(
    pattern: &AnswerPattern,
    answer: &GoldenResponse,
    bytes: &[u8],
    names: &Names<'_>,
) -> Vec<Mismatch> {
    let mut found = Vec::new();
    if let Some(statuses) = pattern.status.as_ref().filter(|statuses| !statuses.has(answer.status)) {
        found.push(Mismatch::new("status", statuses.in_words(), answer.status.to_string()));
    }
    for (name, expected) in &pattern.headers {
        let values: Vec<&str> = answer.header(name).collect();
        let told = || if values.is_empty() { "absent".to_owned() } else { values.join(" | ") };
        let (fitting, expected) = match expected {
            None => (values.is_empty(), "absent".to_owned()),
            Some(HeaderPattern::Text(any)) if any == "$any" => (!values.is_empty(), any.clone()),
            Some(HeaderPattern::Text(value)) => (values == [names.filled(value)], value.clone()),
            Some(HeaderPattern::Like(Like { expression })) => {
                let filled = names.filled(expression);
                let matches = |value: &str| Regex::new(&filled).is_ok_and(|regex| regex.is_match(value));
                (matches!(values.as_slice(), [value] if matches(value)), format!("like {filled}"))
            }
        };
        if !fitting {
            found.push(Mismatch::new(format!("header:{name}"), expected, told()));
        }
    }
    if let Some(pattern) = pattern.body.as_ref().filter(|_| !is_elided(answer)) {
        found.extend(body(pattern, bytes, names));
    }
    found
}

/// The first JSON document of a body.
fn first_document(body: &[u8]) -> Option<Value> {
    serde_json::Deserializer::from_slice(body).into_iter().next()?.ok()
}

/// Positions that the answers name and at which nothing landed.
fn acked_elsewhere(bodies: &[Vec<u8>], landed: &[GoldenRecord]) -> Option<Mismatch> {
    let mut acked = BTreeSet::new();
    for body in bodies {
        let documents = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
        documents.map_while(Result::ok).for_each(|document| positions(&document, &mut acked));
    }
    let stands: BTreeSet<(i64, i64)> =
        landed.iter().map(|record| (i64::from(record.partition), record.offset)).collect();
    let told = |positions: Vec<&(i64, i64)>| {
        listed(positions.iter().map(|(partition, offset)| format!("{partition}:{offset}")))
    };
    let nowhere: Vec<_> = acked.difference(&stands).collect();
    (!nowhere.is_empty()).then(|| {
        Mismatch::new(
            OFFSETS,
            format!("records at the positions answered: {}", told(nowhere)),
            format!("records at: {}", told(stands.iter().collect())),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_answers_are_looked_at_in_their_order_and_whether_the_connection_ends() {
        let answer = |status: u16, body: &str| GoldenResponse {
            status,
            body: Some(body.into()),
            ..GoldenResponse::default()
        };
        let (go_on, fine) = (answer(100, ""), answer(200, "{}"));
        let told = |expect: &str, answers: &[GoldenResponse], closed: Option<bool>, more: bool| {
            let expect: Expect = serde_json::from_str(expect).unwrap();
            let seen = Seen {
                answers,
                more,
                closed,
                topic: "t",
                names_topic: true,
                cluster: "c",
                ..Seen::default()
            };
            mismatches(&expect, &seen).into_iter().map(|mismatch| mismatch.field).collect::<Vec<_>>()
        };
        let both = r#"{"answers":[{"status":100},{"status":200,"body":{}}],"closes":true}"#;
        let none: [&str; 0] = [];
        for (expect, answers, closed, expected) in [
            (both, &[go_on.clone(), fine.clone()][..], Some(true), &none[..]),
            (both, &[go_on.clone(), fine.clone()], None, &none),
            (both, &[go_on.clone(), fine.clone()], Some(false), &["closes"]),
            (
                both,
                &[fine.clone(), go_on.clone()],
                None,
                &["answers:0:status", "answers:1:status", "answers:1:body"],
            ),
            (both, std::slice::from_ref(&go_on), None, &["answers"]),
            (both, &[], None, &["answer"]),
            (r#"{"answers":[]}"#, &[], None, &none),
            (r#"{"answers":[]}"#, &[], Some(false), &none),
            (r#"{"answers":[]}"#, &[], Some(true), &["closes"]),
            (r#"{"answers":[],"closes":true}"#, &[], Some(true), &none),
            (r#"{"answers":[]}"#, std::slice::from_ref(&fine), None, &["answers"]),
            // One answer is the one that is not interim.
            (r#"{"status":200,"closes":false}"#, &[go_on.clone(), fine.clone()], Some(false), &none),
            (r#"{"status":200}"#, std::slice::from_ref(&go_on), None, &["status"]),
            (r#"{"status":200}"#, &[fine.clone(), fine.clone()], None, &["answers"]),
        ] {
            assert_eq!(told(expect, answers, closed, false), expected, "{expect} {answers:?}");
        }
        // Where more came than was kept, what was kept is looked at.
        assert_eq!(told(both, std::slice::from_ref(&go_on), None, true), none);
        assert_eq!(told(both, std::slice::from_ref(&fine), None, true), ["answers:0:status"]);
        assert_eq!(told(r#"{"answers":[{}]}"#, &[go_on, fine], None, true), ["answers"]);
    }

    #[test]
    fn header_fields_are_there_or_not_and_alike() {
        let answer = GoldenResponse {
            status: 201,
            headers: vec![("Location".into(), "http://h/topics/t".into()), ("A".into(), "b".into())],
            ..GoldenResponse::default()
        };
        let names = Names { topic: "t", cluster: "c", ..Names::default() };
        for (headers, fits) in [
            (r#"{"location":{"$matches":"/topics/{topic}$"}}"#, true),
            (r#"{"location":{"$matches":"/topics/{cluster}$"}}"#, false),
            (r#"{"B":{"$matches":""}}"#, false),
            (r#"{"A":"$any","B":null}"#, true),
            (r#"{"A":null}"#, false),
            (r#"{"B":"$any"}"#, false),
            (r#"{"A":"b"}"#, true),
            (r#"{"A":"c"}"#, false),
        ] {
            let pattern: AnswerPattern = serde_json::from_str(&format!("{{\"headers\":{headers}}}")).unwrap();
            assert_eq!(of_an_answer(&pattern, &answer, b"", &names).is_empty(), fits, "{headers}");
        }
    }

    #[test]
    fn an_exchange_of_which_nothing_can_be_told_is_never_as_expected() {
        for expect in [r#"{"answers":[]}"#, r#"{"answers":[],"closes":true}"#, r#"{"status":200}"#, "{}"] {
            let expect: Expect = serde_json::from_str(expect).unwrap();
            let seen = Seen { broken: Some("cannot connect"), topic: "t", ..Seen::default() };
            let found = mismatches(&expect, &seen);
            let [Mismatch { field, seen, .. }] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!((field.as_str(), seen.as_str()), (ANSWER, "cannot connect"), "{expect:?}");
        }
    }

    fn record(topic: &str, offset: i64, value_b64: &str) -> GoldenRecord {
        GoldenRecord {
            topic: topic.into(),
            offset,
            value_b64: Some(value_b64.into()),
            timestamp_type: "CreateTime".into(),
            ..GoldenRecord::default()
        }
    }

    #[test]
    fn records_land_in_the_topic_of_the_case_alone_or_in_the_absent_one_where_the_path_names_it() {
        let answer = GoldenResponse {
            status: 200,
            body: Some(r#"{"offsets":[{"partition":0,"offset":4}]}"#.into()),
            ..GoldenResponse::default()
        };
        let expect: Expect = serde_json::from_str(r#"{"status":200,"landed":[{"value":"v"}]}"#).unwrap();
        let fields = |own: Option<&str>, landed: &[GoldenRecord]| {
            let seen = Seen {
                answers: std::slice::from_ref(&answer),
                landed: Some(landed),
                topic: "t",
                own,
                names_topic: true,
                ..Seen::default()
            };
            mismatches(&expect, &seen).into_iter().map(|mismatch| mismatch.field).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(fields(None, &[record("t", 4, "dg==")]), none);
        assert_eq!(fields(None, &[record("t", 4, "dg=="), record("other", 0, "dg==")]), ["landed"]);
        assert_eq!(fields(None, &[record("t-absent", 4, "dg==")]), ["landed", "landed", "offsets"]);
        let absent = Some("t-absent");
        assert_eq!(fields(absent, &[record("t-absent", 4, "dg==")]), none);
        assert_eq!(fields(absent, &[record("t-absent", 4, "eA==")]), ["landed:0:value"]);
        assert_eq!(fields(absent, &[record("t-absent", 5, "dg==")]), ["offsets"]);
        assert_eq!(fields(absent, &[]), ["landed", "offsets"]);
    }

    #[test]
    fn ids_that_the_request_before_told_are_held_against_answer_and_frame() {
        let body = |id: u8| format!("{{\"value_schema_id\":{id}}}");
        let answer =
            |id: u8| GoldenResponse { status: 200, body: Some(body(id)), ..GoldenResponse::default() };
        let expect: Expect = serde_json::from_str(
            r#"{"body":{"value_schema_id":"{value_schema_id}"},
            "landed":[{"value":{"framed":{"id":"{value_schema_id}","payload":""}}}]}"#,
        )
        .unwrap();
        let fields = |told: &[(&'static str, String)], answered: u8, framed: &str| {
            let seen = Seen {
                answers: &[answer(answered)],
                landed: Some(&[record("t", 0, framed)]),
                topic: "t",
                told,
                ..Seen::default()
            };
            mismatches(&expect, &seen).into_iter().map(|mismatch| mismatch.field).collect::<Vec<_>>()
        };
        let told = [("value_schema_id", "7".to_owned())];
        let (seven, eight) = ("AAAAAAc=", "AAAAAAg=");
        let none: [&str; 0] = [];
        assert_eq!(fields(&told, 7, seven), none);
        assert_eq!(fields(&told, 8, seven), ["body:/value_schema_id"]);
        assert_eq!(fields(&told, 7, eight), ["landed:0:value"]);
        assert_eq!(fields(&told, 8, eight), ["body:/value_schema_id", "landed:0:value"]);
        assert_eq!(fields(&[], 7, seven), ["body:/value_schema_id", "landed:0:value"]);
    }
}
