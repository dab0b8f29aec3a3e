//! Integrations, made ready to be gone through.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use regex::bytes::Regex;

use super::body::media_type;
use super::{Problem, Variable, origin_of, with_variables};
use crate::api::cursor::member_pointer;
use crate::api::expression::of_statuses;
use crate::api::mapping::{Mapping, RequestTarget, fatal_headers, header_mappings, request_mappings};
use crate::api::model::{
    ConnectionType, Integration, IntegrationKind, IntegrationResponse, Passthrough, Remark,
};
use crate::api::template::{Dialect, Template};

/// Where requests go.
#[derive(Debug)]
pub enum PlannedIntegration {
    /// To an HTTP back end.
    Http(Box<HttpIntegration>),
    /// Nowhere: the gateway answers.
    Mock(Box<MockIntegration>),
}

/// An HTTP back end.
#[derive(Debug)]
pub struct HttpIntegration {
    /// Where it stands in the document, as a JSON pointer.
    pub pointer: String,
    /// Whether requests and responses pass as they are.
    pub is_proxy: bool,
    /// Scheme, host and port, as [`origin_of`] writes them.
    pub origin: String,
    /// Host and port as the definition writes them: what the back end sees as `Host`.
    pub host: String,
    /// Path, and query where the definition has one.
    pub path: TargetPath,
    /// Method of the back end's request; `None` takes the client's.
    pub method: Option<String>,
    /// Whether it goes through a VPC link, which has failures of its own.
    pub vpc_link: bool,
    /// How long the back end may take.
    pub timeout: Duration,
    /// What the back end's request gets.
    pub mappings: Vec<Mapping<RequestTarget>>,
    /// Whether a header is mapped that makes each call fail.
    pub is_fatal: bool,
    /// Bodies, where it is no proxy.
    pub templates: Templates,
    /// What the client gets, where it is no proxy.
    pub responses: Vec<PlannedResponse>,
}

/// An answer that the gateway makes up.
#[derive(Debug)]
pub struct MockIntegration {
    /// What chooses the response: JSON with a `statusCode`.
    pub templates: Templates,
    /// The responses.
    pub responses: Vec<PlannedResponse>,
}

/// Templates of request bodies.
#[derive(Debug)]
pub struct Templates {
    by_media: BTreeMap<String, Template>,
    passthrough: Passthrough,
}

/// A response of an integration that is no proxy.
#[derive(Debug)]
pub struct PlannedResponse {
    /// What the back end's status must fit; `None`: whatever fits no other.
    pattern: Option<Regex>,
    /// The client's status.
    pub status: u16,
    /// Headers of the client's response.
    pub headers: Vec<Mapping<String>>,
    /// Bodies by media type; without any, the back end's passes.
    pub templates: BTreeMap<String, Template>,
}

/// The path of the back end's requests, with `{parameters}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPath(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Parameter(String),
}

pub(super) fn planned(
    of: &Integration,
    variable: Variable<'_>,
    unsupported: &mut Vec<Remark>,
    problems: &mut Vec<Problem>,
) -> Option<PlannedIntegration> {
    let before = unsupported.len();
    let by_media = templates(&of.templates, &format!("{}/requestTemplates", of.pointer), unsupported);
    let templates = Templates { by_media, passthrough: of.passthrough };
    let responses = responses(of, unsupported);
    if of.kind == IntegrationKind::Mock {
        return Some(PlannedIntegration::Mock(Box::new(MockIntegration { templates, responses })));
    }
    let uri = match with_variables(&of.uri, variable) {
        Ok(uri) => uri,
        Err(name) => {
            problems.push(Problem::NoVariable { pointer: format!("{}/uri", of.pointer), name });
            return None;
        }
    };
    let Some((origin, path)) = origin_of(&uri) else {
        let message = format!("has the URI `{uri}`, which is no URL of http or https with a fixed host");
        unsupported.push(Remark { pointer: format!("{}/uri", of.pointer), message });
        return None;
    };
    let mappings = request_mappings(&of.parameters, &of.pointer, unsupported);
    let host = uri.split_once("://").map(|(_, rest)| rest.strip_suffix(path).unwrap_or(rest));
    (unsupported.len() == before).then(|| {
        PlannedIntegration::Http(Box::new(HttpIntegration {
            pointer: of.pointer.clone(),
            is_proxy: of.kind == IntegrationKind::HttpProxy,
            host: host.unwrap_or_default().to_owned(),
            path: TargetPath::parse(path),
            origin,
            method: of.method.clone(),
            vpc_link: matches!(of.connection, ConnectionType::VpcLink(_)),
            timeout: of.timeout,
            mappings,
            is_fatal: fatal_headers(&of.parameters).next().is_some(),
            templates,
            responses,
        }))
    })
}

