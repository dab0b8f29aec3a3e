//! Reading a v3 produce request: JSON objects one after another, each a record or its refusal.
//!
//! Codes and messages are as Confluent REST Proxy 7.9 gives them; the wording of syntax errors is this parser's own.
//! An error between records ends the stream, one inside a record costs that record only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::doubles::proxy::jackson;
use crate::doubles::proxy::request::{
    BASE64, Headers, ProduceRecord, Refusal, not_constructible, partition, token,
};
use crate::wire::produce::ErrorEntity;

/// How a key or a value stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Binary,
    String,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Binary => "BINARY",
            Self::String => "STRING",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Json, Self::Binary, Self::String].into_iter().find(|kind| kind.name() == name)
    }
}

/// What gets a receipt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A record to write, and the types of its key and value where the request has them.
    Record { record: ProduceRecord, key: Option<Kind>, value: Option<Kind> },
    /// Why there is none.
    Refused(ErrorEntity),
}

fn refused(code: i64, message: impl Into<String>) -> ErrorEntity {
    ErrorEntity { error_code: code, message: message.into() }
}

fn bad_request(message: impl Into<String>) -> ErrorEntity {
    refused(400, message)
}

const BUILDER: &str = "io.confluent.kafkarest.entities.v3.ProduceRequest$Builder";

/// The entries of a request to `topic`.
pub(super) fn parse(body: &[u8], topic: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = body.trim_ascii_start();
    while let Some(first) = rest.first() {
        if *first != b'{' {
            entries.push(Entry::Refused(between_records(rest)));
            break;
        }
        let Some(end) = end_of_object(rest) else {
            // The record that is cut off has a receipt, and so has the stream's end.
            let error = "Unexpected end-of-input: expected close marker for Object";
            entries.push(Entry::Refused(bad_request("Unexpected end-of-input in VALUE_STRING")));
            entries
                .push(Entry::Refused(bad_request(format!("Bad Request: Error processing message: {error}"))));
            break;
        };
        let record = match serde_json::from_slice(&rest[..end]) {
            Ok(object) => parse_record(object, topic),
            Err(error) => Err(bad_request(error.to_string())),
        };
        entries.push(record.unwrap_or_else(Entry::Refused));
        rest = rest[end..].trim_ascii_start();
    }
    entries
}

/// What is said of something that is no object, where a record should begin; the stream ends there.
fn between_records(rest: &[u8]) -> ErrorEntity {
    if rest.starts_with(b"[") {
        let text = format!(
            "Cannot deserialize value of type `{BUILDER}` from Array value (token `JsonToken.START_ARRAY`)"
        );
        return bad_request(text);
    }
    let first = serde_json::Deserializer::from_slice(rest).into_iter::<Value>().next();
    match first {
        Some(Ok(value)) => match not_constructible(&value) {
            Some(reason) => bad_request(format!(
                "Cannot construct instance of `{BUILDER}` (although at least one Creator exists): no {reason}"
            )),
            None => refused(500, "Internal Server Error"),
        },
        Some(Err(error)) => bad_request(format!("Bad Request: Error processing message: {error}")),
        None => bad_request("Bad Request: Error processing message: no record"),
    }
}

