//! Whether proxy and Kafka fit together: who can know, and reach, whom.

use super::boxes::BoxKind;
use super::error::{Place, Problems};
use super::hosts::{host_is_allowed, host_of};
use super::model::{GatewaySpec, KafkaSpec, ProxySpec, SecretSource, StackSpec};

/// Tells what does not fit. `at` is where Kafka is written, with its path. What stands behind a deployed gateway is told elsewhere.
pub(super) fn check(
    (proxy, kafka): (BoxKind, BoxKind),
    stack: &StackSpec,
    (at, path): (&Place, &str),
    problems: &mut Problems,
) {
    if !matches!(stack.gateway, GatewaySpec::External { .. }) {
        check_flaw(proxy, stack, at, problems);
        check_containers((proxy, kafka), &stack.kafka, at, problems);
    }
    if (proxy, kafka) == (BoxKind::External, BoxKind::Embedded) {
        check_embedded(&stack.kafka, (at, path), problems);
    }
}

/// An external proxy has been told of landfall's own Kafka before there is one.
fn check_embedded(kafka: &KafkaSpec, (at, path): (&Place, &str), problems: &mut Problems) {
    let KafkaSpec::Embedded { port, sasl, .. } = kafka else { return };
    if *port == 0 {
        problems.suggest(
            at,
            &format!("{path}.port"),
            "the external proxy must have been configured with the embedded Kafka's port, so it must be fixed",
            "write for instance `kafka: { kind: embedded, port: 9092 }`",
        );
    }
    if sasl.as_ref().is_some_and(|sasl| sasl.password == SecretSource::Generated) {
        problems.suggest(
            at,
            &format!("{path}.sasl.password"),
            "the external proxy must have been configured with the embedded Kafka's password, so it cannot be made up",
            "write `{ env: NAME }` or `{ file: path }`",
        );
    }
}

/// A flaw of Kafka's is met by proxies in containers, and by nobody before them.
fn check_flaw(proxy: BoxKind, stack: &StackSpec, at: &Place, problems: &mut Problems) {
    if !matches!(&stack.kafka, KafkaSpec::Container(kafka) if kafka.flaw.is_some()) {
        return;
    }
    let (message, remedy) = match &stack.proxy {
        _ if proxy != BoxKind::Container => (
            "is met by proxies in containers only, and the proxy of this stack is none",
            "write `proxy: { kind: container }`, or remove it",
        ),
        ProxySpec::Container(proxy) if proxy.registry.is_some() => (
            "would be met by the schema registry first, so that nothing is learnt of the proxy",
            "remove `stack.proxy.registry`, or write `flaw: none`",
        ),
        _ => return,
    };
    problems.suggest(at, "stack.kafka.flaw", message, remedy);
}

/// Proxies in containers reach Kafka in containers of the same network, or one elsewhere, and a proxy that runs already was configured by
/// somebody who cannot know where a container is going to be.
fn check_containers(
    (proxy, kafka): (BoxKind, BoxKind),
    spec: &KafkaSpec,
    at: &Place,
    problems: &mut Problems,
) {
    if proxy == BoxKind::Container
        && let KafkaSpec::External { bootstrap, .. } = spec
        && bootstrap.split(',').filter_map(host_of).any(|host| host_is_allowed(&host, &[]))
    {
        let message = "cannot be reached from a container, whose loopback is another one than this machine's";
        let remedy = "name an address at which containers reach it, for instance that of the engine's bridge";
        problems.suggest(at, "stack.kafka.bootstrap", message, remedy);
    }
    let (message, remedy) = match (proxy, kafka) {
        (BoxKind::Container, BoxKind::Embedded) => (
            "must be a container where the proxy is one, which reaches it by their network, or run elsewhere",
            "write `kafka: { kind: container }`, or `kind: external` with the `bootstrap` of one that runs already",
        ),
        (BoxKind::External, BoxKind::Container) => (
            "cannot be a container where the proxy runs already: nobody could have told that where its Kafka is",
            "write `proxy: { kind: container }`, or attach to the proxy's own Kafka with `kind: external`",
        ),
        _ => return,
    };
    problems.suggest(at, "stack.kafka", message, remedy);
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn proxies_in_containers_stand_before_a_kafka_that_they_can_reach() {
        let before = |kafka: &str, more: &str| {
            stack(&format!("stack: {{ proxy: container, kafka: {kafka} }}\n{more}"))
        };
        let external = |hosts: &str| format!("{{ kind: external, bootstrap: '{hosts}' }}");
        assert!(before(&external("k1:9092"), "allow_hosts: [k1]").is_ok());
        for (kafka, more, sentence) in [
            (external("k1:9092"), "", "load may not be sent to the host `k1`"),
            (
                external("k1:9092,localhost:1"),
                "allow_hosts: [k1]",
                "stack.kafka.bootstrap: cannot be reached from a container",
            ),
            (external("[::1]:9092"), "", "stack.kafka.bootstrap: cannot be reached from a container"),
            ("embedded".to_owned(), "", "stack.kafka: must be a container where the proxy is one"),
        ] {
            let error = before(&kafka, more).unwrap_err();
            assert!(error.contains(sentence) && error.lines().count() == 1, "{kafka}: {error}");
        }
        let error =
            stack("stack: { proxy: { kind: external, url: 'http://localhost:1' }, kafka: container }");
        assert!(error.unwrap_err().contains("stack.kafka: cannot be a container"));
    }

    #[test]
    fn external_and_embedded_boxes_mix_where_they_can() {
        let external = "proxy: { kind: external, url: 'http://localhost:1' }";
        assert!(stack(&format!("stack: {{ {external} }}")).unwrap_err().contains("stack.kafka.port"));
        assert!(stack(&format!("stack: {{ {external}, kafka: {{ port: 9092 }} }}")).is_ok());
        let sasl =
            |sasl: &str| stack(&format!("stack: {{ {external}, kafka: {{ port: 9092, sasl: {sasl} }} }}"));
        assert!(sasl("{ password: { env: P } }").is_ok());
        assert!(sasl("{}").unwrap_err().contains("stack.kafka.sasl.password"));
        let kafka = "kafka: { kind: external, bootstrap: 'k1:9092' }";
        // Somebody else's proxy writes where it was told to; landfall's own only where load may go.
        assert!(stack(&format!("stack: {{ {external}, {kafka} }}")).is_ok());
        let error = stack(&format!("stack: {{ {kafka} }}")).unwrap_err();
        assert!(error.contains("load may not be sent to the host `k1`"), "{error}");
        assert!(stack(&format!("stack: {{ {kafka} }}\nallow_hosts: [K1]")).is_ok());
    }
}
