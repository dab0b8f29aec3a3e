//! The same seed and run id: the same requests, whatever the path answers and however long it takes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::Bytes;
use landfall::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use landfall::doubles::http::{Server, bind};

use crate::harness::{Landfall, repository};

/// A request without what DESIGN leaves free: Authorization, Host and traceparent.
type Seen = (String, String, Vec<(String, String)>, Vec<u8>);

/// A proxy that writes nothing, acks everything, and keeps what it was sent.
async fn recorder(seen: Arc<Mutex<Vec<Seen>>>) -> Result<Server, Infallible> {
    let listener = bind("recorder", SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
    let server = Server::start(listener, move |request, _| {
        let seen = seen.clone();
        async move {
            let (head, body) = request.into_parts();
            let headers = head
                .headers
                .iter()
                .filter(|(name, _)| !["authorization", "host", "traceparent"].contains(&name.as_str()))
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").to_owned()))
                .collect();
            let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
            seen.lock().expect("no other thread panicked").push((
                head.method.to_string(),
                head.uri.to_string(),
                headers,
                body,
            ));
            Response::new(Full::new(Bytes::from_static(b"{\"offsets\":[{\"partition\":0,\"offset\":0}]}")))
        }
    });
    Ok(server.expect("a bound listener has an address"))
}

async fn requests_of(run_id: &str) -> Vec<Seen> {
    let topics = vec![TopicConfig {
        name: "quakes".into(),
        partitions: 6,
        configs: std::collections::BTreeMap::new(),
    }];
    let broker = Broker::start(BrokerConfig { topics, ..BrokerConfig::default() }).await.expect("a broker");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let Ok(server) = recorder(seen.clone()).await;
    let call = Landfall::short_quickstart()
        .set("stack.gateway=none")
        .set("stack.idp=none")
        .set(&format!("stack.proxy={{kind: external, url: \"http://{}\"}}", server.address()))
        .set(&format!("stack.kafka={{kind: external, bootstrap: \"{}\"}}", broker.bootstrap()))
        .set("grace=0s")
        .args(&["--run-id", run_id]);
    let ended = tokio::task::spawn_blocking(|| call.end()).await.expect("the call does not panic");
    assert_eq!(ended.result().requests.sent, 70, "{}", ended.stderr);
    // The order of arrival is the path's doing; that of the ids is the requests' own.
    let mut seen = std::mem::take(&mut *seen.lock().expect("no other thread panicked"));
    seen.sort_by_key(|(_, _, headers, _)| headers.iter().find(|(name, _)| name == "x-request-id").cloned());
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_and_run_id_give_the_same_requests() {
    let (first, second, other) =
        (requests_of("same").await, requests_of("same").await, requests_of("other").await);
    assert_eq!(first.len(), 70);
    assert_eq!(first, second);
    // Only the run's name differs, in the ids.
    assert_ne!(first, other);
    let payloads = |seen: &[Seen]| {
        seen.iter().map(|(method, uri, ..)| (method.clone(), uri.clone())).collect::<Vec<_>>()
    };
    assert_eq!(payloads(&first), payloads(&other));
    let (_, uri, headers, body) = &first[0];
    assert_eq!(uri, "/topics/quakes");
    assert!(headers.contains(&("x-request-id".into(), "same.0.0.1".into())), "{headers:?}");
    let first_line =
        std::fs::read(repository("fixtures/payloads/earthquakes.ndjson")).expect("the payloads are there");
    let place = &first_line[..60];
    assert!(body.windows(place.len()).any(|window| window == place), "real payloads are sent");
}
