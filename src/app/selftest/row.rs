//! Rows of the matrix that stand for a suite.

use std::time::Duration;

use crate::result::{CaseOutcome, CaseReport, Row, RowOutcome};

/// A row in which nothing has been seen yet.
pub(super) fn row(name: &str, box_name: Option<&str>, took: Duration) -> Row {
    Row {
        name: name.to_owned(),
        box_name: box_name.map(str::to_owned),
        run: String::new(),
        sets: Vec::new(),
        injected: 0,
        seen: Vec::new(),
        outcome: RowOutcome::Quiet,
        reasons: Vec::new(),
        elapsed_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    }
}

/// Whether a case is not as it has to be, or ought to be.
pub(super) fn is_bad(case: &CaseReport) -> bool {
    matches!(case.outcome, CaseOutcome::Failed | CaseOutcome::Warned)
}

/// A case, and what is wrong with it.
fn told(case: &CaseReport) -> String {
    format!("{}: {}", case.id, case.reasons.join("; "))
}

/// What speaks against a suite in which nothing may be found and everything must have been tried.
pub(super) fn alarms(cases: &[CaseReport]) -> Vec<String> {
    let bad = cases.iter().filter(|case| is_bad(case)).map(told);
    let untried = cases.iter().filter(|case| case.outcome == CaseOutcome::NotRun);
    bad.chain(untried.map(|case| format!("{} was not tried", case.id))).collect()
}
