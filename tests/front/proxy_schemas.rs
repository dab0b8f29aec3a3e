//! The REST proxy double with a schema registry behind it, over sockets.

use std::collections::BTreeMap;

use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::doubles::registry::Registry;
use landfall::kafka::Access;
use landfall::scenario::ProxyRelease;
use serde_json::{Value, json};

use crate::stage::{LOOPBACK, get, post, send};

const USER: &str = r#"{"type": "record", "name": "User", "fields": [{"name": "name", "type": "string"}]}"#;

struct Stage {
    broker: Broker,
    registry: Registry,
    proxy: Proxy,
}

impl Stage {
    async fn start() -> Self {
        Self::start_as(ProxyRelease::default()).await
    }

    async fn start_as(release: ProxyRelease) -> Self {
        let topic = TopicConfig { name: "t".into(), partitions: 1, configs: BTreeMap::new() };
        let broker =
            Broker::start(BrokerConfig { topics: vec![topic], ..BrokerConfig::default() }).await.unwrap();
        let registry = Registry::start(LOOPBACK, 0).await.unwrap();
        let config = ProxyConfig {
            registry: Some(registry.schemas().into()),
            release,
            ..ProxyConfig::new(LOOPBACK, Access::plain(broker.bootstrap()))
        };
        let proxy = Proxy::start(config).await.unwrap();
        Self { broker, registry, proxy }
    }

    fn landed(&self) -> i64 {
        self.broker.high_watermark("t", 0).unwrap()
    }

