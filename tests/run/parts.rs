//! Parts of a run: what it says by phase and by partner, and of closed load.

use crate::harness::Landfall;

#[test]
fn phases_and_partners_have_figures_of_their_own() {
    let ended = Landfall::short_quickstart()
        .set("partners[1].scope=quakes:write")
        .set("partners[1].expect=accept")
        .set(
            "workload[0]={phases: [{name: warm, warmup: true, arrivals: {constant: 40/s}, for: 1s}, \
             {name: steady, arrivals: {constant: 60/s}, for: 2s}], partner: seismic, topic: quakes, format: v2-json, \
             payload: {file: fixtures/payloads/earthquakes.ndjson}}",
        )
        .args(&["--verbose"])
        .end();
    let result = ended.result();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let phases: Vec<_> = result
        .phases
        .iter()
        .map(|phase| (phase.name.as_str(), phase.measured, phase.latency_us.count))
        .collect();
    assert_eq!(phases, [("warm", false, 0), ("steady", true, 120), ("main", true, 20)]);
    assert!((result.phases[1].target_per_s - 60.0).abs() < 1e-6, "{:?}", result.phases[1]);
    let partners: Vec<_> =
        result.partners.iter().map(|partner| (partner.name.as_str(), partner.latency_us.count)).collect();
    assert_eq!(partners, [("seismic", 120), ("stranger", 20)]);
    assert_eq!((result.attempts.total, result.attempts.accepted, result.attempts.retries), (180, 180, 0));
    for row in ["  phases    warm", "            steady", "  partners  seismic", "            stranger"] {
        assert!(ended.stdout.contains(row), "`{row}` is not in:\n{}", ended.stdout);
    }
    let log = ended.file("histograms.hlog");
    for tag in ["latency/phase/steady", "service/phase/main", "blocked/partner/seismic", "readable/all"] {
        assert!(log.contains(&format!("Tag={tag},")), "no {tag}");
    }
    let log = ended.file("landfall.log");
    for words in [
        "phase began phase=\"warm\" measured=false",
        "phase ended phase=\"warm\"",
        "phase began phase=\"steady\" measured=true",
        "phase ended phase=\"steady\"",
    ] {
        assert!(log.contains(words), "`{words}` is not in the log:\n{log}");
    }
}

#[test]
fn closed_load_is_said_to_be_closed() {
    let ended = Landfall::short_quickstart()
        .set("workload[0].arrivals={closed: {workers: 4, think: 20ms}}")
        .set("workload[0].connections=4")
        .end();
    let result = ended.result();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(result.generator.closed && result.requests.accepted > 4);
    assert!(result.notes.iter().any(|note| note.contains("waiting that a stalled system causes")));
    assert!(ended.stdout.contains("  closed    workers wait for answers"), "{}", ended.stdout);
}
