//! Starting the embedded gateway: its definition made ready, what stands in for the back ends that it names, and where
//! the code of its authorizers runs.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value};

use super::listen::LOOPBACK;
use super::provider::Provider;
use super::{Logs, Stack, StackError, external, secrets};
use crate::api::{Api, Plan, Planned, Stage, Surroundings, origin_of};
use crate::doubles::authorizer::{Authorizer, AuthorizerConfig};
use crate::doubles::balancer::{Balancer, BalancerConfig};
use crate::doubles::gateway::{
    AccessLogConfig, ApiKey, AuthorizerCode, Backend, DEFAULT_FORMAT, Emulators, FixedAnswer, Gateway,
    GatewayConfig, PRODUCE_AUTHORIZER, ProduceOptions, RateLimit, TraceConfig, produce_api, produce_stage,
    read_api,
};
use crate::doubles::lambda::{Function, FunctionConfig};
use crate::scenario::{
    Accepts, AccessLogSpec, ApiKeySpec, ApiSpec, AuthorizerSpec, DefinitionSpec, GatewaySpec, IdentitySpec,
    IdpSpec, KeyTimes, LambdaSpec, LimitsSpec, MetadataPlace, PolicyAnswer, ProxySpec, Scenario, TargetSpec,
    ThrottleSpec, TlsSettings, Workload,
};
use crate::stats::counted;
use crate::tls::Identity;
use crate::wire::lambda::{AuthorizerResult, Effect, OneOrMany, PolicyDocument, Statement};

/// The file with the authority of a gateway's certificate that was made for the run.
pub const GATEWAY_CA: &str = "gateway-ca.pem";

/// What is to be served, and by whom.
struct Served {
    /// The definition's file, for messages.
    file: PathBuf,
    api: Api,
    stage: Stage,
    /// What stands before `/topics/…` in the API's paths.
    prefix: String,
    /// By the back end's origin.
    targets: BTreeMap<String, TargetSpec>,
    /// By security scheme.
    authorizers: BTreeMap<String, AuthorizerSpec>,
}

impl Stack {
    /// Starts the gateway and its authorizers, in front of the proxies that run already.
    pub(super) async fn start_gateway(
        &mut self,
        scenario: &Scenario,
        provider: &Provider,
        logs: Logs<'_>,
    ) -> Result<(), StackError> {
        let GatewaySpec::Embedded { port, tls, leeway, keys, api, limits, access_log } =
            &scenario.stack.gateway
        else {
            return Ok(());
        };
        let (proxy, proxy_host) = self.integration(scenario).await?;
        let served = match api {
            ApiSpec::Produce {
                required_headers,
                authorizer_ttl,
                validate_credentials,
                integration_timeout,
            } => {
                let options = ProduceOptions {
                    required_headers: required_headers.clone(),
                    authorizer_ttl: *authorizer_ttl,
                    validate_credentials: *validate_credentials,
                    integration_timeout: *integration_timeout,
                };
                shipped(&options, proxy_host)?
            }
            ApiSpec::Definition(definition) => defined(definition)?,
        };
        let plan = checked(&served, scenario)?;
        for warning in &plan.warnings {
            let warning = format!("{}#{} {}", served.file.display(), warning.pointer, warning.message);
            tracing::warn!(warning, "the definition");
            self.warnings.push(warning);
        }
        let mut backends = BTreeMap::new();
        for (origin, target) in &served.targets {
            let backend = match target {
                TargetSpec::Balancer => proxy.clone(),
                TargetSpec::Url { url, tls } => external::backend(url, tls).await?,
            };
            backends.insert(origin.clone(), backend);
        }
        let api_keys = api_keys(limits)?;
        if let Some(containers) = &mut self.containers {
            // An authorizer's event has them.
            containers.hide(api_keys.iter().map(|key| key.value.clone()));
        }
        let mut authorizers = BTreeMap::new();
        for (scheme, spec) in &served.authorizers {
            let code = match spec {
                AuthorizerSpec::Builtin => self.builtin(provider, (*leeway, *keys), &served.prefix).await?,
                AuthorizerSpec::Rie { url, concurrency } => {
                    AuthorizerCode::Invoke { url: url.clone(), concurrency: Some(*concurrency) }
                }
                AuthorizerSpec::Container(container) => {
                    let function = function_of(&served, scheme);
                    let named = (scheme.as_str(), function.as_deref());
                    let emulators = self.start_function_containers(named, container, provider).await?;
                    AuthorizerCode::Emulators(emulators)
                }
                AuthorizerSpec::Policy { answer, principal, context } => {
                    AuthorizerCode::Fixed(fixed(*answer, principal, context))
                }
                AuthorizerSpec::Lambda(lambda) => {
                    self.function(scheme, lambda, (&served, provider), logs).await?
                }
            };
            authorizers.insert(scheme.clone(), code);
        }
        self.authorizer_ttl = served.api.authorizers.values().map(|authorizer| authorizer.ttl).max();
        let is_elsewhere = |spec: &&AuthorizerSpec| matches!(spec, AuthorizerSpec::Rie { .. });
        self.unreached_authorizers = served.authorizers.values().filter(is_elsewhere).count();
        let since = Instant::now();
        let identity = tls.as_ref().map(|tls| self.identity(tls, logs)).transpose()?;
        let gateway = Gateway::start(GatewayConfig {
            host: self.listen.host.clone(),
            port: *port,
            identity,
            api_keys,
            throttle: limits.throttle.map(rate_limit),
            account_throttle: limits.account_throttle.map(rate_limit),
            access_log: access_log.as_ref().map(|AccessLogSpec { format }| AccessLogConfig {
                path: logs.folder.join("access.log"),
                format: format.as_deref().unwrap_or(DEFAULT_FORMAT).to_owned(),
            }),
            trace: logs.trace.map(|path| TraceConfig { path: path.to_owned() }),
            injectors: self.injectors.clone(),
            ..GatewayConfig::new(self.listen.address, plan, backends, authorizers)
        })
        .await?;
        self.produce_url = format!("{}{}", gateway.base_url(), served.prefix);
        self.up("gateway", "embedded", Some(self.produce_url.clone()), since);
        self.doubles.gateway = Some(gateway);
        Ok(())
    }

