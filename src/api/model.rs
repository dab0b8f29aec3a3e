//! What a definition says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// A REST API.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// Its title.
    pub title: String,
    /// What the document is written in.
    pub specification: Specification,
    /// The last part of the path under which the export says that the API is deployed, with its slash, for instance
    /// `/prod`; `None` where it says none.
    pub base_path: Option<String>,
    /// Hosts that it is deployed at. They are never called.
    pub hosts: Vec<String>,
    /// Whether the document has any of API Gateway's extensions. Without them, it says nothing of how requests are
    /// authorized, checked and passed on.
    pub has_extensions: bool,
    /// Methods with their paths, in the document's order.
    pub routes: Vec<Route>,
    /// Authorizers by the name of their security scheme.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// Responses that the gateway makes itself, and that the API shapes, by their type, for instance `ACCESS_DENIED`.
    pub responses: BTreeMap<String, GatewayResponse>,
    /// Media types whose bodies are passed on as bytes.
    pub binary_media_types: Vec<String>,
    /// Where API keys come from.
    pub api_key_source: ApiKeySource,
    /// The API's resource policy.
    pub policy: Option<Value>,
    /// The least length of a response's body, in bytes, from which on it is compressed for those that take it so.
    pub minimum_compression_size: Option<u64>,
    /// What landfall does not know, and passes over.
    pub remarks: Vec<Remark>,
}

/// What a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specification {
    /// Swagger 2.0, which is OpenAPI 2.0.
    Swagger2,
    /// OpenAPI 3.0.
    OpenApi3,
}

/// Something about a place in the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// The place, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is to be said of it.
    pub message: String,
}

/// A method of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Where it stands in the document, as a JSON pointer.
    pub pointer: String,
    /// Path of the resource, for instance `/topics/{topic}` or `/topics/{proxy+}`.
    pub path: String,
    /// Which requests it takes.
    pub method: Method,
    /// What requests must bring to be let in.
    pub security: Security,
    /// Whether requests must bring an API key.
    pub api_key_required: bool,
    /// What is checked before a request is passed on; `None` where nothing is.
    pub validator: Option<RequestValidator>,
    /// Headers, parameters of the query, and parts of the path.
    pub parameters: Vec<Parameter>,
    /// Schemas of bodies by media type, whole: what they refer to stands in them. Routes that refer to the same share it.
    pub models: BTreeMap<String, Arc<Value>>,
    /// Where requests go; `None` where the document says nothing of it.
    pub integration: Option<Integration>,
    /// What landfall's gateway cannot do as this route asks.
    pub unsupported: Vec<Remark>,
}

/// Which requests a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// Those of one method, in capitals.
    One(String),
    /// Those of any method that has no route of its own.
    Any,
}

/// What requests must bring to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// Nothing.
    Open,
    /// What the authorizer of this security scheme wants.
    Authorizer(String),
    /// What this security scheme wants, which landfall cannot check.
    Unsupported(String),
}

/// What is checked before a request is passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestValidator {
    /// Name in the document.
    pub name: String,
    /// Whether bodies are held against their model.
    pub body: bool,
    /// Whether required parameters must be there.
    pub parameters: bool,
}

/// A parameter of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Whether a request must have it.
    pub required: bool,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A header.
    Header,
    /// A part of the path.
    Path,
    /// A parameter of the query.
    Query,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    /// Where it stands in the document, as a JSON pointer.
    pub pointer: String,
    /// How they are passed on.
    pub kind: IntegrationKind,
    /// Where to, with `{parameters}` and `${stageVariables.…}`; empty for a mock.
    pub uri: String,
    /// The method of the back end's request; `None` takes that of the client's.
    pub method: Option<String>,
    /// Which way they go.
    pub connection: ConnectionType,
    /// How long the back end may take: 50 ms to 29 s, or longer where the account's quota has been raised.
    pub timeout: Duration,
    /// What the back end's request gets, for instance `integration.request.header.X-Tenant`, and where from, for instance
    /// `context.authorizer.tenant` or `'text'`.
    pub parameters: BTreeMap<String, String>,
    /// Mapping templates of bodies by media type.
    pub templates: BTreeMap<String, String>,
    /// What becomes of bodies without a template.
    pub passthrough: Passthrough,
    /// Responses, by the pattern that the back end's status, or a mock's, must fit.
    pub responses: BTreeMap<String, IntegrationResponse>,
}

/// What the client gets for a response of the back end, where the integration is no proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntegrationResponse {
    /// Status.
    pub status: u16,
    /// What the response gets, and where from.
    pub parameters: BTreeMap<String, String>,
    /// Templates of bodies by media type.
    pub templates: BTreeMap<String, String>,
}

/// How requests are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrationKind {
    /// As they are, to an HTTP back end.
    HttpProxy,
    /// Through templates, to an HTTP back end.
    Http,
    /// Not at all: the gateway answers.
    Mock,
}

/// Which way requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionType {
    /// Over the internet.
    Internet,
    /// Through a VPC link, with its id.
    VpcLink(String),
}

/// What becomes of a body for whose media type there is no template.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passthrough {
    /// It is passed on.
    #[default]
    WhenNoMatch,
    /// It is passed on where there is no template at all.
    WhenNoTemplates,
    /// It is refused with 415.
    Never,
}

/// A Lambda authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorizer {
    /// Where it stands in the document, as a JSON pointer.
    pub pointer: String,
    /// What it looks at.
    pub kind: AuthorizerKind,
    /// The function's name in its URI; `None` where the URI names none.
    pub function: Option<String>,
    /// How long its results are kept: 0 to 3600 s.
    pub ttl: Duration,
}

/// What an authorizer looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizerKind {
    /// One header.
    Token {
        /// Its name.
        header: String,
        /// What the whole of its value must fit before the function is called.
        expression: Option<String>,
    },
    /// The request. Its identity sources, in their order, for instance `method.request.header.Authorization`.
    Request {
        /// As they stand in the document.
        sources: Vec<String>,
    },
}

/// A response that the gateway makes itself, as the API shapes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayResponse {
    /// Its status; `None` leaves that of its type.
    pub status: Option<u16>,
    /// Headers, for instance `gatewayresponse.header.WWW-Authenticate`, and where from.
    pub parameters: BTreeMap<String, String>,
    /// Bodies by media type.
    pub templates: BTreeMap<String, String>,
}

/// Where API keys come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ApiKeySource {
    /// The header `x-api-key`.
    #[default]
    Header,
    /// The authorizer's result.
    Authorizer,
}
