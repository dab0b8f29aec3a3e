//! A Lambda function whose image is given: containers with the runtime interface emulator, which Lambda's images for local
//! tests have (AWS Lambda Developer Guide, "Testing Lambda container images locally").

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::ready::{try_ready, until_ready};
use super::{Containers, Running, StackError, report};
use crate::engine::{Container, ContainerSpec};
use crate::result::ContainerReport;
use crate::scenario::{FunctionContainer, Ready, Resources};
use crate::secret::Secret;
use crate::stack::secrets::hidden;

/// How long a container may take until the emulator listens. The function itself is started by its first invocation.
const START_WITHIN: Duration = Duration::from_mins(2);
/// The path of the emulator's only function.
const PATH: &str = "/2015-03-31/functions/function/invocations";
/// The region that all doubles are in.
const REGION: &str = "eu-west-1";
/// How much of a security scheme's name stands in that of a container, which is a host's name as well.
const NAME_LENGTH: usize = 40;

/// A container of a function.
pub(super) struct Worker {
    pub(super) container: Container,
    address: SocketAddr,
}

/// What came up.
pub(in crate::stack) struct StartedWorker {
    /// The box.
    pub(in crate::stack) name: String,
    /// Where it is invoked.
    pub(in crate::stack) url: String,
    /// How long it took until it listened.
    pub(in crate::stack) took: Duration,
    pub(in crate::stack) report: ContainerReport,
}

impl Containers {
    /// Where those within the network reach this machine, if the engine tells.
    pub(in crate::stack) fn host(&self) -> Option<IpAddr> {
        self.network.gateway
    }

    /// Starts the containers of the function behind the security scheme `scheme`, and returns when all listen.
    pub(in crate::stack) async fn start_function(
        &mut self,
        (scheme, function): (&str, &str),
        spec: &FunctionContainer,
        environment: &BTreeMap<String, Secret>,
    ) -> Result<Vec<StartedWorker>, StackError> {
        let own: Vec<(String, Secret)> =
            environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        self.hide(hidden(&spec.environment, &own));
        let name = format!("authorizer-{}", in_names(scheme));
        let resources = Resources { cpus: None, memory: Some(u64::from(spec.memory_mb) << 20) };
        let image = self.image(&name, &spec.image).await?;
        let limits = self.check_limits(&name, resources)?;
        let mut variables: BTreeMap<String, Secret> = [
            ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string()),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", spec.timeout.as_secs().to_string()),
            ("AWS_REGION", REGION.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), Secret::new(value)))
        .into();
        variables.extend(own);
        let mut started: Vec<(Instant, StartedWorker)> = Vec::new();
        for number in 1..=spec.workers {
            let since = Instant::now();
            let made = ContainerSpec {
                name: format!("{name}-{number}"),
                image: image.id.clone(),
                entrypoint: None,
                command: spec.command.clone(),
                env: variables.clone().into_iter().collect(),
                files: Vec::new(),
                ports: Vec::new(),
                limits,
                stop_signal: None,
            };
            let Running { container, port } = self.run((spec.port, true), |_| Ok(made.clone())).await?;
            let worker = Worker { container, address: (Ipv4Addr::LOCALHOST, port).into() };
            let up = StartedWorker {
                name: made.name,
                url: format!("http://{}{PATH}", worker.address),
                took: Duration::ZERO,
                report: report(&image, resources),
            };
            started.push((since, up));
            self.workers.push(worker);
        }
        let of_this = &self.workers[self.workers.len() - started.len()..];
        for (worker, (since, up)) in of_this.iter().zip(&mut started) {
            self.listens(worker).await?;
            up.took = since.elapsed();
        }
        Ok(started.into_iter().map(|(_, up)| up).collect())
    }

    /// Returns when the emulator of a container listens.
    async fn listens(&self, worker: &Worker) -> Result<(), StackError> {
        let address = worker.address;
        until_ready(&worker.container, START_WITHIN, &self.redaction, || try_ready(&Ready::Tcp, address))
            .await
    }

    /// Starts the containers of all functions anew, as a deployment does, and returns when they listen. One that has ended by
    /// itself is started as well, and its end noted.
    ///
    /// # Errors
    /// The first that does not come back, in a sentence.
    pub(in crate::stack) async fn restart_functions(&self) -> Result<(), String> {
        let mut outcome = Ok(());
        for worker in &self.workers {
            let name = worker.container.name();
            let again = async {
                // The engine refuses to kill what does not run.
                if self.takes_down(&worker.container).await?.running {
                    worker.container.kill().await?;
                }
                worker.container.start().await?;
                self.listens(worker).await
            };
            match again.await {
                Ok(()) => self.events.set_down(name, false),
                Err(error) => {
                    let sentence = format!("{name} could not be started anew: {error}");
                    self.events.fail(sentence.clone());
                    outcome = outcome.and(Err(sentence));
                }
            }
        }
        outcome
    }
}

/// A security scheme's name, as it may stand in that of a container.
fn in_names(scheme: &str) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    scheme.chars().map(legal).take(NAME_LENGTH).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_scheme_can_be_a_box() {
        for (scheme, name) in [("jwt", "jwt"), ("My_Auth.v2", "my-auth-v2"), ("é/", "--")] {
            assert_eq!(in_names(scheme), name);
        }
        assert_eq!(in_names(&"x".repeat(99)).len(), NAME_LENGTH);
    }
}
