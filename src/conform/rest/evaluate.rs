//! Whether an exchange is as it has to be.

use semver::Version;

use super::catalogue::{Evidence, Expect, RestCase};
pub(super) use super::exchange::{ANSWER, Mismatch, OFFSETS};
use super::exchange::{Seen, mismatches};
use super::profile::{Deviation, Profile};
use crate::conform::Level;
use crate::result::CaseOutcome;

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
/// another, all of the answer is. What landed is no part of it.
fn evidence(case: &RestCase, deviation: Option<&Deviation>, field: &str) -> Option<Evidence> {
    let named = deviation.filter(|deviation| {
        let other = &deviation.expect;
        let status = other.status.is_some() && other.status != case.expect.status;
        (status && is_of_the_answer(field)) || other.names(field)
    });
    named.and_then(|deviation| deviation.expect.evidence).or(case.expect.evidence)
}

/// Whether a field, as mismatches name it, is one of an answer.
fn is_of_the_answer(field: &str) -> bool {
    let kind = field.split_once(':').map_or(field, |(kind, _)| kind);
    matches!(kind, "status" | "header" | "body" | "answers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::golden::{GoldenRecord, GoldenResponse};
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
            landed: Some(landed),
            topic: "t",
            names_topic: true,
            cluster: "c",
            ..Seen::default()
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
        assert_eq!(
            outcome(Level::Must, of_the_status, Some((500, "{}")), &[record(0, "dg==")]),
            CaseOutcome::Passed
        );
        assert_eq!(outcome(Level::Must, of_the_status, Some((404, "{}")), &wrong), CaseOutcome::Failed);
        assert_eq!(outcome(Level::Must, of_the_status, Some((500, "{}")), &[]), CaseOutcome::Failed);
        let of_all = "{ case: rest/r, expect: { evidence: inferred, status: 404, landed: [] }, reason: r }";
        assert_eq!(outcome(Level::Must, of_all, Some((404, "{}")), &wrong), CaseOutcome::Passed);
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
