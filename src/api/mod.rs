//! The definition of a REST API, as Amazon API Gateway exports it: OpenAPI 3.0 or Swagger 2.0 with the extensions that say
//! how requests are authorized, checked and passed on (Amazon API Gateway Developer Guide, "OpenAPI extensions for API
//! Gateway"; `aws apigateway get-export --parameters extensions='apigateway'`).
//!
//! | file | what it holds |
//! |---|---|
//! | `model` | what a definition says, as plain data |
//! | `cursor` | a place in the document, by its JSON pointer (RFC 6901) |
//! | `read`, `route`, `integration`, `authorizer`, `schema` | from the document to the model, part by part |
//! | `lint` | what is legal, and not what its author wants |
//! | `reference`, `json_path`, `mapping`, `template` | what mappings and templates refer to, and what they make of it |
//! | `expression` | regular expressions, within bounds |
//! | `paths` | which route a path leads to |
//! | `plan` | a definition made ready to be served in a stage |
//!
//! Nothing is passed over in silence: what landfall's gateway cannot do stands with the route that it concerns, and what it
//! does not know is remarked.

mod authorizer;
mod cursor;
mod expression;
mod integration;
mod json_path;
mod lint;
mod mapping;
mod model;
mod paths;
mod plan;
mod read;
mod reference;
mod route;
mod schema;
mod template;
#[cfg(test)]
mod tests;

pub use lint::{Level, Lint, lint};
pub use mapping::{Mapping, RequestTarget, Source};
pub use model::{
    Api, ApiKeySource, Authorizer, AuthorizerKind, ConnectionType, GatewayResponse, Integration,
    IntegrationKind, IntegrationResponse, Method, Parameter, Passthrough, Place, Remark, RequestValidator,
    Route, Security, Specification,
};
pub use paths::{Found, Paths};
pub use plan::{
    BodyCheck, BodyPath, HttpIntegration, IdentitySource, MockIntegration, NotServable, Plan, Planned,
    PlannedAuthorizer, PlannedIntegration, PlannedKind, PlannedResponse, Problem, Served, ShapedResponse,
    Stage, Surroundings, TargetPath, Templates, media_type, origin_of, response_for,
};
pub use read::{NotAnApi, read};
pub use reference::{Reference, Scope, as_text};
pub use template::{Dialect, Template};
