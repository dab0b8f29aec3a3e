//! Histograms of times: HDR, three significant digits, 1 µs to 1 h; and times as people read them.

use hdrhistogram::Histogram as Hdr;

use crate::result::Quantiles;

/// Longest time that is told apart, in microseconds: one hour. Longer ones count as this.
pub const LONGEST_US: u64 = 3_600_000_000;

/// A histogram of times in microseconds.
#[derive(Debug, Clone)]
pub struct Histogram(Hdr<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram.
    ///
    /// # Panics
    /// Never: the bounds are constants that the histogram accepts.
    #[must_use]
    pub fn new() -> Self {
        Self(Hdr::new_with_bounds(1, LONGEST_US, 3).expect("1 µs to 1 h with 3 digits are valid bounds"))
    }

    /// Counts one time. Zero counts as 1 µs, more than an hour as an hour.
    pub fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros.clamp(1, LONGEST_US));
    }

    /// The quantiles that results show; all zero for an empty histogram.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        if self.0.is_empty() {
            return Quantiles::default();
        }
        Quantiles {
            p50: self.0.value_at_quantile(0.5),
            p90: self.0.value_at_quantile(0.9),
            p99: self.0.value_at_quantile(0.99),
            p999: self.0.value_at_quantile(0.999),
            max: self.0.max(),
            count: self.0.len(),
        }
    }
}

/// A time as people read it: three figures and a unit.
#[must_use]
pub fn time_text(micros: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three figures")]
    let value = micros as f64;
    match micros {
        0..1_000 => format!("{micros}µs"),
        1_000..10_000 => format!("{:.2}ms", value / 1e3),
        10_000..100_000 => format!("{:.1}ms", value / 1e3),
        100_000..1_000_000 => format!("{:.0}ms", value / 1e3),
        _ => format!("{:.2}s", value / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_three_figures_and_a_unit() {
        let texts = [0, 999, 1_000, 12_345, 250_000, 1_500_000].map(time_text);
        assert_eq!(texts, ["0µs", "999µs", "1.00ms", "12.3ms", "250ms", "1.50s"]);
    }

    #[test]
    fn empty_is_all_zero_and_extremes_are_kept_in_bounds() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantiles(), Quantiles::default());
        histogram.record(0);
        histogram.record(u64::MAX);
        let seen = histogram.quantiles();
        assert_eq!((seen.p50, seen.count), (1, 2));
        assert!(seen.max >= LONGEST_US && seen.max < LONGEST_US + LONGEST_US / 500);
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_thousandth_of_the_sorted_values(
            mut values in prop::collection::vec(1..10_000_000_u64, 1..400),
        ) {
            let mut histogram = Histogram::new();
            for value in &values {
                histogram.record(*value);
            }
            values.sort_unstable();
            let seen = histogram.quantiles();
            for (quantile, shown) in [(500, seen.p50), (900, seen.p90), (990, seen.p99), (999, seen.p999)] {
                let rank = (values.len() * quantile).div_ceil(1000).max(1);
                let exact = values[rank - 1];
                prop_assert!(shown >= exact && shown - exact <= exact / 1000 + 1, "{shown} for {exact}");
            }
        }
    }
}
