//! Requests that are not as they should be: those of `fixtures/gateway/malformed.txt`, and what becomes of them when bytes
//! are changed, ten thousand in all. None breaks the gateway, none is left without an end, and none reaches the back end but
//! those that the gateway has let pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::stage::{Bare, produce, send, until};

/// How many requests are sent.
const REQUESTS: usize = 10_000;
/// How many at once.
const AT_ONCE: usize = 16;
/// How long one may take to its end. None has anything to wait for.
const LIMIT: Duration = Duration::from_secs(30);

/// What the file says, one request a line.
fn seeds() -> Vec<Vec<u8>> {
    let text = include_str!("../../fixtures/gateway/malformed.txt");
    text.lines().filter(|line| !line.starts_with('#')).map(bytes_of).collect()
}

/// A line with its `\r`, `\n`, `\t`, `\\` and `\xNN` as bytes.
fn bytes_of(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let (byte, length) = match escape.as_bytes()[0] {
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'x' => (u8::from_str_radix(&escape[1..3], 16).unwrap(), 3),
            other => (other, 1),
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// A number below `limit`.
fn below(numbers: &mut SplitMix64, limit: usize) -> usize {
    usize::try_from(numbers.next_u64() % (limit.max(1) as u64)).unwrap()
}

/// A seed with some of its bytes changed.
fn mutated(seed: &[u8], numbers: &mut SplitMix64) -> Vec<u8> {
    const TELLING: &[u8] = b"\0\r\n\t :;,/%?#{}\"\\\x80\xff0";
    let mut bytes = seed.to_vec();
    for _ in 0..=below(numbers, 4) {
        let at = below(numbers, bytes.len() + 1);
        let until = (at + below(numbers, 12)).min(bytes.len());
        match below(numbers, 6) {
            0 => bytes.insert(at, TELLING[below(numbers, TELLING.len())]),
            1 if at < bytes.len() => bytes[at] = TELLING[below(numbers, TELLING.len())],
            2 if at < bytes.len() => bytes[at] ^= 1 << below(numbers, 8),
            3 => drop(bytes.drain(at..until)),
            4 => {
                let again = bytes[at..until].to_vec();
                bytes.splice(at..at, again);
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
    bytes
}

fn corpus() -> Vec<Vec<u8>> {
    let seeds = seeds();
    // The same in each run.
    let mut numbers = SplitMix64::seed_from_u64(7);
    let mutants = (0..REQUESTS - seeds.len()).map(|index| mutated(&seeds[index % seeds.len()], &mut numbers));
    let mutants: Vec<Vec<u8>> = mutants.collect();
    [seeds, mutants].concat()
}

/// Sends bytes as they are, ends, and reads what comes back to its end.
async fn exchange(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    // The gateway may close before all is written, or reset a connection with bytes unread.
    let _ = stream.write_all(request).await;
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// Statuses of the answers in a stream of them.
fn statuses(answer: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answer);
    text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12)?.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_break_nothing_and_smuggle_nothing() {
    let panics = count_panics();
    let bare = Arc::new(Bare::start(|settings| settings.authorizer_ttl = Duration::from_mins(5)).await);
    let url: hyper::Uri = bare.gateway.base_url().parse().unwrap();
    let address: Arc<str> = url.authority().unwrap().as_str().into();
    let (turns, passed) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(AtomicU64::new(0)));
    let corpus = corpus();
    assert_eq!(corpus.len(), REQUESTS);
    let mut sending = Vec::new();
    for request in corpus {
        let turn = turns.clone().acquire_owned().await.unwrap();
        let (address, passed) = (address.clone(), passed.clone());
        sending.push(tokio::spawn(async move {
            let _turn = turn;
            let answer = tokio::time::timeout(LIMIT, exchange(&address, &request)).await;
            let Ok(answer) = answer else { panic!("no end: {}", request.escape_ascii()) };
            for status in statuses(&answer) {
                assert!(
                    matches!(status, 100 | 200 | 400 | 401 | 403 | 413..=415 | 431 | 500 | 505),
                    "{status}: {}",
                    request.escape_ascii()
                );
                passed.fetch_add(u64::from(status == 200), Ordering::Relaxed);
            }
        }));
    }
    for sent in sending {
        sent.await.unwrap();
    }
    until("the gateway is done", || bare.gateway.in_flight() == 0).await;
    // What reached the back end is what the gateway sent there, one by one, and nothing that brought no credentials.
    let reached = bare.backend.all();
    let sent = bare.gateway.hops().iter().find(|hop| hop.name == "proxy").map_or(0, |hop| hop.us.count);
    assert_eq!(reached.len() as u64, sent, "a request reached the back end within another");
    assert!(reached.iter().all(|seen| !seen.path.contains("smuggled")), "a request was smuggled");
    assert!(reached.iter().all(|seen| seen.headers.contains_key("authorization")));
    assert!(reached.iter().all(|seen| !seen.headers.contains_key("x-landfall-fault")));
    // A client that ends at once may not wait for its answer.
    let passed = passed.load(Ordering::Relaxed);
    assert!(passed > 100 && passed <= sent, "{passed} of {sent} were answered");
    assert_eq!(panics.load(Ordering::Relaxed), 0, "the gateway panicked");
    let sound = send(produce(&bare.topic("a"), "Bearer x")).await;
    assert_eq!(sound.status.as_u16(), 200, "it works all the same");
}

/// Counts panics in landfall's own code from now on.
fn count_panics() -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let (counted, before) = (count.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        let own = panic.location().is_some_and(|at| at.file().starts_with("src/"));
        counted.fetch_add(u64::from(own), Ordering::Relaxed);
        before(panic);
    }));
    count
}
