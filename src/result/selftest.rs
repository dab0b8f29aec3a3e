//! What a test of the tester came to: which faults were shown, and what of landfall found them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Verdict;

/// Version of the shape.
pub const SELFTEST_SCHEMA: u32 = 1;

/// The kill matrix: rows are runs, healthy or with one fault, columns are detectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Selftest {
    /// Version of this shape.
    #[schemars(extend("const" = SELFTEST_SCHEMA))]
    pub schema: u32,
    /// Whether every fault that was shown was found by what must find it and by nothing else, every healthy run had no
    /// finding, and, in a whole test, every detector has a fault that it found.
    pub passed: bool,
    /// The same as a verdict: inconclusive where all that is wanting are runs in which landfall was too slow to tell.
    pub verdict: Verdict,
    /// Whether every fault that the doubles know was shown.
    pub whole: bool,
    /// Version of landfall.
    pub landfall: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
    /// Seed of what is random in the healthy runs.
    pub seed: u64,
    /// What can find something.
    pub detectors: Vec<DetectorReport>,
    /// The runs.
    pub rows: Vec<Row>,
}

/// Something that can find a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DetectorReport {
    /// The metric, or what else it looks at.
    pub name: String,
    /// What it means where it is not 0.
    pub meaning: String,
    /// Runs whose fault it found. Without one, nothing shows that it works.
    pub justified_by: Vec<String>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The fault and what is particular to the run, or how the run is healthy.
    pub name: String,
    /// The fault's box; not there for a healthy run.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none", default)]
    pub box_name: Option<String>,
    /// The run's id.
    pub run: String,
    /// How it differs from the scenario of the self-test, as `--set` has it.
    pub sets: Vec<String>,
    /// How often the fault took effect, as the double counted.
    pub injected: u64,
    /// What each detector saw, where that or what it had to see is not 0.
    pub seen: Vec<Seen>,
    /// What came of it.
    pub outcome: RowOutcome,
    /// What is wrong, in sentences.
    pub reasons: Vec<String>,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
}

/// What a detector saw in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The detector.
    pub detector: String,
    /// What it saw.
    pub count: u64,
    /// What it had to see, in words: a number, or a condition.
    pub wanted: String,
    /// Whether that is so.
    pub right: bool,
}

/// What came of a run of a self-test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    /// The fault was found, as often as it took effect.
    Found,
    /// There was nothing to find, and nothing was found.
    Quiet,
    /// The fault was not found, or not as often.
    Missed,
    /// Something was found that is not there.
    FalseAlarm,
    /// landfall was itself too slow to tell, and says so.
    Undecided,
    /// The fault never took effect.
    NeverStruck,
    /// The run gave no result.
    Broken,
}

impl RowOutcome {
    /// Whether it is as it should be.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Found | Self::Quiet)
    }

    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Quiet => "quiet",
            Self::Missed => "missed",
            Self::FalseAlarm => "false alarm",
            Self::Undecided => "undecided",
            Self::NeverStruck => "never struck",
            Self::Broken => "broken",
        }
    }
}