fn templates(
    texts: &BTreeMap<String, String>,
    pointer: &str,
    unsupported: &mut Vec<Remark>,
) -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for (media, text) in texts {
        match Template::parse(text, Dialect::Velocity) {
            Ok(template) => drop(templates.insert(media.to_ascii_lowercase(), template)),
            Err(message) => {
                let pointer = member_pointer(pointer, media);
                // The reader has remarked directives already.
                if !unsupported.iter().any(|remark| remark.pointer == pointer) {
                    unsupported.push(Remark { pointer, message });
                }
            }
        }
    }
    templates
}

fn responses(of: &Integration, unsupported: &mut Vec<Remark>) -> Vec<PlannedResponse> {
    let mut planned = Vec::new();
    for (pattern, response) in &of.responses {
        let IntegrationResponse { status, parameters, templates: texts } = response;
        let pointer = member_pointer(&format!("{}/responses", of.pointer), pattern);
        let expression = (pattern != "default").then(|| of_statuses(pattern)).transpose();
        let Ok(expression) = expression else {
            let message = "is a pattern that landfall's gateway cannot evaluate".into();
            unsupported.push(Remark { pointer, message });
            continue;
        };
        planned.push(PlannedResponse {
            pattern: expression,
            status: *status,
            headers: header_mappings(parameters, "method.response.header.", &pointer, unsupported),
            templates: templates(texts, &format!("{pointer}/responseTemplates"), unsupported),
        });
    }
    planned
}

/// The response for this status: one whose pattern fits, or the default.
#[must_use]
pub fn response_for(responses: &[PlannedResponse], status: u16) -> Option<&PlannedResponse> {
    let status = status.to_string();
    let fits = |response: &&PlannedResponse| {
        response.pattern.as_ref().is_some_and(|p| p.is_match(status.as_bytes()))
    };
    responses.iter().find(fits).or_else(|| responses.iter().find(|response| response.pattern.is_none()))
}

/// What becomes of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyPath<'p> {
    /// It goes through a template.
    Through(&'p Template),
    /// It passes as it is.
    Passes,
    /// It is refused with 415.
    Refused,
}

impl Templates {
    /// What becomes of a body of this type; without a type it is taken for `application/json`.
    #[must_use]
    pub fn path_of(&self, content_type: Option<&str>) -> BodyPath<'_> {
        let media = media_type(content_type);
        if let Some(template) = self.by_media.get(&media.to_ascii_lowercase()) {
            return BodyPath::Through(template);
        }
        match self.passthrough {
            Passthrough::WhenNoMatch => BodyPath::Passes,
            Passthrough::WhenNoTemplates if self.by_media.is_empty() => BodyPath::Passes,
            Passthrough::WhenNoTemplates | Passthrough::Never => BodyPath::Refused,
        }
    }
}

impl TargetPath {
    fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = if text.is_empty() { "/" } else { text };
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, behind)) = after.split_once('}') else { break };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Parameter(name.trim_end_matches('+').to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Self(parts)
    }

    /// The path with its parameters put in, each as `encode` writes it; one without a value stays as it is written.
    #[must_use]
    pub fn with<'v>(
        &self,
        value: impl Fn(&str) -> Option<Cow<'v, str>>,
        encode: impl Fn(&str) -> String,
    ) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Parameter(name) => encode(&value(name).unwrap_or_else(|| format!("{{{name}}}").into())),
        };
        self.0.iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_a_body() {
        let templates = |passthrough, media: &[&str]| {
            let template = Template::parse("x", Dialect::Velocity).unwrap();
            let by_media = media.iter().map(|media| ((*media).to_owned(), template.clone())).collect();
            Templates { by_media, passthrough }
        };
        let kind = |templates: &Templates, media: Option<&str>| match templates.path_of(media) {
            BodyPath::Through(_) => "through",
            BodyPath::Passes => "passes",
            BodyPath::Refused => "415",
        };
        // Rows: template for the type; none for it, but for others; none at all.
        for (passthrough, other, none) in [
            (Passthrough::WhenNoMatch, "passes", "passes"),
            (Passthrough::WhenNoTemplates, "415", "passes"),
            (Passthrough::Never, "415", "415"),
        ] {
            let some = templates(passthrough, &["application/json"]);
            assert_eq!(kind(&some, Some("Application/JSON; charset=utf-8")), "through");
            assert_eq!(kind(&some, None), "through");
            assert_eq!(kind(&some, Some("text/plain")), other);
            assert_eq!(kind(&templates(passthrough, &[]), Some("text/plain")), none);
        }
    }

    #[test]
    fn paths_get_their_parameters() {
        let path = TargetPath::parse("/topics/{topic}/x/{proxy+}?a={q}");
        let value = |name: &str| (name != "q").then(|| Cow::Owned(format!("<{name}>")));
        assert_eq!(path.with(value, str::to_uppercase), "/topics/<TOPIC>/x/<PROXY>?a={Q}");
        assert_eq!(TargetPath::parse("").with(value, str::to_owned), "/");
    }
}
