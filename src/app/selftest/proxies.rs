//! The REST suite: of the embedded proxy as it is no case must fail, and each fault that cases say they find must be found by one
//! of them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::SelftestError;
use super::row::{alarms, is_bad, row};
use crate::app::golden::{Against, Embedded};
use crate::app::rest::{Options, RestError, TIME_SCALE, own_profile, rest};
use crate::app::run::Interrupt;
use crate::conform::Strictness;
use crate::conform::rest::{Reach, reach};
use crate::doubles::fault::Injector;
use crate::judge::selftest::Detector;
use crate::result::{CaseReport, Conformance, Row, RowOutcome, Seen};
use crate::scenario::{Fault, FaultKind, Pace};

/// How long an answer is waited for, which some faults keep back.
const LIMIT: Duration = Duration::from_secs(5);
/// The same where nothing is kept back: longer than the embedded proxy waits for anything.
const PATIENT: Duration = Duration::from_secs(30);
/// How many cases are tried at once.
const AT_ONCE: usize = 8;

/// The faults among `kinds` that the suite finds, with the cases that say so.
pub(super) fn found<'k>(
    kinds: impl IntoIterator<Item = &'k FaultKind>,
) -> Vec<(FaultKind, &'static [&'static str])> {
    let cases = |kind: &FaultKind| match reach(*kind) {
        Reach::Found(cases) => Some((*kind, cases)),
        Reach::Borne(_) | Reach::Beyond(_) => None,
    };
    kinds.into_iter().filter_map(cases).collect()
}

/// Tries the embedded proxy as it is, and with each of `faults`; tells `each` row as it comes. Of the proxy as it is all cases are
/// tried if `whole`, else those that find one of the faults; of one with a fault those that find it.
///
/// # Errors
/// [`SelftestError`], where a signal came.
pub(super) async fn rows(
    faults: &[(FaultKind, &'static [&'static str])],
    whole: bool,
    folder: &Path,
    interrupt: &watch::Receiver<Option<Interrupt>>,
    mut each: impl FnMut(Row),
) -> Result<(), SelftestError> {
    let all = faults.iter().flat_map(|(_, cases)| cases.iter().copied());
    let only: Vec<&str> = if whole { Vec::new() } else { all.collect() };
    let begun = Instant::now();
    let tried = suite(None, &only, PATIENT, folder, interrupt).await;
    let healthy = row("REST suite, proxy as it should be", None, begun.elapsed());
    each(judged(tried, healthy, |result, row| {
        row.reasons = alarms(&result.cases);
        row.outcome = if row.reasons.is_empty() { RowOutcome::Quiet } else { RowOutcome::FalseAlarm };
    })?);
    for (kind, cases) in faults {
        let injector = Arc::new(Injector::new(Fault::new(*kind, Pace::Every(1)), 1));
        let begun = Instant::now();
        let tried = suite(Some(injector.clone()), cases, LIMIT, folder, interrupt).await;
        let name = format!("{} (REST suite)", kind.name());
        let weak = row(&name, Some(kind.box_name()), begun.elapsed());
        each(judged(tried, weak, |result, row| shown(result, cases, &injector, row))?);
    }
    Ok(())
}

async fn suite(
    fault: Option<Arc<Injector>>,
    only: &[&str],
    limit: Duration,
    folder: &Path,
    interrupt: &watch::Receiver<Option<Interrupt>>,
) -> Result<Conformance, RestError> {
    let faults = fault.into_iter().collect();
    let embedded = Embedded { time_scale: TIME_SCALE, faults, ..Embedded::default() };
    let options = Options {
        profile: Some(own_profile(embedded.release)),
        against: Against::Embedded(embedded),
        only: only.iter().map(|id| (*id).to_owned()).collect(),
        strictness: Strictness::default(),
        excuses: None,
        fail_fast: false,
        limit,
        at_once: AT_ONCE,
        auto_create: None,
        registry: None,
        folder: folder.to_owned(),
    };
    rest(&options, interrupt.clone(), |_, _| {}).await
}

/// The row with what `judge` makes of the result, or that there was none.
fn judged(
    tried: Result<Conformance, RestError>,
    mut row: Row,
    judge: impl FnOnce(&Conformance, &mut Row),
) -> Result<Row, SelftestError> {
    match tried {
        Ok(result) => judge(&result, &mut row),
        Err(RestError::Interrupted(signal)) => return Err(SelftestError::Interrupted(signal)),
        Err(error) => {
            row.outcome = RowOutcome::Broken;
            row.reasons = vec![error.to_string()];
        }
    }
    Ok(row)
}

/// A fault is found by a case that says it finds it.
fn shown(result: &Conformance, cases: &[&str], injector: &Injector, row: &mut Row) {
    let bad: Vec<&CaseReport> = result.cases.iter().filter(|case| is_bad(case)).collect();
    let named = bad.iter().any(|case| cases.contains(&case.id.as_str()));
    row.injected = injector.injected();
    row.seen = vec![Seen {
        detector: Detector::RestCases.name().to_owned(),
        count: bad.len() as u64,
        wanted: "more than 0".to_owned(),
        right: named,
    }];
    row.outcome = match (row.injected, named) {
        (0, _) => RowOutcome::NeverStruck,
        (_, true) => RowOutcome::Found,
        (_, false) => RowOutcome::Missed,
    };
    if row.injected == 0 {
        row.reasons.push("a fault never took effect".to_owned());
    } else if !named {
        row.reasons.push("no case that says it finds this is other than it should be".to_owned());
    }
}
