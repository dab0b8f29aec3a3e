//! A schema, taken apart as everit's loader does: each group of keywords becomes a rule, and several become one that wants all.

use std::collections::HashMap;

use fancy_regex::Regex;
use serde_json::{Map, Value, json};

use super::{
    Additional, ArrayRule, Criterion, Invalid, Node, NumberRule, ObjectRule, Ref, Rule, Schema, StringRule,
};

const ARRAY: [&str; 6] = ["items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"];
const OBJECT: [&str; 8] = [
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "dependencies",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
];
const NUMBER: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const STRING: [&str; 4] = ["minLength", "maxLength", "pattern", "format"];
const CONDITIONAL: [&str; 3] = ["if", "then", "else"];

/// How deep a schema may be nested.
const DEPTH: usize = 120;

pub(super) fn load(document: &Value) -> Result<Schema, Invalid> {
    let mut loader = Loader { document, nodes: Vec::new(), references: HashMap::new(), depth: 0 };
    let root = loader.load(document)?;
    let title = document.get("title").and_then(Value::as_str).map(str::to_owned);
    Ok(Schema { nodes: loader.nodes, root, title })
}

struct Loader<'d> {
    document: &'d Value,
    nodes: Vec<Node>,
    /// What pointers lead to.
    references: HashMap<String, Ref>,
    depth: usize,
}

