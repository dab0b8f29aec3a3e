//! Asking authorizers, and making sense of what they answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::cache::AuthorizerCache;
use super::call::{Asked, Call};
use super::emulators::Emulators;
use super::event::{request_event, token_event};
use super::policy::{Decision, evaluate};
use crate::api::{PlannedAuthorizer, PlannedKind};
use crate::wire::lambda::{AuthorizerEvent, AuthorizerResult, RESULT_LIMIT};

/// Longest answer that is read, in bytes (Lambda quotas: 6 MB for a synchronous invocation).
const ANSWER_LIMIT: usize = 6 * 1024 * 1024;
/// Longest resource of a policy, in characters (API Gateway quotas).
const RESOURCE_LIMIT: usize = 512;

/// Where an authorizer's code runs.
#[derive(Debug, Clone)]
pub enum AuthorizerCode {
    /// Behind an URL of Lambda's Invoke API, or of the runtime interface emulator.
    Invoke {
        /// The URL.
        url: String,
        /// How many invocations may be under way at once; `None`: as many as there are. The emulator takes one.
        concurrency: Option<usize>,
    },
    /// In several emulators, each of which takes one invocation.
    Emulators(Arc<Emulators>),
    /// Nowhere: the answer is always this.
    Fixed(FixedAnswer),
}

/// An authorizer's answer that is always the same.
#[derive(Debug, Clone, PartialEq)]
pub enum FixedAnswer {
    /// A result with its policy.
    Result(Box<AuthorizerResult>),
    /// The caller is not known: 401.
    Unauthorized,
    /// The function fails: 500.
    Failure,
}

/// What became of the authorization of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// The policy of this result decides.
    Decided(Decision, Arc<AuthorizerResult>),
    /// There are no credentials of the right form; the authorizer was not asked.
    Missing,
    /// The authorizer refused the credentials.
    Unauthorized,
    /// The authorizer failed, took too long, or returned no policy: why.
    Failed(&'static str),
}

impl Outcome {
    /// The outcome in a word or two, for traces.
    fn name(&self) -> &'static str {
        match self {
            Self::Decided(Decision::Allow, _) => "allow",
            Self::Decided(Decision::ExplicitDeny, _) => "explicit deny",
            Self::Decided(Decision::ImplicitDeny, _) => "implicit deny",
            Self::Missing => "missing",
            Self::Unauthorized => "unauthorized",
            Self::Failed(_) => "failed",
        }
    }
}

/// What the authorizer's answer amounts to.
#[derive(Debug, PartialEq)]
enum Verdict {
    Result(Box<AuthorizerResult>),
    Unauthorized,
    Failed(&'static str),
}

/// How long a connection to an authorizer may idle.
const POOL_IDLE: Duration = Duration::from_secs(10);

/// A client for authorizers, with keep-alive connections, that never sends a request twice.
fn http_client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .retry_canceled_requests(false)
        .build(connector)
}

/// Why an authorizer says nothing: it could not be asked, did not answer in time, or not so that it could be read.
const UNREACHED: &str = "it cannot be reached";
const LATE: &str = "it did not answer in time";
const UNREADABLE: &str = "it broke off, or answered more than 6 MB";
/// Why nothing is known of its answer: a panic's message has been printed.
const LOST: &str = "what it answered was lost by a bug of landfall's";

/// How authorizers are called.
type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// The API's authorizers in its stage, each with its own cache.
pub(super) struct Authorizers {
    client: HttpClient,
    timeout: Duration,
    by_scheme: BTreeMap<String, Authorizer>,
}

impl fmt::Debug for Authorizers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authorizers").finish_non_exhaustive()
    }
}

struct Authorizer {
    code: Code,
    cache: Mutex<AuthorizerCache>,
}

enum Code {
    Invoke { url: Uri, permits: Option<Semaphore> },
    Emulators(Arc<Emulators>),
    Fixed(FixedAnswer),
}

