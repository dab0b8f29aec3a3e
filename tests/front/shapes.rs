//! The gateway's own responses, as an API shapes them.

use landfall::doubles::gateway::{AuthorizerCode, FixedAnswer};
use serde_json::json;

use crate::defined::{Defined, call, operation, proxy};

fn guarded() -> Defined {
    let mut guarded = operation(proxy("/a", json!({})));
    guarded["security"] = json!([{ "t": [] }]);
    Defined::new(json!({ "/a": { "post": guarded }, "/b": { "post": operation(proxy("/a", json!({}))) } }))
        .authorizer("t", json!({ "type": "token" }), AuthorizerCode::Fixed(FixedAnswer::Failure))
}

#[tokio::test]
async fn what_is_not_shaped_is_shaped_as_its_class() {
    let (gateway, backend) = guarded()
        .with(
            "/x-amazon-apigateway-gateway-responses",
            json!({
                "DEFAULT_4XX": { "responseParameters": { "gatewayresponse.header.X-Class": "'4'" } },
                "DEFAULT_5XX": { "statusCode": "503", "responseTemplates": { "application/json":
                    "{\"m\":$context.error.messageString,\"t\":\"$context.error.responseType\"}" } },
            }),
        )
        .start()
        .await;
    let reply = call(&gateway, "/a", &[], "").await;
    assert_eq!((reply.status.as_u16(), reply.header("x-class")), (401, Some("4")));
    let reply = call(&gateway, "/a", &[("authorization", "x")], "").await;
    // A type without a message has `null`, without quotes.
    assert_eq!(
        (reply.status.as_u16(), reply.text()),
        (503, r#"{"m":null,"t":"AUTHORIZER_CONFIGURATION_ERROR"}"#)
    );
    drop(backend);
    let reply = call(&gateway, "/b", &[], "").await;
    let failed = r#"{"m":"Network error communicating with endpoint","t":"INTEGRATION_FAILURE"}"#;
    assert_eq!((reply.status.as_u16(), reply.text()), (503, failed));
    assert_eq!(reply.header("x-class"), None);
}

#[tokio::test]
async fn templates_substitute_and_execute_nothing() {
    let template = "#set($x = 1)\n#if(true)$x#end $context.error.message $context.nothing. $stageVariables.tenant $method.request.header.X-Own $input.body";
    let (gateway, _backend) = guarded()
        .with(
            "/x-amazon-apigateway-gateway-responses",
            json!({ "UNAUTHORIZED": { "responseTemplates": { "text/plain": template } } }),
        )
        .start()
        .await;
    let reply = call(&gateway, "/a", &[("x-own", "o")], "").await;
    assert_eq!(reply.header("content-type"), Some("text/plain"));
    assert_eq!(reply.text(), "#set($x = 1)\n#if(true)$x#end Unauthorized . t-1 o $input.body");
}

#[tokio::test]
async fn a_challenge_must_be_shaped() {
    let (gateway, _backend) = guarded()
        .with(
            "/x-amazon-apigateway-gateway-responses",
            json!({ "UNAUTHORIZED": { "responseParameters": {
                "gatewayresponse.header.WWW-Authenticate": "'Bearer realm=\"ingest\"'" } } }),
        )
        .start()
        .await;
    let reply = call(&gateway, "/a", &[], "").await;
    assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"ingest\""));
    assert_eq!(reply.row(), (401, Some("UnauthorizedException"), r#"{"message":"Unauthorized"}"#));
}

#[tokio::test]
async fn what_the_edge_refuses_cannot_be_shaped() {
    let shaped = json!({ "statusCode": "400", "responseTemplates": { "application/json": "{}" } });
    let (gateway, _backend) = guarded()
        .with(
            "/x-amazon-apigateway-gateway-responses",
            json!({ "REQUEST_TOO_LARGE": shaped, "DEFAULT_4XX": shaped }),
        )
        .start()
        .await;
    let reply = call(&gateway, "/b", &[("x-filler", &"f".repeat(10_240))], "").await;
    assert_eq!(reply.row(), (431, None, "HTTP header is larger than 10240 bytes."));
    let request = crate::stage::post(&crate::defined::url(&gateway, "/b"), &[], vec![b'x'; 10_485_761]);
    let reply = crate::stage::send(request).await;
    assert_eq!(reply.row(), (413, None, "HTTP content length exceeded 10485760 bytes."));
}
