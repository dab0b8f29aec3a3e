//! The function itself: from an event to a policy, or to an error.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use hyper::Request;
use hyper::body::Incoming;

use super::FUNCTION_NAMES;
use super::claims;
use super::header::{Token, bearer};
use super::keys::{FetchError, KeySource};
use super::policy::{self, ApiArn, Asked};
use super::rules::{Caller, Refused, Rules};
use super::signature::{self, Unproven};
use crate::doubles::http::{Answer, Source};
use crate::doubles::invoke::{self, Invocation};
use crate::scenario::{Flaw, KeyTimes};
use crate::wire::lambda::{AuthorizerEvent, FunctionError, RESULT_LIMIT};

/// Most decisions that are remembered by an authorizer that mistakenly does.
const MEMORY: usize = 1024;

/// Why the function returns no policy. The text is the function error's `errorMessage`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Failure {
    /// The token is not good. The gateway makes 401 of exactly this text, and 500 of any other.
    #[error("Unauthorized")]
    Unauthorized,
    #[error("Unauthorized: {0}")]
    Explained(Refused),
    /// As Lambda tells it of a process that ended.
    #[error("Runtime exited with error: exit status 101")]
    Crashed,
    #[error("cannot fetch the identity provider's keys: {0}; check that it runs and is reachable")]
    Keys(FetchError),
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
    /// What becomes of a token that is not good.
    fn of(refused: Refused, flaw: Option<Flaw>) -> Self {
        match flaw {
            Some(Flaw::ExplainsRefusals) => Self::Explained(refused),
            Some(Flaw::CrashesOnGarbage) if refused == Refused::Form => Self::Crashed,
            _ => Self::Unauthorized,
        }
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::Unauthorized | Self::Explained(_) => "Unauthorized",
            Self::Crashed => "Runtime.ExitError",
            Self::Keys(_) => "KeysUnavailable",
            Self::Event => "InvalidEventDataError",
            Self::MethodArn => "InvalidMethodArn",
            Self::ResultTooLarge(_) => "ResultTooLarge",
        }
    }
}

/// The function, and what it was set up with.
#[derive(Debug)]
pub(super) struct Function {
    /// Without a slash before it.
    prefix: String,
    keys: Source,
    times: KeyTimes,
    /// As it is now. An invocation that is under way goes on with what it began with.
    state: RwLock<Arc<State>>,
}

/// What the function goes by, and all that it remembers.
#[derive(Debug)]
struct State {
    rules: Rules,
    keys: Arc<KeySource>,
    /// Results by method, for an authorizer that mistakenly shares them.
    decisions: Mutex<HashMap<String, Vec<u8>>>,
    /// Subject and client of the first caller, for an authorizer that mistakenly names no other.
    first: OnceLock<(String, String)>,
}

impl Function {
    pub(super) fn new(rules: Rules, prefix: &str, keys: Source, times: KeyTimes) -> Self {
        let state = RwLock::new(Arc::new(State::new(rules, keys.clone(), times)));
        Self { prefix: prefix.trim_start_matches('/').to_owned(), keys, times, state }
    }

    /// Forgets everything, and makes this mistake from now on.
    pub(super) fn set_flaw(&self, flaw: Option<Flaw>) {
        let rules = Rules { flaw, ..self.state().rules.clone() };
        let renewed = Arc::new(State::new(rules, self.keys.clone(), self.times));
        // What is replaced is whole, even if a thread panicked meanwhile.
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = renewed;
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        self.set_flaw(self.state().rules.flaw);
    }

    fn state(&self) -> Arc<State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn invoked(&self, request: Request<Incoming>) -> Answer {
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
        let (credentials, method) = match event {
            AuthorizerEvent::Token { authorization_token, method_arn } => {
                (Some(authorization_token.as_str()), method_arn)
            }
            AuthorizerEvent::Request { method_arn, .. } => (request_credentials(event), method_arn),
        };
        let api = ApiArn::of_method(method).ok_or(Failure::MethodArn)?;
        let state = self.state();
        let flaw = state.rules.flaw;
        if let Some(result) = state.remembered(method) {
            return Ok(result);
        }
        let result = match state.caller(credentials, now).await {
            Ok(caller) => {
                policy::for_caller(&state.named(caller), &api, &self.prefix, Asked { flaw, method })
            }
            Err(Unproven::Keys(_)) if flaw == Some(Flaw::AllowsWithoutKeys) => policy::for_everybody(method),
            Err(Unproven::Keys(error)) => return Err(Failure::Keys(error)),
            Err(Unproven::Refused(refused)) => return Err(Failure::of(refused, flaw)),
        };
        let result = json_of(&result);
        if result.len() > RESULT_LIMIT {
            return Err(Failure::ResultTooLarge(result.len()));
        }
        state.remember(method, &result);
        Ok(result)
    }
}

impl State {
    fn new(rules: Rules, keys: Source, times: KeyTimes) -> Self {
        let keys = Arc::new(KeySource::new(keys, times, rules.flaw));
        Self { rules, keys, decisions: Mutex::default(), first: OnceLock::new() }
    }

    /// Whom the credentials prove. What costs nothing is looked at first, so that only a token that could be good makes
    /// the authorizer fetch keys.
    async fn caller(&self, credentials: Option<&str>, now: SystemTime) -> Result<Caller, Unproven> {
        let rules = &self.rules;
        let token = bearer(credentials.ok_or(Refused::Scheme)?, rules)?;
        let token = Token::read(token, rules)?;
        signature::check(&token, &self.keys, rules, Instant::now()).await?;
        Ok(claims::check(&token, rules, now)?)
    }

    /// The caller as it is named to the gateway: by another's name, where that is the mistake made.
    fn named(&self, caller: Caller) -> Caller {
        if self.rules.flaw != Some(Flaw::NamesFirstCaller) {
            return caller;
        }
        let own = || (caller.subject.clone(), caller.client_id.clone());
        let (subject, client_id) = self.first.get_or_init(own).clone();
        Caller { subject, client_id, ..caller }
    }

    /// What was decided for the method, whoever asked, where that is the mistake made.
    fn remembered(&self, method: &str) -> Option<Vec<u8>> {
        self.memory()?.get(method).cloned()
    }

    fn remember(&self, method: &str, result: &[u8]) {
        let Some(mut decisions) = self.memory() else { return };
        if decisions.len() < MEMORY {
            decisions.insert(method.to_owned(), result.to_vec());
        }
    }

    fn memory(&self) -> Option<MutexGuard<'_, HashMap<String, Vec<u8>>>> {
        // It is whole after each insertion, even if a thread panicked after one.
        let memory = || self.decisions.lock().unwrap_or_else(PoisonError::into_inner);
        (self.rules.flaw == Some(Flaw::SharesDecisions)).then(memory)
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
mod tests;
