//! Base64 in a string, decoded while it is read (`MIME-NO-LINEFEEDS`): white space between its units is skipped, and padding
//! must be complete.

use super::Version;
use super::parser::Parser;
use super::problem::Read;

const VARIANT: &str = "MIME-NO-LINEFEEDS";

/// What a character stands for.
const INVALID: i32 = -1;
const PADDING: i32 = -2;

fn bits(c: u16) -> i32 {
    let Ok(c) = u8::try_from(c) else { return INVALID };
    i32::from(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => return PADDING,
        _ => return INVALID,
    })
}

/// Why a text is no base64.
type Refused = String;

impl Parser<'_> {
    /// The bytes of the string at hand, or why it is no base64; what has not been decoded then remains to be read.
    pub(in crate::doubles) fn binary(&mut self) -> Read<Result<Vec<u8>, Refused>> {
        let mut bytes = Vec::new();
        loop {
            let mut c = self.byte_of_string()?;
            while c <= b' ' {
                c = self.byte_of_string()?;
            }
            let mut first = bits(u16::from(c));
            if first < 0 {
                if c == b'"' {
                    self.string_is_read();
                    return Ok(Ok(bytes));
                }
                match self.escaped_bits(c, 0)? {
                    Ok(escaped) => first = escaped,
                    Err(why) => return Ok(Err(why)),
                }
                if first < 0 {
                    continue;
                }
            }
            let c = self.byte_of_string()?;
            let mut second = bits(u16::from(c));
            if second < 0 {
                match self.escaped_bits(c, 1)? {
                    Ok(escaped) => second = escaped,
                    Err(why) => return Ok(Err(why)),
                }
            }
            let mut decoded = first << 6 | second;
            let c = self.byte_of_string()?;
            let mut third = bits(u16::from(c));
            if third < 0 {
                if third != PADDING {
                    if c == b'"' {
                        return Ok(Err(self.padding_missing()));
                    }
                    match self.escaped_bits(c, 2)? {
                        Ok(escaped) => third = escaped,
                        Err(why) => return Ok(Err(why)),
                    }
                }
                if third == PADDING {
                    let c = self.byte_of_string()?;
                    if c != b'=' {
                        match self.escaped_bits(c, 3)? {
                            Ok(PADDING) => {}
                            Ok(_) => {
                                let why = invalid(u16::from(c), 3, Some("expected padding character '='"));
                                return Ok(Err(why));
                            }
                            Err(why) => return Ok(Err(why)),
                        }
                    }
                    push(&mut bytes, decoded >> 4, 1);
                    continue;
                }
            }
            decoded = decoded << 6 | third;
            let c = self.byte_of_string()?;
            let mut fourth = bits(u16::from(c));
            if fourth < 0 {
                if fourth != PADDING {
                    if c == b'"' {
                        return Ok(Err(self.padding_missing()));
                    }
                    match self.escaped_bits(c, 3)? {
                        Ok(escaped) => fourth = escaped,
                        Err(why) => return Ok(Err(why)),
                    }
                }
                if fourth == PADDING {
                    push(&mut bytes, decoded >> 2, 2);
                    continue;
                }
            }
            push(&mut bytes, decoded << 6 | fourth, 3);
        }
    }

    fn escaped_bits(&mut self, c: u8, index: usize) -> Read<Result<i32, Refused>> {
        if c != b'\\' {
            return Ok(Err(invalid(u16::from(c), index, None)));
        }
        let unit = self.escaped()?;
        if unit <= u16::from(b' ') && index == 0 {
            return Ok(Ok(INVALID));
        }
        Ok(match bits(unit) {
            INVALID => Err(invalid(unit, index, None)),
            PADDING if self.is_wide() && index < 2 => Err(invalid(unit, index, None)),
            known => Ok(known),
        })
    }

    fn padding_missing(&mut self) -> Refused {
        self.step_back();
        let mut text = format!(
            "Unexpected end of base64-encoded String: base64 variant '{VARIANT}' expects padding (one or more '=' characters) \
             at the end"
        );
        if self.version() > Version::V2_10 {
            text.push_str(". This Base64Variant might have been incorrectly configured");
        }
        text
    }
}

fn push(bytes: &mut Vec<u8>, decoded: i32, count: usize) {
    bytes.extend_from_slice(&decoded.to_be_bytes()[4 - count..]);
}

fn invalid(c: u16, index: usize, why: Option<&str>) -> Refused {
    let place = index + 1;
    let base = if c <= u16::from(b' ') {
        format!(
            "Illegal white space character (code 0x{c:x}) as character #{place} of 4-char base64 unit: can only used between \
             units"
        )
    } else if c == u16::from(b'=') {
        format!(
            "Unexpected padding character ('=') as character #{place} of 4-char base64 unit: padding only legal as 3rd or 4th \
             character"
        )
    } else {
        match char::from_u32(u32::from(c)).filter(|c| !c.is_control()) {
            Some(shown) => format!("Illegal character '{shown}' (code 0x{c:x}) in base64 content"),
            None => format!("Illegal character (code 0x{c:x}) in base64 content"),
        }
    };
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    format!("Failed to decode VALUE_STRING as base64 ({VARIANT}): {base}{why}")
}
