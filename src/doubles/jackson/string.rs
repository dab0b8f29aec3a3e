//! Strings as Java has them: sequences of 16-bit units, which need not be valid UTF-16.
//!
//! They are kept in bytes, each unit encoded as UTF-8 would encode a character of its number (CESU-8): ASCII stays what it is,
//! and equal strings are equal bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A string, borrowed where it stands in the text as it is.
pub(in crate::doubles) type Units<'a> = Cow<'a, [u8]>;

/// Where the content of a string goes.
pub(super) trait Sink {
    /// Takes printable ASCII without quotes and backslashes.
    fn plain(&mut self, text: &[u8]);
    /// Takes any unit.
    fn unit(&mut self, unit: u16);
}

/// Nowhere.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn plain(&mut self, _: &[u8]) {}
    fn unit(&mut self, _: u16) {}
}

/// The string itself.
impl Sink for Vec<u8> {
    fn plain(&mut self, text: &[u8]) {
        self.extend_from_slice(text);
    }

    fn unit(&mut self, unit: u16) {
        push_unit(self, unit);
    }
}

/// The string as it is written in JSON, without the quotes.
pub(super) struct Written<'a>(pub(super) &'a mut Vec<u8>);

impl Sink for Written<'_> {
    fn plain(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }

    fn unit(&mut self, unit: u16) {
        match unit {
            0x22 => self.0.extend_from_slice(b"\\\""),
            0x5c => self.0.extend_from_slice(b"\\\\"),
            0x08 => self.0.extend_from_slice(b"\\b"),
            0x09 => self.0.extend_from_slice(b"\\t"),
            0x0a => self.0.extend_from_slice(b"\\n"),
            0x0c => self.0.extend_from_slice(b"\\f"),
            0x0d => self.0.extend_from_slice(b"\\r"),
            0..=0x1f | 0xd800..=0xdfff => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |shift: u16| HEX[usize::from(unit >> shift & 0xf)];
                self.0.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
            }
            _ => push_unit(self.0, unit),
        }
    }
}

/// Appends `unit`, encoded as a character of its number.
pub(super) fn push_unit(bytes: &mut Vec<u8>, unit: u16) {
    let [low, high] = unit.to_le_bytes();
    match unit {
        0..=0x7f => bytes.push(low),
        0x80..=0x7ff => bytes.extend_from_slice(&[0xc0 | high << 2 | low >> 6, 0x80 | low & 0x3f]),
        _ => bytes.extend_from_slice(&[
            0xe0 | high >> 4,
            0x80 | (high << 2 & 0x3f) | low >> 6,
            0x80 | low & 0x3f,
        ]),
    }
}

/// Appends a character, in one unit or two.
pub(super) fn push_char(bytes: &mut Vec<u8>, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        push_unit(bytes, *unit);
    }
}

/// The units of a string.
pub(in crate::doubles) fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (unit, length) = match *rest {
            [] => return None,
            [a, b, c, ..] if a >= 0xe0 => {
                (u16::from(a & 0x0f) << 12 | u16::from(b & 0x3f) << 6 | u16::from(c & 0x3f), 3)
            }
            [a, b, ..] if a >= 0xc0 => (u16::from(a & 0x1f) << 6 | u16::from(b & 0x3f), 2),
            [a, ..] => (u16::from(a), 1),
        };
        rest = &rest[length..];
        Some(unit)
    })
}

/// The string as Java encodes it in UTF-8: a surrogate without its other half becomes `?`.
pub(in crate::doubles) fn to_utf8(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => char::decode_utf16(units(bytes)).map(|c| c.unwrap_or('?')).collect(),
    }
}

/// Written JSON as Java has it in a string of its own: surrogates stand for themselves.
pub(in crate::doubles) fn with_plain_surrogates(written: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written;
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(*first);
        if *first != b'\\' {
            continue;
        }
        let surrogate = match rest {
            [b'u', digits @ ..] if digits.len() >= 4 => std::str::from_utf8(&digits[..4])
                .ok()
                .and_then(|digits| u16::from_str_radix(digits, 16).ok())
                .filter(|unit| (0xd800..=0xdfff).contains(unit)),
            _ => None,
        };
        if let Some(unit) = surrogate {
            bytes.pop();
            push_unit(&mut bytes, unit);
            rest = &rest[5..];
        } else if let [escaped, tail @ ..] = rest {
            bytes.push(*escaped);
            rest = tail;
        }
    }
    to_utf8(&bytes)
}

/// A character as messages describe it; its number may be out of range.
pub(super) fn described(c: i32) -> String {
    let unit = u16::from_le_bytes([c.to_le_bytes()[0], c.to_le_bytes()[1]]);
    let shown = char::from_u32(u32::from(unit)).unwrap_or('?');
    if matches!(unit, 0..=0x1f | 0x7f..=0x9f) {
        return format!("(CTRL-CHAR, code {c})");
    }
    let mut text = format!("'{shown}' (code {c}");
    if c > 255 {
        let _ = write!(text, " / 0x{c:x}");
    }
    text.push(')');
    text
}

/// `Character.isJavaIdentifierStart`, of the basic plane.
pub(super) fn starts_identifier(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(|c| {
        c == '_' || c.is_alphabetic() || is_currency(c) || matches!(c, '\u{203f}'..='\u{2040}' | '\u{2054}')
    })
}

/// `Character.isJavaIdentifierPart`, of the basic plane.
pub(super) fn continues_identifier(unit: u16) -> bool {
    starts_identifier(unit)
        || matches!(unit, 0..=8 | 0x0e..=0x1b | 0x7f..=0x9f | 0xad | 0x300..=0x36f | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2064 | 0xfe00..=0xfe0f | 0xfeff)
        || char::from_u32(u32::from(unit))
            .is_some_and(|c| c.is_ascii_digit() || (c.is_numeric() && !c.is_ascii() && is_digit(c)))
}

fn is_currency(c: char) -> bool {
    matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{58f}' | '\u{60b}' | '\u{e3f}' | '\u{20a0}'..='\u{20c0}')
}

/// Decimal digits of other scripts and letter-like numbers; not fractions and superscripts.
fn is_digit(c: char) -> bool {
    !matches!(c, '\u{b2}' | '\u{b3}' | '\u{b9}' | '\u{bc}'..='\u{be}' | '\u{2070}'..='\u{2089}' | '\u{2150}'..='\u{215f}' | '\u{2189}' | '\u{2460}'..='\u{249b}' | '\u{24ea}'..='\u{24ff}' | '\u{2776}'..='\u{2793}')
}
