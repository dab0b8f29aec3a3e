//! REST proxies of any image, configured by adapters.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use super::faults::Replica;
use super::kafka::{CA_FILE, Cluster};
use super::ready::{try_ready, until_ready};
use super::{Containers, Running, StackError, report};
use crate::engine::{ContainerSpec, PlacedFile};
use crate::result::ContainerReport;
use crate::scenario::{Adapter, ProxyContainer, Template};
use crate::secret::Secret;

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
        self.hide(env.iter().map(|(_, value)| value.clone()));
        let image = self.image(&name, &spec.image).await?;
        let limits = self.check_limits(&name, spec.resources)?;
        let cluster = self.cluster.clone();
        let values = cluster.as_ref().map(|cluster| values(spec, number, &name, cluster)).unwrap_or_default();
        let Adapter { port: inside, entrypoint, command, stop_signal, .. } = &spec.adapter;
        let made = ContainerSpec {
            name: name.clone(),
            image: image.id.clone(),
            entrypoint: words(entrypoint.as_deref(), &values)?,
            command: words(command.as_deref(), &values)?,
            env: variables(&spec.adapter, &values, env)?,
            files: files(&spec.adapter, &values, cluster.as_deref())?,
            ports: Vec::new(),
            limits,
            stop_signal: stop_signal.clone(),
            user: None,
        };
        let Running { container, port } = self.run((*inside, !spare), |_| Ok(made.clone())).await?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let replicas = if spare { &mut self.spares } else { &mut self.proxies };
        replicas.push(Replica { number, container, address });
        Ok((address, report(&image, spec.resources)))
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
        let (ready, address) = (&spec.adapter.ready, replica.address);
        until_ready(&replica.container, spec.start_within, &self.redaction, || try_ready(ready, address))
            .await
    }

    /// Asks all replicas to stop, those that were started later too, and kills those that do not in their time. False where
    /// one may still run.
    pub(in crate::stack) async fn stop_proxies(&self) -> bool {
        let all = self.proxies.iter().chain(&self.spares);
        let stops = all.map(|replica| replica.container.stop(self.stop_within));
        futures_util::future::join_all(stops).await.iter().all(Result::is_ok)
    }
}

type Values = BTreeMap<&'static str, Secret>;

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

fn fill(template: &Template, values: &Values) -> Result<Secret, StackError> {
    template.fill(|name| {
        values.get(name).cloned().ok_or_else(|| StackError::Placeholder { name: name.to_owned() })
    })
}

/// A command's words. They are seen by everybody on the machine, so no secret may stand in them.
fn words(templates: Option<&[Template]>, values: &Values) -> Result<Option<Vec<String>>, StackError> {
    let Some(templates) = templates else { return Ok(None) };
    let word = |template: &Template| {
        if template.uses("sasl.password") || template.uses("sasl.jaas") {
            return Err(StackError::SecretInCommand);
        }
        fill(template, values).map(|word| word.expose().to_owned())
    };
    templates.iter().map(word).collect::<Result<_, _>>().map(Some)
}

/// The adapter's variables, and over them the scenario's.
fn variables(
    adapter: &Adapter,
    values: &Values,
    own: &[(String, Secret)],
) -> Result<Vec<(String, Secret)>, StackError> {
    let mut env = BTreeMap::new();
    for (name, template) in &adapter.env {
        env.insert(name.clone(), fill(template, values)?);
    }
    env.extend(own.iter().cloned());
    Ok(env.into_iter().collect())
}

fn files(
    adapter: &Adapter,
    values: &Values,
    cluster: Option<&Cluster>,
) -> Result<Vec<PlacedFile>, StackError> {
    let mut files = Vec::new();
    for (path, template) in &adapter.files {
        files.push(PlacedFile { path: path.clone(), content: fill(template, values)? });
    }
    if let Some(cluster) = cluster {
        let content = Secret::new(cluster.inside.authority.clone());
        files.push(PlacedFile { path: CA_FILE.into(), content });
    }
    Ok(files)
}
