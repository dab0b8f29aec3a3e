//! What mappings and templates refer to, and what answers such references.

use std::borrow::Cow;

use serde_json::Value;

use super::json_path::JsonPath;
use super::model::Place;

/// A value of a request, its context or its stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A parameter of the client's request. `every`: all of its values, not only the last.
    Parameter {
        /// Where it stands.
        place: Place,
        /// Its name.
        name: String,
        /// Whether all of its values are meant.
        every: bool,
    },
    /// The body of the client's request, or a place in it.
    Body(Option<JsonPath>),
    /// A variable of `$context`, without that word: `authorizer.tenant`.
    Context(String),
    /// A variable of the stage.
    StageVariable(String),
}

/// What a request has to offer to references.
pub trait Scope {
    /// A parameter of the client's request, percent-decoded; several values are joined with commas where `every` is
    /// set, and otherwise the last counts.
    fn parameter(&self, place: Place, name: &str, every: bool) -> Option<Cow<'_, str>>;
    /// All values of a parameter of the client's request, in their order.
    fn parameters(&self, place: Place, name: &str) -> Vec<Cow<'_, str>>;
    /// The body of the client's request.
    fn body(&self) -> &[u8];
    /// A variable of `$context`, for instance `requestId` or `authorizer.principalId`.
    fn context(&self, name: &str) -> Option<Cow<'_, str>>;
    /// A variable of the stage.
    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>>;
}

impl Reference {
    /// Reads a reference of the form that mappings have: `method.request.header.NAME`, `context.NAME`,
    /// `stageVariables.NAME`, `method.request.body.JSONPATH`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("context.") {
            return is_name(name).then(|| Self::Context(name.to_owned()));
        }
        if let Some(name) = text.strip_prefix("stageVariables.") {
            return is_name(name).then(|| Self::StageVariable(name.to_owned()));
        }
        let rest = text.strip_prefix("method.request.")?;
        if rest == "body" {
            return Some(Self::Body(None));
        }
        let (place, name) = rest.split_once('.')?;
        let (place, every) = match place {
            "header" => (Place::Header, false),
            "querystring" => (Place::Query, false),
            "path" => (Place::Path, false),
            "multivalueheader" => (Place::Header, true),
            "multivaluequerystring" => (Place::Query, true),
            "body" => return JsonPath::parse(name).map(|path| Self::Body(Some(path))),
            _ => return None,
        };
        (!name.is_empty()).then(|| Self::Parameter { place, name: name.to_owned(), every })
    }

    /// The value that this refers to; `None` where there is none.
    #[must_use]
    pub fn value<'s>(&self, scope: &'s impl Scope) -> Option<Cow<'s, str>> {
        match self {
            Self::Parameter { place, name, every } => scope.parameter(*place, name, *every),
            Self::Body(None) => Some(String::from_utf8_lossy(scope.body())),
            Self::Body(Some(path)) => {
                let document: Value = serde_json::from_slice(scope.body()).ok()?;
                path.find(&document).map(|value| Cow::Owned(as_text(value)))
            }
            Self::Context(name) => scope.context(name),
            Self::StageVariable(name) => scope.stage_variable(name),
        }
    }
}

/// A value as text: what is text without its quotes, all else as JSON.
#[must_use]
pub fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A request whose parameters, context and variables are given in pairs.
    pub(in crate::api) struct Pairs {
        pub(in crate::api) parameters: Vec<(Place, &'static str, &'static str)>,
        pub(in crate::api) named: Vec<(&'static str, &'static str)>,
        pub(in crate::api) body: &'static str,
    }

    impl Scope for Pairs {
        fn parameter(&self, place: Place, name: &str, every: bool) -> Option<Cow<'_, str>> {
            let values: Vec<&str> =
                self.parameters.iter().filter(|p| p.0 == place && p.1 == name).map(|p| p.2).collect();
            if every {
                return (!values.is_empty()).then(|| values.join(",").into());
            }
            values.last().map(|value| Cow::Borrowed(*value))
        }

        fn parameters(&self, place: Place, name: &str) -> Vec<Cow<'_, str>> {
            self.parameters.iter().filter(|p| p.0 == place && p.1 == name).map(|p| p.2.into()).collect()
        }

        fn body(&self) -> &[u8] {
            self.body.as_bytes()
        }

        fn context(&self, name: &str) -> Option<Cow<'_, str>> {
            self.named.iter().find(|(named, _)| *named == name).map(|(_, value)| Cow::Borrowed(*value))
        }

        fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>> {
            self.context(name)
        }
    }

    #[test]
    fn references_are_read_and_answered() {
        let request = Pairs {
            parameters: vec![
                (Place::Header, "X-A", "1"),
                (Place::Header, "X-A", "2"),
                (Place::Query, "q", "3"),
            ],
            named: vec![("authorizer.tenant", "t")],
            body: r#"{"a":[{"b":"c"},7]}"#,
        };
        let value = |text: &str| Reference::parse(text).unwrap().value(&request).map(Cow::into_owned);
        assert_eq!(value("method.request.header.X-A").as_deref(), Some("2"));
        assert_eq!(value("method.request.multivalueheader.X-A").as_deref(), Some("1,2"));
        assert_eq!(value("method.request.querystring.q").as_deref(), Some("3"));
        assert_eq!(value("method.request.path.q"), None);
        assert_eq!(value("context.authorizer.tenant").as_deref(), Some("t"));
        assert_eq!(value("method.request.body.a[0].b").as_deref(), Some("c"));
        assert_eq!(value("method.request.body.a[1]").as_deref(), Some("7"));
        assert_eq!(value("method.request.body").as_deref(), Some(request.body));
        for bad in ["", "context.", "method.request.cookie.a", "header.a", "method.request.header."] {
            assert_eq!(Reference::parse(bad), None, "{bad}");
        }
    }
}
