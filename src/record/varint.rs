//! Whole numbers in as few bytes as they need: seven bits a byte, the lowest first (LEB128, as in Protocol Buffers);
//! signed ones with their sign in the lowest bit ("zigzag").

/// Appends a number.
pub fn push(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

/// Appends how far `number` is from `base`, in either direction.
pub fn push_delta(out: &mut Vec<u8>, number: u64, base: u64) {
    let delta = number.wrapping_sub(base).cast_signed();
    push(out, ((delta << 1) ^ (delta >> 63)).cast_unsigned());
}

/// Takes a number from the beginning of `bytes`. `None` where it ends too early or is none.
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a number that was written as its distance from `base`.
pub fn take_delta(bytes: &mut &[u8], base: u64) -> Option<u64> {
    let coded = take(bytes)?;
    let delta = (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed();
    Some(base.wrapping_add(delta.cast_unsigned()))
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
