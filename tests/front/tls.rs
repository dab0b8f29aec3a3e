//! TLS and HTTP/2, at the gateway's front and towards its back ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use landfall::doubles::gateway::{Backend, Gateway};
use landfall::doubles::http::Terms;
use landfall::tls::{HTTP2, Identity, client_config, server_name};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stage::{ONE_RECORD, Settings, Stub, V2_JSON, offsets, policy, produce, send, until};

/// A generated identity, and its authority in a file.
struct Known {
    identity: Identity,
    folder: tempfile::TempDir,
}

impl Known {
    fn new() -> Self {
        let identity = Identity::generated(SystemTime::now(), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), identity.authority().unwrap()).unwrap();
        Self { identity, folder }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    async fn connect(&self, gateway: &Gateway, protocol: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        let config = client_config(Some(&self.ca()), &[protocol]).unwrap();
        let stream = TcpStream::connect(authority(gateway)).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(server_name("localhost").unwrap(), stream).await
    }
}

fn authority(gateway: &Gateway) -> String {
    gateway.base_url().split('/').nth(2).unwrap().to_owned()
}

/// A gateway with TLS, its authorizer that allows all, and its back end.
async fn secured(known: &Known) -> (Gateway, Stub, Stub) {
    let (lambda, backend) =
        (Stub::start(200, policy("Allow", "*")).await, Stub::start(200, offsets(1)).await);
    let mut settings = Settings::new(backend.address());
    settings.identity = Some(known.identity.clone());
    (settings.start(lambda.url()).await, lambda, backend)
}

fn request(gateway: &Gateway) -> Request<Full<Bytes>> {
    produce(&format!("{}/topics/t", gateway.base_url()), "Bearer x")
}

type Sender = http2::SendRequest<Full<Bytes>>;

