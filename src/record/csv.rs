//! CSV feeds: each row becomes a JSON object, its members named by the header.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::feed::{Feed, FeedError, Line};
use super::nearest::nearest;

/// What the cells of a column become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColumnType {
    /// What a cell becomes.
    pub cell: Cell,
    /// Whether an empty cell becomes null instead.
    pub null_if_empty: bool,
}

/// What a cell becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cell {
    /// A string.
    #[default]
    String,
    /// A number, with the digits that it has.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Feed {
    /// Reads a CSV feed (RFC 4180, UTF-8). The first row names the columns; cells become strings where `types`
    /// says nothing else. A number keeps its digits.
    ///
    /// # Errors
    /// [`FeedError`], naming the line and the column at fault.
    pub fn parse_csv(bytes: &[u8], types: &BTreeMap<String, ColumnType>) -> Result<Self, FeedError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut rows = ::csv::Reader::from_reader(bytes);
        let columns: Vec<String> =
            rows.headers().map_err(|error| refused(&error))?.iter().map(str::to_owned).collect();
        for (index, name) in columns.iter().enumerate() {
            if columns[..index].contains(name) {
                return Err(FeedError::ColumnTwice { column: name.clone() });
            }
        }
        if let Some(name) = types.keys().find(|name| !columns.contains(name)) {
            return Err(no_column(name, &columns));
        }
        let cells: Vec<ColumnType> =
            columns.iter().map(|name| types.get(name).copied().unwrap_or_default()).collect();
        let mut lines = Vec::new();
        for row in rows.records() {
            let row = row.map_err(|error| refused(&error))?;
            let number = row.position().map_or(0, |position| usize_of(position.line()));
            let mut object = Map::new();
            for ((column, cell), text) in columns.iter().zip(&cells).zip(&row) {
                let value = cell.read(text).ok_or_else(|| FeedError::Cell {
                    line: number,
                    column: column.clone(),
                    wanted: cell.wanted(),
                    found: shown(text),
                })?;
                object.insert(column.clone(), value);
            }
            let value = Value::Object(object);
            let compact = value.to_string();
            lines.push(Line { number, raw: compact.clone(), compact, value });
        }
        if lines.is_empty() { Err(FeedError::NoRow) } else { Ok(Self { lines, columns }) }
    }
}

impl ColumnType {
    fn read(self, text: &str) -> Option<Value> {
        if self.null_if_empty && text.is_empty() {
            return Some(Value::Null);
        }
        match self.cell {
            Cell::String => Some(Value::String(text.to_owned())),
            Cell::Number => serde_json::from_str::<Number>(text).ok().map(Value::Number),
            Cell::Boolean => match text.trim().to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
        }
    }

    fn wanted(self) -> &'static str {
        match self.cell {
            Cell::String => "a string",
            Cell::Number => "a number as JSON has them",
            Cell::Boolean => "true or false",
        }
    }
}

/// What to say about a column that a feed does not have.
pub(super) fn no_column(name: &str, columns: &[String]) -> FeedError {
    FeedError::NoColumn {
        column: name.to_owned(),
        suggestion: nearest(name, columns.iter().map(String::as_str)),
    }
}

fn refused(error: &::csv::Error) -> FeedError {
    let line = error.position().map_or(1, |position| usize_of(position.line()));
    match error.kind() {
        ::csv::ErrorKind::Utf8 { .. } => FeedError::NotUtf8 { line },
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            FeedError::Cells { line, found: *len, expected: *expected_len }
        }
        _ => FeedError::NotCsv { line, reason: error.to_string() },
    }
}

fn usize_of(line: u64) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX)
}

/// A cell's beginning, on one line.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn types(list: &[(&str, Cell, bool)]) -> BTreeMap<String, ColumnType> {
        list.iter()
            .map(|(name, cell, null_if_empty)| {
                ((*name).to_owned(), ColumnType { cell: *cell, null_if_empty: *null_if_empty })
            })
            .collect()
    }

    fn compact(text: &str, types: &BTreeMap<String, ColumnType>) -> Vec<String> {
        Feed::parse_csv(text.as_bytes(), types).unwrap().lines.into_iter().map(|line| line.compact).collect()
    }

    fn error(text: &[u8], types: &BTreeMap<String, ColumnType>) -> String {
        Feed::parse_csv(text, types).unwrap_err().to_string()
    }

    #[test]
    fn a_row_is_an_object_with_its_members_in_the_headers_order() {
        let text = "\u{feff}b,a,\"c,d\"\r\n1,\"x\ny\"\"z\",\r\n2,é,007\r\n";
        assert_eq!(
            compact(text, &BTreeMap::new()),
            [r#"{"b":"1","a":"x\ny\"z","c,d":""}"#, r#"{"b":"2","a":"é","c,d":"007"}"#]
        );
    }

    #[test]
    fn typed_cells_keep_their_digits() {
        let types =
            types(&[("n", Cell::Number, true), ("b", Cell::Boolean, false), ("s", Cell::String, true)]);
        assert_eq!(
            compact(
                "n,b,s\n1.10,true,x\n-0.0,FALSE,\n123456789012345678901234567890,False, \n,true,0\n",
                &types
            ),
            [
                r#"{"n":1.10,"b":true,"s":"x"}"#,
                r#"{"n":-0.0,"b":false,"s":null}"#,
                r#"{"n":123456789012345678901234567890,"b":false,"s":" "}"#,
                r#"{"n":null,"b":true,"s":"0"}"#,
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_named_with_line_and_column() {
        let types = types(&[("magnitude", Cell::Number, false), ("felt", Cell::Boolean, false)]);
        let told = |text: &str| error(text.as_bytes(), &types);
        let cells = ["", "1,5", "+1", ".5", "0x1", "1.", "01", "NaN", "many"];
        for cell in cells {
            let text = format!("magnitude,felt\n1,true\n\"{cell}\",true\n");
            assert_eq!(
                told(&text),
                format!("line 3, column `magnitude`: must be a number as JSON has them, and is `{cell}`")
            );
        }
        assert!(told("magnitude,felt\n1,yes\n").contains("line 2, column `felt`: must be true or false"));
        assert_eq!(
            told("magnitud,felt\n1,true\n"),
            "there is no column `magnitude`; did you mean `magnitud`?"
        );
        assert_eq!(
            told("magnitude,felt\n1,true\n1,true,x\n"),
            "line 3 has 3 cells, and the header has 2 columns"
        );
        assert!(told("magnitude,felt,felt\n1,true,x\n").contains("`felt` stands twice"));
        assert!(told("magnitude,felt\n").contains("no row"));
        assert_eq!(error(b"a\nx\n\xff\n", &BTreeMap::new()), "line 3 is not UTF-8; feeds are UTF-8 text");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Feed::parse_csv(&bytes, &BTreeMap::new());
        }

        #[test]
        fn cells_come_back_as_they_are(cells in prop::collection::vec("[ -~é\n\"]{0,9}", 1..5)) {
            let quoted: Vec<String> =
                cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            let header: Vec<String> = (0..cells.len()).map(|n| format!("c{n}")).collect();
            let text = format!("{}\n{}\n", header.join(","), quoted.join(","));
            let feed = Feed::parse_csv(text.as_bytes(), &BTreeMap::new()).unwrap();
            let Value::Object(object) = &feed.lines[0].value else { panic!() };
            let seen: Vec<&str> = object.values().map(|value| value.as_str().unwrap()).collect();
            prop_assert_eq!(seen, cells);
        }
    }
}
