//! The timestamps that records are sent with, where a scenario gives them some.

/// Times that follow one another: a function of the record's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamps {
    /// That of the first record, in milliseconds since 1970.
    pub start_ms: i64,
    /// From one record to the next, in milliseconds.
    pub step_ms: i64,
}

impl Timestamps {
    /// That of the record with this number. It never leaves the years that RFC 3339 can write.
    pub(super) fn at(self, sequence: u64) -> i64 {
        const FIRST: i64 = 0;
        const LAST: i64 = 253_402_300_799_999;
        let passed = i64::try_from(sequence).unwrap_or(i64::MAX).saturating_mul(self.step_ms);
        self.start_ms.saturating_add(passed).clamp(FIRST, LAST)
    }
}