async fn over_http2(known: &Known, gateway: &Gateway) -> Sender {
    let stream = known.connect(gateway, HTTP2).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn whole<B: hyper::body::Body<Error: std::fmt::Debug>>(answer: Response<B>) -> (StatusCode, Bytes) {
    let status = answer.status();
    (status, answer.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn http_1_over_tls_is_answered_as_without() {
    let known = Known::new();
    let (gateway, _lambda, backend) = secured(&known).await;
    assert!(gateway.base_url().starts_with("https://127.0.0.1:"), "{}", gateway.base_url());
    let stream = known.connect(&gateway, b"http/1.1").await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..2 {
        let mut request = request(&gateway);
        *request.uri_mut() = request.uri().path().parse().unwrap();
        request.headers_mut().insert("host", "api.example".parse().unwrap());
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(whole(answer).await, (StatusCode::OK, Bytes::from(offsets(1))));
    }
    let seen = backend.last();
    assert_eq!(seen.headers["x-forwarded-proto"], "https");
    assert_eq!(authority(&gateway).rsplit_once(':').unwrap().1, seen.headers["x-forwarded-port"]);
}

#[tokio::test]
async fn http_2_carries_many_requests_at_once() {
    let known = Known::new();
    let (gateway, lambda, backend) = secured(&known).await;
    let sender = over_http2(&known, &gateway).await;
    backend.hold();
    let answers: Vec<_> = (0..20)
        .map(|_| {
            let (mut sender, request) = (sender.clone(), request(&gateway));
            tokio::spawn(async move { whole(sender.send_request(request).await.unwrap()).await })
        })
        .collect();
    until("all are under way at once", || backend.in_flight() == 20).await;
    assert_eq!(gateway.in_flight(), 20);
    backend.release();
    for answer in answers {
        assert_eq!(answer.await.unwrap(), (StatusCode::OK, Bytes::from(offsets(1))));
    }
    until("none is under way", || gateway.in_flight() == 0).await;
    assert_eq!((lambda.count(), backend.count()), (20, 20));
    let seen = backend.last();
    assert_eq!((&*seen.path, &*seen.body), ("/topics/t", ONE_RECORD.as_bytes()));
    assert_eq!(seen.headers["content-type"], V2_JSON);
}

#[tokio::test]
async fn what_http_2_says_otherwise_reaches_the_back_end_as_http_1() {
    let known = Known::new();
    let (gateway, _lambda, backend) = secured(&known).await;
    let mut sender = over_http2(&known, &gateway).await;
    let mut crumbs = request(&gateway);
    for crumb in ["a=1", "b=2"] {
        crumbs.headers_mut().append("cookie", crumb.parse().unwrap());
    }
    let answer = sender.send_request(crumbs).await.unwrap();
    assert!(answer.headers().contains_key("x-amzn-requestid"));
    assert_eq!(answer.status(), StatusCode::OK);
    let seen = backend.last();
    assert_eq!(seen.headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    assert_eq!(seen.headers["host"], backend.address().to_string());
}

#[tokio::test]
async fn a_stream_that_is_taken_back_is_carried_out_all_the_same() {
    let known = Known::new();
    let (gateway, _lambda, backend) = secured(&known).await;
    let sender = over_http2(&known, &gateway).await;
    backend.hold();
    let (mut asking, one) = (sender.clone(), request(&gateway));
    let asked = tokio::spawn(async move { asking.send_request(one).await });
    until("it is at the back end", || backend.in_flight() == 1).await;
    asked.abort();
    let _ = asked.await;
    // Others on the connection are none the worse.
    let (mut other, two) = (sender.clone(), request(&gateway));
    let other = tokio::spawn(async move { whole(other.send_request(two).await.unwrap()).await });
    until("both are at the back end", || backend.in_flight() == 2).await;
    assert_eq!(gateway.in_flight(), 2);
    backend.release();
    assert_eq!(other.await.unwrap().0, StatusCode::OK);
    until("both have been carried out", || gateway.in_flight() == 0).await;
    assert_eq!(backend.count(), 2);
}

#[tokio::test]
async fn who_does_not_speak_tls_or_does_not_trust_it_reaches_nothing() {
    let known = Known::new();
    let (gateway, lambda, backend) = secured(&known).await;
    let mut plain = TcpStream::connect(authority(&gateway)).await.unwrap();
    plain.write_all(b"POST /prod/topics/t HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(Known::new().connect(&gateway, HTTP2).await.is_err(), "another authority");
    assert_eq!((lambda.count(), backend.count()), (0, 0));
}

/// What a gateway without TLS answers whose back end has `known`'s identity, and is asked for as `name` by who trusts
/// `trusted`.
async fn through_to(known: &Known, trusted: &Known, name: &str) -> (u16, String, usize) {
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let terms = Terms { identity: Some(known.identity.clone()), ..Terms::default() };
    let backend = Stub::start_with(terms, 200, offsets(1)).await;
    let mut settings = Settings::new(backend.address());
    settings.backend = Backend::Secured {
        address: backend.address(),
        tls: Arc::new(client_config(Some(&trusted.ca()), &[b"http/1.1"]).unwrap()),
        name: server_name(name).unwrap(),
    };
    let gateway = settings.start(lambda.url()).await;
    let reply = send(request(&gateway)).await;
    let again = send(request(&gateway)).await;
    assert_eq!(reply.status, again.status);
    (reply.status.as_u16(), reply.text().to_owned(), backend.count())
}

#[tokio::test]
async fn a_back_end_is_spoken_to_where_its_certificate_is_trusted_and_has_its_name() {
    let (known, stranger) = (Known::new(), Known::new());
    assert_eq!(through_to(&known, &known, "localhost").await, (200, offsets(1), 2));
    let failed = (500, r#"{"message": "Internal server error"}"#.to_owned(), 0);
    assert_eq!(through_to(&known, &stranger, "localhost").await, failed);
    assert_eq!(through_to(&known, &known, "nlb.internal").await, failed);
}
