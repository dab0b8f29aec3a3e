//! The REST Proxy's v2 produce call: its media types, its request and its response.
//!
//! Source: Confluent REST Proxy API reference, v2, "Topics" (`POST /topics/{topic}`); the null members of
//! the response are as recorded from running proxies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Media type of requests whose keys and values are JSON.
pub const JSON_V2: &str = "application/vnd.kafka.json.v2+json";
/// Media type of requests whose keys and values are base64.
pub const BINARY_V2: &str = "application/vnd.kafka.binary.v2+json";
/// Media type of responses.
pub const RESPONSE_V2: &str = "application/vnd.kafka.v2+json";

/// The response to a produce call, with an item for each record in the request's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProduceResponse {
    /// One item a record.
    pub offsets: Vec<ProduceItem>,
    /// Null for formats without schemas.
    #[serde(default)]
    pub key_schema_id: Option<i32>,
    /// Null for formats without schemas.
    #[serde(default)]
    pub value_schema_id: Option<i32>,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProduceItem {
    /// Where it was written.
    #[serde(default)]
    pub partition: Option<i32>,
    /// Where it was written.
    #[serde(default)]
    pub offset: Option<i64>,
    /// Why it was not.
    #[serde(default)]
    pub error_code: Option<i64>,
    /// Why it was not, in words.
    #[serde(default)]
    pub error: Option<String>,
}

/// The error entity of everything that is not a produce response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEntity {
    /// The status, or a code whose first three digits are the status.
    pub error_code: i64,
    /// In words.
    pub message: String,
}

/// Writes the body of a produce request. Keys and values are what shall land: JSON text where `binary` is
/// false, any bytes where it is true; `None` is null. A null key's member is left out.
pub fn request_body<'a>(
    records: impl Iterator<Item = (Option<&'a [u8]>, Option<&'a [u8]>)>,
    binary: bool,
) -> Vec<u8> {
    let mut body = b"{\"records\":[".to_vec();
    for (index, (key, value)) in records.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.push(b'{');
        if let Some(key) = key {
            body.extend_from_slice(b"\"key\":");
            push_value(&mut body, Some(key), binary);
            body.push(b',');
        }
        body.extend_from_slice(b"\"value\":");
        push_value(&mut body, value, binary);
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    body
}

fn push_value(body: &mut Vec<u8>, value: Option<&[u8]>, binary: bool) {
    match value {
        None => body.extend_from_slice(b"null"),
        Some(bytes) if binary => {
            body.push(b'"');
            body.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            body.push(b'"');
        }
        Some(json) => body.extend_from_slice(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Record = (Option<&'static [u8]>, Option<&'static [u8]>);

    #[test]
    fn bodies_are_compact_and_tell_null_from_empty() {
        let records: [Record; 2] = [(Some(b"\"k\""), Some(b"{\"a\":1}")), (None, None)];
        let json = request_body(records.into_iter(), false);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            "{\"records\":[{\"key\":\"k\",\"value\":{\"a\":1}},{\"value\":null}]}"
        );
        let records: [Record; 2] = [(None, Some(b"hi")), (Some(b""), Some(b""))];
        let binary = request_body(records.into_iter(), true);
        assert_eq!(
            String::from_utf8(binary).unwrap(),
            "{\"records\":[{\"value\":\"aGk=\"},{\"key\":\"\",\"value\":\"\"}]}"
        );
    }

    #[test]
    fn a_response_is_written_as_proxies_write_it() {
        let item = ProduceItem { partition: Some(0), offset: Some(7), error_code: None, error: None };
        let response = ProduceResponse { offsets: vec![item], key_schema_id: None, value_schema_id: None };
        let text = "{\"offsets\":[{\"partition\":0,\"offset\":7,\"error_code\":null,\"error\":null}],\"key_schema_id\":null,\"value_schema_id\":null}";
        assert_eq!(serde_json::to_string(&response).unwrap(), text);
        let short: ProduceResponse =
            serde_json::from_str("{\"offsets\":[{\"partition\":0,\"offset\":7}]}").unwrap();
        assert_eq!(short, response);
    }
}
