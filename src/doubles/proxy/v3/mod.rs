//! API v3: producing a stream of records; clusters, brokers and topics.

mod batch;
mod receipt;
mod request;
mod resources;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Either;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use super::failure::Failure;
use super::in_hand::InHand;
use super::jetty::Request;
use super::media::MediaType;
use super::produce::Call;
use super::serve::Service;
use super::{Answer, ProxyAnswer, faults_at, read_whole, response, whole};
use crate::doubles::http::{InFlight, Pieces};
use crate::scenario::ProxyRelease;
use crate::wire::produce::ErrorEntity;
use crate::wire::produce::v3::{JSON, RECEIPT_END, Receipt};
pub(super) use batch::produce_batch;
use receipt::Echo;
use request::{Entry, parse};
pub(super) use resources::Resources;

/// Receipts that wait for the client to read them.
const BUFFERED: usize = 16;

/// Answers 200 and, record by record, what became of it. All records are read before the first is written, so a
/// client that waits for a receipt before it sends on would wait in vain.
pub(super) async fn produce(
    service: &Arc<Service>,
    values: Vec<String>,
    request: Request,
) -> Result<ProxyAnswer, Answer> {
    let (producer, streaming) = (service.producer.clone(), service.streaming.clone());
    let release = service.release;
    if !request.headers.contains_key(CONTENT_TYPE) && !release.is_6_2() {
        // The real proxy's parser fails at the first record.
        let text = "Cannot construct instance of `JsonStream` (no Creators, like default constructor, exist): \
                    cannot deserialize from Object value (no delegate- or property-based Creator)";
        return Err(response::typed_error(StatusCode::BAD_REQUEST, JSON, 400, text));
    }
    if let Some(refusal) = foreign_charset(&request.headers).filter(|_| !release.is_6_2()) {
        return Err(refusal);
    }
    let faults = faults_at(&request.headers);
    let client = Some(request.client);
    let body = read_whole(request.body).await.map_err(|refusal| *refusal)?;
    // The cluster is not checked, and echoed.
    let mut values = values.into_iter();
    let (cluster, topic) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
    let (mut records, mut echoes) = (Vec::new(), Vec::new());
    let addressed = request::Target { topic: &topic, release, registry: service.registry.as_ref() };
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
        answer_each(in_hand, (&cluster, &topic), release, echoes, receipts).await;
        drop(in_flight);
    });
    let mut response = Response::new(Either::Right(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    Ok(response)
}

/// What a request is refused with whose Content-Type names a charset beside the two that the real proxy takes (since 7.5;
/// bytes are read as UTF-8 with both).
fn foreign_charset(headers: &HeaderMap) -> Option<Answer> {
    let kind = MediaType::content(headers.get(CONTENT_TYPE)?.as_bytes()).ok()?;
    let charset = kind.parameter("charset")?;
    if ["utf-8", "iso-8859-1"].iter().any(|known| charset.eq_ignore_ascii_case(known)) {
        return None;
    }
    let text = "Unsupported charset in Content-Type header. Supports \"UTF-8\" and \"ISO-8859-1\".";
    Some(response::typed_error(StatusCode::BAD_REQUEST, JSON, 400, text))
}

/// Writes a receipt for each entry, when it is known what became of it.
async fn answer_each(
    mut in_hand: InHand,
    (cluster, topic): (&str, &str),
    release: ProxyRelease,
    echoes: Vec<Result<Echo, ErrorEntity>>,
    receipts: mpsc::Sender<Bytes>,
) {
    for echo in echoes {
        let receipt = match echo {
            Err(refusal) => Receipt::Refused(refusal),
            Ok(echo) => match in_hand.next().await {
                Some(outcome) => {
                    let as_told =
                        |Failure { kind, message }| Failure { kind: kind.in_v3_of(release), message };
                    echo.receipt(outcome.map_err(as_told), cluster, topic, release)
                }
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
