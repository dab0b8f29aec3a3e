//! The API's request validator: required headers, then the body's model (Amazon API Gateway Developer Guide,
//! "Request validation for REST APIs").

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use jsonschema::Validator;
use serde_json::json;

/// Content types that have a model. A body of another type is not validated, because no `$default` model is
/// set.
const MODELLED: [&str; 2] = ["application/vnd.kafka.json.v2+json", "application/vnd.kafka.binary.v2+json"];

/// What every request must fulfil before it is forwarded.
pub(super) struct RequestValidator {
    required: Vec<(String, HeaderName)>,
    model: Validator,
}

/// A name among the required headers is no header name.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no header name; correct the gateway's required headers")]
pub struct BadHeaderName(pub String);

impl RequestValidator {
    pub(super) fn new(required: Vec<String>) -> Result<Self, BadHeaderName> {
        let parse = |name: String| match HeaderName::from_bytes(name.as_bytes()) {
            Ok(header) => Ok((name, header)),
            Err(_) => Err(BadHeaderName(name)),
        };
        let required = required.into_iter().map(parse).collect::<Result<_, _>>()?;
        // No `minItems`: the gateway's validation does not know it, so an empty list reaches the back end.
        let schema = json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "type": "object",
            "required": ["records"],
            "properties": {"records": {"type": "array", "items": {"type": "object"}}},
        });
        let model = jsonschema::draft4::new(&schema).expect("the schema above is valid");
        Ok(Self { required, model })
    }

    /// Names of the required headers that are missing or blank, as the API spells them, in its order.
    pub(super) fn missing_headers(&self, headers: &HeaderMap) -> Vec<&str> {
        let blank = |header: &HeaderName| {
            headers.get(header).is_none_or(|value| value.as_bytes().trim_ascii().is_empty())
        };
        self.required.iter().filter(|(_, header)| blank(header)).map(|(name, _)| name.as_str()).collect()
    }

    /// Whether the body fits the model of its content type. Parameters of the type, such as `charset`, do
    /// not count (the real gateway's behaviour with them is undocumented). JSON that nests deeper than 128
    /// levels does not fit: the parser stops there.
    pub(super) fn accepts_body(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let content_type =
            headers.get(CONTENT_TYPE).map_or("application/json", |value| value.to_str().unwrap_or(""));
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !MODELLED.iter().any(|modelled| modelled.eq_ignore_ascii_case(media_type)) {
            return true;
        }
        serde_json::from_slice(body).is_ok_and(|value| self.model.is_valid(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn validator() -> RequestValidator {
        RequestValidator::new(vec!["X-Request-Id".into(), "X-Source".into()]).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn headers_must_be_there_and_not_blank() {
        assert_eq!(validator().missing_headers(&headers(&[])), ["X-Request-Id", "X-Source"]);
        assert_eq!(
            validator().missing_headers(&headers(&[("x-request-id", " \t"), ("x-source", "a")])),
            ["X-Request-Id"]
        );
        assert!(
            validator().missing_headers(&headers(&[("x-request-id", "1"), ("x-source", "a")])).is_empty()
        );
        assert!(RequestValidator::new(vec!["no name".into()]).is_err());
    }

    #[test]
    fn bodies_of_modelled_types_must_fit() {
        let validator = validator();
        let accepts = |content_type, body: &str| {
            validator.accepts_body(&headers(&[("content-type", content_type)]), body.as_bytes())
        };
        for content_type in
            ["application/vnd.kafka.json.v2+json", "Application/vnd.kafka.binary.v2+json; charset=utf-8"]
        {
            assert!(accepts(content_type, r#"{"records":[{"value":1}],"x":2}"#));
            assert!(accepts(content_type, r#"{"records":[]}"#));
            for bad in ["", "x", "null", "[]", "{}", r#"{"records":[1]}"#, r#"{"records":{}}"#] {
                assert!(!accepts(content_type, bad), "{bad}");
            }
        }
    }

    #[test]
    fn bodies_of_other_types_slip_through() {
        assert!(validator().accepts_body(&headers(&[("content-type", "application/json")]), b"x"));
        assert!(validator().accepts_body(&headers(&[]), b""));
    }
}
