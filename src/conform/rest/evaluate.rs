//! Whether an exchange is as it has to be.

use std::collections::BTreeSet;

use regex::Regex;
use semver::Version;
use serde_json::Value;

use super::catalogue::{AnswerPattern, Evidence, Expect, HeaderPattern, Like, RestCase};
use super::landed::compare;
use super::pattern::{Names, body};
use super::positions::of_another;
use super::profile::{Deviation, Profile};
use crate::conform::Level;
use crate::conform::golden::{GoldenRecord, GoldenResponse, positions, unpacked};
use crate::result::CaseOutcome;

/// An exchange as it went.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The answers in their order; none: there was none.
    pub answers: &'a [GoldenResponse],
    /// Whether more answers came than these, which nobody kept.
    pub more: bool,
    /// Whether the proxy closed the connection; `None`: nobody looked.
    pub closed: Option<bool>,
    /// What landed in the case's topic; `None`: nobody could look.
    pub landed: Option<&'a [GoldenRecord]>,
    /// The topic's name.
    pub topic: &'a str,
    /// The name that stands for `{topic}-absent`; `None`: that one.
    pub absent: Option<&'a str>,
    /// Whether the request's path names that topic, and no other.
    pub names_topic: bool,
    /// The cluster's id.
    pub cluster: &'a str,
    /// Between when it was sent and answered, with a margin, in milliseconds since 1970.
    pub between: (i64, i64),
}

/// The field of a mismatch: there is no answer.
pub(super) const ANSWER: &str = "answer";
/// The field of a mismatch: there are more answers, or fewer.
const ANSWERS: &str = "answers";
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

/// What is expected of a case by this standard, and the deviation that it comes from, if it does.
#[must_use]
pub fn expectation<'s>(case: &RestCase, standard: Standard<'s>) -> (Expect, Option<&'s Deviation>) {
    let deviation = standard.profile.and_then(|profile| profile.deviation(case, standard.version));
    let expect = deviation
        .map_or_else(|| case.expect.clone(), |deviation| case.expect.overridden_by(&deviation.expect));
    (expect, deviation)
}

/// Judges an exchange. What is inferred is reported and fails nothing; what ought to hold (SHOULD) warns; a deviation that is
/// known is what is expected, and where it does not show the profile is out of date, which warns. That there is an answer, and
/// that records stand where it says, is never a matter of opinion.
#[must_use]
pub fn assess(case: &RestCase, level: Level, standard: Standard<'_>, seen: &Seen<'_>) -> Assessment {
    let (expect, deviation) = expectation(case, standard);
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
    let notes = deviation.map(because).into_iter().collect();
    weighed(level, found, notes, |field| evidence(case, deviation, field) == Some(Evidence::Inferred))
}

/// What mismatches come to, where what is `inferred` fails nothing.
pub(super) fn weighed(
    level: Level,
    found: Vec<Mismatch>,
    mut notes: Vec<String>,
    inferred: impl Fn(&str) -> bool,
) -> Assessment {
    let outcome = if found.is_empty() {
        CaseOutcome::Passed
    } else if found.iter().any(|mismatch| [ANSWER, OFFSETS].contains(&mismatch.field.as_str())) {
        CaseOutcome::Failed
    } else if found.iter().all(|mismatch| inferred(&mismatch.field)) {
        notes.push("what is expected is inferred, so that this fails nothing".into());
        CaseOutcome::Passed
    } else {
        match level {
            Level::May => {
                notes.push("it may be so".into());
                CaseOutcome::Passed
            }
            Level::Should => CaseOutcome::Warned,
            Level::Must => CaseOutcome::Failed,
        }
    };
    Assessment { outcome, mismatches: found, notes }
}

/// On what it rests that a field is as expected: the deviation, as far as it names the field; where it says that the status is
/// another, all of the exchange is.
fn evidence(case: &RestCase, deviation: Option<&Deviation>, field: &str) -> Option<Evidence> {
    let named = deviation.filter(|deviation| {
        let other = &deviation.expect;
        let status = other.status.is_some() && other.status != case.expect.status;
        status || other.names(field)
    });
    named.and_then(|deviation| deviation.expect.evidence).or(case.expect.evidence)
}

/// In what an exchange is not as expected.
#[must_use]
pub fn mismatches(expect: &Expect, seen: &Seen<'_>) -> Vec<Mismatch> {
    let bodies: Vec<Vec<u8>> = seen
        .answers
        .iter()
        .map(|answer| unpacked(answer, answer.body().ok().flatten().unwrap_or_default()))
        .collect();
    let reply = bodies.iter().rev().find_map(|body| first_document(body));
    let names =
        Names { topic: seen.topic, absent: seen.absent, cluster: seen.cluster, reply: reply.as_ref() };
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
    if let (Some(closes), Some(closed)) = (expect.closes, seen.closed)
        && closes != closed
    {
        let told = |closed| if closed { "the connection is closed" } else { "the connection stays open" };
        found.push(Mismatch::new("closes", told(closes), told(closed)));
    }
    if let Some(landed) = seen.landed {
        if let Some(patterns) = &expect.landed {
            found.extend(compare(patterns, seen.between, &names, landed));
        }
        if seen.names_topic {
            found.extend(acked_elsewhere(&bodies, landed));
            let patterns = expect.landed.as_deref().unwrap_or_default();
            found.extend(of_another(patterns, &bodies, seen.between, &names, landed));
        }
    }
    found
}

