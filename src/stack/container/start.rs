//! The boxes in containers, as parts of the stack.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::function::{COLD_START, KEYS, is_told, reaches_keys};
use super::{READY_TOPIC, only_here};
use crate::doubles::gateway::Emulators;
use crate::result::{BoxReport, ContainerReport};
use crate::scenario::{
    AudienceParameter, ExternalIdp, FaultKind, FunctionContainer, IdpContainer, KafkaContainer,
    MetadataPlace, ProxyContainer, ProxySpec, RegistryContainer, Scenario, TlsSettings, TopicSpec,
};
use crate::stack::created::Created;
use crate::stack::provider::Provider;
use crate::stack::secrets::{of_box, of_environment};
use crate::stack::{Stack, StackError, external};
use crate::stats::micros;

impl Stack {
    /// Starts Kafka with the scenario's topics.
    pub(in crate::stack) async fn start_kafka_containers(
        &mut self,
        scenario: &Scenario,
        spec: &KafkaContainer,
    ) -> Result<(), StackError> {
        let since = Instant::now();
        let Some(containers) = &mut self.containers else { return Ok(()) };
        let env = of_box("kafka", &spec.env)?;
        let with_registry =
            matches!(&scenario.stack.proxy, ProxySpec::Container(proxy) if proxy.registry.is_some());
        let reports = containers.start_kafka(spec, &env, with_registry).await?;
        let Some(cluster) = containers.cluster() else { return Ok(()) };
        self.kafka = cluster.administrator.clone();
        // An embedded proxy is the user that a proxy is.
        self.kafka_of_proxy = Some(cluster.proxy.clone());
        self.cluster_id = Some(cluster.id.clone());
        let ready = ready_topic();
        let topics: Vec<&TopicSpec> = scenario.topics.iter().chain([&ready]).collect();
        for topic in &topics {
            // They go with the containers.
            external::create_topic(&cluster.administrator, topic, &mut Created::default()).await?;
        }
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        cluster.let_proxies_write(&names).await?;
        let endpoints: Vec<String> = cluster.addresses().map(|address| address.to_string()).collect();
        for ((number, report), endpoint) in (1..).zip(reports).zip(endpoints) {
            self.container_is_up(&format!("kafka-{number}"), Some(endpoint), report, since);
        }
        Ok(())
    }

    /// The hosts of the brokers of a Kafka elsewhere in which the scenario has no topics: landfall's own is asked for, and made
    /// where it is missing.
    pub(in crate::stack) async fn find_brokers(
        &mut self,
        scenario: &Scenario,
    ) -> Result<Vec<String>, StackError> {
        let topics = vec![self.ready_topic_elsewhere().await?];
        let asked = Scenario { topics, ..scenario.clone() };
        external::prepare_kafka(&self.kafka, &asked, (false, &mut Created::default()), true).await
    }

    /// Makes sure that the topic is there to which proxies write to show that they are ready.
    async fn ready_topic_elsewhere(&mut self) -> Result<TopicSpec, StackError> {
        let ready = ready_topic();
        let (partitions, made) = external::common_topic(&self.kafka, &ready).await?;
        if let Some(containers) = self.containers.as_mut().filter(|_| made) {
            containers.notes.push(format!(
                "the topic `{READY_TOPIC}`, to which proxies write to show that they are ready, was created, and stays: other runs \
                 may use it"
            ));
        }
        Ok(TopicSpec { partitions, ..ready })
    }

