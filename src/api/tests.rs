//! Definitions as they are exported, and such as nobody exports.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// The definition that ships with landfall, in both of API Gateway's forms.
fn produce() -> Value {
    serde_saphyr::from_str(include_str!("../../fixtures/gateway/produce.yaml")).unwrap()
}

fn traps() -> Value {
    serde_json::from_str(include_str!("../../fixtures/gateway/traps.json")).unwrap()
}

/// The same API in Swagger 2.0, as `--export-type swagger` writes it.
fn as_swagger(mut document: Value) -> Value {
    let top = document.as_object_mut().unwrap();
    top.remove("openapi");
    top.insert("swagger".into(), json!("2.0"));
    top.remove("servers");
    top.insert("host".into(), json!("abc1234567.execute-api.eu-west-1.amazonaws.com"));
    top.insert("basePath".into(), json!("/prod"));
    let mut parts = top.remove("components").unwrap();
    top.insert("definitions".into(), parts["schemas"].take());
    top.insert("securityDefinitions".into(), parts["securitySchemes"].take());
    for (_, item) in document["paths"].as_object_mut().unwrap() {
        let Some(body) = item["post"].as_object_mut().and_then(|post| post.remove("requestBody")) else {
            continue;
        };
        let consumes: Vec<&String> = body["content"].as_object().unwrap().keys().collect();
        item["post"]["consumes"] = json!(consumes);
        let schema = body["content"][consumes[0]]["schema"].clone();
        let parameters = item["post"]["parameters"].as_array_mut().unwrap();
        parameters.push(json!({ "in": "body", "name": "Produce", "schema": schema }));
    }
    let text = document.to_string().replace("#/components/schemas/", "#/definitions/");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_definition_that_ships_is_read_whole() {
    let api = read(&produce()).unwrap();
    assert_eq!((api.title.as_str(), api.base_path.as_deref()), ("produce", Some("/prod")));
    assert_eq!(api.hosts, ["abc1234567.execute-api.eu-west-1.amazonaws.com"]);
    assert_eq!((api.remarks.len(), api.routes.len()), (0, 4));
    let post = &api.routes[0];
    assert_eq!((post.path.as_str(), &post.method), ("/topics/{topic}", &Method::One("POST".into())));
    assert_eq!(post.security, Security::Authorizer("jwt".into()));
    assert!(post.validator.as_ref().is_some_and(|validator| validator.body && validator.parameters));
    assert_eq!(post.models.len(), 2);
    assert!(post.models["application/vnd.kafka.json.v2+json"]["definitions"]["Record"].is_object());
    let required: Vec<_> =
        post.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.place)).collect();
    assert_eq!(required, [("topic", Place::Path), ("Content-Type", Place::Header)]);
    let integration = post.integration.as_ref().unwrap();
    assert_eq!(integration.kind, IntegrationKind::HttpProxy);
    assert_eq!(integration.connection, ConnectionType::VpcLink("${stageVariables.vpcLink}".into()));
    assert_eq!(integration.parameters.len(), 2);
    let authorizer = &api.authorizers["jwt"];
    assert_eq!((authorizer.function.as_deref(), authorizer.ttl.as_secs()), (Some("authorizer"), 300));
    assert!(
        matches!(&authorizer.kind, AuthorizerKind::Token { header, expression: Some(_) } if header == "Authorization")
    );
    assert!(api.routes.iter().all(|route| route.unsupported.is_empty()));
    // It is what it advises others to be.
    assert!(lint(&api).iter().all(|remark| remark.level == Level::Note));
}

#[test]
fn both_forms_of_an_export_say_the_same() {
    let (openapi, swagger) = (read(&produce()).unwrap(), read(&as_swagger(produce())).unwrap());
    assert_eq!(swagger.specification, Specification::Swagger2);
    let same = |mut api: Api| {
        api.specification = Specification::OpenApi3;
        for authorizer in api.authorizers.values_mut() {
            authorizer.pointer.clear();
        }
        api
    };
    assert_eq!(same(swagger), same(openapi));
}

#[test]
fn traps_are_told_with_their_places() {
    let remarks = lint(&read(&traps()).unwrap());
    let lines: Vec<String> =
        remarks.iter().map(|r| format!("{} {}\n    {}", r.level, r.pointer, r.message)).collect();
    insta::assert_snapshot!(lines.join("\n"));
    // Every place is one of the document, or one that is missing in it.
    let document = traps();
    for Lint { pointer, .. } in &remarks {
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(document.pointer(pointer).or_else(|| document.pointer(parent)).is_some(), "{pointer}");
    }
}

