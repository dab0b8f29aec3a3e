//! Lambda's Runtime API, version 2018-06-01 (Lambda Developer Guide, "Using the Lambda runtime API"), as one worker's
//! process sees it. Each worker has a server of its own, so whoever calls is that worker.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::sync::{oneshot, watch};

use super::failure;
use crate::doubles::http::{Answer, Client, Server, Terms, bind};

/// Longest response that Lambda takes, in bytes: 6 MB, and what it adds for the error's sake.
pub(super) const RESPONSE_LIMIT: usize = 6 * 1024 * 1024 + 100;

/// As much of a response that is too long is read, so that the runtime gets an answer rather than a broken
/// connection.
const READ_LIMIT: usize = 64 * 1024 * 1024;

/// A runtime's connection may idle while its function works, for which Lambda gives 15 minutes at most.
const IDLE: Duration = Duration::from_mins(20);

const PREFIX: &str = "/2018-06-01/runtime/";

/// An event, and what a runtime is told of it.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) body: Bytes,
    pub(super) arn: String,
    /// `X-Amzn-Trace-Id`
    pub(super) trace: HeaderValue,
    /// How long the function may take, counted from when it gets the event.
    pub(super) limit: Duration,
}

/// What a runtime said of an event.
#[derive(Debug)]
pub(super) enum Reply {
    /// What the function returned.
    Response(Bytes),
    /// An error, in the shape in which callers get it.
    Error(Bytes),
}

/// Where a runtime is in its life.
#[derive(Debug, Clone)]
enum Phase {
    /// It has not asked for an event yet.
    Starting,
    /// It said that it cannot start, with this error.
    Failed(Bytes),
    /// It waits for an event.
    Asking,
    /// It has an event.
    Working,
    /// It has answered, and not yet asked for another.
    Answered,
}

/// The API of one worker. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    server: Server,
    desk: Arc<Desk>,
}

