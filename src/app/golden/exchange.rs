//! A recorded request sent again, write by write, and all that comes back.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::conform::golden::{GoldenResponse, Write};
use crate::load::Target;
use crate::wire::http1::{Decoder, Malformed};

/// Longest body that is read, in bytes.
const ANSWER: usize = 64 * 1024 * 1024;

/// What is to be sent, and what is waited for.
pub(super) struct Plan<'a> {
    pub(super) writes: &'a [Write],
    /// Whether to say that nothing more comes.
    pub(super) half_close: bool,
    /// Whether answers have no body, since HEAD asks for none.
    pub(super) head: bool,
    /// Whether interim answers (100) are answers as well; else they are passed over.
    pub(super) interim: bool,
    /// How many answers are waited for; none: it is waited for as long as the limit says that none comes.
    pub(super) answers: usize,
    /// How long it is looked, after these, whether more comes and whether the connection ends; `None`: it is not.
    pub(super) lingers: Option<Duration>,
}

/// What came back.
#[derive(Debug, Default)]
pub(in crate::app) struct Came {
    /// The answers in their order.
    pub(in crate::app) answers: Vec<GoldenResponse>,
    /// Whether the other side closed the connection; `None`: it was not looked.
    pub(in crate::app) closed: Option<bool>,
}

/// Why nothing can be said of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// There was no connection.
    #[error("{0}")]
    Unconnected(String),
    /// What came back is no HTTP.
    #[error("{0}")]
    Malformed(String),
}

/// Sends the writes, and reads as many answers as are waited for; fewer, where the connection ends before or the limit is
/// over.
///
/// # Errors
/// Why the endpoint could not be reached, or what came back is no answer.
pub(super) async fn exchange(endpoint: &Target, plan: &Plan<'_>, limit: Duration) -> Result<Came, Broken> {
    let begun = Instant::now();
    let slow = || Broken::Unconnected(format!("{} took longer to connect than may be", endpoint.authority));
    let stream = timeout(limit, TcpStream::connect(endpoint.addresses.as_slice())).await;
    let stream = stream
        .map_err(|_| slow())?
        .map_err(|error| Broken::Unconnected(format!("cannot connect to {}: {error}", endpoint.authority)))?;
    let _ = stream.set_nodelay(true);
    let left = || limit.saturating_sub(begun.elapsed());
    match &endpoint.tls {
        None => spoken(stream, plan, left()).await,
        Some(tls) => {
            let secured = timeout(left(), tls.connect(stream)).await.map_err(|_| slow())?;
            let unconnected = |error| Broken::Unconnected(format!("cannot agree on TLS: {error}"));
            spoken(secured.map_err(unconnected)?, plan, left()).await
        }
    }
}

async fn spoken<S>(stream: S, plan: &Plan<'_>, limit: Duration) -> Result<Came, Broken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reading, mut writing) = tokio::io::split(stream);
    let send = async {
        for write in plan.writes {
            tokio::time::sleep(write.pause).await;
            // Who refuses early reads no further.
            if writing.write_all(&write.bytes).await.is_err() || writing.flush().await.is_err() {
                return;
            }
        }
        if plan.half_close {
            let _ = writing.shutdown().await;
        }
    };
    let mut answers = Vec::new();
    let receive = async {
        let (mut bytes, mut ended, mut lingering) = (Vec::new(), false, None);
        loop {
            while let Some(answer) = take(&mut bytes, ended, plan.head)? {
                if plan.interim || answer.status >= 200 {
                    answers.push(answer);
                }
                if answers.len() == plan.answers {
                    let Some(lingers) = plan.lingers else { return Ok(None) };
                    lingering = Some(Instant::now() + lingers);
                }
            }
            if ended {
                return Ok(plan.lingers.map(|_| true));
            }
            let reading = reading.read_buf(&mut bytes);
            let read = match lingering {
                None => reading.await,
                Some(until) => {
                    match timeout(until.saturating_duration_since(Instant::now()), reading).await {
                        Ok(read) => read,
                        Err(_) => return Ok(Some(false)),
                    }
                }
            };
            ended = !matches!(read, Ok(1..));
        }
    };
    // What is still to be sent when all answers are there is not waited for.
    let both = async {
        tokio::pin!(receive, send);
        tokio::select! {
            received = &mut receive => received,
            () = &mut send => receive.await,
        }
    };
    match timeout(limit, both).await {
        Ok(Err(malformed)) => Err(Broken::Malformed(Malformed::to_string(&malformed))),
        Ok(Ok(closed)) => Ok(Came { answers, closed }),
        Err(_) => Ok(Came { answers, closed: plan.lingers.map(|_| false) }),
    }
}

