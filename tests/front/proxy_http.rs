//! The REST proxy double over plain sockets: HTTP as Jetty speaks it, routes and media types as Jersey has them, and
//! what v2 tells of topics.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall::doubles::broker::{Broker, BrokerConfig, KafkaVersion, TopicConfig};
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::kafka::Access;
use landfall::scenario::ProxyRelease;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::LOOPBACK;

const JSON: &str = "application/vnd.kafka.json.v2+json";
const V2: &str = "application/vnd.kafka.v2+json";
const PRODUCED: &str = "{\"records\":[{\"value\":1}]}";

struct Stage {
    broker: Broker,
    proxy: Proxy,
}

impl Stage {
    async fn start() -> Self {
        Self::start_as(|_| {}).await
    }

    async fn start_as(change: impl FnOnce(&mut ProxyConfig)) -> Self {
        let topic = |name: &str, partitions, configs: &[(&str, &str)]| TopicConfig {
            name: name.into(),
            partitions,
            configs: configs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        let topics = vec![
            topic("t", 3, &[]),
            topic("one", 1, &[]),
            topic("small", 1, &[("max.message.bytes", "1000")]),
            topic("compact", 1, &[("cleanup.policy", "compact")]),
        ];
        let broker = Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.unwrap();
        let mut config = ProxyConfig::new(LOOPBACK, Access::plain(broker.bootstrap()));
        change(&mut config);
        let proxy = Proxy::start(config).await.unwrap();
        Self { broker, proxy }
    }

    /// Sends these bytes, and reads until the proxy has closed the connection.
    async fn say(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(self.proxy.address()).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Sends a request after which the connection ends.
    async fn ask(&self, line: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
        for (name, value) in fields {
            text.push_str(&[name, ": ", value, "\r\n"].concat());
        }
        if !body.is_empty() {
            text.push_str(&["Content-Length: ", &body.len().to_string(), "\r\n"].concat());
        }
        Answer::read(&self.say(&(text + "\r\n" + body)).await)
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &[], "").await
    }

    async fn produce(&self, path: &str, body: &str) -> Value {
        let answer = self.ask(&format!("POST {path}"), &[("Content-Type", JSON)], body).await;
        serde_json::from_str(&answer.body).expect(&answer.body)
    }
}

#[derive(Debug)]
struct Answer {
    line: String,
    fields: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect(text);
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap().to_owned();
        let fields = lines.map(|line| line.split_once(": ").unwrap());
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { line, fields, body: body.to_owned() }
    }

