//! The load over time, and times by percentile: what charts are drawn from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attempts, Quantiles};

/// The load over time, in stretches of equal length from the schedules' start on. A stretch in which nothing was
/// reported is not there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Columns", into = "Columns")]
pub struct Timeline {
    /// Length of a stretch in seconds; 1 for up to ten minutes.
    pub stretch_s: u32,
    /// The stretches, by when they begin.
    pub stretches: Vec<Stretch>,
}

/// Sizes that latencies up to an hour have.
const SIZES: u16 = 116;
/// Stretches that a timeline may have: far more than landfall makes.
const MOST: u64 = 100_000;
/// Counts that a stretch may have: sums of them can still be counted.
const MOST_COUNTED: u64 = 1 << 48;

/// A stretch of the load. Times are of measured requests that ended in it, attempts are all that ended in it, warm-up and
/// those to be refused included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stretch {
    /// When it begins, in seconds after the schedules' start.
    pub at_s: u32,
    /// How many seconds its figures are of: fewer than a stretch has in the last, more where landfall was kept from
    /// reporting for longer.
    pub seconds: u32,
    /// Requests that the schedules expect to be due in it, of all workloads. Closed load has none.
    pub due: f64,
    /// Requests begun.
    pub begun: u64,
    /// Attempts that ended.
    pub attempts: Attempts,
    /// Connections that could not be opened or broke.
    pub socket_errors: u64,
    /// The most requests under way at any of its seconds' ends.
    pub in_flight: u64,
    /// The most requests that waited for a connection at any of its seconds' ends.
    pub waiting: u64,
    /// Answered − due.
    pub latency_us: Quantiles,
    /// Answered − written.
    pub service_us: Quantiles,
    /// Wait for a free connection.
    pub blocked_us: Quantiles,
    /// Written − the later of due and connection free.
    pub generator_lag_us: Quantiles,
    /// CPU time over time, of the busiest load thread in its busiest second.
    pub cpu_share: f64,
    /// How many latencies there are of each size: the size's number, as [`size_of`] tells it, and their count, by number.
    pub sizes: Vec<(u16, u64)>,
}

/// Sizes in a tenfold.
pub const SIZES_A_DECADE: u16 = 12;

/// The number of a latency's size, of one of an hour at most: the greatest n with [`size_from`]`(n)` not above it.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a latency is at most an hour"
)]
pub fn size_of(micros: u64) -> u16 {
    let micros = micros.min(size_from(SIZES));
    let guess = (micros.max(1) as f64).log10() * f64::from(SIZES_A_DECADE);
    // Whatever rounding makes of it, the sizes themselves decide.
    let mut number = guess.max(1.0) as u16 - 1;
    while size_from(number + 1) <= micros {
        number += 1;
    }
    number
}

/// The smallest latency of a size, in microseconds: 10^(n/12), rounded up.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a latency is at most an hour")]
pub fn size_from(number: u16) -> u64 {
    10_f64.powf(f64::from(number) / f64::from(SIZES_A_DECADE)).ceil() as u64
}

/// Times by percentile, as HDR histograms have them: five points for each halving of the distance to 100 %.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spectra {
    /// Answered − due.
    pub latency: Spectrum,
    /// Answered − written.
    pub service: Spectrum,
    /// Wait for a free connection.
    pub blocked: Spectrum,
    /// Written − the later of due and connection free.
    pub generator_lag: Spectrum,
    /// From written to seen by the reader.
    pub readable: Spectrum,
}

/// One time by percentile: at each place of `percentiles`, as many per cent of the values are at most that of `micros`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Points", into = "Points")]
pub struct Spectrum(pub Vec<(f64, u64)>);

