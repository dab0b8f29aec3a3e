//! How it is established that what has not landed never will: by who tells that he has nothing in hand, and by waiting for the others.

use std::time::{Duration, Instant};

use super::{Doubles, Stack};
use crate::doubles::authorizer::Authorizer;
use crate::doubles::gateway::Gateway;
use crate::doubles::proxy::Proxy;
use crate::scenario::{FaultKind, KafkaSpec, ProxySpec, Scenario};

/// How long an external path may go on working on a request after nobody waits for it any more: a Java
/// producer's `delivery.timeout.ms` of two minutes, and something for the way.
const EXTERNAL_GRACE: Duration = Duration::from_secs(130);
/// The same where only Kafka is external: landfall's own proxy tells when it is done.
const EXTERNAL_KAFKA_GRACE: Duration = Duration::from_secs(10);
/// How long a Kafka in containers may take to write what proxies had sent it that were stopped. One elsewhere, of which nobody
/// knows what befalls it, gets [`EXTERNAL_KAFKA_GRACE`].
const REST: Duration = Duration::from_secs(3);
/// How long the doubles may take to finish what they have in hand.
const QUIESCE_LIMIT: Duration = Duration::from_mins(3);
/// How long those before the proxies may take to pass on what these have answered: it is a matter of moments, and clients that
/// keep their connections are not waited for any longer.
const PASSING_ON: Duration = Duration::from_millis(300);
/// How often they are asked.
const QUIESCE_POLL: Duration = Duration::from_millis(25);

/// How it is established that what has not landed never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// Whether the proxies are landfall's own, so that they tell when they have nothing in hand.
    pub proxies_tell: bool,
    /// Whether Kafka is too: then what the proxies have finished stands in the topics, or never will.
    pub kafka_tells: bool,
    /// Otherwise, how long is waited after that.
    pub grace: Duration,
    /// Where the proxies can be stopped: how long after that Kafka may take to write what they had sent it. Then nothing lands
    /// any more, and the rest of the grace is of no use.
    pub rest: Option<Duration>,
}

impl Settling {
    /// How absence is to be established on the scenario's path.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let embedded_proxy = matches!(scenario.stack.proxy, ProxySpec::Embedded { .. });
        let embedded_kafka = matches!(scenario.stack.kafka, KafkaSpec::Embedded { .. });
        let derived = match (embedded_proxy, embedded_kafka) {
            (true, true) => Duration::ZERO,
            (true, false) => EXTERNAL_KAFKA_GRACE,
            (false, _) => EXTERNAL_GRACE,
        };
        let is_of_brokers = |kind: FaultKind| kind.is_of_containers() && kind.box_name() == "kafka";
        // Who says how long to wait wants that to be waited.
        // A broker that comes back shows more than it did before, and takes its time for it.
        let stops = matches!(scenario.stack.proxy, ProxySpec::Container(_))
            && scenario.grace.is_none()
            && !scenario.faults.iter().any(|fault| is_of_brokers(fault.kind));
        Self {
            proxies_tell: embedded_proxy,
            kafka_tells: embedded_proxy && embedded_kafka,
            grace: scenario.grace.unwrap_or(derived),
            rest: stops.then_some(match scenario.stack.kafka {
                KafkaSpec::Container(_) => REST,
                KafkaSpec::Embedded { .. } | KafkaSpec::External { .. } => EXTERNAL_KAFKA_GRACE,
            }),
        }
    }
}

impl Stack {
    /// Waits until no double has a request in hand. False where one still had after three minutes.
    pub async fn quiesce(&self) -> bool {
        until_quiet(QUIESCE_LIMIT, || self.in_flight()).await
    }

    /// Tells landfall's own proxies to stop, and returns when they have answered what they have in hand, or have had their time.
    pub async fn stop_own_proxies(&mut self) {
        let proxies = std::mem::take(&mut self.doubles.proxies);
        futures_util::future::join_all(proxies.into_iter().map(Proxy::stop)).await;
    }

    /// Returns when those before the proxies have passed on what these have answered: with proxies of landfall's own that have
    /// stopped, when no connection to one is left. It is not waited for long, since a client may not take its answer.
    pub async fn until_passed_on(&self) {
        let Doubles { gateway, balancer, .. } = &self.doubles;
        let balancer = balancer.as_ref().filter(|_| self.settling.proxies_tell);
        let held = || {
            gateway.as_ref().map_or(0, Gateway::in_flight)
                + balancer.map_or(0, |balancer| balancer.connections())
        };
        until_quiet(PASSING_ON, held).await;
    }

    fn in_flight(&self) -> u64 {
        let Doubles { gateway, authorizer, functions, balancer, proxies, .. } = &self.doubles;
        gateway.as_ref().map_or(0, Gateway::in_flight)
            + authorizer.as_ref().map_or(0, Authorizer::in_flight)
            + functions.iter().map(|(_, function)| function.in_flight()).sum::<u64>()
            + balancer.as_ref().map_or(0, |balancer| balancer.in_flight())
            + proxies.iter().map(Proxy::in_flight).sum::<u64>()
    }
}

/// Returns when nothing is in hand, twice in a row: a request on its way from one double to the next is in nobody's hand. False where
/// that did not come within `limit`.
async fn until_quiet(limit: Duration, in_hand: impl Fn() -> u64) -> bool {
    let deadline = Instant::now() + limit;
    let mut quiet = 0;
    while quiet < 2 {
        if Instant::now() >= deadline {
            return false;
        }
        quiet = if in_hand() == 0 { quiet + 1 } else { 0 };
        tokio::time::sleep(QUIESCE_POLL).await;
    }
    true
}
