//! What evidence shows.

/// How much of what was found is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceSpec {
    /// Examples of each kind of finding, 1 to 1000.
    pub examples: usize,
    /// Longest excerpt of a key or a value, in bytes.
    pub bytes: usize,
    /// JSON pointers (RFC 6901) into values: what stands there is never shown.
    pub redact: Vec<String>,
}

impl Default for EvidenceSpec {
    fn default() -> Self {
        Self { examples: 5, bytes: 200, redact: Vec::new() }
    }
}
