//! Starting landfall's own doubles, box by box.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::{KafkaAccess, Stack, StackError, external};
use crate::doubles::authorizer::{Authorizer, AuthorizerConfig};
use crate::doubles::balancer::{Balancer, BalancerConfig};
use crate::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use crate::doubles::gateway::{Gateway, GatewayConfig};
use crate::doubles::idp::{Client, Idp, IdpConfig};
use crate::doubles::proxy::{Proxy, ProxyConfig};
use crate::scenario::{GatewaySpec, IdpSpec, KafkaSpec, ProxySpec, Scenario};
use crate::secret::Secret;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The API that tokens are for.
const AUDIENCE: &str = "landfall-api";
/// The stage of the embedded gateway's API.
const STAGE: &str = "prod";
/// How much a token's times may be off at the authorizer.
const LEEWAY: Duration = Duration::from_secs(30);
/// How long the gateway waits for its authorizer.
const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(30);

impl Stack {
    pub(super) async fn start_kafka(&mut self, scenario: &Scenario) -> Result<(), StackError> {
        let since = Instant::now();
        match &scenario.stack.kafka {
            KafkaSpec::Embedded { port } => {
                let topics = scenario.topics.iter().map(|topic| TopicConfig {
                    name: topic.name.clone(),
                    partitions: topic.partitions,
                    configs: BTreeMap::new(),
                });
                let broker = Broker::start(BrokerConfig {
                    bind: LOOPBACK,
                    port: *port,
                    brokers: 1,
                    topics: topics.collect(),
                    auto_create: None,
                    injectors: self.injectors.clone(),
                })
                .await?;
                self.kafka = KafkaAccess { bootstrap: broker.bootstrap(), properties: BTreeMap::new() };
                self.up("kafka", "embedded", Some(broker.bootstrap()), since);
                self.doubles.broker = Some(broker);
            }
            KafkaSpec::External { bootstrap, properties, create_topics } => {
                let properties = super::secrets::of_properties(properties)?;
                self.kafka = KafkaAccess { bootstrap: bootstrap.clone(), properties };
                external::prepare_topics(&self.kafka, &scenario.topics, *create_topics).await?;
                self.up("kafka", "external", Some(bootstrap.clone()), since);
            }
        }
        Ok(())
    }

    pub(super) async fn start_proxies(&mut self, scenario: &Scenario) -> Result<(), StackError> {
        let since = Instant::now();
        match &scenario.stack.proxy {
            ProxySpec::Embedded { port, replicas, .. } => {
                let mut targets: Vec<SocketAddr> = Vec::new();
                for number in 1..=*replicas {
                    let since = Instant::now();
                    let proxy = Proxy::start(ProxyConfig {
                        properties: self.kafka.properties.clone(),
                        injectors: self.injectors.clone(),
                        ..ProxyConfig::new(LOOPBACK, self.kafka.bootstrap.clone())
                    })
                    .await?;
                    targets.push(proxy.address());
                    let endpoint = format!("http://{}", proxy.address());
                    self.up(&format!("proxy-{number}"), "embedded", Some(endpoint), since);
                    self.doubles.proxies.push(proxy);
                }
                let balancer =
                    Balancer::start(BalancerConfig { bind: LOOPBACK, port: *port, targets }).await?;
                self.produce_url = format!("http://{}", balancer.address());
                self.up("balancer", "embedded", Some(self.produce_url.clone()), since);
                self.doubles.balancer = Some(balancer);
            }
            ProxySpec::External { url } => {
                external::reach_proxy(url).await?;
                self.produce_url.clone_from(url);
                self.up("proxy", "external", Some(url.clone()), since);
            }
        }
        Ok(())
    }

    /// The identity provider, the authorizer and the gateway.
    pub(super) async fn start_front(&mut self, scenario: &Scenario) -> Result<(), StackError> {
        if let GatewaySpec::Embedded { port, required_headers, authorizer_ttl, integration_timeout } =
            &scenario.stack.gateway
        {
            let (idp, idp_since) = self.start_idp(scenario).await?;
            let since = Instant::now();
            let authorizer = Authorizer::start(AuthorizerConfig {
                bind: LOOPBACK,
                port: 0,
                issuer: idp.issuer().to_owned(),
                audience: AUDIENCE.into(),
                jwks_uri: idp.jwks_uri(),
                leeway: LEEWAY,
            })
            .await?;
            self.up("authorizer", "embedded", Some(authorizer.invoke_url()), since);
            let since = Instant::now();
            let gateway = Gateway::start(GatewayConfig {
                bind: LOOPBACK,
                port: *port,
                stage: STAGE.into(),
                required_headers: required_headers.clone(),
                authorizer_url: authorizer.invoke_url(),
                authorizer_ttl: *authorizer_ttl,
                authorizer_timeout: AUTHORIZER_TIMEOUT,
                integration_timeout: *integration_timeout,
                backend: external::backend_of(&self.produce_url).await?,
                injectors: self.injectors.clone(),
            })
            .await?;
            self.produce_url = gateway.base_url();
            self.up("gateway", "embedded", Some(self.produce_url.clone()), since);
            self.up("idp", "embedded", Some(idp.issuer().to_owned()), idp_since);
            self.doubles.gateway = Some(gateway);
            self.doubles.authorizer = Some(authorizer);
            self.doubles.idp = Some(idp);
        } else if matches!(scenario.stack.idp, IdpSpec::Embedded { .. }) {
            let (idp, since) = self.start_idp(scenario).await?;
            self.up("idp", "embedded", Some(idp.issuer().to_owned()), since);
            self.doubles.idp = Some(idp);
        }
        Ok(())
    }

    async fn start_idp(&self, scenario: &Scenario) -> Result<(Idp, Instant), StackError> {
        let since = Instant::now();
        let (port, token_life) = match scenario.stack.idp {
            IdpSpec::Embedded { port, token_life } => (port, token_life),
            IdpSpec::None => (0, Duration::from_hours(1)),
        };
        let clients =
            scenario.partners.iter().zip(&self.partner_secrets).map(|(partner, secret): (_, &Secret)| {
                Client {
                    id: partner.client_id.clone(),
                    secret: secret.clone(),
                    scopes: partner.scope.split_whitespace().map(str::to_owned).collect(),
                }
            });
        let config = IdpConfig {
            bind: LOOPBACK,
            port,
            audience: AUDIENCE.into(),
            token_life,
            clients: clients.collect(),
        };
        Ok((Idp::start(config).await?, since))
    }
}
