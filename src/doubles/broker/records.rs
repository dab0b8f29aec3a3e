//! Walking through the records of a batch for their keys' presence and their timestamps, without
//! holding more than one buffer of them in memory.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;

use flate2::bufread::MultiGzDecoder;
use kafka_protocol::ResponseError;

use super::batch::{Codec, HEADER_LEN, Header};
use super::refusal::Refusal;

/// What the broker needs to know of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glance {
    /// Offset relative to the batch's base offset.
    pub(super) offset_delta: i64,
    /// Milliseconds since 1970.
    pub(super) timestamp: i64,
    /// Whether the key is null.
    pub(super) null_key: bool,
    /// A number that other records do not have: of timestamp, key, value and headers.
    pub(super) fingerprint: u64,
}

/// Shows each record of `batch` to `visit`, in order, until it breaks off.
///
/// # Errors
/// `UNSUPPORTED_COMPRESSION_TYPE` for other compressions than none and gzip; `INVALID_RECORD` where the
/// records cannot be read.
pub(super) fn walk(batch: &[u8], visit: impl FnMut(Glance) -> ControlFlow<()>) -> Result<(), Refusal> {
    let broken = |_| Refusal::new(ResponseError::InvalidRecord, "the batch's records cannot be read");
    let Some(header) = Header::read(batch) else {
        return Err(broken(io::ErrorKind::UnexpectedEof.into()));
    };
    let records = &batch[HEADER_LEN..];
    match header.codec() {
        Codec::None => each(records, header, visit).map_err(broken),
        Codec::Gzip => each(BufReader::new(MultiGzDecoder::new(records)), header, visit).map_err(broken),
        Codec::Snappy | Codec::Lz4 | Codec::Zstd | Codec::Undefined => Err(Refusal::new(
            ResponseError::UnsupportedCompressionType,
            "this broker looks into uncompressed and gzip batches only",
        )),
    }
}

fn each(
    mut source: impl BufRead,
    header: Header,
    mut visit: impl FnMut(Glance) -> ControlFlow<()>,
) -> io::Result<()> {
    for _ in 0..header.count {
        let length = u64::try_from(varint(&mut source)?).map_err(io::Error::other)?;
        let mut record = (&mut source).take(length);
        let mut attributes = [0];
        record.read_exact(&mut attributes)?;
        let timestamp = header.base_timestamp.saturating_add(varint(&mut record)?);
        let offset_delta = varint(&mut record)?;
        let null_key = varint(&mut record)? < 0;
        let unread = record.limit();
        let mut fingerprint = Fingerprint::default();
        (timestamp, null_key).hash(&mut fingerprint.0);
        if io::copy(&mut record, &mut fingerprint)? != unread {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let timestamp = if header.is_log_append_time() { header.max_timestamp } else { timestamp };
        if visit(Glance { offset_delta, timestamp, null_key, fingerprint: fingerprint.0.finish() }).is_break()
        {
            break;
        }
    }
    Ok(())
}

/// Hashes what is written to it.
#[derive(Default)]
struct Fingerprint(DefaultHasher);

impl Write for Fingerprint {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A zigzag variable-length number of at most 64 bits (Kafka protocol, VARLONG).
fn varint(source: &mut impl Read) -> io::Result<i64> {
    let mut zigzag: u64 = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        source.read_exact(&mut byte)?;
        zigzag |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            let magnitude = (zigzag >> 1).cast_signed();
            return Ok(if zigzag & 1 == 0 { magnitude } else { !magnitude });
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::super::batch::samples::{Sample, batch, batch_of, records};
    use super::*;

    const SAMPLES: &[Sample<'static>] =
        &[(0, Some(b"k"), b"a"), (-250, None, b""), (70_000, Some(b""), b"ccc")];

    fn all(bytes: &[u8]) -> Vec<(i64, i64, bool)> {
        let mut seen = Vec::new();
        walk(bytes, |glance| {
            seen.push((glance.offset_delta, glance.timestamp, glance.null_key));
            ControlFlow::Continue(())
        })
        .unwrap();
        seen
    }

    #[test]
    fn plain_and_gzip_show_the_same() {
        let expected = [(0, 1_000, false), (1, 750, true), (2, 71_000, false)];
        assert_eq!(all(&batch(SAMPLES, 1_000)), expected);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&records(SAMPLES)).unwrap();
        let payload = encoder.finish().unwrap();
        assert_eq!(all(&batch_of(SAMPLES, 1_000, (-1, -1, -1), 1, Some(payload))), expected);
    }

    #[test]
    fn other_compressions_and_cut_records_are_errors() {
        let zstd = batch_of(SAMPLES, 0, (-1, -1, -1), 4, None);
        let keep = |_| ControlFlow::Continue(());
        assert_eq!(walk(&zstd, keep).unwrap_err().error, ResponseError::UnsupportedCompressionType);
        let whole = batch(SAMPLES, 0);
        for length in 0..whole.len() {
            assert_eq!(walk(&whole[..length], keep).unwrap_err().error, ResponseError::InvalidRecord);
        }
    }
}
