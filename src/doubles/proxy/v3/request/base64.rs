//! Values of headers: base64 with all its padding, or an array of numbers.

use crate::doubles::jackson::bind;
use crate::doubles::jackson::{Parser, Read, Token, Version, to_utf8};

const CLASS: &str = "byte[]";

/// The bytes at hand; none of null.
pub(super) fn read(parser: &mut Parser<'_>) -> Read<Option<Vec<u8>>> {
    match parser.token() {
        Some(Token::Null) => Ok(None),
        Some(Token::String) => {
            let decoded = parser.binary();
            if let Ok(Ok(bytes)) = decoded {
                return Ok(Some(bytes));
            }
            // What is told of the text is what has not been decoded.
            let rest = to_utf8(&parser.string()?);
            if let Ok(Err(message)) = decoded {
                return bind::weird(parser, CLASS, &rest, &message);
            }
            match bind::trimmed(&rest) {
                "" => bind::not_coerced(parser, &format!("element of `{CLASS}`")),
                rest => bind::refuse(
                    parser,
                    format!(
                        "Cannot construct instance of `{CLASS}`: no String-argument constructor/factory method to \
                         deserialize from String value ('{rest}')"
                    ),
                ),
            }
        }
        Some(Token::StartArray) => numbers(parser).map(Some),
        _ => bind::mismatch(parser, if parser.version() < Version::V2_18 { "[B" } else { CLASS }),
    }
}

fn numbers(parser: &mut Parser<'_>) -> Read<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(token) = parser.advance()? {
        let number = match token {
            Token::EndArray => break,
            Token::Null => 0,
            Token::Integer | Token::Float => bind::integer(parser)?.unwrap_or_default(),
            Token::String => of_text(parser)?,
            _ => return bind::mismatch(parser, "byte"),
        };
        if !(-128..=255).contains(&number) {
            return bind::refuse(parser, format!("Numeric value ({number}) out of range of Java byte"));
        }
        bytes.push(number.to_le_bytes()[0]);
    }
    Ok(bytes)
}

fn of_text(parser: &mut Parser<'_>) -> Read<i32> {
    let text = to_utf8(&parser.string()?);
    match bind::trimmed(&text) {
        "" | "null" => Ok(0),
        text => match text.parse::<i32>() {
            Ok(number) if (-128..=255).contains(&number) => Ok(number),
            Ok(_) => bind::weird(parser, CLASS, text, "overflow, value cannot be represented as 8-bit value"),
            Err(_) => bind::weird(parser, CLASS, text, "not a valid `byte` value"),
        },
    }
}
