//! Learning the id of the cluster behind a proxy, which the paths of API v3 name.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::ACCEPT;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::{Stack, StackError};
use crate::scenario::{Scenario, Workload};
use crate::wire::produce::v3::{ClusterList, JSON};

/// How long the proxy may take; it asks Kafka itself, which may have to be found first.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 1024 * 1024;

impl Stack {
    /// Asks the proxy for its cluster's id, where a workload needs it and nobody has said it.
    pub(super) async fn learn_cluster_id(&mut self, scenario: &Scenario) -> Result<(), StackError> {
        let needed = scenario.workloads.iter().any(|workload: &Workload| workload.format.is_v3());
        if needed && self.cluster_id.is_none() {
            let url = format!("{}/v3/clusters", self.produce_url);
            let asked = tokio::time::timeout(PATIENCE, ask(&url)).await;
            let id = asked.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
            self.cluster_id = Some(id.map_err(|reason| StackError::ClusterId { url, reason })?);
        }
        Ok(())
    }
}

/// The id of the one cluster that the proxy lists, or what came instead.
async fn ask(url: &str) -> Result<String, String> {
    let client: Client<HttpConnector, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request =
        Request::get(url).header(ACCEPT, JSON).body(Empty::new()).map_err(|error| error.to_string())?;
    let answer = client.request(request).await.map_err(|error| describe(&error))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    if status != StatusCode::OK {
        let text: String =
            String::from_utf8_lossy(&body).chars().filter(|c| !c.is_control()).take(120).collect();
        return Err(format!("it answers {status} {text}"));
    }
    let list: ClusterList = serde_json::from_slice(&body)
        .map_err(|error| format!("its answer is no list of clusters: {error}"))?;
    match list.data.as_slice() {
        [only] => Ok(only.cluster_id.clone()),
        clusters => Err(format!("it lists {} clusters", clusters.len())),
    }
}

/// An error with its cause, which is where the reason stands.
fn describe(error: &hyper_util::client::legacy::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
