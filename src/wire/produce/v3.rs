//! The v3 produce call, `POST /v3/clusters/{cluster}/topics/{topic}/records`, and `GET /v3/clusters`, which tells
//! the cluster's id.
//!
//! A request is records one after another, with or without white space between them; the answer is 200 and a
//! receipt a record, each an object, one after another.
//!
//! Source: Confluent REST Proxy API reference, v3, "Records" and "Cluster"; the receipts' framing and the order of
//! their members are as recorded from version 7.9.

use serde::{Deserialize, Serialize};

use super::ErrorEntity;

/// Media type of requests and answers.
pub const JSON: &str = "application/json";
/// What stands behind each receipt.
pub const RECEIPT_END: &[u8] = b"\r\n";
/// The code of a receipt for a record that was written.
pub const WRITTEN: i64 = 200;

/// What became of one record of a produce call. The ledger reads receipts more leniently, see `ledger::answers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Receipt {
    /// It was written.
    Written(Box<WrittenReceipt>),
    /// It was not.
    Refused(ErrorEntity),
}

/// The receipt of a record that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenReceipt {
    /// [`WRITTEN`]; versions before 7.3 leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i64>,
    /// As the path named it; nobody checks it.
    pub cluster_id: String,
    /// The topic.
    pub topic_name: String,
    /// Where it was written.
    pub partition_id: i32,
    /// Where it was written.
    pub offset: i64,
    /// The record's timestamp, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The key, where the request had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Written>,
    /// The value, where the request had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Written>,
}

/// What was written of a key or a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// `JSON`, `BINARY`, `STRING`, `AVRO`, `JSONSCHEMA` or `PROTOBUF`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The subject of the schema, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The schema's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_id: Option<i32>,
    /// The schema's number among the subject's versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<i32>,
    /// In bytes.
    pub size: i64,
}

/// The answer to `GET /v3/clusters`, as far as it is read: the one cluster that the proxy serves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClusterList {
    /// The clusters.
    pub data: Vec<Cluster>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cluster {
    /// Its id, as paths name it.
    pub cluster_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_written_as_proxies_write_them() {
        let empty = || {
            Some(Written {
                kind: "STRING".into(),
                subject: None,
                schema_id: None,
                schema_version: None,
                size: 0,
            })
        };
        let written = Receipt::Written(Box::new(WrittenReceipt {
            error_code: Some(WRITTEN),
            cluster_id: "jvXjhgYuQg6w7jdD0jMY_g".into(),
            topic_name: "p1".into(),
            partition_id: 0,
            offset: 10825,
            timestamp: Some("2026-11-23T17:06:32.716Z".into()),
            key: empty(),
            value: empty(),
        }));
        // Recorded from 7.9.9.
        assert_eq!(
            serde_json::to_string(&written).unwrap(),
            "{\"error_code\":200,\"cluster_id\":\"jvXjhgYuQg6w7jdD0jMY_g\",\"topic_name\":\"p1\",\"partition_id\":0,\
             \"offset\":10825,\"timestamp\":\"2026-11-23T17:06:32.716Z\",\"key\":{\"type\":\"STRING\",\"size\":0},\
             \"value\":{\"type\":\"STRING\",\"size\":0}}"
        );
        let refused = ErrorEntity { error_code: 40402, message: "Partition not found.".into() };
        assert_eq!(
            serde_json::to_string(&Receipt::Refused(refused)).unwrap(),
            "{\"error_code\":40402,\"message\":\"Partition not found.\"}"
        );
    }

    #[test]
    fn the_list_of_clusters_is_read() {
        let text = "{\"kind\":\"KafkaClusterList\",\"metadata\":{\"self\":\"http://h/v3/clusters\",\"next\":null},\
            \"data\":[{\"kind\":\"KafkaCluster\",\"cluster_id\":\"abc\",\"controller\":{}}]}";
        let list: ClusterList = serde_json::from_str(text).unwrap();
        assert_eq!(list.data, [Cluster { cluster_id: "abc".into() }]);
    }
}
