//! A function on AWS's own Python runtime client, `awslambdaric`, which knows nothing of landfall.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};
use landfall::doubles::gateway::{AuthorizerCode, Gateway, GatewayConfig, ProduceOptions};
use landfall::doubles::http::{Server, bind};
use landfall::doubles::lambda::{Function, FunctionConfig, FunctionError};
use landfall::secret::Secret;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stage::{
    DEADLINE, Meeting, ask, clients, config, event, exists, policy, post, python, runs, send, until, workers,
};

/// The authorizer, if there is an interpreter.
fn authorizer() -> Option<FunctionConfig> {
    let mut config = config(&[&python()?, "-m", "awslambdaric", "lambda_handler.handler"]);
    config.directory = Some(clients());
    Some(config)
}

async fn start(config: FunctionConfig) -> Function {
    Function::start(config).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_comes_back_and_the_function_knows_of_its_invocation() {
    let Some(mut config) = authorizer() else { return };
    config.memory_mb = 256;
    let function = start(config).await;
    let reply = ask(&function, "allow").await;
    let result = reply.result();
    assert_eq!((&result["principalId"], &result["policyDocument"]), (&Value::from("partner"), &policy()));
    let context = &result["context"];
    assert_eq!(context["request"], reply.header("x-amzn-requestid").unwrap());
    assert_eq!(context["arn"], "arn:aws:lambda:eu-west-1:123456789012:function:authorizer");
    assert_eq!((&context["memory"], &context["in_time"]), (&Value::from("256"), &Value::from(true)));
    // The next ones are the same process's, however soon they come.
    for _ in 0..20 {
        assert_eq!(ask(&function, "allow").await.result()["context"]["process"], context["process"]);
    }
    let report = function.report();
    assert_eq!((report.invocations, report.cold_starts, report.inits.count), (21, 0, 1));
    assert_eq!((report.waited, report.errors + report.timeouts + report.crashes), (0, 0));
    assert!(report.inits.max > Duration::ZERO && report.inits.max == report.inits.sum);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_function_raises_is_told_as_lambda_tells_it() {
    let Some(config) = authorizer() else { return };
    let function = start(config).await;
    let reply = ask(&function, "unauthorized").await;
    assert_eq!(reply.error(), ("Exception".to_owned(), "Unauthorized".to_owned()));
    assert_eq!(ask(&function, "error").await.error(), ("ValueError".to_owned(), "it broke".to_owned()));
    // What is no policy is passed on: the gateway judges.
    assert_eq!(ask(&function, "garbage").await.result(), "no policy at all");
    assert_eq!((function.report().errors, function.report().inits.count), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_no_invocations() {
    let Some(config) = authorizer() else { return };
    let function = start(config).await;
    let url = function.invoke_url();
    let kind = |reply: &crate::stage::Reply| reply.header("x-amzn-errortype").map(str::to_owned);
    let reply = post(&url, "no json").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(kind(&reply).as_deref(), Some("InvalidRequestContentException"));
    let reply = post(&url.replace("authorizer", "other"), event("allow")).await;
    assert_eq!(
        (reply.status, kind(&reply).as_deref()),
        (StatusCode::NOT_FOUND, Some("ResourceNotFoundException"))
    );
    let reply = post(&url, vec![b' '; 6 * 1024 * 1024 + 1]).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    let dry = Request::post(&url).header("x-amz-invocation-type", "DryRun");
    let reply = send(dry.body(Full::new(event("allow").into())).unwrap()).await;
    assert_eq!(kind(&reply).as_deref(), Some("InvalidParameterValueException"));
    assert_eq!(function.report().invocations, 0);
    let literal = post(&url.replace("authorizer", "function"), event("allow")).await;
    assert_eq!(literal.result()["principalId"], "partner");
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_serve_at_the_same_time_and_others_wait_in_line() {
    let Some(mut config) = authorizer() else { return };
    config.workers = workers(2);
    let function = start(config).await;
    let meeting = Meeting::open().await;
    let token = meeting.token();
    let all = async { tokio::join!(ask(&function, &token), ask(&function, &token), ask(&function, &token)) };
    let hosts = async {
        // Both are here before either may go on.
        let (first, second) = (meeting.arrival().await, meeting.arrival().await);
        until("the third waits", || function.report().waited == 1).await;
        assert_eq!(function.in_flight(), 3);
        first.release().await;
        let third = meeting.arrival().await;
        third.release().await;
        second.release().await;
    };
    let (replies, ()) = tokio::join!(all, hosts);
    let process = |reply: crate::stage::Reply| reply.result()["context"]["process"].as_i64().unwrap();
    let mut processes = [process(replies.0), process(replies.1), process(replies.2)];
    processes.sort_unstable();
    assert!(processes[0] != processes[2], "{processes:?}");
    assert!(processes[0] == processes[1] || processes[1] == processes[2], "{processes:?}");
    let report = function.report();
    assert_eq!((report.cold_starts, report.inits.count, report.waited), (1, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timed_out_process_is_killed_and_the_next_invocation_has_another() {
    let Some(mut config) = authorizer() else { return };
    config.timeout = Duration::from_millis(1_500);
    let function = start(config).await;
    let process = ask(&function, "fork").await.result();
    let [parent, child] = ["process", "child"].map(|name| process[name].as_i64().unwrap());
    assert!(runs(parent) && runs(child));
    let reply = ask(&function, "sleep").await;
    let (kind, message) = reply.error();
    assert_eq!(kind, "Sandbox.Timedout");
    assert_eq!(message, "RequestId: ID Error: Task timed out after 1.50 seconds");
    let next = ask(&function, "allow").await.result();
    assert!(!exists(parent), "it is killed and reaped before another runs");
    until("what it has started is killed", || !runs(child)).await;
    assert_ne!(next["context"]["process"], parent);
    let report = function.report();
    assert_eq!((report.timeouts, report.crashes, report.cold_starts, report.inits.count), (1, 0, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_answered_at_once_and_the_next_invocation_has_another_process() {
    let Some(config) = authorizer() else { return };
    let function = start(config).await;
    for (token, ending) in [
        ("exit.3", "Runtime exited with error: exit status 3"),
        ("kill", "Runtime exited with error: signal: killed"),
        ("exit.0", "Runtime exited without providing a reason"),
    ] {
        let begun = Instant::now();
        let (kind, message) = ask(&function, token).await.error();
        assert_eq!((kind.as_str(), message), ("Runtime.ExitError", format!("RequestId: ID Error: {ending}")));
        assert!(begun.elapsed() < DEADLINE / 2, "it waited for the time-out");
        assert_eq!(ask(&function, "allow").await.result()["principalId"], "partner");
    }
    let report = function.report();
    assert_eq!((report.crashes, report.cold_starts, report.timeouts), (3, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_cancels_nothing() {
    let Some(config) = authorizer() else { return };
    let function = start(config).await;
    let meeting = Meeting::open().await;
    let url: hyper::Uri = function.invoke_url().parse().unwrap();
    let body = event(&meeting.token());
    let request =
        format!("POST {} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}", url.path(), body.len());
    let mut client = TcpStream::connect(url.authority().unwrap().as_str()).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let waiting = meeting.arrival().await;
    client.set_zero_linger().unwrap();
    drop(client);
    waiting.release().await;
    // Its process is as good as before.
    assert_eq!(ask(&function, "allow").await.result()["principalId"], "partner");
    let report = function.report();
    assert_eq!((report.invocations, report.inits.count, report.crashes), (2, 1, 0));
    until("nothing is in hand", || function.in_flight() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_is_left_when_it_is_dropped_or_stopped() {
    let Some(mut config) = authorizer() else { return };
    config.workers = workers(2);
    for stop in [false, true] {
        let function = start(config.clone()).await;
        let meeting = Meeting::open().await;
        let process = ask(&function, "fork").await.result();
        let [parent, child] = ["process", "child"].map(|name| process[name].as_i64().unwrap());
        let (url, body) = (function.invoke_url(), event(&meeting.token()));
        let asking = tokio::spawn(async move { post(&url, body).await });
        let busy = meeting.arrival().await;
        let free = ask(&function, "allow").await.result()["context"]["process"].as_i64().unwrap();
        assert!(runs(free) && runs(busy.process) && runs(child) && free != busy.process);
        assert!(parent == free || parent == busy.process);
        if stop {
            function.stop().await;
            assert!(!exists(free) && !exists(busy.process));
        } else {
            drop(function);
            until("both are killed and reaped", || !exists(free) && !exists(busy.process)).await;
        }
        until("what one has started is killed", || !runs(child)).await;
        drop(busy);
        let _ = asking.await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_lambdas_and_nobody_elses() {
    let Some(mut config) = authorizer() else { return };
    config.handler = Some("lambda_handler.handler".to_owned());
    config.environment.insert("JWKS_URI".to_owned(), Secret::new("http://127.0.0.1:1/keys"));
    let function = start(config).await;
    let environment = ask(&function, "environment").await.result();
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "authorizer"),
        ("AWS_REGION", "eu-west-1"),
        ("_HANDLER", "lambda_handler.handler"),
        ("LAMBDA_TASK_ROOT", clients().to_str().unwrap()),
        ("JWKS_URI", "http://127.0.0.1:1/keys"),
        ("PATH", &std::env::var("PATH").unwrap()),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    // It stands for all else that landfall's environment has.
    assert!(std::env::var_os("LANDFALL_PYTHON").is_some() && environment.get("LANDFALL_PYTHON").is_none());
    let names = environment.as_object().unwrap().keys();
    assert!(names.clone().all(|name| !name.contains("SECRET") && !name.contains("ACCESS_KEY")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_writes_is_logged_without_the_token() {
    let Some(mut config) = authorizer() else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("function.log");
    config.log = Some(log.clone());
    config.environment.insert("UNUSED".to_owned(), Secret::new("hunter2222"));
    let function = start(config).await;
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
    assert_eq!(ask(&function, &format!("allow.{jwt}")).await.result()["principalId"], "partner");
    ask(&function, "allow.hunter2222").await.result();
    let mut logged = String::new();
    until("both invocations are logged", || {
        logged = std::fs::read_to_string(&log).unwrap();
        logged.lines().count() == 4
    })
    .await;
    let mut lines: Vec<&str> = logged.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "1 err token: [redacted]",
            "1 err token: [redacted]",
            "1 out bare token: allow [redacted]",
            "1 out bare token: allow [redacted]",
        ]
    );
    assert_eq!(function.report().lines_unlogged, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_cannot_be_imported_is_an_error_of_the_start() {
    let Some(mut config) = authorizer() else { return };
    *config.command.last_mut().unwrap() = "nowhere.handler".to_owned();
    let error = Function::start(config).await.unwrap_err();
    assert!(matches!(&error, FunctionError::Init { .. }), "{error}");
    let text = error.to_string();
    let expected = "the function authorizer cannot start: Runtime.ImportModuleError: Unable to import module \
                    'nowhere': No module named 'nowhere'; correct it: it wrote:\n";
    assert!(text.starts_with(expected) && text.contains("[ERROR] Runtime.ImportModuleError"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_judges_what_it_says() {
    let Some(mut config) = authorizer() else { return };
    config.timeout = Duration::from_millis(1_500);
    let function = start(config).await;
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let backend = Server::start(bind("stub", loopback).await.unwrap(), |_, _| async {
        Response::new(Full::new(Bytes::from(r#"{"offsets":[]}"#)))
    });
    let backend = backend.unwrap();
    let options = ProduceOptions {
        required_headers: vec![],
        authorizer_ttl: Duration::ZERO,
        validate_credentials: true,
        integration_timeout: DEADLINE,
    };
    let code = AuthorizerCode::Invoke { url: function.invoke_url(), concurrency: None };
    let config = GatewayConfig::produce(
        loopback.ip(),
        &options,
        backend.address().to_string(),
        backend.address().into(),
        code,
    );
    let gateway = Gateway::start(config.unwrap());
    let gateway = gateway.await.unwrap();
    for (token, status) in [
        ("allow", 200),
        ("unauthorized", 401),
        ("error", 500),
        ("garbage", 500),
        ("exit.1", 500),
        ("sleep", 500),
        ("allow", 200),
    ] {
        let request = Request::post(format!("{}/topics/quakes", gateway.base_url()))
            .header("content-type", "application/vnd.kafka.json.v2+json")
            .header("authorization", format!("Bearer {token}"))
            .body(Full::new(Bytes::from(r#"{"records":[{"value":{"a":1}}]}"#)));
        assert_eq!(send(request.unwrap()).await.status.as_u16(), status, "{token}");
    }
}
