//! Definitions of one's own, served as API Gateway would.

use std::time::Duration;

use hyper::{Method, StatusCode};
use landfall::api::{Plan, Stage, Surroundings, read};
use landfall::doubles::gateway::{AccessLogConfig, DEFAULT_FORMAT, Gateway, GatewayConfig};
use serde_json::{Value, json};

use crate::defined::{Defined, call, invoke, operation, proxy, url};
use crate::stage::{LOOPBACK, Stub, offsets, policy, post, send};

#[tokio::test]
async fn parameters_are_mapped_from_everywhere() {
    let mapped = json!({
        "integration.request.path.name": "method.request.path.topic",
        "integration.request.header.X-Tenant": "context.authorizer.tenant",
        "integration.request.header.X-Stage": "stageVariables.tenant",
        "integration.request.header.X-Text": "'as it is'",
        "integration.request.header.X-Joined": "method.request.header.X-Many",
        "integration.request.header.X-None": "context.authorizer.nothing",
        "integration.request.querystring.key": "method.request.body.records[0].key",
        "integration.request.querystring.q": "method.request.querystring.q",
        "integration.request.header.Host": "'public.example.com'",
    });
    let mut operation = operation(proxy("/topics/{name}", mapped));
    operation["security"] = json!([{ "jwt": [] }]);
    let lambda = Stub::start(200, policy("Allow", "*").replacen('{', r#"{"context":{"tenant":7},"#, 1)).await;
    let (gateway, backend) = Defined::new(json!({ "/in/{topic}": { "post": operation } }))
        .authorizer("jwt", json!({ "type": "token" }), invoke(&lambda))
        .start()
        .await;
    let headers = [
        ("authorization", "x"),
        ("x-many", "a"),
        ("x-many", "b"),
        ("x-tenant", "forged"),
        ("x-none", "sent"),
    ];
    let reply = call(&gateway, "/in/a%20b?q=1&q=2&z=3", &headers, r#"{"records":[{"key":"k&"}]}"#).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let seen = backend.last();
    assert_eq!(seen.path, "/topics/a%20b?z=3&key=k%26&q=2");
    let header = |name: &str| seen.headers[name].to_str().unwrap();
    assert_eq!(
        ["x-tenant", "x-stage", "x-text", "x-joined", "host"].map(header),
        ["7", "t-1", "as it is", "a,b", "public.example.com"]
    );
    // What has no value leaves what the client sent.
    assert_eq!(header("x-none"), "sent");
}

#[tokio::test]
async fn headers_that_may_not_be_mapped_make_every_call_fail() {
    for name in ["Content-Length", "transfer-encoding", "X-Amzn-Trace-Id", "X-Amzn-Apigateway-Api-Id"] {
        let mut parameters = json!({});
        parameters[format!("integration.request.header.{name}")] = json!("'1'");
        let (gateway, backend) =
            Defined::new(json!({ "/a": { "post": operation(proxy("/a", parameters)) } })).start().await;
        let reply = call(&gateway, "/a", &[], "").await;
        assert_eq!((reply.status.as_u16(), reply.text()), (500, r#"{"message": "Internal server error"}"#));
        assert_eq!(backend.count(), 0);
    }
}

#[tokio::test]
async fn a_greedy_path_takes_what_is_left_and_any_method() {
    let parameters = json!({ "integration.request.path.proxy": "method.request.path.proxy" });
    let mut any = proxy("/{proxy}", parameters);
    any["httpMethod"] = json!("ANY");
    let (gateway, backend) =
        Defined::new(json!({ "/topics/{proxy+}": { "x-amazon-apigateway-any-method": operation(any) } }))
            .start()
            .await;
    let put = |path: &str| {
        let mut request = post(&url(&gateway, path), &[], "x");
        *request.method_mut() = Method::PUT;
        request
    };
    assert_eq!(send(put("/topics/a/b%2Fc")).await.status, StatusCode::OK);
    // What is encoded in the path is decoded on the way.
    assert_eq!(backend.last().path, "/a/b/c");
    assert_eq!(send(put("/topics")).await.row().1, Some("MissingAuthenticationTokenException"));
    assert_eq!(send(put("/topics/a/../b")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(backend.count(), 1);
}

#[tokio::test]
async fn the_method_may_be_overridden_by_a_header() {
    let (gateway, backend) =
        Defined::new(json!({ "/a": { "put": operation(proxy("/a", json!({}))) } })).start().await;
    assert_eq!(call(&gateway, "/a", &[], "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(call(&gateway, "/a", &[("x-http-method-override", "PUT")], "").await.status, StatusCode::OK);
    assert_eq!(backend.count(), 1);
}

#[tokio::test]
async fn an_integration_that_is_no_proxy_goes_through_templates() {
    let integration = json!({ "type": "http", "httpMethod": "POST", "uri": "http://back.internal:8082/topics/a",
        "passthroughBehavior": "when_no_templates",
        "requestTemplates": { "application/json":
            "{\"records\":[{\"value\":$input.json('$.order')}],\"who\":\"$context.requestId $input.params('X-Who')\"}" },
        "responses": {
            "default": { "statusCode": "202", "responseParameters": {
                "method.response.header.X-Offsets": "integration.response.header.X-Count",
                "method.response.header.X-Fixed": "'yes'" },
                "responseTemplates": { "application/json": "{\"first\":$input.json('$.offsets[0].offset')}" } },
            "4\\d{2}": { "statusCode": "422" } } });
    let (gateway, backend) =
        Defined::new(json!({ "/orders": { "post": operation(integration) } })).start().await;
    backend.answer(200, &[("x-count", "1"), ("x-hidden", "1")], offsets(1));
    let headers = [("content-type", "application/json"), ("x-who", "me"), ("x-own", "1")];
    let reply = call(&gateway, "/orders", &headers, r#"{"order":{"id":7}}"#).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (202, r#"{"first":0}"#));
    assert_eq!((reply.header("x-offsets"), reply.header("x-fixed")), (Some("1"), Some("yes")));
    assert_eq!(reply.header("x-hidden"), None);
    let seen = backend.last();
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["records"], json!([{ "value": { "id": 7 } }]));
    assert_eq!(body["who"], json!(format!("{} me", reply.header("x-amzn-requestid").unwrap())));
    assert!(seen.headers.get("x-own").is_none());
    assert_eq!(seen.headers["user-agent"], "AmazonAPIGateway_landfall00");
    assert_eq!(seen.headers["accept"], "application/json");

    backend.answer(409, &[], "conflict");
    let reply = call(&gateway, "/orders", &headers, "{}").await;
    assert_eq!((reply.status.as_u16(), reply.text()), (422, "conflict"));
    let reply = call(&gateway, "/orders", &[("content-type", "text/plain")], "x").await;
    assert_eq!(reply.row(), (415, Some("BadRequestException"), r#"{"message":"Unsupported Media Type"}"#));
    assert_eq!(backend.count(), 2);
}

#[tokio::test]
async fn no_mapping_says_where_a_response_ends() {
    let integration = json!({ "type": "http", "httpMethod": "POST", "uri": "http://back.internal:8082/a",
        "responses": { "default": { "statusCode": "200", "responseParameters": {
            "method.response.header.Content-Length": "integration.response.header.Content-Length",
            "method.response.header.Transfer-Encoding": "'chunked'" },
            "responseTemplates": { "application/json": "{\"short\":1}" } } } });
    let (gateway, _backend) = Defined::new(json!({ "/a": { "post": operation(integration) } })).start().await;
    let reply = call(&gateway, "/a", &[("content-type", "application/json")], "{}").await;
    assert_eq!((reply.text(), reply.header("content-length")), (r#"{"short":1}"#, Some("11")));
}

#[tokio::test]
async fn a_mock_answers_by_itself() {
    let mock = |template: &str| {
        json!({ "type": "mock", "requestTemplates": { "application/json": template }, "responses": {
            "default": { "statusCode": "200", "responseParameters": {
                "method.response.header.Access-Control-Allow-Origin": "'*'" } },
            "204": { "statusCode": "204" } } })
    };
    let (gateway, _backend) = Defined::new(json!({
        "/a": { "options": operation(mock("{\"statusCode\": 200}")), "delete": operation(mock("{\"statusCode\": 204}")),
                "put": operation(mock("not json")) } }))
    .start()
    .await;
    let request = |method: Method| {
        let mut request = post(&url(&gateway, "/a"), &[], "");
        *request.method_mut() = method;
        request
    };
    let reply = send(request(Method::OPTIONS)).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(send(request(Method::DELETE)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(send(request(Method::PUT)).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn gateway_responses_are_shaped_by_the_api() {
    let mut operation = operation(proxy("/a", json!({})));
    operation["security"] = json!([{ "jwt": [] }]);
    let deny = policy("Deny", "*").replacen('{', r#"{"context":{"reason":"no contract"},"#, 1);
    let lambda = Stub::start(200, deny).await;
    let shaped = json!({
        "ACCESS_DENIED": { "statusCode": "451",
            "responseParameters": { "gatewayresponse.header.X-Reason": "context.authorizer.reason",
                "gatewayresponse.header.X-Asked": "method.request.header.X-Own" },
            "responseTemplates": { "application/json":
                "{\"message\":$context.error.messageString,\"why\":\"$context.authorizer.reason\",\"type\":\"$context.error.responseType\",\"t\":\"$stageVariables.tenant\"}" } },
        "DEFAULT_4XX": { "responseTemplates": { "application/json": "{\"any\":$context.error.messageString}" } },
    });
    let (gateway, _backend) = Defined::new(json!({ "/a": { "post": operation } }))
        .with("/x-amazon-apigateway-gateway-responses", shaped)
        .authorizer("jwt", json!({ "type": "token" }), invoke(&lambda))
        .start()
        .await;
    let reply = call(&gateway, "/a", &[("authorization", "x"), ("x-own", "o")], "").await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("x-amzn-errortype")),
        (451, Some("AccessDeniedException"))
    );
    assert_eq!((reply.header("x-reason"), reply.header("x-asked")), (Some("no contract"), Some("o")));
    let message = "User is not authorized to access this resource with an explicit deny";
    assert_eq!(
        reply.json(),
        json!({ "message": message, "why": "no contract", "type": "ACCESS_DENIED", "t": "t-1" })
    );
    // What is not shaped by itself is shaped as its class.
    let reply = call(&gateway, "/a", &[], "").await;
    assert_eq!((reply.status.as_u16(), reply.text()), (401, r#"{"any":"Unauthorized"}"#));
}

#[tokio::test]
async fn a_trace_is_passed_on() {
    let (gateway, backend) =
        Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } })).start().await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    call(&gateway, "/a", &[("traceparent", traceparent), ("tracestate", "a=1")], "").await;
    let seen = backend.last();
    assert_eq!(
        (&seen.headers["traceparent"], &seen.headers["tracestate"]),
        (&traceparent.parse().unwrap(), &"a=1".parse().unwrap())
    );
}

#[tokio::test]
async fn bodies_of_binary_types_pass_as_they_are() {
    let (gateway, backend) = Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } }))
        .with("/x-amazon-apigateway-binary-media-types", json!(["avro/binary"]))
        .start()
        .await;
    for (media, passed) in [("avro/binary", &b"a\xFFb"[..]), ("text/plain", "a\u{FFFD}b".as_bytes())] {
        send(post(&url(&gateway, "/a"), &[("content-type", media)], &b"a\xFFb"[..])).await;
        assert_eq!(backend.last().body, passed, "{media}");
    }
}

#[tokio::test]
async fn answers_are_text_unless_they_are_of_a_binary_type() {
    let (bytes, text) = (&b"a\xFFb"[..], "a\u{FFFD}b".as_bytes());
    for (listed, accepted, media, passed) in [
        (json!([]), "avro/binary", "avro/binary", text),
        (json!(["avro/binary"]), "avro/binary, text/plain", "text/plain", bytes),
        // The first type that the client accepts counts alone.
        (json!(["avro/binary"]), "text/plain, avro/binary", "text/plain", text),
        (json!(["avro/binary"]), "text/plain", "avro/binary", bytes),
        (json!(["*/*"]), "text/plain", "text/plain", bytes),
    ] {
        let (gateway, backend) = Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } }))
            .with("/x-amazon-apigateway-binary-media-types", listed.clone())
            .start()
            .await;
        backend.answer(200, &[("content-type", media)], bytes);
        let reply = call(&gateway, "/a", &[("accept", accepted)], "").await;
        assert_eq!(reply.body, passed, "{listed} {accepted} {media}");
    }
}

#[tokio::test]
async fn routes_that_cannot_be_served_let_nothing_pass() {
    let lambda = json!({ "type": "aws_proxy", "httpMethod": "POST", "uri": "arn:aws:apigateway:x" });
    let (gateway, backend) = Defined::new(json!({ "/a": { "post": operation(lambda) },
        "/b": { "post": operation(proxy("/b", json!({}))) } }))
    .start()
    .await;
    let reply = call(&gateway, "/a", &[], "").await;
    assert_eq!((reply.status, backend.count()), (StatusCode::INTERNAL_SERVER_ERROR, 0));
    assert_eq!(call(&gateway, "/b", &[], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn back_ends_over_the_internet_fail_as_a_network_does() {
    let (gateway, backend) =
        Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } })).start().await;
    drop(backend);
    let reply = call(&gateway, "/a", &[], "").await;
    let network = r#"{"message": "Network error communicating with endpoint"}"#;
    assert_eq!(reply.row(), (504, Some("InternalServerErrorException"), network));
}

#[tokio::test]
async fn each_request_is_logged_without_its_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let mut operation = operation(proxy("/a", json!({})));
    operation["security"] = json!([{ "jwt": [] }]);
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let defined = Defined::new(json!({ "/a": { "post": operation } })).authorizer(
        "jwt",
        json!({ "type": "token" }),
        invoke(&lambda),
    );
    let (document, authorizers) = (defined.document, defined.authorizers);
    let backend = Stub::start(503, "down").await;
    let around = Surroundings {
        stage: Stage { name: "v1".into(), base_path: "/v1".into(), ..Stage::default() },
        origins: ["http://back.internal:8082".to_owned()].into(),
        authorizers: authorizers.keys().cloned().collect(),
        used: vec![],
    };
    let plan = Plan::new(&read(&document).unwrap(), around).unwrap();
    let backends = [("http://back.internal:8082".to_owned(), backend.address().into())].into();
    let mut config = GatewayConfig::new(LOOPBACK, plan, backends, authorizers);
    config.access_log = Some(AccessLogConfig { path: path.clone(), format: DEFAULT_FORMAT.into() });
    let gateway = Gateway::start(config).await.unwrap();
    let passed = call(&gateway, "/a", &[("authorization", "Bearer s3cret"), ("user-agent", "x")], "").await;
    let lost = call(&gateway, "/nowhere", &[("authorization", "Bearer s3cret")], "").await;
    assert!(lost.text().contains("s3cret"), "the client sees its own token");
    let in_flight = std::time::Instant::now();
    while gateway.in_flight() > 0 {
        assert!(in_flight.elapsed() < Duration::from_secs(20));
        tokio::task::yield_now().await;
    }
    drop(gateway);
    let log = loop {
        let log = std::fs::read_to_string(&path).unwrap();
        if log.lines().count() == 2 {
            break log;
        }
        assert!(in_flight.elapsed() < Duration::from_secs(20), "{log}");
        tokio::task::yield_now().await;
    };
    assert!(!log.contains("s3cret"), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["requestId"], passed.header("x-amzn-requestid").unwrap());
    assert_eq!((&lines[0]["status"], &lines[0]["integrationStatus"]), (&json!("503"), &json!("503")));
    assert_eq!((&lines[0]["principal"], &lines[0]["error"]), (&json!("p"), &json!("-")));
    assert_eq!(lines[1]["responseType"], "INVALID_SIGNATURE");
}
