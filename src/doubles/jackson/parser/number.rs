//! Numbers, as far as telling where they end and what is wrong with them.

use super::super::Version;
use super::super::problem::Read;
use super::{Parser, Token};

const NUMBER_LIMIT: usize = 1_000;

impl Parser<'_> {
    pub(super) fn no_leading_zeroes(&mut self) -> Read<()> {
        if matches!(self.input.get(self.at), Some(b'0'..=b'9')) {
            return self.fail("Invalid numeric value: Leading zeroes not allowed".to_owned());
        }
        Ok(())
    }

    pub(super) fn signed_number(&mut self) -> Read<Token> {
        let start = self.at - 1;
        let Some(&c) = self.input.get(self.at) else {
            return if self.wide { self.ended(" in a Number value") } else { self.ended_in_token() };
        };
        self.at += 1;
        match c {
            b'0' => self.no_leading_zeroes()?,
            b'1'..=b'9' => {}
            b'.' if self.version > Version::V2_10 => return self.odd_value(b'.'),
            _ => {
                let c = if self.wide { self.unit_behind(c)? } else { i32::from(c) };
                return self.bad_number_start(c, true);
            }
        }
        self.integer(start, 1)
    }

    pub(super) fn bad_number_start<T>(&mut self, first: i32, negative: bool) -> Read<T> {
        let mut c = first;
        if c == i32::from(b'I') {
            let Some(&next) = self.input.get(self.at) else { return self.ended(" in a Number value") };
            self.at += 1;
            // This byte is signed in Java.
            c = i32::from(i8::from_le_bytes([next]));
            let text = match (next, negative) {
                (b'N', true) => Some("-INF"),
                (b'N', false) => Some("+INF"),
                (b'n', true) => Some("-Infinity"),
                (b'n', false) => Some("+Infinity"),
                _ => None,
            };
            if let Some(text) = text {
                self.match_token_from(text, 3)?;
                return self.non_standard(text);
            }
        }
        if !negative && self.version.tells_plus_signs() {
            return self.unexpected_in_number(
                i32::from(b'+'),
                "JSON spec does not allow numbers to have plus signs: enable \
                 `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow",
            );
        }
        let comment = if negative || !self.version.tells_plus_signs() {
            "expected digit (0-9) to follow minus sign, for valid numeric value"
        } else {
            "expected digit (0-9) for valid numeric value"
        };
        self.unexpected_in_number(c, comment)
    }

    /// A number that begins at `start`, of which so many digits have been taken.
    pub(super) fn integer(&mut self, start: usize, mut digits: usize) -> Read<Token> {
        while let Some(b'0'..=b'9') = self.input.get(self.at) {
            self.at += 1;
            digits += 1;
        }
        match self.input.get(self.at) {
            Some(&c @ (b'.' | b'e' | b'E')) => {
                self.at += 1;
                self.float(start, c, digits)
            }
            after => {
                self.number = (start, self.at);
                if let Some(&after) = after {
                    self.root_space(after)?;
                }
                self.check_number(digits)?;
                Ok(Token::Integer)
            }
        }
    }

    pub(super) fn float(&mut self, start: usize, mark: u8, integers: usize) -> Read<Token> {
        let mut c = mark;
        let mut ended = false;
        let mut digits = integers;
        if c == b'.' {
            let mut fraction = 0;
            loop {
                let Some(&next) = self.input.get(self.at) else {
                    ended = true;
                    break;
                };
                self.at += 1;
                c = next;
                if !c.is_ascii_digit() {
                    break;
                }
                fraction += 1;
            }
            if fraction == 0 {
                let c = self.unit_left(c)?;
                return self.unexpected_in_number(c, "Decimal point not followed by a digit");
            }
            digits += fraction;
        }
        if matches!(c, b'e' | b'E') {
            let mut exponent = 0;
            ended = false;
            c = self.number_byte()?;
            if matches!(c, b'-' | b'+') {
                c = self.number_byte()?;
            }
            while c.is_ascii_digit() {
                exponent += 1;
                let Some(&next) = self.input.get(self.at) else {
                    ended = true;
                    break;
                };
                self.at += 1;
                c = next;
            }
            if exponent == 0 {
                let c = self.unit_left(c)?;
                return self.unexpected_in_number(c, "Exponent indicator not followed by a digit");
            }
            digits += exponent;
        }
        if !ended {
            self.at -= 1;
        }
        self.number = (start, self.at);
        if !ended {
            self.root_space(c)?;
        }
        self.check_number(digits)?;
        Ok(Token::Float)
    }

    pub(super) fn number_byte(&mut self) -> Read<u8> {
        let Some(&c) = self.input.get(self.at) else {
            return if self.wide {
                self.ended(": expected a digit for number exponent")
            } else {
                self.ended_in_token()
            };
        };
        self.at += 1;
        Ok(c)
    }

    /// Whether a number of so many digits is short enough.
    pub(in crate::doubles::jackson) fn check_number(&self, digits: usize) -> Read<()> {
        if digits > NUMBER_LIMIT && self.version.has_limits() {
            return Self::beyond("Number value length", digits, NUMBER_LIMIT, "getMaxNumberLength");
        }
        Ok(())
    }

    /// Numbers that stand alone must be followed by space; it is taken with them.
    pub(super) fn root_space(&mut self, c: u8) -> Read<()> {
        if !self.at_root() {
            return Ok(());
        }
        self.at += 1;
        match c {
            b' ' | b'\t' => {}
            b'\n' => self.new_line(),
            b'\r' => self.at -= 1,
            _ => {
                let c = self.unit_behind(c)?;
                return self.unexpected(c, "Expected space separating root-level values");
            }
        }
        Ok(())
    }
}