/// Why what a file says of the load over time cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTimeline {
    /// There is a figure too many or too few.
    #[error("the columns of `{0}` are not of one length")]
    Uneven(&'static str),
    /// Stretches that are none.
    #[error("`timeline.at_s` must rise, and end before {MOST} stretches of at least a second")]
    Stretches,
    /// More than can be.
    #[error("`timeline.{0}` has figures that no run comes to")]
    Figures(&'static str),
}

/// One time by percentile: at each place of `percentiles`, as many per cent of the values are at most that of `micros`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Spectrum")]
pub(super) struct Points {
    /// 0 to 100, rising.
    percentiles: Vec<f64>,
    /// The values there, in microseconds.
    micros: Vec<u64>,
}

impl TryFrom<Points> for Spectrum {
    type Error = BadTimeline;

    fn try_from(points: Points) -> Result<Self, BadTimeline> {
        let Points { percentiles, micros } = points;
        if percentiles.len() != micros.len() {
            return Err(BadTimeline::Uneven("spectra"));
        }
        Ok(Self(percentiles.into_iter().zip(micros).collect()))
    }
}

impl From<Spectrum> for Points {
    fn from(spectrum: Spectrum) -> Self {
        let (percentiles, micros) = spectrum.0.into_iter().unzip();
        Self { percentiles, micros }
    }
}

/// The load over time, in stretches of equal length from the schedules' start on: a list for each figure, with a place for
/// each stretch. A stretch in which nothing was reported is not there.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Timeline")]
pub(super) struct Columns {
    /// Length of a stretch in seconds.
    stretch_s: u32,
    /// When each stretch begins, in seconds after the schedules' start.
    at_s: Vec<u32>,
    /// How many seconds its figures are of.
    seconds: Vec<u32>,
    /// Requests that the schedules expect to be due.
    due: Vec<f64>,
    /// Requests begun.
    begun: Vec<u64>,
    /// Attempts that ended with every record acked.
    accepted: Vec<u64>,
    /// Attempts that ended with every record refused.
    refused: Vec<u64>,
    /// Attempts that ended with another response.
    failed: Vec<u64>,
    /// Attempts that ended with a connection that could not be opened or broke.
    reset: Vec<u64>,
    /// Attempts that ended without a whole response in time.
    timed_out: Vec<u64>,
    /// Attempts that ended with something that is no HTTP response.
    malformed: Vec<u64>,
    /// Retries begun.
    retries: Vec<u64>,
    /// Connections that could not be opened or broke.
    socket_errors: Vec<u64>,
    /// The most requests under way at any second's end.
    in_flight: Vec<u64>,
    /// The most requests that waited for a connection at any second's end.
    waiting: Vec<u64>,
    /// Answered − due.
    latency_us: QuantileColumns,
    /// Answered − written.
    service_us: QuantileColumns,
    /// Wait for a free connection.
    blocked_us: QuantileColumns,
    /// Written − the later of due and connection free.
    generator_lag_us: QuantileColumns,
    /// CPU time over time, of the busiest load thread in its busiest second.
    cpu_share: Vec<f64>,
    /// Latencies by size, the sizes rising; those of which there are none are not there.
    latency_sizes: Vec<SizeColumn>,
}

/// Quantiles of one time, stretch by stretch, in microseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
struct QuantileColumns {
    /// Medians.
    p50: Vec<u64>,
    /// 90th percentiles.
    p90: Vec<u64>,
    /// 99th percentiles.
    p99: Vec<u64>,
    /// 99.9th percentiles.
    p999: Vec<u64>,
    /// Largest values.
    max: Vec<u64>,
    /// Numbers of values.
    count: Vec<u64>,
}

/// How many latencies of one size ended, stretch by stretch.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
struct SizeColumn {
    /// Number of the size.
    size: u16,
    /// The smallest latency of it, in microseconds: 10^(size/12), rounded up. The next size begins where it ends.
    from_us: u64,
    /// How many.
    counts: Vec<u64>,
}

impl QuantileColumns {
    fn push(&mut self, quantiles: Quantiles) {
        let Quantiles { p50, p90, p99, p999, max, count } = quantiles;
        self.p50.push(p50);
        self.p90.push(p90);
        self.p99.push(p99);
        self.p999.push(p999);
        self.max.push(max);
        self.count.push(count);
    }

    fn at(&self, row: usize) -> Option<Quantiles> {
        Some(Quantiles {
            p50: *self.p50.get(row)?,
            p90: *self.p90.get(row)?,
            p99: *self.p99.get(row)?,
            p999: *self.p999.get(row)?,
            max: *self.max.get(row)?,
            count: *self.count.get(row)?,
        })
    }
}

impl Columns {
    /// Holds the figures within what charts and sums can take, whoever has written them.
    fn check(&self) -> Result<(), BadTimeline> {
        let step = u64::from(self.stretch_s);
        let rises = self.at_s.is_sorted_by(|a, b| a < b);
        let last = self.at_s.last().copied().map_or(0, u64::from);
        if !rises
            || (step == 0 && last > 0)
            || last > step.saturating_mul(MOST)
            || last + step > u64::from(u32::MAX)
        {
            return Err(BadTimeline::Stretches);
        }
        let is_countable = |column: &Vec<u64>| column.iter().all(|count| *count <= MOST_COUNTED);
        let counts = [
            ("begun", &self.begun),
            ("accepted", &self.accepted),
            ("refused", &self.refused),
            ("failed", &self.failed),
            ("reset", &self.reset),
            ("timed_out", &self.timed_out),
            ("malformed", &self.malformed),
            ("retries", &self.retries),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, column)| !is_countable(column)) {
            return Err(BadTimeline::Figures(name));
        }
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let is_due = |due: &f64| (0.0..=MOST_COUNTED as f64).contains(due);
        if !self.due.iter().all(is_due) {
            return Err(BadTimeline::Figures("due"));
        }
        let sizes = |column: &SizeColumn| column.size < SIZES && is_countable(&column.counts);
        if !self.latency_sizes.iter().all(sizes) {
            return Err(BadTimeline::Figures("latency_sizes"));
        }
        Ok(())
    }

    /// The stretch of a row; `None` where a column has no such row.
    fn row(&self, row: usize) -> Option<Stretch> {
        let attempts = Attempts {
            total: 0,
            accepted: *self.accepted.get(row)?,
            refused: *self.refused.get(row)?,
            failed: *self.failed.get(row)?,
            reset: *self.reset.get(row)?,
            timed_out: *self.timed_out.get(row)?,
            malformed: *self.malformed.get(row)?,
            retries: *self.retries.get(row)?,
        };
        let sizes = self.latency_sizes.iter().map(|column| Some((column.size, *column.counts.get(row)?)));
        let sizes: Vec<(u16, u64)> = sizes.collect::<Option<_>>()?;
        Some(Stretch {
            at_s: *self.at_s.get(row)?,
            seconds: *self.seconds.get(row)?,
            due: *self.due.get(row)?,
            begun: *self.begun.get(row)?,
            attempts: Attempts {
                total: attempts.outcomes().iter().map(|(_, count)| count).sum(),
                ..attempts
            },
            socket_errors: *self.socket_errors.get(row)?,
            in_flight: *self.in_flight.get(row)?,
            waiting: *self.waiting.get(row)?,
            latency_us: self.latency_us.at(row)?,
            service_us: self.service_us.at(row)?,
            blocked_us: self.blocked_us.at(row)?,
            generator_lag_us: self.generator_lag_us.at(row)?,
            cpu_share: *self.cpu_share.get(row)?,
            sizes: sizes.into_iter().filter(|(_, count)| *count > 0).collect(),
        })
    }
}

