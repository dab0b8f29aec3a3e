//! When a box can be used, and why one cannot: its container has ended, or it does not do what it should in time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::READY_TOPIC;
use super::StackError;
use crate::engine::{Container, Redaction};
use crate::scenario::Ready;
use crate::wire::produce::v2;

/// How often a box is tried.
const BETWEEN: Duration = Duration::from_millis(100);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(15);
/// How long a connection must be kept.
const KEPT: Duration = Duration::from_millis(300);
/// Longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;
/// How much of an answer, or of a line, stands in a sentence, in characters.
const SHOWN: usize = 200;
/// How many lines of a log are looked through for the one that says why.
const TAIL: usize = 40;

/// Tries the box until `attempt` succeeds.
pub(super) async fn until_ready<T, F>(
    container: &Container,
    within: Duration,
    redaction: &Redaction,
    mut attempt: impl FnMut() -> F,
) -> Result<T, StackError>
where
    F: Future<Output = Result<T, String>>,
{
    let began = Instant::now();
    loop {
        let tried = tokio::time::timeout(TRY, attempt());
        let outcome = tried.await.unwrap_or_else(|_| Err(format!("no answer within {} s", TRY.as_secs())));
        let reason = match outcome {
            Ok(value) => return Ok(value),
            Err(reason) => reason,
        };
        let state = container.state().await?;
        if !state.running {
            return Err(StackError::ContainerEnded {
                name: container.name().to_owned(),
                how: if state.out_of_memory {
                    "it had no memory left".into()
                } else {
                    format!("exit code {}", state.exit_code.unwrap_or_default())
                },
                said: said(container, redaction).await,
            });
        }
        if began.elapsed() >= within {
            return Err(StackError::NotReady {
                name: container.name().to_owned(),
                within,
                reason: redaction.of(&reason),
                said: said(container, redaction).await,
            });
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// The line of a container's log that says most likely what is wrong: the last one that speaks of an error, else the last.
async fn said(container: &Container, redaction: &Redaction) -> String {
    let lines = container.tail(TAIL, redaction).await.unwrap_or_default();
    telling(&lines)
        .map_or_else(|| "it has printed nothing".to_owned(), |line| format!("its log says `{line}`"))
}

fn telling(lines: &[String]) -> Option<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = lines.iter().map(|line| words(line)).filter(|line| !line.is_empty()).collect();
    // A line of a Java stack trace repeats what the line above says.
    let lines: Vec<&String> = lines.iter().filter(|line| !line.starts_with("at ")).collect();
    let troubled = |line: &str| {
        let line = line.to_ascii_lowercase();
        ["error", "exception", "fatal", "fail", "refuse", "denied", "landfall:"]
            .iter()
            .any(|word| line.contains(word))
    };
    let line = lines.iter().rev().find(|line| troubled(line)).or(lines.last())?;
    Some(line.chars().filter(|c| !c.is_control()).take(SHOWN).collect())
}

/// One try whether the box at `address` is ready.
pub(super) async fn try_ready(ready: &Ready, address: SocketAddr) -> Result<(), String> {
    match ready {
        Ready::Tcp => stays_open(address).await,
        Ready::Http(path) => {
            let request = Request::get(format!("http://{address}{path}")).body(Full::default());
            let (status, body) = ask(request.map_err(|error| error.to_string())?).await?;
            if status.is_server_error() { Err(answered(status, &body)) } else { Ok(()) }
        }
        Ready::Produce => produce(address).await,
    }
}

/// Whether a connection is taken, and kept: the engine's own proxy takes them for a container that does not listen yet, and
/// closes them at once.
async fn stays_open(address: SocketAddr) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    match tokio::time::timeout(KEPT, stream.read_u8()).await {
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err("it closes connections at once".to_owned())
        }
        Ok(Err(error)) => Err(error.to_string()),
        // It waits for us, or speaks first.
        Err(_) | Ok(Ok(_)) => Ok(()),
    }
}

/// Writes a record through the proxy.
async fn produce(address: SocketAddr) -> Result<(), String> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{address}/topics/{READY_TOPIC}"))
        .header(CONTENT_TYPE, v2::JSON)
        .body(Full::from(r#"{"records":[{"value":{"ready":true}}]}"#))
        .map_err(|error| error.to_string())?;
    let (status, body) = ask(request).await?;
    if status == StatusCode::OK && has_position(&body) { Ok(()) } else { Err(answered(status, &body)) }
}

/// Whether the answer tells where the record stands.
fn has_position(body: &[u8]) -> bool {
    let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let offset = answer.as_ref().and_then(|answer| answer.pointer("/offsets/0/offset")?.as_i64());
    offset.is_some_and(|offset| offset >= 0)
}

async fn ask(request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.map_err(|error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await;
    Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
}

fn answered(status: StatusCode, body: &[u8]) -> String {
    let text: String =
        String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    format!("it answers {status} {text}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_why_is_shown() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let trace = "INFO starting\n[x] ERROR Connection to node -1 failed: Bad credentials (Client)\n\
                     \tat org.apache.kafka.A.b(A.java:1)\nINFO shutting down\n\n";
        assert_eq!(
            telling(&lines(trace)).as_deref(),
            Some("[x] ERROR Connection to node -1 failed: Bad credentials (Client)")
        );
        assert_eq!(telling(&lines("one\ntwo\n")).as_deref(), Some("two"));
        assert_eq!(telling(&[]), None);
    }

    #[test]
    fn only_a_position_is_an_ack() {
        assert!(has_position(br#"{"offsets":[{"partition":0,"offset":3,"error_code":null}]}"#));
        for body in [
            &br#"{"offsets":[{"partition":null,"offset":null,"error_code":50002,"error":"x"}]}"#[..],
            br#"{"offsets":[{"partition":0,"offset":-1}]}"#,
            br#"{"offsets":[]}"#,
            b"ok",
        ] {
            assert!(!has_position(body), "{}", String::from_utf8_lossy(body));
        }
    }
}
