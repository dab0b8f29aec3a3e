//! A definition made ready to be served: templates and expressions read, stage variables put in, paths ordered.
//!
//! What stands in the way of serving it at all is a [`Problem`]; what concerns a route that nobody is about to call stays
//! with that route.

mod authorizer;
mod body;
mod integration;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use authorizer::{IdentitySource, PlannedAuthorizer, PlannedKind};
use body::Validators;
pub use body::{BodyCheck, media_type};
pub use integration::{
    BodyPath, HttpIntegration, MockIntegration, PlannedIntegration, PlannedResponse, TargetPath, Templates,
    response_for,
};

use super::cursor::member_pointer;
use super::mapping::{Mapping, header_mappings};
use super::model::{Api, ApiKeySource, Parameter, Place, Remark, Route, Security};
use super::paths::Paths;
use super::template::{Dialect, Template};

/// The stage that an API is served in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
    /// The path before all others, without a slash at its end: `/prod`, or nothing.
    pub base_path: String,
}

/// An API, ready to be served.
#[derive(Debug)]
pub struct Plan {
    /// The stage.
    pub stage: Stage,
    /// Which route a path leads to, as an index of `routes`.
    pub paths: Paths,
    /// The routes, in the definition's order.
    pub routes: Vec<Planned>,
    /// Authorizers by the name of their security scheme.
    pub authorizers: BTreeMap<String, PlannedAuthorizer>,
    /// Gateway responses that the API shapes, by their type.
    pub responses: BTreeMap<String, ShapedResponse>,
    /// Media types whose bodies are bytes.
    pub binary_media_types: Vec<String>,
    /// The least length of a response's body, in bytes, from which on it is compressed for those that take it so.
    pub minimum_compression_size: Option<u64>,
    /// Where API keys come from.
    pub api_key_source: ApiKeySource,
    /// What is not done as the definition asks, and what comes of it.
    pub warnings: Vec<Remark>,
}

/// A route, ready to be served or not.
#[derive(Debug)]
pub enum Planned {
    /// It can be served.
    Served(Box<Served>),
    /// It cannot.
    Unsupported {
        /// Path of the resource.
        path: String,
        /// Why not.
        because: Vec<Remark>,
    },
}

/// A route that is served.
#[derive(Debug)]
pub struct Served {
    /// Path of the resource, for instance `/topics/{topic}`.
    pub path: String,
    /// Name of the authorizer's security scheme; `None`: anybody may call.
    pub authorizer: Option<String>,
    /// Whether requests must bring an API key.
    pub api_key_required: bool,
    /// Parameters that must be there and not blank, headers first, then path, then query.
    pub required: Vec<Parameter>,
    /// What bodies are held against; `None` where they are not.
    pub body: Option<BodyCheck>,
    /// Where requests go.
    pub integration: PlannedIntegration,
}

/// A gateway response that the API shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapedResponse {
    /// Its status; `None` leaves that of its type.
    pub status: Option<u16>,
    /// Its headers.
    pub headers: Vec<Mapping<String>>,
    /// Bodies by media type.
    pub templates: BTreeMap<String, Template>,
}

/// What stands in the way of serving an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Requests that will be sent meet with what landfall cannot do.
    #[error("#{} {}, and {method} {path} is sent there", remark.pointer, remark.message)]
    Unsupported {
        /// Where and what.
        remark: Remark,
        /// Method of such a request.
        method: String,
        /// Path of such a request.
        path: String,
    },
    /// A back end that nothing stands in for.
    #[error(
        "#{pointer} goes to {origin}, which nothing stands in for; write `integrations: {{ \"{origin}\": balancer }}`, or a \
         URL on this machine"
    )]
    Unmapped {
        /// The integration.
        pointer: String,
        /// Scheme, host and port.
        origin: String,
    },
    /// A stand-in for nothing.
    #[error("`integrations` names {origin}, which no route goes to; these are gone to: {}", .known.join(", "))]
    MappedInVain {
        /// What is named.
        origin: String,
        /// Where routes go.
        known: Vec<String>,
    },
    /// A stage variable without a value.
    #[error("#{pointer} needs the stage variable `{name}`; write `stage_variables: {{ {name}: … }}`")]
    NoVariable {
        /// The integration.
        pointer: String,
        /// The variable.
        name: String,
    },
    /// An authorizer whose code runs nowhere.
    #[error(
        "#{pointer} is the authorizer `{scheme}`, and nothing says where its code runs; write `authorizers: {{ {scheme}: \
         {{ run: builtin }} }}`, or `lambda`, `rie` or `policy`"
    )]
    NoAuthorizer {
        /// The authorizer.
        pointer: String,
        /// Its security scheme.
        scheme: String,
    },
    /// Code of an authorizer that the API has not.
    #[error("`authorizers` names {scheme}, which is no authorizer of the definition; it has: {}", .known.join(", "))]
    AuthorizerInVain {
        /// What is named.
        scheme: String,
        /// What there is.
        known: Vec<String>,
    },
}

