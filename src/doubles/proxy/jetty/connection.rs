//! One connection of a client: its requests one after another, each answered before the next is read.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Body as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Exchange, Writer};
use super::body::{Body, Broken, Framing, Next, Rest, WAITING};
use super::head::{self, Head, Read, Refusal, Request};
use super::page::refused_by_parser;
use super::server::{Serving, Terms};
use crate::doubles::http::{AnswerBody, Client, Ending, InFlight, Unbroken};
use crate::scenario::ProxyRelease;

/// What the reading buffer has room for at first.
const BUFFER: usize = 8 * 1024;
/// Most bytes that are read ahead of their turn.
const AHEAD: usize = 64 * 1024;
/// What a client is told that waits to send a body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// How long a client may take to read the last answer and close.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) async fn serve<H, F, B>(mut stream: TcpStream, peer: SocketAddr, serving: Serving<H>)
where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: AnswerBody,
{
    let (reading, writing) = stream.split();
    let (held, waits) = watch::channel(());
    let incoming = Incoming {
        reading,
        buffer: BytesMut::with_capacity(BUFFER),
        held: Some(held),
        release: serving.terms.release,
    };
    let mut connection =
        Connection { incoming, writing, out: Vec::with_capacity(1024), terms: serving.terms };
    // What a client does to its connection is told to nobody.
    let client = Client::new(peer, waits);
    let ended = connection.exchange_all(&serving.handler, &client, &serving.exchanges).await;
    if matches!(ended, Ok(End::Reset)) {
        // Without it, the client sees an orderly end, which is no answer either.
        let _ = stream.set_zero_linger();
    }
}

/// How a connection ends.
enum End {
    Over,
    Reset,
}

/// What comes from the client.
struct Incoming<'s> {
    reading: ReadHalf<'s>,
    /// What has been read and not been used.
    buffer: BytesMut,
    /// Held for as long as the client may still be there.
    held: Option<watch::Sender<()>>,
    release: ProxyRelease,
}

impl Incoming<'_> {
    /// Whether the client has gone, and all that it sent is used.
    fn is_over(&self) -> bool {
        self.held.is_none() && self.buffer.is_empty()
    }
}

struct Connection<'s> {
    incoming: Incoming<'s>,
    writing: WriteHalf<'s>,
    out: Vec<u8>,
    terms: Terms,
}

