//! A Lambda authorizer of a REST API on AWS's own Rust runtime, as a customer would write it: what it says is what the
//! token says. `tests/lambda` has landfall run it.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

async fn authorize(invocation: LambdaEvent<Value>) -> Result<Value, Error> {
    let event = invocation.payload;
    let credentials = event["authorizationToken"].as_str().unwrap_or_default();
    println!("asked for {credentials}");
    match credentials.strip_prefix("Bearer ") {
        Some("allow") => Ok(json!({
            "principalId": "partner",
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}]},
            "context": {
                "request": invocation.context.request_id,
                "function": invocation.context.env_config.function_name,
            },
        })),
        Some("panic") => panic!("so the token wants it"),
        Some("exit") => std::process::exit(9),
        _ => Err("Unauthorized".into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(authorize)).await
}
