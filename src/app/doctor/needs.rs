//! What a scenario needs of the machine. Pure.

use crate::scenario::{
    FaultKind, GatewaySpec, IdpSpec, ImageSpec, KafkaSpec, ProxySpec, RegistrySpec, Resources, Scenario,
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
    if let IdpSpec::Container(idp) = &scenario.stack.idp {
        boxes.push(BoxNeeds { name: "idp", count: 1, image: idp.image.clone(), resources: idp.resources });
    }
    if let KafkaSpec::Container(kafka) = &scenario.stack.kafka {
        let (count, image) = (kafka.brokers.into(), kafka.image.clone());
        boxes.push(BoxNeeds { name: "kafka", count, image, resources: kafka.resources });
    }
    if let ProxySpec::Container(proxy) = &scenario.stack.proxy {
        let more = scenario.faults.iter().filter(|fault| fault.kind == FaultKind::ScaleOut).count();
        let count = u64::from(proxy.replicas) + u64::try_from(more).unwrap_or(0);
        let image = proxy.image.clone();
        boxes.push(BoxNeeds { name: "proxy", count, image, resources: proxy.resources });
        boxes.extend(proxy.registry.as_ref().map(|registry| BoxNeeds {
            name: "registry",
            count: 1,
            image: registry.image.clone(),
            resources: registry.resources,
        }));
    }
    for (_, function) in scenario.stack.gateway.function_containers() {
        let resources = Resources { cpus: None, memory: Some(u64::from(function.memory_mb) << 20) };
        let (count, image) = (function.workers as u64, function.image.clone());
        boxes.push(BoxNeeds { name: "authorizer", count, image, resources });
    }
    boxes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_box_in_a_container_is_counted_and_so_are_replicas_that_come_later() {
        let text = "version: 1\nname: x\ntopics: [{ name: t }]\npartners: [{ name: p, secret: generated }]\n\
             workload: [{ partner: p, topic: t, format: v2-json, payload: { file: r }, arrivals: { constant: 1/s }, \
             for: 9s }]\nfaults: [{ box: proxy, kind: scale-out, at: 1s }]\n\
             stack: { idp: container, proxy: container, kafka: { kind: container, brokers: 3 } }\n";
        let scenario =
            crate::scenario::parse(text, Path::new("x"), &[], &|_| unreachable!("extends nothing")).unwrap();
        let found: Vec<(&str, u64)> =
            Needs::of(&scenario).containers.iter().map(|part| (part.name, part.count)).collect();
        assert_eq!(found, [("idp", 1), ("kafka", 3), ("proxy", 3)]);
    }
}
