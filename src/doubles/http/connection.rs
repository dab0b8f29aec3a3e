//! One connection of a client, from its handshake to its end.

use std::error::Error as _;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::answer::{AnswerBody, Ending};
use super::server::{InFlight, Serving};
use crate::tls::HTTP2;

/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take to end a connection of HTTP/2 that has idled.
const FAREWELL: Duration = Duration::from_secs(10);
/// Most requests that one connection of HTTP/2 may have under way.
const STREAMS: u32 = 128;

/// A connection ends instead of an answer, because the handler wants it.
#[derive(Debug, thiserror::Error)]
#[error("the connection is to break")]
struct Unanswered;

/// A handler at work, which runs to its end even if nobody waits for it any more: when the client hangs up, hyper drops
/// what it waits for, but a real server's worker goes on and its record may still land. Only then does it become a task of
/// its own, so that requests that are waited for do not pay for one.
pub(in crate::doubles) struct Unbroken<F: Future + Send + 'static> {
    /// `None` once it has ended.
    work: Option<(Pin<Box<F>>, InFlight)>,
}

impl<F: Future + Send + 'static> Unbroken<F> {
    pub(in crate::doubles) fn new(work: F, guard: InFlight) -> Self {
        Self { work: Some((Box::pin(work), guard)) }
    }
}

impl<F: Future + Send + 'static> Future for Unbroken<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some((work, _)) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl<F: Future + Send + 'static> Drop for Unbroken<F> {
    fn drop(&mut self) {
        let Some((work, guard)) = self.work.take() else { return };
        // A handler that panicked cannot go on.
        if std::thread::panicking() {
            return;
        }
        // Where there is no runtime any more, nothing can go on.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _guard = guard;
                work.await;
            });
        }
    }
}

/// A connection that can be reset rather than closed.
trait Reset {
    fn reset(&self);
}

impl Reset for TcpStream {
    fn reset(&self) {
        // Without it, the client sees an orderly end, which is no answer either.
        let _ = self.set_zero_linger();
    }
}

impl Reset for TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

/// Who waits for the answer.
#[derive(Debug, Clone)]
pub struct Client {
    /// The address that its connection comes from.
    pub address: SocketAddr,
    waits: watch::Receiver<()>,
}

impl Client {
    /// A client at `address`, who waits until the sender of `waits` is gone.
    pub(in crate::doubles) fn new(address: SocketAddr, waits: watch::Receiver<()>) -> Self {
        Self { address, waits }
    }

    /// Returns when the client waits no longer. Its handler must not have ended before.
    pub async fn has_gone(mut self) {
        // Nothing is ever sent; the sender goes with the client.
        while self.waits.changed().await.is_ok() {}
    }
}

pub(super) async fn serve_connection<H, F, B>(stream: TcpStream, peer: SocketAddr, serving: Serving<H>)
where
    H: Fn(Request<Incoming>, Client) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: AnswerBody,
{
    let Some(identity) = &serving.terms.identity else { return serve_http1(stream, peer, serving).await };
    // Who cannot agree on TLS is told so by TLS.
    let agreed = timeout(HANDSHAKE, identity.acceptor().accept(stream)).await;
    let Ok(Ok(stream)) = agreed else { return };
    if stream.get_ref().1.alpn_protocol() == Some(HTTP2) {
        serve_http2(stream, peer, serving).await;
    } else {
        serve_http1(stream, peer, serving).await;
    }
}

