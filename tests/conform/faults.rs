//! Each fault of the embedded proxy and broker that the suite says it finds, found by the cases that say so.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use landfall::conform::rest::{Reach, reach};
use landfall::result::CaseOutcome;
use landfall::scenario::FaultKind;

use crate::harness::{Ended, of, rest, result};

/// How many suites run at the same time.
const AT_ONCE: usize = 3;

/// Every fault that is found, with the cases that say so.
fn found() -> Vec<(FaultKind, &'static [&'static str])> {
    let cases = |kind: FaultKind| match reach(kind) {
        Reach::Found(cases) => Some((kind, cases)),
        Reach::Borne(_) | Reach::Beyond(_) => None,
    };
    FaultKind::ALL.into_iter().filter_map(cases).collect()
}

/// Tries these cases, of a proxy or broker with this fault.
fn weak(fault: Option<&str>, cases: &[&str], folder: &Path) -> Ended {
    let mut arguments = vec!["--limit", "5s"];
    arguments.extend(fault.iter().flat_map(|fault| ["--weak", fault]));
    arguments.extend(cases.iter().flat_map(|case| ["--filter", *case]));
    rest(&arguments, folder)
}

#[test]
fn each_fault_is_found_by_every_case_that_says_so() {
    let found = found();
    assert!(found.len() >= 27, "{} faults are found", found.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some((kind, cases)) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
            let folder = tempfile::tempdir().unwrap();
            let ended = weak(Some(kind.name()), cases, folder.path());
            if ended.code != Some(1) {
                wrong.push(format!("{}: {:?}: {}{}", kind.name(), ended.code, ended.stdout, ended.stderr));
                continue;
            }
            let result = result(folder.path());
            assert!(result.flaw.as_deref().is_some_and(|flaw| flaw.starts_with(kind.name())));
            assert!(result.banner.contains("Its fault took effect "), "{}", result.banner);
            assert!(!result.banner.contains("took effect 0 times"), "{}", result.banner);
            for id in *cases {
                let case = result.cases.iter().find(|case| case.id == *id).unwrap();
                let is_bad = matches!(case.outcome, CaseOutcome::Failed | CaseOutcome::Warned);
                let says_so = case.shows.iter().any(|shown| shown == kind.name());
                if !is_bad || !says_so || case.reasons.is_empty() {
                    wrong.push(format!("{}: {id} {:?} {:?}", kind.name(), case.outcome, case.reasons));
                }
            }
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let working: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        working.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The cases that did not pass.
fn not_passed<'c>(cases: &[&'c str], folder: &Path) -> Vec<&'c str> {
    let result = result(folder);
    let passed = of(&result, CaseOutcome::Passed);
    cases.iter().copied().filter(|case| !passed.contains(case)).collect()
}

#[test]
fn without_a_fault_the_same_cases_pass() {
    let mut cases: Vec<&str> = found().iter().flat_map(|(_, cases)| cases.iter().copied()).collect();
    cases.sort_unstable();
    cases.dedup();
    let folder = tempfile::tempdir().unwrap();
    let ended = weak(None, &cases, folder.path());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(not_passed(&cases, folder.path()), [""; 0]);
}

/// Of records that are sent one after another: others may change places when some are sent again.
#[test]
fn a_fault_that_a_sound_proxy_bears_is_borne() {
    let cases = ["rest/rel.order.sequential/v2", "rest/rel.order.sequential/v3"];
    let folder = tempfile::tempdir().unwrap();
    let ended = weak(Some("not-leader:every=3"), &cases, folder.path());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(not_passed(&cases, folder.path()), [""; 0]);
}

#[test]
fn a_fault_that_the_suite_cannot_show_is_refused_with_those_that_it_can() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, part) in [("duplicat", "drop-after-ack"), ("stall", "late"), ("duplicate:every=0", "every=N")]
    {
        let ended = rest(&["--weak", fault], folder.path());
        assert!(ended.code == Some(2) && ended.stderr.contains(part), "{fault}: {}", ended.stderr);
    }
}
