//! The v2 produce call: `POST /topics/{topic}` and `POST /topics/{topic}/partitions/{partition}`.
//!
//! Source: Confluent REST Proxy API reference, v2, "Topics"; the null members of the response are as recorded from
//! running proxies.

use serde::{Deserialize, Serialize};

/// Media type of requests whose keys and values are JSON.
pub const JSON: &str = "application/vnd.kafka.json.v2+json";
/// Media type of requests whose keys and values are base64.
pub const BINARY: &str = "application/vnd.kafka.binary.v2+json";
/// Media type of responses.
pub const RESPONSE: &str = "application/vnd.kafka.v2+json";

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

#[cfg(test)]
mod tests {
    use super::*;

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
