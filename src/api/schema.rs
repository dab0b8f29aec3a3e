//! Models of bodies, with all that they refer to in them.

use serde_json::{Map, Value, json};

use super::cursor::Cursor;
use super::model::{Remark, Specification};

/// A schema that stands for itself: references lead to its own `definitions`. JSON Schema draft 4, as API Gateway reads
/// models (Developer Guide, "Data models for REST APIs").
pub(super) fn whole(
    root: &Cursor<'_>,
    specification: Specification,
    schema: &Cursor<'_>,
    unsupported: &mut Vec<Remark>,
) -> Value {
    let definitions = match specification {
        Specification::OpenApi3 => root.member("components").and_then(|parts| parts.member("schemas")),
        Specification::Swagger2 => root.member("definitions"),
    };
    let mut wanted = Vec::new();
    let mut missing = Vec::new();
    let mut top = rewritten(schema.value, &mut wanted, &mut missing);
    let mut found = Map::new();
    while let Some(name) = wanted.pop() {
        if found.contains_key(&name) {
            continue;
        }
        let definition = definitions.as_ref().and_then(|all| all.member(&name));
        if definition.is_none() {
            missing.push(name.clone());
        }
        let definition = definition.map_or(json!({}), |of| rewritten(of.value, &mut wanted, &mut missing));
        found.insert(name, definition);
    }
    found.sort_keys();
    for name in missing {
        unsupported
            .push(schema.remark(format!("refers to `{name}`, which is none of the document's models")));
    }
    if let (false, Value::Object(top)) = (found.is_empty(), &mut top) {
        // Beside a reference, nothing counts in draft 4.
        if let Some(reference) = top.remove("$ref") {
            *top = Map::new();
            top.insert("allOf".into(), json!([{ "$ref": reference }]));
        }
        top.insert("definitions".into(), Value::Object(found));
    }
    top
}

/// A schema whose references lead to `definitions`; adds the names of what it refers to.
fn rewritten(schema: &Value, wanted: &mut Vec<String>, missing: &mut Vec<String>) -> Value {
    match schema {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let value = match (name.as_str(), value) {
                    ("$ref", Value::String(reference)) => {
                        if let Some(name) = name_of(reference) {
                            wanted.push(name.clone());
                            Value::from(format!("#/definitions/{name}"))
                        } else {
                            missing.push(reference.clone());
                            value.clone()
                        }
                    }
                    _ => rewritten(value, wanted, missing),
                };
                (name.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => items.iter().map(|item| rewritten(item, wanted, missing)).collect(),
        other => other.clone(),
    }
}

/// The model that a reference names.
fn name_of(reference: &str) -> Option<String> {
    let named = ["#/components/schemas/", "#/definitions/"];
    let name = named.iter().find_map(|prefix| reference.strip_prefix(prefix)).or_else(|| {
        let model = reference.strip_prefix("https://apigateway.amazonaws.com/restapis/")?;
        model.split_once("/models/").map(|(_, name)| name)
    });
    // Model names are alphanumeric; anything else needs another way through the document.
    name.filter(|name| !name.is_empty() && !name.contains(['/', '~', '%'])).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_comes_along_even_in_a_ring() {
        let document = json!({ "definitions": {
            "A": { "properties": { "b": { "$ref": "#/definitions/B" } } },
            "B": { "items": { "$ref": "https://apigateway.amazonaws.com/restapis/abc/models/A" } },
            "C": { "type": "string" },
        }, "x": { "$ref": "#/definitions/A" }, "y": { "$ref": "#/definitions/Gone" } });
        let root = Cursor::root(&document);
        let mut unsupported = Vec::new();
        let whole = |name, unsupported: &mut Vec<Remark>| {
            super::whole(&root, Specification::Swagger2, &root.member(name).unwrap(), unsupported)
        };
        assert_eq!(
            whole("x", &mut unsupported),
            json!({ "allOf": [{ "$ref": "#/definitions/A" }], "definitions": {
                "A": { "properties": { "b": { "$ref": "#/definitions/B" } } },
                "B": { "items": { "$ref": "#/definitions/A" } },
            } })
        );
        assert_eq!(unsupported, []);
        whole("y", &mut unsupported);
        assert_eq!(unsupported.len(), 1);
        assert!(unsupported[0].message.contains("`Gone`") && unsupported[0].pointer == "/y");
    }
}
