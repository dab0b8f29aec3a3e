//! One worker: a process of the function, and the Runtime API that it talks to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::environment;
use super::error::FunctionError;
use super::failure::{self, Exit};
use super::output::{Log, Output, Tail};
use super::process::Process;
use super::runtime_api::{Event, Reply, RuntimeApi};
use super::{FunctionConfig, Outcome};
use crate::secret::redact;

/// Shortest value of the function's environment that is taken out of what it writes: shorter ones are words.
const SHORTEST_SECRET: usize = 8;

/// Why there is no worker.
#[derive(Debug)]
pub(super) enum InitFailure {
    /// No process could be started.
    Spawn(Box<FunctionError>),
    /// The process was not ready in time, and this is what it wrote.
    Process(Cause, Tail),
}

/// Why a process was not ready in time.
#[derive(Debug)]
pub(super) enum Cause {
    /// Its runtime reported this error.
    Reported(Bytes),
    /// It ended.
    Exited(Exit),
    /// It took too long.
    TimedOut,
}

impl InitFailure {
    /// What the invocation ends with for whose sake it was started.
    pub(super) fn outcome(self, id: &str, config: &FunctionConfig) -> Bytes {
        match self {
            Self::Spawn(error) => failure::not_started(id, &error),
            Self::Process(Cause::Reported(error), _) => error,
            Self::Process(Cause::Exited(exit), _) => failure::exited(id, exit),
            Self::Process(Cause::TimedOut, _) => failure::timed_out(id, config.init_timeout),
        }
    }

    /// What the start of the function ends with for whose sake it was started.
    pub(super) fn error(self, config: &FunctionConfig) -> FunctionError {
        let name = config.name.clone();
        let (cause, tail) = match self {
            Self::Spawn(error) => return *error,
            Self::Process(cause, tail) => (cause, tail),
        };
        match cause {
            Cause::Reported(error) => {
                let (error_type, message) = failure::read_reported(&error);
                let [error_type, message] = [error_type, message].map(|text| redact(&text, &secrets(config)));
                FunctionError::Init { name, error_type, message, tail }
            }
            Cause::Exited(exit) => FunctionError::Exited { name, exit, tail },
            Cause::TimedOut => FunctionError::InitTimeout { name, limit: config.init_timeout, tail },
        }
    }
}

/// How an invocation ended for the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It waits for the next event.
    Ready,
    /// Its process is not to be used any more.
    Lost,
}

/// A process, and the API that it talks to. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    api: RuntimeApi,
    process: Arc<Process>,
    output: Arc<Output>,
}

impl Worker {
    /// Starts a process, which is not ready yet.
    pub(super) async fn spawn(
        config: &FunctionConfig,
        number: u32,
        log: Arc<Log>,
    ) -> Result<Self, FunctionError> {
        let serve = |source| FunctionError::Serve { name: config.name.clone(), source };
        let api = RuntimeApi::start().await.map_err(serve)?;
        let output = Arc::new(Output::new(number, log, secrets(config)));
        let directory = directory(config)?;
        let [program, arguments @ ..] = config.command.as_slice() else {
            return Err(FunctionError::NoCommand(config.name.clone()));
        };
        let program = located(program, &directory);
        let inherited = |name: &str| std::env::var_os(name);
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(&directory).env_clear().envs(environment::variables(
            config,
            number,
            &directory,
            api.address(),
            inherited,
        ));
        let process = Process::spawn(&mut command, &output).map_err(|source| {
            let (name, program) = (config.name.clone(), program.display().to_string());
            match source.kind() {
                io::ErrorKind::NotFound => FunctionError::NotFound { name, program },
                io::ErrorKind::PermissionDenied => FunctionError::NotExecutable { name, program, source },
                // Another machine's program, or a script whose first line names no interpreter. It has no kind.
                _ if source.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                    FunctionError::NotExecutable { name, program, source }
                }
                _ => FunctionError::Spawn { name, program, source },
            }
        })?;
        Ok(Self { api, process: Arc::new(process), output })
    }

    /// Its process.
    pub(super) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Waits until the runtime asks for its first event, for `limit` at most. The process is killed where it fails.
    pub(super) async fn init(&self, limit: Duration) -> Result<(), InitFailure> {
        let deadline = Instant::now() + limit;
        let cause = tokio::select! {
            biased;
            asked = self.api.asked() => match asked {
                Ok(()) => return Ok(()),
                Err(error) => Cause::Reported(error),
            },
            exit = self.process.ended() => Cause::Exited(exit),
            () = sleep_until(deadline) => Cause::TimedOut,
        };
        self.process.kill();
        self.process.ended().await;
        Err(InitFailure::Process(cause, self.output.tail()))
    }

    /// Has an event worked on. What came of it goes to `outcome` at once; this returns when the worker is done with it,
    /// or is lost.
    ///
    /// Lambda counts the time until the runtime asks for the next event, and so does this: one that has answered, and
    /// does not ask in time, is lost.
    pub(super) async fn invoke(&self, event: Event, outcome: oneshot::Sender<Outcome>) -> End {
        let (id, limit) = (event.id.clone(), event.limit);
        let deadline = Instant::now() + limit;
        if let Ok(body) = serde_json::from_slice(&event.body) {
            self.output.conceal(brought(&body));
        }
        let reply = self.api.give(event);
        let (told, lost) = tokio::select! {
            biased;
            reply = reply => match reply {
                Ok(Reply::Response(body)) => (Outcome::Response(body), false),
                Ok(Reply::Error(error)) => (Outcome::Error(error), false),
                // The API keeps the other end for as long as it is here, and it is.
                Err(_) => (Outcome::Stopped, true),
            },
            exit = self.process.ended() => (Outcome::Crashed(failure::exited(&id, exit)), true),
            () = sleep_until(deadline) => (Outcome::TimedOut(failure::timed_out(&id, limit)), true),
        };
        // Who asked may have gone; the invocation has taken place all the same.
        let _ = outcome.send(told);
        if lost {
            self.process.kill();
            return End::Lost;
        }
        let back = async {
            tokio::select! {
                biased;
                asked = self.api.asked() => asked.is_ok(),
                _ = self.process.ended() => false,
            }
        };
        if timeout_at(deadline, back).await.unwrap_or(false) {
            return End::Ready;
        }
        self.process.kill();
        End::Lost
    }
}

