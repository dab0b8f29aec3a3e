//! Failures that are known and excused for a while.

use jiff::civil::Date;
use serde::Deserialize;

use crate::result::{CaseOutcome, CaseReport};

/// A failure that is excused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excuse {
    /// The id of the case.
    pub case: String,
    /// Why it fails.
    pub reason: String,
    /// The last day on which it is excused, `YYYY-MM-DD`.
    pub expires: Date,
}

/// Reads a file of excuses, a YAML list.
///
/// # Errors
/// What is wrong with it, with line and column.
pub fn read_excuses(text: &str) -> Result<Vec<Excuse>, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

/// Excuses failures; an excuse that is stale makes a failure of its own: its case does not fail any more, or is none, or its
/// time is over.
pub fn excuse(cases: &mut [CaseReport], excuses: &[Excuse], today: Date) -> Vec<String> {
    let mut stale = Vec::new();
    for excuse in excuses {
        let Excuse { case: id, reason, expires } = excuse;
        let Some(case) = cases.iter_mut().find(|case| case.id == *id) else {
            stale.push(format!("{id} is excused and is no case here; take it out of the file"));
            continue;
        };
        let fails = matches!(case.outcome, CaseOutcome::Failed | CaseOutcome::Warned);
        match (case.outcome, today > *expires) {
            (CaseOutcome::Passed, _) => {
                stale.push(format!("{id} is excused and does not fail any more; take it out of the file"));
            }
            (_, true) if fails => {
                stale
                    .push(format!("{id} was excused until {expires} ({reason}); mend it, or excuse it anew"));
            }
            (_, false) if fails => {
                case.outcome = CaseOutcome::Passed;
                case.notes.push(format!("excused until {expires}: {reason}"));
                case.notes.append(&mut case.reasons);
            }
            _ => {}
        }
    }
    stale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: &str, outcome: CaseOutcome) -> CaseReport {
        CaseReport {
            id: id.into(),
            title: String::new(),
            what: String::new(),
            level: "MUST".into(),
            sources: Vec::new(),
            outcome,
            missing: Vec::new(),
            reasons: vec!["wrong".into()],
            notes: Vec::new(),
            shows: Vec::new(),
            exchanges: Vec::new(),
            elapsed_us: 0,
        }
    }

    #[test]
    fn excuses_hold_until_they_expire_and_stale_ones_are_told() {
        let text = "- { case: a, reason: r, expires: 2026-12-31 }\n- { case: b, reason: r, expires: 2026-12-01 }\n\
                    - { case: c, reason: r, expires: 2026-12-31 }\n- { case: d, reason: r, expires: 2026-12-31 }\n\
                    - { case: e, reason: r, expires: 2026-12-31 }\n";
        let excuses = read_excuses(text).unwrap();
        let mut cases = [
            report("a", CaseOutcome::Failed),
            report("b", CaseOutcome::Failed),
            report("c", CaseOutcome::Passed),
            report("d", CaseOutcome::NotRun),
        ];
        let stale = excuse(&mut cases, &excuses, "2026-12-02".parse().unwrap());
        let outcomes = cases.each_ref().map(|case| case.outcome);
        let expected = [CaseOutcome::Passed, CaseOutcome::Failed, CaseOutcome::Passed, CaseOutcome::NotRun];
        assert_eq!(outcomes, expected);
        assert_eq!(cases[0].notes, ["excused until 2026-12-31: r", "wrong"]);
        let starts: Vec<char> = stale.iter().filter_map(|text| text.chars().next()).collect();
        assert_eq!(starts, ['b', 'c', 'e']);
        // On its last day it still holds.
        let mut again = [report("b", CaseOutcome::Warned)];
        assert!(excuse(&mut again, &excuses[1..2], "2026-12-01".parse().unwrap()).is_empty());
        assert!(read_excuses("- { case: a, reason: r }").is_err());
    }
}
