//! What authorizers' results allow, for how long, and for whom.

use std::time::Duration;

use landfall::api::read;
use landfall::doubles::gateway::{ApiKey, TraceConfig};
use landfall::secret::Secret;
use serde_json::{Value, json};

use crate::defined::{Defined, call, invoke, operation, proxy};
use crate::stage::{Bare, Stub, policy, produce, send, until};

/// A result that allows everything, with these members as well.
fn allowing(members: &Value) -> String {
    let mut result: Value = serde_json::from_str(&policy("Allow", "*")).unwrap();
    result.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    result.to_string()
}

fn guarded(mapped: Value) -> Value {
    let mut operation = operation(proxy("/a", mapped));
    operation["security"] = json!([{ "t": [] }]);
    operation
}

#[tokio::test]
async fn what_is_kept_is_the_context_and_the_principal_too() {
    let mapped = json!({
        "integration.request.header.X-Tenant": "context.authorizer.tenant",
        "integration.request.header.X-Principal": "context.authorizer.principalId",
    });
    let lambda = Stub::start(200, allowing(&json!({ "context": { "tenant": "first" } }))).await;
    let (gateway, backend) = Defined::new(json!({ "/a": { "post": guarded(mapped) } }))
        .authorizer("t", json!({ "type": "token" }), invoke(&lambda))
        .start()
        .await;
    for _ in 0..2 {
        assert_eq!(call(&gateway, "/a", &[("authorization", "x")], "").await.status, 200);
        let seen = backend.last().headers;
        assert_eq!(
            (&seen["x-tenant"], &seen["x-principal"]),
            (&"first".parse().unwrap(), &"p".parse().unwrap())
        );
        lambda.answer(200, &[], allowing(&json!({ "context": { "tenant": "second" } })));
    }
    assert_eq!(lambda.count(), 1);
}

#[tokio::test]
async fn values_of_the_context_are_read_as_text() {
    let name = |name: &str| {
        (format!("integration.request.header.X-{name}"), json!(format!("context.authorizer.{name}")))
    };
    let mapped: serde_json::Map<String, Value> =
        ["text", "number", "truth", "nothing"].map(name).into_iter().collect();
    let context = json!({ "context": { "text": "t", "number": 1.5, "truth": true, "nothing": null } });
    let lambda = Stub::start(200, allowing(&context)).await;
    let (gateway, backend) = Defined::new(json!({ "/a": { "post": guarded(Value::Object(mapped)) } }))
        .authorizer("t", json!({ "type": "token" }), invoke(&lambda))
        .start()
        .await;
    assert_eq!(call(&gateway, "/a", &[("authorization", "x")], "").await.status, 200);
    let seen = backend.last().headers;
    let header = |name: &str| seen.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(
        ["x-text", "x-number", "x-truth", "x-nothing"].map(header),
        [Some("t"), Some("1.5"), Some("true"), None]
    );
}

#[tokio::test]
async fn each_authorizer_keeps_its_own_results() {
    let mut second = guarded(json!({}));
    second["security"] = json!([{ "u": [] }]);
    let (one, other) =
        (Stub::start(200, policy("Allow", "*")).await, Stub::start(200, policy("Deny", "*")).await);
    let (gateway, backend) =
        Defined::new(json!({ "/a": { "post": guarded(json!({})) }, "/b": { "post": second } }))
            .authorizer("t", json!({ "type": "token" }), invoke(&one))
            .authorizer("u", json!({ "type": "token" }), invoke(&other))
            .start()
            .await;
    for _ in 0..2 {
        assert_eq!(call(&gateway, "/a", &[("authorization", "x")], "").await.status, 200);
        assert_eq!(call(&gateway, "/b", &[("authorization", "x")], "").await.status, 403);
    }
    assert_eq!((one.count(), other.count(), backend.count()), (1, 1, 2));
}

#[tokio::test]
async fn a_kept_result_outlives_its_token() {
    let bare = Bare::start(|config| config.authorizer_ttl = Duration::from_mins(5)).await;
    assert_eq!(send(produce(&bare.topic("a"), "Bearer x")).await.status, 200);
    // The token has expired, and the authorizer would say so.
    bare.lambda.answer(200, &[], json!({ "errorMessage": "Unauthorized" }).to_string());
    assert_eq!(send(produce(&bare.topic("a"), "Bearer x")).await.status, 200);
    assert_eq!(send(produce(&bare.topic("a"), "Bearer y")).await.status, 401);
    assert_eq!((bare.lambda.count(), bare.backend.count()), (2, 2));
}

