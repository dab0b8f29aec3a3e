//! REST proxies of any image, configured by adapters.

use std::net::{Ipv4Addr, SocketAddr};

use super::adapter::{Values, filled};
use super::faults::Replica;
use super::kafka::{CA_FILE, Cluster};
use super::ready::{try_ready, until_ready};
use super::{Containers, Running, StackError, report};
use crate::result::ContainerReport;
use crate::scenario::{ProxyContainer, Ready};
use crate::secret::Secret;
use crate::stack::secrets::hidden;

/// What a process ends with that was killed: 128 and the number of SIGKILL.
const KILLED: i64 = 137;
/// Where the schema registry would be.
const REGISTRY: &str = "http://registry:8081";

impl Containers {
    /// Starts one replica, or only makes it, as a spare. Gives where it is reached, and what results say of it. It may not be
    /// ready yet.
    pub(in crate::stack) async fn start_proxy(
        &mut self,
        spec: &ProxyContainer,
        (number, spare): (u16, bool),
        env: &[(String, Secret)],
    ) -> Result<(SocketAddr, ContainerReport), StackError> {
        let name = format!("proxy-{number}");
        self.stop_within = spec.adapter.stop_within;
        self.hide(hidden(&spec.env, env));
        let image = self.image(&name, &spec.image).await?;
        let limits = self.check_limits(&name, spec.resources)?;
        let cluster = self.cluster.clone();
        let values = cluster.as_ref().map(|cluster| values(spec, number, &name, cluster)).unwrap_or_default();
        let authority = cluster.as_ref().map(|cluster| cluster.inside.authority.as_str());
        let adapter = &spec.adapter;
        let made = filled(adapter, &name, (&image, limits), (&values, authority), env)?;
        let Running { container, port } = self.run((adapter.port, !spare), |_| Ok(made.clone())).await?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let replicas = if spare { &mut self.spares } else { &mut self.proxies };
        replicas.push(Replica { number, container, address, limits });
        let profile =
            adapter.profile.as_ref().map(|profile| profile.replace("{release}", spec.profile.latest()));
        Ok((address, ContainerReport { profile, ..report(&image, spec.resources) }))
    }

    /// Returns when the replica with this number is ready.
    pub(in crate::stack) async fn proxy_is_ready(
        &self,
        spec: &ProxyContainer,
        number: u16,
    ) -> Result<(), StackError> {
        let Some(replica) = self.proxies.iter().find(|replica| replica.number == number) else {
            return Ok(());
        };
        // With a flaw the question is whether it writes, whatever else would do.
        let flawed = self.cluster.as_ref().is_some_and(|cluster| cluster.flaw.is_some());
        let ready = if flawed { &Ready::Produce } else { &spec.adapter.ready };
        let address = replica.address;
        until_ready(&replica.container, spec.start_within, &self.redaction, || try_ready(ready, address))
            .await
    }

    /// Asks all replicas to stop, those that were started later too, and kills those that do not in their time. False where
    /// one may still run.
    pub(in crate::stack) async fn stop_proxies(&self) -> bool {
        let all = self.proxies.iter().chain(&self.spares);
        let stops = all.map(|replica| replica.container.stop(self.stop_within));
        let mut stopped = futures_util::future::join_all(stops).await.iter().all(Result::is_ok);
        for replica in self.proxies.iter().chain(&self.spares) {
            let killed = replica.container.state().await.is_ok_and(|state| state.exit_code == Some(KILLED));
            let name = replica.container.name();
            if killed && !self.events.is_down(name) {
                self.events.tell(format!(
                    "{name} did not stop within {} s when it was asked to, and was killed: what it had in hand cannot land any \
                     more",
                    self.stop_within.as_secs()
                ));
                stopped = false;
            }
        }
        stopped
    }
}

/// What stands for an adapter's placeholders.
fn values(spec: &ProxyContainer, number: u16, name: &str, cluster: &Cluster) -> Values {
    let inside = &cluster.inside;
    [
        ("bootstrap", Secret::new(inside.bootstrap.clone())),
        ("ca.file", Secret::new(CA_FILE)),
        ("name", Secret::new(name)),
        ("port", Secret::new(spec.adapter.port.to_string())),
        ("profile", Secret::new(spec.profile.name())),
        ("registry", Secret::new(REGISTRY)),
        ("release", Secret::new(spec.profile.latest())),
        ("replica", Secret::new(number.to_string())),
        ("replicas", Secret::new(spec.replicas.to_string())),
        ("sasl.jaas", inside.jaas()),
        ("sasl.mechanism", Secret::new(inside.mechanism.name())),
        ("sasl.password", inside.password.clone()),
        ("sasl.username", Secret::new(inside.username)),
        ("security.protocol", Secret::new("SASL_SSL")),
    ]
    .into()
}
