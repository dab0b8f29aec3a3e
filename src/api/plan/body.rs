//! Holding bodies against their models (API Gateway Developer Guide, "Request validation for REST APIs").

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::api::expression::LARGEST;
use crate::api::model::Remark;

/// The type of a body, from its `Content-Type`: `application/json` without one. Parameters of the type, such as `charset`, do
/// not count; what the real gateway does with them is not documented.
#[must_use]
pub fn media_type(content_type: Option<&str>) -> &str {
    content_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim()
}

/// Models made ready, each once, however many routes share it.
#[derive(Default)]
pub(super) struct Validators(BTreeMap<*const Value, Result<Arc<Validator>, String>>);

impl Validators {
    /// # Errors
    /// Why it is no schema.
    fn of(&mut self, schema: &Arc<Value>) -> Result<Arc<Validator>, String> {
        // The API holds the schema for longer than this is there, so that the place stays its own.
        let ready = self.0.entry(Arc::as_ptr(schema)).or_insert_with(|| {
            let patterns = PatternOptions::fancy_regex().size_limit(LARGEST);
            let built = jsonschema::draft4::options().with_pattern_options(patterns).build(schema);
            built.map(Arc::new).map_err(|error| error.to_string())
        });
        ready.clone()
    }
}

/// The models of a route's bodies.
#[derive(Debug)]
pub struct BodyCheck {
    /// By media type, in small letters.
    models: Vec<(String, Arc<Validator>)>,
    /// The model of all other types.
    default: Option<Arc<Validator>>,
}

impl BodyCheck {
    /// Models that are no JSON Schema of draft 4 are added to `unsupported`.
    pub(super) fn new(
        models: &BTreeMap<String, Arc<Value>>,
        pointer: &str,
        validators: &mut Validators,
        unsupported: &mut Vec<Remark>,
    ) -> Self {
        let mut check = Self { models: Vec::new(), default: None };
        for (media, schema) in models {
            match validators.of(schema) {
                Ok(model) if media == "$default" => check.default = Some(model),
                Ok(model) => check.models.push((media.to_ascii_lowercase(), model)),
                Err(error) => unsupported.push(Remark {
                    pointer: pointer.to_owned(),
                    message: format!("has a model for `{media}` that is no JSON Schema of draft 4: {error}"),
                }),
            }
        }
        check
    }

    /// Holds a body against the model of its type; one without a model fits. JSON that nests deeper than 128 levels does not fit: the parser stops there.
    ///
    /// # Errors
    /// What is wrong, for `$context.error.validationErrorString`.
    pub fn check(&self, content_type: Option<&str>, body: &[u8]) -> Result<(), String> {
        let media = media_type(content_type);
        let model = self.models.iter().find(|(modelled, _)| modelled.eq_ignore_ascii_case(media));
        let Some(model) = model.map(|(_, model)| model).or(self.default.as_ref()) else { return Ok(()) };
        let value: Value =
            serde_json::from_slice(body).map_err(|_| "Can not parse JSON object".to_owned())?;
        if model.is_valid(&value) {
            return Ok(());
        }
        // What is wrong is named by its place, without the value, which is the partner's.
        let errors: Vec<String> = model
            .iter_errors(&value)
            .take(5)
            .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
            .collect();
        Err(format!("[{}]", errors.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check() -> BodyCheck {
        let produce = json!({ "type": "object", "required": ["records"], "properties": { "records": { "type": "array" } } });
        of("application/vnd.kafka.json.v2+json", produce, &mut Vec::new())
    }

    fn of(media: &str, schema: Value, unsupported: &mut Vec<Remark>) -> BodyCheck {
        let models = [(media.to_owned(), Arc::new(schema))].into();
        BodyCheck::new(&models, "/p", &mut Validators::default(), unsupported)
    }

    #[test]
    fn bodies_of_modelled_types_must_fit() {
        for media in
            ["application/vnd.kafka.json.v2+json", "Application/VND.kafka.json.v2+json; charset=utf-8"]
        {
            let fits = |body: &str| check().check(Some(media), body.as_bytes()).is_ok();
            assert!(fits(r#"{"records":[{"value":1}],"x":2}"#) && fits(r#"{"records":[]}"#));
            for bad in ["", "x", "null", "[]", "{}", r#"{"records":{}}"#] {
                assert!(!fits(bad), "{bad}");
            }
        }
        let error = check().check(Some("application/vnd.kafka.json.v2+json"), br#"{"records":"s3cret"}"#);
        let error = error.unwrap_err();
        assert!(
            error.contains("/records") && error.contains("array") && !error.contains("s3cret"),
            "{error}"
        );
    }

    #[test]
    fn bodies_of_other_types_slip_through() {
        assert!(check().check(Some("application/json"), b"x").is_ok());
        assert!(check().check(None, b"").is_ok());
    }

    #[test]
    fn a_default_model_catches_them() {
        let check = of("$default", json!({ "type": "object" }), &mut Vec::new());
        assert!(check.check(Some("text/plain"), b"{}").is_ok());
        assert!(check.check(Some("text/plain"), b"x").is_err() && check.check(None, b"[]").is_err());
    }

    #[test]
    fn what_is_no_schema_is_remarked() {
        let mut unsupported = Vec::new();
        of("a/b", json!({ "type": "nonsense" }), &mut unsupported);
        assert!(unsupported[0].message.contains("no JSON Schema of draft 4"), "{unsupported:?}");
    }
}
