//! Long bodies, of which a golden file keeps a recipe, or the ends and a hash.

use serde::{Deserialize, Serialize};

use crate::jose::sha256;

/// The longest body that is built, in bytes, give or take the numbers in it.
const LONGEST: usize = 256 << 20;

/// How a long body is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Generated {
    /// A text many times over, between two others.
    Filled {
        /// What stands before.
        prefix: String,
        /// What is repeated.
        fill: String,
        /// How often.
        count: usize,
        /// What then follows as often, to close what was opened.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        close: String,
        /// What stands behind.
        suffix: String,
    },
    /// A produce request of many records.
    Records {
        /// How many.
        records: usize,
        /// Each, with `<i>` for its number, which counts from 0.
        record: String,
    },
}

impl Generated {
    /// The body.
    ///
    /// # Errors
    /// [`Unbuildable::TooLong`], for what no proxy takes.
    pub fn build(&self) -> Result<Vec<u8>, Unbuildable> {
        let (times, each) = match self {
            Self::Filled { fill, count, close, .. } => (*count, fill.len().saturating_add(close.len())),
            Self::Records { records, record } => (*records, record.len().saturating_add(1)),
        };
        // As long as numbers may be that stand for `<i>`, twice as much is not reached.
        if times.saturating_mul(each.max(1)) > LONGEST {
            return Err(Unbuildable::TooLong);
        }
        Ok(match self {
            Self::Filled { prefix, fill, count, close, suffix } => {
                format!("{prefix}{}{}{suffix}", fill.repeat(*count), close.repeat(*count)).into_bytes()
            }
            Self::Records { records, record } => {
                let each: Vec<String> =
                    (0..*records).map(|index| record.replace("<i>", &index.to_string())).collect();
                format!("{{\"records\":[{}]}}", each.join(",")).into_bytes()
            }
        })
    }
}

/// What is known of bytes that were not kept.
#[derive(Debug, Clone, Copy)]
pub struct Elided<'a> {
    /// How many they are.
    pub length: Option<u64>,
    /// Their SHA-256 in hexadecimal.
    pub sha256: Option<&'a str>,
}

/// Why a body cannot be had as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unbuildable {
    /// Only its length or hash was kept.
    #[error("its body was not kept, and nothing says how it is built")]
    NoRecipe,
    /// It is longer than any that was recorded can be.
    #[error("its body would have more than 256 MiB")]
    TooLong,
    /// It is another one.
    #[error("its body, built again, has {found} bytes where the recorded one has {expected}")]
    Length {
        /// Of the recorded one.
        expected: u64,
        /// Of the built one.
        found: u64,
    },
    /// It is another one.
    #[error("its body, built again, is not the recorded one: the SHA-256 is another")]
    Hash,
    /// It goes out byte for byte, and the proxy stands below a path.
    #[error("it is sent byte for byte, and the proxy stands below {0}")]
    Below(String),
    /// The file is damaged.
    #[error("its bytes are no base64: {0}")]
    Base64(String),
}

impl Elided<'_> {
    /// Whether these are the bytes.
    ///
    /// # Errors
    /// [`Unbuildable`], where they are not.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Unbuildable> {
        let found = bytes.len() as u64;
        match self.length {
            Some(expected) if expected != found => return Err(Unbuildable::Length { expected, found }),
            _ => {}
        }
        match self.sha256 {
            Some(expected) if !expected.eq_ignore_ascii_case(&hex::encode(sha256(bytes))) => {
                Err(Unbuildable::Hash)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_for_more_than_there_can_be_is_refused() {
        let filled = |count| Generated::Filled {
            prefix: "[".into(),
            fill: "ab".into(),
            count,
            close: "c".into(),
            suffix: "]".into(),
        };
        assert_eq!(filled(2).build().unwrap(), b"[ababcc]");
        let records = |records| Generated::Records { records, record: "<i>".into() };
        assert_eq!(records(2).build().unwrap(), b"{\"records\":[0,1]}");
        for count in [usize::MAX, LONGEST] {
            assert_eq!(filled(count).build().unwrap_err(), Unbuildable::TooLong);
            assert_eq!(records(count).build().unwrap_err(), Unbuildable::TooLong);
        }
    }
}