    /// A function of the scenario's, started.
    async fn function(
        &mut self,
        scheme: &str,
        lambda: &LambdaSpec,
        (served, provider): (&Served, &Provider),
        logs: Logs<'_>,
    ) -> Result<AuthorizerCode, StackError> {
        let since = Instant::now();
        let name = function_of(served, scheme);
        let config = FunctionConfig {
            directory: lambda.directory.clone(),
            handler: lambda.handler.clone(),
            environment: secrets::of_environment(scheme, &lambda.environment, provider)?,
            timeout: lambda.timeout,
            memory_mb: lambda.memory_mb,
            workers: NonZeroUsize::new(lambda.workers).unwrap_or(NonZeroUsize::MIN),
            log: Some(logs.folder.join(format!("lambda-{scheme}.log"))),
            ..FunctionConfig::new(name.unwrap_or_else(|| scheme.to_owned()), lambda.command.clone())
        };
        let function = Function::start(config).await.map_err(|source| {
            let pointer = served.api.authorizers.get(scheme).map(|of| of.pointer.clone()).unwrap_or_default();
            let (scheme, path) = (scheme.to_owned(), served.file.clone());
            StackError::Function { scheme, path, pointer, source: Box::new(source) }
        })?;
        let url = function.invoke_url();
        self.up(&format!("authorizer-{scheme}"), "lambda", Some(url.clone()), since);
        self.doubles.functions.push((scheme.to_owned(), function));
        Ok(AuthorizerCode::Invoke { url, concurrency: None })
    }

    /// landfall's own authorizer, which is started once for all schemes that it serves.
    async fn builtin(
        &mut self,
        provider: &Provider,
        (leeway, keys): (Duration, KeyTimes),
        prefix: &str,
    ) -> Result<AuthorizerCode, StackError> {
        if self.doubles.authorizer.is_none() {
            let since = Instant::now();
            let authorizer = Authorizer::start(AuthorizerConfig {
                bind: LOOPBACK,
                port: 0,
                issuer: provider.issuer.clone(),
                audience: provider.audience.clone(),
                jwks_uri: provider.keys()?.to_owned(),
                jwks_tls: provider.tls.clone(),
                prefix: prefix.to_owned(),
                accepts: Accepts { leeway, ..provider.profile.accepts.clone() },
                keys,
                flaw: None,
            })
            .await?;
            self.up("authorizer", "embedded", Some(authorizer.invoke_url()), since);
            self.doubles.authorizer = Some(authorizer);
        }
        let url = self.doubles.authorizer.as_ref().map(Authorizer::invoke_url).unwrap_or_default();
        Ok(AuthorizerCode::Invoke { url, concurrency: None })
    }

