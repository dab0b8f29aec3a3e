//! Tests of the wire, byte by byte: what no client library lets one send or see.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::ApiKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::batch::samples::{batch, batch_of};
use super::*;
use crate::doubles::fault::Injector;
use crate::scenario::{Fault, FaultKind, Pace};
use crate::secret::Secret;

const DEADLINE: Duration = Duration::from_secs(20);

/// A request's frame without its length: header, then `body`. Flexible headers end with no tags.
pub(super) fn request(api: ApiKey, version: i16, correlation: i32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend((api as i16).to_be_bytes());
    out.extend(version.to_be_bytes());
    out.extend(correlation.to_be_bytes());
    out.extend([0, 1, b'c']);
    if api.request_header_version(version) == 2 {
        out.push(0);
    }
    out.extend_from_slice(body);
    out
}

fn framed(request: &[u8]) -> Vec<u8> {
    [&i32::try_from(request.len()).unwrap().to_be_bytes(), request].concat()
}

pub(super) fn text(value: &str) -> Vec<u8> {
    [&i16::try_from(value.len()).unwrap().to_be_bytes(), value.as_bytes()].concat()
}

/// Produce version 3 of one batch for one partition.
pub(super) fn produce(topic: &str, partition: i32, acks: i16, records: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff, 0xff];
    out.extend(acks.to_be_bytes());
    out.extend(1_000_i32.to_be_bytes());
    out.extend(1_i32.to_be_bytes());
    out.extend(text(topic));
    out.extend(1_i32.to_be_bytes());
    out.extend(partition.to_be_bytes());
    out.extend(i32::try_from(records.len()).unwrap().to_be_bytes());
    out.extend_from_slice(records);
    request(ApiKey::Produce, 3, 7, &out)
}

/// Fetch version 4 of one partition.
pub(super) fn fetch(topic: &str, partition: i32, offset: i64, wait_ms: i32, limits: (i32, i32)) -> Vec<u8> {
    let mut out = Vec::new();
    for number in [-1, wait_ms, 1, limits.0] {
        out.extend(number.to_be_bytes());
    }
    out.push(0);
    out.extend(1_i32.to_be_bytes());
    out.extend(text(topic));
    out.extend(1_i32.to_be_bytes());
    out.extend(partition.to_be_bytes());
    out.extend(offset.to_be_bytes());
    out.extend(limits.1.to_be_bytes());
    request(ApiKey::Fetch, 4, 8, &out)
}

/// Error and base offset in the answer to [`produce`].
fn placed(topic: &str, mut answer: Bytes) -> (i16, i64) {
    answer.advance(4 + 4 + 2 + topic.len() + 4 + 4);
    (answer.get_i16(), answer.get_i64())
}

/// Error, high watermark and records in the answer to [`fetch`].
fn fetched(topic: &str, mut answer: Bytes) -> (i16, i64, Bytes) {
    answer.advance(4 + 4 + 4 + 2 + topic.len() + 4 + 4);
    let (error, high_watermark) = (answer.get_i16(), answer.get_i64());
    answer.advance(8 + 4);
    let length = usize::try_from(answer.get_i32()).unwrap();
    (error, high_watermark, answer.copy_to_bytes(length))
}

struct Wire(TcpStream);

