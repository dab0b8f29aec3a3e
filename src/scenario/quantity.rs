//! Quantities with their units, as scenario files and the command line write them: `1m30s`, `512KiB`,
//! `400/s`, `99.5%`. What is written is taken exactly or refused, never rounded in silence.

use std::time::Duration;

use thiserror::Error;

/// Why a text is not the quantity that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// There is no number where one must stand.
    #[error("must be {what} such as {example}")]
    NotOne {
        /// What is wanted.
        what: &'static str,
        /// How one looks.
        example: &'static str,
    },
    /// The number has no unit.
    #[error("has no unit; {what} looks like {example}, possible units: {units}")]
    NoUnit {
        /// What is wanted.
        what: &'static str,
        /// How one looks.
        example: &'static str,
        /// The units there are.
        units: &'static str,
    },
    /// The unit is none of those possible.
    #[error("has the unknown unit `{unit}`; {what} looks like {example}, possible units: {units}")]
    UnknownUnit {
        /// The unit as written.
        unit: String,
        /// What is wanted.
        what: &'static str,
        /// How one looks.
        example: &'static str,
        /// The units there are.
        units: &'static str,
    },
    /// A unit follows itself or a smaller one.
    #[error("has its units in the wrong order or twice; write larger units first, such as 1h30m")]
    Order,
    /// The value has a sign.
    #[error("has a sign; write it without one, it cannot be negative")]
    Signed,
    /// The value is out of what can be held.
    #[error("is too large")]
    TooLarge,
    /// The value is finer than the smallest step.
    #[error("is finer than {step}, the smallest step there is")]
    TooFine {
        /// The smallest step.
        step: &'static str,
    },
}

/// A kind of quantity, for messages.
struct Shape {
    what: &'static str,
    example: &'static str,
    units: &'static str,
}

const DURATION: Shape = Shape { what: "a duration", example: "250ms or 1m30s", units: "h, m, s, ms, us, ns" };
const SIZE: Shape = Shape { what: "a size", example: "512KiB", units: "B, kB, MB, GB, KiB, MiB, GiB" };
const RATE: Shape = Shape { what: "a rate", example: "400/s", units: "/s, /min, /h" };
const GROWTH: Shape =
    Shape { what: "a size a time", example: "1MiB/min", units: "a size's, then /s, /min, /h" };
const PERCENT: Shape = Shape { what: "a percentage", example: "99.5%", units: "%" };

impl Shape {
    fn not_one(&self) -> QuantityError {
        QuantityError::NotOne { what: self.what, example: self.example }
    }

    fn wrong_unit(&self, unit: &str) -> QuantityError {
        let Self { what, example, units } = *self;
        if unit.is_empty() {
            return QuantityError::NoUnit { what, example, units };
        }
        // A unit is short; what is longer is something else, and not repeated in full.
        let unit = unit.chars().take(12).filter(|c| !c.is_control()).collect();
        QuantityError::UnknownUnit { unit, what, example, units }
    }

    /// Splits a decimal number off the front of `text`.
    fn decimal<'t>(&self, text: &'t str) -> Result<(Decimal<'t>, &'t str), QuantityError> {
        if text.starts_with(['-', '+']) {
            return Err(QuantityError::Signed);
        }
        let (whole, rest) = digits(text);
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let (fraction, rest) = digits(rest);
                if fraction.is_empty() {
                    return Err(self.not_one());
                }
                (fraction, rest)
            }
            None => ("", rest),
        };
        if whole.is_empty() {
            return Err(self.not_one());
        }
        Ok((Decimal { whole, fraction, written: &text[..text.len() - rest.len()] }, rest))
    }
}

/// A decimal number without a sign, as written.
struct Decimal<'t> {
    whole: &'t str,
    fraction: &'t str,
    written: &'t str,
}