#[tokio::test]
async fn after_a_flush_the_authorizer_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let bare = Bare::start(|config| {
        config.authorizer_ttl = Duration::from_mins(5);
        config.trace = Some(TraceConfig { path: path.clone() });
    })
    .await;
    let asked = || bare.gateway.hops().iter().find(|hop| hop.name == "authorizer").map(|hop| hop.us.count);
    for token in ["Bearer x", "Bearer x", "Bearer y"] {
        assert_eq!(send(produce(&bare.topic("a"), token)).await.status, 200);
    }
    assert_eq!((bare.lambda.count(), asked()), (2, Some(2)));
    bare.gateway.flush_authorizers();
    // What the authorizer says now counts, for all credentials.
    bare.lambda.answer(200, &[], policy("Deny", "*"));
    for token in ["Bearer x", "Bearer y", "Bearer y"] {
        assert_eq!(send(produce(&bare.topic("a"), token)).await.status, 403);
    }
    assert_eq!((bare.lambda.count(), asked()), (4, Some(4)));
    let trace = std::fs::read_to_string(&path).unwrap();
    let cached = trace.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["hops"]["authorizer"]["cached"].as_bool().unwrap()
    });
    assert_eq!(cached.collect::<Vec<_>>(), [false, true, false, false, false, true]);
}

#[tokio::test]
async fn first_requests_that_come_together_all_ask() {
    let bare = Bare::start(|config| config.authorizer_ttl = Duration::from_mins(5)).await;
    bare.lambda.hold();
    let sending: Vec<_> = (0..3).map(|_| tokio::spawn(send(produce(&bare.topic("a"), "Bearer x")))).collect();
    until("each has asked", || bare.lambda.count() == 3).await;
    bare.lambda.release();
    for sent in sending {
        assert_eq!(sent.await.unwrap().status, 200);
    }
    assert_eq!(bare.lambda.count(), 3);
}

#[test]
fn results_are_kept_for_five_minutes_unless_the_definition_says_otherwise() {
    for (ttl, expected) in [(None, 300), (Some(0), 0), (Some(1), 1), (Some(3600), 3600), (Some(3601), 300)] {
        let mut of = json!({ "type": "token" });
        if let Some(ttl) = ttl {
            of["authorizerResultTtlInSeconds"] = json!(ttl);
        }
        let defined = Defined::new(json!({ "/a": { "post": guarded(json!({})) } }));
        let scheme = json!({ "type": "apiKey", "name": "Authorization", "in": "header",
            "x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": of });
        let api = read(&defined.with("/components/securitySchemes/t", scheme).document).unwrap();
        assert_eq!(api.authorizers["t"].ttl.as_secs(), expected, "{ttl:?}");
        // One that counts otherwise than it is written is remarked.
        assert_eq!(api.remarks.len(), usize::from(ttl == Some(3601)));
    }
}

#[tokio::test]
async fn results_are_bounded_and_so_are_their_resources() {
    let bare = Bare::start(|_| ()).await;
    let padded = |length: usize| {
        let empty = allowing(&json!({ "context": { "pad": "" } }));
        allowing(&json!({ "context": { "pad": "x".repeat(length - empty.len()) } }))
    };
    let resource = |length: usize| {
        let resource = format!("*{}", "?".repeat(length - 1));
        let two = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Allow", "Action": "*", "Resource": [resource] }]);
        allowing(&json!({ "policyDocument": { "Version": "2012-10-17", "Statement": two } }))
    };
    for (result, status) in
        [(padded(8192), 200), (padded(8193), 500), (resource(512), 200), (resource(513), 500)]
    {
        bare.lambda.answer(200, &[], result);
        assert_eq!(send(produce(&bare.topic("a"), "Bearer x")).await.status.as_u16(), status);
    }
}

#[tokio::test]
async fn wildcards_stand_for_methods_and_for_whatever_lies_below() {
    let mut get = guarded(json!({}));
    get["x-amazon-apigateway-integration"]["httpMethod"] = json!("GET");
    let path = json!({ "post": guarded(json!({})) });
    let lambda = Stub::start(200, "").await;
    let (gateway, _backend) =
        Defined::new(json!({ "/pets/{pet}": path, "/pets/{pet}/toys/{toy}": path, "/pets": path }))
            .authorizer("t", json!({ "type": "token", "authorizerResultTtlInSeconds": 0 }), invoke(&lambda))
            .start()
            .await;
    let arn = "arn:aws:execute-api:eu-west-1:123456789012:landfall00/v1";
    for (resource, path, status) in [
        ("POST/pets/*", "/pets/cat", 200),
        ("POST/pets/*", "/pets/cat/toys/ball", 200),
        ("POST/pets/*", "/pets", 403),
        ("GET/pets/*", "/pets/cat", 403),
        ("*/pets/cat", "/pets/cat", 200),
        ("*/pets/cat", "/pets/dog", 403),
        ("POST/pets/c?t", "/pets/cat", 200),
        ("POST/pets/c?t", "/pets/ct", 403),
        ("P*T/pets/{pet}", "/pets/cat", 403),
    ] {
        lambda.answer(200, &[], policy("Allow", &format!("{arn}/{resource}")));
        let reply = call(&gateway, path, &[("authorization", "x")], "").await;
        assert_eq!(reply.status.as_u16(), status, "{resource} {path}");
    }
}

