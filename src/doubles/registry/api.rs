//! The registry's HTTP API, as far as clients use it: registering, looking up, and what new versions must be able to do.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema::{Format, Schema};
use super::store::{Compatibility, Refusal, Registered, Schemas};
use crate::doubles::http::Answer;

pub(super) const KIND: &str = "application/vnd.schemaregistry.v1+json";

/// A schema as clients send it.
#[derive(Debug, Deserialize)]
struct SchemaBody {
    schema: String,
    #[serde(rename = "schemaType", default)]
    kind: Option<String>,
    #[serde(default)]
    references: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct LevelBody {
    compatibility: String,
}

/// What a request is answered with.
type Answered = Result<Value, Refusal>;

/// Answers a request for `path`.
pub(super) fn answer(schemas: &Schemas, method: &Method, path: &str, body: &[u8]) -> Answer {
    let path = path.split('?').next().unwrap_or_default();
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match dispatch(schemas, method, &segments, body) {
        Ok(document) => response(StatusCode::OK, &document),
        Err(Refusal { status, code, message }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            response(status, &json!({ "error_code": code, "message": message }))
        }
    }
}

fn response(status: StatusCode, document: &Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(KIND));
    response
}

fn dispatch(schemas: &Schemas, method: &Method, segments: &[&str], body: &[u8]) -> Answered {
    match (method.as_str(), segments) {
        ("GET" | "POST", []) => Ok(json!({})),
        ("GET", ["subjects"]) => Ok(schemas.with(|store| store.subjects().collect())),
        ("POST", ["subjects", subject]) => {
            let schema = sent(body)?;
            schemas.with(|store| store.lookup(subject, &schema)).map(|found| described(&found))
        }
        ("GET", ["subjects", subject, "versions"]) => {
            schemas.with(|store| store.versions(subject)).map(|count| (1..=count).collect())
        }
        ("POST", ["subjects", subject, "versions"]) => {
            let schema = Arc::new(sent(body)?);
            let registered = schemas.with(|store| store.register(subject, &schema))?;
            Ok(json!({ "id": registered.id }))
        }
        ("GET", ["subjects", subject, "versions", version]) => {
            find(schemas, subject, version).map(|found| described(&found))
        }
        ("GET", ["subjects", subject, "versions", version, "schema"]) => {
            let found = find(schemas, subject, version)?;
            // What is no JSON is told as a text.
            Ok(serde_json::from_str(found.schema.text()).unwrap_or_else(|_| found.schema.text().into()))
        }
        ("GET", ["schemas", "types"]) => Ok(json!(["JSON", "PROTOBUF", "AVRO"])),
        ("GET", ["schemas", "ids", id]) => {
            let id = number(id)?;
            let schema = schemas.with(|store| store.by_id(id))?;
            Ok(with_type(json!({}), &schema))
        }
        ("GET", ["schemas", "ids", id, "versions"]) => {
            let id = number(id)?;
            schemas.with(|store| {
                store.by_id(id)?;
                let place = |(subject, version)| json!({ "subject": subject, "version": version });
                Ok(store.places(id).map(place).collect())
            })
        }
        ("GET", ["config"]) => level(schemas, None),
        ("GET", ["config", subject]) => level(schemas, Some(subject)),
        ("PUT", ["config"]) => set_level(schemas, None, body),
        ("PUT", ["config", subject]) => set_level(schemas, Some(subject), body),
        (_, [] | ["subjects" | "config", ..] | ["schemas", "types" | "ids", ..]) => {
            Err(refusal(405, 405, "HTTP 405 Method Not Allowed"))
        }
        _ => Err(refusal(404, 404, "HTTP 404 Not Found")),
    }
}

fn refusal(status: u16, code: u32, message: impl Into<String>) -> Refusal {
    Refusal { status, code, message: message.into() }
}

/// The schema that a client sends.
fn sent(body: &[u8]) -> Result<Schema, Refusal> {
    let body: SchemaBody = serde_json::from_slice(body)
        .map_err(|error| refusal(422, 42201, format!("Invalid schema: the body cannot be read: {error}")))?;
    let name = body.kind.as_deref().unwrap_or("AVRO");
    let Some(format) = Format::of(name) else {
        return Err(refusal(422, 42201, format!("Invalid schema type {name}")));
    };
    if !body.references.is_empty() {
        return Err(refusal(
            422,
            42201,
            "Invalid schema: references to other schemas are not supported here",
        ));
    }
    Schema::parse(format, &body.schema).map_err(|_| {
        refusal(422, 42201, format!("Invalid schema {} with refs [] of type {name}", body.schema))
    })
}

fn find(schemas: &Schemas, subject: &str, version: &str) -> Result<Registered, Refusal> {
    if version == "latest" || version == "-1" {
        return schemas.with(|store| store.latest(subject));
    }
    match version.parse() {
        Ok(number @ 1..) => schemas.with(|store| store.version(subject, number)),
        _ => Err(refusal(
            422,
            42202,
            format!(
                "The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and \
                 the string \"latest\""
            ),
        )),
    }
}

fn number(id: &str) -> Result<i32, Refusal> {
    id.parse().map_err(|_| refusal(404, 404, "HTTP 404 Not Found"))
}

