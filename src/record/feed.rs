//! Feeds: files of real payloads, one JSON value a line.

use serde_json::Value;

/// The payloads of a feed, in the file's order; never empty.
#[derive(Debug)]
pub struct Feed {
    lines: Vec<Line>,
}

/// One payload.
#[derive(Debug)]
pub struct Line {
    /// Its line in the file, from 1.
    pub number: usize,
    /// The line as it stands in the file.
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
    #[error("line {line} is not UTF-8; a feed is NDJSON: one JSON value a line")]
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
        if lines.is_empty() { Err(FeedError::Empty) } else { Ok(Self { lines }) }
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
