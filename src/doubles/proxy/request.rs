//! Reading a v2 produce request: its records, or the refusal of the whole.
//!
//! Statuses and messages are as Confluent REST Proxy 7.9 gives them; the wording of syntax errors is this
//! parser's own.

use base64::Engine as _;
use base64::alphabet::STANDARD as STANDARD_ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::StatusCode;
use serde_json::{Map, Value};

use super::jackson;

/// Base64 as `java.util.Base64` decodes it: padding may be missing, trailing bits may be set.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How keys and values stand in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Embedded {
    Json,
    Binary,
}

/// Headers of a record, in their order; a value that is `None` is null.
pub(super) type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProduceRecord {
    pub(super) partition: Option<i32>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    /// Only v3 has them.
    pub(super) headers: Headers,
    /// Milliseconds since 1970; only v3 has it.
    pub(super) timestamp: Option<i64>,
}

/// Why a request is refused as a whole; nothing of it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{0}")]
    Syntax(String),
    #[error("Cannot construct instance of `ProduceRequest` (although at least one Creator exists): no {0}")]
    NoRequest(String),
    #[error("Cannot deserialize value of type `{expected}` from {found}")]
    WrongType { expected: &'static str, found: String },
    #[error("Cannot construct instance of `ProduceRequest`, problem: at index {0}")]
    NullRecord(usize),
    #[error("Cannot construct instance of `ProduceRecord` (although at least one Creator exists): no {0}")]
    NoRecord(String),
    #[error("Numeric value ({0}) out of range of int (-2147483648 - 2147483647)")]
    PartitionRange(String),
    #[error("Bad Request: data={0} is not a valid base64 string.")]
    BadBase64(Value),
    #[error("Bad Request: data={0} is not a base64 string.")]
    NotBase64(Value),
    #[error("Unrecognized field: {0}")]
    UnknownField(String),
    #[error("{} must not be null (was null)", argument(*.0))]
    NoBody(Embedded),
    #[error("{}.records must not be empty (was [])", argument(*.0))]
    NoRecords(Embedded),
    #[error("Internal Server Error")]
    NegativePartition,
}

/// How the proxy names its method's argument in messages.
fn argument(embedded: Embedded) -> &'static str {
    match embedded {
        Embedded::Json => "produceJson.arg2",
        Embedded::Binary => "produceBinary.arg2",
    }
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::UnknownField(_) | Self::NoBody(_) | Self::NoRecords(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NegativePartition => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Members that a request may have besides its records; JSON and binary requests ignore them.
const SCHEMA_MEMBERS: [&str; 4] = ["key_schema", "key_schema_id", "value_schema", "value_schema_id"];

pub(super) fn parse(body: &[u8], embedded: Embedded) -> Result<Vec<ProduceRecord>, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::NoBody(embedded));
    }
    let document: Value = serde_json::from_slice(body).map_err(|e| Refusal::Syntax(e.to_string()))?;
    let request = match document {
        Value::Object(request) => request,
        Value::Null => return Err(Refusal::NoBody(embedded)),
        other => {
            return Err(not_constructible(&other).map_or_else(
                || Refusal::WrongType { expected: "ProduceRequest", found: token(&other) },
                Refusal::NoRequest,
            ));
        }
    };
    let mut records = Value::Null;
    for (name, value) in request {
        match name.as_str() {
            "records" => records = value,
            known if SCHEMA_MEMBERS.contains(&known) => {}
            _ => return Err(Refusal::UnknownField(name)),
        }
    }
    let records = match records {
        Value::Array(records) if !records.is_empty() => records,
        Value::Array(_) | Value::Null => return Err(Refusal::NoRecords(embedded)),
        other => return Err(Refusal::WrongType { expected: "ProduceRecord>", found: token(&other) }),
    };
    records.into_iter().enumerate().map(|(index, record)| parse_record(index, record, embedded)).collect()
}

fn parse_record(index: usize, record: Value, embedded: Embedded) -> Result<ProduceRecord, Refusal> {
    let record: Map<String, Value> = match record {
        Value::Object(record) => record,
        Value::Null => return Err(Refusal::NullRecord(index)),
        other => {
            return Err(not_constructible(&other).map_or_else(
                || Refusal::WrongType { expected: "ProduceRecord", found: token(&other) },
                Refusal::NoRecord,
            ));
        }
    };
    let mut parsed = ProduceRecord::default();
    for (name, value) in record {
        match name.as_str() {
            "partition" => parsed.partition = partition(&value)?,
            "key" => parsed.key = content(value, embedded)?,
            "value" => parsed.value = content(value, embedded)?,
            _ => return Err(Refusal::UnknownField(name)),
        }
    }
    Ok(parsed)
}

/// A partition as Jackson reads an `Integer`: strings and fractions are coerced.
pub(super) fn partition(value: &Value) -> Result<Option<i32>, Refusal> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        other => return Err(Refusal::WrongType { expected: "Integer", found: token(other) }),
    };
    let whole = if value.is_number() { text.split('.').next().unwrap_or_default() } else { &text };
    match whole.parse::<i32>() {
        Ok(partition) if partition < 0 => Err(Refusal::NegativePartition),
        Ok(partition) => Ok(Some(partition)),
        Err(_) if value.is_number() => Err(Refusal::PartitionRange(text)),
        Err(_) => Err(Refusal::WrongType {
            expected: "Integer",
            found: format!("String \"{text}\": not a valid `java.lang.Integer` value"),
        }),
    }
}