    /// Where `balancer` is: at the balancer, or at the external proxy under its own name.
    async fn integration(&mut self, scenario: &Scenario) -> Result<(Backend, String), StackError> {
        if let Some(balancer) = &self.doubles.balancer {
            return Ok((Backend::Balancer(balancer.connector()), self.listen.authority(balancer.address())));
        }
        external::has_no_path(&self.produce_url)?;
        let tls = match &scenario.stack.proxy {
            ProxySpec::External { tls, .. } => tls.clone(),
            ProxySpec::Embedded { .. } | ProxySpec::Container(_) | ProxySpec::None => TlsSettings::default(),
        };
        let name = external::authority_of(&self.produce_url).unwrap_or_default();
        let proxies = external::reached_at(&self.produce_url).await;
        // A name of several proxies: connections go to each in turn.
        if proxies.len() > 1 && self.produce_url.starts_with("http://") {
            let since = Instant::now();
            let balancer = Balancer::start(BalancerConfig::new(LOOPBACK, proxies)).await?;
            let connector = balancer.connector();
            self.up("balancer", "embedded", None, since);
            self.doubles.balancer = Some(Arc::new(balancer));
            return Ok((Backend::Balancer(connector), name));
        }
        Ok((external::backend(&self.produce_url, &tls).await?, name))
    }

    /// Who the gateway is, and how the load comes to trust it.
    fn identity(&mut self, spec: &IdentitySpec, logs: Logs<'_>) -> Result<Identity, StackError> {
        match spec {
            IdentitySpec::Generated => {
                let identity = Identity::generated(SystemTime::now(), self.listen.host.as_deref())?;
                let ca = logs.folder.join(GATEWAY_CA);
                std::fs::write(&ca, identity.authority().unwrap_or_default())
                    .map_err(|source| StackError::Authority { path: ca.clone(), source })?;
                self.produce_tls = TlsSettings { ca: Some(ca), server_name: None };
                Ok(identity)
            }
            IdentitySpec::Files { certificate, key, clients } => {
                self.produce_tls = clients.clone();
                Ok(Identity::from_files(certificate, key)?)
            }
        }
    }
}

/// The name of the function that the definition has behind a security scheme.
fn function_of(served: &Served, scheme: &str) -> Option<String> {
    served.api.authorizers.get(scheme).and_then(|authorizer| authorizer.function.clone())
}

/// The definition that ships, in front of a back end that is called `host`.
fn shipped(options: &ProduceOptions, host: String) -> Result<Served, StackError> {
    let origin = origin_of(&format!("http://{host}")).map(|(origin, _)| origin).unwrap_or_default();
    Ok(Served {
        file: PathBuf::from("produce.yaml"),
        api: produce_api(options)?,
        stage: produce_stage(host),
        prefix: String::new(),
        targets: [(origin, TargetSpec::Balancer)].into(),
        authorizers: [(PRODUCE_AUTHORIZER.to_owned(), AuthorizerSpec::Builtin)].into(),
    })
}

/// The scenario's definition.
fn defined(definition: &DefinitionSpec) -> Result<Served, StackError> {
    let mut targets = BTreeMap::new();
    for (written, target) in &definition.integrations {
        let origin = origin_of(written).filter(|(_, path)| matches!(*path, "" | "/"));
        let (origin, _) = origin.ok_or_else(|| StackError::Origin { written: written.clone() })?;
        targets.insert(origin, target.clone());
    }
    Ok(Served {
        api: read_api(&definition.file)?,
        file: definition.file.clone(),
        stage: Stage {
            name: definition.stage.clone(),
            variables: definition.stage_variables.clone(),
            base_path: definition.base_path.clone(),
        },
        prefix: definition.prefix.clone(),
        targets,
        authorizers: definition.authorizers.clone(),
    })
}

