//! What a scenario file may say, as a JSON Schema: for editors, and for the documentation that is made from it.
//!
//! It is written by hand. Tests hold it against the decoder: it accepts what the decoder accepts, and names, defaults,
//! ranges and words are the same.

/// The schema's text (JSON Schema, draft 2020-12).
pub const SCHEMA: &str = include_str!("../../docs/schemas/scenario.schema.json");

/// The schema of token profiles, likewise.
pub const PROFILE_SCHEMA: &str = include_str!("../../docs/schemas/token-profile.schema.json");

#[cfg(test)]
mod tests;
