//! Arrivals as they were recorded: the times of a log, from the first on, at another speed if wanted.

use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder, Trim};
use jiff::fmt::temporal::DateTimeParser;

/// The last second of the year 9999. Numbers beyond are no seconds since 1970, but probably milliseconds.
const LAST_SECOND: u64 = 253_402_300_799;

/// How much of a file's text an error shows.
const LONGEST_QUOTE: usize = 40;

/// Recorded arrivals.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Nanoseconds since the first, ascending.
    offsets: Arc<[u64]>,
    speed: f64,
}

/// Why a file is no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Nothing in it.
    #[error(
        "holds no timestamps; write one a line, as RFC 3339 (2024-06-01T12:00:00.25Z) or as seconds since 1970"
    )]
    Empty,
    /// A line that does not begin with a timestamp, or whose column holds none.
    #[error(
        "line {line}: `{text}` is no timestamp; write RFC 3339 (2024-06-01T12:00:00.25Z) or seconds since 1970, or name the column that has the times in `column`"
    )]
    NoTimestamp {
        /// Line, from 1.
        line: u64,
        /// The beginning of what stands there.
        text: String,
    },
    /// A number that is too large for seconds.
    #[error(
        "line {line}: `{text}` are no seconds since 1970; milliseconds and finer belong behind a decimal point"
    )]
    NotSeconds {
        /// Line, from 1.
        line: u64,
        /// What stands there.
        text: String,
    },
    /// No such column.
    #[error("has no column `{column}` in its first line; there are {there}")]
    NoColumn {
        /// As asked for.
        column: String,
        /// Those there are.
        there: String,
    },
    /// A line that is shorter than the first.
    #[error("line {line} ends before the column with the times; give every line all of its columns")]
    Short {
        /// Line, from 1.
        line: u64,
    },
    /// Centuries between the first and the last.
    #[error("holds times that lie more than 500 years apart; remove those that do not belong to it")]
    TooLong,
}

impl Replay {
    /// Arrivals at `offsets`, nanoseconds from the first, in any order, replayed at `speed`: at 2, in half the
    /// time. `speed` must be above zero.
    #[must_use]
    pub fn new(mut offsets: Vec<u64>, speed: f64) -> Self {
        offsets.sort_unstable();
        Self { offsets: offsets.into(), speed }
    }

