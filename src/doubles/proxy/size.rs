//! How large records are as Java's client counts them, and which share a batch.

use super::request::ProduceRecord;

/// What a batch takes besides its records.
const BATCH: usize = 61;
/// The most that a record takes besides its key, value and headers.
const RECORD: usize = 21;
/// Java's `batch.size`.
const BATCH_SIZE: usize = 16_384;

/// What a batch with this record alone takes at most.
pub(super) fn batch_size(record: &ProduceRecord) -> usize {
    BATCH + record_size(record)
}

fn record_size(record: &ProduceRecord) -> usize {
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| varint(name.len()) + name.len() + nullable(value.as_deref()));
    RECORD
        + nullable(record.key.as_deref())
        + nullable(record.value.as_deref())
        + varint(record.headers.len())
        + headers.sum::<usize>()
}

fn nullable(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint(bytes.len()) + bytes.len())
}

/// The length of a number on the wire: seven bits a byte, of twice the number.
fn varint(number: usize) -> usize {
    let bits = usize::BITS - (number << 1).leading_zeros();
    (bits.div_ceil(7) as usize).max(1)
}

/// The records that share a batch, by their places, where their partition is known; `place` tells it.
pub(super) fn groups(
    records: &[ProduceRecord],
    place: impl Fn(&ProduceRecord) -> Option<i32>,
) -> Vec<Vec<usize>> {
    let mut groups: Vec<(i32, usize, Vec<usize>)> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let Some(partition) = place(record) else { continue };
        let size = record_size(record);
        // Only the last batch of a partition takes more.
        let open = groups.iter_mut().rev().find(|(of, ..)| *of == partition);
        match open {
            Some((_, taken, group)) if *taken + size <= BATCH_SIZE => {
                *taken += size;
                group.push(index);
            }
            _ => groups.push((partition, BATCH + size, vec![index])),
        }
    }
    groups.into_iter().map(|(_, _, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(length: usize) -> ProduceRecord {
        ProduceRecord { value: Some(vec![b'x'; length]), ..ProduceRecord::default() }
    }

    #[test]
    fn sizes_are_javas() {
        assert_eq!(batch_size(&record(1_048_502)), 1_048_589);
        let full = ProduceRecord {
            key: Some(vec![0; 64]),
            value: None,
            headers: vec![("h".into(), None), ("i".into(), Some(vec![1]))],
            ..ProduceRecord::default()
        };
        assert_eq!(batch_size(&full), 61 + 21 + (2 + 64) + 1 + 1 + (1 + 1 + 1) + (1 + 1 + 1 + 1));
    }

    #[test]
    fn a_partitions_records_share_a_batch_until_it_is_full() {
        let records = [record(10), record(10_000), record(10_000), record(10)];
        assert_eq!(groups(&records, |_| Some(0)), [vec![0, 1], vec![2, 3]]);
        assert_eq!(groups(&records, |record| (record.value.as_ref()?.len() > 10).then_some(1)), [[1], [2]]);
    }
}
