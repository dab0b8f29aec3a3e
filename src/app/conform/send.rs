//! A request as it stands, sent over a connection of its own, and what comes back.
//!
//! No library for HTTP sends what the cases have to: two `Authorization` headers, a tab behind a scheme, a path that
//! nobody has put right.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::conform::Probe;
use crate::load::Target;
use crate::wire::http1::Decoder;

/// Longest answer that is read, in bytes.
const ANSWER: usize = 4 * 1024 * 1024;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// From the status line to the empty line.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// How a request ended.
#[derive(Debug)]
pub(super) enum Ended {
    Answered(Reply),
    /// There was no answer in time.
    Silence,
    /// There was none, for this reason.
    Broken(String),
}

impl Reply {
    /// The value of a header; of several, the first.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim())
    }
}

/// A probe's bytes.
pub(super) fn request(endpoint: &Target, probe: &Probe) -> Vec<u8> {
    let Target { authority, base_path, .. } = endpoint;
    let base_path = if probe.from_root { "" } else { base_path };
    let mut head = format!("{} {base_path}{} HTTP/1.1\r\nHost: {authority}\r\n", probe.method, probe.target);
    for (name, value) in &probe.headers {
        let _ = write!(head, "{name}: {}\r\n", value.expose());
    }
    let _ = write!(head, "Content-Length: {}\r\nConnection: close\r\n\r\n", probe.body.len());
    (head + &probe.body).into_bytes()
}

/// Sends bytes, and reads the answer to them; tells also how long that took.
pub(super) async fn exchange(endpoint: &Target, bytes: &[u8], limit: Duration) -> (Ended, Duration) {
    let begun = Instant::now();
    let ended = match timeout(limit, connected(endpoint, bytes)).await {
        Ok(Ok(reply)) => Ended::Answered(reply),
        Ok(Err(reason)) => Ended::Broken(reason),
        Err(_) => Ended::Silence,
    };
    (ended, begun.elapsed())
}

async fn connected(endpoint: &Target, bytes: &[u8]) -> Result<Reply, String> {
    let stream = TcpStream::connect(endpoint.addresses.as_slice()).await;
    let stream = stream.map_err(|error| format!("cannot connect: {error}"))?;
    match &endpoint.tls {
        None => spoken(stream, bytes).await,
        Some(tls) => {
            let secured = tls.connect(stream).await;
            spoken(secured.map_err(|error| format!("cannot agree on TLS: {error}"))?, bytes).await
        }
    }
}

async fn spoken(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Result<Reply, String> {
    // Who refuses a long head answers before it has come, and takes no more of it.
    let written = stream.write_all(bytes).await;
    let (mut decoder, mut read) = (Decoder::new(ANSWER), Vec::new());
    loop {
        let count = match stream.read_buf(&mut read).await {
            Ok(count) => count,
            Err(error) if read.is_empty() => {
                return Err(written.err().map_or(error, |written| written).to_string());
            }
            // What is there may be a whole answer all the same.
            Err(_) => 0,
        };
        match decoder.decode(&mut read, count == 0) {
            Ok(Some(response)) => {
                let head = String::from_utf8_lossy(&read[response.head.clone()]).into_owned();
                let body = read[response.body.clone()].to_vec();
                return Ok(Reply { status: response.status, head, body });
            }
            Ok(None) if count == 0 => return Err("the connection ended without an answer".to_owned()),
            Ok(None) => {}
            Err(malformed) => return Err(malformed.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::{Expected, Refusal};
    use crate::secret::Secret;
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;

    async fn endpoint() -> (Target, TcpListener) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addresses = vec![listener.local_addr().unwrap()];
        (Target { addresses, authority: "gw".into(), base_path: "/prod".into(), tls: None }, listener)
    }

    #[tokio::test]
    async fn a_request_goes_out_as_it_stands() {
        let (endpoint, _listener) = endpoint().await;
        let probe = Probe {
            what: String::new(),
            method: "POST",
            target: "/topics/a/../b".into(),
            headers: vec![
                ("Authorization".into(), Secret::new("Bearer\ta")),
                ("authorization".into(), Secret::new("b")),
            ],
            body: "{}".into(),
            marker: String::new(),
            secrets: Vec::new(),
            trap: None,
            may_break: false,
            from_root: false,
            may_echo: false,
            not_of: Vec::new(),
            expected: Expected::Refused(Refusal::Anyhow),
        };
        assert_eq!(
            String::from_utf8(request(&endpoint, &probe)).unwrap(),
            "POST /prod/topics/a/../b HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer\ta\r\nauthorization: b\r\n\
             Content-Length: 2\r\nConnection: close\r\n\r\n{}"
        );
    }

    #[tokio::test]
    async fn an_answer_is_read_silence_is_told_and_so_is_an_end() {
        let (endpoint, listener) = endpoint().await;
        let limit = Duration::from_mins(1);
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 401 Unauthorized\r\nX-A:  b \r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
        };
        let ((ended, _), ()) = tokio::join!(exchange(&endpoint, b"GET", limit), answer);
        let Ended::Answered(reply) = ended else { panic!("{ended:?}") };
        assert_eq!((reply.status, reply.header("x-a"), reply.body.as_slice()), (401, Some("b"), &b"{}"[..]));

        let ((ended, _), _stream) =
            tokio::join!(exchange(&endpoint, b"GET", Duration::from_millis(1)), listener.accept());
        assert!(matches!(ended, Ended::Silence), "{ended:?}");

        let ends = async { drop(listener.accept().await.unwrap()) };
        let ((ended, _), ()) = tokio::join!(exchange(&endpoint, b"GET", limit), ends);
        assert!(matches!(ended, Ended::Broken(_)), "{ended:?}");
    }
}
