//! A Lambda function of any runtime that speaks Lambda's Runtime API 2018-06-01, unmodified, as processes of this
//! machine. It answers the Invoke API (AWS Lambda API reference, "Invoke"), so that the gateway can ask a customer's
//! own authorizer.
//!
//! What is different from Lambda: there are no more processes than the configuration says, so an invocation may wait
//! where Lambda would scale out ([`FunctionReport::waited`]); memory and CPU are not limited; responses are not
//! streamed; there are no extensions, layers, snapshots or asynchronous invocations. A function is not shut in: it runs
//! with landfall's own rights, and a process that leaves its group outlives it.

mod environment;
mod error;
mod failure;
mod output;
mod pool;
mod process;
mod report;
mod runtime_api;
mod worker;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Request, StatusCode};
use serde_json::json;
use tokio::sync::oneshot;

use self::output::Log;
use self::pool::Pool;
use self::runtime_api::Event;
use super::http::{Answer, Server, bind};
use super::invoke::{self, Invocation, refusal};
use crate::secret::Secret;

/// How often it is looked whether a process that works has come to its end.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

pub use self::error::FunctionError;
pub use self::failure::Exit;
pub use self::output::Tail;
pub use self::report::{FunctionReport, Inits};

/// Longest name of a function, in characters (AWS Lambda API reference, `CreateFunction`).
const LONGEST_NAME: usize = 64;

/// How a [`Function`] is set up.
#[derive(Debug, Clone)]
pub struct FunctionConfig {
    /// Loopback address at which the Invoke API listens.
    pub bind: IpAddr,
    /// Its TCP port; 0 lets the system choose.
    pub port: u16,
    /// The function's name, of letters, digits, `-` and `_`.
    pub name: String,
    /// The program that runs the function, and its arguments. With a slash, it is found from `directory` on, without
    /// one through `PATH`.
    pub command: Vec<String>,
    /// Where it runs, told to it as `LAMBDA_TASK_ROOT`; `None`: where landfall does.
    pub directory: Option<PathBuf>,
    /// `_HANDLER`, for runtimes that ask for it.
    pub handler: Option<String>,
    /// Further variables of its environment. Besides, it has those that Lambda sets, and landfall's `PATH` and `HOME`,
    /// which these replace. Values of 8 bytes or more are taken out of what the function writes.
    pub environment: BTreeMap<String, Secret>,
    /// How long an invocation may take, from when the function gets the event until it asks for the next.
    pub timeout: Duration,
    /// How long a process may take until it asks for its first event.
    pub init_timeout: Duration,
    /// Memory in MB, which the function is told, and nobody enforces.
    pub memory_mb: u32,
    /// The most processes at once; each works on one invocation at a time.
    pub workers: NonZeroUsize,
    /// The file to which all that the function writes is appended, each line after the worker's number and `out` or
    /// `err`, and without what may be a credential; `None`: only the last lines are kept, for errors.
    pub log: Option<PathBuf>,
}

impl FunctionConfig {
    /// A function on a free port of loopback, in one process, with what Lambda has for default: 3 s an invocation, 10 s
    /// for its start, 128 MB.
    #[must_use]
    pub fn new(name: impl Into<String>, command: Vec<String>) -> Self {
        Self {
            bind: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            name: name.into(),
            command,
            directory: None,
            handler: None,
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(3),
            init_timeout: Duration::from_secs(10),
            memory_mb: 128,
            workers: NonZeroUsize::MIN,
            log: None,
        }
    }

    fn check(&self) -> Result<(), FunctionError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || self.name.len() > LONGEST_NAME || !self.name.chars().all(legal) {
            return Err(FunctionError::Name(self.name.clone()));
        }
        let settable = |(name, value): &(&String, &Secret)| environment::is_settable(name, value.expose());
        if let Some((variable, _)) = self.environment.iter().find(|variable| !settable(variable)) {
            return Err(FunctionError::Variable { name: self.name.clone(), variable: variable.clone() });
        }
        Ok(())
    }
}

/// A running function. All of its processes are killed when this is dropped; invocations in hand are not answered any
/// more.
#[derive(Debug)]
pub struct Function {
    server: Server,
    pool: Arc<Pool>,
}

impl Function {
    /// Starts one process, waits until it asks for its first event, and then listens.
    ///
    /// # Errors
    /// [`FunctionError`], as it says: a function that cannot start, for one.
    pub async fn start(config: FunctionConfig) -> Result<Self, FunctionError> {
        config.check()?;
        let name = config.name.clone();
        let listener = bind("Lambda function", SocketAddr::new(config.bind, config.port)).await?;
        let log = Log::open(config.log.as_deref()).map_err(|source| FunctionError::Log {
            name: name.clone(),
            path: config.log.clone().unwrap_or_default(),
            source,
        })?;
        let pool = Arc::new(Pool::new(config, log));
        pool.warm_up().await?;
        let serving = pool.clone();
        let server = Server::start(listener, move |request, _| invoked(serving.clone(), request))
            .map_err(|source| FunctionError::Serve { name, source })?;
        Ok(Self { server, pool })
    }

