//! Procedures that do something to boxes in containers.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::absent::{GATEWAY, Outage, later, returns, stays_open};
use super::ground::Ground;
use super::{ground_at, order, stopped};
use crate::app::golden::ReplayError;
use crate::app::rest::contained::Hands;
use crate::app::rest::error::RestError;
use crate::app::rest::place::Place;
use crate::conform::rest::{Account, Procedure, ProcedureCase};
use crate::load::Target;
use crate::scenario::{Protocol, TlsSettings};
use crate::stack::{Stack, StackError};

/// How long a procedure may take with boxes whose time passes as everybody's: a Kafka that comes back, and a proxy that finds
/// that out. A proxy that does not answer is not waited for so long: then it is the boxes that need more time.
const LIMIT: Duration = Duration::from_mins(4);
/// How long a request may take from this machine into a proxy's hands.
const UNDER_WAY: Duration = Duration::from_secs(1);
/// How long a process may take to heed a signal that it has. A proxy that waits for what it has in hand does so for a second
/// (`shutdown.graceful.ms`).
const WORD: Duration = Duration::from_millis(200);

/// Carries out a procedure that needs more than a proxy that runs. Whatever it comes to, the boxes run afterwards.
pub(super) async fn by_hand(
    case: &ProcedureCase,
    patience: Duration,
    hands: &Hands<'_>,
    place: &Place,
    topics: &[String],
) -> Result<Account, RestError> {
    let mut endpoints = Vec::new();
    for url in &hands.contained.proxies {
        let target = Target::resolve(url, &[], &TlsSettings::default(), Protocol::Http1).await;
        endpoints.push(target.map_err(ReplayError::from)?);
    }
    let mut ground = ground_at(place, endpoints, topics, patience);
    let done = timeout(LIMIT, Box::pin(carried_out(case, hands, &mut ground))).await;
    back(case, hands)
        .await
        .map_err(|source| RestError::NotBack { case: case.id.clone(), source: Box::new(source) })?;
    done.unwrap_or(Err(RestError::TooLong(LIMIT)))
}

/// Brokers go on, and run, and so does the proxy that was told to stop, however far the procedure came.
async fn back(case: &ProcedureCase, hands: &Hands<'_>) -> Result<(), StackError> {
    let Hands { stack, scenario, contained } = hands;
    stack.start_brokers().await?;
    if case.procedure == Procedure::StoppedInHand {
        let last = contained.proxies.len().saturating_sub(1);
        // It may be about to end.
        stack.stop_proxy(last).await?;
        stack.start_proxy_again(scenario, last, false).await?;
    }
    Ok(())
}

async fn carried_out(
    case: &ProcedureCase,
    hands: &Hands<'_>,
    ground: &mut Ground,
) -> Result<Account, RestError> {
    let api = case.api;
    let outage = Outage::Containers(hands.stack);
    match case.procedure {
        Procedure::BrokerReturns => returns(ground, &outage, api).await,
        Procedure::PortStaysOpen => stays_open(ground, &outage).await,
        Procedure::LaterThanGateway => later(ground, &outage, GATEWAY, api).await,
        Procedure::StoppedInHand => Box::pin(in_hand(hands.stack, ground, case)).await,
        Procedure::TopicOfAnother => {
            let topic = format!("landfall-made-by-{}", uuid::Uuid::new_v4().simple());
            order::topic_of_another(ground, &topic, api).await
        }
        // Requests go to one of the ground's replicas and the other. What the others try needs no hand, so they never come here.
        Procedure::TwoReplicas
        | Procedure::SequentialOrder
        | Procedure::ConcurrentIsolation
        | Procedure::DisconnectAfterRequest
        | Procedure::DisconnectAmidRequest
        | Procedure::ManyRecords
        | Procedure::KeepAlive
        | Procedure::FullDuplex
        | Procedure::SameAgain
        | Procedure::SerialBlocking
        | Procedure::Acknowledgements => order::sequential(ground, api).await,
    }
}

/// The last of the proxies is told to stop with a request in hand: one that it cannot answer before Kafka does.
async fn in_hand(stack: &Stack, ground: &mut Ground, case: &ProcedureCase) -> Result<Account, RestError> {
    let last = ground.endpoints.len().saturating_sub(1);
    ground.endpoints.drain(..last);
    let ground = &*ground;
    stack.pause_brokers().await?;
    let answered = AtomicBool::new(false);
    let stopping = async {
        sleep(UNDER_WAY).await;
        if answered.load(Relaxed) {
            return Err(RestError::NothingInHand);
        }
        stack.tell_proxy_to_stop(last).await?;
        sleep(WORD).await;
        stack.start_brokers().await?;
        Ok(stack.until_proxy_stops(last).await?)
    };
    stopped::told(ground, case.api, &answered, stopping).await
}
