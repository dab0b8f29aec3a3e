//! Words that stand for values, and what is none.

use super::super::problem::Read;
use super::super::string::{continues_identifier, starts_identifier};
use super::{Parser, Scope, Token};

/// How much of a token that is none is told.
const TOLD: usize = 256;
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

impl Parser<'_> {
    pub(super) fn literal(&mut self, text: &'static str, token: Token) -> Read<Token> {
        self.match_token(text)?;
        Ok(token)
    }

    /// Takes the rest of `text`, whose first byte has been taken.
    pub(super) fn match_token(&mut self, text: &'static str) -> Read<()> {
        self.match_token_from(text, 1)
    }

    pub(super) fn match_token_from(&mut self, text: &'static str, from: usize) -> Read<()> {
        for (index, expected) in text.bytes().enumerate().skip(from) {
            if self.input.get(self.at) != Some(&expected) {
                return self.unrecognized(&text[..index]);
            }
            self.at += 1;
        }
        if let Some(&c) = self.input.get(self.at)
            && c >= b'0'
            && !matches!(c, b']' | b'}')
        {
            // Jackson decodes it from its first byte on once more, which no longer character survives.
            let kept = self.at;
            self.at += usize::from(self.wide);
            let unit = self.decode_for_error(c)?;
            self.at = kept;
            if continues_identifier(unit) {
                return self.unrecognized(text);
            }
        }
        Ok(())
    }

    pub(super) fn unrecognized<T>(&mut self, matched: &str) -> Read<T> {
        let mut token: Vec<u16> = matched.encode_utf16().collect();
        while let Some(&c) = self.input.get(self.at) {
            self.at += 1;
            let unit = self.decode_for_error(c)?;
            if !continues_identifier(unit) {
                if self.wide {
                    // The other parser looks before it takes.
                    self.at -= 1;
                    while self.input[self.at] & 0xc0 == 0x80 {
                        self.at -= 1;
                    }
                }
                break;
            }
            token.push(unit);
            if token.len() >= TOLD {
                token.extend("...".encode_utf16());
                break;
            }
        }
        let token: String = char::decode_utf16(token).map(|c| c.unwrap_or('?')).collect();
        self.fail(format!("Unrecognized token '{token}': was expecting {VALUES}"))
    }

    pub(super) fn odd_value(&mut self, c: u8) -> Read<Token> {
        let not_a_number = |parser: &mut Self, token: &'static str| {
            parser.match_token(token)?;
            parser.non_standard(token)
        };
        match c {
            b']' | b'}' | b',' => {
                // What is said of the others is said of a bracket outside arrays, and of some in wide texts.
                let is_other = self.wide && c != b'}' || c == b']' && self.scope() != Scope::Array;
                if !is_other {
                    return self.unexpected(i32::from(c), "expected a value");
                }
            }
            b'N' => return not_a_number(self, "NaN"),
            b'I' => return not_a_number(self, "Infinity"),
            b'+' => {
                let Some(&next) = self.input.get(self.at) else { return self.ended(" in a Number value") };
                self.at += 1;
                return self.bad_number_start(i32::from(next), false);
            }
            _ => {}
        }
        let unit = if self.wide { self.unit_behind(c)? } else { i32::from(c) };
        let narrow = u16::try_from(unit).unwrap_or_default();
        if starts_identifier(narrow) {
            let matched = char::from_u32(u32::from(narrow)).unwrap_or('?').to_string();
            return self.unrecognized(&matched);
        }
        self.unexpected(unit, &format!("expected a valid value {VALUES}"))
    }

    pub(super) fn non_standard<T>(&self, token: &str) -> Read<T> {
        let feature = self.version.non_numeric_feature();
        self.fail(format!("Non-standard token '{token}': enable {feature} to allow"))
    }
}
