//! What a conformance suite came to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BoxReport, Verdict};

/// Version of the shape.
pub const CONFORMANCE_SCHEMA: u32 = 1;

/// The result of a conformance suite: `conformance.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conformance {
    /// Version of this shape.
    #[schemars(extend("const" = CONFORMANCE_SCHEMA))]
    pub schema: u32,
    /// The suite: `auth`.
    pub suite: String,
    /// What it came to.
    pub verdict: Verdict,
    /// The sentences behind the verdict, the gravest first; empty for a pass.
    pub reasons: Vec<String>,
    /// What was sent against whom, in a sentence for who finds it in a log.
    pub banner: String,
    /// Version of landfall.
    pub landfall: String,
    /// The run's id, which stands in every record that it sent.
    pub run: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
    /// Where requests went.
    pub target: String,
    /// The scenario's name.
    pub scenario: String,
    /// The profile that says what is expected where specifications leave a choice.
    pub profile: String,
    /// The mistake that the embedded authorizer was told to make, or the fault that the embedded proxy or its broker was told to
    /// show, if one was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub flaw: Option<String>,
    /// Whether what ought to hold must.
    pub strict: bool,
    /// Whether a case that was not tried is no pass.
    pub require_all: bool,
    /// The cases by outcome.
    pub totals: Totals,
    /// What the target could not give.
    pub missing: Vec<Missing>,
    /// What a reader must know of the boxes: what befell them, what cannot be done as it was asked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// The boxes of the path.
    pub boxes: Vec<BoxReport>,
    /// The cases, in the order of their ids.
    pub cases: Vec<CaseReport>,
}

impl Conformance {
    /// Adds what a reader must know of the boxes. `lost` says why they were not what they were to be, where that is so: what
    /// was tried at them is no pass then.
    pub fn note_boxes(&mut self, notes: Vec<String>, lost: Option<String>) {
        self.notes.extend(notes.into_iter().filter(|note| lost.as_ref() != Some(note)));
        if let Some(lost) = lost {
            if self.verdict == Verdict::Pass {
                self.verdict = Verdict::Inconclusive;
            }
            self.reasons.push(lost);
        }
    }
}

/// Cases by outcome. Their sum is `cases`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// All.
    pub cases: u64,
    /// As they have to be.
    pub passed: u64,
    /// Not as they ought to be.
    pub warned: u64,
    /// Not as they must be.
    pub failed: u64,
    /// Not tried.
    pub not_run: u64,
    /// Requests that were sent.
    pub requests: u64,
}

/// Something that cases need and the target could not give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// `signer`, `clock`, `sink`, `rotation`, `cold`, `cache`, `client` or `cool_down`.
    pub need: String,
    /// How many cases were not tried for want of it.
    pub cases: u64,
    /// How it is given.
    pub remedy: String,
}

/// What a case came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseReport {
    /// Its id, which never changes.
    pub id: String,
    /// What its group is about.
    pub title: String,
    /// What is particular to it.
    pub what: String,
    /// `MUST`, `SHOULD` or `MAY`.
    pub level: String,
    /// Where it is written.
    pub sources: Vec<String>,
    /// What came of it.
    pub outcome: CaseOutcome,
    /// What was missing, where it was not tried.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub missing: Vec<String>,
    /// What is wrong, in sentences.
    pub reasons: Vec<String>,
    /// What is worth knowing and not wrong.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// Mistakes of authorizers, or faults of proxies and brokers, that it finds.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub shows: Vec<String>,
    /// What was sent and what came, in order.
    pub exchanges: Vec<Exchange>,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
}

/// What came of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// As it has to be.
    Passed,
    /// It was not tried.
    NotRun,
    /// Not as it ought to be.
    Warned,
    /// Not as it must be.
    Failed,
}

impl CaseOutcome {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NotRun => "not run",
            Self::Warned => "warned",
            Self::Failed => "failed",
        }
    }
}

/// A request of a case and its answer. No token stands in it: of one that was sent, its header and claims do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// What is particular to it.
    pub what: String,
    /// What had to come: `accepted`, `401`, `403`, `4xx`, `not accepted`, `either` or `any answer`.
    pub expected: String,
    /// The request line and the headers, a line each, without secrets.
    pub request: Vec<String>,
    /// What came, in a few words.
    pub answer: String,
    /// The answer's status, where there was an answer.
    pub status: Option<u16>,
    /// The beginning of its body, without secrets.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub excerpt: String,
    /// How many records of it landed; not there where the topics could not be read.
    pub landed: Option<u64>,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_were_lost_are_no_pass_and_hide_no_failure() {
        for (verdict, lost, becomes, reasons) in [
            (Verdict::Pass, None, Verdict::Pass, 0),
            (Verdict::Pass, Some("it ended".to_owned()), Verdict::Inconclusive, 1),
            (Verdict::Fail, Some("it ended".to_owned()), Verdict::Fail, 1),
        ] {
            let mut result: Conformance = serde_json::from_value(serde_json::json!({
                "schema": 1, "suite": "rest", "verdict": verdict, "reasons": [], "banner": "", "landfall": "", "run": "",
                "started": "", "elapsed_us": 0, "target": "", "scenario": "", "profile": "", "strict": false,
                "require_all": false, "missing": [], "boxes": [], "cases": [],
                "totals": { "cases": 0, "passed": 0, "warned": 0, "failed": 0, "not_run": 0, "requests": 0 }
            }))
            .unwrap();
            result.note_boxes(vec!["it ended".into(), "a limit does not bite".into()], lost);
            assert_eq!((result.verdict, result.reasons.len()), (becomes, reasons));
            assert_eq!(result.notes.len(), 2 - reasons, "a sentence stands there once");
        }
    }
}
