//! Values that must never be shown: tokens, client secrets, SASL passwords.
//!
//! A [`Secret`] prints as `[redacted]` in every format, so that a log line, an error or a report that
//! holds one by accident gives nothing away. Code that needs the value says so by calling
//! [`Secret::expose`], which is easy to search for.

mod redact;

use std::fmt;

pub use redact::redact;

/// What stands in the place of what must not be shown, wherever that is.
pub const REDACTED: &str = "[redacted]";

/// A string that never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. Every use is a place where it leaves the program's care: a request header, a
    /// form body, a client's configuration.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_format_shows_the_value() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "[redacted] [redacted] [redacted]");
        assert_eq!(secret.expose(), "hunter2");
    }
}
