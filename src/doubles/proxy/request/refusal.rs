//! Why a v2 request is refused as a whole.

use hyper::StatusCode;

use crate::doubles::jackson::{Kind, Problem, Version};
use crate::doubles::proxy::schemas::Trouble;
use crate::scenario::ProxyRelease;

/// Why a request is refused; nothing of it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(in crate::doubles::proxy) struct Refusal {
    pub(in crate::doubles::proxy) status: StatusCode,
    pub(in crate::doubles::proxy) code: i64,
    pub(in crate::doubles::proxy) message: String,
    /// Whether the message is the whole answer, as plain text.
    pub(in crate::doubles::proxy) plain: bool,
}

/// What the proxy cuts off a message, with all that follows.
const SOURCE: &str = "(for Object starting at";

impl Refusal {
    fn new(status: StatusCode, code: i64, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), plain: false }
    }

    /// The refusal of data that cannot be encoded.
    pub(super) fn bad(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 400, &format!("Bad Request: {message}"))
    }

    /// The refusal of a request that breaks a constraint.
    pub(super) fn invalid(message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, 422, message)
    }

    /// The refusal that nobody expected.
    pub(in crate::doubles::proxy) fn unexpected() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 500, "Internal Server Error")
    }

    /// The refusal of keys or values that need a schema which nobody names.
    pub(super) fn schema_missing(part: &str) -> Self {
        let code = if part == "key" { 42201 } else { 42202 };
        let message = format!("Request includes {part}s but does not include {part} schema");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, &message)
    }

    /// The refusal where there is no schema.
    pub(super) fn without_schema(trouble: Trouble, release: ProxyRelease) -> Self {
        let unprocessable = |code, message: &str| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
        match trouble {
            Trouble::Argument(_) => Self::unexpected(),
            Trouble::BadRequest(message) => Self::bad(&message),
            Trouble::Invalid(message) => unprocessable(42205, &format!("Invalid schema: {message}")),
            Trouble::Nameless(tried) => Self::new(StatusCode::REQUEST_TIMEOUT, 40801, &tried),
            Trouble::Registry { tried, .. } if release < ProxyRelease::Confluent7_9 => {
                Self::new(StatusCode::REQUEST_TIMEOUT, 40801, &tried)
            }
            Trouble::Registry { tried, cause } => {
                unprocessable(42207, &format!("Error serializing message. {tried}\n{cause}"))
            }
        }
    }

    /// The refusal of a body that cannot be read.
    pub(in crate::doubles::proxy) fn of(problem: &Problem, release: ProxyRelease) -> Self {
        let message = match problem.kind() {
            Kind::Unrecognized(name) => return Self::invalid(&format!("Unrecognized field: {name}")),
            Kind::Constraint(code) => {
                return Self::new(StatusCode::UNPROCESSABLE_ENTITY, *code, problem.message());
            }
            Kind::Limit | Kind::Unexpected => return Self::unexpected(),
            Kind::Syntax | Kind::Mapping if release == ProxyRelease::Confluent6_2_0 => {
                let version = Version::of(release);
                return Self {
                    plain: true,
                    ..Self::new(StatusCode::BAD_REQUEST, 400, &problem.full(version))
                };
            }
            Kind::Syntax => problem.message().to_owned(),
            Kind::Mapping => {
                let message = problem.message().split(SOURCE).next().unwrap_or_default().trim();
                if release < ProxyRelease::Confluent7_9 {
                    message.to_owned()
                } else {
                    without_package(message)
                }
            }
        };
        Self::new(StatusCode::BAD_REQUEST, 400, &message)
    }
}

/// The message with the first name in backticks shortened to its last part.
fn without_package(message: &str) -> String {
    let mut parts: Vec<&str> = message.split('`').collect();
    if parts.len() > 2 {
        for separator in ['.', '$'] {
            if let Some((_, last)) = parts[1].rsplit_once(separator)
                && !last.is_empty()
            {
                parts[1] = last;
            }
        }
    }
    parts.join("`")
}
