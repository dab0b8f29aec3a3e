//! Faults of containers: stopped, killed, paused, restarted one after another, one more and one fewer, while the load runs.
//!
//! A fault counts a container when the engine has said that it did to it what it was asked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::bounds;
use super::events::{Events, Newcomer};
use super::kafka::Cluster;
use super::ready::{try_ready, until_ready};
use super::showing::Shown;
use super::{Containers, StackError};
use crate::doubles::balancer::{Balancer, TargetError};
use crate::doubles::fault::Injector;
use crate::engine::{Container, EngineError, Limits, LogFile, Redaction};
use crate::kafka::admin::AdminError;
use crate::scenario::{FaultKind, ProxyContainer, Ready};

/// How long a broker may take until it knows the others again.
pub(super) const BROKER_BACK: Duration = Duration::from_mins(2);
/// How long a broker may take to stop by itself: it hands over what it leads first.
const BROKER_GRACE: Duration = Duration::from_secs(30);

/// A proxy that faults may befall.
#[derive(Clone)]
pub(super) struct Replica {
    pub(super) number: u16,
    pub(super) container: Container,
    pub(super) address: SocketAddr,
    pub(super) limits: Limits,
}

/// What faults of proxies need to know.
#[derive(Clone)]
struct Proxies {
    replicas: Vec<Replica>,
    balancer: Weak<Balancer>,
    ready: Ready,
    stop_within: Duration,
    start_within: Duration,
    redaction: Redaction,
}

/// One fault on its way.
struct Course {
    injector: Arc<Injector>,
    events: Events,
}

impl Course {
    /// A moment of the load, in words.
    fn since(from: Instant, at: Instant) -> String {
        format!("{:.1} s", at.saturating_duration_since(from).as_secs_f64())
    }

    /// How long the load has run.
    fn now(&self) -> Duration {
        // No fault befalls anybody before the load has begun.
        self.injector.since_start(Instant::now()).unwrap_or_default()
    }

    /// Says what came of `what`; true if it was done.
    fn told(&self, name: &str, what: &str, outcome: Result<(), impl std::fmt::Display>) -> bool {
        match outcome {
            Ok(()) => {
                self.injector.took_effect(1);
                let at = self.now().as_secs_f64();
                self.events.tell(format!("{name} was {what}, {at:.1} s after the load began"));
                true
            }
            Err(error) => {
                self.events.fail(format!(
                    "the fault `{}` could not be shown to {name}: {error}",
                    self.injector.kind().name()
                ));
                false
            }
        }
    }

    /// Lets a container end by `end`, which is known to be meant before it happens: nobody may take it for one that has ended by
    /// itself, even if the load ends in between.
    async fn takes_down(
        &self,
        container: &Container,
        what: &str,
        end: impl Future<Output = Result<(), EngineError>>,
    ) -> bool {
        self.events.set_down(container.name(), true);
        let done = self.told(container.name(), what, end.await);
        if !done {
            self.events.set_down(container.name(), false);
        }
        done
    }

    /// Waits for the window's beginning, and gives its end.
    async fn begin(&self) -> Instant {
        let (from, to) = self.injector.window().await;
        tokio::time::sleep_until(from.into()).await;
        to
    }
}

impl Containers {
    /// Shows the faults of `injectors` that befall containers, each at its time after the load's start.
    pub(in crate::stack) fn show_faults(
        &mut self,
        injectors: &[Arc<Injector>],
        spec: Option<&ProxyContainer>,
        balancer: Weak<Balancer>,
        first_topic: &str,
    ) {
        let proxies = spec.map(|spec| Proxies {
            replicas: self.proxies.clone(),
            balancer,
            ready: self.ready_of(&spec.adapter),
            stop_within: spec.adapter.stop_within,
            start_within: spec.start_within,
            redaction: self.redaction.clone(),
        });
        let mut spares = self.spares.clone().into_iter();
        for injector in injectors.iter().filter(|injector| injector.kind().is_of_containers()) {
            let course = Course { injector: injector.clone(), events: self.events.clone() };
            let kind = injector.kind();
            let task = match (kind, &proxies, &self.cluster) {
                (
                    FaultKind::BrokerStop | FaultKind::BrokerKill | FaultKind::BrokerPause,
                    _,
                    Some(cluster),
                ) => tokio::spawn(befall_broker(
                    course,
                    cluster.clone(),
                    first_topic.to_owned(),
                    self.redaction.clone(),
                )),
                (FaultKind::RollingRestart, Some(proxies), _) => tokio::spawn(roll(course, proxies.clone())),
                (FaultKind::ScaleOut, Some(proxies), _) => {
                    let Some(spare) = spares.next() else { continue };
                    tokio::spawn(scale_out(course, proxies.clone(), spare, self.folder.clone()))
                }
                (FaultKind::ScaleIn, Some(proxies), _) => tokio::spawn(scale_in(course, proxies.clone())),
                (_, Some(proxies), _) => tokio::spawn(befall_proxy(course, proxies.clone())),
                _ => continue,
            };
            let of = match (kind, &proxies) {
                (FaultKind::RollingRestart, Some(proxies)) => proxies.replicas.len() as u64,
                _ => 1,
            };
            self.showing.add(Shown { injector: injector.clone(), of, task });
        }
    }
}

