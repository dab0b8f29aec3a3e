//! Asking a target whether it is well.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::health::{HealthCheck, Probe};

/// Of an answer no more than this is read: its first line is all that counts.
const ANSWER_LIMIT: usize = 1024;

/// Whether a path can be asked for as [`Probe::Http`] says.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Carries out one check.
pub(super) async fn passes(target: SocketAddr, check: &HealthCheck) -> bool {
    let asking = async {
        match &check.probe {
            Probe::Tcp => TcpStream::connect(target).await.is_ok(),
            Probe::Http { path } => {
                status(target, path).await.is_ok_and(|status| (200..400).contains(&status))
            }
        }
    };
    timeout(check.timeout, asking).await.unwrap_or(false)
}

/// The status of the answer to a GET.
async fn status(target: SocketAddr, path: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect(target).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(ANSWER_LIMIT);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut headers = [httparse::EMPTY_HEADER; 0];
        let mut response = httparse::Response::new(&mut headers);
        // Whatever is wrong or missing after the first line, the status is in it.
        let parsed = response.parse(&answer);
        match response.code {
            Some(code) => return Ok(code),
            None if parsed.is_err() || answer.len() >= ANSWER_LIMIT => {
                return Err(io::ErrorKind::InvalidData.into());
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpListener;

    async fn passes_with(probe: Probe, pieces: &'static [&'static str]) -> bool {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let target = listener.local_addr().unwrap();
        let serving = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 8];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(&asked, b"GET /up?");
            for piece in pieces {
                stream.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::spawn(serving);
        let check = HealthCheck { probe, timeout: Duration::from_secs(20), ..HealthCheck::default() };
        passes(target, &check).await
    }

    #[tokio::test]
    async fn over_http_the_status_decides() {
        let probe = || Probe::Http { path: "/up?x".into() };
        assert!(passes_with(probe(), &["HTTP/1.1 200 OK\r\nserver: x\r\n\r\n"]).await);
        assert!(passes_with(probe(), &["HTT", "P/1.1 39", "9 \r\n", "x: y\r\n"]).await);
        assert!(!passes_with(probe(), &["HTTP/1.1 400 Bad Request\r\n\r\n"]).await);
        assert!(!passes_with(probe(), &["HTTP/1.1 100 Continue\r\n\r\n"]).await);
        assert!(!passes_with(probe(), &["SSH-2.0-x\r\n"]).await);
        assert!(!passes_with(probe(), &["HTTP/1.1 2"]).await);
        assert!(passes_with(Probe::Tcp, &[]).await);
    }

    #[tokio::test]
    async fn what_does_not_answer_in_time_fails() {
        // Its backlog takes the connection, and nobody ever answers.
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let probe = Probe::Http { path: "/".into() };
        let check = HealthCheck { probe, timeout: Duration::from_millis(1), ..HealthCheck::default() };
        assert!(!passes(listener.local_addr().unwrap(), &check).await);
    }

    #[test]
    fn a_path_cannot_end_its_line() {
        assert!(is_path("/v3/clusters?x=%20"));
        assert!(["", "x", "/a b", "/a\r\nx: y", "/ü"].into_iter().all(|path| !is_path(path)));
    }
}
