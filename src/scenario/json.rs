//! A part of the tree as the JSON value that it says.

use serde_json::{Map, Number, Value};

use super::decode::Item;
use super::error::Problems;
use super::scalar::{Resolved, Scalar};
use super::tree::Kind;

/// The JSON value of `item`. Numbers keep their digits; those that JSON writes otherwise (`0x1F`, `+1`, `.5`) are
/// written as JSON does. Infinity and NaN, which it has not, are reported.
pub(super) fn json_of(item: &Item<'_>, problems: &mut Problems) -> Option<Value> {
    match &item.node.kind {
        Kind::Scalar(scalar) => {
            let value = of_scalar(scalar);
            if value.is_none() {
                item.suggest(problems, "is no number that JSON has", "put it in quotes, if it is text");
            }
            value
        }
        Kind::List(_) => {
            let items = item.list(problems)?;
            let values: Vec<Option<Value>> = items.iter().map(|item| json_of(item, problems)).collect();
            values.into_iter().collect::<Option<_>>().map(Value::Array)
        }
        Kind::Mapping(_) => {
            let fields = item.fields(problems)?.all();
            let members: Vec<Option<(String, Value)>> = fields
                .iter()
                .map(|(entry, item)| Some((entry.key.clone(), json_of(item, problems)?)))
                .collect();
            members.into_iter().collect::<Option<Map<_, _>>>().map(Value::Object)
        }
    }
}

fn of_scalar(scalar: &Scalar) -> Option<Value> {
    Some(match scalar.resolve() {
        Resolved::Null => Value::Null,
        Resolved::Bool(flag) => Value::Bool(flag),
        Resolved::Text(text) => Value::String(text.to_owned()),
        Resolved::Integer(_) | Resolved::Float(_) if as_written(&scalar.text).is_some() => {
            Value::Number(as_written(&scalar.text)?)
        }
        Resolved::Integer(number) => Value::Number(as_written(&number.to_string())?),
        Resolved::Float(_) => Value::Number(as_written(&respelled(&scalar.text))?),
    })
}

/// The number that `text` is by JSON's grammar (RFC 8259, section 6).
fn as_written(text: &str) -> Option<Number> {
    serde_json::from_str(text).ok()
}

/// A number of YAML's core schema by JSON's grammar: no plus sign, digits on both sides of the point, no needless
/// zeros in front.
fn respelled(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let at = rest.find(['e', 'E']).unwrap_or(rest.len());
    let (mantissa, exponent) = rest.split_at(at);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::error::Origin;
    use crate::scenario::tree::parse;
    use std::sync::Arc;

    fn read(text: &str) -> Result<String, String> {
        let mut problems = Problems::default();
        let node = parse(text, &Arc::new(Origin::File("x.yaml".into())), &mut problems).unwrap();
        let value = json_of(&Item { node: &node, path: "f".into() }, &mut problems);
        match problems.or(value) {
            Ok(value) => Ok(value.expect("a value or a problem").to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn values_are_taken_as_they_are_said() {
        let text = "b: [1.10, -0, 'x', \"8\", yes, true, null, ~]\na: { $int: { min: 1 } }\nt: 2026-01-01T00:00:00Z\n";
        assert_eq!(
            read(text).unwrap(),
            "{\"b\":[1.10,-0,\"x\",\"8\",\"yes\",true,null,null],\"a\":{\"$int\":{\"min\":1}},\"t\":\"2026-01-01T00:00:00Z\"}"
        );
    }

    #[test]
    fn numbers_keep_their_digits_whatever_their_spelling() {
        for (yaml, json) in [
            ("123456789012345678901234567890123456789012", "123456789012345678901234567890123456789012"),
            ("0.1000", "0.1000"),
            ("+3", "3"),
            ("-08", "-8"),
            ("0x1F", "31"),
            ("0o17", "15"),
            (".5", "0.5"),
            ("-.50", "-0.50"),
            ("5.", "5"),
            ("+01.50e2", "1.50e2"),
            ("1e+3", "1e+3"),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(read(yaml), Ok(value.to_string()), "{yaml}");
        }
    }

    #[test]
    fn what_json_has_not_is_reported_where_it_stands() {
        let error = read("a:\n  - 1\n  - .inf\n").unwrap_err();
        assert_eq!(error, "x.yaml:3:5: f.a[1]: is no number that JSON has; put it in quotes, if it is text");
        assert!(read(".nan").is_err());
    }
}
