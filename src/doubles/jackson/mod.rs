//! JSON as Jackson reads and writes it: what a Java REST proxy takes, refuses and lets land.
//!
//! [`source`] finds the encoding, [`parser`] makes tokens, [`tree`] writes a value again, [`double`] its numbers; [`bind`] and
//! its like turn tokens into what a class wants.

mod base64;
pub(super) mod bind;
mod double;
mod parser;
mod problem;
mod source;
mod string;
mod tree;

use serde_json::Value;

use crate::scenario::ProxyRelease;

pub(super) use parser::{Parser, Token};
pub(super) use problem::{Kind, Place, Problem, Read};
pub(super) use source::Source;
pub(super) use string::{to_utf8, units, with_plain_surrogates};
pub(super) use tree::{write as write_tree, write_string};

/// The number at which old Javas hung; old Jacksons took another for it.
const HANGING: &str = "2.2250738585072012e-308";

/// The release of Jackson within a release of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V2_10,
    V2_14,
    V2_18,
    V2_19,
}

impl Version {
    /// The one in `release`.
    pub(super) fn of(release: ProxyRelease) -> Self {
        match release {
            ProxyRelease::Confluent6_2_0 => Self::V2_10,
            ProxyRelease::Confluent6_2 => Self::V2_14,
            ProxyRelease::Confluent7_9 => Self::V2_18,
            ProxyRelease::Confluent8_3 => Self::V2_19,
        }
    }

    /// Whether it limits numbers, names, strings and nesting.
    fn has_limits(self) -> bool {
        self >= Self::V2_18
    }

    /// Whether it takes surrogates that are encoded like characters.
    fn takes_surrogates(self) -> bool {
        self < Self::V2_19
    }

    /// Whether it has a word for numbers with a plus.
    fn tells_plus_signs(self) -> bool {
        self >= Self::V2_14
    }

    fn non_numeric_feature(self) -> &'static str {
        match self {
            Self::V2_10 => "JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS",
            _ => "`JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS`",
        }
    }

    /// How it names where a body comes from.
    fn source(self) -> &'static str {
        match self {
            Self::V2_10 | Self::V2_14 => {
                "(org.glassfish.jersey.message.internal.ReaderInterceptorExecutor$UnCloseableInputStream)"
            }
            Self::V2_18 | Self::V2_19 => "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)",
        }
    }

    /// How it names bytes in memory.
    fn bytes(self) -> &'static str {
        match self {
            Self::V2_10 | Self::V2_14 => "(ByteArrayInputStream)",
            Self::V2_18 | Self::V2_19 => self.source(),
        }
    }

    /// The double that a number becomes; beyond their range it is infinite.
    pub(super) fn double(self, number: &str) -> f64 {
        if self == Self::V2_10 && number == HANGING {
            return f64::from_bits(1);
        }
        number.parse().unwrap_or(f64::NAN)
    }
}

/// Checks that nothing stands behind a value that was read as `class`.
pub(super) fn nothing_follows(parser: &mut Parser<'_>, class: &str) -> Read<()> {
    parser.clear();
    match parser.advance()? {
        None => Ok(()),
        Some(token) => bind::refuse(
            parser,
            format!(
                "Trailing token (of type {}) found after value (bound as `{class}`): not allowed as per \
                 `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`",
                token.name()
            ),
        ),
    }
}

/// The compact text of `value`.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let text = value.to_string();
    let mut out = Vec::with_capacity(text.len());
    if let Ok(source) = Source::new(text.as_bytes()) {
        let mut parser = Parser::new(&source, Version::V2_14);
        if parser.advance().is_ok() && write_tree(&mut parser, &mut out).is_ok() {
            return out;
        }
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests;
