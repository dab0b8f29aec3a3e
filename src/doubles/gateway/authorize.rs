//! Asking the Lambda authorizer, and making sense of what it answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use tokio::time::timeout;

use super::cache::AuthorizerCache;
use super::policy::{Decision, evaluate};
use crate::wire::lambda::{AuthorizerEvent, AuthorizerResult, RESULT_LIMIT};

/// Longest answer that is read, in bytes (Lambda quotas: 6 MB for a synchronous invocation).
const ANSWER_LIMIT: usize = 6 * 1024 * 1024;
/// Longest resource of a policy, in characters (API Gateway quotas).
const RESOURCE_LIMIT: usize = 512;

/// What became of the authorization of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The policy decides.
    Decided(Decision),
    /// There are no credentials of the right form; the authorizer was not asked.
    Missing,
    /// The authorizer refused the credentials.
    Unauthorized,
    /// The authorizer failed, took too long, or returned no policy.
    Failed,
}

/// What the authorizer's answer amounts to.
#[derive(Debug, PartialEq)]
enum Verdict {
    Result(Box<AuthorizerResult>),
    Unauthorized,
    Failed,
}

/// The API's authorizer, of type TOKEN, on the header `Authorization`.
pub(super) struct TokenAuthorizer {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
    timeout: Duration,
    cache: Mutex<AuthorizerCache>,
}

impl TokenAuthorizer {
    pub(super) fn new(
        client: Client<HttpConnector, Full<Bytes>>,
        url: Uri,
        timeout: Duration,
        ttl: Duration,
    ) -> Self {
        Self { client, url, timeout, cache: Mutex::new(AuthorizerCache::new(ttl)) }
    }

    /// Authorizes the call of `method_arn`. The cached policy of the same credentials is evaluated anew for
    /// each method.
    pub(super) async fn authorize(&self, headers: &HeaderMap, method_arn: &str) -> Outcome {
        let Some(credentials) = credentials(headers) else { return Outcome::Missing };
        let cached = self.cache().get(credentials, Instant::now());
        let result = if let Some(result) = cached {
            result
        } else {
            match self.invoke(credentials, method_arn).await {
                Verdict::Result(result) => {
                    let result = Arc::new(*result);
                    self.cache().put(credentials, result.clone(), Instant::now());
                    result
                }
                Verdict::Unauthorized => return Outcome::Unauthorized,
                Verdict::Failed => return Outcome::Failed,
            }
        };
        Outcome::Decided(evaluate(&result.policy_document, method_arn))
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, AuthorizerCache> {
        // The cache is whole after each of its operations, even if a thread panicked after one.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn invoke(&self, credentials: &str, method_arn: &str) -> Verdict {
        let event = AuthorizerEvent::Token {
            authorization_token: credentials.to_owned(),
            method_arn: method_arn.to_owned(),
        };
        let Ok(event) = serde_json::to_vec(&event) else { return Verdict::Failed };
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(event)));
        let Ok(request) = request else { return Verdict::Failed };
        let exchange = async {
            let answer = self.client.request(request).await.ok()?;
            let status = answer.status();
            let error_header = answer.headers().contains_key("x-amz-function-error");
            let body = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await.ok()?.to_bytes();
            Some(classify(status, error_header, &body))
        };
        timeout(self.timeout, exchange).await.ok().flatten().unwrap_or(Verdict::Failed)
    }
}

/// The value of the one `Authorization` header, if it has the form that the API demands. With two of them it
/// is undocumented which one counts, so there are none.
fn credentials(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    is_bearer(value).then_some(value)
}

