//! What of a request reaches the back end, and what of its answer the client: headers, paths and queries.

use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use landfall::api::read;
use landfall::doubles::gateway::Gateway;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::defined::{Defined, call, operation, proxy, url};
use crate::stage::{Bare, DEADLINE, Stub, get, post, produce, send};

async fn passing() -> (Gateway, Stub) {
    Defined::new(json!({ "/a": { "post": operation(proxy("/a", json!({}))) } })).start().await
}

/// What a client writes by hand, that no library would: the whole answer to this head, which is completed by the host.
async fn by_hand(gateway: &Gateway, head: &str) -> String {
    let url: hyper::Uri = gateway.base_url().parse().unwrap();
    let mut stream = TcpStream::connect(url.authority().unwrap().as_str()).await.unwrap();
    let head = format!("{head}\r\nHost: gateway\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn request_headers_pass_or_are_dropped_one_by_one() {
    let (gateway, backend) = passing().await;
    let passed = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "age",
        "authorization",
        "content-type",
        "date",
        "pragma",
        "range",
        "referer",
        "user-agent",
        "warn",
        "x-own",
    ];
    let dropped = [
        "content-md5",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "upgrade",
        "via",
        "www-authenticate",
    ];
    for name in passed.iter().chain(&dropped) {
        call(&gateway, "/a", &[(name, "v1")], "").await;
        let seen = backend.last().headers;
        let expected = passed.contains(name).then_some("v1");
        assert_eq!(seen.get(*name).map(|value| value.to_str().unwrap()), expected, "{name}");
    }
    assert_eq!(backend.count(), passed.len() + dropped.len());
}

