//! Histograms of times: HDR, three significant digits, 1 µs to 1 h; times as people read them; trends, and what containers'
//! seconds come to.

mod boxes;
mod times;
mod trend;

use std::time::Duration;

use hdrhistogram::Histogram as Hdr;

use crate::result::{Quantiles, Spectrum};

pub use boxes::{TREND_SECONDS, figures as box_figures};
pub use times::Times;
pub use trend::{Point, slope};

/// Longest time that is told apart, in microseconds: one hour. Longer ones count as this.
pub const LONGEST_US: u64 = 3_600_000_000;

/// Points of a spectrum for each halving of the distance to 100 %.
const POINTS_A_HALVING: u32 = 5;

/// A time in whole microseconds; `u64::MAX` for what is longer than they hold.
#[must_use]
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// So many of something, as people read it: `1 container`, `2 containers`.
#[must_use]
pub fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A histogram of times in microseconds.
#[derive(Debug, Clone)]
pub struct Histogram(Hdr<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram. It takes memory as the times in it need it: 16 KiB for two milliseconds, 200 KiB for an
    /// hour.
    ///
    /// # Panics
    /// Never: three digits are what the histogram accepts.
    #[must_use]
    pub fn new() -> Self {
        let mut histogram = Hdr::new(3).expect("three digits are valid");
        histogram.auto(true);
        Self(histogram)
    }

    /// Counts one time. Zero counts as 1 µs, more than an hour as an hour.
    pub fn record(&mut self, micros: u64) {
        self.record_n(micros, 1);
    }

    /// Counts one time `count` times.
    ///
    /// # Panics
    /// Never: what is counted is within bounds.
    pub fn record_n(&mut self, micros: u64, count: u64) {
        let micros = micros.clamp(1, LONGEST_US);
        self.0.record_n(micros, count).expect("the histogram grows up to an hour");
    }

    /// Adds all that `other` holds; nothing is lost.
    ///
    /// # Panics
    /// Never: both have three digits and grow as needed.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("histograms of the same precision add up");
    }

    /// Forgets all values, and keeps the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value at `quantile`, 0 to 1, in microseconds; 0 for an empty histogram.
    #[must_use]
    pub fn at(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// The values that there are, as precisely as they are told apart, with their counts, rising.
    pub fn recorded(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value()))
    }

    /// Values by percentile, five for each halving of the distance to 100 %; empty for an empty histogram.
    #[must_use]
    pub fn spectrum(&self) -> Spectrum {
        if self.0.is_empty() {
            return Spectrum::default();
        }
        let points = self.0.iter_quantiles(POINTS_A_HALVING);
        Spectrum(points.map(|point| (point.quantile() * 100.0, point.value_iterated_to())).collect())
    }

    /// The histogram itself, for writers of HdrHistogram's formats.
    #[must_use]
    pub fn hdr(&self) -> &Hdr<u64> {
        &self.0
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

/// Growth as people read it: bytes a minute.
#[must_use]
pub fn growth_text(bytes_per_min: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown with three figures")]
    let size = bytes_text(bytes_per_min.abs().round() as u64);
    let sign = if bytes_per_min <= -0.5 { "-" } else { "" };
    format!("{sign}{size}/min")
}

/// A number of bytes as people read it: three figures and a unit of 1024.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three figures")]
    let mut value = bytes as f64;
    let mut units = ["KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = "B";
    while value >= 1000.0
        && let Some(next) = units.next()
    {
        (value, unit) = (value / 1024.0, next);
    }
    match value {
        _ if unit == "B" => format!("{bytes}B"),
        ..10.0 => format!("{value:.2}{unit}"),
        10.0..100.0 => format!("{value:.1}{unit}"),
        _ => format!("{value:.0}{unit}"),
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

/// A span of time as people say it: the largest unit that fits, and the next one where that says something.
#[must_use]
pub fn span_text(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(at) = UNITS.iter().position(|(size, _)| seconds >= *size) else { return "0 s".to_owned() };
    let (size, unit) = UNITS[at];
    let first = format!("{} {unit}", seconds / size);
    match UNITS.get(at + 1).map(|(size_below, below)| (seconds % size / size_below, below)) {
        Some((count, below)) if count > 0 && seconds / size < 10 => format!("{first} {count} {below}"),
        _ => first,
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
    fn spans_have_two_units_at_most() {
        let texts = [0, 59, 60, 250, 3_599, 3_661, 36_060, 90_000, 8_640_000].map(span_text);
        let expected =
            ["0 s", "59 s", "1 min", "4 min 10 s", "59 min", "1 h 1 min", "10 h", "1 d 1 h", "100 d"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn bytes_are_three_figures_and_a_unit() {
        let growths = [0.0, -0.2, 1_048_576.0, -2048.0].map(growth_text);
        assert_eq!(growths, ["0B/min", "0B/min", "1.00MiB/min", "-2.00KiB/min"]);
        let texts = [0, 999, 1_024, 1 << 20, 100 << 20, 1_500_000_000].map(bytes_text);
        assert_eq!(texts, ["0B", "999B", "1.00KiB", "1.00MiB", "100MiB", "1.40GiB"]);
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
