//! Cases as reports and terminals show them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::RestError;
use super::filled::filled;
use super::suite::{Outcome, Tried};
use super::{procedures, selected};
use crate::conform::Level;
use crate::conform::golden::{GoldenRequest, Send, unpacked};
use crate::conform::rest::{
    AnswerPattern, Assessment, Came, ProcedureCase, Requirement, RestCase, Sending, Standard, Standing,
    Statuses, catalogue, expectation, landed_in_words, shows,
};
use crate::result::{CaseOutcome, CaseReport, Exchange};
use crate::stats::micros;

/// Characters of a body that are shown.
const EXCERPT: usize = 600;

/// A report of which nothing is known but its id.
pub(super) fn unreported(id: String) -> CaseReport {
    CaseReport {
        id,
        title: String::new(),
        what: String::new(),
        level: Level::Must.name().to_owned(),
        sources: Vec::new(),
        outcome: CaseOutcome::NotRun,
        missing: Vec::new(),
        reasons: Vec::new(),
        notes: Vec::new(),
        shows: Vec::new(),
        exchanges: Vec::new(),
        elapsed_us: 0,
    }
}

/// What is reported of a case.
pub(super) fn report(
    requirement: &Requirement,
    case: &RestCase,
    outcome: &Outcome,
    standard: Standard<'_>,
) -> CaseReport {
    let mut report = unreported_of(&case.id, requirement);
    let tried = match outcome {
        Outcome::Untried(reason) => {
            report.notes.push(reason.clone());
            return report;
        }
        Outcome::Missing(missing) => {
            report.missing.clone_from(missing);
            return report;
        }
        Outcome::Without { missing, why } => {
            report.missing.push(missing.clone());
            report.notes.push(why.clone());
            return report;
        }
        Outcome::Tried(tried) => tried,
    };
    report.outcome = tried.assessment.outcome;
    report.elapsed_us = micros(tried.took);
    tell(&mut report, &tried.assessment);
    if report.outcome != CaseOutcome::Passed {
        let landed = tried.landed.as_deref().map(|landed| format!("landed: {}", landed_in_words(landed)));
        report.notes.extend(landed);
        report.notes.extend(repeated(tried));
    }
    report.exchanges.push(exchange(case, tried, standard));
    report
}

/// What is reported of a case that takes a procedure.
pub(super) fn report_procedure(
    requirement: &Requirement,
    case: &ProcedureCase,
    outcome: &procedures::Outcome,
) -> CaseReport {
    let mut report = unreported_of(&case.id, requirement);
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
    report.exchanges = tried
        .account
        .sendings
        .iter()
        .map(|sending| exchange_of(sending, &tried.cluster, landed(sending)))
        .collect();
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

/// A report of a case of which nothing else is known.
fn unreported_of(id: &str, requirement: &Requirement) -> CaseReport {
    CaseReport {
        title: requirement.area.clone(),
        what: requirement.statement.clone(),
        level: requirement.level.name().to_owned(),
        sources: vec![requirement.source.clone()],
        shows: shows(id).into_iter().map(str::to_owned).collect(),
        ..unreported(id.to_owned())
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
    let statuses = |all: &[AnswerPattern]| {
        let each = all.iter().map(|answer| answer.status.as_ref().map_or("any".into(), Statuses::in_words));
        each.collect::<Vec<_>>().join(", ")
    };
    let expected = match (&expect.answers, &expect.status) {
        (Some(none), _) if none.is_empty() => "no answer".to_owned(),
        (Some(all), _) => statuses(all),
        (None, Some(status)) => status.in_words(),
        (None, None) => "any answer".to_owned(),
    };
    let (answer, status, excerpt) = match tried.answers.as_deref() {
        Ok([]) => ("none".to_owned(), None, String::new()),
        Ok(all @ [.., last]) => {
            let body = unpacked(last, last.body().ok().flatten().unwrap_or_default());
            let each: Vec<String> = all.iter().map(|answer| answer.status.to_string()).collect();
            (each.join(", "), Some(last.status), cut(&String::from_utf8_lossy(&body)))
        }
        Err(reason) => (reason.clone(), None, String::new()),
    };
    Exchange {
        what: case.id.clone(),
        expected,
        request: request_lines(&tried.request),
        answer,
        status,
        excerpt,
        landed: tried.landed.as_ref().map(|landed| landed.len() as u64),
        took_us: micros(tried.took),
    }
}

/// A request as it goes out, as far as people want to read it.
fn request_lines(request: &GoldenRequest) -> Vec<String> {
    let writes = to_the_letter(request);
    if !writes.is_empty() {
        let all: String = writes.iter().map(|(text, _)| text.as_str()).collect();
        return cut(&all).lines().map(str::to_owned).collect();
    }
    let version = request.http_version.as_deref().unwrap_or("HTTP/1.1");
    let mut lines = vec![format!("{} {} {version}", request.method, request.path)];
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if let Ok(Some(body)) = request.body() {
        lines.push(String::new());
        lines.push(cut(&String::from_utf8_lossy(&body)));
    }
    lines
}

/// What a request sends to the letter, with the seconds to wait before each write; nothing where it is put together.
fn to_the_letter(request: &GoldenRequest) -> Vec<(String, f64)> {
    let text = |encoded: &str| {
        let bytes = STANDARD.decode(encoded).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    match (&request.sends, &request.raw_b64) {
        (Some(sends), _) => sends.iter().map(|Send(bytes, pause)| (text(bytes), *pause)).collect(),
        (None, Some(raw)) => vec![(text(raw), 0.0)],
        (None, None) => Vec::new(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A command that repeats the request, where there is something to send it to.
fn repeated(tried: &Tried) -> Option<String> {
    let (scheme, rest) = tried.url.split_once("://")?;
    let writes = to_the_letter(&tried.request);
    if writes.is_empty() {
        return Some(curl(tried));
    }
    let each = writes.iter().map(|(text, pause)| {
        let escaped = text.replace('\\', "\\\\").replace('%', "%%").replace('\r', "\\r").replace('\n', "\\n");
        let wait = if *pause > 0.0 { format!("sleep {pause}; ") } else { String::new() };
        format!("{wait}printf {}", quoted(&escaped))
    });
    let authority = rest.split('/').next().unwrap_or_default();
    let to = match (scheme, authority.rsplit_once(':')) {
        ("https", _) => format!("openssl s_client -quiet -connect {authority}"),
        (_, Some((host, port))) => format!("nc {host} {port}"),
        (_, None) => format!("nc {authority} 80"),
    };
    Some(format!("({}) | {to}", each.collect::<Vec<_>>().join("; ")))
}

fn curl(tried: &Tried) -> String {
    let mut line = format!(
        "curl -i -X {} {}",
        tried.request.method,
        quoted(&format!("{}{}", tried.url, tried.request.path))
    );
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
    let names = [("topic", "TOPIC"), ("cluster", "CLUSTER"), ("host", "HOST")]
        .map(|(name, word)| (name, word.to_owned()));
    let (cases, procedures) = selected(only)?;
    for (_, case) in cases {
        let _ = writeln!(text, "# {}", case.id);
        for request in case.before.iter().chain([&case.request]) {
            for line in request_lines(&filled(request, &names)) {
                let _ = writeln!(text, "{line}");
            }
            text.push('\n');
        }
    }
    for (_, case) in procedures {
        let _ = writeln!(text, "# {}\n{}\n", case.id, case.procedure.words());
    }
    Ok(text)
}
