//! Lambda authorizer for a REST API: verifies a partner's access token and says, as an IAM policy, which
//! topics it may write. It answers the Lambda Invoke API (AWS Lambda API reference, "Invoke").

mod keys;
mod policy;
mod token;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::Request;
use hyper::body::Incoming;

use self::keys::KeySource;
use self::token::Rules;
use super::http::{Answer, BindError, Server, bind};
use super::invoke::{self, Invocation};
use crate::wire::lambda::{AuthorizerEvent, FunctionError, RESULT_LIMIT};

/// The function's name; the runtime interface emulator knows the literal word `function` instead.
const FUNCTION_NAMES: [&str; 2] = ["landfall-authorizer", "function"];

/// How an [`Authorizer`] is set up.
#[derive(Debug, Clone)]
pub struct AuthorizerConfig {
    /// Loopback address to listen on.
    pub bind: IpAddr,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// `iss` that tokens must have, to the letter.
    pub issuer: String,
    /// `aud` that tokens must have, alone or among others.
    pub audience: String,
    /// URL of the issuer's keys; `http` only.
    pub jwks_uri: String,
    /// What stands before `/topics/…` and `/v3/…` in the API's paths, for instance `/kafka`; mostly nothing.
    pub prefix: String,
    /// Clock difference that is put up with at `exp`, `nbf` and `iat`.
    pub leeway: Duration,
}

/// Why an [`Authorizer`] could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizerError {
    /// The port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The listener failed.
    #[error("cannot serve the authorizer: {0}; start it again")]
    Serve(#[source] std::io::Error),
    /// The key set's URL is none.
    #[error("the key set's URL {0:?} is not an http URL; give the identity provider's jwks_uri")]
    JwksUri(String),
}

/// A running authorizer; it stops when this is dropped.
#[derive(Debug)]
pub struct Authorizer {
    server: Server,
}

impl Authorizer {
    /// Starts to serve. Keys are fetched with the first token.
    ///
    /// # Errors
    /// [`AuthorizerError`], as it says.
    pub async fn start(config: AuthorizerConfig) -> Result<Self, AuthorizerError> {
        let AuthorizerConfig { bind: address, port, issuer, audience, jwks_uri, prefix, leeway } = config;
        let uri = jwks_uri.parse::<hyper::Uri>().ok().filter(|uri| uri.scheme_str() == Some("http"));
        let uri = uri.ok_or(AuthorizerError::JwksUri(jwks_uri))?;
        let listener = bind("authorizer", SocketAddr::new(address, port)).await?;
        let function = Arc::new(Function {
            rules: Rules { issuer, audience, leeway },
            prefix: prefix.trim_start_matches('/').to_owned(),
            keys: Arc::new(KeySource::new(uri)),
        });
        let server = Server::start(listener, move |request, _| {
            let function = function.clone();
            async move { function.invoked(request).await }
        })
        .map_err(AuthorizerError::Serve)?;
        Ok(Self { server })
    }

    /// URL to which events are posted.
    #[must_use]
    pub fn invoke_url(&self) -> String {
        let [name, _] = FUNCTION_NAMES;
        format!("http://{}/2015-03-31/functions/{name}/invocations", self.server.address())
    }

    /// Invocations being worked on.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.server.in_flight()
    }
}

/// Why the function returns no policy. The text is the function error's `errorMessage`.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The token is not good. The gateway makes 401 of exactly this text, and 500 of any other.
    #[error("Unauthorized")]
    Unauthorized,
    #[error("cannot fetch the identity provider's keys: {0}; check that it runs and is reachable")]
    Keys(keys::FetchError),
    #[error("the event is no authorizer event of a REST API; check the gateway's authorizer")]
    Event,
    #[error("the event's methodArn is no method of a REST API; check the gateway's authorizer")]
    MethodArn,
    #[error(
        "the result has {0} bytes, and a REST API takes {RESULT_LIMIT}; give the client fewer or shorter write scopes"
    )]
    ResultTooLarge(usize),
}

impl Failure {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::Keys(_) => "KeysUnavailable",
            Self::Event => "InvalidEventDataError",
            Self::MethodArn => "InvalidMethodArn",
            Self::ResultTooLarge(_) => "ResultTooLarge",
        }
    }
}

