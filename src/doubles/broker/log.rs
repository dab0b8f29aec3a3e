//! The log of one partition: whole batches in memory, appended, read, looked up, dropped.
//!
//! Pure: time comes in as an argument, nothing waits. The high watermark is the log's end, since every replica
//! is this process.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::batch::{self, Header};

/// Batches shorter than this share allocations of [`ARENA`] bytes, so that a log of one-record batches
/// does not spend more on bookkeeping than on records.
const SMALL: usize = 16 * 1024;
const ARENA: usize = 64 * 1024;

/// The batches of a partition.
#[derive(Debug, Default)]
pub(super) struct Log {
    batches: VecDeque<Stored>,
    start: i64,
    end: i64,
    size: u64,
    arena: BytesMut,
}

#[derive(Debug)]
struct Stored {
    base_offset: i64,
    max_timestamp: i64,
    bytes: Bytes,
}

/// The offset lies before the log's start or behind its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfRange;

impl Log {
    /// Offset of the first record that is still there.
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    /// Offset that the next record will get; the high watermark.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Appends a batch that [`batch::check`] has passed, in the leader's epoch, and returns its base offset. With
    /// `append_time_ms` its timestamps become the broker's.
    pub(super) fn append(
        &mut self,
        raw: &[u8],
        header: &Header,
        epoch: i32,
        append_time_ms: Option<i64>,
    ) -> i64 {
        let base_offset = self.end;
        let mut copy = self.copy(raw);
        batch::place(&mut copy, base_offset, epoch);
        if let Some(now) = append_time_ms {
            batch::stamp(&mut copy, now);
        }
        self.end += i64::from(header.last_offset_delta) + 1;
        self.size += u64::try_from(copy.len()).unwrap_or(u64::MAX);
        self.batches.push_back(Stored {
            base_offset,
            max_timestamp: append_time_ms.unwrap_or(header.max_timestamp),
            bytes: copy.freeze(),
        });
        base_offset
    }

    fn copy(&mut self, raw: &[u8]) -> BytesMut {
        if raw.len() >= SMALL {
            return BytesMut::from(raw);
        }
        if self.arena.capacity() < raw.len() {
            self.arena = BytesMut::with_capacity(ARENA);
        }
        self.arena.extend_from_slice(raw);
        self.arena.split()
    }

    /// Whole batches from the one that holds `offset` on, `max_bytes` of them at most; with `at_least_one`
    /// the first even where it is longer (KIP-74).
    ///
    /// # Errors
    /// [`OutOfRange`]; the end itself is in range, and empty.
    pub(super) fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Vec<Bytes>, OutOfRange> {
        if offset < self.start || offset > self.end {
            return Err(OutOfRange);
        }
        let mut found = Vec::new();
        if offset == self.end {
            return Ok(found);
        }
        let first = self.batches.partition_point(|stored| stored.base_offset <= offset).saturating_sub(1);
        let mut left = max_bytes;
        for stored in self.batches.range(first..) {
            match left.checked_sub(stored.bytes.len()) {
                Some(rest) => left = rest,
                None if at_least_one && found.is_empty() => left = 0,
                None => break,
            }
            found.push(stored.bytes.clone());
        }
        Ok(found)
    }

    /// The first batch at or after `offset` that may hold a record of `timestamp` or later.
    pub(super) fn reaching(&self, timestamp: i64, offset: i64) -> Option<Bytes> {
        let first = self.batches.partition_point(|stored| stored.base_offset < offset);
        let found = self.batches.range(first..).find(|stored| stored.max_timestamp >= timestamp);
        found.map(|stored| stored.bytes.clone())
    }

    /// The greatest timestamp of the log and the first batch that has it.
    pub(super) fn latest(&self) -> Option<(i64, Bytes)> {
        let mut latest: Option<&Stored> = None;
        for stored in &self.batches {
            if latest.is_none_or(|known| stored.max_timestamp > known.max_timestamp) {
                latest = Some(stored);
            }
        }
        latest.map(|stored| (stored.max_timestamp, stored.bytes.clone()))
    }

