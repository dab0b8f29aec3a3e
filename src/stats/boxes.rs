//! What the seconds of a container come to.

use std::ops::Range;

use super::trend::{Point, slope};
use crate::result::{BoxFigures, BoxSecond, BoxSeconds};

/// Fewer seconds tell nothing of a trend.
pub const TREND_SECONDS: u64 = 30;
/// The period of a quota of CPU time, in microseconds, as engines set it.
const PERIOD_US: f64 = 100_000.0;

/// The figures of a container that has `cpus`; `measured` are the times of the phases that are measured, in milliseconds
/// after the load began.
#[must_use]
pub fn figures(seconds: &BoxSeconds, cpus: f64, measured: &[Range<u64>]) -> BoxFigures {
    let rows: Vec<BoxSecond> = seconds.rows().collect();
    let most = |figure: fn(&BoxSecond) -> Option<u64>| rows.iter().filter_map(figure).max();
    // Each row with how long it is; a row belongs to the phase that its middle is in.
    let long: Vec<(f64, &BoxSecond)> = rows
        .windows(2)
        .filter(|pair| {
            let middle = u64::midpoint(pair[0].at_ms, pair[1].at_ms);
            pair[1].ran && pair[1].at_ms > pair[0].at_ms && measured.iter().any(|time| time.contains(&middle))
        })
        .map(|pair| (float(pair[1].at_ms - pair[0].at_ms) * 1000.0, &pair[1]))
        .collect();
    let used = || long.iter().filter_map(|(long_us, row)| Some((*long_us * cpus, float(row.cpu_us?))));
    let throttled =
        || long.iter().filter_map(|(long_us, row)| Some((*long_us, float(row.throttled_periods?))));
    let share = |sums: (f64, f64)| (sums.0 > 0.0).then(|| sums.1 / sums.0);
    let add = |sums: (f64, f64), row: (f64, f64)| (sums.0 + row.0, sums.1 + row.1);
    let trend: Vec<Point> = long
        .iter()
        .filter_map(|(_, row)| {
            Some(Point { at: float(row.at_ms) / 60_000.0, value: float(row.rss_bytes?), life: row.restarts })
        })
        .collect();
    let known_ms: f64 =
        long.iter().filter(|(_, row)| row.rss_bytes.is_some()).map(|(us, _)| us / 1000.0).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of some days at most")]
    let measured_s = (known_ms / 1000.0).round() as u64;
    BoxFigures {
        measured_s,
        cpu_max: used().filter_map(share).max_by(f64::total_cmp),
        cpu_mean: share(used().fold((0.0, 0.0), add)),
        cpu_throttled: share(throttled().fold((0.0, 0.0), add)).map(|share| (share * PERIOD_US).min(1.0)),
        rss_max_bytes: most(|row| row.rss_bytes),
        rss_slope_bytes_per_min: slope(&trend).filter(|_| measured_s >= TREND_SECONDS),
        memory_max_bytes: most(|row| row.memory_bytes),
        threads_max: most(|row| row.threads),
        fds_max: most(|row| row.fds),
        restarts: rows.last().map_or(0, |row| row.restarts),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with few figures")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second in which 0.25 CPUs were used, two periods of ten throttled, and memory grew by 1000 bytes.
    fn second(at: u64) -> BoxSecond {
        BoxSecond {
            at_ms: at * 1000,
            ran: true,
            restarts: 0,
            cpu_us: Some(250_000),
            throttled_us: Some(100_000),
            throttled_periods: Some(2),
            rss_bytes: Some(10_000 + at * 1000),
            memory_bytes: Some(20_000),
            threads: Some(7),
            fds: None,
        }
    }

    fn near(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?} {expected}");
    }

    #[test]
    fn figures_are_of_the_measured_phases_and_extremes_of_all() {
        let mut rows: Vec<BoxSecond> = (0..=60).map(second).collect();
        rows[5] =
            BoxSecond { cpu_us: Some(2_000_000), rss_bytes: Some(9_000_000), threads: Some(99), ..rows[5] };
        rows[40].cpu_us = Some(500_000);
        let measured = 20_000..60_000;
        let found = figures(&rows.iter().copied().collect(), 0.5, std::slice::from_ref(&measured));
        assert_eq!((found.measured_s, found.restarts, found.fds_max), (40, 0, None));
        assert_eq!((found.rss_max_bytes, found.threads_max), (Some(9_000_000), Some(99)));
        near(found.cpu_max, 1.0);
        near(found.cpu_throttled, 0.2);
        near(found.rss_slope_bytes_per_min, 60_000.0);
        assert!(found.cpu_mean > Some(0.5) && found.cpu_mean < Some(0.52));
    }

    #[test]
    fn too_few_seconds_and_unknown_figures_come_to_nothing() {
        let few: BoxSeconds = (0..20).map(second).collect();
        let found = figures(&few, 1.0, std::slice::from_ref(&(0..60_000)));
        assert_eq!((found.measured_s, found.rss_slope_bytes_per_min), (19, None));
        assert!(found.cpu_max.is_some());
        let unmeasured = figures(&few, 1.0, &[]);
        assert_eq!((unmeasured.cpu_max, unmeasured.cpu_throttled, unmeasured.measured_s), (None, None, 0));
        assert_eq!(
            figures(&BoxSeconds::default(), 1.0, std::slice::from_ref(&(0..1))),
            BoxFigures::default()
        );
    }

    #[test]
    fn columns_that_are_cut_short_do_not_panic() {
        let mut seconds: BoxSeconds = (0..40).map(second).collect();
        assert_eq!(seconds.rows().collect::<BoxSeconds>(), seconds);
        seconds.rss_bytes.truncate(3);
        seconds.ran.truncate(35);
        assert_eq!(figures(&seconds, 1.0, std::slice::from_ref(&(0..60_000))).measured_s, 2);
    }
}