    /// What v2 answers: status and body.
    async fn v2(&self, format: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}/topics/t", self.proxy.address());
        let kind = format!("application/vnd.kafka.{format}.v2+json");
        let reply = send(post(&url, &[("content-type", &kind)], body.to_string())).await;
        (reply.status.as_u16(), serde_json::from_str(reply.text()).unwrap())
    }

    /// The one receipt of v3.
    async fn v3(&self, body: &Value) -> Value {
        let url = format!("http://{}/v3/clusters/any/topics/t/records", self.proxy.address());
        let reply = send(post(&url, &[("content-type", "application/json")], body.to_string())).await;
        serde_json::from_str(reply.text()).unwrap()
    }

    async fn asked(&self, path: &str) -> Value {
        let url = format!("http://{}{path}", self.registry.address());
        serde_json::from_str(get(&url).await.text()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_that_requests_bring_are_registered_and_used_again() {
    let stage = Stage::start().await;
    let value = json!([{ "key": "k", "value": { "name": "ann" } }]);
    let body = json!({ "key_schema": "\"string\"", "value_schema": USER, "records": value });
    let (status, answer) = stage.v2("avro", &body).await;
    assert_eq!((status, &answer["key_schema_id"], &answer["value_schema_id"]), (200, &json!(1), &json!(2)));
    let (status, answer) = stage
        .v2("avro", &json!({ "value_schema_id": "2", "records": [{ "value": { "name": "bob" } }] }))
        .await;
    assert_eq!((status, &answer["value_schema_id"], stage.landed()), (200, &json!(2), 2));
    // Whoever reads what landed finds the schema by its id.
    assert_eq!(stage.asked("/subjects").await, json!(["t-key", "t-value"]));
    let schema = stage.asked("/schemas/ids/2").await;
    assert_eq!(
        schema["schema"],
        r#"{"type":"record","name":"User","fields":[{"name":"name","type":"string"}]}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_and_nothing_lands() {
    let stage = Stage::start().await;
    let records = json!([{ "value": { "name": "fits" } }, { "value": { "name": 5 } }]);
    let refused = |code: i64, message: &str| {
        (u16::try_from(code.min(422)).unwrap(), json!({ "error_code": code, "message": message }))
    };
    let seen = stage.v2("avro", &json!({ "value_schema": USER, "records": records })).await;
    assert_eq!(seen, refused(400, "Bad Request: Expected string. Got VALUE_NUMBER_INT"));
    let seen = stage.v2("avro", &json!({ "value_schema_id": 9, "records": records })).await;
    assert_eq!(
        seen,
        refused(
            42207,
            "Error serializing message. Error when fetching schema by id. schemaId = 9\nSchema 9 not found; error code: 40403"
        )
    );
    let more = USER.replace("]}", r#", {"name": "age", "type": "int"}]}"#);
    let (status, answer) = stage.v2("avro", &json!({ "value_schema": more, "records": records })).await;
    let message = answer["message"].as_str().unwrap();
    assert_eq!((status, &answer["error_code"]), (422, &json!(42207)));
    assert!(
        message.contains("The field 'age' at path '/fields/1' in the new schema has no default value"),
        "{message}"
    );
    let seen = stage.v2("jsonschema", &json!({ "records": records })).await;
    assert_eq!(seen, refused(42202, "Request includes values but does not include value schema"));
    let seen = stage.v2("protobuf", &json!({ "value_schema": "nonsense", "records": records })).await;
    assert_eq!(
        seen,
        refused(42205, "Invalid schema: Error when parsing raw schema. format = PROTOBUF, schema = nonsense")
    );
    assert_eq!(stage.landed(), 0);
    // Nulls need no schema.
    let (status, _) = stage.v2("avro", &json!({ "records": [{ "value": null }] })).await;
    assert_eq!((status, stage.landed()), (200, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_say_which_schema_was_used() {
    let stage = Stage::start().await;
    let proto = "syntax=\"proto3\"; message M { string a = 1; }";
    let receipt = stage
        .v3(&json!({
            "key": { "type": "PROTOBUF", "subject": "keys", "schema": proto, "data": { "a": "x" } },
            "value": { "type": "AVRO", "schema": USER, "subject_name_strategy": "RECORD_NAME", "data": { "name": "ann" } },
        }))
        .await;
    assert_eq!(
        receipt["key"],
        json!({ "type": "PROTOBUF", "subject": "keys", "schema_id": 1, "schema_version": 1, "size": 9 })
    );
    assert_eq!(
        receipt["value"],
        json!({ "type": "AVRO", "subject": "User", "schema_id": 2, "schema_version": 1, "size": 9 })
    );
    // By id, by version and the latest it is the same.
    for named in [json!({ "schema_id": 2 }), json!({ "schema_version": 1 }), json!({})] {
        let mut value = json!({ "subject": "User", "data": { "name": "bob" } });
        value.as_object_mut().unwrap().extend(named.as_object().unwrap().clone());
        let receipt = stage.v3(&json!({ "value": value })).await;
        assert_eq!(receipt["value"]["schema_id"], 2, "{receipt}");
    }
    for (value, code, message) in [
        (
            json!({ "subject": "User", "schema_version": 7, "data": {} }),
            400,
            "Bad Request: Schema does not exist for subject: User, version: 7",
        ),
        (
            json!({ "data": {} }),
            422,
            "Error: 42207 : Error serializing message. Error when fetching latest schema version. subject = t-value",
        ),
        (
            json!({ "subject": "User", "data": 1 }),
            400,
            "Bad Request: Expected record-start. Got VALUE_NUMBER_INT",
        ),
        (
            json!({ "type": "JSONSCHEMA", "schema": "{\"type\":\"null\"}", "data": 1 }),
            400,
            "Bad Request: #: expected: null, found: Integer",
        ),
    ] {
        let receipt = stage.v3(&json!({ "value": value })).await;
        assert_eq!(receipt, json!({ "error_code": code, "message": message }));
    }
    assert_eq!(stage.landed(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn since_8_0_the_schema_has_a_say_in_what_becomes_of_null() {
    for (release, refused) in [(ProxyRelease::Confluent7_9, false), (ProxyRelease::Confluent8_3, true)] {
        let stage = Stage::start_as(release).await;
        for (schema, is_refused) in [("\"string\"", refused), ("[\"null\",\"string\"]", false)] {
            let body = json!({ "value_schema": schema, "records": [{ "value": null }] });
            let (status, answer) = stage.v2("avro", &body).await;
            assert_eq!(status == 200, !is_refused, "{answer}");
            let receipt =
                stage.v3(&json!({ "value": { "type": "AVRO", "schema": schema, "data": null } })).await;
            assert_eq!(receipt["error_code"], if is_refused { 400 } else { 200 }, "{receipt}");
            if schema.starts_with('[') {
                // A zero, the schema's id, and the number of the branch.
                let size = if release == ProxyRelease::Confluent7_9 { -1 } else { 6 };
                assert_eq!(receipt["value"]["size"], size, "{receipt}");
            }
        }
    }
}
