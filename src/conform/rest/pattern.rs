//! Patterns of bodies: JSON, in which words that begin with `$` stand for many values.

use regex::Regex;
use serde_json::{Map, Value};

use super::exchange::Mismatch;

/// Names that stand for themselves in a pattern.
#[derive(Default)]
pub(super) struct Names<'a> {
    pub(super) topic: &'a str,
    /// The name that stands for `{topic}-absent`, where it is another.
    pub(super) absent: Option<&'a str>,
    pub(super) cluster: &'a str,
    /// What the answer to the request before told, by its name.
    pub(super) told: &'a [(&'static str, String)],
    /// What was answered, where it is JSON: the first document.
    pub(super) reply: Option<&'a Value>,
}

/// Stands for the name of a topic that is not there.
pub(super) const ABSENT: &str = "{topic}-absent";
/// Stands for the proxy's host and port.
pub(super) const HOST: &str = "{host}";
/// Names that the answer to a request before tells: the schemas' ids.
pub const TOLD: [&str; 2] = ["key_schema_id", "value_schema_id"];

impl Names<'_> {
    pub(super) fn filled(&self, text: &str) -> String {
        let text = match self.absent {
            Some(absent) => text.replace(ABSENT, absent),
            None => text.to_owned(),
        };
        let text = text.replace("{topic}", self.topic).replace("{cluster}", self.cluster);
        self.told.iter().fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// The number that was told under the name that alone stands here in braces.
    pub(super) fn number(&self, text: &str) -> Option<u64> {
        let name = text.strip_prefix('{')?.strip_suffix('}')?;
        let (_, value) = self.told.iter().find(|(told, _)| *told == name)?;
        value.parse().ok()
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

/// What each element of a list must be, and how many they are, where that is said.
fn each(pattern: &Value) -> Option<(&Value, Option<u64>)> {
    let members = pattern.as_object()?;
    let of_each = members.get("$each")?;
    match members.get("$count") {
        None => (members.len() == 1).then_some((of_each, None)),
        Some(count) => (members.len() == 2).then_some((of_each, Some(count.as_u64()?))),
    }
}

/// Notes in what `value` does not fit `pattern`; `at` is where it stands.
fn fits(at: &str, pattern: &Value, value: &Value, names: &Names<'_>, found: &mut Vec<Mismatch>) {
    if let Some((pattern, count)) = each(pattern) {
        return fits_each(at, (pattern, count), value, names, found);
    }
    if let Some((operator, operand)) = operator(pattern) {
        return by_operator(at, (operator, operand), value, names, found);
    }
    let fitting = match (pattern, value) {
        (Value::String(word), value) if word.starts_with('$') && !word.starts_with("$$") => {
            stands_for(word, value)
        }
        (Value::String(expected), Value::Number(number)) => {
            number.as_u64().is_some() && names.number(expected) == number.as_u64()
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

/// No list is empty by that alone: nothing would be looked at.
fn fits_each(
    at: &str,
    (pattern, count): (&Value, Option<u64>),
    value: &Value,
    names: &Names<'_>,
    found: &mut Vec<Mismatch>,
) {
    let told = |expected: String, seen: String| Mismatch::new(at.trim_end_matches(':'), expected, seen);
    let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let length = elements.len() as u64;
    if !value.is_array() || count.map_or(length == 0, |count| count != length) {
        let expected = count.map_or_else(|| "some elements".to_owned(), |count| format!("{count} elements"));
        let seen = if value.is_array() { format!("{length}") } else { value.to_string() };
        found.push(told(expected, seen));
        return;
    }
    // The first that does not fit tells enough of a long list.
    for (index, value) in elements.iter().enumerate() {
        fits(&format!("{at}/{index}"), pattern, value, names, found);
        if !found.is_empty() {
            return;
        }
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
        let told = [("value_schema_id", "7".to_owned())];
        let names =
            Names { topic: "t-1", absent: Some("none"), cluster: "C", told: &told, ..Names::default() };
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
            (json!({"$each": "$string"}), r#"["b",1]"#, vec!["body:/1".into()]),
            (json!({"$each": "$string"}), "[]", vec!["body".into()]),
            (json!({"$each": "$string"}), "{}", vec!["body".into()]),
            (json!({"$each": "$any", "$count": 2}), "[1,2]", none.clone()),
            (json!({"$each": "$any", "$count": 2}), "[1]", vec!["body".into()]),
            (json!({"a": {"$each": "$int", "$count": 2}}), r#"{"a":[1,2,3]}"#, vec!["body:/a".into()]),
            (json!({"$each": "$any", "$count": 0}), "[]", none.clone()),
            (json!({"$each": "$any", "$counts": 1}), "[1]", vec!["body".into()]),
            (json!("{value_schema_id}"), "7", none.clone()),
            (json!("{value_schema_id}"), "8", vec!["body".into()]),
            (json!("{key_schema_id}"), "7", vec!["body".into()]),
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
