//! What a scenario needs of the machine. Pure.

use crate::scenario::{
    GatewaySpec, IdpSpec, ImageSpec, KafkaSpec, ProxySpec, RegistrySpec, Resources, Scenario,
};

/// What a scenario needs of the machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Needs {
    /// Connections of the load.
    pub(super) connections: u64,
    /// Descriptors that each costs besides its own, in doubles of the same process.
    pub(super) sockets_of_boxes: u64,
    /// Load threads.
    pub(super) threads: u64,
    /// Whether doubles serve the load in the same process.
    pub(super) doubles: bool,
    /// Ports of loopback that the scenario fixes, each with whose it is.
    pub(super) ports: Vec<(&'static str, u16)>,
    /// The boxes in containers, each with how many of them there are.
    pub(super) containers: Vec<BoxNeeds>,
}

/// What a box in containers needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BoxNeeds {
    pub(super) name: &'static str,
    pub(super) count: u64,
    pub(super) image: ImageSpec,
    pub(super) resources: Resources,
}

impl Needs {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let stack = &scenario.stack;
        let embedded_gateway = matches!(stack.gateway, GatewaySpec::Embedded { .. });
        let embedded_proxy = matches!(stack.proxy, ProxySpec::Embedded { .. });
        Self {
            connections: scenario.workloads.iter().map(|load| u64::from(load.connections.count)).sum(),
            sockets_of_boxes: u64::from(embedded_proxy) * 3 + u64::from(embedded_gateway) * 4,
            threads: scenario.load_threads.into(),
            doubles: embedded_gateway || embedded_proxy || matches!(stack.kafka, KafkaSpec::Embedded { .. }),
            ports: ports(scenario),
            containers: containers(scenario),
        }
    }
}

fn ports(scenario: &Scenario) -> Vec<(&'static str, u16)> {
    let stack = &scenario.stack;
    let mut ports = Vec::new();
    if let IdpSpec::Embedded(idp) = &stack.idp {
        ports.push(("idp", idp.port));
    }
    if let GatewaySpec::Embedded { port, .. } = &stack.gateway {
        ports.push(("gateway", *port));
    }
    match &stack.proxy {
        ProxySpec::Embedded { port, registry, .. } => {
            ports.push(("proxy", *port));
            if let Some(RegistrySpec::Embedded { port }) = registry {
                ports.push(("registry", *port));
            }
        }
        ProxySpec::Container(proxy) => ports.push(("proxy", proxy.port)),
        ProxySpec::External { .. } | ProxySpec::None => {}
    }
    if let KafkaSpec::Embedded { port, brokers, .. } = &stack.kafka
        && *port > 0
    {
        // The others take the ports after the first one's.
        ports.extend((0..*brokers).filter_map(|number| Some(("kafka", port.checked_add(number)?))));
    }
    ports.retain(|(_, port)| *port > 0);
    ports
}

fn containers(scenario: &Scenario) -> Vec<BoxNeeds> {
    let mut boxes = Vec::new();
    if let KafkaSpec::Container(kafka) = &scenario.stack.kafka {
        let (count, image) = (kafka.brokers.into(), kafka.image.clone());
        boxes.push(BoxNeeds { name: "kafka", count, image, resources: kafka.resources });
    }
    if let ProxySpec::Container(proxy) = &scenario.stack.proxy {
        let (count, image) = (proxy.replicas.into(), proxy.image.clone());
        boxes.push(BoxNeeds { name: "proxy", count, image, resources: proxy.resources });
        boxes.extend(proxy.registry.as_ref().map(|registry| BoxNeeds {
            name: "registry",
            count: 1,
            image: registry.image.clone(),
            resources: registry.resources,
        }));
    }
    boxes
}
