//! The authorizers: the embedded one, of which the authentication suite must find nothing, and each mistake that it can be
//! told to make, which a case must find that says so.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::watch;

use super::SelftestError;
use super::row::{alarms, is_bad, row};
use crate::app::conform::{ConformError, Outcomes, SCENARIO, each_flaw};
use crate::app::run::Interrupt;
use crate::judge::selftest::Detector;
use crate::result::{CaseReport, Row, RowOutcome, Seen};
use crate::scenario::{self, Flaw, Unreadable};

/// How many paths there are at once. Most of the time a suite waits, for tokens to end and for keys to be asked for again.
const PATHS: usize = 3;

/// Tries the embedded authorizer as it is, and with each of `flaws`, some at once; tells `each` row, in this order, as soon as
/// it is there.
///
/// # Errors
/// [`SelftestError`], where a signal came.
pub(super) async fn rows(
    flaws: &[Flaw],
    logs: &Path,
    interrupt: &watch::Receiver<Option<Interrupt>>,
    each: impl FnMut(Row),
) -> Result<(), SelftestError> {
    let told = RefCell::new(InOrder { each, waiting: BTreeMap::new(), next: 0 });
    let scenario = scenario::parse(SCENARIO, Path::new("authentication.yaml"), &[], &|_| {
        Err(Unreadable { line: 0, column: 0, message: "the scenario that ships extends nothing".into() })
    });
    let scenario = match scenario {
        Ok(scenario) => scenario,
        Err(error) => {
            told.borrow_mut().tell(0, broken("as it should be", error.to_string()));
            return Ok(());
        }
    };
    let flaws: Vec<Option<Flaw>> = std::iter::once(None).chain(flaws.iter().copied().map(Some)).collect();
    let tried = (0..PATHS.min(flaws.len())).map(|path| {
        let own: Vec<Option<Flaw>> = flaws.iter().copied().skip(path).step_by(PATHS).collect();
        let (scenario, told) = (&scenario, &told);
        async move {
            let mut place = path;
            let row = |flaw, outcomes: Outcomes, took| {
                let row = match flaw {
                    None => healthy(&outcomes, took),
                    Some(flaw) => weak(flaw, &outcomes, took),
                };
                told.borrow_mut().tell(place, row);
                place += PATHS;
            };
            Box::pin(each_flaw(scenario, logs, &own, interrupt, row)).await
        }
    });
    match try_join_all(tried).await {
        Ok(_) => Ok(()),
        Err(ConformError::Interrupted(signal)) => Err(SelftestError::Interrupted(signal)),
        Err(error) => {
            told.into_inner().end(broken("the authentication suite", error.to_string()));
            Ok(())
        }
    }
}

/// Rows that come in any order, told by their places.
struct InOrder<F> {
    each: F,
    waiting: BTreeMap<usize, Row>,
    next: usize,
}

impl<F: FnMut(Row)> InOrder<F> {
    fn tell(&mut self, place: usize, row: Row) {
        self.waiting.insert(place, row);
        while let Some(row) = self.waiting.remove(&self.next) {
            (self.each)(row);
            self.next += 1;
        }
    }

    /// Tells what is there, and `row` in place of what is not.
    fn end(mut self, row: Row) {
        self.waiting.into_values().for_each(&mut self.each);
        (self.each)(row);
    }
}

fn broken(name: &str, reason: String) -> Row {
    let outcome = RowOutcome::Broken;
    Row { outcome, reasons: vec![reason], ..row(name, Some("authorizer"), Duration::ZERO) }
}

/// Of the authorizer as it should be, no case may find anything, and each must have been tried.
fn healthy(outcomes: &Outcomes, took: Duration) -> Row {
    let mut reasons = alarms(&outcomes.cases);
    reasons.extend(outcomes.unread.iter().map(|why| format!("the topics could not be read: {why}")));
    reasons.extend(outcomes.spoilt.clone());
    let outcome = if reasons.is_empty() { RowOutcome::Quiet } else { RowOutcome::FalseAlarm };
    Row { outcome, reasons, ..row("authorizer as it should be", None, took) }
}

/// A mistake is found by a case that says it finds it. One that explains refusals is found by any that expects 401.
fn weak(flaw: Flaw, outcomes: &Outcomes, took: Duration) -> Row {
    let bad: Vec<&CaseReport> = outcomes.cases.iter().filter(|case| is_bad(case)).collect();
    let name = flaw.name();
    let says_so = |case: &&CaseReport| case.shows.iter().any(|shown| shown == name);
    let named = match flaw {
        Flaw::ExplainsRefusals => !bad.is_empty(),
        _ => bad.iter().any(says_so),
    };
    let count = bad.len() as u64;
    let seen = Seen {
        detector: Detector::AuthCases.name().to_owned(),
        count,
        wanted: "more than 0".to_owned(),
        right: named,
    };
    let outcome = if named { RowOutcome::Found } else { RowOutcome::Missed };
    let reasons = match (named, bad.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => vec!["no case is other than it should be".to_owned()],
        (false, false) => {
            let others = bad.iter().map(|case| case.id.as_str()).collect::<Vec<_>>().join(", ");
            vec![format!("no case that says it finds this is other than it should be, only {others}")]
        }
    };
    Row { injected: 1, seen: vec![seen], outcome, reasons, ..row(name, Some("authorizer"), took) }
}
