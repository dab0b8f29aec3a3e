//! A runtime that does what no real one does.

use std::time::Duration;

use landfall::doubles::lambda::{Function, FunctionConfig, FunctionError};
use serde_json::{Value, json};

use crate::stage::{DEADLINE, Reply, clients, config, exists, post, python, until};

/// The runtime, which starts as `how` says, if there is an interpreter.
fn stub(how: &str) -> Option<FunctionConfig> {
    let mut config = config(&[&python()?, "lambda_stub.py", how]);
    config.directory = Some(clients());
    Some(config)
}

async fn start(config: FunctionConfig) -> Function {
    Function::start(config).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn order(function: &Function, what: &str) -> Reply {
    post(&function.invoke_url(), json!({"do": what}).to_string()).await
}

/// What the runtime was answered.
async fn kept(function: &Function) -> Value {
    order(function, "kept").await.result()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_comes_with_the_headers_that_lambda_documents() {
    let Some(config) = stub("") else { return };
    let function = start(config).await;
    let before = std::time::SystemTime::now();
    let reply = order(&function, "headers").await;
    let headers = reply.result();
    assert_eq!(headers["lambda-runtime-aws-request-id"], reply.header("x-amzn-requestid").unwrap());
    assert_eq!(headers["content-type"], "application/json");
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer";
    assert_eq!(headers["lambda-runtime-invoked-function-arn"], arn);
    let trace = headers["lambda-runtime-trace-id"].as_str().unwrap();
    assert!(trace.starts_with("Root=1-") && trace.ends_with(";Sampled=0"), "{trace}");
    let deadline: u64 = headers["lambda-runtime-deadline-ms"].as_str().unwrap().parse().unwrap();
    let deadline = std::time::UNIX_EPOCH + Duration::from_millis(deadline);
    // The header has whole milliseconds.
    let earliest = before + DEADLINE - Duration::from_millis(1);
    assert!((earliest..=std::time::SystemTime::now() + DEADLINE).contains(&deadline));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_fit_no_event_are_refused_and_harm_nothing() {
    let Some(config) = stub("") else { return };
    let function = start(config).await;
    assert_eq!(order(&function, "unknown").await.result(), "right");
    let expected = json!([
        [400, "InvalidRequestID"],
        [400, "InvalidRequestID"],
        [403, "InvalidStateTransition"],
        [404, "NotFound"],
        [403, "InvalidStateTransition"],
        [202, null],
        [403, "InvalidStateTransition"],
    ]);
    assert_eq!(kept(&function).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_of_every_form() {
    let Some(config) = stub("") else { return };
    let function = start(config).await;
    let reply = order(&function, "garbage").await;
    assert_eq!(
        (reply.header("x-amz-function-error"), reply.body.as_ref()),
        (None, b"\xff no json".as_slice())
    );
    assert_eq!(order(&function, "pieces").await.result(), json!({"in": "pieces"}));
    let (kind, message) = order(&function, "typed").await.error();
    assert_eq!((kind.as_str(), message.as_str()), ("Typed.Error", "m"));

    assert_eq!(order(&function, "largest").await.body.len(), 6 * 1024 * 1024 + 100);
    assert_eq!(kept(&function).await, json!([[202, null]]));
    let (kind, message) = order(&function, "too large").await.error();
    assert_eq!(kind, "Function.ResponseSizeTooLarge");
    assert_eq!(message, "Response payload size exceeded maximum allowed payload size (6291556 bytes).");
    assert_eq!(kept(&function).await, json!([[413, "RequestEntityTooLarge"]]));

    let (kind, message) = order(&function, "stream").await.error();
    assert_eq!(kind, "Runtime.StreamingResponse");
    assert!(message.starts_with("the function streams its response"), "{message}");
    assert_eq!(kept(&function).await, json!([[400, "InvalidFunctionResponseMode"]]));
    let report = function.report();
    assert_eq!((report.errors, report.inits.count), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_answers_and_does_not_come_back_is_killed_at_its_deadline() {
    let Some(mut config) = stub("") else { return };
    config.timeout = Duration::from_millis(1_500);
    let function = start(config).await;
    for what in ["late", "leave"] {
        let process = order(&function, what).await.result().as_i64().unwrap();
        assert!(what == "leave" || exists(process), "the answer waits until it is killed");
        assert_eq!(order(&function, "kept").await.result(), json!([]));
        assert!(!exists(process));
    }
    let report = function.report();
    // Neither is an error to anybody.
    assert_eq!((report.timeouts, report.crashes, report.errors, report.lost_between), (0, 0, 0, 2));
    assert_eq!((report.cold_starts, report.inits.count), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_a_runtime_reports_for_its_start_is_the_starts() {
    let Some(config) = stub("init-error") else { return };
    let error = Function::start(config).await.unwrap_err();
    let FunctionError::Init { error_type, message, tail, .. } = &error else { panic!("{error}") };
    assert_eq!((error_type.as_str(), message.as_str()), ("Keys.Missing", "no keys"));
    // It is killed as soon as it has said so, and may not come to tell the rest.
    assert!(tail.lines().iter().all(|line| line == "init error was answered with [202, None]"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_process_that_does_not_start_is_a_function_error() {
    for (how, kind, message) in [
        ("exit", "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 7"),
        ("init-error", "Keys.Missing", "no keys"),
        ("hang", "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 5.00 seconds"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("started");
        let Some(mut config) = stub(&format!("once:{}:{how}", marker.display())) else { return };
        config.init_timeout = Duration::from_secs(5);
        let function = start(config).await;
        order(&function, "leave").await.result();
        let (found, text) = order(&function, "kept").await.error();
        assert_eq!((found.as_str(), text.as_str()), (kind, message));
        let report = function.report();
        assert_eq!((report.cold_starts, report.inits.count, report.failed_inits), (1, 1, 1), "{how}");
        // And the next one that does start works.
        std::fs::remove_file(&marker).unwrap();
        assert_eq!(order(&function, "kept").await.result(), json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_while_it_waits_is_replaced() {
    let Some(config) = stub("") else { return };
    let function = start(config).await;
    let process = order(&function, "headers").await;
    process.result();
    let pid = order(&function, "pid").await.result().as_i64().unwrap();
    let killed = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(killed, rustix::process::Signal::TERM).unwrap();
    until("it is reaped", || !exists(pid)).await;
    assert_ne!(order(&function, "pid").await.result(), pid);
    let report = function.report();
    assert_eq!((report.lost_between, report.crashes, report.cold_starts), (1, 0, 1));
}
