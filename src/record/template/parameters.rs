//! Reading a generator's parameters.

use serde_json::{Map, Value};

use super::error::{Problem, TemplateError};
use crate::record::nearest::nearest;

/// The parameters of one generator, which remember what has been asked for.
pub(super) struct Parameters<'t> {
    /// The generator's name.
    pub(super) generator: &'static str,
    /// The generator as it might stand in a template.
    pub(super) example: &'static str,
    /// Where the parameters stand.
    pub(super) pointer: String,
    object: Option<&'t Map<String, Value>>,
    asked: Vec<&'static str>,
}

impl<'t> Parameters<'t> {
    /// The parameters in `value`, which stands at `pointer`. None at all may be written `{}` or `null`.
    pub(super) fn new(
        generator: &'static str,
        example: &'static str,
        value: &'t Value,
        pointer: &str,
    ) -> Result<Self, TemplateError> {
        let object = match value {
            Value::Null => None,
            Value::Object(object) => Some(object),
            other => {
                let problem =
                    Problem::Parameters { generator, wanted: "an object of parameters", found: kind(other) };
                return Err(TemplateError { pointer: pointer.to_owned(), problem });
            }
        };
        Ok(Self { generator, example, pointer: pointer.to_owned(), object, asked: Vec::new() })
    }

    pub(super) fn optional(&mut self, name: &'static str) -> Option<&'t Value> {
        self.asked.push(name);
        self.object?.get(name)
    }

    pub(super) fn required(&mut self, name: &'static str) -> Result<&'t Value, TemplateError> {
        self.optional(name).ok_or_else(|| self.error(self.missing(name)))
    }

    fn missing(&self, name: &'static str) -> Problem {
        Problem::Missing { generator: self.generator, name, example: self.example }
    }

    pub(super) fn error(&self, problem: Problem) -> TemplateError {
        TemplateError { pointer: self.pointer.clone(), problem }
    }

    /// The parameter `name` is not what it must be.
    pub(super) fn wrong(&self, name: &str, wanted: impl Into<String>, found: &Value) -> TemplateError {
        wrong(&format!("{}/{name}", self.pointer), wanted, found)
    }

    /// A whole number of 64 bits, or `default`; without one it must be there.
    pub(super) fn integer(&mut self, name: &'static str, default: Option<i64>) -> Result<i64, TemplateError> {
        let value = match (self.optional(name), default) {
            (Some(value), _) => value,
            (None, Some(default)) => return Ok(default),
            (None, None) => return Err(self.error(self.missing(name))),
        };
        value.as_i64().ok_or_else(|| self.wrong(name, "a whole number of 64 bits", value))
    }

    /// Refuses what nobody has asked for.
    pub(super) fn finish(self) -> Result<(), TemplateError> {
        let names = self.object.into_iter().flat_map(Map::keys);
        match names.into_iter().find(|name| !self.asked.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let suggestion = if self.asked.is_empty() {
                    "it has none".to_owned()
                } else {
                    nearest(name, self.asked.iter().copied())
                };
                Err(self.error(Problem::UnknownParameter {
                    generator: self.generator,
                    name: name.clone(),
                    suggestion,
                }))
            }
        }
    }
}

/// The value at `pointer` is not what it must be.
pub(super) fn wrong(pointer: &str, wanted: impl Into<String>, found: &Value) -> TemplateError {
    let shown: String = found.to_string().chars().take(40).collect();
    TemplateError {
        pointer: pointer.to_owned(),
        problem: Problem::Value { wanted: wanted.into(), found: shown },
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
