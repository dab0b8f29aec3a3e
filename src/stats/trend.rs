//! The trend of a figure over time, which neither steps nor outliers mislead.

/// The most points that are looked at: of more, each stands for several beside each other. The slopes between any two are
/// some two hundred thousand.
const MOST: usize = 600;

/// A figure at a time. Only points of the same life are held against each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When.
    pub at: f64,
    /// What was seen.
    pub value: f64,
    /// Number of the life, for instance of a process.
    pub life: u64,
}

/// The slope of the points, value a time: the median of the slopes between any two of one life (Theil 1950, Sen 1968). Up
/// to 29 % of the points may be anything. `None` where there are no two.
#[must_use]
pub fn slope(points: &[Point]) -> Option<f64> {
    let points = thinned(points);
    let mut slopes = Vec::with_capacity(points.len() * points.len().saturating_sub(1) / 2);
    for (place, from) in points.iter().enumerate() {
        let later = points[place + 1..].iter().filter(|to| to.life == from.life && to.at > from.at);
        slopes.extend(later.map(|to| (to.value - from.value) / (to.at - from.at)));
    }
    median(&mut slopes)
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if below.len() > middle || values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = values[..middle].iter().copied().max_by(f64::total_cmp)?;
    Some(f64::midpoint(lower, upper))
}

/// Few enough points: means of as many beside each other as it takes.
fn thinned(points: &[Point]) -> Vec<Point> {
    let together = points.len().div_ceil(MOST).max(1);
    let of_life = points.chunk_by(|one, next| one.life == next.life);
    of_life
        .flat_map(|life| life.chunks(together))
        .map(|points| {
            #[expect(clippy::cast_precision_loss, reason = "there are few")]
            let count = points.len() as f64;
            Point {
                at: points.iter().map(|point| point.at).sum::<f64>() / count,
                value: points.iter().map(|point| point.value).sum::<f64>() / count,
                life: points[0].life,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(value: impl Fn(u32) -> (f64, u64), count: u32) -> Vec<Point> {
        (0..count).map(|at| Point { at: at.into(), value: value(at).0, life: value(at).1 }).collect()
    }

    fn about(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn a_line_has_its_slope_however_many_points_it_has() {
        for count in [2, 3, 60, 600, 601, 5_000] {
            about(slope(&points(|at| (7.0 - 2.5 * f64::from(at), 0), count)), -2.5);
        }
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&points(|_| (1.0, 0), 1)), None);
    }

    #[test]
    fn outliers_and_a_step_do_not_mislead() {
        let spikes = points(|at| (f64::from(at) + if at % 5 == 0 { 1e6 } else { 0.0 }, 0), 100);
        assert!((slope(&spikes).unwrap() - 1.0).abs() < 0.1);
        // A cache that is filled once at nine tenths of the time.
        let step = points(|at| (if at < 90 { 0.0 } else { 1e6 }, 0), 100);
        about(slope(&step), 0.0);
    }

    #[test]
    fn a_restart_is_no_fall() {
        about(slope(&points(|at| (f64::from(at % 50) * 3.0, u64::from(at / 50)), 100)), 3.0);
        assert_eq!(slope(&points(|at| (f64::from(at), u64::from(at)), 9)), None);
    }

    #[test]
    fn a_median_is_the_middle_or_between_the_two() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut [1.0]), Some(1.0));
        assert_eq!(median(&mut [2.0, 1.0]), Some(1.5));
    }

    proptest! {
        #[test]
        fn the_slope_lies_between_the_least_and_the_greatest(values in prop::collection::vec(-1e9_f64..1e9, 2..80)) {
            let points: Vec<Point> =
                values.iter().zip(0_u32..).map(|(value, at)| Point { at: at.into(), value: *value, life: 0 }).collect();
            let found = slope(&points).unwrap();
            let steps = values.windows(2).map(|pair| pair[1] - pair[0]);
            let (least, most) = steps.fold((f64::MAX, f64::MIN), |(least, most), step| (least.min(step), most.max(step)));
            prop_assert!(found >= least - 1e-3 && found <= most + 1e-3);
        }
    }
}