/// In what one answer is not as expected.
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
    if let Some(pattern) = &pattern.body {
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
        let each = positions.iter().map(|(partition, offset)| format!("{partition}:{offset}"));
        each.collect::<Vec<_>>().join(", ")
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
    use crate::conform::rest::{Standing, read_area, read_profile};

    const AREA: &str = r"
area: a
requirements:
  - id: r
    level: MAY
    api: v2
    statement: s
    source: s
    cases:
      - request: { path: '/topics/{topic}' }
        expect:
          evidence: recorded
          status: 200
          landed: [{ value: v }]
";

    fn record(offset: i64, value: &str) -> GoldenRecord {
        GoldenRecord {
            topic: "t".into(),
            offset,
            value_b64: Some(value.into()),
            timestamp_type: "CreateTime".into(),
            ..GoldenRecord::default()
        }
    }

    /// What comes of an exchange whose answer and records are these, by the profile's one deviation.
    fn outcome(
        level: Level,
        deviation: &str,
        answer: Option<(u16, &str)>,
        landed: &[GoldenRecord],
    ) -> CaseOutcome {
        let requirements = read_area("a", AREA).unwrap();
        let Standing::Cases(cases) = &requirements[0].standing else { panic!("it has cases") };
        let profile = read_profile("p", &format!("name: p\ndeviations: [{deviation}]")).unwrap();
        let answer = answer.map(|(status, body)| GoldenResponse {
            status,
            body: Some(body.into()),
            ..GoldenResponse::default()
        });
        let seen = Seen {
            answers: answer.as_slice(),
            more: false,
            closed: None,
            landed: Some(landed),
            topic: "t",
            absent: None,
            names_topic: true,
            cluster: "c",
            between: (0, 0),
        };
        let standard = Standard { profile: Some(&profile), version: &Version::new(1, 0, 0) };
        assess(&cases[0], level, standard, &seen).outcome
    }

    #[test]
    fn no_answer_and_positions_at_which_nothing_stands_fail_whatever_they_rest_on() {
        let inferred = "{ case: rest/r, expect: { evidence: inferred, status: 404 }, reason: r }";
        let acked = |offset: i64| format!("{{\"offsets\":[{{\"partition\":0,\"offset\":{offset}}}]}}");
        for deviation in ["", inferred] {
            for level in [Level::May, Level::Should, Level::Must] {
                assert_eq!(outcome(level, deviation, None, &[]), CaseOutcome::Failed);
                let elsewhere = outcome(level, deviation, Some((200, &acked(4))), &[record(5, "dg==")]);
                assert_eq!(elsewhere, CaseOutcome::Failed);
            }
        }
        assert_eq!(
            outcome(Level::Must, "", Some((200, &acked(5))), &[record(5, "dg==")]),
            CaseOutcome::Passed
        );
    }

    #[test]
    fn what_is_inferred_excuses_what_it_names() {
        let of_the_body = "{ case: rest/r, expect: { evidence: inferred, body: {} }, reason: r }";
        let wrong = [record(0, "eA==")];
        assert_eq!(
            outcome(Level::Must, of_the_body, Some((200, "[]")), &[record(0, "dg==")]),
            CaseOutcome::Warned
        );
        assert_eq!(outcome(Level::Must, of_the_body, Some((200, "{}")), &wrong), CaseOutcome::Failed);
        assert_eq!(outcome(Level::Should, "", Some((500, "{}")), &wrong), CaseOutcome::Warned);
        let of_the_status = "{ case: rest/r, expect: { evidence: inferred, status: 404 }, reason: r }";
        assert_eq!(outcome(Level::Must, of_the_status, Some((500, "{}")), &[]), CaseOutcome::Passed);
    }

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
                landed: None,
                topic: "t",
                absent: None,
                names_topic: true,
                cluster: "c",
                between: (0, 0),
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
        let names = Names { topic: "t", absent: None, cluster: "c", reply: None };
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
    fn several_answers_stand_instead_of_one_and_one_instead_of_several() {
        let read = |text: &str| serde_json::from_str::<Expect>(text).unwrap();
        let one = read(r#"{"status":200,"headers":{"A":"b"},"body":{},"landed":[]}"#);
        let none = read(r#"{"answers":[]}"#);
        let overridden = one.overridden_by(&none);
        assert_eq!(overridden, read(r#"{"answers":[],"landed":[]}"#));
        assert_eq!(
            overridden.overridden_by(&read(r#"{"status":400}"#)),
            read(r#"{"status":400,"landed":[]}"#)
        );
        let closes = read(r#"{"closes":true}"#);
        assert_eq!(one.overridden_by(&closes), Expect { closes: Some(true), ..one.clone() });
        for (expect, field, named) in
            [(&none, "answers:0:status", true), (&one, "answers", false), (&closes, "closes", true)]
        {
            assert_eq!(expect.names(field), named, "{field}");
        }
    }
}
