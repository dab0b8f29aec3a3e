//! `GET /v3/clusters`: the one cluster behind the proxy.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::super::produce::Producer;
use super::super::{Answer, accepts, not_acceptable, not_allowed, response};
use crate::wire::produce::v3::JSON;

/// How long Kafka has to tell its id (Java's `default.api.timeout.ms` of the admin client).
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) async fn list(producer: Arc<Producer>, request: &Request<Incoming>) -> Answer {
    if request.method() != Method::GET {
        return not_allowed();
    }
    if !accepts(request.headers(), JSON) {
        return not_acceptable();
    }
    let asked = tokio::task::spawn_blocking(move || producer.cluster_id(PATIENCE)).await;
    let Ok(Some(id)) = asked else {
        let text = "Timed out waiting for a node assignment. Call: listNodes";
        return response::typed_error(StatusCode::INTERNAL_SERVER_ERROR, JSON, 50003, text);
    };
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let all = format!("http://{host}/v3/clusters");
    let one = format!("{all}/{id}");
    let related = |path: &str| json!({ "related": format!("{one}/{path}") });
    let list = json!({
        "kind": "KafkaClusterList",
        "metadata": {"self": all, "next": null},
        "data": [{
            "kind": "KafkaCluster",
            "metadata": {"self": one, "resource_name": format!("crn:///kafka={id}")},
            "cluster_id": id,
            "acls": related("acls"),
            "brokers": related("brokers"),
            "broker_configs": related("broker-configs"),
            "consumer_groups": related("consumer-groups"),
            "topics": related("topics"),
            "partition_reassignments": related("topics/-/partitions/-/reassignment"),
        }],
    });
    response::json(StatusCode::OK, Some(JSON), list.to_string())
}
