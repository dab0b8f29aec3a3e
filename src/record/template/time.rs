//! `$time`: a clock that ticks once a record. No real clock is read: the time is a function of the record.

use jiff::fmt::temporal::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::error::TemplateError;
use super::parameters::Parameters;

pub(super) const EXAMPLE: &str = r#"{"$time": {"start": "2026-01-01T00:00:00Z", "step": "10ms"}}"#;

#[derive(Debug)]
pub(super) struct Time {
    /// Nanoseconds since 1970.
    start: i128,
    /// Nanoseconds.
    step: i128,
    format: TimeFormat,
}

#[derive(Debug)]
enum TimeFormat {
    /// RFC 3339, in UTC, with as many digits as start and step need.
    Rfc3339(DateTimePrinter),
    /// Whole units of so many nanoseconds since 1970.
    Epoch(i128),
}

impl Time {
    pub(super) fn read(mut parameters: Parameters<'_>) -> Result<Self, TemplateError> {
        let given = parameters.required("start")?;
        let start: Option<Timestamp> = given.as_str().and_then(|text| text.parse().ok());
        let start = start
            .ok_or_else(|| parameters.wrong("start", "a time such as \"2026-01-01T00:00:00Z\"", given))?
            .as_nanosecond();
        let given = parameters.required("step")?;
        let step: Option<SignedDuration> = given.as_str().and_then(|text| text.parse().ok());
        let step = step
            .ok_or_else(|| parameters.wrong("step", "a duration such as \"10ms\" or \"1m 30s\"", given))?
            .as_nanos();
        let format = match parameters.optional("format") {
            None => TimeFormat::rfc3339(start, step),
            Some(Value::String(name)) if name == "rfc3339" => TimeFormat::rfc3339(start, step),
            Some(Value::String(name)) if name == "epoch_ms" => TimeFormat::Epoch(1_000_000),
            Some(Value::String(name)) if name == "epoch_s" => TimeFormat::Epoch(1_000_000_000),
            Some(other) => {
                return Err(parameters.wrong("format", "`rfc3339`, `epoch_ms` or `epoch_s`", other));
            }
        };
        parameters.finish()?;
        Ok(Self { start, step, format })
    }

    /// Whether it is written as a string.
    pub(super) fn is_string(&self) -> bool {
        matches!(self.format, TimeFormat::Rfc3339(_))
    }

    /// Appends the time of the record with this number. Before the year -9999 and after 9999, time stands still.
    pub(super) fn write(&self, sequence: u64, out: &mut Vec<u8>) {
        let passed = self.step.saturating_mul(i128::from(sequence));
        let (first, last) = (Timestamp::MIN.as_nanosecond(), Timestamp::MAX.as_nanosecond());
        let at = self.start.saturating_add(passed).clamp(first, last);
        match &self.format {
            TimeFormat::Epoch(unit) => {
                out.extend_from_slice(itoa::Buffer::new().format(at.div_euclid(*unit)).as_bytes());
            }
            TimeFormat::Rfc3339(printer) => {
                let at = Timestamp::from_nanosecond(at).expect("clamped to the range of timestamps");
                out.push(b'"');
                printer.print_timestamp(&at, &mut *out).expect("memory can be written to");
                out.push(b'"');
            }
        }
    }
}

impl TimeFormat {
    fn rfc3339(start: i128, step: i128) -> Self {
        let digits = [(0, 1_000_000_000), (3, 1_000_000), (6, 1_000)]
            .into_iter()
            .find(|(_, unit)| start % unit == 0 && step % unit == 0)
            .map_or(9, |(digits, _)| digits);
        Self::Rfc3339(DateTimePrinter::new().precision(Some(digits)))
    }
}
