//! Answering a request that a fault befalls as a whole.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::Answer;
use super::faults::{Ends, Plan};
use super::produce::{Call, Producer};
use super::response::error;
use crate::doubles::http::{Ending, InFlight};

/// Writes the request's records, and ends it so. `behind` counts the work that goes on when the handler has ended.
pub(super) async fn end(
    producer: Arc<Producer>,
    call: Call,
    plan: Plan,
    ends: Ends,
    behind: Arc<AtomicU64>,
) -> Answer {
    let client = call.client.clone();
    let write = async move { producer.begin(call, plan).await.finish().await };
    match (ends, client) {
        (Ends::NeverAndLate, Some(client)) => {
            let in_flight = InFlight::enter(behind);
            tokio::spawn(async move {
                client.has_gone().await;
                write.await;
                drop(in_flight);
            });
        }
        _ => write.await,
    }
    match ends {
        Ends::InError => error(StatusCode::INTERNAL_SERVER_ERROR, 500, "Internal Server Error"),
        Ends::InReset => unanswered(Ending::BreakOff),
        Ends::Never | Ends::NeverAndLate => unanswered(Ending::Silence),
    }
}

/// A response that is not sent.
fn unanswered(ending: Ending) -> Answer {
    let mut response = Response::new(Full::new(Bytes::new()));
    response.extensions_mut().insert(ending);
    response
}
