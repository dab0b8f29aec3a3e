//! `landfall conform`, through the binary. Authorizers: against landfall's own authorizer as it should be and with mistakes, and
//! against functions that others' libraries make.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod catalogue;
mod deployed;
mod faults;
mod functions;
mod golden;
mod harness;
mod matrix;
mod mistakes;
mod procedures;
mod recorded;
mod rest;
mod whole;
