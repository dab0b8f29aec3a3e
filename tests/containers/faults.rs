//! Containers that are killed, paused, restarted, added and taken away under load: every record ends as it should.

use landfall::result::{RunResult, Verdict};

use crate::alone::{alone, end, quickstart, quickstart_with};
use crate::harness::{Ended, Landfall};

/// Longer than the short one, so that faults have time to strike.
fn longer(landfall: Landfall, seconds: u32) -> Landfall {
    // Records that are in doubt are waited for as long as this; a proxy that is a container holds none for longer.
    landfall.set(&format!("workload[0].for={seconds}s")).set("grace=8s")
}

/// Nothing was found; what was acknowledged is there; the rest is in doubt.
fn sound(ended: &Ended) -> &RunResult {
    let result = ended.result();
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert!(result.findings.is_empty(), "{shown}");
    assert_eq!(result.records.acked, result.records.landed, "{shown}");
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{shown}");
    result
}

fn injected(result: &RunResult) -> Vec<(&str, u64)> {
    result.faults.iter().map(|fault| (fault.kind.as_str(), fault.injected)).collect()
}

fn noted(result: &RunResult, words: &str) -> bool {
    result.notes.iter().any(|note| note.contains(words))
}

#[test]
fn a_proxy_is_killed_and_started_again_and_another_paused() {
    let Some(_alone) = alone() else { return };
    let kill = "{box: proxy, kind: container-kill, window: [1s, 2s], replica: 1}";
    let pause = "{box: proxy, kind: container-pause, window: [5s, 6s], replica: 2}";
    let ended = end(longer(quickstart(), 8).set(&format!("faults=[{kill}, {pause}]")));
    let result = sound(&ended);
    assert_eq!(injected(result), [("container-kill", 1), ("container-pause", 1)], "{}", ended.stdout);
    assert!(noted(result, "proxy-1 was killed") && noted(result, "proxy-1 could be used again"));
    assert!(noted(result, "proxy-2 was paused"), "{:?}", result.notes);
    assert!(result.requests.accepted > 300, "{}", ended.stdout);
}

#[test]
fn replicas_are_restarted_one_after_another_and_one_comes_and_one_goes() {
    let Some(_alone) = alone() else { return };
    let roll = "{box: proxy, kind: rolling-restart, at: 1s}";
    let out = "{box: proxy, kind: scale-out, at: 6s}";
    let off = "{box: proxy, kind: scale-in, window: [9s, 10s], replica: 1}";
    let ended = end(longer(quickstart(), 12).set(&format!("faults=[{roll}, {out}, {off}]")));
    let result = sound(&ended);
    let expected = [("rolling-restart", 2), ("scale-out", 1), ("scale-in", 1)];
    assert_eq!(injected(result), expected, "{:?}", result.notes);
    assert!(noted(result, "proxy-3 was taken into service"), "{:?}", result.notes);
    assert!(noted(result, "proxy-1 was taken out of service and stopped"), "{:?}", result.notes);
}

#[test]
fn the_leader_of_three_brokers_is_killed() {
    let Some(_alone) = alone() else { return };
    let kill = "{box: kafka, kind: broker-kill, window: [2s, 5s]}";
    let landfall = longer(quickstart_with("idempotent.yaml"), 8)
        .set("stack.kafka.brokers=3")
        .set(&format!("faults=[{kill}]"));
    let ended = end(landfall);
    let result = sound(&ended);
    assert_eq!(injected(result), [("broker-kill", 1)], "{:?}", result.notes);
    assert!(noted(result, "was started again"), "{:?}", result.notes);
    assert!(noted(result, "knows all brokers again"), "{:?}", result.notes);
    // It took some time to find another leader, and nothing else.
    assert_eq!((result.records.lost, result.records.duplicated), (0, 0));
}
