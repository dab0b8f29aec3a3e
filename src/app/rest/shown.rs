//! Cases as reports and terminals show them.

use std::fmt::Write as _;

use super::error::RestError;
use super::suite::{Outcome, Tried, filled};
use super::{procedures, selected};
use crate::conform::golden::unpacked;
use crate::conform::rest::{
    Assessment, Came, ProcedureCase, Requirement, RestCase, Sending, Standard, Standing, catalogue,
    expectation, shows,
};
use crate::result::{CaseOutcome, CaseReport, Exchange};
use crate::stats::micros;

/// Characters of a body that are shown.
const EXCERPT: usize = 600;

/// What is reported of a case.
pub(super) fn report(
    requirement: &Requirement,
    case: &RestCase,
    outcome: &Outcome,
    standard: Standard<'_>,
    url: &str,
) -> CaseReport {
    let mut report = untried(&case.id, requirement);
    let tried = match outcome {
        Outcome::Untried(reason) => {
            report.notes.push(reason.clone());
            return report;
        }
        Outcome::Missing(missing) => {
            report.missing.clone_from(missing);
            return report;
        }
        Outcome::Tried(tried) => tried,
    };
    report.outcome = tried.assessment.outcome;
    report.elapsed_us = micros(tried.took);
    tell(&mut report, &tried.assessment);
    if report.outcome != CaseOutcome::Passed {
        report.notes.push(curl(tried, url));
    }
    report.exchanges.push(exchange(case, tried, standard));
    report
}

/// What is reported of a case that takes a procedure.
pub(super) fn report_procedure(
    requirement: &Requirement,
    case: &ProcedureCase,
    outcome: &procedures::Outcome,
    cluster: &str,
) -> CaseReport {
    let mut report = untried(&case.id, requirement);
    let tried = match outcome {
        procedures::Outcome::Untried(reason) => {
            report.notes.push(reason.clone());
            return report;
        }
        procedures::Outcome::Missing(missing) => {
            report.missing.clone_from(missing);
            return report;
        }
        procedures::Outcome::Tried(tried) => tried,
    };
    report.outcome = tried.assessment.outcome;
    report.elapsed_us = micros(tried.took);
    tell(&mut report, &tried.assessment);
    report.notes.push(format!("procedure: {}", case.procedure.words()));
    let landed = |sending: &Sending| {
        let landed = tried.account.landed.as_ref()?;
        Some(landed.get(&sending.topic).map_or(0, Vec::len) as u64)
    };
    report.exchanges =
        tried.account.sendings.iter().map(|sending| exchange_of(sending, cluster, landed(sending))).collect();
    report
}