    /// Drops the oldest batches until the rest is `limit` bytes long at most; the newest always stays.
    pub(super) fn shrink_to(&mut self, limit: u64) {
        while self.size > limit && self.batches.len() > 1 {
            let Some(oldest) = self.batches.pop_front() else { return };
            self.size -= u64::try_from(oldest.bytes.len()).unwrap_or(0);
            self.start = self.batches.front().map_or(self.end, |stored| stored.base_offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::samples::batch;
    use super::*;
    use proptest::prelude::*;

    fn append(log: &mut Log, count: usize, timestamp: i64, value: &[u8]) -> i64 {
        let samples = vec![(0, None, value); count];
        let raw = batch(&samples, timestamp);
        let header = batch::check(&raw).unwrap();
        log.append(&raw, &header, 0, None)
    }

    fn bases(found: &[Bytes]) -> Vec<i64> {
        found.iter().map(|bytes| Header::read(bytes).unwrap().base_offset).collect()
    }

    #[test]
    fn reading_from_the_middle_of_a_batch_returns_the_whole_batch() {
        let mut log = Log::default();
        assert_eq!([append(&mut log, 3, 0, b"a"), append(&mut log, 2, 0, b"b")], [0, 3]);
        for (offset, expected) in [(0, vec![0, 3]), (2, vec![0, 3]), (3, vec![3]), (4, vec![3]), (5, vec![])]
        {
            assert_eq!(bases(&log.read(offset, usize::MAX, true).unwrap()), expected, "from {offset}");
        }
        assert_eq!(log.read(6, 100, true), Err(OutOfRange));
        assert_eq!(log.read(-1, 100, true), Err(OutOfRange));
    }

    #[test]
    fn the_limit_counts_whole_batches_and_the_first_may_be_longer() {
        let mut log = Log::default();
        for _ in 0..4 {
            append(&mut log, 1, 0, b"value");
        }
        let length = log.read(0, 1, true).unwrap()[0].len();
        assert_eq!(bases(&log.read(0, 1, true).unwrap()), [0]);
        assert_eq!(bases(&log.read(0, 1, false).unwrap()), [0; 0]);
        assert_eq!(bases(&log.read(1, length * 2, false).unwrap()), [1, 2]);
        assert_eq!(bases(&log.read(1, length * 3 - 1, true).unwrap()), [1, 2]);
    }

    #[test]
    fn only_offset_and_epoch_differ_from_what_came() {
        let mut log = Log::default();
        append(&mut log, 1, 0, b"x");
        let raw = batch(&[(0, Some(b"key"), b"value")], 42);
        log.append(&raw, &batch::check(&raw).unwrap(), 3, None);
        let stored = &log.read(1, 1, true).unwrap()[0];
        assert_eq!(stored[..16], [0, 0, 0, 0, 0, 0, 0, 1, raw[8], raw[9], raw[10], raw[11], 0, 0, 0, 3]);
        assert_eq!(stored[16..], raw[16..]);
    }

    #[test]
    fn shrinking_moves_the_start_and_keeps_the_newest() {
        let mut log = Log::default();
        for _ in 0..10 {
            append(&mut log, 2, 0, b"value");
        }
        let length = u64::try_from(log.read(0, 1, true).unwrap()[0].len()).unwrap();
        log.shrink_to(length * 3);
        assert_eq!((log.start(), log.end()), (14, 20));
        assert_eq!(log.read(13, 1, true), Err(OutOfRange));
        log.shrink_to(0);
        assert_eq!((log.start(), log.end()), (18, 20));
    }

    #[test]
    fn timestamps_find_their_batch() {
        let mut log = Log::default();
        for timestamp in [100, 300, 200, 300] {
            append(&mut log, 2, timestamp, b"v");
        }
        let base = |found: Option<Bytes>| found.map(|bytes| Header::read(&bytes).unwrap().base_offset);
        assert_eq!(base(log.reaching(150, 0)), Some(2));
        assert_eq!(base(log.reaching(150, 4)), Some(4));
        assert_eq!(base(log.reaching(301, 0)), None);
        let (timestamp, bytes) = log.latest().unwrap();
        assert_eq!((timestamp, base(Some(bytes))), (300, Some(2)));
    }

    proptest! {
        /// Following the log from its start, whatever the limits, meets every batch once and in order.
        #[test]
        fn reading_on_and_on_meets_every_record(
            counts in proptest::collection::vec(1_usize..6, 1..40),
            limit in 1_usize..1_000,
            keep in 200_u64..5_000,
        ) {
            let mut log = Log::default();
            for count in &counts {
                append(&mut log, *count, 0, b"0123456789");
            }
            log.shrink_to(keep);
            let mut offset = log.start();
            while offset < log.end() {
                let found = log.read(offset, limit, true).unwrap();
                prop_assert!(!found.is_empty());
                for bytes in found {
                    let header = Header::read(&bytes).unwrap();
                    prop_assert_eq!(header.base_offset, offset);
                    offset += i64::from(header.count);
                }
            }
            prop_assert_eq!(offset, i64::try_from(counts.iter().sum::<usize>()).unwrap());
        }
    }
}
