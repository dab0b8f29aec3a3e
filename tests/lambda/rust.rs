//! A function on AWS's own Rust runtime, `lambda_runtime`: the example `rust_authorizer`.

use std::path::PathBuf;

use landfall::doubles::lambda::{Function, FunctionConfig};
use serde_json::Value;

use crate::stage::{ask, config, demanded_or_said, policy};

/// An example, where it was built: it lies beside the folder of the tests.
pub(crate) fn example(name: &str) -> Option<FunctionConfig> {
    let test = std::env::current_exe().unwrap();
    let example: PathBuf = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    if !example.exists() {
        demanded_or_said(&format!("there is no example; cargo build --example {name} makes it"));
        return None;
    }
    Some(config(&[example.to_str().unwrap()]))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_fails_and_crashes_as_in_lambda() {
    let Some(config) = example("rust_authorizer") else { return };
    let function = Function::start(config).await.unwrap_or_else(|error| panic!("{error}"));
    let reply = ask(&function, "allow").await;
    let result = reply.result();
    assert_eq!((&result["principalId"], &result["policyDocument"]), (&Value::from("partner"), &policy()));
    assert_eq!(result["context"]["request"], reply.header("x-amzn-requestid").unwrap());
    assert_eq!(result["context"]["function"], "authorizer");

    let (_, message) = ask(&function, "anything else").await.error();
    assert_eq!(message, "Unauthorized");
    let (_, message) = ask(&function, "panic").await.error();
    assert!(message.contains("so the token wants it"), "{message}");
    assert_eq!((function.report().errors, function.report().inits.count), (2, 1));

    let (kind, message) = ask(&function, "exit").await.error();
    assert_eq!(kind, "Runtime.ExitError");
    assert_eq!(message, "RequestId: ID Error: Runtime exited with error: exit status 9");
    assert_eq!(ask(&function, "allow").await.result()["principalId"], "partner");
    let report = function.report();
    assert_eq!((report.crashes, report.cold_starts, report.inits.count), (1, 1, 2));
}