/// Does to a container what the fault says, and undoes it when the window ends.
async fn befall(
    course: &Course,
    container: &Container,
    grace: Duration,
    before_start: impl FnOnce(),
) -> bool {
    let to = course.begin().await;
    let began = Instant::now();
    let name = container.name();
    if container.state().await.is_ok_and(|state| !state.running) {
        return course.told(name, "", Err("it does not run"));
    }
    let (what, done) = match course.injector.kind() {
        FaultKind::ContainerStop | FaultKind::BrokerStop => {
            ("stopped", course.takes_down(container, "stopped", container.stop(grace)).await)
        }
        FaultKind::ContainerKill | FaultKind::BrokerKill => {
            ("killed", course.takes_down(container, "killed", container.kill()).await)
        }
        _ => ("paused", course.told(name, "paused", container.pause().await)),
    };
    if !done {
        return false;
    }
    tokio::time::sleep_until(to.into()).await;
    before_start();
    let (undone, outcome) = match what {
        "paused" => ("went on", container.unpause().await),
        _ => ("was started again", container.start().await),
    };
    let took = Course::since(began, Instant::now());
    match outcome {
        Ok(()) => {
            course.events.set_down(name, false);
            course.events.tell(format!("{name} {undone} {took} after it was {what}"));
            true
        }
        Err(error) => {
            course.events.fail(format!("{name} is still {what}: {error}"));
            false
        }
    }
}

async fn befall_proxy(course: Course, proxies: Proxies) {
    let number = course.injector.fault().replica.unwrap_or(1);
    let Some(replica) = proxies.replicas.iter().find(|replica| replica.number == number) else { return };
    // Where it was stopped, it gets connections again when it is ready: the engine's own proxy takes them before.
    let stops = course.injector.kind() != FaultKind::ContainerPause;
    let out = {
        let (proxies, address) = (proxies.clone(), replica.address);
        move || {
            if stops {
                proxies.balance(|balancer| balancer.drain(address));
            }
        }
    };
    if befall(&course, &replica.container, proxies.stop_within, out).await
        && proxies.tell_when_ready(&course, replica).await
        && stops
    {
        proxies.balance(|balancer| balancer.restore(replica.address));
    }
}

async fn befall_broker(course: Course, cluster: Arc<Cluster>, topic: String, redaction: Redaction) {
    // Who leads is looked up shortly before: it may have changed since the path came up.
    let (from, _) = course.injector.window().await;
    tokio::time::sleep_until(from.into()).await;
    let number = match course.injector.fault().replica {
        Some(number) => number,
        None => match cluster.leader_of(&topic).await {
            Ok(leader) => leader,
            Err(error) => {
                course.told("Kafka", "", Err(error));
                return;
            }
        },
    };
    let Some(broker) = cluster.brokers.get(usize::from(number).wrapping_sub(1)) else { return };
    if befall(&course, &broker.container, BROKER_GRACE, || {}).await {
        match cluster.until_known(usize::from(number) - 1, BROKER_BACK, &redaction).await {
            Ok(()) => course.events.tell(format!("{} knows all brokers again", broker.container.name())),
            Err(error) => {
                course.events.fail(format!("{} did not come back: {error}", broker.container.name()));
            }
        }
    }
}