/// The bytes of a key or value; null stays null.
fn content(value: Value, embedded: Embedded) -> Result<Option<Vec<u8>>, Refusal> {
    match (embedded, value) {
        (_, Value::Null) => Ok(None),
        (Embedded::Json, value) => Ok(Some(jackson::write(&value))),
        (Embedded::Binary, Value::String(text)) => {
            BASE64.decode(&text).map(Some).map_err(|_| Refusal::BadBase64(Value::String(text)))
        }
        (Embedded::Binary, other) => Err(Refusal::NotBase64(other)),
    }
}

pub(super) fn not_constructible(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(format!(
            "String-argument constructor/factory method to deserialize from String value ('{text}')"
        )),
        Value::Number(number) => Some(format!(
            "int/Int-argument constructor/factory method to deserialize from Number value ({number})"
        )),
        Value::Bool(value) => Some(format!(
            "boolean/Boolean-argument constructor/factory method to deserialize from boolean value ({value})"
        )),
        _ => None,
    }
}

/// A value's type as Jackson's messages name it.
pub(super) fn token(value: &Value) -> String {
    let (kind, token) = match value {
        Value::Null => ("null", "VALUE_NULL"),
        Value::Bool(true) => ("Boolean", "VALUE_TRUE"),
        Value::Bool(false) => ("Boolean", "VALUE_FALSE"),
        Value::Number(_) => ("Number", "VALUE_NUMBER_INT"),
        Value::String(_) => ("String", "VALUE_STRING"),
        Value::Array(_) => ("Array", "START_ARRAY"),
        Value::Object(_) => ("Object", "START_OBJECT"),
    };
    format!("{kind} value (token `JsonToken.{token}`)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(body: &str, embedded: Embedded) -> (u16, String) {
        let refusal = parse(body.as_bytes(), embedded).unwrap_err();
        (refusal.status().as_u16(), refusal.to_string())
    }

    #[test]
    fn refusals_are_as_recorded_from_7_9() {
        let json: Vec<String> = [
            "",
            "null",
            "1",
            "{}",
            "{\"records\":[]}",
            "{\"records\":{}}",
            "{\"records\":[null]}",
            "{\"records\":[\"x\"]}",
            "{\"records\":[{\"value\":1,\"foo\":1}]}",
            "{\"records\":[{\"partition\":true,\"value\":1}]}",
            "{\"records\":[{\"partition\":\"abc\",\"value\":1}]}",
            "{\"records\":[{\"partition\":99999999999,\"value\":1}]}",
            "{\"records\":[{\"partition\":-1,\"value\":1}]}",
        ]
        .iter()
        .map(|body| format!("{body} => {:?}", refusal(body, Embedded::Json)))
        .collect();
        insta::assert_snapshot!("json_refusals", json.join("\n"));
        let binary: Vec<String> =
            ["\"-_-_\"", "\"!\"", "\"A\"", "\"AQ==AQ==\"", "\"S2Fm a2E=\"", "{\"a\":1}", "7"]
                .iter()
                .map(|value| {
                    format!(
                        "{value} => {:?}",
                        refusal(&format!("{{\"records\":[{{\"value\":{value}}}]}}"), Embedded::Binary)
                    )
                })
                .collect();
        insta::assert_snapshot!("binary_refusals", binary.join("\n"));
    }

    #[test]
    fn null_missing_and_empty_are_kept_apart() {
        let records =
            parse(b"{\"records\":[{\"value\":null},{},{\"value\":\"\",\"key\":\"\"}]}", Embedded::Binary)
                .unwrap();
        let values: Vec<_> =
            records.iter().map(|record| (record.key.clone(), record.value.clone())).collect();
        assert_eq!(values, [(None, None), (None, None), (Some(vec![]), Some(vec![]))]);
    }

    #[test]
    fn base64_is_javas() {
        let record = |text: &str| {
            parse(format!("{{\"records\":[{{\"value\":\"{text}\"}}]}}").as_bytes(), Embedded::Binary).unwrap()
                [0]
            .value
            .clone()
        };
        assert_eq!(record("S2Fma2E"), Some(b"Kafka".to_vec()));
        assert_eq!(record("S2Fma2F="), Some(b"Kafka".to_vec()));
    }

    #[test]
    fn partitions_are_coerced_as_jackson_does() {
        let body = b"{\"records\":[{\"partition\":\"1\"},{\"partition\":1.9},{\"partition\":null},{\"partition\":2}]}";
        let seen: Vec<_> =
            parse(body, Embedded::Json).unwrap().into_iter().map(|record| record.partition).collect();
        assert_eq!(seen, [Some(1), Some(1), None, Some(2)]);
    }

    proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            let _ = parse(&body, Embedded::Json);
            let _ = parse(&body, Embedded::Binary);
        }
    }
}
