//! Methods of resources: who may call them, what is checked, where they go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::cursor::{Cursor, EXTENSION, UNKNOWN_EXTENSION};
use super::integration::read_integration;
use super::model::{
    Authorizer, Method, Parameter, Place, Remark, RequestValidator, Route, Security, Specification,
};
use super::schema::Models;

/// Extensions of an operation that the reader knows.
const KNOWN: [&str; 5] = [
    "x-amazon-apigateway-auth",
    "x-amazon-apigateway-authorizer",
    "x-amazon-apigateway-documentation",
    "x-amazon-apigateway-integration",
    "x-amazon-apigateway-request-validator",
];

/// What stands around an operation.
pub(super) struct Around<'a> {
    pub(super) root: &'a Cursor<'a>,
    pub(super) specification: Specification,
    pub(super) authorizers: &'a BTreeMap<String, Authorizer>,
    /// Security schemes that landfall has not, with what they are.
    pub(super) unsupported_schemes: &'a BTreeMap<String, Remark>,
    /// Security schemes that stand for an API key.
    pub(super) key_schemes: &'a BTreeSet<String>,
    pub(super) validators: &'a BTreeMap<String, RequestValidator>,
    /// The validator of operations that name none.
    pub(super) default_validator: Option<&'a str>,
}

pub(super) fn read_route(
    path: &str,
    method: Method,
    item: &Cursor<'_>,
    operation: &Cursor<'_>,
    around: &Around<'_>,
    models: &mut Models<'_>,
    remarks: &mut Vec<Remark>,
) -> Route {
    let mut unsupported = Vec::new();
    for (name, member) in operation.members() {
        if name.starts_with(EXTENSION) && !KNOWN.contains(&name) {
            remarks.push(member.remark(UNKNOWN_EXTENSION));
        }
    }
    if operation.member("x-amazon-apigateway-authorizer").is_some() {
        let pointer = operation.pointer_of("x-amazon-apigateway-authorizer");
        let message =
            "stands at an operation, where API Gateway reads none; it belongs to a security scheme".into();
        remarks.push(Remark { pointer, message });
    }
    let (mut security, api_key_required) = security(operation, around, &mut unsupported, remarks);
    if let Some(auth) = operation.member("x-amazon-apigateway-auth")
        && auth.text("type").is_some_and(|kind| !kind.eq_ignore_ascii_case("none"))
    {
        unsupported.push(
            auth.remark("asks for signatures of AWS (AWS_IAM), which landfall's gateway does not check"),
        );
        security = Security::Unsupported("AWS_IAM".into());
    }
    let integration = if let Some(of) = operation.member("x-amazon-apigateway-integration") {
        read_integration(&of, &mut unsupported, remarks)
    } else {
        unsupported.push(
            operation
                .remark("has no `x-amazon-apigateway-integration`, so nobody knows where its requests go"),
        );
        None
    };
    Route {
        pointer: operation.pointer.clone(),
        path: path.to_owned(),
        method,
        security,
        api_key_required,
        validator: validator(operation, around, &mut unsupported),
        parameters: parameters(item, operation, around),
        models: models_of(operation, around, models, &mut unsupported),
        integration,
        unsupported,
    }
}

/// Who may call. Security requirements of one operation must all be met where they stand in one object; API Gateway takes
/// an authorizer and an API key at most.
fn security(
    operation: &Cursor<'_>,
    around: &Around<'_>,
    unsupported: &mut Vec<Remark>,
    remarks: &mut Vec<Remark>,
) -> (Security, bool) {
    // An empty list at the operation takes away what stands at the top.
    let listed = operation.member("security").or_else(|| around.root.member("security"));
    let (mut security, mut api_key) = (Security::Open, false);
    for requirement in listed.iter().flat_map(Cursor::items) {
        for (name, at) in requirement.members() {
            if around.key_schemes.contains(name) {
                api_key = true;
            } else if around.authorizers.contains_key(name) {
                match &security {
                    Security::Authorizer(other) if other != name => unsupported.push(at.remark(format!(
                        "asks for a second authorizer beside `{other}`; a method has one at most"
                    ))),
                    _ => security = Security::Authorizer(name.to_owned()),
                }
            } else if let Some(remark) = around.unsupported_schemes.get(name) {
                unsupported.push(remark.clone());
                security = Security::Unsupported(name.to_owned());
            } else {
                remarks.push(at.remark(format!(
                    "names the security scheme `{name}`, by which requests are not checked"
                )));
            }
        }
    }
    (security, api_key)
}

