//! Rates over time: how many arrivals are expected up to each moment, and when the expected number reaches a
//! given one. Every shape of load is a row of straight pieces.

use std::time::Duration;

/// A day, which [`Intensity::day`] maps onto the time that there is.
const DAY_S: f64 = 86_400.0;

/// A rate of arrivals that changes with time: straight pieces, each from a rate to a rate, with jumps between
/// them where they do not meet. Rates are arrivals a second; one that is negative or not finite counts as none.
///
/// Λ(t) is the number of arrivals expected before t: the rate's integral. Λ and its inverse are closed forms, so
/// nothing adds up from arrival to arrival.
#[derive(Debug, Clone, PartialEq)]
pub struct Intensity {
    pieces: Box<[Piece]>,
    expected: f64,
}

/// Times in seconds, rates a second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    start: f64,
    length: f64,
    /// Rate at the start.
    from: f64,
    /// Change of the rate a second.
    slope: f64,
    /// Λ at the start.
    before: f64,
    /// Λ at the end.
    until: f64,
}

impl Intensity {
    /// The same rate for all of `length`.
    #[must_use]
    pub fn constant(rate: f64, length: Duration) -> Self {
        Self::of([(length.as_secs_f64(), rate, rate)])
    }

    /// A rate that goes from `from` to `to`, as a straight line.
    #[must_use]
    pub fn ramp(from: f64, to: f64, length: Duration) -> Self {
        Self::of([(length.as_secs_f64(), from, to)])
    }

    /// Each of `rates` for an equal part of `length`.
    #[must_use]
    pub fn steps(rates: &[f64], length: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "nobody lists 2^53 rates")]
        let part = length.as_secs_f64() / rates.len() as f64;
        Self::of(rates.iter().map(|rate| (part, *rate, *rate)))
    }

    /// The rate `base`, but `peak` from `at` on for `lasting`, as far as that lies within `length`.
    #[must_use]
    pub fn spike(base: f64, peak: f64, (at, lasting): (Duration, Duration), length: Duration) -> Self {
        let begin = at.min(length);
        let end = at.saturating_add(lasting).min(length);
        Self::of([
            (begin.as_secs_f64(), base, base),
            (end.saturating_sub(begin).as_secs_f64(), peak, peak),
            (length.saturating_sub(end).as_secs_f64(), base, base),
        ])
    }

    /// The course of a day: at each of `points`, a time since midnight (less than 24 h, ascending) and the rate
    /// then, with straight lines between them, the last one leading over midnight to the first. The day's 24 h
    /// are mapped onto `length`; the rates are as they are.
    #[must_use]
    pub fn day(points: &[(Duration, f64)], length: Duration) -> Self {
        let points: Vec<(f64, f64)> = points.iter().map(|(time, rate)| (time.as_secs_f64(), *rate)).collect();
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Self::of([]) };
        let night = DAY_S - last.0 + first.0;
        let midnight = last.1 + (first.1 - last.1) * (DAY_S - last.0) / night;
        let scale = length.as_secs_f64() / DAY_S;
        let ends = points.iter().copied().chain([(DAY_S, midnight)]);
        let begins = [(0.0, midnight)].into_iter().chain(points.iter().copied());
        Self::of(begins.zip(ends).map(|(a, b)| ((b.0 - a.0) * scale, a.1, b.1)))
    }

    /// Pieces in sequence, each with its length in seconds and the rates at its ends.
    fn of(pieces: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let (mut start, mut before) = (0.0, 0.0);
        let mut compiled = Vec::new();
        for (length, from, to) in pieces.into_iter().filter(|(length, ..)| *length > 0.0) {
            let (from, to) = (tame(from), tame(to));
            let until = before + f64::midpoint(from, to) * length;
            compiled.push(Piece { start, length, from, slope: (to - from) / length, before, until });
            (start, before) = (start + length, until);
        }
        Self { pieces: compiled.into(), expected: before }
    }

    /// Λ at the end: how many arrivals are expected in all.
    #[must_use]
    pub fn expected(&self) -> f64 {
        self.expected
    }

    /// Λ(`time`): how many arrivals are expected before `time`.
    #[must_use]
    pub fn cumulative(&self, time: Duration) -> f64 {
        let time = time.as_secs_f64();
        let index = self.pieces.partition_point(|piece| piece.start <= time);
        let Some(piece) = index.checked_sub(1).and_then(|index| self.pieces.get(index)) else { return 0.0 };
        let within = (time - piece.start).min(piece.length);
        piece.before + within * (piece.from + piece.slope * within / 2.0)
    }

    /// When Λ reaches `events`, in seconds; where it stays there for a time, when it leaves. `None` where it never
    /// passes it. `from_piece` is where the search begins, and is moved to where it ended: a walk over growing
    /// numbers passes each piece once.
    pub(super) fn time_of(&self, events: f64, from_piece: &mut usize) -> Option<f64> {
        // Λ at the end is a sum of rounded parts. An arrival that is nearer to it than the parts are exact stands
        // at the end, and so outside.
        if events >= self.expected * (1.0 - 4.0 * f64::EPSILON) {
            return None;
        }
        loop {
            let piece = self.pieces.get(*from_piece)?;
            // A piece without arrivals has no number below its end, and is passed over.
            if events < piece.until {
                return Some(piece.time_of(events));
            }
            *from_piece += 1;
        }
    }
}

