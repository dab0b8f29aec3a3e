//! The boxes of the stack: which kind each one is, and its options.

use std::time::Duration;

use super::decode::{Fields, Item};
use super::deployed;
use super::error::{Problems, listed, quoted};
use super::fit;
use super::gateway::read_gateway;
use super::idp::read_idp;
use super::images::read_defaults;
use super::kafka::read_kafka;
use super::model::{GatewaySpec, IdpSpec, KafkaSpec, ProxySpec, StackSpec, TlsSettings};
use super::proxy::read_proxy;

pub(super) const NONE: &str = "has no meaning with `kind: none`";
pub(super) const OF_EMBEDDED: &str = "belongs to `kind: embedded`, which this box is not";
pub(super) const OF_EXTERNAL: &str = "belongs to `kind: external`, which this box is not";
pub(super) const OF_CONTAINER: &str = "belongs to `kind: container`, which this box is not";

/// What people may expect in a stack, and what there is instead.
const REFUSED_BOXES: [(&str, &str); 4] = [
    ("registry", "the schema registry stands behind the proxy: see `proxy.registry`"),
    (
        "authorizer",
        "authorizers are part of the embedded gateway; see `gateway.authorizers` and `gateway.authorizer_ttl`",
    ),
    (
        "balancer",
        "the balancer is part of the embedded proxy: see `proxy.balancer`; the number behind it is `proxy.replicas`",
    ),
    ("partners", "partners stand at the top level, beside `stack`"),
];

/// The kinds that a box may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BoxKind {
    Embedded,
    Container,
    None,
    External,
}

/// What boxes become that would be embedded: `stack.provider`.
const PROVIDERS: [(&str, BoxKind); 2] = [("embedded", BoxKind::Embedded), ("container", BoxKind::Container)];

const EMBEDDED: (&str, BoxKind) = ("embedded", BoxKind::Embedded);
const STARTED_OR_EXTERNAL: [(&str, BoxKind); 3] =
    [EMBEDDED, ("container", BoxKind::Container), ("external", BoxKind::External)];
const ANY_STARTED: [(&str, BoxKind); 4] =
    [EMBEDDED, ("container", BoxKind::Container), ("external", BoxKind::External), ("none", BoxKind::None)];
const ANY_KIND: [(&str, BoxKind); 3] = [EMBEDDED, ("external", BoxKind::External), ("none", BoxKind::None)];

/// Reads the stack, whose fields stand in `fields`.
pub(super) fn read_stack(
    mut fields: Fields<'_>,
    around: super::idp::Around<'_>,
    problems: &mut Problems,
) -> StackSpec {
    let allowed = around.allowed;
    let idp_item = fields.optional("idp");
    let gateway_item = fields.optional("gateway");
    let proxy_item = fields.optional("proxy");
    let kafka_item = fields.optional("kafka");

    let idp_box = open(idp_item.as_ref(), &fields, "idp", &ANY_STARTED, problems);
    let gateway_box = open(gateway_item.as_ref(), &fields, "gateway", &ANY_KIND, problems);
    let gateway_is_external = matches!(gateway_box, Some((BoxKind::External, _)));
    let provider = fields.optional("provider").and_then(|item| item.choice(&PROVIDERS, problems));
    let images = fields.optional("images").map(|item| read_defaults(&item, problems)).unwrap_or_default();
    let proxy_box = match &proxy_item {
        // What is behind a deployed gateway is deployed, too.
        None if gateway_is_external => {
            Some((BoxKind::None, Fields::none(&fields.child("proxy"), fields.at())))
        }
        item => open(item.as_ref(), &fields, "proxy", &ANY_STARTED, problems),
    };
    let proxy_box = provided(proxy_box, provider);
    let kafka_box = open(kafka_item.as_ref(), &fields, "kafka", &STARTED_OR_EXTERNAL, problems);
    let kafka_box = provided(kafka_box, provider);

    let kind_of = |opened: &Option<(BoxKind, Fields<'_>)>| opened.as_ref().map(|(kind, _)| *kind);
    let (idp_kind, gateway_kind) = (kind_of(&idp_box), kind_of(&gateway_box));
    let (proxy_kind, kafka_kind) = (kind_of(&proxy_box), kind_of(&kafka_box));
    if idp_kind == Some(BoxKind::None) && gateway_kind == Some(BoxKind::Embedded) {
        let at = idp_item.as_ref().map_or_else(|| fields.at(), Item::at);
        problems.suggest(
            at,
            &fields.child("idp"),
            "cannot be none beside an embedded gateway, which checks its tokens",
            "write `idp: { kind: embedded }`, or `gateway: { kind: none }` to go straight to the proxy",
        );
    }

    let kinds =
        deployed::Kinds { idp: idp_kind, gateway: gateway_kind, proxy: proxy_kind, kafka: kafka_kind };
    let places = |name: &'static str| match name {
        "idp" => idp_item.as_ref().map_or_else(|| fields.at(), Item::at),
        "proxy" => proxy_item.as_ref().map_or_else(|| fields.at(), Item::at),
        _ => kafka_item.as_ref().map_or_else(|| fields.at(), Item::at),
    };
    deployed::check(kinds, &fields, places, problems);

    let mut ports = Ports::default();
    let stack = StackSpec {
        idp: read_idp(idp_box, (around, &images), &mut ports, problems),
        gateway: read_gateway(gateway_box, (allowed, &images), &mut ports, problems),
        proxy: read_proxy(proxy_box, (around, &images), &mut ports, problems),
        // Load reaches an external cluster through a proxy that landfall starts; an external proxy is configured by
        // somebody who has decided where it writes.
        kafka: read_kafka(
            kafka_box,
            (matches!(proxy_kind, Some(BoxKind::Embedded | BoxKind::Container)).then_some(allowed), &images),
            &mut ports,
            problems,
        ),
    };
    if let (Some(proxy_kind), Some(kafka_kind)) = (proxy_kind, kafka_kind) {
        let at = kafka_item.as_ref().map_or_else(|| fields.at(), Item::at);
        fit::check((proxy_kind, kafka_kind), &stack, (at, &fields.child("kafka")), problems);
    }
    fields.finish(&REFUSED_BOXES, problems);
    stack
}