/// What a run would refuse, the lint tells before.
#[test]
fn the_lint_tells_what_the_gateway_cannot_evaluate() {
    let mut document = produce();
    let authorizer = "/components/securitySchemes/jwt/x-amazon-apigateway-authorizer";
    document.pointer_mut(authorizer).unwrap()["identityValidationExpression"] = json!("^Bearer (?=x)");
    let post = &mut document["paths"]["/topics/{topic}"]["post"]["x-amazon-apigateway-integration"];
    post["requestParameters"]["integration.request.header.X-A"] = json!("somewhere.else");
    post["responses"]["(?=x)"] = json!({ "statusCode": "200" });
    let remarks = lint(&read(&document).unwrap());
    let unsupported: Vec<&str> = remarks
        .iter()
        .filter(|remark| remark.level == Level::Unsupported)
        .map(|remark| remark.pointer.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(unsupported, ["identityValidationExpression", "integration.request.header.X-A", "(?=x)"]);
}

#[test]
fn what_is_no_definition_says_what_to_export() {
    for (document, sentence) in [
        (json!({}), "neither `swagger` nor `openapi`"),
        (json!([]), "neither `swagger` nor `openapi`"),
        (json!({ "openapi": "3.1.0", "paths": { "/": {} } }), "written in OpenAPI 3.1.0"),
        (json!({ "swagger": "1.2" }), "written in Swagger 1.2"),
        (json!({ "swagger": "2.0", "paths": {} }), "no paths"),
    ] {
        let error = read(&document).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
    let plain = read(&json!({ "swagger": "2.0", "paths": { "/a": { "get": {} } } })).unwrap();
    assert!(
        !plain.has_extensions && lint(&plain).iter().any(|remark| remark.message.contains("no extensions"))
    );
}

#[test]
fn paths_and_models_that_no_api_has_are_refused() {
    let document = |depth: usize| json!({ "swagger": "2.0", "paths": { "/a".repeat(depth): { "get": {} } } });
    assert!(read(&document(1_000)).is_ok());
    // So many would break whoever walks them.
    assert_eq!(read(&document(100_000)), Err(NotAnApi::TooDeep(100_000)));
    let models: Map<String, Value> = (0..2_000)
        .map(|n| {
            (format!("M{n}"), json!({ "items": { "$ref": format!("#/definitions/M{}", (n + 1) % 2_000) } }))
        })
        .collect();
    let mut document = json!({ "swagger": "2.0", "definitions": models, "paths": {} });
    let schema = |n: usize| json!([{ "in": "body", "schema": { "$ref": "#/definitions/M0", "title": n.to_string() } }]);
    for n in 0..200 {
        document["paths"][format!("/{n}")] = json!({ "post": { "parameters": schema(n) } });
    }
    // Each has all of them for itself.
    assert_eq!(read(&document), Err(NotAnApi::TooLarge));
    for n in 0..200 {
        let schema = &mut document["paths"][format!("/{n}")]["post"]["parameters"][0]["schema"];
        schema.as_object_mut().unwrap().remove("title");
    }
    let api = read(&document).unwrap();
    let model = |route: usize| &api.routes[route].models["application/json"];
    assert!(Arc::ptr_eq(model(0), model(199)));
}

#[test]
fn security_of_an_operation_goes_before_that_of_the_whole() {
    let mut document = produce();
    document["security"] = json!([{ "jwt": [] }]);
    let options = |document: &Value| read(document).unwrap().routes[1].security.clone();
    assert_eq!(options(&document), Security::Authorizer("jwt".into()));
    document["paths"]["/topics/{topic}"]["options"]["security"] = json!([]);
    assert_eq!(options(&document), Security::Open);
    document["components"]["securitySchemes"]["key"] =
        json!({ "type": "apiKey", "name": "x-api-key", "in": "header" });
    document["paths"]["/topics/{topic}"]["options"]["security"] = json!([{ "jwt": [], "key": [] }]);
    assert!(read(&document).unwrap().routes[1].api_key_required);
}

/// What `lint` says of the definition that ships, with a change.
fn remarks_of(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut document = produce();
    change(&mut document);
    let remarks = lint(&read(&document).unwrap());
    remarks.iter().map(|remark| format!("{}: {}", remark.level, remark.message)).collect()
}

#[test]
fn what_is_usual_is_no_trap() {
    let is_clean = |remarks: Vec<String>| {
        let grave: Vec<String> = remarks.into_iter().filter(|remark| !remark.starts_with("note")).collect();
        assert_eq!(grave, Vec::<String>::new());
    };
    let post = "/paths/~1topics~1{topic}/post";
    // A validator for all, methods without bodies among them.
    is_clean(remarks_of(|document| {
        document["x-amazon-apigateway-request-validator"] = json!("all");
        let mut get = document.pointer(post).unwrap().clone();
        get.as_object_mut().unwrap().retain(|name, _| name.starts_with("x-") || name == "security");
        document["paths"]["/topics/{topic}"]["get"] = get;
    }));
    // A preflight that the back end answers.
    is_clean(remarks_of(|document| {
        let integration = document.pointer(post).unwrap()["x-amazon-apigateway-integration"].clone();
        document["paths"]["/topics/{topic}"]["options"]["x-amazon-apigateway-integration"] = integration;
    }));
    // What is refused for its type needs no model.
    is_clean(remarks_of(|document| {
        let post = document.pointer_mut(post).unwrap();
        post["requestBody"]["content"].as_object_mut().unwrap().remove("$default");
        let integration = &mut post["x-amazon-apigateway-integration"];
        (integration["type"], integration["passthroughBehavior"]) = (json!("http"), json!("never"));
    }));
    is_clean(remarks_of(|document| document["x-amazon-apigateway-security-policy"] = json!("TLS_1_2")));
    is_clean(remarks_of(|document| document["x-amazon-apigateway-of-next-year"] = json!(1)));
}

#[test]
fn what_is_no_longer_checked_is_a_trap_whatever_else_is() {
    let post = "/paths/~1topics~1{topic}/post";
    let trapped = |sentence: &str, change: &dyn Fn(&mut Value)| {
        let remarks = remarks_of(change);
        assert!(
            remarks.iter().any(|remark| remark.starts_with("trap") && remark.contains(sentence)),
            "{remarks:?}"
        );
    };
    trapped("application/vnd.kafka.json.v2+json among them", &|document| {
        let content = &mut document.pointer_mut(post).unwrap()["requestBody"]["content"];
        content.as_object_mut().unwrap().retain(|media, _| media == "application/vnd.kafka.binary.v2+json");
    });
    trapped("no validator that looks for them", &|document| {
        document["x-amazon-apigateway-request-validators"]["all"]["validateRequestParameters"] = json!(false);
    });
    for (port, barred) in [(79, true), (80, false), (443, false), (444, true), (1023, true), (1024, false)] {
        let uri = json!(format!("http://host:{port}/topics/{{topic}}"));
        let remarks = remarks_of(|document| {
            document.pointer_mut(post).unwrap()["x-amazon-apigateway-integration"]["uri"] = uri;
        });
        let told = remarks.iter().any(|remark| remark.contains(&format!("goes to port {port};")));
        assert_eq!(told, barred, "{port}");
    }
    trapped("may be called by anybody", &|document| {
        document.pointer_mut(post).unwrap()["security"] = json!([]);
    });
    let signed = remarks_of(|document| {
        let post = document.pointer_mut(post).unwrap();
        post["security"] = json!([]);
        post["x-amazon-apigateway-auth"] = json!({ "type": "AWS_IAM" });
    });
    assert!(!signed.iter().any(|remark| remark.contains("anybody")), "{signed:?}");
    assert!(signed.iter().any(|remark| remark.starts_with("unsupported")), "{signed:?}");
}

#[test]
fn a_version_without_quotes_is_one() {
    let yaml = "swagger: 2.0\npaths: { /a: { get: {} } }\n";
    let document: Value = serde_saphyr::from_str(yaml).unwrap();
    assert_eq!(read(&document).unwrap().specification, Specification::Swagger2);
}

#[test]
fn many_models_that_refer_to_each_other_take_no_time() {
    let models: serde_json::Map<String, Value> = (0..20_000)
        .map(|number| {
            (format!("M{number}"), json!({ "items": { "$ref": format!("#/definitions/M{}", number + 1) } }))
        })
        .collect();
    let document = json!({ "swagger": "2.0", "definitions": models, "paths": { "/a": { "post": {
        "parameters": [{ "in": "body", "name": "b", "schema": { "$ref": "#/definitions/M0" } }],
        "x-amazon-apigateway-integration": { "type": "http_proxy", "uri": "http://x" },
    } } } });
    let began = std::time::Instant::now();
    let api = read(&document).unwrap();
    assert_eq!(
        api.routes[0].models["application/json"]["definitions"].as_object().map(serde_json::Map::len),
        Some(20_001)
    );
    // Rescanning what is wanted took half a minute.
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}

/// Every place of a document, as pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(member, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

proptest! {
    /// Whatever stands anywhere, a document is read or refused.
    #[test]
    fn nothing_that_stands_anywhere_is_a_panic(at in any::<prop::sample::Index>(), odd in 0..9_usize, which in 0..3_usize) {
        let mut document = match which {
            0 => produce(),
            1 => as_swagger(produce()),
            _ => traps(),
        };
        let mut all = Vec::new();
        places(&document, "", &mut all);
        let odd = [
            json!(null), json!(true), json!(-1), json!(1e300), json!(""), json!("{"), json!([]), json!([[{}]]),
            json!({ "$ref": "#/components/schemas/Produce", "": {} }),
        ][odd].clone();
        let at: &String = at.get(&all);
        if let Some(place) = document.pointer_mut(at) {
            *place = odd;
        }
        if let Ok(api) = read(&document) {
            drop(lint(&api));
        }
    }
}
