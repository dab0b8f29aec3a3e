//! Starting landfall's own doubles, box by box.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::created::Created;
use super::gateway::rate_limit;
use super::listen::LOOPBACK;
use super::provider::Provider;
use super::secrets::PartnerAuth;
use super::{Logs, Stack, StackError, external};
use crate::doubles::balancer::{Balancer, BalancerConfig, Choice, HealthCheck, Probe};
use crate::doubles::broker::{Broker, BrokerConfig, Credentials, TopicConfig};
use crate::doubles::idp::{Client, Credential, Idp, IdpConfig, IdpError};
use crate::doubles::proxy::{Proxy, ProxyConfig};
use crate::doubles::registry::{Registry, SchemaSource};
use crate::kafka::Access;
use crate::scenario::{
    BalancerSpec, EmbeddedIdp, GatewaySpec, HealthCheckSpec, IdpSpec, KafkaSpec, Partner, ProxySpec,
    RegistrySpec, SaslMechanism, Scenario,
};
use crate::secret::Secret;

/// How the embedded broker is reached by those who say what it wants to hear.
fn access(bootstrap: String, sasl: Option<(SaslMechanism, Credentials)>) -> Access {
    let Some((mechanism, Credentials { username, password })) = sasl else { return Access::plain(bootstrap) };
    let properties = [
        ("security.protocol", Secret::new("sasl_plaintext")),
        ("sasl.mechanism", Secret::new(mechanism.name())),
        ("sasl.username", Secret::new(username)),
        ("sasl.password", password),
    ];
    Access {
        bootstrap,
        properties: properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn health_check(spec: &HealthCheckSpec) -> HealthCheck {
    HealthCheck {
        probe: spec.path.clone().map_or(Probe::Tcp, |path| Probe::Http { path }),
        healthy_threshold: spec.healthy_threshold,
        unhealthy_threshold: spec.unhealthy_threshold,
        interval: spec.interval,
        timeout: spec.timeout,
    }
}

/// Why the identity provider does not run, which listens for containers at the address `inside`.
fn not_started(error: IdpError, inside: Option<IpAddr>) -> StackError {
    match error {
        IdpError::Bind(error) if inside.is_some_and(|address| error.address.ip() == address) => {
            StackError::OutOfReach {
                reason: format!(
                    "nothing can listen on {}, which is this machine in the container's network ({})",
                    error.address.ip(),
                    error.source
                ),
            }
        }
        error => error.into(),
    }
}

impl Stack {
    pub(super) async fn start_kafka(&mut self, scenario: &Scenario) -> Result<(), StackError> {
        let since = Instant::now();
        match &scenario.stack.kafka {
            KafkaSpec::Embedded { port, brokers, sasl } => {
                let mechanism = sasl.as_ref().map(|sasl| sasl.mechanism);
                let sasl = sasl.as_ref().map(super::secrets::of_broker).transpose()?;
                let topics = scenario.topics.iter().map(|topic| TopicConfig {
                    name: topic.name.clone(),
                    partitions: topic.partitions,
                    configs: topic.configs(),
                });
                let broker = Broker::start(BrokerConfig {
                    bind: self.listen.address,
                    advertised: self.listen.host.clone(),
                    port: *port,
                    brokers: *brokers,
                    topics: topics.collect(),
                    auto_create: None,
                    sasl: sasl.clone(),
                    injectors: self.injectors.clone(),
                    ..BrokerConfig::default()
                })
                .await?;
                self.kafka = access(broker.bootstrap(), mechanism.zip(sasl));
                self.cluster_id = Some(broker.cluster_id().to_owned());
                self.up("kafka", "embedded", Some(broker.published().to_owned()), since);
                self.doubles.broker = Some(broker);
            }
            KafkaSpec::Container(spec) => self.start_kafka_containers(scenario, spec).await?,
            KafkaSpec::External { bootstrap, properties, create_topics, .. } => {
                let properties = super::secrets::of_properties(properties)?;
                self.kafka = Access { bootstrap: bootstrap.clone(), properties };
                let writes =
                    matches!(scenario.stack.proxy, ProxySpec::Embedded { .. } | ProxySpec::Container(_));
                self.created = Created::new(scenario, &self.kafka);
                let hosts = if scenario.topics.is_empty() && *create_topics {
                    self.find_brokers(scenario).await?
                } else {
                    let create = (*create_topics, &mut self.created);
                    external::prepare_kafka(&self.kafka, scenario, create, writes).await?
                };
                self.up("kafka", "external", Some(bootstrap.clone()), since);
                self.lead_containers_elsewhere(scenario, &hosts, *create_topics).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn start_proxies(&mut self, scenario: &Scenario) -> Result<(), StackError> {
        let since = Instant::now();
        match &scenario.stack.proxy {
            ProxySpec::Embedded { port, replicas, profile, idempotence, balancer, registry, blocked } => {
                let schemas = self.start_registry(registry.as_ref()).await?;
                let kafka = self.kafka_of_proxy.as_ref().unwrap_or(&self.kafka).clone();
                let mut targets: Vec<SocketAddr> = Vec::new();
                for number in 1..=*replicas {
                    let since = Instant::now();
                    let proxy = Proxy::start(ProxyConfig {
                        injectors: self.injectors.clone(),
                        idempotence: *idempotence,
                        release: *profile,
                        blocked: blocked.clone(),
                        registry: schemas.clone(),
                        ..ProxyConfig::new(LOOPBACK, kafka.clone())
                    })
                    .await?;
                    targets.push(proxy.address());
                    let endpoint = format!("http://{}", proxy.address());
                    self.up(&format!("proxy-{number}"), "embedded", Some(endpoint), since);
                    self.doubles.proxies.push(proxy);
                }
                self.start_balancer(*port, balancer, targets).await?;
            }
            ProxySpec::Container(spec) => self.start_proxy_containers(spec).await?,
            ProxySpec::External { url, tls, cluster_id } => {
                external::reach_proxy(url).await?;
                self.produce_tls = tls.clone();
                self.external_proxy = Some(url.clone());
                self.cluster_id = cluster_id.clone().or(self.cluster_id.take());
                self.produce_url.clone_from(url);
                self.up("proxy", "external", Some(url.clone()), since);
            }
            ProxySpec::None => self.attach_to_gateway(scenario).await?,
        }
        Ok(())
    }

    /// Where the embedded proxies find schemas.
    async fn start_registry(
        &mut self,
        spec: Option<&RegistrySpec>,
    ) -> Result<Option<SchemaSource>, StackError> {
        let since = Instant::now();
        match spec {
            None => Ok(None),
            Some(RegistrySpec::Embedded { port }) => {
                let registry = Registry::start(self.listen.address, *port).await?;
                let endpoint = format!("http://{}", self.listen.authority(registry.address()));
                self.up("registry", "embedded", Some(endpoint), since);
                let schemas = registry.schemas();
                self.doubles.registry = Some(registry);
                Ok(Some(schemas.into()))
            }
            Some(RegistrySpec::External { url }) => {
                self.up("registry", "external", Some(url.clone()), since);
                Ok(Some(SchemaSource::elsewhere(url)))
            }
        }
    }

    /// The balancer before the proxies at `targets`: the path's entrance, where nothing stands before it.
    pub(super) async fn start_balancer(
        &mut self,
        port: u16,
        spec: &BalancerSpec,
        targets: Vec<SocketAddr>,
    ) -> Result<(), StackError> {
        let since = Instant::now();
        let balancer = Balancer::start(BalancerConfig {
            port,
            choice: if spec.by_source { Choice::BySource } else { Choice::Round },
            health: spec.health_check.as_ref().map(health_check),
            idle_timeout: spec.idle_timeout,
            injectors: self.injectors.clone(),
            time_scale: spec.time_scale,
            ..BalancerConfig::new(self.listen.address, targets)
        })
        .await?;
        self.produce_url = format!("http://{}", self.listen.authority(balancer.address()));
        self.up("balancer", "embedded", Some(self.produce_url.clone()), since);
        self.doubles.balancer = Some(Arc::new(balancer));
        Ok(())
    }

    /// The identity provider, the authorizer and the gateway.
    pub(super) async fn start_front(
        &mut self,
        scenario: &Scenario,
        logs: Logs<'_>,
    ) -> Result<(), StackError> {
        let since = Instant::now();
        let provider = match &scenario.stack.idp {
            IdpSpec::None => return Ok(()),
            IdpSpec::Container(spec) => self.start_idp_container(scenario, spec).await?,
            IdpSpec::External(spec) => {
                let provider = Provider::discovered(spec, &scenario.allow_hosts).await?;
                self.up("idp", "external", Some(provider.issuer.clone()), since);
                provider
            }
            IdpSpec::Embedded(spec) => {
                let idp = self.start_idp(scenario, spec).await?;
                let provider = Provider::embedded(&idp, spec);
                self.up("idp", "embedded", Some(provider.issuer.clone()), since);
                for (issuer, spec) in idp.issuers().into_iter().skip(1).zip(&spec.issuers) {
                    self.up(&format!("idp-{}", spec.name), "embedded", Some(issuer), since);
                }
                if let Some(url) = idp.admin_url() {
                    self.up("idp-admin", "embedded", Some(url), since);
                }
                self.doubles.idp = Some(idp);
                provider
            }
        };
        if matches!(scenario.stack.gateway, GatewaySpec::Embedded { .. }) {
            self.start_gateway(scenario, &provider, logs).await?;
        }
        self.provider = Some(provider);
        Ok(())
    }

    async fn start_idp(&self, scenario: &Scenario, spec: &EmbeddedIdp) -> Result<Idp, StackError> {
        let client = |(partner, auth): (&Partner, &PartnerAuth)| Client {
            id: partner.client_id.clone(),
            credential: match auth {
                PartnerAuth::Basic(secret) | PartnerAuth::Post(secret) => Credential::Secret(secret.clone()),
                PartnerAuth::PrivateKeyJwt(key) => Credential::Key(key.public().clone()),
            },
            scopes: partner.scope.split_whitespace().map(str::to_owned).collect(),
        };
        // Containers do not reach loopback, but the address that this machine has in their network.
        let inside = match &self.containers {
            Some(containers) if scenario.stack.gateway.function_containers().next().is_some() => {
                Some(containers.host().ok_or_else(|| StackError::OutOfReach {
                    reason: "the engine does not say where this machine is in their network".into(),
                })?)
            }
            _ => None,
        };
        let issuers = spec.issuers.iter().map(|issuer| (issuer.name.clone(), issuer.profile.clone()));
        let config = IdpConfig {
            inside,
            host: self.listen.host.clone(),
            port: spec.port,
            token_life: spec.token_life,
            profile: spec.profile.clone(),
            issuers: issuers.collect(),
            clients: scenario.partners.iter().zip(&self.partner_auths).map(client).collect(),
            rate_limit: spec.rate_limit.map(rate_limit),
            clock_s: spec.clock_s,
            admin: spec.admin,
            allow_hosts: scenario.allow_hosts.clone(),
            injectors: self.injectors.clone(),
            ..IdpConfig::new(self.listen.address, spec.audience.clone())
        };
        Idp::start(config).await.map_err(|error| not_started(error, inside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_containers_cannot_reach_it_one_sentence_says_what_to_do() {
        // An address for documentation (RFC 5737), which no machine has.
        let inside = Some(IpAddr::from([203, 0, 113, 1]));
        let config = IdpConfig { inside, ..IdpConfig::new(LOOPBACK, "api") };
        let error = not_started(Idp::start(config).await.unwrap_err(), inside);
        let said = error.to_string();
        assert!(said.contains("203.0.113.1") && said.ends_with("write `idp: { kind: container }`"), "{said}");
        assert!(!error.is_usage());
    }
}
