//! Long times made short for tests (pure).

use std::time::Duration;

/// No time is scaled to less than what timers can tell apart.
const LEAST: Duration = Duration::from_millis(1);
/// Nor to more than can safely be added to any clock's reading: about ten years.
const MOST: Duration = Duration::from_hours(87_600);

/// Whether times can be divided by `scale`.
pub(super) fn is_scale(scale: f64) -> bool {
    scale.is_finite() && scale > 0.0
}

/// `time` divided by `scale`, a millisecond at least and ten years at most.
pub(super) fn scaled(time: Duration, scale: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() / scale).unwrap_or(MOST).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_divided_and_stay_times() {
        assert_eq!(scaled(Duration::from_secs(15), 1000.0), Duration::from_millis(15));
        assert_eq!(scaled(Duration::from_secs(15), 0.5), Duration::from_secs(30));
        assert_eq!(scaled(Duration::from_secs(15), 1e9), LEAST);
        assert_eq!(scaled(Duration::ZERO, 1.0), LEAST);
        assert_eq!([scaled(Duration::MAX, 1.0), scaled(Duration::MAX, 1e-300)], [MOST, MOST]);
    }

    #[test]
    fn a_scale_is_a_positive_number() {
        assert!(is_scale(1.0) && is_scale(1e-9));
        assert!([0.0, -1.0, f64::NAN, f64::INFINITY].into_iter().all(|scale| !is_scale(scale)));
    }
}
