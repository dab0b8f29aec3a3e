//! Putting the result together.

use std::time::Instant;

use super::settle::Settled;
use super::{Ending, RunId, tokens};
use crate::judge::judge;
use crate::load::{LoadReport, TokenReport};
use crate::result::{Generator, Latency, Machine, Rate, RunResult, SCHEMA, ScenarioRef, Verdict};
use crate::scenario::{KafkaSpec, ProxySpec, Scenario};
use crate::stack::Stack;

/// The result, judged. `began` is when the run did, by the calendar and by the clock.
pub(super) fn result(
    scenario: &Scenario,
    run: &RunId,
    stack: &Stack,
    load: &LoadReport,
    settled: Settled,
    ending: Ending,
    began: (jiff::Timestamp, Instant),
) -> RunResult {
    let Settled { settlement, readable, horizon, kafka_lost: _, unread } = settled;
    let Ending { interrupt, lost, unarmed, tokens } = ending;
    let (started, origin) = began;
    let incomplete = interrupt.map(|signal| format!("stopped by {}", signal.name())).or(lost);
    let mut result = RunResult {
        schema: SCHEMA,
        run: run.to_string(),
        verdict: Verdict::Inconclusive,
        incomplete,
        reasons: Vec::new(),
        scenario: ScenarioRef {
            name: scenario.name.clone(),
            hash: scenario.hash.clone(),
            seed: scenario.seed,
        },
        started: started.to_string(),
        elapsed_us: u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX),
        requests: settlement.requests,
        records: settlement.records,
        latency_us: Latency::new(load.latency.quantiles(), load.censored),
        service_us: load.service.quantiles(),
        blocked_us: load.blocked.quantiles(),
        generator_lag_us: load.generator_lag.quantiles(),
        readable_us: readable.quantiles(),
        rate: Rate { target_per_s: load.target_per_s(), achieved_per_s: load.achieved_per_s() },
        tokens: tokens::figures(scenario, &tokens),
        generator: Generator {
            threads: 1,
            cpu_share: load.cpu_share,
            socket_errors: load.socket_errors,
            unsent: load.unsent,
        },
        horizon,
        checks: Vec::new(),
        faults: stack.faults(),
        findings: settlement.findings,
        boxes: stack.boxes().to_vec(),
        machine: machine(),
        versions: [
            ("landfall".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("librdkafka".to_owned(), rdkafka::util::get_rdkafka_version().1),
        ]
        .into(),
        notes: notes(scenario, &unread, (&unarmed, &tokens), settlement.order_unverifiable),
    };
    let judgement = judge(&result, &scenario.checks);
    result.verdict = judgement.verdict;
    result.checks = judgement.checks;
    result.reasons = judgement.reasons;
    result
}

/// What a reader must know to use the figures rightly.
fn notes(
    scenario: &Scenario,
    unread: &[(u16, String)],
    (unarmed, tokens): (&[String], &TokenReport),
    order_unverifiable: u64,
) -> Vec<String> {
    let mut notes = Vec::new();
    let embedded = matches!(scenario.stack.proxy, ProxySpec::Embedded { .. })
        || matches!(scenario.stack.kafka, KafkaSpec::Embedded { .. });
    if embedded {
        notes.push("embedded boxes share this machine with the load: the figures are not capacity".into());
    }
    for partner in unarmed {
        notes.push(format!("partner `{partner}` went without a token: the identity provider refused it one"));
    }
    notes.extend(tokens::notes(scenario, tokens));
    for (topic, reason) in unread {
        let name = scenario.topics.get(usize::from(*topic)).map_or("?", |topic| topic.name.as_str());
        notes.push(format!("topic `{name}` could not be read to its end: {reason}"));
    }
    if order_unverifiable > 0 {
        notes.push(format!(
            "the order of {order_unverifiable} records was not verifiable: their key is their identity"
        ));
    }
    notes
}

fn machine() -> Machine {
    let system = rustix::system::uname();
    let cpus = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    Machine {
        system: format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()),
        architecture: system.machine().to_string_lossy().into_owned(),
        cpus,
        memory_bytes: memory_bytes(),
    }
}

#[cfg(target_os = "linux")]
fn memory_bytes() -> Option<u64> {
    let info = rustix::system::sysinfo();
    info.totalram.checked_mul(u64::from(info.mem_unit))
}

#[cfg(not(target_os = "linux"))]
fn memory_bytes() -> Option<u64> {
    None
}