impl Loader<'_> {
    fn add(&mut self, rule: Rule) -> Ref {
        self.nodes.push(Node { rule, default: None });
        self.nodes.len() - 1
    }

    fn load(&mut self, schema: &Value) -> Result<Ref, Invalid> {
        if self.depth == DEPTH {
            return Err(Invalid);
        }
        self.depth += 1;
        let at = match schema {
            Value::Bool(true) => self.add(Rule::Anything),
            Value::Bool(false) => self.add(Rule::Nothing),
            Value::Object(members) => self.object(members)?,
            _ => return Err(Invalid),
        };
        self.depth -= 1;
        Ok(at)
    }

    fn is_draft_4(&self) -> bool {
        let draft = self.document.get("$schema").and_then(Value::as_str);
        draft.is_some_and(|draft| draft.contains("json-schema.org/draft-04/"))
    }

    fn object(&mut self, members: &Map<String, Value>) -> Result<Ref, Invalid> {
        if let Some(reference) = members.get("$ref") {
            let target = self.reference(reference.as_str().ok_or(Invalid)?)?;
            return Ok(self.add(Rule::Reference(target)));
        }
        let mut rest: Vec<&str> = members.keys().map(String::as_str).collect();
        let mut rules = Vec::new();
        if let Some(values) = members.get("enum") {
            let values = values.as_array().ok_or(Invalid)?.clone();
            rules.push(self.add(Rule::Enum(values)));
        }
        for (key, criterion) in
            [("oneOf", Criterion::One), ("anyOf", Criterion::Any), ("allOf", Criterion::All)]
        {
            if let Some(parts) = members.get(key) {
                let mut of = Vec::new();
                for part in parts.as_array().ok_or(Invalid)? {
                    of.push(self.load(part)?);
                }
                rules.push(self.add(Rule::Combined(criterion, of)));
            }
        }
        if let Some(not) = members.get("not") {
            let text = not.to_string();
            let not = self.load(not)?;
            rules.push(self.add(Rule::Not(not, text)));
        }
        if let Some(value) = members.get("const") {
            rules.push(self.add(Rule::Const(value.clone())));
        }
        match members.get("type") {
            None => {}
            Some(Value::String(name)) => {
                rules.push(self.explicit(name, members, &mut rest)?);
            }
            Some(Value::Array(names)) => {
                let mut of = Vec::new();
                for name in names {
                    of.push(self.explicit(name.as_str().ok_or(Invalid)?, members, &mut rest)?);
                }
                rules.push(self.add(Rule::Combined(Criterion::Any, of)));
            }
            Some(_) => return Err(Invalid),
        }
        let has = |rest: &[&str], keys: &[&str]| keys.iter().any(|key| rest.contains(key));
        if has(&rest, &ARRAY) {
            let rule = self.array(members, false)?;
            rules.push(self.add(Rule::Array(rule)));
        }
        if has(&rest, &OBJECT) {
            let rule = self.properties(members, false)?;
            rules.push(self.add(Rule::Object(rule)));
        }
        if has(&rest, &NUMBER) {
            rules.push(self.add(Rule::Number(number(members, false, self.is_draft_4())?)));
        }
        if has(&rest, &STRING) {
            rules.push(self.add(Rule::String(string(members, false)?)));
        }
        if has(&rest, &CONDITIONAL)
            && let Some(condition) = members.get("if")
        {
            let condition = self.load(condition)?;
            let then = members.get("then").map(|then| self.load(then)).transpose()?;
            let otherwise = members.get("else").map(|otherwise| self.load(otherwise)).transpose()?;
            if then.is_some() || otherwise.is_some() {
                rules.push(self.add(Rule::Conditional { condition, then, otherwise }));
            }
        }
        let at = match rules.as_slice() {
            [] => self.add(Rule::Anything),
            [one] => *one,
            _ => self.add(Rule::Combined(Criterion::All, rules)),
        };
        self.nodes[at].default = members.get("default").cloned();
        Ok(at)
    }

    /// What a pointer into the document leads to. Other documents cannot be had.
    fn reference(&mut self, reference: &str) -> Result<Ref, Invalid> {
        if let Some(known) = self.references.get(reference) {
            return Ok(*known);
        }
        let pointer = reference.strip_prefix('#').ok_or(Invalid)?;
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8().map_err(|_| Invalid)?;
        let target = self.document.pointer(&pointer).ok_or(Invalid)?;
        // It may lead to itself, so it is there before it is known.
        let at = self.add(Rule::Anything);
        self.references.insert(reference.to_owned(), at);
        let loaded = self.load(target)?;
        self.nodes[at].rule = Rule::Reference(loaded);
        Ok(at)
    }

    fn explicit(
        &mut self,
        name: &str,
        members: &Map<String, Value>,
        rest: &mut Vec<&str>,
    ) -> Result<Ref, Invalid> {
        let (rule, keys): (Rule, &[&str]) = match name {
            "string" => (Rule::String(string(members, true)?), &STRING),
            "integer" => (
                Rule::Number(NumberRule { integer: true, ..number(members, true, self.is_draft_4())? }),
                &NUMBER,
            ),
            "number" => (Rule::Number(number(members, true, self.is_draft_4())?), &NUMBER),
            "boolean" => (Rule::Boolean, &[]),
            "null" => (Rule::Null, &[]),
            "array" => (Rule::Array(self.array(members, true)?), &ARRAY),
            "object" => (Rule::Object(self.properties(members, true)?), &OBJECT),
            _ => return Err(Invalid),
        };
        rest.retain(|key| !keys.contains(key));
        Ok(self.add(rule))
    }

    fn array(&mut self, members: &Map<String, Value>, required: bool) -> Result<ArrayRule, Invalid> {
        let (mut all, mut tuple) = (None, None);
        match members.get("items") {
            None => {}
            Some(Value::Array(items)) => {
                let mut of = Vec::new();
                for item in items {
                    of.push(self.load(item)?);
                }
                tuple = Some(of);
            }
            Some(items) => all = Some(self.load(items)?),
        }
        Ok(ArrayRule {
            required,
            min_items: size(members, "minItems")?,
            max_items: size(members, "maxItems")?,
            unique: flag(members, "uniqueItems")?,
            all,
            tuple,
            additional: self.additional(members, "additionalItems")?,
            contains: members.get("contains").map(|schema| self.load(schema)).transpose()?,
        })
    }

    fn additional(&mut self, members: &Map<String, Value>, key: &str) -> Result<Option<Additional>, Invalid> {
        Ok(match members.get(key) {
            None => None,
            Some(Value::Bool(allowed)) => Some(Additional::Allowed(*allowed)),
            Some(schema) => Some(Additional::Schema(self.load(schema)?)),
        })
    }

    fn properties(&mut self, members: &Map<String, Value>, required: bool) -> Result<ObjectRule, Invalid> {
        let object = |key: &str| match members.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Object(of)) => Ok(of.iter().collect()),
            Some(_) => Err(Invalid),
        };
        let mut rule = ObjectRule {
            required,
            min_properties: size(members, "minProperties")?,
            max_properties: size(members, "maxProperties")?,
            additional: self.additional(members, "additionalProperties")?,
            names: members.get("propertyNames").map(|schema| self.load(schema)).transpose()?,
            ..ObjectRule::default()
        };
        if let Some(keys) = members.get("required") {
            rule.required_keys = strings(keys)?;
        }
        for (name, schema) in object("properties")? {
            if name != "$id" || schema.is_object() {
                rule.properties.push((name.clone(), self.load(schema)?));
            }
        }
        for (pattern, schema) in object("patternProperties")? {
            rule.patterns.push((regex(pattern)?, self.load(schema)?));
        }
        for (name, needs) in object("dependencies")? {
            if needs.is_array() {
                rule.dependencies.push((name.clone(), strings(needs)?));
            } else {
                rule.schema_dependencies.push((name.clone(), self.load(needs)?));
            }
        }
        Ok(rule)
    }
}

