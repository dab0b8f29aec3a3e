//! What a body is encoded in, found as Jackson's `ByteSourceJsonBootstrapper` does from the first four bytes.

use std::borrow::Cow;

use super::problem::{Problem, Read};
use super::string::{push_char, push_unit};

/// A text, ready to be parsed.
#[derive(Debug)]
pub(in crate::doubles) struct Source<'a> {
    text: Cow<'a, [u8]>,
    start: usize,
    wide: bool,
    /// The line on which it begins, and the bytes of that line that stand before it.
    line: (usize, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

impl<'a> Source<'a> {
    /// The text of `body`.
    pub(in crate::doubles) fn new(body: &'a [u8]) -> Read<Self> {
        let narrow = |start| Ok(Self { text: Cow::Borrowed(body), start, wide: false, line: (1, 0) });
        let wide = |text| Ok(Self { text: Cow::Owned(text), start: 0, wide: true, line: (1, 0) });
        match *body {
            [0, 0, 0xfe, 0xff, ..] => wide(from_utf32(&body[4..], Order::Big)?),
            [0xff, 0xfe, 0, 0, ..] => wide(from_utf32(&body[4..], Order::Little)?),
            [0, 0, 0xff, 0xfe, ..] | [0xfe, 0xff, 0, 0, ..] => Err(Problem::unexpected()),
            [0xfe, 0xff, _, _, ..] => wide(from_utf16(&body[2..], Order::Big)),
            [0xff, 0xfe, _, _, ..] => wide(from_utf16(&body[2..], Order::Little)),
            [0xef, 0xbb, 0xbf, _, ..] => narrow(3),
            [0, 0, 0, _, ..] => wide(from_utf32(body, Order::Big)?),
            [_, 0, 0, 0, ..] => wide(from_utf32(body, Order::Little)?),
            [0, _, 0, 0, ..] | [0, 0, _, 0, ..] => Err(Problem::unexpected()),
            [0, _, ..] => wide(from_utf16(body, Order::Big)),
            [_, 0, ..] => wide(from_utf16(body, Order::Little)),
            _ => narrow(0),
        }
    }

    /// What goes on with a text in UTF-8, on its line `line`, of which `before` bytes have been.
    pub(in crate::doubles) fn going_on(body: &'a [u8], line: usize, before: usize) -> Self {
        Self { text: Cow::Borrowed(body), start: 0, wide: false, line: (line, before) }
    }

    /// The line on which it begins, and the bytes of that line that stand before it.
    pub(super) fn line(&self) -> (usize, usize) {
        self.line
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where it begins, behind the mark of its order.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Whether it is encoded in 16 or 32 bits.
    pub(super) fn is_wide(&self) -> bool {
        self.wide
    }
}

fn from_utf16(bytes: &[u8], order: Order) -> Vec<u8> {
    let mut pairs = bytes.chunks_exact(2);
    let units: Vec<u16> = pairs
        .by_ref()
        .map(|pair| match order {
            Order::Big => u16::from_be_bytes([pair[0], pair[1]]),
            Order::Little => u16::from_le_bytes([pair[0], pair[1]]),
        })
        .collect();
    let mut text = Vec::with_capacity(units.len());
    for c in char::decode_utf16(units) {
        push_char(&mut text, c.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if !pairs.remainder().is_empty() {
        push_char(&mut text, char::REPLACEMENT_CHARACTER);
    }
    text
}

/// Fails where Jackson's `UTF32Reader` does, which the proxy does not expect.
fn from_utf32(bytes: &[u8], order: Order) -> Read<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len() / 4);
    for quad in bytes.chunks(4) {
        let quad: [u8; 4] = quad.try_into().map_err(|_| Problem::unexpected())?;
        let c = match order {
            Order::Big => u32::from_be_bytes(quad),
            Order::Little => u32::from_le_bytes(quad),
        };
        match (u16::try_from(c), char::from_u32(c)) {
            (Ok(unit), _) => push_unit(&mut text, unit),
            (_, Some(c)) => push_char(&mut text, c),
            _ => return Err(Problem::unexpected()),
        }
    }
    Ok(text)
}
