//! HTTP/2: several requests at once on a connection, over TLS and without.

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::Future;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame};
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
use tokio::sync::{Barrier, Notify, watch};
use tokio_rustls::TlsAcceptor;

use crate::harness::{Sending, Server, ack, send, send_as, stream_with};
use crate::tls::Authority;

/// A server on a runtime of its own, which ends with it.
struct Http2Server {
    _runtime: Runtime,
    address: SocketAddr,
    connections: watch::Sender<u64>,
}

/// What a server does otherwise than others.
#[derive(Clone, Copy, Default)]
struct Manner {
    /// The streams that it allows at once.
    streams: Option<u32>,
    /// Bytes of bodies that it takes on a connection before it has read some.
    window: Option<u32>,
    /// How long after their heads the bodies of its answers come.
    body_after: Duration,
}

/// What can be done with a connection while it answers.
#[derive(Default)]
struct Line {
    broken: Notify,
    going: Notify,
    /// Connections of the server's so far.
    connections: watch::Sender<u64>,
}

impl Line {
    async fn break_off(&self) {
        self.broken.notify_one();
        std::future::pending::<()>().await;
    }

    /// Says that it takes no further request (GOAWAY), and answers those that it has.
    fn go_away(&self) {
        self.going.notify_one();
    }

    async fn until_there_is_another(&self) {
        let another = self.connections.subscribe().wait_for(|connections| *connections >= 2).await.map(drop);
        another.expect("the line itself counts them");
    }
}

/// What a slow server takes to answer: the load that is tested must meet with it, and nothing is waited for here.
async fn slowness(time: Duration) {
    tokio::time::sleep(time).await;
}

impl Http2Server {
    /// Acks each request when `answer` is done with its number in the server's life, from 0.
    fn start<F>(
        tls: Option<Arc<ServerConfig>>,
        manner: Manner,
        answer: impl Fn(u64, Arc<Line>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let connections = watch::Sender::new(0);
        let (count, seen) = (connections.clone(), Arc::new(AtomicU64::new(0)));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.send_modify(|connections| *connections += 1);
                stream.set_nodelay(true).expect("an open socket");
                let line = Arc::new(Line { connections: count.clone(), ..Line::default() });
                let (tls, answer, seen) = (tls.clone(), answer.clone(), seen.clone());
                let answer =
                    move |line: &Arc<Line>| answer(seen.fetch_add(1, Ordering::SeqCst), line.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(config) => {
                            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                                serve(stream, manner, line, answer).await;
                            }
                        }
                        None => serve(stream, manner, line, answer).await,
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
    manner: Manner,
    line: Arc<Line>,
    answer: impl Fn(&Arc<Line>) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let asked = line.clone();
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answered = answer(&asked);
        async move {
            answered.await;
            let body = request.into_body().collect().await.expect("a whole request").to_bytes();
            assert!(!body.is_empty());
            let body = stream::once(async move {
                slowness(manner.body_after).await;
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(ACK)))
            });
            Ok::<_, Infallible>(Response::new(StreamBody::new(Box::pin(body))))
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(manner.streams).initial_connection_window_size(manner.window);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = line.broken.notified() => return,
            () = line.going.notified() => connection.as_mut().graceful_shutdown(),
        }
    }
}

const ACK: &[u8] = b"{\"offsets\":[{\"partition\":0,\"offset\":0}]}";

#[test]
fn several_requests_share_a_connection() {
    // No answer comes before five requests are under way: one after the other, they would all wait for ever.
    let five = Arc::new(Barrier::new(5));
    let server = Http2Server::start(None, Manner::default(), move |_, _| {
        let five = five.clone();
        async move {
            five.wait().await;
        }
    });
    let (report, told) = send(server.stream(1, 10));
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0), "{:?}", told.attempts[0]);
    assert_eq!(*server.connections.borrow(), 1);
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
    let server = Http2Server::start(Some(speaks), Manner::default(), |_, _| async {});
    let url = format!("https://{}", server.address);
    let (report, told) = send(stream_with(&url, &settings, Protocol::Http2));
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0), "{:?}", told.attempts[0]);
    assert_eq!(*server.connections.borrow(), 2);

    let silent = authority.vouch("127.0.0.1", &[]);
    let server = Http2Server::start(Some(silent), Manner::default(), |_, _| async {});
    let url = format!("https://{}", server.address);
    let (report, told) = send(stream_with(&url, &settings, Protocol::Http2));
    assert_eq!((report.attempts.of(Class::Reset), report.attempts.total()), (50, 50));
    let note = told.attempts[0].1.note.as_deref().expect("a reason");
    assert!(note.contains("does not speak HTTP/2"), "{note}");
}

