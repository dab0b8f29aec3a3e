//! A connection that is kept, with the answers that come over it.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::golden::take_answer;
use crate::conform::golden::{GoldenRequest, GoldenResponse, writes};
use crate::load::Target;

trait Both: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Both for S {}

/// A connection.
pub(super) struct Line {
    stream: Box<dyn Both>,
    /// What has come and has not been taken.
    bytes: Vec<u8>,
    ended: bool,
    limit: Duration,
}

impl Line {
    /// Connects. Every answer over it is waited for as long as `limit`.
    pub(super) async fn open(endpoint: &Target, limit: Duration) -> Result<Self, String> {
        let slow = || format!("{} took longer to connect than {} s", endpoint.authority, limit.as_secs());
        let refused = |error| format!("cannot connect to {}: {error}", endpoint.authority);
        let connecting = timeout(limit, TcpStream::connect(endpoint.addresses.as_slice())).await;
        let stream = connecting.map_err(|_| slow())?.map_err(refused)?;
        let _ = stream.set_nodelay(true);
        let stream: Box<dyn Both> = match &endpoint.tls {
            None => Box::new(stream),
            Some(tls) => {
                let secured = timeout(limit, tls.connect(stream)).await.map_err(|_| slow())?;
                Box::new(secured.map_err(|error| format!("cannot agree on TLS: {error}"))?)
            }
        };
        Ok(Self { stream, bytes: Vec::new(), ended: false, limit })
    }

    /// Sends a request, and gives its answer, or why there is none.
    pub(super) async fn ask(
        &mut self,
        request: &GoldenRequest,
        endpoint: &Target,
    ) -> Result<GoldenResponse, String> {
        self.write(&bytes_of(request, endpoint)?).await?;
        self.answer().await
    }

    /// Sends bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        sending.await.map_err(|error| format!("the connection broke: {error}"))
    }

    /// The next answer that is no interim one.
    pub(super) async fn answer(&mut self) -> Result<GoldenResponse, String> {
        let limit = self.limit;
        let reading = async {
            loop {
                let taken = take_answer(&mut self.bytes, self.ended, false);
                match taken.map_err(|malformed| malformed.to_string())? {
                    Some(answer) if answer.status >= 200 => return Ok(answer),
                    Some(_) => {}
                    None if self.ended => {
                        return Err("the connection ended without an answer".to_owned());
                    }
                    None => self.more().await,
                }
            }
        };
        let slow = || Err(format!("no answer within {} ms", limit.as_millis()));
        timeout(limit, reading).await.unwrap_or_else(|_| slow())
    }

    /// Waits until so many JSON documents of an answer in chunks have come, or the limit is over; tells whether they have.
    pub(super) async fn documents(&mut self, count: usize) -> bool {
        let limit = self.limit;
        let reading = async {
            while documents(&self.bytes) < count {
                if self.ended {
                    return false;
                }
                self.more().await;
            }
            true
        };
        timeout(limit, reading).await.unwrap_or(false)
    }

    async fn more(&mut self) {
        self.ended = !matches!(self.stream.read_buf(&mut self.bytes).await, Ok(1..));
    }
}

/// The bytes of a request, as they go to this endpoint.
pub(super) fn bytes_of(request: &GoldenRequest, endpoint: &Target) -> Result<Vec<u8>, String> {
    let (writes, _) =
        writes(request, &endpoint.authority, &endpoint.base_path).map_err(|reason| reason.to_string())?;
    Ok(writes.into_iter().flat_map(|write| write.bytes).collect())
}

/// How many JSON documents have come whole of an answer whose body comes in chunks.
fn documents(bytes: &[u8]) -> usize {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return 0 };
    let (mut rest, mut body) = (&bytes[head + 4..], Vec::new());
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size =
            std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let (Some(size @ 1..), chunk) = (size, &rest[end + 2..]) else { break };
        body.extend_from_slice(&chunk[..size.min(chunk.len())]);
        rest = chunk.get(size + 2..).unwrap_or_default();
    }
    serde_json::Deserializer::from_slice(&body).into_iter::<Value>().take_while(Result::is_ok).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_counted_as_they_come_in_chunks() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (body, expected) in [
            ("", 0),
            ("8\r\n{\"a\":1", 0),
            ("7\r\n{\"a\":1}\r\n", 1),
            ("7\r\n{\"a\":1}\r\n2\r\n\r\n\r\n", 1),
            ("4\r\n{\"a\"\r\n3\r\n:1}\r\n7\r\n{\"a\":2}\r\n0\r\n\r\n", 2),
        ] {
            assert_eq!(documents(format!("{head}{body}").as_bytes()), expected, "{body:?}");
        }
    }
}
