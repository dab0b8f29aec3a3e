//! From a scenario to what the load is to do.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RunError;
use crate::load::{
    Credentials, Expectation, LoadPlan, RetryPolicy, StreamPlan, Target, Token, TokenCell, TokenError,
    fetch_token,
};
use crate::record::{Catalogue, Format};
use crate::scenario::{
    self, Expect, Protocol, ProxySpec, RecordsPerRequest, RetrySpec, Scenario, Shape, TlsSettings,
};
use crate::schedule::{
    Arrivals, Backoff, Intensity, Jitter, Phase, Replay, Retry, Schedule, Sizes, Spacing, workload_seed,
};
use crate::stack::Stack;

/// The schedule of each workload. Reads the files of recorded arrivals.
pub(super) fn schedules(scenario: &Scenario) -> Result<Vec<Schedule>, RunError> {
    let schedule = |(number, workload): (u16, &scenario::Workload)| {
        let phases = workload.phases.iter().map(|phase| {
            Ok(Phase {
                name: phase.name.clone(),
                measured: phase.measured,
                duration: phase.duration,
                arrivals: arrivals(number, phase)?,
            })
        });
        Ok(Schedule::new(workload_seed(scenario.seed, number), phases.collect::<Result<_, RunError>>()?))
    };
    (0..).zip(&scenario.workloads).map(schedule).collect()
}

fn arrivals(workload: u16, phase: &scenario::Phase) -> Result<Arrivals, RunError> {
    Ok(match &phase.arrivals {
        scenario::Arrivals::Open { shape, spacing } => {
            let intensity = intensity(shape, phase.duration);
            let spacing = match spacing {
                scenario::Spacing::Even => Spacing::even(workload, intensity.expected()),
                scenario::Spacing::Poisson => Spacing::Poisson,
            };
            Arrivals::Open { intensity, spacing }
        }
        scenario::Arrivals::Replay { file, column, speed } => {
            Arrivals::Replay(recording((workload, phase), file, column.as_deref(), *speed)?)
        }
        scenario::Arrivals::Closed { workers, think } => {
            Arrivals::Closed { workers: *workers, think: *think }
        }
    })
}

fn intensity(shape: &Shape, duration: Duration) -> Intensity {
    match shape {
        Shape::Constant(rate) => Intensity::constant(*rate, duration),
        Shape::Ramp { from, to } => Intensity::ramp(*from, *to, duration),
        Shape::Steps(rates) => Intensity::steps(rates, duration),
        Shape::Spike { base, peak, at, length } => Intensity::spike(*base, *peak, (*at, *length), duration),
        Shape::Day(points) => Intensity::day(points, duration),
    }
}

/// Reads the recorded arrivals of a phase of a workload.
fn recording(
    (workload, phase): (u16, &scenario::Phase),
    file: &Path,
    column: Option<&str>,
    speed: f64,
) -> Result<Replay, RunError> {
    let (workload, phase, path) = (usize::from(workload), phase.name.clone(), file.to_owned());
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(source) => return Err(RunError::ReplayFile { workload, phase, path, source }),
    };
    Replay::parse(&text, column, speed).map_err(|source| RunError::Replay { workload, phase, path, source })
}

fn sizes(records: &RecordsPerRequest) -> Sizes {
    match records {
        RecordsPerRequest::Fixed(records) => Sizes::fixed(*records),
        RecordsPerRequest::Uniform { from, to } => Sizes::uniform(*from, *to),
        RecordsPerRequest::Poisson { mean } => Sizes::poisson(*mean),
        RecordsPerRequest::Weighted(sizes) => Sizes::weighted(sizes),
    }
}