/// The first whole answer of `bytes`, which loses it.
pub(in crate::app) fn take(
    bytes: &mut Vec<u8>,
    ended: bool,
    head: bool,
) -> Result<Option<GoldenResponse>, Malformed> {
    if let Some(length) = interim(bytes)? {
        let answer = told(&bytes[..length], b"");
        bytes.drain(..length);
        return Ok(Some(answer));
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut decoder = Decoder::new(ANSWER);
    if head {
        decoder.reset_for_head();
    }
    // A body in chunks is put together in place, so that what is not whole yet must stay as it came.
    let mut copy = bytes.clone();
    let Some(response) = decoder.decode(&mut copy, ended)? else { return Ok(None) };
    let answer = told(&copy[response.head], &copy[response.body]);
    bytes.drain(..response.end);
    Ok(Some(answer))
}

/// The length of an interim answer at the beginning of `bytes` (RFC 9110, section 15.2).
fn interim(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if matches!(response.code, Some(100..200)) => Ok(Some(length)),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An answer as golden files have it.
fn told(head: &[u8], body: &[u8]) -> GoldenResponse {
    let head: String = head.iter().map(|byte| char::from(*byte)).collect();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let fields = lines.filter_map(|line| line.split_once(':'));
    let headers = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let (body, body_b64) = match std::str::from_utf8(body) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(body))),
    };
    GoldenResponse { status, headers, body, body_b64, ..GoldenResponse::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_one_after_another() {
        let mut bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                          2\r\n{}\r\n0\r\n\r\nHTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 1\r\n\r\n"
            .to_vec();
        let mut taken = Vec::new();
        while let Some(answer) = take(&mut bytes, false, false).unwrap() {
            taken.push((answer.status, answer.body.unwrap()));
        }
        assert_eq!(taken, [(100, String::new()), (200, "{}".into())]);
        bytes.push(b'x');
        let last = take(&mut bytes, false, false).unwrap().unwrap();
        assert_eq!((last.status, last.headers[0].clone()), (404, ("A".into(), "b".into())));
        assert!(bytes.is_empty());
    }

    /// What comes of a connection on which a server writes `said`, and which it closes then or not.
    async fn came(said: &'static [u8], closes: bool, plan: &Plan<'_>) -> Came {
        let (ours, theirs) = tokio::io::duplex(1024);
        let (mut reading, mut writing) = tokio::io::split(theirs);
        let server = async {
            writing.write_all(said).await.unwrap();
            if closes {
                writing.shutdown().await.unwrap();
            }
            // Whoever keeps it open reads what comes until the other side has gone.
            let _ = tokio::io::copy(&mut reading, &mut tokio::io::sink()).await;
        };
        let (came, ()) = tokio::join!(spoken(ours, plan, Duration::from_secs(30)), server);
        came.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_answers_it_is_looked_whether_more_comes_and_whether_the_connection_ends() {
        const ONE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        const TWO: &[u8] =
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        let plan = |lingers| Plan {
            writes: &[],
            half_close: false,
            head: false,
            interim: true,
            answers: 1,
            lingers,
        };
        let some = Some(Duration::from_secs(2));
        for (said, closes, lingers, answers, closed) in [
            (ONE, true, None, 1, None),
            (TWO, true, None, 1, None),
            (ONE, true, some, 1, Some(true)),
            (ONE, false, some, 1, Some(false)),
            (TWO, false, some, 2, Some(false)),
        ] {
            let came = came(said, closes, &plan(lingers)).await;
            assert_eq!((came.answers.len(), came.closed), (answers, closed), "{closes} {lingers:?}");
        }
    }
}