impl Authorizers {
    /// The authorizers whose code stands in `codes`, with how long the results of each are kept.
    ///
    /// # Errors
    /// A URL that is none.
    pub(super) fn new(
        timeout: Duration,
        codes: BTreeMap<String, AuthorizerCode>,
        ttl: impl Fn(&str) -> Duration,
    ) -> Result<Self, String> {
        let mut by_scheme = BTreeMap::new();
        for (scheme, code) in codes {
            let code = match code {
                AuthorizerCode::Invoke { url, concurrency } => {
                    let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http"));
                    Code::Invoke { url: uri.ok_or(url)?, permits: concurrency.map(Semaphore::new) }
                }
                AuthorizerCode::Emulators(emulators) => Code::Emulators(emulators),
                AuthorizerCode::Fixed(answer) => Code::Fixed(answer),
            };
            let cache = Mutex::new(AuthorizerCache::new(ttl(&scheme)));
            by_scheme.insert(scheme, Authorizer { code, cache });
        }
        Ok(Self { client: http_client(), timeout, by_scheme })
    }

    /// Forgets what all authorizers have decided. Who is being asked meanwhile is not asked anew.
    pub(super) fn flush(&self) {
        self.by_scheme.values().for_each(|authorizer| authorizer.cache().flush());
    }

    /// Authorizes a call, and notes in it how that went. The kept result of the same credentials is evaluated anew for each
    /// method.
    pub(super) async fn authorize(&self, scheme: &str, call: &mut Call, method_arn: &str) -> Outcome {
        let mut way = Way::default();
        let outcome = self.decide(scheme, call, method_arn, &mut way).await;
        call.times.authorizer = way.took;
        call.authorizer.asked =
            Some(Asked { scheme: scheme.to_owned(), decision: outcome.name(), cached: way.cached });
        outcome
    }

    async fn decide(&self, scheme: &str, call: &Call, method_arn: &str, way: &mut Way) -> Outcome {
        let (planned, authorizer) = (call.plan.authorizers.get(scheme), self.by_scheme.get(scheme));
        let (Some(planned), Some(authorizer)) = (planned, authorizer) else {
            return Outcome::Failed("the gateway does not know the authorizer");
        };
        let Some(identity) = identity(planned, call) else { return Outcome::Missing };
        let since = Instant::now();
        let kept = identity.key.as_deref().and_then(|key| authorizer.cache().get(key, since));
        way.cached = kept.is_some();
        let result = if let Some(result) = kept {
            result
        } else {
            let event = match identity.token {
                Some(token) => token_event(token, method_arn),
                None => request_event(call, method_arn),
            };
            // On the heap, or what it takes would be part of each request's future.
            let verdict = Box::pin(self.verdict(authorizer, &event)).await;
            way.took = Some(since.elapsed());
            match verdict {
                Verdict::Result(result) => {
                    let result = Arc::new(*result);
                    if let Some(key) = &identity.key {
                        authorizer.cache().put(key, result.clone(), Instant::now());
                    }
                    result
                }
                Verdict::Unauthorized => return Outcome::Unauthorized,
                Verdict::Failed(why) => return Outcome::Failed(why),
            }
        };
        Outcome::Decided(evaluate(&result.policy_document, method_arn), result)
    }

    async fn verdict(&self, authorizer: &Authorizer, event: &AuthorizerEvent) -> Verdict {
        let (url, permits) = match &authorizer.code {
            Code::Invoke { url, permits } => (url, permits),
            Code::Emulators(emulators) => {
                let emulated = timeout(self.timeout, self.emulated(emulators, event)).await;
                return emulated.unwrap_or(Verdict::Failed(LATE));
            }
            Code::Fixed(FixedAnswer::Result(result)) => return Verdict::Result(result.clone()),
            Code::Fixed(FixedAnswer::Unauthorized) => return Verdict::Unauthorized,
            Code::Fixed(FixedAnswer::Failure) => return Verdict::Failed("it is set to fail"),
        };
        let invoked = async {
            let _permit = match permits {
                // The semaphore is never closed.
                Some(permits) => permits.acquire().await.ok(),
                None => None,
            };
            invoke(&self.client, url, event).await
        };
        timeout(self.timeout, invoked).await.unwrap_or(Verdict::Failed(LATE))
    }