    fn field(&self, wanted: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// Status line, type and code of an error.
    fn error(&self) -> (&str, Option<&str>, i64) {
        let body: Value = serde_json::from_str(&self.body).expect(&self.body);
        (&self.line, self.field("Content-Type"), body["error_code"].as_i64().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_jettys_parser_refuses_has_its_page_and_ends_the_connection() {
    let stage = Stage::start().await;
    for (text, line) in [
        ("GET /topics HTTP/1.9\r\nHost: h\r\n\r\n", "505 Unknown Version"),
        ("GET /topics HTTP/1.1\r\n\r\n", "400 No Host"),
        ("GET /topics HTTP/1.1\r\nHost : h\r\n\r\n", "400 Illegal character SPACE=' '"),
        ("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"),
        ("POST /topics/t HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", "417 Expectation Failed"),
        (
            "POST /topics/t HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400 Transfer-Encoding and Content-Length",
        ),
    ] {
        let answer = Answer::read(&stage.say(text).await);
        let (status, reason) = line.split_once(' ').unwrap();
        assert_eq!(answer.line, line, "{text:?}");
        assert_eq!(answer.body, format!("<h1>Bad Message {status}</h1><pre>reason: {reason}</pre>"));
        assert_eq!(answer.field("Connection"), Some("close"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_their_order_up_to_a_bad_one() {
    let stage = Stage::start().await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    let text = get("/") + "\r\n" + &get("/nope") + "GET / HTTP/1.9\r\n\r\n" + &get("/");
    let said = stage.say(&text).await;
    let lines: Vec<&str> =
        said.matches("HTTP/1.1 ").zip(said.split("HTTP/1.1 ").skip(1)).map(|(_, rest)| &rest[..3]).collect();
    assert_eq!(lines, ["200", "404", "505"], "{said}");
    assert!(said.contains("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_chunked_and_must_be_whole() {
    let stage = Stage::start().await;
    let head = format!("POST /topics/t HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: {JSON}\r\n");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let whole = format!("{chunked}19;x=y\r\n{PRODUCED}\r\n0\r\nX-T: 1\r\n\r\n");
    assert_eq!(Answer::read(&stage.say(&whole).await).line, "200 OK");
    for broken in [format!("{chunked}zz\r\n"), format!("{chunked}19\r\n{PRODUCED}\r\nzz\r\n")] {
        let answer = Answer::read(&stage.say(&broken).await);
        assert_eq!(answer.error(), ("500 Internal Server Error", Some(V2), 500));
    }
    // The client goes away in the midst of the body.
    let mut stream = TcpStream::connect(stage.proxy.address()).await.unwrap();
    stream.write_all(format!("{head}Content-Length: 500\r\n\r\n{PRODUCED}").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(Answer::read(&answer).error(), ("500 Internal Server Error", Some(V2), 500));
    assert_eq!((0..3).filter_map(|at| stage.broker.high_watermark("t", at)).sum::<i64>(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_is_told_to_go_on_or_refused_at_once() {
    let stage = Stage::start().await;
    let head = |kind: &str| {
        format!(
            "POST /topics/t HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: 25\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let refused = Answer::read(&stage.say(&head("text/plain")).await);
    assert_eq!(refused.error(), ("415 Unsupported Media Type", Some("application/json"), 415));
    assert_eq!(refused.field("Connection"), Some("close"));
    let mut stream = TcpStream::connect(stage.proxy.address()).await.unwrap();
    stream.write_all(head(JSON).as_bytes()).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(PRODUCED.as_bytes()).await.unwrap();
    let mut line = [0; 15];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 200 OK");
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_methods_and_media_types_are_looked_at_in_jerseys_order() {
    let stage = Stage::start().await;
    let (v2, plain) = (Some(V2), Some("text/plain"));
    let kind = |kind| [("Content-Type", kind)];
    let accept = |kind| [("Accept", kind)];
    for (line, fields, status, expected) in [
        ("GET /topics;x=y", &[][..], "200 OK", v2),
        ("GET /%74opics", &[], "404 Not Found", None),
        ("GET //topics", &[], "404 Not Found", None),
        ("GET /topics/t/partitions/x", &[], "404 Not Found", v2),
        ("GET /topics/a%2Fb", &[], "400 Bad Request", v2),
        ("PUT /topics/t", &[], "405 Method Not Allowed", None),
        ("PUT /nope", &[], "404 Not Found", None),
        ("PUT /topics/t", &kind("text/plain"), "405 Method Not Allowed", None),
        ("GET /topics", &kind("text/plain"), "415 Unsupported Media Type", Some("application/json")),
        ("GET /topics", &kind(V2), "200 OK", v2),
        ("GET /topics", &accept("text/plain"), "406 Not Acceptable", None),
        ("GET /topics", &accept("*/*;q=0"), "200 OK", v2),
        (
            "GET /topics",
            &accept("application/vnd.kafka.v2+json;charset=utf-8"),
            "200 OK",
            Some("application/vnd.kafka.v2+json;charset=utf-8"),
        ),
        ("GET /topics", &accept("a/b/c"), "400 Bad Request", None),
        ("GET /topics", &kind("garbage"), "400 Bad Request", Some("text/html;charset=iso-8859-1")),
        ("OPTIONS /topics/t", &[], "200 OK", plain),
        ("OPTIONS *", &[], "404 Not Found", None),
        ("HEAD /topics", &[], "200 OK", v2),
    ] {
        let answer = stage.ask(line, fields, "").await;
        assert_eq!(
            (answer.line.as_str(), answer.field("Content-Type")),
            (status, expected),
            "{line} {fields:?}"
        );
        let varies = answer.field("Vary");
        let may_vary = line.starts_with("GET") && status == "200 OK";
        assert_eq!(varies, may_vary.then_some("Accept-Encoding, User-Agent"), "{line}");
    }
    let options = stage.ask("OPTIONS /topics/t", &[], "").await;
    assert_eq!(
        (options.field("Allow"), options.body.as_str()),
        (Some("HEAD,POST,GET,OPTIONS"), "HEAD, POST, GET, OPTIONS")
    );
    let head = stage.ask("HEAD /topics", &[], "").await;
    assert_eq!((head.field("Content-Length"), head.body.as_str()), (Some("0"), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_tells_of_topics_and_partitions() {
    let stage = Stage::start().await;
    let body = async |path: &str| -> Value { serde_json::from_str(&stage.get(path).await.body).unwrap() };
    // As in Java's map.
    assert_eq!(body("/topics").await, json!(["small", "t", "compact", "one"]));
    assert_eq!(body("/brokers").await, json!({"brokers": [1]}));
    let one =
        json!({"partition": 1, "leader": 1, "replicas": [{"broker": 1, "leader": true, "in_sync": true}]});
    assert_eq!(body("/topics/t/partitions/01").await, one);
    assert_eq!(body("/topics/t/partitions").await[1], one);
    assert_eq!(body("/topics/t/partitions/0/offsets").await, json!({"beginning_offset": 0, "end_offset": 0}));
    let small = body("/topics/small").await;
    assert_eq!(
        (&small["configs"]["max.message.bytes"], small["partitions"].as_array().unwrap().len()),
        (&json!("1000"), 1)
    );
    assert_eq!(small["configs"].as_object().unwrap().len(), 36);
    for (path, status, code) in [
        ("/topics/nope", "404 Not Found", 40403),
        ("/topics/nope/partitions/0", "404 Not Found", 40403),
        ("/topics/t/partitions/-1", "404 Not Found", 40402),
        ("/topics/a%20b", "400 Bad Request", 40002),
    ] {
        assert_eq!(stage.get(path).await.error(), (status, Some(V2), code), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_4_has_fewer_settings() {
    let topic = TopicConfig { name: "t".into(), partitions: 1, configs: BTreeMap::new() };
    let config = BrokerConfig { topics: vec![topic], version: KafkaVersion::V4_1, ..BrokerConfig::default() };
    let broker = Broker::start(config).await.unwrap();
    let proxy = Proxy::start(ProxyConfig::new(LOOPBACK, Access::plain(broker.bootstrap()))).await.unwrap();
    let stage = Stage { broker, proxy };
    let topic: Value = serde_json::from_str(&stage.get("/topics/t").await.body).unwrap();
    assert_eq!(topic["configs"].as_object().unwrap().len(), 33);
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_pass_as_much_faster_as_is_said_and_messages_tell_the_configured_time() {
    let stage = Stage::start_as(|config| config.time_scale = 200).await;
    let errors = async |path: &str, body: &str| -> Vec<(i64, String)> {
        let answer = stage.produce(path, body).await;
        let offsets = answer["offsets"].as_array().unwrap().iter();
        offsets
            .map(|item| {
                (
                    item["error_code"].as_i64().unwrap_or(0),
                    item["error"].as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect()
    };
    let missing = |what: &str| (50003, format!("{what} not present in metadata after 60000 ms."));
    assert_eq!(errors("/topics/nope", PRODUCED).await, [missing("Topic nope")]);
    assert_eq!(
        errors("/topics/t/partitions/7", PRODUCED).await,
        [missing("Partition 7 of topic t with partition count 3 is")]
    );
    let large = "x".repeat(1500);
    let mixed = json!({"records": [{"value": "s"}, {"value": large}]}).to_string();
    let expired =
        (50003, "Expiring 2 record(s) for small-0:120000 ms has passed since batch creation".to_owned());
    assert_eq!(errors("/topics/small", &mixed).await, [expired.clone(), expired]);
    assert_eq!(stage.broker.high_watermark("small", 0), Some(0));
    let alone = json!({"records": [{"value": large}]}).to_string();
    let too_large = "The request included a message larger than the max message size the server will accept.";
    assert_eq!(errors("/topics/small", &alone).await, [(50002, too_large.to_owned())]);
    let keyless = r#"{"records":[{"key":"a","value":1},{"value":2}]}"#;
    let part =
        "Failed to append record because it was part of a batch which had one more more invalid records";
    let at_fault = "Compacted topic cannot accept message without key in topic partition compact-0";
    assert_eq!(
        errors("/topics/compact", keyless).await,
        [(50002, part.to_owned()), (50002, at_fault.to_owned())]
    );
    let illegal = r#"{"records":[{"value":1},{"value":2}]}"#;
    assert_eq!(
        errors("/topics/a%20b", illegal).await,
        [(50002, "Invalid topics: [a b]".to_owned()), (50002, "a b".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kafka_lists_fail_in_time_and_the_root_does_not() {
    let config = ProxyConfig::new(LOOPBACK, Access::plain("127.0.0.1:1".into()));
    let config = ProxyConfig { time_scale: 200, max_block: Duration::from_mins(1), ..config };
    let proxy = Proxy::start(config).await.unwrap();
    let broker = Broker::start(BrokerConfig::default()).await.unwrap();
    let stage = Stage { broker, proxy };
    assert_eq!(stage.get("/").await.body, "{}");
    for (path, kind) in [("/topics", V2), ("/topics/t", V2), ("/v3/clusters", "application/json")] {
        let answer = stage.get(path).await;
        assert_eq!(answer.error(), ("500 Internal Server Error", Some(kind), 50003), "{path}");
    }
    let cold = stage.produce("/topics/t", PRODUCED).await;
    assert_eq!(cold["offsets"][0]["error"], "Topic t not present in metadata after 60000 ms.");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_endpoints_are_not_there() {
    let blocked = ["api.v2.topics.list", "api.v2.topics.get", "api.v3.topics.*"];
    let stage = Stage::start_as(|config| config.blocked = blocked.map(str::to_owned).into()).await;
    assert_eq!(stage.get("/topics").await.line, "404 Not Found");
    assert_eq!(stage.get("/topics/t").await.line, "405 Method Not Allowed");
    assert_eq!(stage.get("/v3/clusters/c/topics").await.line, "404 Not Found");
    assert_eq!(stage.get("/topics/t/partitions").await.line, "200 OK");
    assert_eq!(stage.produce("/topics/t", PRODUCED).await["offsets"][0]["error_code"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_differ_where_their_jetty_and_jersey_do() {
    let old = Stage::start_as(|config| config.release = ProxyRelease::Confluent6_2).await;
    assert_eq!(old.get("/topics/a%20b").await.error(), ("500 Internal Server Error", Some(V2), 50002));
    let page = old.ask("GET /topics", &[("Content-Type", "garbage")], "").await;
    assert!(page.body.contains("<tr><th>SERVLET:</th><td>default</td></tr>"), "{}", page.body);
    let new = Stage::start_as(|config| config.release = ProxyRelease::Confluent8_3).await;
    let refused = new.get("//topics").await;
    assert_eq!(refused.line, "400 Bad Request");
    assert!(refused.body.contains("Ambiguous URI empty segment"), "{}", refused.body);
    assert_eq!(new.get("/nope").await.field("Vary"), Some("Accept-Encoding"));
}
