//! Attaching to a gateway that is deployed: it and what is behind it are somebody else's, but for Kafka, which landfall reads.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;

use super::{Stack, StackError, external};
use crate::scenario::{GatewaySpec, Scenario};

/// How long Kafka may take to tell its cluster's id.
const ASK: Duration = Duration::from_secs(10);

impl Stack {
    /// The load goes to the scenario's external gateway.
    pub(super) async fn attach_to_gateway(&mut self, scenario: &Scenario) -> Result<(), StackError> {
        let GatewaySpec::External { url, tls, cluster_id } = &scenario.stack.gateway else { return Ok(()) };
        let since = Instant::now();
        reach(url).await?;
        self.produce_url.clone_from(url);
        self.produce_tls = tls.clone();
        self.external_proxy = Some(url.clone());
        self.gateway_is_deployed = true;
        self.cluster_id.clone_from(cluster_id);
        // Nobody may ask the proxy through a gateway that lets produce calls pass only; Kafka tells the same.
        if cluster_id.is_none() && scenario.workloads.iter().any(|workload| workload.format.is_v3()) {
            let id = self.id_of_kafka().await;
            let bootstrap = || self.kafka.bootstrap.clone();
            self.cluster_id = Some(id.ok_or_else(|| StackError::NoClusterId { bootstrap: bootstrap() })?);
        }
        self.up("gateway", "external", Some(url.clone()), since);
        Ok(())
    }

    async fn id_of_kafka(&self) -> Option<String> {
        let kafka = self.kafka.clone();
        let asked = tokio::task::spawn_blocking(move || {
            kafka.asker("landfall-admin", &[]).ok()?.client().fetch_cluster_id(ASK)
        });
        asked.await.ok().flatten()
    }
}

/// Makes sure that something accepts connections at the gateway's URL.
pub(super) async fn reach(url: &str) -> Result<(), StackError> {
    match external::reach_proxy(url).await {
        Err(StackError::ProxyUnreachable { url, reason }) => {
            Err(StackError::GatewayUnreachable { url, reason })
        }
        other => other.map(drop),
    }
}
