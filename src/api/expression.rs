//! Regular expressions of definitions, read within bounds: a few letters may ask for a machine of many megabytes.

use regex::{Regex, RegexBuilder, bytes};

/// The largest that an expression may become, in bytes. Those that people write take a tenth of it at most.
pub(super) const LARGEST: usize = 1 << 20;
/// The largest that a pattern of statuses may become, in bytes.
const LARGEST_OF_STATUSES: usize = 1 << 16;

/// An expression that the whole of a value must fit.
pub(super) fn of_values(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!("^(?:{text})$")).size_limit(LARGEST).build()
}

/// An expression that the whole of a status must fit. A status is digits, so its classes need hold nothing but ASCII.
pub(super) fn of_statuses(text: &str) -> Result<bytes::Regex, regex::Error> {
    let mut builder = bytes::RegexBuilder::new(&format!("^(?:{text})$"));
    builder.unicode(false).size_limit(LARGEST_OF_STATUSES).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_people_write_are_read() {
        let fits = |text, value| of_values(text).unwrap().is_match(value);
        assert!(fits(r"Bearer [-0-9a-zA-Z._]+", "Bearer a.b"));
        assert!(fits(r"Bearer [\w-]+\.[\w-]+\.[\w-]+", "Bearer a.b.ü"));
        assert!(!fits("a|b", "ab"));
        let fits = |text, status: &[u8]| of_statuses(text).unwrap().is_match(status);
        assert!(fits(r"4\d{2}", b"404") && fits("[^2]..", b"404") && fits("(?i)2xx|.*", b"404"));
        assert!(!fits(r"4\d", b"404") && !fits("[^2]..", b"204"));
    }

    #[test]
    fn none_becomes_larger_than_its_bound() {
        assert!(of_values(r"\w{500}").is_err());
        assert!(of_statuses(r"\w{5000}").is_err());
        assert!(of_statuses(r"((\w{50}){50}){50}").is_err());
    }
}