impl RuntimeApi {
    /// Starts to serve, on a port of loopback.
    pub(super) async fn start() -> std::io::Result<Self> {
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let listener = bind("function's Runtime API", address).await.map_err(|error| error.source)?;
        let desk = Arc::new(Desk { hand: Mutex::default(), phase: watch::Sender::new(Phase::Starting) });
        let at_work = desk.clone();
        let server =
            Server::start_with(listener, Terms { idle: IDLE, identity: None }, move |request, client| {
                let desk = at_work.clone();
                async move { desk.answer(request, client).await }
            })?;
        Ok(Self { server, desk })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns when the runtime waits for an event.
    ///
    /// # Errors
    /// The error with which the runtime says that it cannot start.
    pub(super) async fn asked(&self) -> Result<(), Bytes> {
        let mut phase = self.desk.phase.subscribe();
        // The sender is in `self`.
        let reached = phase.wait_for(|phase| matches!(phase, Phase::Asking | Phase::Failed(_))).await;
        match reached.as_deref() {
            Ok(Phase::Failed(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Gives the runtime an event. What it says of it comes through the receiver.
    pub(super) fn give(&self, event: Event) -> oneshot::Receiver<Reply> {
        let (replier, reply) = oneshot::channel();
        let mut hand = self.desk.hand();
        hand.unanswered = Some((event.id.clone(), replier));
        self.desk.phase.send_replace(Phase::Working);
        // If the one that asked has gone, the next one that asks gets the event.
        hand.waiting = match hand.poll.take() {
            Some(poll) => poll.send(event).err(),
            None => Some(event),
        };
        reply
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        // Whoever waits for an event holds the desk, which holds what it waits for.
        let mut hand = self.desk.hand();
        hand.closed = true;
        hand.poll = None;
    }
}

/// What the handlers of the requests share.
#[derive(Debug)]
struct Desk {
    hand: Mutex<Hand>,
    phase: watch::Sender<Phase>,
}

#[derive(Debug, Default)]
struct Hand {
    /// The runtime's request for an event that is not answered yet.
    poll: Option<oneshot::Sender<Event>>,
    /// An event that nobody has asked for yet.
    waiting: Option<Event>,
    /// Which event is to be answered, and where the answer goes.
    unanswered: Option<(String, oneshot::Sender<Reply>)>,
    closed: bool,
}

impl Desk {
    fn hand(&self) -> MutexGuard<'_, Hand> {
        // It is whole after each of its operations.
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>, client: Client) -> Answer {
        let (head, body) = request.into_parts();
        let Some(path) = head.uri.path().strip_prefix(PREFIX) else { return unknown_path() };
        let in_hand = path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/'));
        match (head.method, path, in_hand) {
            (Method::GET, "invocation/next", _) => self.next(client).await,
            (Method::POST, "init/error", _) => self.init_error(&head.headers, body).await,
            (Method::POST, _, Some((id, "response"))) => self.response(id, &head.headers, body).await,
            (Method::POST, _, Some((id, "error"))) => self.error(id, &head.headers, body).await,
            _ => unknown_path(),
        }
    }

    /// Answers with the next event, as soon as there is one.
    async fn next(&self, client: Client) -> Answer {
        let (sender, mut receiver) = oneshot::channel();
        {
            let mut hand = self.hand();
            if hand.closed {
                return wrong_state("the worker is being stopped");
            }
            if let Some(event) = hand.waiting.take() {
                return event_answer(&event);
            }
            if hand.unanswered.is_some() {
                return wrong_state("the event before is not answered yet");
            }
            // A request before this one is of a client that has gone, or of one too many.
            hand.poll = Some(sender);
            self.phase.send_replace(Phase::Asking);
        }
        tokio::select! {
            biased;
            event = &mut receiver => match event {
                Ok(event) => event_answer(&event),
                Err(_) => wrong_state("another request for an event has come after this one"),
            },
            () = client.has_gone() => {
                let mut hand = self.hand();
                if let Ok(event) = receiver.try_recv() {
                    hand.waiting = Some(event);
                }
                wrong_state("nobody reads this")
            }
        }
    }

    async fn init_error(&self, headers: &HeaderMap, body: Incoming) -> Answer {
        let Some(body) = read(body).await else { return too_large() };
        let error = failure::reported(&body, error_type(headers));
        let starting = self.phase.send_if_modified(|phase| {
            let starting = matches!(phase, Phase::Starting);
            if starting {
                *phase = Phase::Failed(error);
            }
            starting
        });
        if starting { accepted() } else { wrong_state("the runtime has asked for an event already") }
    }

    async fn response(&self, id: &str, headers: &HeaderMap, body: Incoming) -> Answer {
        let body = read(body).await;
        let streams = headers.get("lambda-runtime-function-response-mode").is_some();
        let (reply, answer) = match body {
            _ if streams => (Reply::Error(failure::streamed()), streaming()),
            Some(body) => (Reply::Response(body), accepted()),
            None => (Reply::Error(failure::response_too_large(RESPONSE_LIMIT)), too_large()),
        };
        self.reply(id, reply).unwrap_or(answer)
    }

    async fn error(&self, id: &str, headers: &HeaderMap, body: Incoming) -> Answer {
        let (reply, answer) = match read(body).await {
            Some(body) => (failure::reported(&body, error_type(headers)), accepted()),
            None => (failure::response_too_large(RESPONSE_LIMIT), too_large()),
        };
        self.reply(id, Reply::Error(reply)).unwrap_or(answer)
    }

    /// Passes the reply on, unless the runtime is to be told that it fits no event.
    fn reply(&self, id: &str, reply: Reply) -> Option<Answer> {
        let mut hand = self.hand();
        match hand.unanswered.take() {
            Some((expected, replier)) if expected == id => {
                self.phase.send_replace(Phase::Answered);
                // Whoever invoked the function has stopped waiting: the process is about to be killed.
                let _ = replier.send(reply);
                None
            }
            None => Some(wrong_state("there is no event to be answered")),
            other => {
                hand.unanswered = other;
                Some(told(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"))
            }
        }
    }
}

/// A body to its end; `None` where it is too long, or breaks off, which is as bad.
async fn read(mut body: Incoming) -> Option<Bytes> {
    let mut kept = BytesMut::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        length += data.len();
        if length <= RESPONSE_LIMIT {
            kept.extend_from_slice(&data);
        } else if length > READ_LIMIT {
            return None;
        }
    }
    (length <= RESPONSE_LIMIT).then(|| kept.freeze())
}

fn error_type(headers: &HeaderMap) -> Option<&str> {
    headers.get("lambda-runtime-function-error-type")?.to_str().ok()
}

fn event_answer(event: &Event) -> Answer {
    let mut answer = Response::new(Full::new(event.body.clone()));
    let deadline = SystemTime::now() + event.limit;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = answer.headers_mut();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", event.id.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", event.arn.clone()),
    ] {
        headers.insert(name, HeaderValue::try_from(value).expect("a UUID, digits, or a checked name"));
    }
    headers.insert("lambda-runtime-trace-id", event.trace.clone());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn with_status(status: StatusCode, body: &serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn accepted() -> Answer {
    with_status(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

/// An error, in the shape that the Runtime API documents.
fn told(status: StatusCode, error_type: &str, message: &str) -> Answer {
    with_status(status, &json!({"errorMessage": message, "errorType": error_type}))
}

fn wrong_state(why: &str) -> Answer {
    told(StatusCode::FORBIDDEN, "InvalidStateTransition", why)
}

fn too_large() -> Answer {
    let message = format!("Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).");
    told(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}

fn streaming() -> Answer {
    let message = "landfall takes no streamed responses";
    told(StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode", message)
}

fn unknown_path() -> Answer {
    told(StatusCode::NOT_FOUND, "NotFound", "no such path in the Runtime API 2018-06-01")
}
