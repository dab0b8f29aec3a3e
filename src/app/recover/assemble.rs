//! Putting the result of a run that was killed together.

use std::time::Duration;

use super::super::journal::Start;
use super::super::machine;
use super::super::run::{self, Settled};
use super::Told;
use crate::judge::judged;
use crate::result::{BoxReport, Generator, Latency, Quantiles, Rate, RunResult, SCHEMA, Tokens, Verdict};
use crate::scenario::{KafkaSpec, Scenario};

/// The result, judged.
pub(super) fn result(
    scenario: &Scenario,
    start: &Start,
    settled: Settled,
    told: Told,
    killed_since: Duration,
) -> RunResult {
    let Settled { settlement, mut horizon, unread, compacted, .. } = settled;
    let mut recovery = told.recovery;
    recovery.unjournaled_records = settlement.perhaps_sent;
    recovery.unjournaled_landed = settlement.perhaps_landed;
    horizon.statement = format!(
        "recovered {} s after the last attempt was written down; {}",
        killed_since.as_secs(),
        horizon.statement
    );
    let incomplete = "landfall was killed; its verification was finished from the journal".to_owned();
    let mut notes =
        vec!["times of a run that was killed stand in intervals.hlog only, second by second".to_owned()];
    if recovery.unjournaled_records > 0 {
        notes.push(format!(
            "up to {} requests with {} records may have been sent in the last moments, of which nothing was written down: \
             they count as unknown; {} of these records landed",
            recovery.unjournaled_requests, recovery.unjournaled_records, recovery.unjournaled_landed
        ));
    }
    if let Some(damage) = &recovery.damage {
        notes.push(format!(
            "the journal could not be read to its end: {damage}; what follows there counts as unknown"
        ));
    }
    if !scenario.faults.is_empty() {
        notes.push("how often faults took effect was known to landfall's doubles, which were killed".into());
    }
    notes.extend(run::unread_notes(scenario, &unread, &compacted));
    let bootstrap = match &scenario.stack.kafka {
        KafkaSpec::External { bootstrap, .. } => Some(bootstrap.clone()),
        KafkaSpec::Embedded { .. } | KafkaSpec::Container(_) => None,
    };
    let result = RunResult {
        schema: SCHEMA,
        run: start.run.clone(),
        verdict: Verdict::Inconclusive,
        incomplete: Some(incomplete),
        reasons: Vec::new(),
        scenario: start.told_of(scenario),
        started: start.started.clone(),
        elapsed_us: 0,
        requests: settlement.requests,
        attempts: told.attempts,
        records: settlement.records,
        answers: settlement.answers,
        recovery: Some(recovery),
        latency_us: Latency::default(),
        service_us: Quantiles::default(),
        blocked_us: Quantiles::default(),
        generator_lag_us: Quantiles::default(),
        readable_us: Quantiles::default(),
        spectra: None,
        hops: Vec::new(),
        rate: Rate::default(),
        timeline: None,
        phases: Vec::new(),
        partners: Vec::new(),
        tokens: Tokens::default(),
        generator: Generator::default(),
        memory: None,
        horizon,
        checks: Vec::new(),
        faults: Vec::new(),
        findings: settlement.findings,
        boxes: vec![BoxReport {
            name: "kafka".into(),
            kind: "external".into(),
            endpoint: bootstrap,
            start_us: 0,
            since_ms: None,
            container: None,
        }],
        machine: machine::this(),
        versions: run::versions(),
        notes,
    };
    judged(result, &scenario.checks)
}
