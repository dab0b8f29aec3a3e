//! What a suite does to the containers by hand: brokers go and come back, a proxy is told to stop and is started again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::faults::{BROKER_BACK, Replica};
use super::kafka::{Broker, Cluster};
use super::ready::{try_ready, until_ready};
use super::{Containers, StackError};
use crate::engine::{Container, ContainerState};
use crate::scenario::{ProxyContainer, ProxySpec, Ready, Scenario};
use crate::stack::Stack;

/// How long a proxy may take to listen while Kafka is away, at least.
const ALONE: Duration = Duration::from_mins(1);
/// How long a broker may take to hear of topics that another has made.
const HEARD_OF: Duration = Duration::from_secs(30);
/// How often it is looked whether a proxy has stopped.
const LOOK: Duration = Duration::from_millis(50);

impl Stack {
    /// URLs of the proxies that are containers, past the balancer; none where they are none.
    #[must_use]
    pub fn proxies_in_containers(&self) -> Vec<String> {
        let addresses = self.containers.iter().flat_map(Containers::proxy_addresses);
        addresses.map(|address| format!("http://{address}")).collect()
    }

    /// Whether proxies in containers reach a schema registry.
    #[must_use]
    pub fn has_registry(&self) -> bool {
        self.containers.as_ref().is_some_and(|containers| containers.registry.is_some())
    }

    /// Whether the brokers are containers.
    #[must_use]
    pub fn has_brokers_in_containers(&self) -> bool {
        self.brokers().is_some()
    }

    /// Lets the proxies' user make, know and write the topics whose names begin so, where Kafka is in containers.
    ///
    /// # Errors
    /// [`StackError::KafkaAdmin`].
    pub async fn let_proxies_make(&self, prefix: &str) -> Result<(), StackError> {
        match self.brokers() {
            Some(cluster) => cluster.let_proxies_make(prefix).await,
            None => Ok(()),
        }
    }

    /// Returns when each of the brokers that are containers knows these topics, where there are several: one hears of a topic later
    /// than the one that has made it.
    ///
    /// # Errors
    /// [`StackError`], where one does not.
    pub async fn until_topics_are_known(&self, topics: &[String]) -> Result<(), StackError> {
        let (Some(cluster), Some(containers)) = (self.brokers(), &self.containers) else { return Ok(()) };
        let places = 0..cluster.brokers.len();
        for place in places.filter(|_| cluster.brokers.len() > 1) {
            let container = &cluster.brokers[place].container;
            until_ready(container, HEARD_OF, &containers.redaction, || async move {
                let mut admin = cluster.admin(place).await.map_err(|error| error.to_string())?;
                for topic in topics {
                    let led =
                        admin.leaders(topic).await.is_ok_and(|leaders| leaders.iter().all(|id| *id >= 0));
                    if !led {
                        return Err(format!("it does not know the topic `{topic}` yet"));
                    }
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// The brokers that are containers go without a word, all of them that run.
    ///
    /// # Errors
    /// [`StackError::Engine`].
    pub async fn kill_brokers(&self) -> Result<(), StackError> {
        let (Some(cluster), Some(containers)) = (self.brokers(), &self.containers) else { return Ok(()) };
        for Broker { container, .. } in &cluster.brokers {
            if containers.takes_down(container).await?.running {
                container.kill().await?;
            }
        }
        Ok(())
    }

    /// They come back, paused or killed. Returns when they know each other.
    ///
    /// # Errors
    /// [`StackError`], where one does not.
    pub async fn start_brokers(&self) -> Result<(), StackError> {
        let (Some(cluster), Some(containers)) = (self.brokers(), &self.containers) else { return Ok(()) };
        for Broker { container, .. } in &cluster.brokers {
            if container.state().await?.paused {
                container.unpause().await?;
            }
            container.start().await?;
            containers.events.set_down(container.name(), false);
        }
        for place in 0..cluster.brokers.len() {
            cluster.until_known(place, BROKER_BACK, &containers.redaction).await?;
        }
        Ok(())
    }

    /// The brokers that are containers take what they are sent, and answer nothing.
    ///
    /// # Errors
    /// [`StackError::Engine`].
    pub async fn pause_brokers(&self) -> Result<(), StackError> {
        for broker in self.brokers().iter().flat_map(|cluster| &cluster.brokers) {
            broker.container.pause().await?;
        }
        Ok(())
    }

    /// Asks the proxy at this place among those that are containers to stop. Returns when it has, or was killed.
    ///
    /// # Errors
    /// [`StackError::Engine`].
    pub async fn stop_proxy(&self, place: usize) -> Result<(), StackError> {
        let Some((containers, replica)) = self.replica(place) else { return Ok(()) };
        containers.takes_down(&replica.container).await?;
        Ok(replica.container.stop(containers.stop_within).await?)
    }

    /// Sends it the signal by which it is asked to stop. Returns when it has that, and may still run.
    ///
    /// # Errors
    /// [`StackError::Engine`].
    pub async fn tell_proxy_to_stop(&self, place: usize) -> Result<(), StackError> {
        let Some((containers, replica)) = self.replica(place) else { return Ok(()) };
        containers.takes_down(&replica.container).await?;
        Ok(replica.container.tell_to_stop().await?)
    }

    /// Returns when a proxy that was told to stop has, or was killed since it had not in its time.
    ///
    /// # Errors
    /// [`StackError::Engine`].
    pub async fn until_proxy_stops(&self, place: usize) -> Result<(), StackError> {
        let Some((containers, replica)) = self.replica(place) else { return Ok(()) };
        let begun = Instant::now();
        while replica.container.state().await?.running {
            if begun.elapsed() >= containers.stop_within {
                return Ok(replica.container.stop(Duration::ZERO).await?);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Starts it again. Returns when it can be used; where Kafka is away (`alone`), when it listens.
    ///
    /// # Errors
    /// [`StackError`], where it does not come up.
    pub async fn start_proxy_again(
        &self,
        scenario: &Scenario,
        place: usize,
        alone: bool,
    ) -> Result<(), StackError> {
        let ProxySpec::Container(spec) = &scenario.stack.proxy else { return Ok(()) };
        let Some((containers, replica)) = self.replica(place) else { return Ok(()) };
        replica.container.start().await?;
        let ProxyContainer { adapter, start_within, .. } = &**spec;
        let (ready, within) = if alone {
            (Ready::Tcp, ALONE.max(*start_within))
        } else {
            (containers.ready_of(adapter), *start_within)
        };
        let address = replica.address;
        until_ready(&replica.container, within, &containers.redaction, || try_ready(&ready, address)).await?;
        containers.events.set_down(replica.container.name(), false);
        Ok(())
    }

    fn brokers(&self) -> Option<&Cluster> {
        self.containers.as_ref()?.cluster().map(|cluster| &**cluster)
    }

    fn replica(&self, place: usize) -> Option<(&Containers, &Replica)> {
        let containers = self.containers.as_ref()?;
        Some((containers, containers.proxies.get(place)?))
    }
}

impl Containers {
    /// Notes that a container is about to be taken down, and before that whether it has ended by itself.
    pub(super) async fn takes_down(&self, container: &Container) -> Result<ContainerState, StackError> {
        let state = container.state().await?;
        self.note_end(container, &state);
        self.events.set_down(container.name(), true);
        Ok(state)
    }

    fn proxy_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.proxies.iter().map(|replica| replica.address)
    }
}
