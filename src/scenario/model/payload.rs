//! What records hold, and how they are sent.

use std::path::PathBuf;

/// Format of a produce request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/vnd.kafka.json.v2+json`
    V2Json,
    /// `application/vnd.kafka.binary.v2+json`
    V2Binary,
}

/// What the records of a workload hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadSpec {
    /// NDJSON file, a record's value a line; used from the first line on, again and again.
    pub file: PathBuf,
    /// JSON pointer (RFC 6901) into the value, whose value becomes the record's key.
    pub key: Option<String>,
}

/// Where a record carries its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityPlace {
    /// An additional member of this name in a JSON object value; a prefix in binary formats.
    Member(String),
    /// A string member of the value, named by JSON pointer, whose value the identity replaces.
    Pointer(String),
    /// The record's key. Order is then not verifiable.
    Key,
    /// Nowhere: records are told by acked position and content. Copies and leaks cannot be told from other
    /// producers' records then.
    None,
}
