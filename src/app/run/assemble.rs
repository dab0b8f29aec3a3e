//! Putting the result together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::folder::{Folder, HISTOGRAMS, INTERVALS};
use super::hlog;
use super::monitor::Watched;
use super::settle::Settled;
use super::timeline::Timeline;
use super::{Ending, RunId, tokens};
use crate::app::{calibrate, machine};
use crate::doubles::idp::Idp;
use crate::judge::judged;
use crate::load::{Report, Share, TokenReport};
use crate::result::{Calibration, Generator, Latency, Part, Rate, RunResult, SCHEMA, Spectra, Verdict};
use crate::scenario::{KafkaSpec, ProxySpec, Scenario};
use crate::stack::Stack;
use crate::stats::Histogram;

/// What the load has come to, and what it takes to tell.
pub(super) struct Load<'a> {
    pub(super) report: &'a Report,
    pub(super) timeline: &'a Timeline,
    pub(super) folder: &'a Folder,
}

/// The result, judged. `began` is when the run did, by the calendar and by the clock.
pub(super) fn result(
    scenario: &Scenario,
    run: &RunId,
    stack: &Stack,
    load: &Load<'_>,
    settled: Settled,
    ending: Ending,
    began: (jiff::Timestamp, Instant),
) -> RunResult {
    let Settled { settlement, readable, horizon, unread, compacted, journal_failed, .. } = settled;
    let report = load.report;
    let incomplete = incomplete(&ending, journal_failed.as_deref(), report.interrupted);
    let Ending { told_of, unarmed, tokens, watched, scarce, .. } = ending;
    let (started, origin) = began;
    let mut notes =
        notes(scenario, (&unread, &compacted), (&unarmed, &tokens), settlement.order_unverifiable);
    notes.extend(scarce);
    notes.extend(stack.notes());
    let calibration = calibrate::known();
    load_notes(&mut notes, scenario, load, &watched, calibration.as_ref(), &readable);
    let overall = part("all".into(), true, &report.overall);
    let result = RunResult {
        schema: SCHEMA,
        run: run.to_string(),
        verdict: Verdict::Inconclusive,
        incomplete,
        reasons: Vec::new(),
        scenario: told_of,
        started: started.to_string(),
        elapsed_us: u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX),
        requests: settlement.requests,
        attempts: report.attempts.counts(report.retries),
        records: settlement.records,
        answers: settlement.answers,
        recovery: None,
        latency_us: overall.latency_us,
        service_us: overall.service_us,
        blocked_us: overall.blocked_us,
        generator_lag_us: overall.generator_lag_us,
        readable_us: readable.quantiles(),
        spectra: Some(spectra(&report.overall, &readable)),
        hops: stack.hops(),
        rate: Rate { target_per_s: overall.target_per_s, achieved_per_s: overall.achieved_per_s },
        timeline: Some(watched.history),
        phases: report
            .phases
            .iter()
            .map(|(name, share)| part(name.clone(), load.timeline.is_measured(name), share))
            .collect(),
        partners: report
            .partners
            .iter()
            .map(|(index, share)| part(partner_name(scenario, *index), true, share))
            .collect(),
        generator: generator(report, watched.backlog_peak, calibration),
        tokens: tokens::figures(scenario, &tokens, stack.idp().map(Idp::jwks_requests)),
        memory: watched.memory,
        horizon,
        checks: Vec::new(),
        faults: stack.faults(),
        findings: settlement.findings,
        boxes: stack.boxes_with_telemetry(&load.timeline.measured()),
        machine: machine::this(),
        versions: versions(),
        notes,
    };
    judged(result, &scenario.checks)
}

