//! Avro's binary encoding (Avro 1.11 specification, "Binary encoding").

pub(super) fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

/// A whole number, zigzag and in groups of seven bits.
pub(super) fn write_long(number: i64, out: &mut Vec<u8>) {
    let mut rest = (number << 1 ^ number >> 63).cast_unsigned();
    while rest > 0x7f {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(count(bytes.len()), out);
    out.extend_from_slice(bytes);
}

/// The items of an array or a map, in one block.
pub(super) fn write_block(items: usize, content: &[u8], out: &mut Vec<u8>) {
    if items > 0 {
        write_long(count(items), out);
        out.extend_from_slice(content);
    }
    out.push(0);
}
