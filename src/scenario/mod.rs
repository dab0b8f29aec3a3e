//! The scenario file: what it may say, read with positions, checked, and turned into plain data.

mod model;

pub use model::*;

/// The metrics that a check may name.
pub const METRICS: &[&str] = &[];
