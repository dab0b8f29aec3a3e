//! Patterns of bodies: JSON, in which words that begin with `$` stand for many values.

use regex::Regex;
use serde_json::{Map, Value};

use super::evaluate::Mismatch;

/// Names that stand for themselves in a pattern.
pub(super) struct Names<'a> {
    pub(super) topic: &'a str,
    /// The name that stands for `{topic}-absent`, where it is another.
    pub(super) absent: Option<&'a str>,
    pub(super) cluster: &'a str,
    /// What was answered, where it is JSON: the first document.
    pub(super) reply: Option<&'a Value>,
}

/// Stands for the name of a topic that is not there.
pub(super) const ABSENT: &str = "{topic}-absent";

impl Names<'_> {
    pub(super) fn filled(&self, text: &str) -> String {
        let text = match self.absent {
            Some(absent) => text.replace(ABSENT, absent),
            None => text.to_owned(),
        };
        text.replace("{topic}", self.topic).replace("{cluster}", self.cluster)
    }
}

/// What of `body` does not fit `pattern`.
pub(super) fn body(pattern: &Value, body: &[u8], names: &Names<'_>) -> Vec<Mismatch> {
    let text = String::from_utf8_lossy(body);
    let whole = |expected: String| vec![Mismatch::new("body", expected, text.to_string())];
    if let Some((operator, operand)) = operator(pattern) {
        match (operator, operand) {
            ("$text", Value::String(expected)) => {
                let expected = names.filled(expected);
                return if text == expected { Vec::new() } else { whole(expected) };
            }
            ("$text_matches", Value::String(expression)) => {
                let found = Regex::new(&names.filled(expression)).is_ok_and(|regex| regex.is_match(&text));
                return if found { Vec::new() } else { whole(format!("text like {expression}")) };
            }
            ("$empty", _) => return if body.is_empty() { Vec::new() } else { whole("nothing".into()) },
            ("$lines", Value::Array(expected)) => return lines(expected, body, names, &whole),
            _ => {}
        }
    }
    match serde_json::from_slice(body) {
        Ok(value) => {
            let mut found = Vec::new();
            fits("body:", pattern, &value, names, &mut found);
            found
        }
        Err(_) => whole(pattern.to_string()),
    }
}

fn lines(
    expected: &[Value],
    body: &[u8],
    names: &Names<'_>,
    whole: &dyn Fn(String) -> Vec<Mismatch>,
) -> Vec<Mismatch> {
    let documents: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(body).into_iter::<Value>().collect();
    match documents {
        Ok(documents) if documents.len() == expected.len() => {
            let mut found = Vec::new();
            for (index, (pattern, value)) in expected.iter().zip(&documents).enumerate() {
                fits(&format!("body:/{index}"), pattern, value, names, &mut found);
            }
            found
        }
        _ => whole(expected.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")),
    }
}

/// The one member of an object whose name begins with `$`.
fn operator(pattern: &Value) -> Option<(&str, &Value)> {
    let members = pattern.as_object().filter(|members| members.len() == 1)?;
    members
        .iter()
        .next()
        .map(|(name, operand)| (name.as_str(), operand))
        .filter(|(name, _)| name.starts_with('$'))
}

/// Notes in what `value` does not fit `pattern`; `at` is where it stands.
fn fits(at: &str, pattern: &Value, value: &Value, names: &Names<'_>, found: &mut Vec<Mismatch>) {
    if let Some((operator, operand)) = operator(pattern) {
        return by_operator(at, (operator, operand), value, names, found);
    }
    let fitting = match (pattern, value) {
        (Value::String(word), value) if word.starts_with('$') && !word.starts_with("$$") => {
            stands_for(word, value)
        }
        (Value::String(expected), Value::String(text)) => {
            let expected =
                expected.strip_prefix('$').filter(|_| expected.starts_with("$$")).unwrap_or(expected);
            names.filled(expected) == *text
        }
        (Value::Object(expected), Value::Object(members)) => {
            for (name, pattern) in expected {
                match members.get(name) {
                    Some(value) => fits(&format!("{at}/{name}"), pattern, value, names, found),
                    None => found.push(Mismatch::new(format!("{at}/{name}"), pattern.to_string(), "absent")),
                }
            }
            for (name, value) in members.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                found.push(Mismatch::new(format!("{at}/{name}"), "absent", value.to_string()));
            }
            return;
        }
        (Value::Array(expected), Value::Array(elements)) if expected.len() == elements.len() => {
            for (index, (pattern, value)) in expected.iter().zip(elements).enumerate() {
                fits(&format!("{at}/{index}"), pattern, value, names, found);
            }
            return;
        }
        (one, other) => one == other,
    };
    if !fitting {
        found.push(Mismatch::new(
            at.trim_end_matches(':'),
            names.filled(&pattern.to_string()),
            value.to_string(),
        ));
    }
}

/// Whether a word of a pattern stands for this value.
fn stands_for(word: &str, value: &Value) -> bool {
    match word {
        "$any" => true,
        "$int" => value.is_i64() || value.is_u64(),
        "$offset" => value.as_i64().is_some_and(|offset| offset >= 0),
        "$string" => value.is_string(),
        "$bool" => value.is_boolean(),
        "$null-or-string" => value.is_null() || value.is_string(),
        _ => false,
    }
}