pub(super) fn rate_limit(throttle: ThrottleSpec) -> RateLimit {
    RateLimit { rate: throttle.rate, burst: throttle.burst }
}

fn api_keys(limits: &LimitsSpec) -> Result<Vec<ApiKey>, StackError> {
    let key = |spec: &ApiKeySpec| {
        Ok(ApiKey {
            name: spec.name.clone(),
            value: secrets::of_api_key(&spec.name, &spec.value)?,
            throttle: spec.throttle.map(rate_limit),
            quota: spec.quota,
        })
    };
    limits.api_keys.iter().map(key).collect()
}

/// Makes sure that the embedded gateway can serve the scenario's definition, where it names one, and that the files of
/// certificates that it and others need are there; nothing is started.
///
/// # Errors
/// [`StackError`] with all that stands in the way.
pub fn check_api(scenario: &Scenario) -> Result<(), StackError> {
    if let ProxySpec::External { url, tls, .. } = &scenario.stack.proxy {
        external::trust(url, tls)?;
    }
    if let IdpSpec::External(idp) = &scenario.stack.idp {
        let (MetadataPlace::Issuer(url) | MetadataPlace::Url(url)) = &idp.place;
        external::trust(url, &idp.tls)?;
    }
    if let GatewaySpec::External { url, tls, .. } = &scenario.stack.gateway {
        external::trust(url, tls)?;
    }
    let GatewaySpec::Embedded { api, tls, .. } = &scenario.stack.gateway else { return Ok(()) };
    if let Some(IdentitySpec::Files { certificate, key, clients }) = tls.as_deref() {
        Identity::from_files(certificate, key)?;
        external::trust("https://localhost", clients)?;
    }
    let ApiSpec::Definition(definition) = api else { return Ok(()) };
    for target in definition.integrations.values() {
        if let TargetSpec::Url { url, tls } = target {
            external::trust(url, tls)?;
        }
    }
    checked(&defined(definition)?, scenario).map(drop)
}

/// The plan of a definition that fits the scenario.
fn checked(served: &Served, scenario: &Scenario) -> Result<Plan, StackError> {
    let plan = planned(served, scenario)?;
    let GatewaySpec::Embedded { leeway, api, limits, .. } = &scenario.stack.gateway else { return Ok(plan) };
    let asked = |route: &Planned| matches!(route, Planned::Served(served) if served.api_key_required);
    if !limits.api_keys.is_empty() && !plan.routes.iter().any(asked) {
        return Err(StackError::KeysInVain { path: served.file.clone() });
    }
    if matches!(api, ApiSpec::Definition(_)) {
        check_grace(served, &plan, scenario, *leeway)?;
    }
    Ok(plan)
}

fn planned(served: &Served, scenario: &Scenario) -> Result<Plan, StackError> {
    let used = scenario.workloads.iter().map(|workload| path_of(workload, scenario, &served.prefix));
    let surroundings = Surroundings {
        stage: served.stage.clone(),
        origins: served.targets.keys().cloned().collect(),
        authorizers: served.authorizers.keys().cloned().collect(),
        used: used.map(|path| ("POST".to_owned(), path)).collect(),
    };
    Plan::new(&served.api, surroundings)
        .map_err(|source| StackError::Api { path: served.file.clone(), source })
}

/// The path of a workload's requests, behind the base path.
fn path_of(workload: &Workload, scenario: &Scenario, prefix: &str) -> String {
    let topic = scenario.topics.get(workload.topic).map_or("", |topic| topic.name.as_str());
    if workload.format.is_v3() {
        return format!("{prefix}/v3/clusters/any/topics/{topic}/records");
    }
    match workload.partition {
        Some(partition) => format!("{prefix}/topics/{topic}/partitions/{partition}"),
        None => format!("{prefix}/topics/{topic}"),
    }
}

