//! What playing a golden file came to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the shape.
pub const REPLAY_SCHEMA: u32 = 1;

/// The result of `landfall conform replay`. `total` is the sum of those that are identical, different and not playable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replay {
    /// Version of this shape.
    #[schemars(extend("const" = REPLAY_SCHEMA))]
    pub schema: u32,
    /// Recordings that were looked at.
    pub total: u64,
    /// Exchanges that went as recorded.
    pub identical: u64,
    /// Recordings that cannot be played here.
    pub not_playable: u64,
    /// Exchanges that went otherwise, in the order of the file.
    pub different: Vec<DifferentExchange>,
    /// Why recordings cannot be played, in the order of the file.
    pub unplayable: Vec<Unplayable>,
    /// Topics that stand in Kafka afterwards and did not before: requests of the corpus may have made them, and they are left.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub appeared: Vec<String>,
}

/// An exchange that went otherwise than it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DifferentExchange {
    /// The recording's id.
    pub id: String,
    /// In which fields: `answers`, `status`, `header:NAME`, `body`, `body:/json/pointer`, `landed` or `landed:TOPIC`.
    pub fields: Vec<String>,
    /// The same with what was recorded and what was seen, where long texts are cut.
    pub differences: Vec<FieldDifference>,
}

/// A field in which an exchange differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldDifference {
    /// Which field.
    pub field: String,
    /// As it was recorded.
    pub recorded: String,
    /// As it was seen.
    pub seen: String,
}

/// A recording that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unplayable {
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: String,
}