fn described(found: &Registered) -> Value {
    let document = json!({ "subject": found.subject, "version": found.version, "id": found.id });
    with_type(document, &found.schema)
}

/// A document with a schema and, unless it is Avro, its type.
fn with_type(mut document: Value, schema: &Schema) -> Value {
    if schema.format() != Format::Avro {
        document["schemaType"] = schema.format().name().into();
    }
    document["schema"] = schema.text().into();
    document
}

fn level(schemas: &Schemas, subject: Option<&str>) -> Answered {
    match (schemas.with(|store| store.level(subject)), subject) {
        (Some(level), _) => Ok(json!({ "compatibilityLevel": level.name() })),
        (None, subject) => {
            let subject = subject.unwrap_or_default();
            let message = format!("Subject '{subject}' does not have subject-level compatibility configured");
            Err(refusal(404, 40408, message))
        }
    }
}

fn set_level(schemas: &Schemas, subject: Option<&str>, body: &[u8]) -> Answered {
    let invalid = || {
        let message = "Invalid compatibility level. Valid values are none, backward, forward, full, \
                       backward_transitive, forward_transitive, and full_transitive";
        refusal(422, 42203, message)
    };
    let body: LevelBody = serde_json::from_slice(body).map_err(|_| invalid())?;
    let level = Compatibility::of(&body.compatibility.to_ascii_uppercase()).ok_or_else(invalid)?;
    schemas.with(|store| store.set_level(subject, level));
    Ok(json!({ "compatibility": level.name() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    async fn ask(schemas: &Schemas, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let answer = answer(schemas, &method, path, body.to_string().as_bytes());
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn record(fields: &str) -> Value {
        json!({ "schema": format!("{{\"type\":\"record\",\"name\":\"R\",\"fields\":[{fields}]}}") })
    }

    #[tokio::test]
    async fn schemas_are_registered_and_found() {
        let schemas = Schemas::default();
        let string = json!({ "schema": "{\"type\": \"string\"}" });
        for subject in ["a-value", "b-value"] {
            let path = format!("/subjects/{subject}/versions");
            assert_eq!(ask(&schemas, Method::POST, &path, &string).await, (200, json!({ "id": 1 })));
        }
        let object = json!({ "schema": "{ \"type\" : \"object\" }", "schemaType": "JSON" });
        assert_eq!(
            ask(&schemas, Method::POST, "/subjects/c/versions", &object).await,
            (200, json!({ "id": 2 }))
        );
        for (path, seen) in [
            ("/subjects", json!(["a-value", "b-value", "c"])),
            ("/subjects/a-value/versions", json!([1])),
            (
                "/subjects/a-value/versions/latest",
                json!({ "subject": "a-value", "version": 1, "id": 1, "schema": "\"string\"" }),
            ),
            ("/schemas/ids/2", json!({ "schemaType": "JSON", "schema": "{\"type\":\"object\"}" })),
            (
                "/schemas/ids/1/versions",
                json!([{ "subject": "a-value", "version": 1 }, { "subject": "b-value", "version": 1 }]),
            ),
        ] {
            assert_eq!(ask(&schemas, Method::GET, path, &Value::Null).await, (200, seen), "{path}");
        }
        let found = ask(&schemas, Method::POST, "/subjects/b-value", &string).await;
        assert_eq!((found.0, &found.1["version"]), (200, &json!(1)));
    }

    #[tokio::test]
    async fn what_is_not_there_or_does_not_fit_has_confluents_codes() {
        let schemas = Schemas::default();
        let old = record("{\"name\":\"a\",\"type\":\"int\"}");
        ask(&schemas, Method::POST, "/subjects/s/versions", &old).await;
        let new = record("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"}");
        let invalid = json!({ "schema": "{\"type\":\"nope\"}" });
        for (method, path, body, status, code) in [
            (Method::GET, "/subjects/x/versions", &Value::Null, 404, 40401),
            (Method::GET, "/subjects/s/versions/2", &Value::Null, 404, 40402),
            (Method::GET, "/subjects/s/versions/0", &Value::Null, 422, 42202),
            (Method::GET, "/schemas/ids/9", &Value::Null, 404, 40403),
            (Method::POST, "/subjects/s", &new, 404, 40403),
            (Method::POST, "/subjects/s/versions", &new, 409, 409),
            (Method::POST, "/subjects/s/versions", &invalid, 422, 42201),
            (Method::PUT, "/config", &json!({ "compatibility": "x" }), 422, 42203),
            (Method::GET, "/config/s", &Value::Null, 404, 40408),
            (Method::DELETE, "/subjects/s", &Value::Null, 405, 405),
            (Method::GET, "/nope", &Value::Null, 404, 404),
        ] {
            let (seen, document) = ask(&schemas, method, path, body).await;
            assert_eq!((seen, &document["error_code"]), (status, &json!(code)), "{path}");
        }
        // What may be, follows from the level.
        ask(&schemas, Method::PUT, "/config/s", &json!({ "compatibility": "NONE" })).await;
        let seen = ask(&schemas, Method::POST, "/subjects/s/versions", &new).await;
        assert_eq!(seen, (200, json!({ "id": 2 })));
    }
}