#[tokio::test]
async fn the_back_end_gets_its_own_framing_and_no_expectations() {
    let (gateway, backend) = passing().await;
    let head = "POST /v1/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: x\r\nKeep-Alive: 5";
    let url: hyper::Uri = gateway.base_url().parse().unwrap();
    let mut stream = TcpStream::connect(url.authority().unwrap().as_str()).await.unwrap();
    let request = format!("{head}\r\nHost: gateway\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let seen = backend.last();
    assert_eq!((seen.headers["content-length"].to_str().unwrap(), seen.body.as_ref()), ("3", &b"abc"[..]));
    assert_eq!(seen.headers["host"], "back.internal:8082");
    for name in ["transfer-encoding", "expect", "keep-alive", "connection"] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn response_headers_pass_are_renamed_or_are_dropped_one_by_one() {
    let (gateway, backend) = passing().await;
    let renamed = [
        "authorization",
        "content-md5",
        "date",
        "max-forwards",
        "server",
        "user-agent",
        "www-authenticate",
        "x-amzn-requestid",
    ];
    let dropped = ["expect", "host", "proxy-authenticate", "te", "trailer", "upgrade", "via"];
    let passed = ["cache-control", "etag", "location", "retry-after", "x-own"];
    for name in renamed.into_iter().chain(dropped).chain(passed) {
        backend.answer(200, &[(name, "v1")], "{}");
        let reply = call(&gateway, "/a", &[], "").await;
        let value = |name: &str| reply.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let remapped = value(&format!("x-amzn-remapped-{name}"));
        assert_eq!(remapped.as_deref(), renamed.contains(&name).then_some("v1"), "{name}");
        let same = value(name).filter(|value| value == "v1");
        assert_eq!(same.as_deref(), passed.contains(&name).then_some("v1"), "{name}");
    }
    // What the gateway has of its own stands in their place.
    backend.answer(200, &[("date", "then"), ("x-amzn-requestid", "theirs"), ("connection", "close")], "{}");
    let reply = call(&gateway, "/a", &[], "").await;
    assert!(reply.header("date").unwrap().ends_with(" GMT"));
    assert_eq!(reply.header("x-amzn-requestid").map(str::len), Some(36));
    assert_eq!(reply.header("x-amz-apigw-id").map(str::len), Some(16));
    assert_eq!(reply.header("x-amzn-remapped-connection"), Some("close"));
    assert_eq!(
        (reply.header("x-amzn-remapped-content-length"), reply.header("content-length")),
        (Some("2"), Some("2"))
    );
}

#[tokio::test]
async fn a_response_without_a_type_is_json() {
    let (gateway, backend) = passing().await;
    for (headers, expected) in [(&[][..], "application/json"), (&[("content-type", "text/csv")], "text/csv")]
    {
        backend.answer(200, headers, "x");
        assert_eq!(call(&gateway, "/a", &[], "").await.header("content-type"), Some(expected));
    }
}

#[tokio::test]
async fn a_client_s_own_forwarding_headers_are_gone_on_with_or_replaced() {
    let (gateway, backend) = passing().await;
    let sent = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-host", "public.example.com"),
        ("x-amzn-apigateway-api-id", "forged"),
    ];
    call(&gateway, "/a", &sent, "").await;
    let seen = backend.last().headers;
    assert_eq!(seen["x-forwarded-for"], "192.0.2.1, 127.0.0.1");
    let port = gateway.base_url().rsplit_once(':').unwrap().1.split('/').next().unwrap().to_owned();
    assert_eq!(seen["x-forwarded-port"], port.as_str());
    assert_eq!(
        (&seen["x-forwarded-proto"], &seen["x-amzn-apigateway-api-id"]),
        (&HeaderValue::from_static("http"), &HeaderValue::from_static("landfall00"))
    );
    call(&gateway, "/a", &[], "").await;
    assert!(!backend.last().headers.contains_key("x-forwarded-host"), "none is made");
}

#[tokio::test]
async fn headers_may_have_10240_bytes_in_total_and_no_more() {
    let (gateway, backend) = passing().await;
    let total = |headers: &HeaderMap| -> usize {
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum()
    };
    let with = |filler: usize| {
        let mut request = post(&url(&gateway, "/a"), &[], "");
        let host = HeaderValue::from_str(gateway.base_url().split('/').nth(2).unwrap()).unwrap();
        request.headers_mut().insert("host", host);
        request.headers_mut().insert("content-length", HeaderValue::from_static("0"));
        let name = HeaderName::from_static("x-filler");
        request.headers_mut().insert(&name, HeaderValue::from_static(""));
        let rest = filler - total(request.headers());
        request.headers_mut().insert(name, "f".repeat(rest).parse().unwrap());
        assert_eq!(total(request.headers()), filler);
        request
    };
    assert_eq!(send(with(10_240)).await.status, 200);
    assert_eq!(send(with(10_241)).await.row(), (431, None, "HTTP header is larger than 10240 bytes."));
    assert_eq!(backend.count(), 1);
}

#[tokio::test]
async fn a_url_may_have_10240_bytes_and_no_more() {
    let (gateway, backend) = passing().await;
    let with = |length: usize| format!("/a?q={}", "x".repeat(length - "/v1/a?q=".len()));
    assert_eq!(call(&gateway, &with(10_240), &[], "").await.status, 200);
    assert_eq!(call(&gateway, &with(10_241), &[], "").await.status, 414);
    assert_eq!(backend.count(), 1);
}

#[tokio::test]
async fn the_methods_arn_may_have_1600_bytes_and_no_more() {
    let bare = Bare::start(|_| ()).await;
    let before = "arn:aws:execute-api:eu-west-1:123456789012:landfall00/prod/POST/topics/".len();
    let topic = |length: usize| bare.topic(&"t".repeat(length - before));
    assert_eq!(send(produce(&topic(1600), "Bearer x")).await.status, 200);
    assert_eq!(send(produce(&topic(1601), "Bearer x")).await.status, 414);
    assert_eq!((bare.lambda.count(), bare.backend.count()), (1, 1));
}

#[tokio::test]
async fn a_semicolon_parts_the_query() {
    let (gateway, backend) = passing().await;
    call(&gateway, "/a?q=a;b=c%20d", &[], "").await;
    assert_eq!(backend.last().path, "/a?q=a&b=c+d");
    // Without one, the query passes as it was written.
    call(&gateway, "/a?q=a%20b&&c", &[], "").await;
    assert_eq!(backend.last().path, "/a?q=a%20b&&c");
}

#[tokio::test]
async fn ping_is_a_path_like_any_other_below_the_stage() {
    let mut ping = operation(proxy("/ping", json!({})));
    ping["x-amazon-apigateway-integration"]["httpMethod"] = json!("GET");
    let (gateway, backend) = Defined::new(json!({ "/ping": { "get": ping } })).start().await;
    assert_eq!(get(&url(&gateway, "/ping")).await.status, 200);
    assert_eq!(get(&url(&gateway, "/sping")).await.status, 403);
    assert_eq!(backend.count(), 1);
}

#[tokio::test]
async fn pipes_and_braces_pass_without_being_encoded() {
    let (gateway, backend) = passing().await;
    let answer = by_hand(&gateway, "POST /v1/a?q=a|b HTTP/1.1\r\nContent-Length: 0").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(backend.last().path, "/a?q=a|b");
}

#[tokio::test]
async fn any_method_passes_where_the_integration_names_none() {
    let mut any = operation(proxy("/a", json!({})));
    any["x-amazon-apigateway-integration"]["httpMethod"] = json!("ANY");
    let (gateway, backend) =
        Defined::new(json!({ "/a": { "x-amazon-apigateway-any-method": any } })).start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let mut request = post(&url(&gateway, "/a"), &[], "");
        *request.method_mut() = method;
        assert_eq!(send(request).await.status, 200);
    }
    assert_eq!(backend.count(), 3);
}

