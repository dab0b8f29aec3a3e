//! What is asked of parameters and bodies before a request is passed on.

use hyper::Method;
use serde_json::{Value, json};

use crate::defined::{Defined, call, operation, proxy, url};
use crate::stage::{Row, post, send};

const BAD_BODY: Row = (400, Some("BadRequestException"), r#"{"message":"Invalid request body"}"#);

/// `/a` with this model for `application/json`, whose validator looks at parameters and bodies.
fn modelled(method: &str, schema: Value) -> Defined {
    let mut operation = operation(proxy("/a", json!({})));
    operation["x-amazon-apigateway-request-validator"] = json!("all");
    operation["requestBody"]["content"]["application/json"]["schema"] = schema;
    let mut paths = json!({ "/a": {} });
    paths["/a"][method] = operation;
    let all = json!({ "validateRequestBody": true, "validateRequestParameters": true });
    Defined::new(paths).with("/x-amazon-apigateway-request-validators", json!({ "all": all }))
}

fn order() -> Value {
    json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" } } })
}

#[tokio::test]
async fn each_switch_of_a_validator_is_one_of_its_own() {
    let mut validated = operation(proxy("/a", json!({})));
    validated["parameters"] = json!([{ "name": "X-Own", "in": "header", "required": true }]);
    validated["requestBody"]["content"]["application/json"]["schema"] = order();
    let missing = r#"{"message":"Missing required request parameters: [X-Own]"}"#;
    let passes = 200;
    for (body, parameters, bare, with_header) in [
        (true, true, (400, missing), 400),
        (true, false, (400, BAD_BODY.2), 400),
        (false, true, (400, missing), passes),
        (false, false, (passes, ""), passes),
    ] {
        let mut validated = validated.clone();
        validated["x-amazon-apigateway-request-validator"] = json!("v");
        let validator = json!({ "validateRequestBody": body, "validateRequestParameters": parameters });
        let (gateway, _backend) = Defined::new(json!({ "/a": { "post": validated } }))
            .with("/x-amazon-apigateway-request-validators", json!({ "v": validator }))
            .start()
            .await;
        let reply = call(&gateway, "/a", &[], "{}").await;
        assert_eq!(reply.status.as_u16(), bare.0, "{body} {parameters}");
        assert!(bare.0 == passes || reply.text() == bare.1, "{body} {parameters}: {}", reply.text());
        let reply = call(&gateway, "/a", &[("x-own", "1")], "{}").await;
        assert_eq!(reply.status.as_u16(), with_header, "{body} {parameters}");
    }
    let (gateway, _backend) = Defined::new(json!({ "/a": { "post": validated } })).start().await;
    assert_eq!(call(&gateway, "/a", &[], "{}").await.status, passes, "without a validator");
}

#[tokio::test]
async fn what_is_missing_is_named_by_headers_then_path_then_query() {
    let mut defined = modelled("post", order());
    let parameters = json!([
        { "name": "qs1", "in": "query", "required": true },
        { "name": "optional", "in": "query" },
        { "name": "issuer", "in": "path", "required": true },
        { "name": "x-header-param", "in": "header", "required": true },
    ]);
    defined.document["paths"]["/a"]["post"]["parameters"] = parameters;
    let (gateway, backend) = defined.start().await;
    let missing = |names: &str| format!(r#"{{"message":"Missing required request parameters: [{names}]"}}"#);
    let reply = call(&gateway, "/a", &[], "{}").await;
    assert_eq!(
        reply.row(),
        (400, Some("BadRequestException"), missing("x-header-param, issuer, qs1").as_str())
    );
    // What is blank is missing, and parameters come before the body.
    let reply = call(&gateway, "/a?qs1=%20", &[("x-header-param", "1")], "{}").await;
    assert_eq!(reply.text(), missing("issuer, qs1"));
    assert_eq!(backend.count(), 0);
}

#[tokio::test]
async fn parameters_must_be_there_and_need_not_be_of_their_type() {
    let mut defined = modelled("post", json!({}));
    defined.document["paths"]["/a"]["post"]["parameters"] = json!([
        { "name": "n", "in": "query", "required": true, "schema": { "type": "integer", "enum": [1] } },
        { "name": "X-P", "in": "header", "required": true, "schema": { "type": "string", "pattern": "^a$" } },
    ]);
    let (gateway, _backend) = defined.start().await;
    assert_eq!(call(&gateway, "/a?n=none", &[("x-p", "b")], "{}").await.status, 200);
    assert_eq!(call(&gateway, "/a", &[("x-p", "a")], "{}").await.status, 400);
}

#[tokio::test]
async fn the_model_of_a_body_goes_by_its_type() {
    let (gateway, backend) = modelled("post", order()).start().await;
    for (media, status) in [
        (None, 400),
        (Some("application/json"), 400),
        (Some("application/json; charset=utf-8"), 400),
        (Some("application/vnd.kafka.json.v2+json"), 200),
        (Some("text/plain"), 200),
    ] {
        let headers: Vec<(&str, &str)> = media.map(|media| ("content-type", media)).into_iter().collect();
        assert_eq!(call(&gateway, "/a", &headers, "{}").await.status.as_u16(), status, "{media:?}");
    }
    assert_eq!(backend.count(), 2);
    let mut defined = modelled("post", order());
    defined.document["paths"]["/a"]["post"]["requestBody"]["content"]["$default"]["schema"] = order();
    let (gateway, backend) = defined.start().await;
    for media in ["application/vnd.kafka.json.v2+json", "text/plain"] {
        assert_eq!(call(&gateway, "/a", &[("content-type", media)], "{}").await.row(), BAD_BODY, "{media}");
    }
    assert_eq!(backend.count(), 0);
}

#[tokio::test]
async fn no_body_is_a_body_even_of_a_get() {
    let (gateway, backend) = modelled("get", order()).start().await;
    let get = |body: &'static str| {
        let mut request = post(&url(&gateway, "/a"), &[("content-type", "application/json")], body);
        *request.method_mut() = Method::GET;
        send(request)
    };
    assert_eq!(get("").await.row(), BAD_BODY);
    assert_eq!(get(r#"{"id":1}"#).await.status, 200);
    assert_eq!(backend.count(), 1);
}

#[tokio::test]
async fn what_is_no_json_fits_no_model_and_passes_without_one() {
    let (gateway, backend) = modelled("post", order()).start().await;
    assert_eq!(
        call(&gateway, "/a", &[("content-type", "application/json")], "{\"id\":").await.row(),
        BAD_BODY
    );
    let (open, passed) =
        Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } })).start().await;
    assert_eq!(call(&open, "/a", &[("content-type", "application/json")], "{\"id\":").await.status, 200);
    assert_eq!((backend.count(), passed.last().body.as_ref()), (0, &b"{\"id\":"[..]));
}

