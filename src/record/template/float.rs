//! `$float`: decimal fractions, drawn from a grid of so many digits after the point. No binary fraction is on
//! the way, so what is written is exactly what was drawn.

use rand_distr::{Distribution as _, Uniform};
use rand_xoshiro::SplitMix64;
use serde_json::Value;

use super::error::TemplateError;
use super::parameters::Parameters;

pub(super) const EXAMPLE: &str = r#"{"$float": {"min": 0, "max": 9.99, "digits": 2}}"#;

/// Most digits after the point.
const MOST_DIGITS: u32 = 15;

#[derive(Debug)]
pub(super) struct Float {
    /// In units of the last digit.
    grid: Uniform<i64>,
    digits: u32,
}

impl Float {
    pub(super) fn read(mut parameters: Parameters<'_>) -> Result<Self, TemplateError> {
        let (min, max) = (parameters.required("min")?, parameters.required("max")?);
        let written = parameters.required("digits")?;
        let digits = written.as_u64().and_then(|digits| u32::try_from(digits).ok());
        let Some(digits) = digits.filter(|digits| *digits <= MOST_DIGITS) else {
            let wanted = format!("a whole number from 0 to {MOST_DIGITS}");
            return Err(parameters.wrong("digits", wanted, written));
        };
        let scaled = |name: &str, value: &Value| {
            let wanted =
                || format!("a number of 18 digits at most, no more than {digits} of them after the point");
            scaled(value, digits).ok_or_else(|| parameters.wrong(name, wanted(), value))
        };
        let (low, high) = (scaled("min", min)?, scaled("max", max)?);
        let grid = Uniform::new_inclusive(low, high)
            .map_err(|_| parameters.wrong("max", "at least as much as `min`", max))?;
        parameters.finish()?;
        Ok(Self { grid, digits })
    }

    pub(super) fn write(&self, draws: &mut SplitMix64, out: &mut Vec<u8>) {
        let scaled = self.grid.sample(draws);
        let unit = 10_u64.pow(self.digits);
        let mut buffer = itoa::Buffer::new();
        if scaled < 0 {
            out.push(b'-');
        }
        out.extend_from_slice(buffer.format(scaled.unsigned_abs() / unit).as_bytes());
        if self.digits > 0 {
            out.push(b'.');
            // The unit goes in front, so that zeros after the point are written; then it is taken out again.
            let fraction = buffer.format(unit + scaled.unsigned_abs() % unit);
            out.extend_from_slice(&fraction.as_bytes()[1..]);
        }
    }
}

/// A JSON number times ten to the power of `digits`, where that is whole; no exponents.
fn scaled(value: &Value, digits: u32) -> Option<i64> {
    let Value::Number(number) = value else { return None };
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let missing = (digits as usize).checked_sub(fraction.trim_end_matches('0').len())?;
    let fraction = fraction.trim_end_matches('0');
    let scaled = format!("{whole}{fraction}{}", "0".repeat(missing));
    let significant = scaled.trim_start_matches('-').trim_start_matches('0');
    (significant.len() <= 18).then(|| scaled.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_scaled_exactly_or_not_at_all() {
        let scaled = |text: &str, digits| scaled(&serde_json::from_str(text).unwrap(), digits);
        assert_eq!(scaled("1.5", 2), Some(150));
        assert_eq!(scaled("-0.05", 2), Some(-5));
        assert_eq!(scaled("1.500", 1), Some(15));
        assert_eq!(scaled("7", 0), Some(7));
        for (text, digits) in [("1.55", 1), ("1e3", 2), ("1234567890123456789", 0), ("12345", 15)] {
            assert_eq!(scaled(text, digits), None, "{text} {digits}");
        }
    }
}