/// The API's `identityValidationExpression`, `^Bearer [-0-9A-Za-z._~+/]+=*$` (RFC 6750, section 2.1).
fn is_bearer(value: &str) -> bool {
    let Some(token) = value.strip_prefix("Bearer ") else { return false };
    let token = token.trim_end_matches('=');
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// Classifies an answer of Lambda's Invoke API, or of the runtime interface emulator, which tells of a
/// function's error in the body alone.
fn classify(status: StatusCode, error_header: bool, body: &[u8]) -> Verdict {
    if status != StatusCode::OK {
        return Verdict::Failed;
    }
    // Not JSON: the emulator's text for a timeout, for instance.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Verdict::Failed };
    let error = value.get("errorMessage").is_some() || value.get("errorType").is_some();
    if error_header || (error && value.get("policyDocument").is_none()) {
        let message = value.get("errorMessage").and_then(Value::as_str);
        return if message == Some("Unauthorized") { Verdict::Unauthorized } else { Verdict::Failed };
    }
    if body.len() > RESULT_LIMIT {
        return Verdict::Failed;
    }
    match serde_json::from_value::<AuthorizerResult>(value) {
        Ok(result) if is_valid(&result) => Verdict::Result(Box::new(result)),
        _ => Verdict::Failed,
    }
}

/// Whether the gateway takes the result: the context is flat, and no resource is too long.
fn is_valid(result: &AuthorizerResult) -> bool {
    let flat = result.context.iter().flatten().all(|(_, value)| !value.is_object() && !value.is_array());
    let statements = result.policy_document.statement.as_slice().iter();
    let short = statements
        .flat_map(|statement| statement.resource.as_slice())
        .all(|resource| resource.chars().count() <= RESOURCE_LIMIT);
    flat && short
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use serde_json::json;

    #[test]
    fn the_form_of_credentials() {
        for good in ["Bearer a", "Bearer a.b-c_d~e+f/==", "Bearer eyJ.e.s"] {
            assert!(is_bearer(good), "{good}");
        }
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer  a",
            "Bearer a ",
            "bearer a",
            "Bearer =",
            "Bearer a=b",
            "Basic a",
            "a",
            "Bearer a,Bearer b",
            "xBearer a",
        ] {
            assert!(!is_bearer(bad), "{bad}");
        }
    }

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        assert_eq!(credentials(&headers), Some("Bearer a"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(credentials(&headers), None);
    }

    fn verdict(body: &Value) -> Verdict {
        classify(StatusCode::OK, false, body.to_string().as_bytes())
    }

    #[test]
    fn errors_of_the_function() {
        let error = |message: &str| json!({"errorMessage": message, "errorType": "E", "stackTrace": []});
        assert_eq!(verdict(&error("Unauthorized")), Verdict::Unauthorized);
        for other in ["Unauthorized: expired", "unauthorized", "Access denied", ""] {
            assert_eq!(verdict(&error(other)), Verdict::Failed);
        }
        let body = error("Unauthorized").to_string();
        assert_eq!(classify(StatusCode::OK, true, body.as_bytes()), Verdict::Unauthorized);
        assert_eq!(classify(StatusCode::BAD_GATEWAY, false, body.as_bytes()), Verdict::Failed);
        assert_eq!(classify(StatusCode::OK, false, b"Task timed out after 3.00 seconds"), Verdict::Failed);
        assert_eq!(classify(StatusCode::OK, true, b"null"), Verdict::Failed);
    }

    #[test]
    fn results_must_be_policies() {
        let good = json!({"principalId": "p", "context": {"a": "x", "b": 1, "c": true}, "policyDocument":
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}});
        assert!(matches!(verdict(&good), Verdict::Result(_)));
        let with = |name: &str, value: Value| {
            let mut changed = good.clone();
            changed[name] = value;
            verdict(&changed)
        };
        for bad in [json!(null), json!("x"), json!({"statusCode": 401}), json!([])] {
            assert_eq!(verdict(&bad), Verdict::Failed);
        }
        assert_eq!(with("context", json!({"a": {}})), Verdict::Failed);
        assert_eq!(with("context", json!({"a": []})), Verdict::Failed);
        assert_eq!(with("context", json!({"a": "x".repeat(9000)})), Verdict::Failed);
        assert_eq!(with("policyDocument", json!({"Statement": [{"Effect": "allow"}]})), Verdict::Failed);
        let long = json!({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "a".repeat(513)}]});
        assert_eq!(with("policyDocument", long), Verdict::Failed);
        // A result that happens to carry an error's members is a result all the same.
        assert!(matches!(with("errorMessage", json!("Unauthorized")), Verdict::Result(_)));
    }
}
