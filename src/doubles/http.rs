//! The HTTP server under the HTTP doubles: binds, serves, counts what is in flight, stops. It speaks HTTP/1.1; over TLS,
//! HTTP/2 as well.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::tls::{HTTP2, Identity};

/// A response as most doubles make it: complete before it is sent.
pub type Answer = Response<Full<Bytes>>;

/// A response's body, whole or in the making.
pub trait AnswerBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static {}

impl<B> AnswerBody for B where B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static {}

/// A body that is sent piece by piece as it is made; it ends when the sender has gone.
///
/// http-body-util's `Channel` is not used: in 0.1.5 it looks for pieces and then for the sender's end, and loses what
/// was sent in between.
#[derive(Debug)]
pub struct Pieces(mpsc::Receiver<Bytes>);

impl Pieces {
    /// A body and where its pieces go; `waiting` of them may wait for the client.
    #[must_use]
    pub fn new(waiting: usize) -> (mpsc::Sender<Bytes>, Self) {
        let (sender, receiver) = mpsc::channel(waiting);
        (sender, Self(receiver))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// How a request ends that gets no answer: an extension of the response that is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The connection is closed.
    BreakOff,
    /// Nothing more happens until the client gives up.
    Silence,
}

/// A connection ends instead of an answer, because the handler wants it.
#[derive(Debug, thiserror::Error)]
#[error("the connection is to break")]
struct Unanswered;

/// A handler at work, which runs to its end even if nobody waits for it any more: when the client hangs up, hyper drops
/// what it waits for, but a real server's worker goes on and its record may still land. Only then does it become a task of
/// its own, so that requests that are waited for do not pay for one.
struct Unbroken<F: Future + Send + 'static> {
    /// `None` once it has ended.
    work: Option<(Pin<Box<F>>, InFlight)>,
}

impl<F: Future + Send + 'static> Unbroken<F> {
    fn new(work: F, guard: InFlight) -> Self {
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
    /// Returns when the client waits no longer. Its handler must not have ended before.
    pub async fn has_gone(mut self) {
        // Nothing is ever sent; the sender goes with the client.
        while self.waits.changed().await.is_ok() {}
    }
}

/// Any error.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a connection may idle where nothing else is said.
const IDLE: Duration = Duration::from_mins(1);
/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take to end a connection of HTTP/2 that has idled.
const FAREWELL: Duration = Duration::from_secs(10);
/// Most requests that one connection of HTTP/2 may have under way.
const STREAMS: u32 = 128;

/// How connections are served.
#[derive(Debug, Clone)]
pub struct Terms {
    /// A connection is closed after so long without a request, counted from its beginning or the end of the request
    /// before. A request's head may take as long to arrive.
    pub idle: Duration,
    /// Who the server is to those that speak TLS, which all must then; `None`: nobody may.
    pub identity: Option<Identity>,
}

impl Default for Terms {
    /// A minute, and no TLS.
    fn default() -> Self {
        Self { idle: IDLE, identity: None }
    }
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for the {name}: {source}; choose another port, or 0 for any free one")]
pub struct BindError {
    /// Which double.
    pub name: &'static str,
    /// Where it should have listened.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// Binds a TCP listener for the double `name`; port 0 lets the system choose.
///
/// # Errors
/// [`BindError`] where the address is taken or may not be used.
pub async fn bind(name: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { name, address, source })
}

/// A running server. It stops accepting, and closes its connections, when this is dropped; requests whose
/// handler has begun run to their end all the same, as they would in a real server's worker thread.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    in_flight: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    accept: JoinHandle<()>,
}

impl Server {
    /// Serves `listener` with `handler`, which gets each request and who waits for its answer. Connections may
    /// idle for a minute. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The listener's own error, where it no longer knows its address.
    pub fn start<H, F, B>(listener: TcpListener, handler: H) -> std::io::Result<Self>
    where
        H: Fn(Request<Incoming>, Client) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: AnswerBody,
    {
        Self::start_with(listener, Terms::default(), handler)
    }

    /// The same on other terms.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with<H, F, B>(listener: TcpListener, terms: Terms, handler: H) -> std::io::Result<Self>
    where
        H: Fn(Request<Incoming>, Client) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: AnswerBody,
    {
        let address = listener.local_addr()?;
        let in_flight = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = watch::channel(false);
        let serving = Serving { terms, handler, in_flight: in_flight.clone() };
        let accept = tokio::spawn(accept_loop(listener, serving, stopped));
        Ok(Self { address, in_flight, stop, accept })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests whose handler has begun and not ended, whether or not their client still waits.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Stops as when it is dropped, and returns when nobody listens any more.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        self.accept.abort();
        let _ = (&mut self.accept).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.accept.abort();
    }
}

/// What all connections of a server share.
#[derive(Debug, Clone)]
struct Serving<H> {
    terms: Terms,
    handler: H,
    in_flight: Arc<AtomicU64>,
}

async fn accept_loop<H, F, B>(listener: TcpListener, serving: Serving<H>, mut stopped: watch::Receiver<bool>)
where
    H: Fn(Request<Incoming>, Client) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: AnswerBody,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, or the client went away: give the system a moment and go on.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (serving, mut stopped) = (serving.clone(), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = serve_connection(stream, peer, serving) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
    }
}

async fn serve_connection<H, F, B>(stream: TcpStream, peer: SocketAddr, serving: Serving<H>)
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
        answered(Unbroken::new(handler(request, client), guard))
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

/// Counts one request for as long as it lives.
pub(super) struct InFlight(Arc<AtomicU64>);

impl InFlight {
    pub(super) fn enter(count: Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why a request's body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// The client went away or framed it wrongly.
    Broken,
}

/// Reads a request's whole body, of `limit` bytes at most.
///
/// # Errors
/// [`BodyError`], as it says.
pub async fn read_body(body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
