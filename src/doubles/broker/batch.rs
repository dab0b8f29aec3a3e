//! The header of a record batch, version 2: read, checked and patched in place.
//!
//! The layout is that of the Kafka documentation, "Message Format: Record Batch". The checks are those
//! that Kafka's `LogValidator` and `UnifiedLog.analyzeAndValidateRecords` make of a producer's batch.

use bytes::Buf;
use kafka_protocol::ResponseError;

use super::refusal::Refusal;

/// Length of the header, up to the first record.
pub(super) const HEADER_LEN: usize = 61;
/// Length of what stands before the part that `batchLength` counts: base offset and the length itself.
const PREFIX_LEN: usize = 12;
const LEADER_EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;

const COMPRESSION_MASK: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// How the records of a batch are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
    /// A number that the protocol does not define.
    Undefined,
}

/// The fields of a batch's header, without its CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) base_offset: i64,
    pub(super) attributes: i16,
    pub(super) last_offset_delta: i32,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    pub(super) count: i32,
}

impl Header {
    /// Reads the header of `batch`, which holds [`HEADER_LEN`] bytes at least; `None` where it does not.
    pub(super) fn read(batch: &[u8]) -> Option<Self> {
        if batch.len() < HEADER_LEN {
            return None;
        }
        let base_offset = (&batch[..8]).get_i64();
        let mut rest = &batch[ATTRIBUTES_AT..HEADER_LEN];
        Some(Self {
            base_offset,
            attributes: rest.get_i16(),
            last_offset_delta: rest.get_i32(),
            base_timestamp: rest.get_i64(),
            max_timestamp: rest.get_i64(),
            producer_id: rest.get_i64(),
            producer_epoch: rest.get_i16(),
            base_sequence: rest.get_i32(),
            count: rest.get_i32(),
        })
    }

    /// The compression that the attributes name.
    pub(super) fn codec(&self) -> Codec {
        match self.attributes & COMPRESSION_MASK {
            0 => Codec::None,
            1 => Codec::Gzip,
            2 => Codec::Snappy,
            3 => Codec::Lz4,
            4 => Codec::Zstd,
            _ => Codec::Undefined,
        }
    }

    /// Whether the timestamps are the broker's, so that every record has the batch's maximum.
    pub(super) fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Whether an idempotent producer made the batch.
    pub(super) fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }
}

/// Checks what a producer sent for one partition: exactly one whole batch of version 2, whose CRC holds
/// and whose header does not contradict itself.
///
/// # Errors
/// `CORRUPT_MESSAGE`, `INVALID_RECORD`, `UNSUPPORTED_COMPRESSION_TYPE` or `INVALID_TXN_STATE`.
pub(super) fn check(records: &[u8]) -> Result<Header, Refusal> {
    let invalid = |message: &'static str| Refusal::new(ResponseError::InvalidRecord, message);
    let corrupt = |message: &'static str| Refusal::new(ResponseError::CorruptMessage, message);
    if records.is_empty() {
        return Err(invalid("a produce request holds one record batch for each partition, this one none"));
    }
    if records.len() <= MAGIC_AT {
        return Err(corrupt("the record batch is shorter than its own header"));
    }
    if records[MAGIC_AT] != 2 {
        return Err(invalid("only record batches of magic version 2 are accepted"));
    }
    let Some(header) = Header::read(records) else {
        return Err(corrupt("the record batch is shorter than its own header"));
    };
    let claimed = usize::try_from((&records[8..PREFIX_LEN]).get_i32()).ok().map(|rest| rest + PREFIX_LEN);
    match claimed {
        Some(length) if length == records.len() => {}
        Some(length) if length >= HEADER_LEN && length < records.len() => {
            return Err(invalid("a produce request holds exactly one record batch for each partition"));
        }
        _ => return Err(corrupt("the record batch's length is not the number of bytes that arrived")),
    }
    if (&records[CRC_AT..ATTRIBUTES_AT]).get_u32() != crc32c::crc32c(&records[ATTRIBUTES_AT..]) {
        return Err(corrupt("the record batch's CRC does not match its bytes"));
    }
    if header.count <= 0 || i64::from(header.last_offset_delta) + 1 != i64::from(header.count) {
        return Err(invalid("the batch's last offset delta does not match its number of records"));
    }
    if header.base_offset != 0 {
        return Err(invalid("a producer's batch has base offset 0"));
    }
    if header.attributes & CONTROL != 0 {
        return Err(invalid("only a transaction coordinator writes control batches"));
    }
    if header.attributes & TRANSACTIONAL != 0 {
        return Err(Refusal::new(ResponseError::InvalidTxnState, "this broker has no transactions"));
    }
    if header.has_producer() && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return Err(invalid("a batch with a producer id needs an epoch and a sequence number"));
    }
    if header.codec() == Codec::Undefined {
        return Err(Refusal::new(
            ResponseError::UnsupportedCompressionType,
            "the batch names a compression that the protocol does not define",
        ));
    }
    Ok(header)
}

