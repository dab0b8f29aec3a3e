//! Lambda functions as landfall runs them: on AWS's own runtime clients, and on one that misbehaves.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod alike;
mod misbehaving;
mod python;
mod rust;
mod stage;
mod start;
mod tokens;
