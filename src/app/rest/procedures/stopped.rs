//! A proxy that is told to stop while it has a request in hand.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::TcpStream;

use super::at_once::one;
use super::ground::{Ground, json, records};
use super::own::{Own, Wanted, lateness};
use crate::app::golden::Embedded;
use crate::app::rest::error::RestError;
use crate::conform::rest::{Account, Entry, Particulars, Procedure};
use crate::wire::produce::Api;

/// How often it is looked whether the request is in hand.
const LOOK: Duration = Duration::from_millis(1);

pub(super) async fn in_hand(embedded: &Embedded, api: Api, limit: Duration) -> Result<Account, RestError> {
    let topics = Procedure::StoppedInHand.topics();
    // Late enough for the proxy to be told meanwhile.
    let faults = vec![lateness()];
    let mut own = Own::start(Wanted { embedded, topics, replicas: 1, faults, limit }).await?;
    let proxy = own.proxies.remove(0);
    let stopping = async move {
        while proxy.in_flight() == 0 {
            tokio::time::sleep(LOOK).await;
        }
        proxy.stop().await;
        Ok(())
    };
    told(&own.ground, api, &AtomicBool::new(false), stopping).await
}

/// Sends a request to a proxy that is told to stop while it has it in hand: `stopping` sees to that, and returns when the proxy
/// has stopped; `answered` tells it whether the request has come to its end already.
pub(super) async fn told(
    ground: &Ground,
    api: Api,
    answered: &AtomicBool,
    stopping: impl Future<Output = Result<(), RestError>>,
) -> Result<Account, RestError> {
    let entries = vec![Entry::of(0, 0, None)];
    let asked = async {
        let what = "the request in hand".to_owned();
        let sending = one(ground, what, &ground.topics[0], json(api), entries).await;
        answered.store(true, Relaxed);
        sending
    };
    let (sending, stopped) = tokio::join!(asked, stopping);
    stopped?;
    let takes = TcpStream::connect(ground.endpoint().addresses.as_slice()).await.is_ok();
    let sendings = vec![sending];
    let landed = ground.landed(&ground.topics, records(&sendings)).await?;
    Ok(Account { sendings, landed, particulars: Particulars::Stopped(takes), ..Account::default() })
}
