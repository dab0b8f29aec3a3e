//! From the document to the model: the API as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::authorizer::read_authorizer;
use super::cursor::{Cursor, EXTENSION, UNKNOWN_EXTENSION};
use super::model::{Api, ApiKeySource, GatewayResponse, Method, Remark, RequestValidator, Specification};
use super::route::{Around, read_route};
use super::schema::{LARGEST, Models};

/// The member of a path that takes any method.
const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
/// Members of a path that are methods (OpenAPI 3.0.4, "Path Item Object").
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Extensions at the top that the reader knows.
const KNOWN: [&str; 12] = [
    "x-amazon-apigateway-endpoint-access-mode",
    "x-amazon-apigateway-security-policy",
    "x-amazon-apigateway-api-key-source",
    "x-amazon-apigateway-binary-media-types",
    "x-amazon-apigateway-documentation",
    "x-amazon-apigateway-endpoint-configuration",
    "x-amazon-apigateway-gateway-responses",
    "x-amazon-apigateway-importexport-version",
    "x-amazon-apigateway-minimum-compression-size",
    "x-amazon-apigateway-policy",
    "x-amazon-apigateway-request-validator",
    "x-amazon-apigateway-request-validators",
];

/// Why a document is no definition of a REST API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnApi {
    /// Nothing says what it is.
    #[error(
        "it has neither `swagger` nor `openapi`, so it is no API definition; export one with `aws apigateway get-export \
         --parameters extensions='apigateway'`"
    )]
    Unmarked,
    /// Another version.
    #[error(
        "it is written in {0}, and OpenAPI 3.0 and Swagger 2.0 are read; export it as `oas30` or `swagger`"
    )]
    Version(String),
    /// Nothing to serve.
    #[error("it has no paths, so there is nothing to serve")]
    NoPaths,
    /// A path that no API of API Gateway can have.
    #[error(
        "a path in it has {0} segments, each of which is a resource, and an API of API Gateway has 300 resources at most unless \
         its account may have more; landfall reads paths of {DEEPEST} segments"
    )]
    TooDeep(usize),
    /// Models that take too much memory.
    #[error(
        "its models hold more than {LARGEST} values once each route has those that its own refer to; let routes share models by \
         `$ref`"
    )]
    TooLarge,
}

/// The most segments of a path.
const DEEPEST: usize = 1000;

/// Reads a definition.
///
/// # Errors
/// [`NotAnApi`] where the document is none. What a single route asks and landfall cannot do is no error here: it stands
/// with the route.
pub fn read(document: &Value) -> Result<Api, NotAnApi> {
    let root = Cursor::root(document);
    let specification = specification(&root)?;
    let paths = root.member("paths").filter(|paths| !paths.members().is_empty()).ok_or(NotAnApi::NoPaths)?;
    let mut remarks: Vec<Remark> = root
        .members()
        .into_iter()
        .filter(|(name, _)| name.starts_with(EXTENSION) && !KNOWN.contains(name))
        .map(|(_, member)| member.remark(UNKNOWN_EXTENSION))
        .collect();
    let schemes = match specification {
        Specification::OpenApi3 => {
            root.member("components").and_then(|parts| parts.member("securitySchemes"))
        }
        Specification::Swagger2 => root.member("securityDefinitions"),
    };
    let schemes: BTreeMap<&str, Cursor<'_>> = schemes.iter().flat_map(Cursor::members).collect();
    let mut authorizers = BTreeMap::new();
    let mut unsupported_schemes = BTreeMap::new();
    let mut key_schemes = BTreeSet::new();
    for (name, scheme) in &schemes {
        match read_authorizer(scheme, &mut remarks) {
            Ok(Some(authorizer)) => drop(authorizers.insert((*name).to_owned(), authorizer)),
            Ok(None) if is_api_key(scheme) => drop(key_schemes.insert((*name).to_owned())),
            Ok(None) => {
                let remark = scheme
                    .remark("is a security scheme without an authorizer: requests are not checked by it");
                remarks.push(remark);
            }
            Err(remark) => drop(unsupported_schemes.insert((*name).to_owned(), remark)),
        }
    }
    let validators = validators(&root, &mut remarks);
    let default_validator = root.text("x-amazon-apigateway-request-validator");
    let around = Around {
        root: &root,
        specification,
        authorizers: &authorizers,
        unsupported_schemes: &unsupported_schemes,
        key_schemes: &key_schemes,
        validators: &validators,
        default_validator,
    };
    let mut models = Models::new(&root, specification);
    let mut routes = Vec::new();
    for (path, item) in paths.members() {
        let segments = path.matches('/').count();
        if segments > DEEPEST {
            return Err(NotAnApi::TooDeep(segments));
        }
        for (name, operation) in item.members() {
            let method = match name {
                ANY_METHOD => Method::Any,
                name if METHODS.contains(&name) => Method::One(name.to_ascii_uppercase()),
                name if name.starts_with(EXTENSION) => {
                    let known = UNKNOWN_EXTENSION;
                    remarks.push(operation.remark(known));
                    continue;
                }
                _ => continue,
            };
            routes.push(read_route(path, method, &item, &operation, &around, &mut models, &mut remarks));
            if models.are_too_large() {
                return Err(NotAnApi::TooLarge);
            }
        }
    }
    let policy = root.member("x-amazon-apigateway-policy");
    if let Some(policy) = &policy {
        remarks.push(policy.remark(
            "is a resource policy, which landfall passes over: who is let in by it is not known here",
        ));
    }
    let has_extensions = mentions_extension(document);
    Ok(Api {
        title: root.member("info").and_then(|info| info.text("title")).unwrap_or_default().to_owned(),
        specification,
        base_path: base_path(&root, specification),
        hosts: hosts(&root, specification),
        has_extensions,
        routes,
        authorizers,
        responses: responses(&root, &mut remarks),
        binary_media_types: texts(&root, "x-amazon-apigateway-binary-media-types"),
        api_key_source: match root.text("x-amazon-apigateway-api-key-source") {
            Some(source) if source.eq_ignore_ascii_case("authorizer") => ApiKeySource::Authorizer,
            _ => ApiKeySource::Header,
        },
        policy: policy.map(|policy| policy.value.clone()),
        minimum_compression_size: root
            .member("x-amazon-apigateway-minimum-compression-size")
            .and_then(|size| size.value.as_u64()),
        remarks,
    })
}

