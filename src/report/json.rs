//! Results as JSON that people can read too: indented, but with a list of numbers in one line.

use serde::Serialize;
use serde_json::Value;

use super::Named;
use crate::result::RunResult;

/// The result as `result.json` has it.
///
/// # Errors
/// Whatever the serializer says; a result of landfall's own always serializes.
pub fn json(result: &RunResult) -> serde_json::Result<String> {
    lines(result)
}

/// Several results, as a list.
///
/// # Errors
/// As [`json`] says.
pub fn json_of_several(results: &[Named<'_>]) -> serde_json::Result<String> {
    lines(&results.iter().map(|named| named.result).collect::<Vec<_>>())
}

/// A model of results as JSON.
pub(super) fn lines(model: &impl Serialize) -> serde_json::Result<String> {
    let mut text = String::new();
    write(&serde_json::to_value(model)?, 0, &mut text);
    text.push('\n');
    Ok(text)
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let indent = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                indent(depth + 1, out);
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push_str(": ");
                write(member, depth + 1, out);
            }
            indent(depth, out);
            out.push('}');
        }
        Value::Array(items)
            if !items.iter().all(|item| item.is_number() || item.is_null() || item.is_boolean()) =>
        {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                indent(depth + 1, out);
                write(item, depth + 1, out);
            }
            indent(depth, out);
            out.push(']');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&item.to_string());
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_numbers_take_a_line_and_everything_reads_back() {
        let value = serde_json::json!({
            "a": [1, 2.5, null], "w": ["x\n\""], "b": [{ "c": [] }, {}], "d": { "e": [[1], []] }, "f": true,
        });
        let text = lines(&value).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        insta::assert_snapshot!(text);
    }
}