impl Decimal<'_> {
    /// The number times `unit`, exactly.
    fn times(&self, unit: u64, step: &'static str) -> Result<u64, QuantityError> {
        let whole: u64 = self.whole.parse().map_err(|_| QuantityError::TooLarge)?;
        let whole = whole.checked_mul(unit).ok_or(QuantityError::TooLarge)?;
        let fraction = self.fraction.trim_end_matches('0');
        if fraction.is_empty() {
            return Ok(whole);
        }
        let too_fine = QuantityError::TooFine { step };
        // No unit has more than 14 digits, so a fraction with 19 or more cannot come out whole.
        if fraction.len() > 18 {
            return Err(too_fine);
        }
        let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| QuantityError::TooLarge)?);
        let parts = u128::from(unit) * fraction.parse::<u128>().map_err(|_| QuantityError::TooLarge)?;
        if !parts.is_multiple_of(scale) {
            return Err(too_fine);
        }
        let fraction = u64::try_from(parts / scale).map_err(|_| QuantityError::TooLarge)?;
        whole.checked_add(fraction).ok_or(QuantityError::TooLarge)
    }

    /// The nearest double.
    fn double(&self) -> Result<f64, QuantityError> {
        match self.written.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(QuantityError::TooLarge),
        }
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// A duration: numbers with the units `h`, `m` (or `min`), `s`, `ms`, `us` (or `µs`), `ns`, larger units
/// first: `250ms`, `1.5s`, `1m30s`.
///
/// # Errors
/// [`QuantityError`] if it is none, has no unit, is finer than 1 ns or longer than 2⁶⁴ ns.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    loop {
        let (number, after) = DURATION.decimal(rest)?;
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let nanos: u64 = match unit {
            "h" => 3_600_000_000_000,
            "m" | "min" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            other => return Err(DURATION.wrong_unit(other)),
        };
        if nanos >= smallest {
            return Err(QuantityError::Order);
        }
        smallest = nanos;
        total = total.checked_add(number.times(nanos, "1ns")?).ok_or(QuantityError::TooLarge)?;
        if after.is_empty() {
            return Ok(Duration::from_nanos(total));
        }
        rest = after;
    }
}

/// A duration in whole seconds, with a minus sign before it where it leads back.
///
/// # Errors
/// As [`parse_duration`], and where it is no whole number of seconds.
pub(super) fn parse_seconds_either_way(text: &str) -> Result<i64, QuantityError> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let duration = parse_duration(rest)?;
    if duration.subsec_nanos() > 0 {
        return Err(QuantityError::TooFine { step: "1s" });
    }
    i64::try_from(duration.as_secs()).map(|seconds| sign * seconds).map_err(|_| QuantityError::TooLarge)
}

/// `duration` as [`parse_duration`] reads it, for instance `1m30s`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanos = duration.subsec_nanos();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(nanos / 1_000_000), "ms"),
        (u64::from(nanos / 1000 % 1000), "us"),
        (u64::from(nanos % 1000), "ns"),
    ];
    let written: Vec<String> = parts
        .iter()
        .filter(|(amount, _)| *amount > 0)
        .map(|(amount, unit)| format!("{amount}{unit}"))
        .collect();
    if written.is_empty() { "0s".to_owned() } else { written.concat() }
}

/// A size in bytes: a number with one of the units `B`, `kB` (or `KB`), `MB`, `GB` (powers of 1000), `KiB`,
/// `MiB`, `GiB` (powers of 1024).
///
/// # Errors
/// [`QuantityError`] if it is none, has no unit, is no whole number of bytes or 2⁶⁴ and more.
pub(super) fn parse_size(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = SIZE.decimal(text)?;
    let bytes = match unit {
        "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => return Err(SIZE.wrong_unit(other)),
    };
    number.times(bytes, "1B")
}

/// `bytes` as [`parse_size`] reads it, in the largest unit of 1024 that it is a multiple of: `512KiB`.
pub(super) fn format_size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fitting = units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    let (unit, name) = fitting.unwrap_or((1, "B"));
    format!("{}{name}", bytes / unit)
}

/// A rate in events a second: a number with one of the units `/s`, `/min`, `/h`.
///
/// # Errors
/// [`QuantityError`] if it is none, has no unit or is too large for a double.
pub(super) fn parse_rate(text: &str) -> Result<f64, QuantityError> {
    let (number, unit) = RATE.decimal(text)?;
    let seconds = match unit {
        "/s" => 1.0,
        "/min" => 60.0,
        "/h" => 3600.0,
        other => return Err(RATE.wrong_unit(other)),
    };
    Ok(number.double()? / seconds)
}

/// Growth in bytes a minute: a size a second, minute or hour, for instance `1MiB/min`.
///
/// # Errors
/// [`QuantityError`] if it is none, or has no unit.
pub(super) fn parse_growth(text: &str) -> Result<f64, QuantityError> {
    let (_, unit) = GROWTH.decimal(text)?;
    let Some((size, per)) = text.split_once('/') else { return Err(GROWTH.wrong_unit(unit)) };
    let a_minute = match per {
        "s" => 60.0,
        "min" => 1.0,
        "h" => 1.0 / 60.0,
        _ => return Err(GROWTH.wrong_unit(unit)),
    };
    let bytes = parse_size(size).map_err(|error| match error {
        QuantityError::NoUnit { .. } | QuantityError::UnknownUnit { .. } => GROWTH.wrong_unit(unit),
        other => other,
    })?;
    #[expect(clippy::cast_precision_loss, reason = "nobody tells such slopes apart")]
    Ok(bytes as f64 * a_minute)
}

