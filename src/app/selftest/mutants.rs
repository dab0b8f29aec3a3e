//! The mutants: for each fault that a double can show, the runs that show it, and what must find it.

use std::collections::BTreeSet;

use crate::judge::selftest::{Detector, LATENCY_LIMIT, Trial, Wanted};
use crate::result::Verdict;
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

/// One partner renews its token, and with it the authorizer its keys, when another has two seconds to go.
const TWO_PARTNERS: Variant = (
    "two partners",
    &[
        "stack.idp.token_life=5s",
        "stack.gateway.authorizer_ttl=0s",
        "partners=[{name: shop, secret: generated, scope: \"orders:write\"}, \
         {name: late, secret: generated, scope: \"orders:write\", token: {renew: at-expiry}}]",
        "workload=[{partner: shop, topic: orders, format: v2-json, payload: {template: {order: {$sequence: {}}}}, \
         arrivals: {constant: 20/s}, for: 6s}, {partner: late, topic: orders, format: v2-json, \
         payload: {template: {order: {$sequence: {}}}}, arrivals: {constant: 20/s}, for: 6s}]",
    ],
);

/// The same without the check on tokens, so that the run does not fail of that.
const UNCHECKED_TOKENS: Variant = ("unchecked", SHORT_TOKENS.1);
const IDEMPOTENT: Variant =
    ("idempotent", &["workload[0].records_per_request=1", "stack.proxy.idempotence=true"]);
const RATE: Variant = ("rate", &[]);
const ONE_REPLICA: Variant = ("one replica", &["stack.proxy.replicas=1"]);
/// No gateway before the proxy, and so nobody who is refused.
const WITHOUT_GATEWAY: [&str; 3] = [
    "stack.gateway=none",
    "partners=[{name: shop, secret: generated}]",
    "workload=[{partner: shop, topic: orders, format: v2-json, payload: {template: {order: {$sequence: {}}}}, \
     records_per_request: 5, arrivals: {constant: 110/s}, for: 1s, connections: 16}]",
];
const STRAIGHT: Variant = ("no gateway", &WITHOUT_GATEWAY);
const STRAIGHT_TIMED_OUT: Variant = (
    "no gateway, timed out",
    &[WITHOUT_GATEWAY[0], WITHOUT_GATEWAY[1], WITHOUT_GATEWAY[2], "workload[0].timeout=500ms"],
);
/// Nobody waits until the time is out.
const STRAIGHT_CENSORED: Variant = (
    "no gateway, waited no longer",
    &[WITHOUT_GATEWAY[0], WITHOUT_GATEWAY[1], WITHOUT_GATEWAY[2], "drain=500ms"],
);

/// How a fault is shown, and what must come of it.
struct Mutant {
    /// How often it strikes: `every: 3`, for instance.
    pace: &'static str,
    variants: &'static [Variant],
    /// What finds it besides what it is expected to lead to.
    wanted: &'static [(Detector, Wanted)],
    verdict: Verdict,
}

const fn mutant(
    verdict: Verdict,
    pace: &'static str,
    variants: &'static [Variant],
    wanted: &'static [(Detector, Wanted)],
) -> Mutant {
    Mutant { pace, variants, wanted, verdict }
}

