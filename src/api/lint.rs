//! What is legal in a definition, and seldom what its author wants.

use std::fmt;

use serde::Serialize;

use super::cursor::UNKNOWN_EXTENSION;
use super::mapping::fatal_headers;
use super::model::{
    Api, AuthorizerKind, Integration, IntegrationKind, Method, Passthrough, Place, Remark, Route, Security,
};
use super::plan::{origin_of, unservable};

/// Media types that clients of a REST Proxy's v2 send (Confluent REST Proxy API reference, "Content types").
const KAFKA_TYPES: [&str; 2] = ["application/vnd.kafka.json.v2+json", "application/vnd.kafka.binary.v2+json"];

/// Something that the author of a definition should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lint {
    /// How grave it is.
    pub level: Level,
    /// The place, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is to be said of it.
    pub message: String,
}

/// How grave a remark is, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// landfall's gateway cannot serve this.
    Unsupported,
    /// It is served, and seldom what its author wants.
    Trap,
    /// It is as it should be, and good to know.
    Note,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "unsupported",
            Self::Trap => "trap",
            Self::Note => "note",
        })
    }
}

/// The traps in a definition, by place. `read` has found what cannot be served; this finds what can, to somebody's
/// surprise.
#[must_use]
pub fn lint(api: &Api) -> Vec<Lint> {
    let told = |level| {
        move |remark: &Remark| Lint {
            level,
            pointer: remark.pointer.clone(),
            message: remark.message.clone(),
        }
    };
    let level = |remark: &Remark| if remark.message == UNKNOWN_EXTENSION { Level::Note } else { Level::Trap };
    let mut remarks: Vec<Lint> = api.remarks.iter().map(|remark| told(level(remark))(remark)).collect();
    if !api.has_extensions {
        remarks.push(Lint {
            level: Level::Trap,
            pointer: String::new(),
            message: "has no extensions of API Gateway, so it says nothing of authorizers, validators and back ends; export it \
                      with `--parameters extensions='apigateway'`"
                .into(),
        });
    }
    for route in &api.routes {
        unvalidated(route, &mut remarks);
        unrequired(route, &mut remarks);
        unprotected(api, route, &mut remarks);
        if let Some(integration) = &route.integration {
            spoofable(route, integration, &mut remarks);
            mapped_in_vain(integration, &mut remarks);
            barred_port(integration, &mut remarks);
            unmapped_path(integration, &mut remarks);
        }
        greedy(api, route, &mut remarks);
        binary(api, route, &mut remarks);
    }
    remarks.extend(unservable(api).iter().map(told(Level::Unsupported)));
    authorizers(api, &mut remarks);
    remarks.sort();
    remarks.dedup();
    remarks
}

fn add(remarks: &mut Vec<Lint>, pointer: &str, message: String) {
    remarks.push(Lint { level: Level::Trap, pointer: pointer.to_owned(), message });
}

fn note(remarks: &mut Vec<Lint>, pointer: &str, message: String) {
    remarks.push(Lint { level: Level::Note, pointer: pointer.to_owned(), message });
}

/// Bodies that no model is asked about.
fn unvalidated(route: &Route, remarks: &mut Vec<Lint>) {
    let body = route.validator.as_ref().is_some_and(|validator| validator.body);
    if !route.models.is_empty() && !body {
        add(
            remarks,
            &route.pointer,
            "has a model for its bodies, and no validator that holds them against it: no body is refused"
                .into(),
        );
    }
    if !body || route.models.contains_key("$default") || refuses_other_types(route) {
        return;
    }
    if route.models.is_empty() {
        let takes_bodies =
            ["POST", "PUT", "PATCH"].iter().any(|method| route.method == Method::One((*method).into()));
        if takes_bodies {
            note(
                remarks,
                &route.pointer,
                "is to have its bodies checked, and has no model: no body is refused".into(),
            );
        }
        return;
    }
    let unchecked: Vec<&str> =
        KAFKA_TYPES.into_iter().filter(|media| !route.models.contains_key(*media)).collect();
    if !unchecked.is_empty() {
        let media: Vec<&str> = route.models.keys().map(String::as_str).collect();
        add(
            remarks,
            &route.pointer,
            format!(
                "has models for {} only: bodies of any other Content-Type, {} among them, are passed on unchecked; name these \
                 types, or `$default`",
                media.join(", "),
                unchecked.join(" and ")
            ),
        );
    }
}

/// Whether bodies of types without a template are refused, so that none passes unchecked.
fn refuses_other_types(route: &Route) -> bool {
    route.integration.as_ref().is_some_and(|integration| {
        integration.kind == IntegrationKind::Http
            && match integration.passthrough {
                Passthrough::Never => true,
                Passthrough::WhenNoTemplates => !integration.templates.is_empty(),
                Passthrough::WhenNoMatch => false,
            }
    })
}

/// Headers and parameters that must be there, and that nobody looks for.
fn unrequired(route: &Route, remarks: &mut Vec<Lint>) {
    let required =
        route.parameters.iter().any(|parameter| parameter.required && parameter.place != Place::Path);
    let looked_for = route.validator.as_ref().is_some_and(|validator| validator.parameters);
    if required && !looked_for {
        add(
            remarks,
            &route.pointer,
            "has required headers or query parameters, and no validator that looks for them".into(),
        );
    }
}

