//! The mutants: for each fault that a double can show, the runs that show it, and what must find it.

use crate::judge::selftest::{Detector, Trial, Wanted};
use crate::scenario::FaultKind;

/// What is particular to a run: a name for it, and how it differs from the scenario.
type Variant = (&'static str, &'static [&'static str]);

/// As the scenario says.
const PLAIN: Variant = ("", &[]);
/// The same over API v3, with the identity in a header.
const V3: Variant = ("v3", &["workload[0].format=v3-json", "workload[0].identity=header"]);
/// With timestamps of their own.
const STAMPED: Variant = (
    "v3",
    &[
        "workload[0].format=v3-json",
        "workload[0].payload.timestamp={start: \"2026-01-01T00:00:00Z\", step: 7ms}",
    ],
);
/// Batches of few records, so that a fault of Kafka's befalls few of them.
const SMALL_BATCHES: Variant = ("", &["workload[0].records_per_request=1"]);
const SEVERAL_BROKERS: Variant = ("", &["workload[0].records_per_request=1", "stack.kafka.brokers=3"]);
/// The gateway gives up early, so that the run does not wait for half a minute.
const IMPATIENT: Variant = ("", &["stack.gateway.integration_timeout=1s"]);
const NO_IDENTITY: Variant = ("no identity", &["workload[0].identity=none"]);
const TOMBSTONES: Variant = (
    "",
    &[
        "workload[0].payload={template: {$choice: [null, {a: 1}]}}",
        "workload[0].identity=key",
        "workload[0].records_per_request=4",
    ],
);
/// Records that are too long for their topic.
const TOO_LONG: Variant = (
    "",
    &[
        "workload[1].partner=shop",
        "workload[1].topic=strict",
        "workload[1].payload={template: {note: {$text: {length: 2000}}}}",
    ],
);
/// Tokens that expire while the load runs.
const SHORT_TOKENS: Variant = (
    "",
    &[
        "stack.idp.token_life=5s",
        "workload[0].arrivals.constant=20/s",
        "workload[0].for=6s",
        "workload[1].for=6s",
    ],
);

/// How a fault is shown, and what finds it besides what it is expected to lead to.
struct Mutant {
    /// How often it strikes: `every: 3`, for instance.
    pace: &'static str,
    variants: &'static [Variant],
    wanted: &'static [(Detector, Wanted)],
}

const fn mutant(
    pace: &'static str,
    variants: &'static [Variant],
    wanted: &'static [(Detector, Wanted)],
) -> Mutant {
    Mutant { pace, variants, wanted }
}

fn of(kind: FaultKind) -> Mutant {
    use Detector as D;
    use FaultKind as F;
    use Wanted::{Injected, Perhaps, Some};
    const IN_DOUBT: &[(Detector, Wanted)] = &[(D::UnknownLanded, Injected), (D::Latency, Perhaps)];
    const ON_THE_WAY: &[(Detector, Wanted)] = &[(D::UnknownLanded, Perhaps), (D::Latency, Perhaps)];
    const COPIED: &[(Detector, Wanted)] = &[(D::BeyondAttempts, Injected)];
    match kind {
        F::DropAfterAck | F::WrongOffset => mutant("every: 9", &[PLAIN, V3, NO_IDENTITY], &[]),
        F::Duplicate => mutant("every: 9", &[PLAIN, V3], COPIED),
        F::CorruptByte | F::Truncate | F::RoundNumbers | F::LoseUnicode => {
            mutant("every: 3", &[PLAIN, V3, NO_IDENTITY], &[])
        }
        F::Reformat | F::ExchangeOffsets | F::ReorderInRequest => mutant("every: 3", &[PLAIN, V3], &[]),
        F::NullToEmpty => mutant("every: 2", &[TOMBSTONES], &[]),
        F::SwapKeys => mutant("every: 4", &[PLAIN, V3], &[]),
        F::ShiftTimestamp => mutant("every: 3", &[STAMPED], &[]),
        F::LoseHeaders => mutant("every: 3", &[V3], &[]),
        F::WrongPartition => mutant("every: 9", &[PLAIN, V3], &[]),
        F::StaleAnswer => mutant("every: 5", &[PLAIN, V3], &[]),
        F::NegativeOffset => mutant("every: 3", &[PLAIN, V3], &[(D::Unpositioned, Injected)]),
        F::HideFailure => mutant("every: 1", &[TOO_LONG], &[]),
        F::FalseFailure => mutant("every: 9", &[PLAIN, V3], &[(D::WronglyRefused, Some)]),
        F::ErrorItems => mutant("every: 9", &[PLAIN, V3], IN_DOUBT),
        F::ErrorAfterAppend | F::ResetAfterAppend | F::LateSuccess => {
            mutant("every: 7", &[PLAIN, V3], IN_DOUBT)
        }
        F::NeverAnswer | F::AppendLate => mutant("every: 20", &[IMPATIENT], IN_DOUBT),
        F::Delay => mutant("every: 5", &[PLAIN], &[(D::Latency, Some)]),
        F::LatencySpike => mutant("every: 8", &[PLAIN], &[(D::Latency, Some)]),
        F::Stall => mutant("window: [200ms, 700ms]", &[PLAIN], &[(D::Latency, Some)]),
        F::SlowStart => mutant("window: [0s, 900ms]", &[PLAIN], &[(D::Latency, Some)]),
        F::MemoryGrowth => mutant("every: 1", &[PLAIN], &[(D::Memory, Some)]),
        // A path that is sound survives it, but for answers that never come.
        F::ReplicaRestart => mutant("window: [300ms, 700ms]", &[PLAIN], ON_THE_WAY),
        F::ForwardDenied | F::AdmitDenied => mutant("every: 3", &[PLAIN], &[]),
        F::DropHeader | F::TruncateBody => mutant("every: 7", &[PLAIN, V3], &[]),
        F::TokenOutage => mutant("every: 1", &[SHORT_TOKENS], &[(D::Unarmed, Some)]),
        F::DenyRead => mutant("", &[PLAIN], &[(D::Unread, Some), (D::Unverifiable, Some)]),
        // A path that is sound survives it.
        F::NotLeader | F::LoseTail => mutant("every: 7", &[SMALL_BATCHES], &[]),
        F::LeaderChange => mutant("every: 7", &[SEVERAL_BROKERS], &[]),
        F::Restart => mutant("window: [300ms, 700ms]", &[SMALL_BATCHES], ON_THE_WAY),
        F::TimeoutAfterAppend => mutant("every: 7", &[SMALL_BATCHES], COPIED),
        F::MessageTooLarge => mutant("every: 7", &[SMALL_BATCHES], &[(D::WronglyRefused, Injected)]),
    }
}

/// The runs that show these faults.
pub(super) fn trials(kinds: &[FaultKind]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for kind in kinds {
        let mutant = of(*kind);
        for (variant, sets) in mutant.variants {
            let separator = if mutant.pace.is_empty() { "" } else { ", " };
            let fault = format!(
                "faults=[{{box: {}, kind: {}{separator}{}}}]",
                kind.box_name(),
                kind.name(),
                mutant.pace
            );
            let found = kind.expected_finding(false).and_then(Detector::of_metric);
            let wanted = found.map(|detector| (detector, Wanted::Injected)).into_iter();
            trials.push(Trial {
                name: name(kind.name(), variant),
                box_name: Some(kind.box_name().to_owned()),
                sets: sets.iter().map(|set| (*set).to_owned()).chain([fault]).collect(),
                wanted: wanted.chain(mutant.wanted.iter().copied()).collect(),
            });
        }
    }
    if kinds.contains(&FaultKind::Duplicate) {
        trials.push(nobodys_copies());
    }
    if kinds.contains(&FaultKind::TimeoutAfterAppend) {
        trials.push(idempotent_in_doubt());
    }
    trials
}

/// Copies of records without an identity: that they are copies cannot be told, but that they are nobody's can.
fn nobodys_copies() -> Trial {
    let (variant, sets) = NO_IDENTITY;
    let fault = "faults=[{box: proxy, kind: duplicate, every: 9}]";
    Trial {
        name: name("duplicate", variant),
        box_name: Some("proxy".into()),
        sets: sets.iter().map(|set| (*set).to_owned()).chain([fault.to_owned()]).collect(),
        wanted: vec![(Detector::Foreign, Wanted::Injected), (Detector::Unattributed, Wanted::Injected)],
    }
}

/// Batches that Kafka is said to have taken too long for, of producers that write nothing twice: nothing must be found.
fn idempotent_in_doubt() -> Trial {
    let sets = [
        "workload[0].records_per_request=1",
        "stack.proxy.idempotence=true",
        "faults=[{box: kafka, kind: timeout-after-append, every: 7}]",
    ];
    Trial {
        name: name("timeout-after-append", "idempotent"),
        box_name: Some("kafka".into()),
        sets: sets.map(str::to_owned).to_vec(),
        wanted: vec![(Detector::Latency, Wanted::Perhaps)],
    }
}

fn name(kind: &str, variant: &str) -> String {
    if variant.is_empty() { kind.to_owned() } else { format!("{kind} ({variant})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_shown_by_a_scenario_that_can_be_read() {
        for trial in trials(&FaultKind::ALL) {
            let read = super::super::scenario(&trial.sets);
            assert!(read.is_ok(), "{}: {}", trial.name, read.unwrap_err());
        }
    }

    #[test]
    fn every_detector_has_a_mutant() {
        let trials = trials(&FaultKind::ALL);
        for detector in Detector::ALL {
            let shown = |trial: &Trial| {
                trial.wanted.iter().any(|(of, wanted)| *of == detector && *wanted != Wanted::Perhaps)
            };
            assert!(trials.iter().any(shown), "{detector:?}");
        }
    }
}