impl TryFrom<Columns> for Timeline {
    type Error = BadTimeline;

    fn try_from(columns: Columns) -> Result<Self, BadTimeline> {
        columns.check()?;
        let rows = (0..columns.at_s.len()).map(|row| columns.row(row));
        let stretches: Vec<Stretch> = rows.collect::<Option<_>>().ok_or(BadTimeline::Uneven("timeline"))?;
        Ok(Self { stretch_s: columns.stretch_s, stretches })
    }
}

impl From<Timeline> for Columns {
    fn from(timeline: Timeline) -> Self {
        let mut columns = Self { stretch_s: timeline.stretch_s, ..Self::default() };
        let rows = timeline.stretches.len();
        for (row, stretch) in timeline.stretches.into_iter().enumerate() {
            columns.at_s.push(stretch.at_s);
            columns.seconds.push(stretch.seconds);
            columns.due.push(stretch.due);
            columns.begun.push(stretch.begun);
            let Attempts { total: _, accepted, refused, failed, reset, timed_out, malformed, retries } =
                stretch.attempts;
            columns.accepted.push(accepted);
            columns.refused.push(refused);
            columns.failed.push(failed);
            columns.reset.push(reset);
            columns.timed_out.push(timed_out);
            columns.malformed.push(malformed);
            columns.retries.push(retries);
            columns.socket_errors.push(stretch.socket_errors);
            columns.in_flight.push(stretch.in_flight);
            columns.waiting.push(stretch.waiting);
            columns.latency_us.push(stretch.latency_us);
            columns.service_us.push(stretch.service_us);
            columns.blocked_us.push(stretch.blocked_us);
            columns.generator_lag_us.push(stretch.generator_lag_us);
            columns.cpu_share.push(stretch.cpu_share);
            for (size, count) in stretch.sizes {
                let place = match columns.latency_sizes.binary_search_by_key(&size, |column| column.size) {
                    Ok(place) => place,
                    Err(place) => {
                        let new = SizeColumn { size, from_us: size_from(size), counts: vec![0; rows] };
                        columns.latency_sizes.insert(place, new);
                        place
                    }
                };
                columns.latency_sizes[place].counts[row] += count;
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline {
        let quantiles = |p50| Quantiles { p50, p90: 2, p99: 3, p999: 4, max: 5, count: 6 };
        let stretch = |at_s, sizes: &[(u16, u64)]| Stretch {
            at_s,
            seconds: 2,
            due: 12.5,
            begun: 12,
            attempts: Attempts { total: 11, accepted: 10, timed_out: 1, retries: 2, ..Attempts::default() },
            socket_errors: 1,
            in_flight: 3,
            waiting: 4,
            latency_us: quantiles(7),
            service_us: quantiles(8),
            blocked_us: quantiles(9),
            generator_lag_us: quantiles(10),
            cpu_share: 0.25,
            sizes: sizes.to_vec(),
        };
        Timeline { stretch_s: 2, stretches: vec![stretch(0, &[(40, 1), (90, 2)]), stretch(4, &[(12, 5)])] }
    }

    #[test]
    fn a_timeline_is_written_in_columns_and_reads_back() {
        let json = serde_json::to_value(timeline()).unwrap();
        assert_eq!(json["latency_us"]["p50"], serde_json::json!([7, 7]));
        assert_eq!(
            json["latency_sizes"][1],
            serde_json::json!({ "size": 40, "from_us": 2155, "counts": [1, 0] })
        );
        assert_eq!(serde_json::from_value::<Timeline>(json).unwrap(), timeline());
    }

    #[test]
    fn columns_of_different_lengths_are_refused() {
        for column in ["/begun", "/latency_us/p99", "/latency_sizes/0/counts"] {
            let mut json = serde_json::to_value(timeline()).unwrap();
            json.pointer_mut(column).unwrap().as_array_mut().unwrap().pop();
            let refused = serde_json::from_value::<Timeline>(json).unwrap_err().to_string();
            assert!(refused.contains("not of one length"), "{column}: {refused}");
        }
        let uneven = serde_json::json!({ "percentiles": [50.0], "micros": [] });
        assert!(serde_json::from_value::<Spectrum>(uneven).is_err());
    }

    #[test]
    fn what_no_run_comes_to_is_refused() {
        let max = serde_json::json!(u64::MAX);
        for (place, value) in [
            ("/at_s/1", serde_json::json!(0)),
            ("/at_s/1", serde_json::json!(4_294_967_290_u32)),
            ("/stretch_s", serde_json::json!(0)),
            ("/due/0", serde_json::json!(1.7e308)),
            ("/due/0", serde_json::json!(-1.0)),
            ("/accepted/0", max.clone()),
            ("/latency_sizes/0/size", serde_json::json!(65_535)),
            ("/latency_sizes/0/counts/0", max),
        ] {
            let mut json = serde_json::to_value(timeline()).unwrap();
            *json.pointer_mut(place).unwrap() = value;
            assert!(serde_json::from_value::<Timeline>(json).is_err(), "{place}");
        }
    }

    #[test]
    fn sizes_cut_time_without_gaps() {
        assert_eq!([0, 12, 24, 60].map(size_from), [1, 10, 100, 100_000]);
        for micros in (1..5_000).chain([1_000_000, 3_600_000_000]) {
            let size = size_of(micros);
            assert!(size_from(size) <= micros && micros < size_from(size + 1), "{micros}");
        }
        assert_eq!((size_of(0), size_of(3_600_000_000)), (0, SIZES - 2));
        assert_eq!(size_of(u64::MAX), SIZES);
    }
}