/// Where a function runs: as configured, or where landfall does.
fn directory(config: &FunctionConfig) -> Result<PathBuf, FunctionError> {
    let asked = config.directory.clone().unwrap_or_else(|| ".".into());
    let found = std::path::absolute(&asked).ok().filter(|directory| directory.is_dir());
    found.ok_or_else(|| FunctionError::Directory { name: config.name.clone(), directory: asked })
}

/// A program is named as in a shell that stands in `directory`: with a slash from there on, without one by `PATH`.
fn located(program: &str, directory: &Path) -> PathBuf {
    if program.contains('/') { directory.join(program) } else { program.into() }
}

/// What is taken out of all that the function writes: values of its environment, line by line.
fn secrets(config: &FunctionConfig) -> Vec<String> {
    let lines = config.environment.values().flat_map(|value| value.expose().lines());
    lines.filter(|line| line.len() >= SHORTEST_SECRET).map(str::to_owned).collect()
}

/// Headers that hold no credentials.
const PLAIN: [&str; 9] = [
    "accept",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// What may be a credential in an authorizer's event: the token, without its scheme, and any other header and parameter of
/// the query, for nobody knows what an API takes for one.
fn brought(event: &Value) -> Vec<String> {
    let members =
        ["headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters"];
    let members = members.iter().filter_map(|name| event[*name].as_object()).flatten();
    let members = members.filter(|(name, _)| !PLAIN.contains(&name.to_ascii_lowercase().as_str()));
    let values = members.flat_map(|(_, value)| match value {
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    });
    let texts = event.get("authorizationToken").into_iter().chain(values).filter_map(Value::as_str);
    let mut secrets: Vec<String> = Vec::new();
    for text in texts {
        let last = text.split_ascii_whitespace().next_back().unwrap_or_default();
        for secret in [last, text] {
            if secret.len() >= SHORTEST_SECRET && !secrets.iter().any(|other| other == secret) {
                secrets.push(secret.to_owned());
            }
        }
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use serde_json::json;

    #[test]
    fn programs_are_found_as_in_a_shell() {
        let folder = Path::new("/f");
        for (program, expected) in [
            ("python3", "python3"),
            ("./bootstrap", "/f/./bootstrap"),
            ("a/b", "/f/a/b"),
            ("/bin/sh", "/bin/sh"),
        ] {
            assert_eq!(located(program, folder), Path::new(expected));
        }
    }

    #[test]
    fn what_is_secret() {
        let mut config = FunctionConfig::new("f", vec![]);
        for (name, value) in [("A", "short"), ("B", "12345678"), ("C", "-- key --\n123456789\n--")] {
            config.environment.insert(name.to_owned(), Secret::new(value));
        }
        assert_eq!(secrets(&config), ["12345678", "-- key --", "123456789"]);
        for (event, expected) in [
            (json!({"authorizationToken": "Bearer 12345678"}), vec!["12345678", "Bearer 12345678"]),
            (json!({"authorizationToken": "x"}), vec![]),
            (json!({"headers": {"X-Api-Key": "opaque-key", "Host": "gateway.internal"}}), vec!["opaque-key"]),
            (json!({"multiValueQueryStringParameters": {"token": ["first-one", "b"]}}), vec!["first-one"]),
            (json!({"headers": null}), vec![]),
            (json!([]), vec![]),
        ] {
            assert_eq!(brought(&event), expected, "{event}");
        }
    }
}