impl Connection<'_> {
    async fn exchange_all<H, F, B>(
        &mut self,
        handler: &H,
        client: &Client,
        exchanges: &Arc<AtomicU64>,
    ) -> std::io::Result<End>
    where
        H: Fn(Request) -> F,
        F: Future<Output = Response<B>> + Send + 'static,
        B: AnswerBody,
    {
        let in_flight = Arc::new(AtomicU64::new(0));
        let release = self.terms.release;
        loop {
            let head = match self.next_head().await? {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(End::Over),
                Err(refusal) => {
                    let response = refused_by_parser(refusal, release);
                    self.out.clear();
                    let mut writer =
                        Writer::begin(Exchange::refused(release), &response, true, &mut self.out);
                    let page = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
                    writer.piece(&page.unwrap_or_default(), &mut self.out);
                    writer.end(&mut self.out);
                    self.writing.write_all(&self.out).await?;
                    self.farewell().await;
                    return Ok(End::Over);
                }
            };
            let _under_way = InFlight::enter(exchanges.clone());
            let exchange = Exchange::of(&head, release);
            let Head { method, path, headers, framing, expects, .. } = *head;
            let (body, mut feed) = self.body(framing, expects);
            let request = Request { method, path, headers, body, client: client.clone() };
            let mut work = pin!(Unbroken::new(handler(request), InFlight::enter(in_flight.clone())));
            let response = loop {
                tokio::select! {
                    biased;
                    response = &mut work => break response,
                    () = feed.step(&mut self.incoming, &self.writing) => {}
                }
            };
            match response.extensions().get() {
                None => {}
                Some(Ending::BreakOff) => return Ok(End::Reset),
                Some(Ending::Silence) => {
                    while self.incoming.held.is_some() {
                        feed.step(&mut self.incoming, &self.writing).await;
                    }
                    return Ok(End::Over);
                }
            }
            let told = feed.broken || feed.waits_for_continue();
            self.out.clear();
            let mut writer = Writer::begin(exchange, &response, told, &mut self.out);
            self.send(response.into_body(), &mut writer, &mut feed).await?;
            // What was not read of the body cannot be told from a next request. It may have been while the answer was sent.
            let unread = feed.is_unread();
            if writer.last || unread || told || self.incoming.is_over() {
                self.farewell().await;
                return Ok(End::Over);
            }
        }
    }

    /// Reads the next request's head; `None` where the client wants nothing more.
    async fn next_head(&mut self) -> std::io::Result<Result<Option<Box<Head>>, Refusal>> {
        let deadline = Instant::now() + self.terms.idle;
        loop {
            let begun = match head::read(&self.incoming.buffer, self.terms.release) {
                Err(refusal) => return Ok(Err(refusal)),
                Ok(Read::Head(head, length)) => {
                    let _ = self.incoming.buffer.split_to(length);
                    return Ok(Ok(Some(head)));
                }
                Ok(Read::More { begun }) => begun,
            };
            if self.incoming.held.is_none() {
                return Ok(if begun { Err(Refusal::new(400, "Bad Request")) } else { Ok(None) });
            }
            self.incoming.buffer.reserve(BUFFER / 2);
            match timeout_at(deadline, self.incoming.reading.read_buf(&mut self.incoming.buffer)).await {
                Err(_) => return Ok(Ok(None)),
                Ok(Ok(0)) => self.incoming.held = None,
                Ok(read) => drop(read?),
            }
        }
    }

    /// The body behind a head, as far as it has been read, and what feeds it further.
    fn body(&mut self, mut framing: Framing, expects: bool) -> (Body, Feed) {
        let mut first = Bytes::new();
        let mut more: Option<BytesMut> = None;
        let mut broken = false;
        let ended = loop {
            match framing.next(&mut self.incoming.buffer) {
                Ok(Next::Piece(piece)) => {
                    if let Some(more) = &mut more {
                        more.extend_from_slice(&piece);
                    } else if first.is_empty() {
                        first = piece;
                    } else {
                        more = Some(BytesMut::from([&first[..], &piece].concat().as_slice()));
                    }
                }
                Ok(Next::End) => break true,
                Ok(Next::More) => break false,
                Err(Broken) => {
                    broken = true;
                    break false;
                }
            }
        };
        let first = more.map_or(first, BytesMut::freeze);
        let mut feed = Feed { framing, pieces: None, wanted: None, expects: false, broken };
        if ended {
            return (Body::whole(first), feed);
        }
        let (pieces, arriving) = mpsc::channel(WAITING);
        let (wanted, told) = watch::channel(false);
        if broken && !self.terms.release.is_6_2() {
            // There is room.
            let _ = pieces.try_send(Err(Broken));
        } else if !broken {
            feed.expects = expects && first.is_empty();
            if feed.expects && self.terms.release.is_6_2() {
                // Jersey of 6.2 looks into the body before anything else.
                wanted.send_replace(true);
                feed.expects = self.writing.try_write(CONTINUE).is_err();
            }
            feed.pieces = Some(pieces);
            feed.wanted = Some(told);
        }
        (Body::arriving(first, Rest { pieces: arriving, wanted, idle: self.terms.idle }), feed)
    }

    /// Sends the response, whose head stands in `out`.
    async fn send<B: AnswerBody>(
        &mut self,
        body: B,
        writer: &mut Writer,
        feed: &mut Feed,
    ) -> std::io::Result<()> {
        let mut body = pin!(body);
        let whole = body.size_hint().exact().is_some();
        if !whole {
            self.flush(Some(feed)).await?;
        }
        loop {
            let frame = tokio::select! {
                biased;
                frame = next_frame(body.as_mut()) => frame,
                () = feed.step(&mut self.incoming, &self.writing), if !whole => continue,
            };
            let Some(piece) = frame else { break };
            writer.piece(&piece, &mut self.out);
            if !whole {
                self.flush(Some(feed)).await?;
            }
        }
        writer.end(&mut self.out);
        self.flush((!whole).then_some(feed)).await
    }

    /// Sends what stands in `out`. Meanwhile `feed` brings the body on: a client may well write all of it before it reads.
    async fn flush(&mut self, mut feed: Option<&mut Feed>) -> std::io::Result<()> {
        let mut sent = 0;
        while sent < self.out.len() {
            let step = async {
                match &mut feed {
                    Some(feed) => feed.step(&mut self.incoming, &self.writing).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                ready = self.writing.writable() => {
                    ready?;
                    match self.writing.try_write(&self.out[sent..]) {
                        Ok(written) => sent += written,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                () = step => {}
            }
        }
        self.out.clear();
        Ok(())
    }

    /// Ends the connection so that the client gets what was sent: a socket that is closed with bytes unread takes them back.
    async fn farewell(&mut self) {
        if self.writing.shutdown().await.is_err() {
            return;
        }
        let drained = async {
            while self.incoming.held.is_some() {
                self.incoming.buffer.clear();
                self.incoming.buffer.reserve(BUFFER);
                if !matches!(self.incoming.reading.read_buf(&mut self.incoming.buffer).await, Ok(1..)) {
                    self.incoming.held = None;
                }
            }
        };
        let _ = timeout(FAREWELL, drained).await;
    }
}

/// The next piece of a response; a body that fails ends.
async fn next_frame<B: AnswerBody>(mut body: Pin<&mut B>) -> Option<Bytes> {
    loop {
        let frame = body.as_mut().frame().await?.ok()?;
        if let Ok(piece) = frame.into_data() {
            return Some(piece);
        }
    }
}

/// What brings the rest of a request's body to its handler, and looks whether the client is still there.
struct Feed {
    framing: Framing,
    /// `None` once nothing more is brought.
    pieces: Option<mpsc::Sender<Result<Bytes, Broken>>>,
    wanted: Option<watch::Receiver<bool>>,
    /// Whether the client waits to be told to go on.
    expects: bool,
    broken: bool,
}

impl Feed {
    fn is_unread(&self) -> bool {
        self.framing != Framing::Ended && self.framing != Framing::Length(0)
    }

    fn waits_for_continue(&self) -> bool {
        self.expects
    }

    /// Goes a step further. May be dropped at any time.
    async fn step(&mut self, incoming: &mut Incoming<'_>, writing: &WriteHalf<'_>) {
        let Some(pieces) = &self.pieces else { return look(incoming).await };
        if self.expects {
            let wanted = match &mut self.wanted {
                Some(wanted) => wanted.wait_for(|wanted| *wanted).await.is_ok(),
                None => false,
            };
            if !wanted {
                self.pieces = None;
                return;
            }
            // Short enough to be taken at once by a socket that is idle.
            let said = writing.writable().await.is_ok() && writing.try_write(CONTINUE).is_ok();
            self.expects = !said;
            return;
        }
        let Ok(permit) = pieces.clone().reserve_owned().await else {
            // Nobody reads it.
            self.pieces = None;
            return;
        };
        match self.framing.next(&mut incoming.buffer) {
            Ok(Next::Piece(piece)) => drop(permit.send(Ok(piece))),
            Ok(Next::End) => self.pieces = None,
            Ok(Next::More) => {
                drop(permit);
                incoming.buffer.reserve(AHEAD);
                if !matches!(incoming.reading.read_buf(&mut incoming.buffer).await, Ok(1..)) {
                    incoming.held = None;
                    self.went_away(incoming.release);
                }
            }
            Err(Broken) => self.breaks(incoming.release),
        }
    }

    fn went_away(&mut self, release: ProxyRelease) {
        if self.framing.forgives_end() {
            self.framing = Framing::Ended;
            self.pieces = None;
        } else {
            self.breaks(release);
        }
    }

    /// Tells the handler, but in releases whose streams simply end.
    fn breaks(&mut self, release: ProxyRelease) {
        if !release.is_6_2() {
            self.broken = true;
            if let Some(pieces) = &self.pieces {
                // A permit has been had and given back.
                let _ = pieces.try_send(Err(Broken));
            }
        }
        self.pieces = None;
    }
}

/// Reads ahead a little, to see a client go.
async fn look(incoming: &mut Incoming<'_>) {
    if incoming.held.is_none() || incoming.buffer.len() >= AHEAD {
        return std::future::pending().await;
    }
    incoming.buffer.reserve(BUFFER);
    if !matches!(incoming.reading.read_buf(&mut incoming.buffer).await, Ok(1..)) {
        incoming.held = None;
    }
}