    /// Asks the emulator that has been free for longest. It is not used for another invocation before it has answered, even
    /// if nobody waits for that any more.
    async fn emulated(&self, emulators: &Arc<Emulators>, event: &AuthorizerEvent) -> Verdict {
        let Some(lease) = emulators.lease().await else { return Verdict::Failed(UNREACHED) };
        let (client, event, limit) = (self.client.clone(), event.clone(), emulators.limit());
        let invoked = tokio::spawn(async move {
            match timeout(limit, asked(&client, lease.url(), &event)).await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(error)) => {
                    if error.is_connect() {
                        lease.rest();
                    }
                    Verdict::Failed(UNREACHED)
                }
                Err(_) => Verdict::Failed(LATE),
            }
        });
        invoked.await.unwrap_or(Verdict::Failed(LOST))
    }
}

async fn invoke(client: &HttpClient, url: &Uri, event: &AuthorizerEvent) -> Verdict {
    asked(client, url, event).await.unwrap_or(Verdict::Failed(UNREACHED))
}

/// What the function at `url` says, or why it could not be asked.
async fn asked(client: &HttpClient, url: &Uri, event: &AuthorizerEvent) -> Result<Verdict, ClientError> {
    let Ok(event) = serde_json::to_vec(event) else {
        return Ok(Verdict::Failed("the event is no JSON"));
    };
    let request = Request::builder()
        .method(Method::POST)
        .uri(url.clone())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(event)));
    let Ok(request) = request else { return Ok(Verdict::Failed("its URL cannot be called")) };
    let answer = client.request(request).await?;
    let status = answer.status();
    let error_header = answer.headers().contains_key("x-amz-function-error");
    Ok(match Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await {
        Ok(body) => classify(status, error_header, &body.to_bytes()),
        Err(_) => Verdict::Failed(UNREADABLE),
    })
}

impl Authorizer {
    fn cache(&self) -> std::sync::MutexGuard<'_, AuthorizerCache> {
        // The cache is whole after each of its operations, even if a thread panicked after one.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a decision was come to.
#[derive(Debug, Default)]
struct Way {
    /// Whether the result was kept from before.
    cached: bool,
    /// How long the authorizer's code took, where it was asked.
    took: Option<Duration>,
}

/// Who calls.
struct Identity<'c> {
    /// The header's value, where the authorizer looks at one.
    token: Option<&'c str>,
    /// What the result is kept by; `None`: it is not kept.
    key: Option<Cow<'c, str>>,
}

/// Who calls, or `None` where what the authorizer must have is missing.
fn identity<'c>(planned: &PlannedAuthorizer, call: &'c Call) -> Option<Identity<'c>> {
    match &planned.kind {
        PlannedKind::Token { header, expression } => {
            let value = only_value(&call.headers, header).filter(|value| !value.trim().is_empty())?;
            if expression.as_ref().is_some_and(|expression| !expression.is_match(value)) {
                return None;
            }
            Some(Identity { token: Some(value), key: Some(value.into()) })
        }
        PlannedKind::Request { sources } => {
            if planned.ttl.is_zero() || sources.is_empty() {
                return Some(Identity { token: None, key: None });
            }
            let mut key = Vec::new();
            for source in sources {
                let values = source.values(call)?;
                // With their numbers and lengths, so that different values never make the same key.
                key.push(format!("{}|", values.len()));
                key.extend(values.iter().map(|value| format!("{}:{value}", value.len())));
            }
            Some(Identity { token: None, key: Some(key.concat().into()) })
        }
    }
}

