//! A proxy, or some, and a broker of landfall's own, for a procedure that does to them what nobody does to others'.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::ground::Ground;
use crate::app::golden::{Embedded, ReplayError};
use crate::conform::rest::TopicOf;
use crate::doubles::broker::{Broker, BrokerConfig, TopicConfig};
use crate::doubles::fault::Injector;
use crate::doubles::proxy::{Proxy, ProxyConfig};
use crate::kafka::Access;
use crate::load::Target;
use crate::scenario::{Fault, FaultKind, Pace, Protocol, TlsSettings};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What is to be set up.
pub(super) struct Wanted<'w> {
    pub(super) embedded: &'w Embedded,
    pub(super) topics: Vec<TopicOf>,
    pub(super) replicas: usize,
    /// Faults beside those that the suite is told to show.
    pub(super) faults: Vec<Arc<Injector>>,
    /// How long an answer is waited for.
    pub(super) limit: Duration,
}

/// It, at work.
pub(super) struct Own {
    pub(super) broker: Broker,
    pub(super) proxies: Vec<Proxy>,
    pub(super) ground: Ground,
}

impl Own {
    pub(super) async fn start(wanted: Wanted<'_>) -> Result<Self, ReplayError> {
        let Wanted { embedded, topics, replicas, faults, limit } = wanted;
        let injectors: Vec<Arc<Injector>> = embedded.faults.iter().cloned().chain(faults).collect();
        let names: Vec<String> = (1..=topics.len()).map(|number| format!("landfall-{number}")).collect();
        let topics = names.iter().zip(topics).map(|(name, topic)| TopicConfig {
            name: name.clone(),
            partitions: topic.partitions,
            configs: topic.configs,
        });
        let config = BrokerConfig {
            topics: topics.collect(),
            injectors: injectors.clone(),
            ..BrokerConfig::default()
        };
        let broker = Broker::start(config).await?;
        let access = Access::plain(broker.bootstrap());
        let (mut proxies, mut endpoints) = (Vec::new(), Vec::new());
        for _ in 0..replicas {
            let config = ProxyConfig {
                release: embedded.release,
                time_scale: embedded.time_scale,
                injectors: injectors.clone(),
                ..ProxyConfig::new(LOOPBACK, access.clone())
            };
            let proxy = Proxy::start(config).await?;
            let url = format!("http://{}", proxy.address());
            endpoints.push(Target::resolve(&url, &[], &TlsSettings::default(), Protocol::Http1).await?);
            proxies.push(proxy);
        }
        let ground = Ground {
            endpoints,
            cluster: broker.cluster_id().to_owned(),
            topics: names,
            kafka: Some(access),
            own: true,
            limit,
        };
        Ok(Self { broker, proxies, ground })
    }
}

/// A broker that is away for so long, once the injector has been started.
pub(super) fn absence(length: Duration) -> Arc<Injector> {
    let fault =
        Fault { window: Some((Duration::ZERO, length)), ..Fault::new(FaultKind::Restart, Pace::Every(1)) };
    Arc::new(Injector::new(fault, 1))
}

/// A proxy that answers each request late.
pub(super) fn lateness() -> Arc<Injector> {
    Arc::new(Injector::new(Fault::new(FaultKind::Delay, Pace::Every(1)), 1))
}