fn of(kind: FaultKind) -> Mutant {
    use Detector as D;
    use FaultKind as F;
    use Verdict::{Fail, Inconclusive, Pass};
    use Wanted::{Injected, Perhaps, Some};
    // Answered with an error, by the proxy or, where that gives none, by the gateway.
    const IN_DOUBT: &[(Detector, Wanted)] = &[(D::UnknownLanded, Injected), (D::Failed, Some)];
    // What a replica had in hand: written or not.
    const ON_THE_WAY: &[(Detector, Wanted)] =
        &[(D::UnknownLanded, Perhaps), (D::UnknownAbsent, Perhaps), (D::Failed, Perhaps)];
    // What never came to a replica, and what one had in hand.
    const NEVER_THERE: &[(Detector, Wanted)] =
        &[(D::UnknownAbsent, Some), (D::UnknownLanded, Perhaps), (D::Failed, Some)];
    const COPIED: &[(Detector, Wanted)] = &[(D::BeyondAttempts, Injected)];
    const LATE: &[(Detector, Wanted)] = &[(D::Latency, Some)];
    match kind {
        // They befall nothing that landfall itself is made of.
        F::ContainerStop
        | F::ContainerKill
        | F::ContainerPause
        | F::RollingRestart
        | F::ScaleOut
        | F::ScaleIn
        | F::BrokerStop
        | F::BrokerKill
        | F::BrokerPause => mutant(Pass, "", &[], &[]),
        F::DropAfterAck | F::WrongOffset => mutant(Fail, "every: 9", &[PLAIN, V3, NO_IDENTITY], &[]),
        F::Duplicate => mutant(Fail, "every: 9", &[PLAIN, V3], COPIED),
        F::CorruptByte | F::Truncate | F::RoundNumbers | F::LoseUnicode => {
            mutant(Fail, "every: 3", &[PLAIN, V3, NO_IDENTITY], &[])
        }
        // The same JSON in other bytes is nobody's fault.
        F::Reformat => mutant(Pass, "every: 3", &[PLAIN, V3], &[]),
        F::ExchangeOffsets | F::ReorderInRequest => mutant(Fail, "every: 3", &[PLAIN, V3], &[]),
        F::NullToEmpty => mutant(Fail, "every: 2", &[TOMBSTONES], &[]),
        F::SwapKeys => mutant(Fail, "every: 4", &[PLAIN, V3], &[]),
        F::ShiftTimestamp => mutant(Fail, "every: 3", &[STAMPED], &[]),
        F::LoseHeaders => mutant(Fail, "every: 3", &[V3], &[]),
        F::WrongPartition => mutant(Fail, "every: 9", &[PLAIN, V3], &[]),
        F::StaleAnswer => mutant(Fail, "every: 5", &[PLAIN, V3], &[]),
        F::NegativeOffset => mutant(Pass, "every: 3", &[PLAIN, V3], &[(D::Unpositioned, Injected)]),
        F::HideFailure => mutant(Fail, "every: 1", &[TOO_LONG], &[]),
        // The other records of such a request are acknowledged.
        F::FalseFailure => {
            mutant(Fail, "every: 9", &[PLAIN, V3], &[(D::WronglyRefused, Some), (D::Failed, Some)])
        }
        F::ErrorItems => mutant(Pass, "every: 9", &[PLAIN, V3], IN_DOUBT),
        F::ErrorAfterAppend | F::ResetAfterAppend | F::LateSuccess => {
            mutant(Pass, "every: 7", &[PLAIN, V3], IN_DOUBT)
        }
        F::NeverAnswer | F::AppendLate => mutant(Pass, "every: 20", &[IMPATIENT], IN_DOUBT),
        F::Delay => mutant(Fail, "every: 5", &[PLAIN], LATE),
        F::LatencySpike => mutant(Fail, "every: 8", &[PLAIN], LATE),
        F::Stall | F::NetworkStall => mutant(Fail, "window: [200ms, 700ms]", &[PLAIN], LATE),
        F::SlowStart | F::NetworkDelay => mutant(Fail, "window: [0s, 900ms]", &[PLAIN], LATE),
        F::MemoryGrowth => mutant(Fail, "every: 1", &[PLAIN], &[(D::Memory, Some)]),
        F::ReplicaRestart | F::KillTarget => mutant(Pass, "window: [300ms, 700ms]", &[PLAIN], ON_THE_WAY),
        // What is authorized anew is authorized, and another replica takes the requests.
        F::FlushAuthorizers => mutant(Pass, "every: 7", &[PLAIN], &[]),
        F::DrainTarget => mutant(Pass, "window: [300ms, 700ms]", &[PLAIN], &[]),
        F::LateTarget => mutant(Pass, "window: [0s, 500ms]", &[PLAIN], &[]),
        F::NetworkThrottle => mutant(Fail, "bytes_per_second: 5kB, window: [0s, 900ms]", &[PLAIN], LATE),
        F::NetworkReset | F::RefuseConnections => {
            mutant(Pass, "window: [300ms, 700ms]", &[PLAIN], NEVER_THERE)
        }
        F::BlackHole => mutant(Pass, "window: [300ms, 700ms]", &[IMPATIENT], NEVER_THERE),
        F::ForwardDenied | F::AdmitDenied => mutant(Fail, "every: 3", &[PLAIN], &[]),
        F::DropHeader => mutant(Fail, "every: 7", &[PLAIN, V3], &[]),
        F::TruncateBody => mutant(Fail, "every: 7", &[PLAIN], &[]),
        F::TokenOutage | F::TokenHtml => mutant(Fail, "every: 1", &[SHORT_TOKENS], &[(D::Unarmed, Some)]),
        F::TokenSlow => mutant(Pass, "every: 1", &[SHORT_TOKENS], &[]),
        // The run is over before the load gives up waiting.
        F::TokenTimeout => mutant(Inconclusive, "every: 1", &[SHORT_TOKENS], &[(D::Unarmed, Some)]),
        // The authorizer has no keys yet when the load begins. For some it waits five seconds.
        F::KeysOutage | F::KeysHtml | F::KeysEmpty | F::KeysHuge | F::KeysTimeout | F::KeysDrip => {
            mutant(Fail, "every: 1, window: [0s, 500ms]", &[PLAIN], &[(D::WronglyRefused, Some)])
        }
        F::WrongKid => mutant(Fail, "every: 1", &[SHORT_TOKENS], &[(D::WronglyRefused, Some)]),
        // An authorizer that fetches a key which it does not know goes on.
        // Where all renew at once, nobody comes with an older token any more.
        F::RotateKeys | F::RotateKeysAtOnce => mutant(Pass, "at: 2s", &[SHORT_TOKENS], &[]),
        F::DenyRead => mutant(Inconclusive, "", &[PLAIN], &[(D::Unread, Some), (D::Unverifiable, Some)]),
        // A path that is sound survives these two.
        F::NotLeader => mutant(Pass, "every: 7", &[SMALL_BATCHES], &[]),
        F::LeaderChange => mutant(Pass, "every: 7", &[SEVERAL_BROKERS], &[]),
        F::LoseTail => mutant(Fail, "every: 7", &[SMALL_BATCHES], &[]),
        // And this one: a broker answers what it has carried out.
        F::Restart => mutant(Pass, "window: [300ms, 700ms]", &[SMALL_BATCHES], &[]),
        F::TimeoutAfterAppend => mutant(Fail, "every: 7", &[SMALL_BATCHES], COPIED),
        F::MessageTooLarge => mutant(Fail, "every: 7", &[SMALL_BATCHES], &[(D::WronglyRefused, Injected)]),
    }
}