/// How TLS is to be spoken to `url`: the field `tls`.
pub(super) fn read_tls_of(url: &str, fields: &mut Fields<'_>, problems: &mut Problems) -> TlsSettings {
    let Some(item) = fields.optional("tls") else { return TlsSettings::default() };
    let tls = item.fields(problems).map(|fields| read_trust(fields, problems)).unwrap_or_default();
    if url.starts_with("http://") {
        let remedy = "write `url: https://…`, or remove it";
        item.suggest(problems, "is of no use where the URL is http", remedy);
    }
    tls
}

/// Who is trusted, and under which name; no other field is left.
pub(super) fn read_trust(mut fields: Fields<'_>, problems: &mut Problems) -> TlsSettings {
    let ca = fields.optional("ca").and_then(|item| Some(item.at().resolve(item.name(problems)?)));
    let server_name =
        fields.optional("server_name").and_then(|item| item.name(problems).map(ToOwned::to_owned));
    let refused =
        "a server that cannot be trusted is not spoken to; name the authority's certificate in `ca`";
    fields.finish(&[("insecure", refused), ("verify", refused)], problems);
    TlsSettings { ca, server_name }
}

/// The kind and the fields of a box; `kind` may be left out, and a box of its kind alone may be written as
/// that word. A box that is not there is embedded.
fn open<'t>(
    item: Option<&Item<'t>>,
    stack: &Fields<'t>,
    name: &str,
    kinds: &[(&str, BoxKind)],
    problems: &mut Problems,
) -> Option<(BoxKind, Fields<'t>)> {
    let Some(item) = item else {
        return Some((BoxKind::Embedded, Fields::none(&stack.child(name), stack.at())));
    };
    open_item(item, (name, kinds, BoxKind::Embedded), problems)
}

/// The same of one that is there, and is of the kind `usual` where it does not say.
pub(super) fn open_item<'t>(
    item: &Item<'t>,
    (name, kinds, usual): (&str, &[(&str, BoxKind)], BoxKind),
    problems: &mut Problems,
) -> Option<(BoxKind, Fields<'t>)> {
    if item.written().is_some() {
        return Some((read_kind(item, name, kinds, problems)?, Fields::none(&item.path, item.at())));
    }
    let mut fields = item.fields(problems)?;
    let kind = match fields.optional("kind") {
        Some(kind) => read_kind(&kind, name, kinds, problems)?,
        None => usual,
    };
    Some((kind, fields))
}

