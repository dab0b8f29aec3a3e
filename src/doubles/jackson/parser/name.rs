//! Names of members.

use super::super::problem::Read;
use super::super::string::{Units, push_unit};
use super::Parser;
use super::text::low_unit;

const NAME_LIMIT: usize = 50_000;

impl Parser<'_> {
    pub(super) fn parse_name(&mut self, first: u8) -> Read<()> {
        if first != b'"' {
            let c = i32::from(self.decode_for_error(first)?);
            return self.unexpected(c, "was expecting double-quote to start field name");
        }
        let start = self.at;
        let input = self.input;
        let mut end = start;
        while let Some(&c) = input.get(end) {
            if c == b'"' {
                self.at = end + 1;
                if end - start > NAME_LIMIT {
                    self.check_name(end - start)?;
                }
                self.name = Units::Borrowed(&input[start..end]);
                return Ok(());
            }
            if !(0x20..0x80).contains(&c) || c == b'\\' {
                break;
            }
            end += 1;
        }
        self.at = start;
        self.parse_odd_name()
    }

    pub(super) fn check_name(&self, length: usize) -> Read<()> {
        if length > NAME_LIMIT && self.version.has_limits() {
            return Self::beyond("Name length", length, NAME_LIMIT, "getMaxNameLength");
        }
        Ok(())
    }

    pub(super) fn parse_odd_name(&mut self) -> Read<()> {
        if self.at >= self.input.len() {
            return self.ended(if self.wide {
                " in field name"
            } else {
                ": was expecting closing '\"' for name"
            });
        }
        // First the bytes, with what was escaped encoded again, then the characters.
        let mut bytes = Vec::new();
        loop {
            let Some(&c) = self.input.get(self.at) else { return self.ended(" in field name") };
            self.at += 1;
            match c {
                b'"' => break,
                b'\\' => {
                    let unit = self.escaped()?;
                    push_unit(&mut bytes, unit);
                }
                0..=0x1f => return self.unquoted(c, "name"),
                _ => bytes.push(c),
            }
        }
        self.check_name(bytes.len())?;
        self.name = Units::Owned(if self.wide { bytes } else { self.decoded_name(&bytes)? });
        Ok(())
    }

    pub(super) fn decoded_name(&self, bytes: &[u8]) -> Read<Vec<u8>> {
        let mut units = Vec::with_capacity(bytes.len());
        let mut index = 0;
        // Jackson keeps four bytes in an integer and does not mask what it takes of it.
        let unmasked = |index: usize| {
            let byte = |at: usize| bytes.get(index / 4 * 4 + at).copied().unwrap_or_default();
            i32::from_be_bytes([byte(0), byte(1), byte(2), byte(3)]) >> ((3 - index % 4) * 8)
        };
        while let Some(&first) = bytes.get(index) {
            index += 1;
            let (mut c, needed) = match first {
                0..=0x7f => {
                    units.push(first);
                    continue;
                }
                0xc0..=0xdf => (i32::from(first & 0x1f), 1),
                0xe0..=0xef => (i32::from(first & 0x0f), 2),
                0xf0..=0xf7 => (i32::from(first & 0x07), 3),
                _ => return self.bad_first_byte(first),
            };
            if index + needed > bytes.len() {
                return self.ended(" in field name");
            }
            for position in 0..needed {
                let next = unmasked(index);
                index += 1;
                if next & 0xc0 != 0x80 {
                    let told = if position == 2 { next & 0xff } else { next };
                    return self.fail(format!("Invalid UTF-8 middle byte 0x{told:x}"));
                }
                c = c << 6 | next & 0x3f;
            }
            if needed == 2 {
                self.refuse_surrogate(c)?;
            }
            if needed > 2 {
                c -= 0x1_0000;
                push_unit(&mut units, low_unit(0xd800 + (c >> 10)));
                c = 0xdc00 | c & 0x3ff;
            }
            push_unit(&mut units, low_unit(c));
        }
        Ok(units)
    }
}
