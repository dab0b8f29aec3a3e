//! Why a v2 request is refused as a whole.

use hyper::StatusCode;
use serde_json::Value;

use super::{Data, Embedded, Request, SchemaMembers, Target};
use crate::doubles::proxy::jackson::bind::Node;
use crate::doubles::proxy::jackson::{Kind, Problem, Version};
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

/// An Avro schema as Avro writes it, where it is of a primitive type without attributes; any other as it came.
pub(in crate::doubles::proxy) fn avro(text: &str) -> String {
    const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    let schema: Option<Value> = serde_json::from_str(text).ok();
    let name = match &schema {
        Some(Value::Object(members)) if members.len() == 1 => members.get("type").and_then(Value::as_str),
        Some(Value::String(name)) => Some(name.as_str()),
        _ => None,
    };
    match name {
        Some(name) if PRIMITIVES.contains(&name) => format!("\"{name}\""),
        _ => text.to_owned(),
    }
}

/// Why a request that needs schemas is refused where no registry can be asked; one of nulls needs none.
pub(super) fn without_registry(request: &Request<'_>, target: Target<'_>) -> Option<Refusal> {
    for (schema, which) in [(&request.key_schema, "key"), (&request.value_schema, "value")] {
        match schema {
            SchemaMembers { id: None, text: None } => {}
            SchemaMembers { id: Some(_), text: Some(_) } => return Some(Refusal::unexpected()),
            SchemaMembers { id: Some(id), .. } => {
                return Some(no_answer(
                    &format!("Error when fetching schema by id. schemaId = {id}"),
                    target,
                ));
            }
            SchemaMembers { text: Some(text), .. } => {
                let text = if target.embedded == Embedded::Avro { avro(text) } else { text.clone() };
                let message = format!(
                    "Error when registering schema. format = {}, subject = {}-{which}, schema = {text}",
                    target.embedded.format(),
                    target.topic
                );
                return Some(no_answer(&message, target));
            }
        }
    }
    let is_null = |data: &Data<'_>| matches!(data, Data::Written(None) | Data::Kept(Node::Null));
    for record in &request.records {
        let (what, code) = match (is_null(&record.key), is_null(&record.value)) {
            (false, _) => ("key", 42201),
            (_, false) => ("value", 42202),
            _ => continue,
        };
        let message = format!("Request includes {what}s but does not include {what} schema");
        return Some(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, code, &message));
    }
    None
}

/// The registry does not answer.
fn no_answer(message: &str, target: Target<'_>) -> Refusal {
    if target.release < ProxyRelease::Confluent7_9 {
        return Refusal::new(StatusCode::REQUEST_TIMEOUT, 40801, message);
    }
    let message = format!("Error serializing message. {message}\nConnection refused");
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, 42207, &message)
}