#[tokio::test]
async fn an_api_key_may_come_from_the_authorizer() {
    let mut operation = guarded(json!({}));
    operation["security"] = json!([{ "t": [], "key": [] }]);
    let scheme = json!({ "type": "apiKey", "name": "x-api-key", "in": "header" });
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let mut defined = Defined::new(json!({ "/a": { "post": operation } }))
        .with("/components/securitySchemes/key", scheme)
        .with("/x-amazon-apigateway-api-key-source", json!("AUTHORIZER"))
        .authorizer("t", json!({ "type": "token", "authorizerResultTtlInSeconds": 0 }), invoke(&lambda));
    defined.change = |config| {
        let value = Secret::new("k");
        config.api_keys = vec![ApiKey { name: "k".into(), value, throttle: None, quota: None }];
    };
    let (gateway, backend) = defined.start().await;
    let headers = [("authorization", "x"), ("x-api-key", "k")];
    let forbidden = (403, Some("ForbiddenException"), r#"{"message":"Forbidden"}"#);
    assert_eq!(call(&gateway, "/a", &headers, "").await.row(), forbidden, "the header does not count");
    for (key, status) in [("other", 403), ("k", 200)] {
        lambda.answer(200, &[], allowing(&json!({ "usageIdentifierKey": key })));
        assert_eq!(call(&gateway, "/a", &headers[..1], "").await.status, status, "{key}");
    }
    assert_eq!(backend.count(), 1);
}

#[tokio::test]
async fn an_allowed_call_still_needs_its_key() {
    let mut operation = guarded(json!({}));
    operation["security"] = json!([{ "t": [], "key": [] }]);
    let scheme = json!({ "type": "apiKey", "name": "x-api-key", "in": "header" });
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let (gateway, backend) = Defined::new(json!({ "/a": { "post": operation } }))
        .with("/components/securitySchemes/key", scheme)
        .authorizer("t", json!({ "type": "token" }), invoke(&lambda))
        .start()
        .await;
    let reply = call(&gateway, "/a", &[("authorization", "x"), ("x-api-key", "k")], "").await;
    assert_eq!(reply.row(), (403, Some("ForbiddenException"), r#"{"message":"Forbidden"}"#));
    assert_eq!((lambda.count(), backend.count()), (1, 0));
}

#[tokio::test]
async fn the_integration_s_time_is_not_the_authorizer_s() {
    let limit = Duration::from_secs(5);
    let bare = Bare::start(|config| {
        config.integration_timeout = limit;
        config.authorizer_timeout = 3 * limit;
    })
    .await;
    bare.lambda.hold();
    let sending = tokio::spawn(send(produce(&bare.topic("a"), "Bearer x")));
    until("the authorizer is asked", || bare.lambda.count() == 1).await;
    // The clock jumps over the limit, and runs on.
    tokio::time::pause();
    tokio::time::advance(2 * limit).await;
    tokio::time::resume();
    bare.lambda.release();
    assert_eq!(sending.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_resource_policy_is_passed_over_and_remarked() {
    let deny = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*" }] });
    let defined = Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } }))
        .with("/x-amazon-apigateway-policy", deny);
    let remarks = read(&defined.document).unwrap().remarks;
    assert!(remarks.iter().any(|remark| remark.pointer == "/x-amazon-apigateway-policy"), "{remarks:?}");
    let (gateway, _backend) = defined.start().await;
    assert_eq!(call(&gateway, "/a", &[], "").await.status, 200);
}

#[tokio::test]
async fn the_arn_of_the_root_ends_with_its_method() {
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let (gateway, _backend) = Defined::new(json!({ "/": { "post": guarded(json!({})) } }))
        .authorizer("t", json!({ "type": "token" }), invoke(&lambda))
        .start()
        .await;
    assert_eq!(call(&gateway, "/", &[("authorization", "x")], "").await.status, 200);
    let event: Value = serde_json::from_slice(&lambda.last().body).unwrap();
    assert_eq!(event["methodArn"], "arn:aws:execute-api:eu-west-1:123456789012:landfall00/v1/POST/");
}

#[tokio::test]
async fn stage_and_context_identify_a_caller_too() {
    for (sources, status) in [
        ("stageVariables.tenant, context.identity.sourceIp", 200),
        ("stageVariables.nobody", 401),
        ("context.identity.userAgent", 401),
    ] {
        let lambda = Stub::start(200, policy("Allow", "*")).await;
        let (gateway, _backend) = Defined::new(json!({ "/a": { "post": guarded(json!({})) } }))
            .authorizer("t", json!({ "type": "request", "identitySource": sources }), invoke(&lambda))
            .start()
            .await;
        for _ in 0..2 {
            assert_eq!(call(&gateway, "/a", &[], "").await.status.as_u16(), status, "{sources}");
        }
        assert_eq!(lambda.count(), usize::from(status == 200), "{sources}");
    }
}
