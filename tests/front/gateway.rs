//! The gateway's decisions, row by row.

use std::time::Duration;

use hyper::StatusCode;
use landfall::doubles::balancer::{Balancer, BalancerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::stage::{
    Bare, LOOPBACK, ONE_RECORD, Pairs, Reply, Row, Settings, Stub, V2_JSON, get, offsets, policy, post,
    produce, send, start_authorizer, start_idp, token_of, until,
};

const UNAUTHORIZED: Row = (401, Some("UnauthorizedException"), r#"{"message":"Unauthorized"}"#);
const AUTHORIZER_FAILED: Row = (500, Some("AuthorizerConfigurationException"), r#"{"message":null}"#);

/// A name, the authorizer's status, headers and body, and what the client gets.
type Case<'a> = (&'a str, u16, Pairs<'static>, String, Row<'a>);

/// What every response that the gateway makes itself has.
fn assert_made_by_gateway(reply: &Reply) {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-amzn-requestid").unwrap().len(), 36);
    assert_eq!(reply.header("x-amz-apigw-id").unwrap().len(), 16);
    assert!(reply.header("www-authenticate").is_none());
}

#[tokio::test]
async fn a_good_token_passes_from_end_to_end() {
    let idp = start_idp(0).await;
    let authorizer = start_authorizer(idp.issuer(), idp.jwks_uri()).await;
    let backend = Stub::start(200, offsets(1)).await;
    backend.answer(
        200,
        &[("content-type", "application/vnd.kafka.v2+json"), ("server", "Jetty"), ("www-authenticate", "x")],
        offsets(1),
    );
    let balancer = Balancer::start(BalancerConfig::new(LOOPBACK, vec![backend.address()])).await.unwrap();
    let gateway = Settings::new(balancer.address()).start(authorizer.invoke_url()).await;
    let token = token_of(&idp, "seis:mic").await;
    let bearer = format!("Bearer {token}");

    let v3 = "/v3/clusters/c/topics/quakes/records";
    for path in ["/topics/quakes?a=b%20c", "/topics/quakes/partitions/3", "/topics/ships", v3] {
        let mut request = produce(&format!("{}{path}", gateway.base_url()), &bearer);
        request.headers_mut().insert("x-own", "1".parse().unwrap());
        request.headers_mut().insert("max-forwards", "1".parse().unwrap());
        let reply = send(request).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert_eq!(reply.text(), offsets(1));
        assert_eq!(reply.header("content-type"), Some("application/vnd.kafka.v2+json"));
        assert_eq!(reply.header("x-amzn-remapped-server"), Some("Jetty"));
        assert_eq!(reply.header("x-amzn-remapped-www-authenticate"), Some("x"));
        assert_eq!(
            reply.header("x-amzn-remapped-content-length"),
            Some(offsets(1).len().to_string().as_str())
        );
        assert!(reply.header("server").is_none() && reply.header("x-amzn-requestid").is_some());
        assert!(!reply.everything().contains(&token));

        let seen = backend.last();
        assert_eq!(seen.path, path);
        assert_eq!(seen.body, ONE_RECORD);
        let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("authorization"), Some(bearer.as_str()));
        assert_eq!(header("content-type"), Some(V2_JSON));
        assert_eq!(header("host"), Some(balancer.address().to_string().as_str()));
        assert_eq!(header("content-length"), Some(ONE_RECORD.len().to_string().as_str()));
        assert_eq!((header("x-own"), header("max-forwards")), (Some("1"), None));
        assert_eq!(
            (header("x-forwarded-for"), header("x-forwarded-proto")),
            (Some("127.0.0.1"), Some("http"))
        );
        assert!(header("x-forwarded-port").is_some() && header("x-amzn-apigateway-api-id").is_some());
        assert!(header("x-amzn-trace-id").unwrap().starts_with("Root=1-"));
    }
    // A topic that the token does not name, and a client without scopes.
    let reply = send(produce(&format!("{}/topics/other", gateway.base_url()), &bearer)).await;
    assert_eq!(reply.row().0, 403);
    assert_eq!(reply.json(), json!({"Message": "User is not authorized to access this resource"}));
    let stranger = format!("Bearer {}", token_of(&idp, "stranger").await);
    let reply = send(produce(&format!("{}/topics/quakes", gateway.base_url()), &stranger)).await;
    assert!(reply.text().ends_with("with an explicit deny\"}"), "{}", reply.text());
    let reply = send(produce(&format!("{}/topics/quakes", gateway.base_url()), "Bearer x.y.z")).await;
    assert_eq!(reply.row(), UNAUTHORIZED);
    let reply =
        send(produce(&format!("{}{}", gateway.base_url(), v3.replace("quakes", "other")), &bearer)).await;
    assert_eq!(reply.row().0, 403);
    assert_eq!(backend.count(), 4);
    assert_eq!(gateway.in_flight(), 0);
}

#[tokio::test]
async fn credentials_of_the_wrong_form_never_reach_the_authorizer() {
    let bare = Bare::start(|_| ()).await;
    for value in
        ["", " ", "Bearer", "Bearer ", "bearer", "Bearer  x", "Basic x", "x", "Bearer x y", "Bearer \"x\""]
    {
        let reply = send(produce(&bare.topic("a"), value)).await;
        assert_eq!(reply.row(), UNAUTHORIZED, "{value:?}");
        assert_made_by_gateway(&reply);
    }
    let mut twice = produce(&bare.topic("a"), "Bearer x");
    twice.headers_mut().append("authorization", "Bearer y".parse().unwrap());
    assert_eq!(send(twice).await.row(), UNAUTHORIZED);
    assert_eq!(send(produce(&format!("{}?access_token=x", bare.topic("a")), "")).await.row(), UNAUTHORIZED);
    assert_eq!((bare.lambda.count(), bare.backend.count()), (0, 0));
    assert_eq!(send(produce(&bare.topic("a"), "Bearer x")).await.status, StatusCode::OK);
    assert_eq!((bare.lambda.count(), bare.backend.count()), (1, 1));
}

#[tokio::test]
async fn the_authorizer_gets_exactly_the_token_event() {
    let bare = Bare::start(|_| ()).await;
    send(produce(&bare.topic("a/partitions/7"), "Bearer x.y.z")).await;
    let event: Value = serde_json::from_slice(&bare.lambda.last().body).unwrap();
    let arn = "arn:aws:execute-api:eu-west-1:123456789012:landfall00/prod/POST/topics/a/partitions/7";
    assert_eq!(event, json!({"type": "TOKEN", "authorizationToken": "Bearer x.y.z", "methodArn": arn}));
}

#[tokio::test]
async fn what_the_client_gets_for_each_answer_of_the_authorizer() {
    let error = |message: &str| json!({"errorMessage": message, "errorType": "E"}).to_string();
    let unhandled: Pairs<'static> = &[("x-amz-function-error", "Unhandled")];
    let denied = "User is not authorized to access this resource";
    let explicit = json!({"Message": format!("{denied} with an explicit deny")}).to_string();
    let implicit = json!({ "Message": denied }).to_string();
    let nested = policy("Allow", "*").replacen('{', r#"{"context":{"a":{}},"#, 1);
    let anonymous = policy("Allow", "*").replacen(r#""principalId":"p","#, "", 1);
    let rows: Vec<Case> = vec![
        ("Unauthorized", 200, unhandled, error("Unauthorized"), UNAUTHORIZED),
        ("Unauthorized, as the emulator says it", 200, &[], error("Unauthorized"), UNAUTHORIZED),
        ("more than the word", 200, unhandled, error("Unauthorized: expired"), AUTHORIZER_FAILED),
        ("lower case", 200, unhandled, error("unauthorized"), AUTHORIZER_FAILED),
        ("other text", 200, unhandled, error("Access denied"), AUTHORIZER_FAILED),
        ("crash", 502, &[], error("Unauthorized"), AUTHORIZER_FAILED),
        ("no function", 404, &[], "{}".into(), AUTHORIZER_FAILED),
        ("timeout text", 200, &[], "Task timed out after 3.00 seconds".into(), AUTHORIZER_FAILED),
        ("null", 200, &[], "null".into(), AUTHORIZER_FAILED),
        ("a string", 200, &[], "\"Unauthorized\"".into(), AUTHORIZER_FAILED),
        ("a response", 200, &[], r#"{"statusCode":401}"#.into(), AUTHORIZER_FAILED),
        ("nested context", 200, &[], nested, AUTHORIZER_FAILED),
        ("no principal", 200, &[], anonymous, AUTHORIZER_FAILED),
        ("explicit", 200, &[], policy("Deny", "*"), (403, Some("AccessDeniedException"), &explicit)),
        ("implicit", 200, &[], policy("Allow", "*/b"), (403, Some("AccessDeniedException"), &implicit)),
    ];
    let bare = Bare::start(|config| config.authorizer_ttl = Duration::from_mins(5)).await;
    for (index, (name, status, headers, body, expected)) in rows.into_iter().enumerate() {
        bare.lambda.answer(status, headers, body);
        let reply = send(produce(&bare.topic("a"), &format!("Bearer t0ken{index}"))).await;
        assert_eq!(reply.row(), expected, "{name}");
        assert_made_by_gateway(&reply);
        assert!(!reply.everything().contains("t0ken"), "{name}");
        assert_eq!(bare.lambda.count(), index + 1, "{name}");
    }
    assert_eq!(bare.backend.count(), 0);
}

#[tokio::test]
async fn an_authorizer_that_does_not_answer() {
    let bare = Bare::start(|config| config.authorizer_timeout = Duration::from_millis(50)).await;
    bare.lambda.hold();
    assert_eq!(send(produce(&bare.topic("a"), "Bearer x")).await.row(), AUTHORIZER_FAILED);
    bare.lambda.release();
    let Bare { gateway, lambda, backend: _backend } = bare;
    drop(lambda);
    let url = format!("{}/topics/a", gateway.base_url());
    assert_eq!(send(produce(&url, "Bearer x")).await.row(), AUTHORIZER_FAILED);
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let bare = Bare::start(|_| ()).await;
    let missing =
        (403, Some("MissingAuthenticationTokenException"), r#"{"message":"Missing Authentication Token"}"#);
    let stage = bare.gateway.base_url();
    let origin = stage.strip_suffix("/prod").unwrap();
    for url in [format!("{stage}/topics"), format!("{origin}/other/topics/a"), format!("{origin}/")] {
        assert_eq!(send(produce(&url, "")).await.row(), missing, "{url}");
    }
    assert_eq!(get(&bare.topic("a")).await.row(), missing);

    // The one place where the real gateway repeats the token.
    let reply = send(produce(&format!("{stage}/topics/a/%2e%2e"), "Bearer t0ken")).await;
    let message =
        "'t0ken' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer t0ken'.";
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert_eq!(reply.header("x-amzn-errortype"), Some("IncompleteSignatureException"));
    assert_eq!(reply.json(), json!({ "message": message }));
    assert_made_by_gateway(&reply);
    assert_eq!((bare.lambda.count(), bare.backend.count()), (0, 0));
}

#[tokio::test]
async fn results_are_kept_per_token_and_judged_per_request() {
    let bare = Bare::start(|config| config.authorizer_ttl = Duration::from_mins(5)).await;
    bare.lambda.answer(200, &[], policy("Allow", "*/topics/a"));
    for (topic, status, calls) in [("a", 200, 1), ("a", 200, 1), ("b", 403, 1), ("a", 200, 1)] {
        let reply = send(produce(&bare.topic(topic), "Bearer x")).await;
        assert_eq!((reply.status.as_u16(), bare.lambda.count()), (status, calls), "{topic}");
    }
    bare.lambda.answer(200, &[], policy("Deny", "*"));
    assert_eq!(send(produce(&bare.topic("a"), "Bearer y")).await.status, StatusCode::FORBIDDEN);
    bare.lambda.answer(200, &[], policy("Allow", "*"));
    let reply = send(produce(&bare.topic("a"), "Bearer y")).await;
    assert_eq!((reply.status, bare.lambda.count()), (StatusCode::FORBIDDEN, 2), "a Deny is kept");
    // Errors are not kept.
    bare.lambda.answer(200, &[], json!({"errorMessage": "Unauthorized", "errorType": "E"}).to_string());
    assert_eq!(send(produce(&bare.topic("a"), "Bearer z")).await.status, StatusCode::UNAUTHORIZED);
    bare.lambda.answer(502, &[], "");
    assert_eq!(send(produce(&bare.topic("a"), "Bearer z")).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    bare.lambda.answer(200, &[], policy("Allow", "*"));
    assert_eq!(send(produce(&bare.topic("a"), "Bearer z")).await.status, StatusCode::OK);
    assert_eq!(bare.lambda.count(), 5);
}

#[tokio::test]
async fn a_ttl_of_zero_asks_every_time() {
    let bare = Bare::start(|_| ()).await;
    for calls in 1..=3 {
        send(produce(&bare.topic("a"), "Bearer x")).await;
        assert_eq!(bare.lambda.count(), calls);
    }
}

#[tokio::test]
async fn the_back_end_s_own_errors_pass() {
    let bare = Bare::start(|_| ()).await;
    for status in [204, 404, 422, 500, 502, 503] {
        let body = if status == 204 { "" } else { r#"{"error_code":1}"# };
        bare.backend.answer(status, &[], body);
        let reply = send(produce(&bare.topic("a"), "Bearer x")).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (status, body));
        assert_eq!(reply.header("x-amzn-errortype"), None);
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_slow_back_end_is_left_to_its_work() {
    let limit = Duration::from_secs(10);
    let bare = Bare::start(|config| config.integration_timeout = limit).await;
    bare.backend.hold();
    let sending = tokio::spawn(send(produce(&bare.topic("a"), "Bearer x")));
    until("the request reaches the back end", || bare.backend.count() == 1).await;
    // The clock jumps over the limit, and runs on.
    tokio::time::pause();
    tokio::time::advance(limit).await;
    tokio::time::resume();
    let reply = sending.await.unwrap();
    let expected =
        (504, Some("InternalServerErrorException"), r#"{"message": "Endpoint request timed out"}"#);
    assert_eq!(reply.row(), expected);
    assert_made_by_gateway(&reply);
    assert_eq!((bare.backend.count(), bare.backend.in_flight()), (1, 1), "its work carries on");
    until("the gateway is done", || bare.gateway.in_flight() == 0).await;
    bare.backend.release();
    until("the back end finishes", || bare.backend.in_flight() == 0).await;
    assert_eq!(bare.backend.count(), 1, "sent once");
}

#[tokio::test]
async fn a_back_end_that_breaks_off_or_refuses() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let bare = Bare::start(|config| config.backend = address.into()).await;
    let url = bare.topic("a");
    let network = (
        504,
        Some("InternalServerErrorException"),
        r#"{"message": "Network error communicating with endpoint"}"#,
    );
    for half in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "no HTTP\r\n\r\n"] {
        let breaking = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(ONE_RECORD.as_bytes()) {
                assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the gateway broke off");
            }
            stream.write_all(half.as_bytes()).await.unwrap();
            if half.is_empty() {
                stream.set_zero_linger().unwrap();
            }
        };
        let (reply, ()) = tokio::join!(send(produce(&url, "Bearer x")), breaking);
        assert_eq!(reply.row(), network, "{half:?}");
    }
    let again = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
    assert!(again.is_err(), "a POST is not sent again");
    drop(listener);
    let reply = send(produce(&url, "Bearer x")).await;
    let refused = (500, Some("InternalServerErrorException"), r#"{"message": "Internal server error"}"#);
    assert_eq!(reply.row(), refused);
}

#[tokio::test]
async fn bodies_pass_as_they_are_unless_they_are_no_text() {
    let bare = Bare::start(|_| ()).await;
    let spaced = "{ \"records\" : [ { \"value\" : 1e400 } ] }";
    let headers = [("content-type", V2_JSON), ("authorization", "Bearer x")];
    assert_eq!(send(post(&bare.topic("a"), &headers, spaced)).await.status, StatusCode::OK);
    assert_eq!(bare.backend.last().body, spaced);
    let headers = [("content-type", "application/octet-stream"), ("authorization", "Bearer x")];
    assert_eq!(send(post(&bare.topic("a"), &headers, &b"a\xFFb"[..])).await.status, StatusCode::OK);
    assert_eq!(bare.backend.last().body, "a\u{FFFD}b");
}
