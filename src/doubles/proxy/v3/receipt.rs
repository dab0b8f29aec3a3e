//! What a receipt says.

use super::request::Told;
use crate::doubles::proxy::failure::Failure;
use crate::doubles::proxy::produce::{Outcome, Position};
use crate::doubles::proxy::request::ProduceRecord;
use crate::scenario::ProxyRelease;
use crate::wire::produce::ErrorEntity;
use crate::wire::produce::v3::{Receipt, WRITTEN, Written, WrittenReceipt};

/// What a receipt repeats of its record.
pub(super) struct Echo {
    key: Option<Written>,
    value: Option<Written>,
}

impl Echo {
    /// `key` and `value` are there where the request had them.
    pub(super) fn new(record: &ProduceRecord, key: Option<Told>, value: Option<Told>) -> Self {
        let written = |told: Option<Told>, data: &Option<Vec<u8>>| {
            let size = data.as_ref().map_or(-1, |data| i64::try_from(data.len()).unwrap_or(i64::MAX));
            told.map(|Told { kind, schema }| Written {
                kind: kind.name().to_owned(),
                subject: schema.as_ref().map(|schema| schema.subject.clone()),
                schema_id: schema.as_ref().map(|schema| schema.id),
                schema_version: schema.as_ref().map(|schema| schema.version),
                size,
            })
        };
        Self { key: written(key, &record.key), value: written(value, &record.value) }
    }

    pub(super) fn receipt(
        self,
        outcome: Outcome,
        cluster: &str,
        topic: &str,
        release: ProxyRelease,
    ) -> Receipt {
        match outcome {
            Ok(Position { partition, offset, timestamp }) => Receipt::Written(Box::new(WrittenReceipt {
                // It came with 7.3.
                error_code: (!release.is_6_2()).then_some(WRITTEN),
                cluster_id: cluster.to_owned(),
                topic_name: topic.to_owned(),
                partition_id: partition,
                offset,
                timestamp: timestamp.map(as_java),
                key: self.key,
                value: self.value,
            })),
            Err(Failure { kind, message }) => {
                Receipt::Refused(ErrorEntity { error_code: kind.v3_code(), message })
            }
        }
    }
}

/// Milliseconds since 1970 as `java.time.Instant` prints them: three digits after the second, or none; years of more than
/// four digits with a sign.
fn as_java(millis: i64) -> String {
    let (seconds, thousandths) = (millis.div_euclid(1_000), millis.rem_euclid(1_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let year = match year {
        0..=9_999 => format!("{year:04}"),
        10_000.. => format!("+{year}"),
        _ => format!("-{:04}", -year),
    };
    let fraction = if thousandths == 0 { String::new() } else { format!(".{thousandths:03}") };
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The day so many days after 1970 began, in the Gregorian calendar, which is taken to have been in force always.
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin with March here, so that a leap day is the last of its year, and eras are 400 years.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_javas() {
        for (millis, text) in [
            (1_795_453_590_270, "2026-11-23T17:06:30.270Z"),
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59Z"),
            (1_612_552_482_123_000, "+53069-10-02T21:02:03Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(as_java(millis), text);
        }
    }
}