async fn serve_http1<S, H, F, B>(stream: S, peer: SocketAddr, serving: Serving<H>)
where
    S: AsyncRead + AsyncWrite + Reset + Unpin,
    H: Fn(Request<Incoming>, Client) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: AnswerBody,
{
    let Serving { terms, handler, in_flight } = serving;
    // It ends with the connection, which a client that hangs up ends: HTTP/1.1 has no other way to take a request back.
    let (_held, waits) = watch::channel(());
    let service = service_fn(move |request: Request<Incoming>| {
        let guard = InFlight::enter(in_flight.clone());
        let client = Client { address: peer, waits: waits.clone() };
        let is_last = ends_in_doubt(request.headers());
        let work = answered(Unbroken::new(handler(request, client), guard));
        async move {
            let mut response = work.await?;
            if is_last {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Unanswered>(response)
        }
    });
    // hyper has no idle time of its own: it begins to wait for the next head when a request has ended.
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(terms.idle)
        // Answers are short: one buffer costs the system less than two, and TLS a record less.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    // A connection's error is its client's doing (reset, malformed request) and is told to nobody.
    let error = (&mut connection).await.err();
    let cause = error.as_ref().and_then(|error| error.source()?.downcast_ref());
    if matches!(cause, Some(Unanswered)) {
        connection.into_parts().io.inner().reset();
    }
}

async fn serve_http2<S, H, F, B>(stream: S, peer: SocketAddr, serving: Serving<H>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<Incoming>, Client) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: AnswerBody,
{
    let Serving { terms, handler, in_flight } = serving;
    let (open, opened) = watch::channel(0_u64);
    let open = Arc::new(open);
    let service = service_fn(move |request: Request<Incoming>| {
        let guard = InFlight::enter(in_flight.clone());
        let stream = OpenStream::enter(open.clone());
        // It ends with the request, which its client may take back.
        let (held, waits) = watch::channel(());
        let work = Unbroken::new(handler(request, Client { address: peer, waits }), guard);
        async move {
            let _ends = (held, stream);
            answered(work).await
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        () = idled(opened, terms.idle) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        // A client that does not take note must not hold the connection.
        let _ = timeout(FAREWELL, connection).await;
    }
}

/// Whether a request says more than once that it is chunked, which hyper takes for once. Others may not, so that nothing
/// that follows is taken for another request (RFC 9112, sections 6.1 and 7.1).
fn ends_in_doubt(headers: &HeaderMap) -> bool {
    let codings =
        headers.get_all(TRANSFER_ENCODING).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    codings.filter(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked")).nth(1).is_some()
}

/// The answer of a handler, unless it wants none.
async fn answered<F, B>(work: Unbroken<F>) -> Result<Response<B>, Unanswered>
where
    F: Future<Output = Response<B>> + Send + 'static,
{
    let response = work.await;
    match response.extensions().get() {
        None => Ok(response),
        Some(Ending::BreakOff) => Err(Unanswered),
        Some(Ending::Silence) => std::future::pending().await,
    }
}

/// Returns when no request has been open for `idle`.
async fn idled(mut open: watch::Receiver<u64>, idle: Duration) {
    // What counts them lives as long as the connection, which ends this as well.
    while open.wait_for(|open| *open == 0).await.is_ok() {
        // One that comes and goes meanwhile begins the wait anew.
        match timeout(idle, open.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break,
            Err(_) => return,
        }
    }
    std::future::pending::<()>().await;
}

/// Counts one request of a connection for as long as it lives.
struct OpenStream(Arc<watch::Sender<u64>>);

impl OpenStream {
    fn enter(open: Arc<watch::Sender<u64>>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(open)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::http::Terms;
    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    impl Reset for DuplexStream {
        fn reset(&self) {}
    }

    async fn ask(client: &mut DuplexStream) -> std::io::Result<Vec<u8>> {
        client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if client.read_buf(&mut answer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(answer)
    }

    /// Whether a connection still answers after it has been idle for `pause`.
    async fn answers_after(pause: Duration) -> bool {
        let (mut client, server) = tokio::io::duplex(1024);
        let handler = |_: Request<Incoming>, _| async { Response::new(Full::<Bytes>::default()) };
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let terms = Terms { idle: Duration::from_secs(310), identity: None };
        tokio::spawn(serve_http1(server, peer, Serving { terms, handler, in_flight: Arc::default() }));
        ask(&mut client).await.unwrap();
        tokio::time::sleep(pause).await;
        ask(&mut client).await.is_ok()
    }

    /// Whether a connection of HTTP/2 still answers after it has been idle for `pause`.
    async fn answers_over_http2_after(pause: Duration) -> bool {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let handler = |_: Request<Incoming>, _| async { Response::new(Full::<Bytes>::default()) };
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let terms = Terms { idle: Duration::from_secs(310), identity: None };
        tokio::spawn(serve_http2(server, peer, Serving { terms, handler, in_flight: Arc::default() }));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
        tokio::spawn(connection);
        let request = || Request::get("http://h/").body(Full::<Bytes>::default()).unwrap();
        sender.send_request(request()).await.unwrap();
        tokio::time::sleep(pause).await;
        sender.send_request(request()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_idle_as_long_as_it_is_told_and_no_longer() {
        assert!(answers_after(Duration::from_secs(309)).await);
        assert!(!answers_after(Duration::from_secs(311)).await);
        assert!(answers_over_http2_after(Duration::from_secs(309)).await);
        assert!(!answers_over_http2_after(Duration::from_secs(311)).await);
    }

    #[tokio::test]
    async fn nothing_follows_a_request_that_is_chunked_twice() {
        for (fields, expected) in [
            ("transfer-encoding: chunked", 2),
            ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", 1),
            ("transfer-encoding: chunked, chunked", 1),
            ("content-length: 5\r\ntransfer-encoding: chunked", 1),
            ("transfer-encoding: chunked\r\ncontent-length: 5", 1),
        ] {
            let (mut client, server) = tokio::io::duplex(1024);
            let handler = |_: Request<Incoming>, _| async { Response::new(Full::<Bytes>::default()) };
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            let serving = Serving { terms: Terms::default(), handler, in_flight: Arc::default() };
            tokio::spawn(serve_http1(server, peer, serving));
            let first = format!("POST / HTTP/1.1\r\nhost: h\r\n{fields}\r\n\r\n0\r\n\r\n");
            let both = format!("{first}GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
            client.write_all(both.as_bytes()).await.unwrap();
            let mut answers = String::new();
            client.read_to_string(&mut answers).await.unwrap();
            assert_eq!(answers.matches("HTTP/1.1 ").count(), expected, "{fields}: {answers}");
        }
    }
}