/// A percentage: a number followed by `%`; `99.5%` is 99.5.
///
/// # Errors
/// [`QuantityError`] if it is none, has no `%` or is too large for a double.
pub(super) fn parse_percent(text: &str) -> Result<f64, QuantityError> {
    match PERCENT.decimal(text)? {
        (number, "%") => number.double(),
        (_, other) => Err(PERCENT.wrong_unit(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_exact() {
        for (text, nanos) in [
            ("250ms", 250_000_000),
            ("30s", 30_000_000_000),
            ("1m30s", 90_000_000_000),
            ("2h", 7_200_000_000_000),
            ("500us", 500_000),
            ("500µs", 500_000),
            ("1.5s", 1_500_000_000),
            ("0.000000001s", 1),
            ("0s", 0),
            ("2min", 120_000_000_000),
            ("18446744073709551615ns", u64::MAX),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn a_duration_that_is_none_says_why() {
        for (text, expected) in [
            ("30", "has no unit"),
            ("1m30", "has no unit"),
            ("0", "has no unit"),
            ("30sec", "unknown unit `sec`"),
            ("30 s", "unknown unit ` s`"),
            ("1d", "unknown unit `d`"),
            ("", "must be a duration"),
            ("s", "must be a duration"),
            ("soon", "must be a duration"),
            ("1.s", "must be a duration"),
            (".5s", "must be a duration"),
            ("-1s", "has a sign"),
            ("30s1m", "wrong order"),
            ("1s1s", "wrong order"),
            ("0.5ns", "finer than 1ns"),
            ("0.0000000000000000000001h", "finer than 1ns"),
            ("18446744073709551616ns", "too large"),
            ("5124096h", "too large"),
            ("99999999999999999999999999h", "too large"),
            ("5124095h1000m", "too large"),
        ] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn sizes_rates_and_percentages() {
        assert_eq!(parse_size("512KiB"), Ok(524_288));
        assert_eq!(parse_size("10MB"), Ok(10_000_000));
        assert_eq!(parse_size("1.5KiB"), Ok(1536));
        assert_eq!(parse_size("0.0005kB"), Err(QuantityError::TooFine { step: "1B" }));
        assert_eq!(parse_size("17179869184GiB"), Err(QuantityError::TooLarge));
        assert!(parse_size("10").unwrap_err().to_string().contains("has no unit"));
        assert!(parse_size("10mb").unwrap_err().to_string().contains("unknown unit `mb`"));

        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1536, "1536B"), (524_288, "512KiB"), (100 << 20, "100MiB")]
        {
            assert_eq!(format_size(bytes), text);
        }

        assert_eq!(parse_rate("400/s"), Ok(400.0));
        assert_eq!(parse_rate("120/min"), Ok(2.0));
        assert_eq!(parse_rate("2000/s"), Ok(2000.0));
        assert_eq!(parse_rate("0.5/s"), Ok(0.5));
        assert_eq!(parse_rate("3600/h"), Ok(1.0));
        assert!(parse_rate("400").unwrap_err().to_string().contains("has no unit"));
        assert!(parse_rate("400/m").unwrap_err().to_string().contains("unknown unit `/m`"));
        assert!(parse_rate("inf/s").is_err() && parse_rate("NaN/s").is_err() && parse_rate("1e3/s").is_err());
        assert_eq!(parse_rate(&format!("{}/s", "9".repeat(400))), Err(QuantityError::TooLarge));

        assert_eq!(parse_growth("1MiB/min"), Ok(1_048_576.0));
        assert_eq!(parse_growth("60KiB/h"), Ok(1024.0));
        assert_eq!(parse_growth("0.5kB/s"), Ok(30_000.0));
        for text in ["1MiB", "1/min", "1MiB/m", "1MiB/", "1mib/min"] {
            assert!(
                parse_growth(text).unwrap_err().to_string().contains("1MiB/min, possible units"),
                "{text}"
            );
        }
        assert_eq!(
            parse_growth("MiB/min").unwrap_err().to_string(),
            "must be a size a time such as 1MiB/min"
        );

        assert_eq!(parse_percent("99%"), Ok(99.0));
        assert_eq!(parse_percent("99.9%"), Ok(99.9));
        assert!(parse_percent("99").unwrap_err().to_string().contains("has no unit"));
    }

    proptest! {
        #[test]
        fn durations_round_trip(nanos in any::<u64>()) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn sizes_round_trip(bytes in any::<u64>(), zeros in 0_u32..40) {
            let bytes = bytes >> zeros << zeros;
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }

        #[test]
        fn rates_round_trip(rate in 0.000_001_f64..1e9) {
            prop_assert_eq!(parse_rate(&format!("{rate}/s")), Ok(rate));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), near in "[0-9]{0,25}\\.?[0-9]{0,25}[hmsunKMGiB/%µ]{0,4}") {
            for text in [text, near] {
                let _ = (parse_duration(&text), parse_size(&text), parse_rate(&text), parse_percent(&text), parse_growth(&text));
            }
        }
    }
}