/// Versions of what takes part in a run.
pub(in crate::app) fn versions() -> BTreeMap<String, String> {
    [
        ("landfall".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("librdkafka".to_owned(), rdkafka::util::get_rdkafka_version().1),
    ]
    .into()
}

/// Why the run did not go to its end. A rule that struck when the load had ended stopped nothing.
fn incomplete(ending: &Ending, journal_failed: Option<&str>, load_stopped: bool) -> Option<String> {
    if let Some(signal) = ending.interrupt {
        return Some(format!("stopped by {}", signal.name()));
    }
    if let Some(reason) = journal_failed {
        return Some(format!("stopped, since the disk does not take the journal: {reason}"));
    }
    let strike = ending.watched.strike.as_ref().filter(|_| load_stopped);
    let stopped = strike.map(|rule| format!("stopped by abort_when: {rule}"));
    let answers = ending.watched.stopped_on.as_ref().filter(|_| load_stopped);
    let stopped = stopped.or_else(|| answers.map(|rule| format!("stopped by stop_on: {rule}")));
    let stopped = stopped.or_else(|| ending.over.as_ref().map(|over| format!("stopped by budget: {over}")));
    match (stopped, ending.lost.clone()) {
        (Some(stopped), Some(lost)) => Some(format!("{stopped}; {lost}")),
        (stopped, lost) => stopped.or(lost),
    }
}

fn spectra(overall: &Share, readable: &Histogram) -> Spectra {
    let times = &overall.times;
    Spectra {
        latency: times.latency.spectrum(),
        service: times.service.spectrum(),
        blocked: times.blocked.spectrum(),
        generator_lag: times.generator_lag.spectrum(),
        readable: readable.spectrum(),
    }
}

fn part(name: String, measured: bool, share: &Share) -> Part {
    let times = &share.times;
    Part {
        name,
        measured,
        target_per_s: share.target_per_s(),
        achieved_per_s: share.achieved_per_s(),
        latency_us: Latency::new(times.latency.quantiles(), share.censored),
        service_us: times.service.quantiles(),
        blocked_us: times.blocked.quantiles(),
        generator_lag_us: times.generator_lag.quantiles(),
    }
}

fn partner_name(scenario: &Scenario, index: usize) -> String {
    scenario.partners.get(index).map_or_else(|| "?".to_owned(), |partner| partner.name.clone())
}

fn generator(report: &Report, backlog_peak: u64, calibration: Option<Calibration>) -> Generator {
    let worst = |shares: &mut dyn Iterator<Item = f64>| shares.max_by(f64::total_cmp);
    Generator {
        threads: report.threads.len() as u64,
        cpu_share: worst(&mut report.threads.iter().map(|thread| thread.cpu_share)).unwrap_or(0.0),
        run_queue_share: worst(&mut report.threads.iter().filter_map(|thread| thread.run_queue_share)),
        socket_errors: report.socket_errors,
        local_errors: report.local_errors,
        local_error: report.local_error.clone(),
        unsent: report.unsent,
        backlog_peak,
        exceeded: Vec::new(),
        closed: report.closed,
        calibration,
    }
}

/// Writes the whole run's histograms, and notes what must be known of the load's figures and files.
fn load_notes(
    notes: &mut Vec<String>,
    scenario: &Scenario,
    load: &Load<'_>,
    watched: &Watched,
    calibration: Option<&Calibration>,
    readable: &Histogram,
) {
    if load.report.closed {
        notes.push(
            "the load was closed: its workers wait for answers before they send again, so the latencies leave out the \
             waiting that a stalled system causes"
                .into(),
        );
    }
    if let Some(rule) = watched.strike.as_ref().filter(|_| !load.report.interrupted) {
        notes.push(format!("abort_when struck when the load had ended, so it stopped nothing: {rule}"));
    }
    // Calibrating measures one thread; each of several has its part of the requests.
    #[expect(clippy::cast_precision_loss, reason = "there are few threads")]
    let each = load.timeline.peak_per_s() / load.report.threads.len().max(1) as f64;
    if let Some(known) = calibration.filter(|known| each > known.honest_rate_per_s) {
        notes.push(format!(
            "up to {each:.0} requests a second were asked of a load thread, and landfall was measured to keep its times \
             up to {:.0} a second on this machine (`landfall calibrate`)",
            known.honest_rate_per_s
        ));
    }
    if let Some(reason) = &watched.log_failed {
        notes.push(format!("{INTERVALS} is not whole: {reason}"));
    }
    let length = load.report.overall.scheduled_for;
    let partners: Vec<String> =
        (0..scenario.partners.len()).map(|index| partner_name(scenario, index)).collect();
    let written = load.folder.create_file(HISTOGRAMS).map_err(|error| error.to_string()).and_then(|file| {
        hlog::whole(file, watched.start, length, load.report, &partners, readable)
            .map_err(|error| error.to_string())
    });
    if let Err(reason) = written {
        notes.push(format!("{HISTOGRAMS} could not be written: {reason}"));
    }
}

/// Which topics could not be read, and which of them prove nothing of what is not there.
pub(in crate::app) fn unread_notes(
    scenario: &Scenario,
    unread: &[(u16, String)],
    compacted: &BTreeSet<u16>,
) -> Vec<String> {
    let name = |topic: u16| scenario.topics.get(usize::from(topic)).map_or("?", |topic| topic.name.as_str());
    let note = |(topic, reason): &(u16, String)| {
        format!("topic `{}` could not be read to its end: {reason}", name(*topic))
    };
    let replaced = |topic: &u16| {
        format!(
            "topic `{}` is compacted: a record that is not there may have been replaced by a later one of its key, and \
             counts as unverifiable",
            name(*topic)
        )
    };
    unread.iter().map(note).chain(compacted.iter().map(replaced)).collect()
}

/// What a reader must know to use the figures rightly.
fn notes(
    scenario: &Scenario,
    (unread, compacted): (&[(u16, String)], &BTreeSet<u16>),
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
    notes.extend(unread_notes(scenario, unread, compacted));
    if order_unverifiable > 0 {
        notes.push(format!(
            "the order of {order_unverifiable} records was not verifiable: their key is their identity"
        ));
    }
    notes
}
