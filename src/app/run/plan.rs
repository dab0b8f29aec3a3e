//! From a scenario to what the load is to do.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::time::Duration;

use super::RunError;
use crate::load::{StreamPlan, Target};
use crate::record::Expected;
use crate::scenario::{self, Expect, Protocol, RecordsPerRequest, Scenario, Shape};
use crate::schedule::{Arrivals, Intensity, Phase, Replay, Schedule, Sizes, Spacing, workload_seed};
use crate::stack::Stack;
use crate::wire::produce::ProduceFormat;

/// The schedule of each workload. Reads the files of recorded arrivals.
pub(super) fn schedules(scenario: &Scenario) -> Result<Vec<Schedule>, RunError> {
    let mut schedules = Vec::with_capacity(scenario.workloads.len());
    // By place in the file and phase: the members of a fleet have the same recording, which is read once.
    let mut recordings: BTreeMap<(usize, usize), Replay> = BTreeMap::new();
    for (number, workload) in (0..).zip(&scenario.workloads) {
        let phases = workload.phases.iter().enumerate().map(|(index, phase)| {
            let arrivals = match &phase.arrivals {
                scenario::Arrivals::Open { shape, spacing } => open(number, shape, *spacing, phase.duration),
                scenario::Arrivals::Replay { file, column, speed } => {
                    let recording = match recordings.entry((workload.place, index)) {
                        Entry::Occupied(known) => known.get().clone(),
                        Entry::Vacant(place) => {
                            let of = (workload.place, phase);
                            place.insert(recording(of, file, column.as_deref(), *speed)?).clone()
                        }
                    };
                    Arrivals::Replay(recording)
                }
                scenario::Arrivals::Closed { workers, think } => {
                    Arrivals::Closed { workers: *workers, think: *think }
                }
            };
            Ok(Phase {
                name: phase.name.clone(),
                measured: phase.measured,
                duration: phase.duration,
                arrivals,
            })
        });
        let phases = phases.collect::<Result<_, RunError>>()?;
        schedules.push(Schedule::new(workload_seed(scenario.seed, number), phases));
    }
    Ok(schedules)
}

fn open(workload: u16, shape: &Shape, spacing: scenario::Spacing, duration: Duration) -> Arrivals {
    let intensity = intensity(shape, duration);
    let spacing = match spacing {
        scenario::Spacing::Even => Spacing::even(workload, intensity.expected()),
        scenario::Spacing::Poisson => Spacing::Poisson,
    };
    Arrivals::Open { intensity, spacing }
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

/// Reads the recorded arrivals of a phase of the workload at this place of the file.
fn recording(
    (workload, phase): (usize, &scenario::Phase),
    file: &Path,
    column: Option<&str>,
    speed: f64,
) -> Result<Replay, RunError> {
    let (phase, path) = (phase.name.clone(), file.to_owned());
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(source) => return Err(RunError::ReplayFile { workload, phase, path, source }),
    };
    Replay::parse(&text, column, speed).map_err(|source| RunError::Replay { workload, phase, path, source })
}

/// How many records each request holds.
pub(in crate::app) fn sizes(records: &RecordsPerRequest) -> Sizes {
    match records {
        RecordsPerRequest::Fixed(records) => Sizes::fixed(*records),
        RecordsPerRequest::Uniform { from, to } => Sizes::uniform(*from, *to),
        RecordsPerRequest::Poisson { mean } => Sizes::poisson(*mean),
        RecordsPerRequest::Weighted(sizes) => Sizes::weighted(sizes),
    }
}

pub(super) fn format(format: scenario::Format) -> ProduceFormat {
    match format {
        scenario::Format::V2Json => ProduceFormat::V2Json,
        scenario::Format::V2Binary => ProduceFormat::V2Binary,
        scenario::Format::V3Json => ProduceFormat::V3Json,
        scenario::Format::V3Binary => ProduceFormat::V3Binary,
        scenario::Format::V3String => ProduceFormat::V3String,
    }
}

/// What each workload sends where; `cell_of` says which token each partner has.
///
/// # Panics
/// Never: each protocol's target is resolved before it is used.
pub(super) async fn streams(
    scenario: &Scenario,
    stack: &Stack,
    cell_of: &[Option<usize>],
    schedules: Vec<Schedule>,
) -> Result<Vec<StreamPlan>, RunError> {
    let mut targets: Vec<(Protocol, Target)> = Vec::new();
    let mut streams = Vec::with_capacity(scenario.workloads.len());
    for ((number, workload), schedule) in (0..).zip(&scenario.workloads).zip(schedules) {
        if targets.iter().all(|(protocol, _)| *protocol != workload.protocol) {
            targets.push((workload.protocol, target(scenario, stack, workload.protocol).await?));
        }
        let known = targets.iter().find(|(protocol, _)| *protocol == workload.protocol);
        let target = known.expect("it was put there if it was not").1.clone();
        let partner = &scenario.partners[workload.partner];
        streams.push(StreamPlan {
            target,
            topic: scenario.topics[workload.topic].name.clone(),
            partition: workload.partition,
            format: format(workload.format),
            cluster_id: stack.cluster_id().filter(|_| workload.format.is_v3()).map(str::to_owned),
            seed: workload_seed(scenario.seed, number),
            sizes: sizes(&workload.records_per_request),
            schedule,
            retry: workload.retry.clone(),
            partner: workload.partner,
            protocol: workload.protocol,
            connections: workload.connections,
            timeouts: workload.timeouts,
            token: cell_of[workload.partner],
            headers: stack.partner_headers(workload.partner).to_vec(),
            grace: partner.token.grace,
            expectation: match partner.expect {
                Expect::Accept => Expected::Accept,
                Expect::Refuse => Expected::Refuse,
            },
        });
    }
    Ok(streams)
}

/// Where produce calls go.
async fn target(scenario: &Scenario, stack: &Stack, protocol: Protocol) -> Result<Target, RunError> {
    let allowed = &scenario.allow_hosts;
    let target = Target::resolve(stack.produce_url(), allowed, stack.produce_tls(), protocol).await?;
    target.check_tls(stack.produce_url()).await?;
    Ok(target)
}
