//! What all cases together come to.

use std::collections::BTreeMap;

use super::case::Need;
use super::rest::{Own, Requires};
use crate::result::{CaseOutcome, CaseReport, Missing, Totals, Verdict};

/// Ids that a reason names.
const NAMED: usize = 5;

/// How strictly cases are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strictness {
    /// What ought to hold must.
    pub strict: bool,
    /// A case that was not tried is no pass.
    pub require_all: bool,
}

/// What a suite comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, the gravest first; empty for a pass.
    pub reasons: Vec<String>,
    /// Cases by outcome; requests are not counted.
    pub totals: Totals,
    /// What could not be given.
    pub missing: Vec<Missing>,
}

/// Draws the conclusion. `unread` says why the topics could not be read, if they could not: then nothing is known of what
/// landed, and that is no pass. Nor is it one where refusals are `spoilt`, for this reason.
#[must_use]
pub fn conclude(
    cases: &[CaseReport],
    strictness: Strictness,
    unread: Option<&str>,
    spoilt: Option<&str>,
) -> Conclusion {
    let of = |outcome: CaseOutcome| -> Vec<&str> {
        cases.iter().filter(|case| case.outcome == outcome).map(|case| case.id.as_str()).collect()
    };
    let (failed, warned, not_run) =
        (of(CaseOutcome::Failed), of(CaseOutcome::Warned), of(CaseOutcome::NotRun));
    let passed = of(CaseOutcome::Passed).len();
    let count = |ids: &[&str]| ids.len() as u64;
    let totals = Totals {
        cases: cases.len() as u64,
        passed: passed as u64,
        warned: count(&warned),
        failed: count(&failed),
        not_run: count(&not_run),
        requests: 0,
    };
    let (mut reasons, mut verdict) = (Vec::new(), Verdict::Pass);
    let mut because = |is: bool, of: Verdict, reason: String| {
        if is {
            verdict = verdict.max(of);
            reasons.push(reason);
        }
    };
    because(!failed.is_empty(), Verdict::Fail, named("failed", &failed));
    because(
        strictness.strict && !warned.is_empty(),
        Verdict::Fail,
        named("warned, which is strictly a failure", &warned),
    );
    let unread =
        unread.map(|why| format!("the topics could not be read, so nobody knows what landed: {why}"));
    because(unread.is_some(), Verdict::Inconclusive, unread.unwrap_or_default());
    because(spoilt.is_some(), Verdict::Inconclusive, spoilt.unwrap_or_default().to_owned());
    because(
        strictness.require_all && !not_run.is_empty(),
        Verdict::Inconclusive,
        named("not run, and all had to be", &not_run),
    );
    because(cases.len() == not_run.len(), Verdict::Inconclusive, "no case was tried".to_owned());
    Conclusion { verdict, reasons, totals, missing: missing(cases) }
}

fn named(what: &str, ids: &[&str]) -> String {
    let cases = if ids.len() == 1 { "case" } else { "cases" };
    let shown = ids.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = ids.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{} {cases} {what}: {shown}{more}", ids.len())
}

fn missing(cases: &[CaseReport]) -> Vec<Missing> {
    let mut needs: BTreeMap<&str, u64> = BTreeMap::new();
    for need in cases.iter().flat_map(|case| &case.missing) {
        *needs.entry(need).or_default() += 1;
    }
    let remedy = |name: &str| {
        let need = Need::ALL.into_iter().find(|need| need.name() == name);
        let required = Requires::ALL.into_iter().find(|required| required.name() == name);
        let own = Own::ALL.into_iter().find(|own| own.name() == name);
        need.map(Need::remedy)
            .or(required.map(Requires::remedy))
            .or(own.map(Own::remedy))
            .unwrap_or("the profile says that the proxy has none")
            .to_owned()
    };
    needs
        .into_iter()
        .map(|(need, cases)| Missing { need: need.to_owned(), cases, remedy: remedy(need) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(outcomes: &[CaseOutcome]) -> Vec<CaseReport> {
        let case = |(number, outcome): (usize, &CaseOutcome)| CaseReport {
            id: format!("auth/{number:02}-x/y"),
            title: String::new(),
            what: String::new(),
            level: "MUST".into(),
            sources: Vec::new(),
            outcome: *outcome,
            missing: if *outcome == CaseOutcome::NotRun { vec!["signer".into()] } else { Vec::new() },
            reasons: Vec::new(),
            notes: Vec::new(),
            shows: Vec::new(),
            exchanges: Vec::new(),
            elapsed_us: 0,
        };
        outcomes.iter().enumerate().map(case).collect()
    }

    use CaseOutcome::{Failed, NotRun, Passed, Warned};

    fn verdict(outcomes: &[CaseOutcome], strict: bool, require_all: bool) -> Verdict {
        conclude(&cases(outcomes), Strictness { strict, require_all }, None, None).verdict
    }

    #[test]
    fn what_fails_fails_and_what_warns_does_where_it_is_strict() {
        assert_eq!(verdict(&[Passed, Warned, NotRun], false, false), Verdict::Pass);
        assert_eq!(verdict(&[Passed, Warned], true, false), Verdict::Fail);
        assert_eq!(verdict(&[Passed, Failed, NotRun], false, true), Verdict::Fail);
        assert_eq!(verdict(&[Passed, NotRun], false, true), Verdict::Inconclusive);
        assert_eq!(verdict(&[NotRun], false, false), Verdict::Inconclusive);
        assert_eq!(verdict(&[], false, false), Verdict::Inconclusive);
    }

    #[test]
    fn without_the_topics_there_is_no_pass() {
        let unread = conclude(&cases(&[Passed]), Strictness::default(), Some("not authorised"), None);
        assert_eq!(unread.verdict, Verdict::Inconclusive);
        assert!(unread.reasons[0].ends_with("not authorised"));
        let failed = conclude(&cases(&[Failed]), Strictness::default(), Some("not authorised"), None);
        assert_eq!((failed.verdict, failed.reasons.len()), (Verdict::Fail, 2));
    }

    #[test]
    fn where_a_good_token_is_refused_in_the_end_there_is_no_pass() {
        let spoilt = conclude(&cases(&[Passed]), Strictness::default(), None, Some("in the end, 401"));
        assert_eq!((spoilt.verdict, spoilt.reasons.len()), (Verdict::Inconclusive, 1));
    }

    #[test]
    fn what_was_missing_is_counted_with_how_it_is_given() {
        let conclusion = conclude(&cases(&[NotRun, NotRun, Passed]), Strictness::default(), None, None);
        assert_eq!((conclusion.missing[0].need.as_str(), conclusion.missing[0].cases), ("signer", 2));
        assert!(!conclusion.missing[0].remedy.is_empty());
        assert_eq!((conclusion.totals.cases, conclusion.totals.not_run), (3, 2));
    }

    #[test]
    fn many_ids_are_counted_and_not_all_named() {
        assert_eq!(named("failed", &["a"]), "1 case failed: a");
        let seven = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!(named("failed", &seven), "7 cases failed: a, b, c, d, e and 2 more");
    }
}