#[tokio::test]
async fn the_cause_is_told_where_the_api_asks_for_it() {
    let template = r#"{"why":"$context.error.validationErrorString"}"#;
    let shaped = json!({ "BAD_REQUEST_BODY": { "responseTemplates": { "application/json": template } } });
    let (gateway, _backend) =
        modelled("post", order()).with("/x-amazon-apigateway-gateway-responses", shaped).start().await;
    let reply = call(&gateway, "/a", &[], r#"{"id":"s3cret"}"#).await;
    assert_eq!((reply.status.as_u16(), reply.text().contains("/id")), (400, true), "{}", reply.text());
    let reply = call(&gateway, "/a", &[], "{").await;
    assert_eq!(reply.text(), r#"{"why":"Can not parse JSON object"}"#);
}

#[tokio::test]
async fn models_refer_to_each_other_also_by_the_api_s_url() {
    let line = json!({ "type": "object", "required": ["n"] });
    let by_url = "https://apigateway.amazonaws.com/restapis/abc123/models/Line";
    let schema = json!({ "type": "object", "properties": {
        "lines": { "type": "array", "items": { "$ref": by_url } },
        "either": { "oneOf": [{ "$ref": by_url }, { "$ref": "#/components/schemas/Text" }] } } });
    let (gateway, _backend) = modelled("post", schema)
        .with("/components/schemas", json!({ "Line": line, "Text": { "type": "string" } }))
        .start()
        .await;
    for (body, status) in [
        (r#"{"lines":[{"n":1}]}"#, 200),
        (r#"{"lines":[{}]}"#, 400),
        (r#"{"either":"x"}"#, 200),
        (r#"{"either":{"n":1}}"#, 200),
        (r#"{"either":{}}"#, 400),
    ] {
        assert_eq!(call(&gateway, "/a", &[], body).await.status.as_u16(), status, "{body}");
    }
}

#[tokio::test]
async fn members_that_no_model_names_pass_unless_it_is_closed() {
    for (closed, status) in [(false, 200), (true, 400)] {
        let mut schema = order();
        if closed {
            schema["additionalProperties"] = json!(false);
        }
        let (gateway, _backend) = modelled("post", schema).start().await;
        let reply = call(&gateway, "/a", &[], r#"{"id":1,"other":2}"#).await;
        assert_eq!(reply.status.as_u16(), status, "{closed}");
    }
}

#[tokio::test]
async fn of_a_member_that_comes_twice_the_last_counts_and_both_pass() {
    let (gateway, backend) = modelled("post", order()).start().await;
    assert_eq!(call(&gateway, "/a", &[], r#"{"id":1,"id":"x"}"#).await.row(), BAD_BODY);
    let twice = r#"{"id":"x","id":1}"#;
    assert_eq!(call(&gateway, "/a", &[], twice).await.status, 200);
    assert_eq!(backend.last().body, twice);
}

#[tokio::test]
async fn models_are_of_draft_4() {
    // A number beside `minimum`, as later drafts have it, is no schema of draft 4; a switch is.
    let exclusive =
        json!({ "properties": { "n": { "type": "integer", "minimum": 1, "exclusiveMinimum": true } } });
    let (gateway, _backend) = modelled("post", exclusive).start().await;
    assert_eq!(call(&gateway, "/a", &[], r#"{"n":1}"#).await.status, 400);
    assert_eq!(call(&gateway, "/a", &[], r#"{"n":2}"#).await.status, 200);
    let later = json!({ "properties": { "n": { "const": 1, "nullable": true } } });
    let (gateway, _backend) = modelled("post", later).start().await;
    assert_eq!(call(&gateway, "/a", &[], r#"{"n":2}"#).await.status, 200, "`const` is none of its words");
}

#[tokio::test]
async fn passthrough_decides_over_bodies_without_a_template() {
    let media = "application/json";
    for (behaviour, some, other, none) in
        [("when_no_match", 200, 200, 200), ("when_no_templates", 200, 415, 200), ("never", 200, 415, 415)]
    {
        let integration = |templates: Value| {
            json!({ "type": "http", "httpMethod": "POST", "uri": "http://back.internal:8082/a",
                "passthroughBehavior": behaviour, "requestTemplates": templates,
                "responses": { "default": { "statusCode": "200" } } })
        };
        let (gateway, backend) = Defined::new(json!({
            "/some": { "post": operation(integration(json!({ media: "through" }))) },
            "/none": { "post": operation(integration(json!({}))) } }))
        .start()
        .await;
        for (path, media, status, body) in [
            ("/some", media, some, "through"),
            ("/some", "text/plain", other, "x"),
            ("/none", media, none, "x"),
        ] {
            let reply = call(&gateway, path, &[("content-type", media)], "x").await;
            assert_eq!(reply.status.as_u16(), status, "{behaviour} {path} {media}");
            assert!(status != 200 || backend.last().body == body, "{behaviour} {path} {media}");
        }
    }
}

#[tokio::test]
async fn a_proxy_passes_whatever_its_passthrough_says() {
    let mut integration = proxy("/a", json!({}));
    integration["passthroughBehavior"] = json!("never");
    integration["requestTemplates"] = json!({ "application/json": "through" });
    let (gateway, backend) = Defined::new(json!({ "/a": { "post": operation(integration) } })).start().await;
    for media in ["application/json", "text/plain"] {
        assert_eq!(call(&gateway, "/a", &[("content-type", media)], "x").await.status, 200);
        assert_eq!(backend.last().body, "x");
    }
}
