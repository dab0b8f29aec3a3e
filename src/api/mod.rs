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
//!
//! Nothing is passed over in silence: what landfall's gateway cannot do stands with the route that it concerns, and what it
//! does not know is remarked.

mod authorizer;
mod cursor;
mod integration;
mod lint;
mod model;
mod read;
mod route;
mod schema;
#[cfg(test)]
mod tests;

pub use lint::{Level, Lint, lint};
pub use model::{
    Api, ApiKeySource, Authorizer, AuthorizerKind, ConnectionType, GatewayResponse, Integration,
    IntegrationKind, IntegrationResponse, Method, Parameter, Passthrough, Place, Remark, RequestValidator,
    Route, Security, Specification,
};
pub use read::{NotAnApi, read};