/// Where the object that `text` begins with ends, by its brackets; what stands between need not be JSON.
fn end_of_object(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (index, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn parse_record(object: Map<String, Value>, topic: &str) -> Result<Entry, ErrorEntity> {
    let mut record = ProduceRecord::default();
    let (mut key, mut value) = (None, None);
    for (name, member) in object {
        match name.as_str() {
            "partition_id" => {
                record.partition = partition(&member).map_err(|refusal| match refusal {
                    Refusal::NegativePartition => refused(40402, "Partition not found."),
                    other => bad_request(other.to_string()),
                })?;
            }
            "headers" => record.headers = headers(member)?,
            "timestamp" => record.timestamp = timestamp(&member)?,
            "key" => (key, record.key) = data(member, topic, "key")?,
            "value" => (value, record.value) = data(member, topic, "value")?,
            "originalSize" => {}
            other => {
                return Err(bad_request(format!(
                    "Unrecognized field \"{other}\" (class io.confluent.kafkarest.entities.v3.AutoValue_ProduceRequest$Builder), \
                     not marked as ignorable (6 known properties: \"value\", \"originalSize\", \"partitionId\", \
                     \"headers\", \"key\", \"timestamp\"])"
                )));
            }
        }
    }
    Ok(Entry::Record { record, key, value })
}

/// A key or a value: its type, where it is there, and its bytes.
fn data(member: Value, topic: &str, part: &str) -> Result<(Option<Kind>, Option<Vec<u8>>), ErrorEntity> {
    const CLASS: &str = "io.confluent.kafkarest.entities.v3.ProduceRequest$ProduceRequestData";
    let mut object = match member {
        Value::Null => return Ok((None, None)),
        Value::Object(object) => object,
        other => {
            let text = format!("Cannot deserialize value of type `{CLASS}` from {}", token(&other));
            return Err(bad_request(text));
        }
    };
    let (kind, data) = (object.remove("type"), object.remove("data"));
    let schema = ["schema", "schema_id", "schema_version", "subject", "subject_name_strategy"];
    let kind = match kind {
        Some(Value::String(name)) if Kind::of(&name).is_some() => Kind::of(&name),
        // Formats with schemas, and a missing type, which stands for the topic's latest schema: there is no registry.
        Some(Value::String(name)) if ["AVRO", "JSONSCHEMA", "PROTOBUF"].contains(&name.as_str()) => None,
        None | Some(Value::Null) => None,
        Some(other) => {
            let text = format!(
                "Cannot construct instance of `{CLASS}`, problem: no format {}",
                other.as_str().unwrap_or_default()
            );
            return Err(bad_request(text));
        }
    };
    if let Some(other) = object.keys().find(|name| !schema.contains(&name.as_str())) {
        return Err(bad_request(format!(
            "Unrecognized field \"{other}\" (class io.confluent.kafkarest.entities.v3.AutoValue_ProduceRequest_ProduceRequestData), \
             not marked as ignorable (7 known properties: \"schema\", \"subject_name_strategy\", \"schema_id\", \"type\", \
             \"subject\", \"schema_version\", \"data\"])"
        )));
    }
    let Some(kind) = kind else {
        let subject =
            object.get("subject").and_then(Value::as_str).map_or(format!("{topic}-{part}"), str::to_owned);
        return Err(refused(
            422,
            format!(
                "Error: 42207 : Error serializing message. Error when fetching latest schema version. subject = {subject}"
            ),
        ));
    };
    if let Some(option) = object.keys().next() {
        let text = format!(
            "Cannot construct instance of `{CLASS}`, problem: 'type={}' cannot be used with '{option}'.",
            kind.name()
        );
        return Err(bad_request(text));
    }
    let Some(data) = data else {
        return Err(bad_request(format!("Cannot construct instance of `{CLASS}`, problem: Null data")));
    };
    let bytes = match (kind, data) {
        (_, Value::Null) => None,
        (Kind::Json, data) => Some(jackson::write(&data)),
        (Kind::String, Value::String(text)) => Some(text.into_bytes()),
        (Kind::String, other) => {
            return Err(bad_request(format!("Bad Request: data={other} is not a string.")));
        }
        (Kind::Binary, Value::String(text)) => Some(BASE64.decode(&text).map_err(|_| {
            bad_request(format!("Bad Request: data={} is not a valid base64 string.", Value::String(text)))
        })?),
        (Kind::Binary, other) => {
            return Err(bad_request(format!("Bad Request: data={other} is not a base64 string.")));
        }
    };
    Ok((Some(kind), bytes))
}

/// Headers: a list of names and base64 values, whose padding must be there, unlike that of data.
fn headers(member: Value) -> Result<Headers, ErrorEntity> {
    const CLASS: &str = "io.confluent.kafkarest.entities.v3.ProduceRequest$ProduceRequestHeader";
    let list = match member {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        other => {
            return Err(bad_request(format!(
                "Cannot deserialize value of type `java.util.ArrayList<{CLASS}>` from {}",
                token(&other)
            )));
        }
    };
    list.into_iter()
        .map(|header| {
            let Value::Object(header) = header else {
                let text = format!("Cannot deserialize value of type `{CLASS}` from {}", token(&header));
                return Err(bad_request(text));
            };
            let mut read = (None, None);
            for (name, value) in header {
                match (name.as_str(), value) {
                    ("name", Value::String(name)) => read.0 = Some(name),
                    ("value", Value::Null) => read.1 = None,
                    ("value", Value::String(text)) => {
                        read.1 = Some(STANDARD.decode(&text).map_err(|error| {
                            bad_request(format!(
                                "Cannot deserialize value of type `byte[]` from String \"{text}\": {error}"
                            ))
                        })?);
                    }
                    ("value", other) => {
                        return Err(bad_request(format!(
                            "Cannot deserialize value of type `byte[]` from {}",
                            token(&other)
                        )));
                    }
                    _ => return Err(bad_request(format!("Unrecognized field \"{name}\" (class {CLASS})"))),
                }
            }
            match read {
                (Some(name), value) => Ok((name, value)),
                (None, _) => {
                    Err(bad_request(format!("Cannot construct instance of `{CLASS}`, problem: Null name")))
                }
            }
        })
        .collect()
}

/// A time: RFC 3339, or seconds since 1970 with a fraction, in milliseconds.
fn timestamp(member: &Value) -> Result<Option<i64>, ErrorEntity> {
    let at = match member {
        Value::Null => return Ok(None),
        Value::Number(number) => seconds(&number.to_string()),
        Value::String(text) => seconds(text).or_else(|| text.parse().ok().map(Timestamp::as_millisecond)),
        other => {
            return Err(bad_request(format!(
                "Unexpected token ({}), expected one of [VALUE_STRING, VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT] for \
                 java.time.Instant value",
                token(other)
            )));
        }
    };
    match at {
        Some(at) if at < 0 => Err(refused(500, "Internal Server Error")),
        Some(at) => Ok(Some(at)),
        None => Err(bad_request(format!(
            "Cannot deserialize value of type `java.time.Instant` from {member}: Failed to deserialize java.time.Instant"
        ))),
    }
}

/// Milliseconds of a decimal count of seconds.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    whole.checked_mul(1000)?.checked_add(digits.parse().ok()?)
}

#[cfg(test)]
mod tests;
