//! Definitions as they are exported, and such as nobody exports.

use proptest::prelude::*;
use serde_json::{Value, json};

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
    let post = &mut document["paths"]["/topics/{topic}"]["post"];
    let body = post.as_object_mut().unwrap().remove("requestBody").unwrap();
    let consumes: Vec<&String> = body["content"].as_object().unwrap().keys().collect();
    post["consumes"] = json!(consumes);
    let schema = body["content"]["$default"]["schema"].clone();
    post["parameters"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "in": "body", "name": "Produce", "schema": schema }));
    let text = document.to_string().replace("#/components/schemas/", "#/definitions/");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_definition_that_ships_is_read_whole() {
    let api = read(&produce()).unwrap();
    assert_eq!((api.title.as_str(), api.base_path.as_deref()), ("produce", Some("/prod")));
    assert_eq!(api.hosts, ["abc1234567.execute-api.eu-west-1.amazonaws.com"]);
    assert_eq!((api.remarks.len(), api.routes.len()), (0, 2));
    let post = &api.routes[0];
    assert_eq!((post.path.as_str(), &post.method), ("/topics/{topic}", &Method::One("POST".into())));
    assert_eq!(post.security, Security::Authorizer("jwt".into()));
    assert!(post.validator.as_ref().is_some_and(|validator| validator.body && validator.parameters));
    assert_eq!(post.models.len(), 3);
    assert!(post.models["$default"]["definitions"]["Record"].is_object());
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