fn specification(root: &Cursor<'_>) -> Result<Specification, NotAnApi> {
    // YAML without quotes makes a number of 2.0.
    let version = |name: &str| {
        let version = root.member(name)?.value;
        version.as_str().map(str::to_owned).or_else(|| version.as_f64().map(|number| format!("{number:.1}")))
    };
    match (version("swagger").as_deref(), version("openapi").as_deref()) {
        (Some("2.0"), _) => Ok(Specification::Swagger2),
        (None, Some(version)) if version.starts_with("3.0.") => Ok(Specification::OpenApi3),
        (Some(version), _) => Err(NotAnApi::Version(format!("Swagger {version}"))),
        (None, Some(version)) => Err(NotAnApi::Version(format!("OpenAPI {version}"))),
        (None, None) => Err(NotAnApi::Unmarked),
    }
}

fn is_api_key(scheme: &Cursor<'_>) -> bool {
    let header = scheme.text("in") == Some("header");
    let named = scheme.text("name").is_some_and(|name| name.eq_ignore_ascii_case("x-api-key"));
    scheme.text("type") == Some("apiKey") && header && named
}

fn validators(root: &Cursor<'_>, remarks: &mut Vec<Remark>) -> BTreeMap<String, RequestValidator> {
    let Some(all) = root.member("x-amazon-apigateway-request-validators") else { return BTreeMap::new() };
    let mut validators = BTreeMap::new();
    for (name, validator) in all.members() {
        let mut switch = |member: &str| match validator.member(member).map(|switch| switch.value.as_bool()) {
            Some(Some(on)) => on,
            None => false,
            Some(None) => {
                let pointer = validator.pointer_of(member);
                remarks
                    .push(Remark { pointer, message: "must be true or false, and counts as false".into() });
                false
            }
        };
        let validator = RequestValidator {
            name: name.to_owned(),
            body: switch("validateRequestBody"),
            parameters: switch("validateRequestParameters"),
        };
        validators.insert(name.to_owned(), validator);
    }
    validators
}

fn responses(root: &Cursor<'_>, remarks: &mut Vec<Remark>) -> BTreeMap<String, GatewayResponse> {
    let Some(all) = root.member("x-amazon-apigateway-gateway-responses") else { return BTreeMap::new() };
    let mut responses = BTreeMap::new();
    for (kind, response) in all.members() {
        let status = response.member("statusCode").and_then(|status| {
            if let Some(status) = status.status() {
                Some(status)
            } else {
                remarks.push(status.remark("is no HTTP status, and is passed over"));
                None
            }
        });
        let parameters = response.strings("responseParameters", remarks);
        let templates = response.strings("responseTemplates", remarks);
        responses.insert(kind.to_owned(), GatewayResponse { status, parameters, templates });
    }
    responses
}

fn texts(of: &Cursor<'_>, name: &str) -> Vec<String> {
    let items = of.member(name).map(|list| list.items()).unwrap_or_default();
    items.iter().filter_map(|item| item.value.as_str().map(str::to_owned)).collect()
}

/// The path under which the export says that the API is deployed.
fn base_path(root: &Cursor<'_>, specification: Specification) -> Option<String> {
    let path = match specification {
        Specification::Swagger2 => root.text("basePath")?.to_owned(),
        Specification::OpenApi3 => {
            let server = root.member("servers")?.items().into_iter().next()?;
            let url = server.text("url")?;
            let path = url.split_once("://").map_or(url, |(_, rest)| rest);
            let path = path.find('/').map_or("", |slash| &path[slash..]);
            let variable = |name: &str| {
                let default = server.member("variables")?.member(name)?.text("default")?;
                Some(default.trim_matches('/').to_owned())
            };
            match path.trim_matches('/').strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => format!("/{}", variable(name)?),
                None => path.to_owned(),
            }
        }
    };
    let path = path.trim_matches('/');
    (!path.is_empty()).then(|| format!("/{path}"))
}

fn hosts(root: &Cursor<'_>, specification: Specification) -> Vec<String> {
    match specification {
        Specification::Swagger2 => root.text("host").map(str::to_owned).into_iter().collect(),
        Specification::OpenApi3 => {
            let servers = root.member("servers").map(|servers| servers.items()).unwrap_or_default();
            let host = |server: &Cursor<'_>| {
                let (_, rest) = server.text("url")?.split_once("://")?;
                Some(rest.split('/').next().unwrap_or(rest).to_owned())
            };
            servers.iter().filter_map(host).collect()
        }
    }
}

/// Whether any member of the document is an extension of API Gateway.
fn mentions_extension(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| {
            (name.starts_with(EXTENSION) && name != "x-amazon-apigateway-importexport-version")
                || mentions_extension(value)
        }),
        Value::Array(items) => items.iter().any(mentions_extension),
        _ => false,
    }
}