/// Makes sure that no token is called wrongly admitted while an authorizer's result for it may be kept. Only the tokens that
/// may have expired for so long within the run count.
fn check_grace(
    served: &Served,
    plan: &Plan,
    scenario: &Scenario,
    leeway: Duration,
) -> Result<(), StackError> {
    let kept = served.authorizers.keys().filter_map(|scheme| plan.authorizers.get(scheme));
    let longest = kept.map(|authorizer| authorizer.ttl).max().unwrap_or_default() + leeway;
    let Some(life) = scenario.stack.token_life() else { return Ok(()) };
    let load = scenario.workloads.iter().map(Workload::duration).max().unwrap_or_default() + scenario.drain;
    let short = |partner: &&crate::scenario::Partner| {
        partner.token.grace < longest && life + partner.token.grace < load
    };
    match scenario.partners.iter().find(short) {
        Some(partner) => Err(StackError::Grace { partner: partner.name.clone(), longest }),
        None => Ok(()),
    }
}

/// What a function did that Lambda would not have done, or that explains refusals.
pub(super) fn notes_on((scheme, function): &(String, Function)) -> Vec<String> {
    let report = function.report();
    let (started, slowest) = (report.inits.count, report.inits.max);
    let mut notes = vec![format!(
        "authorizer `{scheme}`: {started} processes were started, the slowest in {} ms; {} invocations waited for the start of one",
        slowest.as_millis(),
        report.cold_starts
    )];
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            notes.push(format!("authorizer `{scheme}`: {what} {count} times"));
        }
    };
    note(
        report.waited,
        "an invocation waited for a free process, where Lambda would have started another (raise `workers`)",
    );
    note(report.throttled, "an invocation was refused, because too many waited (raise `workers`)");
    note(report.timeouts, "its function took too long");
    note(report.crashes, "its function's process ended in an invocation");
    note(report.failed_inits, "a process of its function did not start");
    note(report.lines_unlogged, "a line of its log could not be written");
    notes
}

/// How long containers took to answer for the first time, which is when they start the function, and whether they were too few.
pub(super) fn notes_on_containers((scheme, emulators): &(String, Arc<Emulators>)) -> Vec<String> {
    let (first, waited) = (emulators.first_invocations(), emulators.waited());
    let slowest = first.iter().max().map(|slowest| {
        format!(
            "authorizer `{scheme}`: {} asked; the first invocation of one, which starts the function, took {} ms at most",
            counted(first.len() as u64, "container"),
            slowest.as_millis()
        )
    });
    let waits = (waited > 0).then(|| {
        format!(
            "authorizer `{scheme}`: {} waited for a free container, where Lambda would have started another (raise `workers`)",
            counted(waited, "invocation"),
        )
    });
    slowest.into_iter().chain(waits).collect()
}

/// What to look at where functions in containers were invoked and none of them came for the keys at `url`, where `requests` arrived.
pub(super) fn note_on_keys(url: &str, invoked: bool, requests: u64) -> Option<String> {
    (invoked && requests == 0).then(|| {
        format!(
            "no authorizer's container ever asked for the keys at {url}; if requests were refused for that, let this machine's \
             firewall admit the containers' network, or write `idp: {{ kind: container }}`"
        )
    })
}

/// An answer that is always the same.
fn fixed(answer: PolicyAnswer, principal: &str, context: &BTreeMap<String, String>) -> FixedAnswer {
    let statement = |effect| Statement {
        effect,
        action: OneOrMany::One("execute-api:Invoke".into()),
        resource: OneOrMany::One("*".into()),
        condition: None,
    };
    let statements = match answer {
        PolicyAnswer::Allow => vec![statement(Effect::Allow)],
        PolicyAnswer::Deny => vec![statement(Effect::Deny)],
        PolicyAnswer::Silent => Vec::new(),
        PolicyAnswer::Unauthorized => return FixedAnswer::Unauthorized,
        PolicyAnswer::Error => return FixedAnswer::Failure,
    };
    let context: Map<String, Value> =
        context.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    FixedAnswer::Result(Box::new(AuthorizerResult {
        principal_id: principal.to_owned(),
        policy_document: PolicyDocument {
            version: Some("2012-10-17".into()),
            statement: OneOrMany::Many(statements),
        },
        context: Some(context),
        usage_identifier_key: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_nobody_came_for_are_told_where_somebody_was_asked() {
        let url = "http://172.18.0.1:2/keys";
        assert_eq!((note_on_keys(url, false, 0), note_on_keys(url, true, 1)), (None, None));
        assert!(
            note_on_keys(url, true, 0).is_some_and(|note| note.contains(url) && note.contains("firewall"))
        );
    }
}