impl Piece {
    fn time_of(&self, events: f64) -> f64 {
        // Solves events = from·t + slope·t²/2 in the form that subtracts nothing, so that no digits cancel; the
        // root is the rate at the time that is sought.
        let events = events - self.before;
        let rate = (self.from * self.from + 2.0 * self.slope * events).max(0.0).sqrt();
        let sum = self.from + rate;
        // Only the very first moment of a rise from zero has no rate at all.
        let within = if sum > 0.0 { 2.0 * events / sum } else { 0.0 };
        self.start + within.min(self.length)
    }
}

fn tame(rate: f64) -> f64 {
    if rate.is_finite() { rate.max(0.0) } else { 0.0 }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0)
    }

    fn time_of(intensity: &Intensity, events: f64) -> Option<f64> {
        intensity.time_of(events, &mut 0)
    }

    #[test]
    fn each_shape_holds_what_arithmetic_says() {
        let s = Duration::from_secs;
        let h = Duration::from_hours;
        for (intensity, expected) in [
            (Intensity::constant(400.0, s(10)), 4000.0),
            (Intensity::ramp(10.0, 500.0, MINUTE), 255.0 * 60.0),
            (Intensity::ramp(500.0, 0.0, MINUTE), 250.0 * 60.0),
            (Intensity::steps(&[100.0, 0.0, 400.0], s(30)), 5000.0),
            (Intensity::spike(100.0, 1000.0, (s(10), s(5)), MINUTE), 100.0 * 55.0 + 1000.0 * 5.0),
            (Intensity::spike(100.0, 1000.0, (s(58), s(5)), MINUTE), 100.0 * 58.0 + 1000.0 * 2.0),
            (Intensity::spike(0.0, 10.0, (s(0), s(2)), s(2)), 20.0),
            // One rate all day.
            (Intensity::day(&[(h(3), 7.0)], MINUTE), 420.0),
            // Up and down again in straight lines, over a day and over midnight.
            (Intensity::day(&[(h(0), 0.0), (h(12), 100.0)], MINUTE), 50.0 * 60.0),
            (Intensity::day(&[(h(6), 0.0), (h(18), 100.0)], MINUTE), 50.0 * 60.0),
            // 6 h at 50 on average, 9 h at 100, 9 h at 50: (6·50 + 9·100 + 9·50) / 24 = 68.75.
            (Intensity::day(&[(h(0), 0.0), (h(6), 100.0), (h(15), 100.0)], MINUTE), 68.75 * 60.0),
            (Intensity::day(&[], MINUTE), 0.0),
            (Intensity::steps(&[], MINUTE), 0.0),
            (Intensity::constant(f64::NAN, MINUTE), 0.0),
            (Intensity::constant(f64::INFINITY, MINUTE), 0.0),
            (Intensity::ramp(-5.0, 10.0, MINUTE), 300.0),
        ] {
            assert!(close(intensity.expected(), expected), "{intensity:?}");
            assert!(close(intensity.cumulative(Duration::from_hours(1)), expected), "{intensity:?}");
        }
    }

    #[test]
    fn a_day_goes_on_over_midnight() {
        let h = Duration::from_hours;
        let day = Intensity::day(&[(h(6), 0.0), (h(18), 120.0)], h(24));
        let rate = |at: f64| {
            let from = Duration::from_secs_f64(at * 3600.0);
            day.cumulative(from + Duration::from_secs(1)) - day.cumulative(from)
        };
        // Half-way between 18:00 and 06:00 lies midnight.
        for (hour, expected) in
            [(0.0, 60.0), (3.0, 30.0), (6.0, 0.0), (12.0, 60.0), (18.0, 120.0), (21.0, 90.0)]
        {
            assert!((rate(hour) - expected).abs() < 0.01, "{hour} h: {}", rate(hour));
        }
        assert!((rate(23.999) - rate(0.0)).abs() < 0.1);
    }

    #[test]
    fn nothing_arrives_where_the_rate_is_zero() {
        let intensity = Intensity::steps(&[0.0, 2.0, 0.0, 2.0, 0.0], Duration::from_secs(5));
        let times: Vec<Option<f64>> =
            [0.0, 1.0, 2.0, 3.0, 4.0].map(|events| time_of(&intensity, events)).into();
        assert_eq!(times, [Some(1.0), Some(1.5), Some(3.0), Some(3.5), None]);
        assert_eq!(time_of(&Intensity::constant(0.0, MINUTE), 0.0), None);
    }

    #[test]
    fn a_ramp_from_and_to_nothing_is_solved_at_its_ends() {
        let up = Intensity::ramp(0.0, 200.0, Duration::from_secs(10));
        assert_eq!(time_of(&up, 0.0), Some(0.0));
        assert!(close(time_of(&up, 10.0).unwrap(), 1.0));
        let down = Intensity::ramp(200.0, 0.0, Duration::from_secs(10));
        assert!(close(time_of(&down, 990.0).unwrap(), 9.0));
        assert!(time_of(&down, 999.999_999).unwrap() < 10.0);
        assert_eq!(time_of(&down, 1000.0), None);
    }

    #[test]
    fn a_slope_that_hardly_is_one_costs_no_digits() {
        // The textbook formula subtracts two numbers here that agree in all digits.
        let length = Duration::from_hours(24);
        let intensity = Intensity::ramp(1e6, 1e6 + 1e-9, length);
        assert!(close(time_of(&intensity, 4e10).unwrap(), 4e4));
    }

    /// Shapes of all kinds, none longer than a day.
    pub(in crate::schedule) fn shapes() -> impl Strategy<Value = (Intensity, Duration)> {
        let rate = prop_oneof![Just(0.0), 0.01..10.0_f64, 10.0..5000.0_f64];
        let rates = prop::collection::vec(rate, 1..8);
        (0..5_u8, rates, 1..20_000_u64, prop::collection::btree_set(0..86_400_u64, 8)).prop_map(
            |(kind, rates, millis, times)| {
                let length = Duration::from_millis(millis);
                let (first, last) = (rates[0], rates[rates.len() - 1]);
                let intensity = match kind {
                    0 => Intensity::constant(first, length),
                    1 => Intensity::ramp(first, last, length),
                    2 => Intensity::steps(&rates, length),
                    3 => Intensity::spike(first, last, (length / 3, length / 4), length),
                    _ => {
                        let points: Vec<_> =
                            times.iter().map(|s| Duration::from_secs(*s)).zip(rates).collect();
                        Intensity::day(&points, length)
                    }
                };
                (intensity, length)
            },
        )
    }

    proptest! {
        #[test]
        fn the_inverse_is_one((intensity, length) in shapes(), share in 0.0..1.0_f64) {
            let events = intensity.expected() * share;
            if let Some(time) = time_of(&intensity, events) {
                prop_assert!(time <= length.as_secs_f64() * (1.0 + 1e-12));
                // Times of the calendar have nanoseconds, at a rate of 5000 a second at most.
                let back = intensity.cumulative(Duration::from_secs_f64(time));
                prop_assert!((back - events).abs() < 1e-5, "{} at {}: {}", events, time, back);
            } else {
                prop_assert!(events >= intensity.expected() * (1.0 - 1e-15));
            }
        }

        #[test]
        fn the_expected_number_grows_by_no_more_than_the_highest_rate((intensity, length) in shapes()) {
            let slices = 1000_u32;
            let most = 5000.0 * length.as_secs_f64() / f64::from(slices) + 1e-6;
            let mut last = 0.0;
            for slice in 1..=slices {
                let now = intensity.cumulative(length * slice / slices);
                prop_assert!((last..=last + most).contains(&now), "{} after {} at {}", now, last, slice);
                last = now;
            }
            prop_assert!((last - intensity.expected()).abs() <= 1e-9 * last.max(1.0));
        }
    }
}
