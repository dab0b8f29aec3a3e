//! Whole numbers in as few bytes as they need: unsigned ones seven bits a byte, signed ones with their sign in the
//! lowest bit, as in Protocol Buffers.

use integer_encoding::VarInt;

/// Appends a number.
pub fn push(out: &mut Vec<u8>, number: impl VarInt) {
    let start = out.len();
    out.resize(start + number.required_space(), 0);
    number.encode_var(&mut out[start..]);
}

/// Appends how far `number` is from `base`, in either direction.
pub fn push_delta(out: &mut Vec<u8>, number: u64, base: u64) {
    push(out, number.wrapping_sub(base).cast_signed());
}

/// Takes a number from the beginning of `bytes`. `None` where it ends too early or is none of this type.
pub fn take<N: VarInt>(bytes: &mut &[u8]) -> Option<N> {
    let (number, length) = N::decode_var(bytes)?;
    *bytes = bytes.get(length..)?;
    Some(number)
}

/// Takes a number that was written as its distance from `base`.
pub fn take_delta(bytes: &mut &[u8], base: u64) -> Option<u64> {
    Some(base.wrapping_add(take::<i64>(bytes)?.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(numbers: Vec<(u64, u64)>) {
            let mut out = Vec::new();
            for (number, base) in &numbers {
                push(&mut out, *number);
                push_delta(&mut out, *number, *base);
            }
            let mut rest = out.as_slice();
            for (number, base) in &numbers {
                prop_assert_eq!(take(&mut rest), Some(*number));
                prop_assert_eq!(take_delta(&mut rest, *base), Some(*number));
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn garbage_is_no_panic(bytes: Vec<u8>) {
            let mut rest = bytes.as_slice();
            while take_delta(&mut rest, 7).is_some() {}
        }
    }

    #[test]
    fn small_distances_are_one_byte_in_either_direction() {
        for number in [1_000 - 64, 1_000, 1_000 + 63] {
            let mut out = Vec::new();
            push_delta(&mut out, number, 1_000);
            assert_eq!(out.len(), 1, "{number}");
        }
    }
}
