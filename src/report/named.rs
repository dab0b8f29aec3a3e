//! Results under their names.

use crate::result::RunResult;

/// A result, and what it is called where several are shown together.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its name: that of the scenario, unless several have the same. It may hold anything; whoever renders it makes it safe.
    /// No two results that are rendered together have the same.
    pub name: &'a str,
    /// The result.
    pub result: &'a RunResult,
}