/// Runs of a fault that come to something else than others of it.
fn besides(kind: FaultKind) -> Vec<Mutant> {
    use Detector as D;
    use FaultKind as F;
    use Verdict::{Fail, Inconclusive, Pass};
    use Wanted::{Injected, Perhaps, Some};
    match kind {
        // Copies of records without an identity: that they are copies cannot be told, but that they are nobody's can.
        F::Duplicate => vec![mutant(
            Inconclusive,
            "every: 9",
            &[NO_IDENTITY],
            &[(D::Foreign, Injected), (D::Unattributed, Injected)],
        )],
        // Batches that Kafka is said to have taken too long for, of producers that write nothing twice.
        F::TimeoutAfterAppend => vec![mutant(Pass, "every: 7", &[IDEMPOTENT], &[])],
        F::TokenOutage => vec![mutant(
            Inconclusive,
            "every: 1",
            &[UNCHECKED_TOKENS],
            &[(D::TokensFailed, Injected), (D::Unarmed, Some)],
        )],
        F::RotateKeysAtOnce => {
            vec![mutant(Fail, "at: 2s", &[TWO_PARTNERS], &[(D::WronglyRefused, Some)])]
        }
        // The records of the stream before the last one are written.
        F::TruncateBody => {
            vec![mutant(Fail, "every: 7", &[V3], &[(D::WronglyRefused, Injected), (D::Failed, Some)])]
        }
        // What the gateway would turn into answers of its own.
        F::ResetAfterAppend => {
            vec![mutant(Pass, "every: 7", &[STRAIGHT], &[(D::UnknownLanded, Injected), (D::Reset, Some)])]
        }
        F::NeverAnswer => vec![
            mutant(
                Pass,
                "every: 20",
                &[STRAIGHT_TIMED_OUT],
                &[(D::UnknownLanded, Injected), (D::TimedOut, Some)],
            ),
            mutant(
                Pass,
                "every: 20",
                &[STRAIGHT_CENSORED],
                &[(D::UnknownLanded, Injected), (D::Censored, Some), (D::TimedOut, Some)],
            ),
        ],
        F::ErrorAfterAppend => vec![mutant(
            Fail,
            "every: 3",
            &[RATE],
            &[(D::UnknownLanded, Injected), (D::Failed, Some), (D::Rate, Some)],
        )],
        // Nobody else takes the requests.
        F::ReplicaRestart | F::KillTarget => vec![mutant(
            Pass,
            "window: [300ms, 700ms]",
            &[ONE_REPLICA],
            &[(D::UnknownAbsent, Some), (D::Failed, Some), (D::UnknownLanded, Perhaps)],
        )],
        _ => Vec::new(),
    }
}

/// The checks of a run: times decide nothing where they are not what it is about, so that a slow machine fails nothing.
fn checks(kind: FaultKind, mutant: &Mutant) -> String {
    let wants = |detector| mutant.wanted.iter().any(|(of, _)| *of == detector);
    let mut checks = Vec::new();
    // In the variant without it, that a partner was without a token is all there is.
    if !(kind == FaultKind::TokenOutage && mutant.verdict == Verdict::Inconclusive) {
        checks.push("tokens.failed == 0".to_owned());
    }
    if wants(Detector::Latency) {
        checks.push(format!("latency.p90 < {}ms", LATENCY_LIMIT.as_millis()));
    }
    if wants(Detector::Rate) {
        checks.push("rate.achieved >= 90%".to_owned());
    }
    if wants(Detector::Memory) {
        checks.push("memory.growth < 80MiB".to_owned());
    }
    format!("checks=[{}]", checks.join(", "))
}

