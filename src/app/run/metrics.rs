//! The figures of a run under way, for Prometheus to fetch.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Response, StatusCode};
use tokio::net::TcpListener;

use super::monitor::Board;
use crate::doubles::http::{Answer, BindError, Server, bind};
use crate::report::{EXPOSITION_TYPE, exposition};

/// Where the metrics stand.
const PATH: &str = "/metrics";

/// A port that the metrics of a run will be served on.
#[derive(Debug)]
pub struct MetricsPort {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsPort {
    /// Takes the port; 0 lets the system choose. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`] where it is taken or may not be used.
    pub async fn open(address: SocketAddr) -> Result<Self, BindError> {
        let failed = |source| BindError { name: "metrics", address, source };
        let listener = bind("metrics", address).await?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where the metrics can be fetched while the run is under way.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Serves what the board shows until this is dropped.
    pub(super) fn serve(self, board: Board) -> std::io::Result<Server> {
        Server::start(self.listener, move |request, _| {
            let answer = answer(request.method(), request.uri().path(), &board);
            std::future::ready(answer)
        })
    }
}

fn answer(method: &Method, path: &str, board: &Board) -> Answer {
    let (status, kind, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, PATH) => (StatusCode::OK, EXPOSITION_TYPE, exposition(&board.read())),
        (_, PATH) => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "the metrics are read with GET\n".into()),
        _ => (StatusCode::NOT_FOUND, "text/plain", format!("the metrics are at {PATH}\n")),
    };
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    answer
}