/// All that stands in the way of serving an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotServable(pub Vec<Problem>);

impl fmt::Display for NotServable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for NotServable {}

/// What is known of an API's surroundings.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The stage.
    pub stage: Stage,
    /// Back ends that something stands in for, as [`origin_of`] writes them.
    pub origins: BTreeSet<String>,
    /// Security schemes of authorizers whose code runs somewhere.
    pub authorizers: BTreeSet<String>,
    /// Requests that will be sent, by method and path behind the base path.
    pub used: Vec<(String, String)>,
}

impl Plan {
    /// Makes an API ready to be served.
    ///
    /// # Errors
    /// [`NotServable`] with everything that stands in the way.
    pub fn new(api: &Api, around: Surroundings) -> Result<Self, NotServable> {
        let mut problems = Vec::new();
        let mut validators = Validators::default();
        let (authorizers, broken) = planned_authorizers(api);
        let paths = Paths::new(&api.routes);
        let mut origins = BTreeSet::new();
        let mut needed = BTreeSet::new();
        let mut routes = Vec::new();
        let mut warnings = Vec::new();
        for route in &api.routes {
            let variable = |name: &str| around.stage.variables.get(name).map(String::as_str);
            let (served, unsupported) = served(route, &broken, &variable, &mut validators, &mut problems);
            let Some(served) = served.filter(|_| unsupported.is_empty()) else {
                warnings.extend(unsupported.iter().map(|remark| Remark {
                    message: format!("{}; its requests are answered with 500", remark.message),
                    ..remark.clone()
                }));
                routes.push(Planned::Unsupported { path: route.path.clone(), because: unsupported });
                continue;
            };
            if let PlannedIntegration::Http(http) = &served.integration
                && origins.insert(http.origin.clone())
                && !around.origins.contains(&http.origin)
            {
                let origin = http.origin.clone();
                problems.push(Problem::Unmapped { pointer: http.pointer.clone(), origin });
            }
            needed.extend(served.authorizer.clone());
            routes.push(Planned::Served(Box::new(served)));
        }
        unused(&around, &origins, api, &mut problems);
        for scheme in needed.difference(&around.authorizers) {
            let pointer = api.authorizers.get(scheme).map(|of| of.pointer.clone()).unwrap_or_default();
            problems.push(Problem::NoAuthorizer { pointer, scheme: scheme.clone() });
        }
        for (method, path) in around.used {
            let Some(found) = paths.find(&method, &path) else { continue };
            if let Planned::Unsupported { because, .. } = &routes[found.route] {
                problems.extend(because.iter().map(|remark| {
                    let (method, path) = (method.clone(), path.clone());
                    Problem::Unsupported { remark: remark.clone(), method, path }
                }));
            }
        }
        let responses = shaped_responses(api, &mut warnings);
        problems.dedup();
        if !problems.is_empty() {
            return Err(NotServable(problems));
        }
        Ok(Self {
            stage: around.stage,
            paths,
            routes,
            authorizers,
            responses,
            binary_media_types: api.binary_media_types.clone(),
            minimum_compression_size: api.minimum_compression_size,
            api_key_source: api.api_key_source,
            warnings,
        })
    }

    /// A route, where it can be served.
    #[must_use]
    pub fn served(&self, route: usize) -> Option<&Served> {
        match self.routes.get(route)? {
            Planned::Served(served) => Some(served),
            Planned::Unsupported { .. } => None,
        }
    }
}

/// What the surroundings name and the API has not: misspelt, most likely.
fn unused(around: &Surroundings, origins: &BTreeSet<String>, api: &Api, problems: &mut Vec<Problem>) {
    for origin in around.origins.difference(origins) {
        let known = origins.iter().cloned().collect();
        problems.push(Problem::MappedInVain { origin: origin.clone(), known });
    }
    for scheme in around.authorizers.iter().filter(|scheme| !api.authorizers.contains_key(*scheme)) {
        let known = api.authorizers.keys().cloned().collect();
        problems.push(Problem::AuthorizerInVain { scheme: scheme.clone(), known });
    }
}

/// What landfall's gateway cannot do as the definition asks, whatever the stage.
#[must_use]
pub(super) fn unservable(api: &Api) -> Vec<Remark> {
    let (_, broken) = planned_authorizers(api);
    let mut validators = Validators::default();
    let told = |route| served(route, &broken, &|_| Some("variable"), &mut validators, &mut Vec::new()).1;
    api.routes.iter().flat_map(told).collect()
}