/// A request of a procedure. How many records landed is told of its topic.
fn exchange_of(sending: &Sending, cluster: &str, landed: Option<u64>) -> Exchange {
    let sent = Sending::request(&sending.topic, cluster, sending.format, &sending.entries);
    let mut request = vec![format!("{} {} HTTP/1.1", sent.method, sent.path)];
    request.extend(sent.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    request.extend([String::new(), cut(&sent.body.unwrap_or_default())]);
    let expected = match sending.came {
        Came::Answer(_) | Came::Nothing(_) => "200",
        Came::Unread | Came::InDoubt(_) => "any answer",
    };
    let answer = sending.came.answer();
    let words = match &sending.came {
        Came::Nothing(reason) | Came::InDoubt(Err(reason)) => reason.clone(),
        Came::Unread => "not waited for".to_owned(),
        Came::Answer(answer) | Came::InDoubt(Ok(answer)) => answer.status.to_string(),
    };
    Exchange {
        what: sending.what.clone(),
        expected: expected.to_owned(),
        request,
        answer: words,
        status: answer.map(|answer| answer.status),
        excerpt: answer.and_then(|answer| answer.body.as_deref()).map(cut).unwrap_or_default(),
        landed,
        took_us: micros(sending.took),
    }
}

/// How many requests a procedure has sent.
pub(super) fn requests(outcome: &procedures::Outcome) -> u64 {
    match outcome {
        procedures::Outcome::Tried(tried) => {
            (tried.account.sendings.len() + tried.account.looks.len()) as u64
        }
        _ => 0,
    }
}

/// The report of a case that has not been tried.
fn untried(id: &str, requirement: &Requirement) -> CaseReport {
    CaseReport {
        id: id.to_owned(),
        title: requirement.area.clone(),
        what: requirement.statement.clone(),
        level: requirement.level.name().to_owned(),
        sources: vec![requirement.source.clone()],
        outcome: CaseOutcome::NotRun,
        missing: Vec::new(),
        reasons: Vec::new(),
        notes: Vec::new(),
        shows: shows(id).into_iter().map(str::to_owned).collect(),
        exchanges: Vec::new(),
        elapsed_us: 0,
    }
}

/// What an assessment says: reasons where the case is not as it must be, else notes.
fn tell(report: &mut CaseReport, assessment: &Assessment) {
    report.notes.clone_from(&assessment.notes);
    let differing = assessment.mismatches.iter().map(|mismatch| {
        format!("{}: expected {}, seen {}", mismatch.field, mismatch.expected, mismatch.seen)
    });
    if report.outcome == CaseOutcome::Passed {
        report.notes.extend(differing);
    } else {
        report.reasons.extend(differing);
        if report.reasons.is_empty() {
            report.reasons.append(&mut report.notes);
        }
    }
}

fn exchange(case: &RestCase, tried: &Tried, standard: Standard<'_>) -> Exchange {
    let (expect, _) = expectation(case, standard);
    let expected = expect.status.map_or_else(|| "any answer".to_owned(), |statuses| statuses.in_words());
    let mut request = vec![format!("{} {} HTTP/1.1", tried.request.method, tried.request.path)];
    request.extend(tried.request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if let Ok(Some(body)) = tried.request.body() {
        request.push(String::new());
        request.push(cut(&String::from_utf8_lossy(&body)));
    }
    let (answer, status, excerpt) = match &tried.answer {
        Ok(answer) => {
            let body = unpacked(answer, answer.body().ok().flatten().unwrap_or_default());
            (format!("{}", answer.status), Some(answer.status), cut(&String::from_utf8_lossy(&body)))
        }
        Err(reason) => (reason.clone(), None, String::new()),
    };
    Exchange {
        what: case.id.clone(),
        expected,
        request,
        answer,
        status,
        excerpt,
        landed: tried.landed.as_ref().map(|landed| landed.len() as u64),
        took_us: micros(tried.took),
    }
}

/// A command that repeats the request.
fn curl(tried: &Tried, url: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut line =
        format!("curl -i -X {} {}", tried.request.method, quoted(&format!("{url}{}", tried.request.path)));
    for (name, value) in &tried.request.headers {
        let _ = write!(line, " -H {}", quoted(&format!("{name}: {value}")));
    }
    if let Ok(Some(body)) = tried.request.body() {
        match String::from_utf8(body) {
            Ok(text) if text.chars().count() <= EXCERPT => {
                let _ = write!(line, " --data-binary {}", quoted(&text));
            }
            _ => line
                .push_str(" --data-binary @BODY (the body is long or no text; it stands in the case's file)"),
        }
    }
    line
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The requirements and what stands for each, a line each; of those whose ids, or whose cases' ids, contain one of `only`.
///
/// # Errors
/// [`RestError::Catalogue`].
pub fn listed(only: &[String]) -> Result<String, RestError> {
    let chosen = |id: &str| only.is_empty() || only.iter().any(|part| id.contains(part));
    let (mut text, mut counts) = (String::new(), [0_usize; 4]);
    for requirement in catalogue()? {
        let Requirement { id, area, level, statement, standing, .. } = &requirement;
        let mut line = |id: &str, standing: &str| {
            let _ = writeln!(text, "{:<6}  {area:<16}  {id:<64}  {standing}", level.name());
        };
        match standing {
            Standing::Cases(cases) => {
                let ids = cases.iter().map(|case| &case.id);
                let ids = ids.chain(requirement.procedures.iter().map(|case| &case.id));
                let own: Vec<&String> = ids.filter(|id| chosen(id)).collect();
                counts[0] += usize::from(!own.is_empty());
                counts[1] += own.len();
                for id in own {
                    line(id, statement);
                }
            }
            Standing::Later(later) if chosen(id) => {
                counts[2] += 1;
                line(&format!("rest/{id}"), &format!("later: {}", later.name()));
            }
            Standing::NotTestable(reason) if chosen(id) => {
                counts[3] += 1;
                line(&format!("rest/{id}"), &format!("not testable: {reason}"));
            }
            Standing::Later(_) | Standing::NotTestable(_) => {}
        }
    }
    let [requirements, cases, later, not_testable] = counts;
    let _ = writeln!(
        text,
        "{} requirements: {requirements} with {cases} cases, {later} later, {not_testable} not testable",
        requirements + later + not_testable
    );
    Ok(text)
}

/// The requests that would be sent, with placeholders for what is known only then.
///
/// # Errors
/// [`RestError`], where no case is meant.
pub fn dry(only: &[String]) -> Result<String, RestError> {
    let mut text = String::new();
    let (cases, procedures) = selected(only)?;
    for (_, case) in cases {
        let request = filled(&case, "TOPIC", "CLUSTER");
        let _ = writeln!(text, "# {}\n{} {}", case.id, request.method, request.path);
        for (name, value) in &request.headers {
            let _ = writeln!(text, "{name}: {value}");
        }
        if let Ok(Some(body)) = request.body() {
            let _ = writeln!(text, "\n{}", cut(&String::from_utf8_lossy(&body)));
        }
        text.push('\n');
    }
    for (_, case) in procedures {
        let _ = writeln!(text, "# {}\n{}\n", case.id, case.procedure.words());
    }
    Ok(text)
}
