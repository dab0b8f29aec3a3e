//! Parameter mappings: what the back end's request, and the client's response, get from where (API Gateway Developer
//! Guide, "Parameter mapping for REST APIs").

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::cursor::member_pointer;
use super::model::{Place, Remark};
use super::reference::{Reference, Scope};

/// One line of a mapping: a target of one kind, and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping<T> {
    /// What gets the value.
    pub target: T,
    /// Where it comes from.
    pub source: Source,
}

/// Where a mapped value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The text between two single quotes.
    Text(String),
    /// A value of the request, its context or its stage.
    Reference(Reference),
    /// A header of the back end's response.
    ResponseHeader(String),
}

/// A parameter of the back end's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTarget {
    /// Where it stands.
    pub place: Place,
    /// Its name.
    pub name: String,
}

/// Headers of the back end's request whose mapping makes each call fail with 500 (recorded from live APIs).
const FATAL: [&str; 4] =
    ["content-length", "transfer-encoding", "x-amzn-trace-id", "x-amzn-apigateway-api-id"];

/// The headers among an integration's `requestParameters` that make each call fail.
pub(super) fn fatal_headers(parameters: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    let headers = parameters.keys().filter_map(|name| {
        let name = name.strip_prefix("integration.request.")?;
        name.strip_prefix("header.").or_else(|| name.strip_prefix("multivalueheader."))
    });
    headers.filter(|name| FATAL.contains(&name.to_ascii_lowercase().as_str()))
}

impl Source {
    fn parse(text: &str) -> Option<Self> {
        if let Some(text) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Some(Self::Text(text.to_owned()));
        }
        for prefix in ["integration.response.header.", "integration.response.multivalueheader."] {
            if let Some(name) = text.strip_prefix(prefix) {
                return Some(Self::ResponseHeader(name.to_owned()));
            }
        }
        Reference::parse(text).map(Self::Reference)
    }

    /// The value; `header` looks into the back end's response.
    #[must_use]
    pub fn value<'s>(
        &'s self,
        scope: &'s impl Scope,
        header: impl Fn(&str) -> Option<String>,
    ) -> Option<Cow<'s, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Reference(reference) => reference.value(scope),
            Self::ResponseHeader(name) => header(name).map(Cow::Owned),
        }
    }
}

/// The mappings of an integration's `requestParameters`; what is none is added to `unsupported`.
#[must_use]
pub(super) fn request_mappings(
    parameters: &BTreeMap<String, String>,
    pointer: &str,
    unsupported: &mut Vec<Remark>,
) -> Vec<Mapping<RequestTarget>> {
    let target = |name: &str| {
        let (place, name) = name.strip_prefix("integration.request.")?.split_once('.')?;
        let place = match place {
            "header" | "multivalueheader" => Place::Header,
            "querystring" | "multivaluequerystring" => Place::Query,
            "path" => Place::Path,
            _ => return None,
        };
        Some(RequestTarget { place, name: name.to_owned() })
    };
    mappings(parameters, &format!("{pointer}/requestParameters"), target, unsupported)
}

/// The headers of a mapping whose targets begin with `prefix`: `method.response.header.` or
/// `gatewayresponse.header.`.
#[must_use]
pub(super) fn header_mappings(
    parameters: &BTreeMap<String, String>,
    prefix: &str,
    pointer: &str,
    unsupported: &mut Vec<Remark>,
) -> Vec<Mapping<String>> {
    let target = |name: &str| name.strip_prefix(prefix).map(str::to_owned);
    mappings(parameters, &format!("{pointer}/responseParameters"), target, unsupported)
}

fn mappings<T>(
    parameters: &BTreeMap<String, String>,
    pointer: &str,
    target: impl Fn(&str) -> Option<T>,
    unsupported: &mut Vec<Remark>,
) -> Vec<Mapping<T>> {
    let mut mappings = Vec::new();
    for (name, source) in parameters {
        let pointer = member_pointer(pointer, name);
        match (target(name), Source::parse(source)) {
            (Some(target), Some(source)) => mappings.push(Mapping { target, source }),
            (None, _) => {
                unsupported
                    .push(Remark { pointer, message: format!("maps to `{name}`, which is no parameter") });
            }
            (_, None) => {
                let message = format!("maps from `{source}`, which landfall's gateway does not know");
                unsupported.push(Remark { pointer, message });
            }
        }
    }
    mappings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_and_what_cannot_be() {
        let parameters: BTreeMap<String, String> = [
            ("integration.request.header.X-Tenant", "context.authorizer.tenant"),
            ("integration.request.path.topic", "method.request.path.topic"),
            ("integration.request.querystring.q", "'it''s'"),
            ("integration.request.cookie.a", "'x'"),
            ("integration.request.header.X-B", "somewhere.else"),
        ]
        .map(|(target, source)| (target.to_owned(), source.to_owned()))
        .into();
        let mut unsupported = Vec::new();
        let mappings = request_mappings(&parameters, "/i", &mut unsupported);
        let text: Vec<String> = mappings
            .iter()
            .map(|m| format!("{:?} {} {:?}", m.target.place, m.target.name, m.source))
            .collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
        Header X-Tenant Reference(Context("authorizer.tenant"))
        Path topic Reference(Parameter { place: Path, name: "topic", every: false })
        Query q Text("it''s")
        "#);
        let pointers: Vec<&str> = unsupported.iter().map(|remark| remark.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/i/requestParameters/integration.request.cookie.a",
                "/i/requestParameters/integration.request.header.X-B"
            ]
        );
    }

    #[test]
    fn what_frames_or_names_a_request_is_fatal_however_it_is_mapped() {
        let names = [
            "integration.request.header.Content-Length",
            "integration.request.multivalueheader.transfer-encoding",
            "integration.request.header.X-Own",
            "integration.request.querystring.content-length",
        ];
        let parameters = names.map(|name| (name.to_owned(), "'1'".to_owned())).into();
        let fatal: Vec<&str> = fatal_headers(&parameters).collect();
        assert_eq!(fatal, ["Content-Length", "transfer-encoding"]);
    }
}
