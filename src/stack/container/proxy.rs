//! REST proxies of any image, configured by adapters.

use std::net::{Ipv4Addr, SocketAddr};

use super::adapter::{Values, filled};
use super::faults::Replica;
use super::inside::Inside;
use super::ready::{try_ready, until_ready};
use super::{Containers, Running, StackError, report};
use crate::result::ContainerReport;
use crate::scenario::{ProxyContainer, Ready};
use crate::secret::Secret;
use crate::stack::secrets::hidden;

/// What a process ends with that was killed: 128 and the number of SIGKILL.
const KILLED: i64 = 137;

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
        let inside = self.inside.clone();
        let mut values = inside.as_ref().map(Inside::values).unwrap_or_default();
        values.extend(of_registry(self.registry.as_deref()));
        values.extend(of_proxy(spec, number, &name));
        let authority = inside.as_ref().and_then(|inside| inside.authority.as_deref());
        let adapter = &spec.adapter;
        let made = filled(adapter, &name, (&image, limits), (&values, authority), env)?;
        let Running { container, port } = self.run((adapter.port, !spare), |_| Ok(made.clone())).await?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let replicas = if spare { &mut self.spares } else { &mut self.proxies };
        replicas.push(Replica { number, container, address, limits });
        Ok((address, ContainerReport { profile: spec.judged_by(), ..report(&image, spec.resources) }))
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
        let ready = if flawed { Ready::Produce } else { self.ready_of(&spec.adapter) };
        let address = replica.address;
        until_ready(&replica.container, spec.start_within, &self.redaction, || try_ready(&ready, address))
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

/// What stands for the placeholders that speak of the schema registry at this URL.
fn of_registry(url: Option<&str>) -> Values {
    let authority = url.and_then(|url| url.split_once("://")?.1.split('/').next());
    let parts = authority.and_then(|authority| authority.split_once(':'));
    [
        ("registry", url.map(Secret::new)),
        ("registry.host", parts.map(|(host, _)| Secret::new(host))),
        ("registry.port", parts.map(|(_, port)| Secret::new(port))),
    ]
    .into()
}

/// What stands for the placeholders that speak of the proxy itself.
fn of_proxy(spec: &ProxyContainer, number: u16, name: &str) -> Values {
    let text = |text: &str| Some(Secret::new(text));
    [
        ("name", text(name)),
        ("port", text(&spec.adapter.port.to_string())),
        ("profile", text(spec.profile.name())),
        ("release", text(spec.profile.latest())),
        ("replica", text(&number.to_string())),
        ("replicas", text(&spec.replicas.to_string())),
    ]
    .into()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::engine::{Limits, ResolvedImage};
    use crate::kafka::Access;
    use crate::scenario::{ADAPTERS, ProxySpec, Scenario, ScenarioError, parse};

    fn read(text: &str) -> Result<Scenario, ScenarioError> {
        parse(text, Path::new("x"), &[], &|_| unreachable!("it extends nothing"))
    }

    /// What the adapter that ships under this name tells a container of a Kafka with these properties, a line each.
    fn told(adapter: &str, properties: &[(&str, &str)]) -> Vec<String> {
        let text = format!(
            "version: 1\nname: x\nstack: {{ proxy: {{ kind: container, adapter: {adapter} }}, kafka: container }}\n\
             topics: [{{ name: t }}]\npartners: [{{ name: p, secret: generated }}]\nworkload: [{{ partner: p, topic: t, \
             format: v2-json, payload: {{ file: r }}, arrivals: {{ constant: 1/s }}, for: 1s }}]\n"
        );
        let ProxySpec::Container(spec) = read(&text).unwrap().stack.proxy else {
            panic!("it is a container")
        };
        let properties =
            properties.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        let access = Access { bootstrap: "k:9092".into(), properties };
        let topic = (("t".to_owned(), 1), false);
        let (inside, _) = Inside::elsewhere(&access, &["k".into()], topic).unwrap();
        let mut values = inside.values();
        values.extend(of_registry(None));
        values.extend(of_proxy(&spec, 1, "proxy-1"));
        let image = ResolvedImage { reference: "i".into(), id: "i".into(), digest: None };
        let authority = inside.authority.as_deref();
        let image = (&image, Limits::default());
        let made = filled(&spec.adapter, "proxy-1", image, (&values, authority), &[]).unwrap();
        let env = made.env.iter().map(|(name, value)| format!("{name}={}", value.expose()));
        let files = made.files.iter().flat_map(|file| {
            file.content.expose().lines().map(|line| format!("{}: {line}", file.path)).collect::<Vec<_>>()
        });
        let scenario: String = made
            .files
            .iter()
            .filter(|file| file.path.ends_with("proxy.yaml"))
            .map(|file| file.content.expose())
            .collect();
        assert!(scenario.is_empty() || read(&scenario).is_ok(), "{scenario}{:?}", read(&scenario).err());
        env.chain(files).chain(made.command.into_iter().flatten()).collect()
    }

    #[test]
    fn adapters_that_ship_say_nothing_of_what_kafka_does_not_ask_for() {
        let tls = [("security.protocol", "ssl"), ("ssl.ca.pem", "PEM")];
        let sasl = [
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "u"),
            ("sasl.password", "secret"),
        ];
        for adapter in ADAPTERS {
            for (properties, with_sasl, with_tls) in
                [(&[][..], false, false), (&tls[..], false, true), (&sasl[..], true, false)]
            {
                let told = told(adapter, properties);
                let speaks = |of: &str| told.iter().any(|line| line.to_lowercase().contains(of));
                assert_eq!(speaks("sasl"), with_sasl, "{adapter}: {told:#?}");
                assert_eq!(speaks("/etc/landfall/ca.pem"), with_tls, "{adapter}: {told:#?}");
                assert!(speaks("secret") || !with_sasl, "{adapter}: {told:#?}");
                assert!(!speaks("registry_url") && !speaks("registry_host"), "{adapter}: {told:#?}");
            }
        }
    }
}