fn by_operator(
    at: &str,
    (operator, operand): (&str, &Value),
    value: &Value,
    names: &Names<'_>,
    found: &mut Vec<Mismatch>,
) {
    let matches = |pattern: &Value, value: &Value| {
        let mut found = Vec::new();
        fits("", pattern, value, names, &mut found);
        found.is_empty()
    };
    let fitting = match (operator, operand, value) {
        ("$set", Value::Array(patterns), Value::Array(values)) => {
            let mut left: Vec<&Value> = values.iter().collect();
            let all = patterns.iter().all(|pattern| {
                let place = left.iter().position(|value| matches(pattern, value));
                place.map(|place| left.swap_remove(place)).is_some()
            });
            all && left.is_empty()
        }
        ("$each", pattern, Value::Array(values)) => values.iter().all(|value| matches(pattern, value)),
        ("$includes", pattern, Value::Array(values)) => values.iter().any(|value| matches(pattern, value)),
        ("$one_of", Value::Array(patterns), value) => patterns.iter().any(|pattern| matches(pattern, value)),
        ("$matches", Value::String(expression), Value::String(text)) => {
            Regex::new(&names.filled(expression)).is_ok_and(|regex| regex.is_match(text))
        }
        ("$more", Value::Object(expected), Value::Object(members)) => {
            return at_least(at, expected, members, names, found);
        }
        _ => false,
    };
    if !fitting {
        let expected = names.filled(&operand.to_string());
        found.push(Mismatch::new(
            at.trim_end_matches(':'),
            format!("{operator} {expected}"),
            value.to_string(),
        ));
    }
}

fn at_least(
    at: &str,
    expected: &Map<String, Value>,
    members: &Map<String, Value>,
    names: &Names<'_>,
    found: &mut Vec<Mismatch>,
) {
    for (name, pattern) in expected {
        match members.get(name) {
            Some(value) => fits(&format!("{at}/{name}"), pattern, value, names, found),
            None => found.push(Mismatch::new(format!("{at}/{name}"), pattern.to_string(), "absent")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(pattern: &Value, text: &str) -> Vec<String> {
        let names = Names { topic: "t-1", absent: Some("none"), cluster: "C", reply: None };
        body(pattern, text.as_bytes(), &names).into_iter().map(|mismatch| mismatch.field).collect()
    }

    #[test]
    fn patterns_fit_what_they_say_and_nothing_else() {
        let none: Vec<String> = Vec::new();
        for (pattern, text, expected) in [
            (json!({"a": 1}), r#"{"a":1}"#, none.clone()),
            (json!({"a": 1}), r#"{"a":1.0}"#, vec!["body:/a".into()]),
            (json!({"a": 1}), r#"{"a":1,"b":2}"#, vec!["body:/b".into()]),
            (json!({"$more": {"a": "$int"}}), r#"{"a":1,"b":2}"#, none.clone()),
            (json!({"$more": {"a": "$int"}}), r#"{"b":2}"#, vec!["body:/a".into()]),
            (json!(["$offset"]), "[0]", none.clone()),
            (json!(["$offset"]), "[-1]", vec!["body:/0".into()]),
            (json!("of {topic}"), "\"of t-1\"", none.clone()),
            (json!("of {topic}-absent"), "\"of none\"", none.clone()),
            (json!("$$any"), "\"$any\"", none.clone()),
            (json!("$$any"), "\"x\"", vec!["body".into()]),
            (json!("$unknown"), "1", vec!["body".into()]),
            (json!({"$set": ["a", "b"]}), r#"["b","a"]"#, none.clone()),
            (json!({"$set": ["a", "b"]}), r#"["b","b"]"#, vec!["body".into()]),
            (json!({"$each": "$string"}), r#"["b","a"]"#, none.clone()),
            (json!({"$includes": "{topic}"}), r#"["b","t-1"]"#, none.clone()),
            (json!({"$includes": "{topic}"}), r#"["b"]"#, vec!["body".into()]),
            (json!({"m": {"$matches": "^a+$"}}), r#"{"m":"aaa"}"#, none.clone()),
            (json!({"m": {"$matches": "^a+$"}}), r#"{"m":"b"}"#, vec!["body:/m".into()]),
            (json!({"$one_of": [1, null]}), "null", none.clone()),
            (json!({"$text": "HEAD, {topic}"}), "HEAD, t-1", none.clone()),
            (json!({"$text_matches": "^<h1>"}), "<h1>x", none.clone()),
            (json!({"$empty": true}), "", none.clone()),
            (json!({"$empty": true}), "x", vec!["body".into()]),
            (json!({"$lines": [{"a": 1}, "$any"]}), "{\"a\":1}\r\n2\r\n", none.clone()),
            (json!({"$lines": [{"a": 1}]}), "{\"a\":2}\r\n", vec!["body:/0/a".into()]),
            (json!({"$lines": [{"a": 1}]}), "{\"a\":1}{\"a\":1}", vec!["body".into()]),
            (json!({"a": 1}), "no json", vec!["body".into()]),
        ] {
            assert_eq!(fields(&pattern, text), expected, "{pattern} {text}");
        }
    }
}
