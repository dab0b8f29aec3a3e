//! The REST proxy double's API v3, over sockets and with the broker double behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::BodyExt;
use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::proxy::{Proxy, ProxyConfig};
use landfall::kafka::Access;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::stage::{LOOPBACK, Reply, get, post, send, until};

const JSON: &str = "application/json";

struct Stage {
    broker: Broker,
    proxy: Proxy,
}

impl Stage {
    async fn start() -> Self {
        // Long enough for the first metadata, short enough for a topic that is not there.
        Self::start_with(Duration::from_millis(1500)).await
    }

    async fn start_with(max_block: Duration) -> Self {
        let topic = TopicConfig { name: "t".into(), partitions: 3, configs: BTreeMap::new() };
        let broker =
            Broker::start(BrokerConfig { topics: vec![topic], ..BrokerConfig::default() }).await.unwrap();
        let config = ProxyConfig::new(LOOPBACK, Access::plain(broker.bootstrap()));
        let proxy = Proxy::start(ProxyConfig { max_block, ..config }).await.unwrap();
        Self { broker, proxy }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.proxy.address())
    }

    async fn produce(&self, topic: &str, body: &str) -> Reply {
        let url = self.url(&format!("/v3/clusters/any/topics/{topic}/records"));
        send(post(&url, &[("content-type", JSON), ("accept", JSON)], body.to_owned())).await
    }

    fn landed(&self) -> i64 {
        (0..3).filter_map(|partition| self.broker.high_watermark("t", partition)).sum()
    }
}

/// The receipts of an answer, each of which ends its line.
fn receipts(reply: &Reply) -> Vec<Value> {
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, Some(JSON)), "{}", reply.text());
    assert!(reply.header("content-length").is_none() || reply.body.is_empty(), "receipts are streamed");
    reply
        .text()
        .split_inclusive("\r\n")
        .map(|line| serde_json::from_str(line.strip_suffix("\r\n").expect("a line's end")).unwrap())
        .collect()
}

fn codes(reply: &Reply) -> Vec<i64> {
    receipts(reply).iter().map(|receipt| receipt["error_code"].as_i64().unwrap()).collect()
}

