//! Why a text cannot be read, as Jackson tells it: what, where, and on the way to which property.

use std::fmt::Write as _;

use super::Version;

/// A place in the text; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doubles) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    /// As messages tell it; the beginning of all has no column any more.
    pub(super) fn in_source(self, version: Version) -> String {
        self.told(version, version.source())
    }

    /// The same where the text stands in memory.
    pub(in crate::doubles) fn in_bytes(self, version: Version) -> String {
        self.told(version, version.bytes())
    }

    fn told(self, version: Version, source: &str) -> String {
        let Self { line, column } = self;
        let is_told = column > 0 || version < Version::V2_18;
        let column = if is_told { format!(", column: {column}") } else { String::new() };
        format!("[Source: {source}; line: {line}{column}]")
    }
}

/// What kind of exception the problem is in Java: it decides what the client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doubles) enum Kind {
    /// The text is no JSON (`JsonParseException`).
    Syntax,
    /// It is JSON of another shape (`JsonMappingException`).
    Mapping,
    /// It has a member that nobody knows (`UnrecognizedPropertyException`).
    Unrecognized(String),
    /// It is larger than a limit (`StreamConstraintsException`).
    Limit,
    /// The proxy's own check of a constraint, with its code.
    Constraint(i64),
    /// An exception that nobody expected.
    Unexpected,
}

/// A problem with a text.
///
/// It is always boxed, since hardly any reading fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doubles) struct Problem {
    pub(super) kind: Kind,
    pub(super) message: String,
    pub(super) at: Option<Place>,
    /// The properties and elements on the way to it, the innermost first.
    pub(super) path: Vec<String>,
}

/// What a reading returns; boxed, since hardly any fails.
pub(in crate::doubles) type Read<T> = Result<T, Box<Problem>>;

#[expect(clippy::unnecessary_box_returns, reason = "it is an error's whole, which is boxed everywhere")]
impl Problem {
    pub(in crate::doubles) fn new(kind: Kind, message: String, at: Option<Place>) -> Box<Self> {
        Box::new(Self { kind, message, at, path: Vec::new() })
    }

    /// One that is told as nothing but an internal error.
    pub(in crate::doubles) fn unexpected() -> Box<Self> {
        Self::new(Kind::Unexpected, "Internal Server Error".to_owned(), None)
    }

    /// The same problem, found within `step`, for instance `a.b.Class["property"]`.
    pub(in crate::doubles) fn within(mut self: Box<Self>, step: impl FnOnce() -> String) -> Box<Self> {
        if matches!(self.kind, Kind::Syntax | Kind::Limit | Kind::Unexpected) {
            self.kind = Kind::Mapping;
        }
        self.path.push(step());
        self
    }

    pub(in crate::doubles) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What went wrong, without where.
    pub(in crate::doubles) fn message(&self) -> &str {
        &self.message
    }

    /// What went wrong, where, and on which way.
    pub(in crate::doubles) fn full(&self, version: Version) -> String {
        let mut text = self.message.clone();
        if let Some(place) = self.at {
            let _ = write!(text, "\n at {}", place.in_source(version));
        }
        if !self.path.is_empty() {
            let steps: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
            let _ = write!(text, " (through reference chain: {})", steps.join("->"));
        }
        text
    }
}
