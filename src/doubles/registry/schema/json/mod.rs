//! JSON Schemas up to draft 7 as everit's library takes them, and data that are to fit them.
//!
//! Why not the `jsonschema` crate: partners see everit's words for the first and only violation, or how many there are, and
//! both follow from how everit takes a schema apart. The crate tells whether texts are of a format.

mod load;
mod validate;

use std::borrow::Cow;

use fancy_regex::Regex;
use serde_json::Value;

use super::hash_map;
use crate::doubles::jackson::{self, Parser, Source, Version};

use super::Misfit;

/// It is no schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doubles::registry) struct Invalid;

type Ref = usize;

/// A schema, taken apart.
#[derive(Debug)]
pub(in crate::doubles::registry) struct Schema {
    nodes: Vec<Node>,
    root: Ref,
    title: Option<String>,
}

#[derive(Debug, Default)]
struct Node {
    rule: Rule,
    default: Option<Value>,
}

#[derive(Debug, Default)]
enum Rule {
    #[default]
    Anything,
    Nothing,
    Enum(Vec<Value>),
    Const(Value),
    Not(Ref, String),
    Reference(Ref),
    Boolean,
    Null,
    Number(NumberRule),
    String(StringRule),
    Array(ArrayRule),
    Object(ObjectRule),
    Combined(Criterion, Vec<Ref>),
    Conditional {
        condition: Ref,
        then: Option<Ref>,
        otherwise: Option<Ref>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Criterion {
    All,
    Any,
    One,
}

/// Whether a value of another type breaks a rule, or passes it by.
type Required = bool;

#[derive(Debug, Default)]
struct NumberRule {
    required: Required,
    integer: bool,
    minimum: Option<Value>,
    maximum: Option<Value>,
    exclusive_minimum: Option<Value>,
    exclusive_maximum: Option<Value>,
    multiple_of: Option<Value>,
}

#[derive(Debug, Default)]
struct StringRule {
    required: Required,
    min_length: Option<usize>,
    max_length: Option<usize>,
    /// As it is written, and as it is applied.
    pattern: Option<(String, Regex)>,
    format: Option<(String, jsonschema::Validator)>,
}

#[derive(Debug, Default)]
struct ArrayRule {
    required: Required,
    min_items: Option<usize>,
    max_items: Option<usize>,
    unique: bool,
    all: Option<Ref>,
    tuple: Option<Vec<Ref>>,
    additional: Option<Additional>,
    contains: Option<Ref>,
}

#[derive(Debug, Clone, Copy)]
enum Additional {
    Allowed(bool),
    Schema(Ref),
}

#[derive(Debug, Default)]
struct ObjectRule {
    required: Required,
    names: Option<Ref>,
    required_keys: Vec<String>,
    min_properties: Option<usize>,
    max_properties: Option<usize>,
    additional: Option<Additional>,
    properties: Vec<(String, Ref)>,
    patterns: Vec<(Regex, Ref)>,
    dependencies: Vec<(String, Vec<String>)>,
    schema_dependencies: Vec<(String, Ref)>,
}

impl Schema {
    /// The schema that `text` holds, and how Jackson writes it.
    pub(in crate::doubles::registry) fn parse(text: &str) -> Result<(Self, String), Invalid> {
        let source = Source::new(text.as_bytes()).map_err(|_| Invalid)?;
        let mut parser = Parser::new(&source, Version::V2_18);
        let mut written = Vec::new();
        parser.advance().map_err(|_| Invalid)?.ok_or(Invalid)?;
        jackson::write_tree(&mut parser, &mut written).map_err(|_| Invalid)?;
        let document: Value = serde_json::from_slice(&written).map_err(|_| Invalid)?;
        let schema = load::load(&document)?;
        Ok((schema, String::from_utf8(written).map_err(|_| Invalid)?))
    }

    pub(in crate::doubles::registry) fn title(&self) -> Option<String> {
        self.title.clone()
    }

    /// The text of `data`, which is JSON as Jackson writes it. Since 7.6 the proxy lets the validated object land: with what the
    /// schema has for members that are missing, and with its members in the order of Java's hash map.
    ///
    /// # Errors
    /// [`Misfit`], where they do not fit.
    pub(in crate::doubles::registry) fn encode(
        &self,
        data: &[u8],
        version: Version,
    ) -> Result<Vec<u8>, Misfit> {
        let mut subject: Value = serde_json::from_slice(data).map_err(|_| Misfit::Unexpected)?;
        if let Some(failure) = validate::validate(self, &mut subject) {
            return Err(Misfit::Told(failure.told()));
        }
        if version < Version::V2_18 || !(subject.is_object() || subject.is_array()) {
            return Ok(data.to_owned());
        }
        Ok(jackson::write(&hashed(subject)))
    }
}

/// Every object's members in the order of Java's hash map.
fn hashed(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, hashed(value))).collect();
            hash_map::in_order_of_strings(members, 16).into_iter().collect()
        }
        Value::Array(elements) => elements.into_iter().map(hashed).collect(),
        other => other,
    }
}

/// A value as `toString` shows it.
fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(_) | Value::Object(_) => {
            let written = jackson::write(&hashed(shortened(value.clone())));
            Cow::Owned(jackson::with_plain_surrogates(&written))
        }
        other => Cow::Owned(other.to_string()),
    }
}

/// Numbers within arrays and objects are shown without zeroes at the end of a fraction.
fn shortened(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, shortened(value))).collect(),
        Value::Array(elements) => elements.into_iter().map(shortened).collect(),
        Value::Number(number) => {
            let text = number.to_string();
            let is_plain = text.contains('.') && !text.contains(['e', 'E']);
            let short = text.trim_end_matches('0').trim_end_matches('.');
            let short = if is_plain { short.parse().ok() } else { None };
            Value::Number(short.unwrap_or(number))
        }
        other => other,
    }
}
