//! Servers on raw sockets, one thread a connection, and the load that goes to them.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use landfall::load::{Interval, LEAD, LoadPlan, Report, Sink, Stop, StreamPlan, Target, run};
use landfall::record::{Answer, Catalogue, End, Feed, Format, IdentityPlace, RunId, Sent, Stream};
use landfall::scenario::{Connections, Protocol, Timeouts, TlsSettings};
use landfall::schedule::{Arrivals, Intensity, Phase, Schedule, Spacing};

/// A plain ack, as a whole response.
pub(crate) fn ack() -> Vec<u8> {
    response("200 OK", "", "{\"offsets\":[{\"partition\":0,\"offset\":0}]}")
}

/// A response with this status line, further fields (each with its line end) and body.
pub(crate) fn response(status: &str, fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// One connection of the server's.
pub(crate) struct Conversation {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
    /// Requests that the server has had so far, on all connections.
    seen: Arc<AtomicU64>,
    /// Which of the server's connections it is, from 0.
    pub(crate) number: u64,
    open: Arc<Mutex<HashMap<u64, TcpStream>>>,
}

impl Conversation {
    /// Reads a whole request: its number in the server's life, from 0, and its head. `None` at the end.
    pub(crate) fn request(&mut self) -> Option<(u64, String)> {
        loop {
            if let Some((length, head)) = whole_request(&self.unread) {
                self.unread.drain(..length);
                return Some((self.seen.fetch_add(1, Ordering::SeqCst), head));
            }
            self.hear()?;
        }
    }

    /// Reads until a request's head is there, whose body is left where it is.
    pub(crate) fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = head_end(&self.unread) {
                return Some(String::from_utf8_lossy(&self.unread[..end]).into_owned());
            }
            self.hear()?;
        }
    }

    /// Reads what comes; `None` at the end.
    pub(crate) fn hear(&mut self) -> Option<()> {
        let mut more = [0; 4096];
        match self.stream.read(&mut more) {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.unread.extend_from_slice(&more[..count]);
                Some(())
            }
        }
    }

    /// How many bytes have been heard and belong to no request so far.
    pub(crate) fn unread(&self) -> usize {
        self.unread.len()
    }

    /// Closes the connection while something is unread: what the other side gets is a reset.
    pub(crate) fn reset(self) {
        let mut one = [0; 1];
        assert!(matches!(self.stream.peek(&mut one), Ok(1)), "all was read");
        // The only other descriptor of it.
        self.open.lock().expect("no panic").remove(&self.number);
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        // Whether the other side still listens is its own affair.
        let _ = self.stream.write_all(bytes);
    }
}

fn whole_request(bytes: &[u8]) -> Option<(usize, String)> {
    let end = head_end(bytes)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let field = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = field.map_or(0, |length| length.parse().expect("a length"));
    (bytes.len() >= end + length).then_some((end + length, head))
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

/// The index of a request and the number of the attempt, out of its head.
pub(crate) fn identity(head: &str) -> (u64, u64) {
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id");
    let mut parts = id.rsplit('.').map(|part| part.parse().expect("a number"));
    let (attempt, index) = (parts.next().expect("an attempt"), parts.next().expect("an index"));
    (index, attempt)
}

/// A server whose connections each run `serve`; it stops when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    open: Arc<Mutex<HashMap<u64, TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
    pub(crate) connections: Arc<AtomicU64>,
}

impl Server {
    pub(crate) fn start(serve: impl Fn(Conversation) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let stopped = Arc::new(AtomicBool::new(false));
        let open: Arc<Mutex<HashMap<u64, TcpStream>>> = Arc::default();
        let connections: Arc<AtomicU64> = Arc::default();
        let seen: Arc<AtomicU64> = Arc::default();
        let (serve, stop, kept, count) =
            (Arc::new(serve), stopped.clone(), open.clone(), connections.clone());
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = count.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).expect("an open socket");
                kept.lock().expect("no panic").insert(number, stream.try_clone().expect("a descriptor"));
                let (serve, seen, open) = (serve.clone(), seen.clone(), kept.clone());
                std::thread::spawn(move || {
                    serve(Conversation { stream, unread: Vec::new(), seen, number, open: open.clone() });
                    // Another descriptor of the same connection is kept, for the server's end.
                    if let Some(closing) = open.lock().expect("no panic").get(&number) {
                        let _ = closing.shutdown(std::net::Shutdown::Both);
                    }
                });
            }
        });
        Self { address, stopped, open, accepting: Some(accepting), connections }
    }

    /// A server whose answer to its nth request (from 0) is what `answer` makes of it; an empty one ends the
    /// connection.
    pub(crate) fn answering(answer: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start(move |mut conversation| {
            while let Some((number, _)) = conversation.request() {
                let bytes = answer(number);
                if bytes.is_empty() {
                    return;
                }
                conversation.say(&bytes);
            }
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        for stream in self.open.lock().expect("no panic").values() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) answered_us: u64,
    pub(crate) end: End,
    pub(crate) note: Option<String>,
}

/// What was reported of each attempt, and each second.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) attempts: Vec<(Sent, Came)>,
    pub(crate) seconds: Vec<Interval>,
}