impl Proxies {
    /// Returns when a replica is ready again, and says how long that took.
    async fn tell_when_ready(&self, course: &Course, replica: &Replica) -> bool {
        let began = Instant::now();
        let name = replica.container.name();
        match self.ready(replica).await {
            Ok(()) => {
                let took = Course::since(began, Instant::now());
                course.events.tell(format!("{name} could be used again {took} later"));
                true
            }
            Err(error) => {
                course.events.fail(format!("{name} did not become ready again: {error}"));
                false
            }
        }
    }

    async fn ready(&self, replica: &Replica) -> Result<(), StackError> {
        let address = replica.address;
        until_ready(&replica.container, self.start_within, &self.redaction, || {
            try_ready(&self.ready, address)
        })
        .await
    }

    /// Does something to the balancer, if it is still there.
    fn balance(&self, change: impl FnOnce(&Balancer) -> Result<(), TargetError>) {
        if let Some(balancer) = self.balancer.upgrade() {
            // A target that is not known is one that another fault has taken away.
            let _ = change(&balancer);
        }
    }
}

async fn roll(course: Course, proxies: Proxies) {
    course.begin().await;
    let began = Instant::now();
    for replica in &proxies.replicas {
        proxies.balance(|balancer| balancer.drain(replica.address));
        let container = &replica.container;
        if !course.takes_down(container, "stopped", container.stop(proxies.stop_within)).await {
            return;
        }
        if let Err(error) = container.start().await {
            course.events.fail(format!("{} is still stopped: {error}", container.name()));
            return;
        }
        course.events.set_down(container.name(), false);
        if !proxies.tell_when_ready(&course, replica).await {
            return;
        }
        proxies.balance(|balancer| balancer.restore(replica.address));
    }
    course.events.tell(format!("the rolling restart took {}", Course::since(began, Instant::now())));
}

async fn scale_out(course: Course, proxies: Proxies, spare: Replica, folder: PathBuf) {
    course.begin().await;
    let began = Instant::now();
    let name = spare.container.name().to_owned();
    if let Err(error) = spare.container.start().await {
        course.told(&name, "", Err(error));
        return;
    }
    course.events.comes(&name, Newcomer { since: course.now(), took: None });
    match bounds::verify(&spare.container, spare.limits).await {
        Ok(note) => note.into_iter().for_each(|note| course.events.tell(note)),
        Err(error) => {
            course.told(&name, "", Err(error));
            return;
        }
    }
    // Followed as long as the run lasts.
    let log = LogFile::follow(&spare.container, &folder, proxies.redaction.clone());
    match proxies.ready(&spare).await {
        Ok(()) => {
            proxies.balance(|balancer| balancer.add(spare.address));
            course.events.comes(&name, Newcomer { since: course.now(), took: Some(began.elapsed()) });
            let took = Course::since(began, Instant::now());
            course.told(
                &name,
                &format!("taken into service {took} after it was started"),
                Ok::<(), String>(()),
            );
        }
        Err(error) => drop(course.told(&name, "", Err(error))),
    }
    if let Ok(_log) = log {
        std::future::pending::<()>().await;
    }
}

async fn scale_in(course: Course, proxies: Proxies) {
    let to = course.begin().await;
    let last = proxies.replicas.last().map_or(1, |replica| replica.number);
    let number = course.injector.fault().replica.unwrap_or(last);
    let Some(replica) = proxies.replicas.iter().find(|replica| replica.number == number) else { return };
    proxies.balance(|balancer| balancer.drain(replica.address));
    tokio::time::sleep_until(to.into()).await;
    let container = &replica.container;
    let stop = container.stop(proxies.stop_within);
    course.takes_down(container, "taken out of service and stopped", stop).await;
}

impl Cluster {
    /// The number of the broker that leads the topic's first partition.
    async fn leader_of(&self, topic: &str) -> Result<u16, AdminError> {
        let mut last = None;
        for place in 0..self.brokers.len() {
            let asked = match self.admin(place).await {
                Ok(mut admin) => admin.leaders(topic).await,
                Err(error) => Err(error),
            };
            match asked {
                // Where nobody leads at the moment, any broker is as good.
                Ok(leaders) => {
                    let leader = leaders.first().and_then(|leader| u16::try_from(*leader).ok());
                    return Ok(leader.unwrap_or(1));
                }
                Err(error) => last = Some(error),
            }
        }
        last.map_or(Ok(1), Err)
    }
}
