//! HTTP/2: several requests at once on a connection, over TLS and without.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::Bytes;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use landfall::load::StreamPlan;
use landfall::record::Class;
use landfall::scenario::{Connections, Protocol, TlsSettings};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;

use crate::harness::{Server, ack, send, stream_with};
use crate::tls::Authority;

/// A server on a runtime of its own, which ends with it.
struct Http2Server {
    _runtime: Runtime,
    address: SocketAddr,
    connections: Arc<AtomicU64>,
}

impl Http2Server {
    /// Answers each request, by its number in the server's life from 0, with what `answer` makes of it; `None` breaks
    /// the connection.
    fn start<F>(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(u64) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Option<&'static str>> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let connections: Arc<AtomicU64> = Arc::default();
        let (count, seen) = (connections.clone(), Arc::new(AtomicU64::new(0)));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).expect("an open socket");
                let (tls, answer, seen) = (tls.clone(), answer.clone(), seen.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(config) => {
                            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                                serve(stream, answer, seen).await;
                            }
                        }
                        None => serve(stream, answer, seen).await,
                    }
                });
            }
        });
        Self { _runtime: runtime, address, connections }
    }

    fn stream(&self, connections: u16, streams: u16) -> StreamPlan {
        let url = format!("http://{}", self.address);
        let mut plan = stream_with(&url, &TlsSettings::default(), Protocol::Http2);
        plan.connections = Connections { count: connections, streams, requests_each: None, life: None };
        plan
    }
}

async fn serve<F>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answer: impl Fn(u64) -> F + Clone + Send + 'static,
    seen: Arc<AtomicU64>,
) where
    F: Future<Output = Option<&'static str>> + Send + 'static,
{
    let broken = Arc::new(tokio::sync::Notify::new());
    let (answer, breaking) = (Arc::new(answer), broken.clone());
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answered = answer(seen.fetch_add(1, Ordering::SeqCst));
        let breaking = breaking.clone();
        async move {
            let whole = request.into_body().collect().await.is_ok_and(|body| !body.to_bytes().is_empty());
            let body = match answered.await {
                Some(body) if whole => body,
                _ => {
                    breaking.notify_one();
                    std::future::pending().await
                }
            };
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(body.as_bytes()))))
        }
    });
    tokio::select! {
        _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service) => {}
        () = broken.notified() => {}
    }
}

const ACK: &str = "{\"offsets\":[{\"partition\":0,\"offset\":0}]}";

#[test]
fn several_requests_share_a_connection() {
    // No answer comes before five requests are under way: one after the other, they would all wait for ever.
    let five = Arc::new(Barrier::new(5));
    let server = Http2Server::start(None, move |_| {
        let five = five.clone();
        async move {
            five.wait().await;
            Some(ACK)
        }
    });
    let (report, told) = send(server.stream(1, 10));
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0), "{:?}", told.attempts[0]);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    let (service, latency) = (&report.overall.times.service, &report.overall.times.latency);
    // The first of five waits for the fifth, 80 ms later.
    assert!(service.at(0.9) >= 70_000, "{:?}", service.quantiles());
    assert!(latency.quantiles().max < 2_500_000, "{:?}", latency.quantiles());
}

#[test]
fn over_tls_the_protocol_is_agreed_on() {
    let authority = Authority::new();
    let settings = TlsSettings { ca: Some(authority.file()), server_name: None };
    let speaks = authority.vouch("127.0.0.1", &[b"h2"]);
    let server = Http2Server::start(Some(speaks), |_| async { Some(ACK) });
    let url = format!("https://{}", server.address);
    let (report, told) = send(stream_with(&url, &settings, Protocol::Http2));
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0), "{:?}", told.attempts[0]);
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);

    let silent = authority.vouch("127.0.0.1", &[]);
    let server = Http2Server::start(Some(silent), |_| async { Some(ACK) });
    let url = format!("https://{}", server.address);
    let (report, told) = send(stream_with(&url, &settings, Protocol::Http2));
    assert_eq!((report.attempts.of(Class::Reset), report.attempts.total()), (50, 50));
    let note = told.attempts[0].1.note.as_deref().expect("a reason");
    assert!(note.contains("does not speak HTTP/2"), "{note}");
}

#[test]
fn an_attempt_that_times_out_leaves_its_connection_to_the_others() {
    let server = Http2Server::start(None, |number| async move {
        if number % 5 == 0 {
            std::future::pending::<()>().await;
        }
        Some(ACK)
    });
    let mut stream = server.stream(1, 40);
    stream.timeouts.whole = Duration::from_millis(150);
    let (report, _) = send(stream);
    assert_eq!((report.attempts.of(Class::TimedOut), report.overall.accepted), (10, 40));
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_connection_that_breaks_takes_its_requests_with_it_and_is_opened_anew() {
    let server = Http2Server::start(None, |number| async move { (number != 20).then_some(ACK) });
    let (report, _) = send(server.stream(1, 4));
    let (reset, accepted) = (report.attempts.of(Class::Reset), report.overall.accepted);
    assert_eq!(reset + accepted, 50);
    assert!((1..=4).contains(&reset), "{reset}");
    assert!(server.connections.load(Ordering::SeqCst) >= 2);
}

#[test]
fn a_server_of_another_protocol_is_no_connection() {
    let server = Server::answering(|_| ack());
    let (report, _) = send(stream_with(&server.url(), &TlsSettings::default(), Protocol::Http2));
    assert_eq!((report.attempts.of(Class::Reset), report.attempts.total()), (50, 50));
    assert!(report.socket_errors > 0);
}
