//! The figures of a result by their names, for everything that lists them. A member that is added is missing here until
//! it has a name.

use crate::result::{Attempts, Quantiles, Records, Requests, RunResult};

/// Requests by outcome, as the members of [`Requests`] are called.
pub(super) fn requests(requests: &Requests) -> [(&'static str, u64); 9] {
    let Requests {
        sent,
        accepted,
        refused,
        failed,
        reset,
        timed_out,
        malformed,
        wrongly_refused,
        wrongly_admitted,
    } = *requests;
    [
        ("sent", sent),
        ("accepted", accepted),
        ("refused", refused),
        ("failed", failed),
        ("reset", reset),
        ("timed_out", timed_out),
        ("malformed", malformed),
        ("wrongly_refused", wrongly_refused),
        ("wrongly_admitted", wrongly_admitted),
    ]
}

/// Attempts by outcome, as the members of [`Attempts`] are called.
pub(super) fn attempts(attempts: &Attempts) -> [(&'static str, u64); 8] {
    let Attempts { total, accepted, refused, failed, reset, timed_out, malformed, retries } = *attempts;
    [
        ("total", total),
        ("accepted", accepted),
        ("refused", refused),
        ("failed", failed),
        ("reset", reset),
        ("timed_out", timed_out),
        ("malformed", malformed),
        ("retries", retries),
    ]
}

/// Records by disposition, as the members of [`Records`] are called.
pub(super) fn dispositions(records: &Records) -> [(&'static str, u64); 11] {
    [
        ("sent", records.sent),
        ("acked", records.acked),
        ("refused", records.refused),
        ("unknown", records.unknown),
        ("landed", records.landed),
        ("lost", records.lost),
        ("unverifiable", records.unverifiable),
        ("leaked", records.leaked),
        ("absent", records.absent),
        ("unknown_landed", records.unknown_landed),
        ("unknown_absent", records.unknown_absent),
    ]
}

/// What is counted on records besides.
pub(super) fn flags(records: &Records) -> [(&'static str, u64); 8] {
    // Taken apart here for both lists, so that no member is forgotten.
    let Records {
        sent: _,
        acked: _,
        refused: _,
        unknown: _,
        landed: _,
        lost: _,
        unverifiable: _,
        leaked: _,
        absent: _,
        unknown_landed: _,
        unknown_absent: _,
        duplicated,
        duplicated_beyond_attempts,
        corrupted,
        misplaced,
        reordered,
        rewritten,
        unpositioned,
        foreign,
    } = *records;
    [
        ("duplicated", duplicated),
        ("duplicated_beyond_attempts", duplicated_beyond_attempts),
        ("corrupted", corrupted),
        ("misplaced", misplaced),
        ("reordered", reordered),
        ("rewritten", rewritten),
        ("unpositioned", unpositioned),
        ("foreign", foreign),
    ]
}

/// Each time that is measured; `None` where there is no value of it.
pub(super) fn times(result: &RunResult) -> [(&'static str, Option<Quantiles>); 5] {
    let known = |quantiles: Quantiles| (quantiles.count > 0).then_some(quantiles);
    [
        ("latency", known(result.latency_us.quantiles())),
        ("service", known(result.service_us)),
        ("blocked", known(result.blocked_us)),
        ("generator_lag", known(result.generator_lag_us)),
        ("readable", known(result.readable_us)),
    ]
}

/// The quantiles of a time in microseconds: name, quantile, value.
pub(super) fn quantiles(quantiles: Quantiles) -> [(&'static str, &'static str, u64); 5] {
    let Quantiles { p50, p90, p99, p999, max, count: _ } = quantiles;
    [
        ("p50", "0.5", p50),
        ("p90", "0.9", p90),
        ("p99", "0.99", p99),
        ("p999", "0.999", p999),
        ("max", "1", max),
    ]
}

/// How long the run took, in microseconds; not known of one that was killed.
pub(super) fn elapsed_us(result: &RunResult) -> Option<u64> {
    result.recovery.is_none().then_some(result.elapsed_us)
}

/// A count as a number that can be divided.
pub(super) fn float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no count of a run reaches 2^53")]
    let float = count as f64;
    float
}

/// A time in microseconds as `JUnit` has it: in seconds.
pub(super) fn seconds(micros: u64) -> String {
    format!("{:.3}", float(micros) / 1e6)
}