fn retry(spec: &RetrySpec) -> RetryPolicy {
    let backoff = match spec.backoff {
        scenario::Backoff::Fixed(wait) => Backoff::Fixed(wait),
        scenario::Backoff::Exponential { base, max, jitter } => {
            let jitter = match jitter {
                scenario::Jitter::None => Jitter::None,
                scenario::Jitter::Full => Jitter::Full,
                scenario::Jitter::Equal => Jitter::Equal,
            };
            Backoff::Exponential { base, max, jitter }
        }
    };
    let RetrySpec { times, retry_after, max_wait, .. } = *spec;
    let retry = Retry { times, backoff, honour_retry_after: retry_after, max_wait };
    RetryPolicy { retry, on: spec.on.clone() }
}

pub(super) fn expectation(scenario: &Scenario, workload: &scenario::Workload) -> Expectation {
    match scenario.partners[workload.partner].expect {
        Expect::Accept => Expectation::Accept,
        Expect::Refuse => Expectation::Refuse,
    }
}

pub(super) fn format(format: scenario::Format) -> Format {
    match format {
        scenario::Format::V2Json => Format::Json,
        scenario::Format::V2Binary => Format::Binary,
    }
}

/// Resolves where the load goes and fetches each partner's first token. Also names the partners that go without.
pub(super) async fn plan(
    scenario: &Scenario,
    stack: &Stack,
    catalogue: &Catalogue,
    schedules: Vec<Schedule>,
    origin: Instant,
) -> Result<(LoadPlan, Vec<String>), RunError> {
    let tls = match &scenario.stack.proxy {
        ProxySpec::External { tls, .. } => tls.clone(),
        ProxySpec::Embedded { .. } => TlsSettings::default(),
    };
    let mut targets = Vec::new();
    for workload in &scenario.workloads {
        let allowed = &scenario.allow_hosts;
        targets.push(Target::resolve(stack.produce_url(), allowed, &tls, workload.protocol).await?);
    }
    let mut tokens: Vec<Arc<TokenCell>> = Vec::new();
    let mut unarmed = Vec::new();
    let mut token_of: Vec<Option<usize>> = vec![None; scenario.partners.len()];
    if let Some(endpoint) = stack.token_endpoint() {
        let endpoint =
            Target::resolve(&endpoint, &scenario.allow_hosts, &TlsSettings::default(), Protocol::Http1)
                .await?;
        for (index, partner) in scenario.partners.iter().enumerate() {
            let Some(secret) = stack.partner_secret(index) else { continue };
            let credentials = Credentials {
                endpoint: endpoint.clone(),
                client_id: partner.client_id.clone(),
                secret: secret.clone(),
                scope: partner.scope.clone(),
            };
            match tokio::task::LocalSet::new().run_until(fetch_token(&credentials)).await {
                Ok((first, expires)) => {
                    token_of[index] = Some(tokens.len());
                    tokens.push(Arc::new(TokenCell::new(Token { secret: first, expires, serial: 1 })));
                }
                // Who must be refused may be refused already here; it then goes on without a token.
                Err(TokenError::Refused { .. }) if partner.expect == Expect::Refuse => {
                    unarmed.push(partner.name.clone());
                }
                Err(source) => return Err(RunError::Token { partner: partner.name.clone(), source }),
            }
        }
    }
    let streams = (0..).zip(&scenario.workloads).zip(schedules).zip(targets).map(
        |(((number, workload), schedule), target)| StreamPlan {
            target,
            topic: scenario.topics[workload.topic].name.clone(),
            partition: workload.partition,
            format: format(workload.format),
            seed: workload_seed(scenario.seed, number),
            sizes: sizes(&workload.records_per_request),
            schedule,
            retry: workload.retry.as_ref().map(retry),
            partner: workload.partner,
            protocol: workload.protocol,
            connections: workload.connections,
            timeouts: workload.timeouts,
            token: token_of[workload.partner],
            expectation: expectation(scenario, workload),
        },
    );
    let plan = LoadPlan {
        streams: streams.collect(),
        threads: usize::from(scenario.load_threads),
        catalogue: catalogue.clone(),
        tokens,
        drain: scenario.drain,
        origin,
        start: Instant::now(),
    };
    Ok((plan, unarmed))
}
