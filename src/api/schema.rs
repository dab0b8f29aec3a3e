//! Models of bodies, with all that they refer to in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::cursor::Cursor;
use super::model::{Remark, Specification};

/// The most values that all models of a document may hold together, each with what it refers to. What is held in memory is
/// some hundred bytes for each.
pub(super) const LARGEST: usize = 1 << 20;

/// A schema, whole, and what it refers to that is not there.
#[derive(Clone)]
struct Whole {
    schema: Arc<Value>,
    missing: Vec<String>,
}

/// The models of a document.
pub(super) struct Models<'d> {
    definitions: Option<Cursor<'d>>,
    /// Those that are nothing but a reference, by it: most routes refer to the same few.
    shared: BTreeMap<String, Whole>,
    /// How many values those hold that have been made whole so far.
    values: usize,
}

impl<'d> Models<'d> {
    pub(super) fn new(root: &Cursor<'d>, specification: Specification) -> Self {
        let definitions = match specification {
            Specification::OpenApi3 => root.member("components").and_then(|parts| parts.member("schemas")),
            Specification::Swagger2 => root.member("definitions"),
        };
        Self { definitions, shared: BTreeMap::new(), values: 0 }
    }

    /// Whether they hold more than [`LARGEST`] values; those that are made whole from there on are wrong.
    pub(super) fn are_too_large(&self) -> bool {
        self.values > LARGEST
    }

    /// A schema that stands for itself: references lead to its own `definitions`. JSON Schema draft 4, as API Gateway reads
    /// models (Developer Guide, "Data models for REST APIs").
    pub(super) fn whole(&mut self, schema: &Cursor<'_>, unsupported: &mut Vec<Remark>) -> Arc<Value> {
        let members = schema.value.as_object();
        let reference = members.filter(|members| members.len() == 1).and_then(|_| schema.text("$ref"));
        let kept = reference.and_then(|reference| self.shared.get(reference).cloned());
        let whole = kept.unwrap_or_else(|| self.made_whole(schema.value));
        for name in &whole.missing {
            unsupported
                .push(schema.remark(format!("refers to `{name}`, which is none of the document's models")));
        }
        if let Some(reference) = reference {
            self.shared.entry(reference.to_owned()).or_insert_with(|| whole.clone());
        }
        whole.schema
    }

    fn made_whole(&mut self, schema: &Value) -> Whole {
        let mut wanted = Vec::new();
        let mut missing = Vec::new();
        let mut top = rewritten(schema, &mut wanted, &mut missing);
        self.values += count(&top);
        let mut found = Map::new();
        while let Some(name) = wanted.pop() {
            if found.contains_key(&name) {
                continue;
            }
            if self.are_too_large() {
                break;
            }
            let definition = self.definitions.as_ref().and_then(|all| all.member(&name));
            if definition.is_none() {
                missing.push(name.clone());
            }
            let definition =
                definition.map_or(json!({}), |of| rewritten(of.value, &mut wanted, &mut missing));
            self.values += count(&definition);
            found.insert(name, definition);
        }
        found.sort_keys();
        if let (false, Value::Object(top)) = (found.is_empty(), &mut top) {
            // Beside a reference, nothing counts in draft 4.
            if let Some(reference) = top.remove("$ref") {
                *top = Map::new();
                top.insert("allOf".into(), json!([{ "$ref": reference }]));
            }
            top.insert("definitions".into(), Value::Object(found));
        }
        Whole { schema: Arc::new(top), missing }
    }
}

/// How many values a value is made of.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(members) => members.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
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
        let mut models = Models::new(&root, Specification::Swagger2);
        let mut whole =
            |name, unsupported: &mut Vec<Remark>| models.whole(&root.member(name).unwrap(), unsupported);
        let x = whole("x", &mut unsupported);
        assert!(Arc::ptr_eq(&x, &whole("x", &mut unsupported)), "it is made once");
        assert_eq!(
            *x,
            json!({ "allOf": [{ "$ref": "#/definitions/A" }], "definitions": {
                "A": { "properties": { "b": { "$ref": "#/definitions/B" } } },
                "B": { "items": { "$ref": "#/definitions/A" } },
            } })
        );
        assert_eq!(unsupported, []);
        for _ in 0..2 {
            whole("y", &mut unsupported);
            let gone = unsupported.pop().unwrap();
            assert!(unsupported.is_empty() && gone.message.contains("`Gone`") && gone.pointer == "/y");
        }
    }
}
