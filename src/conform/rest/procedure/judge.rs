//! Whether what came of a procedure is as it has to be.

use super::account::{Account, Particulars};
use super::entries::own;
use super::order::rising;
use super::single::{acks, after_the_gateway, looks, one_by_one, one_wait_each};
use super::{Procedure, ProcedureCase, ProcedureOutcome};
use crate::conform::Level;
use crate::conform::rest::catalogue::Evidence;
use crate::conform::rest::evaluate::{Assessment, Mismatch, Standard, weighed};
use crate::result::CaseOutcome;

/// What came of a procedure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding {
    /// In what it is not as required.
    pub mismatches: Vec<Mismatch>,
    /// What it is instead, where profiles may name that.
    pub outcome: Option<ProcedureOutcome>,
}

/// Holds an account against what the procedure requires.
#[must_use]
pub fn judge_procedure(procedure: Procedure, account: &Account) -> Finding {
    let mut mismatches = looks(&account.looks);
    let mut outcome = None;
    match procedure {
        // Its requests are to fail.
        Procedure::SerialBlocking => {}
        _ => mismatches.extend(own(account)),
    }
    if matches!(procedure, Procedure::SequentialOrder | Procedure::TwoReplicas) {
        mismatches.extend(rising(account));
    }
    match &account.particulars {
        Particulars::None => {}
        Particulars::Receipts(receipts) => mismatches.extend(one_by_one(receipts)),
        Particulars::Waits(wait) => mismatches.extend(one_wait_each(account, *wait)),
        Particulars::Gateway(waits, came) => mismatches.extend(after_the_gateway(account, *waits, *came)),
        Particulars::Stopped(takes) => {
            if *takes {
                let expected = "no connection once the proxy has been told to stop";
                mismatches.push(Mismatch::new("connection", expected, "one"));
            }
        }
        Particulars::Acks(asked) => {
            if asked.len() != 1 || !asked.contains(&-1) {
                let leader = asked.len() == 1 && asked.contains(&1);
                outcome = (leader && mismatches.is_empty()).then_some(ProcedureOutcome::AcksLeader);
                mismatches.push(Mismatch::new("acks", "all replicas in sync", acks(asked)));
            }
        }
    }
    Finding { mismatches, outcome }
}

/// Judges a procedure, as [`assess`](crate::conform::rest::assess) does a case.
#[must_use]
pub fn assess_procedure(
    case: &ProcedureCase,
    level: Level,
    standard: Standard<'_>,
    finding: Finding,
) -> Assessment {
    let deviation =
        standard.profile.and_then(|profile| profile.deviation_of_procedure(&case.id, standard.version));
    let Finding { mismatches, outcome } = finding;
    match deviation {
        Some((expected, reason)) if outcome == Some(expected) => {
            let notes = vec![format!("known to deviate ({}): {reason}", expected.name())];
            return Assessment { outcome: CaseOutcome::Passed, mismatches: Vec::new(), notes };
        }
        Some((_, reason)) if mismatches.is_empty() => {
            let note =
                format!("unexpected pass: what is required holds, although the profile says: {reason}");
            return Assessment { outcome: CaseOutcome::Warned, mismatches, notes: vec![note] };
        }
        _ => {}
    }
    let inferred = case.evidence == Evidence::Inferred;
    weighed(level, mismatches, Vec::new(), |_| inferred)
}
