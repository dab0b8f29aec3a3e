//! Axes: from a figure to its place, and the ticks that tell it back.

use crate::report::figures::float;
use crate::stats::LONGEST_US;

/// What an axis shows, and how.
#[derive(Debug, Clone)]
pub(in crate::report) struct Axis {
    name: &'static str,
    kind: Kind,
    from: f64,
    to: f64,
    ticks: Vec<Tick>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    /// By the logarithm.
    Log,
    /// By the halvings of the distance to 100 %, as HDR histograms have it.
    Percentile,
}

/// A marked place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// Ticks that a linear axis is to have at most, and that it has whatever it shows.
const LINEAR_TICKS: f64 = 8.0;
const MOST_TICKS: f64 = 100.0;

impl Axis {
    /// Counts or rates from 0 to `most` at least.
    pub(in crate::report) fn counts(name: &'static str, most: f64) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = round_step(most / LINEAR_TICKS);
        let to = (most / step).ceil() * step;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a step has few decimals"
        )]
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let label =
            |value: f64| if decimals > 0 { format!("{value:.decimals$}") } else { grouped_whole(value) };
        Self { name, kind: Kind::Linear, from: 0.0, to, ticks: linear_ticks(0.0, to, step, label) }
    }

    /// Time since the schedules' start, in seconds, from 0 to `to`.
    pub(in crate::report) fn seconds(to: f64) -> Self {
        let to = if to > 0.0 { to } else { 1.0 };
        let step = time_step(to / LINEAR_TICKS);
        let ticks = linear_ticks(0.0, to, step, |value| clock(value, step));
        Self { name: "time since the load began", kind: Kind::Linear, from: 0.0, to, ticks }
    }

    /// Times in microseconds, from the least to the most, by their logarithm.
    pub(in crate::report) fn micros(name: &'static str, least: u64, most: u64) -> Self {
        let least = least.clamp(1, LONGEST_US);
        let most = most.clamp(least, LONGEST_US);
        let (from, to) = (round_down(least), round_up(most));
        let decades = (to / from).log10();
        let factors: &[f64] = if decades > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let mut ticks = Vec::new();
        let mut decade = 10_f64.powf(from.log10().floor());
        while decade <= to * 1.001 {
            for value in factors.iter().map(|factor| factor * decade) {
                if value >= from * 0.999 && value <= to * 1.001 {
                    ticks.push(Tick { value, label: time_label(value) });
                }
            }
            decade *= 10.0;
        }
        Self { name, kind: Kind::Log, from, to, ticks }
    }

    /// Percentiles from 0 to the last one below 100 that is shown, and a little further the greatest value.
    pub(in crate::report) fn percentiles(last: f64) -> Self {
        let end = halvings(last.clamp(50.0, 99.999_999)) + 0.25;
        let labels = [
            (0.0, "0 %"),
            (50.0, "50 %"),
            (90.0, "90 %"),
            (99.0, "99 %"),
            (99.9, "99.9 %"),
            (99.99, "99.99 %"),
            (99.999, "99.999 %"),
            (99.9999, "99.9999 %"),
        ];
        let apart = labels.into_iter().filter(|(value, _)| halvings(*value) < end - 0.2);
        let ticks = apart.chain([(100.0, "max")]);
        let ticks = ticks.map(|(value, label)| Tick { value, label: label.to_owned() }).collect();
        let to = 100.0 - 100.0 * 10_f64.powf(-end);
        Self { name: "percentile", kind: Kind::Percentile, from: 0.0, to, ticks }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// Where a figure stands, from 0 to 1; what lies beyond the axis stands at its end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = match self.kind {
            Kind::Linear => (value - self.from) / (self.to - self.from),
            Kind::Log => (value.max(1e-9) / self.from).ln() / (self.to / self.from).ln(),
            Kind::Percentile => halvings(value) / halvings(self.to),
        };
        share.clamp(0.0, 1.0)
    }

    /// The figure that stands at a place: the inverse of [`Axis::place`].
    #[cfg(test)]
    pub(in crate::report) fn value_at(&self, place: f64) -> f64 {
        match self.kind {
            Kind::Linear => self.from + place * (self.to - self.from),
            Kind::Log => self.from * (self.to / self.from).powf(place),
            Kind::Percentile => 100.0 - 100.0 * 10_f64.powf(-place * halvings(self.to)),
        }
    }
}

