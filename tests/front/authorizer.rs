//! The authorizer, invoked as Lambda is.

use hyper::StatusCode;
use landfall::doubles::authorizer::Authorizer;
use landfall::scenario::Flaw;
use serde_json::{Value, json};

use crate::stage::{
    Reply, Stub, get, post, reserve, send, start_authorizer, start_idp, start_idp_with, token_of,
    until_refused,
};

const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/topics/quakes";

async fn invoke(authorizer: &Authorizer, event: &Value) -> Reply {
    send(post(&authorizer.invoke_url(), &[], event.to_string())).await
}

fn event(token: &str) -> Value {
    json!({"type": "TOKEN", "authorizationToken": format!("Bearer {token}"), "methodArn": ARN})
}

fn assert_unauthorized(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("x-amz-function-error"), Some("Unhandled"));
    assert_eq!(reply.json()["errorMessage"], "Unauthorized");
}

/// A function error that the gateway answers with 500, not 401.
fn assert_failed(reply: &Reply) {
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("x-amz-function-error"), Some("Unhandled"));
    assert_ne!(reply.json()["errorMessage"], "Unauthorized");
    assert!(reply.json()["errorType"].is_string());
}

#[tokio::test]
async fn a_good_token_becomes_a_policy_for_all_its_topics() {
    let idp = start_idp(0).await;
    let authorizer = start_authorizer(idp.issuer(), idp.jwks_uri()).await;
    let token = token_of(&idp, "seis:mic").await;
    let reply = invoke(&authorizer, &event(&token)).await;
    assert_eq!(reply.header("x-amz-function-error"), None);
    let base = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST";
    let resources = |topic: &str| {
        let of_topic = format!("topics/{topic}");
        [of_topic.clone(), format!("{of_topic}/partitions/*"), format!("v3/clusters/*/{of_topic}/records")]
            .map(|resource| format!("{base}/{resource}"))
    };
    let all = [resources("quakes"), resources("ships")].concat();
    let expected = json!({
        "principalId": "seis:mic",
        "policyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Action": "execute-api:Invoke", "Resource": all}]},
        "context": {"client_id": "seis:mic"},
    });
    assert_eq!(reply.json(), expected);

    let request = json!({"type": "REQUEST", "methodArn": ARN, "httpMethod": "POST",
        "headers": {"authorization": format!("Bearer {token}")}});
    assert_eq!(invoke(&authorizer, &request).await.json(), expected);

    let token = token_of(&idp, "stranger").await;
    let reply = invoke(&authorizer, &event(&token)).await;
    let statement = &reply.json()["policyDocument"]["Statement"][0];
    assert_eq!((&statement["Effect"], &statement["Resource"]), (&json!("Deny"), &json!(["*"])));
}

#[tokio::test]
async fn a_result_that_no_gateway_takes_is_named() {
    let scopes = |count: usize| (0..count).map(|n| format!("topic-{n}:write")).collect();
    let result = async |scopes: Vec<String>| {
        let idp = start_idp_with(0, scopes).await;
        let authorizer = start_authorizer(idp.issuer(), idp.jwks_uri()).await;
        invoke(&authorizer, &event(&token_of(&idp, "seis:mic").await)).await
    };
    let fits = result(scopes(29)).await;
    assert_eq!(fits.header("x-amz-function-error"), None, "{}", fits.text());
    assert!((7_000..=8_192).contains(&fits.body.len()), "{} bytes", fits.body.len());
    let reply = result(scopes(40)).await;
    assert_failed(&reply);
    assert_eq!(reply.json()["errorType"], "ResultTooLarge");
    let message = reply.json()["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("and a REST API takes 8192"), "{message}");
}

#[tokio::test]
async fn bad_tokens_and_bad_events() {
    let idp = start_idp(0).await;
    let authorizer = start_authorizer(idp.issuer(), idp.jwks_uri()).await;
    let token = token_of(&idp, "seis:mic").await;
    for bad in ["", "x", "a.b.c", &token[1..], &token[..token.len() - 1]] {
        let reply = invoke(&authorizer, &event(bad)).await;
        assert_unauthorized(&reply);
    }
    let other = start_authorizer("http://other", idp.jwks_uri()).await;
    assert_unauthorized(&invoke(&other, &event(&token)).await);

    assert_failed(&invoke(&authorizer, &json!({"x": 1})).await);
    assert_failed(&invoke(&authorizer, &json!({"type": "TOKEN", "methodArn": ARN})).await);
    let reply =
        invoke(&authorizer, &json!({"type": "TOKEN", "authorizationToken": "a", "methodArn": "x"})).await;
    assert_failed(&reply);
    let reply = send(post(&authorizer.invoke_url(), &[], "no json")).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.header("x-amzn-errortype"), Some("InvalidRequestContentException"));
    let wrong = authorizer.invoke_url().replace("landfall-authorizer", "other");
    assert_eq!(send(post(&wrong, &[], event(&token).to_string())).await.status, StatusCode::NOT_FOUND);
    let literal = authorizer.invoke_url().replace("landfall-authorizer", "function");
    let reply = send(post(&literal, &[], event(&token).to_string())).await;
    assert_eq!(reply.json()["principalId"], "seis:mic");
}

