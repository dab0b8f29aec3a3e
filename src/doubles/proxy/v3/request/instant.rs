//! Times: seconds since 1970, as numbers or texts of digits, or in the form of ISO 8601, as `java.time` reads them.

use crate::doubles::jackson::bind;
use crate::doubles::jackson::{Kind, Parser, Problem, Read, Token, Version, to_utf8};

const CLASS: &str = "java.time.Instant";
/// Seconds of the first and the last instant of `java.time`: the years -1,000,000,000 and 1,000,000,000.
const EARLIEST: i64 = -31_557_014_167_219_200;
const LATEST: i64 = 31_556_889_864_403_199;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant {
    seconds: i64,
    nanos: u32,
}

impl Instant {
    /// None where it is out of `java.time`'s range.
    fn new(seconds: i64, nanos: i64) -> Option<Self> {
        let seconds = seconds.checked_add(nanos.div_euclid(1_000_000_000))?;
        let nanos = u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
        (EARLIEST..=LATEST).contains(&seconds).then_some(Self { seconds, nanos })
    }

    /// Milliseconds since 1970, if they fit.
    pub(super) fn millis(self) -> Option<i64> {
        self.seconds.checked_mul(1_000)?.checked_add(i64::from(self.nanos / 1_000_000))
    }
}

/// The time at hand; none of null and of nothing but space.
pub(super) fn read(parser: &mut Parser<'_>) -> Read<Option<Instant>> {
    match parser.token() {
        Some(Token::Null) => Ok(None),
        Some(Token::Integer) => match parser.number().parse() {
            Ok(seconds) => in_range(Instant::new(seconds, 0)),
            Err(_) => bind::out_of_range(parser, "long", &i64::MIN, &i64::MAX),
        },
        Some(Token::Float) => in_range(decimal(parser.number())),
        Some(Token::String) => {
            let text = to_utf8(&parser.string()?);
            let text = bind::trimmed(&text).to_owned();
            of_text(parser, &text)
        }
        Some(Token::StartObject | Token::StartArray) => bind::mismatch(parser, CLASS),
        token => {
            let name = token.map_or("null", Token::name);
            bind::refuse(
                parser,
                format!(
                    "Unexpected token ({name}), expected one of [VALUE_STRING, VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT] for \
                     java.time.Instant value"
                ),
            )
        }
    }
}

fn in_range(instant: Option<Instant>) -> Read<Option<Instant>> {
    match instant {
        Some(instant) => Ok(Some(instant)),
        // It is java.time that throws, and it knows no place.
        None => {
            Err(Problem::new(Kind::Mapping, "Instant exceeds minimum or maximum instant".to_owned(), None))
        }
    }
}

fn of_text(parser: &mut Parser<'_>, text: &str) -> Read<Option<Instant>> {
    if text.is_empty() {
        return Ok(None);
    }
    // Numbers with a sign came with 2.18.
    let digits =
        if parser.version() >= Version::V2_18 { text.strip_prefix('-').unwrap_or(text) } else { text };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().any(|byte| byte != b'.');
    match digits.bytes().filter(|byte| *byte == b'.').count() {
        0 if is_number => {
            if let Ok(seconds) = text.parse() {
                return in_range(Instant::new(seconds, 0));
            }
        }
        1 if is_number => return in_range(decimal(text)),
        _ => {}
    }
    let text = with_z(text);
    let units: Vec<u16> = text.encode_utf16().collect();
    match iso(&units) {
        Ok(instant) => Ok(Some(instant)),
        Err(failed) => {
            let told = if units.len() > 64 {
                format!("{}...", String::from_utf16_lossy(&units[..64]))
            } else {
                text.clone()
            };
            let problem = match failed {
                Failed::At(index) => format!("could not be parsed at index {index}"),
                Failed::Unparsed(index) => {
                    format!("could not be parsed, unparsed text found at index {index}")
                }
            };
            let why = format!(
                "Failed to deserialize java.time.Instant: (java.time.format.DateTimeParseException) Text '{told}' {problem}"
            );
            bind::weird(parser, CLASS, &text, &why)
        }
    }
}

/// Jackson writes Z for an offset of nothing.
fn with_z(text: &str) -> String {
    if let Some((before, offset)) = text.rsplit_once('+')
        && matches!(offset, "00" | "0000" | "00:00")
    {
        return format!("{before}Z");
    }
    text.to_owned()
}

/// Seconds with a fraction, and perhaps an exponent, as `DecimalUtils` takes them apart: exactly, but that what is far beyond
/// the range is 0, and that the fraction of a negative number counts forwards.
fn decimal(text: &str) -> Option<Instant> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = i64::try_from(fraction.len()).ok()? - exponent;
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let precision = i64::try_from(significant.len().max(1)).ok()?;
    // Nothing of a nanosecond, or nothing of the low bits of a long.
    if precision - (scale - 9) <= 0 || scale < -63 {
        return Instant::new(0, 0);
    }
    // The number in nanoseconds, without what is less than one. It has at most some hundred digits; java.time wraps a long.
    let point = i64::try_from(digits.len()).ok()? - scale;
    let digit_at = |place: i64| {
        usize::try_from(place)
            .ok()
            .and_then(|place| digits.as_bytes().get(place))
            .map_or(0, |digit| digit - b'0')
    };
    let mut seconds = 0_u64;
    for place in 0..point.max(0) {
        seconds = seconds.wrapping_mul(10).wrapping_add(u64::from(digit_at(place)));
    }
    let mut nanos = 0_i64;
    for place in point..point + 9 {
        nanos = nanos * 10 + i64::from(digit_at(place));
    }
    let seconds = i64::from_le_bytes(seconds.to_le_bytes());
    let seconds = if negative { seconds.wrapping_neg() } else { seconds };
    let nanos = if negative && seconds >= 0 { -nanos } else { nanos };
    Instant::new(seconds, nanos)
}

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    At(usize),
    Unparsed(usize),
}