/// The runs that show these faults.
pub(super) fn trials(kinds: &BTreeSet<FaultKind>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for kind in FaultKind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
        let found = kind.expected_finding(false).map(|metric| {
            let detector = Detector::of_metric(metric).expect("a detector for each finding that is expected");
            (detector, Wanted::Injected)
        });
        let mutant = of(kind);
        trials.extend(runs(kind, &mutant, found));
        for mutant in besides(kind) {
            trials.extend(runs(kind, &mutant, None));
        }
    }
    trials
}

/// A run for each variant.
fn runs(kind: FaultKind, mutant: &Mutant, found: Option<(Detector, Wanted)>) -> impl Iterator<Item = Trial> {
    let separator = if mutant.pace.is_empty() { "" } else { ", " };
    let fault =
        format!("faults=[{{box: {}, kind: {}{separator}{}}}]", kind.box_name(), kind.name(), mutant.pace);
    let (checks, verdict) = (checks(kind, mutant), mutant.verdict);
    mutant.variants.iter().map(move |(variant, sets)| Trial {
        name: name(kind.name(), variant),
        box_name: Some(kind.box_name().to_owned()),
        sets: sets.iter().map(|set| (*set).to_owned()).chain([checks.clone(), fault.clone()]).collect(),
        wanted: found.into_iter().chain(mutant.wanted.iter().copied()).collect(),
        verdict,
    })
}

fn name(kind: &str, variant: &str) -> String {
    if variant.is_empty() { kind.to_owned() } else { format!("{kind} ({variant})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Trial> {
        trials(&FaultKind::ALL.into())
    }

    /// What the run must see for certain.
    fn certain(trial: &Trial) -> impl Iterator<Item = Detector> {
        trial.wanted.iter().filter(|(_, wanted)| *wanted != Wanted::Perhaps).map(|(detector, _)| *detector)
    }

    #[test]
    fn every_fault_is_shown_by_a_scenario_that_can_be_read() {
        for trial in all() {
            let read = super::super::scenario(&trial.sets);
            assert!(read.is_ok(), "{}: {}", trial.name, read.unwrap_err());
        }
    }

    #[test]
    fn every_detector_has_a_mutant() {
        let trials = all();
        // What the suites see is shown in `authorizers` and `proxies`.
        let of_suites = [Detector::AuthCases, Detector::RestCases];
        for detector in Detector::ALL.into_iter().filter(|detector| !of_suites.contains(detector)) {
            let shown = trials.iter().any(|trial| certain(trial).any(|certain| certain == detector));
            assert!(shown, "{detector:?}");
        }
    }

    #[test]
    fn every_expected_finding_has_a_detector() {
        for finding in FaultKind::ALL.into_iter().filter_map(|kind| kind.expected_finding(false)) {
            assert!(Detector::of_metric(finding).is_some(), "{finding}");
        }
    }

    #[test]
    fn the_verdict_of_a_run_follows_from_what_it_must_see() {
        for trial in all() {
            let checks = trial.sets.iter().find(|set| set.starts_with("checks=")).unwrap();
            let checked = |detector: Detector| checks.contains(detector.name());
            let verdict = if certain(&trial).any(|detector| detector.fails() || checked(detector)) {
                Verdict::Fail
            } else if certain(&trial).any(Detector::leaves_open) {
                Verdict::Inconclusive
            } else {
                Verdict::Pass
            };
            assert_eq!(trial.verdict, verdict, "{}", trial.name);
            // What may be seen or not must not decide.
            for (detector, wanted) in &trial.wanted {
                let decides = detector.fails() || detector.leaves_open() || checked(*detector);
                assert!(*wanted != Wanted::Perhaps || !decides, "{}: {detector:?}", trial.name);
            }
        }
    }

    #[test]
    fn times_decide_only_where_a_run_is_about_them() {
        for trial in all() {
            let scenario = super::super::scenario(&trial.sets).unwrap();
            let on_times = |metric: &str| metric.starts_with("latency.") || metric.starts_with("rate.");
            let checked = scenario.checks.iter().any(|check| on_times(&check.metric));
            assert_eq!(checked, certain(&trial).any(Detector::rests_on_times), "{}", trial.name);
        }
    }

    #[test]
    fn names_are_told_apart() {
        let names: BTreeSet<String> = all().into_iter().map(|trial| trial.name).collect();
        assert_eq!(names.len(), all().len());
    }
}
