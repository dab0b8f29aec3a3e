//! The paths into JSON bodies that mappings and templates name: `$`, `.name`, `['name']` and `[index]`
//! (API Gateway Developer Guide, "Mapping template transformations", which takes `JSONPath`; its filters, slices and
//! wildcards are not read).

use serde_json::Value;

/// A path to one place in a JSON document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
}

impl JsonPath {
    /// Reads a path; the `$` at its beginning may be left out. `None` where it is none, or asks for more than one
    /// place.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        rest = rest.strip_prefix('$').unwrap_or(rest);
        let mut steps = Vec::new();
        if !rest.is_empty() && !rest.starts_with(['.', '[']) {
            let (name, after) = name(rest)?;
            steps.push(Step::Member(name.to_owned()));
            rest = after;
        }
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let (name, after) = name(after)?;
                steps.push(Step::Member(name.to_owned()));
                rest = after;
            } else {
                let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
                let quoted =
                    ['\'', '"'].iter().find_map(|quote| inside.strip_prefix(*quote)?.strip_suffix(*quote));
                steps.push(match quoted {
                    Some(name) => Step::Member(name.to_owned()),
                    None => Step::Item(inside.parse().ok()?),
                });
                rest = after;
            }
        }
        Some(Self(steps))
    }

    /// What stands at the place.
    #[must_use]
    pub fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(document, |value, step| match step {
            Step::Member(name) => value.get(name),
            Step::Item(index) => value.get(index),
        })
    }
}

/// A name without brackets, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let plain = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "*?()@,'\"]$:".contains(c));
    plain.then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_to_one_place() {
        let document = json!({ "records": [{ "key": "a" }, { "key.b": 2 }] });
        let find = |path: &str| JsonPath::parse(path).unwrap().find(&document).cloned();
        assert_eq!(find("$"), Some(document.clone()));
        assert_eq!(find(""), Some(document.clone()));
        assert_eq!(find("$.records[0].key"), Some(json!("a")));
        assert_eq!(find("records[1]['key.b']"), Some(json!(2)));
        assert_eq!(find("$.records[2].key"), None);
        for bad in
            ["$..key", "$.*", "$.records[*]", "$.records[?(@.key)]", "$.records[0:2]", "$.", "$[", "$x y"]
        {
            assert_eq!(JsonPath::parse(bad), None, "{bad}");
        }
    }
}
