//! Containers that are killed, paused, restarted, added and taken away under load, by the scenarios that ship, in less time: every
//! record ends as it should.

use landfall::result::{RunResult, Verdict};

use crate::alone::{alone, end, shipped};
use crate::harness::{Ended, Landfall, repository};

/// A shipped scenario whose load takes so many seconds, with other times for its faults.
fn short(name: &str, seconds: u32, times: &[&str]) -> Landfall {
    let landfall = shipped(name)
        .set(&format!("workload[0].for={seconds}s"))
        // How fast it is, says nothing in a test run.
        .set("checks=[records.unknown == 0]")
        // An attempt without an answer may land for as long as this.
        .set("grace=3s");
    (0..)
        .zip(times)
        .fold(landfall, |landfall, (number, time)| landfall.set(&format!("faults[{number}].{time}")))
}

/// Nothing but the partner's own copies was found, and every record was acknowledged and is there.
fn sound(ended: &Ended) -> &RunResult {
    let result = ended.result();
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{shown}");
    assert_eq!((result.records.sent, result.records.unknown), (result.records.landed, 0), "{shown}");
    result
}

fn injected(result: &RunResult) -> Vec<(&str, u64)> {
    result.faults.iter().map(|fault| (fault.kind.as_str(), fault.injected)).collect()
}

fn noted(result: &RunResult, words: &[&str]) {
    for words in words {
        assert!(
            result.notes.iter().any(|note| note.contains(words)),
            "`{words}` is not in {:?}",
            result.notes
        );
    }
}

#[test]
fn a_proxy_is_stopped_and_started_again() {
    let Some(_alone) = alone() else { return };
    let ended = end(short("container-stop.yaml", 5, &["window=[1s, 2s]"]));
    let result = sound(&ended);
    assert_eq!(injected(result), [("container-stop", 1)], "{}", ended.stdout);
    noted(result, &["proxy-1 was stopped", "proxy-1 could be used again"]);
}

#[test]
fn a_proxy_is_killed_and_started_again() {
    let Some(_alone) = alone() else { return };
    let ended = end(short("container-kill.yaml", 5, &["window=[1s, 2s]"]));
    let result = sound(&ended);
    assert_eq!(injected(result), [("container-kill", 1)], "{}", ended.stdout);
    noted(result, &["proxy-1 was killed", "proxy-1 could be used again"]);
    let restarted = result.boxes.iter().find(|part| part.name == "proxy-1");
    let telemetry = restarted.and_then(|part| part.container.as_ref()?.telemetry.as_ref());
    assert_eq!(telemetry.map(|telemetry| telemetry.figures.restarts), Some(1), "{}", ended.stdout);
}

#[test]
fn a_proxy_stands_still() {
    let Some(_alone) = alone() else { return };
    let landfall = short("container-pause.yaml", 6, &["window=[1s, 3s]"]);
    let ended = end(landfall.set("stack.gateway.integration_timeout=500ms"));
    let result = sound(&ended);
    assert_eq!(injected(result), [("container-pause", 1)], "{}", ended.stdout);
    noted(result, &["proxy-2 was paused", "proxy-2 went on"]);
    // What hung was sent again, and has landed twice: the partner's own copies.
    assert!(result.requests.failed == 0 && result.records.duplicated > 0, "{}", ended.stdout);
}

#[test]
fn replicas_are_restarted_one_after_another() {
    let Some(_alone) = alone() else { return };
    let ended = end(short("rolling-restart.yaml", 6, &["at=1s"]));
    let result = sound(&ended);
    assert_eq!(injected(result), [("rolling-restart", 2)], "{:?}", result.notes);
    noted(result, &["proxy-2 could be used again", "the rolling restart took"]);
}

#[test]
fn one_replica_comes_and_another_goes() {
    let Some(_alone) = alone() else { return };
    let ended = end(short("scaling.yaml", 8, &["at=1s", "window=[5s, 6s]"]));
    let result = sound(&ended);
    assert_eq!(injected(result), [("scale-out", 1), ("scale-in", 1)], "{:?}", result.notes);
    noted(result, &["proxy-3 was taken into service", "proxy-1 was taken out of service and stopped, "]);
    noted(result, &["s after the load began", "the balancer gave proxy-3 "]);
    let proxies: Vec<_> = result.boxes.iter().filter(|part| part.name.starts_with("proxy-")).collect();
    let names: Vec<&str> = proxies.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["proxy-1", "proxy-2", "proxy-3"], "{}", ended.stdout);
    let how =
        |place: usize| proxies[place].container.as_ref().and_then(|container| container.ended.as_deref());
    assert_eq!((how(0), how(1)), (Some("taken down on purpose"), None));
    assert!(proxies[2].since_ms.is_some_and(|since| since >= 1000) && proxies[1].since_ms.is_none());
    let newcomer = proxies[2].container.as_ref().and_then(|container| container.telemetry.as_ref());
    let figures = newcomer.map(|telemetry| (telemetry.figures.restarts, telemetry.figures.rss_max_bytes));
    assert!(matches!(figures, Some((0, Some(rss))) if rss > 0) && proxies[2].start_us > 0, "{figures:?}");
}

#[test]
fn a_fault_that_the_load_left_no_time_for_is_no_pass() {
    let Some(_alone) = alone() else { return };
    let ended = end(short("path.yaml", 2, &[]).set("faults=[{box: proxy, kind: scale-out, at: 1990ms}]"));
    let result = ended.result();
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    let incomplete = result.incomplete.as_deref().unwrap_or_default();
    assert!(incomplete.contains("`scale-out` had befallen 0 of 1 containers"), "{incomplete}");
    // It may have been started, and never was in service.
    let newcomer = result.boxes.iter().find(|part| part.name == "proxy-3");
    assert!(newcomer.is_none_or(|part| part.start_us == 0), "{}", ended.stdout);
}

#[test]
fn the_leader_of_three_brokers_is_killed() {
    let Some(_alone) = alone() else { return };
    let adapter = repository("tests/containers/idempotent.yaml");
    let landfall = short("leader-kill.yaml", 8, &["window=[2s, 5s]"])
        .set(&format!("stack.proxy.adapter={}", adapter.display()));
    let ended = end(landfall);
    let result = sound(&ended);
    assert_eq!(injected(result), [("broker-kill", 1)], "{:?}", result.notes);
    noted(result, &["was started again", "knows all brokers again"]);
}