    /// URL to which events are posted. In place of the function's name, its path may have the literal word `function`,
    /// as the runtime interface emulator has it.
    #[must_use]
    pub fn invoke_url(&self) -> String {
        let name = &self.pool.config().name;
        format!("http://{}/2015-03-31/functions/{name}/invocations", self.server.address())
    }

    /// Invocations being worked on, and waiting.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.server.in_flight()
    }

    /// What it has done so far.
    #[must_use]
    pub fn report(&self) -> FunctionReport {
        self.pool.report()
    }

    /// Ends its processes, as a deployment does, and returns when they are gone: the next invocation is a cold start, and
    /// nothing that was remembered is left. A process that works on an event is waited for.
    pub async fn restart(&self) {
        loop {
            let (retired, all) = self.pool.retire();
            for worker in &retired {
                worker.process().ended().await;
            }
            if all {
                return;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Stops as when it is dropped, and returns when no process is left.
    pub async fn stop(self) {
        for process in self.pool.stop() {
            process.ended().await;
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.pool.stop();
    }
}

/// What came of an invocation. Errors have the shape in which callers get them.
#[derive(Debug)]
enum Outcome {
    /// What the function returned, whatever it is.
    Response(Bytes),
    /// The function reported an error.
    Error(Bytes),
    /// It took too long.
    TimedOut(Bytes),
    /// Its process ended.
    Crashed(Bytes),
    /// No process could be started.
    NotStarted(Bytes),
    /// Too many wait.
    Throttled,
    /// The function is being stopped.
    Stopped,
}

async fn invoked(pool: Arc<Pool>, request: Request<Incoming>) -> Answer {
    let config = pool.config();
    let Invocation { id, body, headers, .. } =
        match invoke::read(request, &[config.name.as_str(), "function"]).await {
            Ok(invocation) => invocation,
            Err(refusal) => return *refusal,
        };
    let kind = headers.get("x-amz-invocation-type");
    if kind.is_some_and(|kind| kind != "RequestResponse") {
        let message =
            json!({"Type": "User", "message": "landfall's functions are invoked by RequestResponse only"});
        return *refusal(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &message);
    }
    let trace = headers.get("x-amzn-trace-id").cloned().unwrap_or_else(new_trace);
    let arn = environment::arn(&config.name);
    let event = Event { id: id.clone(), body, arn, trace, limit: config.timeout };
    let (outcome, told) = oneshot::channel();
    // The caller has its answer before the worker is free again.
    let serving = pool.clone();
    tokio::spawn(async move { serving.invoke(event, outcome).await });
    match told.await.unwrap_or(Outcome::Stopped) {
        Outcome::Response(body) => invoke::result(&id, body),
        Outcome::Error(error)
        | Outcome::TimedOut(error)
        | Outcome::Crashed(error)
        | Outcome::NotStarted(error) => invoke::function_error(&id, error),
        Outcome::Throttled => {
            let message = json!({"Type": "User", "message": "Rate Exceeded."});
            *refusal(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", &message)
        }
        Outcome::Stopped => {
            let message = json!({"Type": "Service", "message": "the function is being stopped"});
            *refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceException", &message)
        }
    }
}

/// A trace that nobody samples (AWS X-Ray Developer Guide, "Tracing header").
fn new_trace() -> HeaderValue {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let random = uuid::Uuid::new_v4().simple().to_string();
    let parent = uuid::Uuid::new_v4().simple().to_string();
    let trace = format!("Root=1-{now:08x}-{};Parent={};Sampled=0", &random[..24], &parent[..16]);
    HeaderValue::try_from(trace).expect("it has hexadecimal digits and marks only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lambda_takes() {
        let check = |name: &str| FunctionConfig::new(name, vec![]).check();
        assert!(check("a").is_ok() && check(&"a".repeat(64)).is_ok() && check("A-b_9").is_ok());
        for name in ["", &"a".repeat(65), "a b", "ä", "a/b", "a:b", "a.b"] {
            assert!(matches!(check(name), Err(FunctionError::Name(_))), "{name}");
        }
        let mut config = FunctionConfig::new("a", vec![]);
        config.environment.insert("A=B".to_owned(), Secret::new("hunter22"));
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("\"A=B\"") && !error.contains("hunter22"), "{error}");
        assert!(!format!("{config:?}").contains("hunter22"));
    }
}