#[test]
fn an_attempt_that_times_out_leaves_its_connection_to_the_others() {
    let server = Http2Server::start(None, Manner::default(), |number, _| async move {
        if number % 10 == 0 {
            std::future::pending::<()>().await;
        }
    });
    let mut stream = server.stream(1, 40);
    stream.timeouts.whole = Duration::from_millis(1_500);
    let (report, _) = send(stream);
    assert_eq!((report.attempts.of(Class::TimedOut), report.overall.accepted), (5, 45));
    assert_eq!(*server.connections.borrow(), 1);
}

#[test]
fn the_first_byte_may_come_long_before_the_last() {
    let manner = Manner { body_after: Duration::from_millis(1_500), ..Manner::default() };
    let server = Http2Server::start(None, manner, |_, _| async {});
    let mut stream = server.stream(1, 100);
    stream.timeouts.first_byte = Duration::from_secs(1);
    let (report, told) = send(stream);
    assert_eq!(report.overall.accepted, 50, "{:?}", told.ends());

    let mut stream = server.stream(1, 100);
    stream.timeouts.whole = Duration::from_millis(1_200);
    let (report, told) = send(stream);
    assert_eq!(report.attempts.of(Class::TimedOut), 50, "{:?}", told.ends());
    assert!(told.attempts[0].1.note.as_deref().is_some_and(|note| note.contains("1.2 s")));
}

#[test]
fn a_connection_that_breaks_takes_its_requests_with_it_and_is_opened_anew() {
    let server = Http2Server::start(None, Manner::default(), |number, line| async move {
        if number == 20 {
            line.break_off().await;
        }
    });
    let (report, _) = send(server.stream(1, 4));
    let (reset, accepted) = (report.attempts.of(Class::Reset), report.overall.accepted);
    assert_eq!(reset + accepted, 50);
    assert!((1..=4).contains(&reset), "{reset}");
    assert!(*server.connections.borrow() >= 2);
}

#[test]
fn a_connection_that_takes_its_leave_answers_first() {
    // The 20th is answered when the next connection has been opened, since the first took its leave.
    let server = Http2Server::start(None, Manner::default(), |number, line| async move {
        if number == 20 {
            line.go_away();
            line.until_there_is_another().await;
        }
    });
    let (report, told) = send(server.stream(1, 10));
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0), "{:?}", told.notes());
    assert_eq!(*server.connections.borrow(), 2);
}

#[test]
fn an_answer_that_comes_with_the_end_of_its_connection_has_come() {
    let server = Http2Server::start(None, Manner::default(), |_, line| async move { line.go_away() });
    let (report, told) = send(server.stream(2, 1));
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0), "{:?}", told.notes());
    assert!(*server.connections.borrow() >= 50);
}

#[test]
fn what_waits_for_room_at_the_server_is_its_service() {
    // The first body is read late, and takes all of the room.
    let manner = Manner { window: Some(65_535), ..Manner::default() };
    let server = Http2Server::start(None, manner, |number, _| async move {
        if number == 0 {
            slowness(Duration::from_secs(2)).await;
        }
    });
    let line = format!("{{\"a\":\"{}\"}}", "x".repeat(70_000));
    let (report, told) = send_as(vec![server.stream(1, 50)], Sending { line, ..Sending::default() });
    assert_eq!(report.overall.accepted, 50, "{:?}", told.ends());
    let times = &report.overall.times;
    let (service, lag) = (times.service.at(0.5), times.generator_lag.at(0.5));
    assert!(service >= 1_000_000 && lag < service / 2, "{service} {lag}");
}

#[test]
fn waiting_for_a_stream_is_no_part_of_the_time_that_an_attempt_may_take() {
    // Each holds the only stream for a tenth of a second: the last waits for five.
    let manner = Manner { streams: Some(1), ..Manner::default() };
    let server = Http2Server::start(None, manner, |_, _| slowness(Duration::from_millis(100)));
    let mut stream = server.stream(1, 50);
    stream.timeouts.whole = Duration::from_secs(2);
    let (report, told) = send(stream);
    assert_eq!(report.overall.accepted, 50, "{:?}", told.ends());
}

#[test]
fn an_attempt_that_is_given_up_makes_room_for_the_next() {
    // All are due before the first is given up, and nothing else happens that would let it go.
    let manner = Manner { streams: Some(1), ..Manner::default() };
    let server = Http2Server::start(None, manner, |number, _| async move {
        if number == 0 {
            std::future::pending::<()>().await;
        }
    });
    let mut stream = server.stream(1, 50);
    stream.timeouts.whole = Duration::from_millis(1_500);
    let (report, told) = send(stream);
    let counts = (report.attempts.of(Class::TimedOut), report.overall.accepted);
    assert_eq!(counts, (1, 49), "{:?}", told.ends());
}

