//! A gateway that is deployed, and what may stand beside it.

use super::boxes::{BoxKind, OF_EMBEDDED, read_tls_of};
use super::decode::Fields;
use super::error::{Place, Problems};
use super::hosts::read_url;
use super::model::GatewaySpec;
use super::proxy::read_cluster_id;

/// Reads an external gateway; `options` are those of an embedded one.
pub(super) fn read_external_gateway(
    mut fields: Fields<'_>,
    allowed: &[String],
    options: &[&'static str],
    problems: &mut Problems,
) -> GatewaySpec {
    let url = fields
        .required("url", "https://abc123.execute-api.eu-west-1.amazonaws.com/prod", problems)
        .and_then(|item| read_url(&item, allowed, problems))
        .unwrap_or_default();
    let tls = read_tls_of(&url, &mut fields, problems);
    let cluster_id = fields.optional("cluster_id").and_then(|item| read_cluster_id(&item, problems));
    let mut refused: Vec<(&str, &str)> = options.iter().map(|name| (*name, OF_EMBEDDED)).collect();
    refused.push(("stage", "is part of the `url`"));
    fields.finish(&refused, problems);
    GatewaySpec::External { url, tls, cluster_id }
}

/// The kinds of the boxes, as far as they could be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kinds {
    pub(super) idp: Option<BoxKind>,
    pub(super) gateway: Option<BoxKind>,
    pub(super) proxy: Option<BoxKind>,
    pub(super) kafka: Option<BoxKind>,
}

/// Makes sure that what stands beside a deployed gateway can be reached by it, or is none of landfall's business. `places`
/// tells where a box is written.
pub(super) fn check<'t>(
    kinds: Kinds,
    stack: &Fields<'_>,
    places: impl Fn(&'static str) -> &'t Place,
    problems: &mut Problems,
) {
    let mut wrong = |name: &'static str, message: &str, remedy: &str| {
        problems.suggest(places(name), &stack.child(name), message, remedy);
    };
    if kinds.gateway != Some(BoxKind::External) {
        if kinds.proxy == Some(BoxKind::None) && kinds.gateway.is_some() {
            let message = "cannot be none: without an external gateway the load needs a proxy";
            wrong(
                "proxy",
                message,
                "leave it out for an embedded one, or write `proxy: { kind: external, url: … }`",
            );
        }
        return;
    }
    if matches!(kinds.idp, Some(BoxKind::Embedded | BoxKind::Container)) {
        let message = "cannot be started beside an external gateway, which knows nothing of its tokens";
        let remedy = "write `idp: { kind: external, issuer: … }`, or `idp: none` where partners have `headers` of their own";
        wrong("idp", message, remedy);
    }
    if kinds.proxy.is_some_and(|kind| kind != BoxKind::None) {
        let message = "stands behind the external gateway, and landfall never speaks to it";
        wrong("proxy", message, "leave it out");
    }
    if kinds.kafka.is_some_and(|kind| kind != BoxKind::External) {
        let message = "must be the one that the external gateway's proxy writes to";
        wrong("kafka", message, "write `kafka: { kind: external, bootstrap: … }`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{IdpSpec, ProxySpec, StackSpec, TlsSettings};
    use std::path::Path;

    fn stack(text: &str) -> Result<StackSpec, String> {
        let text = format!(
            "version: 1\nname: x\ntopics: [{{ name: t }}]\npartners: [{{ name: p, secret: {{ env: P }} }}]\n\
             workload: [{{ partner: p, topic: t, format: v2-json, payload: {{ file: r }}, \
             arrivals: {{ constant: 1/s }}, for: 1s }}]\nallow_hosts: [api.example.com, k]\nstack: {{ {text} }}\n"
        );
        crate::scenario::parse(&text, Path::new("x"), &[], &|_| unreachable!("extends nothing"))
            .map(|scenario| scenario.stack)
            .map_err(|error| error.to_string())
    }

    const GATEWAY: &str = "gateway: { kind: external, url: 'https://api.example.com/prod/' }";
    const KAFKA: &str = "kafka: { kind: external, bootstrap: 'k:9092' }";

    #[test]
    fn a_deployed_gateway_needs_no_proxy() {
        let read = stack(&format!("{GATEWAY}, {KAFKA}, idp: none")).unwrap();
        let url = "https://api.example.com:443/prod".to_owned();
        assert_eq!(
            read.gateway,
            GatewaySpec::External { url, tls: TlsSettings::default(), cluster_id: None }
        );
        assert_eq!((&read.proxy, &read.idp), (&ProxySpec::None, &IdpSpec::None));
        let idp = "idp: { kind: external, issuer: 'http://localhost:1/x' }";
        for proxy in ["proxy: none", "proxy: { kind: none }"] {
            assert!(stack(&format!("{GATEWAY}, {KAFKA}, {proxy}, {idp}")).is_ok());
        }
    }

    #[test]
    fn what_does_not_fit_a_deployed_gateway_is_told() {
        for (text, sentence) in [
            (format!("{GATEWAY}, {KAFKA}"), "stack.idp: cannot be started beside an external gateway"),
            (
                format!("{GATEWAY}, {KAFKA}, idp: container"),
                "stack.idp: cannot be started beside an external gateway",
            ),
            (format!("{GATEWAY}, {KAFKA}, idp: none, proxy: container"), "stack.proxy: stands behind"),
            (
                format!("{GATEWAY}, idp: none, kafka: container"),
                "stack.kafka: must be the one that the external gateway's proxy writes to",
            ),
            (
                format!("{GATEWAY}, idp: none, provider: container"),
                "stack.kafka: must be the one that the external gateway's proxy writes to",
            ),
            (
                format!("{GATEWAY}, idp: none"),
                "stack.kafka: must be the one that the external gateway's proxy writes to",
            ),
            (
                format!(
                    "{GATEWAY}, {KAFKA}, idp: none, proxy: {{ kind: external, url: 'http://localhost:1' }}"
                ),
                "stack.proxy: stands behind the external gateway",
            ),
            (format!("{GATEWAY}, {KAFKA}, idp: none, proxy: embedded"), "stack.proxy: stands behind"),
            ("proxy: none".to_owned(), "stack.proxy: cannot be none: without an external gateway"),
            (
                format!(
                    "gateway: {{ kind: external, url: 'https://other.example.com' }}, {KAFKA}, idp: none"
                ),
                "load may not be sent to the host `other.example.com`",
            ),
            (
                format!(
                    "gateway: {{ kind: external, url: 'https://api.example.com', stage: prod }}, {KAFKA}, idp: none"
                ),
                "stack.gateway.stage: is part of the `url`",
            ),
            (
                format!(
                    "gateway: {{ kind: external, url: 'https://api.example.com', throttle: {{ rate: 1/s }} }}, {KAFKA}, idp: none"
                ),
                "stack.gateway.throttle: belongs to `kind: embedded`",
            ),
        ] {
            let error = stack(&text).unwrap_err();
            assert!(error.contains(sentence) && error.lines().count() == 1, "{text}: {error}");
        }
    }
}
