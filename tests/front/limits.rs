//! What the gateway refuses by size, coding, headers and model.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use hyper::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{Bare, DEADLINE, ONE_RECORD, V2_JSON, post, produce, send};

const LIMIT: usize = 10_485_760;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_body_that_is_too_long() {
    let bare = Bare::start(|_| ()).await;
    let headers = [("content-type", "text/plain"), ("authorization", "Bearer x")];
    let reply = send(post(&bare.topic("a"), &headers, vec![b'x'; LIMIT])).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(bare.backend.last().body.len(), LIMIT);

    let reply = send(post(&bare.topic("a"), &headers, vec![b'x'; LIMIT + 1])).await;
    assert_eq!(reply.row(), (413, None, "HTTP content length exceeded 10485760 bytes."));
    assert_eq!(reply.header("content-type"), Some("text; charset=utf-8"));
    assert!(!reply.everything().contains("x-amz"));
    assert_eq!((bare.lambda.count(), bare.backend.count()), (1, 1));

    let headers = [("content-encoding", "gzip"), ("authorization", "Bearer x")];
    let reply = send(post(&bare.topic("a"), &headers, gzip(&vec![b'x'; LIMIT + 1]))).await;
    assert_eq!(reply.row().0, 413, "inflated, it is too long");
    assert_eq!(bare.backend.count(), 1);
}

/// Many clients write all they have before they read anything; they must see the answer, not a reset.
#[tokio::test]
async fn a_client_that_writes_everything_first_sees_the_refusal() {
    let bare = Bare::start(|_| ()).await;
    let (mut stream, path) = connect(&bare.topic("a")).await;
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 3 * LIMIT);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 3 * LIMIT]).await.unwrap();
    let mut answer = [0; 13];
    tokio::time::timeout(DEADLINE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413 ");
}

async fn connect(url: &str) -> (TcpStream, String) {
    let url: hyper::Uri = url.parse().unwrap();
    (TcpStream::connect(url.authority().unwrap().as_str()).await.unwrap(), url.path().to_owned())
}

/// curl asks before it sends a long body; it must be told no without sending it.
#[tokio::test]
async fn a_client_that_asks_first_need_not_send() {
    let bare = Bare::start(|_| ()).await;
    let (mut stream, path) = connect(&bare.topic("a")).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn headers_that_are_too_long() {
    let bare = Bare::start(|_| ()).await;
    let with = |filler: usize| {
        let mut request = produce(&bare.topic("a"), "Bearer x");
        request.headers_mut().insert("x-filler", "f".repeat(filler).parse().unwrap());
        request
    };
    assert_eq!(send(with(10_000)).await.status, StatusCode::OK);
    let reply = send(with(10_240)).await;
    assert_eq!(reply.row(), (431, None, "HTTP header is larger than 10240 bytes."));
    assert_eq!(bare.lambda.count(), 1);
}

#[tokio::test]
async fn a_path_that_is_too_long() {
    let bare = Bare::start(|_| ()).await;
    assert_eq!(send(produce(&bare.topic(&"t".repeat(1500)), "Bearer x")).await.status, StatusCode::OK);
    let reply = send(produce(&bare.topic(&"t".repeat(1600)), "Bearer x")).await;
    assert_eq!(reply.status, StatusCode::URI_TOO_LONG);
    assert_eq!(bare.lambda.count(), 1, "refused before the authorizer");
}

#[tokio::test]
async fn codings() {
    let bare = Bare::start(|_| ()).await;
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(ONE_RECORD.as_bytes()).unwrap();
    let bodies = [
        ("gzip", gzip(ONE_RECORD.as_bytes())),
        ("deflate", zlib.finish().unwrap()),
        ("identity", ONE_RECORD.as_bytes().to_vec()),
    ];
    for (coding, body) in bodies {
        let headers =
            [("content-type", V2_JSON), ("authorization", "Bearer x"), ("content-encoding", coding)];
        assert_eq!(send(post(&bare.topic("a"), &headers, body)).await.status, StatusCode::OK, "{coding}");
        let seen = bare.backend.last();
        assert_eq!(seen.body, ONE_RECORD);
        assert!(!seen.headers.contains_key("content-encoding"));
    }
    let expected = (415, Some("BadRequestException"), r#"{"message":"Unsupported Media Type"}"#);
    for (coding, body) in [("br", gzip(b"x")), ("zstd", gzip(b"x")), ("gzip", b"x".to_vec())] {
        let headers =
            [("content-type", V2_JSON), ("authorization", "Bearer x"), ("content-encoding", coding)];
        assert_eq!(send(post(&bare.topic("a"), &headers, body)).await.row(), expected, "{coding}");
    }
    assert_eq!(bare.backend.count(), 3);
}

#[tokio::test]
async fn required_headers_come_before_the_body_and_after_the_authorizer() {
    let bare =
        Bare::start(|config| config.required_headers = vec!["X-Request-Id".into(), "X-Source".into()]).await;
    let plain = [("content-type", V2_JSON), ("authorization", "Bearer x")];
    let missing = |names: &str| format!(r#"{{"message":"Missing required request parameters: [{names}]"}}"#);

    let reply = send(post(&bare.topic("a"), &plain, "{}")).await;
    assert_eq!(reply.row(), (400, Some("BadRequestException"), missing("X-Request-Id, X-Source").as_str()));
    let one = [&plain[..], &[("x-request-id", "1"), ("x-source", " ")]].concat();
    let reply = send(post(&bare.topic("a"), &one, "{}")).await;
    assert_eq!(reply.row().2, missing("X-Source"));
    let both = [&plain[..], &[("x-request-id", "1"), ("x-source", "s")]].concat();
    let reply = send(post(&bare.topic("a"), &both, "{}")).await;
    assert_eq!(reply.row(), (400, Some("BadRequestException"), r#"{"message":"Invalid request body"}"#));
    assert_eq!(send(post(&bare.topic("a"), &both, ONE_RECORD)).await.status, StatusCode::OK);

    let reply = send(post(&bare.topic("a"), &plain[..1], "{}")).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "the authorizer comes first");
    assert_eq!((bare.lambda.count(), bare.backend.count()), (4, 1));
}

#[tokio::test]
async fn bodies_against_their_model() {
    let bare = Bare::start(|_| ()).await;
    let deep = format!("{{\"records\":[{{\"value\":{}{}}}]}}", "[".repeat(20_000), "]".repeat(20_000));
    for content_type in [V2_JSON, "application/vnd.kafka.binary.v2+json"] {
        let headers = [("content-type", content_type), ("authorization", "Bearer x")];
        for body in ["", "x", "[]", "{}", r#"{"records":[[]]}"#, &deep] {
            let reply = send(post(&bare.topic("a"), &headers, body.to_owned())).await;
            assert_eq!(
                reply.row(),
                (400, Some("BadRequestException"), r#"{"message":"Invalid request body"}"#)
            );
        }
        for body in [ONE_RECORD, r#"{"records":[]}"#] {
            assert_eq!(send(post(&bare.topic("a"), &headers, body)).await.status, StatusCode::OK);
            assert_eq!(bare.backend.last().body, body);
        }
    }
    // Without a `$default` model, another content type slips past.
    for content_type in ["application/json", "text/plain", ""] {
        let headers = [("content-type", content_type), ("authorization", "Bearer x")];
        assert_eq!(
            send(post(&bare.topic("a"), &headers, "x")).await.status,
            StatusCode::OK,
            "{content_type}"
        );
    }
    assert_eq!(bare.backend.count(), 7);
}
