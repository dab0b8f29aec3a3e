//! `landfall conform rest --recorded`: recordings judged as data. Nothing is started, and nothing is sent.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::error::RestError;
use super::suite::{Outcome, Tried};
use super::{concluded, conformance, excuses, known, selected, shown};
use crate::app::conform::clear;
use crate::app::golden::{ReplayError, text_of};
use crate::app::run::random_run_id;
use crate::conform::Strictness;
use crate::conform::golden::{Recording, read_golden};
use crate::conform::rest::{CorpusTraits, Requirement, RestCase, Standard, judge};
use crate::result::{CaseOutcome, CaseReport, Conformance, Verdict};

/// What is judged, and by what.
#[derive(Debug, Clone)]
pub struct Options {
    /// The golden file.
    pub file: PathBuf,
    /// As for the suite.
    pub profile: Option<String>,
    /// Parts of the ids of cases, or of recordings, that are meant; empty: all.
    pub only: Vec<String>,
    /// How strictly cases are taken.
    pub strictness: Strictness,
    /// A file of failures that are excused.
    pub excuses: Option<PathBuf>,
    /// Where the result will be written; what an earlier suite has left there goes.
    pub folder: PathBuf,
}

/// How many recordings are as is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitting {
    /// How many.
    pub fit: usize,
    /// Of how many.
    pub of: usize,
    /// The ids of those that are not, with what is not as expected.
    pub others: Vec<(String, String)>,
}

/// Judges the recordings of a golden file by the cases that are made of them. A report is of one recording by one case; its id is
/// that of the case with that of the recording behind a `#`.
///
/// # Errors
/// [`RestError`], where there is no result.
pub fn recorded(options: &Options) -> Result<(Conformance, Fitting), RestError> {
    let (started, origin) = (Timestamp::now(), Instant::now());
    let excuses = excuses(options.excuses.as_ref())?;
    let (profile, version) = known(options.profile.as_deref())?;
    let standard = Standard { profile: profile.as_ref(), version: &version };
    let rows = read_golden(&text_of(&options.file)?)
        .map_err(|source| ReplayError::Golden { path: options.file.clone(), source })?;
    let (all, _) = selected(&[])?;
    let corpus = CorpusTraits::of(&rows);
    let meant = |id: &str| options.only.is_empty() || options.only.iter().any(|part| id.contains(part));
    let (mut cases, mut unseen) = (Vec::new(), Vec::new());
    let mut fitting = Fitting { fit: 0, of: 0, others: Vec::new() };
    for row in &rows {
        let own: Vec<_> = all.iter().filter(|(_, case)| case.recorded_as.contains(&row.id)).collect();
        if !meant(&row.id) && !own.iter().any(|(_, case)| meant(&case.id)) {
            continue;
        }
        fitting.of += 1;
        if own.is_empty() {
            let none = "no case is made of it".to_owned();
            cases.push(unjudged(row, &none));
            fitting.others.push((row.id.clone(), none));
            continue;
        }
        let mut wrong = Vec::new();
        for (requirement, case) in own {
            let Reported { report, fits, is_unseen } = judged(row, (requirement, case), standard, &corpus);
            if is_unseen {
                unseen.push(report.id.clone());
            }
            if !fits {
                let told: Vec<&str> =
                    report.reasons.iter().chain(&report.notes).map(String::as_str).collect();
                wrong.push(format!("{}: {}", case.id, told.join("; ")));
            }
            cases.push(report);
        }
        if wrong.is_empty() {
            fitting.fit += 1;
        } else {
            fitting.others.push((row.id.clone(), wrong.join("; ")));
        }
    }
    if cases.is_empty() {
        return Err(RestError::NoCase(options.only.join("`, `")));
    }
    clear(&options.folder)?;
    let mut conclusion = concluded(&mut cases, &excuses, options.strictness, None, started);
    if !unseen.is_empty() {
        conclusion.verdict = conclusion.verdict.max(Verdict::Inconclusive);
        conclusion.reasons.push(format!(
            "what is expected was not looked at when these were recorded: {}",
            unseen.join(", ")
        ));
    }
    let profile = options.profile.clone().unwrap_or_else(|| "none".to_owned());
    let target = options.file.display().to_string();
    let result = Conformance {
        banner: format!(
            "landfall judged recordings as data and sent nothing. {} of {} are as is expected of {profile}.",
            fitting.fit, fitting.of
        ),
        run: random_run_id().to_string(),
        target,
        profile,
        ..conformance(conclusion, cases, options.strictness, (started, origin))
    };
    Ok((result, fitting))
}

/// A recording that no case is made of.
fn unjudged(row: &Recording, reason: &str) -> CaseReport {
    let mut report = shown::unreported(row.id.clone());
    report.what.clone_from(&row.title);
    report.notes.push(reason.to_owned());
    report
}

/// What is reported of a recording by a case.
struct Reported {
    report: CaseReport,
    /// Whether it is as is expected.
    fits: bool,
    /// Whether nothing is wrong with it as far as it was looked, and it was not looked at all that is expected.
    is_unseen: bool,
}

fn judged(
    row: &Recording,
    (requirement, case): (&Requirement, &RestCase),
    standard: Standard<'_>,
    corpus: &CorpusTraits,
) -> Reported {
    let mut judged = judge(row, (requirement, case), standard, corpus);
    let is_unseen = !judged.unseen.is_empty() && judged.assessment.outcome == CaseOutcome::Passed;
    if is_unseen {
        judged.assessment.outcome = CaseOutcome::NotRun;
    }
    let tried = Tried {
        url: String::new(),
        request: row.request.clone(),
        answers: if judged.answers.is_empty() { Err("none was recorded".into()) } else { Ok(judged.answers) },
        landed: judged.landed,
        assessment: judged.assessment,
        took: Duration::ZERO,
    };
    let outcome = Outcome::Tried(Box::new(tried));
    let mut report = shown::report(requirement, case, &outcome, standard);
    report.id = format!("{}#{}", case.id, row.id);
    Reported { report, fits: judged.fits, is_unseen }
}