fn number(members: &Map<String, Value>, required: bool, is_draft_4: bool) -> Result<NumberRule, Invalid> {
    let limit = |key: &str| match members.get(key) {
        None => Ok(None),
        Some(limit) if limit.is_number() => Ok(Some(limit.clone())),
        Some(_) => Err(Invalid),
    };
    let multiple_of = limit("multipleOf")?;
    if multiple_of.as_ref().and_then(Value::as_f64) == Some(0.0) {
        return Err(Invalid);
    }
    // In draft 4 it is told of a limit whether it is exclusive; since then an exclusive one stands by itself.
    let limits = |inclusive: &str, exclusive: &str| {
        Ok(match is_draft_4 {
            true if flag(members, exclusive)? => (None, limit(inclusive)?),
            true => (limit(inclusive)?, None),
            false => (limit(inclusive)?, limit(exclusive)?),
        })
    };
    let (minimum, exclusive_minimum) = limits("minimum", "exclusiveMinimum")?;
    let (maximum, exclusive_maximum) = limits("maximum", "exclusiveMaximum")?;
    Ok(NumberRule {
        required,
        integer: false,
        minimum,
        maximum,
        exclusive_minimum,
        exclusive_maximum,
        multiple_of,
    })
}

fn string(members: &Map<String, Value>, required: bool) -> Result<StringRule, Invalid> {
    let text = |key: &str| match members.get(key) {
        None => Ok(None),
        Some(text) => text.as_str().map(Some).ok_or(Invalid),
    };
    let pattern =
        text("pattern")?.map(|text| regex(text).map(|regex| (text.to_owned(), regex))).transpose()?;
    let format = text("format")?.and_then(|format| {
        let options = jsonschema::draft7::options().should_validate_formats(true);
        let validator = options.build(&json!({ "format": format })).ok()?;
        Some((format.to_owned(), validator))
    });
    Ok(StringRule {
        required,
        min_length: size(members, "minLength")?,
        max_length: size(members, "maxLength")?,
        pattern,
        format,
    })
}

/// A pattern as Java reads it, whose classes of characters are of ASCII.
fn regex(pattern: &str) -> Result<Regex, Invalid> {
    let mut ours = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            ours.push(character);
            continue;
        }
        match characters.next() {
            Some('d') => ours.push_str("[0-9]"),
            Some('D') => ours.push_str("[^0-9]"),
            Some('w') => ours.push_str("[a-zA-Z_0-9]"),
            Some('W') => ours.push_str("[^a-zA-Z_0-9]"),
            Some('s') => ours.push_str("[ \\t\\n\\x0b\\f\\r]"),
            Some('S') => ours.push_str("[^ \\t\\n\\x0b\\f\\r]"),
            other => {
                ours.push('\\');
                ours.extend(other);
            }
        }
    }
    Regex::new(&ours).map_err(|_| Invalid)
}

fn size(members: &Map<String, Value>, key: &str) -> Result<Option<usize>, Invalid> {
    match members.get(key) {
        None => Ok(None),
        Some(size) => size.as_u64().and_then(|size| usize::try_from(size).ok()).map(Some).ok_or(Invalid),
    }
}

fn flag(members: &Map<String, Value>, key: &str) -> Result<bool, Invalid> {
    members.get(key).map_or(Ok(false), |flag| flag.as_bool().ok_or(Invalid))
}

fn strings(list: &Value) -> Result<Vec<String>, Invalid> {
    let list = list.as_array().ok_or(Invalid)?;
    list.iter().map(|text| text.as_str().map(str::to_owned).ok_or(Invalid)).collect()
}
