//! Which records overtook an earlier one.

use std::collections::HashMap;

/// A record as the order check sees it; all given together are of one key and one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ordered<T> {
    /// Whose it is.
    pub(super) id: T,
    /// Offset of its first copy.
    pub(super) offset: i64,
    /// Which request it stood in, and where in it.
    pub(super) request: u64,
    /// Place in the request.
    pub(super) index: u32,
    /// First byte of its request written.
    pub(super) written_us: u64,
    /// Answer to its request read; `u64::MAX` where it never was.
    pub(super) answered_us: u64,
}

/// The records that stand before one that they had to follow. `i` had to come before `j` when both stood
/// in one request in that order, or when `i`'s answer had been read before `j`'s first byte was written;
/// concurrent requests promise nothing. `j` is returned if the offset of any such `i` is larger than its own.
pub(super) fn overtakers<T: Copy>(mut records: Vec<Ordered<T>>) -> Vec<T> {
    records.sort_unstable_by_key(|record| std::cmp::Reverse(record.offset));
    let mut overtakers = Vec::new();
    // Of the records at larger offsets: the earliest answer, and the earliest place in each request.
    let mut earliest_answer = u64::MAX;
    let mut earliest_index: HashMap<u64, u32> = HashMap::new();
    for record in records {
        let in_request = earliest_index.get(&record.request).is_some_and(|index| *index < record.index);
        if in_request || earliest_answer < record.written_us {
            overtakers.push(record.id);
        }
        earliest_answer = earliest_answer.min(record.answered_us);
        let index = earliest_index.entry(record.request).or_insert(record.index);
        *index = (*index).min(record.index);
    }
    overtakers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(
        id: u32,
        offset: i64,
        request: u64,
        index: u32,
        written_us: u64,
        answered_us: u64,
    ) -> Ordered<u32> {
        Ordered { id, offset, request, index, written_us, answered_us }
    }

    #[test]
    fn a_swap_within_a_request_is_one_overtaker() {
        let records = vec![record(0, 1, 0, 0, 0, 9), record(1, 0, 0, 1, 0, 9), record(2, 2, 0, 2, 0, 9)];
        assert_eq!(overtakers(records), [1]);
    }

    #[test]
    fn an_answered_request_goes_before_a_later_one() {
        assert_eq!(overtakers(vec![record(0, 1, 0, 0, 0, 9), record(1, 0, 1, 0, 10, 19)]), [1]);
    }

    #[test]
    fn concurrent_requests_promise_nothing() {
        assert!(overtakers(vec![record(0, 1, 0, 0, 0, 9), record(1, 0, 1, 0, 9, 19)]).is_empty());
        assert!(overtakers(vec![record(0, 1, 0, 0, 0, u64::MAX), record(1, 0, 1, 0, 10, 19)]).is_empty());
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            rows in prop::collection::vec((0..6_u64, 0..4_u32, 0..20_u64, 0..10_u64), 0..24),
            swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 24),
        ) {
            let mut offsets: Vec<i64> = (0_i64..).take(rows.len()).collect();
            for (a, b) in swaps.iter().filter(|_| !rows.is_empty()) {
                offsets.swap(a.index(rows.len()), b.index(rows.len()));
            }
            let records: Vec<_> = rows.iter().zip(offsets).enumerate()
                .map(|(id, ((request, index, written, life), offset))| {
                    record(u32::try_from(id).unwrap(), offset, *request, *index, *written, written + life)
                })
                .collect();
            let mut expected: Vec<u32> = records.iter()
                .filter(|j| records.iter().any(|i| {
                    let before = (i.request == j.request && i.index < j.index) || i.answered_us < j.written_us;
                    before && i.offset > j.offset
                }))
                .map(|j| j.id)
                .collect();
            let mut seen = overtakers(records);
            expected.sort_unstable();
            seen.sort_unstable();
            prop_assert_eq!(seen, expected);
        }
    }
}