const ONE: &str = r#"{"partition_id":1,"value":{"type":"JSON","data":1}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn each_record_has_its_receipt_in_order() {
    let stage = Stage::start().await;
    let body = r#"{"partition_id":2,"key":{"type":"STRING","data":"k"},"value":{"type":"BINARY","data":"aGk="}}
        {"partition_id":2,"value":null}{"partition_id":2,"value":{"type":"JSON","data":null}}"#;
    let receipts = receipts(&stage.produce("t", body).await);
    let mut first = receipts[0].clone();
    let timestamp = first.as_object_mut().unwrap().remove("timestamp").unwrap();
    assert!(timestamp.as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert_eq!(
        first,
        json!({"error_code": 200, "cluster_id": "any", "topic_name": "t", "partition_id": 2, "offset": 0,
            "key": {"type": "STRING", "size": 1}, "value": {"type": "BINARY", "size": 2}})
    );
    assert_eq!((&receipts[1]["offset"], receipts[1].get("value")), (&json!(1), None));
    assert_eq!(receipts[2]["value"], json!({"type": "JSON", "size": -1}));
    assert_eq!((receipts.len(), stage.landed()), (3, 3));
    assert_eq!(stage.produce("t", "").await.text(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_costs_its_record_or_ends_the_stream() {
    let stage = Stage::start().await;
    assert_eq!(codes(&stage.produce("t", &format!("{ONE}{{\"x\":1}}{ONE}")).await), [200, 400, 200]);
    assert_eq!(codes(&stage.produce("t", &format!("{ONE}oops{ONE}")).await), [200, 400]);
    assert_eq!(codes(&stage.produce("t", r#"{"partition_id":-1}"#).await), [40402]);
    assert_eq!(stage.landed(), 3);
    let large = json!({"value": {"type": "STRING", "data": "x".repeat(1_100_000)}}).to_string();
    assert_eq!(codes(&stage.produce("t", &large).await), [413]);
    let unknown = receipts(&stage.produce("nowhere", ONE).await);
    assert_eq!(
        unknown,
        [json!({"error_code": 40401, "message": "Topic nowhere not present in metadata after 1500 ms."})]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_produce_call_is_refused_as_a_whole() {
    let stage = Stage::start().await;
    let url = stage.url("/v3/clusters/any/topics/t/records");
    let status = async |headers: &[(&str, &str)]| send(post(&url, headers, ONE)).await.status.as_u16();
    for (charset, expected) in [("utf-8", 200), ("ISO-8859-1", 200), ("utf-16", 400), ("DEADBEEF", 400)] {
        let kind = format!("application/json; charset={charset}");
        assert_eq!(status(&[("content-type", &kind)]).await, expected, "{charset}");
    }
    assert_eq!(status(&[("content-type", "application/vnd.kafka.v2+json")]).await, 415);
    assert_eq!(status(&[]).await, 400);
    assert_eq!(status(&[("content-type", JSON), ("accept", "text/plain")]).await, 406);
    assert_eq!(get(&url).await.status.as_u16(), 405);
    assert_eq!(get(&stage.url("/v3/nothing")).await.status.as_u16(), 404);
    assert_eq!(stage.landed(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_clusters_names_kafkas() {
    let stage = Stage::start().await;
    let list = get(&stage.url("/v3/clusters")).await;
    assert_eq!((list.status.as_u16(), list.header("content-type")), (200, Some(JSON)));
    let list = list.json();
    assert_eq!((&list["kind"], list["data"].as_array().unwrap().len()), (&json!("KafkaClusterList"), 1));
    assert_eq!(list["data"][0]["cluster_id"], stage.broker.cluster_id());
    assert_eq!(list["metadata"]["self"], stage.url("/v3/clusters"));
    let refused = send(post(&stage.url("/v3/clusters"), &[], "")).await;
    assert_eq!(refused.status.as_u16(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_client_that_hangs_up_are_written_and_seen_in_flight() {
    let stage = Stage::start_with(Duration::from_secs(5)).await;
    // So that the proxy knows the topic's partitions.
    assert_eq!(codes(&stage.produce("t", ONE).await), [200]);
    // The second record keeps the proxy waiting for a partition that is not there, so that the client can leave
    // meanwhile.
    let body = format!("{ONE}{{\"partition_id\":9,\"value\":{{\"type\":\"JSON\",\"data\":1}}}}{ONE}");
    let mut client = TcpStream::connect(stage.proxy.address()).await.unwrap();
    let head = format!(
        "POST /v3/clusters/c/topics/t/records HTTP/1.1\r\nhost: h\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    until("the first record is written", || stage.landed() == 2).await;
    assert_eq!(stage.proxy.in_flight(), 1);
    drop(client);
    until("all is written", || stage.landed() == 3).await;
    until("nothing is in flight", || stage.proxy.in_flight() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_sent_as_soon_as_it_is_known() {
    let stage = Stage::start().await;
    let client =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let url = stage.url("/v3/clusters/c/topics/t/records");
    let request = post(&url, &[("content-type", JSON)], ONE);
    let mut body = client.request(request).await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"{\"error_code\":200") && first.ends_with(b"\r\n"));
    assert!(body.frame().await.is_none(), "one receipt, one frame");
}

/// A request's head whose body has so many bytes.
fn head(length: usize) -> String {
    let target = "POST /v3/clusters/c/topics/t/records HTTP/1.1";
    format!(
        "{target}\r\nhost: h\r\nconnection: close\r\ncontent-type: {JSON}\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_write_all_its_records_before_it_reads() {
    let stage = Stage::start_with(Duration::from_secs(5)).await;
    let socket = TcpSocket::new_v4().unwrap();
    // The receipts must not find room in what lies between.
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let mut client = socket.connect(stage.proxy.address()).await.unwrap();
    let portion = ONE.repeat(10_000);
    client.write_all(head(portion.len() * 3).as_bytes()).await.unwrap();
    for portions in 1..=3 {
        client.write_all(portion.as_bytes()).await.unwrap();
        // The proxy has taken the pause for one.
        until("the records are written", || stage.landed() == portions * 10_000).await;
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.matches("{\"error_code\":200,").count(), 30_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_records_of_a_client_that_breaks_off_land() {
    let stage = Stage::start_with(Duration::from_secs(5)).await;
    let mut client = TcpStream::connect(stage.proxy.address()).await.unwrap();
    client.write_all(format!("{}{ONE}{ONE}{{\"va", head(1_000)).as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    until("what was whole is written", || stage.landed() == 2).await;
    until("nothing is in flight", || stage.proxy.in_flight() == 0).await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(answer.matches("{\"error_code\":200,").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_no_record_ends_the_stream_while_the_body_is_open() {
    let stage = Stage::start_with(Duration::from_secs(5)).await;
    for ends in [",", "]", "xyz "] {
        let mut client = TcpStream::connect(stage.proxy.address()).await.unwrap();
        client.write_all(format!("{}{ONE}{ends}", head(1_000)).as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        let count = |code| answer.matches(&format!("{{\"error_code\":{code},")).count();
        assert_eq!((count(200), count(400)), (1, 1), "{answer}");
    }
}
