//! JSON numbers, compared digit for digit: none goes through a float.

/// A JSON number as digits × 10^exponent, without leading or trailing zeros: equal numbers are equal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i128,
}

impl Decimal {
    /// Reads a JSON number (RFC 8259, section 6). A number whose exponent is beyond any use keeps its text.
    pub(super) fn of(text: &str) -> Self {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let Ok(exponent) = exponent.trim_start_matches('+').parse::<i64>() else {
            return Self { negative, digits: rest.to_owned(), exponent: 0 };
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let trimmed = digits.trim_end_matches('0');
        if trimmed.is_empty() {
            return Self { negative: false, digits: String::new(), exponent: 0 };
        }
        let dropped = (digits.len() - trimmed.len()) as i128;
        let exponent = i128::from(exponent) - fraction.len() as i128 + dropped;
        Self { negative, digits: trimmed.to_owned(), exponent }
    }
}