impl Wire {
    async fn to(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next answer, without its length.
    async fn receive(&mut self) -> Bytes {
        let read = async {
            let length = usize::try_from(self.0.read_i32().await.unwrap()).unwrap();
            let mut answer = vec![0; length];
            self.0.read_exact(&mut answer).await.unwrap();
            Bytes::from(answer)
        };
        tokio::time::timeout(DEADLINE, read).await.unwrap()
    }

    async fn ask(&mut self, request: &[u8]) -> Bytes {
        self.send(&framed(request)).await;
        self.receive().await
    }

    /// Waits for the broker to close the connection.
    async fn closed(mut self) {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(DEADLINE, self.0.read_to_end(&mut rest)).await.unwrap();
        assert!(end.is_err() || rest.is_empty(), "an answer came: {rest:?}");
    }
}

async fn start(brokers: u16, topics: &[(&str, &[(&str, &str)])]) -> Broker {
    let topics = topics.iter().map(|(name, configs)| TopicConfig {
        name: (*name).to_owned(),
        partitions: 2,
        configs: configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    });
    let topics = topics.collect();
    Broker::start(BrokerConfig { brokers, topics, ..BrokerConfig::default() }).await.unwrap()
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let broker = start(1, &[("t", &[])]).await;
    let mut wire = Wire::to(broker.addresses()[0]).await;
    let mut all = Vec::new();
    for correlation in 0..50 {
        // Every other one would be the faster.
        let request = if correlation % 2 == 0 {
            request(ApiKey::ApiVersions, 0, correlation, &[])
        } else {
            let mut wait = fetch("t", 0, 0, 3, (1_000, 1_000));
            wait[4..8].copy_from_slice(&correlation.to_be_bytes());
            wait
        };
        all.extend(framed(&request));
    }
    wire.send(&all).await;
    for correlation in 0..50 {
        assert_eq!(wire.receive().await.get_i32(), correlation);
    }
}

#[tokio::test]
async fn unknown_versions_of_apiversions_are_answered_in_version_0() {
    let broker = start(1, &[]).await;
    let mut wire = Wire::to(broker.addresses()[0]).await;
    let mut answer = wire.ask(&request(ApiKey::ApiVersions, 99, 5, b"what it holds is not known")).await;
    assert_eq!((answer.get_i32(), answer.get_i16()), (5, 35));
    assert_eq!(&answer[..], [0, 0, 0, 1, 0, 18, 0, 0, 0, 4], "the range of ApiVersions itself");
    // The same connection goes on with a version that is known.
    let mut answer = wire.ask(&request(ApiKey::ApiVersions, 3, 6, &[2, b'n', 2, b'v', 0])).await;
    assert_eq!((answer.get_i32(), answer.get_i16()), (6, 0));
}

#[tokio::test]
async fn a_repeated_batch_is_acknowledged_where_it_stands() {
    let broker = start(1, &[("t", &[])]).await;
    let mut wire = Wire::to(broker.addresses()[0]).await;
    let numbered = |epoch, sequence| {
        let records = batch_of(&[(0, None, b"a"), (0, None, b"b")], 0, (4, epoch, sequence), 0, None);
        produce("t", 0, -1, &records)
    };
    assert_eq!(placed("t", wire.ask(&numbered(1, 0)).await), (0, 0));
    assert_eq!(placed("t", wire.ask(&numbered(1, 2)).await), (0, 2));
    assert_eq!(placed("t", wire.ask(&numbered(1, 0)).await), (0, 0), "the first one again");
    assert_eq!(placed("t", wire.ask(&numbered(1, 9)).await), (45, -1));
    assert_eq!(placed("t", wire.ask(&numbered(0, 4)).await), (47, -1));
    assert_eq!(broker.high_watermark("t", 0), Some(4));
}

#[tokio::test]
async fn each_refused_batch_has_its_error_and_does_not_land() {
    let broker = start(2, &[("t", &[])]).await;
    let mut wire = Wire::to(broker.addresses()[0]).await;
    let good = batch(&[(0, None, b"a")], 0);
    let mut corrupt = good.clone();
    *corrupt.last_mut().unwrap() ^= 1;
    for (request, error) in [
        (produce("t", 0, -1, &corrupt), 2),
        (produce("t", 0, 2, &good), 21),
        (produce("t", 1, -1, &good), 6),
        (produce("t", 2, -1, &good), 3),
        (produce("no", 0, -1, &good), 3),
        (produce("n o", 0, -1, &good), 17),
        (produce("t", 0, -1, &[]), 87),
    ] {
        let topic = if request.windows(3).any(|bytes| bytes == b"n o") { "n o" } else { "t" };
        let topic = if request.windows(4).any(|bytes| bytes == b"\0\x02no") { "no" } else { topic };
        assert_eq!(placed(topic, wire.ask(&request).await), (error, -1));
    }
    let heights = [broker.high_watermark("t", 0), broker.high_watermark("t", 1)];
    assert_eq!(heights, [Some(0), Some(0)]);
    assert_eq!(fetched("t", wire.ask(&fetch("t", 1, 0, 0, (9, 9))).await).0, 6);
}

#[tokio::test]
async fn without_acknowledgement_there_is_no_answer_and_a_failure_closes() {
    let broker = start(1, &[("t", &[])]).await;
    let mut wire = Wire::to(broker.addresses()[0]).await;
    let good = batch(&[(0, None, b"a")], 0);
    wire.send(&framed(&produce("t", 0, 0, &good))).await;
    assert_eq!(placed("t", wire.ask(&produce("t", 0, 1, &good)).await), (0, 1), "the next request's answer");
    wire.send(&framed(&produce("t", 9, 0, &good))).await;
    wire.closed().await;
}

#[tokio::test]
async fn limits_and_ranges_of_a_fetch() {
    let broker = start(1, &[("t", &[])]).await;
    let mut wire = Wire::to(broker.addresses()[0]).await;
    let records = batch(&[(0, None, b"a"), (0, Some(b"k"), b"b")], 0);
    for _ in 0..3 {
        wire.ask(&produce("t", 0, -1, &records)).await;
    }
    let length = i32::try_from(records.len()).unwrap();
    for (offset, limits, expected) in [
        (0, (i32::MAX, i32::MAX), (0, 3)),
        (1, (i32::MAX, length * 2), (0, 2)),
        (3, (length, i32::MAX), (0, 1)),
        (3, (1, 1), (0, 1)),
        (6, (1, 1), (0, 0)),
        (7, (1, 1), (1, 0)),
        (-1, (1, 1), (1, 0)),
    ] {
        let (error, _, found) = fetched("t", wire.ask(&fetch("t", 0, offset, 0, limits)).await);
        assert_eq!((error, found.len() / records.len()), expected, "from {offset} within {limits:?}");
        assert_eq!(found.len() % records.len(), 0, "whole batches only");
    }
    // Byte for byte as it came, but for the offset and the epoch.
    let (_, high_watermark, found) = fetched("t", wire.ask(&fetch("t", 0, 2, 0, (1, 1))).await);
    assert_eq!(high_watermark, 6);
    assert_eq!((&found[..8], &found[8..12]), (&2_i64.to_be_bytes()[..], &records[8..12]));
    assert_eq!((&found[12..16], &found[16..]), (&[0; 4][..], &records[16..]));
}

#[tokio::test]
async fn a_leader_that_moves_begins_an_epoch_and_ends_what_waits_for_the_old_one() {
    let fault = Fault::new(FaultKind::LeaderChange, Pace::Every(2));
    let injectors = vec![Arc::new(Injector::new(fault, 1))];
    let topics = vec![TopicConfig { name: "t".to_owned(), partitions: 1, configs: BTreeMap::new() }];
    let config = BrokerConfig { brokers: 2, topics, injectors, ..BrokerConfig::default() };
    let broker = Broker::start(config).await.unwrap();
    let mut wires = [Wire::to(broker.addresses()[0]).await, Wire::to(broker.addresses()[1]).await];
    let mut reader = Wire::to(broker.addresses()[0]).await;
    let batches = [&b"a"[..], b"b"].map(|value| batch(&[(0, None, value)], 0));
    assert_eq!(placed("t", wires[0].ask(&produce("t", 0, -1, &batches[0])).await), (0, 0));
    reader.send(&framed(&fetch("t", 0, 1, i32::MAX, (1_000, 1_000)))).await;
    assert_eq!(placed("t", wires[0].ask(&produce("t", 0, -1, &batches[1])).await), (6, -1));
    assert_eq!(fetched("t", reader.receive().await).0, 6);
    assert_eq!(placed("t", wires[0].ask(&produce("t", 0, -1, &batches[1])).await), (6, -1));
    assert_eq!(placed("t", wires[1].ask(&produce("t", 0, -1, &batches[1])).await), (0, 1));
    let (_, _, found) = fetched("t", wires[1].ask(&fetch("t", 0, 0, 0, (1_000, 1_000))).await);
    let epochs = [&found[12..16], &found[batches[0].len() + 12..][..4]];
    assert_eq!(epochs, [[0, 0, 0, 0], [0, 0, 0, 1]]);
    // Who still believes in the first leader asks where its records ended.
    let ask = |known: i32| {
        let mut body = 1_i32.to_be_bytes().to_vec();
        body.extend(text("t"));
        for number in [1, 0, known, 0] {
            body.extend(number.to_be_bytes());
        }
        request(ApiKey::OffsetForLeaderEpoch, 2, 9, &body)
    };
    let mut answer = wires[1].ask(&ask(1)).await;
    answer.advance(4 + 4 + 4 + 3 + 4);
    let told = (answer.get_i16(), answer.get_i32(), answer.get_i32(), answer.get_i64());
    assert_eq!(told, (0, 0, 0, 1));
    let mut answer = wires[1].ask(&ask(0)).await;
    answer.advance(4 + 4 + 4 + 3 + 4);
    assert_eq!(answer.get_i16(), 74, "fenced");
}

#[tokio::test]
async fn a_restart_ends_connections_and_keeps_what_stands() {
    let window = Some((Duration::ZERO, Duration::from_millis(200)));
    let fault = Fault { window, ..Fault::new(FaultKind::Restart, Pace::Every(1)) };
    let injector = Arc::new(Injector::new(fault, 1));
    let topics = vec![TopicConfig { name: "t".to_owned(), partitions: 1, configs: BTreeMap::new() }];
    let config = BrokerConfig { topics, injectors: vec![injector.clone()], ..BrokerConfig::default() };
    let broker = Broker::start(config).await.unwrap();
    let address = broker.addresses()[0];
    let (mut writer, mut reader) = (Wire::to(address).await, Wire::to(address).await);
    let records = batch(&[(0, None, b"a")], 0);
    assert_eq!(placed("t", writer.ask(&produce("t", 0, -1, &records)).await), (0, 0));
    reader.send(&framed(&fetch("t", 0, 1, i32::MAX, (1_000, 1_000)))).await;
    let begun = std::time::Instant::now();
    injector.start(begun);
    writer.closed().await;
    reader.closed().await;
    assert_eq!(injector.injected(), 1);
    let ask = framed(&produce("t", 0, -1, &records));
    let limit = begun + DEADLINE;
    let served = loop {
        assert!(std::time::Instant::now() < limit, "it is not served again");
        let mut again = Wire::to(address).await;
        // What is sent to a closed connection may break it.
        let sent = again.0.write_all(&ask).await;
        if sent.is_ok() && again.0.peek(&mut [0]).await.is_ok_and(|length| length > 0) {
            break again.receive().await;
        }
    };
    assert!(begun.elapsed() >= Duration::from_millis(200), "it was served after {:?}", begun.elapsed());
    assert_eq!(placed("t", served), (0, 1));
}

#[tokio::test]
async fn a_long_poll_ends_with_an_append_or_with_its_topic() {
    let broker = start(1, &[("t", &[])]).await;
    let address = broker.addresses()[0];
    let mut reader = Wire::to(address).await;
    let mut writer = Wire::to(address).await;
    reader.send(&framed(&fetch("t", 0, 0, i32::MAX, (1_000, 1_000)))).await;
    let unanswered = tokio::time::timeout(Duration::from_millis(50), reader.0.peek(&mut [0])).await;
    assert!(unanswered.is_err(), "there is nothing to read yet");
    let records = batch(&[(0, None, b"a")], 0);
    writer.ask(&produce("t", 1, -1, &records)).await;
    writer.ask(&produce("t", 0, -1, &records)).await;
    assert_eq!(fetched("t", reader.receive().await).2.len(), records.len());
    reader.send(&framed(&fetch("t", 0, 1, i32::MAX, (1_000, 1_000)))).await;
    let delete = [&1_i32.to_be_bytes()[..], &text("t"), &0_i32.to_be_bytes()].concat();
    writer.ask(&request(ApiKey::DeleteTopics, 1, 3, &delete)).await;
    assert_eq!(fetched("t", reader.receive().await).0, 3);
}

#[tokio::test]
async fn what_cannot_be_a_request_closes_its_connection_only() {
    let broker = start(1, &[("t", &[])]).await;
    let address = broker.addresses()[0];
    let mut witness = Wire::to(address).await;
    let claims = [&[0x7f, 0xff, 0xff, 0xf0][..], &[0; 40]].concat();
    for bytes in [
        vec![0xff, 0xff, 0xff, 0xff],
        vec![0x7f, 0xff, 0xff, 0xff],
        framed(&[]),
        framed(&[0, 0, 0]),
        framed(&request(ApiKey::Metadata, 1, 1, &claims)),
        framed(&request(ApiKey::Produce, 0, 1, &[0; 64])),
        framed(&request(ApiKey::AddPartitionsToTxn, 0, 1, &[0; 64])),
        framed(&[&999_i16.to_be_bytes()[..], &[0; 64]].concat()),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
    ] {
        let mut wire = Wire::to(address).await;
        wire.send(&bytes).await;
        // What looks like the length of a request still to come is waited for: it is the client that goes.
        wire.0.shutdown().await.unwrap();
        wire.closed().await;
        assert_eq!(witness.ask(&request(ApiKey::ApiVersions, 0, 9, &[])).await.get_i32(), 9);
    }
}

#[tokio::test]
async fn a_group_that_another_broker_coordinates_is_refused_partition_by_partition() {
    let broker = start(2, &[("t", &[])]).await;
    let numbers = [1_i32, 0].map(i32::to_be_bytes).concat();
    let body = [&text("g")[..], &1_i32.to_be_bytes(), &text("t"), &numbers].concat();
    let mut errors = Vec::new();
    for address in broker.addresses() {
        let answer = Wire::to(*address).await.ask(&request(ApiKey::OffsetFetch, 1, 4, &body)).await;
        // The last of what is said of the one partition.
        errors.push(i16::from_be_bytes([answer[answer.len() - 2], answer[answer.len() - 1]]));
    }
    errors.sort_unstable();
    assert_eq!(errors, [0, 16], "not coordinator");
}

/// `SaslHandshake` for PLAIN.
fn handshake(version: i16) -> Vec<u8> {
    request(ApiKey::SaslHandshake, version, 1, &text("PLAIN"))
}

/// `SaslAuthenticate` version 0.
fn authenticate(token: &[u8]) -> Vec<u8> {
    let length = i32::try_from(token.len()).unwrap().to_be_bytes();
    request(ApiKey::SaslAuthenticate, 0, 2, &[&length, token].concat())
}

#[tokio::test]
async fn who_does_not_say_who_it_is_is_not_served() {
    let sasl = Some(Credentials { username: "landfall".to_owned(), password: Secret::new("hunter2") });
    let broker = Broker::start(BrokerConfig { sasl, ..BrokerConfig::default() }).await.unwrap();
    let address = broker.addresses()[0];
    let metadata = request(ApiKey::Metadata, 1, 3, &[0xff; 4]);
    // Who has not said who it is sends no more than that takes.
    let mut wire = Wire::to(address).await;
    wire.send(&(512 * 1024 + 1_i32).to_be_bytes()).await;
    wire.closed().await;
    for early in [metadata.clone(), authenticate(b"\0landfall\0hunter2"), produce("t", 0, -1, &[])] {
        let mut wire = Wire::to(address).await;
        assert_eq!(wire.ask(&request(ApiKey::ApiVersions, 0, 9, &[])).await.get_i32(), 9);
        wire.send(&framed(&early)).await;
        wire.closed().await;
    }

    let mut wire = Wire::to(address).await;
    let offered = b"\0\0\0\x03\0\x0dSCRAM-SHA-256\0\x0dSCRAM-SHA-512\0\x05PLAIN";
    assert_eq!(wire.ask(&handshake(1)).await[..], [&b"\0\0\0\x01\0\0"[..], offered].concat());
    let mut answer = wire.ask(&authenticate(b"\0landfall\0hunter3")).await;
    assert_eq!((answer.get_i32(), answer.get_i16()), (2, 58));
    let sentence = b"Authentication failed: Invalid username or password";
    assert_eq!(&answer[2..2 + sentence.len()], sentence);
    wire.closed().await;

    let mut wire = Wire::to(address).await;
    let other = request(ApiKey::SaslHandshake, 1, 1, &text("GSSAPI"));
    assert_eq!(wire.ask(&other).await[..], [&b"\0\0\0\x01\0\x21"[..], offered].concat());
    wire.closed().await;

    let mut wire = Wire::to(address).await;
    wire.ask(&handshake(1)).await;
    let mut answer = wire.ask(&authenticate(b"\0landfall\0hunter2")).await;
    assert_eq!((answer.get_i32(), answer.get_i16()), (2, 0));
    assert_eq!(wire.ask(&metadata).await.get_i32(), 3);
    assert_eq!(wire.ask(&handshake(1)).await[4..6], [0, 34], "once is enough");

    // As clients did before `SaslAuthenticate` was there.
    let mut wire = Wire::to(address).await;
    wire.ask(&handshake(0)).await;
    assert_eq!(wire.ask(b"\0landfall\0hunter2").await.len(), 0);
    assert_eq!(wire.ask(&metadata).await.get_i32(), 3);
    let mut wire = Wire::to(address).await;
    wire.ask(&handshake(0)).await;
    wire.send(&framed(b"\0landfall\0hunter")).await;
    wire.closed().await;
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let broker = start(1, &[]).await;
    let mut wire = Wire::to(broker.addresses()[0]).await;
    for byte in framed(&request(ApiKey::ApiVersions, 0, 77, &[])) {
        wire.send(&[byte]).await;
    }
    assert_eq!(wire.receive().await.get_i32(), 77);
}
