//! What a client's connection brings to the gateway (`landfall::doubles::gateway`), whatever it is: it comes to an end, and
//! the back end gets what the gateway let pass, request by request, and no more requests than there are in it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use landfall::doubles::gateway::{AuthorizerCode, FixedAnswer, Gateway, GatewayConfig, ProduceOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

#[path = "framing.rs"]
mod framing;

use framing::Framing;

/// How long a connection may take to its end. None has anything to wait for.
const LIMIT: Duration = Duration::from_secs(5);
/// How often others get a turn without anything coming back before a connection is taken to be done.
const TURNS: usize = 64;
/// The same where the gateway has something in hand.
const MOST_TURNS: usize = 256;
/// What the back end answers; nothing else says so.
const MARK: &str = r#"{"offsets":[],"mark":"6f1c0c3e-0f0c-4d5b-9a53-2f6a1b7f7a11"}"#;
/// What an answer may begin with: what this path's requests end in, well-formed or not.
const STATUSES: [&str; 11] = ["100", "200", "400", "401", "403", "413", "414", "415", "431", "500", "505"];
/// What allows everything.
const ALLOW: &str =
    r#"{"principalId":"p","policyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}}"#;

/// An input is all that the client sends, before it waits, and ends.
pub(crate) fn holds(input: &[u8]) {
    static STAGE: OnceLock<Mutex<Stage>> = OnceLock::new();
    let stage = STAGE.get_or_init(|| Mutex::new(Stage::new()));
    // What an input has found must not hide what others would.
    let stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
    stage.runtime.block_on(stage.path.check(input));
}

/// A gateway in front of a back end, for all inputs: one thread, so that an input takes the same way each time.
struct Stage {
    runtime: Runtime,
    path: Path,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
        let path = runtime.block_on(Path::start());
        Self { runtime, path }
    }
}

struct Path {
    gateway: Gateway,
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    panics: Arc<AtomicU64>,
}

/// What has reached the back end.
#[derive(Default)]
struct Seen {
    count: u64,
    wrong: Vec<&'static str>,
}

impl Path {
    async fn start() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let panics = count_panics();
        let listener = TcpListener::bind(any_port).await.expect("there is a free port");
        let host = listener.local_addr().expect("a listener has an address");
        tokio::spawn(back_end(listener, seen.clone()));
        let options = ProduceOptions {
            required_headers: Vec::new(),
            authorizer_ttl: Duration::from_mins(5),
            validate_credentials: true,
            integration_timeout: LIMIT,
        };
        let allow = serde_json::from_str(ALLOW).expect("it is a result");
        let code = AuthorizerCode::Fixed(FixedAnswer::Result(Box::new(allow)));
        let config = GatewayConfig::produce(any_port.ip(), &options, host.to_string(), host.into(), code);
        let gateway = Gateway::start(config.expect("the definition that ships can be served")).await;
        let gateway = gateway.expect("the gateway can be served");
        let url = gateway.base_url();
        let address = url.split('/').nth(2).and_then(|address| address.parse().ok());
        let address = address.expect("a gateway's URL holds its address");
        Self { gateway, address, seen, panics }
    }

    async fn check(&self, input: &[u8]) {
        let (reached, sent) = (self.reached(), self.sent());
        let exchange = tokio::time::timeout(LIMIT, self.exchange(input)).await;
        let answer = exchange.expect("the connection has no end");
        assert_eq!(self.panics.swap(0, Ordering::Relaxed), 0, "the gateway panicked");
        let (reached, sent) = (self.reached() - reached, self.sent() - sent);
        assert_eq!(reached, sent, "the back end saw other requests than the gateway sent");
        let most = framing::requests(input);
        assert!(reached <= most, "{reached} requests were let pass, of {most} at most");
        let wrong = std::mem::take(&mut self.seen().wrong);
        assert!(wrong.is_empty(), "a request reached the back end {}", wrong.join(" and "));
        let answer = String::from_utf8_lossy(&answer);
        // A client that ends at once may not wait for its answer.
        let passed = answer.matches(MARK).count() as u64;
        assert!(passed <= reached, "{passed} answers came of {reached} requests");
        if let Some(status) = answer.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)) {
            assert!(STATUSES.contains(&status), "an answer has the status {status}");
        } else {
            assert!(answer.is_empty(), "an answer is no HTTP: {answer}");
        }
    }

    /// What comes back, up to the connection's end; returns when the gateway has nothing in hand.
    async fn exchange(&self, input: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.expect("the gateway listens");
        let mut answer = Vec::new();
        // The gateway may close before all is written, or reset a connection with bytes unread.
        let _ = stream.write_all(input).await;
        let mut turns = 0;
        // A request of which only a part has come is in hand until the client ends.
        while turns < TURNS || turns < MOST_TURNS && self.gateway.in_flight() > 0 {
            match stream.try_read_buf(&mut answer) {
                Ok(0) => break,
                Ok(_) => turns = 0,
                Err(error) if error.kind() == ErrorKind::WouldBlock => turns += 1,
                Err(_) => break,
            }
            tokio::task::yield_now().await;
        }
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut answer).await;
        while self.gateway.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
        answer
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self) -> u64 {
        self.seen().count
    }

    /// How many requests the gateway says that it sent.
    fn sent(&self) -> u64 {
        self.gateway.hops().iter().find(|hop| hop.name == "proxy").map_or(0, |hop| hop.us.count)
    }
}

/// Takes all connections, and answers all requests in them.
async fn back_end(listener: TcpListener, seen: Arc<Mutex<Seen>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer_all(stream, seen.clone()));
    }
}

async fn answer_all(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{MARK}", MARK.len());
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
        while let Some((head, after)) = framing::head(&bytes) {
            let framing = Framing::of(&head);
            let rest = match &framing {
                Some(framing) => framing.skip(after),
                None => Some(&[][..]),
            };
            // The rest of it is still to come.
            let Some(rest) = rest else { break };
            let has = |name: &[u8]| head.iter().any(|line| line.to_ascii_lowercase().starts_with(name));
            let wrong = [
                (!has(b"authorization:"), "without credentials"),
                (has(b"x-landfall-fault:"), "with a fault of the client's"),
                (has(b"transfer-encoding:"), "with a framing of the client's"),
                (framing.is_none(), "with an end that is in doubt"),
            ];
            let rest = rest.to_vec();
            {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.count += 1;
                seen.wrong.extend(wrong.iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, how)| how));
            }
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            bytes = rest;
        }
    }
}

/// Counts panics from now on.
fn count_panics() -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let (counted, before) = (count.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        counted.fetch_add(1, Ordering::Relaxed);
        before(panic);
    }));
    count
}
