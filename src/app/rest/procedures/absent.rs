//! What proxies do while something is not there: Kafka, or a topic.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep_until, timeout_at};

use super::at_once::one;
use super::ground::{Ground, get, json, look, records};
use super::own::{Own, Wanted, absence};
use crate::app::golden::Embedded;
use crate::app::rest::error::RestError;
use crate::conform::rest::{Account, Came, Entry, Look, Particulars, Procedure, Sending};
use crate::doubles::fault::Injector;
use crate::stack::Stack;
use crate::wire::produce::Api;

/// How often it is looked whether the broker has gone.
const FELT: Duration = Duration::from_millis(1);
/// For how long the broker is away, and how long it may take until that is felt.
const AWAY: Duration = Duration::from_secs(1);
/// Longer than any procedure takes.
const FOR_GOOD: Duration = Duration::from_hours(1);
/// How long Java's client waits for a topic that it does not know (`max.block.ms`).
const MAX_BLOCK: Duration = Duration::from_mins(1);
/// How many times faster that passes here.
const SCALE: u32 = 60;
/// How long a gateway waits for its back end at most (Amazon API Gateway, integration time-out).
pub(super) const GATEWAY: Duration = Duration::from_secs(29);
/// How many times longer the broker is away.
const LONGER: u32 = 2;

/// One record, as the request with this number.
async fn record(ground: &Ground, what: &str, api: Api, number: usize) -> Sending {
    one(ground, what.to_owned(), &ground.topics[0], json(api), vec![Entry::of(number, 0, None)]).await
}

/// The same, while it is not certain that it can be written.
fn in_doubt(sending: Sending) -> Sending {
    let came = match sending.came {
        Came::Answer(answer) => Came::InDoubt(Ok(answer)),
        Came::Nothing(reason) => Came::InDoubt(Err(reason)),
        other => other,
    };
    Sending { came, ..sending }
}

/// A proxy and a broker that is away for so long, once it is let go.
async fn leaving(
    embedded: &Embedded,
    procedure: Procedure,
    length: Duration,
    limit: Duration,
) -> Result<(Own, Arc<Injector>), RestError> {
    let away = absence(length);
    let (topics, faults) = (procedure.topics(), vec![away.clone()]);
    Ok((Own::start(Wanted { embedded, topics, replicas: 1, faults, limit }).await?, away))
}

/// How Kafka goes away and comes back.
pub(super) enum Outage<'o> {
    /// A broker of landfall's own. That it is away is felt within so long, and it is back after that, if its fault ends at all.
    Fault(&'o Injector, Duration),
    /// Brokers in containers, which are started again.
    Containers(&'o Stack),
}

impl Outage<'_> {
    /// Lets Kafka go; returns once the proxy has lost its connections, with the time at which it has, and with what shows that
    /// it has not.
    async fn begin(&self) -> Result<(Instant, Option<Look>), RestError> {
        let (away, length) = match self {
            Self::Fault(away, length) => (away, *length),
            Self::Containers(stack) => {
                stack.kill_brokers().await?;
                return Ok((Instant::now(), None));
            }
        };
        let begun = Instant::now();
        away.start(begun);
        while away.injected() == 0 && begun.elapsed() < length {
            tokio::time::sleep(FELT).await;
        }
        let stayed = (away.injected() == 0).then(|| Look {
            what: "the broker".to_owned(),
            expected: Vec::new(),
            seen: Err("it had no connection of the proxy's to close, so nothing was tried".to_owned()),
        });
        Ok((Instant::now(), stayed))
    }

    /// Returns when Kafka, which went at this moment, can be reached again.
    async fn end(&self, gone: Instant) -> Result<(), RestError> {
        match self {
            Self::Fault(_, length) => sleep_until((gone + *length).into()).await,
            Self::Containers(stack) => stack.start_brokers().await?,
        }
        Ok(())
    }
}

/// The broker goes away and comes back.
pub(super) async fn broker_returns(
    embedded: &Embedded,
    api: Api,
    limit: Duration,
) -> Result<Account, RestError> {
    let (own, away) = leaving(embedded, Procedure::BrokerReturns, AWAY, limit).await?;
    returns(&own.ground, &Outage::Fault(&away, AWAY), api).await
}

/// The same, however it goes.
pub(super) async fn returns(ground: &Ground, outage: &Outage<'_>, api: Api) -> Result<Account, RestError> {
    let before = record(ground, "the request before", api, 0).await;
    let (gone, stayed) = outage.begin().await?;
    let during = record(ground, "the request meanwhile", api, 1);
    let root = get("/".to_owned());
    let alive = look("GET / while the broker is away", ground.endpoint(), &root, &[200], ground.limit);
    let returned = async {
        outage.end(gone).await?;
        Ok::<_, RestError>(record(ground, "the request after", api, 2).await)
    };
    let (during, alive, after) = tokio::join!(during, alive, returned);
    let sendings = vec![before, in_doubt(during), after?];
    let landed = ground.landed(&ground.topics, records(&sendings)).await?;
    let looks = stayed.into_iter().chain([alive]).collect();
    Ok(Account { sendings, landed, looks, ..Account::default() })
}