/// Writes the offset and the leader epoch that the log gives to a batch. Neither is under the CRC.
pub(super) fn place(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LEADER_EPOCH_AT..MAGIC_AT].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Makes the timestamps of a batch the broker's: sets the attribute and the maximum timestamp, and
/// computes the CRC anew, as `DefaultRecordBatch.setMaxTimestamp` does. Base timestamp and records stay.
pub(super) fn stamp(batch: &mut [u8], append_time_ms: i64) {
    let attributes = (&batch[ATTRIBUTES_AT..]).get_i16() | LOG_APPEND_TIME;
    batch[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&append_time_ms.to_be_bytes());
    let crc = crc32c::crc32c(&batch[ATTRIBUTES_AT..]);
    batch[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
pub(super) mod samples {
    //! Batches for the tests of the broker, made byte by byte from the documentation.

    use super::{ATTRIBUTES_AT, CRC_AT};

    /// A record: timestamp delta, key, value.
    pub(crate) type Sample<'a> = (i64, Option<&'a [u8]>, &'a [u8]);

    fn varint(out: &mut Vec<u8>, value: i64) {
        #[expect(clippy::cast_sign_loss, reason = "zigzag makes the number unsigned")]
        let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
        while zigzag >= 0x80 {
            out.push(u8::try_from(zigzag & 0x7f).unwrap() | 0x80);
            zigzag >>= 7;
        }
        out.push(u8::try_from(zigzag).unwrap());
    }

    fn bytes(out: &mut Vec<u8>, value: Option<&[u8]>) {
        varint(out, value.map_or(-1, |value| i64::try_from(value.len()).unwrap()));
        out.extend_from_slice(value.unwrap_or_default());
    }

    /// The records of a batch, one after the other.
    pub(crate) fn records(samples: &[Sample<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        for (delta, (timestamp, key, value)) in samples.iter().enumerate() {
            let mut record = vec![0];
            varint(&mut record, *timestamp);
            varint(&mut record, i64::try_from(delta).unwrap());
            bytes(&mut record, *key);
            bytes(&mut record, Some(value));
            varint(&mut record, 0);
            varint(&mut out, i64::try_from(record.len()).unwrap());
            out.extend(record);
        }
        out
    }

    /// A whole batch, with `payload` in place of the plain records where given.
    pub(crate) fn batch_of(
        samples: &[Sample<'_>],
        base_timestamp: i64,
        producer: (i64, i16, i32),
        codec: i16,
        payload: Option<Vec<u8>>,
    ) -> Vec<u8> {
        let count = i32::try_from(samples.len()).unwrap();
        let max = samples.iter().map(|sample| sample.0).max().unwrap_or(0);
        let mut out = vec![0; ATTRIBUTES_AT];
        out.extend(codec.to_be_bytes());
        out.extend((count - 1).to_be_bytes());
        out.extend(base_timestamp.to_be_bytes());
        out.extend((base_timestamp + max).to_be_bytes());
        out.extend(producer.0.to_be_bytes());
        out.extend(producer.1.to_be_bytes());
        out.extend(producer.2.to_be_bytes());
        out.extend(count.to_be_bytes());
        out.extend(payload.unwrap_or_else(|| records(samples)));
        seal(&mut out);
        out
    }

    /// Sets length, magic and CRC to what the rest demands.
    pub(crate) fn seal(batch: &mut [u8]) {
        let length = i32::try_from(batch.len()).unwrap() - 12;
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        batch[16] = 2;
        let crc = crc32c::crc32c(&batch[ATTRIBUTES_AT..]);
        batch[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
    }

    /// A plain batch of `samples` from no producer in particular.
    pub(crate) fn batch(samples: &[Sample<'_>], base_timestamp: i64) -> Vec<u8> {
        batch_of(samples, base_timestamp, (-1, -1, -1), 0, None)
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{batch, batch_of, seal};
    use super::*;

    #[test]
    fn a_good_batch_passes_and_is_read_as_written() {
        let bytes = batch_of(&[(0, None, b"a"), (7, Some(b"k"), b"b")], 1_000, (5, 1, 9), 0, None);
        let header = check(&bytes).unwrap();
        assert_eq!((header.count, header.last_offset_delta), (2, 1));
        assert_eq!((header.base_timestamp, header.max_timestamp), (1_000, 1_007));
        assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (5, 1, 9));
    }

    #[test]
    fn kafka_protocol_agrees_with_the_samples() {
        let mut bytes = bytes::Bytes::from(batch(&[(0, None, b"a"), (7, Some(b"k"), b"b")], 1_000));
        let set = kafka_protocol::records::RecordBatchDecoder::decode(&mut bytes).unwrap();
        let seen: Vec<_> =
            set.records.iter().map(|r| (r.timestamp, r.key.clone(), r.value.clone())).collect();
        assert_eq!(
            seen,
            [(1_000, None, Some("a".into())), (1_007, Some("k".into()), Some("b".into()))],
            "{set:?}"
        );
    }

    #[test]
    fn every_flipped_bit_under_the_crc_is_noticed() {
        let good = batch(&[(0, None, b"value")], 1_000);
        for at in CRC_AT..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(check(&bad).unwrap_err().error, ResponseError::CorruptMessage, "byte {at}");
        }
    }

    #[test]
    fn each_defect_has_its_error() {
        let good = batch(&[(0, None, b"value")], 1_000);
        let altered = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let length = bytes.len();
            seal(&mut bytes[..length]);
            check(&bytes).unwrap_err().error
        };
        assert_eq!(altered(26, 3), ResponseError::InvalidRecord, "offset delta against count");
        assert_eq!(altered(7, 1), ResponseError::InvalidRecord, "base offset");
        assert_eq!(altered(22, 1 << 5), ResponseError::InvalidRecord, "control batch");
        assert_eq!(altered(22, 1 << 4), ResponseError::InvalidTxnState);
        assert_eq!(altered(22, 7), ResponseError::UnsupportedCompressionType);
        assert_eq!(check(&[]).unwrap_err().error, ResponseError::InvalidRecord);
        assert_eq!(check(&good[..40]).unwrap_err().error, ResponseError::CorruptMessage);
        assert_eq!(
            check(&[good.clone(), good.clone()].concat()).unwrap_err().error,
            ResponseError::InvalidRecord
        );
        let mut old = good.clone();
        old[MAGIC_AT] = 1;
        assert_eq!(check(&old).unwrap_err().error, ResponseError::InvalidRecord);
    }

    #[test]
    fn a_stamped_batch_still_has_a_true_crc() {
        let mut bytes = batch(&[(0, None, b"value")], 1_000);
        place(&mut bytes, 77, 0);
        stamp(&mut bytes, 5_000);
        place(&mut bytes, 0, 0);
        let header = check(&bytes).unwrap();
        assert!(header.is_log_append_time());
        assert_eq!((header.base_timestamp, header.max_timestamp), (1_000, 5_000));
    }
}
