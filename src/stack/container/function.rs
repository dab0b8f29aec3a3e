//! A Lambda function whose image is given: containers with the runtime interface emulator, which Lambda's images for local
//! tests have (AWS Lambda Developer Guide, "Testing Lambda container images locally").

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use hyper::Uri;

use super::ready::{try_ready, until_ready};
use super::{Containers, Running, StackError, only_here, report};
use crate::engine::{Container, ContainerSpec};
use crate::result::ContainerReport;
use crate::scenario::{FunctionContainer, Ready, Resources, Value};
use crate::secret::Secret;
use crate::stack::provider::Provider;
use crate::stack::secrets::hidden;

/// What stands for where the keys are (one of `IDP_PLACEHOLDERS`).
pub(super) const KEYS: &str = "${idp.jwks_uri}";
/// How long a function's start may take, beside its invocation.
pub const COLD_START: Duration = Duration::from_mins(1);
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
        let is_taken = |name: &str| {
            let first = format!("{name}-1");
            self.workers.iter().any(|worker| worker.container.name() == first)
        };
        let name = free_name(scheme, is_taken);
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

/// Makes sure that a function's container reaches the keys of the provider, as it sees that, where it is told where they are.
/// Gives a note where it may look for them at the issuer, and finds nothing there.
pub(super) fn reaches_keys(
    scheme: &str,
    environment: &BTreeMap<String, Value>,
    provider: &Provider,
) -> Result<Option<String>, StackError> {
    let is_only_here = |url: &str| {
        let uri: Uri = url.parse().unwrap_or_default();
        only_here(uri.host().unwrap_or_default().trim_matches(['[', ']']))
    };
    if is_told(environment, KEYS) {
        return match provider.jwks_uri.clone().filter(|url| is_only_here(url)) {
            Some(url) => Err(StackError::KeysOnLoopback { scheme: scheme.to_owned(), url }),
            None => Ok(None),
        };
    }
    let looks = is_told(environment, "${idp.issuer}") && is_only_here(&provider.issuer);
    Ok(looks.then(|| {
        format!(
            "authorizer `{scheme}`: it is told the issuer {}, which within its container is that itself: if it asks there for keys, \
             it finds none; tell it `${{idp.jwks_uri}}`",
            provider.issuer
        )
    }))
}

/// Whether what stands for something of the identity provider is put into a function's environment.
pub(super) fn is_told(environment: &BTreeMap<String, Value>, placeholder: &str) -> bool {
    environment.values().any(|value| matches!(value, Value::Plain(text) if text.contains(placeholder)))
}

/// What the boxes of a security scheme are called, without their numbers. Where another scheme's are called so already, a number
/// tells them apart.
fn free_name(scheme: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let plain = format!("authorizer-{}", in_names(scheme));
    let mut name = plain.clone();
    let mut number = 1;
    while is_taken(&name) {
        number += 1;
        name = format!("{plain}-{number}");
    }
    name
}

/// A security scheme's name, as it may stand in that of a container.
fn in_names(scheme: &str) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    scheme.chars().map(legal).take(NAME_LENGTH).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{AudienceParameter, TlsSettings, TokenProfile};

    #[test]
    fn any_scheme_can_be_a_box() {
        for (scheme, name) in [("jwt", "jwt"), ("My_Auth.v2", "my-auth-v2"), ("é/", "--")] {
            assert_eq!(in_names(scheme), name);
        }
        assert_eq!(in_names(&"x".repeat(99)).len(), NAME_LENGTH);
    }

    #[test]
    fn no_two_schemes_are_one_box() {
        let mut taken: Vec<String> = Vec::new();
        let long = "x".repeat(NAME_LENGTH);
        let schemes = ["my_auth".to_owned(), "my-auth".into(), "my-auth-2".into(), long.clone(), long + "y"];
        for scheme in &schemes {
            let name = free_name(scheme, |name| taken.iter().any(|taken| taken == name));
            taken.push(name);
        }
        let expected = ["authorizer-my-auth", "authorizer-my-auth-2", "authorizer-my-auth-2-2"];
        assert_eq!(taken[..3], expected);
        assert_ne!(taken[3], taken[4]);
    }

    #[test]
    fn keys_that_only_this_machine_reaches_are_told_before_anything_is_refused() {
        let provider = |jwks: &str| Provider {
            issuer: "http://127.0.0.1:1".into(),
            token_endpoint: "http://127.0.0.1:1/token".into(),
            jwks_uri: Some(jwks.into()),
            jwks_uri_inside: None,
            audience: "api".into(),
            audience_parameter: AudienceParameter::None,
            profile: TokenProfile::default(),
            tls: TlsSettings::default(),
        };
        let told = |text: &str| [("A".to_owned(), Value::Plain(text.to_owned()))].into();
        for url in ["http://127.0.0.1:1/keys", "https://localhost/keys", "http://[::1]:1/keys"] {
            let error = reaches_keys("jwt", &told("${idp.jwks_uri}"), &provider(url)).unwrap_err();
            assert!(error.to_string().contains(url) && !error.is_usage(), "{error}");
            assert_eq!(reaches_keys("jwt", &told("${idp.audience}"), &provider(url)).unwrap(), None);
        }
        for url in ["http://idp:8080/keys", "http://172.18.0.1:2/keys", "https://login.example.com/keys"] {
            assert_eq!(reaches_keys("jwt", &told("${idp.jwks_uri}"), &provider(url)).unwrap(), None);
        }
        let note = reaches_keys("jwt", &told("${idp.issuer}"), &provider("http://idp/keys")).unwrap();
        assert!(note.is_some_and(|note| note.ends_with("tell it `${idp.jwks_uri}`")));
    }
}
