//! Remarks on a definition of an API, for a terminal.

use std::fmt::Write as _;

use super::text::plain;
use crate::api::{Api, Level, Lint};

/// The remarks, each with its place in the file, and how many there are.
#[must_use]
pub fn lint(file: &str, api: &Api, remarks: &[Lint]) -> String {
    let mut out = String::new();
    for Lint { level, pointer, message } in remarks {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{level}: {}#{}\n  {}\n", plain(file), plain(pointer), plain(message));
    }
    let of = |level| remarks.iter().filter(|remark| remark.level == level).count();
    let _ = writeln!(
        out,
        "{} methods, {} authorizers: {} unsupported, {} traps, {} notes",
        api.routes.len(),
        api.authorizers.len(),
        of(Level::Unsupported),
        of(Level::Trap),
        of(Level::Note)
    );
    out
}
