//! API v3: producing a stream of records; clusters, brokers and topics.

mod arriving;
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
use super::faults::Plan;
use super::in_hand::InHand;
use super::jetty::Request;
use super::media::MediaType;
use super::produce::Call;
use super::request::{ProduceRecord, Refusal};
use super::serve::Service;
use super::{Answer, BODY_LIMIT, ProxyAnswer, faults_at, response, unreadable, whole};
use crate::doubles::http::{InFlight, Pieces};
use crate::doubles::registry::SchemaSource;
use crate::scenario::ProxyRelease;
use crate::wire::produce::ErrorEntity;
use crate::wire::produce::v3::{JSON, RECEIPT_END, Receipt};
use arriving::{Arriving, Beginning, Part};
pub(super) use batch::produce_batch;
use receipt::Echo;
use request::{Entry, parse, parse_on};
pub(super) use resources::Resources;

/// Receipts that may wait for the client to read them: as many as have room where a body has. A client may write all its
/// records before it reads.
const BUFFERED: usize = BODY_LIMIT / 256;

/// Answers 200 and, record by record, what became of it. Where the client pauses, the records that have come are answered for
/// before the next ones are read.
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
    let mut arriving = Arriving::new(request.body);
    let part = arriving.next().await.map_err(unreadable)?;
    // The cluster is not checked, and echoed.
    let mut values = values.into_iter();
    let (cluster, topic) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
    let registry = service.registry.clone();
    let (records, mut echoes) = read(&part, &topic, release, registry.as_ref())
        .map_err(|refusal| response::refused_as(JSON, &refusal))?;
    let mut is_last = part.is_last;
    let call = Call { topic: topic.clone(), partition: None, records, faults, client: client.clone() };
    let plan = producer.plan(&call).await;
    if let Some(ends) = plan.ends() {
        return Err(whole::end(producer, call, plan, ends, streaming).await);
    }
    // The receipts are made in a task of their own, which outlives the handler and, if need be, the client.
    let in_flight = InFlight::enter(streaming);
    let (receipts, body) = Pieces::new(BUFFERED);
    tokio::spawn(async move {
        let (mut call, mut plan) = (call, plan);
        loop {
            let mut in_hand = producer.clone().begin(call, plan).await;
            answer_each(&mut in_hand, (&cluster, &topic), release, echoes, &receipts).await;
            if is_last {
                // The answer ends here; what is counted of it need not be waited for.
                drop(receipts);
                in_hand.finish().await;
                break;
            }
            in_hand.finish().await;
            // The real one's stream ends where its client has gone.
            let Ok(part) = arriving.next().await else { break };
            is_last = part.is_last;
            let (records, more) = if part.is_blank() {
                (Vec::new(), Vec::new())
            } else {
                let refused = |Refusal { code, message, .. }| {
                    (Vec::new(), vec![Err(ErrorEntity { error_code: code, message })])
                };
                read(&part, &topic, release, registry.as_ref()).unwrap_or_else(refused)
            };
            echoes = more;
            call = Call { topic: topic.clone(), partition: None, records, faults, client: client.clone() };
            // What befalls an answer as a whole cannot befall one that has begun.
            plan = Plan { whole: None, ..producer.plan(&call).await };
        }
        drop(in_flight);
    });
    let mut response = Response::new(Either::Right(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    Ok(response)
}

/// What is to be answered for each entry of a part, in their order: a record, or its refusal.
type Echoes = Vec<Result<Echo, ErrorEntity>>;

/// The records of a part, and what is to be answered for each entry.
fn read(
    part: &Part,
    topic: &str,
    release: ProxyRelease,
    registry: Option<&SchemaSource>,
) -> Result<(Vec<ProduceRecord>, Echoes), Refusal> {
    let (mut records, mut echoes) = (Vec::new(), Vec::new());
    let target = request::Target { topic, release, registry };
    let entries = match part.place {
        Beginning::First => parse(&part.bytes, target)?,
        Beginning::Further(line, before) => parse_on(&part.bytes, (line, before), target),
    };
    for entry in entries {
        echoes.push(match entry {
            Entry::Record { record, key, value } => {
                let echo = Echo::new(&record, key, value);
                records.push(record);
                Ok(echo)
            }
            Entry::Refused(refusal) => Err(refusal),
        });
    }
    Ok((records, echoes))
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
    in_hand: &mut InHand,
    (cluster, topic): (&str, &str),
    release: ProxyRelease,
    echoes: Echoes,
    receipts: &mpsc::Sender<Bytes>,
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
}
