//! A place that nobody must call: it serves the attacker's keys, and notes who asks for them.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::doubles::http::{Answer, BindError, Server, bind};

/// A running sink; it stops when this is dropped.
pub(super) struct Sink {
    server: Server,
    /// Methods and paths, in the order in which they were asked for.
    calls: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    /// Starts to serve `keys` at every path that ends in `/jwks`. What ends in `/redirect` leads there.
    ///
    /// # Errors
    /// [`BindError`], where there is no port.
    pub(super) async fn start(keys: Vec<Value>) -> Result<Self, BindError> {
        let listener = bind("sink", ([127, 0, 0, 1], 0).into()).await?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (noted, set) = (calls.clone(), json!({"keys": keys}).to_string());
        let handler = move |request: hyper::Request<hyper::body::Incoming>, _| {
            let path = request.uri().path().to_owned();
            let call = format!("{} {path}", request.method());
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(call);
            std::future::ready(answer(&path, &set))
        };
        let server = Server::start(listener, handler).map_err(|source| BindError {
            name: "sink",
            address: ([127, 0, 0, 1], 0).into(),
            source,
        })?;
        Ok(Self { server, calls })
    }

    /// Its base URL.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// What was asked for below this path.
    pub(super) fn calls(&self, below: &str) -> Vec<String> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let is_below = |call: &&String| {
            let path = call.split_once(' ').map_or("", |(_, path)| path);
            path.strip_prefix(below).is_some_and(|rest| rest.starts_with('/'))
        };
        calls.iter().filter(is_below).cloned().collect()
    }
}

fn answer(path: &str, set: &str) -> Answer {
    if let Some(start) = path.strip_suffix("/redirect") {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::FOUND;
        if let Ok(place) = HeaderValue::try_from(format!("{start}/jwks")) {
            answer.headers_mut().insert(LOCATION, place);
        }
        return answer;
    }
    let mut answer = Response::new(Full::new(Bytes::from(set.to_owned())));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
