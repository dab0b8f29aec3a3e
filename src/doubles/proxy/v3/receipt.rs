//! What a receipt says.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::request::Kind;
use crate::doubles::proxy::failure::Failure;
use crate::doubles::proxy::produce::{Outcome, Position};
use crate::doubles::proxy::request::ProduceRecord;
use crate::wire::produce::ErrorEntity;
use crate::wire::produce::v3::{Receipt, WRITTEN, Written, WrittenReceipt};

/// What a receipt repeats of its record.
pub(super) struct Echo {
    key: Option<Written>,
    value: Option<Written>,
}

impl Echo {
    /// `key` and `value` are the types that the request named, where it had them.
    pub(super) fn new(record: &ProduceRecord, key: Option<Kind>, value: Option<Kind>) -> Self {
        let written = |kind: Option<Kind>, data: &Option<Vec<u8>>| {
            let size = data.as_ref().map_or(-1, |data| i64::try_from(data.len()).unwrap_or(i64::MAX));
            kind.map(|kind| Written { kind: kind.name().to_owned(), size })
        };
        Self { key: written(key, &record.key), value: written(value, &record.value) }
    }

    pub(super) fn receipt(self, outcome: Outcome, cluster: &str, topic: &str) -> Receipt {
        match outcome {
            Ok(Position { partition, offset, timestamp }) => Receipt::Written(WrittenReceipt {
                error_code: Some(WRITTEN),
                cluster_id: cluster.to_owned(),
                topic_name: topic.to_owned(),
                partition_id: partition,
                offset,
                timestamp: timestamp.and_then(as_java),
                key: self.key,
                value: self.value,
            }),
            Err(Failure { kind, message }) => {
                Receipt::Refused(ErrorEntity { error_code: kind.v3_code(), message })
            }
        }
    }
}

/// Milliseconds since 1970 as `java.time.Instant` prints them: three digits after the second, or none.
fn as_java(millis: i64) -> Option<String> {
    let at = Timestamp::from_millisecond(millis).ok()?;
    let digits = if millis % 1000 == 0 { 0 } else { 3 };
    Some(DateTimePrinter::new().precision(Some(digits)).timestamp_to_string(&at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_javas() {
        assert_eq!(as_java(1_795_453_590_270).as_deref(), Some("2026-11-23T17:06:30.270Z"));
        assert_eq!(as_java(0).as_deref(), Some("1970-01-01T00:00:00Z"));
    }
}