    /// Reads a recording: CSV of which one column holds timestamps, RFC 3339 or decimal seconds since 1970; the
    /// column named `column` in the first line, or else the first one. Without a name, a first line that holds no
    /// timestamp is taken for a heading. The lines may stand in any order.
    ///
    /// # Errors
    /// [`ReplayError`] for the first line that has no timestamp.
    pub fn parse(text: &[u8], column: Option<&str>, speed: f64) -> Result<Self, ReplayError> {
        let mut reader =
            ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text);
        // Reading from memory and as bytes, so that nothing about a line can fail.
        let mut lines = reader.byte_records().filter_map(Result::ok).peekable();
        let mut place = 0;
        if let Some(column) = column {
            let heading = lines.next().ok_or(ReplayError::Empty)?;
            place = heading
                .iter()
                .position(|name| name == column.as_bytes())
                .ok_or_else(|| no_column(column, &heading))?;
        } else if lines.peek().is_some_and(|first| timestamp(text, first, 0).is_err()) {
            lines.next();
        }
        let times = lines.map(|line| timestamp(text, &line, place)).collect::<Result<Vec<i128>, _>>()?;
        let first = times.iter().min().ok_or(ReplayError::Empty)?;
        let offset = |time: &i128| u64::try_from(time - first).map_err(|_| ReplayError::TooLong);
        Ok(Self::new(times.iter().map(offset).collect::<Result<_, _>>()?, speed))
    }

    /// When arrival `index` is due, in nanoseconds from the start; `None` after the last.
    pub(super) fn due(&self, index: u64) -> Option<u64> {
        let offset = *self.offsets.get(usize::try_from(index).ok()?)?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "exact up to 104 days, which no phase lasts; a float-to-int cast saturates"
        )]
        let due = (offset as f64 / self.speed + 0.5) as u64;
        Some(due)
    }

    /// How many are due before `nanos` have passed.
    pub(super) fn count(&self, nanos: u64) -> u64 {
        // The due times grow with the index, as the offsets do.
        let (mut low, mut high) = (0, self.offsets.len() as u64);
        while low < high {
            let middle = u64::midpoint(low, high);
            if self.due(middle).is_some_and(|due| due < nanos) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// The timestamp in column `place` of a line of `text`, in nanoseconds since 1970.
fn timestamp(text: &[u8], line: &ByteRecord, place: usize) -> Result<i128, ReplayError> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let field = line.get(place).ok_or_else(|| ReplayError::Short { line: number(text, line) })?;
    if let Some((seconds, nanos)) = decimal(field) {
        if seconds > LAST_SECOND {
            return Err(ReplayError::NotSeconds { line: number(text, line), text: shown(field) });
        }
        return Ok(i128::from(seconds) * 1_000_000_000 + i128::from(nanos));
    }
    match PARSER.parse_timestamp(field) {
        Ok(time) => Ok(time.as_nanosecond()),
        Err(_) => Err(ReplayError::NoTimestamp { line: number(text, line), text: shown(field) }),
    }
}

/// The number of a line of `text`, from 1. The reader's own number is that of the first of the empty lines before.
fn number(text: &[u8], line: &ByteRecord) -> u64 {
    let begin = line.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
    let (before, from) = text.split_at(begin.min(text.len()));
    let empty = from.iter().take_while(|b| matches!(b, b'\r' | b'\n'));
    let ends = before.iter().chain(empty).filter(|b| **b == b'\n').count();
    ends as u64 + 1
}

/// A decimal number as its whole part and nanoseconds; digits beyond those are dropped. `None` if it is none.
fn decimal(field: &[u8]) -> Option<(u64, u32)> {
    let text = std::str::from_utf8(field).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let nanos: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    // A number with more digits than fit is too large for seconds as well.
    Some((whole.parse().unwrap_or(u64::MAX), nanos.parse().ok()?))
}

fn no_column(column: &str, heading: &ByteRecord) -> ReplayError {
    let there: Vec<String> = heading.iter().map(|name| format!("`{}`", shown(name))).collect();
    ReplayError::NoColumn { column: column.to_owned(), there: there.join(", ") }
}

fn shown(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    text.chars().take(LONGEST_QUOTE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offsets(text: &str, column: Option<&str>) -> Result<Vec<u64>, String> {
        Replay::parse(text.as_bytes(), column, 1.0)
            .map(|replay| replay.offsets.to_vec())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let quarter = Ok(vec![0, 250_000_000]);
        for text in [
            "2024-06-01T12:00:00Z\n2024-06-01T12:00:00.25Z\n",
            "2024-06-01T12:00:00Z\r\n2024-06-01T14:00:00.250000000+02:00",
            "2024-06-01 12:00:00.25Z\n\n2024-06-01 12:00:00Z\n",
            "1717243200\n1717243200.25\n",
            "\u{feff}1717243200.0\n1717243200.2500000009\n",
            "when\n1717243200\n1717243200.25\n",
            "time,path\n1717243200,/a\n1717243200.25,\"/b,c\"\n",
            "2024-06-01T12:00:00Z\n1717243200.25\n",
        ] {
            assert_eq!(offsets(text, None), quarter, "{text}");
        }
        let log = "path,\"the time\"\n/a,1717243200\n\"/b\n\", 1717243200.25 \n";
        assert_eq!(offsets(log, Some("the time")), quarter);
    }

    #[test]
    fn what_is_no_recording_says_why() {
        for (text, column, expected) in [
            ("", None, "holds no timestamps"),
            ("time\n", None, "holds no timestamps"),
            ("", Some("time"), "holds no timestamps"),
            ("1\nsoon\n", None, "line 2: `soon` is no timestamp"),
            ("time\n\nsoon\n", None, "line 3: `soon` is no timestamp"),
            ("time\r\n\r\n1\r\nsoon\r\n", None, "line 4: `soon` is no timestamp"),
            ("1\n-2\n", None, "line 2: `-2` is no timestamp"),
            ("1\n2024-06-01T12:00:00\n", None, "line 2: `2024-06-01T12:00:00` is no timestamp"),
            ("1\n1717243200123\n", None, "line 2: `1717243200123` are no seconds"),
            ("1\n99999999999999999999999\n", None, "are no seconds"),
            ("a,b\n1,2\n", Some("c"), "has no column `c` in its first line; there are `a`, `b`"),
            ("a,b\n1,2\n1\n", Some("b"), "line 3 ends before the column"),
            ("0001-01-01T00:00:00Z\n9000-01-01T00:00:00Z\n", None, "500 years"),
        ] {
            let error = offsets(text, column).expect_err(text);
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn speed_divides_the_times() {
        let replay = |speed| Replay::new(vec![3_000_000_000, 0, 1_000_000_001], speed);
        let dues = |speed| (0..4).map(|index| replay(speed).due(index)).collect::<Vec<_>>();
        assert_eq!(dues(1.0), [Some(0), Some(1_000_000_001), Some(3_000_000_000), None]);
        assert_eq!(dues(2.0), [Some(0), Some(500_000_001), Some(1_500_000_000), None]);
        assert_eq!(dues(0.5)[2], Some(6_000_000_000));
        assert_eq!(replay(2.0).count(1_500_000_000), 2);
        assert_eq!(replay(2.0).count(1_500_000_001), 3);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, column in prop::option::of("[ab]")) {
            let _ = Replay::parse(&bytes, column.as_deref(), 1.0);
        }

        #[test]
        fn seconds_are_exact(first in 0..2_000_000_000_u64, nanos in prop::collection::vec(0..u64::from(u32::MAX), 1..20)) {
            let text = nanos.iter().fold(String::new(), |text, n| {
                let nanos = first * 1_000_000_000 + n;
                format!("{text}{}.{:09}\n", nanos / 1_000_000_000, nanos % 1_000_000_000)
            });
            let least = nanos.iter().min().unwrap();
            let mut expected: Vec<u64> = nanos.iter().map(|n| n - least).collect();
            expected.sort_unstable();
            prop_assert_eq!(offsets(&text, None), Ok(expected));
        }
    }
}