impl Told {
    pub(crate) fn ends(&self) -> Vec<End> {
        self.attempts.iter().map(|(_, answer)| answer.end).collect()
    }

    /// What was said of those that were not plainly acked.
    pub(crate) fn notes(&self) -> Vec<&str> {
        self.attempts.iter().filter_map(|(_, answer)| answer.note.as_deref()).collect()
    }
}

#[derive(Clone, Default)]
struct Notebook(Arc<Mutex<Told>>);

impl Sink for Notebook {
    fn attempt(&mut self, sent: &Sent, answer: Answer<'_>) {
        let answer = Came {
            answered_us: answer.answered_us,
            end: answer.end,
            note: answer.note.map(|note| note.text),
        };
        self.0.lock().expect("no panic").attempts.push((*sent, answer));
    }

    fn idle(&mut self) {}

    fn second(&mut self, interval: Box<Interval>) -> Box<Interval> {
        self.0.lock().expect("no panic").seconds.push((*interval).clone());
        interval
    }
}

/// A stream of 50 requests of one record in a second, over two connections, to be changed at will.
pub(crate) fn stream(url: &str) -> StreamPlan {
    stream_with(url, &TlsSettings::default(), Protocol::Http1)
}

pub(crate) fn stream_with(url: &str, tls: &TlsSettings, protocol: Protocol) -> StreamPlan {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let target = runtime.block_on(Target::resolve(url, &[], tls, protocol)).expect("loopback");
    let limit = Duration::from_secs(20);
    let schedule = Schedule::new(7, vec![constant("main", 50.0, Duration::from_secs(1))]);
    let plain = StreamPlan::plain(target, "t", schedule);
    StreamPlan {
        seed: 7,
        protocol,
        connections: Connections { count: 2, ..plain.connections },
        timeouts: Timeouts { connect: limit, first_byte: limit, whole: limit },
        ..plain
    }
}

/// A measured phase of evenly spaced requests.
pub(crate) fn constant(name: &str, rate: f64, duration: Duration) -> Phase {
    open(name, rate, duration, Spacing::Even { offset: 0.0 })
}

pub(crate) fn open(name: &str, rate: f64, duration: Duration, spacing: Spacing) -> Phase {
    let intensity = Intensity::constant(rate, duration);
    Phase { name: name.into(), measured: true, duration, arrivals: Arrivals::Open { intensity, spacing } }
}

/// How streams are sent.
pub(crate) struct Sending {
    pub(crate) threads: usize,
    pub(crate) drain: Duration,
    pub(crate) start: Instant,
    pub(crate) stop: Stop,
    /// What each record holds besides its identity.
    pub(crate) line: String,
}

impl Default for Sending {
    /// On one thread, to the end, whenever that comes.
    fn default() -> Self {
        Self {
            threads: 1,
            drain: Duration::from_secs(20),
            start: Instant::now() + LEAD,
            stop: Stop::default(),
            line: "{\"a\":1}".into(),
        }
    }
}

/// Sends the streams on so many threads.
pub(crate) fn send_on(streams: Vec<StreamPlan>, threads: usize, drain: Duration) -> (Report, Told) {
    send_as(streams, Sending { threads, drain, ..Sending::default() })
}

/// Sends one stream, and tells when its schedule began.
pub(crate) fn send_timed(stream: StreamPlan) -> ((Report, Told), Instant) {
    let sending = Sending::default();
    let start = sending.start;
    (send_as(vec![stream], sending), start)
}

pub(crate) fn send_as(streams: Vec<StreamPlan>, sending: Sending) -> (Report, Told) {
    let Sending { threads, drain, start, stop, line } = sending;
    let feed = Feed::parse(line.as_bytes()).expect("a feed");
    let records = streams.iter().map(|_| {
        let place = IdentityPlace::Member("_landfall".into());
        Stream::new(0, Format::Json, place, None, &feed).expect("a stream")
    });
    let plan = LoadPlan {
        catalogue: Catalogue::new(RunId::new("r").expect("legal"), 0, records.collect()),
        streams,
        tokens: Vec::new(),
        threads,
        drain,
        origin: Instant::now(),
        start,
    };
    let notebook = Notebook::default();
    let report = run(&plan, |_| notebook.clone(), &stop).expect("the load runs");
    let told = std::mem::take(&mut *notebook.0.lock().expect("no panic"));
    (report, told)
}

pub(crate) fn send(stream: StreamPlan) -> (Report, Told) {
    send_on(vec![stream], 1, Duration::from_secs(20))
}