/// Authorizers by their security scheme, and what stands in the way of those that cannot be asked.
fn planned_authorizers(api: &Api) -> (BTreeMap<String, PlannedAuthorizer>, BTreeMap<String, Remark>) {
    let (mut authorizers, mut broken) = (BTreeMap::new(), BTreeMap::new());
    for (scheme, authorizer) in &api.authorizers {
        match PlannedAuthorizer::new(authorizer) {
            Ok(planned) => drop(authorizers.insert(scheme.clone(), planned)),
            Err(remark) => drop(broken.insert(scheme.clone(), remark)),
        }
    }
    (authorizers, broken)
}

/// A route made ready, as far as it can be, and what it asks that cannot be done.
fn served(
    route: &Route,
    broken: &BTreeMap<String, Remark>,
    variable: Variable<'_>,
    validators: &mut Validators,
    problems: &mut Vec<Problem>,
) -> (Option<Served>, Vec<Remark>) {
    let mut unsupported = route.unsupported.clone();
    if let Security::Authorizer(scheme) = &route.security {
        unsupported.extend(broken.get(scheme).cloned());
    }
    let served = ready(route, variable, validators, &mut unsupported, problems);
    (served, unsupported)
}

fn ready(
    route: &Route,
    variable: Variable<'_>,
    validators: &mut Validators,
    unsupported: &mut Vec<Remark>,
    problems: &mut Vec<Problem>,
) -> Option<Served> {
    let authorizer = match &route.security {
        Security::Open => None,
        Security::Authorizer(scheme) => Some(scheme.clone()),
        Security::Unsupported(_) => return None,
    };
    let integration = route.integration.as_ref()?;
    let integration = integration::planned(integration, variable, unsupported, problems)?;
    let validator = route.validator.as_ref();
    let mut required: Vec<Parameter> = route.parameters.iter().filter(|p| p.required).cloned().collect();
    required.retain(|_| validator.is_some_and(|validator| validator.parameters));
    // The order in which those that are missing are named: header, path, query.
    required.sort_by_key(|parameter| match parameter.place {
        Place::Header => 0,
        Place::Path => 1,
        Place::Query => 2,
    });
    let body = validator.is_some_and(|validator| validator.body);
    let body = body.then(|| BodyCheck::new(&route.models, &route.pointer, validators, unsupported));
    Some(Served {
        path: route.path.clone(),
        authorizer,
        api_key_required: route.api_key_required,
        required,
        body,
        integration,
    })
}

fn shaped_responses(api: &Api, warnings: &mut Vec<Remark>) -> BTreeMap<String, ShapedResponse> {
    let shaped = |(kind, response): (&String, &super::model::GatewayResponse)| {
        let pointer = member_pointer("/x-amazon-apigateway-gateway-responses", kind);
        let mut passed_over = Vec::new();
        let headers =
            header_mappings(&response.parameters, "gatewayresponse.header.", &pointer, &mut passed_over);
        warnings.extend(passed_over.into_iter().map(|remark| Remark {
            message: format!("{}; the response goes without it", remark.message),
            ..remark
        }));
        let template = |(media, text): (&String, &String)| {
            // Nothing is refused in this dialect.
            Some((media.clone(), Template::parse(text, Dialect::Substitution).ok()?))
        };
        let templates = response.templates.iter().filter_map(template).collect();
        (kind.clone(), ShapedResponse { status: response.status, headers, templates })
    };
    api.responses.iter().map(shaped).collect()
}

/// What looks up a stage variable.
type Variable<'v> = &'v dyn Fn(&str) -> Option<&'v str>;

/// A text with its `${stageVariables.NAME}` replaced.
///
/// # Errors
/// The name of a variable that has no value.
pub(super) fn with_variables(text: &str, value: Variable<'_>) -> Result<String, String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${stageVariables.") {
        let name = &rest[at + "${stageVariables.".len()..];
        let Some((name, after)) = name.split_once('}') else { break };
        whole.push_str(&rest[..at]);
        whole.push_str(value(name).ok_or_else(|| name.to_owned())?);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

/// Scheme, host and port of an http URL, in small letters and with the port written out, and what follows them.
/// `None` where it is no such URL, or has user information in it.
#[must_use]
pub fn origin_of(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let port = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.to_ascii_lowercase();
    let plain = !authority.is_empty() && !authority.contains(['@', '{', '}', '$', ' ', '\\']);
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let authority = if has_port { authority } else { format!("{authority}:{port}") };
    let port_fits = authority
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    (plain && port_fits).then(|| (format!("{scheme}://{authority}"), path))
}

#[cfg(test)]
mod tests;
