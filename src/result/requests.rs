//! Requests and attempts: what became of them, and who answered how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests by outcome: sent = accepted + refused + failed + reset + `timed_out` + malformed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// Requests of which at least one attempt was begun.
    pub sent: u64,
    /// Every record acked.
    pub accepted: u64,
    /// Every record refused.
    pub refused: u64,
    /// Another response: an error of the server, or records that fared differently.
    pub failed: u64,
    /// The connection could not be opened, or broke before a whole response had come.
    #[serde(default)]
    pub reset: u64,
    /// No whole response within a time-out.
    pub timed_out: u64,
    /// What came back was no HTTP response.
    #[serde(default)]
    pub malformed: u64,
    /// The last attempt had to be accepted, and refused at least one record.
    pub wrongly_refused: u64,
    /// Every attempt had to be refused, and at least one record was acked, or found without an answer.
    pub wrongly_admitted: u64,
}

/// Attempts by outcome: total = accepted + refused + failed + reset + `timed_out` + malformed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempts {
    /// All of them.
    pub total: u64,
    /// Every record acked.
    pub accepted: u64,
    /// Every record refused.
    pub refused: u64,
    /// Another response: an error of the server, or records that fared differently.
    pub failed: u64,
    /// The connection could not be opened, or broke before a whole response had come.
    pub reset: u64,
    /// No whole response within a time-out.
    pub timed_out: u64,
    /// What came back was no HTTP response.
    pub malformed: u64,
    /// Of all, those that were not the first of their request.
    pub retries: u64,
}

impl Attempts {
    /// Each outcome with its name and count; together they are all attempts.
    #[must_use]
    pub fn outcomes(&self) -> [(&'static str, u64); 6] {
        [
            ("accepted", self.accepted),
            ("refused", self.refused),
            ("failed", self.failed),
            ("reset", self.reset),
            ("timed_out", self.timed_out),
            ("malformed", self.malformed),
        ]
    }
}

/// Requests that were answered in one way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerCount {
    /// What became of them, as a member of `requests` is called: `accepted`, `refused`, …
    pub outcome: String,
    /// The box that answered, `gateway` or `proxy`, where its answer tells.
    pub hop: Option<String>,
    /// Status of the response; null where there was none.
    pub status: Option<u16>,
    /// What the first of them was told, where that was no plain ack and may be shown.
    pub said: Option<String>,
    /// How many.
    pub requests: u64,
}