#[test]
fn back_ends_have_29_seconds_unless_the_definition_says_otherwise() {
    for (millis, expected) in [(None, 29_000), (Some(49), 29_000), (Some(50), 50), (Some(60_000), 60_000)] {
        let mut integration = proxy("/a", json!({}));
        if let Some(millis) = millis {
            integration["timeoutInMillis"] = json!(millis);
        }
        let api = read(&Defined::new(json!({ "/a": { "post": operation(integration) } })).document).unwrap();
        let timeout = api.routes[0].integration.as_ref().unwrap().timeout;
        assert_eq!(timeout.as_millis(), expected, "{millis:?}");
        // One that counts otherwise than it is written is remarked.
        assert_eq!(api.remarks.len(), usize::from(millis == Some(49)));
    }
}

#[tokio::test]
async fn a_method_that_converts_bodies_lets_nothing_pass() {
    let mut integration = proxy("/a", json!({}));
    integration["contentHandling"] = json!("CONVERT_TO_TEXT");
    let paths = json!({ "/a": { "post": operation(integration) }, "/b": { "post": operation(proxy("/b", json!({}))) } });
    let (gateway, backend) = Defined::new(paths).start().await;
    assert_eq!(call(&gateway, "/a", &[], "eA==").await.status, 500);
    assert_eq!(call(&gateway, "/b", &[], "eA==").await.status, 200);
    assert_eq!(backend.count(), 1);
}

#[tokio::test]
async fn over_a_vpc_link_the_uri_names_the_host_and_routes_nothing() {
    let mut integration = proxy("/a", json!({}));
    integration["connectionType"] = json!("VPC_LINK");
    integration["connectionId"] = json!("abc123");
    let (gateway, backend) = Defined::new(json!({ "/in": { "post": operation(integration) } })).start().await;
    assert_eq!(call(&gateway, "/in", &[], "").await.status, 200);
    let seen = backend.last();
    // The stage's name stays behind.
    assert_eq!((seen.path.as_str(), seen.headers["host"].to_str().unwrap()), ("/a", "back.internal:8082"));
    drop(backend);
    let failed = (500, Some("InternalServerErrorException"), r#"{"message": "Internal server error"}"#);
    assert_eq!(call(&gateway, "/in", &[], "").await.row(), failed);
}
