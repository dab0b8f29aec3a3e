//! A system that stalls is slow, and landfall is not: end to end.

use landfall::result::Verdict;

use crate::harness::Landfall;

#[test]
fn a_stall_is_seen_in_the_latencies_and_voids_nothing() {
    // A fifth of the requests meet the stall, and wait for half of it on average.
    let ended = Landfall::short_quickstart()
        .set("workload[0].arrivals.constant=100/s")
        .set("workload[0].for=5s")
        .set("workload[0].connections=2")
        .set("faults=[{box: proxy, kind: stall, window: [2s, 3s]}]")
        .set("checks=[latency.p50 < 500ms, latency.p90 > 450ms, latency.max >= 900ms]")
        .end();
    let result = ended.result();
    assert_eq!((ended.code, result.verdict), (Some(0), Verdict::Pass), "{}{}", ended.stdout, ended.stderr);
    assert_eq!((result.requests.accepted, result.latency_us.censored), (500, 0));
    let fault = &result.faults[0];
    // Requests beyond those on the connections wait with landfall, which is the system's doing all the same.
    assert!((1..=6).contains(&fault.injected), "{}", fault.injected);
    assert!(result.blocked_us.p90 > 400_000, "{:?}", result.blocked_us);
    assert!(result.generator_lag_us.p90 < 200_000, "{:?}", result.generator_lag_us);
}