fn halvings(percentile: f64) -> f64 {
    -((100.0 - percentile).max(1e-12) / 100.0).log10()
}

fn linear_ticks(from: f64, to: f64, step: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an axis has few ticks")]
    let count = ((to - from) / step + 1e-6).floor().min(MOST_TICKS) as u32;
    let value = |index: u32| from + f64::from(index) * step;
    (0..=count).map(|index| Tick { value: value(index), label: label(value(index)) }).collect()
}

/// The next step of 1, 2 or 5 and zeros.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least)
        .unwrap_or(power)
}

/// The next step that people count time in, in seconds.
fn time_step(least: f64) -> f64 {
    let steps =
        [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0];
    steps.into_iter().find(|step| *step >= least).unwrap_or_else(|| (least / 14_400.0).ceil() * 14_400.0)
}

/// A time since the beginning, in the unit that `step` asks for.
fn clock(seconds: f64, step: f64) -> String {
    if step < 60.0 && seconds < 120.0 {
        return format!("{seconds:.0} s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a run takes days at most")]
    let whole = seconds.round() as u64;
    if whole >= 3_600 {
        format!("{}:{:02} h", whole / 3_600, whole / 60 % 60)
    } else {
        format!("{}:{:02} min", whole / 60, whole % 60)
    }
}

/// The next of 1, 2, 5 and zeros that is not above.
fn round_down(micros: u64) -> f64 {
    rounds().take_while(|value| *value <= micros).last().map_or(1.0, float)
}

/// The next of 1, 2, 5 and zeros that is above.
fn round_up(micros: u64) -> f64 {
    rounds().find(|value| *value > micros).map_or(float(LONGEST_US), float)
}

fn rounds() -> impl Iterator<Item = u64> {
    (0..11).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_u64.pow(power)))
}

/// A round time, as short as can be.
fn time_label(micros: f64) -> String {
    match micros {
        ..999.0 => format!("{micros:.0} µs"),
        ..999_000.0 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.0} s", micros / 1e6),
    }
}

fn grouped_whole(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are whole and not negative"
    )]
    let whole = value.round() as u64;
    super::super::text::grouped(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(labels(&Axis::counts("n", 405.0)), ["0", "100", "200", "300", "400", "500"]);
        assert_eq!(labels(&Axis::counts("n", 0.0)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::counts("n", 0.19)), ["0.00", "0.05", "0.10", "0.15", "0.20"]);
        assert_eq!(labels(&Axis::counts("n", 0.008)).last(), Some(&"0.008"));
        assert_eq!(labels(&Axis::seconds(11.0)), ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]);
        assert_eq!(labels(&Axis::seconds(635.0))[..2], ["0:00 min", "2:00 min"]);
        assert_eq!(labels(&Axis::seconds(86_400.0))[..2], ["0:00 min", "4:00 h"]);
        let micros = labels(&Axis::micros("t", 900, 7_000)).join(" ");
        assert_eq!(micros, "500 µs 1 ms 2 ms 5 ms 10 ms");
        assert_eq!(labels(&Axis::micros("t", 1, 3_000_000)).len(), 7);
        assert_eq!(labels(&Axis::percentiles(99.95)), ["0 %", "50 %", "90 %", "99 %", "99.9 %", "max"]);
        assert_eq!(labels(&Axis::percentiles(0.0)), ["0 %", "50 %", "max"]);
    }

    #[test]
    fn an_axis_of_one_value_has_a_length() {
        let axis = Axis::micros("t", 1_000, 1_000);
        assert!(axis.place(1_000.0) < 0.01 && axis.place(2_000.0) > 0.99);
    }

    proptest! {
        #[test]
        fn a_place_tells_its_figure_back(least in 1..1_000_000_u64, more in 0..1_000_000_000_u64, at in 0.0..1.0_f64) {
            for axis in [
                Axis::micros("t", least, least + more),
                Axis::counts("n", float(least)),
                Axis::percentiles(at * 100.0),
                Axis::seconds(float(least)),
            ] {
                let value = axis.value_at(at);
                prop_assert!((axis.place(value) - at).abs() < 1e-6, "{axis:?} {value}");
            }
        }
    }
}