/// Reads `DateTimeFormatter.ISO_INSTANT`.
struct Iso<'a> {
    text: &'a [u16],
    at: usize,
}

impl Iso<'_> {
    fn digit(&self, at: usize) -> Option<i64> {
        let unit = *self.text.get(at)?;
        char::from_u32(u32::from(unit))?.to_digit(10).map(i64::from)
    }

    fn literal(&mut self, literal: char) -> Result<(), Failed> {
        let unit = self.text.get(self.at).and_then(|unit| char::from_u32(u32::from(*unit)));
        if unit.is_none_or(|c| !c.eq_ignore_ascii_case(&literal)) {
            return Err(Failed::At(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn two(&mut self) -> Result<i64, Failed> {
        match (self.digit(self.at), self.digit(self.at + 1)) {
            (Some(tens), Some(ones)) => {
                self.at += 2;
                Ok(tens * 10 + ones)
            }
            _ => Err(Failed::At(self.at)),
        }
    }

    /// Four to ten digits, more than four of them with a sign.
    fn year(&mut self) -> Result<i64, Failed> {
        let start = self.at;
        let sign = match self.text.get(start) {
            Some(0x2b) => 1,
            Some(0x2d) => -1,
            _ => 0,
        };
        let first = if sign == 0 { start } else { start + 1 };
        let mut year = 0;
        let mut count = 0;
        while count < 10 {
            let Some(digit) = self.digit(first + count) else { break };
            year = year * 10 + digit;
            count += 1;
        }
        if count < 4 {
            return Err(Failed::At(if sign == 0 { start } else { first }));
        }
        if (sign == 0 && count > 4) || (sign > 0 && count == 4) || (sign < 0 && year == 0) {
            return Err(Failed::At(start));
        }
        self.at = first + count;
        Ok(if sign < 0 { -year } else { year })
    }

    /// Up to nine digits, if there is a point.
    fn fraction(&mut self) -> i64 {
        if self.text.get(self.at) != Some(&0x2e) {
            return 0;
        }
        let start = self.at + 1;
        let mut nanos = 0;
        let mut count = 0;
        while count < 9 {
            let Some(digit) = self.digit(start + count) else { break };
            nanos = nanos * 10 + digit;
            count += 1;
        }
        self.at = start + count;
        for _ in count..9 {
            nanos *= 10;
        }
        nanos
    }

    /// `+HH:MM:ss` or `Z`.
    fn offset(&mut self) -> Result<i64, Failed> {
        let start = self.at;
        let sign = match self.text.get(start) {
            Some(0x2b) => 1,
            Some(0x2d) => -1,
            _ => {
                return self.literal('Z').map(|()| 0);
            }
        };
        self.at += 1;
        let failed = Err(Failed::At(start));
        let Ok(hours) = self.two() else { return failed };
        if self.literal(':').is_err() {
            return failed;
        }
        let Ok(minutes) = self.two() else { return failed };
        let mut seconds = 0;
        let kept = self.at;
        if self.literal(':').is_ok() {
            match self.two() {
                Ok(two) => seconds = two,
                Err(_) => self.at = kept,
            }
        }
        if minutes > 59 || seconds > 59 {
            return failed;
        }
        Ok(sign * (hours * 3_600 + minutes * 60 + seconds))
    }
}

fn iso(text: &[u16]) -> Result<Instant, Failed> {
    let mut iso = Iso { text, at: 0 };
    let year = iso.year()?;
    iso.literal('-')?;
    let month = iso.two()?;
    iso.literal('-')?;
    let day = iso.two()?;
    iso.literal('T')?;
    let hour = iso.two()?;
    iso.literal(':')?;
    let minute = iso.two()?;
    iso.literal(':')?;
    let second = iso.two()?;
    let nanos = iso.fraction();
    let offset = iso.offset()?;
    // What is no time of any day is told of the whole text; so it is when more stands behind it.
    let instant = instant(year, month, day, (hour, minute, second, nanos), offset).ok_or(Failed::At(0))?;
    if iso.at < text.len() {
        return Err(Failed::Unparsed(iso.at));
    }
    Ok(instant)
}

fn instant(
    year: i64,
    month: i64,
    day: i64,
    (hour, minute, second, nanos): (i64, i64, i64, i64),
    offset: i64,
) -> Option<Instant> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    // Midnight may be the end of a day, and a leap second counts as the one before.
    let (hour, next_day) = if (hour, minute, second, nanos) == (24, 0, 0, 0) { (0, 1) } else { (hour, 0) };
    let second = if (hour, minute, second) == (23, 59, 60) { 59 } else { second };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if offset.abs() > 18 * 3_600 {
        return None;
    }
    let days = days_since_1970(year, month, day) + next_day;
    Instant::new(days * 86_400 + hour * 3_600 + minute * 60 + second - offset, nanos)
}

/// Days of the Gregorian calendar, which is taken to have been in force always.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
