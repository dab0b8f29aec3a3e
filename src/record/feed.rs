//! Feeds: files of real payloads, one JSON value a line. CSV feeds: see `csv`.

use serde_json::Value;

/// The payloads of a feed, in the file's order; never empty.
#[derive(Debug)]
pub struct Feed {
    pub(super) lines: Vec<Line>,
    /// The columns of a CSV feed; empty for other feeds.
    pub(super) columns: Vec<String>,
}

/// One payload.
#[derive(Debug)]
pub struct Line {
    /// Its line in the file, from 1.
    pub number: usize,
    /// The line as it stands in the file; the compact text where that was CSV.
    pub raw: String,
    /// The value, without insignificant whitespace; numbers keep every digit (an exponent's spelling may change).
    pub compact: String,
    /// The value.
    pub value: Value,
}

/// Why a feed cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Not text.
    #[error("line {line} is not UTF-8; feeds are UTF-8 text")]
    NotUtf8 {
        /// Line in the file, from 1.
        line: usize,
    },
    /// A line is not one JSON value.
    #[error("line {line} is not JSON: {reason}")]
    NotJson {
        /// Line in the file, from 1.
        line: usize,
        /// What the parser says, with the column.
        reason: String,
    },
    /// Not CSV.
    #[error("line {line} is not CSV: {reason}")]
    NotCsv {
        /// Line in the file, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A row has more or fewer cells than the header.
    #[error("line {line} has {found} cells, and the header has {expected} columns")]
    Cells {
        /// Line in the file, from 1, where the row begins.
        line: usize,
        /// Cells of the row.
        found: u64,
        /// Cells of the header.
        expected: u64,
    },
    /// A cell is not of its column's type.
    #[error("line {line}, column `{column}`: must be {wanted}, and is `{found}`")]
    Cell {
        /// Line in the file, from 1, where the row begins.
        line: usize,
        /// The column's name.
        column: String,
        /// What it must be.
        wanted: &'static str,
        /// The cell's beginning.
        found: String,
    },
    /// Two columns have one name.
    #[error("the column `{column}` stands twice in the header; each becomes a member, so name them apart")]
    ColumnTwice {
        /// The name.
        column: String,
    },
    /// No such column.
    #[error("there is no column `{column}`; {suggestion}")]
    NoColumn {
        /// The name.
        column: String,
        /// The nearest that there is.
        suggestion: String,
    },
    /// A CSV file that has a header at most.
    #[error("it holds no row; the first line of a CSV feed names the columns, each other one is a record")]
    NoRow,
    /// No line holds anything.
    #[error("it holds no record; a feed is NDJSON: one JSON value a line")]
    Empty,
}

impl Feed {
    /// Reads a feed. Empty lines are skipped.
    ///
    /// # Errors
    /// [`FeedError`], naming the first line that is at fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, FeedError> {
        let mut lines = Vec::new();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            let raw = std::str::from_utf8(line).map_err(|_| FeedError::NotUtf8 { line: number })?;
            let raw = raw.strip_suffix('\r').unwrap_or(raw);
            if raw.trim().is_empty() {
                continue;
            }
            let value: Value = serde_json::from_str(raw).map_err(|error| FeedError::NotJson {
                line: number,
                reason: error.to_string().replace(" at line 1 column", " at column"),
            })?;
            lines.push(Line { number, raw: raw.to_owned(), compact: value.to_string(), value });
        }
        if lines.is_empty() { Err(FeedError::Empty) } else { Ok(Self { lines, columns: Vec::new() }) }
    }

    /// The payloads; never empty.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_members_their_order() {
        let feed = Feed::parse(b"{ \"b\": 1.10, \"a\": 123456789012345678901234567890 }\r\n\n[1E5]").unwrap();
        let compact: Vec<_> = feed.lines().iter().map(|line| line.compact.as_str()).collect();
        assert_eq!(compact, ["{\"b\":1.10,\"a\":123456789012345678901234567890}", "[1e+5]"]);
        assert_eq!(feed.lines()[1].number, 3);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = Feed::parse(b"{}\n{\"a\":}\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 is not JSON: expected value at column 6");
        assert_eq!(Feed::parse(b"{}\n\xff\n").unwrap_err(), FeedError::NotUtf8 { line: 2 });
        assert_eq!(Feed::parse(b" \n\n").unwrap_err(), FeedError::Empty);
    }
}