/// The value of the one header of this name. With two of them it is undocumented which one counts, so there are none.
fn only_value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

/// Classifies an answer of Lambda's Invoke API, or of the runtime interface emulator, which tells of a
/// function's error in the body alone.
fn classify(status: StatusCode, error_header: bool, body: &[u8]) -> Verdict {
    if status != StatusCode::OK {
        return Verdict::Failed("it cannot be invoked, or broke down");
    }
    // Not JSON: the emulator's text for a timeout, for instance.
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Verdict::Failed("its answer is no JSON");
    };
    let error = value.get("errorMessage").is_some() || value.get("errorType").is_some();
    if error_header || (error && value.get("policyDocument").is_none()) {
        let message = value.get("errorMessage").and_then(Value::as_str);
        return if message == Some("Unauthorized") {
            Verdict::Unauthorized
        } else {
            Verdict::Failed("it failed with an error other than `Unauthorized`")
        };
    }
    if body.len() > RESULT_LIMIT {
        return Verdict::Failed("its result is longer than 8 KB");
    }
    match serde_json::from_value::<AuthorizerResult>(value) {
        Ok(result) if is_valid(&result) => Verdict::Result(Box::new(result)),
        Ok(_) => {
            Verdict::Failed("its result's context is not flat, or a resource is longer than 512 characters")
        }
        Err(_) => Verdict::Failed("its result is no policy with a principalId"),
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

    #[tokio::test]
    async fn an_emulator_that_accepts_no_connection_is_left_alone() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let limit = Duration::from_secs(9);
        let emulators = Arc::new(Emulators::new(vec![format!("http://{gone}/")], limit).unwrap());
        let authorizers = Authorizers::new(limit, BTreeMap::new(), |_| Duration::ZERO).unwrap();
        let verdict = authorizers.emulated(&emulators, &token_event("t", "arn")).await;
        assert!(matches!(verdict, Verdict::Failed(UNREACHED)));
        assert!(emulators.lease().await.is_none());
    }

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        headers.append("authorization", HeaderValue::from_static("Bearer a"));
        assert_eq!(only_value(&headers, "Authorization"), Some("Bearer a"));
        headers.append("authorization", HeaderValue::from_static("Bearer b"));
        assert_eq!(only_value(&headers, "Authorization"), None);
    }

    fn failed(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Failed(_))
    }

    fn verdict(body: &Value) -> Verdict {
        classify(StatusCode::OK, false, body.to_string().as_bytes())
    }

    #[test]
    fn errors_of_the_function() {
        let error = |message: &str| json!({"errorMessage": message, "errorType": "E", "stackTrace": []});
        assert_eq!(verdict(&error("Unauthorized")), Verdict::Unauthorized);
        for other in ["Unauthorized: expired", "unauthorized", "Access denied", ""] {
            assert!(failed(&verdict(&error(other))));
        }
        let body = error("Unauthorized").to_string();
        assert_eq!(classify(StatusCode::OK, true, body.as_bytes()), Verdict::Unauthorized);
        assert!(failed(&classify(StatusCode::BAD_GATEWAY, false, body.as_bytes())));
        assert!(failed(&classify(StatusCode::OK, false, b"Task timed out after 3.00 seconds")));
        assert!(failed(&classify(StatusCode::OK, true, b"null")));
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
            assert!(failed(&verdict(&bad)));
        }
        assert!(failed(&with("context", json!({"a": {}}))));
        assert!(failed(&with("context", json!({"a": []}))));
        assert!(failed(&with("context", json!({"a": "x".repeat(9000)}))));
        assert!(failed(&with("policyDocument", json!({"Statement": [{"Effect": "allow"}]}))));
        let long = json!({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "a".repeat(513)}]});
        assert!(failed(&with("policyDocument", long)));
        // A result that happens to carry an error's members is a result all the same.
        assert!(matches!(with("errorMessage", json!("Unauthorized")), Verdict::Result(_)));
    }
}