/// Refuses streams, and acks the others; `heads` counts all. Unless `always`, it refuses every tenth request when it sees
/// it first.
async fn serve_or_refuse(listener: TcpListener, always: bool, heads: Arc<AtomicU64>) {
    let seen: Arc<Mutex<HashSet<String>>> = Arc::default();
    while let Ok((stream, _)) = listener.accept().await {
        let (heads, seen) = (heads.clone(), seen.clone());
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(stream).await.expect("a client of HTTP/2");
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                heads.fetch_add(1, Ordering::SeqCst);
                let id = request.headers()["x-request-id"].to_str().expect("ASCII").to_owned();
                let tenth = id.ends_with("3.1");
                if always || (tenth && seen.lock().expect("no panic").insert(id)) {
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                } else {
                    let mut body = respond.send_response(Response::new(()), false).expect("an open stream");
                    body.send_data(Bytes::from_static(ACK), true).expect("an open stream");
                }
            }
        });
    }
}

#[test]
fn what_the_server_did_nothing_with_is_sent_once_more() {
    let runtime = Runtime::new().expect("a runtime");
    let send_to = |always| {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let heads: Arc<AtomicU64> = Arc::default();
        runtime.spawn(serve_or_refuse(listener, always, heads.clone()));
        let (report, told) = send(stream_with(&url, &TlsSettings::default(), Protocol::Http2));
        (report, told, heads.load(Ordering::SeqCst))
    };
    let (report, told, heads) = send_to(false);
    assert_eq!((report.overall.accepted, report.attempts.total(), heads), (50, 50, 55), "{:?}", told.notes());
    // Refused once more, it is an attempt that has failed.
    let (report, _, heads) = send_to(true);
    assert_eq!((report.attempts.of(Class::Reset), report.attempts.total(), heads), (50, 50, 100));
}

/// A frame (RFC 9113, section 4.1) of a type, with flags, of a stream.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Type, flags, and stream of the next frame; `None` at the end.
fn next_frame(stream: &mut TcpStream) -> Option<(u8, u8, u32)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let [a, b, c, kind, flags, id @ ..] = head;
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).expect("24 bits")];
    stream.read_exact(&mut payload).ok()?;
    Some((kind, flags, u32::from_be_bytes(id)))
}

#[test]
fn what_a_departing_connection_left_behind_goes_to_the_next_one() {
    let (data, headers, settings, go_away): (u8, u8, u8, u8) = (0, 1, 4, 7);
    let connections: Arc<AtomicU64> = Arc::default();
    let count = connections.clone();
    // By hand, since no server at hand leaves any behind. `:status: 200` is the eighth of HPACK's static table.
    let ack = move |id| [frame(headers, 4, id, &[0x88]), frame(data, 1, id, ACK)].concat();
    let server = Server::start(move |mut conversation| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let mut preface = [0; 24];
        conversation.stream.read_exact(&mut preface).expect("a client of HTTP/2");
        conversation.say(&frame(settings, 0, 0, &[]));
        while let Some((kind, flags, id)) = next_frame(&mut conversation.stream) {
            if kind == settings && flags == 0 {
                conversation.say(&frame(settings, 1, 0, &[]));
            }
            if kind != data || flags & 1 == 0 {
                continue;
            }
            if !first {
                conversation.say(&ack(id));
            } else if id == 3 {
                // The one before is still answered; this one is left behind.
                conversation.say(&frame(go_away, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]));
                while count.load(Ordering::SeqCst) < 2 {
                    std::thread::yield_now();
                }
                conversation.say(&ack(1));
            }
        }
    });
    let mut stream = stream_with(&server.url(), &TlsSettings::default(), Protocol::Http2);
    stream.connections = Connections { count: 1, streams: 10, ..stream.connections };
    let (report, told) = send(stream);
    assert_eq!((report.overall.accepted, report.socket_errors), (50, 0), "{:?}", told.notes());
    assert_eq!((report.attempts.total(), connections.load(Ordering::SeqCst)), (50, 2));
}

#[test]
fn what_waits_for_a_stream_is_blocked_and_no_lag_of_the_generators() {
    // One at a time, and the first is answered when all of the others have waited for a second.
    let manner = Manner { streams: Some(1), ..Manner::default() };
    let server = Http2Server::start(None, manner, |number, _| async move {
        if number == 0 {
            slowness(Duration::from_secs(2)).await;
        }
    });
    let (report, told) = send(server.stream(1, 50));
    assert_eq!(report.overall.accepted, 50, "{:?}", told.ends());
    let times = &report.overall.times;
    let (blocked, lag) = (times.blocked.at(0.5), times.generator_lag.at(0.5));
    assert!(blocked >= 1_000_000 && lag < blocked / 2, "{blocked} {lag}");
}

#[test]
fn a_server_of_another_protocol_is_no_connection() {
    let server = Server::answering(|_| ack());
    let (report, _) = send(stream_with(&server.url(), &TlsSettings::default(), Protocol::Http2));
    assert_eq!((report.attempts.of(Class::Reset), report.attempts.total()), (50, 50));
    assert!(report.socket_errors > 0);
}
