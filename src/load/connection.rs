//! One keep-alive HTTP/1.1 connection, and what one exchange on it came to.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::stamp::{Stamped, Stamps};
use super::target::Target;

/// Longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;
/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A place for a connection, which is opened when needed and again when it has broken.
#[derive(Debug)]
pub(super) struct Connection {
    target: Target,
    open: Option<(SendRequest<Full<Bytes>>, Rc<Stamps>)>,
}

/// What an exchange came to.
#[derive(Debug)]
pub(super) struct Exchange {
    /// First byte handed to the socket; `None` if none was.
    pub(super) written: Option<Instant>,
    /// Last byte of the answer read, or the moment of giving up.
    pub(super) ended: Instant,
    /// How it ended.
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    /// A whole response.
    Response { status: u16, headers: HeaderMap, body: Bytes },
    /// No whole response within the time-out.
    TimedOut,
    /// The connection could not be opened or broke; why, in words.
    Broken(String),
}

impl Connection {
    pub(super) fn new(target: Target) -> Self {
        Self { target, open: None }
    }

    /// Opens the connection unless it is open and usable; tells whether it had to be opened.
    pub(super) async fn ensure_open(&mut self) -> Result<bool, String> {
        if let Some((sender, _)) = &mut self.open {
            if !sender.is_closed() && sender.ready().await.is_ok() {
                return Ok(false);
            }
            self.open = None;
        }
        let deadline = tokio::time::Instant::now() + CONNECT_TIMEOUT;
        let stream = match timeout_at(deadline, TcpStream::connect(&self.target.addresses[..])).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(format!("cannot connect: {error}")),
            Err(_) => return Err("cannot connect: timed out".into()),
        };
        let _ = stream.set_nodelay(true);
        let stamps = Rc::new(Stamps::default());
        let io = TokioIo::new(Stamped::new(stream, stamps.clone()));
        let (sender, connection) = handshake(io).await.map_err(|error| format!("cannot connect: {error}"))?;
        tokio::task::spawn_local(async move {
            // How the connection ended is told by the exchange that it was needed for.
            let _ = connection.await;
        });
        self.open = Some((sender, stamps));
        Ok(true)
    }

    /// Sends `request` and reads the whole answer, within `limit` from now. The connection must be open.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>, limit: Duration) -> Exchange {
        let Some((sender, stamps)) = &mut self.open else {
            return Exchange {
                written: None,
                ended: Instant::now(),
                outcome: Outcome::Broken("not connected".into()),
            };
        };
        stamps.arm();
        let stamps = stamps.clone();
        let deadline = tokio::time::Instant::now() + limit;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| describe(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((head, body.to_bytes()))
        };
        let outcome = match timeout_at(deadline, answer).await {
            Ok(Ok((head, body))) => {
                Outcome::Response { status: head.status.as_u16(), headers: head.headers, body }
            }
            Ok(Err(error)) => Outcome::Broken(error),
            Err(_) => Outcome::TimedOut,
        };
        let whole = matches!(outcome, Outcome::Response { .. });
        let ended = if whole { stamps.last_read() } else { None }.unwrap_or_else(Instant::now);
        if !whole {
            // An unread answer must not be taken for the next request's.
            self.open = None;
        }
        Exchange { written: stamps.first_write(), ended, outcome }
    }
}

/// A hyper error with its cause, which is where the reason stands.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