#[tokio::test]
async fn without_keys_it_fails_and_with_kept_keys_it_goes_on() {
    let reserved = reserve();
    let idp = start_idp(reserved.address.port()).await;
    let token = token_of(&idp, "seis:mic").await;
    let (issuer, jwks_uri) = (idp.issuer().to_owned(), idp.jwks_uri());
    let warm = start_authorizer(&issuer, jwks_uri.clone()).await;
    assert_eq!(invoke(&warm, &event(&token)).await.json()["principalId"], "seis:mic");
    drop(idp);
    until_refused(reserved.address).await;

    let cold = start_authorizer(&issuer, jwks_uri.clone()).await;
    let reply = invoke(&cold, &event(&token)).await;
    assert_failed(&reply);
    assert!(!reply.everything().contains(&token));
    assert_eq!(invoke(&warm, &event(&token)).await.json()["principalId"], "seis:mic");

    // The provider comes back with another key: the cold one recovers, the warm one fetches once more.
    let idp = start_idp(reserved.address.port()).await;
    assert_eq!(idp.issuer(), issuer);
    let renewed = token_of(&idp, "seis:mic").await;
    // What failed just now is tried again after a moment.
    while invoke(&cold, &event(&renewed)).await.json().get("principalId").is_none() {
        tokio::task::yield_now().await;
    }
    for authorizer in [&cold, &warm] {
        assert_eq!(invoke(authorizer, &event(&renewed)).await.json()["principalId"], "seis:mic");
        assert_unauthorized(&invoke(authorizer, &event(&token)).await);
    }
}

#[tokio::test]
async fn unknown_keys_do_not_flood_the_issuer() {
    let idp = start_idp(0).await;
    let token = token_of(&idp, "seis:mic").await;
    let keys = get(&idp.jwks_uri()).await.text().to_owned();
    let jwks = Stub::start(200, keys).await;
    let authorizer = start_authorizer(idp.issuer(), jwks.url()).await;
    for _ in 0..3 {
        assert_eq!(invoke(&authorizer, &event(&token)).await.json()["principalId"], "seis:mic");
    }
    assert_eq!(jwks.count(), 1);
    let stranger = start_idp(0).await;
    let unknown = token_of(&stranger, "seis:mic").await;
    assert_unauthorized(&invoke(&authorizer, &event(&unknown)).await);
    assert_eq!(jwks.count(), 2, "one fetch for the first unknown key");
    for _ in 0..3 {
        let stranger = start_idp(0).await;
        let unknown = token_of(&stranger, "seis:mic").await;
        assert_unauthorized(&invoke(&authorizer, &event(&unknown)).await);
    }
    assert_eq!(jwks.count(), 2, "none for others while it cools down");
}

#[tokio::test]
async fn an_unknown_key_is_no_failure_while_the_issuer_is_down() {
    let reserved = reserve();
    let idp = start_idp(reserved.address.port()).await;
    let (good, stranger) = (token_of(&idp, "seis:mic").await, start_idp(0).await);
    let authorizer = start_authorizer(idp.issuer(), idp.jwks_uri()).await;
    assert_eq!(invoke(&authorizer, &event(&good)).await.json()["principalId"], "seis:mic");
    drop(idp);
    until_refused(reserved.address).await;
    let unknown = token_of(&stranger, "seis:mic").await;
    assert_unauthorized(&invoke(&authorizer, &event(&unknown)).await);
    assert_eq!(invoke(&authorizer, &event(&good)).await.json()["principalId"], "seis:mic");
}

#[tokio::test]
async fn a_key_set_that_is_none() {
    for (status, body) in [(500, ""), (200, "<html>"), (302, "{\"keys\":[]}")] {
        let idp = start_idp(0).await;
        let token = token_of(&idp, "seis:mic").await;
        let jwks = Stub::start(status, body).await;
        let authorizer = start_authorizer(idp.issuer(), jwks.url()).await;
        assert_failed(&invoke(&authorizer, &event(&token)).await);
    }
}

#[tokio::test]
async fn a_mistake_is_made_while_it_is_told_to_and_keys_are_forgotten() {
    let idp = start_idp(0).await;
    let token = token_of(&idp, "seis:mic").await;
    let keys = get(&idp.jwks_uri()).await.text().to_owned();
    let jwks = Stub::start(200, keys).await;
    let authorizer = start_authorizer(idp.issuer(), jwks.url()).await;
    let bare = json!({"type": "TOKEN", "authorizationToken": token, "methodArn": ARN});
    for fetches in 1..3 {
        assert_unauthorized(&invoke(&authorizer, &bare).await);
        authorizer.set_flaw(Some(Flaw::AnyScheme));
        for _ in 0..2 {
            assert_eq!(invoke(&authorizer, &bare).await.json()["principalId"], "seis:mic");
        }
        assert_eq!(jwks.count(), fetches);
        authorizer.set_flaw(None);
    }
    authorizer.set_flaw(Some(Flaw::AnyScheme));
    authorizer.forget();
    assert_eq!(invoke(&authorizer, &bare).await.json()["principalId"], "seis:mic", "it goes on as told");
    assert_eq!(jwks.count(), 3);
}
