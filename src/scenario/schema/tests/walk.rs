//! What the schema says of each place of a scenario. Places are written as in messages, but for items (`topics[]`) and
//! members of any name (`stack.kafka.properties.*`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What the schema says of one place.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The fields of the mapping that may stand there.
    pub(super) fields: BTreeSet<String>,
    /// The schemas that stand there, without what they refer to.
    pub(super) schemas: Vec<Value>,
}

/// Templates hold whatever JSON there is; the decoder takes them as they are.
const TEMPLATE: &str = "#/$defs/template";

/// All places.
pub(super) fn places(schema: &Value) -> BTreeMap<String, Told> {
    let mut places = BTreeMap::new();
    walk(schema, schema, "", &mut places);
    places
}

fn walk(root: &Value, schema: &Value, place: &str, places: &mut BTreeMap<String, Told>) {
    places.entry(place.to_owned()).or_default().schemas.push(schema.clone());
    if let Some(reference) = schema["$ref"].as_str().filter(|reference| *reference != TEMPLATE) {
        let pointer = reference.strip_prefix('#').expect("references stay within the schema");
        walk(root, root.pointer(pointer).expect("references lead somewhere"), place, places);
    }
    for group in ["anyOf", "oneOf", "allOf"] {
        for part in schema[group].as_array().into_iter().flatten() {
            walk(root, part, place, places);
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        places.entry(place.to_owned()).or_default().fields.insert(name.clone());
        let child = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        walk(root, field, &child, places);
    }
    if schema["items"].is_object() {
        walk(root, &schema["items"], &format!("{place}[]"), places);
    }
    let named = schema["patternProperties"].as_object().into_iter().flat_map(|named| named.values());
    let any = Some(&schema["additionalProperties"]).filter(|any| any.is_object());
    for member in named.chain(any).filter(|member| member["$ref"] != "#/$defs/emptied") {
        walk(root, member, &format!("{place}.*"), places);
    }
}

/// The place that a path of a message means. Where there is no such field, the name is one that people choose.
pub(super) fn place_of(path: &str, places: &BTreeMap<String, Told>) -> String {
    let mut bracketed = String::new();
    let mut rest = path;
    while let Some(at) = rest.find('[') {
        let end = at + rest[at..].find(']').expect("brackets are closed");
        bracketed.push_str(&rest[..at]);
        let index = rest[at + 1..end].bytes().all(|b| b.is_ascii_digit());
        bracketed.push_str(if index { "[]" } else { ".*" });
        rest = &rest[end + 1..];
    }
    bracketed.push_str(rest);
    let mut place = String::new();
    for step in bracketed.split('.') {
        let dot = if place.is_empty() { "" } else { "." };
        let (named, chosen) = (format!("{place}{dot}{step}"), format!("{place}{dot}*"));
        place = if !places.contains_key(&named) && places.contains_key(&chosen) { chosen } else { named };
    }
    place
}

/// Every value in `value` with its JSON pointer, its path as messages have it, and the place of the schema that it stands
/// at; what stands in templates is left out.
pub(super) fn values<'v>(value: &'v Value, places: &BTreeMap<String, Told>) -> Vec<Here<'v>> {
    let mut found = Vec::new();
    let root = Here { value, pointer: String::new(), path: String::new(), place: String::new() };
    visit(root, places, &mut found);
    found
}

/// A value of a scenario.
#[derive(Clone)]
pub(super) struct Here<'v> {
    pub(super) value: &'v Value,
    pub(super) pointer: String,
    pub(super) path: String,
    pub(super) place: String,
}

fn visit<'v>(here: Here<'v>, places: &BTreeMap<String, Told>, found: &mut Vec<Here<'v>>) {
    found.push(here.clone());
    let Here { value, pointer, path, place } = here;
    if place.ends_with("payload.template") {
        return;
    }
    let dot = if path.is_empty() { "" } else { "." };
    match value {
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                let child = Here {
                    value,
                    pointer: format!("{pointer}/{index}"),
                    path: format!("{path}[{index}]"),
                    place: format!("{place}[]"),
                };
                visit(child, places, found);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                let field = places.get(&place).is_some_and(|told| told.fields.contains(name));
                let step = if field { name.as_str() } else { "*" };
                let simple = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                let child = Here {
                    value,
                    pointer: format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
                    path: if simple { format!("{path}{dot}{name}") } else { format!("{path}[{name}]") },
                    place: format!("{place}{dot}{step}"),
                };
                visit(child, places, found);
            }
        }
        _ => {}
    }
}

/// `value` with what stands at `pointer` replaced.
pub(super) fn replaced(value: &Value, pointer: &str, new: &Value) -> Value {
    let mut changed = value.clone();
    put(&mut changed, pointer, new);
    changed
}

/// Puts `new` where something else stands.
pub(super) fn put(value: &mut Value, pointer: &str, new: &Value) {
    *value.pointer_mut(pointer).expect("the pointer was made from the value") = new.clone();
}
