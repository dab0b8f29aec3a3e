//! API v3: producing a stream of records, and the list of clusters.

mod batch;
mod clusters;
mod receipt;
mod request;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::mpsc;

use super::in_hand::InHand;
use super::produce::{Call, Producer};
use super::{
    Answer, ProxyAnswer, accepts, decode, drain, faults_at, not_acceptable, not_allowed, not_found,
    read_whole, response, unsupported_media_type, whole,
};
use crate::doubles::http::{InFlight, Pieces};
use crate::scenario::ProxyRelease;
use crate::wire::produce::ErrorEntity;
use crate::wire::produce::v3::{JSON, RECEIPT_END, Receipt};
use receipt::Echo;
use request::{Entry, parse};

/// Receipts that wait for the client to read them.
const BUFFERED: usize = 16;

/// Answers a call of the resource below `/v3` that `segments` name.
pub(super) async fn answer(
    producer: Arc<Producer>,
    streaming: Arc<AtomicU64>,
    segments: &[&str],
    request: Request<Incoming>,
) -> ProxyAnswer {
    match segments {
        ["clusters"] => clusters::list(producer, &request).await.map(Either::Left),
        ["clusters", cluster, "topics", topic, "records"] => match (decode(cluster), decode(topic)) {
            (Some(_), Some(_)) if request.method() != Method::POST => not_allowed().map(Either::Left),
            (Some(cluster), Some(topic)) => {
                let target = Target { cluster, topic };
                match produce(producer, streaming, target, request).await {
                    Ok(stream) => stream,
                    Err(refusal) => refusal.map(Either::Left),
                }
            }
            _ => not_found().map(Either::Left),
        },
        // It came with 7.5.
        ["clusters", cluster, "topics", topic, "records:batch"]
            if producer.release() >= ProxyRelease::Confluent7_9 =>
        {
            match (decode(cluster), decode(topic)) {
                (Some(cluster), Some(topic)) => {
                    batch::answer(producer, streaming, Target { cluster, topic }, request)
                        .await
                        .map(Either::Left)
                }
                _ => not_found().map(Either::Left),
            }
        }
        _ => not_found().map(Either::Left),
    }
}

/// A produce call's address. The cluster is not checked, and echoed.
struct Target {
    cluster: String,
    topic: String,
}

/// Answers 200 and, record by record, what became of it. All records are read before the first is written, so a
/// client that waits for a receipt before it sends on would wait in vain.
async fn produce(
    producer: Arc<Producer>,
    streaming: Arc<AtomicU64>,
    target: Target,
    request: Request<Incoming>,
) -> Result<ProxyAnswer, Answer> {
    if let Some(refusal) = wrong_content_type(request.headers()) {
        return Err(refusal);
    }
    if !accepts(request.headers(), JSON) {
        drain(request.into_body()).await;
        return Err(not_acceptable());
    }
    let faults = faults_at(request.headers());
    let client = request.extensions().get().cloned();
    let body = read_whole(request.into_body()).await.map_err(|refusal| *refusal)?;
    let Target { cluster, topic } = target;
    let (mut records, mut echoes) = (Vec::new(), Vec::new());
    let addressed = request::Target { topic: &topic, release: producer.release() };
    for entry in parse(&body, addressed).map_err(|refusal| response::refused_as(JSON, &refusal))? {
        echoes.push(match entry {
            Entry::Record { record, key, value } => {
                let echo = Echo::new(&record, key, value);
                records.push(record);
                Ok(echo)
            }
            Entry::Refused(refusal) => Err(refusal),
        });
    }
    let call = Call { topic: topic.clone(), partition: None, records, faults, client };
    let plan = producer.plan(&call).await;
    if let Some(ends) = plan.ends() {
        return Err(whole::end(producer, call, plan, ends, streaming).await);
    }
    // The receipts are made in a task of their own, which outlives the handler and, if need be, the client.
    let in_flight = InFlight::enter(streaming);
    let (receipts, body) = Pieces::new(BUFFERED);
    tokio::spawn(async move {
        let in_hand = producer.begin(call, plan).await;
        answer_each(in_hand, &cluster, &topic, echoes, receipts).await;
        drop(in_flight);
    });
    let mut response = Response::new(Either::Right(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    Ok(response)
}

/// Writes a receipt for each entry, when it is known what became of it.
async fn answer_each(
    mut in_hand: InHand,
    cluster: &str,
    topic: &str,
    echoes: Vec<Result<Echo, ErrorEntity>>,
    receipts: mpsc::Sender<Bytes>,
) {
    for echo in echoes {
        let receipt = match echo {
            Err(refusal) => Receipt::Refused(refusal),
            Ok(echo) => match in_hand.next().await {
                Some(outcome) => echo.receipt(outcome, cluster, topic),
                None => break,
            },
        };
        let mut text = serde_json::to_vec(&receipt).unwrap_or_default();
        text.extend_from_slice(RECEIPT_END);
        // A client that has gone reads no more, and its records are written all the same.
        let _ = receipts.send(Bytes::from(text)).await;
    }
    // The answer ends here; what is counted of it need not be waited for.
    drop(receipts);
    in_hand.finish().await;
}

/// The refusal of a request that is not JSON by its type; parameters are ignored. Without a type, the real proxy's
/// parser fails at the first record.
fn wrong_content_type(headers: &HeaderMap) -> Option<Answer> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        let text = "Cannot construct instance of `JsonStream` (no Creators, like default constructor, exist): \
                    cannot deserialize from Object value (no delegate- or property-based Creator)";
        return Some(response::typed_error(StatusCode::BAD_REQUEST, JSON, 400, text));
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    (essence != JSON).then(unsupported_media_type)
}