    /// Tells proxies in containers, where there are some, of a Kafka elsewhere, whose brokers are at `hosts`. A topic to which they
    /// write when they are ready is there only where topics may be made.
    pub(in crate::stack) async fn lead_containers_elsewhere(
        &mut self,
        scenario: &Scenario,
        hosts: &[String],
        create: bool,
    ) -> Result<(), StackError> {
        if !matches!(scenario.stack.proxy, ProxySpec::Container(_)) {
            return Ok(());
        }
        if let Some(host) = hosts.iter().find(|host| only_here(host)) {
            let (bootstrap, host) = (self.kafka.bootstrap.clone(), host.clone());
            return Err(StackError::BrokerOnLoopback { bootstrap, host });
        }
        let bootstrap = self.kafka.bootstrap.split(',').filter_map(|server| server.rsplit_once(':'));
        let bootstrap = bootstrap.map(|(host, _)| host.trim().trim_matches(['[', ']']).to_owned());
        let mut all: Vec<String> = hosts.iter().cloned().chain(bootstrap).collect();
        all.sort();
        all.dedup();
        let topic = if create {
            let ready = self.ready_topic_elsewhere().await?;
            (ready.name, ready.partitions)
        } else {
            let first = scenario.topics.first();
            first.map(|topic| (topic.name.clone(), topic.partitions)).unwrap_or_default()
        };
        let Some(containers) = &mut self.containers else { return Ok(()) };
        containers.use_kafka_elsewhere(&self.kafka, &all, (topic, create))
    }

    /// Starts the schema registry, if there is one, and the replicas, waits until all are ready, and starts the balancer before
    /// them.
    pub(in crate::stack) async fn start_proxy_containers(
        &mut self,
        spec: &ProxyContainer,
    ) -> Result<(), StackError> {
        if let Some(registry) = &spec.registry {
            self.start_registry_container(registry).await?;
        }
        let Some(containers) = &mut self.containers else { return Ok(()) };
        let env = of_box("proxy", &spec.env)?;
        let mut started: Vec<(u16, SocketAddr, ContainerReport, Instant)> = Vec::new();
        for number in 1..=spec.replicas {
            let since = Instant::now();
            let (address, report) = containers.start_proxy(spec, (number, false), &env).await?;
            started.push((number, address, report, since));
        }
        let more = self.injectors.iter().filter(|injector| injector.kind() == FaultKind::ScaleOut);
        for (number, _) in (spec.replicas + 1..).zip(more) {
            let (address, report) = containers.start_proxy(spec, (number, true), &env).await?;
            let (name, endpoint) = (format!("proxy-{number}"), Some(format!("http://{address}")));
            self.spares.push(of_container(&name, endpoint, report, Duration::ZERO));
        }
        let mut ready = Vec::new();
        for (number, address, report, since) in started {
            containers.proxy_is_ready(spec, number).await?;
            ready.push((number, address, report, since.elapsed()));
        }
        if let Some(flaw) = containers.cluster().and_then(|cluster| cluster.flaw) {
            return Err(StackError::FlawAccepted { flaw: flaw.name() });
        }
        let targets: Vec<SocketAddr> = ready.iter().map(|(_, address, ..)| *address).collect();
        for (number, address, report, took) in ready {
            let name = format!("proxy-{number}");
            let since = Instant::now().checked_sub(took).unwrap_or_else(Instant::now);
            self.container_is_up(&name, Some(format!("http://{address}")), report, since);
        }
        self.start_balancer(spec.port, &spec.balancer, targets).await
    }

    async fn start_registry_container(&mut self, spec: &RegistryContainer) -> Result<(), StackError> {
        let since = Instant::now();
        let env = of_box("registry", &spec.env)?;
        let Some(containers) = &mut self.containers else { return Ok(()) };
        let (url, report) = containers.start_registry(spec, &env).await?;
        self.container_is_up("registry", Some(url), report, since);
        Ok(())
    }

    /// Starts an identity provider, and learns what it has.
    pub(in crate::stack) async fn start_idp_container(
        &mut self,
        scenario: &Scenario,
        spec: &IdpContainer,
    ) -> Result<Provider, StackError> {
        let since = Instant::now();
        let env = of_box("idp", &spec.env)?;
        let containers = self.containers.as_mut().expect("a stack with boxes in containers has an engine");
        let partners = (&*scenario.partners, &*self.partner_auths);
        let (address, report) = containers.start_idp(spec, partners, &env).await?;
        let issuer = format!("http://{address}{}", spec.adapter.issuer.as_deref().unwrap_or_default());
        let attached = ExternalIdp {
            place: MetadataPlace::Issuer(issuer),
            audience: spec.audience.clone(),
            audience_parameter: AudienceParameter::None,
            profile: spec.profile.clone(),
            tls: TlsSettings::default(),
        };
        let mut provider = Provider::discovered(&attached, &scenario.allow_hosts).await?;
        // Others within the network know it by its box's name.
        let origin = format!("http://{address}");
        let inside = format!("http://idp:{}", spec.adapter.port);
        provider.jwks_uri_inside = provider.jwks_uri.as_ref().map(|url| url.replacen(&origin, &inside, 1));
        self.container_is_up("idp", Some(provider.issuer.clone()), report, since);
        Ok(provider)
    }

