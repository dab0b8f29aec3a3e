//! Who may call the methods of a definition, and how often: its authorizers, keys and throttles.

use hyper::StatusCode;
use landfall::doubles::gateway::{ApiKey, AuthorizerCode, FixedAnswer, GatewayConfig, RateLimit};
use landfall::secret::Secret;
use serde_json::{Value, json};

use crate::defined::{Defined, call, invoke, operation, proxy};
use crate::stage::{Stub, offsets, policy, until};

#[tokio::test]
async fn a_request_authorizer_sees_the_request_and_keeps_results_by_its_sources() {
    let mut operation = operation(proxy("/a", json!({})));
    operation["security"] = json!([{ "by-request": [] }]);
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let of = json!({ "type": "request", "authorizerResultTtlInSeconds": 300,
        "identitySource": "method.request.header.X-Tenant, method.request.querystring.key" });
    let (gateway, backend) = Defined::new(json!({ "/in/{topic}": { "post": operation } }))
        .authorizer("by-request", of, invoke(&lambda))
        .start()
        .await;
    for (path, headers) in
        [("/in/a?key=1", &[][..]), ("/in/a", &[("x-tenant", "t")]), ("/in/a?key=", &[("x-tenant", "t")])]
    {
        assert_eq!(call(&gateway, path, headers, "").await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(lambda.count(), 0, "an identity source is missing");
    let headers = [("x-tenant", "t"), ("x-many", "a"), ("x-many", "b")];
    assert_eq!(call(&gateway, "/in/a%2Fb?key=1&key=2", &headers, "").await.status, StatusCode::OK);
    let event: Value = serde_json::from_slice(&lambda.last().body).unwrap();
    assert_eq!(event["type"], "REQUEST");
    assert_eq!(event["methodArn"], "arn:aws:execute-api:eu-west-1:123456789012:landfall00/v1/POST/in/a/b");
    assert_eq!((&event["resource"], &event["path"]), (&json!("/in/{topic}"), &json!("/in/a/b")));
    assert_eq!(event["headers"]["X-Many"], "b");
    assert_eq!(event["multiValueHeaders"]["X-Many"], json!(["a", "b"]));
    assert_eq!(event["queryStringParameters"], json!({ "key": "2" }));
    assert_eq!(event["multiValueQueryStringParameters"], json!({ "key": ["1", "2"] }));
    assert_eq!(event["pathParameters"], json!({ "topic": "a/b" }));
    assert_eq!(event["stageVariables"], json!({ "tenant": "t-1" }));
    assert!(event.get("body").is_none());
    let context = &event["requestContext"];
    assert_eq!((&context["stage"], &context["resourcePath"]), (&json!("v1"), &json!("/in/{topic}")));
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    // Another path with the same identity asks nobody; another identity does, and all values of a parameter are part of it.
    for (path, tenant, calls) in [
        ("/in/z?key=1&key=2", "t", 1),
        ("/in/z?key=2", "t", 2),
        ("/in/z?key=2", "u", 3),
        ("/in/y?key=2", "t", 3),
    ] {
        assert_eq!(call(&gateway, path, &[("x-tenant", tenant)], "").await.status, StatusCode::OK);
        assert_eq!(lambda.count(), calls, "{path} {tenant}");
    }
    assert_eq!(backend.count(), 5);
}

#[tokio::test]
async fn without_a_cache_a_request_authorizer_needs_no_source() {
    let mut operation = operation(proxy("/a", json!({})));
    operation["security"] = json!([{ "r": [] }]);
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let of = json!({ "type": "request", "authorizerResultTtlInSeconds": 0,
        "identitySource": "method.request.header.X-Tenant" });
    let (gateway, _backend) = Defined::new(json!({ "/a": { "post": operation } }))
        .authorizer("r", of, invoke(&lambda))
        .start()
        .await;
    for calls in 1..=2 {
        assert_eq!(call(&gateway, "/a", &[], "").await.status, StatusCode::OK);
        assert_eq!(lambda.count(), calls);
    }
}

#[tokio::test]
async fn expressions_must_fit_the_whole_value() {
    let mut operation = operation(proxy("/a", json!({})));
    operation["security"] = json!([{ "t": [] }]);
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let of = json!({ "type": "token", "identitySource": "method.request.header.X-Token",
        "identityValidationExpression": "\\w{5}" });
    let (gateway, _backend) = Defined::new(json!({ "/a": { "post": operation } }))
        .authorizer("t", of, invoke(&lambda))
        .start()
        .await;
    for (value, status) in [("abcde", 200), ("abcdef", 401), ("abcd", 401), ("fghij", 200)] {
        let reply = call(&gateway, "/a", &[("x-token", value)], "").await;
        assert_eq!(reply.status.as_u16(), status, "{value:?}");
    }
    assert_eq!(lambda.count(), 2);
}

#[tokio::test]
async fn an_emulator_gets_one_invocation_at_a_time() {
    let mut operation = operation(proxy("/a", json!({})));
    operation["security"] = json!([{ "t": [] }]);
    let lambda = Stub::start(200, policy("Allow", "*")).await;
    let code = AuthorizerCode::Invoke { url: lambda.url(), concurrency: Some(1) };
    let of = json!({ "type": "token", "authorizerResultTtlInSeconds": 0 });
    let (gateway, backend) =
        Defined::new(json!({ "/a": { "post": operation } })).authorizer("t", of, code).start().await;
    lambda.hold();
    let one = async |token| call(&gateway, "/a", &[("authorization", token)], "").await.status;
    let both = async {
        until("both requests are in hand", || gateway.in_flight() == 2 && lambda.count() == 1).await;
        assert_eq!(lambda.in_flight(), 1);
        lambda.release();
    };
    let (first, second, ()) = tokio::join!(one("a"), one("b"), both);
    assert_eq!((first, second), (StatusCode::OK, StatusCode::OK));
    assert_eq!((lambda.count(), backend.count()), (2, 2));
}

#[tokio::test]
async fn answers_that_are_always_the_same() {
    let answers = [(FixedAnswer::Unauthorized, 401), (FixedAnswer::Failure, 500)];
    for (answer, status) in answers {
        let mut operation = operation(proxy("/a", json!({})));
        operation["security"] = json!([{ "t": [] }]);
        let (gateway, backend) = Defined::new(json!({ "/a": { "post": operation } }))
            .authorizer("t", json!({ "type": "token" }), AuthorizerCode::Fixed(answer))
            .start()
            .await;
        let reply = call(&gateway, "/a", &[("authorization", "x")], "").await;
        assert_eq!((reply.status.as_u16(), backend.count()), (status, 0));
    }
}

#[tokio::test]
async fn keys_quotas_and_throttles() {
    let mut operation = operation(proxy("/a", json!({})));
    operation["security"] = json!([{ "key": [] }]);
    let scheme = json!({ "type": "apiKey", "name": "x-api-key", "in": "header" });
    let mut defined =
        Defined::new(json!({ "/a": { "post": operation } })).with("/components/securitySchemes/key", scheme);
    defined.change = |config| {
        let key = |name: &str, throttle, quota| ApiKey {
            name: name.into(),
            value: Secret::new(format!("{name}-key")),
            throttle,
            quota,
        };
        let slow = RateLimit { rate: 0.001, burst: 1 };
        config.api_keys =
            vec![key("free", None, None), key("slow", Some(slow), None), key("few", None, Some(1))];
        config.throttle = Some(RateLimit { rate: 0.001, burst: 4 });
    };
    let (gateway, backend) = defined.start().await;
    let forbidden = (403, Some("ForbiddenException"), r#"{"message":"Forbidden"}"#);
    let throttled = (429, Some("TooManyRequestsException"), r#"{"message":"Too Many Requests"}"#);
    let used_up = (429, Some("LimitExceededException"), r#"{"message":"Limit Exceeded"}"#);
    let passes = (200, None, offsets(1));
    for (key, expected) in [
        ("", forbidden),
        ("other-key", forbidden),
        ("slow-key", (passes.0, passes.1, passes.2.as_str())),
        ("slow-key", throttled),
        ("few-key", (passes.0, passes.1, passes.2.as_str())),
        ("few-key", used_up),
        ("free-key", (passes.0, passes.1, passes.2.as_str())),
        ("free-key", (passes.0, passes.1, passes.2.as_str())),
        // The stage's own limit.
        ("free-key", throttled),
    ] {
        let headers: &[(&str, &str)] = if key.is_empty() { &[] } else { &[("x-api-key", key)] };
        let reply = call(&gateway, "/a", headers, "").await;
        assert_eq!(reply.row(), expected, "{key}");
        assert!(reply.header("retry-after").is_none());
    }
    assert_eq!(backend.count(), 4);
}

#[tokio::test]
async fn the_account_s_throttle_comes_after_the_stage_s() {
    fn set(config: &mut GatewayConfig, stage: Option<u32>, account: u32) {
        let bucket = |burst| RateLimit { rate: 0.001, burst };
        (config.throttle, config.account_throttle) = (stage.map(bucket), Some(bucket(account)));
    }
    let changes: [fn(&mut GatewayConfig); 3] =
        [|config| set(config, None, 2), |config| set(config, Some(2), 3), |config| set(config, Some(5), 2)];
    for change in changes {
        let mut defined = Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } }));
        defined.change = change;
        let (gateway, backend) = defined.start().await;
        for status in [200, 200, 429, 429] {
            let reply = call(&gateway, "/a", &[], "").await;
            assert_eq!(reply.status.as_u16(), status);
            if status == 429 {
                let throttled = (429, Some("TooManyRequestsException"), r#"{"message":"Too Many Requests"}"#);
                assert_eq!(reply.row(), throttled);
                assert!(reply.header("retry-after").is_none());
            }
        }
        assert_eq!(backend.count(), 2);
    }
}