/// Methods that anybody may call, beside others that nobody may.
fn unprotected(api: &Api, route: &Route, remarks: &mut Vec<Lint>) {
    let is_mock =
        route.integration.as_ref().is_some_and(|integration| integration.kind == IntegrationKind::Mock);
    // A preflight brings no credentials.
    let is_preflight = route.method == Method::One("OPTIONS".into());
    let is_open = route.security == Security::Open && !route.api_key_required;
    // Whom a resource policy lets in, nobody here can tell.
    if is_open && !api.authorizers.is_empty() && !is_mock && !is_preflight && api.policy.is_none() {
        add(
            remarks,
            &route.pointer,
            "may be called by anybody, while other methods have an authorizer".into(),
        );
    }
}

/// What the authorizer tells the back end, and the client can tell it as well.
fn spoofable(route: &Route, integration: &Integration, remarks: &mut Vec<Lint>) {
    if integration.kind != IntegrationKind::HttpProxy || route.security == Security::Open {
        return;
    }
    let told = integration.parameters.values().any(|source| source.starts_with("context.authorizer."));
    if !told {
        note(
            remarks,
            &integration.pointer,
            "passes nothing of the authorizer's context on, while a client's own headers pass as they are: a back end must \
             not trust any header that names the caller"
                .into(),
        );
    }
}

/// Headers whose mapping makes each call fail.
fn mapped_in_vain(integration: &Integration, remarks: &mut Vec<Lint>) {
    for header in fatal_headers(&integration.parameters) {
        let message = format!("maps the header `{header}`, which makes every call fail with 500");
        add(remarks, &integration.pointer, message);
    }
}

/// Ports that API Gateway does not call (Developer Guide, "HTTP integrations for REST APIs").
fn barred_port(integration: &Integration, remarks: &mut Vec<Lint>) {
    let port = origin_of(&integration.uri)
        .and_then(|(origin, _)| origin.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()));
    if let Some(port) = port.filter(|port| !matches!(port, 80 | 443 | 1024..)) {
        let message = format!("goes to port {port}; API Gateway calls 80, 443 and those from 1024 on");
        add(remarks, &integration.pointer, message);
    }
}

/// Parts of the back end's path that nothing fills.
fn unmapped_path(integration: &Integration, remarks: &mut Vec<Lint>) {
    for name in placeholders(&integration.uri) {
        if !integration.parameters.contains_key(&format!("integration.request.path.{name}")) {
            let message = format!(
                "has `{{{name}}}` in its URI, and no `integration.request.path.{name}` that fills it"
            );
            add(remarks, &integration.pointer, message);
        }
    }
}

/// Names in braces, but for stage variables.
fn placeholders(uri: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = uri;
    while let Some(open) = rest.find('{') {
        let variable = rest[..open].ends_with('$');
        let Some(length) = rest[open..].find('}') else { break };
        if !variable {
            names.push(&rest[open + 1..open + length]);
        }
        rest = &rest[open + length + 1..];
    }
    names
}

/// Paths that take everything below a resource, and not the resource itself.
fn greedy(api: &Api, route: &Route, remarks: &mut Vec<Lint>) {
    if let Some(parent) =
        route.path.strip_suffix("+}").and_then(|path| path.rsplit_once("/{")).map(|(parent, _)| parent)
        && !parent.is_empty()
        && route.method == Method::Any
        && !api.routes.iter().any(|other| other.path == parent)
    {
        let message = format!(
            "takes what lies below `{parent}`, and not `{parent}` itself, which is answered with 403"
        );
        note(remarks, &route.pointer, message);
    }
}

/// Bodies that are bytes, and are read as text.
fn binary(api: &Api, route: &Route, remarks: &mut Vec<Lint>) {
    let is_listed =
        |media: &str| api.binary_media_types.iter().any(|listed| listed == "*/*" || listed == media);
    for media in route.models.keys().filter(|media| is_binary(media) && !is_listed(media)) {
        let message = format!(
            "takes `{media}`, which is not among the binary media types: bytes that are no UTF-8 are replaced on the way"
        );
        add(remarks, &route.pointer, message);
    }
}

fn is_binary(media: &str) -> bool {
    [
        "application/octet-stream",
        "application/x-protobuf",
        "application/gzip",
        "avro/binary",
        "application/avro",
    ]
    .contains(&media)
}

fn authorizers(api: &Api, remarks: &mut Vec<Lint>) {
    for authorizer in api.authorizers.values() {
        if let AuthorizerKind::Token { expression: Some(expression), .. } = &authorizer.kind
            && !(expression.starts_with('^') && expression.ends_with('$'))
        {
            let message = "has a validation expression that is not anchored: write `^…$`, since it is not documented whether \
                           it must fit the whole of the token";
            note(remarks, &authorizer.pointer, message.into());
        }
        if let AuthorizerKind::Request { sources } = &authorizer.kind
            && sources.is_empty()
            && !authorizer.ttl.is_zero()
        {
            let message = "keeps results, and has no identity source to keep them by";
            add(remarks, &authorizer.pointer, message.into());
        }
        if !authorizer.ttl.is_zero() {
            let message = format!(
                "keeps results for {} s for all methods alike: a policy must allow every method that its token may call, and \
                 a token is let in until then even when it has expired",
                authorizer.ttl.as_secs()
            );
            note(remarks, &authorizer.pointer, message);
        }
    }
}