    /// Starts a function's containers.
    pub(in crate::stack) async fn start_function_containers(
        &mut self,
        (scheme, function): (&str, Option<&str>),
        spec: &FunctionContainer,
        provider: &Provider,
    ) -> Result<Arc<Emulators>, StackError> {
        let provider = provider.from_inside();
        self.warnings.extend(reaches_keys(scheme, &spec.environment, &provider)?);
        if self.doubles.idp.is_some() && is_told(&spec.environment, KEYS) {
            self.keys_for_containers.clone_from(&provider.jwks_uri);
        }
        let environment = of_environment(scheme, &spec.environment, &provider)?;
        let containers = self.containers.as_mut().expect("a stack with boxes in containers has an engine");
        let named = (scheme, function.unwrap_or(scheme));
        let started = containers.start_function(named, spec, &environment).await?;
        let urls = started.iter().map(|worker| worker.url.clone()).collect();
        let emulators = Emulators::new(urls, spec.timeout + COLD_START).expect("they are http URLs");
        for worker in started {
            let since = Instant::now().checked_sub(worker.took).unwrap_or_else(Instant::now);
            self.container_is_up(&worker.name, Some(worker.url), worker.report, since);
        }
        let emulators = Arc::new(emulators);
        self.emulators.push((scheme.to_owned(), emulators.clone()));
        Ok(emulators)
    }

    /// Lets faults befall the containers, each at its time after the load's start.
    pub(in crate::stack) fn show_container_faults(&mut self, scenario: &Scenario) {
        let Some(containers) = &mut self.containers else { return };
        let spec = match &scenario.stack.proxy {
            ProxySpec::Container(spec) => Some(&**spec),
            ProxySpec::Embedded { .. } | ProxySpec::External { .. } | ProxySpec::None => None,
        };
        let balancer = self.doubles.balancer.as_ref().map(Arc::downgrade).unwrap_or_default();
        let topic = scenario.topics.first().map_or("", |topic| topic.name.as_str());
        containers.show_faults(&self.injectors, spec, balancer, topic);
    }

    /// The load has ended: no more faults befall containers, and what is still paused or down is undone as far as reading needs
    /// it. Gives why the path was not what it was to be, where that is so; in a load that went `to_its_end` all faults of containers
    /// must have been shown.
    pub async fn load_is_over(&mut self, to_its_end: bool) -> Option<String> {
        match &mut self.containers {
            Some(containers) => containers.load_is_over(to_its_end).await,
            None => None,
        }
    }

    /// Why containers are not what they were to be: one has ended by itself, or could not be started anew.
    pub async fn note_ends(&self) -> Option<String> {
        match &self.containers {
            Some(containers) => containers.note_ends().await,
            None => None,
        }
    }

    /// Stops the proxies that are containers, so that nothing lands any more. False where there are none, or one may still
    /// run.
    pub async fn close_proxies(&self) -> bool {
        match &self.containers {
            Some(containers) => containers.stop_proxies().await,
            None => false,
        }
    }

    fn container_is_up(
        &mut self,
        name: &str,
        endpoint: Option<String>,
        report: ContainerReport,
        since: Instant,
    ) {
        self.boxes.push(of_container(name, endpoint, report, since.elapsed()));
    }
}

/// What results say of a box that is a container.
fn of_container(
    name: &str,
    endpoint: Option<String>,
    report: ContainerReport,
    started_in: Duration,
) -> BoxReport {
    let (name, kind) = (name.to_owned(), "container".to_owned());
    BoxReport { name, kind, endpoint, start_us: micros(started_in), since_ms: None, container: Some(report) }
}

/// The topic to which proxies that are ready have written.
fn ready_topic() -> TopicSpec {
    TopicSpec { name: READY_TOPIC.to_owned(), partitions: 1, max_message_bytes: None, retention_bytes: None }
}
