//! The identity that every record carries: `<run>.<producer>.<sequence>.<check>`.

use std::fmt;

/// The name of one run. Records of other runs in the same topic are told apart by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(String);

/// Why a text cannot name a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a run: use 1 to 40 of the characters A-Z, a-z, 0-9, `-` and `_`")]
pub struct RunIdError(pub String);

impl RunId {
    /// A run id of 1 to 40 characters out of `A-Z a-z 0-9 - _` (it stands in file names, headers and,
    /// between dots, in every record).
    ///
    /// # Errors
    /// [`RunIdError`] for anything else.
    pub fn new(text: &str) -> Result<Self, RunIdError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if (1..=40).contains(&text.len()) && text.chars().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RunIdError(text.to_owned()))
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    /// Number of the stream (the workload's place in the scenario).
    pub producer: u16,
    /// Number of the record in its stream, from 0.
    pub sequence: u64,
}

impl RecordId {
    /// The identity as it stands in a record. The check is the CRC-32C of all that stands before it, so
    /// that a damaged identity is noticed and not taken for another record's.
    #[must_use]
    pub fn encode(self, run: &RunId) -> String {
        let mut text = Vec::new();
        self.encode_into(run, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Appends the identity to `out`, which needs no more memory than the identity is long.
    pub fn encode_into(self, run: &RunId, out: &mut Vec<u8>) {
        let start = out.len();
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(run.as_str().as_bytes());
        out.push(b'.');
        out.extend_from_slice(digits.format(self.producer).as_bytes());
        out.push(b'.');
        out.extend_from_slice(digits.format(self.sequence).as_bytes());
        let check = crc32c::crc32c(&out[start..]);
        out.push(b'.');
        for shift in (0..8).rev() {
            out.push(b"0123456789abcdef"[(check >> (4 * shift)) as usize & 0xf]);
        }
    }

    /// Reads an identity: the run it names and the record. `None` unless it is exactly as
    /// [`RecordId::encode`] writes it.
    #[must_use]
    pub fn decode(text: &[u8]) -> Option<(&str, Self)> {
        let (body, check) = text.split_at_checked(text.len().checked_sub(CHECK)?)?;
        if check.first() != Some(&b'.') || hexadecimal(&check[1..])? != crc32c::crc32c(body) {
            return None;
        }
        let (body, sequence) = split_at_last_dot(body)?;
        let (run, producer) = split_at_last_dot(body)?;
        if run.contains(&b'.') {
            return None;
        }
        let id = Self { producer: u16::try_from(decimal(producer)?).ok()?, sequence: decimal(sequence)? };
        Some((std::str::from_utf8(run).ok()?, id))
    }
}

/// Bytes of the check with its dot.
const CHECK: usize = 9;

fn split_at_last_dot(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = text.iter().rposition(|byte| *byte == b'.')?;
    Some((&text[..dot], &text[dot + 1..]))
}

/// A number of digits `0-9` alone.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(digit.into()) }
    })
}

/// A number of digits `0-9a-f` alone; eight of them fit.
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u32::from(digit))
    })
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.producer, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn run_ids_are_safe_in_names_and_between_dots() {
        assert!(RunId::new("a-Z_9").is_ok());
        for bad in ["", "a.b", "a/b", "ä", &"x".repeat(41)] {
            assert!(RunId::new(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(producer: u16, sequence: u64) {
            let run = RunId::new("run-1").unwrap();
            let id = RecordId { producer, sequence };
            let text = id.encode(&run);
            prop_assert_eq!(RecordId::decode(text.as_bytes()), Some(("run-1", id)));
            let mut appended = b"before".to_vec();
            id.encode_into(&run, &mut appended);
            prop_assert_eq!(appended, [b"before", text.as_bytes()].concat());
        }

        #[test]
        fn one_changed_byte_is_noticed(sequence in 0..1_000_000_u64, at: prop::sample::Index, flip in 1..=255_u8) {
            let run = RunId::new("run-1").unwrap();
            let mut text = RecordId { producer: 3, sequence }.encode(&run).into_bytes();
            let at = at.index(text.len());
            text[at] ^= flip;
            prop_assert_eq!(RecordId::decode(&text), None);
        }

        #[test]
        fn garbage_is_no_identity(bytes: Vec<u8>) {
            prop_assert_eq!(RecordId::decode(&bytes), None);
        }
    }
}
