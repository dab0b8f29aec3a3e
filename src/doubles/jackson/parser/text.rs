//! Strings: escapes, and bytes that are no UTF-8.

use super::super::problem::Read;
use super::super::string::{Sink, Units, described};
use super::Parser;

const STRING_LIMIT: usize = 20_000_000;

impl<'a> Parser<'a> {
    /// The content of the string at hand.
    pub(in crate::doubles) fn string(&mut self) -> Read<Units<'a>> {
        if !self.incomplete {
            return Ok(Units::Borrowed(&[]));
        }
        let (input, start) = (self.input, self.at);
        let mut end = start;
        while let Some(&c) = input.get(end) {
            if c == b'"' {
                self.incomplete = false;
                self.at = end + 1;
                self.check_string(end - start)?;
                return Ok(Units::Borrowed(&input[start..end]));
            }
            if !(0x20..0x80).contains(&c) || c == b'\\' {
                break;
            }
            end += 1;
        }
        let mut units = Vec::new();
        self.finish(&mut units)?;
        Ok(Units::Owned(units))
    }

    pub(super) fn check_string(&self, length: usize) -> Read<()> {
        if length > STRING_LIMIT && self.version.has_limits() {
            return Self::beyond("String value length", length, STRING_LIMIT, "getMaxStringLength");
        }
        Ok(())
    }

    /// Reads the string at hand into `sink`.
    pub(in crate::doubles::jackson) fn finish(&mut self, sink: &mut impl Sink) -> Read<()> {
        self.incomplete = false;
        let input = self.input;
        let begun = self.at;
        loop {
            let start = self.at;
            let mut end = start;
            while let Some(&c) = input.get(end) {
                if !(0x20..0x80).contains(&c) || c == b'"' || c == b'\\' {
                    break;
                }
                end += 1;
            }
            sink.plain(&input[start..end]);
            self.at = end;
            let Some(&c) = input.get(end) else {
                return if self.wide {
                    self.ended(": was expecting closing quote for a string value")
                } else {
                    self.ended_in_token()
                };
            };
            self.at += 1;
            match c {
                b'"' => return self.check_string(self.at - begun),
                b'\\' => {
                    let unit = self.escaped()?;
                    sink.unit(unit);
                }
                0..=0x1f => return self.unquoted(c, "string value"),
                0xc0..=0xdf => {
                    let unit = self.continued(i32::from(c & 0x1f))?;
                    sink.unit(low_unit(unit));
                }
                0xe0..=0xef => {
                    let unit = self.continued(i32::from(c & 0x0f))?;
                    let unit = self.continued(unit)?;
                    self.refuse_surrogate(unit)?;
                    sink.unit(low_unit(unit));
                }
                0xf0..=0xf7 => {
                    let mut c = i32::from(c & 0x07);
                    for _ in 0..3 {
                        c = self.continued(c)?;
                    }
                    c -= 0x1_0000;
                    sink.unit(low_unit(0xd800 | c >> 10));
                    sink.unit(low_unit(0xdc00 | c & 0x3ff));
                }
                _ => return self.bad_first_byte(c),
            }
        }
    }

    pub(super) fn continued(&mut self, so_far: i32) -> Read<i32> {
        let Some(&c) = self.input.get(self.at) else { return self.ended_in_token() };
        self.at += 1;
        if c & 0xc0 != 0x80 {
            return self.fail(format!("Invalid UTF-8 middle byte 0x{c:x}"));
        }
        Ok(so_far << 6 | i32::from(c & 0x3f))
    }

    pub(super) fn refuse_surrogate(&self, c: i32) -> Read<()> {
        if (0xd800..=0xdfff).contains(&c) && !self.wide && !self.version.takes_surrogates() {
            return self.fail(format!("Invalid UTF-8: Illegal surrogate character 0x{c:x}"));
        }
        Ok(())
    }

    pub(super) fn bad_first_byte<T>(&self, c: u8) -> Read<T> {
        self.fail(format!("Invalid UTF-8 start byte 0x{c:x}"))
    }

    pub(super) fn unquoted<T>(&self, c: u8, within: &str) -> Read<T> {
        self.fail(format!(
            "Illegal unquoted character ({}): has to be escaped using backslash to be included in {within}",
            described(i32::from(c))
        ))
    }

    /// The next byte of the string at hand, quotes and all.
    pub(in crate::doubles::jackson) fn byte_of_string(&mut self) -> Read<u8> {
        let Some(&c) = self.input.get(self.at) else { return self.ended_in_token() };
        self.at += 1;
        Ok(c)
    }

    /// Leaves the last byte to be read again.
    pub(in crate::doubles::jackson) fn step_back(&mut self) {
        self.at -= 1;
    }

    /// Notes that nothing is left of the string at hand.
    pub(in crate::doubles::jackson) fn string_is_read(&mut self) {
        self.incomplete = false;
    }

    pub(in crate::doubles::jackson) fn escaped(&mut self) -> Read<u16> {
        let within = " in character escape sequence";
        let Some(&c) = self.input.get(self.at) else { return self.ended(within) };
        self.at += 1;
        match c {
            b'b' => Ok(0x08),
            b't' => Ok(0x09),
            b'n' => Ok(0x0a),
            b'f' => Ok(0x0c),
            b'r' => Ok(0x0d),
            b'"' | b'/' | b'\\' => Ok(u16::from(c)),
            b'u' => {
                let mut value = 0_u16;
                for _ in 0..4 {
                    let Some(&c) = self.input.get(self.at) else { return self.ended(within) };
                    self.at += 1;
                    let Some(digit) = char::from(c).to_digit(16) else {
                        let c = self.unit_behind(c)?;
                        return self.unexpected(c, "expected a hex-digit for character escape sequence");
                    };
                    value = value << 4 | u16::try_from(digit).unwrap_or_default();
                }
                Ok(value)
            }
            _ => {
                let unit = self.decode_for_error(c)?;
                self.fail(format!("Unrecognized character escape {}", described(i32::from(unit))))
            }
        }
    }

    /// The unit whose first byte is `c`, for a message; the first byte has been taken.
    pub(super) fn decode_for_error(&mut self, c: u8) -> Read<u16> {
        let (so_far, needed) = match c {
            0..=0x7f => return Ok(u16::from(c)),
            0xc0..=0xdf => (i32::from(c & 0x1f), 1),
            0xe0..=0xef => (i32::from(c & 0x0f), 2),
            0xf0..=0xf7 => (i32::from(c & 0x07), 3),
            _ => return self.bad_first_byte(c),
        };
        let mut value = so_far;
        for _ in 0..needed {
            value = self.continued(value)?;
        }
        Ok(low_unit(value))
    }

    /// The same, but that a unit of a wide text is left to be read again.
    pub(super) fn unit_left(&mut self, c: u8) -> Read<i32> {
        let at = self.at;
        let unit = self.unit_behind(c)?;
        if self.wide {
            self.at = at - 1;
        }
        Ok(unit)
    }

    /// The byte `c` where bytes are read, the unit that it begins where units are.
    pub(super) fn unit_behind(&mut self, c: u8) -> Read<i32> {
        if self.wide { self.decode_for_error(c).map(i32::from) } else { Ok(i32::from(c)) }
    }
}

/// Java's cast of an integer to a unit.
pub(super) fn low_unit(c: i32) -> u16 {
    let [low, high, ..] = c.to_le_bytes();
    u16::from_le_bytes([low, high])
}
