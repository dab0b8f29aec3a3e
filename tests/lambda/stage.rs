//! What the tests share: functions, clients, and a place where functions meet.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use landfall::doubles::lambda::{Function, FunctionConfig};
use landfall::secret::Secret;
use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long anything that must happen may take.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/topics/quakes";

/// Waits until `condition` holds; fails the test where it does not within the deadline.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "did not happen: {what}");
        tokio::task::yield_now().await;
    }
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body of an invocation that succeeded.
    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        assert_eq!(self.header("x-amz-function-error"), None, "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `errorType` and `errorMessage` of an invocation that failed, the latter with `ID` in place of the
    /// invocation's.
    pub(crate) fn error(&self) -> (String, String) {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        assert_eq!(self.header("x-amz-function-error"), Some("Unhandled"), "{self:?}");
        let error: Value = serde_json::from_slice(&self.body).unwrap();
        let text = |name: &str| error[name].as_str().unwrap().to_owned();
        (text("errorType"), text("errorMessage").replace(self.header("x-amzn-requestid").unwrap(), "ID"))
    }
}

pub(crate) async fn send(request: Request<Full<Bytes>>) -> Reply {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = tokio::time::timeout(DEADLINE, client.request(request)).await.unwrap().unwrap();
    let (head, body) = response.into_parts();
    Reply { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
}

pub(crate) async fn post(url: &str, body: impl Into<Bytes>) -> Reply {
    send(Request::post(url).body(Full::new(body.into())).unwrap()).await
}

/// The event of a TOKEN authorizer.
pub(crate) fn event(token: &str) -> String {
    json!({"type": "TOKEN", "authorizationToken": format!("Bearer {token}"), "methodArn": ARN}).to_string()
}

/// Asks an authorizer about a token.
pub(crate) async fn ask(function: &Function, token: &str) -> Reply {
    post(&function.invoke_url(), event(token)).await
}

/// The policy that allows [`ARN`].
pub(crate) fn policy() -> Value {
    json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": ARN}]})
}

/// A function that nothing hurries.
pub(crate) fn config(command: &[&str]) -> FunctionConfig {
    let command = command.iter().map(|&part| part.to_owned()).collect();
    let mut config = FunctionConfig::new("authorizer", command);
    (config.timeout, config.init_timeout) = (DEADLINE, DEADLINE);
    // Nothing is written into the repository.
    config.environment.insert("PYTHONDONTWRITEBYTECODE".to_owned(), Secret::new("1"));
    config
}

pub(crate) fn workers(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// The folder of programs in other languages.
pub(crate) fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// An interpreter that has awslambdaric, if one is named.
pub(crate) fn python() -> Option<String> {
    let python = std::env::var("LANDFALL_PYTHON").ok();
    if python.is_none() {
        demanded_or_said("LANDFALL_PYTHON names no interpreter with awslambdaric");
    }
    python
}

/// Says that a test did not run, and why; fails where it should have.
pub(crate) fn demanded_or_said(why: &str) {
    assert!(std::env::var_os("LANDFALL_REQUIRE_TOOLS").is_none(), "LANDFALL_REQUIRE_TOOLS is set, and {why}");
    println!("did not run: {why}");
}

fn pid(raw: i64) -> Pid {
    Pid::from_raw(raw.try_into().unwrap()).unwrap()
}

/// Whether the process is there, be it as a zombie.
pub(crate) fn exists(process: i64) -> bool {
    test_kill_process(pid(process)).is_ok()
}

/// Whether the process runs: one whose parent has gone is reaped whenever the system likes.
pub(crate) fn runs(process: i64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    exists(process) && !stat.is_ok_and(|stat| stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

/// Where functions wait in the middle of an invocation.
pub(crate) struct Meeting(TcpListener);

impl Meeting {
    pub(crate) async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// The token that sends a function here.
    pub(crate) fn token(&self) -> String {
        format!("meet.{}", self.0.local_addr().unwrap().port())
    }

    /// The next function that is here.
    pub(crate) async fn arrival(&self) -> Arrival {
        let (mut stream, _) = tokio::time::timeout(DEADLINE, self.0.accept()).await.unwrap().unwrap();
        let mut process = [0; 10];
        stream.read_exact(&mut process).await.unwrap();
        let process = std::str::from_utf8(&process).unwrap().trim().parse().unwrap();
        Arrival { stream, process }
    }
}

/// A function that waits.
pub(crate) struct Arrival {
    stream: TcpStream,
    pub(crate) process: i64,
}

impl Arrival {
    /// Lets it go on, and waits until it says that it does.
    pub(crate) async fn release(mut self) {
        self.stream.write_all(b"go").await.unwrap();
        let mut word = [0; 4];
        tokio::time::timeout(DEADLINE, self.stream.read_exact(&mut word)).await.unwrap().unwrap();
        assert_eq!(&word, b"done");
    }
}
