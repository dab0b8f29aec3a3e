//! What was found wrong, with evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of wrong, how often it was found, and examples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The metric that counts it, for instance `records.lost`.
    pub kind: String,
    /// Exact number.
    pub count: u64,
    /// What it means.
    pub meaning: String,
    /// The first few.
    pub examples: Vec<Evidence>,
}

impl Finding {
    /// Whether it is evidence of what a metric counts: of its own, and copies that the path made are among all copies.
    #[must_use]
    pub fn is_evidence_of(&self, metric: &str) -> bool {
        self.kind == metric
            || (self.kind == "records.duplicated" && metric == "records.duplicated_beyond_attempts")
    }
}

/// What is known about one record or request of a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Request, as `producer.index`.
    pub request: String,
    /// Record, as `producer.sequence`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub record: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// First byte written, microseconds after the run's origin.
    pub written_us: u64,
    /// Answer read, microseconds after the run's origin.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answered_us: Option<u64>,
    /// What the answer said, in words.
    pub answer: String,
    /// Where it was found, `topic/partition@offset` each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub found: Vec<String>,
    /// What is wrong with it, in words.
    pub detail: String,
    /// Of what was refused and landed, the box that refused it and let it pass; where the answer tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hop: Option<String>,
    /// What was sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent: Option<Excerpt>,
    /// What was found, where it differs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub landed: Option<Excerpt>,
}

/// The beginning of a record's key and value, as printable text. What a scenario says must not be shown is taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excerpt {
    /// The key; null where it is null.
    pub key: Option<String>,
    /// The value; null where it is null.
    pub value: Option<String>,
    /// How long the whole value is, in bytes.
    pub value_bytes: Option<u64>,
}
