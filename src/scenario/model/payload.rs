//! What records hold, and how they are sent.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Format of a produce request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/vnd.kafka.json.v2+json`
    V2Json,
    /// `application/vnd.kafka.binary.v2+json`
    V2Binary,
    /// v3, keys and values of type `JSON`
    V3Json,
    /// v3, keys and values of type `BINARY`
    V3Binary,
    /// v3, keys and values of type `STRING`
    V3String,
}

impl Format {
    /// Whether it is one of API v3.
    #[must_use]
    pub fn is_v3(self) -> bool {
        matches!(self, Self::V3Json | Self::V3Binary | Self::V3String)
    }

    /// Whether keys and values are JSON values.
    #[must_use]
    pub fn is_json(self) -> bool {
        matches!(self, Self::V2Json | Self::V3Json)
    }
}

/// What the records of a workload hold.
#[derive(Debug, Clone, PartialEq)]
pub struct PayloadSpec {
    /// Where their values come from.
    pub source: PayloadSource,
    /// Where their keys come from; `None`: they are null, or the identity.
    pub key: Option<KeySpec>,
    /// The timestamps that they carry; `None`: none, and the proxy or Kafka gives them one.
    pub timestamp: Option<TimestampSpec>,
}

/// Timestamps that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampSpec {
    /// That of the first record, in milliseconds since 1970.
    pub start_ms: i64,
    /// From one record to the next, in milliseconds.
    pub step_ms: i64,
}

/// Where the values of records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadSource {
    /// NDJSON file, a record's value a line; used from the first line on, again and again.
    Ndjson(PathBuf),
    /// CSV file, each row a JSON object; used likewise.
    Csv {
        /// The file.
        file: PathBuf,
        /// What the cells become, by the column's name; strings where nothing is said.
        types: BTreeMap<String, ColumnSpec>,
    },
    /// A JSON value with generators in it.
    Template(serde_json::Value),
    /// JSON file that holds such a value.
    TemplateFile(PathBuf),
}

impl PayloadSource {
    /// The file that it is read from, if it is.
    #[must_use]
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Ndjson(file) | Self::Csv { file, .. } | Self::TemplateFile(file) => Some(file),
            Self::Template(_) => None,
        }
    }
}

/// What the cells of a CSV column become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Of what type.
    pub cell: CellType,
    /// Whether an empty cell becomes null instead.
    pub null_if_empty: bool,
}

/// The type of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellType {
    /// A string.
    String,
    /// A number, with the digits that it has.
    Number,
    /// `true` or `false`.
    Boolean,
}

/// Where the keys of records come from.
#[derive(Debug, Clone, PartialEq)]
pub enum KeySpec {
    /// The value at this JSON pointer (RFC 6901) of the record's value.
    Pointer(String),
    /// The cell of this CSV column.
    Column(String),
    /// Drawn for each record, each of `keys` equally often.
    Uniform {
        /// How many keys there are.
        keys: u64,
        /// What stands before a key's number.
        prefix: String,
    },
    /// Drawn for each record: key `n` of `keys` in proportion to `1 / (n + 1)^exponent`.
    Zipf {
        /// How many keys there are.
        keys: u64,
        /// At least 0.
        exponent: f64,
        /// What stands before a key's number.
        prefix: String,
    },
}

/// Where a record carries its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityPlace {
    /// An additional member of this name in a JSON object value; a prefix in other formats.
    Member(String),
    /// A string member of the value, named by JSON pointer, whose value the identity replaces.
    Pointer(String),
    /// A record header of this name (v3).
    Header(String),
    /// The record's key. Order is then not verifiable.
    Key,
    /// Nowhere: records are told by acked position and content. Copies and leaks cannot be told from other
    /// producers' records then.
    None,
}