/// What tells that the broker is away, and what does not.
pub(super) async fn port_stays_open(embedded: &Embedded, limit: Duration) -> Result<Account, RestError> {
    let (own, away) = leaving(embedded, Procedure::PortStaysOpen, FOR_GOOD, limit).await?;
    stays_open(&own.ground, &Outage::Fault(&away, AWAY)).await
}

/// The same, however it goes. It need not come back.
pub(super) async fn stays_open(ground: &Ground, outage: &Outage<'_>) -> Result<Account, RestError> {
    let (endpoint, limit) = (ground.endpoint(), ground.limit);
    let (root, topics) = (get("/".to_owned()), get("/topics".to_owned()));
    let before = look("GET /topics before the broker goes", endpoint, &topics, &[200], limit).await;
    let (gone, stayed) = outage.begin().await?;
    let root = look("GET / while the broker is away", endpoint, &root, &[200], limit);
    let topics = async {
        loop {
            let told = "GET /topics while the broker is away";
            let seen = look(told, endpoint, &topics, &[500, 503, 504], limit).await;
            // Not all connections have broken at the same moment.
            if seen.seen != Ok(200) || gone.elapsed() >= AWAY {
                break seen;
            }
        }
    };
    let (root, topics) = tokio::join!(root, topics);
    let looks = [before].into_iter().chain(stayed).chain([root, topics]).collect();
    Ok(Account { looks, ..Account::default() })
}

/// One record to a topic that is not there, and three.
pub(super) async fn serial_blocking(
    embedded: &Embedded,
    api: Api,
    limit: Duration,
) -> Result<Account, RestError> {
    let embedded = &Embedded { time_scale: SCALE, ..embedded.clone() };
    let topics = Procedure::SerialBlocking.topics();
    let own = Own::start(Wanted { embedded, topics, replicas: 1, faults: Vec::new(), limit }).await?;
    let mut sendings = Vec::new();
    for (number, (what, count)) in
        [("the request of one record", 1), ("the request of three records", 3)].into_iter().enumerate()
    {
        let entries = (0..count).map(|record| Entry::of(number, record, None)).collect();
        sendings.push(one(&own.ground, what.to_owned(), "landfall-absent", json(api), entries).await);
    }
    Ok(Account { sendings, particulars: Particulars::Waits(MAX_BLOCK / SCALE), ..Account::default() })
}

/// The broker is away for longer than a gateway waits, as the proxy's clock goes.
pub(super) async fn later_than_gateway(
    embedded: &Embedded,
    api: Api,
    limit: Duration,
) -> Result<Account, RestError> {
    let waits = GATEWAY / embedded.time_scale.max(1);
    let length = waits * LONGER;
    let (own, away) = leaving(embedded, Procedure::LaterThanGateway, length, limit).await?;
    later(&own.ground, &Outage::Fault(&away, length), waits, api).await
}

/// The same, however it goes; a gateway waits for so long.
pub(super) async fn later(
    ground: &Ground,
    outage: &Outage<'_>,
    waits: Duration,
    api: Api,
) -> Result<Account, RestError> {
    let before = record(ground, "the request before", api, 0).await;
    let (begun, stayed) = outage.begin().await?;
    let mut working = std::pin::pin!(record(ground, "the request meanwhile", api, 1));
    let early = timeout_at((begun + waits).into(), &mut working).await.ok();
    let came = early.as_ref().map(|_| begun.elapsed());
    // A gateway has given up by now, which tells the proxy nothing.
    let during = if let Some(sending) = early {
        // What landed is asked of a Kafka that is there.
        outage.end(begun).await?;
        sending
    } else {
        let (during, returned) = tokio::join!(working, outage.end(begun));
        returned?;
        during
    };
    let sendings = vec![before, in_doubt(during)];
    let landed = ground.landed(&ground.topics, records(&sendings)).await?;
    let particulars = Particulars::Gateway(waits, came);
    Ok(Account { sendings, landed, looks: stayed.into_iter().collect(), particulars })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::rest::judge_procedure;
    use crate::scenario::ProxyRelease;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_ends_before_the_gateway_gives_up_is_judged_by_a_kafka_that_is_back() {
        let embedded = Embedded { release: ProxyRelease::default(), time_scale: 1, faults: Vec::new() };
        // Longer than it is tried in vain to read what landed.
        let length = Duration::from_secs(7);
        // The request ends since its client waits no longer.
        let limit = Duration::from_secs(1);
        let procedure = Procedure::LaterThanGateway;
        let (own, away) = leaving(&embedded, procedure, length, limit).await.unwrap();
        let account = later(&own.ground, &Outage::Fault(&away, length), length, Api::V2).await.unwrap();
        assert!(matches!(account.particulars, Particulars::Gateway(_, Some(came)) if came < length));
        assert!(!judge_procedure(procedure, &account).mismatches.is_empty(), "it came before");
    }
}