/// The box as `provider` makes it: what would be embedded is of its kind.
fn provided(
    opened: Option<(BoxKind, Fields<'_>)>,
    provider: Option<BoxKind>,
) -> Option<(BoxKind, Fields<'_>)> {
    opened.map(|(kind, fields)| match provider {
        Some(provider) if kind == BoxKind::Embedded => (provider, fields),
        _ => (kind, fields),
    })
}

fn read_kind(
    item: &Item<'_>,
    name: &str,
    kinds: &[(&str, BoxKind)],
    problems: &mut Problems,
) -> Option<BoxKind> {
    let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    let written = item.written().unwrap_or_default();
    match written {
        "container" if names.contains(&"external") && !names.contains(&"container") => {
            let remedy = "start the container yourself and attach to it with `kind: external`, or use \
                          `kind: embedded`";
            item.suggest(problems, format!("landfall starts no containers for the {name}"), remedy);
            None
        }
        "container" | "external" | "none" if !names.contains(&written) => {
            item.suggest(problems, format!("the box {name} cannot be {}", quoted(written)), listed(&names));
            None
        }
        _ => item.choice(kinds, problems),
    }
}

/// The ports that boxes before have been given.
#[derive(Debug, Default)]
pub(super) struct Ports(Vec<(u16, &'static str)>);

impl Ports {
    /// The port of the embedded box `name`. Two boxes on one port are refused; 0 is any free one.
    pub(super) fn read(
        &mut self,
        name: &'static str,
        fields: &mut Fields<'_>,
        problems: &mut Problems,
    ) -> u16 {
        self.read_several(name, 1, fields, problems)
    }

    /// The first of `count` ports in a row, which is what is written; else as [`Self::read`].
    pub(super) fn read_several(
        &mut self,
        name: &'static str,
        count: u16,
        fields: &mut Fields<'_>,
        problems: &mut Problems,
    ) -> u16 {
        let item = fields.optional("port");
        item.and_then(|item| self.take(name, count, &item, problems)).unwrap_or(0)
    }

    /// The first of `count` ports in a row, which is what `item` says; `None` where it says no port.
    pub(super) fn take(
        &mut self,
        name: &'static str,
        count: u16,
        item: &Item<'_>,
        problems: &mut Problems,
    ) -> Option<u16> {
        let first = item.integer(&(0..=u16::MAX - (count - 1)), problems)?;
        if first == 0 {
            return Some(0);
        }
        let ports = first..=first.saturating_add(count - 1);
        if let Some((port, other)) = self.0.iter().find(|(taken, _)| ports.contains(taken)) {
            let message = format!("the port {port} is that of the box {other} already");
            item.suggest(problems, message, "choose another, or write 0 for any free one");
        }
        self.0.extend(ports.map(|port| (port, name)));
        Some(first)
    }
}

/// The field `name` as a duration within `from..=to`, or `default`.
pub(super) fn duration_or(
    fields: &mut Fields<'_>,
    name: &'static str,
    default: Duration,
    (from, to): (Duration, Duration),
    problems: &mut Problems,
) -> Duration {
    fields.optional(name).and_then(|item| item.duration(&(from..=to), problems)).unwrap_or(default)
}

/// Fields of containers, as refused elsewhere.
pub(super) fn of_containers(names: &[&'static str]) -> Vec<(&'static str, &'static str)> {
    names.iter().map(|name| (*name, OF_CONTAINER)).collect()
}

/// Whether the box that faults call `name` is in containers.
pub(super) fn is_container(stack: &StackSpec, name: &str) -> bool {
    match name {
        "proxy" => matches!(stack.proxy, ProxySpec::Container(_)),
        "kafka" => matches!(stack.kafka, KafkaSpec::Container(_)),
        _ => false,
    }
}

/// Whether the box that faults call `name` is embedded; `None` if no box of this name shows faults.
pub(super) fn is_embedded(stack: &StackSpec, name: &str) -> Option<bool> {
    match name {
        "idp" => Some(matches!(stack.idp, IdpSpec::Embedded(_))),
        "proxy" => Some(matches!(stack.proxy, ProxySpec::Embedded { .. })),
        // It stands before proxies in containers, too.
        "balancer" => Some(matches!(stack.proxy, ProxySpec::Embedded { .. } | ProxySpec::Container(_))),
        "gateway" => Some(matches!(stack.gateway, GatewaySpec::Embedded { .. })),
        "kafka" => Some(matches!(stack.kafka, KafkaSpec::Embedded { .. })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{ApiSpec, BalancerSpec, KeyTimes, LimitsSpec, ProxyRelease, RegistrySpec};
    use std::collections::BTreeSet;
    use std::path::Path;

    const REST: &str = "version: 1\nname: x\ntopics: [{ name: t }]\npartners: [{ name: p, secret: generated }]\n\
        workload: [{ partner: p, topic: t, format: v2-json, payload: { file: r }, \
        arrivals: { constant: 1/s }, for: 1s }]\n";

    fn stack(text: &str) -> Result<StackSpec, String> {
        let text = format!("{REST}{text}\n");
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.stack)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_box_may_be_left_out_or_written_as_a_word() {
        let default = stack("").unwrap();
        assert_eq!(stack("stack:"), Ok(default.clone()));
        assert_eq!(
            stack("stack: { idp: {}, gateway: embedded, proxy: { kind: embedded }, kafka: }"),
            Ok(default)
        );
        let none = stack("stack: { idp: none, gateway: { kind: none } }").unwrap();
        assert_eq!((none.idp, none.gateway), (IdpSpec::None, GatewaySpec::None));
    }

    #[test]
    fn options_are_read() {
        let text = "stack: { idp: { port: 1, token_life: 5s }, proxy: { port: 3, replicas: 16, idempotence: true, registry: embedded, blocked: [api.v2.topics.list, 'api.v3.*'] }, kafka: { port: 4, brokers: 3 }, \
            gateway: { port: 2, required_headers: [], authorizer_ttl: 0s, validate_credentials: false, leeway: 1m, integration_timeout: 50ms } }";
        let stack = stack(text).unwrap();
        let IdpSpec::Embedded(idp) = &stack.idp else { panic!("{:?}", stack.idp) };
        assert_eq!((idp.port, idp.token_life, idp.admin), (1, Duration::from_secs(5), None));
        let api = ApiSpec::Produce {
            required_headers: Vec::new(),
            authorizer_ttl: Duration::ZERO,
            validate_credentials: false,
            integration_timeout: Duration::from_millis(50),
        };
        let (limits, access_log) = (LimitsSpec::default(), None);
        let leeway = Duration::from_mins(1);
        assert_eq!(
            stack.gateway,
            GatewaySpec::Embedded {
                port: 2,
                tls: None,
                leeway,
                keys: KeyTimes::default(),
                api,
                limits,
                access_log
            }
        );
        let profile = ProxyRelease::Confluent7_9;
        let balancer = BalancerSpec::default();
        assert_eq!(
            stack.proxy,
            ProxySpec::Embedded {
                port: 3,
                replicas: 16,
                profile,
                idempotence: true,
                balancer,
                registry: Some(RegistrySpec::Embedded { port: 0 }),
                blocked: BTreeSet::from(["api.v2.topics.list".to_owned(), "api.v3.*".to_owned()])
            }
        );
        assert_eq!(stack.kafka, KafkaSpec::Embedded { port: 4, brokers: 3, sasl: None });
    }

    #[test]
    fn limits_of_options_hold() {
        for text in [
            "idp: { token_life: 4s }",
            "idp: { token_life: 24h1s }",
            "gateway: { authorizer_ttl: 1h1s }",
            "gateway: { integration_timeout: 49ms }",
            "gateway: { integration_timeout: 29001ms }",
            "gateway: { required_headers: [Accept, ACCEPT] }",
            "gateway: { required_headers: ['A B'] }",
            "proxy: { replicas: 0 }",
            "proxy: { replicas: 17 }",
            "proxy: { profile: confluent-5.5 }",
            "proxy: { registry: karapace }",
            "proxy: { registry: { port: 65536 } }",
            "proxy: { registry: { url: 'http://127.0.0.1:8081' } }",
            "proxy: { registry: { kind: none, port: 1 } }",
            "proxy: { port: 8081, registry: { port: 8081 } }",
            "proxy: { blocked: [topics] }",
            "proxy: { blocked: [api.v2.] }",
            "proxy: { port: 65536 }",
            "kafka: { brokers: 0 }",
            "kafka: { brokers: 10 }",
            "kafka: { port: 65535, brokers: 2 }",
            "kafka: { bootstrap: 'localhost:9092' }",
            "kafka: { kind: external }",
            "proxy: { kind: external }",
            "proxy: { kind: none }",
            "gateway: { kind: external }",
            "proxy: 5",
            "proxy: []",
        ] {
            assert!(stack(&format!("stack: {{ {text} }}")).is_err(), "{text}");
        }
    }

    #[test]
    fn no_two_boxes_share_a_port() {
        for (text, refused) in [
            (
                "idp: { port: 5 }, gateway: { port: 5 }",
                "stack.gateway.port: the port 5 is that of the box idp",
            ),
            (
                "gateway: { port: 5 }, kafka: { port: 5 }",
                "stack.kafka.port: the port 5 is that of the box gateway",
            ),
            ("proxy: { port: 5 }, idp: { port: 5 }", "stack.proxy.port: the port 5 is that of the box idp"),
            (
                "idp: { port: 5 }, kafka: { port: 3, brokers: 3 }",
                "stack.kafka.port: the port 5 is that of the box idp",
            ),
        ] {
            let error = stack(&format!("stack: {{ {text} }}")).unwrap_err();
            assert!(error.contains(refused) && error.lines().count() == 1, "{error}");
        }
        assert!(stack("stack: { idp: { port: 0 }, gateway: { port: 0 }, proxy: { port: 5 } }").is_ok());
    }

    #[test]
    fn what_an_override_empties_may_be_of_another_kind() {
        assert!(stack("stack: { kafka: { kind: embedded, bootstrap: null } }").is_ok());
    }
}