fn validator(
    operation: &Cursor<'_>,
    around: &Around<'_>,
    unsupported: &mut Vec<Remark>,
) -> Option<RequestValidator> {
    const MEMBER: &str = "x-amazon-apigateway-request-validator";
    let own = operation.text(MEMBER);
    let name = own.or(around.default_validator)?;
    let found = around.validators.get(name).cloned();
    if found.is_none() {
        let at = if own.is_some() { operation } else { around.root };
        let pointer = at.pointer_of(MEMBER);
        let message = format!("names the request validator `{name}`, which the document does not have");
        unsupported.push(Remark { pointer, message });
    }
    found
}

/// Parameters of the operation, and of its path where the operation does not say otherwise.
fn parameters(item: &Cursor<'_>, operation: &Cursor<'_>, around: &Around<'_>) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for of in [operation, item] {
        for parameter in of.member("parameters").iter().flat_map(Cursor::items) {
            let parameter = resolved(&parameter, around);
            let place = match parameter.text("in") {
                Some("header") => Place::Header,
                Some("path") => Place::Path,
                Some("query") => Place::Query,
                _ => continue,
            };
            let Some(name) = parameter.text("name") else { continue };
            if parameters.iter().any(|other| other.name == name && other.place == place) {
                continue;
            }
            let required =
                parameter.member("required").is_some_and(|flag| flag.value.as_bool() == Some(true));
            parameters.push(Parameter { name: name.to_owned(), place, required });
        }
    }
    parameters
}

/// What a reference to another part of the document leads to; itself where it is none.
fn resolved<'d>(part: &Cursor<'d>, around: &Around<'d>) -> Cursor<'d> {
    let found = part.text("$ref").and_then(|reference| {
        let pointer = reference.strip_prefix('#')?;
        Some(Cursor { value: around.root.value.pointer(pointer)?, pointer: pointer.to_owned() })
    });
    found.unwrap_or_else(|| part.clone())
}

fn models_of(
    operation: &Cursor<'_>,
    around: &Around<'_>,
    all: &mut Models<'_>,
    unsupported: &mut Vec<Remark>,
) -> BTreeMap<String, Arc<Value>> {
    let mut models = BTreeMap::new();
    let mut add = |media: &str, schema: &Cursor<'_>| {
        models.insert(media.to_owned(), all.whole(schema, unsupported));
    };
    match around.specification {
        Specification::OpenApi3 => {
            let body = operation.member("requestBody").map(|body| resolved(&body, around));
            let content = body.and_then(|body| body.member("content"));
            for (media, of) in content.iter().flat_map(Cursor::members) {
                if let Some(schema) = of.member("schema") {
                    add(media, &schema);
                }
            }
        }
        Specification::Swagger2 => {
            let parameters = operation.member("parameters").map(|list| list.items()).unwrap_or_default();
            let body = parameters
                .iter()
                .map(|parameter| resolved(parameter, around))
                .find(|parameter| parameter.text("in") == Some("body"));
            let Some(schema) = body.and_then(|body| body.member("schema")) else { return models };
            let consumes = operation.member("consumes").or_else(|| around.root.member("consumes"));
            let consumes = consumes.map(|list| list.items()).unwrap_or_default();
            let media: Vec<&str> = consumes.iter().filter_map(|media| media.value.as_str()).collect();
            // What consumes nothing in particular consumes JSON.
            for media in if media.is_empty() { vec!["application/json"] } else { media } {
                add(media, &schema);
            }
        }
    }
    models
}