struct Function {
    rules: Rules,
    /// Without a slash before it.
    prefix: String,
    keys: Arc<KeySource>,
}

impl Function {
    async fn invoked(&self, request: Request<Incoming>) -> Answer {
        let Invocation { id, event, .. } = match invoke::read(request, &FUNCTION_NAMES).await {
            Ok(invocation) => invocation,
            Err(refusal) => return *refusal,
        };
        let outcome = match serde_json::from_value(event) {
            Ok(event) => self.authorize(&event, SystemTime::now()).await,
            Err(_) => Err(Failure::Event),
        };
        match outcome {
            Ok(result) => invoke::result(&id, result.into()),
            Err(failure) => {
                let error = FunctionError {
                    error_message: failure.to_string(),
                    error_type: failure.error_type().to_owned(),
                };
                invoke::function_error(&id, json_of(&error).into())
            }
        }
    }

    /// The result for the gateway, as JSON of [`RESULT_LIMIT`] bytes at most: of a longer one the gateway
    /// would say no more than that something is wrong.
    async fn authorize(&self, event: &AuthorizerEvent, now: SystemTime) -> Result<Vec<u8>, Failure> {
        let (credentials, method_arn) = match event {
            AuthorizerEvent::Token { authorization_token, method_arn } => {
                (Some(authorization_token.as_str()), method_arn)
            }
            AuthorizerEvent::Request { method_arn, .. } => (request_credentials(event), method_arn),
        };
        let api = policy::ApiArn::of_method(method_arn).ok_or(Failure::MethodArn)?;
        let token = credentials.and_then(token::bearer).ok_or(Failure::Unauthorized)?;
        let key_id = token::key_id(token).map_err(|_| Failure::Unauthorized)?;
        let key = self.keys.find(key_id.as_deref(), Instant::now()).await.map_err(Failure::Keys)?;
        let key = key.ok_or(Failure::Unauthorized)?;
        let caller = token::verify(token, &key, &self.rules, now).map_err(|_| Failure::Unauthorized)?;
        let result = json_of(&policy::for_caller(&caller, &api, &self.prefix));
        if result.len() > RESULT_LIMIT { Err(Failure::ResultTooLarge(result.len())) } else { Ok(result) }
    }
}

/// The one `Authorization` header of a `REQUEST` event; header names come in the client's own case. More
/// than one value is as bad as none: who knows which one the next box reads.
fn request_credentials(event: &AuthorizerEvent) -> Option<&str> {
    let AuthorizerEvent::Request { headers, multi_value_headers, .. } = event else { return None };
    let named = |name: &&String| name.eq_ignore_ascii_case("authorization");
    let mut many =
        multi_value_headers.iter().flatten().filter(|(name, _)| named(name)).flat_map(|(_, values)| values);
    if let Some(first) = many.next() {
        return many.next().is_none().then_some(first.as_str());
    }
    let mut single =
        headers.iter().flatten().filter(|(name, _)| named(name)).map(|(_, value)| value.as_str());
    single.next().filter(|_| single.next().is_none())
}

fn json_of<T: serde::Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("the message shapes have string keys only")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn credentials(event: serde_json::Value) -> Option<String> {
        let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
        request_credentials(&event).map(str::to_owned)
    }

    #[test]
    fn a_request_event_may_spell_the_header_in_any_case() {
        let arn = "arn:aws:execute-api:eu-west-1:1:a/prod/POST/topics/x";
        let event = json!({"type": "REQUEST", "methodArn": arn, "path": "/topics/x", "requestContext": {"n": 1.5},
            "headers": {"authorization": "Bearer b"}, "multiValueHeaders": {"AUTHORIZATION": ["Bearer a"]}});
        assert_eq!(credentials(event).as_deref(), Some("Bearer a"));
        let event = json!({"type": "REQUEST", "methodArn": arn, "headers": {"authorization": "Bearer b"},
            "multiValueHeaders": null});
        assert_eq!(credentials(event).as_deref(), Some("Bearer b"));
        let event =
            json!({"type": "REQUEST", "methodArn": arn, "multiValueHeaders": {"Authorization": ["a", "b"]}});
        assert_eq!(credentials(event), None);
    }

    #[test]
    fn a_bad_token_is_reported_by_exactly_one_word() {
        assert_eq!(Failure::Unauthorized.to_string(), "Unauthorized");
    }
}
